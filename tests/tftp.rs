//! The TFTP door as clients meet it: real ones, firmware's habits, and a lossy network.
//!
//! * `loss`: a cable that loses packets; `many`: many clients at once
//! * `ways`: ways to send, to read and to bound it, that all give the same bytes

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "support/tftp_client.rs"]
mod client;
#[path = "tftp/loss.rs"]
mod loss;
#[path = "tftp/many.rs"]
mod many;
#[path = "support/tftp_server.rs"]
mod server;
#[path = "support/stalling.rs"]
mod stalling;
mod support;
#[path = "tftp/ways.rs"]
mod ways;

use std::net::Ipv4Addr;
use std::sync::Arc;

use bootjack::client::quirk;
use bootjack::profile::Snapshot;
use bootjack::wire::Mac;

use client::{Real, ack, data, error, get, get_as, left_out, next, oack, request, socket};
use server::{MEANWHILE, Server, pattern};

const HOME: Ipv4Addr = Ipv4Addr::LOCALHOST;

fn curl(blksize: u16) -> Real {
    Real::Curl { blksize }
}

fn atftp(blksize: u16, windowsize: u16) -> Real {
    Real::Atftp {
        blksize,
        windowsize,
    }
}

#[test]
fn real_clients_get_files_byte_for_byte() {
    let server = Server::start();
    let clients = [
        Real::Hpa,
        curl(512),
        curl(1428),
        curl(1468),
        atftp(512, 1),
        atftp(1428, 8),
        atftp(1468, 64),
    ];
    if left_out("real_clients_get_files_byte_for_byte", &clients) {
        return;
    }
    for size in [0, 1, 511, 512, 513, 3 * 1428, 2 * 1468, 700_001] {
        let name = format!("file-{size}");
        let bytes = server.file(&name, size);
        for real in clients {
            let got = real.get(None, server.at(1), &name);
            assert!(got == bytes, "{real:?} got {} of {size}", got.len());
        }
    }
}

#[test]
fn a_hundred_megabytes_roll_over_and_arrive() {
    let server = Server::start();
    let bytes = server.file("big", 100 * 1024 * 1024);
    let clients = [Real::Hpa, curl(1468), atftp(1428, 64)];
    if left_out("a_hundred_megabytes_roll_over_and_arrive", &clients) {
        return;
    }
    for real in clients {
        let begin = std::time::Instant::now();
        let got = real.get(None, server.at(1), "big");
        assert!(got == bytes, "{real:?} got {}", got.len());
        eprintln!("{real:?}: 100 MiB in {:?}", begin.elapsed());
    }
    let window = [("blksize", "512"), ("windowsize", "64")];
    let got = get(HOME, server.at(1), "big", &window).unwrap();
    assert!(got.bytes == bytes);
}

#[test]
fn every_block_and_window_size_gives_the_same_bytes() {
    let server = Server::start();
    let bytes = server.file("file", 300_000);
    for blksize in [8, 512, 1428, 1468, 9000, 65464] {
        for windowsize in [1, 8, 64] {
            let asked = [blksize, windowsize].map(|n| n.to_string());
            let options = [("blksize", &*asked[0]), ("windowsize", &*asked[1])];
            let got = get(HOME, server.at(1), "file", &options).unwrap();
            assert!(got.bytes == bytes, "{blksize} {windowsize}");
            let granted = windowsize.min(64 * 2048 / blksize);
            let granted = [("blksize", blksize), ("windowsize", granted)];
            let granted = granted.map(|(name, value)| (name.to_owned(), value.to_string()));
            assert_eq!(got.oack, granted);
        }
    }
}

#[test]
fn the_address_that_was_asked_answers() {
    let server = Server::start();
    let bytes = server.file("file", 5000);
    for last in [1, 2, 77] {
        for options in [&[][..], &[("tsize", "0")]] {
            let got = get(HOME, server.at(last), "file", options).unwrap();
            assert!(got.bytes == bytes);
            assert_eq!(got.from.ip(), server.at(last).ip());
            assert_ne!(got.from.port(), server.port, "one port a transfer");
        }
    }
    let missing = socket(HOME);
    let asked = server.at(9);
    missing
        .send_to(&request(1, "none", "octet", &[]), asked)
        .unwrap();
    let (packet, from) = next(&missing);
    assert_eq!((error(&packet).code, from.ip()), (1, asked.ip()));
}

#[test]
fn only_options_that_were_asked_are_granted_and_none_beyond_the_bounds() {
    let server = Server::start();
    server.file("file", 70_000);
    let oack_of = |options: &[(&str, &str)]| {
        let got = get(HOME, server.at(1), "file", options).unwrap();
        let pairs = got.oack.into_iter();
        pairs.map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>()
    };
    assert_eq!(oack_of(&[]), [""; 0]);
    assert_eq!(oack_of(&[("tsize", "0")]), ["tsize=70000"]);
    assert_eq!(oack_of(&[("multicast", "")]), [""; 0]);
    let greedy = [
        ("BlkSize", "65535"),
        ("WINDOWSIZE", "65535"),
        ("timeout", "3"),
    ];
    assert_eq!(
        oack_of(&greedy),
        ["blksize=65464", "timeout=3", "windowsize=2"]
    );
    assert_eq!(oack_of(&[("blksize", "0"), ("windowsize", "x")]), [""; 0]);
}

