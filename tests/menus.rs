//! One menu, three dialects: profile and rendered text side by side.
//!
//! * `dialects`: what each says of the same menu
//! * `entries`: which entries a machine is shown, and which names it finds
//! * `habits`: what loaders cannot do
//! * `signed`: what Secure Boot takes from a menu; loops

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "menus/chosen.rs"]
mod chosen;
#[path = "menus/dialects.rs"]
mod dialects;
#[path = "menus/entries.rs"]
mod entries;
#[path = "menus/habits.rs"]
mod habits;
#[path = "menus/signed.rs"]
mod signed;

use std::net::{IpAddr, Ipv4Addr};

use bootjack::client::{Client, Stage};
use bootjack::profile::{Snapshot, Source, compile};
use bootjack::tree::{CleanPath, Door, Found, Missing, Requester, resolve};
use bootjack::wire::{Arch, Mac};

const MAC: Mac = Mac::ethernet([0x52, 0x54, 0, 0x12, 0x34, 0x56]);

const PROFILE: &str = r#"
name: Lab A
vars: { mirror: deb.debian.org }
menu:
  title: Lab A
  timeout: 10s
  default: debian
  entries:
    - id: debian
      title: Install Debian 12
      linux:
        kernel: debian-12/linux
        initrd: [debian-12/initrd.gz, extra/b.gz]
        args: "auto=true url=http://{{ server }}/p?m={{ mac }} mirror={{ mirror }} --- quiet"
    - id: memtest
      title: Memory test
      loader: { bios: memtest.bin, efi-x64: memtest.efi }
    - id: arm
      title: ARM only
      arch: [efi-arm64]
      local: true
    - id: other
      title: Another server
      chain: http://10.0.0.9/boot.ipxe
    - id: own
      title: "My script # && ;"
      ipxe: |
        echo hello {{ mac }} ${net0/ip}
        shell
    - id: disk
      title: It's the local disk
      local: true
"#;

fn snapshot(profile: &str) -> Snapshot {
    let (profiles, findings) = compile(&[Source {
        file: "a.yaml".into(),
        text: profile.into(),
    }]);
    Snapshot {
        profiles: profiles.unwrap_or_else(|| panic!("{findings:#?}")),
        http_port: 8067,
        ..Snapshot::default()
    }
}

fn client(arch: Arch, stage: Stage) -> Client {
    let ip = Ipv4Addr::new(10, 0, 0, 77);
    Client {
        archs: vec![arch],
        stage,
        ip: Some(ip),
        ..Client::unknown(MAC, ip)
    }
}

fn asker(client: Option<Client>) -> Requester {
    let (peer, server): (IpAddr, IpAddr) = ([10, 0, 0, 77].into(), [10, 0, 0, 2].into());
    Requester {
        peer,
        server,
        door: Door::Http,
        client,
        tftp_only: false,
        loader: None,
    }
}

fn get(snapshot: &Snapshot, client: Option<Client>, path: &str) -> Result<Found, Missing> {
    resolve(
        snapshot,
        &asker(client),
        &CleanPath::new(path.as_bytes()).unwrap(),
    )
}

fn text(snapshot: &Snapshot, client: Option<Client>, path: &str) -> String {
    match get(snapshot, client, path) {
        Ok(Found::Text(memory, _)) => String::from_utf8(memory.bytes.to_vec()).unwrap(),
        other => panic!("{path}: {other:?}"),
    }
}
