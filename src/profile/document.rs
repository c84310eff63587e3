//! One file's text → one profile with its `match:`, and everything wrong with it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::Source;
use super::clause;
use super::fits;
use super::http_boot::{self, HttpBoot};
use super::matching::Match;
use super::menu::{self, Placement};
use super::model::{Loader, PerArch, Profile};
use super::named::{self, Named};
use super::parts::Parts;
use super::pinned;
use super::pxelinux;
use super::raspberry_pi;
use super::schema::{FIRMWARE, PROFILE, per_arch};
use super::template::{NAMES, Values};
use super::words::{MAX_TITLE, title};
use crate::client::Shape;
use crate::network;
use crate::wire::Platform;
use crate::yaml::{
    self, At, FileKind, Finding, MAX_FILE, Node, Report, Section, Severity, Value, kind, similar,
    text, word_of, yes_no,
};

/// The most variables a profile may have, and the longest of them in bytes.
const MAX_VARS: usize = 256;
const MAX_VAR: usize = 4096;

/// A profile's file.
const FILE: FileKind = FileKind {
    what: "profile",
    most: MAX_FILE,
    too_much: "split it; a list of addresses may be spread over several profiles",
    second: "put it into a file of its own",
};

/// What came of one file.
#[derive(Debug)]
pub(super) struct Checked {
    /// The profile, unless there is an error among the findings.
    pub profile: Option<(Arc<Profile>, Arc<Match>)>,
    /// Its name, also where something else is wrong with it; `None` where it cannot be told.
    pub called: Option<String>,
    /// Where its name stands (the file's begin where it has none).
    pub name_at: At,
    /// Where its parts stand.
    pub parts: Parts,
    /// The files that it names.
    pub named: Vec<Named>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// Reads one file.
pub(super) fn check(source: &Source) -> Checked {
    let mut report = Report::new(&source.file, &source.text);
    let node = document(&mut report);
    let called = node.as_ref().and_then(|node| called(node, source));
    let named = node.as_ref().map(named::all).unwrap_or_default();
    let read = node.and_then(|node| read(&node, source, &mut report));
    let findings = report.finish();
    let wrong = findings.iter().any(|f| f.severity == Severity::Error);
    let read = read.filter(|_| !wrong);
    Checked {
        called,
        named,
        name_at: read.as_ref().map_or(At::default(), |read| read.name_at),
        parts: read
            .as_ref()
            .map(|read| read.parts.clone())
            .unwrap_or_default(),
        profile: read.map(|read| (Arc::new(read.profile), Arc::new(read.matching))),
        findings,
    }
}

fn document(report: &mut Report<'_>) -> Option<Node> {
    let node = report.parse(&FILE)?;
    if matches!(node.value, Value::Null) {
        let hint = "remove it, or let its name end in .off".to_owned();
        report.error(At::default(), "the file holds no profile", hint);
        return None;
    }
    Some(node)
}

/// What every source is called: the name it gives itself, or its file's. `None`: that cannot be told.
fn called(node: &Node, source: &Source) -> Option<String> {
    let Value::Map(fields) = &node.value else {
        return None;
    };
    match fields.iter().find(|(key, _)| key.text == "name") {
        None => Some(stem(source)),
        Some((_, named)) => match &named.value {
            Value::Scalar { text, .. } => Some(text.trim().to_owned()),
            _ => None,
        },
    }
}

/// A profile as it is written.
struct Written {
    profile: Profile,
    matching: Match,
    name_at: At,
    parts: Parts,
}

/// The flow: each part is read whatever became of the others, so that all findings are seen.
fn read(node: &Node, source: &Source, report: &mut Report<'_>) -> Option<Written> {
    let section = Section::open(node, &PROFILE, report)?;
    let name = name(&section, source, report);
    let vars = section.or("vars", BTreeMap::new(), |n| vars(n, report));
    let matching = section.or("match", Match::default(), |n| clause::read(n, report));
    let auto = PerArch::All(Loader::Auto);
    let loader = section.or("loader", auto, |n| loader(n, report));
    let group = firmware(&section, report).map_or(Some(None), |n| multicast(n, report).map(Some));
    let strategy = section.or("strategy", None, |n| strategy(n, report).map(Some));
    let secure_boot = section.or("secure_boot", None, |n| {
        yes_no(n, "secure_boot", report).map(Some)
    });
    let http_boot = section.or("http_boot", HttpBoot::default(), |n| {
        http_boot::read(n, report)
    });
    let dhcp = section.or("dhcp", Default::default(), |n| {
        network::of_profile(n, report)
    });
    let known = vars.clone().unwrap_or_else(|| named(&section));
    let (called, sample) = (name.as_deref().unwrap_or_default(), sample(&known));
    let pi = section.or("raspberry_pi", None, |n| {
        raspberry_pi::read(n, &sample, report).map(Some)
    });
    let pxelinux = section.or("pxelinux", None, |n| pxelinux::read(n, report).map(Some));
    let menu = match (section.get("menu"), section.get("raspberry_pi")) {
        (None, Some(_)) => Some(Placement::of(raspberry_pi::menu(called))),
        _ => section
            .need("menu", report)
            .and_then(|n| menu::read(n, called, &sample, report)),
    };
    let (menu, matching, (terms, criteria)) = (menu?, matching?, dhcp?);
    menu.warn_of_dead_entries(&matching, report);
    let profile = Profile {
        name: name?.into(),
        file: source.file.clone(),
        menu: menu.menu,
        loader: loader?,
        strategy: strategy?,
        secure_boot: secure_boot?,
        http_boot: http_boot?,
        multicast: group?,
        raspberry_pi: pi?,
        pxelinux: pxelinux?,
        vars: vars?,
        terms,
        criteria,
    };
    warn_of_missing_loaders(&profile, &matching, place(&section, "loader"), report);
    fits::check(&profile, &matching, &places(&section, &menu.at), report);
    pinned::check(&profile, &matching, place(&section, "strategy"), report);
    let parts = Parts {
        strategy: place(&section, "strategy"),
        http_boot: place(&section, "http_boot"),
        menu: place(&section, "menu"),
        entries: menu.at,
    };
    let at = (parts.http_boot, parts.entries.as_slice());
    http_boot::check(&profile, &matching, at, report);
    Some(Written {
        profile,
        matching,
        name_at: place(&section, "name"),
        parts,
    })
}

/// Where a key's value stands, else the profile.
fn place(section: &Section<'_>, key: &str) -> At {
    section.get(key).map_or(section.at, |n| n.at)
}

fn places<'a>(section: &Section<'_>, entries: &'a [At]) -> fits::Places<'a> {
    let menu = place(section, "menu");
    let in_menu = |key| in_menu(section, key).unwrap_or(menu);
    fits::Places {
        strategy: place(section, "strategy"),
        menu,
        timeout: in_menu("timeout"),
        installed: in_menu("installed"),
        entries,
        only_firmware: only_firmware(section),
    }
}

fn name(section: &Section<'_>, source: &Source, report: &mut Report<'_>) -> Option<String> {
    if let Some(node) = section.get("name") {
        return title(node, "name", report);
    }
    Some(stem(source))
}

/// The name of a profile that gives itself none.
fn stem(source: &Source) -> String {
    let file = source.file.rsplit('/').next().unwrap_or_default();
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let clean: String = stem
        .chars()
        .take(MAX_TITLE)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    clean.replace("${", "$ {")
}

/// The value of `firmware: multicast:`.
fn firmware<'n>(section: &Section<'n>, report: &mut Report<'_>) -> Option<&'n Node> {
    let section = Section::open(section.get("firmware")?, &FIRMWARE, report)?;
    section.need("multicast", report)
}

/// A group that boot servers are asked in.
fn multicast(node: &Node, report: &mut Report<'_>) -> Option<Ipv4Addr> {
    let word = text(node, "multicast", report)?;
    // 224.0.0.x are for the link's own protocols (RFC 5771 section 4).
    let group = |a: &Ipv4Addr| a.is_multicast() && !a.octets().starts_with(&[224, 0, 0]);
    let address = word.parse().ok().filter(group);
    if address.is_none() {
        let message = format!("\"{}\" is no group for boot servers", word.escape_debug());
        let hint = "write an IPv4 multicast address such as 239.255.40.11".to_owned();
        report.error(node.at, message, hint);
    }
    address
}

/// The first key that only a menu in the firmware has a use for.
fn only_firmware(section: &Section<'_>) -> Option<(&'static str, At)> {
    let own = section
        .field("firmware")
        .map(|(key, _)| ("firmware", key.at));
    own.or_else(|| Some(("prompt", in_menu(section, "prompt")?)))
}

/// Where a key of the menu stands.
fn in_menu(section: &Section<'_>, key: &str) -> Option<At> {
    let Value::Map(fields) = &section.get("menu")?.value else {
        return None;
    };
    let (key, _) = fields.iter().find(|(k, _)| k.text == key)?;
    Some(key.at)
}

fn loader(node: &Node, report: &mut Report<'_>) -> Option<PerArch<Loader>> {
    let loaders = per_arch(node, "loader", report, loader_word)?;
    let PerArch::Each(each) = &loaders else {
        return Some(loaders);
    };
    if let Some((platform, loader)) = each.iter().find(|(p, l)| is_none_there(**l, **p)) {
        let message = format!("there is no {} for {platform} machines", loader.name());
        let hint = "write auto there, or leave it out".to_owned();
        report.error(node.at, message, hint);
        return None;
    }
    Some(loaders)
}

/// The shape that a ROM is answered in.
fn strategy(node: &Node, report: &mut Report<'_>) -> Option<PerArch<Shape>> {
    let all = Shape::ALL.into_iter().filter(|shape| shape.is_for_roms());
    let all: Vec<_> = all.map(|shape| (shape.name(), shape)).collect();
    per_arch(node, "strategy", report, |n, r| {
        word_of(n, "strategy", &all, r)
    })
}

/// Whether a loader asked for by name does not exist on a platform.
fn is_none_there(loader: Loader, platform: Platform) -> bool {
    // Firmware loads programs by itself where there is no loader of ours.
    !matches!(loader, Loader::Auto | Loader::Firmware) && loader.program(platform).is_none()
}

/// A loader for all machines of a profile that some of them do not have, and Secure Boot by a
/// loader that is not signed.
fn warn_of_missing_loaders(profile: &Profile, matching: &Match, at: At, report: &mut Report<'_>) {
    let PerArch::All(loader) = profile.loader else {
        return;
    };
    let mut platforms = matching.archs.iter().map(|(arch, _)| arch.platform());
    if let Some(platform) = platforms.find(|p| is_none_there(loader, *p)) {
        let message = format!(
            "there is no {} for {platform} machines of this profile",
            loader.name()
        );
        report.warn(
            at,
            message,
            "they are not answered; write a loader for each platform".to_owned(),
        );
    }
    if profile.secure_boot == Some(true) && matches!(loader, Loader::Ipxe | Loader::Pxelinux) {
        let message = format!("secure_boot has no effect with loader {}", loader.name());
        report.warn(
            at,
            message,
            "shim starts GRUB; write loader: auto or grub".to_owned(),
        );
    }
}

fn loader_word(node: &Node, report: &mut Report<'_>) -> Option<Loader> {
    let word = text(node, "loader", report)?;
    let found = Loader::ALL.into_iter().find(|l| l.name() == word);
    if found.is_none() {
        let message = format!("\"{}\" is no loader for menus", word.escape_debug());
        report.error(
            node.at,
            message,
            similar::hint(word, Loader::ALL.map(Loader::name)),
        );
    }
    found
}

fn vars(node: &Node, report: &mut Report<'_>) -> Option<BTreeMap<String, String>> {
    let Value::Map(fields) = &node.value else {
        let message = format!("vars must hold names and values, not {}", kind(node));
        report.error(node.at, message, "write them as name: value".to_owned());
        return None;
    };
    if fields.len() > MAX_VARS {
        report.error(node.at, format!("more than {MAX_VARS} variables"), None);
        return None;
    }
    let read: Vec<_> = fields
        .iter()
        .map(|(key, value)| var(key, value, report))
        .collect();
    read.into_iter().collect()
}

fn var(key: &yaml::Key, value: &Node, report: &mut Report<'_>) -> Option<(String, String)> {
    let word = key.text.as_str();
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let named = word.chars().all(fits)
        && !word.is_empty()
        && !word.starts_with(|c: char| c.is_ascii_digit());
    if NAMES.contains(&word) {
        let message = format!("the variable \"{word}\" is bootjack's own");
        report.error(key.at, message, "choose another name".to_owned());
        return None;
    }
    if !named {
        let message = format!("\"{}\" is no name for a variable", word.escape_debug());
        report.error(key.at, message, "use letters, digits and _".to_owned());
        return None;
    }
    let written = text(value, "a variable", report)?;
    let control = |c: char| c.is_control() && !"\n\t".contains(c);
    if written.len() > MAX_VAR || written.contains(control) {
        let message =
            format!("{word} must be text of at most {MAX_VAR} bytes without control characters");
        report.error(value.at, message, None);
        return None;
    }
    Some((word.to_owned(), written.to_owned()))
}

/// The variables that are meant where some of them are wrong: their use is no second finding.
fn named(section: &Section<'_>) -> BTreeMap<String, String> {
    match section.get("vars").map(|n| &n.value) {
        Some(Value::Map(fields)) => {
            let names = fields.iter().map(|(key, _)| key.text.clone());
            names.map(|name| (name, String::new())).collect()
        }
        _ => BTreeMap::new(),
    }
}

/// A client to try templates with.
fn sample(vars: &BTreeMap<String, String>) -> Values {
    let client = [
        "52:54:00:12:34:56",
        "b8945908-d6a6-41a9-611d-74a6ab80b83d",
        "192.0.2.10",
        "efi-x64",
        "192.0.2.1",
        "http://192.0.2.1:8067",
        "5b154510",
    ];
    let known = NAMES.into_iter().zip(client);
    let known = known.map(|(name, value)| (name.to_owned(), value.to_owned()));
    vars.clone().into_iter().chain(known).collect()
}
