//! Whichever machine, mode and shape: it ends, and where its firmware's rows say that a shape is for
//! it, it boots.
//!
//! What the rows say is asked as `explain` asks it: the decision about its DISCOVER, and the shapes
//! that may be tried with it. Absent on purpose: what a shape that an operator pins against the rows
//! comes to; there are cases for that.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[allow(dead_code, reason = "made for the conformance suite")]
#[path = "conformance/asked.rs"]
mod asked;
#[allow(dead_code, reason = "made for the conformance suite")]
#[path = "conformance/played/mod.rs"]
mod played;
#[path = "conformance/rules.rs"]
mod rules;
#[path = "conformance/server.rs"]
mod server;
#[allow(dead_code, reason = "made for the conformance suite")]
#[path = "conformance/tree.rs"]
mod tree;
#[path = "support/virtual_time.rs"]
mod virtual_time;

use std::net::{Ipv4Addr, SocketAddrV4};

use bootjack::client::{PxeShape, Shape, identify};
use bootjack::decide::{Incoming, Port, decide_knowing, strategy};
use bootjack::firmware::machine::Verdict;
use bootjack::firmware::message::{Identity, Purpose, message};
use bootjack::firmware::{Kind, kind};
use bootjack::profile::Snapshot;
use bootjack::wire::Mac;
use bootjack::wire::dhcp::Message;
use proptest::prelude::*;

use played::lan::{DHCP, Lan};
use played::server::Server;
use played::{Case, MAC, Mode, Played, boot, setup, words};
use server::{Known, US};

/// A Pi is told by its maker's address.
const PI: Mac = Mac::ethernet([0xb8, 0x27, 0xeb, 0x12, 0x34, 0x56]);
const MODES: [Mode; 3] = [Mode::Proxy, Mode::Colocated, Mode::Dhcp];
const LOADERS: [&str; 5] = ["auto", "firmware", "pxelinux", "ipxe", "grub"];
/// What an operator may change for firmware without harm.
const CHANGES: [&str; 8] = [
    "file: header",
    "file: option",
    "file: both",
    "{ file: option, ending: ff }",
    "padding: false",
    "broadcast: true",
    "delay: 1s",
    "server-options: [66, 150]",
];

/// What the DHCP server beside it may be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    Plain,
    Silent,
    /// It says of itself that it serves PXE.
    Pxe,
    /// It names a file of its own.
    File,
}

/// Everything that is not the same for all.
#[derive(Debug, Clone)]
struct Chance {
    kind: Kind,
    mode: Mode,
    loader: &'static str,
    pinned: Option<Shape>,
    learnt: Option<Shape>,
    pxe: Option<PxeShape>,
    changes: Option<&'static str>,
    beside: Beside,
    /// When the DHCP server answers, in milliseconds.
    after: u64,
}

/// The one that nothing is unusual about.
const fn usual(kind: Kind, mode: Mode) -> Chance {
    Chance {
        kind,
        mode,
        loader: "auto",
        pinned: None,
        learnt: None,
        pxe: None,
        changes: None,
        beside: Beside::Plain,
        after: 0,
    }
}

fn kinds() -> impl Iterator<Item = Kind> {
    kind::TABLE.iter().map(|row| row.kind)
}

fn roms() -> impl Iterator<Item = Shape> {
    Shape::ALL.into_iter().filter(|shape| shape.is_for_roms())
}

fn beside() -> impl Strategy<Value = Beside> {
    prop_oneof![
        8 => Just(Beside::Plain),
        1 => Just(Beside::Silent),
        1 => Just(Beside::Pxe),
        1 => Just(Beside::File),
    ]
}

fn chances() -> impl Strategy<Value = Chance> {
    let one_of = |all: Vec<Shape>| prop::option::of(prop::sample::select(all));
    let all: Vec<Shape> = roms().collect();
    let who = (
        prop::sample::select(kinds().collect::<Vec<_>>()),
        prop::sample::select(&MODES[..]),
        prop::sample::select(&LOADERS[..]),
    );
    let how = (
        one_of(all.clone()),
        one_of(all),
        prop::option::of(prop::sample::select(&PxeShape::ALL[..])),
        prop::option::of(prop::sample::select(&CHANGES[..])),
        beside(),
        0..900_u64,
    );
    (who, how).prop_map(|(who, how)| Chance {
        kind: who.0,
        mode: who.1,
        loader: who.2,
        pinned: how.0,
        learnt: how.1,
        pxe: how.2,
        changes: how.3,
        beside: how.4,
        after: how.5,
    })
}

