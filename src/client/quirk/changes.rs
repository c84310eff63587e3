//! What a row changes. Every field is optional: a row speaks of what is odd, and of no more.

use std::time::Duration;

use crate::client::{PxeShape, Shape};
use crate::wire::hex;

/// What is changed in the answers to a client.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// The shapes of reply to try, in this order; never empty.
    pub strategies: Option<Vec<Shape>>,
    /// Mode `dhcp`: the shape of boot data in its lease, where neither its reservation nor its profile says one.
    pub pxe: Option<PxeShape>,
    /// Mode `dhcp`: whether its REQUEST is a boot client's although it has no option 60.
    pub classless_request: Option<bool>,
    /// What option 43 holds.
    pub option_43: Option<Option43>,
    /// Whether option 60 is sent.
    pub option_60: Option<bool>,
    /// Where the loader's name goes.
    pub file: Option<FileIn>,
    /// How option 67 ends.
    pub ending: Option<Ending>,
    /// Options that name the server as well: 66, 150.
    pub server_options: Option<Vec<u8>>,
    /// Whether a reply is filled up to 300 bytes.
    pub padding: Option<bool>,
    /// How long to wait before an OFFER.
    pub delay: Option<Duration>,
    /// Whether the broadcast bit of OFFERs and leases is set; `false`: it is as the client set it. None:
    /// set in a proxy's OFFER, as the client set it in a lease. Where a reply goes is no matter of it.
    pub broadcast: Option<bool>,
    /// Whether port 4011 answers.
    pub answers_4011: Option<bool>,
    /// Where the ACK from port 4011 goes.
    pub reply_port: Option<ReplyPort>,
    /// Whether an ACK for a menu item echoes 43.71.
    pub echoes_item: Option<bool>,
    /// The largest TFTP block, in bytes.
    pub block_size: Option<u16>,
    /// The largest TFTP window, in blocks.
    pub window: Option<u16>,
    /// How a loader's name is written.
    pub name: Option<NameForm>,
    /// The loader in the place of the one that its platform gets.
    pub loader: Option<Box<str>>,
    /// How much iPXE lets a proxy's answer count beside the DHCP server's, which counts 0.
    pub ipxe_priority: Option<u8>,
    /// How long it waits after each DISCOVER of one attempt to boot.
    pub windows: Option<Vec<Duration>>,
}

impl Changes {
    /// Whether there is one.
    pub fn are_some(&self) -> bool {
        *self != Self::default()
    }
}

/// In the words of a row: `strategies offer-4011; delay 2s`.
impl std::fmt::Display for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let said = self.said().into_iter();
        let said = said.map(|(key, value)| format!("{key} {value}"));
        f.write_str(&said.collect::<Vec<_>>().join("; "))
    }
}

impl Changes {
    /// What is changed: keys and values in the words of a row.
    pub fn said(&self) -> Vec<(&'static str, String)> {
        let named = |shapes: &Vec<Shape>| {
            shapes
                .iter()
                .map(|s| s.name())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let span = |d: &Duration| format!("{d:?}");
        let spans = |all: &Vec<Duration>| all.iter().map(span).collect::<Vec<_>>().join(", ");
        let yes_no = |yes: bool| if yes { "true" } else { "false" }.to_owned();
        let parts = [
            ("strategies", self.strategies.as_ref().map(named)),
            ("pxe", self.pxe.map(|s| s.name().to_owned())),
            ("classless-request", self.classless_request.map(yes_no)),
            (
                "option-43",
                self.option_43.as_ref().map(ToString::to_string),
            ),
            ("option-60", self.option_60.map(yes_no)),
            ("file", self.file.and_then(|v| word(&FileIn::ALL, v))),
            ("ending", self.ending.and_then(|v| word(&Ending::ALL, v))),
            (
                "server-options",
                self.server_options.as_ref().map(|o| format!("{o:?}")),
            ),
            ("padding", self.padding.map(yes_no)),
            ("delay", self.delay.as_ref().map(span)),
            ("broadcast", self.broadcast.map(yes_no)),
            ("port-4011", self.answers_4011.map(yes_no)),
            (
                "reply-port",
                self.reply_port.and_then(|v| word(&ReplyPort::ALL, v)),
            ),
            ("echo-item", self.echoes_item.map(yes_no)),
            ("block-size", self.block_size.map(|n| n.to_string())),
            ("window", self.window.map(|n| n.to_string())),
            ("name", self.name.and_then(|v| word(&NameForm::ALL, v))),
            ("loader", self.loader.as_deref().map(str::to_owned)),
            ("ipxe-priority", self.ipxe_priority.map(|n| n.to_string())),
            ("windows", self.windows.as_ref().map(spans)),
        ];
        let said = parts.into_iter();
        said.filter_map(|(key, value)| Some((key, value?)))
            .collect()
    }
}

fn word<T: PartialEq + Copy>(all: &[(&str, T)], value: T) -> Option<String> {
    all.iter()
        .find(|(_, v)| *v == value)
        .map(|(name, _)| (*name).to_owned())
}

/// What a row says of option 43.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Option43 {
    /// One of those that are made here
    Made(Vendor),
    /// `hex`: these bytes as they are, 1 to 255 of them
    Bytes(Box<[u8]>),
}

