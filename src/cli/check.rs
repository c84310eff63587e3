//! `bootjack check`: what `serve` would find wrong, without serving.

use std::process::ExitCode;

use crate::config::{self, SettingsArgs};
use crate::error::Error;
use crate::profile::Severity;
use crate::service::load;

pub(super) fn run(args: SettingsArgs) -> Result<ExitCode, Error> {
    let settings = config::effective(args)?;
    let places = load::Places::of(&settings);
    let (loaded, findings) = load::load(&places)?;
    for finding in &findings {
        println!("{finding}");
    }
    let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let profiles = loaded.map_or(0, |snapshot| snapshot.profiles.all.len());
    println!(
        "{}: {profiles} profiles, {errors} errors, {warnings} warnings",
        places.describe()
    );
    Ok(if errors == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
