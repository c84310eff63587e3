//! A boot menu of option 43 and the boot servers behind its items: what happens where nobody
//! touches the keyboard, or where an item was chosen beforehand.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use super::boot::Target;
use super::{CLIENT, Machine, PXE, Phase, SERVER, Topic};
use crate::firmware::fault::Fault;
use crate::firmware::kind::Manner;
use crate::firmware::message::Purpose;
use crate::firmware::reply::{Incoming, Reply};
use crate::firmware::vendor::Option43;
use crate::wire::dhcp::{Kind, code};
use crate::wire::pxe;

/// A prompt of so many seconds never ends: the menu at once, without a time-out.
const FOR_EVER: u8 = 255;

/// A boot server that is looked for.
#[derive(Debug)]
pub(super) struct Seek {
    item: u16,
    /// Where it is looked for, one place after another.
    places: Vec<SocketAddrV4>,
    tries: usize,
    /// Whose answers count; `None`: anybody's.
    accepted: Option<Vec<Ipv4Addr>>,
    /// What EDK2 has heard and takes at the end of the window.
    heard: Option<Reply>,
}

impl Machine {
    /// Shows the prompt, or what is chosen is chosen at once.
    pub(super) fn prompt(&mut self, source: &Reply) -> Phase {
        let items = source.vendor.menu.clone().unwrap_or_default();
        let Some(first) = items.first() else {
            return self.fail(Fault::NoMenu);
        };
        self.prompted = true;
        if let Some((seconds, text)) = source.vendor.prompt.as_ref().filter(|p| p.0 != 0) {
            self.say(Topic::Screen, format!("{text} ({seconds})"));
        }
        let chosen = match self.setup.choose {
            Some(n) => match n.checked_sub(1).and_then(|n| items.get(n)) {
                Some(item) => item.clone(),
                None => return self.no_such_item(&items),
            },
            None => first.clone(),
        };
        match (self.setup.choose, self.wait_of(&source.vendor)) {
            (None, None) => {
                self.show(&items);
                self.fail(Fault::MenuWaits)
            }
            (None, Some(wait)) if !wait.is_zero() => {
                let text = format!("the menu takes its first item in {} s", wait.as_secs());
                self.say(Topic::Note, text);
                self.wake_in(wait);
                Phase::Prompt(chosen.0)
            }
            _ => self.seek(chosen.0),
        }
    }

    /// How long the prompt stands until the first item is taken; `None`: for ever. Without a prompt
    /// iPXE shows the menu and EDK2 takes the first item (facts B).
    fn wait_of(&self, vendor: &Option43) -> Option<Duration> {
        match &vendor.prompt {
            None if self.manner() == Manner::Ipxe => None,
            None => Some(Duration::ZERO),
            Some((FOR_EVER, _)) => None,
            Some((seconds, _)) => Some(Duration::from_secs((*seconds).into())),
        }
    }

    fn show(&mut self, items: &[(u16, String)]) {
        for (n, (_, text)) in (1..).zip(items) {
            self.say(Topic::Screen, format!("{n}. {text}"));
        }
    }

    fn no_such_item(&mut self, items: &[(u16, String)]) -> Phase {
        self.show(items);
        self.fail(Fault::NoSuchItem(items.len()))
    }

    /// The menu's answer: the proxy's, or the lease's.
    fn menu(&self) -> Option43 {
        let both = self.proxy.iter().chain(&self.ack);
        let mut menus = both.filter(|reply| reply.vendor.menu.is_some());
        menus
            .next()
            .map_or_else(Option43::default, |r| r.vendor.clone())
    }

    /// Looks for the server of an item; 0 is the local disk.
    pub(super) fn seek(&mut self, item: u16) -> Phase {
        let vendor = self.menu();
        let items = vendor.menu.iter().flatten();
        let text = items.clone().find(|(kind, _)| *kind == item);
        let text = text.map_or_else(|| item.to_string(), |(_, text)| text.clone());
        if item == 0 {
            return self.fail(Fault::LocalDisk(text));
        }
        let text = format!("item \"{text}\" (type {item}) is chosen");
        self.say(Topic::Note, text);
        match self.places(&vendor, item) {
            Err(fault) => self.fail(fault),
            Ok(places) => {
                let listed = vendor.servers_of(item).unwrap_or_default().to_vec();
                if self.manner() == Manner::Edk2 {
                    self.xid = self.roll() as u32;
                }
                self.ask_server(Seek {
                    item,
                    places,
                    tries: 0,
                    accepted: vendor.control.listed_only().then_some(listed),
                    heard: None,
                })
            }
        }
    }

