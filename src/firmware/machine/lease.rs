//! DISCOVER, OFFER, REQUEST, ACK.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use super::web::is_host;
use super::{ANSWERS, CLIENT, Lease, Machine, Output, Phase, SERVER, Topic};
use crate::firmware::fault::Fault;
use crate::firmware::kind::{Kind as Played, Manner};
use crate::firmware::message::Purpose;
use crate::firmware::reply::{Incoming, Reply};
use crate::firmware::select::{self, Boot, Pick};
use crate::wire::dhcp::{Kind, code};

const EVERYBODY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::BROADCAST, SERVER);
/// How long iPXE waits for a proxy once it has an offer (`DHCP_DISC_PROXY_TIMEOUT_SEC`).
const PROXY_WAIT: Duration = Duration::from_secs(2);
/// A Pi 3 that is answered sooner begins again, and again (quirk 27).
const TOO_SOON: Duration = Duration::from_secs(1);

/// No boot is sure to be over in so many seconds.
const SHORT: u32 = 120;

/// Since the first DISCOVER.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Discover {
    window: usize,
    began: Duration,
}

/// A lease that was asked for.
#[derive(Debug)]
pub(super) struct Request {
    pick: Pick,
    tries: usize,
}

impl Machine {
    /// Opens a window.
    pub(super) fn discover(&mut self, discover: Discover) -> Phase {
        let Some(seconds) = self.firmware.windows.get(discover.window) else {
            return self.nobody();
        };
        let secs = self.secs(self.now.saturating_sub(discover.began), discover.window);
        self.send(CLIENT, EVERYBODY, Purpose::Discover, secs);
        self.say(
            Topic::Sent,
            format!("DISCOVER, waiting {seconds} s for offers"),
        );
        self.wake_in(Duration::from_secs(*seconds));
        Phase::Discover(discover)
    }

    /// Seconds since the first, but of iPXE how many it has sent and what it has.
    fn secs(&self, since: Duration, sent: usize) -> u16 {
        if self.manner() != Manner::Ipxe {
            return since.as_secs() as u16;
        }
        let offered = self.answers.iter().any(|a| !a.is_proxy());
        let proxied = self.answers.iter().any(Reply::is_pxe);
        ((sent as u16 + 1) << 2) | (u16::from(offered) << 1) | u16::from(proxied)
    }

    pub(super) fn offered(&mut self, discover: Discover, incoming: Incoming<'_>) -> Phase {
        let Some(reply) = self.read(incoming) else {
            return Phase::Discover(discover);
        };
        let offers = matches!(reply.message.kind(), Some(Kind::Offer) | None);
        let known = self.answers.contains(&reply);
        let offers = offers && incoming.port == CLIENT && !known;
        if offers && self.answers.len() >= ANSWERS {
            self.overflows();
        } else if offers {
            self.say(Topic::Heard, reply.to_string());
            if !reply.is_proxy() {
                self.say_of_address(reply.message.yiaddr);
                self.out.push(Output::Offered(reply.message.yiaddr));
            }
            self.answers.push(reply);
            return self.offers_changed(discover);
        }
        Phase::Discover(discover)
    }

    /// Most wait for the end of the window; iPXE and a Pi do not.
    fn offers_changed(&mut self, discover: Discover) -> Phase {
        let since = self.now.saturating_sub(discover.began);
        let pick = select::pick(self.firmware, &self.answers, discover.window);
        match pick {
            Some(pick) if self.is_enough(&pick, since) => self.take(pick),
            _ => Phase::Discover(discover),
        }
    }

    fn is_enough(&self, pick: &Pick, since: Duration) -> bool {
        match self.manner() {
            Manner::Ipxe => since > PROXY_WAIT || select::ipxe_has_all(&self.answers, pick),
            Manner::Pi => true,
            Manner::Rom | Manner::Edk2 | Manner::Edk2Http => false,
        }
    }