/// What the three Raspberry Pis cannot do without.
const PI_FILES: [&str; 12] = [
    "start.elf",
    "fixup.dat",
    "start4.elf",
    "fixup4.dat",
    "config.txt",
    "cmdline.txt",
    "kernel8.img",
    "kernel_2712.img",
    "bcm2710-rpi-3-b.dtb",
    "bcm2711-rpi-4-b.dtb",
    "bcm2712-rpi-5-b.dtb",
    "overlays/overlay_map.dtb",
];

const fn is_pi(kind: Kind) -> bool {
    matches!(kind, Kind::Rpi3 | Kind::Rpi4 | Kind::Rpi5)
}

impl Chance {
    fn mac(&self) -> Mac {
        if is_pi(self.kind) { PI } else { MAC }
    }

    /// Loaders that are not in the box are the operator's; GRUB and shim ask who the DHCP server says
    /// is next.
    fn case(&self) -> Case {
        let shape = self.learnt.map(|shape| shape.name().to_owned());
        let known = |shape| Known {
            shape: Some(shape),
            ..Known::default()
        };
        let sizes = [("bootcode.bin", 52_000), ("ipxe-arm64.efi", 70_000)];
        let sizes = sizes.into_iter().chain(PI_FILES.map(|name| (name, 1000)));
        Case {
            mode: self.mode,
            lan: self.lan(),
            profiles: Some(vec![self.profile()]),
            quirks: self.quirks(),
            dhcp: self.dhcp(),
            past: shape.map(known),
            assets: sizes.map(|(name, size)| (name.to_owned(), size)).collect(),
            ..Case::default()
        }
    }

    fn lan(&self) -> Lan {
        let asks_the_ack = matches!(self.kind, Kind::Grub | Kind::Shim);
        let next = asks_the_ack || self.mode == Mode::Colocated;
        let usual = Lan {
            siaddr: next.then_some(US),
            after: self.after,
            ..Lan::default()
        };
        match self.beside {
            Beside::Plain => usual,
            Beside::Silent => Lan {
                silent: true,
                ..usual
            },
            Beside::Pxe => Lan {
                options: [(60, "text:PXEClient".to_owned())].into(),
                ..usual
            },
            Beside::File => Lan {
                file: "other.0".to_owned(),
                siaddr: Some(DHCP),
                ..usual
            },
        }
    }

    fn profile(&self) -> String {
        let pins = self.pinned.map(|shape| format!("strategy: {shape}\n"));
        let secure = matches!(self.kind, Kind::Grub | Kind::Shim) && self.loader != "firmware";
        // Where there is no loader in the box, firmware starts the item itself.
        let entry = match self.kind {
            Kind::EfiArm64 => "loader: { efi-arm64: ipxe-arm64.efi }",
            _ => "linux: { kernel: a }",
        };
        format!(
            "loader: {}\nsecure_boot: {secure}\n{}menu: {{ title: Any, timeout: 5s, entries: \
             [ {{ id: first, {entry} }}, {{ id: disk, local: true }} ] }}",
            self.loader,
            pins.unwrap_or_default(),
        )
    }

    fn quirks(&self) -> String {
        let arm =
            "- { name: arm, tells: { arch: efi-arm64 }, changes: { loader: ipxe-arm64.efi } }";
        let row = |changes: &str| {
            let changes = changes.trim_matches(['{', '}', ' ']);
            format!("\n- {{ name: any, tells: {{ stage: rom }}, changes: {{ {changes} }} }}")
        };
        arm.to_owned() + &self.changes.map(row).unwrap_or_default()
    }

    fn dhcp(&self) -> String {
        let pxe = self.pxe.map(|shape| format!(", pxe: {}", shape.name()));
        let pxe = pxe.unwrap_or_default();
        format!("networks: [ {{ subnet: 10.0.0.0/24, pools: [ 10.0.0.100-10.0.0.109 ]{pxe} }} ]")
    }

    fn boot(&self) -> Played {
        let case = self.case();
        let mut server = Server::new(&case);
        let setup = setup(self.kind, self.mac(), None);
        boot(setup, &mut server, &case.lan)
    }

    fn discover(&self) -> Message {
        let who = Identity {
            mac: self.mac(),
            uuid: None,
        };
        message(self.kind.firmware(), who, Purpose::Discover, 1, 0)
    }

