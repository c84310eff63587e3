//! What was learnt of the machine, of a running server or of what it has kept: it is answered
//! accordingly.

use std::fmt::Write as _;

use crate::cli::machines;
use crate::client::Client;
use crate::client::progress::Firmware;
use crate::config::Effective;
use crate::error::Error;
use crate::service::machines::row::Row;

/// What is known of machines, or why that cannot be told.
pub(super) struct Learnt(Result<Vec<Row>, Error>);

impl Learnt {
    /// What the server of this state folder knows, or has kept there.
    pub(super) fn of(settings: &Effective) -> Self {
        Self(machines::rows(settings))
    }

    fn row(&self, client: &Client) -> Option<&Row> {
        let firmware = Firmware::of(client)?;
        let (mac, platform) = (firmware.mac.to_string(), firmware.platform.name());
        let mut rows = self.0.iter().flatten();
        rows.find(|row| row.mac == mac && row.platform == platform)
    }

    /// The client, with what is known of it.
    pub(super) fn complete(&self, client: Client) -> Client {
        let past = self.row(&client).map(Row::past).unwrap_or_default();
        Client { past, ..client }
    }

    /// A line of what is known, where anything is.
    pub(super) fn line(&self, client: &Client, out: &mut String) -> std::fmt::Result {
        if let Err(why) = &self.0 {
            return writeln!(out, "learnt: cannot be told, and counts as nothing: {why}");
        }
        let Some(row) = self.row(client) else {
            return Ok(());
        };
        let follows = row.follows.as_ref().map(|shape| format!("follows {shape}"));
        let trying = row
            .trying
            .as_ref()
            .map(|shape| format!("{shape} is tried with it now"));
        let seen = row.seen.iter().cloned();
        let parts: Vec<String> = follows.into_iter().chain(trying).chain(seen).collect();
        let since = row
            .at
            .as_ref()
            .map_or_else(String::new, |at| format!(" (since {at})"));
        writeln!(out, "learnt: {}{since}", parts.join(", "))
    }
}
