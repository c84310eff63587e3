//! A cable that loses packets costs no byte.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use super::{atftp, curl};
use crate::client::{Real, get, left_out};
use crate::server::Server;
use crate::support;

/// Two namespaces and a cable that loses so many of 1,000 packets each way.
struct Lossy {
    server: String,
    client: String,
}

impl Lossy {
    const SERVER: Ipv4Addr = Ipv4Addr::new(10, 98, 0, 1);
    const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 98, 0, 2);

    fn new(per_mille: u32) -> Self {
        let id = format!("{}-{per_mille}", std::process::id());
        let (server, client) = (format!("bjtftp-s-{id}"), format!("bjtftp-c-{id}"));
        let lossy = Self { server, client };
        let (s, c) = (&lossy.server, &lossy.client);
        let drop_some = format!(
            "table inet loss {{ chain in {{ type filter hook input priority 0; \
             ip protocol udp numgen random mod 1000 < {per_mille} drop; }}; }}"
        );
        let mut lines = vec![format!("ip netns add {s}"), format!("ip netns add {c}")];
        lines.push(format!(
            "ip link add veth0 netns {s} type veth peer name veth0 netns {c}"
        ));
        for (namespace, address) in [(s, Self::SERVER), (c, Self::CLIENT)] {
            lines.push(format!("ip -n {namespace} addr add {address}/24 dev veth0"));
            lines.push(format!("ip -n {namespace} link set veth0 up"));
            lines.push(format!("ip netns exec {namespace} nft '{drop_some}'"));
        }
        for line in lines {
            let done = Command::new("sh").args(["-c", &line]).output().unwrap();
            let why = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "{line}: {}", why.trim());
        }
        lossy
    }
}

impl Drop for Lossy {
    fn drop(&mut self) {
        for namespace in [&self.server, &self.client] {
            let _ = Command::new("ip")
                .args(["netns", "del", namespace])
                .status();
        }
    }
}

fn through_loss(test: &str, per_mille: u32, size: usize) {
    if support::left_out(test) {
        return;
    }
    let lossy = Lossy::new(per_mille);
    let server = Server::start_in(Some(&lossy.server), bootjack::service::Limits::default());
    let bytes = server.file("file", size);
    let at: SocketAddr = (Lossy::SERVER, server.port).into();
    let clients = [
        Real::Hpa,
        curl(1428),
        atftp(512, 1),
        atftp(1468, 8),
        atftp(1428, 64),
    ];
    assert!(!left_out(test, &clients), "root has the clients");
    for real in clients {
        let begin = std::time::Instant::now();
        let got = real.get_stubbornly(&lossy.client, at, "file");
        assert!(got == bytes, "{real:?} got {} of {size}", got.len());
        eprintln!(
            "{per_mille} of 1000 lost, {real:?}: {size} bytes in {:?}",
            begin.elapsed()
        );
    }
    let client = std::fs::File::open(format!("/run/netns/{}", lossy.client)).unwrap();
    let own = std::thread::spawn(move || {
        nix::sched::setns(client, nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
        for windowsize in ["1", "8", "64"] {
            let options = [("blksize", "1468"), ("windowsize", windowsize)];
            let begin = std::time::Instant::now();
            let got = get(Lossy::CLIENT, at, "file", &options).unwrap();
            assert!(got.bytes == bytes, "window {windowsize}");
            assert_eq!(got.oack[0].1, "1468", "the path's MTU allows it");
            eprintln!("own client, window {windowsize}: {:?}", begin.elapsed());
        }
        let options = [("blksize", "9000")];
        assert_eq!(
            get(Lossy::CLIENT, at, "file", &options).unwrap().oack[0].1,
            "1468"
        );
    });
    own.join().unwrap();
}

#[test]
fn one_percent_of_loss_costs_no_byte() {
    through_loss("one_percent_of_loss_costs_no_byte", 10, 1_000_000);
}

#[test]
fn five_percent_of_loss_cost_no_byte() {
    through_loss("five_percent_of_loss_cost_no_byte", 50, 150_000);
}
