//! The config file, read again at each load: its `dhcp:` → [`Networks`], and which of its settings
//! are not what they were at the start.
//!
//! A file that says nothing of DHCP need not be readable for the user that bootjack has become.

use std::io;

use super::{Places, about, folder};
use crate::config::{self, Mode, Settings};
use crate::network::{self, Networks};
use crate::profile::Profiles;
use crate::yaml::report::line_of;
use crate::yaml::{At, Finding, MAX_FILE, Severity, similar};

/// What came of the config file.
pub struct Config {
    /// The networks, unless something is wrong with them.
    pub networks: Option<Networks>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What is right, but not in force.
    pub notices: Vec<String>,
}

/// The shortest `dhcp:` that serves somebody, as lines of a hint.
const EXAMPLE: &str = "describe it in the config file, for example:
      dhcp:
        networks:
          - subnet: 10.1.0.0/24
            options: { routers: 10.1.0.1, dns: 10.1.0.1 }
            pools: [ 10.1.0.100-10.1.0.199 ]";

/// The text; `None` where there is none, or none that is needed. `seen`: it was there before.
pub fn read(places: &Places, seen: bool, findings: &mut Vec<Finding>) -> Option<String> {
    let start = places.config.settings.as_ref();
    let error = match folder::text(&places.config.path, MAX_FILE) {
        Ok(Some(text)) => return Some(text),
        Ok(None) if start.is_none() && !seen => return None,
        Ok(None) => io::Error::from(io::ErrorKind::NotFound),
        Err(error) => error,
    };
    let needed = places.mode == Mode::Dhcp || start.is_some_and(|s| s.dhcp.is_some());
    let severity = if needed {
        Severity::Error
    } else {
        Severity::Warning
    };
    let file = places.config.path.display().to_string();
    let hint = "let the user that bootjack runs as read it; its dhcp: is read while serving";
    findings.push(about(&file, severity, folder::unreadable(&error), hint));
    None
}

/// What the text says; without a text there is no network.
pub fn compile(places: &Places, text: Option<&str>) -> Config {
    let file = places.config.path.display().to_string();
    let (networks, mut findings) = match text {
        Some(text) => network::compile(&file, text),
        None => (Some(Networks::default()), Vec::new()),
    };
    let mut notices = Vec::new();
    match text.map_or_else(|| Ok(Settings::default()), config::settings) {
        // A mistake that both have met is one finding.
        Err(mistake) if findings.iter().any(|f| f.line == mistake.at.line) => {}
        Err(mistake) => {
            let text = text.unwrap_or_default();
            findings.push(finding(
                &file,
                text,
                mistake.at,
                mistake.message,
                mistake.hint,
            ));
        }
        Ok(now) => notices.extend(text.and_then(|_| changed(places, &now))),
    }
    let none = networks.as_ref().is_some_and(|n| n.all.is_empty());
    // Where the file could not be read, that has been said.
    let known = text.is_some() || places.config.settings.is_none();
    if none && known && places.mode == Mode::Dhcp {
        let message = "mode dhcp has no network to serve".to_owned();
        findings.push(about(&file, Severity::Error, message, EXAMPLE));
    }
    Config {
        networks,
        findings,
        notices,
    }
}

fn changed(places: &Places, now: &Settings) -> Option<String> {
    let before = places.config.settings.clone().unwrap_or_default();
    let keys = before.differing(now);
    let file = places.config.path.display();
    (!keys.is_empty()).then(|| {
        let keys = keys.join(", ");
        format!("{file} has changed since the start: {keys}; it is in force after a restart")
    })
}

/// Reservations for profiles that are not there.
pub fn strays(
    networks: &Networks,
    profiles: &Profiles,
    places: &Places,
    text: &str,
) -> Vec<Finding> {
    let file = places.config.path.display().to_string();
    let named = networks.reservations.iter();
    let named = named.filter_map(|r| Some((r.at, r.profile.as_deref()?)));
    let strays = named.filter(|(_, name)| profiles.named(name).is_none());
    let told = strays.take(MAX_STRAYS).map(|(at, name)| {
        let message = format!("no profile is called \"{}\"", name.escape_debug());
        let hint = similar::hint(name, profiles.all.iter().map(|p| p.name.as_str()));
        // No error: a profile that is renamed must not take the addresses of a whole LAN away.
        Finding {
            severity: Severity::Warning,
            ..finding(&file, text, at, message, Some(hint))
        }
    });
    told.collect()
}

/// So many are told at once.
const MAX_STRAYS: usize = 50;

fn finding(file: &str, text: &str, at: At, message: String, hint: Option<String>) -> Finding {
    Finding {
        severity: Severity::Error,
        file: file.into(),
        line: at.line,
        column: at.column,
        text: line_of(text, at),
        message,
        hint,
    }
}
