//! `bootjack leases release`: ends leases one by one, and says of each whether it was done.
//!
//! A machine is every lease that it has now. Quarantines are ended by address alone: nobody has
//! such an address.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::process::ExitCode;

use super::source::Source;
use crate::error::Error;
use crate::lease::State;
use crate::service::lease::filter::Whom;
use crate::service::lease::row::Row;

/// An address, and who has to have it where that is said.
type Target = (Ipv4Addr, Option<String>);

/// Words that tell an address or a machine. A host name is what anybody calls himself: it ends no
/// leases.
pub(super) fn whom(text: &str) -> Result<Whom, String> {
    let whom: Whom = text.parse()?;
    if whom.address().is_none() && !whom.is_machine() {
        return Err(
            "neither an IPv4 address, nor a MAC, nor a client identifier in hex".to_owned(),
        );
    }
    Ok(whom)
}

pub(super) fn run(source: &Source, all: &[Whom]) -> Result<ExitCode, Error> {
    let machines = all.iter().any(|whom| whom.address().is_none());
    let rows = if machines { source.rows()? } else { Vec::new() };
    let mut said = Said::default();
    let outcome = release(source, all, &rows, &mut said);
    let code = crate::cli::done(io::stdout().write_all(said.released.as_bytes()))?;
    said.failed
        .extend(outcome.err().map(|error| error.to_string()));
    if said.failed.is_empty() {
        Ok(code)
    } else {
        Err(Error::failed(said.failed.join("\n")))
    }
}

/// What is to be told of what was done: of all of it, also where it was not done to the end.
#[derive(Default)]
struct Said {
    released: String,
    failed: Vec<String>,
}

fn release(source: &Source, all: &[Whom], rows: &[Row], said: &mut Said) -> Result<(), Error> {
    for whom in all {
        let targets = targets(whom, rows);
        if targets.is_empty() {
            said.failed.push(format!("{whom} has no lease"));
        }
        for (address, mac) in targets {
            match source.release(address, mac.as_deref())? {
                Ok(()) => _ = writeln!(said.released, "{address} is released"),
                Err(why) => said.failed.push(why),
            }
        }
    }
    Ok(())
}

/// What is to be released for these words.
fn targets(whom: &Whom, rows: &[Row]) -> Vec<Target> {
    if let Some(address) = whom.address() {
        return vec![(address, None)];
    }
    let held = |row: &&Row| row.state == State::Leased && whom.holds(row);
    let leases = rows.iter().filter(held);
    leases.map(|row| (row.address, row.mac.clone())).collect()
}
