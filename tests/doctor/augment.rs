//! Leases that a bootjack in mode `proxy` hands on: doctor knows them for what they are, here and from
//! elsewhere; asks whom `dhcp-server` names; and teaches the bootjack that runs nothing.

use crate::relays::deaf_to_relays;
use crate::run::{Report, doctor, examine};
use crate::support::appliance::{Appliance, Setup};
use crate::support::lan::{Host, Lan};
use crate::support::servers::{KINDS, Kind, Server};

const SECURE: &str = "secure_boot: true\nmenu: {entries: [{id: disk, local: true}]}\n";
const PINNED: &str = "strategy: augment\nmenu: {entries: [{id: disk, local: true}]}\n";

fn bootjack(host: &Host, profile: &str) -> Appliance {
    let setup = Setup::new(host, env!("CARGO_BIN_EXE_bootjack"));
    setup
        .profile("p.yaml", profile)
        .flag("--log-level=debug")
        .start()
}

fn handed_on(report: &Report) -> usize {
    let kinds = report.offers().iter().map(|o| o["kind"].as_str());
    kinds.filter(|kind| *kind == Some("handed-on")).count()
}

#[test]
fn leases_that_bootjack_hands_on() {
    as_root!("augment: leases_that_bootjack_hands_on");
    for kind in KINDS {
        for profile in [SECURE, PINNED] {
            let lan = Lan::new();
            let _server = kind.plain(&lan.dhcp_host());
            let host = lan.appliance_host();
            let _appliance = bootjack(&host, profile);
            let report = examine(&host, &[]);
            assert_eq!(report.codes(), [""; 0], "{kind:?}: {:#}", report.data);
            assert!(handed_on(&report) > 0, "{kind:?}: {:#}", report.data);
            assert_eq!(report.modes(), ("proxy", "proxy"));
            let what = report.what("own-proxy-heard");
            assert!(what.ends_with("with leases of 10.77.0.1"), "{what}");

            if kind == Kind::Kea && profile == PINNED {
                // It offers another address each time, and there is no boot data alone: nothing is sure.
                continue;
            }
            let elsewhere = lan.host("laptop", "10.77.0.7/24");
            let report = examine(&elsewhere, &[]);
            assert_eq!(report.codes(), [""; 0], "{kind:?}: {:#}", report.data);
            let what = report.what("leases-handed-on");
            assert!(what.contains(" of 10.77.0.1: 10.77.0.2 ("), "{what}");
            let (_, words, _) = doctor(&elsewhere, &[]);
            let why = "10.77.0.1 on the LAN gives out addresses on eth0; 10.77.0.2 adds";
            assert!(words.contains(why), "{words}");
        }
    }
}

/// Who has asked for it in his own words is warned, whatever the words.
#[test]
fn a_server_that_answers_no_relays_where_leases_are_asked_for() {
    as_root!("augment: a_server_that_answers_no_relays_where_leases_are_asked_for");
    let lan = Lan::new();
    let (_far, _server) = deaf_to_relays(&lan);
    let host = lan.appliance_host();
    let folder = host.file("pinned");
    std::fs::create_dir_all(&folder).unwrap();
    let profiles = folder.display().to_string();
    let config = host.file("rows.yaml");
    let row =
        "quirks:\n  - { name: mine, tells: { stage: rom }, changes: { strategies: [augment] } }\n";
    std::fs::write(&config, row).unwrap();
    let config = config.display().to_string();
    for (profile, args) in [
        (PINNED, ["--profiles", &profiles]),
        (
            "loader: grub\nmenu: {entries: [{id: disk, local: true}]}\n",
            ["--profiles", &profiles],
        ),
        ("", ["--config", &config]),
    ] {
        std::fs::write(folder.join("a.yaml"), profile).unwrap();
        let report = examine(&host, &args);
        assert_eq!(
            report.codes(),
            ["relays-ignored"],
            "{profile}: {:#}",
            report.data
        );
    }
}

