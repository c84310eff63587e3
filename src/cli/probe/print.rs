//! A probe as it happens, for people or as one JSON object a line. README documents both.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use crate::error::Error;
use crate::firmware::fault::Fault;
use crate::firmware::kind::Firmware;
use crate::firmware::machine::{Loader, Step, Topic, Verdict};
use crate::service::probe::{Kept, Place, Told};

/// Writes it. A reader that has gone away is no reason to leave a lease behind, nor is a disk that is
/// full.
pub(super) struct Printer<W> {
    json: bool,
    out: W,
    failed: Option<io::Error>,
}

impl<W: Write> Printer<W> {
    pub(super) const fn new(json: bool, out: W) -> Self {
        let failed = None;
        Self { json, out, failed }
    }

    fn line(&mut self, text: &str) {
        let written = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
        if let Err(why) = written {
            self.failed.get_or_insert(why);
        }
    }

    /// Whether all of it was written, or as much as its reader wanted.
    ///
    /// # Errors
    /// The report is not whole.
    pub(super) fn end(self) -> Result<(), Error> {
        let failed = self
            .failed
            .filter(|e| e.kind() != io::ErrorKind::BrokenPipe);
        failed.map_or(Ok(()), |why| {
            Err(Error::failed(format!("cannot write the report: {why}")))
        })
    }

    /// Who is played, and where.
    pub(super) fn begin(&mut self, firmware: &Firmware, place: &Place, here: Option<&str>) {
        let (interface, mac) = (&place.interface, place.mac);
        if self.json {
            let begin = json!({
                "event": "begin", "as": firmware.name, "interface": interface, "mac": mac,
                "evidence": firmware.evidence, "served_here": here, "wireless": place.wireless,
            });
            return self.line(&begin.to_string());
        }
        self.line(&format!("{} on {interface}, {mac}", firmware.words));
        self.line(&format!("rules: {}", firmware.evidence));
        if let Some(holder) = here {
            let text = format!(
                "{holder} serves on this host: frames do not reach it, so it is also asked from this host's own \
                 address; where it needs the machine's, probe from another host"
            );
            self.line(&text);
        }
        if place.wireless && !place.own_mac {
            let text = "Wi-Fi: the access point takes frames of no other MAC than the interface's own (--mac); expect silence";
            self.line(text);
        }
        if place.own_mac {
            self.line("the interface's own MAC: a lease is this host's own, and is not given back");
        }
    }

    /// What has happened.
    pub(super) fn tell(&mut self, at: Duration, told: &Told<'_>) {
        let text = match (self.json, told) {
            (false, Told::Step(step)) => shown(at, step),
            (false, Told::Verdict(verdict)) => in_words(verdict),
            (false, Told::Lease(lease, kept)) => {
                format!("lease: {} {}", lease.address, fate(*kept))
            }
            (true, Told::Step(step)) => timed(
                at,
                json!({ "event": "step", "topic": step.topic, "text": step.text }),
            ),
            (true, Told::Verdict(verdict)) => timed(at, as_data(verdict)),
            (true, Told::Lease(lease, kept)) => timed(
                at,
                json!({
                    "event": "lease", "address": lease.address, "server": lease.server,
                    "given_back": *kept == Kept::GivenBack,
                }),
            ),
        };
        self.line(&text);
    }
}

fn timed(at: Duration, mut event: Value) -> String {
    if let Some(fields) = event.as_object_mut() {
        fields.insert("at".to_owned(), json!(at.as_secs_f64()));
    }
    event.to_string()
}

/// `+0.012 s  OFFER from 10.0.0.1: …`
fn shown(at: Duration, step: &Step) -> String {
    let time = format!("+{:.3} s", at.as_secs_f64());
    let text = &step.text;
    match step.topic {
        Topic::Screen => format!("{time:>10}  screen: {text}"),
        Topic::Refused => format!("{time:>10}  not taken: {text}"),
        Topic::Sent => format!("{time:>10}  > {text}"),
        Topic::Heard => format!("{time:>10}  < {text}"),
        Topic::Note => format!("{time:>10}    {text}"),
    }
}

fn in_words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Boots(loader) => format!("boots: {}", loaded(loader)),
        Verdict::Fails(fault) => {
            let remedy = fault.remedy();
            let remedy = remedy.map_or_else(String::new, |text| format!("\nwhat to do: {text}"));
            let verdict = if fault.is_no_verdict() {
                "cannot tell"
            } else {
                "would not boot"
            };
            format!("{verdict}: {fault}{remedy}")
        }
    }
}

