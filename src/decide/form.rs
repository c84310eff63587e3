//! A shape of reply and what a client's quirks change in it → the form that its replies take.

use std::time::Duration;

use super::strategy::Strategy;
use crate::client::quirk::{Ending, FileIn, Option43, ReplyPort, Treatment, Vendor};
use crate::client::{Client, Stage};
use crate::profile::{Profile, Pxelinux};
use crate::wire::dhcp::Message;
use crate::wire::pxe::area::Area;

/// The form of the replies to one client.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form<'t> {
    /// Option 60.
    pub class: Option<&'static [u8]>,
    /// Whether it is for a Raspberry Pi's boot ROM, whatever stands in option 43.
    pub for_pi: bool,
    /// Option 43, where a row has no bytes of its own for it.
    pub vendor: Vendor,
    /// A row's own bytes for it.
    pub own_vendor: Option<&'t [u8]>,
    /// What stands there where that is a menu, or the item chosen in one.
    pub menu: &'t [u8],
    /// Where the loader's name goes; `None`: into the header, and into option 67 where it is too
    /// long for that.
    pub file: Option<FileIn>,
    /// How option 67 ends.
    pub ending: Ending,
    /// Options that name the server.
    pub server_options: &'t [u8],
    /// How much iPXE is to let a proxy's reply count: option 175.1; 0, as it does where nothing is said.
    pub ipxe_priority: u8,
    /// Whether iPXE is told to look for no proxy: 175.176. Beside a lease of our own that is
    /// [`grant`](super::grant)'s to say.
    pub no_proxy: bool,
    /// What the profile has for pxelinux, where that is what is named.
    pub pxelinux: Option<&'t Pxelinux>,
    /// Whether short replies are filled up.
    pub padding: bool,
    /// Whether to ask for broadcast; `None`: as usual.
    pub broadcast: Option<bool>,
    /// How long an OFFER waits.
    pub delay: Duration,
    /// Where the ACK from port 4011 goes.
    pub reply_port: ReplyPort,
}

impl<'t> Form<'t> {
    /// With a menu for the firmware, in the place of all else that option 43 may hold.
    pub fn with_menu(self, menu: &'t [u8]) -> Self {
        Self {
            vendor: Vendor::Menu,
            own_vendor: None,
            menu,
            ..self
        }
    }

    /// With what the profile has for its loader.
    pub fn of_profile(self, profile: &'t Profile) -> Self {
        Self {
            pxelinux: profile.pxelinux.as_ref(),
            ..self
        }
    }

    /// The bytes of a reply.
    pub fn encode(&self, message: &Message) -> Vec<u8> {
        if self.padding {
            message.encode()
        } else {
            message.encode_short()
        }
    }

    /// Whether option 43 tells firmware to boot what is named beside it, and to ask nobody else.
    pub fn bypasses(&self) -> bool {
        let made = matches!(self.vendor, Vendor::Bypass | Vendor::BypassPrompt);
        made || (self.own_vendor).is_some_and(|own| Area::read(own).control.at_once())
    }

    /// What a quirk says goes before what the shape is. Options 60 and 43 are changed for firmware
    /// alone: iPXE and HTTP boot read theirs as everywhere.
    pub fn of(strategy: &'static Strategy, treatment: &Treatment<'t>, client: &Client) -> Self {
        let rom = client.stage == Stage::Rom;
        let omits_class = rom && treatment.set(|c| c.option_60) == Some(false);
        let vendor = treatment.set(|c| c.option_43.as_ref()).filter(|_| rom);
        let vendor = vendor.filter(|_| strategy.vendor != Vendor::Menu);
        let (vendor, own_vendor) = match vendor {
            None => (strategy.vendor, None),
            Some(Option43::Made(vendor)) => (*vendor, None),
            Some(Option43::Bytes(bytes)) => (Vendor::None, Some(&**bytes)),
        };
        let priority = treatment.set(|c| c.ipxe_priority);
        let priority = priority.filter(|_| client.stage == Stage::Ipxe);
        let servers = treatment.set(|c| c.server_options.as_deref());
        Self {
            class: strategy.class.filter(|_| !omits_class),
            for_pi: treatment.tells_pi(client),
            vendor,
            own_vendor,
            menu: &[],
            file: treatment.set(|c| c.file).or(strategy.file),
            ending: treatment.set(|c| c.ending).unwrap_or(Ending::Nul),
            server_options: servers.unwrap_or(strategy.server_options),
            ipxe_priority: priority.unwrap_or(0),
            pxelinux: None,
            no_proxy: strategy.leased && client.stage == Stage::Ipxe,
            padding: treatment.set(|c| c.padding).unwrap_or(true),
            broadcast: treatment.set(|c| c.broadcast),
            delay: treatment.set(|c| c.delay).unwrap_or(strategy.delay),
            reply_port: treatment.set(|c| c.reply_port).unwrap_or(ReplyPort::Source),
        }
    }
}
