//! Very many strangers at once, who hold connections of HTTP and do nothing with them. Apart from the
//! other tests of HTTP, as the memory of the process is looked at.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[allow(dead_code, reason = "the other tests of HTTP need the rest")]
#[path = "http/lab.rs"]
mod lab;

use std::fs::File;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bootjack::service::Limits;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

use lab::{Lab, PATIENCE, read_head, read_reply, request};

/// Connections that a flood opens.
const FLOOD: usize = 10_000;

/// File handles for both sides.
const HANDLES: u64 = 16_000;

/// One test at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// From the `n`th address of ours.
fn connect_from(n: usize, to: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let [.., high, low] = u32::try_from(n).unwrap().to_be_bytes();
    let from = Ipv4Addr::new(127, 1, high, low);
    socket
        .bind(&SocketAddr::new(from.into(), 0).into())
        .unwrap();
    socket.connect(&to.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Bytes of memory that this process has in RAM.
fn memory() -> u64 {
    let own = procfs::process::Process::myself().unwrap();
    own.status().unwrap().vmrss.unwrap() * 1024
}

#[test]
fn of_ten_thousand_idle_connections_a_bounded_number_is_held_and_the_rest_is_told_so() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    assert!(
        most >= HANDLES,
        "this test needs {HANDLES} file handles, and may have {most}"
    );
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
    let limits = Limits {
        idle: Duration::from_secs(600),
        ..Limits::default()
    };
    let (places, each) = (limits.http_connections, limits.http_per_client);
    let lab = Lab::with(limits);
    lab.is_well();
    let before = memory();
    let from = |n: usize| connect_from(n / each, lab.address);
    let held: Vec<TcpStream> = (0..FLOOD).map(from).collect();
    lab.wait_for_metric("bootjack_http_connections", places as u64);
    let refused = (FLOOD - places) as u64;
    lab.wait_for_metric("bootjack_refused_total{service=\"http\"}", refused);
    let grown = memory().saturating_sub(before) / places as u64;
    eprintln!("an idle connection takes {grown} bytes");
    assert!(grown < 64 << 10, "an idle connection takes {grown} bytes");
    // Those inside are served still.
    for mut stream in [&held[0], &held[places - 1]] {
        let ask = request("GET", "/healthz", &[], "keep-alive");
        stream.write_all(&ask).unwrap();
        let mut stream = stream.try_clone().unwrap();
        assert_eq!(read_reply(&mut stream, false).body, b"ok\n");
    }
    drop(held);
    lab.wait_for_metric("bootjack_http_connections", 0);
    lab.is_well();
}

#[test]
fn who_takes_nothing_of_a_large_file_costs_no_memory_and_keeps_nobody_waiting() {
    const LARGE: u64 = 64 << 20;
    const STALLED: usize = 500;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let lab = Lab::new();
    File::create(lab.image("iso"))
        .unwrap()
        .set_len(LARGE)
        .unwrap();
    std::fs::write(lab.image("small"), "small").unwrap();
    assert_eq!(lab.get("/images/iso").body.len() as u64, LARGE);
    let before = memory();
    let stalled = |n: usize| {
        let mut stream = connect_from(n / 50, lab.address);
        let ask = request("GET", "/images/iso", &[], "close");
        stream.write_all(&ask).unwrap();
        assert_eq!(read_head(&mut stream).0, 200);
        stream
    };
    let held: Vec<TcpStream> = (0..STALLED).map(stalled).collect();
    let grown = memory().saturating_sub(before) / STALLED as u64;
    assert!(grown < 128 << 10, "a stalled transfer takes {grown} bytes");
    assert_eq!(lab.get("/images/small").body, b"small");
    assert_eq!(lab.get("/images/iso").body.len() as u64, LARGE);
    drop(held);
    lab.wait_for_metric("bootjack_transfers_active{door=\"http\"}", 0);
}
