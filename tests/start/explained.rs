//! `bootjack explain`: what a machine that is described would be answered, and why.

use std::fs;

use crate::commands::{MAC, PROFILES};
use crate::run::{EVERYONE, folder, run};

#[test]
fn explain_tells_profile_strategy_and_reply() {
    let ask =
        |more: &[&str]| run(&[&["explain", "--mac", MAC, "--profiles", PROFILES], more].concat());
    for (more, words) in [
        (
            &["--arch", "bios"][..],
            &["strategy: self-sufficient", "lpxelinux.0", "option  43"][..],
        ),
        (
            &["--arch", "efi-x64"],
            &[
                "strategy: offer-4011",
                "snponly.efi",
                "ACK, in answer to REQUEST on port 4011",
            ],
        ),
        (
            &["--arch", "http-x64"],
            &[
                "strategy: http-uri",
                "/assets/snponly.efi",
                "\"HTTPClient\"",
            ],
        ),
        (
            &["--arch", "7", "--stage", "ipxe"],
            &["strategy: ipxe-uri", "/boot/52-54-00-12-34-56.ipxe"],
        ),
        (
            &["--arch", "bios", "--relay", "10.9.0.7"],
            &["network 10.9.0.7", "to 10.9.0.7:67", "giaddr 10.9.0.7"],
        ),
        (
            &["--arch", "7", "--ip", "10.9.0.7", "--server", "10.9.0.1"],
            &[
                "network 10.9.0.1",
                "to 255.255.255.255:68\n  yiaddr 0.0.0.0  siaddr 10.9.0.1  giaddr 0.0.0.0",
                "on port 4011: 300 bytes to 10.9.0.7:4011",
            ],
        ),
        (
            &["--arch", "7", "--server", "10.9.0.1"],
            &[
                "on port 4011 from 10.9.0.2 (its address is made up; --ip tells another): 300 bytes to 10.9.0.2:4011",
            ],
        ),
        (
            &["--arch", "7"],
            &[
                "  uefi: strategies offer-4011, ",
                "\n  bios: (decided above: strategies, windows)\n",
            ],
        ),
    ] {
        let said = ask(more);
        let out = said.succeeds();
        for word in words.iter().chain(&[
            "machine: 52:54:00:12:34:56",
            "chosen",
            "OFFER",
            "  0000  02 01 06 00",
        ]) {
            assert!(out.contains(word), "{more:?}: no {word:?} in {out}");
        }
    }
    let said = ask(&[
        "--arch",
        "bios",
        "--uuid",
        "4c4c4544-0042-3510-8050-c2c04f593132",
    ]);
    assert!(said.succeeds().contains("option  97"), "{said:?}");
    let said = ask(&["--arch", "99"]);
    assert_eq!(said.code, Some(1), "nothing to answer");
    assert!(
        said.out.contains("answer: none: no automatic loader"),
        "{said:?}"
    );
}

