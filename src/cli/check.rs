//! `bootjack check`: what `serve` would find wrong, without serving.

use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::config::{self, Effective, SettingsArgs};
use crate::error::Error;
use crate::profile::Snapshot;
use crate::service::load::{Loader, Places};
use crate::service::{interfaces, privilege};
use crate::yaml::{Finding, Severity};

pub(super) fn run(args: SettingsArgs) -> Result<ExitCode, Error> {
    let settings = config::effective(args)?;
    let mut loaded = Loader::new(Places::from(&settings)).load();
    loaded.findings.extend(of_settings(&settings));
    let count = |severity| {
        loaded
            .findings
            .iter()
            .filter(|f| f.severity == severity)
            .count()
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let snapshot = loaded.snapshot.unwrap_or_default();
    let mut said: Vec<String> = loaded.findings.iter().map(ToString::to_string).collect();
    said.push(format!(
        "{} can be served, {errors} errors, {warnings} warnings\n",
        counted(&snapshot)
    ));
    super::done(io::stdout().write_all(said.join("\n").as_bytes()))?;
    Ok(if errors == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What can be served; networks where there are any.
fn counted(snapshot: &Snapshot) -> String {
    let profiles = snapshot.profiles.all.len();
    let networks = snapshot.networks.all.len();
    let reservations = snapshot.networks.reservations.len();
    if networks + reservations == 0 {
        return format!("{profiles} profiles");
    }
    format!("{profiles} profiles, {networks} networks and {reservations} reservations")
}

/// What `serve` would stumble over in its settings, and what is probably a slip.
fn of_settings(settings: &Effective) -> Vec<Finding> {
    let interfaces = interfaces::to_serve(&settings.interface).err();
    let interfaces = interfaces.filter(|_| !settings.interface.is_empty());
    let user = privilege::find(settings.user.as_deref()).err();
    let errors = interfaces.into_iter().chain(user);
    let mut findings: Vec<Finding> = errors
        .map(|e| finding(Severity::Error, &e.to_string()))
        .collect();
    if !settings.images.is_dir() {
        let text = format!(
            "there is no image folder {}; create it for kernels and initrds",
            settings.images.display()
        );
        findings.push(finding(Severity::Warning, &text));
    }
    findings
}

fn finding(severity: Severity, message: &str) -> Finding {
    Finding {
        severity,
        file: "settings".into(),
        line: 0,
        column: 0,
        text: String::new(),
        message: message.to_owned(),
        hint: None,
    }
}