    pub(super) fn window_ends(&mut self, discover: Discover) -> Phase {
        let since = self.now.saturating_sub(discover.began);
        let pick = select::pick(self.firmware, &self.answers, discover.window);
        let waits = self.manner() == Manner::Ipxe && since <= PROXY_WAIT;
        if let Some(pick) = pick.filter(|_| !waits) {
            return self.take(pick);
        }
        self.discover(Discover {
            window: discover.window + 1,
            ..discover
        })
    }

    /// All windows are over.
    pub(super) fn nobody(&mut self) -> Phase {
        let leases = self.answers.iter().any(|a| !a.is_proxy());
        let heard = !self.answers.is_empty();
        let told = self.tally.refused > 0;
        let strays = self.tally.has_failed_answers();
        let uri = (self.manner() == Manner::Edk2Http && leases)
            .then(|| select::unusable_uri(&self.answers));
        self.fail(match (leases, heard) {
            (true, _) => uri.flatten().unwrap_or(Fault::NoBootFile),
            (false, true) => Fault::OnlyProxies,
            (false, false) if told => Fault::Unusable,
            (false, false) if strays => Fault::Strays,
            (false, false) => Fault::Silence,
        })
    }

    fn say_of_address(&mut self, offered: Ipv4Addr) {
        if !is_host(offered) {
            let text = format!("{offered} is no address that a machine can have");
            self.say(Topic::Note, text);
        }
    }

    fn take(&mut self, pick: Pick) -> Phase {
        self.wakes = None;
        let Some(offer) = self.answers.get(pick.lease).cloned() else {
            return self.fail(Fault::Silence);
        };
        if self.firmware.kind == Played::Rpi3 {
            self.say_of_pi();
        }
        // BOOTP has only these two messages.
        if offer.message.kind().is_none() {
            return self.bound(&offer.clone(), offer, pick.boot);
        }
        self.request(Request { pick, tries: 0 }, &offer)
    }

    /// A Pi takes what is offered; no address is used here that nobody has confirmed.
    fn say_of_pi(&mut self) {
        if self.now < TOO_SOON {
            let text = "answered within a second: the boot ROM of a Pi 3 then begins again, and again (quirk 27); \
                        answer it 2 s later";
            self.say(Topic::Note, text);
        }
        let text = "a Pi sends no REQUEST; this one is sent so that the address is its own";
        self.say(Topic::Note, text);
    }

    fn request(&mut self, mut request: Request, offer: &Reply) -> Phase {
        let Some(seconds) = self.firmware.windows.get(request.tries) else {
            return self.fail(Fault::NoLease(offer.server()));
        };
        request.tries += 1;
        let server = offer.server_id().unwrap_or(Ipv4Addr::UNSPECIFIED);
        let purpose = Purpose::Lease(offer.message.yiaddr, server);
        let secs = self.secs(Duration::ZERO, request.tries);
        self.send(CLIENT, EVERYBODY, purpose, secs);
        let address = offer.message.yiaddr;
        self.asked = Some(lease(offer, offer.message.yiaddr));
        self.say(
            Topic::Sent,
            format!("REQUEST for {address} of {}", offer.server()),
        );
        self.wake_in(Duration::from_secs(*seconds));
        Phase::Request(request)
    }

    pub(super) fn request_again(&mut self, request: Request) -> Phase {
        match self.answers.get(request.pick.lease).cloned() {
            Some(offer) => self.request(request, &offer),
            None => self.fail(Fault::Silence),
        }
    }

