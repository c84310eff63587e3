//! `bootjack config`: every setting, its value, and who said so.

use std::io::Write as _;
use std::process::ExitCode;

use clap::ArgMatches;

use crate::client::quirk;
use crate::config::{self, Effective, LIVE, Origin, Settings, SettingsArgs};
use crate::error::Error;
use crate::network::{self, CONFIG_FILE};
use crate::yaml::counted;

pub(super) fn run(args: SettingsArgs, matches: &ArgMatches) -> Result<ExitCode, Error> {
    let own = matches.subcommand().map_or(matches, |(_, matches)| matches);
    let effective = config::effective(args)?;
    let origins = config::origins(own, &effective.file);
    let values = serde_json::to_value(&effective).map_err(|e| Error::failed(e.to_string()))?;
    let live = |key: &str| match key {
        "dhcp" => dhcp(&effective),
        _ => quirks(&effective),
    };
    super::done(print(&origins, &values, live))
}

/// The text of the config file, where it gives a key.
fn text(effective: &Effective, given: impl Fn(&Settings) -> bool) -> Option<String> {
    effective.file.settings.as_ref().filter(|s| given(s))?;
    config::text::read(&effective.file.path, CONFIG_FILE.most).ok()
}

/// How many rows `quirks:` of the config file adds, in words; empty where it is not given.
fn quirks(effective: &Effective) -> String {
    let Some(text) = text(effective, |s| s.quirks.is_some()) else {
        return String::new();
    };
    let (rows, findings) = quirk::compile(&effective.file.path.display().to_string(), &text);
    match rows {
        Some(rows) => format!(" {}", counted(rows.len(), "row")),
        None => format!(
            " {}, see `bootjack check`",
            counted(findings.len(), "finding")
        ),
    }
}

/// What `dhcp:` of the config file holds, in words; empty where it is not given.
fn dhcp(effective: &Effective) -> String {
    let Some(text) = text(effective, |s| s.dhcp.is_some()) else {
        return String::new();
    };
    let (networks, findings) = network::compile(&effective.file.path.display().to_string(), &text);
    match networks {
        Some(all) => format!(
            " {}, {}",
            counted(all.all.len(), "network"),
            counted(all.reservations.len(), "reservation")
        ),
        None => format!(
            " {}, see `bootjack check`",
            counted(findings.len(), "finding")
        ),
    }
}

/// Valid YAML: it can be saved as a config file; but for what is no flag, which
/// stays where it is.
fn print(
    origins: &[(String, Origin)],
    values: &serde_json::Value,
    live: impl Fn(&str) -> String,
) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for (key, origin) in origins {
        let value = values.get(key).cloned().unwrap_or_default();
        let unset = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        let line = if LIVE.contains(&key.as_str()) {
            format!("# {key}:{}", live(key))
        } else if unset {
            format!("# {key}:")
        } else {
            format!("{key}: {value}")
        };
        writeln!(out, "{line:<48} # {origin}")?;
    }
    Ok(())
}
