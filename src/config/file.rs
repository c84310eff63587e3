//! The config file's text → [`Settings`], and everything that is wrong with them, at its place.
//!
//! What `dhcp:` and `quirks:` say is passed over here and read by rooms `network` and `client`.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::ValueEnum;

use super::{BLKSIZE, KEYS, MOST_SERVERS, POLL, Settings, WINDOWSIZE, server_address};
use crate::network::SHAPES;
use crate::yaml::{Node, Report, Section, Shape, Value, one_or_list, text, word_of, yes_no};

/// That a key is given, whatever it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given;

static FILE: Shape = Shape {
    what: "the config file",
    keys: &KEYS,
    kin: SHAPES,
    aliases: &[
        ("port", "http-port"),
        ("listen", "http-port"),
        ("cert", "tls-cert"),
        ("certificate", "tls-cert"),
        ("key", "tls-key"),
        ("profile", "profiles"),
        ("image", "images"),
        ("state-dir", "state"),
        ("log", "log-level"),
        ("loglevel", "log-level"),
    ],
};

/// The settings of a config file with this tree; what is wrong is as if it were not given. A key
/// without a value is not given either.
pub fn settings(root: &Node, report: &mut Report<'_>) -> Settings {
    if matches!(root.value, Value::Null) {
        return Settings::default();
    }
    let Some(section) = Section::open(root, &FILE, report) else {
        return Settings::default();
    };
    let file = Keys { section };
    Settings {
        mode: file.word("mode", report),
        force: file.of("force", report, |n, r| yes_no(n, "force", r)),
        interface: file.of("interface", report, interfaces),
        dhcp_server: file.of("dhcp-server", report, servers),
        profiles: file.path("profiles", report),
        images: file.path("images", report),
        assets: file.path("assets", report),
        state: file.path("state", report),
        http_port: file.number("http-port", (1, u16::MAX.into()), report),
        https_port: file.number("https-port", (1, u16::MAX.into()), report),
        tls_cert: file.path("tls-cert", report),
        tls_key: file.path("tls-key", report),
        tls_name: file.name("tls-name", report),
        tftp_windowsize: file.number("tftp-windowsize", bounds(&WINDOWSIZE), report),
        tftp_blksize: file.number("tftp-blksize", bounds(&BLKSIZE), report),
        tftp_segmentation: file.of("tftp-segmentation", report, |n, r| {
            yes_no(n, "tftp-segmentation", r)
        }),
        user: file.name("user", report),
        poll: file.number("poll", bounds(&POLL), report),
        log_format: file.word("log-format", report),
        log_level: file.word("log-level", report),
        dhcp: file.given("dhcp").map(|_| Given),
        quirks: file.given("quirks").map(|_| Given),
    }
}

fn bounds(range: &RangeInclusive<i64>) -> (i64, i64) {
    (*range.start(), *range.end())
}

struct Keys<'n> {
    section: Section<'n>,
}

impl<'n> Keys<'n> {
    fn given(&self, key: &str) -> Option<&'n Node> {
        let node = self.section.get(key)?;
        (!matches!(node.value, Value::Null)).then_some(node)
    }

    fn of<T>(
        &self,
        key: &str,
        report: &mut Report<'_>,
        read: impl FnOnce(&'n Node, &mut Report<'_>) -> Option<T>,
    ) -> Option<T> {
        read(self.given(key)?, report)
    }

    /// One of the words that the flag takes.
    fn word<T: ValueEnum + Copy>(&self, key: &str, report: &mut Report<'_>) -> Option<T> {
        let node = self.given(key)?;
        let values = T::value_variants().iter();
        let named: Vec<_> = values
            .filter_map(|value| Some((value.to_possible_value()?, *value)))
            .collect();
        let all: Vec<(&str, T)> = named.iter().map(|(p, v)| (p.get_name(), *v)).collect();
        word_of(node, key, &all, report)
    }

    fn path(&self, key: &str, report: &mut Report<'_>) -> Option<PathBuf> {
        self.name(key, report).map(PathBuf::from)
    }

    fn name(&self, key: &str, report: &mut Report<'_>) -> Option<String> {
        let name = self.of(key, report, |n, r| filled(n, key, r));
        name.map(str::to_owned)
    }

    fn number<T: TryFrom<i64>>(
        &self,
        key: &str,
        (least, most): (i64, i64),
        report: &mut Report<'_>,
    ) -> Option<T> {
        let node = self.given(key)?;
        let word = text(node, key, report)?;
        let number = word.parse().ok().filter(|n| (least..=most).contains(n));
        if number.is_none() {
            let message = format!("{key}: \"{}\" cannot be used", word.escape_debug());
            report.error(node.at, message, format!("write {least} to {most}"));
        }
        T::try_from(number?).ok()
    }
}

/// Text that is not empty.
fn filled<'n>(node: &'n Node, key: &str, report: &mut Report<'_>) -> Option<&'n str> {
    let word = text(node, key, report)?;
    if word.is_empty() {
        report.error(
            node.at,
            format!("{key} is empty"),
            "leave it out, or fill it in".to_owned(),
        );
        return None;
    }
    Some(word)
}

/// `10.0.0.1` or `[10.0.0.1, 10.0.0.5]`.
fn servers(node: &Node, report: &mut Report<'_>) -> Option<Vec<Ipv4Addr>> {
    let items = one_or_list(node, "dhcp-server", report);
    if items.len() > MOST_SERVERS {
        let message = format!("dhcp-server names {} servers", items.len());
        report.error(node.at, message, format!("name {MOST_SERVERS} at most"));
        return None;
    }
    let mut address = |node| {
        let word = filled(node, "dhcp-server", report)?;
        let address = server_address(word);
        if let Err(why) = &address {
            let message = format!("dhcp-server: \"{}\" is {why}", word.escape_debug());
            report.error(
                node.at,
                message,
                "write an address such as 10.0.0.1".to_owned(),
            );
        }
        address.ok()
    };
    let all: Option<Vec<Ipv4Addr>> = items.iter().map(&mut address).collect();
    all.filter(|all| !all.is_empty())
}

/// `eth0` or `[eth0, eth1]`.
fn interfaces(node: &Node, report: &mut Report<'_>) -> Option<Vec<String>> {
    let items = one_or_list(node, "interface", report).iter();
    let names: Vec<_> = items.map(|n| filled(n, "interface", report)).collect();
    let names: Option<Vec<&str>> = names.into_iter().collect();
    let names: Vec<String> = names?.into_iter().map(str::to_owned).collect();
    (!names.is_empty()).then_some(names)
}
