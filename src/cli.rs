//! The commands, one enum; each lives in a file of its own.
//!
//! Exit codes: 0 fine, 1 findings or runtime failure, 2 wrong usage (of `doctor` and `probe`:
//! whatever keeps them from asking), 3 mode `dhcp` beside another DHCP server.

pub mod assets;
mod check;
mod config;
mod docs;
mod doctor;
mod explain;
mod leases;
mod machines;
mod probe;
mod quirks;
mod serve;
mod state;
mod usage;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::SettingsArgs;
use crate::error::Error;

/// Netboot appliance: ProxyDHCP or DHCP, TFTP, HTTP and boot menus, beside the DHCP server you have or in its place
#[derive(Debug, Parser)]
#[command(
    name = "bootjack",
    version,
    max_term_width = 100,
    propagate_version = true
)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the appliance
    Serve(SettingsArgs),
    /// Load settings and profiles, bind nothing, print what is wrong
    Check(SettingsArgs),
    /// Show what a machine would be answered, and why
    Explain(explain::Explain),
    /// List, show, end and export the leases of mode dhcp
    #[command(subcommand)]
    Leases(leases::Leases),
    /// List and show what was learnt of machines that need another reply, and forget it
    Machines(machines::Machines),
    /// Ask the LAN and this host what is there, what is wrong, and which mode to run (as root)
    Doctor(doctor::Doctor),
    /// Go through a boot as a certain firmware would, against whatever serves the LAN (as root)
    Probe(probe::Probe),
    /// Show the settings in force and where each comes from
    Config(SettingsArgs),
    /// Print the table of firmware oddities, with the evidence for each
    Quirks(SettingsArgs),
    /// List the embedded boot loaders: version, licence, digest, source
    Assets {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff)
    Man,
}

/// Parses the command line and runs it.
pub fn main() -> ExitCode {
    let matches = usage::matches(Cli::command());
    let outcome = match Cli::from_arg_matches(&matches) {
        Ok(cli) => run(cli.command, &matches),
        Err(e) => e.exit(),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "bootjack: {error}");
            ExitCode::from(error.code)
        }
    }
}

fn run(command: Command, matches: &clap::ArgMatches) -> Result<ExitCode, Error> {
    match command {
        Command::Serve(args) => serve::run(args),
        Command::Check(args) => check::run(args),
        Command::Explain(explain) => explain.run(),
        Command::Leases(leases) => leases.run(),
        Command::Machines(machines) => machines.run(),
        Command::Doctor(doctor) => doctor.run(),
        Command::Probe(probe) => probe.run(),
        Command::Config(args) => config::run(args, matches),
        Command::Quirks(args) => quirks::run(args),
        Command::Assets { json } => done(assets::print(&mut std::io::stdout().lock(), json)),
        Command::Completions { shell } => done(docs::completions(shell)),
        Command::Man => done(docs::man()),
    }
}

/// Writes a form of rows, part by part.
fn print<R>(
    rows: &[R],
    form: fn(&mut dyn Write, &[R]) -> io::Result<()>,
) -> Result<ExitCode, Error> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    done(form(&mut out, rows).and_then(|()| out.flush()))
}

/// A reader that has seen enough (`| head`) is no failure.
fn done(outcome: io::Result<()>) -> Result<ExitCode, Error> {
    match outcome {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::failed(format!("cannot write: {e}")))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}
