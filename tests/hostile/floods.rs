//! Too many: packets, machines, transfers.

use std::net::SocketAddrV4;

use crate::forged::Raw;
use crate::lab::{Lab, STRANGER, US, to};
use crate::noise::Noise;
use crate::support::clients::{BootClient, Speaker};

const MANY: usize = 20_000;

/// The same DISCOVER, and a broken one, as fast as they can be sent.
#[test]
fn packets() {
    as_root!("packets");
    let mut lab = Lab::new();
    let socket = lab.udp();
    let discover = BootClient::new(Speaker::Edk2, 9).discover().bytes();
    let request = BootClient::new(Speaker::Edk2, 9)
        .proxy_request(STRANGER, US)
        .bytes();
    for (what, port, bytes) in [
        ("DISCOVERs", 67, &discover[..]),
        ("broken DISCOVERs", 67, &discover[..200]),
        ("REQUESTs", 4011, &request[..]),
        ("broken TFTP requests", 69, &discover[..]),
    ] {
        for _ in 0..MANY {
            let _ = socket.send_to(bytes, to(port));
        }
        lab.well(&format!("{MANY} {what}"));
    }
}

/// Machines that do not exist: what is kept of them is bounded, and the newest are kept.
#[test]
fn machines() {
    as_root!("machines");
    let mut lab = Lab::new();
    let socket = lab.udp();
    let mut client = BootClient::new(Speaker::Edk2, 9);
    for number in 0..12_000_u32 {
        let [_, a, b, c] = number.to_be_bytes();
        client.mac = [2, 0, 0, a, b, c];
        socket.send_to(&client.discover().bytes(), to(67)).unwrap();
        if number % 50 == 0 {
            // The queue holds some hundred packets: more at once would only be dropped.
            lab.appliance.get("/healthz");
        }
    }
    lab.well("12,000 machines");
    let known = lab.appliance.api("clients");
    let known = known["clients"].as_array().unwrap().len();
    assert_eq!(known, 4096, "as many as are kept, no more");
    println!(
        "12,000 machines: {} KiB more than before",
        lab.grown() / 1024
    );
    assert!(!lab.appliance.timeline("52:54:00:78:00:02").is_empty());
}

/// Requests for files that nobody takes, from many ports of one address, and from addresses that
/// do not exist.
#[test]
fn transfers() {
    as_root!("transfers");
    let mut lab = Lab::new();
    let raw = Raw::new(&lab.stranger);
    let request = b"\0\x01snponly.efi\0octet\0blksize\x001468\0windowsize\x0064\0";
    for port in 0..MANY {
        let from = SocketAddrV4::new(STRANGER, 1024 + port as u16);
        raw.send(from, to(69), request);
    }
    lab.well("transfers of one address");
    let mut noise = Noise::new(3);
    for number in 0..MANY {
        if number % 200 == 0 {
            lab.appliance.get("/healthz"); // lets it take what is queued
        }
        let host = 101 + noise.below(150) as u8;
        let from = SocketAddrV4::new([10, 77, 0, host].into(), noise.next() as u16 | 1);
        raw.send(from, to(69), request);
    }
    lab.well("transfers of many addresses");
    for _ in 0..MANY {
        let from = SocketAddrV4::new(STRANGER, noise.next() as u16 | 1);
        raw.send(from, to(69), &[0, 4, 0, noise.next() as u8]);
    }
    lab.well("acknowledgements of nothing");
}
