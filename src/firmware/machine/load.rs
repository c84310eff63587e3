//! The loader by TFTP: its size, and where it is wanted all of it.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use super::boot::Target;
use super::web::is_host;
use super::{Datagram, Loader, Machine, Output, Phase, Topic, Verdict};
use crate::firmware::fault::Fault;
use crate::firmware::image::{self, Wrong};
use crate::firmware::kind::{Manner, Second, Tftp};
use crate::firmware::reply::Incoming;
use crate::firmware::transfer::{Step, Transfer, Want};
use crate::firmware::vendor::shown;

/// What a transfer is for.
#[derive(Debug)]
pub(super) enum Then {
    /// The loader's size; then the loader
    Probed(Ipv4Addr, Vec<u8>),
    /// The loader; its size where that was asked for before
    Loaded(Option<u64>),
    /// What the loader asks for
    Second(super::second::Files),
    /// What a Raspberry Pi asks for
    Pi(super::pi::Files),
}

impl Machine {
    /// Fetches a loader from where it is.
    pub(super) fn load(&mut self, target: &Target) -> Phase {
        let name = shown(&target.name);
        if self.manner() == Manner::Ipxe && name.contains("://") {
            return self.load_uri(&name);
        }
        let server = match self.reach(target) {
            Ok(server) => server,
            Err(fault) => return self.fail(fault),
        };
        if self.manner() == Manner::Edk2 {
            self.say(Topic::Screen, format!("NBP filename is {name}"));
        }
        let client = self.firmware.tftp;
        if client.probes {
            let then = Then::Probed(server, target.name.clone());
            return self.transfer(server, &target.name, client, Want::Size, then);
        }
        let want = if self.setup.fetch {
            Want::Whole
        } else {
            Want::Start
        };
        self.transfer(server, &target.name, client, want, Then::Loaded(None))
    }

    /// The host that a file is on, where there is a way to it.
    pub(super) fn reach(&mut self, target: &Target) -> Result<Ipv4Addr, Fault> {
        let nowhere = || Fault::Nowhere(shown(&target.name));
        let server = target.server.ok_or_else(nowhere)?;
        if !is_host(server) {
            return Err(Fault::NoHost(server));
        }
        if self.has_no_way_to(server) {
            if self.manner() != Manner::Pi {
                return Err(Fault::NoRoute(server));
            }
            // It asks its own link (raspberrypi/firmware#670), where some routers answer for others.
            let text = format!(
                "{}: only a router that answers ARP for it (proxy ARP) helps",
                Fault::NoRoute(server)
            );
            self.say(Topic::Note, text);
        }
        Ok(server)
    }

    /// Whether a host is in another subnet, and the lease names no router.
    fn has_no_way_to(&self, server: Ipv4Addr) -> bool {
        self.lease.is_some_and(|lease| {
            let near = (server & lease.mask) == (lease.address & lease.mask);
            !near && lease.router.is_none()
        })
    }

