//! `bootjack leases`: who has which address, and ending a lease by hand.
//!
//! A running server is asked through its socket ([`control`]); without one the store itself is
//! read, and written by `release`. Nothing is made here: a store that is not there is an error.

mod print;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use ipnet::Ipv4Net;

use crate::config::{self, SettingsArgs};
use crate::error::Error;
use crate::lease::{Book, Limits, State};
use crate::service::lease::clock::{Clock, Readings};
use crate::service::lease::control::{self, Ask};
use crate::service::lease::nothing_leased;
use crate::service::lease::row::Row;
use crate::service::lease::store::{FILE, Store};
use crate::wire::Mac;

/// What to do with leases.
#[derive(Debug, Subcommand)]
pub enum Leases {
    /// List them, one a line
    List {
        /// Those in this state alone
        #[arg(long, value_name = "STATE")]
        only: Option<ShownState>,
        /// Those of this network alone: its name (where a server is running), or a prefix as 10.1.0.0/16
        #[arg(long, value_name = "NETWORK")]
        network: Option<String>,
        /// As a JSON array
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: SettingsArgs,
    },
    /// Show all that is known of an address, or of a machine
    Show {
        /// The address, or the machine's MAC
        #[arg(value_name = "ADDRESS|MAC")]
        whom: String,
        /// As a JSON array
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: SettingsArgs,
    },
    /// End leases, or the quarantine of declined addresses; the clients are not told
    Release {
        /// The addresses
        #[arg(value_name = "ADDRESS", required = true)]
        addresses: Vec<Ipv4Addr>,
        #[command(flatten)]
        settings: SettingsArgs,
    },
    /// Print them for other programs
    Export {
        /// The form
        #[arg(long, value_name = "FORM", default_value = "json")]
        format: Form,
        #[command(flatten)]
        settings: SettingsArgs,
    },
}

/// States that a list can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ShownState {
    /// Offered, not yet asked for
    Offered,
    /// Leased
    Leased,
    /// The lease ran out
    Expired,
    /// Given back
    Released,
    /// Used by somebody else
    Declined,
}

/// Forms for other programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// One JSON object a line
    Json,
    /// Comma-separated, with a line of names
    Csv,
    /// dnsmasq's file of leases: those in force alone
    Dnsmasq,
}

impl From<ShownState> for State {
    fn from(shown: ShownState) -> Self {
        match shown {
            ShownState::Offered => Self::Offered,
            ShownState::Leased => Self::Leased,
            ShownState::Expired => Self::Expired,
            ShownState::Released => Self::Released,
            ShownState::Declined => Self::Declined,
        }
    }
}

impl Leases {
    pub(super) fn run(self) -> Result<ExitCode, Error> {
        match self {
            Self::List {
                only,
                network,
                json,
                settings,
            } => {
                let only = only.map(State::from);
                let mut rows = rows(&folder(settings)?)?;
                rows.retain(|row| only.is_none_or(|state| row.state == state));
                if let Some(network) = network {
                    rows = of_network(rows, &network)?;
                }
                print(&if json {
                    print::json(&rows)
                } else {
                    print::table(&rows)
                })
            }
            Self::Show {
                whom,
                json,
                settings,
            } => {
                let rows = of_whom(rows(&folder(settings)?)?, &whom)?;
                print(&if json {
                    print::json(&rows)
                } else {
                    print::blocks(&rows)
                })
            }
            Self::Release {
                addresses,
                settings,
            } => release(&folder(settings)?, &addresses),
            Self::Export { format, settings } => {
                let rows = rows(&folder(settings)?)?;
                print(&match format {
                    Form::Json => print::lines(&rows),
                    Form::Csv => print::csv(&rows),
                    Form::Dnsmasq => print::dnsmasq(&rows),
                })
            }
        }
    }
}

fn folder(settings: SettingsArgs) -> Result<std::path::PathBuf, Error> {
    Ok(config::effective(settings)?.state)
}

fn print(text: &str) -> Result<ExitCode, Error> {
    super::done(io::stdout().write_all(text.as_bytes()))
}

