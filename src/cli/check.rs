//! `bootjack check`: what `serve` would find wrong, without serving.

use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::config::{self, SettingsArgs};
use crate::error::Error;
use crate::profile::Severity;
use crate::service::load::{Loader, Places};

pub(super) fn run(args: SettingsArgs) -> Result<ExitCode, Error> {
    let settings = config::effective(args)?;
    let loaded = Loader::new(Places::from(&settings)).load();
    let count = |severity| {
        loaded
            .findings
            .iter()
            .filter(|f| f.severity == severity)
            .count()
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let profiles = loaded
        .snapshot
        .map_or(0, |snapshot| snapshot.profiles.all.len());
    let mut said: Vec<String> = loaded.findings.iter().map(ToString::to_string).collect();
    said.push(format!(
        "{profiles} profiles can be served, {errors} errors, {warnings} warnings\n"
    ));
    super::done(io::stdout().write_all(said.join("\n").as_bytes()))?;
    Ok(if errors == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
