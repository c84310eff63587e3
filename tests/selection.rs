//! Who gets which profile, and why.
#![expect(clippy::unwrap_used, reason = "helpers of tests may stop the test")]

use std::fmt::Write;
use std::net::Ipv4Addr;

use bootjack::profile::{Profiles, Source, Subject, Verdict, compile, select, trace};
use bootjack::wire::{Arch, Mac, Uuid};
use proptest::prelude::*;

const MENU: &str = "menu: {entries: [{id: disk, local: true}]}\n";

fn source(file: &str, text: &str) -> Source {
    Source {
        file: file.into(),
        text: text.into(),
    }
}

fn set(texts: &[&str]) -> Profiles {
    let numbered = texts.iter().enumerate();
    let sources: Vec<_> = numbered
        .map(|(n, text)| source(&format!("{n}.yaml"), text))
        .collect();
    let (set, findings) = compile(&sources);
    set.unwrap_or_else(|| {
        panic!(
            "{}",
            findings
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        )
    })
}

fn mac(text: &str) -> Mac {
    text.parse().unwrap()
}

fn profile(matching: &str) -> String {
    format!(
        "name: \"on {}\"\n{}{MENU}",
        matching.replace('"', ""),
        if matching.is_empty() {
            String::new()
        } else {
            format!("match: {{{matching}}}\n")
        }
    )
}

#[test]
fn the_most_specific_match_wins() {
    let uuid = "b8945908-d6a6-41a9-611d-74a6ab80b83d";
    // From the most to the least specific; each is chosen once those above it are gone.
    let order = [
        "mac: 52:54:00:12:34:56, arch: bios".to_owned(),
        "mac: 52:54:00:12:34:56".to_owned(),
        format!("uuid: {uuid}, mac: \"52:*\""),
        format!("uuid: {uuid}"),
        "mac: \"52:54:00:*\"".to_owned(),
        "mac: \"52:54:*\", subnet: 10.0.0.0/8".to_owned(),
        "mac: \"52:54:*\"".to_owned(),
        "mac: \"*:34:*\"".to_owned(),
        "subnet: 10.1.0.0/16".to_owned(),
        "subnet: 10.0.0.0/8, arch: bios".to_owned(),
        "subnet: 10.0.0.0/8".to_owned(),
        "arch: 0".to_owned(),
        "arch: bios".to_owned(),
        String::new(),
    ];
    let texts: Vec<String> = order.iter().rev().map(|m| profile(m)).collect();
    let subject = Subject {
        mac: mac("52:54:00:12:34:56"),
        uuid: Some(uuid.parse().unwrap()),
        archs: &[Arch::BIOS],
        network: Ipv4Addr::new(10, 1, 2, 3),
    };
    for left in (1..=texts.len()).rev() {
        let texts: Vec<&str> = texts.iter().take(left).map(String::as_str).collect();
        let set = set(&texts);
        let chosen = select(&set, &subject).unwrap();
        assert_eq!(
            chosen.profile.file.as_ref(),
            format!("{}.yaml", left - 1),
            "{}",
            chosen.why
        );
        let swapped = Subject {
            uuid: subject.uuid.map(Uuid::swapped),
            ..subject
        };
        assert_eq!(
            select(&set, &swapped).unwrap().profile,
            chosen.profile,
            "UUIDs in either byte order"
        );
    }
}

#[test]
fn selection_says_why_and_the_trace_says_why_not() {
    let uuid = "uuid: b8945908-d6a6-41a9-611d-74a6ab80b83d";
    let texts = [
        "",
        "mac: [\"aa:bb:cc:dd:ee:ff\", \"52:54:00:*\"], arch: [bios, efi-x64]",
        "subnet: [10.1.0.0/16, 10.0.0.0/8]",
        "arch: 16",
        "mac: \"aa:*\"",
        uuid,
        "subnet: 192.168.0.0/16",
    ];
    let texts: Vec<String> = texts.iter().map(|m| profile(m)).collect();
    let set = set(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let subject = Subject {
        mac: mac("52:54:00:12:34:56"),
        uuid: None,
        archs: &[Arch(9)],
        network: Ipv4Addr::new(10, 1, 2, 3),
    };
    assert_eq!(
        select(&set, &subject).unwrap().why.to_string(),
        "mac 52:54:00:*, arch efi-x64"
    );
    let lines: Vec<_> = trace(&set, &subject)
        .into_iter()
        .map(|l| (l.profile.file.to_string(), l.verdict, l.why))
        .collect();
    let line = |file: &str, verdict, why: &str| (file.to_owned(), verdict, why.to_owned());
    assert_eq!(
        lines,
        [
            line("1.yaml", Verdict::Chosen, "mac 52:54:00:*, arch efi-x64"),
            line("2.yaml", Verdict::Outranked, "subnet 10.1.0.0/16"),
            line("0.yaml", Verdict::Outranked, "matches everyone"),
            line(
                "3.yaml",
                Verdict::Missed,
                "arch: wants http-x64 (16), the client is efi-bc (9)"
            ),
            line(
                "4.yaml",
                Verdict::Missed,
                "mac 52:54:00:12:34:56 is not listed"
            ),
            line(
                "5.yaml",
                Verdict::Missed,
                "wants a uuid, and the client sends none"
            ),
            line(
                "6.yaml",
                Verdict::Missed,
                "subnet: 10.1.2.3 is not in 192.168.0.0/16"
            ),
        ]
    );
}

#[test]
fn nobody_matches() {
    let set = set(&[&profile("arch: bios")]);
    let subject = Subject {
        mac: Mac::new(&[1; 16]).unwrap(),
        uuid: None,
        archs: &[Arch(999)],
        network: Ipv4Addr::UNSPECIFIED,
    };
    assert!(select(&set, &subject).is_none());
    assert_eq!(trace(&set, &subject)[0].verdict, Verdict::Missed);
}

/// A small world in which everything collides often.
fn any_match() -> impl Strategy<Value = String> {
    let list = |values: &'static [&'static str]| {
        proptest::option::of(proptest::sample::subsequence(values, 1..=2))
    };
    (
        list(&[
            "52:54:00:00:00:01",
            "52:54:00:00:00:02",
            "52:54:00:*",
            "52:*",
            "*:01",
            "*",
        ]),
        list(&[
            "b8945908-d6a6-41a9-611d-74a6ab80b83d",
            "085994b8-a6d6-a941-611d-74a6ab80b83d",
            "b8945908-d6a6-41a9-611d-74a6ab80b83e",
        ]),
        list(&["10.0.0.0/8", "10.1.0.0/16", "10.1.0.0/24", "0.0.0.0/0"]),
        list(&["bios", "efi-x64", "7", "16"]),
    )
        .prop_map(|(mac, uuid, subnet, arch)| {
            let keys = [
                ("mac", mac),
                ("uuid", uuid),
                ("subnet", subnet),
                ("arch", arch),
            ];
            let given = keys.iter().filter_map(|(key, list)| {
                let values: Vec<String> =
                    list.as_ref()?.iter().map(|v| format!("\"{v}\"")).collect();
                Some(format!("{key}: [{}]", values.join(", ")))
            });
            given.collect::<Vec<_>>().join(", ")
        })
}