/// Every lease, of the server or of the store.
fn rows(folder: &Path) -> Result<Vec<Row>, Error> {
    if let Some(answer) = asked(folder, &Ask::List {})? {
        return answer.map_err(Error::failed);
    }
    is_there(folder)?;
    let contents = Store::look(folder)?;
    let clock = Clock::start(contents.anchor.as_ref(), Readings::now());
    let now = clock.now();
    let rows = contents.records.into_iter();
    Ok(rows
        .map(|r| Row::stored(r, now, &clock))
        .filter(|r| r.state != State::Available)
        .collect())
}

/// Asks the running server, where there is one.
fn asked(folder: &Path, ask: &Ask) -> Result<Option<Result<Vec<Row>, String>>, Error> {
    control::ask(folder, ask).map_err(|e| {
        let socket = folder.join(control::FILE);
        let remedy = match e.kind() {
            io::ErrorKind::PermissionDenied => {
                "; run as root, or as the user that bootjack runs as"
            }
            _ => "",
        };
        Error::failed(format!(
            "cannot ask the running bootjack at {}: {e}{remedy}",
            socket.display()
        ))
    })
}

fn is_there(folder: &Path) -> Result<(), Error> {
    match std::fs::metadata(folder.join(FILE)) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Err(Error::failed(format!(
            "there is no lease store in {}: `bootjack serve --mode dhcp` makes it; name another folder with --state",
            folder.display()
        ))),
        _ => Ok(()),
    }
}

/// Those of a network, by name or prefix.
fn of_network(rows: Vec<Row>, network: &str) -> Result<Vec<Row>, Error> {
    if let Ok(prefix) = network.parse::<Ipv4Net>() {
        let inside = rows.into_iter().filter(|row| prefix.contains(&row.address));
        return Ok(inside.collect());
    }
    if !rows.is_empty() && rows.iter().all(|row| row.network.is_none()) {
        return Err(Error::failed(format!(
            "no server is running here that knows the network \"{network}\"; give a prefix instead, as 10.1.0.0/16"
        )));
    }
    let named = |row: &Row| row.network.as_deref() == Some(network);
    Ok(rows.into_iter().filter(named).collect())
}

/// Those of an address or a machine.
fn of_whom(rows: Vec<Row>, whom: &str) -> Result<Vec<Row>, Error> {
    let (mac, address) = (whom.parse::<Mac>(), whom.parse::<Ipv4Addr>());
    if mac.is_err() && address.is_err() {
        let text = format!("\"{whom}\" is neither an IPv4 address nor a MAC address");
        return Err(Error::usage(text));
    }
    let mac = mac.map(|mac| mac.to_string());
    let is_it = |row: &Row| mac.as_ref() == Ok(&row.mac) || address == Ok(row.address);
    let found: Vec<Row> = rows.into_iter().filter(is_it).collect();
    if found.is_empty() {
        return Err(Error::failed(format!("there is no lease of {whom}")));
    }
    Ok(found)
}

/// Ends leases one by one; says of each whether it was done.
fn release(folder: &Path, addresses: &[Ipv4Addr]) -> Result<ExitCode, Error> {
    let mut said = String::new();
    let mut failed = Vec::new();
    for address in addresses {
        match release_one(folder, *address)? {
            Ok(()) => {
                let _ = writeln!(said, "{address} is released");
            }
            Err(why) => failed.push(why),
        }
    }
    print(&said)?;
    if failed.is_empty() {
        Ok(ExitCode::SUCCESS)
    } else {
        Err(Error::failed(failed.join("\n")))
    }
}

fn release_one(folder: &Path, address: Ipv4Addr) -> Result<Result<(), String>, Error> {
    if let Some(answer) = asked(folder, &Ask::Release { address })? {
        return Ok(answer.map(drop));
    }
    is_there(folder)?;
    let (mut store, contents) = Store::existing(folder)?;
    let clock = Clock::start(contents.anchor.as_ref(), Readings::now());
    let mut book = Book::new(Limits::default());
    let now = clock.now();
    for record in contents.records.iter().filter(|r| r.address == address) {
        book.restore(now, record);
    }
    let _ = book.expire(now);
    let Some((_, record)) = book.release(now, address) else {
        return Ok(Err(nothing_leased(address)));
    };
    let written = store.write(&[record], &clock.anchor());
    Ok(written.map_err(|why| format!("cannot write {}: {why}", store.path().display())))
}