    /// A whole URI, as iPXE takes it.
    fn load_uri(&mut self, uri: &str) -> Phase {
        let (scheme, rest) = uri.split_once("://").unwrap_or_default();
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => self.fetch(uri),
            "tftp" => {
                let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
                let server = host.parse().ok();
                let name = path.as_bytes().to_vec();
                match server {
                    Some(_) => self.load(&Target { server, name }),
                    None => self.fail(Fault::Nowhere(uri.to_owned())),
                }
            }
            _ => self.fail(Fault::Scheme(uri.to_owned())),
        }
    }

    pub(super) fn transfer(
        &mut self,
        server: Ipv4Addr,
        name: &[u8],
        client: Tftp,
        want: Want,
        then: Then,
    ) -> Phase {
        let port = self.any_port();
        let (transfer, step) = Transfer::begin(self.now, (server, name), port, client, want);
        let about = match want {
            Want::Size => "its size",
            Want::Start => "its first block",
            Want::Whole => "all of it",
        };
        let text = format!("TFTP: \"{}\" of {server}, {about}", transfer.shown());
        self.say(Topic::Sent, text);
        self.step(Box::new(transfer), then, step)
    }

    pub(super) fn load_again(&mut self, mut transfer: Box<Transfer>, then: Then) -> Phase {
        let step = transfer.timed_out(self.now);
        self.step(transfer, then, step)
    }

    pub(super) fn load_hears(
        &mut self,
        mut transfer: Box<Transfer>,
        then: Then,
        incoming: Incoming<'_>,
    ) -> Phase {
        if incoming.port != transfer.port {
            return Phase::Load(transfer, then);
        }
        let step = transfer.take(self.now, incoming.from, incoming.payload);
        self.step(transfer, then, step)
    }

    fn step(&mut self, transfer: Box<Transfer>, then: Then, step: Step) -> Phase {
        match step {
            Step::Failed(fault) => self.no_load(then, fault),
            Step::Done(to, bytes) => {
                self.reply(transfer.port, to, bytes);
                self.loaded(&transfer, then)
            }
            Step::Send(to, bytes) => {
                self.reply(transfer.port, to, bytes);
                self.wait_for(transfer, then)
            }
            Step::Quiet => self.wait_for(transfer, then),
        }
    }

    fn wait_for(&mut self, transfer: Box<Transfer>, then: Then) -> Phase {
        self.wakes = Some(transfer.until);
        Phase::Load(transfer, then)
    }

    fn reply(&mut self, port: u16, to: SocketAddrV4, bytes: Vec<u8>) {
        let from = SocketAddrV4::new(self.own_for_files(), port);
        self.out.push(Output::Send(Datagram { from, to, bytes }));
    }

    /// BOOTP leases are not given back, but used.
    fn own_for_files(&self) -> Ipv4Addr {
        let offered = self.ack.as_ref().map(|ack| ack.message.yiaddr);
        offered.unwrap_or(Ipv4Addr::UNSPECIFIED)
    }

    fn no_load(&mut self, then: Then, fault: Fault) -> Phase {
        let fault = match fault {
            Fault::NoTftp(server) if self.has_no_way_to(*server.ip()) => {
                Fault::NoRoute(*server.ip())
            }
            fault => fault,
        };
        if let Then::Second(files) = then {
            return self.second_missing(files, &fault);
        }
        if let Then::Pi(files) = then {
            return self.pi_missing(files, &fault);
        }
        if self.manner() == Manner::Edk2 {
            self.say(Topic::Screen, "NBP filesize is 0 Bytes");
        }
        self.fail(fault)
    }

    fn loaded(&mut self, transfer: &Transfer, then: Then) -> Phase {
        match then {
            Then::Second(files) => self.second_found(files, transfer),
            Then::Pi(files) => self.pi_found(files, transfer),
            Then::Probed(server, name) => self.sized(server, &name, transfer),
            Then::Loaded(size) => self.has_loader(transfer, transfer.size.or(size)),
        }
    }

    fn sized(&mut self, server: Ipv4Addr, name: &[u8], transfer: &Transfer) -> Phase {
        let size = transfer.size.unwrap_or(0);
        if self.manner() == Manner::Edk2 {
            self.say(Topic::Screen, format!("NBP filesize is {size} Bytes"));
        } else {
            self.say(Topic::Note, format!("it has {size} bytes"));
        }
        let client = self.firmware.tftp;
        let then = Then::Loaded(Some(size));
        match (self.setup.fetch, self.firmware.second) {
            (true, _) => {}
            // Whether it is signed stands in its head.
            (false, Some(Second::Shim | Second::Grub)) => {
                return self.transfer(server, name, client, Want::Start, then);
            }
            (false, _) => return self.has_loader(transfer, Some(size)),
        }
        if self.manner() == Manner::Edk2 {
            self.say(Topic::Screen, "Downloading NBP file...");
        }
        self.transfer(server, name, client, Want::Whole, then)
    }

    fn has_loader(&mut self, transfer: &Transfer, size: Option<u64>) -> Phase {
        let from = format!("tftp://{}/{}", transfer.server, transfer.shown());
        let whole = self.setup.fetch;
        let fetched = whole.then(|| (transfer.received, self.now.saturating_sub(transfer.began)));
        let size = match size {
            _ if whole => Some(transfer.received),
            // A first block without a byte is the last one, too.
            None if transfer.received == 0 => Some(0),
            size => size,
        };
        self.loader(from, size, fetched, &transfer.head)
    }

    /// The loader is there; whether it is one, and what it does next.
    pub(super) fn loader(
        &mut self,
        from: String,
        size: Option<u64>,
        fetched: Option<(u64, Duration)>,
        head: &[u8],
    ) -> Phase {
        let mut loader = Loader {
            from,
            size,
            fetched,
            image: None,
        };
        let looked_at = match self.manner() {
            _ if fetched.is_none() => None,
            Manner::Ipxe | Manner::Pi => Some(image::is_something(head)),
            _ => Some(image::fits(self.firmware.platform(), head, size)),
        };
        match looked_at {
            Some(Ok(image)) => loader.image = Some(image.words()),
            Some(Err(wrong)) => return self.fail(Fault::Image(wrong)),
            None => {}
        }
        if fetched.is_some() && self.manner() == Manner::Edk2 {
            self.say(Topic::Screen, "NBP file downloaded successfully.");
        }
        if loader.size == Some(0) && head.is_empty() {
            return self.fail(Fault::Image(Wrong::Empty));
        }
        if self.is_refused(loader.size, head) {
            return self.fail(Fault::Unsigned(loader.from));
        }
        match self.firmware.second {
            Some(second) => self.second(second, loader),
            None => self.end(Verdict::Boots(loader)),
        }
    }
}
