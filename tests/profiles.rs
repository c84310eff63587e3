//! What an operator sees of profiles that are wrong, and that what is right is compiled as written.

use std::collections::HashSet;

use bootjack::client::PxeShape;
use bootjack::network::{Criteria, Terms};
use bootjack::profile::{Action, Loader, PerArch, Profiles, Source, Target, compile};
use bootjack::wire::{Arch, ArchFilter, Platform};
use bootjack::yaml::{Finding, Severity};
use proptest::prelude::*;

const MENU: &str = "menu: {entries: [{id: disk, local: true}]}\n";

fn source(file: &str, text: &str) -> Source {
    Source {
        file: file.into(),
        text: text.into(),
    }
}

fn findings(texts: &[(&str, &str)]) -> Vec<String> {
    let sources: Vec<_> = texts
        .iter()
        .map(|(file, text)| source(file, text))
        .collect();
    let (set, findings) = compile(&sources);
    let wrong = findings.iter().any(|f| f.severity == Severity::Error);
    assert_eq!(
        set.is_none(),
        wrong,
        "a set is served unless there is an error"
    );
    findings.iter().map(first_line).collect()
}

/// `file:line:column: error: message | hint`
fn first_line(finding: &Finding) -> String {
    let shown = finding.to_string();
    let head = shown.lines().next().unwrap_or_default();
    match &finding.hint {
        Some(hint) => format!("{head} | {hint}"),
        None => head.to_owned(),
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

#[test]
fn broken_profiles_are_explained_at_their_place() {
    let mut wrong = Vec::new();
    let cases = include_str!("cases/broken-profiles.txt");
    for case in cases.split("--- profile\n").skip(1) {
        let (yaml, told) = case.split_once("--- told\n").unwrap();
        let told = told.split("\n===").next().unwrap().trim_end();
        let (_, findings) = compile(&[source("p.yaml", yaml)]);
        let found: Vec<String> = findings.iter().map(ToString::to_string).collect();
        if found.join("\n") != told {
            wrong.push(format!(
                "{yaml}--- told\n{}\n--- expected\n{told}",
                found.join("\n")
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n\n"));
}

#[test]
fn everything_wrong_in_all_files_is_told_at_once() {
    let a = "nme: x\nmatch: {mac: [zz, \"52:54:00:12:34:56\"], arch: vax}\nmenu: {timeout: never, default: b, entries: [{id: a, local: true}, {id: a}]}\n";
    let told = findings(&[("a.yaml", a), ("b.yaml", "x: [\n"), ("c.yaml", MENU)]);
    let places: Vec<&str> = told
        .iter()
        .map(|t| t.split(" error").next().unwrap())
        .collect();
    assert_eq!(
        places,
        [
            "a.yaml:1:1:",
            "a.yaml:2:15:",
            "a.yaml:2:47:",
            "a.yaml:3:17:",
            "a.yaml:3:68:",
            "b.yaml:1:4:"
        ],
        "{told:#?}"
    );
}

#[test]
fn ties_name_both_files() {
    let pair = |a: &str, b: &str| {
        findings(&[
            ("a.yaml", &format!("name: a\n{a}{MENU}")),
            ("b.yaml", &format!("name: b\n{b}{MENU}")),
        ])
    };
    for (a, b, on) in [
        ("", "", Some("every machine")),
        (
            "match: {mac: [\"52:54:00:00:00:01\", \"52:54:00:00:00:02\"]}\n",
            "match: {mac: 52-54-00-00-00-02}\n",
            Some("mac 52:54:00:00:00:02"),
        ),
        (
            "match: {mac: \"52:54:*\"}\n",
            "match: {mac: \"52:54*\"}\n",
            Some("mac 52:54:*"),
        ),
        (
            "match: {mac: \"*:56\"}\n",
            "match: {mac: \"5*6\"}\n",
            Some("mac 5*6"),
        ),
        (
            "match: {uuid: b8945908-d6a6-41a9-611d-74a6ab80b83d}\n",
            "match: {uuid: 085994b8-a6d6-a941-611d-74a6ab80b83d}\n",
            Some("uuid"),
        ),
        (
            "match: {subnet: [10.1.0.0/16, 10.2.0.0/16]}\n",
            "match: {subnet: 10.2.0.0/16}\n",
            Some("subnet 10.2.0.0/16"),
        ),
        (
            "match: {arch: bios}\n",
            "match: {arch: [efi-x64, bios]}\n",
            Some("arch bios"),
        ),
        (
            "match: {mac: 52:54:00:00:00:01, arch: bios}\n",
            "match: {mac: 52:54:00:00:00:01, arch: [bios, efi-x64]}\n",
            Some("mac 52:54:00:00:00:01"),
        ),
        // One is more specific, or no machine is both.
        (
            "match: {mac: 52:54:00:00:00:01, arch: bios}\n",
            "match: {mac: 52:54:00:00:00:01}\n",
            None,
        ),
        (
            "match: {mac: 52:54:00:00:00:01, arch: bios}\n",
            "match: {mac: 52:54:00:00:00:01, arch: efi-x64}\n",
            None,
        ),
        (
            "match: {mac: \"52:54:*\"}\n",
            "match: {mac: \"52:54:00:*\"}\n",
            None,
        ),
        ("match: {mac: \"*:56\"}\n", "match: {mac: \"*:57\"}\n", None),
        (
            "match: {subnet: 10.0.0.0/8}\n",
            "match: {subnet: 10.1.0.0/16}\n",
            None,
        ),
        ("match: {arch: efi-x64}\n", "match: {arch: 7}\n", None),
        ("match: {arch: bios}\n", "", None),
        (
            "match: {subnet: 10.0.0.0/8, arch: bios}\n",
            "match: {arch: bios}\n",
            None,
        ),
    ] {
        let told = pair(a, b);
        match on {
            None => assert_eq!(told, Vec::<String>::new(), "{a}{b}"),
            Some(on) => {
                assert_eq!(told.len(), 1, "{told:?}");
                assert!(
                    told[0].starts_with("b.yaml:")
                        && told[0].contains("ties with a.yaml:")
                        && told[0].contains(on),
                    "{told:?}"
                );
            }
        }
    }
}

#[test]
fn a_tie_of_many_addresses_is_one_finding() {
    let macs: Vec<String> = (0..100)
        .map(|n| format!("\"52:54:00:00:00:{n:02x}\""))
        .collect();
    let text = |name: &str| {
        format!(
            "name: {name}\nmatch: {{mac: [{}]}}\n{MENU}",
            macs.join(", ")
        )
    };
    let told = findings(&[("a.yaml", &text("a")), ("b.yaml", &text("b"))]);
    assert_eq!(told.len(), 1);
    assert!(
        told[0].contains("mac 52:54:00:00:00:00 (and 99 more)"),
        "{told:?}"
    );
}

#[test]
fn the_same_name_twice_is_a_warning() {
    let told = findings(&[
        (
            "a.yaml",
            &format!("name: Lab\nmatch: {{arch: bios}}\n{MENU}"),
        ),
        (
            "b.yaml",
            &format!("name: Lab\nmatch: {{arch: efi-x64}}\n{MENU}"),
        ),
    ]);
    assert_eq!(
        told,
        [
            "b.yaml:1:7: warning: the name \"Lab\" is also that of a.yaml | give each profile a name of its own, so that logs tell them apart"
        ]
    );
}

#[test]
fn what_is_written_is_what_is_compiled() {
    let set = set(&[
        "vars: {release: 1.10, id: 007}\nloader: {bios: pxelinux, efi-x64: ipxe}\nsecure_boot: true\nmenu:\n  timeout: 90\n  default: a\n  installed: yes\n  entries:\n    - id: a\n      title: '  Install \"it\"  '\n      arch: [bios, 16, http-arm64]\n      linux: {kernel: {bios: a/k, efi-x64: \"http://h/k\"}, initrd: [i1, i2], args: 'r={{ release }}'}\n    - {id: b, chain: {efi-x64: x.efi}}\n",
    ]);
    let profile = &set.all[0];
    assert_eq!((&*profile.name, &*profile.file), ("0", "0.yaml"));
    assert_eq!(profile.vars["release"], "1.10");
    assert_eq!(profile.vars["id"], "007");
    assert_eq!(profile.loader.get(Platform::EfiX64), Some(&Loader::Ipxe));
    assert_eq!(profile.secure_boot, Some(true));
    assert!(profile.menu.installed);
    assert_eq!(profile.menu.timeout.unwrap().as_secs(), 90);
    let entry = &profile.menu.entries[0];
    assert_eq!(entry.title, "Install \"it\"");
    let http_arm = ArchFilter::Exact(Arch(19));
    assert_eq!(
        entry.arch,
        [
            ArchFilter::Platform(Platform::Bios),
            ArchFilter::Exact(Arch::HTTP_X64),
            http_arm
        ]
    );
    let Action::Linux {
        kernel,
        initrd,
        args,
        ..
    } = &entry.action
    else {
        panic!("{entry:?}")
    };
    assert_eq!(
        kernel.get(Platform::EfiX64),
        Some(&Target::Url("http://h/k".into()))
    );
    assert_eq!(kernel.get(Platform::EfiIa32), None);
    assert_eq!(
        initrd,
        &PerArch::All(vec![Target::Path("i1".into()), Target::Path("i2".into())])
    );
    assert_eq!(args.get(Platform::Bios).unwrap().0, "r={{ release }}");
    assert_eq!(profile.menu.entries[1].title, "b");
}

#[test]
fn what_a_profile_says_of_dhcp_is_compiled() {
    let set = set(&[&format!(
        "dhcp:\n  options: {{domain: lab.example}}\n  lease-time: 2h\n  pxe: offer-4011\n  tags: {{include: [lab, fast], exclude: guest}}\n{MENU}"
    )]);
    let profile = &set.all[0];
    let option = Terms::option(&[&profile.terms], 15).unwrap();
    assert_eq!(&*option.value, b"lab.example");
    assert_eq!(profile.terms.lease.default, Some(7200));
    assert_eq!(profile.terms.pxe, Some(PxeShape::Offer4011));
    let tags = |list: &[&str]| list.iter().map(|t| (*t).to_owned()).collect();
    let criteria = Criteria {
        include: tags(&["lab", "fast"]),
        exclude: tags(&["guest"]),
    };
    assert_eq!(profile.criteria, criteria);
}

#[test]
fn a_profile_is_found_by_its_name() {
    let text = |name: &str, arch: &str| format!("name: {name}\nmatch: {{arch: {arch}}}\n{MENU}");
    let sources = [
        text("b", "bios"),
        text("a", "efi-x64"),
        text("b", "efi-ia32"),
    ];
    let sources = (0..).zip(&sources);
    let sources: Vec<_> = sources
        .map(|(n, t)| source(&format!("{n}.yaml"), t))
        .collect();
    let set = compile(&sources).0.unwrap();
    let file = |name: &str| set.named(name).map(|p| p.file.to_string());
    assert_eq!(file("a").as_deref(), Some("1.yaml"));
    assert_eq!(file("b").as_deref(), Some("0.yaml"), "the first of two");
    assert_eq!((file("c"), file("")), (None, None));
}

/// The shipped examples, for tests that break them.
const EXAMPLES: [&str; 3] = [
    include_str!("../profiles/preseed.yaml"),
    include_str!("../profiles/ipxe-script.yaml"),
    include_str!("../profiles/single-machine.yaml"),
];

proptest! {
    #[test]
    fn no_text_brings_the_compiler_down(text in "[a-z:{}\\[\\]\"'|>&*!%@,# \n\t-]{0,200}") {
        let (set, findings) = compile(&[source("x.yaml", &text)]);
        prop_assert!(set.is_some() || !findings.is_empty());
    }

    #[test]
    fn no_value_brings_the_compiler_down(value in "\\PC{0,40}", key in proptest::sample::select(vec!["name", "match", "menu", "loader", "vars", "secure_boot"])) {
        let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
        let text = format!("{key}: \"{quoted}\"\nmenu2: {{entries: [{{id: a, linux: {{kernel: k, args: \"{quoted}\"}}}}]}}\n");
        let (set, findings) = compile(&[source("x.yaml", &text)]);
        prop_assert!(set.is_none() && !findings.is_empty());
    }

    #[test]
    fn no_damage_brings_the_compiler_down(
        example in proptest::sample::select(&EXAMPLES[..]),
        at in any::<proptest::sample::Index>(),
        length in 0usize..40,
        put in "[a-z0-9:{}\\[\\]\"'|>&*!%@,#$.~?\\\\ \n\t-]{0,12}",
    ) {
        let mut bytes = example.as_bytes().to_vec();
        let start = at.index(bytes.len());
        let end = (start + length).min(bytes.len());
        bytes.splice(start..end, put.bytes());
        let text = String::from_utf8_lossy(&bytes);
        let (set, findings) = compile(&[source("x.yaml", &text)]);
        prop_assert_eq!(set.is_none(), findings.iter().any(|f| f.severity == Severity::Error));
        for finding in &findings {
            // Places are in the file.
            prop_assert!(finding.line as usize <= text.lines().count() + 1);
            prop_assert!(!finding.to_string().is_empty());
        }
    }

    #[test]
    fn no_template_brings_the_compiler_down(args in "[a-z{}%|'().*~ -]{0,60}") {
        let text = format!("menu: {{entries: [{{id: a, linux: {{kernel: k, args: \"{args}\"}}}}]}}\n");
        let (set, findings) = compile(&[source("x.yaml", &text)]);
        prop_assert_eq!(set.is_none(), findings.iter().any(|f| f.severity == Severity::Error));
    }
}

#[test]
fn the_shipped_examples_load_together_without_a_finding() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles");
    let mut sources = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        sources.push(source(
            &path.display().to_string(),
            &std::fs::read_to_string(&path).unwrap(),
        ));
    }
    sources.sort_by(|a, b| a.file.cmp(&b.file));
    let (set, findings) = compile(&sources);
    assert_eq!(findings, []);
    let set = set.unwrap();
    assert!(set.all.len() >= 9);
    let names: HashSet<&str> = set.all.iter().map(|p| &*p.name).collect();
    assert_eq!(names.len(), set.all.len());
}
