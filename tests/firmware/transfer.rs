//! The TFTP client of a firmware, packet by packet.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use bootjack::firmware::image::HEAD;
use bootjack::firmware::kind::Tftp;
use bootjack::firmware::transfer::{Step, Transfer, Want};
use bootjack::firmware::{Fault, Kind};

const SERVER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 2), 5000);
const START: Duration = Duration::ZERO;

fn begin(kind: Kind, want: Want) -> (Transfer, Vec<u8>) {
    let client = kind.firmware().tftp;
    let (transfer, step) = Transfer::begin(START, (*SERVER.ip(), b"a.efi"), 2000, client, want);
    let Step::Send(to, bytes) = step else {
        panic!("a request")
    };
    assert_eq!(to, SocketAddrV4::new(*SERVER.ip(), 69));
    (transfer, bytes)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "|")
}

fn oack(options: &str) -> Vec<u8> {
    [&[0, 6][..], options.replace('|', "\0").as_bytes()].concat()
}

fn data(number: u16, length: usize) -> Vec<u8> {
    let [high, low] = number.to_be_bytes();
    [&[0, 3, high, low][..], &vec![7; length]].concat()
}

#[test]
fn each_asks_in_its_own_way() {
    for (kind, want, request) in [
        (
            Kind::EfiX64,
            Want::Size,
            "|\u{1}a.efi|octet|blksize|1468|tsize|0|windowsize|4|",
        ),
        (
            Kind::EfiX64,
            Want::Whole,
            "|\u{1}a.efi|octet|blksize|1468|windowsize|4|",
        ),
        (
            Kind::Bios,
            Want::Size,
            "|\u{1}a.efi|octet|blksize|1456|tsize|0|",
        ),
        (
            Kind::Ipxe,
            Want::Start,
            "|\u{1}a.efi|octet|blksize|1432|tsize|0|",
        ),
        (Kind::Rpi3, Want::Whole, "|\u{1}a.efi|octet|"),
    ] {
        assert_eq!(text(&begin(kind, want).1), request);
    }
}

#[test]
fn the_size_is_probed_and_the_probe_ended() {
    let (mut probe, _) = begin(Kind::EfiX64, Want::Size);
    let granted = oack("tsize|70000|blksize|1468|windowsize|4|");
    let Step::Done(to, bytes) = probe.take(START, SERVER, &granted) else {
        panic!("done")
    };
    assert_eq!((to, &bytes[..4]), (SERVER, &[0, 5, 0, 8][..]));
    assert_eq!(probe.size, Some(70_000));
}

#[test]
fn a_whole_file_in_windows_with_a_block_lost() {
    let (mut all, _) = begin(Kind::EfiX64, Want::Whole);
    let granted = oack("blksize|1468|windowsize|4|");
    let ack = |number: u8| Step::Send(SERVER, vec![0, 4, 0, number]);
    assert_eq!(all.take(START, SERVER, &granted), ack(0));
    for number in 1..4 {
        assert_eq!(all.take(START, SERVER, &data(number, 1468)), Step::Quiet);
    }
    assert_eq!(all.take(START, SERVER, &data(4, 1468)), ack(4));
    assert_eq!(all.take(START, SERVER, &data(5, 1468)), Step::Quiet);
    assert_eq!(all.take(START, SERVER, &data(7, 1468)), ack(5), "6 is lost");
    assert_eq!(all.take(START, SERVER, &data(8, 1468)), Step::Quiet);
    assert_eq!(all.take(START, SERVER, &data(6, 1468)), Step::Quiet);
    assert_eq!(all.take(START, SERVER, &data(2, 1468)), Step::Quiet, "old");
    let end = all.take(START, SERVER, &data(7, 10));
    assert_eq!(end, Step::Done(SERVER, vec![0, 4, 0, 7]));
    assert_eq!((all.received, all.head.len()), (6 * 1468 + 10, HEAD));
}

