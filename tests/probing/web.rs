//! HTTP boot from servers made for it: what UEFI cannot cope with, and how many connections it takes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::lab::{Report, probe};
use crate::support::lan::{Host, Lan};
use crate::support::servers::Server;

const FILE: usize = 5000;

/// Answers every request with this head; with HTTP/1.0 it hangs up behind it.
fn serve(host: &Host, head: &'static str) -> Arc<AtomicUsize> {
    let listener = host.enter(|| TcpListener::bind("10.77.0.1:80").unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::SeqCst);
            std::thread::spawn(move || answer(stream, head));
        }
    });
    connections
}

fn answer(mut stream: TcpStream, head: &str) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    loop {
        let request = lines.next()?.ok()?;
        while !lines.next()?.ok()?.is_empty() {}
        let mut bytes =
            format!("{head}Content-Type: application/efi\r\nContent-Length: {FILE}\r\n\r\n")
                .into_bytes();
        if request.starts_with("GET") {
            bytes.extend(crate::lab::x64_program(FILE));
        }
        stream.write_all(&bytes).ok()?;
        if head.starts_with("HTTP/1.0") {
            return None;
        }
    }
}

/// A probe where the DHCP server names this URI.
fn probed(lan: &Lan, server: &Host, uri: &str) -> Report {
    let file = format!("--dhcp-option=67,{uri}");
    let _dhcp = Server::dnsmasq_with(server, &["--dhcp-option=60,HTTPClient", &file]);
    let pc = lan.host("pc", "10.77.0.9/24");
    probe(&pc, &["--as", "http-x64", "--fetch"])
}

#[test]
fn head_and_get_take_one_connection() {
    as_root!("HTTP keep-alive");
    let lan = Lan::new();
    let server = lan.dhcp_host();
    let connections = serve(&server, "HTTP/1.1 200 OK\r\nServer: lab\r\n");
    let report = probed(&lan, &server, "http://10.77.0.1/a.efi");
    assert_eq!(report.boots(), "http://10.77.0.1/a.efi");
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[test]
fn servers_that_uefi_cannot_cope_with() {
    as_root!("HTTP servers that UEFI cannot cope with");
    for (head, why) in [
        (
            "HTTP/1.0 200 OK\r\nServer: lab\r\n",
            "the server hangs up behind it",
        ),
        (
            "HTTP/1.1 200 OK\r\nConnection: close\r\n",
            "the server hangs up behind it",
        ),
        (
            "HTTP/1.1 200 OK\r\nServer: \r\n",
            "its header \"Server\" is empty",
        ),
    ] {
        let lan = Lan::new();
        let server = lan.dhcp_host();
        let _connections = serve(&server, head);
        let report = probed(&lan, &server, "http://10.77.0.1/a.efi");
        assert!(report.fails().contains(why), "{head}: {}", report.fails());
    }
}

/// A stranger's offer is no reason to ask this host's own services.
#[test]
fn this_host_itself_is_not_asked() {
    as_root!("HTTP on loopback");
    let lan = Lan::new();
    let report = probed(&lan, &lan.dhcp_host(), "http://127.0.0.1:22/a.efi");
    let why = report.fails();
    assert!(
        why.contains("127.0.0.1 is no address of another host"),
        "{why}"
    );
}
