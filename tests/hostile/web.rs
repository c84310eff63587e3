//! HTTP: garbage, and thousands of connections.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::lab::{Lab, STRANGER, US};
use crate::noise::Noise;
use crate::support::lan::Host;

const PORT: u16 = 8067;

fn connected(host: &Host, from: Ipv4Addr) -> std::io::Result<TcpStream> {
    host.enter(|| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SockAddr::from(SocketAddr::from((from, 0))))?;
        socket.connect(&SockAddr::from(SocketAddr::from((US, PORT))))?;
        Ok(socket.into())
    })
}

/// What no request may be; each ends with the connection.
fn requests() -> Vec<Vec<u8>> {
    let mut noise = Noise::new(80);
    let mut all: Vec<Vec<u8>> = [
        &b"GET\r\n\r\n"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nzz\r\n",
        b"GET /images/../../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /images/%00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /assets/snponly.efi HTTP/1.1\r\nHost: x\r\nRange: bytes=99999999999999999999-\r\n\r\n",
        b"GET /boot/\x1b[2J.ipxe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
        b"CONNECT 10.77.0.2:22 HTTP/1.1\r\n\r\n",
        b"\0\0\0\0",
    ]
    .map(<[u8]>::to_vec)
    .to_vec();
    all.push([b"GET /", &b"a".repeat(100_000)[..], b" HTTP/1.1\r\n\r\n"].concat());
    all.push(
        [
            b"GET / HTTP/1.1\r\n",
            &b"a: b\r\n".repeat(10_000)[..],
            b"\r\n",
        ]
        .concat(),
    );
    all.push([b"GET / HTTP/1.1\r\nX: ", &b"x".repeat(200_000)[..]].concat());
    all.extend((0..150).map(|_| noise.bytes(2000)));
    let whole = b"GET /assets/lpxelinux.0 HTTP/1.1\r\nHost: x\r\nRange: bytes=0-99\r\n\r\n";
    all.extend((0..200).map(|_| noise.mutated(whole)));
    all
}

#[test]
fn requests_that_are_none() {
    as_root!("requests_that_are_none");
    let mut lab = Lab::new();
    for request in requests() {
        let mut stream = connected(&lab.stranger, STRANGER).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let _ = stream.write_all(&request);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer);
        assert!(!text.contains("root:"), "{text}");
        assert!(answer.is_empty() || text.starts_with("HTTP/1."), "{text}");
    }
    lab.well("requests that are none");
}

/// One address opens thousands of connections and holds what it gets: others are still served.
#[test]
fn connections_of_one_address() {
    as_root!("connections_of_one_address");
    let mut lab = Lab::new();
    let mut held = Vec::new();
    let began = std::time::Instant::now();
    for _ in 0..3000 {
        // A short look at each: what is refused is closed, and is not held here either.
        held.extend(connected(&lab.stranger, STRANGER));
        if held.len() > 500 {
            held.drain(64..);
        }
    }
    lab.well("3,000 connections, 64 held");
    let refused = lab
        .appliance
        .events()
        .iter()
        .filter(|e| e["event"] == "refused")
        .count();
    // At most five lines a second, however long a busy machine takes.
    let most = 5 * (began.elapsed().as_secs() as usize + 2);
    assert!(
        (1..=most).contains(&refused),
        "told, but not of each: {refused}, at most {most}"
    );
    drop(held);
    lab.well("their end");
}

/// Thousands of connections from many addresses, each with half a request.
#[test]
fn connections_of_many_addresses() {
    as_root!("connections_of_many_addresses");
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    assert!(
        hard >= 4096,
        "{soft} files, {hard} at most: too few for this test"
    );
    let mut lab = Lab::new();
    let mut held = Vec::new();
    for host in 110..160_u8 {
        let from = Ipv4Addr::new(10, 77, 0, host);
        lab.stranger.address("eth0", &format!("{from}/24"));
        for _ in 0..60 {
            let mut stream = connected(&lab.stranger, from).unwrap();
            let _ = stream.write_all(b"GET /assets/snponly.efi HTTP/1.1\r\nHos");
            held.push(stream);
        }
    }
    lab.well("3,000 connections held");
    drop(held);
    lab.well("their end");
}
