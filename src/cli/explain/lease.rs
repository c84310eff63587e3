//! Mode `dhcp`: the lease a machine would be offered, by the networks alone: which address it gets
//! depends on who has one already (`bootjack leases`), so none has one here.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::entries::{self, Told};
use super::learnt::Learnt;
use super::shape::{loader, no_menu, pinned};
use super::{machine, print, rows};
use crate::client::{Client, identify};
use crate::config::Mode;
use crate::decide::grant::Grant;
use crate::decide::lease::{Desk, Leasing, decide_knowing};
use crate::decide::{Incoming, Port};
use crate::lease::{Book, Limits};
use crate::profile::Snapshot;
use crate::wire::dhcp::Message;

/// Lease time of the explanation.
const NOW: u64 = 1;

/// Explains a DISCOVER that comes to this address of ours.
pub(super) fn explain(
    (snapshot, learnt): (&Snapshot, &Learnt),
    message: &Message,
    server: Ipv4Addr,
    out: &mut String,
) -> std::fmt::Result {
    let client = identify(message, server).ok();
    let client = client.map(|client| learnt.complete(client));
    if let Some(client) = &client {
        machine((snapshot, learnt), client, out)?;
        rows::quirks((snapshot, Mode::Dhcp), client, out)?;
    }
    let leasing = offered((snapshot, learnt), message, server);
    if let Some(network) = &leasing.network {
        writeln!(out, "network: {network}")?;
    }
    match &leasing.decision {
        Ok(grant) => granted(grant, (snapshot, client.as_ref(), server), out),
        Err(why) => {
            writeln!(out, "answer: none: {why}")?;
            Err(std::fmt::Error)
        }
    }
}

fn offered(
    (snapshot, learnt): (&Snapshot, &Learnt),
    message: &Message,
    server: Ipv4Addr,
) -> Leasing {
    let mut book = Book::new(Limits::default());
    book.set_networks(NOW, &snapshot.networks);
    let desk = Desk {
        snapshot,
        book: &mut book,
        now: NOW,
        authoritative: true,
        is_own: &|address| address == server,
        is_booting: &|_| false,
    };
    let incoming = Incoming {
        message,
        port: Port::Dhcp,
        local: server,
        peer: SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68),
        unicast: false,
        side: None,
    };
    decide_knowing(desk, incoming, |client| learnt.complete(client))
}

fn granted(
    grant: &Grant,
    (snapshot, client, server): (&Snapshot, Option<&Client>, Ipv4Addr),
    out: &mut String,
) -> std::fmt::Result {
    match &grant.boot {
        Some(Ok(boot)) => {
            let profile = &boot.selection.profile;
            let (name, file, why) = (&profile.name, &profile.file, &boot.selection.why);
            writeln!(out, "profile: \"{name}\" ({file}): {why}")?;
            let strategy = boot.strategy;
            writeln!(out, "strategy: {}: {}", strategy.name, strategy.evidence)?;
            if let Some(shaped) = &boot.shaped {
                writeln!(out, "chosen by: {shaped}")?;
            }
            if let Some(client) = client {
                pinned(profile, client, (Mode::Dhcp, false), out)?;
            }
            let named = boot.loader.as_ref().map(ToString::to_string);
            loader(named.as_deref(), out)?;
            no_menu(boot.no_menu.as_ref(), out)?;
            if let Some(client) = client {
                let told = Told {
                    profile,
                    loader: named.as_deref(),
                    no_menu: boot.no_menu.as_ref(),
                };
                entries::menu(snapshot, client, (told, server), out)?;
            }
        }
        Some(Err(why)) => writeln!(out, "boot data: none: {why}")?,
        None => {}
    }
    if let Some(binding) = grant.told.binding() {
        let lasting = grant.told.detail();
        writeln!(
            out,
            "lease: {} for {lasting}, while nobody has it",
            binding.address
        )?;
    }
    let title = "OFFER, in answer to DISCOVER on port 67";
    print(title, grant.to, &grant.message, &grant.bytes, out)
}
