//! `bootjack check`: what `serve` would find wrong, without serving.

use std::process::ExitCode;

use crate::config::{self, SettingsArgs};
use crate::error::Error;
use crate::profile::Severity;
use crate::service::load::{Loader, Places};

pub(super) fn run(args: SettingsArgs) -> Result<ExitCode, Error> {
    let settings = config::effective(args)?;
    let loaded = Loader::new(Places::from(&settings)).load();
    for finding in &loaded.findings {
        println!("{finding}");
    }
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
    println!("{profiles} profiles can be served, {errors} errors, {warnings} warnings");
    Ok(if errors == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
