//! `raspberry_pi:` → [`RaspberryPi`]: the folder of a boot partition, and the two texts in it that
//! differ from machine to machine.
//!
//! Absent on purpose: which files have to be in the folder (`named` lists them, the service looks),
//! and what becomes of the names that a Pi asks for (`tree`).

use super::entry::{MAX_ARGS, filled};
use super::model::{Action, Entry, Menu, RaspberryPi, Target, Template};
use super::schema::RASPBERRY_PI;
use super::template::Values;
use super::words::target;
use crate::wire::pxe::menu::LOCAL;
use crate::yaml::{Node, Report, Section, text};

/// The longest `config.txt`, in bytes.
const MAX_CONFIG: usize = 32 << 10;

/// Reads it; templates are tried with `sample`.
pub(super) fn read(node: &Node, sample: &Values, report: &mut Report<'_>) -> Option<RaspberryPi> {
    let section = Section::open(node, &RASPBERRY_PI, report)?;
    let folder = section.need("folder", report);
    let folder = folder.and_then(|n| folder_of(n, report));
    let cmdline = section.or("cmdline", None, |n| cmdline(n, sample, report).map(Some));
    let config = section.or("config", None, |n| config(n, sample, report).map(Some));
    Some(RaspberryPi {
        folder: folder?,
        cmdline: cmdline?,
        config: config?,
    })
}

fn folder_of(node: &Node, report: &mut Report<'_>) -> Option<String> {
    match target(node, "folder", report)? {
        Target::Path(path) => Some(path),
        Target::Url(url) => {
            let message = format!("folder \"{url}\" is a URL, but a Pi fetches by TFTP alone");
            let hint = "copy the boot partition below the image folder".to_owned();
            report.error(node.at, message, hint);
            None
        }
    }
}

/// The kernel's arguments: `cmdline.txt` is one line (raspberrypi/documentation).
fn cmdline(node: &Node, sample: &Values, report: &mut Report<'_>) -> Option<Template> {
    let line = text(node, "cmdline", report)?.trim();
    if line.is_empty() || line.chars().any(char::is_control) {
        let message = "cmdline must be one line of text, not empty, without control characters";
        report.error(node.at, message, "begin it with >- to fold it".to_owned());
        return None;
    }
    let whole = filled(node, line, "cmdline", sample, report)?;
    if whole.contains(['\n', '\r']) {
        let message = "cmdline, its variables filled in, has more than one line";
        report.error(node.at, message, None);
        return None;
    }
    if whole.len() > MAX_ARGS {
        let message = format!("cmdline has {} bytes; Linux reads {MAX_ARGS}", whole.len());
        report.warn(node.at, message, None);
    }
    Some(Template(line.to_owned()))
}

fn config(node: &Node, sample: &Values, report: &mut Report<'_>) -> Option<Template> {
    let lines = text(node, "config", report)?;
    let control = |c: char| c.is_control() && !"\n\t\r".contains(c);
    if lines.trim().is_empty() || lines.len() > MAX_CONFIG || lines.contains(control) {
        let message = "config must be the text of a config.txt, of at most 32 KiB, without control characters";
        report.error(node.at, message, "begin it with config: |".to_owned());
        return None;
    }
    filled(node, lines, "config", sample, report)?;
    Some(Template(lines.to_owned()))
}

/// The menu of a profile that has none: whatever else asks by its machines goes on to its own disk.
pub(super) fn menu(name: &str) -> Menu {
    let disk = Entry {
        id: "disk".to_owned(),
        title: "Local disk".to_owned(),
        arch: Vec::new(),
        action: Action::Local,
        servers: Vec::new(),
        item_type: LOCAL,
    };
    Menu {
        title: name.to_owned(),
        timeout: None,
        default: None,
        entries: vec![disk],
        installed: false,
        prompt: None,
    }
}
