//! Answers that no real server can be told to give: a server made of bytes.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::run::{Report, examine};
use crate::support::lan::{Host, Lan};
use crate::support::packet::Packet;

/// Answers every DISCOVER, until it is dropped.
struct Odd {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Odd {
    /// `spoil` is given the options of a sound lease, and then the bytes of the whole.
    fn new(host: &Host, spoil: fn(Packet) -> Packet, bytes: fn(Vec<u8>) -> Vec<u8>) -> Self {
        let socket: UdpSocket = host.enter(|| {
            let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
            socket.set_broadcast(true).unwrap();
            socket.bind_device(Some(b"eth0")).unwrap();
            let any = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 67);
            socket.bind(&any.into()).unwrap();
            socket.into()
        });
        let pause = Duration::from_millis(100);
        socket.set_read_timeout(Some(pause)).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut buf = [0; 2048];
            while !stopped.load(Ordering::Relaxed) {
                if let Ok((len, _)) = socket.recv_from(&mut buf) {
                    let answer = bytes(offer(&buf[..len], spoil));
                    socket.send_to(&answer, (Ipv4Addr::BROADCAST, 68)).unwrap();
                }
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Odd {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

fn offer(discover: &[u8], spoil: fn(Packet) -> Packet) -> Vec<u8> {
    let xid = u32::from_be_bytes(discover[4..8].try_into().unwrap());
    let mac = discover[28..34].try_into().unwrap();
    let sound = Packet::new(2, mac, xid).with_all(&[
        (54, &[10, 77, 0, 1]),
        (1, &[255, 255, 255, 0]),
        (51, &[0, 0, 14, 16]),
    ]);
    let mut sound = spoil(sound);
    sound.op = 2;
    let mut bytes = sound.bytes();
    bytes[16..20].copy_from_slice(&[10, 77, 0, 150]);
    bytes
}

fn told(spoil: fn(Packet) -> Packet, bytes: fn(Vec<u8>) -> Vec<u8>) -> Report {
    let lan = Lan::new();
    let _odd = Odd::new(&lan.dhcp_host(), spoil, bytes);
    examine(&lan.appliance_host(), &[])
}

fn same<T>(it: T) -> T {
    it
}

#[test]
fn the_server_made_of_bytes_is_sound() {
    as_root!("the_server_made_of_bytes_is_sound");
    let report = told(same, same);
    assert_eq!(report.codes(), [""; 0], "{:#}", report.data);
}

#[test]
fn option_overload() {
    as_root!("option_overload");
    let report = told(|p| p.with(52, &[1]), same);
    assert_eq!(report.codes(), ["option-overload"]);
}

#[test]
fn no_server_id() {
    as_root!("no_server_id");
    let report = told(|p| p.without(54), same);
    assert_eq!(report.codes(), ["no-server-id"]);
}

#[test]
fn no_subnet_mask() {
    as_root!("no_subnet_mask");
    let report = told(|p| p.without(1), same);
    assert_eq!(report.codes(), ["no-subnet-mask"]);
}

#[test]
fn no_end_mark() {
    as_root!("no_end_mark");
    let cut = |mut bytes: Vec<u8>| {
        bytes.pop();
        bytes
    };
    let report = told(same, cut);
    assert_eq!(report.codes(), ["malformed-offer"]);
}

#[test]
fn an_answer_that_ends_in_the_middle() {
    as_root!("an_answer_that_ends_in_the_middle");
    let cut = |mut bytes: Vec<u8>| {
        bytes.truncate(246);
        bytes
    };
    let report = told(same, cut);
    assert_eq!(report.codes(), ["malformed-offer"]);
    let what = report.what("malformed-offer");
    assert!(
        what.contains("10.77.0.1 answers with what is no DHCP message"),
        "{what}"
    );
}

/// In fragments, as it comes over a wire of 1500 bytes.
#[test]
fn an_offer_that_is_too_long() {
    as_root!("an_offer_that_is_too_long");
    let long = |mut p: Packet| {
        for code in 200..206 {
            p = p.with(code, &[7; 250]);
        }
        p
    };
    let report = told(long, same);
    assert_eq!(report.codes(), ["offer-too-long"], "{:#}", report.data);
}

#[test]
fn the_next_server_without_a_file() {
    as_root!("the_next_server_without_a_file");
    let next = |mut bytes: Vec<u8>| {
        bytes[20..24].copy_from_slice(&[10, 77, 0, 44]);
        bytes
    };
    let report = told(same, next);
    assert_eq!(report.codes(), [""; 0]);
    assert!(report.what("next-server").contains("10.77.0.44"));
}
