//! Packets of real firmware, as they were on the wire, and what bootjack reads in them: here single
//! ones, by themselves; in `conversations` from power-on to the menu.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod support;

#[path = "captures/conversations.rs"]
mod conversations;
#[path = "start/run.rs"]
#[allow(dead_code, reason = "this test needs a part of it")]
mod run;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;

use bootjack::client::{Class, Client, NotBooting, Stage, identify};
use bootjack::decide::{Ignore, Incoming, Port, decide};
use bootjack::profile::{Snapshot, Source, compile};
use bootjack::wire::Arch;
use bootjack::wire::dhcp::{Kind, Message};

const US: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

fn packet(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/captures")
        .join(name)
        .with_extension("hex");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let digits: String = text.lines().filter(|l| !l.starts_with('#')).collect();
    (0..digits.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap())
        .collect()
}

fn client(name: &str) -> Client {
    identify(&Message::decode(&packet(name)).unwrap(), US).unwrap()
}

/// capture, architecture, class, stage, UNDI, whether a UUID is told
type Row = (&'static str, u16, Class, Stage, (u8, u8), bool);

#[test]
fn who_is_told_from_what_firmware_sends() {
    use Class::{Http, Pxe};
    let rows: [Row; 7] = [
        ("edk2-pxe-discover", 7, Pxe, Stage::Rom, (3, 0), true),
        (
            "edk2-pxe-discover-no-uuid",
            7,
            Pxe,
            Stage::Rom,
            (3, 0),
            false,
        ),
        (
            "edk2-http-discover",
            16,
            Http,
            Stage::HttpBoot,
            (3, 0),
            true,
        ),
        ("ipxe-rom-discover", 0, Pxe, Stage::Ipxe, (2, 1), true),
        (
            "ipxe-rom-discover-no-uuid",
            0,
            Pxe,
            Stage::Ipxe,
            (2, 1),
            false,
        ),
        ("snponly-discover", 7, Pxe, Stage::Ipxe, (3, 10), true),
        ("undionly-discover", 0, Pxe, Stage::Ipxe, (2, 1), true),
    ];
    for (name, arch, class, stage, undi, uuid) in rows {
        let client = client(name);
        assert_eq!(
            (client.arch(), client.class, client.stage, client.undi),
            (Arch(arch), class, stage, Some(undi)),
            "{name}"
        );
        assert_eq!(client.uuid.is_some(), uuid, "{name}: {:?}", client.uuid);
        assert_eq!(client.mac.to_string(), "52:54:00:77:00:07", "{name}");
        assert_eq!((client.ip, client.network), (None, US), "{name}");
        assert_eq!(
            client.ipxe.is_some_and(|f| f.http),
            stage == Stage::Ipxe,
            "{name}: Debian's iPXE speaks HTTP"
        );
    }
}

#[test]
fn a_request_at_4011_comes_from_the_leased_address() {
    for name in ["edk2-pxe-request-4011", "snponly-request-4011"] {
        let client = client(name);
        assert_eq!(client.ip, Some(Ipv4Addr::new(10, 77, 0, 100)), "{name}");
    }
}

#[test]
fn operating_systems_are_no_boot_clients() {
    for name in ["dhclient-discover", "udhcpc-discover"] {
        assert_eq!(
            identify(&Message::decode(&packet(name)).unwrap(), US),
            Err(NotBooting::Class),
            "{name}"
        );
    }
}

#[test]
fn what_is_answered_and_what_not() {
    let profile = Source {
        file: "all.yaml".into(),
        text: "menu: { title: T, entries: [ { id: d, title: D, local: true } ] }".into(),
    };
    let snapshot = Snapshot {
        profiles: compile(&[profile]).0.unwrap(),
        http_port: 8067,
        ..Snapshot::default()
    };
    for (name, port, expected) in [
        (
            "edk2-pxe-discover",
            Port::Dhcp,
            Ok(("offer-4011", "snponly.efi")),
        ),
        (
            "edk2-pxe-request-4011",
            Port::Pxe,
            Ok(("offer-4011", "snponly.efi")),
        ),
        ("edk2-pxe-request", Port::Dhcp, Err("lease-request")),
        ("edk2-pxe-boot-server", Port::Pxe, Err("boot-server-type")),
        (
            "edk2-http-discover",
            Port::Dhcp,
            Ok(("http-uri", "http://10.77.0.2:8067/assets/snponly.efi")),
        ),
        (
            "ipxe-rom-discover",
            Port::Dhcp,
            Ok((
                "ipxe-uri",
                "http://10.77.0.2:8067/boot/52-54-00-77-00-07.ipxe",
            )),
        ),
        ("ipxe-rom-request", Port::Dhcp, Err("lease-request")),
        ("ipxe-rom-boot-server", Port::Pxe, Err("boot-server-type")),
        (
            "snponly-discover",
            Port::Dhcp,
            Ok((
                "ipxe-uri",
                "http://10.77.0.2:8067/boot/52-54-00-77-00-07.ipxe",
            )),
        ),
        (
            "snponly-request-4011",
            Port::Pxe,
            Ok((
                "ipxe-uri",
                "http://10.77.0.2:8067/boot/52-54-00-77-00-07.ipxe",
            )),
        ),
        (
            "undionly-discover",
            Port::Dhcp,
            Ok((
                "ipxe-uri",
                "http://10.77.0.2:8067/boot/52-54-00-77-00-07.ipxe",
            )),
        ),
        ("dhclient-discover", Port::Dhcp, Err("not-booting")),
    ] {
        let message = Message::decode(&packet(name)).unwrap();
        let peer = SocketAddrV4::new([10, 77, 0, 100].into(), 68);
        let outcome = decide(
            &snapshot,
            Incoming {
                message: &message,
                port,
                local: US,
                peer,
                unicast: port == Port::Pxe,
                side: None,
            },
        )
        .decision;
        let got = outcome
            .as_ref()
            .map(|a| (a.strategy.name, a.loader.as_ref().unwrap().as_str()))
            .map_err(Ignore::word);
        assert_eq!(got, expected, "{name}");
    }
}

#[test]
fn every_capture_decodes_and_comes_back_the_same() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "hex") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap();
        let message = Message::decode(&packet(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(
            matches!(message.kind(), Some(Kind::Discover | Kind::Request)),
            "{name}"
        );
        assert_eq!(
            Message::decode(&message.encode()).unwrap(),
            message,
            "{name}"
        );
        count += 1;
    }
    assert!(count >= 16, "captures are missing");
}
