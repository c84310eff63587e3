//! Pipelining (RFC 9112 section 9.3.2): requests that do not wait for answers are answered in their order,
//! whatever each answer is made of.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use crate::lab::{LOADER, Lab, Reply, read_reply, request};

const LARGE: usize = 3_000_000;

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 7 % 251) as u8).collect()
}

/// What is asked, with which header, and what comes: status and body.
type Step<'a> = (&'a str, &'a str, Option<(&'a str, &'a str)>, u16, Vec<u8>);

#[test]
fn twenty_requests_in_one_packet_are_answered_in_their_order() {
    let lab = Lab::new();
    let (large, small) = (content(LARGE), content(5000));
    std::fs::write(lab.image("large"), &large).unwrap();
    std::fs::write(lab.image("small"), &small).unwrap();
    std::fs::write(lab.image("empty"), "").unwrap();
    let menu = lab.get("/menu.ipxe").body;
    let tag = lab.get("/images/large").header("etag").unwrap().to_owned();
    let (file, page) = ("/images/large", "/images/small");
    let known = Some(("If-None-Match", tag.as_str()));
    let range = |bytes| Some(("Range", bytes));
    let steps: [Step<'_>; 20] = [
        ("GET", page, None, 200, small.clone()),
        ("HEAD", file, None, 200, Vec::new()),
        ("GET", file, None, 200, large.clone()),
        ("GET", "/loader.efi", None, 200, LOADER.to_vec()),
        ("GET", file, known, 304, Vec::new()),
        ("GET", file, range("bytes=5-9"), 206, large[5..10].to_vec()),
        ("HEAD", page, None, 200, Vec::new()),
        ("GET", "/menu.ipxe", None, 200, menu.clone()),
        ("GET", "/nothing", None, 404, b"not found\n".to_vec()),
        (
            "GET",
            file,
            range("bytes=-1"),
            206,
            large[LARGE - 1..].to_vec(),
        ),
        ("GET", "/images/empty", None, 200, Vec::new()),
        (
            "GET",
            page,
            range("bytes=9999-"),
            416,
            b"no such range\n".to_vec(),
        ),
        (
            "GET",
            file,
            range("bytes=1000000-2499999"),
            206,
            large[1_000_000..2_500_000].to_vec(),
        ),
        ("GET", page, None, 200, small.clone()),
        ("HEAD", "/loader.efi", None, 200, Vec::new()),
        ("GET", "/healthz", None, 200, b"ok\n".to_vec()),
        ("GET", file, None, 200, large.clone()),
        ("GET", file, None, 200, large.clone()),
        ("GET", "/menu.ipxe", None, 200, menu),
        ("GET", page, None, 200, small),
    ];
    let mut stream = lab.connect();
    let asked = |step: &Step<'_>| request(step.0, step.1, step.2.as_slice(), "keep-alive");
    let burst: Vec<u8> = steps.iter().flat_map(asked).collect();
    stream.write_all(&burst).unwrap();
    for (n, (method, target, header, status, body)) in steps.iter().enumerate() {
        let reply = read_reply(&mut stream, *method == "HEAD");
        let what = format!("{n}: {method} {target} {header:?}");
        assert_eq!(reply.status, *status, "{what}");
        assert!(reply.body == *body, "{what}: {} bytes", reply.body.len());
    }
    // Nothing is left over, and the connection goes on.
    let last = request("GET", "/healthz", &[], "close");
    stream.write_all(&last).unwrap();
    assert_eq!(read_reply(&mut stream, false).body, b"ok\n");
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

/// What is in memory is answered below hyper, all else by it, and nobody sees which it was.
#[test]
fn small_files_in_memory_and_all_else_come_in_their_order() {
    let lab = Lab::new();
    let (large, small, tiny) = (content(LARGE), content(5000), content(3));
    std::fs::write(lab.image("large"), &large).unwrap();
    std::fs::write(lab.image("small"), &small).unwrap();
    std::fs::write(lab.image("tiny"), &tiny).unwrap();
    // Only what was not changed just now is kept in memory.
    std::thread::sleep(Duration::from_millis(3100));
    let menu = lab.get("/menu.ipxe").body;
    let (tiny_is, small_is) = (lab.get("/images/tiny"), lab.get("/images/small"));
    let steps: [Step<'_>; 6] = [
        ("GET", "/images/small", None, 200, small.clone()),
        ("GET", "/images/tiny", None, 200, tiny.clone()),
        ("HEAD", "/images/tiny", None, 200, Vec::new()),
        ("GET", "/images/large", None, 200, large),
        ("GET", "/menu.ipxe", None, 200, menu),
        (
            "GET",
            "/images/small",
            Some(("Range", "bytes=1-2")),
            206,
            small[1..3].to_vec(),
        ),
    ];
    // The first two more often than the others.
    let order = |n: usize| (n * n * 7 + n / 3) % 11;
    let steps = |many| (0..many).map(|n| steps.get(order(n)).unwrap_or(&steps[n % 2]));
    // In one packet, in pieces that end anywhere, and one after the other.
    for (many, piece) in [(60, usize::MAX), (40, 77), (200, 0)] {
        let mut stream = lab.connect();
        let asked = |step: &Step<'_>| request(step.0, step.1, step.2.as_slice(), "keep-alive");
        if piece > 0 {
            let burst: Vec<u8> = steps(many).flat_map(asked).collect();
            let mut sending = stream.try_clone().unwrap();
            std::thread::spawn(move || {
                for piece in burst.chunks(piece.min(burst.len())) {
                    sending.write_all(piece).unwrap();
                }
            });
        }
        for (n, step) in steps(many).enumerate() {
            if piece == 0 {
                stream.write_all(&asked(step)).unwrap();
            }
            let (method, target, _, status, body) = step;
            let reply = read_reply(&mut stream, *method == "HEAD");
            let what = format!("{n} of {many}: {method} {target}");
            assert_eq!(reply.status, *status, "{what}");
            assert!(reply.body == *body, "{what}: {} bytes", reply.body.len());
            let first = [&tiny_is, &small_is].into_iter().find(|r| r.body == *body);
            if let Some(first) = first {
                assert_eq!(undated(&reply), undated(first), "{what}");
            }
        }
    }
    assert_eq!(lab.count("failed") + lab.count("malformed"), 0);
}

/// The headers in their order, but for the date.
fn undated(reply: &Reply) -> Vec<(String, String)> {
    assert!(reply.header("date").is_some_and(|date| date.len() == 29));
    let mut headers = reply.headers.clone();
    headers.retain(|(name, _)| name != "date" && name != "connection");
    headers
}
