//! `bootjack machines`: what was learnt of machines that do not follow what they are offered first,
//! and forgetting it.
//!
//! A running server is asked through its socket, which is elsewhere where its folder takes none; without
//! a server the store itself is read, and written by `forget`.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};

use super::state::{self, Folder};
use crate::config::Effective;
use crate::decide::Port;
use crate::error::Error;
use crate::service::holder;
use crate::service::lease::filter::MacLike;
use crate::service::machines::control::{Ask, FILE};
use crate::service::machines::row::Row;
use crate::service::machines::store::{self, Store};
use crate::wire::{Mac, Platform};
use crate::yaml::counted;

/// What to do; without more, to list.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Machines {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    list: List,
}

/// What to do with what was learnt.
#[derive(Debug, Subcommand)]
enum What {
    /// List what was learnt, a line each firmware
    List(List),
    /// Show what was learnt of one machine
    Show {
        /// The machine, by MAC
        #[arg(value_name = "MAC")]
        mac: Mac,
        /// As a JSON array
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        folder: Folder,
    },
    /// Forget it: the machine is offered again what is usual for its kind
    Forget {
        /// The machines, by MAC
        #[arg(value_name = "MAC", required_unless_present = "all")]
        macs: Vec<Mac>,
        /// All machines
        #[arg(long, conflicts_with = "macs")]
        all: bool,
        #[command(flatten)]
        folder: Folder,
    },
}

/// What to list, and how.
#[derive(Debug, Args)]
struct List {
    /// This machine alone; or several, as a4:bb:6d:*
    #[arg(long, value_name = "MAC")]
    mac: Option<MacLike>,
    /// Firmware of this platform alone
    #[arg(long, value_name = "PLATFORM", value_parser = platforms())]
    platform: Option<String>,
    /// As a JSON array
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    folder: Folder,
}

impl Machines {
    pub(super) fn run(self) -> Result<ExitCode, Error> {
        match self.what.unwrap_or(What::List(self.list)) {
            What::List(list) => {
                let mut rows = rows(&there(list.folder.clone())?)?;
                rows.retain(|row| list.takes(row));
                super::print(&rows, if list.json { as_json } else { table })
            }
            What::Show { mac, json, folder } => {
                let mut rows = rows(&there(folder)?)?;
                rows.retain(|row| row.mac == mac.to_string());
                if rows.is_empty() {
                    return Err(Error::failed(format!("nothing was learnt of {mac}")));
                }
                super::print(&rows, if json { as_json } else { blocks })
            }
            What::Forget { macs, all, folder } => {
                let settings = there(folder)?;
                let whom: Vec<Option<Mac>> = if all {
                    vec![None]
                } else {
                    macs.into_iter().map(Some).collect()
                };
                forget_each(&settings, &whom)
            }
        }
    }
}

impl List {
    fn takes(&self, row: &Row) -> bool {
        self.mac.as_ref().is_none_or(|mac| mac.is(&row.mac))
            && self.platform.as_ref().is_none_or(|p| *p == row.platform)
    }
}

fn platforms() -> PossibleValuesParser {
    let all = Platform::NAMED.into_iter().chain([Platform::Other]);
    all.map(Platform::name).collect::<Vec<_>>().into()
}

/// The settings; a state folder that is not there was probably meant otherwise.
fn there(folder: Folder) -> Result<Effective, Error> {
    let settings = folder.settings()?;
    let folder = &settings.state;
    match std::fs::metadata(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Err(Error::failed(format!(
            "there is no state folder {}: bootjack has not run with it; name another one with --state",
            folder.display()
        ))),
        _ => Ok(settings),
    }
}

/// What is known of machines, of the server or of the store.
pub(super) fn rows(settings: &Effective) -> Result<Vec<Row>, Error> {
    if let Some(answer) = state::asked_anyhow(settings, FILE, &Ask::List {})? {
        return answer.map_err(Error::failed);
    }
    let folder = &settings.state;
    match Store::look(folder) {
        Ok(Some(rows)) => Ok(rows),
        Ok(None) => elsewhere(folder).map_or(Ok(Vec::new()), Err),
        Err(error) => Err(theirs(folder).unwrap_or(error)),
    }
}

