//! The look around before mode `dhcp` serves.

use std::time::{Duration, Instant};

use bootjack::service::interfaces;
use bootjack::service::survey::RivalSearch;
use caps::CapSet;

use crate::support::lan::{Host, Lan};
use crate::support::servers::{Proxy, Server};

const PATIENCE: Duration = Duration::from_secs(3);
/// Where an answer will come, on however busy a machine.
const LONG: Duration = Duration::from_secs(60);

fn refusal(host: &Host, patience: Duration) -> Option<String> {
    host.enter(|| {
        let rivals = unprivileged();
        let error = rivals.none(patience).err()?;
        assert_eq!(error.code, 3);
        Some(error.to_string())
    })
}

/// Opened with privileges, asked without: what anybody sends is not read as root.
fn unprivileged() -> RivalSearch {
    let rivals = RivalSearch::open(&interfaces::to_serve(&[]).unwrap()).unwrap();
    for set in [CapSet::Effective, CapSet::Permitted] {
        caps::clear(None, set).unwrap();
    }
    rivals
}

#[test]
fn nobody_else() {
    as_root!("rivals: nobody_else");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let began = Instant::now();
    assert_eq!(refusal(&host, PATIENCE), None);
    assert!(began.elapsed() >= PATIENCE, "it gave up too early");
    // A boot server gives no addresses.
    let rival = lan.host("rival", "10.77.0.8/24");
    let root = lan.folder().join("rival");
    std::fs::create_dir(&root).unwrap();
    let _rival = Proxy::dnsmasq(&rival, &root, &[("x86PC", "a.0")]);
    assert_eq!(refusal(&host, PATIENCE), None);
}

#[test]
fn another_dhcp_server() {
    as_root!("rivals: another_dhcp_server");
    let lan = Lan::new();
    let far = lan.dhcp_host();
    let _server = Server::dnsmasq(&far);
    let host = lan.appliance_host();
    let began = Instant::now();
    let text = refusal(&host, LONG).unwrap();
    let mac = far.mac("eth0").map(|b| format!("{b:02x}")).join(":");
    let who = format!("another DHCP server answers on eth0: 10.77.0.1 ({mac}) offers 10.77.0.1");
    for part in [who.as_str(), "--mode proxy", "--interface", "--force"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(began.elapsed() < LONG, "it ended with the first answer");
}
