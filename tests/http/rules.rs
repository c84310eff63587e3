//! What RFC 9110 and boot firmware want of a response.

use std::io::{Read, Write};

use crate::lab::{LOADER, Lab, read_reply, request};

const DAY: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

/// request headers → status, what `Content-Range` says, body
type Case = (
    &'static [(&'static str, &'static str)],
    u16,
    &'static str,
    &'static str,
);

/// `TAG` is the file's entity tag. The file is ten digits from [`DAY`].
const CASES: &[Case] = &[
    (&[], 200, "", "0123456789"),
    (&[("Range", "bytes=2-4")], 206, "bytes 2-4/10", "234"),
    (&[("Range", "bytes=7-")], 206, "bytes 7-9/10", "789"),
    (&[("Range", "bytes=-2")], 206, "bytes 8-9/10", "89"),
    (&[("Range", "bytes=-20")], 206, "bytes 0-9/10", "0123456789"),
    (&[("Range", "bytes=0-0")], 206, "bytes 0-0/10", "0"),
    (&[("Range", "bytes=9-4000")], 206, "bytes 9-9/10", "9"),
    (&[("Range", "bytes=0-1,4-5")], 200, "", "0123456789"),
    (&[("Range", "bytes=5-2")], 200, "", "0123456789"),
    (&[("Range", "pages=1-2")], 200, "", "0123456789"),
    (
        &[("Range", "bytes=10-")],
        416,
        "bytes */10",
        "no such range\n",
    ),
    (
        &[("Range", "bytes=-0")],
        416,
        "bytes */10",
        "no such range\n",
    ),
    (&[("If-Match", "TAG")], 200, "", "0123456789"),
    (&[("If-Match", "*")], 200, "", "0123456789"),
    (&[("If-Match", "\"x\", TAG")], 200, "", "0123456789"),
    (&[("If-Match", "W/TAG")], 412, "", "precondition failed\n"),
    (&[("If-Match", "\"x\"")], 412, "", "precondition failed\n"),
    (&[("If-None-Match", "TAG")], 304, "", ""),
    (&[("If-None-Match", "W/TAG")], 304, "", ""),
    (&[("If-None-Match", "*")], 304, "", ""),
    (&[("If-None-Match", "\"x\"")], 200, "", "0123456789"),
    (&[("If-Modified-Since", DAY)], 304, "", ""),
    (&[("If-Modified-Since", BEFORE)], 200, "", "0123456789"),
    (&[("If-Modified-Since", "soon")], 200, "", "0123456789"),
    (&[("If-Unmodified-Since", DAY)], 200, "", "0123456789"),
    (
        &[("If-Unmodified-Since", BEFORE)],
        412,
        "",
        "precondition failed\n",
    ),
    (
        &[("If-Range", "TAG"), ("Range", "bytes=1-1")],
        206,
        "bytes 1-1/10",
        "1",
    ),
    (
        &[("If-Range", "\"x\""), ("Range", "bytes=1-1")],
        200,
        "",
        "0123456789",
    ),
    (
        &[("If-Range", "W/TAG"), ("Range", "bytes=1-1")],
        200,
        "",
        "0123456789",
    ),
    (
        &[("If-Range", DAY), ("Range", "bytes=1-1")],
        206,
        "bytes 1-1/10",
        "1",
    ),
    (
        &[("If-Range", AFTER), ("Range", "bytes=1-1")],
        200,
        "",
        "0123456789",
    ),
    // Precedence, section 13.2.2: If-Match hides If-Unmodified-Since, If-None-Match hides
    // If-Modified-Since, and each comes before the next and before Range.
    (
        &[("If-Match", "TAG"), ("If-Unmodified-Since", BEFORE)],
        200,
        "",
        "0123456789",
    ),
    (
        &[("If-None-Match", "\"x\""), ("If-Modified-Since", DAY)],
        200,
        "",
        "0123456789",
    ),
    (
        &[("If-Match", "\"x\""), ("If-None-Match", "TAG")],
        412,
        "",
        "precondition failed\n",
    ),
    (
        &[("If-Match", "TAG"), ("If-None-Match", "TAG")],
        304,
        "",
        "",
    ),
    (
        &[("If-None-Match", "TAG"), ("Range", "bytes=1-1")],
        304,
        "",
        "",
    ),
    (
        &[("If-Match", "\"x\""), ("Range", "bytes=99-")],
        412,
        "",
        "precondition failed\n",
    ),
    (
        &[("If-Match", "TAG"), ("Range", "bytes=5-6")],
        206,
        "bytes 5-6/10",
        "56",
    ),
    (
        &[("If-Unmodified-Since", DAY), ("Range", "bytes=5-6")],
        206,
        "bytes 5-6/10",
        "56",
    ),
];

