//! What strangers send to the port of HTTPS, and clients that do not trust us: told, and nobody else
//! notices.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use bootjack::service::Limits;

use crate::authority::{Authority, Key};
use crate::lab::{Lab, PATIENCE};

#[test]
fn a_client_that_does_not_trust_us_says_so_by_its_alert() {
    let lab = Lab::new();
    let refused = Lab::untrusting(&[&lab.url("/healthz")]);
    assert!(!refused.status.success());
    lab.wait_for(&[
        "\"handshake\"",
        "\"unknown_ca\"",
        "does not know who has issued",
    ]);
    let folder = tempfile::tempdir().unwrap();
    let other = Authority::new(folder.path(), "other").cert();
    let refused = Lab::untrusting(&["--cacert", other.to_str().unwrap(), &lab.url("/healthz")]);
    assert!(!refused.status.success());
    lab.is_well();
}

#[test]
fn plain_http_is_told_where_it_is() {
    let lab = Lab::new();
    let mut stream = lab.connect();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let mut said = String::new();
    let _ = stream.read_to_string(&mut said);
    assert!(said.starts_with("HTTP/1.1 400"), "{said}");
    assert!(
        said.ends_with("this port speaks HTTPS, not HTTP\r\n"),
        "{said}"
    );
    lab.wait_for(&["\"malformed\"", "\"https\"", "speaks no TLS"]);
    lab.is_well();
}

#[test]
fn garbage_ends_its_own_connection() {
    let lab = Lab::new();
    let mut seed = 7_u32;
    let mut byte = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    for n in 0..200_usize {
        let mut bytes: Vec<u8> = (0..n * 5).map(|_| byte()).collect();
        // A record of a handshake that says how long it is, and lies.
        if n % 2 == 0 {
            bytes.splice(0..0, [22, 3, 1, byte(), byte(), 1, 0, byte(), byte()]);
        }
        let mut stream = lab.connect();
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    lab.wait_for(&["\"malformed\"", "\"https\"", "TLS: "]);
    lab.is_well();
}

#[test]
fn who_does_not_finish_a_handshake_is_closed() {
    let limits = Limits {
        idle: Duration::from_millis(500),
        ..Limits::default()
    };
    let lab = Lab::with(Key::Rsa, limits);
    let began = Instant::now();
    let mut silent = lab.connect();
    let mut slow = lab.connect();
    slow.write_all(&[22, 3, 1, 2, 0, 1, 0]).unwrap();
    for stream in [&mut silent, &mut slow] {
        let end = stream.read_to_end(&mut Vec::new());
        assert!(end.is_ok() || began.elapsed() < PATIENCE, "{end:?}");
    }
    lab.wait_for(&["\"malformed\"", "no complete TLS handshake within 0.5 s"]);
    lab.is_well();
}

/// HTTPS has places of its own: when they are taken, HTTP is served as before.
#[test]
fn a_crowd_before_https_takes_no_place_of_http() {
    let limits = Limits {
        https_connections: 4,
        ..Limits::default()
    };
    let lab = Lab::with(Key::Rsa, limits);
    let crowd: Vec<_> = (0..4).map(|_| lab.connect()).collect();
    let mut fifth = lab.connect();
    let mut said = Vec::new();
    let _ = fifth.read_to_end(&mut said);
    assert!(said.is_empty(), "nothing can be said before a handshake");
    let plain = format!("http://{}/healthz", lab.plain);
    assert_eq!(lab.got(&[&plain]), b"ok\n");
    let refused = lab.shared.metrics.text().unwrap();
    assert!(
        refused.contains("bootjack_refused_total{service=\"https\"} 1\n"),
        "{refused}"
    );
    drop(crowd);
    let deadline = Instant::now() + PATIENCE;
    while !lab.curl(&[&lab.url("/healthz")]).status.success() {
        assert!(Instant::now() < deadline, "the places come back");
    }
}