    /// EDK2 tries one way alone: multicast, else broadcast, else the list. The others try all of
    /// them in this order (facts B).
    fn places(&self, vendor: &Option43, item: u16) -> Result<Vec<SocketAddrV4>, Fault> {
        let listed = vendor.servers_of(item);
        let edk2 = self.manner() == Manner::Edk2;
        if edk2 && vendor.servers.is_some() && listed.is_none() {
            return Err(Fault::NoServerOfItem(item));
        }
        let group = vendor.group.filter(|_| !vendor.control.forbids_multicast());
        if edk2 && !vendor.control.forbids_multicast() && group.is_none() {
            return Err(Fault::NoGroup(item));
        }
        let broadcast = (!vendor.control.forbids_broadcast()).then_some(Ipv4Addr::BROADCAST);
        let all = group.into_iter().chain(broadcast);
        let all = all.chain(listed.unwrap_or_default().iter().copied());
        let place = |address: Ipv4Addr| {
            let port = if address.is_broadcast() { SERVER } else { PXE };
            SocketAddrV4::new(address, port)
        };
        let mut places: Vec<SocketAddrV4> = all.map(place).collect();
        if edk2 && (group.is_some() || broadcast.is_some()) {
            places.truncate(1);
        }
        if places.is_empty() {
            return Err(Fault::NoWay(item));
        }
        Ok(places)
    }

    fn ask_server(&mut self, mut seek: Seek) -> Phase {
        let Some(place) = seek.places.first().copied() else {
            return self.fail(Fault::NoServer(seek.item));
        };
        let Some(patience) = self.patience(seek.tries) else {
            seek.places.remove(0);
            seek.tries = 0;
            return self.ask_server(seek);
        };
        let everybody = place.ip().is_broadcast();
        let purpose = Purpose::Item(self.own(), seek.item, everybody);
        let port = self.seek_port(place);
        let secs = seek.tries as u16;
        self.send(port, place, purpose, secs);
        self.say(
            Topic::Sent,
            format!("REQUEST for item {} to {place}", seek.item),
        );
        seek.tries += 1;
        self.wake_in(patience);
        Phase::Seek(seek)
    }

    fn seek_port(&self, place: SocketAddrV4) -> u16 {
        if place.ip().is_broadcast() {
            CLIENT
        } else {
            self.service_port()
        }
    }

    pub(super) fn seek_again(&mut self, mut seek: Seek) -> Phase {
        match seek.heard.take() {
            Some(reply) => self.served(&seek, reply),
            None => self.ask_server(seek),
        }
    }

    pub(super) fn seek_answered(&mut self, mut seek: Seek, incoming: Incoming<'_>) -> Phase {
        let port = seek.places.first().map(|place| self.seek_port(*place));
        let reply = (Some(incoming.port) == port).then(|| self.read(incoming));
        let Some(reply) = reply.flatten() else {
            return Phase::Seek(seek);
        };
        if let Some(why) = self.no_server(&seek, &reply) {
            self.refuse(format!("{reply}: {why}"));
            return Phase::Seek(seek);
        }
        if seek.heard.is_some() {
            self.overflows();
            return Phase::Seek(seek);
        }
        self.say(Topic::Heard, reply.to_string());
        if self.manner() == Manner::Edk2 {
            seek.heard = Some(reply);
            return Phase::Seek(seek);
        }
        self.served(&seek, reply)
    }

    /// Why this is not the answer of a boot server for the item (facts A).
    fn no_server(&self, seek: &Seek, reply: &Reply) -> Option<&'static str> {
        if self.manner() == Manner::Edk2 {
            return None;
        }
        let echoed = reply.option(code::VENDOR_SPECIFIC).and_then(pxe::boot_item);
        let ipxe = self.manner() == Manner::Ipxe;
        if reply.message.kind() != Some(Kind::Ack) {
            Some("no ACK")
        } else if !matches!(reply.from.port(), SERVER | PXE) {
            Some("neither from port 67 nor from 4011")
        } else if ipxe && echoed.map(|(item, _)| item) != Some(seek.item) {
            Some("option 43 does not name the item asked for (sub-option 71)")
        } else if seek
            .accepted
            .as_ref()
            .is_some_and(|all| !all.contains(&reply.pseudo_id()))
        {
            Some("not on the list of boot servers")
        } else {
            None
        }
    }

    fn served(&mut self, seek: &Seek, reply: Reply) -> Phase {
        self.wakes = None;
        let siaddr = reply.message.siaddr;
        if self.manner() == Manner::Edk2
            && seek
                .accepted
                .as_ref()
                .is_some_and(|all| !all.contains(&siaddr))
        {
            return self.fail(Fault::Unlisted(seek.item, siaddr));
        }
        let Some(name) = self.file_of(&reply) else {
            return self.fail(Fault::ItemWithoutFile(seek.item));
        };
        // After asking one server EDK2 fetches from that one, whatever the next server is (facts C).
        let asked = seek.places.first().map(|place| *place.ip());
        let one = |a: &Ipv4Addr| !a.is_broadcast() && !a.is_multicast();
        let asked = asked.filter(|a| self.manner() == Manner::Edk2 && one(a));
        let server = asked.or(reply.file_server());
        self.found = Some(reply);
        self.load(&Target { server, name })
    }
}