/// `tftp://10.0.0.2/snponly.efi, 170000 bytes in 0.120 s (1.4 MB/s), an EFI program for x64`
fn loaded(loader: &Loader) -> String {
    let mut parts = vec![loader.from.clone()];
    match (loader.fetched, loader.size) {
        (Some((bytes, took)), _) => {
            let speed = if bytes < TELLING {
                String::new()
            } else {
                format!(" ({:.1} MB/s)", rate(bytes, took))
            };
            let seconds = took.as_secs_f64();
            parts.push(format!("{bytes} bytes in {seconds:.3} s{speed}"));
        }
        (None, Some(size)) => parts.push(format!("{size} bytes")),
        (None, None) => {}
    }
    parts.extend(loader.image.clone());
    parts.join(", ")
}

/// Fewer bytes say nothing of a speed.
const TELLING: u64 = 64 << 10;

/// Megabytes a second.
#[allow(clippy::cast_precision_loss)] // a rate for people
fn rate(bytes: u64, took: Duration) -> f64 {
    bytes as f64 / 1e6 / took.as_secs_f64().max(1e-6)
}

const fn fate(kept: Kept) -> &'static str {
    match kept {
        Kept::GivenBack => "given back",
        Kept::AsWished => "kept, as wished",
        Kept::OurOwn => "kept: it is this host's own",
        Kept::Theirs => "kept: it is another machine's, or may be",
        Kept::NotFound => "not given back: its server did not answer ARP; it expires by itself",
    }
}

fn as_data(verdict: &Verdict) -> Value {
    match verdict {
        Verdict::Boots(loader) => json!({
            "event": "verdict", "boots": true, "loader": loader.from, "size": loader.size,
            "fetched": loader.fetched.map(|(bytes, _)| bytes),
            "seconds": loader.fetched.map(|(_, took)| took.as_secs_f64()),
            "image": loader.image,
        }),
        Verdict::Fails(fault) => json!({
            "event": "verdict", "boots": false, "why": fault.to_string(), "what_to_do": fault.remedy(),
            "tried": !fault.is_no_verdict(), "interrupted": *fault == Fault::Interrupted,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::firmware::kind::TABLE;
    use crate::firmware::machine::Lease;
    use crate::wire::Mac;

    /// Everything there is, as JSON.
    fn all() -> Vec<Value> {
        let mut bytes = Vec::new();
        let mut printer = Printer::new(true, &mut bytes);
        let place = Place {
            interface: "eth0".to_owned(),
            mac: Mac::ethernet([2, 0, 0, 0, 0, 1]),
            own_mac: false,
            given_mac: false,
            wireless: false,
        };
        printer.begin(&TABLE[0], &place, None);
        let step = |topic| Step {
            topic,
            text: String::new(),
        };
        let topics = [
            Topic::Sent,
            Topic::Heard,
            Topic::Refused,
            Topic::Note,
            Topic::Screen,
        ];
        let loader = Loader {
            from: "tftp://10.0.0.2/a".to_owned(),
            size: None,
            fetched: None,
            image: None,
        };
        let lease = Lease {
            address: Ipv4Addr::LOCALHOST,
            mask: Ipv4Addr::BROADCAST,
            router: None,
            server: Ipv4Addr::LOCALHOST,
        };
        for topic in topics {
            printer.tell(Duration::ZERO, &Told::Step(&step(topic)));
        }
        let verdicts = [Verdict::Boots(loader), Verdict::Fails(Fault::Silence)];
        for verdict in &verdicts {
            printer.tell(Duration::ZERO, &Told::Verdict(verdict));
        }
        printer.tell(Duration::ZERO, &Told::Lease(lease, Kept::GivenBack));
        let text = String::from_utf8(bytes).unwrap();
        let read = |line| serde_json::from_str(line).unwrap();
        text.lines().map(read).collect()
    }

    #[test]
    fn every_field_is_in_readme() {
        let readme = include_str!("../../../README.md");
        let (_, section) = readme
            .split_once("\n## Before you walk to the rack")
            .unwrap();
        let (section, _) = section.split_once("\n## ").unwrap();
        let says = |word: &str| assert!(section.contains(&format!("`{word}`")), "{word}");
        for event in all() {
            let fields = event.as_object().unwrap();
            fields.keys().for_each(|key| says(key));
            for key in ["event", "topic"] {
                fields
                    .get(key)
                    .and_then(Value::as_str)
                    .into_iter()
                    .for_each(says);
            }
        }
        for row in &TABLE {
            says(row.name);
        }
    }
}
