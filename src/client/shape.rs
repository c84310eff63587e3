//! The shapes of replies by name: what quirk rows and profiles choose among, what is remembered of
//! a client. What each one means on the wire stands in `decide::strategy`.

use serde::Serialize;

/// The shape of a proxy's reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// UEFI HTTP boot: a URI in the OFFER
    HttpUri,
    /// iPXE: a URI in the OFFER, and nothing further to ask
    IpxeUri,
    /// The whole boot menu in option 43, for the ROM to show
    Menu,
    /// OFFER without option 43; the client comes to port 4011
    #[serde(rename = "offer-4011")]
    Offer4011,
    /// The same, and only the reply from port 4011 names the loader
    #[serde(rename = "bare-4011")]
    Bare4011,
    /// Everything in the OFFER, with 43{6=8}: boot this, ask nobody else
    SelfSufficient,
    /// The same with a prompt (43.10) beside it
    BypassPrompt,
    /// Server and file in the header, and none of the options 43, 60 and 67
    HeaderOnly,
    /// What a Raspberry Pi's boot ROM looks for
    RaspberryPi,
    /// `self-sufficient` after two seconds
    Delayed,
    /// Lease and loader in one OFFER and one ACK: the lease is fetched from the LAN's own DHCP server, as
    /// a relay agent would
    Augment,
}

impl Shape {
    /// All of them, in the order that messages list them.
    pub const ALL: [Self; 11] = [
        Self::HttpUri,
        Self::IpxeUri,
        Self::Menu,
        Self::Offer4011,
        Self::Bare4011,
        Self::SelfSufficient,
        Self::BypassPrompt,
        Self::HeaderOnly,
        Self::RaspberryPi,
        Self::Delayed,
        Self::Augment,
    ];

    /// The word in profiles, quirk rows, events and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HttpUri => "http-uri",
            Self::IpxeUri => "ipxe-uri",
            Self::Menu => "menu",
            Self::Offer4011 => "offer-4011",
            Self::Bare4011 => "bare-4011",
            Self::SelfSufficient => "self-sufficient",
            Self::BypassPrompt => "bypass-prompt",
            Self::HeaderOnly => "header-only",
            Self::RaspberryPi => "raspberry-pi",
            Self::Delayed => "delayed",
            Self::Augment => "augment",
        }
    }

    /// The shape of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|shape| shape.name() == name)
    }

    /// Whether firmware that takes it comes to port 4011 before it boots.
    pub const fn asks_4011(self) -> bool {
        matches!(self, Self::Offer4011 | Self::Bare4011)
    }

    /// Whether it is a choice of firmware's own PXE client; the others follow from who asks.
    pub const fn is_for_roms(self) -> bool {
        !matches!(self, Self::HttpUri | Self::IpxeUri | Self::Menu)
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// How boot data travel in a lease (facts, section 0, kind 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PxeShape {
    /// `plain`: file and server in the header, no option 60: what every client takes
    #[default]
    Plain,
    /// `single-offer`: also 60 with 43{6=8}, in OFFER and ACK: "boot this, ask nobody else", for
    /// clients that wait for a proxy or ignore one (quirk 14)
    SingleOffer,
    /// `offer-4011`: 60 and no file; the client asks port 4011 for it
    Offer4011,
}

impl PxeShape {
    /// Every shape.
    pub const ALL: [Self; 3] = [Self::Plain, Self::SingleOffer, Self::Offer4011];

    /// The word in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::SingleOffer => "single-offer",
            Self::Offer4011 => "offer-4011",
        }
    }
}
