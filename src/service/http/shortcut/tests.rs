//! The shortcut, as a client sees it and as hyper does: whose bytes are answered where, and in which order.

use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::super::condition::Validators;
use super::super::content::Content;
use super::super::etag::{ETag, Tags};
use super::super::socket::Socket;
use super::super::{Http, page};
use super::*;
use crate::profile::Snapshot;
use crate::service::files::{Body, Stamp};
use crate::service::shared::Folders;
use crate::service::{Limits, Shared};
use crate::tree::{CleanPath, FilePath, Root, resolve};

const PLAIN: &str = "GET /images/a HTTP/1.1\r\nHost: lab\r\n\r\n";
const HEAD: &str = "HEAD /images/a HTTP/1.1\r\nHost: lab\r\n\r\n";

#[test]
fn only_what_is_whole_and_plain_is_taken_for_it() {
    let get = |headers: &str| format!("GET /a HTTP/1.1\r\nHost: lab\r\n{headers}\r\n");
    let (plain, whole) = (Some(true), Some(false));
    for (text, expected) in [
        (get(""), plain),
        (get("User-Agent: curl/7\r\nAccept: */*\r\n"), plain),
        (get("connection: Keep-Alive\r\n"), plain),
        (get("Connection: close\r\n"), whole),
        (get("Range: bytes=0-1\r\n"), whole),
        (get("If-None-Match: *\r\n"), whole),
        (get("X-Anything: 1\r\n"), whole),
        (get("Content-Length: 5\r\n"), None),
        (get("X-Anything: 1\r\nTransfer-Encoding: chunked\r\n"), None),
        (get("Upgrade: h2c\r\n"), None),
        (get("Expect: 100-continue\r\n"), None),
        (get(&"A: 1\r\n".repeat(HEADERS)), None),
        (get("Host lab\r\n"), None),
        (HEAD.to_owned(), whole),
        (PLAIN.replace("1.1", "1.0"), whole),
        (PLAIN.replace("GET", "POST"), None),
        (PLAIN.replace("GET", "get"), None),
        (PLAIN.trim_end().to_owned(), None),
        (String::new(), None),
    ] {
        let is = match asked(text.as_bytes()) {
            Asked::Plain(_, len) => (Some(true), len),
            Asked::Whole(len) => (Some(false), len),
            Asked::Other => (None, text.len()),
        };
        assert_eq!(is, (expected, text.len()), "{text}");
    }
    let two = PLAIN.repeat(2);
    assert_eq!(
        asked(two.as_bytes()),
        Asked::Plain("/images/a", PLAIN.len())
    );
}

/// A connection to a server that knows `images/a`, which is `small`.
async fn connected() -> (Socket<TcpStream>, TcpStream, Arc<Peer>) {
    let (images, assets) = (PathBuf::new(), None);
    let folders = Folders { images, assets };
    let shared = Shared::new(Snapshot::default(), folders, Limits::default());
    let http = Arc::new(Http {
        shared,
        resolve,
        tags: Tags::default(),
        answers: super::super::answers::Answers::default(),
        views: Arc::new(Semaphore::new(1)),
        wide: Arc::new(Semaphore::new(1)),
        page: page::Page::new().unwrap(),
    });
    knows(&http);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let theirs = TcpStream::connect(listener.local_addr().unwrap());
    let (ours, theirs) = tokio::join!(listener.accept(), theirs);
    let (ours, address) = ours.unwrap();
    let peer = Peer::new(http, &ours, address, "http");
    let socket = Socket::new(ours, Duration::from_secs(30), peer.clone()).unwrap();
    (socket, theirs.unwrap(), peer)
}

fn knows(http: &Http) {
    let stamp = Stamp {
        changed: (1, 2),
        size: 5,
        inode: 3,
        device: 1,
    };
    let body = Body {
        data: Data::Memory(Bytes::from_static(b"small")),
        len: 5,
        modified: None,
        stamp: Some(stamp),
        media: "text/plain",
    };
    let file = FilePath {
        root: Root::Images,
        path: CleanPath::new(b"a").unwrap(),
    };
    http.shared.hot.put(&file, &body);
    let now = std::time::SystemTime::now();
    let content = Content {
        body,
        validators: Validators::new(ETag::of_stamp(stamp), None, now),
        kind: Kind::Whole,
        file: Some(file),
    };
    let asked = CleanPath::new(b"images/a").unwrap();
    http.answers.learn(&asked, &content);
}

/// What hyper would have, as text.
async fn heard(socket: &mut Socket<TcpStream>) -> String {
    let mut room = [0; 8192];
    let len = socket.read(&mut room).await.unwrap();
    String::from_utf8(room[..len].to_vec()).unwrap()
}

#[tokio::test]
async fn what_is_known_is_answered_in_its_turn_and_hyper_hears_the_rest_one_by_one() {
    let (mut socket, mut theirs, peer) = connected().await;
    let asked = [PLAIN, PLAIN, HEAD, PLAIN, HEAD, PLAIN].concat();
    theirs.write_all(asked.as_bytes()).await.unwrap();
    theirs.shutdown().await.unwrap();
    // Both before it are answered; the one behind it is not, until hyper has.
    assert_eq!(heard(&mut socket).await, HEAD);
    assert_eq!(heard(&mut socket).await, PLAIN);
    peer.progress.asked();
    peer.progress.body_ends(true);
    socket.flush().await.unwrap();
    assert!(socket.is_hypers(), "one of two is answered");
    peer.progress.asked();
    peer.progress.body_ends(true);
    socket.flush().await.unwrap();
    assert!(!socket.is_hypers());
    assert_eq!(heard(&mut socket).await, HEAD);
    peer.progress.asked();
    peer.progress.body_ends(true);
    socket.flush().await.unwrap();
    assert_eq!(heard(&mut socket).await, "", "the last one is answered");
    drop(socket);
    let mut got = String::new();
    theirs.read_to_string(&mut got).await.unwrap();
    assert_eq!(got.matches("HTTP/1.1 200 OK\r\n").count(), 3, "{got}");
    assert_eq!(got.matches("\r\n\r\nsmall").count(), 3, "{got}");
    assert_eq!(got.matches("Content-Length: 5\r\n").count(), 3, "{got}");
    let counted = peer.http.shared.metrics.text().unwrap();
    assert!(counted.contains("bootjack_transfers_total{door=\"http\"} 3\n"));
}

#[tokio::test]
async fn from_the_first_half_of_a_head_on_all_is_hypers() {
    let (mut socket, mut theirs, _peer) = connected().await;
    let (half, rest) = PLAIN.split_at(9);
    theirs.write_all(half.as_bytes()).await.unwrap();
    assert_eq!(heard(&mut socket).await, half);
    theirs.write_all(rest.as_bytes()).await.unwrap();
    assert_eq!(heard(&mut socket).await, rest);
    socket.flush().await.unwrap();
    theirs.write_all(PLAIN.as_bytes()).await.unwrap();
    assert_eq!(heard(&mut socket).await, PLAIN);
}
