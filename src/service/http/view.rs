//! What an operator is shown of machines and findings: the API gives it as JSON, the page as HTML.
//! The field names are the API's and stay.

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use serde::Serialize;

use crate::client::{Class, Client, Stage};
use crate::event::Event;
use crate::profile::{Finding, Snapshot, Subject, select};
use crate::service::Shared;
use crate::wire::{Arch, Mac, Platform, Uuid};

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
        let clients = machines(shared, usize::MAX);
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

/// The machines seen, the one seen last first; at most `limit`.
pub(super) fn machines(shared: &Shared, limit: usize) -> Vec<Machine> {
    let snapshot = shared.snapshot.load();
    let known: Vec<Client> = shared.clients().all().take(limit).cloned().collect();
    let shown: HashSet<Mac> = known.iter().map(|c| c.mac).collect();
    let heard: Vec<Mac> = shared.timeline().machines().collect();
    let unknown = heard.into_iter().filter(|mac| !shown.contains(mac));
    let known = known.into_iter().map(|c| (c.mac, Some(c)));
    known
        .chain(unknown.map(|mac| (mac, None)))
        .take(limit)
        .map(|(mac, client)| machine(shared, &snapshot, mac, client))
        .collect()
}

/// How many machines there are.
pub(super) fn count(shared: &Shared) -> usize {
    shared.clients().all().count()
}

/// One machine's story; `None` where nothing was ever seen of it.
pub(super) fn story(shared: &Shared, mac: Mac) -> Option<Story> {
    let snapshot = shared.snapshot.load();
    let client = shared.clients().by_mac(mac).cloned();
    let timeline: Vec<Event> = shared.timeline().of(mac).cloned().collect();
    let seen = client.is_some() || !timeline.is_empty();
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
            Some(s.profile.name.clone()),
            Some(s.profile.file.to_string()),
            Some(s.why),
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
        last_event,
    }
}

fn chosen(snapshot: &Snapshot, client: &Client) -> Option<crate::profile::Selection> {
    let subject = Subject {
        mac: client.mac,
        uuid: client.uuid,
        archs: &client.archs,
        network: client.network,
    };
    select(&snapshot.profiles, &subject)
}
