//! What strangers send. The server refuses it, tells why, and goes on serving the rest.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bootjack::service::Limits;

use crate::lab::{Lab, read_reply, request, until};

#[test]
fn every_way_out_of_the_tree_is_not_found() {
    let lab = Lab::new();
    std::fs::write(lab.outside("secret"), "secret").unwrap();
    lab.ten();
    for target in [
        "/images/../secret",
        "/images/..\\secret",
        "/images/%2e%2e/secret",
        "/images/%2e%2e%2fsecret",
        "/images/..%2fsecret",
        "/images/..%5Csecret",
        "/images/%252e%252e%252fsecret",
        "/images/%c0%ae%c0%ae/secret",
        "/../../../../etc/passwd",
        "/images//etc/passwd",
        "/images/ten%00",
        "/images/ten%00.efi",
        "/images/ten/..",
        "/images/ten%0d%0aX: y",
        "/images/%ff%fe",
        "/%00",
        "http://lab/images/../secret",
        "http://lab/../secret",
    ] {
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n",
            target.replace(' ', "%20")
        );
        let answer = String::from_utf8_lossy(&lab.raw(request.as_bytes())).into_owned();
        assert!(answer.starts_with("HTTP/1.1 404"), "{target}: {answer}");
        assert!(
            answer.ends_with("\r\n\r\nnot found\n"),
            "{target}: {answer}"
        );
    }
    lab.wait_for(&["\"event\":\"not-found\"", "leads out of the tree"]);
    lab.is_well();
}

#[test]
fn what_is_no_http_is_refused_and_told() {
    let lab = Lab::new();
    for (n, (garbage, status)) in [
        (&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], "400"),
        (b"\0\0\0\0\r\n\r\n", "400"),
        (b"GET\r\n\r\n", "400"),
        (b"GET / HTTP/9.9\r\n\r\n", "400"),
        (b"GET nowhere HTTP/1.1\r\nConnection: close\r\n\r\n", "400"),
        (b"GET * HTTP/1.1\r\nConnection: close\r\n\r\n", "400"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", "400"),
        (
            b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "400",
        ),
        (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "400"),
        (b"GET /\x01 HTTP/1.1\r\n\r\n", "400"),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = lab.raw(garbage);
        let first = String::from_utf8_lossy(&answer)
            .lines()
            .next()
            .unwrap_or("")
            .to_owned();
        assert!(first.contains(status), "{garbage:?}: {first:?}");
        until(
            || (lab.count("malformed") > n).then_some(()),
            || format!("an event for {garbage:?} in {:#?}", lab.events()),
        );
    }
    lab.is_well();
}

#[test]
fn long_names_are_not_found_and_endless_ones_are_cut_off() {
    let lab = Lab::new();
    assert_eq!(lab.get(&format!("/images/{}", "a".repeat(600))).status, 404);
    assert_eq!(lab.get(&format!("/images/{}", "a".repeat(300))).status, 404);
    assert_eq!(lab.get(&format!("/{}", "a/".repeat(200))).status, 404);
    let answer = lab.raw(format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(100_000)).as_bytes());
    refused_head(&answer);
    lab.is_well();
}

#[test]
fn endless_headers_are_cut_off() {
    let lab = Lab::new();
    let mut stream = lab.connect();
    stream.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    let line = format!("X-{}: {}\r\n", "a".repeat(100), "b".repeat(900));
    let mut sent = 0;
    while sent < 64 << 20 && stream.write_all(line.as_bytes()).is_ok() {
        sent += line.len();
    }
    assert!(sent < 64 << 20, "the server took {sent} bytes of headers");
    let many = "X: y\r\n".repeat(1000);
    refused_head(&lab.raw(format!("GET / HTTP/1.1\r\n{many}\r\n").as_bytes()));
    lab.is_well();
}

/// 4xx, or cut off before it could be read: what is unread when a socket closes resets it.
fn refused_head(answer: &[u8]) {
    let text = String::from_utf8_lossy(answer);
    let refused = ["HTTP/1.1 414", "HTTP/1.1 431", "HTTP/1.1 400"];
    assert!(
        answer.is_empty() || refused.iter().any(|r| text.starts_with(r)),
        "{text}"
    );
}

