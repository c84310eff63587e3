//! What was observed of a LAN and of this host → what is wrong, and which mode to run.
//!
//! ```text
//! Observed ─► findings (code, what, where) ─► verdict (mode, command) ─► Diagnosis
//! ```
//!
//! * [`observed`]: what a survey brings home
//! * [`offer`]: one answer to a DISCOVER, decoded
//! * [`code`]: the codes of findings with their explanation and remedy; README lists the same
//! * [`offers`], [`vendor`]: what an answer spoils, and for which firmware
//! * [`lan`]: what the answers of one interface say together
//! * [`relays`]: servers that answer no relay agent; `handed`: leases that a boot server hands on
//! * [`host`]: interfaces, ports and firewall of this host
//! * [`firewall`]: whether rules let a packet in
//! * [`verdict`]: the mode to run; `serving`: one that runs already; `draft`: what mode `dhcp`
//!   would serve; `lines`: what the DHCP server of this host lacks for mode `colocated`
//!
//! Invariants: no finding without evidence (what cannot be told is said so, as an info); the same
//! observation gives the same diagnosis.
//!
//! Absent on purpose: asking (the service does), and IPv6.

pub mod code;
mod draft;
pub mod firewall;
mod handed;
pub mod host;
pub mod lan;
mod lines;
pub mod observed;
pub mod offer;
pub mod offers;
pub mod relays;
mod serving;
pub mod vendor;
pub mod verdict;

use serde::Serialize;

pub use code::{Code, Finding, Severity};
pub use lines::LINES;
pub use observed::{Held, Holder, Link, Mode, Observed, Protocol, Running, State};
pub use offer::Offer;
pub use verdict::{Verdict, shell_word};

/// Everything there is to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// What is worth knowing, errors first.
    pub findings: Vec<Finding>,
    /// What to run.
    pub verdict: Verdict,
}

impl Diagnosis {
    /// Whether nothing has to be done: infos do not count.
    pub fn healthy(&self) -> bool {
        self.findings.iter().all(|f| f.severity == Severity::Info)
    }
}

/// Judges what was observed.
pub fn diagnose(observed: &Observed) -> Diagnosis {
    let mut findings = host::findings(observed);
    for link in observed.asked() {
        findings.extend(lan::findings(observed, link));
        findings.extend(offers::findings(observed, link));
        findings.extend(relays::findings(observed, link));
    }
    findings.extend(serving::not_served(observed));
    findings.extend(serving::misfit(observed));
    findings.sort_by_key(|finding| finding.severity);
    Diagnosis {
        verdict: verdict::of(observed),
        findings,
    }
}

/// How many names are listed one by one.
const LISTED: usize = 4;

/// `eth0, eth1`; of many, `eth0, eth1 and 38 more`.
pub fn listed(names: impl ExactSizeIterator<Item = impl AsRef<str>>) -> String {
    let all = names.len();
    let shown = if all > LISTED { LISTED / 2 } else { all };
    let names: Vec<_> = names.take(shown).collect();
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    let text = names.join(", ");
    if all > shown {
        format!("{text} and {} more", all - shown)
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::doctor::offer::made;
    use crate::firmware::sample::Flavour;

    /// What is said of an interface where these bytes were the answer.
    fn said(bytes: &[u8]) -> Diagnosis {
        let mut link = Link {
            name: "eth0".into(),
            ..Link::default()
        };
        match made::read(Flavour::Uefi, bytes) {
            Some(Ok(offer)) => link.offers.push(offer),
            Some(Err(bad)) => link.unreadable.push(bad),
            None => {}
        }
        diagnose(&Observed {
            links: vec![link],
            ..Observed::default()
        })
    }

    proptest! {
        /// Whatever a server sends, there is a diagnosis, and the same one again.
        #[test]
        fn any_answer_has_a_diagnosis(
            changes in prop::collection::vec((0_usize..300, any::<u8>()), 0..20),
            length in 0_usize..300,
        ) {
            let mut bytes = made::offer(Flavour::Uefi, |m| {
                m.options.push(43, &[6, 1, 3, 9, 4, 0, 0, 1, b'x', 255]);
                m.options.push(60, b"PXEClient");
            }).message.encode();
            for (at, value) in changes {
                bytes[at] = value;
            }
            for bytes in [&bytes[..], &bytes[..length]] {
                prop_assert_eq!(said(bytes), said(bytes));
            }
        }
    }

    #[test]
    fn many_names_are_not_listed() {
        let names = ["a", "b", "c", "d", "e"];
        assert_eq!(listed(names[..0].iter()), "");
        assert_eq!(listed(names[..4].iter()), "a, b, c, d");
        assert_eq!(listed(names.iter()), "a, b and 3 more");
    }

    #[test]
    fn errors_come_first() {
        let spoilt = made::offer(Flavour::Uefi, |m| {
            m.options.push(60, b"PXEClient");
            m.file[0] = b'a';
        });
        let found = said(&spoilt.message.encode()).findings;
        assert!(found.is_sorted_by_key(|f| f.severity), "{found:?}");
        assert_eq!(found[0].code, Code::CLASS_PXECLIENT);
    }
}
