//! bootjack serves: what it answers is what the firmware takes, in each mode.

use crate::lab::{EVERYONE, probe, probe_as, setup};
use crate::support::appliance::{Appliance, Setup};
use crate::support::lan::{DHCP_IP, Host, Lan};
use crate::support::servers::{Kind, Server};

/// Firmware, and what it boots from the host of this address.
const BOOTS: [(&str, &str); 5] = [
    ("bios", "tftp://{}/lpxelinux.0"),
    ("bios-2.0", "tftp://{}/lpxelinux.0"),
    ("efi-x64", "tftp://{}/snponly.efi"),
    ("http-x64", "http://{}:8067/assets/snponly.efi"),
    ("ipxe", "http://{}:8067/boot/"),
];
/// Of Secure Boot, in lease and loader of one server.
const SECURE: &str =
    "secure_boot: true\nmenu: { title: T, entries: [ { id: d, title: D, local: true } ] }\n";

fn each_boots(host: &Host, server: &str) {
    for (firmware, from) in BOOTS {
        let report = probe(host, &["--as", firmware, "--fetch"]);
        let from = from.replace("{}", server);
        let boots = report.boots();
        assert!(boots.starts_with(&from), "{firmware}: {boots}");
        let fetched = report.verdict()["fetched"].as_u64();
        assert!(fetched.is_some_and(|bytes| bytes > 100), "{firmware}");
        assert_eq!(report.lease().map(|l| l.1), Some(true), "{firmware}");
    }
}

#[test]
fn beside_a_dhcp_server() {
    as_root!("beside a DHCP server");
    let lan = Lan::new();
    let _dhcp = Server::dnsmasq_without_ipv6(&lan.dhcp_host());
    let _bootjack = setup(&lan.appliance_host()).start();
    // HTTP is asked from its own address.
    let host = lan.host("pc", "10.77.0.9/24");
    each_boots(&host, "10.77.0.2");
}

/// It looks at what comes next, and ends that as no failure of anybody.
#[test]
fn what_a_probe_ends_is_no_failure() {
    as_root!("what a probe ends is no failure");
    let lan = Lan::new();
    let _dhcp = Server::dnsmasq_without_ipv6(&lan.dhcp_host());
    let secure = setup(&lan.appliance_host()).profile("all.yaml", SECURE);
    let bootjack = secure.start();
    let host = lan.host("pc", "10.77.0.9/24");
    for (firmware, boots) in [
        ("shim", Some("tftp://10.77.0.2/shimx64.efi")),
        ("grub", Some("tftp://10.77.0.2/shimx64.efi")),
        ("rpi3", None),
        ("bios", Some("tftp://10.77.0.2/lpxelinux.0")),
    ] {
        let report = probe_as(&host, firmware);
        assert!(boots.is_none_or(|boots| report.boots().starts_with(boots)));
    }
    let second = |e: &serde_json::Value| e["event"] == "probed" && e["path"] == "grubx64.efi";
    bootjack.wait_for_event(std::time::Duration::from_secs(10), second);
    let failed = |e: &serde_json::Value| e["event"] == "failed";
    let events = bootjack.events();
    assert!(!events.iter().any(failed), "{events:#?}");
}

/// The default profile names unsigned iPXE: Secure Boot does not start that.
#[test]
fn secure_boot_without_a_profile_for_it() {
    as_root!("Secure Boot without a profile for it");
    let lan = Lan::new();
    let _dhcp = Server::dnsmasq_without_ipv6(&lan.dhcp_host());
    let _bootjack = setup(&lan.appliance_host()).start();
    let host = lan.host("pc", "10.77.0.9/24");
    for firmware in ["shim", "grub"] {
        let report = probe_as(&host, firmware);
        assert!(report.fails().contains("snponly.efi\" has no signature"));
        let remedy = report.verdict()["what_to_do"].as_str().unwrap();
        assert!(remedy.contains("secure_boot: true"), "{remedy}");
    }
}

