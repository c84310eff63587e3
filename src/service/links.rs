//! The interfaces served, watched while running: one that goes down or loses its address is said,
//! and so is its return. One that appears later is not served, and that is said too.
//!
//! A socket belongs to the interface it was bound to, not to its name. An interface that is removed
//! and made anew (a VLAN, a bridge, a USB card) leaves our sockets deaf, and we may not bind new
//! ones: privileges are gone. So that ends the process, for its supervisor to start it again.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use nix::net::if_::if_nametoindex;

use super::Shared;
use super::interfaces::{self, Interface};
use crate::event::What;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(3);

/// An interface as it was last seen.
struct Link {
    name: String,
    index: Option<u32>,
    usable: Option<Interface>,
}

/// Watches until an interface comes back as another one.
///
/// # Errors
/// That it did.
pub async fn watch(served: Vec<Interface>, shared: Arc<Shared>) -> io::Result<()> {
    let mut links: Vec<Link> = served.into_iter().map(Link::new).collect();
    let mut known = interfaces::now();
    loop {
        tokio::time::sleep(PAUSE).await;
        let now = interfaces::now();
        for newcomer in newcomers(&known, &now) {
            if !links.iter().any(|link| link.name == newcomer.name) {
                shared.emit(None, not_served(newcomer));
            }
        }
        known.clone_from(&now);
        for link in &mut links {
            link.look(&now, &shared)?;
        }
    }
}

/// Interfaces that were not there at the last look.
fn newcomers<'n>(known: &[Interface], now: &'n [Interface]) -> impl Iterator<Item = &'n Interface> {
    let is_known = |name: &str| known.iter().any(|k| k.name == name) || interfaces::is_inner(name);
    now.iter().filter(move |i| !is_known(&i.name))
}

/// Its sockets would take privileges that are gone.
fn not_served(interface: &Interface) -> What {
    let (name, addresses) = (&interface.name, interface.shown());
    What::Notice {
        text: format!(
            "interface {name} ({addresses}) came up after the start and is not served; start bootjack again to serve it, in mode dhcp with its network below `dhcp: networks:`"
        ),
    }
}

impl Link {
    fn new(served: Interface) -> Self {
        Self {
            index: if_nametoindex(served.name.as_str()).ok(),
            name: served.name.clone(),
            usable: Some(served),
        }
    }

    fn look(&mut self, now: &[Interface], shared: &Shared) -> io::Result<()> {
        let index = if_nametoindex(self.name.as_str()).ok();
        if index.is_some() && index != self.index {
            return Err(io::Error::other(format!(
                "interface {} was removed and made anew, its sockets hear nothing any more; start bootjack again",
                self.name
            )));
        }
        let usable = now.iter().find(|i| i.name == self.name).cloned();
        if usable != self.usable {
            shared.emit(None, self.change(usable.as_ref()));
            self.usable = usable;
        }
        Ok(())
    }

    fn change(&self, usable: Option<&Interface>) -> What {
        let name = &self.name;
        match usable {
            None => What::Warning {
                text: format!(
                    "interface {name} is down or has no address; nobody is served there until it is back"
                ),
            },
            Some(interface) => What::Notice {
                text: format!("interface {name} is served with {}", interface.shown()),
            },
        }
    }
}
