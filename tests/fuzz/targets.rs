//! What is fuzzed, by cargo-fuzz without end and by `tests/corpus.rs` over the found inputs.
//!
//! Each target takes any bytes, goes the whole way that such bytes go in the appliance, and panics
//! where something that must always hold does not.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use bootjack::assets;
use bootjack::decide::{Incoming, Port, decide};
use bootjack::firmware::secure::pe::HEAD;
use bootjack::firmware::secure::{Layout, MAX_TABLE, Program, Starter, Trust, judge, judge_second};
use bootjack::network::{self, Network, Pool, Terms};
use bootjack::profile::{Snapshot, Source, compile};
use bootjack::transfer::{Bounds, Input, Next, Send, Sender, Step, agree};
use bootjack::tree::{CleanPath, Door, Requester, files_first, resolve};
use bootjack::wire::dhcp::{MAX_REPLY, Message, Options, describe};
use bootjack::wire::pxe::area::Area;
use bootjack::wire::tftp::Packet;

const US: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const PEER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 77);

const PROFILE: &str = r#"
name: Fuzz
menu:
  title: Fuzz
  installed: true
  timeout: 10s
  entries:
    - { id: linux, title: Linux, linux: { kernel: a/linux, initrd: a/initrd, args: "x={{ mac }} y={{ uuid }}" } }
    - { id: test, title: Memory test, loader: { bios: memtest.bin, efi-x64: memtest.efi } }
    - { id: script, title: Script, ipxe: "echo {{ ip }}" }
    - { id: disk, title: Disk, local: true }
"#;

fn snapshot() -> &'static Snapshot {
    static SNAPSHOT: OnceLock<Snapshot> = OnceLock::new();
    SNAPSHOT.get_or_init(|| {
        let (profiles, findings) = compile(&[Source {
            file: "fuzz.yaml".into(),
            text: PROFILE.into(),
        }]);
        let profiles = profiles.unwrap_or_else(|| panic!("{findings:?}"));
        Snapshot {
            profiles,
            http_port: 8067,
            ..Snapshot::default()
        }
    })
}

/// The first byte chooses the port, the rest is the datagram: bytes → reply.
pub fn dhcp(data: &[u8]) {
    let Some((choice, datagram)) = data.split_first() else {
        return;
    };
    let Ok(message) = Message::decode(datagram) else {
        return;
    };
    let port = if choice & 1 == 0 {
        Port::Dhcp
    } else {
        Port::Pxe
    };
    let incoming = Incoming {
        message: &message,
        port,
        local: US,
        peer: SocketAddrV4::new(PEER, 4011),
        unicast: false,
        side: None,
    };
    let outcome = decide(snapshot(), incoming);
    let Ok(answer) = outcome.decision else { return };
    let reply = Message::decode(&answer.bytes).expect("a reply decodes");
    assert!(
        (300..=1472).contains(&answer.bytes.len()),
        "{} bytes",
        answer.bytes.len()
    );
    assert_eq!(
        (reply.xid, reply.chaddr, reply.giaddr),
        (message.xid, message.chaddr, message.giaddr)
    );
    if let Some(area) = reply.options.get(43).map(Area::read) {
        assert!(area.is_whole() && area.is_sound(), "{area:?}");
    }
    assert!(![1, 3, 51, 52].iter().any(|code| reply.options.has(*code)));
    assert!(
        outcome.client.is_some(),
        "an answer to somebody who is not booting"
    );
}

/// A length byte and a datagram, again and again: the first request starts a transfer, the others
/// reach it, with a time-out in front of each. Whatever comes, the sender stays inside its file and
/// sends no more than its window.
pub fn tftp(data: &[u8]) {
    let mut rest = data;
    let mut now = Instant::now();
    let mut transfer: Option<Sender> = None;
    while let Some((len, after)) = rest.split_first() {
        let (datagram, next) = after.split_at(usize::from(*len).min(after.len()));
        rest = next;
        let Ok(packet) = Packet::decode(datagram) else {
            continue;
        };
        assert_eq!(
            Packet::decode(&packet.encode()).as_ref(),
            Ok(&packet),
            "it does not come back the same"
        );
        now += Duration::from_millis(u64::from(*len));
        let step = match (&mut transfer, packet) {
            (None, Packet::Read(request)) => {
                let terms = agree(&request.options, SIZE, &Bounds::of_mtu(1500));
                let (sender, step) = Sender::start(now, SIZE, terms, Duration::from_secs(30));
                transfer = Some(sender);
                step
            }
            (Some(sender), Packet::Ack(block)) => sender.on(now, Input::Ack(block)),
            (Some(sender), Packet::Error { code, .. }) => sender.on(now, Input::Error(code)),
            (Some(sender), Packet::Read(_)) => sender.on(now, Input::Again),
            (Some(sender), Packet::Data { .. }) => sender.on(now, Input::Timeout),
            _ => continue,
        };
        check_step(step);
        if matches!(step.next, Next::Done(_)) {
            transfer = None;
        }
    }
}

/// Bytes of the file that is sent: more than 65,536 blocks of 512.
const SIZE: u64 = 40_000_000;

fn check_step(step: Step) {
    let Some(Send::Blocks(run)) = step.send else {
        return;
    };
    let blocks = run.last() - run.first() + 1;
    let window = u64::from(Bounds::DEFAULT_WINDOWSIZE);
    assert!(blocks <= window, "{blocks} blocks in a window of {window}");
    assert!(
        run.offset() + run.bytes() <= SIZE,
        "past the end of the file"
    );
}