    /// Whether its rows say that it boots from what it is told.
    fn fits(&self) -> bool {
        let case = self.case();
        let server = Server::new(&case);
        let told = self.told(&server.snapshot, case.past.as_ref());
        let shape = told.as_deref().and_then(Shape::from_name);
        let on_its_ladder = |shape| shape == Shape::Menu || self.ladder(&server).contains(&shape);
        let by_4011 = self.pxe == Some(PxeShape::Offer4011);
        match (self.mode, self.kind) {
            (Mode::Proxy | Mode::Colocated, _) if self.beside != Beside::Plain => false,
            // iPXE is not signed, nor is what a menu of the firmware's starts.
            (_, Kind::Grub | Kind::Shim) if ["firmware", "ipxe"].contains(&self.loader) => false,
            // It never asks 4011; and HTTP boot takes what the DHCP server says.
            (Mode::Colocated, kind) if is_pi(kind) => false,
            (Mode::Colocated, Kind::HttpX64) => true,
            // What an operator sets for a network goes before the row of a Pi.
            (Mode::Dhcp, kind)
                if is_pi(kind) && self.pxe.is_some_and(|s| s != PxeShape::SingleOffer) =>
            {
                false
            }
            // A lease itself has no shape of a proxy's.
            (Mode::Dhcp, _) if !by_4011 => told.is_some(),
            _ => shape.is_some_and(on_its_ladder),
        }
    }

    /// The shape that its DISCOVER is answered in, where it is.
    fn told(&self, snapshot: &Snapshot, past: Option<&Known>) -> Option<String> {
        let discover = self.discover();
        let incoming = Incoming {
            message: &discover,
            port: Port::Dhcp,
            local: US,
            peer: SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68),
            unicast: false,
            side: None,
        };
        let outcome = decide_knowing(snapshot, incoming, |client| {
            let past = past.map_or(client.past, Known::past);
            bootjack::client::Client { past, ..client }
        });
        Some(outcome.decision.ok()?.strategy.name.to_owned())
    }

    fn ladder(&self, server: &Server) -> Vec<Shape> {
        let client = identify(&self.discover(), US).unwrap();
        let treatment = server.snapshot.quirks.treat(&client);
        strategy::ladder(&client, &treatment).0.to_vec()
    }
}

fn boots(chance: &Chance) {
    let played = chance.boot();
    let ends = words(&played.verdict);
    assert!(
        matches!(played.verdict, Verdict::Boots(_)),
        "{chance:?}: {ends}\n{:#?}",
        played.steps
    );
}

#[test]
fn each_shape_that_a_row_lists_boots_its_firmware() {
    for kind in kinds() {
        let plain = usual(kind, Mode::Proxy);
        let mut ladder = plain.ladder(&Server::new(&plain.case()));
        // That takes somebody else's lease: `tests/relay`.
        ladder.retain(|shape| *shape != Shape::Augment);
        assert!(!ladder.is_empty(), "{kind:?}");
        for shape in ladder {
            let chance = Chance {
                learnt: Some(shape),
                ..plain.clone()
            };
            assert_eq!(
                chance.told(
                    &Server::new(&chance.case()).snapshot,
                    chance.case().past.as_ref()
                ),
                Some(shape.name().to_owned())
            );
            boots(&chance);
        }
    }
}

#[test]
fn each_machine_boots_in_each_mode_but_a_pi_that_another_server_tells_nothing() {
    for (kind, mode) in kinds().flat_map(|kind| MODES.map(|mode| (kind, mode))) {
        let chance = usual(kind, mode);
        let pi = is_pi(kind) && mode == Mode::Colocated;
        assert_eq!(chance.fits(), !pi, "{chance:?}");
        if !pi {
            boots(&chance);
        }
    }
}

/// More of them: `PROPTEST_CASES`.
fn cases() -> u32 {
    let wanted = std::env::var("PROPTEST_CASES").ok();
    wanted.and_then(|n| n.parse().ok()).unwrap_or(64)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_machine_ends_and_boots_where_it_is_said_to(chance in chances()) {
        let played = chance.boot();
        let boots = matches!(played.verdict, Verdict::Boots(_));
        prop_assert!(
            boots || !chance.fits(),
            "{}\n{:#?}",
            words(&played.verdict),
            played.steps
        );
    }
}
