//! What an operator is shown of machines and findings: the API gives it as JSON, the page as HTML.
//! The field names are the API's and stay.

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use serde::Serialize;

use crate::client::{Class, Client, Stage};
use crate::event::Event;
use crate::profile::{Snapshot, choose};
use crate::service::Shared;
use crate::service::machines::row::Row;
use crate::wire::{Arch, Mac, Platform, Uuid};
use crate::yaml::Finding;

/// One machine. What no packet has shown is `null`.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    mac: Mac,
    uuid: Option<Uuid>,
    archs: Vec<Arch>,
    platform: Option<Platform>,
    class: Option<Class>,
    stage: Option<Stage>,
    undi: Option<(u8, u8)>,
    ip: Option<Ipv4Addr>,
    profile: Option<String>,
    profile_file: Option<String>,
    why: Option<String>,
    learnt: Vec<Row>,
    last_event: Option<Event>,
}

/// One machine and what happened to it, oldest first.
#[derive(Debug, Serialize)]
pub(super) struct Story {
    #[serde(flatten)]
    machine: Machine,
    timeline: Vec<Event>,
}

/// All machines.
#[derive(Debug, Serialize)]
pub(super) struct Machines {
    clients: Vec<Machine>,
}

/// What is wrong in the profile folder.
#[derive(Debug, Serialize)]
pub(super) struct Findings {
    findings: Arc<Vec<Finding>>,
}

impl Machines {
    /// Every machine seen.
    pub(super) fn of(shared: &Shared) -> Self {
        let (clients, _) = machines(shared, usize::MAX);
        Self { clients }
    }
}

impl Findings {
    /// As the folder is now.
    pub(super) fn of(shared: &Shared) -> Self {
        let findings = shared.findings.load_full();
        Self { findings }
    }
}

/// The machines seen, the one seen last first, then those only heard of; at most `limit`, and how
/// many more there are.
pub(super) fn machines(shared: &Shared, limit: usize) -> (Vec<Machine>, usize) {
    let snapshot = shared.snapshot.load();
    let macs = seen(shared);
    let shown = macs.iter().take(limit).map(|mac| {
        let client = shared.clients().by_mac(*mac).cloned();
        machine(shared, &snapshot, *mac, client)
    });
    (shown.collect(), macs.len().saturating_sub(limit))
}

fn seen(shared: &Shared) -> Vec<Mac> {
    let mut macs: Vec<Mac> = shared.clients().all().map(|c| c.mac).collect();
    let known: HashSet<Mac> = macs.iter().copied().collect();
    let timeline = shared.timeline();
    macs.extend(timeline.machines().filter(|mac| !known.contains(mac)));
    macs
}

/// One machine's story; `None` where nothing was ever seen of it.
pub(super) fn story(shared: &Shared, mac: Mac) -> Option<Story> {
    let snapshot = shared.snapshot.load();
    let client = shared.clients().by_mac(mac).cloned();
    let timeline: Vec<Event> = shared.timeline().of(mac).cloned().collect();
    let learnt = !shared.machines.rows_of(mac).is_empty();
    let seen = client.is_some() || learnt || !timeline.is_empty();
    seen.then(|| Story {
        machine: machine(shared, &snapshot, mac, client),
        timeline,
    })
}

fn machine(shared: &Shared, snapshot: &Snapshot, mac: Mac, client: Option<Client>) -> Machine {
    let last_event = shared.timeline().of(mac).last().cloned();
    let chosen = client.as_ref().and_then(|c| chosen(snapshot, c));
    let (profile, file, why) = match chosen {
        Some(s) => (
            Some(s.profile.name.to_string()),
            Some(s.profile.file.to_string()),
            Some(s.why.to_string()),
        ),
        None => (None, None, None),
    };
    Machine {
        mac,
        uuid: client.as_ref().and_then(|c| c.uuid),
        platform: client.as_ref().map(Client::platform),
        class: client.as_ref().map(|c| c.class),
        stage: client.as_ref().map(|c| c.stage),
        undi: client.as_ref().and_then(|c| c.undi),
        ip: client.as_ref().and_then(|c| c.ip),
        archs: client.map(|c| c.archs).unwrap_or_default(),
        profile,
        profile_file: file,
        why,
        learnt: shared.machines.rows_of(mac),
        last_event,
    }
}

fn chosen(snapshot: &Snapshot, client: &Client) -> Option<crate::profile::Selection> {
    choose(snapshot, client)
}
