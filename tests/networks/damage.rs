//! No text brings the compiler down, and what it compiles is sound.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use bootjack::network::{CONFIG_FILE, compile};
use bootjack::yaml::{Report, Severity};
use proptest::prelude::*;

use super::WHOLE;

/// Words that stand somewhere in a `dhcp:`.
const WORDS: [&str; 12] = [
    "10.1.0.0/24",
    "10.1.0.10-10.1.0.20",
    "0.0.0.0/0",
    "255.255.255.255",
    "infinite",
    "1h",
    "[]",
    "{}",
    "true",
    "224",
    "\"52:54:00:00:00:01\"",
    "-1",
];

proptest! {
    #[test]
    fn no_text_brings_the_compiler_down(text in "[a-z:{}\\[\\]\"'|>&*!%@,# \n\t-]{0,200}") {
        let (set, findings) = compile("c.yaml", &format!("dhcp:\n{text}"));
        prop_assert!(set.is_some() || !findings.is_empty());
    }

    #[test]
    fn no_damage_brings_the_compiler_down(
        at in any::<proptest::sample::Index>(),
        length in 0usize..40,
        put in prop_oneof![
            "[a-z0-9:{}\\[\\]\"'|>&*!%@,#$.~?\\\\ \n\t-]{0,12}",
            proptest::sample::select(&WORDS[..]).prop_map(str::to_owned),
        ],
    ) {
        let mut bytes = WHOLE.as_bytes().to_vec();
        let start = at.index(bytes.len());
        let end = (start + length).min(bytes.len());
        bytes.splice(start..end, put.bytes());
        let text = String::from_utf8_lossy(&bytes);
        let (set, findings) = compile("c.yaml", &text);
        // The settings of the same file are read by another room.
        let file = "c.yaml".into();
        let mut report = Report::new(&file, &text);
        if let Some(root) = report.parse(&CONFIG_FILE) {
            let _ = bootjack::config::settings(&root, &mut report);
        }
        for finding in report.finish() {
            prop_assert!(finding.line as usize <= text.lines().count() + 1);
        }
        prop_assert_eq!(set.is_none(), findings.iter().any(|f| f.severity == Severity::Error));
        for finding in &findings {
            // Places are in the file.
            prop_assert!(finding.line as usize <= text.lines().count() + 1);
            prop_assert!(!finding.to_string().is_empty());
        }
    }

    #[test]
    fn no_value_brings_the_compiler_down(
        value in prop_oneof!["\\PC{0,40}", proptest::sample::select(&WORDS[..]).prop_map(str::to_owned)],
        key in proptest::sample::select(vec!["quarantine", "lease-time", "options", "networks", "pxe", "reservations"]),
    ) {
        let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
        let text = format!("dhcp: {{{key}: \"{quoted}\", networks: [{{subnet: 10.1.0.0/24, pools: [\"{quoted}\"]}}]}}");
        let (set, findings) = compile("c.yaml", &text);
        prop_assert_eq!(set.is_none(), findings.iter().any(|f| f.severity == Severity::Error));
    }

    /// What is compiled keeps the invariants that everything else relies on.
    #[test]
    fn what_is_compiled_is_sound(
        starts in proptest::collection::vec((0u32..64, 24u8..=32, 0u32..20, 0u32..20, any::<bool>()), 1..4),
    ) {
        let mut text = "dhcp:\n  networks:\n".to_owned();
        for (n, prefix, first, length, whole) in starts {
            let net = ipnet::Ipv4Net::new(Ipv4Addr::from((10 << 24) + n * 64), prefix).unwrap().trunc();
            let first = u32::from(net.network()) + first;
            let (first, last) = (Ipv4Addr::from(first), Ipv4Addr::from(first + length));
            let pool = if whole { net.to_string() } else { format!("{first}-{last}") };
            writeln!(text, "    - {{subnet: {net}, pools: {pool}}}").unwrap();
        }
        let (all, findings) = compile("c.yaml", &text);
        prop_assert!(all.is_some() || !findings.is_empty());
        if let Some(all) = all {
            let subnets = all.all.iter().flat_map(|n| &n.subnets);
            let subnets: Vec<_> = subnets.collect();
            for (i, subnet) in subnets.iter().enumerate() {
                prop_assert!(subnets[..i].iter().all(|s| !s.net.contains(&subnet.net) && !subnet.net.contains(&s.net)));
                for pool in &subnet.pools {
                    prop_assert!(subnet.net.contains(&pool.range.first) && subnet.net.contains(&pool.range.last));
                    let own = [subnet.net.network(), subnet.net.broadcast()];
                    prop_assert!(subnet.net.prefix_len() >= 31 || own.iter().all(|a| !pool.has(*a)));
                }
            }
        }
    }
}