/// Nothing is kept in a folder, and a bootjack runs here that does not answer there.
fn elsewhere(folder: &Path) -> Option<Error> {
    let running = holder::of_udp(Port::Pxe.number())?;
    running.name.starts_with("bootjack").then(|| {
        Error::failed(format!(
            "no bootjack answers in {}, and there is no {} in it; {running} runs here with another state folder: name that with --state, or its config file with --config",
            folder.display(),
            store::FILE
        ))
    })
}

/// The store cannot be read, for it is another user's.
fn theirs(folder: &Path) -> Option<Error> {
    let file = folder.join(store::FILE);
    let why = std::fs::File::open(&file).err()?;
    (why.kind() == io::ErrorKind::PermissionDenied).then(|| state::denied(folder, &file))
}

fn forget_each(settings: &Effective, whom: &[Option<Mac>]) -> Result<ExitCode, Error> {
    let mut failed = Vec::new();
    let mut out = io::stdout().lock();
    for mac in whom {
        let who = mac.map_or_else(|| "any machine".to_owned(), |mac| mac.to_string());
        let said = match forget(settings, *mac)? {
            Ok(0) if mac.is_some() => {
                failed.push(format!("nothing was learnt of {who}"));
                continue;
            }
            Ok(_) if mac.is_some() => format!("what was learnt of {who} is forgotten"),
            Ok(n) => format!("forgotten: {}", counted(n, "row")),
            Err(why) => {
                failed.push(why);
                continue;
            }
        };
        super::done(writeln!(out, "{said}"))?;
    }
    if failed.is_empty() {
        Ok(ExitCode::SUCCESS)
    } else {
        Err(Error::failed(failed.join("\n")))
    }
}

/// How many rows were forgotten, or why not.
fn forget(settings: &Effective, mac: Option<Mac>) -> Result<Result<usize, String>, Error> {
    let known: Vec<Row> = rows(settings)?;
    let text = mac.map(|mac| mac.to_string());
    let gone = known.into_iter();
    let meant = |row: &Row| text.as_ref().is_none_or(|mac| row.mac == *mac);
    let gone: Vec<Row> = gone.filter(meant).collect();
    let ask = Ask::Forget { mac: text };
    if let Some(answer) = state::asked_anyhow::<Row>(settings, FILE, &ask)? {
        return Ok(answer.map(|_| gone.len()));
    }
    let folder = &settings.state;
    if !gone.is_empty() {
        Store::forget(folder, &gone).map_err(|error| theirs(folder).unwrap_or(error))?;
    }
    Ok(Ok(gone.len()))
}

fn as_json(out: &mut dyn Write, rows: &[Row]) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, rows)?;
    writeln!(out)
}

/// One line each, in columns; `-` where there is nothing.
fn table(out: &mut dyn Write, rows: &[Row]) -> io::Result<()> {
    let head = ["MAC", "PLATFORM", "FOLLOWS", "TRYING", "SEEN", "SINCE"].map(str::to_owned);
    let lines: Vec<[String; 6]> = std::iter::once(head)
        .chain(rows.iter().map(cells))
        .collect();
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..6).map(width).collect();
    for line in &lines {
        let cells = line.iter().zip(&widths);
        let cells: Vec<String> = cells.map(|(cell, w)| format!("{cell:<w$}")).collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

/// A line each of what there is.
fn blocks(out: &mut dyn Write, rows: &[Row]) -> io::Result<()> {
    let names = ["mac", "platform", "follows", "trying", "seen", "at"];
    for (n, row) in rows.iter().enumerate() {
        out.write_all(if n == 0 { b"" } else { b"\n" })?;
        for (name, value) in names.iter().zip(cells(row)).filter(|(_, v)| v != "-") {
            writeln!(out, "{name:<8}  {value}")?;
        }
    }
    Ok(())
}

/// The shape that is tried now, and how a loop is cut now.
fn tried(row: &Row) -> String {
    let cut = row.cut.as_ref().map(|cut| format!("{cut} (loop)"));
    let all: Vec<String> = row.trying.clone().into_iter().chain(cut).collect();
    all.join(", ")
}

fn cells(row: &Row) -> [String; 6] {
    let or_none = |text: Option<&str>| text.filter(|t| !t.is_empty()).unwrap_or("-").to_owned();
    [
        row.mac.clone(),
        row.platform.clone(),
        or_none(row.follows.as_deref()),
        or_none(Some(&tried(row))),
        or_none(Some(&row.seen.join(","))),
        or_none(row.at.as_deref()),
    ]
}
