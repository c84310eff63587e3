//! One menu of 1 and of 50 entries → each dialect.

use std::fmt::Write as _;
use std::hint::black_box;
use std::net::Ipv4Addr;

use bootjack::client::{Client, Stage};
use bootjack::render::{Dialect, Place, menu};
use bootjack::wire::{Arch, Mac};
use criterion::{BenchmarkId, Criterion};

use super::{in_force, sample};

const DIALECTS: [(Dialect, Arch, Stage); 3] = [
    (Dialect::Pxelinux, Arch::BIOS, Stage::Pxelinux),
    (Dialect::Ipxe, Arch::EFI_X64, Stage::Ipxe),
    (Dialect::Grub, Arch::EFI_X64, Stage::Grub),
];

pub(crate) fn all(c: &mut Criterion) {
    let mut group = c.benchmark_group("render");
    for entries in [1, 50] {
        let set = in_force([profile(entries)]);
        let profile = set.profiles.named("all").expect("the profile");
        for (dialect, arch, stage) in DIALECTS {
            let (client, place) = (client(arch, stage), place());
            let rendered = menu(&set, profile, &client, place, dialect).expect("a menu");
            assert_eq!(rendered.entries, entries, "{}", rendered.text);
            let id = BenchmarkId::new(dialect.name(), format!("{entries} entries"));
            group.bench_function(id, |b| {
                b.iter(|| menu(&set, profile, black_box(&client), place, dialect));
            });
        }
    }
    group.finish();
}

/// Kernels with arguments that are filled in for each machine.
fn profile(entries: usize) -> String {
    let mut text = "name: all\nmenu:\n  title: Lab\n  timeout: 5s\n  entries:\n".to_owned();
    for n in 0..entries {
        write!(
            text,
            "    - id: e{n}\n      title: Install number {n}\n      linux:\n        \
             kernel: e{n}/linux\n        initrd: [e{n}/initrd.gz]\n        \
             args: \"auto=true url={{{{ http }}}}/preseed/{{{{ mac }}}}.cfg\"\n"
        )
        .expect("text");
    }
    text
}

fn client(arch: Arch, stage: Stage) -> Client {
    let ip = Ipv4Addr::new(10, 77, 0, 100);
    Client {
        archs: vec![arch],
        stage,
        ip: Some(ip),
        ..Client::unknown(Mac::ethernet(sample::mac(7)), ip)
    }
}

fn place() -> Place {
    Place {
        server: Ipv4Addr::new(10, 77, 0, 2).into(),
        http_port: 8067,
        peer: Ipv4Addr::new(10, 77, 0, 100).into(),
        tftp_only: false,
    }
}
