//! `bootjack config`: every setting, its value, and who said so.

use std::io::Write as _;
use std::process::ExitCode;

use clap::ArgMatches;

use crate::config::{self, Effective, Origin, SettingsArgs};
use crate::error::Error;
use crate::network;

pub(super) fn run(args: SettingsArgs, matches: &ArgMatches) -> Result<ExitCode, Error> {
    let file = config::read_file(args.config.as_deref())?;
    let own = matches.subcommand().map_or(matches, |(_, matches)| matches);
    let origins = config::origins(own, file.as_ref());
    let effective = config::effective(args)?;
    let values = serde_json::to_value(&effective).map_err(|e| Error::failed(e.to_string()))?;
    super::done(print(&origins, &values, &dhcp(&effective)))
}

/// What `dhcp:` of the config file holds, in words; empty where it is not given.
fn dhcp(effective: &Effective) -> String {
    let given = effective.file.settings.as_ref().and_then(|s| s.dhcp);
    let text = given.and_then(|_| std::fs::read_to_string(&effective.file.path).ok());
    let Some(text) = text else {
        return String::new();
    };
    let (networks, findings) = network::compile(&effective.file.path.display().to_string(), &text);
    match networks {
        Some(all) => format!(
            " {} networks, {} reservations",
            all.all.len(),
            all.reservations.len()
        ),
        None => format!(" {} findings, see `bootjack check`", findings.len()),
    }
}

/// Valid YAML: it can be saved as a config file; but for `dhcp`, which stays where it is.
fn print(
    origins: &[(String, Origin)],
    values: &serde_json::Value,
    dhcp: &str,
) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for (key, origin) in origins {
        let value = values.get(key).cloned().unwrap_or_default();
        let unset = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        let line = if key == "dhcp" {
            format!("# {key}:{dhcp}")
        } else if unset {
            format!("# {key}:")
        } else {
            format!("{key}: {value}")
        };
        writeln!(out, "{line:<48} # {origin}")?;
    }
    Ok(())
}
