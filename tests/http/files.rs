//! What is served from the folders, what never is, and what is told of it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use bootjack::service::Limits;
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use crate::lab::{LOADER, Lab, read_head, read_reply, request, until};

/// More than both ends' socket buffers hold.
const BIG: u64 = 64 << 20;

/// A sparse file with a mark at each end.
fn big(lab: &Lab, name: &str, mark: u8) {
    let mut file = File::create(lab.image(name)).unwrap();
    file.set_len(BIG).unwrap();
    file.write_all(&[mark]).unwrap();
    file.seek(SeekFrom::Start(BIG - 1)).unwrap();
    file.write_all(&[mark]).unwrap();
}

/// A request whose answer has begun to come.
fn begun(lab: &Lab, target: &str) -> TcpStream {
    let mut stream = lab.connect();
    stream
        .write_all(&request("GET", target, &[], "close"))
        .unwrap();
    let (status, _) = read_head(&mut stream);
    assert_eq!(status, 200);
    stream
}

#[test]
fn what_lies_in_the_folder_is_served_and_nothing_else() {
    let lab = Lab::new();
    lab.ten();
    std::fs::write(lab.outside("secret"), "secret").unwrap();
    std::fs::create_dir(lab.image("Boot")).unwrap();
    std::fs::write(lab.image("Boot/BCD"), "store").unwrap();
    symlink(lab.outside("secret"), lab.image("absolute")).unwrap();
    symlink("../secret", lab.image("out")).unwrap();
    symlink("..", lab.image("up")).unwrap();
    symlink("ten", lab.image("in")).unwrap();
    symlink("Boot", lab.image("folder")).unwrap();
    symlink("loop", lab.image("loop")).unwrap();
    symlink("/proc/self/environ", lab.image("proc")).unwrap();
    nix::unistd::mkfifo(&lab.image("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let _socket = UnixListener::bind(lab.image("socket")).unwrap();
    for (name, expected) in [
        ("ten", Some("0123456789")),
        ("in", Some("0123456789")),
        ("TEN", Some("0123456789")),
        ("boot/bcd", Some("store")),
        ("BOOT\\Bcd", Some("store")),
        ("folder/BCD", Some("store")),
        ("out", None),
        ("absolute", None),
        ("up/secret", None),
        ("proc", None),
        ("loop", None),
        ("fifo", None),
        ("socket", None),
        ("Boot", None),
        ("ten/more", None),
        ("nothing", None),
    ] {
        let reply = lab.get(&format!("/images/{name}"));
        match expected {
            Some(body) => assert_eq!((reply.status, &*reply.text()), (200, body), "{name}"),
            None => assert_eq!(
                (reply.status, &*reply.text()),
                (404, "not found\n"),
                "{name}"
            ),
        }
    }
}

#[test]
fn a_file_of_many_chunks_arrives_byte_for_byte() {
    let lab = Lab::new();
    let content: Vec<u8> = (0..3_000_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    std::fs::write(lab.image("initrd.gz"), &content).unwrap();
    let chunk = 256 * 1024;
    for (first, last) in [
        (0, content.len() - 1),
        (0, chunk - 1),
        (0, chunk),
        (chunk - 1, chunk),
        (chunk, 2 * chunk - 1),
        (5, 4 * chunk + 5),
        (content.len() - 1, content.len() - 1),
    ] {
        let range = format!("bytes={first}-{last}");
        let part = lab.ask("GET", "/images/initrd.gz", &[("Range", &range)]);
        assert!(part.body == content[first..=last], "{range}");
    }
    std::thread::scope(|clients| {
        for _ in 0..8 {
            clients.spawn(|| assert!(lab.get("/images/initrd.gz").body == content));
        }
    });
    let copy = lab.outside("copy");
    lab.curl(&["-o", copy.to_str().unwrap(), "BASE/images/initrd.gz"]);
    assert!(std::fs::read(copy).unwrap() == content);
}

#[test]
fn a_replaced_file_is_finished_as_it_was_opened() {
    let lab = Lab::new();
    big(&lab, "iso", 1);
    let old = lab.ask("HEAD", "/images/iso", &[]);
    let mut stream = begun(&lab, "/images/iso");
    big(&lab, "iso.new", 2);
    std::fs::rename(lab.image("iso.new"), lab.image("iso")).unwrap();
    let mut body = Vec::new();
    stream.read_to_end(&mut body).unwrap();
    assert_eq!(body.len() as u64, BIG);
    assert_eq!((body[0], body[body.len() - 1]), (1, 1));
    let new = lab.ask("GET", "/images/iso", &[("Range", "bytes=0-0")]);
    assert_eq!(new.body, [2]);
    assert_ne!(new.header("etag"), old.header("etag"));
    let resumed = [
        ("Range", "bytes=5-9"),
        ("If-Match", old.header("etag").unwrap()),
    ];
    assert_eq!(lab.ask("GET", "/images/iso", &resumed).status, 412);
}

#[test]
fn a_truncated_file_ends_the_connection_and_is_told() {
    let lab = Lab::new();
    big(&lab, "iso", 1);
    let mut stream = begun(&lab, "/images/iso");
    let file = File::options().write(true).open(lab.image("iso")).unwrap();
    file.set_len(1).unwrap();
    let mut body = Vec::new();
    let _ = stream.read_to_end(&mut body);
    assert!((body.len() as u64) < BIG);
    let failed = lab.wait_for(&["\"event\":\"failed\"", "images/iso", "became shorter"]);
    let failed: serde_json::Value = serde_json::from_str(&failed).unwrap();
    assert_eq!(failed["sent"], body.len(), "what is told is what came");
    lab.is_well();
}

#[test]
fn a_truncated_file_costs_the_transfers_of_others_nothing() {
    let lab = Lab::new();
    big(&lab, "iso", 1);
    big(&lab, "other", 2);
    let (mut cut, mut whole) = (begun(&lab, "/images/iso"), begun(&lab, "/images/other"));
    let file = File::options().write(true).open(lab.image("iso")).unwrap();
    file.set_len(1).unwrap();
    let mut body = Vec::new();
    let _ = cut.read_to_end(&mut body);
    assert!((body.len() as u64) < BIG);
    body.clear();
    whole.read_to_end(&mut body).unwrap();
    assert_eq!(body.len() as u64, BIG);
    assert_eq!((body[0], body[body.len() - 1]), (2, 2));
    lab.wait_for(&["\"event\":\"sent\"", "images/other"]);
}

#[test]
fn a_file_that_the_page_cache_does_not_have_arrives_byte_for_byte() {
    let lab = Lab::new();
    let content: Vec<u8> = (0..5_000_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let mut file = File::create(lab.image("initrd")).unwrap();
    file.write_all(&content).unwrap();
    file.sync_all().unwrap();
    let forget = PosixFadviseAdvice::POSIX_FADV_DONTNEED;
    for range in [0..content.len(), 1_000_000..3_500_001] {
        posix_fadvise(&file, 0, 0, forget).unwrap();
        let bytes = format!("bytes={}-{}", range.start, range.end - 1);
        let part = lab.ask("GET", "/images/initrd", &[("Range", &bytes)]);
        assert!(part.body == content[range], "{bytes}");
    }
}

/// A small file that is asked for often is in memory, and so is believed for a moment.
#[test]
fn a_small_file_that_is_replaced_is_served_anew_a_moment_later() {
    let lab = Lab::new();
    let (path, new) = (lab.image("small"), lab.image("small.new"));
    std::fs::write(&path, "old!").unwrap();
    std::fs::write(&new, "new!").unwrap();
    // Only what was not changed just now is kept.
    std::thread::sleep(Duration::from_millis(3100));
    let old = lab.get("/images/small");
    for _ in 0..10 {
        let again = lab.get("/images/small");
        assert_eq!(
            (again.text(), again.header("etag")),
            (old.text(), old.header("etag"))
        );
    }
    std::fs::rename(&new, &path).unwrap();
    let now = || Some(lab.get("/images/small")).filter(|reply| reply.body == b"new!");
    let replaced = until(now, || "the new file".into());
    assert_ne!(replaced.header("etag"), old.header("etag"));
    std::fs::remove_file(&path).unwrap();
    let gone = || (lab.get("/images/small").status == 404).then_some(());
    until(gone, || "that it is gone".into());
}

#[test]
fn a_client_that_leaves_is_told() {
    let lab = Lab::new();
    big(&lab, "iso", 1);
    drop(begun(&lab, "/images/iso"));
    let failed = lab.wait_for(&["\"event\":\"failed\"", "closed the connection"]);
    let failed: serde_json::Value = serde_json::from_str(&failed).unwrap();
    assert!(failed["sent"].as_u64().unwrap() < BIG);
    lab.wait_for_metric("bootjack_transfers_active{door=\"http\"}", 0);
    lab.wait_for_metric("bootjack_http_connections", 0);
    assert_eq!(lab.count("sent"), 0);
}

#[test]
fn a_client_that_takes_nothing_is_let_go() {
    let lab = Lab::with(Limits {
        idle: Duration::from_secs(1),
        ..Limits::default()
    });
    big(&lab, "iso", 1);
    let _stalled = begun(&lab, "/images/iso");
    lab.wait_for(&["\"event\":\"failed\"", "images/iso", "took nothing for 1 s"]);
    lab.wait_for_metric("bootjack_http_connections", 0);
}

#[test]
fn a_slow_client_that_goes_on_is_served_to_the_end() {
    let lab = Lab::with(Limits {
        idle: Duration::from_secs(1),
        ..Limits::default()
    });
    big(&lab, "iso", 1);
    let mut stream = begun(&lab, "/images/iso");
    let mut got = 0;
    let mut some = vec![0; 1 << 20];
    while got < BIG {
        // 16 MB a second: four times the idle limit in all.
        std::thread::sleep(Duration::from_millis(62));
        let count = some.len().min((BIG - got) as usize);
        stream.read_exact(&mut some[..count]).unwrap();
        got += count as u64;
    }
    lab.wait_for(&["\"event\":\"sent\"", "images/iso"]);
}

#[test]
fn each_kind_of_answer_has_its_events() {
    let lab = Lab::new();
    lab.ten();
    let event = |name: &str| format!("\"event\":\"{name}\"");
    lab.get("/images/ten");
    lab.wait_for(&[&event("started"), "\"images/ten\"", "\"size\":10"]);
    lab.wait_for(&[&event("sent"), "\"images/ten\"", "\"size\":10", "\"took\""]);
    lab.get("/menu.ipxe");
    lab.wait_for(&[&event("menu"), "\"ipxe\"", "\"Lab A\"", "\"entries\":3"]);
    lab.wait_for(&[&event("sent"), "\"menu.ipxe\""]);
    lab.ask("HEAD", "/loader.efi", &[]);
    lab.wait_for(&[&event("probed"), "loader.efi"]);
    lab.get("/nothing%1b[31m");
    lab.wait_for(&[&event("not-found"), "/nothing%1b[31m", "no text"]);
    lab.get("/broken");
    lab.wait_for(&[&event("not-found"), "no variable named"]);
    lab.ask("GET", "/images/ten", &[("Range", "bytes=10-")]);
    lab.wait_for(&[&event("failed"), "past the end of 10 bytes"]);
    lab.ask("POST", "/images/ten", &[]);
    lab.wait_for(&[&event("malformed"), "method POST"]);
    let before = lab.events().len();
    for quiet in [
        "/healthz",
        "/metrics",
        "/",
        "/api/v1/clients",
        "/api/v1/nothing",
    ] {
        lab.get(quiet);
    }
    assert_eq!(lab.events().len(), before);
}

#[test]
fn an_image_read_in_many_ranges_does_not_drown_the_log() {
    let lab = Lab::new();
    lab.ten();
    let mut stream = lab.connect();
    for n in 0..200 {
        let range = format!("bytes={0}-{0}", n % 10);
        let ask = request("GET", "/images/ten", &[("Range", &range)], "keep-alive");
        stream.write_all(&ask).unwrap();
        assert_eq!(read_reply(&mut stream, false).status, 206);
    }
    lab.wait_for_metric("bootjack_transfers_total{door=\"http\"}", 200);
    assert_eq!((lab.count("started"), lab.count("sent")), (1, 1));
    let asked = request("GET", "/loader.efi", &[], "keep-alive");
    stream.write_all(&asked).unwrap();
    assert_eq!(read_reply(&mut stream, false).body, LOADER);
    lab.wait_for(&["\"event\":\"sent\"", "loader.efi"]);
}
