//! Whether the DHCP server answers a relay agent, which GRUB behind shim needs in mode `proxy`.

use serde_json::json;

use crate::run::{Report, doctor, examine};
use crate::support::appliance::Setup;
use crate::support::lan::{Host, Lan};
use crate::support::servers::{KINDS, Server};

/// What is said of the server at the usual address.
fn relayed(report: &Report) -> Option<bool> {
    let all = report.data["interfaces"][0]["relayed"].as_array().unwrap();
    let one = all.iter().find(|r| r["server"] == "10.77.0.1")?;
    one["answered"].as_bool()
}

/// A profile folder that asks for Secure Boot.
fn secure(host: &Host) -> String {
    folder(host, "secure", "secure_boot: true")
}

/// A folder with a profile of this head.
fn folder(host: &Host, name: &str, head: &str) -> String {
    let folder = host.file(name);
    std::fs::create_dir_all(&folder).unwrap();
    let profile = format!("{head}\nmenu: {{entries: [{{id: disk, local: true}}]}}\n");
    std::fs::write(folder.join("a.yaml"), profile).unwrap();
    folder.display().to_string()
}

#[test]
fn servers_that_answer_relays() {
    as_root!("servers_that_answer_relays");
    for kind in KINDS {
        let lan = Lan::new();
        let _server = kind.plain(&lan.dhcp_host());
        let host = lan.appliance_host();
        let report = examine(&host, &["--profiles", &secure(&host)]);
        assert_eq!(report.codes(), [""; 0], "{kind:?}: {:#}", report.data);
        assert_eq!(relayed(&report), Some(true), "{kind:?}");
    }
}

/// Such a server: it hears machines, and none who has an address already.
fn deaf_to_relays(lan: &Lan) -> (Host, Server) {
    let host = lan.dhcp_host();
    let server = Server::dnsmasq_with(&host, &[]);
    host.run("nft", &["add table ip deaf"]);
    host.run(
        "nft",
        &["add chain ip deaf in { type filter hook input priority 0; }"],
    );
    host.run(
        "nft",
        &["add rule ip deaf in udp dport 67 ip saddr != 0.0.0.0 drop"],
    );
    (host, server)
}

#[test]
fn a_server_that_answers_no_relays() {
    as_root!("a_server_that_answers_no_relays");
    let lan = Lan::new();
    let (_far, _server) = deaf_to_relays(&lan);
    let host = lan.appliance_host();
    let report = examine(&host, &["--profiles", &secure(&host)]);
    assert_eq!(report.codes(), ["relays-ignored"], "{:#}", report.data);
    assert_eq!(relayed(&report), Some(false));
    let what = report.what("relays-ignored");
    assert!(what.starts_with("10.77.0.1 ("), "{what}");
    assert!(
        what.ends_with(") offers addresses, and did not answer a relay agent"),
        "{what}"
    );
    let (code, words, _) = doctor(&host, &["--profiles", &secure(&host)]);
    assert_eq!(code, Some(1));
    assert!(words.contains("warning relays-ignored on eth0"), "{words}");
    // Servers of ARM64 boot by GRUB, with Secure Boot and without.
    let arm64 = folder(&host, "arm64", "match: {arch: efi-arm64}");
    let report = examine(&host, &["--profiles", &arm64]);
    assert_eq!(report.codes(), ["relays-ignored"], "{:#}", report.data);
    // Without either there is nothing to mend.
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), [""; 0], "{:#}", report.data);
    report.what("relays-ignored");
}

/// Where a bootjack has port 67, its answer is heard all the same, and goes no further.
#[test]
fn beside_a_bootjack_that_runs() {
    as_root!("beside_a_bootjack_that_runs");
    let lan = Lan::new();
    let _server = Server::dnsmasq(&lan.dhcp_host());
    let host = lan.appliance_host();
    let appliance = Setup::new(&host, env!("CARGO_BIN_EXE_bootjack")).start();
    let report = examine(&host, &[]);
    assert_eq!(relayed(&report), Some(true), "{:#}", report.data);
    assert_eq!(report.modes(), ("proxy", "proxy"));
    drop(appliance);
}

/// A bootjack that gives out the addresses itself is asked as well, and answers.
#[test]
fn a_bootjack_elsewhere_in_mode_dhcp() {
    as_root!("a_bootjack_elsewhere_in_mode_dhcp");
    let lan = Lan::new();
    let far = lan.dhcp_host();
    let config = "dhcp: {networks: [{subnet: 10.77.0.0/24, pools: [10.77.0.100-10.77.0.199]}]}\n";
    let _far = Setup::new(&far, env!("CARGO_BIN_EXE_bootjack"))
        .config(config)
        .flag("--mode=dhcp")
        .start();
    let report = examine(&lan.appliance_host(), &[]);
    assert_eq!(
        report.data["interfaces"][0]["relayed"],
        json!([{"server": "10.77.0.1", "answered": true}])
    );
}
