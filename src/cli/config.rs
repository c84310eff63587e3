//! `bootjack config`: every setting, its value, and who said so.

use std::io::Write as _;
use std::process::ExitCode;

use clap::ArgMatches;

use crate::config::{self, Effective, Origin, SettingsArgs};
use crate::error::Error;
use crate::network::{self, CONFIG_FILE};
use crate::yaml::counted;

pub(super) fn run(args: SettingsArgs, matches: &ArgMatches) -> Result<ExitCode, Error> {
    let own = matches.subcommand().map_or(matches, |(_, matches)| matches);
    let effective = config::effective(args)?;
    let origins = config::origins(own, &effective.file);
    let values = serde_json::to_value(&effective).map_err(|e| Error::failed(e.to_string()))?;
    super::done(print(&origins, &values, &dhcp(&effective)))
}

/// What `dhcp:` of the config file holds, in words; empty where it is not given.
fn dhcp(effective: &Effective) -> String {
    let given = effective.file.settings.as_ref().and_then(|s| s.dhcp);
    let path = &effective.file.path;
    let text = given.and_then(|_| config::text::read(path, CONFIG_FILE.most).ok());
    let Some(text) = text else {
        return String::new();
    };
    let (networks, findings) = network::compile(&path.display().to_string(), &text);
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