#[test]
fn ranges_and_conditions_of_a_file() {
    let lab = Lab::new();
    lab.ten();
    let tag = lab.get("/images/ten").header("etag").unwrap().to_owned();
    for (headers, status, range, body) in CASES {
        let filled: Vec<(&str, String)> = headers
            .iter()
            .map(|(name, value)| (*name, value.replace("TAG", &tag)))
            .collect();
        let headers: Vec<(&str, &str)> = filled.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let reply = lab.ask("GET", "/images/ten", &headers);
        assert_eq!(reply.status, *status, "{headers:?}");
        assert_eq!(
            reply.header("content-range").unwrap_or(""),
            *range,
            "{headers:?}"
        );
        assert_eq!(reply.text(), *body, "{headers:?}");
        assert_eq!(reply.header("etag"), Some(tag.as_str()), "{headers:?}");
        assert_eq!(reply.header("last-modified"), Some(DAY), "{headers:?}");
        assert_eq!(reply.header("accept-ranges"), Some("bytes"), "{headers:?}");
    }
}

#[test]
fn conditions_hold_for_what_is_in_memory_too() {
    let lab = Lab::new();
    for name in ["/loader.efi", "/menu.ipxe"] {
        let whole = lab.get(name);
        let tag = whole.header("etag").unwrap();
        assert_eq!(lab.get(name).header("etag"), Some(tag), "{name}");
        assert_eq!(lab.ask("GET", name, &[("If-None-Match", tag)]).status, 304);
        assert_eq!(lab.ask("GET", name, &[("If-Match", "\"x\"")]).status, 412);
        let since = [("If-Modified-Since", "Fri, 31 Dec 9999 23:59:59 GMT")];
        assert_eq!(lab.ask("GET", name, &since).status, 200, "it has no date");
        let part = lab.ask("GET", name, &[("Range", "bytes=1-2"), ("If-Range", tag)]);
        assert_eq!((part.status, &part.body[..]), (206, &whole.body[1..3]));
    }
}

#[test]
fn content_types_are_those_that_firmware_takes() {
    let lab = Lab::new();
    for (name, media) in [
        ("boot.efi", "application/efi"),
        ("BOOTX64.EFI", "application/efi"),
        ("debian.iso", "application/vnd.efi-iso"),
        ("disk.img", "application/vnd.efi-img"),
        ("linux", "application/octet-stream"),
        ("initrd.gz", "application/octet-stream"),
        ("preseed.cfg", "text/plain; charset=utf-8"),
    ] {
        std::fs::write(lab.image(name), name).unwrap();
        for method in ["GET", "HEAD"] {
            let reply = lab.ask(method, &format!("/images/{name}"), &[]);
            assert_eq!(reply.header("content-type"), Some(media), "{method} {name}");
        }
    }
    assert_eq!(
        lab.get("/loader.efi").header("content-type"),
        Some("application/efi")
    );
}

/// GRUB 2.06 finds its headers in these letters alone.
#[test]
fn names_of_headers_are_spelt_as_in_the_rfc() {
    let lab = Lab::new();
    lab.ten();
    let reply = lab.raw(b"GET /images/ten HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n");
    let reply = String::from_utf8_lossy(&reply);
    assert!(reply.contains("\r\nContent-Length: 10\r\n"), "{reply}");
}