/// A row can be tried without the machine that it is about.
#[test]
fn explain_plays_what_rows_tell_machines_by() {
    let folder = folder();
    let rows = "quirks:\n\
        - { name: old, tells: { undi: 2.0-2.1 }, changes: { delay: 1s } }\n\
        - { name: maker, tells: { class: \"PXEClient:Acme*\" }, changes: { windows: [1s, 2s] } }\n\
        - { name: site, tells: { user-class: lab-* }, changes: { padding: false } }\n";
    let config = folder.path().join("c.yaml");
    fs::write(&config, rows).unwrap();
    let config = config.display().to_string();
    let ask = |more: &[&str]| {
        let machine = [
            "explain", "--mac", MAC, "--arch", "bios", "--config", &config,
        ];
        run(&[&machine[..], &["--profiles", PROFILES], more].concat())
    };
    let told = [
        (["--undi", "2.1"], "  old (yours): delay 1s\n"),
        (["--undi", "2"], "  old (yours): delay 1s\n"),
        (
            ["--class", "PXEClient:Acme:7"],
            "  maker (yours): windows 1s, 2s\n",
        ),
        (["--user-class", "lab-7"], "  site (yours): padding false\n"),
    ];
    let plain = ask(&[]);
    for (flag, line) in told {
        let said = ask(&flag);
        assert!(said.succeeds().contains(line), "{said:?}");
        assert!(!plain.succeeds().contains(line), "{plain:?}");
    }
    ask(&["--undi", "two"]).fails(2, &["write it like 2.1"]);
    let said = ask(&["--class", "MSFT 5.0"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.out.contains("an ordinary DHCP client"), "{said:?}");
}

/// A row that leaves it without an answer.
#[test]
fn explain_says_where_a_machine_does_not_get_on() {
    let folder = folder();
    let config = folder.path().join("c.yaml");
    let shown = config.display().to_string();
    let ask = |arch: &str, changes: &str| {
        let row =
            format!("quirks: [{{name: t, tells: {{mac: \"52\"}}, changes: {{{changes}}}}}]\n");
        fs::write(&config, row).unwrap();
        let machine = ["explain", "--mac", MAC, "--arch", arch, "--config", &shown];
        let place = ["--profiles", PROFILES, "--server", "10.1.0.2"];
        run(&[&machine[..], &place].concat())
    };
    let no_4011 = "it ends there: nobody answers it on port 4011 (PXE-E16)\n";
    let no_60 = "it ends there: a proxy's OFFER without option 60 is none to a PXE ROM (PXE-E53)\n";
    for (arch, changes, end) in [
        ("efi-x64", "port-4011: false", Some(no_4011)),
        ("bios", "port-4011: false", None),
        ("bios", "option-60: false", Some(no_60)),
        ("bios", "strategies: header-only", None),
        ("efi-x64", "port-4011: true", None),
    ] {
        let said = ask(arch, changes);
        assert!(
            said.out.contains("\nOFFER, in answer to DISCOVER"),
            "{said:?}"
        );
        assert_eq!(said.code, Some(i32::from(end.is_some())), "{said:?}");
        assert!(said.out.ends_with(end.unwrap_or_default()), "{said:?}");
        assert_eq!(
            said.out.contains("it ends there"),
            end.is_some(),
            "{said:?}"
        );
    }
    let said = ask("efi-x64", "port-4011: false");
    let none = ": none: quirk \"t\" says that port 4011 does not answer this machine\n";
    assert!(said.out.contains(none), "{none}: {said:?}");
}

/// In mode `dhcp`: who chose the shape of the boot data, and who says otherwise.
#[test]
fn explain_tells_who_chose_the_shape_of_a_lease() {
    let folder = folder();
    let lan = "mode: dhcp\ndhcp:\n  pxe: plain\n  networks: [ { subnet: 10.1.0.0/24, pools: [ 10.1.0.100-10.1.0.199 ] } ]\n";
    let reserved =
        "  reservations: [ { mac: \"b8:27:eb:00:00:02\", address: 10.1.0.9, pxe: plain } ]\n";
    let config = folder.path().join("c.yaml");
    fs::write(&config, format!("{lan}{reserved}")).unwrap();
    let config = config.display().to_string();
    let ask = |mac: &str, arch: &str| {
        let machine = ["explain", "--mac", mac, "--arch", arch, "--config", &config];
        let place = ["--profiles", PROFILES, "--server", "10.1.0.2"];
        run(&[&machine[..], &place].concat()).succeeds().to_owned()
    };
    let raspberry = "quirk \"raspberry-pi-3\"";
    for (mac, strategy, chosen) in [
        (MAC, "lease-plain", "pxe of its network\n".to_owned()),
        (
            "b8:27:eb:00:00:01",
            "lease-single-offer",
            format!("{raspberry}: Raspberry Pi up to 3"),
        ),
        (
            "b8:27:eb:00:00:01",
            "lease-single-offer",
            "; pxe of its network says plain, and counts less\n".to_owned(),
        ),
        (
            "b8:27:eb:00:00:02",
            "lease-plain",
            format!("pxe of its reservation; {raspberry} says single-offer, and counts less\n"),
        ),
    ] {
        let out = ask(mac, "bios");
        assert!(out.contains(&format!("strategy: {strategy}: ")), "{out}");
        let line = out.lines().find(|line| line.starts_with("chosen by: "));
        let line = format!("{}\n", line.unwrap_or_default());
        assert!(line.contains(&chosen), "{mac}: {chosen:?} is not in {line}");
    }
    assert!(ask("b8:27:eb:00:00:01", "bios").contains("  raspberry-pi-3: "));
    assert!(!ask(MAC, "http-x64").contains("chosen by: "));
}

/// Beside a DHCP server on the same host everything is said at 4011, and HTTP boot never asks there.
#[test]
fn explain_in_mode_colocated() {
    let ask = |arch: &str| {
        let machine = ["explain", "--mac", MAC, "--arch", arch];
        run(&[
            &machine[..],
            &["--profiles", PROFILES, "--mode", "colocated"],
        ]
        .concat())
    };
    for (arch, loader) in [("bios", "lpxelinux.0"), ("efi-x64", "snponly.efi")] {
        let said = ask(arch);
        let out = said.succeeds();
        let words = ["chosen", "ACK, in answer to REQUEST on port 4011", loader];
        assert!(words.iter().all(|word| out.contains(word)), "{out}");
        assert!(!out.contains("OFFER,"), "{out}");
    }
    let said = ask("http-x64");
    assert_eq!(said.code, Some(1));
    let words = [
        "answer: none: HTTP boot never asks port 4011",
        "/assets/snponly.efi itself",
    ];
    assert!(words.iter().all(|word| said.out.contains(word)), "{said:?}");
}

#[test]
fn explain_says_of_a_pinned_shape_that_the_mode_does_not_have_it() {
    let folder = folder();
    let pinned = format!("strategy: augment\n{EVERYONE}");
    fs::write(folder.path().join("a.yaml"), pinned).unwrap();
    let path = folder.path().display().to_string();
    let machine = ["explain", "--mac", MAC, "--arch", "efi-x64"];
    let said = |mode| run(&[&machine[..], &["--profiles", &path, "--mode", mode]].concat());
    let words = "pinned: augment, which does not apply in mode colocated";
    let colocated = said("colocated");
    assert!(colocated.succeeds().contains(words), "{colocated:?}");
    let proxy = said("proxy");
    assert!(!proxy.succeeds().contains("pinned: "), "{proxy:?}");
}

/// A machine behind a relay, and nobody is named to ask for its lease.
#[test]
fn explain_says_why_a_machine_behind_a_relay_gets_no_lease() {
    let folder = folder();
    let path = folder.path().display().to_string();
    let machine = ["explain", "--mac", MAC, "--arch", "efi-x64"];
    let ask = |more: &[&str]| run(&[&machine[..], &["--profiles", &path], more].concat());
    let relay = ["--relay", "10.50.0.1"];
    let named = [&relay[..], &["--dhcp-server", "10.66.0.1"]].concat();
    for (says, rule) in [
        ("strategy: augment", "the profile pins it"),
        ("secure_boot: true", "its loader reads nothing but the ACK"),
    ] {
        fs::write(folder.path().join("a.yaml"), format!("{says}\n{EVERYONE}")).unwrap();
        let said = ask(&relay);
        let out = said.succeeds();
        let words = [
            "no lease: it comes through the relay 10.50.0.1, and no DHCP server is named",
            rule,
            "--dhcp-server",
            "strategy: offer-4011",
        ];
        assert!(words.iter().all(|word| out.contains(word)), "{out}");
        assert!(!out.contains("pinned:"), "{out}");
        for near in [&[][..], &named] {
            let said = ask(near);
            let out = said.succeeds();
            assert!(out.contains("strategy: augment"), "{out}");
            assert!(!out.contains("no lease:"), "{out}");
        }
    }
}

#[test]
fn explain_says_that_no_profile_matches() {
    let folder = folder();
    let only = format!("match: {{ mac: \"02:00:00:00:00:01\" }}\n{EVERYONE}");
    fs::write(folder.path().join("a.yaml"), only).unwrap();
    let path = folder.path().display().to_string();
    let said = run(&[
        "explain",
        "--mac",
        MAC,
        "--arch",
        "bios",
        "--profiles",
        &path,
    ]);
    assert_eq!(said.code, Some(1), "{said:?}");
    for word in ["no match", "answer: none: no profile matches this machine"] {
        assert!(said.out.contains(word), "{said:?}");
    }
}

/// Rows of an operator's that cannot act on a machine decide nothing there.
#[test]
fn explain_tells_what_of_a_row_does_nothing_here() {
    let folder = folder();
    let rows = "quirks:
  - { name: r1, tells: { mac: \"52:54:00\" }, changes: { strategies: bypass-prompt, delay: 1s, pxe: plain } }
";
    fs::write(folder.path().join("c.yaml"), rows).unwrap();
    let config = folder.path().join("c.yaml");
    let config = config.to_str().unwrap();
    for (more, row, ours) in [
        (
            &["--arch", "http-x64"][..],
            "r1 (yours): strategies bypass-prompt (does nothing here: it is for the stage rom alone); pxe plain (does nothing here: it is for the stage rom alone); delay 1s\n",
            "  http-boot: strategies http-uri\n",
        ),
        (
            &["--arch", "efi-x64"],
            "r1 (yours): strategies bypass-prompt; pxe plain (does nothing here: it is for the mode dhcp alone); delay 1s\n",
            "  uefi: windows 4s, 8s, 16s, 32s; (decided above: strategies)\n",
        ),
        (
            &["--arch", "efi-x64", "--mode", "colocated"],
            "r1 (yours): strategies bypass-prompt; pxe plain (does nothing here: it is for the mode dhcp alone); delay 1s (does nothing here: it is for the modes proxy and dhcp alone)\n",
            "  uefi: (decided above: strategies)\n",
        ),
    ] {
        let said = run(&[&["explain", "--mac", MAC, "--config", config], more].concat());
        let out = said.succeeds();
        assert!(out.contains(row), "{more:?}: {row} is not in\n{out}");
        assert!(out.contains(ours), "{more:?}: {ours} is not in\n{out}");
    }
    // The mode says what does nothing at all.
    let checked = |mode: &str| run(&["check", "--config", config, "--mode", mode]);
    let told = "pxe is for the mode dhcp alone, and the mode is proxy";
    assert!(checked("proxy").succeeds().contains(told));
    let told = "delay is for the modes proxy and dhcp alone, and the mode is colocated";
    assert!(checked("colocated").succeeds().contains(told));
}

/// A Raspberry Pi asks neither for a router nor for name servers, and is told the one all the same.
#[test]
fn explain_asks_as_a_raspberry_pi_does() {
    let folder = folder();
    let text = "mode: dhcp\ndhcp:\n  networks:\n    - subnet: 10.0.0.0/24\n      pools: [ 10.0.0.100-10.0.0.109 ]\n      options: { routers: 10.0.0.1, dns: 10.0.0.5 }\n";
    let config = folder.path().join("c.yaml");
    fs::write(&config, text).unwrap();
    let config = config.display().to_string();
    for (mac, asks) in [("b8:27:eb:00:00:01", false), (MAC, true)] {
        let machine = [
            "explain", "--mac", mac, "--arch", "bios", "--config", &config,
        ];
        let said = run(&[
            &machine[..],
            &["--profiles", PROFILES, "--server", "10.0.0.2"],
        ]
        .concat());
        let said = said.succeeds();
        assert!(said.contains("\n  option   3 "), "{said}");
        assert_eq!(said.contains("\n  option   6 "), asks, "{said}");
    }
}
