//! What an operator sees of profiles: findings with their place and remedy, and who gets what.

use std::collections::HashSet;
use std::net::Ipv4Addr;

use bootjack::profile::{
    Action, ArchFilter, Finding, Loader, PerArch, Profiles, Severity, Source, Subject, Target,
    Verdict, compile, select, trace,
};
use bootjack::wire::{Arch, Mac, Platform, Uuid};
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

/// YAML on the left, what the operator is told on the right.
#[test]
fn broken_profiles_are_explained_at_their_place() {
    for (yaml, told) in [
        // no YAML
        (
            "menu:\n  title: x\n   timeout: 2\n",
            "p.yaml:3:11: error: this is not YAML: mapping values are not allowed in this context | the indentation does not fit the lines above, or a value holds \": \" and needs quotes",
        ),
        (
            "name: \"x\nmenu:\n",
            "p.yaml:1:7: error: this is not YAML: unclosed quote | close the quote that opens here",
        ),
        (
            "match: {mac: *:56}\n",
            "p.yaml:1:15: error: this is not YAML: while scanning an anchor or alias, did not find expected alphabetic or numeric character | a value that begins with * or & needs quotes: \"*:34:56\"",
        ),
        (
            "name: a\nname: b\n",
            "p.yaml:2:1: error: the key \"name\" is given twice | keep one of the two",
        ),
        (
            "name: a\n---\nname: b\n",
            "p.yaml:3:1: error: a second document begins here; a file holds one profile | put it into a file of its own",
        ),
        (
            "",
            "p.yaml: error: the file holds no profile | remove it, or let its name end in .off",
        ),
        (
            "# all of it\n# is a comment\n",
            "p.yaml: error: the file holds no profile | remove it, or let its name end in .off",
        ),
        (
            "just words\n",
            "p.yaml:1:1: error: a profile must hold keys, not a single value | keys here: name, match, menu, loader, secure_boot, vars",
        ),
        // keys
        ("name: x\n", "p.yaml:1:1: error: a profile has no \"menu\""),
        (
            "name: x\nmneu: {entries: [{id: a, local: true}]}\nmenu: {entries: [{id: a, local: true}]}\n",
            "p.yaml:2:1: error: unknown key \"mneu\" in a profile | did you mean \"menu\"?",
        ),
        (
            "menu:\n  timeuot: 10s\n  entries: [{id: a, local: true}]\n",
            "p.yaml:2:3: error: unknown key \"timeuot\" in menu | did you mean \"timeout\"?",
        ),
        (
            "menu:\n  entries:\n    - id: a\n      kernel: x\n      local: true\n",
            "p.yaml:4:7: error: unknown key \"kernel\" in an entry | \"kernel\" belongs into linux; look at the indentation",
        ),
        (
            "menu:\n  entries:\n    - id: a\n      linux: {kernel: k, append: x}\n",
            "p.yaml:4:26: error: unknown key \"append\" in linux | it is called \"args\" here",
        ),
        // match
        (
            "match: {mac: \"52:54:00:12:34:5g\"}\n+",
            "p.yaml:1:14: error: \"52:54:00:12:34:5g\" is no MAC address | write it as 52:54:00:12:34:56, or with * for a group: 52:54:00:*",
        ),
        (
            "match: {mac: \"5254*\"}\n+",
            "p.yaml:1:14: error: MAC pattern \"5254*\" has a group of more than two digits | write it like 52:54:00:*",
        ),
        (
            "match: {mac: []}\n+",
            "p.yaml:1:14: error: mac is an empty list | leave \"mac\" out, or list at least one value",
        ),
        (
            "match:\n+",
            "p.yaml:1:7: error: match must hold keys, not nothing | keys here: mac, uuid, subnet, arch",
        ),
        (
            "match: {}\n+",
            "p.yaml:1:8: error: match is empty | leave match out to match every machine",
        ),
        (
            "match: {uuid: 1234}\n+",
            "p.yaml:1:15: error: \"1234\" is no UUID | write it as dmidecode -s system-uuid prints it",
        ),
        (
            "match: {uuid: 00000000-0000-0000-0000-000000000000}\n+",
            "p.yaml:1:15: error: uuid 00000000-0000-0000-0000-000000000000 is what machines without a UUID send | match them by mac",
        ),
        (
            "match: {subnet: 10.1.2.3/16}\n+",
            "p.yaml:1:17: error: 10.1.2.3/16 is an address inside a network | did you mean \"10.1.0.0/16\"?",
        ),
        (
            "match: {subnet: 10.1.0.0}\n+",
            "p.yaml:1:17: error: 10.1.0.0 has no prefix length | 10.1.0.0/24 is 256 addresses, 10.1.0.0/32 this one",
        ),
        (
            "match: {subnet: \"fd00::/8\"}\n+",
            "p.yaml:1:17: error: fd00::/8 is an IPv6 network; PXE here is IPv4 | write an IPv4 network such as 10.1.0.0/16",
        ),
        (
            "match: {arch: [bios, efi-x46]}\n+",
            "p.yaml:1:22: error: \"efi-x46\" is no architecture | did you mean \"efi-x64\"?",
        ),
        (
            "match: {mac: [\"52:54:00:12:34:56\", 5254.0012.3456]}\n+",
            "p.yaml:1:36: warning: 52:54:00:12:34:56 is listed twice | first in line 1",
        ),
        // menu
        (
            "menu: {entries: []}\n",
            "p.yaml:1:8: error: the menu is empty | add an entry below entries:, or installed: true",
        ),
        (
            "menu: {title: \"two\\nlines\", entries: [{id: a, local: true}]}\n",
            "p.yaml:1:15: error: the menu's title has more than one line | write it on one line, or begin it with >-",
        ),
        (
            "menu: {title: \"bell \\a\", entries: [{id: a, local: true}]}\n",
            "p.yaml:1:15: error: the menu's title holds a control character | leave it out",
        ),
        (
            "menu: {title: \"${net0/mac}\", entries: [{id: a, local: true}]}\n",
            "p.yaml:1:15: error: the menu's title holds \"${\", which iPXE would expand; it has no escape for it | for bootjack's own variables write {{ name }}",
        ),
        (
            "menu: {title: \"for {{ mac }}\", entries: [{id: a, local: true}]}\n",
            "p.yaml:1:15: error: the menu's title holds \"{{\", but is shown as it is | variables work in args and ipxe",
        ),
        (
            "menu: {timeout: soon, entries: [{id: a, local: true}]}\n",
            "p.yaml:1:17: error: \"soon\" is no timeout | write 10s, 500ms or 2m; 0s starts the default at once",
        ),
        (
            "menu: {timeout: -3s, entries: [{id: a, local: true}]}\n",
            "p.yaml:1:17: error: \"-3s\" is no timeout | write 10s, 500ms or 2m; 0s starts the default at once",
        ),
        (
            "menu: {timeout: 1h, entries: [{id: a, local: true}]}\n",
            "p.yaml:1:17: error: timeout 1h is too long; menus count up to 3599s | leave timeout out to wait for the user",
        ),
        (
            "menu: {default: dsik, entries: [{id: disk, local: true}]}\n",
            "p.yaml:1:17: error: no entry has the id \"dsik\" | did you mean \"disk\"?",
        ),
        (
            "menu: {installed: maybe, entries: [{id: disk, local: true}]}\n",
            "p.yaml:1:19: error: installed is \"maybe\"; expected true or false",
        ),
        // entries
        (
            "menu:\n  entries:\n    - id: a\n      local: true\n    - id: a\n      local: true\n",
            "p.yaml:5:11: error: the id \"a\" is used twice | first in line 3",
        ),
        (
            "menu: {entries: [{id: a b, local: true}]}\n",
            "p.yaml:1:23: error: \"a b\" is no id | use letters, digits, -, _ and ., at most 64 characters",
        ),
        (
            "menu: {entries: [{id: a}]}\n",
            "p.yaml:1:19: error: the entry does nothing; give it one of linux, loader, local, chain, ipxe",
        ),
        (
            "menu: {entries: [{id: a, local: true, chain: x}]}\n",
            "p.yaml:1:39: error: the entry has both \"local\" and \"chain\" | make two entries of it",
        ),
        (
            "menu: {entries: [{id: a, local: false}]}\n",
            "p.yaml:1:33: error: local is false | write local: true, or leave the entry out",
        ),
        (
            "menu: {entries: [{id: a, linux: {kernel: ../vmlinuz}}]}\n",
            "p.yaml:1:42: error: kernel \"../vmlinuz\" leads out of the image folder | put the file below the image folder and leave .. out",
        ),
        (
            "menu: {entries: [{id: a, linux: {kernel: /srv/vmlinuz}}]}\n",
            "p.yaml:1:42: error: kernel \"/srv/vmlinuz\" is not written as a path below the image folder | did you mean \"srv/vmlinuz\"?",
        ),
        (
            "menu: {entries: [{id: a, linux: {kernel: images/vmlinuz}}]}\n",
            "p.yaml:1:42: warning: kernel \"images/vmlinuz\": paths begin below the image folder | did you mean \"vmlinuz\"?",
        ),
        (
            "menu: {entries: [{id: a, chain: \"ftp://h/x\"}]}\n",
            "p.yaml:1:32: error: chain \"ftp://h/x\" has a scheme that boot loaders do not speak | did you mean \"tftp\"?",
        ),
        (
            "menu: {entries: [{id: a, chain: \"http://h/a b\"}]}\n",
            "p.yaml:1:32: error: chain \"http://h/a b\" holds a blank, a quote or a sign that no loader takes | rename the file; boot loaders end a name at a blank or a quote",
        ),
        (
            "menu: {entries: [{id: a, loader: {efi-x46: x.efi}}]}\n",
            "p.yaml:1:35: error: \"efi-x46\" is no platform | did you mean \"efi-x64\"?",
        ),
        (
            "menu: {entries: [{id: a, loader: {http-x64: x.efi}}]}\n",
            "p.yaml:1:35: error: \"http-x64\" is no platform | write \"efi-x64\"",
        ),
        (
            "menu: {entries: [{id: a, linux: {kernel: {bios: k, efi-x64: l}, initrd: {bios: i}}}]}\n",
            "p.yaml:1:73: warning: efi-x64 has a kernel, but no initrd | add efi-x64: to initrd",
        ),
        (
            "match: {arch: bios}\nmenu: {entries: [{id: a, loader: {efi-x64: x.efi}}, {id: b, local: true}]}\n",
            "p.yaml:2:23: warning: no machine of this profile can boot \"a\" | compare the entry's platforms with match: arch",
        ),
        // templates
        (
            "menu:\n  entries:\n    - id: a\n      linux:\n        kernel: k\n        args: a={{ mca }}\n",
            "p.yaml:6:20: error: args: unknown variable \"mca\" | did you mean \"mac\"?",
        ),
        (
            "vars: {release: 1.10}\nmenu:\n  entries:\n    - id: a\n      ipxe: |\n        #!ipxe\n        echo {{ relaese }}\n",
            "p.yaml:7:17: error: ipxe: unknown variable \"relaese\" | did you mean \"release\"?",
        ),
        (
            "menu: {entries: [{id: a, linux: {kernel: k, args: \"{{ mac\"}}]}\n",
            "p.yaml:1:51: error: args: the template does not work: unexpected end of input, expected end of variable block | a variable is written {{ name }}; literal braces stand in {% raw %}",
        ),
        (
            "menu: {entries: [{id: a, linux: {kernel: k, args: \"x=${mac}\"}}]}\n",
            "p.yaml:1:51: error: args holds \"${\", which iPXE would expand; it has no escape for it | for bootjack's own variables write {{ name }}",
        ),
        (
            "vars: {e: \"${x}\"}\nmenu: {entries: [{id: a, linux: {kernel: k, args: \"{{ e }}\"}}]}\n",
            "p.yaml:2:51: error: args, its variables filled in, holds \"${\", which iPXE would expand; it has no escape for it | for bootjack's own variables write {{ name }}",
        ),
        (
            "vars: {mac: x}\n+",
            "p.yaml:1:8: error: the variable \"mac\" is bootjack's own | choose another name",
        ),
        (
            "vars: {a-b: x}\n+",
            "p.yaml:1:8: error: \"a-b\" is no name for a variable | use letters, digits and _",
        ),
        (
            "vars: {a: [x]}\n+",
            "p.yaml:1:11: error: a variable must be a single value, not a list",
        ),
        // the rest
        (
            "loader: pxelinx\n+",
            "p.yaml:1:9: error: \"pxelinx\" is no loader for menus | did you mean \"pxelinux\"?",
        ),
        (
            "loader: {efi-x64: pxelinux}\n+",
            "p.yaml:1:10: error: pxelinux boots BIOS machines only | use ipxe or grub there",
        ),
        (
            "secure_boot: 1\n+",
            "p.yaml:1:14: error: secure_boot is \"1\"; expected true or false",
        ),
        ("name: ''\n+", "p.yaml:1:7: error: name is empty"),
    ] {
        let whole = yaml.replace('+', MENU);
        assert_eq!(findings(&[("p.yaml", &whole)]), [told], "\n{whole}");
    }
}

