//! `bootjack config`: every setting, its value, and who said so.

use std::io::Write as _;
use std::process::ExitCode;

use clap::ArgMatches;

use crate::config::{self, SettingsArgs};
use crate::error::Error;

pub(super) fn run(args: SettingsArgs, matches: &ArgMatches) -> Result<ExitCode, Error> {
    let file = config::read_file(args.config.as_deref())?;
    let own = matches.subcommand().map_or(matches, |(_, matches)| matches);
    let origins = config::origins(own, file.as_ref());
    let effective = config::effective(args)?;
    let values = serde_json::to_value(&effective).map_err(|e| Error::failed(e.to_string()))?;
    super::done(print(&origins, &values))
}

/// Valid YAML: it can be saved as a config file.
fn print(origins: &[(String, config::Origin)], values: &serde_json::Value) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for (key, origin) in origins {
        let value = values.get(key).cloned().unwrap_or_default();
        let unset = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        let line = if unset {
            format!("# {key}:")
        } else {
            format!("{key}: {value}")
        };
        writeln!(out, "{line:<48} # {origin}")?;
    }
    Ok(())
}