impl std::fmt::Display for Option43 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Made(vendor) => f.write_str(&word(&Vendor::ALL, *vendor).unwrap_or_default()),
            Self::Bytes(bytes) => write!(f, "hex {}", hex(bytes)),
        }
    }
}

/// What option 43 holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vendor {
    /// `none`: there is no option 43
    None,
    /// `bypass`: 43{6=8}: boot the file named here, ask nobody else
    Bypass,
    /// `bypass-prompt`: the same with a prompt, 43.10
    BypassPrompt,
    /// `raspberry-pi`: a menu of one item, "Raspberry Pi Boot"
    RaspberryPi,
    /// `raspberry-pi-3`: the same with three blanks behind it
    RaspberryPi3,
    /// The profile's menu
    Menu,
}

impl Vendor {
    /// Those that a row can name.
    pub const ALL: [(&'static str, Self); 5] = [
        ("none", Self::None),
        ("bypass", Self::Bypass),
        ("bypass-prompt", Self::BypassPrompt),
        ("raspberry-pi", Self::RaspberryPi),
        ("raspberry-pi-3", Self::RaspberryPi3),
    ];
}

/// Where the loader's name goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileIn {
    /// `header`: the header's field alone; what does not fit there is not named
    Header,
    /// `option`: option 67 alone
    Option,
    /// `both`
    Both,
}

impl FileIn {
    /// By name.
    pub const ALL: [(&'static str, Self); 3] = [
        ("header", Self::Header),
        ("option", Self::Option),
        ("both", Self::Both),
    ];
}

/// What stands behind the text of option 67.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// `nul`: a NUL, which its length counts
    Nul,
    /// `none`: nothing
    None,
    /// `ff`: the byte 0xFF
    Ff,
}

impl Ending {
    /// By name.
    pub const ALL: [(&'static str, Self); 3] =
        [("nul", Self::Nul), ("none", Self::None), ("ff", Self::Ff)];

    /// The bytes.
    pub const fn bytes(self) -> &'static [u8] {
        match self {
            Self::Nul => &[0],
            Self::None => &[],
            Self::Ff => &[0xff],
        }
    }
}

/// Where the ACK from port 4011 goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyPort {
    /// `source`: to the port that asked
    Source,
    /// `client`: to port 68
    Client,
}

impl ReplyPort {
    /// By name.
    pub const ALL: [(&'static str, Self); 2] = [("source", Self::Source), ("client", Self::Client)];
}

/// How the name of a loader is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameForm {
    /// `plain`: as a name at the TFTP root
    Plain,
    /// `url`: as a whole `tftp://` URL
    Url,
}

impl NameForm {
    /// By name.
    pub const ALL: [(&'static str, Self); 2] = [("plain", Self::Plain), ("url", Self::Url)];
}
