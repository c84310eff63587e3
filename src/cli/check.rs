//! `bootjack check`: what `serve` would find wrong, without serving.
//!
//! As root it becomes the user that `serve` would become before it reads, since that user reads the
//! files again at every change: what only root can read is found here, not at the start.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use nix::unistd::{AccessFlags, access};

use crate::config::{self, Effective, Mode, SettingsArgs, finding};
use crate::error::Error;
use crate::event::What;
use crate::profile::Snapshot;
use crate::service::lease::{control, owner};
use crate::service::load::{Loader, Places};
use crate::service::{dhcp_servers, giving, interfaces, privilege, tls};
use crate::yaml::{Finding, Severity, counted};

pub(super) fn run(args: SettingsArgs) -> Result<ExitCode, Error> {
    let (settings, mut said) = config::whatever(args)?;
    let mut of_settings = of_settings(&settings);
    of_settings.extend(of_tls(&settings));
    if let Err(error) = privilege::drop_to(settings.user.as_deref(), None) {
        of_settings.push(finding(Severity::Error, &error.to_string()));
    }
    of_settings.extend(of_state(&settings));
    let loaded = Loader::new(Places::from(&settings)).load();
    // The config file is read twice.
    said.retain(|finding| !loaded.findings.contains(finding));
    let of_places = loaded.snapshot.as_ref().map(|s| of_places(&settings, s));
    let all = said.into_iter().chain(loaded.findings).chain(of_settings);
    let findings: Vec<Finding> = all.chain(of_places.unwrap_or_default()).collect();
    let snapshot = loaded.snapshot.unwrap_or_default();
    report(&findings, &counts(&snapshot))
}

/// Prints what was found; the exit code tells whether there is an error.
fn report(findings: &[Finding], served: &str) -> Result<ExitCode, Error> {
    let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let mut said: Vec<String> = findings.iter().map(ToString::to_string).collect();
    let errors_said = counted(errors, "error");
    let served = if errors == 0 {
        format!("{served} can be served, ")
    } else {
        String::new()
    };
    said.push(format!(
        "{served}{errors_said}, {}\n",
        counted(warnings, "warning")
    ));
    super::done(io::stdout().write_all(said.join("\n").as_bytes()))?;
    Ok(if errors == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What can be served; networks where there are any.
fn counts(snapshot: &Snapshot) -> String {
    let profiles = counted(snapshot.profiles.all.len(), "profile");
    let (networks, reservations) = (
        snapshot.networks.all.len(),
        snapshot.networks.reservations.len(),
    );
    if networks + reservations == 0 {
        return profiles;
    }
    let (networks, reservations) = (
        counted(networks, "network"),
        counted(reservations, "reservation"),
    );
    format!("{profiles}, {networks} and {reservations}")
}

/// What `serve` would stumble over in its settings, and what is probably a slip.
fn of_settings(settings: &Effective) -> Vec<Finding> {
    let interfaces = interfaces::to_serve(&settings.interface).err();
    let interfaces = interfaces.filter(|_| !settings.interface.is_empty());
    let mut findings: Vec<Finding> = interfaces
        .map(|e| finding(Severity::Error, &e.to_string()))
        .into_iter()
        .collect();
    let present = interfaces::now();
    let own: Vec<_> = present.into_iter().flat_map(|i| i.nets).collect();
    let misnamed = dhcp_servers::misnamed(settings, &own).into_iter();
    findings.extend(misnamed.map(|(severity, text)| finding(severity, &text)));
    if !settings.images.is_dir() {
        let text = format!(
            "there is no image folder {}; create it for kernels and initrds",
            settings.images.display()
        );
        findings.push(finding(Severity::Warning, &text));
    }
    findings
}

/// What is wrong with HTTPS: its key is read as root, as `serve` reads it.
fn of_tls(settings: &Effective) -> Vec<Finding> {
    let served = interfaces::to_serve(&settings.interface).unwrap_or_default();
    tls::findings(settings, &interfaces::all_of(&served))
}

/// Interfaces of this host where `serve` would warn that it gives no leases.
fn of_places(settings: &Effective, snapshot: &Snapshot) -> Vec<Finding> {
    if settings.mode != Mode::Dhcp {
        return Vec::new();
    }
    let present = interfaces::present(&settings.interface);
    let said = giving::places(&snapshot.networks, &present).into_iter();
    said.filter_map(|what| match what {
        What::Warning { text } => Some(finding(Severity::Warning, &text)),
        _ => None,
    })
    .collect()
}

/// What the state folder lacks where it has to hold leases: as the user that writes there.
fn of_state(settings: &Effective) -> Option<Finding> {
    let folder = &settings.state;
    if settings.mode != Mode::Dhcp {
        return None;
    }
    let why = control::misplaced(folder)
        .or_else(|| unwritable(folder))
        .or_else(|| owner::denied(folder))?;
    Some(finding(Severity::Error, &why))
}

/// A folder that is not there is made at the start.
fn unwritable(folder: &Path) -> Option<String> {
    let all = AccessFlags::R_OK | AccessFlags::W_OK | AccessFlags::X_OK;
    let absent = fs::metadata(folder).is_err_and(|e| e.kind() == io::ErrorKind::NotFound);
    if absent || access(folder, all).is_ok() && folder.is_dir() {
        return None;
    }
    let (shown, user) = (folder.display(), privilege::me());
    Some(format!(
        "the state folder {shown} cannot be written by user {user}, who keeps the leases there; \
         `chown {user} {shown}`, or set `state` to another folder"
    ))
}