#[test]
fn head_says_what_get_would() {
    let lab = Lab::new();
    lab.ten();
    std::fs::write(lab.image("empty"), "").unwrap();
    for (target, status) in [
        ("/images/ten", 200),
        ("/images/empty", 200),
        ("/loader.efi", 200),
        ("/menu.ipxe", 200),
        ("/healthz", 200),
        ("/api/v1/findings", 200),
        ("/api/v1/nothing", 404),
        ("/nothing", 404),
    ] {
        let (get, head) = (lab.get(target), lab.ask("HEAD", target, &[]));
        assert_eq!((get.status, head.status), (status, status), "{target}");
        let undated = |headers: &[(String, String)]| {
            let kept = headers.iter().filter(|(name, _)| name != "date");
            kept.cloned().collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(undated(&get.headers), undated(&head.headers), "{target}");
        let length: usize = get.header("content-length").unwrap().parse().unwrap();
        assert_eq!(get.body.len(), length, "{target}");
    }
    let ranged = lab.ask("HEAD", "/images/ten", &[("Range", "bytes=1-2")]);
    assert_eq!(
        (ranged.status, ranged.header("content-length")),
        (200, Some("10"))
    );
    assert_eq!(
        lab.raw(b"HEAD /images/ten HTTP/1.0\r\n\r\n")
            .split(|b| *b == b'\n')
            .next_back(),
        Some(&b""[..])
    );
}

#[test]
fn no_redirect_no_server_header_and_slashes_collapse() {
    let lab = Lab::new();
    std::fs::create_dir(lab.image("d")).unwrap();
    lab.ten();
    for (target, status) in [
        ("//images/ten", 200),
        ("/images//ten", 200),
        ("/./images/./ten", 200),
        ("///images///ten", 200),
        ("/images\\ten", 200),
        ("/images%5Cten", 200),
        ("/images%2ften", 200),
        ("/%69mages/ten?a=b", 200),
        ("http://elsewhere/images/ten", 200),
        ("//", 200),
        ("/images/d", 404),
        ("/images/d/", 404),
        ("/images/", 404),
        ("/images", 404),
    ] {
        let reply = lab.get(target);
        assert_eq!(reply.status, status, "{target}");
        assert_eq!(reply.header("location"), None, "{target}");
        assert_eq!(reply.header("server"), None, "{target}");
    }
}

#[test]
fn other_methods_are_told_which_there_are() {
    let lab = Lab::new();
    for (method, target) in [
        ("POST", "/images/ten"),
        ("PUT", "/loader.efi"),
        ("DELETE", "/api/v1/clients"),
        ("OPTIONS", "*"),
        ("OPTIONS", "/"),
        ("CONNECT", "lab:80"),
        ("BREW", "/healthz"),
    ] {
        let reply = lab.ask(method, target, &[]);
        assert_eq!(reply.status, 405, "{method} {target}");
        assert_eq!(
            reply.header("allow"),
            Some("GET, HEAD"),
            "{method} {target}"
        );
    }
}

#[test]
fn one_connection_serves_many_requests_in_their_order() {
    let lab = Lab::new();
    lab.ten();
    let mut stream = lab.connect();
    let mut burst = Vec::new();
    for (method, target) in [
        ("GET", "/images/ten"),
        ("HEAD", "/images/ten"),
        ("GET", "/loader.efi"),
        ("GET", "/nothing"),
        ("GET", "/menu.ipxe"),
    ] {
        burst.extend(request(method, target, &[], "keep-alive"));
    }
    stream.write_all(&burst).unwrap();
    assert_eq!(read_reply(&mut stream, false).body, b"0123456789");
    assert_eq!(
        read_reply(&mut stream, true).header("content-length"),
        Some("10")
    );
    assert_eq!(read_reply(&mut stream, false).body, LOADER);
    assert_eq!(read_reply(&mut stream, false).status, 404);
    assert!(
        read_reply(&mut stream, false)
            .text()
            .contains("52:54:00:12:34:56")
    );
    let last = request("GET", "/images/ten", &[("Range", "bytes=3-3")], "close");
    stream.write_all(&last).unwrap();
    assert_eq!(read_reply(&mut stream, false).body, b"3");
    assert_eq!(stream.read(&mut [0]).unwrap(), 0, "closed as asked");
}

#[test]
fn http_1_0_is_served_and_closed_unless_it_asks_otherwise() {
    let lab = Lab::new();
    lab.ten();
    let plain = lab.raw(b"GET /images/ten HTTP/1.0\r\n\r\n");
    assert!(plain.starts_with(b"HTTP/1.0 200") && plain.ends_with(b"0123456789"));
    let mut stream = lab.connect();
    for _ in 0..2 {
        let kept = b"GET /images/ten HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
        stream.write_all(kept).unwrap();
        assert_eq!(read_reply(&mut stream, false).body, b"0123456789");
    }
}

#[test]
fn curl_resumes_revalidates_and_keeps_its_connection() {
    let lab = Lab::new();
    lab.ten();
    let part = lab.outside("part");
    std::fs::write(&part, "0123").unwrap();
    let part = part.to_str().unwrap();
    lab.curl(&["-C", "-", "-o", part, "BASE/images/ten"]);
    assert_eq!(std::fs::read(part).unwrap(), b"0123456789");
    assert_eq!(lab.curl(&["-r", "-3", "BASE/images/ten"]), "789");
    assert_eq!(lab.curl(&["--http1.0", "BASE/images/ten"]), "0123456789");
    let status = ["-o", "/dev/null", "-w", "%{http_code} %{num_connects} "];
    let fresh = [&status[..], &["-z", DAY, "BASE/images/ten"]].concat();
    assert_eq!(lab.curl(&fresh), "304 1 ");
    let two = [
        &status[..],
        &["BASE/images/ten", "-o", "/dev/null", "BASE/loader.efi"],
    ]
    .concat();
    assert_eq!(lab.curl(&two), "200 1 200 0 ");
}

#[test]
fn a_client_that_closes_its_sending_side_still_gets_its_answer() {
    let lab = Lab::new();
    lab.ten();
    let mut stream = lab.connect();
    stream
        .write_all(&request("GET", "/images/ten", &[], "close"))
        .unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(read_reply(&mut stream, false).body, b"0123456789");
}
