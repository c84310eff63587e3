//! Whether somebody has the address that the machine is offered, or its hardware address: then it
//! is no machine's to play.
//!
//! Everybody is asked with the interface's own hardware address, for what a switch has for that of a
//! running machine no longer comes to it.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::time::Instant;

use crate::firmware::Fault;
use crate::service::sys::arp::{self, Link};
use crate::wire::Mac;

/// How long whoever has an address has to say so before it is used.
const PATIENCE: Duration = Duration::from_millis(500);
/// Addresses that are asked for, at most.
const MOST: usize = 16;

/// Who looks for it.
#[derive(Debug)]
pub(super) struct Watch {
    /// None where the machine is this host itself.
    link: Option<Link>,
    mac: Mac,
    offered: Vec<Ipv4Addr>,
    until: Instant,
}

impl Watch {
    pub(super) fn new(opened: Option<arp::Opened>, mac: Mac) -> io::Result<Self> {
        Ok(Self {
            link: opened.map(Link::new).transpose()?,
            mac,
            offered: Vec::new(),
            until: Instant::now(),
        })
    }

    /// The interface's own hardware address, where another one is played.
    pub(super) fn own(&self) -> Option<Mac> {
        self.link.as_ref().map(|link| Mac::ethernet(link.own))
    }

    /// Asks who has an address.
    pub(super) fn ask(&mut self, address: Ipv4Addr) -> io::Result<()> {
        let Some(link) = &self.link else {
            return Ok(());
        };
        if self.offered.contains(&address) || self.offered.len() >= MOST {
            return Ok(());
        }
        link.probe(address)?;
        self.offered.push(address);
        self.until = Instant::now() + PATIENCE;
        Ok(())
    }

    /// Waits for somebody who has one. Cancel-safe.
    pub(super) async fn found(&self) -> io::Result<Fault> {
        let Some(link) = &self.link else {
            return std::future::pending().await;
        };
        loop {
            let used = link.recv().await?.and_then(|arp| arp.claims(link.own));
            if let Some((address, mac)) = used.filter(|(address, _)| self.offered.contains(address))
            {
                return Ok(self.fault(address, mac));
            }
        }
    }

    /// The same, until there was time to answer.
    pub(super) async fn settled(&self) -> io::Result<Option<Fault>> {
        match tokio::time::timeout_at(self.until, self.found()).await {
            Ok(found) => found.map(Some),
            Err(_) => Ok(None),
        }
    }

    fn fault(&self, address: Ipv4Addr, mac: Mac) -> Fault {
        if mac == self.mac {
            Fault::Running(mac)
        } else {
            Fault::InUse(address, mac)
        }
    }
}