    pub(super) fn confirmed(&mut self, request: Request, incoming: Incoming<'_>) -> Phase {
        let offer = self.answers.get(request.pick.lease).cloned();
        let reply = (incoming.port == CLIENT).then(|| self.read(incoming));
        let (Some(offer), Some(reply)) = (offer, reply.flatten()) else {
            return Phase::Request(request);
        };
        let kind = reply.message.kind();
        if reply.server_id() != offer.server_id() {
            if matches!(kind, Some(Kind::Ack | Kind::Nak)) {
                self.refuse(format!("{reply}: not of the server that it asked"));
            }
            return Phase::Request(request);
        }
        match kind {
            Some(Kind::Nak) => {
                self.say(Topic::Heard, reply.to_string());
                self.asked = None;
                self.fail(Fault::Refused(reply.server()))
            }
            Some(Kind::Ack) if reply.message.yiaddr == offer.message.yiaddr => {
                self.say(Topic::Heard, reply.to_string());
                self.bound(&offer, reply, request.pick.boot)
            }
            Some(Kind::Ack) if self.is_edk2() => {
                self.say(Topic::Heard, reply.to_string());
                self.asked = Some(lease(&offer, reply.message.yiaddr));
                self.fail(Fault::OtherAddress(reply.server()))
            }
            Some(Kind::Ack) => {
                self.refuse(format!("{reply}: not the address that it asked for"));
                Phase::Request(request)
            }
            _ => Phase::Request(request),
        }
    }

    fn is_edk2(&self) -> bool {
        matches!(self.manner(), Manner::Edk2 | Manner::Edk2Http)
    }

    /// The address is its own. EDK2 goes by the mask and the router of the OFFER, whatever the ACK
    /// says (`DhcpLeaseAcquired`), and declines an address without a mask (measured); here it is
    /// given back.
    pub(super) fn bound(&mut self, offer: &Reply, ack: Reply, boot: Boot) -> Phase {
        self.wakes = None;
        let told = if self.is_edk2() { offer } else { &ack };
        let masked = told.message.options.has(code::SUBNET_MASK);
        let lease = lease(told, ack.message.yiaddr);
        if ack.message.kind() == Some(Kind::Ack) {
            (self.lease, self.asked) = (Some(lease), None);
        }
        self.out.push(Output::Own(lease));
        self.ack = Some(ack);
        if self.is_edk2() {
            if !masked {
                return self.fail(Fault::NoMask(lease.server));
            }
            let address = lease.address;
            self.say(Topic::Screen, format!("Station IP address is {address}"));
        }
        if !masked {
            let text = "the lease has no subnet mask (option 1): UEFI would decline it";
            self.say(Topic::Note, text);
        }
        self.say_of_duration();
        self.follow(boot)
    }
}

impl Machine {
    /// A lease that ends before the loader runs may be given to another machine meanwhile.
    fn say_of_duration(&mut self) {
        let ack = self.ack.as_ref().map(|ack| &ack.message);
        let told = ack.and_then(|ack| ack.options.get(code::LEASE_TIME)?.first_chunk());
        let seconds = told.map(|bytes| u32::from_be_bytes(*bytes));
        if let Some(seconds) = seconds.filter(|seconds| *seconds < SHORT) {
            let text = format!("the lease is for {seconds} s: it may end while the machine boots");
            self.say(Topic::Note, text);
        }
    }
}

/// This address, reached as an OFFER or ACK says.
fn lease(told: &Reply, address: Ipv4Addr) -> Lease {
    let mask = told.message.address(code::SUBNET_MASK);
    Lease {
        address,
        mask: mask.unwrap_or_else(|| mask_of_class(address)),
        router: router(told),
        server: told.server(),
    }
}

/// What a lease without a mask means (RFC 791, 3.2): iPXE (`ipv4.c`) counts by it, and of other
/// firmware nothing else is on record.
fn mask_of_class(address: Ipv4Addr) -> Ipv4Addr {
    let [first, ..] = address.octets();
    match first {
        0..128 => Ipv4Addr::new(255, 0, 0, 0),
        128..192 => Ipv4Addr::new(255, 255, 0, 0),
        _ => Ipv4Addr::new(255, 255, 255, 0),
    }
}

fn router(told: &Reply) -> Option<Ipv4Addr> {
    let routers = told.option(code::ROUTER)?;
    Some(Ipv4Addr::from(*routers.first_chunk::<4>()?))
}