#[test]
fn names_are_found_as_firmware_spells_them_and_never_outside() {
    let server = Server::start();
    let bytes = server.file("boot/bcd", 900);
    for name in ["boot/bcd", "/boot//bcd", "\\Boot\\BCD", "boot/bcd\u{7f}"] {
        assert!(
            get(HOME, server.at(1), name, &[]).unwrap().bytes == bytes,
            "{name}"
        );
    }
    let mac = server.know(HOME);
    for name in ["../etc/passwd", "boot", "none", "boot/bcd/x", ""] {
        let refused = get(HOME, server.at(1), name, &[]).unwrap_err();
        assert_eq!(
            (refused.code, refused.text.as_str()),
            (1, "file not found"),
            "{name}"
        );
    }
    assert!(
        server
            .event(mac, "not-found")
            .contains("leads out of the tree")
    );
}

const TEXT: &[u8] = b"line\nreturn\r and both\r\nend";

#[test]
fn a_client_converts_netascii_back() {
    if left_out("a_client_converts_netascii_back", &[Real::HpaNetascii]) {
        return;
    }
    let server = Server::start();
    let text = TEXT.repeat(3000);
    server.text("text", &text);
    assert!(Real::HpaNetascii.get(None, server.at(1), "text") == text);
}

#[test]
fn netascii_is_converted_where_it_is_asked_for() {
    let server = Server::start();
    let text = TEXT.repeat(3000);
    server.text("text", &text);
    let got = get_as(HOME, server.at(1), "text", "NetASCII", &[("tsize", "0")]).unwrap();
    let size = (text.len() + 4 * 3000).to_string();
    assert_eq!(got.oack, [("tsize".to_owned(), size.clone())]);
    assert_eq!(got.bytes.len().to_string(), size);
    server.file("large", 1024 * 1024 + 1);
    let refused = get_as(HOME, server.at(1), "large", "netascii", &[]).unwrap_err();
    assert!(refused.text.contains("octet"), "{refused:?}");
    let refused = get_as(HOME, server.at(1), "text", "mail", &[]).unwrap_err();
    assert_eq!(refused.code, 4);
}

#[test]
fn the_probe_of_edk2_is_seen_as_one_and_the_real_request_follows() {
    let server = Server::start();
    let mac = server.know(HOME);
    let bytes = server.file("snponly.efi", 9000);
    let probe = socket(HOME);
    let options = [("tsize", "0"), ("blksize", "1468"), ("windowsize", "4")];
    let asked = request(1, "snponly.efi", "octet", &options);
    probe.send_to(&asked, server.at(1)).unwrap();
    let (packet, transfer) = next(&probe);
    assert_eq!(oack(&packet)[1].1, "9000");
    probe
        .send_to(b"\0\x05\0\x08User aborted\0", transfer)
        .unwrap();
    let probed = server.event(mac, "probed");
    assert!(probed.contains("sent: 0"), "{probed}");
    let got = get(HOME, server.at(1), "snponly.efi", &options[1..]).unwrap();
    assert!(got.bytes == bytes);
    assert!(server.event(mac, "sent").contains("9000"));
    let failed = server.events(mac).into_iter().any(|e| e.0 == "failed");
    assert!(!failed);
}

#[test]
fn a_client_that_has_enough_says_how_much_it_took() {
    let server = Server::start();
    let mac = server.know(HOME);
    server.file("vesamenu.c32", 30_000);
    let client = socket(HOME);
    let asked = request(1, "vesamenu.c32", "octet", &[("blksize", "1024")]);
    client.send_to(&asked, server.at(1)).unwrap();
    let (_, transfer) = next(&client);
    for block in 0..3 {
        client.send_to(&ack(block), transfer).unwrap();
        while data(&next(&client).0).0 != block + 1 {}
    }
    client.send_to(b"\0\x05\0\0enough\0", transfer).unwrap();
    let probed = server.event(mac, "probed");
    assert!(probed.contains("sent: 2048"), "{probed}");
    let story: Vec<String> = server
        .shared
        .timeline()
        .of(mac)
        .map(|e| e.what.to_string())
        .collect();
    assert!(
        story
            .iter()
            .any(|e| e.ends_with("the client stopped after 2048 bytes")),
        "{story:?}"
    );
}