#[test]
fn on_the_dhcp_servers_host() {
    as_root!("on the DHCP server's host");
    let lan = Lan::new();
    let server = lan.dhcp_host();
    let _dhcp = Kind::Dnsmasq.colocated(&server, DHCP_IP);
    let _bootjack = setup(&server).flag("--mode=colocated").start();
    let host = lan.host("pc", "10.77.0.9/24");
    for (firmware, from) in BOOTS.iter().filter(|(f, _)| *f != "http-x64") {
        let report = probe_as(&host, firmware);
        let from = from.replace("{}", DHCP_IP);
        assert!(report.boots().starts_with(&from), "{firmware}");
        let asked = report.told("sent");
        let to_4011 = asked.iter().any(|step| step.ends_with("10.77.0.1:4011"));
        assert!(to_4011, "{firmware} goes to port 4011: {asked:?}");
    }
}

/// Mode `dhcp` on a host: lease and boot data in one.
fn as_dhcp_server(host: &Host) -> Setup {
    let config = "mode: dhcp\nforce: true\ndhcp:\n  networks:\n    - subnet: 10.77.0.0/24\n      \
                  pools: [10.77.0.100-10.77.0.199]\n";
    let setup = Setup::new(host, env!("CARGO_BIN_EXE_bootjack"));
    setup.profile("all.yaml", EVERYONE).config(config)
}

#[test]
fn as_the_dhcp_server() {
    as_root!("as the DHCP server");
    let lan = Lan::new();
    let _bootjack = as_dhcp_server(&lan.appliance_host()).start();
    let host = lan.host("pc", "10.77.0.9/24");
    each_boots(&host, "10.77.0.2");
}

/// What runs on the very host that probes hears no frame of its own card.
#[test]
fn from_its_own_host() {
    as_root!("from its own host");
    let lan = Lan::new();
    let _dhcp = Server::dnsmasq_without_ipv6(&lan.dhcp_host());
    let host = lan.appliance_host();
    let _bootjack = setup(&host).start();
    each_boots(&host, "10.77.0.2");
    let begin = probe_as(&host, "bios");
    let served = begin.events[0]["served_here"].as_str().unwrap();
    assert!(served.starts_with("bootjack (pid "), "{served}");
    let told = begin.told("note");
    assert!(told[0].contains("10.77.0.2 is this host"), "{told:?}");
}

#[test]
fn the_dhcp_servers_own_host() {
    as_root!("the DHCP server's own host");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let _bootjack = as_dhcp_server(&host).start();
    each_boots(&host, "10.77.0.2");
}

/// It is a judge, and no evidence: neither do the machines it plays count as one another, nor does a
/// machine in the rack whose MAC it takes count as what it played.
#[test]
fn nothing_is_learnt_from_it() {
    as_root!("nothing is learnt from it");
    let lan = Lan::new();
    let _dhcp = Server::dnsmasq_without_ipv6(&lan.dhcp_host());
    let appliance = setup(&lan.appliance_host()).start();
    let pc = lan.client("pc");
    let mac = "52:54:00:77:00:0a";
    for with in [&[][..], &["--mac", mac]] {
        for (firmware, asks_4011) in [("bios", false), ("bios-2.0", true), ("bios", false)] {
            let report = probe(&pc, &[&["--as", firmware], with].concat());
            report.boots();
            let sent = report.told("sent");
            let went = sent.iter().any(|step| step.ends_with(":4011"));
            assert_eq!(went, asks_4011, "{firmware} {with:?}: {sent:?}");
        }
    }
    assert_eq!(learnt(&appliance), "");
    // With the machine's UUID too it stands for that machine; one attempt proves nothing yet.
    let uuid = "b8945908-d6a6-41a9-611d-74a6ab80b83d";
    let args = ["--as", "bios-2.0", "--mac", mac, "--uuid", uuid];
    for _ in 0..2 {
        assert_eq!(learnt(&appliance), "");
        probe(&pc, &args).boots();
    }
    let rows = learnt(&appliance);
    assert!(rows.contains("asks-4011-all-the-same"), "{rows}");
}

/// What `bootjack machines` lists.
fn learnt(appliance: &Appliance) -> String {
    let state = appliance.profiles().with_file_name("state");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_bootjack"));
    let output = command.arg("machines").arg("--state").arg(state).output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    let (_, rows) = text.split_once('\n').unwrap_or_default();
    rows.to_owned()
}