proptest! {
    #[test]
    fn select_is_the_first_line_of_the_trace(
        matches in proptest::collection::vec(any_match(), 1..8),
        host in 1u8..4, swap in any::<bool>(), uuid in any::<bool>(),
        archs in proptest::sample::subsequence(vec![0u16, 7, 9, 16], 1..=2),
        network in proptest::sample::select(vec![[10, 1, 0, 9], [10, 1, 9, 9], [10, 9, 9, 9], [192, 168, 0, 1]]),
    ) {
        // Drop what ties with something before it: such sets are not served.
        let mut texts: Vec<String> = Vec::new();
        for text in matches.iter().map(|m| profile(m)) {
            texts.push(text);
            let sources: Vec<_> = texts.iter().enumerate().map(|(n, t)| source(&format!("{n}.yaml"), t)).collect();
            if compile(&sources).0.is_none() {
                texts.pop();
            }
        }
        let set = set(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        let archs: Vec<Arch> = archs.into_iter().map(Arch).collect();
        let id: Uuid = "b8945908-d6a6-41a9-611d-74a6ab80b83d".parse().unwrap();
        let subject = Subject {
            mac: Mac::ethernet([0x52, 0x54, 0, 0, 0, host]),
            uuid: uuid.then_some(if swap { id.swapped() } else { id }),
            archs: &archs,
            network: network.into(),
        };
        let lines = trace(&set, &subject);
        prop_assert_eq!(lines.len(), set.all.len());
        let chosen = lines.iter().find(|l| l.verdict != Verdict::Missed);
        match select(&set, &subject) {
            None => prop_assert!(chosen.is_none()),
            Some(selection) => {
                let first = chosen.unwrap();
                prop_assert_eq!(first.verdict, Verdict::Chosen);
                prop_assert_eq!(&first.profile.file, &selection.profile.file);
                prop_assert_eq!(&first.why, &selection.why.to_string());
                // For a client of one architecture no other profile is equally specific.
                if archs.len() == 1 {
                    let same = lines.iter().filter(|l| l.why == selection.why.to_string() && l.verdict != Verdict::Missed);
                    prop_assert_eq!(same.count(), 1, "{:?}", lines);
                }
            }
        }
    }
}

#[test]
fn ten_thousand_profiles_and_a_hundred_thousand_addresses() {
    let address = |n: u32| {
        let [_, b, c, d] = n.to_be_bytes();
        Mac::ethernet([2, 0, 0, b, c, d])
    };
    let sources: Vec<Source> = (0..10_000u32)
        .map(|n| {
            let macs: Vec<String> = (0..10)
                .map(|i| format!("\"{}\"", address(n * 10 + i)))
                .collect();
            source(
                &format!("{n:05}.yaml"),
                &format!("match: {{mac: [{}]}}\n{MENU}", macs.join(", ")),
            )
        })
        .chain([source("everyone.yaml", MENU)])
        .collect();
    let (set, findings) = compile(&sources);
    assert_eq!(findings, []);
    let set = set.unwrap();
    let chosen = |mac: Mac| {
        let subject = Subject {
            mac,
            uuid: None,
            archs: &[Arch::BIOS],
            network: Ipv4Addr::LOCALHOST,
        };
        select(&set, &subject).unwrap().profile.name.clone()
    };
    for n in (0..100_000).step_by(7) {
        assert_eq!(*chosen(address(n)), *format!("{:05}", n / 10));
    }
    assert_eq!(*chosen(mac("52:54:00:12:34:56")), *"everyone");
}

#[test]
fn one_file_may_hold_a_hundred_thousand_addresses() {
    let mut text = "match:\n  mac:\n".to_owned();
    for n in 0..100_000u32 {
        let [_, b, c, d] = n.to_be_bytes();
        writeln!(text, "    - {}", Mac::ethernet([2, 0, 0, b, c, d])).unwrap();
    }
    let set = set(&[&(text + MENU), MENU]);
    let subject = Subject {
        mac: mac("02:00:00:01:86:9f"),
        uuid: None,
        archs: &[Arch::BIOS],
        network: Ipv4Addr::LOCALHOST,
    };
    assert_eq!(
        select(&set, &subject).unwrap().why.to_string(),
        "mac 02:00:00:01:86:9f"
    );
}