/// A profile as an operator, or a broken disk, may leave it: findings, or a set that can be served.
pub fn profile(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let (profiles, findings) = compile(&[Source {
        file: "fuzz.yaml".into(),
        text: text.into(),
    }]);
    for finding in &findings {
        let _ = finding.to_string();
    }
    let Some(profiles) = profiles else {
        assert!(!findings.is_empty(), "refused without a finding");
        return;
    };
    let snapshot = Snapshot {
        profiles,
        http_port: 8067,
        ..Snapshot::default()
    };
    for path in [
        "pxelinux.cfg/01-02-00-00-00-00-01",
        "boot/efi-x86_64/02-00-00-00-00-01.ipxe",
        "grub.cfg-01-02-00-00-00-00-01",
    ] {
        let _ = look_up(&snapshot, path.as_bytes());
    }
}

/// A `dhcp:` as an operator, or a broken disk, may leave it: findings, or networks that hold what
/// all others rely on.
pub fn network(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let (networks, findings) = network::compile("fuzz.yaml", text);
    for finding in &findings {
        let _ = finding.to_string();
    }
    let Some(networks) = networks else {
        assert!(!findings.is_empty(), "refused without a finding");
        return;
    };
    for one in &networks.all {
        for subnet in &one.subnets {
            let found = networks.of_link(subnet.net.addr());
            assert_eq!(found, Some(one), "an address of two networks");
            check_terms(&subnet.terms);
            subnet.pools.iter().for_each(|pool| check_pool(pool, one));
        }
    }
    for reservation in networks.reservations.iter() {
        check_terms(&reservation.terms);
        let address = reservation.address;
        let network = address.map(|address| networks.of_link(address));
        assert_ne!(network, Some(None), "reserved outside every network");
        let kept = address.map(|address| networks.reservations.of_address(address));
        assert!(kept.is_none_or(|kept| kept == Some(reservation)));
    }
}

fn check_pool(pool: &Pool, network: &Network) {
    check_terms(&pool.terms);
    for address in [pool.range.first, pool.range.last] {
        assert!(network.subnet_of(address).is_some(), "outside its network");
        if pool.has(address) {
            assert_eq!(
                network.pool_of(address),
                Some(pool),
                "an address of two pools"
            );
        }
    }
    for part in &pool.exclude {
        assert!(pool.range.covers(part) && !pool.has(part.first) && !pool.has(part.last));
    }
    assert!(pool.size() <= pool.range.size());
}

/// Each option once, described without a panic, and all of them fit a message.
fn check_terms(terms: &Terms) {
    let options: Options = terms.options.iter().map(|o| (o.code, &*o.value)).collect();
    assert_eq!(options.iter().count(), terms.options.len());
    for (code, value) in options.iter() {
        assert!(!value.is_empty() && !matches!(code, 0 | 53 | 54 | 82 | 255));
        let _ = describe(code, value);
    }
    let bytes: usize = options.iter().map(|(_, value)| value.len() + 2).sum();
    assert!(bytes < MAX_REPLY - 400, "{bytes} bytes of options");
}

/// A name as a client asks for it, with everything that is rendered for it.
pub fn path(data: &[u8]) {
    let _ = look_up(snapshot(), data);
}

fn look_up(snapshot: &Snapshot, raw: &[u8]) -> Option<()> {
    let path = CleanPath::new(raw).ok()?;
    assert!(
        path.as_str()
            .split('/')
            .all(|part| !matches!(part, "" | "." | "..")),
        "{path:?}"
    );
    let requester = Requester {
        peer: PEER.into(),
        server: US.into(),
        door: Door::Tftp,
        client: None,
        tftp_only: false,
        loader: Some(path.clone()),
    };
    assert!(
        files_first(snapshot, &requester, &path).len() <= 8,
        "{path:?}"
    );
    let _ = resolve(snapshot, &requester, &path);
    Some(())
}

/// The first byte chooses: a program as it may lie in the image folder, judged by Debian's shim, or
/// what a shim was built with. Without a signature nothing starts.
pub fn signed(data: &[u8]) {
    static DEBIANS: OnceLock<Trust> = OnceLock::new();
    let Some((choice, file)) = data.split_first() else {
        return;
    };
    let trust = DEBIANS.get_or_init(|| {
        let shim = assets::get("shimx64.efi").expect("a shim is embedded");
        Trust::of_shim(shim.bytes).expect("it is one")
    });
    if choice & 1 == 1 {
        let _ = Trust::of_shim(file);
        let built = Trust::read(file).unwrap_or_default();
        return check_program(TINY, &built);
    }
    check_program(file, trust);
}

/// A program of 1 KiB, with its signature.
const TINY: &[u8] = include_bytes!("signed.efi");

fn check_program(file: &[u8], trust: &Trust) {
    let size = file.len() as u64;
    let Ok(layout) = Layout::read(file.get(..HEAD).unwrap_or(file), size) else {
        return;
    };
    assert!(layout.hashed.len() <= 100, "{} ranges", layout.hashed.len());
    let all = layout.hashed.iter().chain([&layout.table]);
    for range in all {
        assert!(
            range.start <= range.end && range.end <= size,
            "{range:?} of {size}"
        );
    }
    let table = file.get(layout.table.start as usize..layout.table.end as usize);
    let table = table.expect("inside the file");
    let program = Program::new(&layout, table.get(..MAX_TABLE).unwrap_or(table), None);
    for verdict in [
        judge(&program, trust, Starter::Shim),
        judge(&program, trust, Starter::Firmware),
        judge_second(&program, trust),
    ] {
        let _ = verdict.as_ref().map_err(ToString::to_string);
        assert!(verdict.is_err() || !program.signatures.is_empty());
    }
}
