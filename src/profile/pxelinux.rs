//! `pxelinux:` → [`Pxelinux`]: what pxelinux is told by DHCP beside its file (RFC 5071).

use std::time::Duration;

use super::model::Pxelinux;
use super::schema::PXELINUX;
use crate::wire::CleanPath;
use crate::yaml::{Node, Report, Section, duration, text};

/// The longest name that pxelinux takes, in bytes.
const MAX_NAME: usize = 127;

/// Reads it.
pub(super) fn read(node: &Node, report: &mut Report<'_>) -> Option<Pxelinux> {
    let section = Section::open(node, &PXELINUX, report)?;
    if PXELINUX.keys.iter().all(|key| section.get(key).is_none()) {
        let hint = "leave it out, or write config, prefix or reboot into it".to_owned();
        report.error(node.at, "pxelinux is empty", hint);
        return None;
    }
    let config = section.or("config", None, |n| name(n, "config", report).map(Some));
    if let (Some(node), None, Some(Some(config))) =
        (section.get("config"), section.get("prefix"), &config)
    {
        warn_of_elsewhere(config, node, report);
    }
    let prefix = section.or("prefix", None, |n| prefix(n, report).map(Some));
    let reboot = section.or("reboot", None, |n| reboot(n, report).map(Some));
    Some(Pxelinux {
        config: config?,
        prefix: prefix?,
        reboot: reboot?,
    })
}

/// A name as pxelinux reads it: to a blank it ends.
fn name(node: &Node, what: &str, report: &mut Report<'_>) -> Option<String> {
    let written = text(node, what, report)?;
    let plain = !written.is_empty() && written.bytes().all(|b| b.is_ascii_graphic());
    if plain && written.len() <= MAX_NAME {
        return Some(written.to_owned());
    }
    let message = format!(
        "{what} \"{}\" is nothing that pxelinux takes: ASCII without blanks, at most {MAX_NAME} bytes",
        written.escape_debug()
    );
    report.error(node.at, message, None);
    None
}

/// A name that leads out of the folders that are served: pxelinux asks for it, and gets nothing.
fn warn_of_elsewhere(config: &str, node: &Node, report: &mut Report<'_>) {
    let ours = !config.contains("://") && !config.contains("::");
    if ours && CleanPath::new(config.as_bytes()).is_err() {
        let message = format!(
            "config \"{}\" is no name of a file that is served",
            config.escape_debug()
        );
        let hint = "write images/ and its path below the image folder".to_owned();
        report.warn(node.at, message, hint);
    }
}

/// It is put in front of each name as it is.
fn prefix(node: &Node, report: &mut Report<'_>) -> Option<String> {
    let prefix = name(node, "prefix", report)?;
    if !prefix.ends_with('/') {
        let message = format!("prefix \"{prefix}\" does not end with /");
        report.error(node.at, message, format!("did you mean \"{prefix}/\"?"));
        return None;
    }
    Some(prefix)
}

fn reboot(node: &Node, report: &mut Report<'_>) -> Option<u32> {
    let word = text(node, "reboot", report)?;
    let seconds = duration(word).as_ref().map(Duration::as_secs);
    let seconds = seconds
        .and_then(|s| u32::try_from(s).ok())
        .filter(|s| *s > 0);
    if seconds.is_none() {
        let message = format!("reboot: \"{}\" is no time to wait", word.escape_debug());
        report.error(node.at, message, "write 30s or 5m".to_owned());
    }
    seconds
}
