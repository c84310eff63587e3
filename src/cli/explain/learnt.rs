//! What was learnt of machines, of a running server or of what it has kept, and which DHCP servers it has found to
//! answer no relays: machines are answered accordingly, those of a capture as well.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::cli::machines;
use crate::client::progress::Firmware;
use crate::client::{Client, Stage};
use crate::config::Effective;
use crate::error::Error;
use crate::relay::servers::Servers;
use crate::service::dhcp_servers;
use crate::service::machines::row::Row;

/// What is known.
pub(super) struct Learnt {
    /// Of machines, or why that cannot be told.
    machines: Result<HashMap<Firmware, Row>, Error>,
    /// Of DHCP servers.
    pub(super) servers: Servers,
}

impl Learnt {
    /// What the server of this state folder knows, or has kept there.
    pub(super) fn of(settings: &Effective) -> Self {
        let known = |row: Row| Some((row.learnt()?.0, row));
        let rows = machines::rows(settings);
        Self {
            machines: rows.map(|rows| rows.into_iter().filter_map(known).collect()),
            servers: dhcp_servers::known(&settings.state, &settings.dhcp_server),
        }
    }

    /// What is known of the firmware that asks.
    pub(super) fn row(&self, client: &Client) -> Option<&Row> {
        self.machines
            .as_ref()
            .ok()?
            .get(&Firmware::that_boots(client)?)
    }

    /// The client, with what is known of it.
    pub(super) fn complete(&self, client: Client) -> Client {
        let past = self.row(&client).map(Row::past).unwrap_or_default();
        let past = match client.stage {
            Stage::HttpBoot => past.of_http_boot(),
            _ => past,
        };
        Client { past, ..client }
    }

    /// Why nothing can be told of any machine.
    pub(super) fn trouble(&self) -> Option<String> {
        let why = self.machines.as_ref().err()?;
        Some(format!("cannot be told, and counts as nothing: {why}"))
    }

    /// A line of what is known, where anything is.
    pub(super) fn line(&self, client: &Client, out: &mut String) -> std::fmt::Result {
        let said = self.row(client).map(said).or_else(|| self.trouble());
        said.map_or(Ok(()), |said| writeln!(out, "learnt: {said}"))
    }
}

/// A row in words.
pub(super) fn said(row: &Row) -> String {
    let follows = row.follows.as_ref().map(|shape| format!("follows {shape}"));
    let trying = row
        .trying
        .as_ref()
        .map(|shape| format!("{shape} is tried with it now"));
    let cut = row.cut.as_ref();
    let cut = cut.map(|cut| format!("its chain loop is cut now: {cut}"));
    let seen = row.seen.iter().cloned();
    let parts = follows.into_iter().chain(trying).chain(cut).chain(seen);
    let parts: Vec<String> = parts.collect();
    let since = row
        .at
        .as_ref()
        .map_or_else(String::new, |at| format!(" (since {at})"));
    format!("{}{since}", parts.join(", "))
}
