//! A machine → its profile: the one that its reservation names, else the most specific match.

use super::{Selection, Snapshot, Subject, Why, select};
use crate::client::Client;
use crate::network::{Reservation, Who};

/// What this machine gets, and why.
pub fn choose(snapshot: &Snapshot, client: &Client) -> Option<Selection> {
    chosen(snapshot, reserved(snapshot, client), &subject(client))
}

/// The same for a client of whom only this much is known.
pub fn chosen(
    snapshot: &Snapshot,
    reservation: Option<&Reservation>,
    subject: &Subject<'_>,
) -> Option<Selection> {
    reservation
        .and_then(|reservation| pinned(snapshot, reservation))
        .or_else(|| select(&snapshot.profiles, subject))
}

/// What selection looks at in a machine.
pub fn subject(client: &Client) -> Subject<'_> {
    Subject {
        mac: client.mac,
        uuid: client.uuid,
        archs: &client.archs,
        network: client.network,
    }
}

/// What is reserved for a machine in its network; outside of all networks, anything that is.
fn reserved<'s>(snapshot: &'s Snapshot, client: &Client) -> Option<&'s Reservation> {
    let who = Who {
        mac: client.mac,
        client_id: client.known_by.client_id.as_deref(),
        uuid: client.uuid,
        circuit: client.known_by.circuit.as_deref(),
    };
    let networks = &snapshot.networks;
    match networks.of_link(client.network) {
        Some(network) => networks.reserved_for(network, &who),
        None => networks.reservations.find(&who).next(),
    }
}

/// The profile that a reservation names; where there is none of that name (a finding), nothing.
fn pinned(snapshot: &Snapshot, reservation: &Reservation) -> Option<Selection> {
    let name = reservation.profile.as_ref()?;
    let profile = snapshot.profiles.named(name)?;
    Some(Selection {
        profile: profile.clone(),
        why: Why::Reserved(reservation.whom.clone()),
    })
}