fn impatient() -> Lab {
    Lab::with(Limits {
        idle: Duration::from_secs(1),
        ..Limits::default()
    })
}

#[test]
fn a_head_that_drips_is_ended_at_the_limit() {
    let lab = impatient();
    let mut stream = lab.connect();
    stream.set_nonblocking(true).unwrap();
    until(
        || {
            let _ = stream.write(b"G");
            gone(&mut stream).then_some(())
        },
        || "the end of a connection that drips".into(),
    );
    lab.wait_for(&["\"event\":\"malformed\"", "no complete request within 1 s"]);
    lab.is_well();
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let lab = impatient();
    let mut silent = lab.connect();
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
    let mut kept = lab.connect();
    kept.write_all(&request("GET", "/healthz", &[], "keep-alive"))
        .unwrap();
    assert_eq!(read_reply(&mut kept, false).status, 200);
    assert_eq!(kept.read(&mut [0]).unwrap(), 0);
    assert_eq!(lab.count("malformed"), 0);
    lab.wait_for_metric("bootjack_http_connections", 0);
}

#[test]
fn an_endless_body_is_not_read() {
    let lab = Lab::new();
    let mut stream = lab.connect();
    stream
        .write_all(b"POST /images/x HTTP/1.1\r\nHost: lab\r\nContent-Length: 99999999999\r\n\r\n")
        .unwrap();
    let block = vec![0; 65536];
    let mut sent = 0;
    while sent < 256 << 20 && stream.write_all(&block).is_ok() {
        sent += block.len();
    }
    assert!(sent < 256 << 20, "the server took {sent} bytes");
    let get = lab.ask("GET", "/healthz", &[("Content-Length", "0")]);
    assert_eq!(get.status, 200);
    lab.is_well();
}

#[test]
fn a_client_that_asks_and_never_reads_is_not_listened_to() {
    let lab = Lab::new();
    let mut stream = lab.connect();
    let stuck = Some(Duration::from_secs(1));
    stream.set_write_timeout(stuck).unwrap();
    let burst = request("HEAD", "/loader.efi", &[], "keep-alive").repeat(1000);
    let mut sent = 0;
    while sent < 64 << 20 && stream.write_all(&burst).is_ok() {
        sent += burst.len();
    }
    assert!(sent < 64 << 20, "the server took {sent} bytes of requests");
    lab.is_well();
}

#[test]
fn connections_past_the_bound_are_refused_and_the_rest_is_served() {
    let lab = Lab::with(Limits {
        http_per_client: 4,
        ..Limits::default()
    });
    let health = request("GET", "/healthz", &[], "keep-alive");
    let mut inside: Vec<TcpStream> = (0..4).map(|_| lab.connect()).collect();
    for stream in &mut inside {
        stream.write_all(&health).unwrap();
        assert_eq!(read_reply(stream, false).status, 200);
    }
    for _ in 0..50 {
        let answer = lab.raw(b"");
        let text = String::from_utf8_lossy(&answer);
        assert!(
            text.starts_with("HTTP/1.1 503") && text.ends_with("too many connections\n"),
            "{text}"
        );
    }
    assert_eq!(lab.metric("bootjack_refused_total{service=\"http\"}"), 50);
    let events = lab.metric("bootjack_events_total{event=\"refused\"}");
    assert_eq!(events, 50, "each is counted; the log has its throttle");
    for stream in &mut inside {
        stream.write_all(&health).unwrap();
        assert_eq!(read_reply(stream, false).status, 200);
    }
    inside.pop();
    until(
        || {
            lab.raw(&request("GET", "/healthz", &[], "close"))
                .ends_with(b"ok\n")
                .then_some(())
        },
        || "a place that came free".into(),
    );
}

#[test]
fn a_panic_of_a_connection_is_told_and_the_rest_is_served() {
    let lab = Lab::new();
    assert!(lab.raw(&request("GET", "/panic", &[], "close")).is_empty());
    lab.wait_for_metric("bootjack_events_total{event=\"fault\"}", 1);
    lab.is_well();
}

/// Whether the other side has closed, without waiting for it.
fn gone(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 64]) {
        Ok(0) => true,
        Ok(_) => false,
        Err(e) => e.kind() != std::io::ErrorKind::WouldBlock,
    }
}