#[test]
fn a_server_that_is_named_and_silent() {
    as_root!("augment: a_server_that_is_named_and_silent");
    let lan = Lan::new();
    let _server = Server::dnsmasq(&lan.dhcp_host());
    let host = lan.appliance_host();
    let report = examine(&host, &["--dhcp-server", "10.77.0.9"]);
    assert_eq!(report.codes(), ["named-server-silent"], "{:#}", report.data);
    assert_eq!(
        report.what("named-server-silent"),
        "10.77.0.9, which dhcp-server names, did not answer a relay agent; 10.77.0.1 offers addresses and is not named"
    );
    let command = "bootjack serve --mode proxy --dhcp-server 10.77.0.9";
    assert_eq!(report.command(), command);
    let report = examine(&host, &["--dhcp-server", "10.77.0.1"]);
    assert_eq!(report.codes(), [""; 0], "{:#}", report.data);
    let relayed = &report.data["interfaces"][0]["relayed"];
    assert_eq!(
        *relayed,
        serde_json::json!([{"server": "10.77.0.1", "answered": true}])
    );
}

/// What counts is whom the bootjack that runs asks: its setting is in force until it is started again.
#[test]
fn the_running_one_names_a_silent_server() {
    as_root!("augment: the_running_one_names_a_silent_server");
    let lan = Lan::new();
    let _server = Server::dnsmasq(&lan.dhcp_host());
    let host = lan.appliance_host();
    let setup = Setup::new(&host, env!("CARGO_BIN_EXE_bootjack")).profile("p.yaml", SECURE);
    let state = setup.config_file().with_file_name("state");
    let _appliance = setup.flag("--dhcp-server=10.77.0.9").start();
    let state = state.to_str().unwrap();
    let right = ["--state", state, "--dhcp-server", "10.77.0.1"];
    for flags in [&right[..2], &right] {
        let (code, words, err) = doctor(&host, flags);
        assert_eq!(code, Some(1), "{words}{err}");
        assert!(
            words.contains("10.77.0.9, which dhcp-server names"),
            "{words}"
        );
        let step = "Start bootjack again once the setting is right";
        assert!(words.contains(step), "{words}");
        assert!(!words.contains("need not be started again"), "{words}");
    }
}

/// The machines that doctor plays are no evidence of a server, and nobody is warned of them.
#[test]
fn doctor_teaches_nothing() {
    as_root!("augment: doctor_teaches_nothing");
    let lan = Lan::new();
    let (_far, _server) = deaf_to_relays(&lan);
    let host = lan.appliance_host();
    let appliance = bootjack(&host, SECURE);
    for _ in 0..2 {
        examine(&host, &[]);
    }
    let long = std::time::Duration::from_secs(30);
    appliance.wait_for_event(long, |e| e["reason"] == "no-lease");
    let learnt = appliance.events();
    let of_servers = |e: &&serde_json::Value| {
        let event = e["event"].as_str().unwrap_or_default();
        event == "no-lease" || e.to_string().contains("but no relays")
    };
    let told: Vec<_> = learnt.iter().filter(of_servers).collect();
    assert!(told.is_empty(), "{told:#?}");
    let unanswered = learnt.iter().filter(|e| e["event"] == "ignored");
    let of_machines: Vec<_> = unanswered.filter(|e| e["client"].is_string()).collect();
    for reason in ["no-lease", "left-to-pxe"] {
        let some = of_machines.iter().any(|e| e["reason"] == reason);
        assert!(some, "{reason}: {of_machines:#?}");
    }
    let played = of_machines.iter().all(|e| e["played"] == true);
    assert!(played, "they are told as doctor's: {of_machines:#?}");
}

#[test]
fn https_that_would_not_start_is_told() {
    as_root!("augment: https_that_would_not_start_is_told");
    let lan = Lan::new();
    let _server = Server::dnsmasq(&lan.dhcp_host());
    let host = lan.appliance_host();
    let cert = host.file("none.pem");
    std::fs::write(&cert, "nothing").unwrap();
    let (code, out, err) = doctor(&host, &["--tls-cert", &cert.display().to_string()]);
    assert_eq!(code, Some(2), "{out}{err}");
    assert!(err.contains("none.pem") && out.is_empty(), "{out}{err}");
}