/// EDK2, iPXE and GRUB all do: the server sends again what it has no acknowledgement of.
#[test]
fn an_acknowledgement_that_was_lost_is_sent_again() {
    let (mut all, _) = begin(Kind::Bios, Want::Whole);
    let granted = oack("blksize|1456|");
    let ack = |number: u8| Step::Send(SERVER, vec![0, 4, 0, number]);
    for _ in 0..2 {
        assert_eq!(all.take(START, SERVER, &granted), ack(0));
    }
    assert_eq!(all.take(START, SERVER, &data(1, 1456)), ack(1));
    for _ in 0..2 {
        assert_eq!(all.take(START, SERVER, &data(2, 1456)), ack(2));
    }
    assert_eq!(all.take(START, SERVER, &data(1, 1456)), Step::Quiet, "old");
    let late = all.take(START, SERVER, &granted);
    assert_eq!(late, Step::Quiet, "the file has begun");
    assert_eq!(all.received, 2 * 1456);
}

#[test]
fn what_goes_wrong_has_its_reason() {
    let fails = |want, packet: &[u8]| {
        let (mut transfer, _) = begin(Kind::EfiX64, want);
        match transfer.take(START, SERVER, packet) {
            Step::Failed(fault) => fault.to_string(),
            other => format!("{other:?}"),
        }
    };
    let said = fails(Want::Size, b"\0\x05\0\x01no such file\0");
    assert!(said.contains("10.0.0.2 has no \"a.efi\""), "{said}");
    assert!(fails(Want::Size, &data(1, 512)).contains("does not tell the size"));
    assert!(fails(Want::Size, &oack("blksize|1468|")).contains("does not tell the size"));
    for grant in [
        "blksize|9000|",
        "blksize|1468|tsize|5|",
        "timeout|3|",
        "blksize|1468",
    ] {
        let said = fails(Want::Whole, &oack(grant));
        assert!(said.contains("not asked for"), "{grant}: {said}");
    }
    let huge = oack("tsize|999999999999|");
    assert!(fails(Want::Size, &huge).contains("more than"));
}

#[test]
fn silence_ends_it() {
    let (mut transfer, request) = begin(Kind::EfiX64, Want::Size);
    for n in 1..6 {
        let now = transfer.until;
        assert_eq!(now, Duration::from_secs(4) * n);
        let again = Step::Send(SocketAddrV4::new(*SERVER.ip(), 69), request.clone());
        assert_eq!(transfer.timed_out(now), again);
    }
    let Step::Failed(fault) = transfer.timed_out(transfer.until) else {
        panic!("it ends")
    };
    assert!(matches!(fault, Fault::NoTftp(_)), "{fault:?}");
    assert_eq!(transfer.until, Duration::from_secs(24));
    let stranger = SocketAddrV4::new([10, 0, 0, 9].into(), 5000);
    let (mut transfer, _) = begin(Kind::EfiX64, Want::Size);
    assert_eq!(transfer.take(START, stranger, &data(1, 9)), Step::Quiet);
}

/// When a request is sent that nobody answers, in milliseconds, and when it is over.
fn asks_at(client: Tftp) -> (Vec<u128>, u128) {
    let (mut transfer, _) = Transfer::begin(START, (*SERVER.ip(), b"a"), 2000, client, Want::Start);
    let mut sent = vec![0];
    loop {
        let now = transfer.until;
        match transfer.timed_out(now) {
            Step::Send(..) => sent.push(now.as_millis()),
            _ => return (sent, now.as_millis()),
        }
    }
}

/// Of iPXE's `retry.c` and GRUB's `net.h`: a doubled wait, and one that grows.
#[test]
fn each_asks_again_after_its_own_times() {
    let ipxe = asks_at(Kind::Ipxe.firmware().tftp);
    assert_eq!(ipxe, (vec![0, 250, 750, 1750, 3750, 7750], 15_750));
    for kind in [Kind::EfiX64, Kind::Bios, Kind::Rpi3] {
        let (sent, over) = asks_at(kind.firmware().tftp);
        assert_eq!((sent.len(), over), (6, 24_000), "{kind:?}");
    }
}

/// Each packet has its own times; what has come begins them anew.
#[test]
fn each_packet_is_waited_for_anew() {
    let (mut transfer, _) = begin(Kind::Ipxe, Want::Whole);
    for _ in 0..3 {
        transfer.timed_out(transfer.until);
    }
    let now = Duration::from_secs(2);
    transfer.take(now, SERVER, &oack("blksize|1432|tsize|9000|"));
    assert_eq!(transfer.until, now + Duration::from_millis(250));
    let Step::Send(_, again) = transfer.timed_out(transfer.until) else {
        panic!("the ACK again")
    };
    assert_eq!(again, [0, 4, 0, 0]);
}
