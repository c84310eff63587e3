//! However datagrams leave and wherever files lie, the bytes are the same.

use std::fs::File;
use std::io::IoSliceMut;
use std::path::Path;

use bootjack::service::Limits;
use bootjack::service::sys::file::{Cached, read_cached};
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use super::{HOME, atftp, curl};
use crate::client::{Real, get, left_out};
use crate::server::{Server, Untelling};
use crate::support;

fn server(segments: bool) -> Server {
    Server::start_with(Limits {
        tftp_segmentation: segments,
        ..Limits::default()
    })
}

#[test]
fn with_and_without_segmentation_clients_get_the_same_bytes() {
    let clients = [
        Real::Hpa,
        Real::Busybox { blksize: 512 },
        Real::Busybox { blksize: 1468 },
        curl(512),
        curl(1468),
        atftp(512, 64),
        atftp(1468, 16),
        atftp(1468, 64),
    ];
    let name = "with_and_without_segmentation_clients_get_the_same_bytes";
    if left_out(name, &clients) {
        return;
    }
    for server in [true, false].map(server) {
        for size in [0, 1467, 1468, 64 * 1468, 64 * 1468 + 1, 1_234_567] {
            let name = format!("file-{size}");
            let bytes = server.file(&name, size);
            for real in clients {
                let got = real.get(None, server.at(1), &name);
                assert!(got == bytes, "{real:?} got {} of {size}", got.len());
            }
            for (blksize, windowsize) in
                [("8", "64"), ("1468", "63"), ("9000", "64"), ("65464", "2")]
            {
                let options = [("blksize", blksize), ("windowsize", windowsize)];
                let got = get(HOME, server.at(1), &name, &options).unwrap();
                assert!(got.bytes == bytes, "{blksize} {windowsize} of {size}");
            }
        }
    }
}

#[test]
fn an_operator_may_grant_less_and_longer_windows() {
    let asked = [("blksize", "1468"), ("windowsize", "400")];
    for (most, granted) in [
        ((1024, 8), ["1024", "8"]),
        ((u16::MAX, 200), ["1468", "200"]),
    ] {
        let server = Server::start_with(Limits {
            tftp_blksize: most.0,
            tftp_windowsize: most.1,
            ..Limits::default()
        });
        let bytes = server.file("file", 2_000_000);
        let got = get(HOME, server.at(1), "file", &asked).unwrap();
        assert!(got.bytes == bytes);
        let values: Vec<&str> = got.oack.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, granted);
    }
}

/// What the page cache knows of a file's first byte.
fn cached(file: &File) -> Cached {
    read_cached(file, &mut [IoSliceMut::new(&mut [0])], 0).unwrap()
}

/// Takes a file out of the page cache; whether that can be seen.
fn grow_cold(path: &Path) -> bool {
    let file = File::open(path).unwrap();
    file.sync_all().unwrap();
    posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).unwrap();
    cached(&file) == Cached::Missing
}

#[test]
fn cold_and_hot_files_go_side_by_side() {
    let server = Server::start();
    let cold: Vec<_> = (0..4)
        .map(|n| (format!("cold-{n}"), 9_000_000 + n))
        .collect();
    let cold: Vec<_> = cold
        .into_iter()
        .map(|(name, size)| (server.file(&name, size), name))
        .collect();
    let hot = server.file("hot", 9_000_000);
    for (_, name) in &cold {
        let is_cold = grow_cold(&server.folder.path().join(name));
        eprintln!(
            "{name} is {}",
            if is_cold {
                "cold"
            } else {
                "hot: this file system keeps it"
            }
        );
    }
    let options = [("blksize", "1468"), ("windowsize", "64")];
    let fetch = |name: &str, expected: &[u8]| {
        let got = get(HOME, server.at(1), name, &options).unwrap();
        assert!(got.bytes == expected, "{name}: {} bytes", got.bytes.len());
    };
    std::thread::scope(|scope| {
        for (bytes, name) in &cold {
            scope.spawn(|| fetch(name, bytes));
        }
        scope.spawn(|| fetch("hot", &hot));
    });
}

#[test]
fn a_file_system_that_cannot_tell_what_is_cached_serves_all_the_same() {
    if support::left_out("a_file_system_that_cannot_tell_what_is_cached_serves_all_the_same") {
        return;
    }
    let server = Server::start();
    let _tmpfs = Untelling::at(&server.folder.path().join("tmpfs"));
    let bytes = server.file("tmpfs/file", 3_456_789);
    let file = File::open(server.folder.path().join("tmpfs/file")).unwrap();
    eprintln!("tmpfs says of its file: {:?}", cached(&file));
    for windowsize in ["1", "64"] {
        let options = [("blksize", "1468"), ("windowsize", windowsize)];
        let got = get(HOME, server.at(1), "tmpfs/file", &options).unwrap();
        assert!(got.bytes == bytes, "window {windowsize}");
    }
}
