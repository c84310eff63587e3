//! What a key is said not to act on is answered the same with it, and what it is said to act on is not
//! always: the list that warnings and `explain` go by is true.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use bootjack::client::Stage;
use bootjack::client::progress::Offered;
use bootjack::client::quirk::{Answered, Replies, Table, compile, idle};
use bootjack::decide::{Incoming, Port, decide};
use bootjack::firmware::sample::{self, Described};
use bootjack::profile::{Compiler, Snapshot, Source};
use bootjack::wire::Arch;
use bootjack::wire::dhcp::{Kind, Message, code};

const US: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const HOME: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 77);
/// A menu for firmware; and for UEFI's iPXE a program that is no script.
const PROFILES: [&str; 3] = [
    "menu: { title: T, entries: [ { id: d, title: D, local: true } ] }",
    "loader: firmware\nmenu: { title: T, entries: [ { id: d, title: D, local: true }, { id: debian, title: Debian, linux: { kernel: debian/linux } } ] }",
    "loader: grub\nmenu: { title: T, entries: [ { id: d, title: D, local: true } ] }",
];
/// The item of `debian`.
const ITEM: [u8; 7] = [71, 4, 0xbb, 0x0b, 0, 0, 255];
const MACHINES: [(u16, Stage); 6] = [
    (0, Stage::Rom),
    (7, Stage::Rom),
    (11, Stage::Rom),
    (16, Stage::HttpBoot),
    (0, Stage::Ipxe),
    (7, Stage::Ipxe),
];
/// Of each key that a proxy's answers can show, what is no default.
const CHANGES: [&str; 20] = [
    "strategies: [bypass-prompt, self-sufficient]",
    "strategies: offer-4011",
    "pxe: single-offer",
    "classless-request: true",
    "option-43: raspberry-pi",
    "option-43: { hex: 06 01 0b 0a 04 00 50 58 45 ff }",
    "option-60: false",
    "file: both",
    "ending: ff",
    "ending: ff, file: option",
    "server-options: [66, 150]",
    "padding: false",
    "delay: 1s",
    "broadcast: false",
    "port-4011: false",
    "reply-port: client",
    "echo-item: false",
    "name: url",
    "loader: other.efi",
    "ipxe-priority: 1",
];
const WINDOWS: &str = "windows: [1s, 2s]";

type Said = Option<(Vec<u8>, SocketAddrV4, std::time::Duration, Option<Offered>)>;

/// All that these machines are answered in mode `proxy`: by DISCOVER, at port 4011, for an item.
fn said(rows: &str, profile: &str, (arch, stage): (u16, Stage)) -> Vec<Said> {
    let (rows, _) = compile("c.yaml", rows);
    let source = Source {
        file: "p.yaml".into(),
        text: profile.to_owned(),
    };
    let (profiles, findings) = Compiler::default().compile(&[source]);
    let snapshot = Snapshot {
        profiles: profiles.unwrap_or_else(|| panic!("{findings:#?}")),
        quirks: Arc::new(Table::with(rows.unwrap())),
        http_port: 8067,
        ..Snapshot::default()
    };
    let machine = Described {
        mac: "52:54:00:00:00:01".parse().unwrap(),
        arch: Arch(arch),
        uuid: None,
        stage,
    };
    let mut item = sample::message(machine, Kind::Request, HOME);
    item.options.push(code::VENDOR_SPECIFIC, &ITEM);
    let discover = Message {
        flags: 0,
        ..sample::message(machine, Kind::Discover, HOME)
    };
    let request = sample::message(machine, Kind::Request, HOME);
    let asks = [
        (discover, Port::Dhcp),
        (request, Port::Pxe),
        (item, Port::Pxe),
    ];
    // HTTP boot never comes to port 4011.
    let asks = asks
        .iter()
        .take(if stage == Stage::HttpBoot { 1 } else { 3 });
    asks.map(|(message, port)| answered(&snapshot, message, *port))
        .collect()
}

fn answered(snapshot: &Snapshot, message: &Message, port: Port) -> Said {
    let (host, from) = match port {
        Port::Dhcp => (Ipv4Addr::UNSPECIFIED, 68),
        Port::Pxe => (HOME, 4011),
    };
    let incoming = Incoming {
        message,
        port,
        local: US,
        peer: SocketAddrV4::new(host, from),
        unicast: port == Port::Pxe,
        side: None,
    };
    let answer = decide(snapshot, incoming).decision.ok()?;
    Some((answer.bytes, answer.to, answer.delay, answer.offered))
}

#[test]
fn what_cannot_act_changes_no_byte_and_what_can_changes_some() {
    for changes in CHANGES.iter().chain([&WINDOWS]) {
        for machine in MACHINES {
            let (arch, stage) = machine;
            let row = format!(
                "quirks: [{{name: a, tells: {{arch: {arch}, stage: {stage}}}, changes: {{{changes}}}}}]"
            );
            let rows = compile("c.yaml", &row).0.unwrap();
            let who = Answered::by_row(&rows[0], &rows, Some(Replies::Proxy));
            let keys = rows[0].changes.said();
            let acts = keys
                .iter()
                .any(|(key, _)| idle(key, &rows[0].changes, &who).is_none());
            let differs = PROFILES
                .iter()
                .any(|profile| said(&row, profile, machine) != said("", profile, machine));
            assert!(acts || !differs, "{changes} acts on {arch} {stage}");
            // `offer-4011` is what UEFI gets anyway, and an item a PXE client's alone.
            assert!(
                differs || !acts || told_of_elsewhere(changes, machine),
                "{changes} does nothing for {arch} {stage}"
            );
        }
    }
}

/// Where a change may act, and these few machines and profiles do not show it.
fn told_of_elsewhere(changes: &str, (arch, stage): (u16, Stage)) -> bool {
    match changes {
        "strategies: offer-4011" => arch != 0,
        // ARM64 has no loader here, unless a row names one.
        _ if arch == 11 => true,
        // iPXE is told a name by the profiles alone whose loader is no script.
        "name: url" => stage == Stage::Ipxe,
        _ => false,
    }
}

/// Who asks port 4011 in spite of such bytes does so all the same, as with the bypass made here.
#[test]
fn bytes_of_a_row_bypass_port_4011_where_bit_3_is_set() {
    for (bytes, bypasses) in [
        ("06 01 0b ff", true),
        ("71 01 08 ff", false),
        ("06 01 03 ff", false),
    ] {
        let row = format!(
            "quirks: [{{name: a, tells: {{arch: 7}}, changes: {{option-43: {{hex: {bytes}}}}}}}]"
        );
        let said = said(&row, PROFILES[0], (7, Stage::Rom));
        let (_, _, _, offered) = said[0].clone().unwrap();
        assert_eq!(offered.unwrap().bypass, bypasses, "{bytes}");
    }
}