#[test]
fn a_request_repeated_from_the_same_port_gets_the_same_transfer() {
    let server = Server::start();
    server.file("file", 2000);
    let grub = socket(HOME);
    let asked = request(1, "file", "octet", &[("blksize", "1024"), ("tsize", "0")]);
    grub.send_to(&asked, server.at(1)).unwrap();
    let (first, transfer) = next(&grub);
    // The sender takes it for a network's twin until 50 ms have passed, and repeats by itself at
    // 200 ms: so go on asking, and be content with either.
    grub.send_to(&asked, server.at(1)).unwrap();
    let (second, from) = next(&grub);
    assert_eq!((&first, from), (&second, transfer));
    grub.send_to(&ack(0), transfer).unwrap();
    let block = loop {
        let (packet, _) = next(&grub);
        if packet[1] == 3 {
            break packet;
        }
    };
    assert_eq!(data(&block), (1, &pattern(2000)[..1024]));
}

#[test]
fn another_request_from_the_same_port_takes_the_place_of_the_first() {
    let server = Server::start();
    let mac = server.know(HOME);
    server.file("first", 100_000);
    let bytes = server.file("second", 100);
    let rom = socket(HOME); // old ROMs ask from port 2070 for everything
    rom.send_to(&request(1, "first", "octet", &[]), server.at(1))
        .unwrap();
    let (packet, transfer) = next(&rom);
    assert_eq!(data(&packet).0, 1);
    rom.send_to(&ack(1), transfer).unwrap();
    assert_eq!(data(&next(&rom).0).0, 2);
    rom.send_to(&request(1, "second", "octet", &[]), server.at(1))
        .unwrap();
    let got = loop {
        let (packet, from) = next(&rom);
        if from != transfer {
            break data(&packet).1.to_vec();
        }
    };
    assert_eq!(got, bytes);
    let failed = server.event(mac, "failed");
    assert!(failed.contains("asked for something else"), "{failed}");
}

#[test]
fn a_file_replaced_while_it_is_sent_is_finished_as_it_was_opened() {
    let server = Server::start();
    let bytes = server.file("file", 5 * 512);
    let slow = socket(HOME);
    slow.send_to(&request(1, "file", "octet", &[]), server.at(1))
        .unwrap();
    let mut got = Vec::new();
    for block in 1..=6 {
        let (packet, transfer) = next(&slow);
        assert_eq!(data(&packet).0, block);
        got.extend_from_slice(data(&packet).1);
        if block == 2 {
            server.text("new", b"other");
            let folder = server.folder.path();
            std::fs::rename(folder.join("new"), folder.join("file")).unwrap();
        }
        slow.send_to(&ack(block), transfer).unwrap();
    }
    assert!(got == bytes);
}

#[test]
fn a_write_is_refused_and_reported() {
    let server = Server::start();
    let mac = server.know(HOME);
    let writer = socket(HOME);
    writer
        .send_to(&request(2, "x", "octet", &[]), server.at(1))
        .unwrap();
    assert_eq!(error(&next(&writer).0).code, 4);
    assert!(
        server
            .event(mac, "refused")
            .contains("writing is never granted")
    );
}

#[test]
fn dropping_the_service_ends_it_at_once() {
    let mut server = Server::start();
    server.file("file", 100_000);
    let idle = socket(HOME);
    idle.send_to(&request(1, "file", "octet", &[]), server.at(1))
        .unwrap();
    next(&idle);
    server.stop();
    let again = std::net::UdpSocket::bind(("0.0.0.0", server.port));
    assert!(again.is_ok(), "its socket is closed");
}

fn with_quirk_of(mac: Mac) -> Arc<Snapshot> {
    let row = format!(
        "quirks: [{{ name: old, tells: {{ mac: \"{mac}\" }}, changes: {{ block-size: 1024, window: 2 }} }}]"
    );
    let (rows, findings) = quirk::compile("bootjack.yaml", &row);
    assert_eq!(findings, []);
    Arc::new(Snapshot {
        quirks: Arc::new(quirk::Table::with(rows.unwrap())),
        ..Snapshot::default()
    })
}

/// What a quirk says of blocks and windows holds for that client's address, and for nobody else's.
#[test]
fn a_quirk_bounds_the_blocks_of_its_machines() {
    let server = Server::start();
    let bytes = server.file("loader", 100_000);
    let old = Ipv4Addr::new(127, 0, 0, 9);
    let mac = server.know(old);
    server.shared.snapshot.store(with_quirk_of(mac));
    let options = [("blksize", "1468"), ("windowsize", "8")];
    for (from, granted) in [(old, ["1024", "2"]), (Ipv4Addr::LOCALHOST, ["1468", "8"])] {
        let got = get(from, server.at(1), "loader", &options).unwrap();
        let values: Vec<&str> = got.oack.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, granted, "{from}");
        assert!(got.bytes == bytes);
    }
}

#[test]
fn a_request_is_served_by_one_set_although_another_comes_meanwhile() {
    let server = Server::start();
    server.file(MEANWHILE, 5000);
    let (shared, new) = (server.shared.clone(), with_quirk_of(server.know(HOME)));
    Server::meanwhile(move || shared.snapshot.store(new));
    for granted in ["1468", "1024"] {
        let got = get(HOME, server.at(1), MEANWHILE, &[("blksize", "1468")]).unwrap();
        assert_eq!(got.oack, [("blksize".to_owned(), granted.to_owned())]);
    }
}
