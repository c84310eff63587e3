//! What mode `dhcp` needs beside its sockets, in the order of privileges: raw sockets to look for
//! other servers and to try addresses with while the process may ([`Raw`]), then the look for other
//! servers, the store, the control socket and the book of leases, all the unprivileged user's
//! ([`Giving`]), and in the runtime what gives out ([`Giving::start`]).

use std::collections::BTreeSet;
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::net::UnixListener;
use std::sync::Arc;

use ipnet::Ipv4Net;
use tokio::task::JoinSet;

use super::Shared;
use super::dhcp::Giver;
use super::interfaces::Interface;
use super::lease::probe::{self, Prober};
use super::lease::{Leases, control};
use super::once::Once;
use super::survey::{RIVALS, RivalSearch};
use crate::config::{Effective, Mode};
use crate::error::{Error, why};
use crate::event::What;
use crate::lease::Limits;
use crate::network::Networks;

/// What takes privileges to open.
pub struct Raw {
    probe: probe::Opened,
    rivals: Option<RivalSearch>,
}

/// Everything opened, nothing running.
pub struct Giving {
    raw: Raw,
    leases: Arc<Leases>,
    control: UnixListener,
    authoritative: bool,
}

impl Raw {
    /// Opens the raw sockets; nothing in other modes.
    ///
    /// # Errors
    /// The sockets cannot be had.
    pub fn open(
        settings: &Effective,
        networks: &Networks,
        interfaces: &[Interface],
    ) -> Result<Option<Self>, Error> {
        if settings.mode != Mode::Dhcp {
            return Ok(None);
        }
        let mut given: Vec<Interface> = interfaces.to_vec();
        given.retain(|interface| is_home(networks, interface));
        Ok(Some(Self {
            probe: probe::open(networks.conflict.method, interfaces)?,
            rivals: (!settings.force)
                .then(|| RivalSearch::open(&given))
                .transpose()?,
        }))
    }

    /// Asks the LANs that addresses are given out on whether another DHCP server answers. What
    /// anybody may send is read: to be called when privileges are given up.
    ///
    /// # Errors
    /// There is one.
    pub fn alone(&mut self) -> Result<(), Error> {
        let rivals = self.rivals.take();
        rivals.map_or(Ok(()), |rivals| rivals.none(RIVALS))
    }
}

/// Whether clients on this interface itself can be given addresses.
fn is_home(networks: &Networks, interface: &Interface) -> bool {
    let mut addresses = interface.addresses();
    addresses.any(|address| networks.of_link(address).is_some())
}

/// What the operator has to know of where leases are given: one line an interface.
pub fn places(networks: &Networks, interfaces: &[Interface]) -> Vec<What> {
    interfaces.iter().map(|i| served(networks, i)).collect()
}

/// For which subnets leases are given on an interface, and for which of its addresses none.
fn served(networks: &Networks, interface: &Interface) -> What {
    let name = &interface.name;
    let network = |address: &Ipv4Addr| networks.of_link(*address);
    let (home, strange): (Vec<Ipv4Addr>, Vec<Ipv4Addr>) =
        interface.addresses().partition(|a| network(a).is_some());
    let subnets: BTreeSet<Ipv4Net> = home
        .iter()
        .filter_map(network)
        .flat_map(|network| network.subnets.iter().map(|subnet| subnet.net))
        .collect();
    let (subnets, strange) = (listed(subnets), listed(strange));
    match (subnets.is_empty(), strange.is_empty()) {
        (true, _) => What::Warning {
            text: format!(
                "{name} ({strange}) is in no subnet below `dhcp: networks:`; no leases are given there, but to clients behind relays"
            ),
        },
        (false, true) => What::Notice {
            text: format!("leases are given on {name} in {subnets}"),
        },
        (false, false) => What::Warning {
            text: format!(
                "leases are given on {name} in {subnets}; {strange} there is in no subnet below `dhcp: networks:`"
            ),
        },
    }
}

fn listed(all: impl IntoIterator<Item = impl ToString>) -> String {
    let all: Vec<String> = all.into_iter().map(|one| one.to_string()).collect();
    all.join(", ")
}

impl Giving {
    /// Opens the store and the control socket. Returns with it what the operator has to know.
    ///
    /// # Errors
    /// As [`Leases::open`]; the state folder takes no socket.
    pub fn open(
        raw: Raw,
        settings: &Effective,
        shared: &Arc<Shared>,
    ) -> Result<(Self, Vec<What>), Error> {
        let networks = shared.snapshot.load().networks.clone();
        let folder = &settings.state;
        let (limits, emit) = (Limits::default(), shared.emitter());
        let (leases, notices) = Leases::open(folder, networks, limits, emit)?;
        if let Some(why) = control::misplaced(folder) {
            return Err(Error::failed(format!(
                "cannot make the control socket: {why}"
            )));
        }
        let control = control::open(folder).map_err(|e| {
            Error::failed(format!(
                "cannot make the control socket in {}: {}; make the folder writable for the user that bootjack runs as, or set `state`",
                folder.display(),
                why(&e)
            ))
        })?;
        let _ = shared.leases.set(leases.clone());
        let giving = Self {
            raw,
            leases,
            control,
            authoritative: !settings.force,
        };
        Ok((giving, notices))
    }

    /// Begins to give out; its tasks run for ever.
    ///
    /// # Errors
    /// The runtime takes no socket.
    pub fn start(
        self,
        shared: &Arc<Shared>,
        tasks: &mut JoinSet<io::Result<()>>,
    ) -> io::Result<Arc<Giver>> {
        tasks.spawn(self.leases.clone().expire());
        tasks.spawn(control::serve(self.control, self.leases.clone()));
        Ok(Arc::new(Giver {
            leases: self.leases,
            prober: Prober::start(self.raw.probe, shared.emitter())?,
            authoritative: self.authoritative,
            rivals: Once::default(),
        }))
    }
}
