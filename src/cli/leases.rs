//! `bootjack leases`: who has which address, and ending a lease by hand.
//!
//! * `source`: where the leases are: a running server's, or the store's where none runs
//! * `release`: ending them
//! * `print`: the forms they are shown in

mod print;
mod release;
mod source;

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use self::source::Source;
use super::state::Folder;
use crate::error::Error;
use crate::lease::State;
use crate::service::lease::filter::{Filter, MacLike, NetworkLike, Whom};
use crate::service::lease::row::Row;

/// What to do with leases.
#[derive(Debug, Subcommand)]
pub enum Leases {
    /// List them, one a line
    List {
        #[command(flatten)]
        which: Which,
        /// As a JSON array
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        folder: Folder,
    },
    /// Show all that is known of an address, of a machine, or of a host name
    Show {
        /// The address; or the machine's MAC, client identifier in hex, or host name
        #[arg(value_name = "ADDRESS|MAC|CLIENT-ID|NAME")]
        whom: Whom,
        /// As a JSON array
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        folder: Folder,
    },
    /// End leases, or the quarantine of declined addresses; the clients are not told
    Release {
        /// Addresses; or MACs or client identifiers in hex, for every lease of these machines
        #[arg(value_name = "ADDRESS|MAC|CLIENT-ID", required = true, value_parser = release::whom)]
        whom: Vec<Whom>,
        #[command(flatten)]
        folder: Folder,
    },
    /// Print them for other programs
    Export {
        /// The form
        #[arg(long, value_name = "FORM", default_value = "json")]
        format: Form,
        #[command(flatten)]
        folder: Folder,
    },
}

/// Which of them are listed.
#[derive(Debug, Args)]
pub struct Which {
    /// Those in these states alone; repeat, or write commas between them
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    only: Vec<ShownState>,
    /// Those of this network alone: its name, or a prefix as 10.1.0.0/16
    #[arg(long, value_name = "NETWORK")]
    network: Option<NetworkLike>,
    /// Those of this machine alone; or of several, as a4:bb:6d:*
    #[arg(long, value_name = "MAC")]
    mac: Option<MacLike>,
    /// Those of this host name alone; or of several, as lab-*
    #[arg(long, value_name = "NAME")]
    host_name: Option<String>,
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

impl From<Which> for Filter {
    fn from(which: Which) -> Self {
        Self {
            states: which.only.into_iter().map(State::from).collect(),
            network: which.network,
            mac: which.mac,
            host_name: which.host_name,
        }
    }
}

impl Leases {
    pub(super) fn run(self) -> Result<ExitCode, Error> {
        match self {
            Self::List {
                which,
                json,
                folder,
            } => {
                let source = Source::open(folder)?;
                let rows = listed(&source, &which.into())?;
                super::print(&rows, if json { print::json } else { print::table })
            }
            Self::Show { whom, json, folder } => {
                let mut rows = Source::open(folder)?.rows()?;
                rows.retain(|row| whom.is(row));
                if rows.is_empty() {
                    return Err(Error::failed(format!("there is no lease of {whom}")));
                }
                super::print(&rows, if json { print::json } else { print::blocks })
            }
            Self::Release { whom, folder } => release::run(&Source::open(folder)?, &whom),
            Self::Export { format, folder } => {
                let rows = Source::open(folder)?.rows()?;
                super::print(
                    &rows,
                    match format {
                        Form::Json => print::lines,
                        Form::Csv => print::csv,
                        Form::Dnsmasq => print::dnsmasq,
                    },
                )
            }
        }
    }
}

/// The leases that a filter takes. A list without any may be a mistake in the question.
fn listed(source: &Source, filter: &Filter) -> Result<Vec<Row>, Error> {
    let mut rows = source.rows()?;
    rows.retain(|row| filter.takes(row));
    if rows.is_empty() && filter.network.is_some() {
        let known = source.known()?;
        filter.check(&known).map_err(Error::usage)?;
    }
    Ok(rows)
}
