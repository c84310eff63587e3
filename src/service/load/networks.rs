//! The config file, read again at each load: its `dhcp:` → [`Networks`], its `quirks:` → rows of the
//! quirk table, and which of its settings are not what they were at the start.
//!
//! A file that says nothing of DHCP need not be readable for the user that bootjack has become.

use std::io;
use std::sync::Arc;

use super::{Places, about, folder};
use crate::client::quirk;
use crate::config::{self, Mode, Settings, text::Unreadable};
use crate::network::{self, Beside, CONFIG_FILE, Networks};
use crate::yaml::{At, Finding, Report, Severity};

/// What came of the config file.
pub struct Config {
    /// The networks, unless something is wrong with them.
    pub networks: Option<Networks>,
    /// The quirk table, likewise.
    pub quirks: quirk::Table,
    /// Where its quirks name loaders.
    pub loaders: Vec<(At, String)>,
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
    let error = match folder::text(&places.config.path, CONFIG_FILE.most) {
        Ok(Some(text)) => return Some(text),
        Ok(None) if start.is_none() && !seen => return None,
        Ok(None) => Unreadable::System(io::ErrorKind::NotFound.into()),
        Err(error) => error,
    };
    let needed =
        places.mode == Mode::Dhcp || start.is_some_and(|s| s.dhcp.is_some() || s.quirks.is_some());
    let severity = if needed {
        Severity::Error
    } else {
        Severity::Warning
    };
    let file = places.config.path.display().to_string();
    findings.push(error.finding(&file, severity, &remedy(&error)));
    None
}

fn remedy(error: &Unreadable) -> String {
    match error {
        Unreadable::TooLarge(_) => CONFIG_FILE.too_much.to_owned(),
        Unreadable::NoFile => "it is read again while serving, so it has to be a file".to_owned(),
        Unreadable::System(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            format!(
                "it is read again while serving; {}",
                folder::readable("644")
            )
        }
        _ => "put it back; it is read again while serving".to_owned(),
    }
}

/// What the text says; without a text there is no network.
pub fn compile(places: &Places, text: Option<&str>, beside: Beside<'_>) -> Config {
    let file: Arc<str> = places.config.path.display().to_string().into();
    let mut notices = Vec::new();
    let mut quirks = quirk::Table::default();
    let mut loaders = Vec::new();
    let (networks, mut findings) = match text {
        Some(text) => {
            let mut report = Report::new(&file, text);
            let read = report.parse(&CONFIG_FILE).map(|root| {
                let now = config::settings(&root, &mut report);
                let named = quirk::loaders(&root).into_iter();
                loaders.extend(named.map(|(at, name)| (at, name.to_owned())));
                quirks = quirk::Table::with(quirk::of_config(
                    &root,
                    Some(places.mode.replies()),
                    &mut report,
                ));
                (now, network::of_config(&root, beside, &mut report))
            });
            let (now, networks) = read.filter(|_| !report.is_wrong()).unzip();
            notices.extend(now.and_then(|now| changed(places, &now)));
            (networks.flatten(), report.finish())
        }
        None => (Some(Networks::default()), Vec::new()),
    };
    let none = networks.as_ref().is_some_and(|n| n.all.is_empty());
    // Where the file could not be read, that has been said.
    let known = text.is_some() || places.config.settings.is_none();
    if none && known && places.mode == Mode::Dhcp {
        let message = "mode dhcp has no network to serve".to_owned();
        findings.push(about(&file, Severity::Error, message, EXAMPLE));
    }
    Config {
        networks,
        quirks,
        loaders,
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