#[test]
fn a_finding_shows_the_line_and_points_at_the_place() {
    let yaml = "menu:\n  entries:\n    - id: a\n      linux: {kernel: a b}\n";
    let (_, findings) = compile(&[source("/etc/bootjack/profiles/lab.yaml", yaml)]);
    assert_eq!(
        findings[0].to_string(),
        "/etc/bootjack/profiles/lab.yaml:4:23: error: kernel \"a b\" holds a blank, a quote or a sign that no loader takes\n    \
         \u{20}     linux: {kernel: a b}\n                          ^\n    \
         rename the file; boot loaders end a name at a blank or a quote"
    );
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
            "a.yaml:3:69:",
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
    assert_eq!((profile.name.as_str(), &*profile.file), ("0", "0.yaml"));
    assert_eq!(profile.vars["release"], "1.10");
    assert_eq!(profile.vars["id"], "007");
    assert_eq!(profile.loader.get(Platform::EfiX64), Some(&Loader::Ipxe));
    assert!(profile.secure_boot && profile.menu.installed);
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

fn mac(text: &str) -> Mac {
    text.parse().unwrap()
}

fn profile(matching: &str) -> String {
    format!(
        "name: \"{}\"\n{}{MENU}",
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
        select(&set, &subject).unwrap().why,
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
                prop_assert_eq!(&first.why, &selection.why);
                // For a client of one architecture no other profile is equally specific.
                if archs.len() == 1 {
                    let same = lines.iter().filter(|l| l.why == selection.why && l.verdict != Verdict::Missed);
                    prop_assert_eq!(same.count(), 1, "{:?}", lines);
                }
            }
        }
    }

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
    let names: HashSet<&str> = set.all.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names.len(), set.all.len());
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
        assert_eq!(chosen(address(n)), format!("{:05}", n / 10));
    }
    assert_eq!(chosen(mac("52:54:00:12:34:56")), "everyone");
}

#[test]
fn one_file_may_hold_a_hundred_thousand_addresses() {
    let mut text = "match:\n  mac:\n".to_owned();
    for n in 0..100_000u32 {
        let [_, b, c, d] = n.to_be_bytes();
        text += &format!("    - {}\n", Mac::ethernet([2, 0, 0, b, c, d]));
    }
    let set = set(&[&(text + MENU), MENU]);
    let subject = Subject {
        mac: mac("02:00:00:01:86:9f"),
        uuid: None,
        archs: &[Arch::BIOS],
        network: Ipv4Addr::LOCALHOST,
    };
    assert_eq!(select(&set, &subject).unwrap().why, "mac 02:00:00:01:86:9f");
}
