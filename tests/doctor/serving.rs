//! bootjack runs already: `doctor` says in which mode, and whether it is the LAN's.

use crate::run::{Report, doctor, examine};
use crate::support::appliance::{Appliance, Setup};
use crate::support::lan::{APPLIANCE_IP, Host, Lan};
use crate::support::servers::{Kind, Server};

const EVERYONE: &str = "menu: { title: T, entries: [ { id: d, title: D, local: true } ] }\n";
const NETWORKS: &str =
    "dhcp: { networks: [ { subnet: 10.77.0.0/24, pools: [ 10.77.0.50-10.77.0.60 ] } ] }\n";

fn bootjack(host: &Host, mode: &str) -> Appliance {
    let setup = Setup::new(host, env!("CARGO_BIN_EXE_bootjack")).profile("p.yaml", EVERYONE);
    let forced = if mode == "dhcp" { "force: true\n" } else { "" };
    setup
        .config(&format!("mode: {mode}\n{forced}{NETWORKS}"))
        .start()
}

/// All is well, the first line says so, and nothing is to be run.
fn is_well(host: &Host, appliance: &mut Appliance, mode: &str) -> Report {
    let report = examine(host, &[]);
    assert_eq!(report.codes(), [""; 0], "{:#}", report.data);
    assert_eq!(report.modes(), (mode, mode));
    assert_eq!(report.command(), "");
    let (code, words, _) = doctor(host, &[]);
    assert_eq!(code, Some(0), "{words}");
    let pid = appliance.process().id();
    let verdict = format!(
        "Verdict: all is well: bootjack runs already (pid {pid}) in mode {mode} on eth0, and there \
         is nothing to do."
    );
    assert_eq!(words.lines().next(), Some(verdict.as_str()), "{words}");
    let seen = format!("\nbootjack (pid {pid}) runs already on eth0\n");
    assert!(words.contains(&seen) && !words.contains("un: "), "{words}");
    report
}

#[test]
fn proxy_beside_a_dhcp_server() {
    as_root!("serving: proxy_beside_a_dhcp_server");
    let lan = Lan::new();
    let server = Server::dnsmasq(&lan.dhcp_host());
    let host = lan.appliance_host();
    let mut appliance = bootjack(&host, "proxy");
    let report = is_well(&host, &mut appliance, "proxy");
    assert!(report.what("own-proxy-heard").contains("10.77.0.2"));
    let ours = report.offers().iter().filter(|o| o["ours"] == true).count();
    assert_eq!(ours, 3, "BIOS, UEFI, HTTP: {:#}", report.data);

    // The DHCP server goes away: nobody gives addresses any more.
    drop(server);
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), ["no-dhcp-server"], "{:#}", report.data);
    assert_eq!(report.modes(), ("proxy", "dhcp"));
    assert_eq!(report.command(), "bootjack serve --mode dhcp");
    let (_, words, _) = doctor(&host, &[]);
    let or = "\nOr stop that bootjack, and run: bootjack serve --mode dhcp\n";
    assert!(words.contains(or), "{words}");
}

#[test]
fn dhcp_alone_and_beside_another() {
    as_root!("serving: dhcp_alone_and_beside_another");
    let lan = Lan::new();
    let far = lan.dhcp_host();
    let host = lan.appliance_host();
    let mut appliance = bootjack(&host, "dhcp");
    is_well(&host, &mut appliance, "dhcp");

    let _second = Server::dnsmasq(&far);
    let report = examine(&host, &[]);
    assert_eq!(
        report.codes(),
        ["several-dhcp-servers"],
        "{:#}",
        report.data
    );
    assert_eq!(report.modes(), ("dhcp", "proxy"));
    let what = report.what("several-dhcp-servers");
    assert!(what.contains("10.77.0.2 (bootjack on this host)"), "{what}");
}

/// Sockets are opened at the start: what comes up later is not served, and not by a word in a log
/// that is hours old.
#[test]
fn an_interface_that_came_up_after_the_start() {
    as_root!("serving: an_interface_that_came_up_after_the_start");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let mut appliance = bootjack(&host, "dhcp");
    let late = lan.plug(&host, lan.segment());
    host.address(&late, "10.78.0.2/24");
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), ["not-served"], "{:#}", report.data);
    let pid = appliance.process().id();
    let what = format!("bootjack (pid {pid}) serves eth0 in mode dhcp, and not this interface");
    assert_eq!(report.what("not-served"), what);
    assert_eq!(report.command(), "");
    let (code, words, _) = doctor(&host, &[]);
    assert_eq!(code, Some(1), "{words}");
    let step = format!("\nStart bootjack again, that it serves {late} too");
    assert!(words.contains(&step), "{words}");
    assert!(!words.contains("need not be started"), "{words}");
    assert!(words.contains("Describe its network under"), "{words}");
    is_well_on(&host, &["--interface", "eth0"]);
}

/// A version in its name, or started by a name of the operator's.
#[test]
fn by_whatever_name_it_runs() {
    as_root!("serving: by_whatever_name_it_runs");
    let lan = Lan::new();
    let _server = Server::dnsmasq(&lan.dhcp_host());
    let host = lan.appliance_host();
    let folder = host.file("programs");
    std::fs::create_dir(&folder).unwrap();
    let (file, link) = (folder.join("bootjack-0.2"), folder.join("netboot"));
    std::fs::copy(env!("CARGO_BIN_EXE_bootjack"), &file).unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    for program in [file, link] {
        let setup = Setup::new(&host, program.to_str().unwrap());
        let mut appliance = setup.profile("p.yaml", EVERYONE).start();
        let report = is_well_on(&host, &[]);
        let pid = &report.data["verdict"]["running"]["pid"];
        assert_eq!(*pid, appliance.process().id(), "{:#}", report.data);
    }
}

fn is_well_on(host: &Host, args: &[&str]) -> Report {
    let report = examine(host, args);
    assert_eq!(report.codes(), [""; 0], "{:#}", report.data);
    assert_eq!(report.data["verdict"]["mode"], "serving");
    report
}

#[test]
fn colocated_where_the_server_is_elsewhere() {
    as_root!("serving: colocated_where_the_server_is_elsewhere");
    let lan = Lan::new();
    let _server = Server::dnsmasq(&lan.dhcp_host());
    let host = lan.appliance_host();
    let _appliance = bootjack(&host, "colocated");
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), ["wrong-mode"], "{:#}", report.data);
    assert_eq!(report.modes(), ("colocated", "proxy"));
    assert_eq!(report.command(), "bootjack serve --mode proxy");
}

/// A server with README's lines and without, before bootjack runs and while it does.
fn colocated_beside(kind: Kind) {
    let lan = Lan::new();
    let host = lan.appliance_host();
    let server = kind.colocated(&host, APPLIANCE_IP);
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), [""; 0], "{:#}", report.data);
    assert_eq!(report.findings().len(), 0, "{:#}", report.data);
    assert_eq!(report.command(), "bootjack serve --mode colocated");
    let mut appliance = bootjack(&host, "colocated");
    let report = is_well(&host, &mut appliance, "colocated");
    assert_eq!(report.findings().len(), 0, "{:#}", report.data);

    drop(server);
    let _plain = kind.plain(&host);
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), ["not-announced"], "{:#}", report.data);
    assert_eq!(report.modes(), ("colocated", "colocated"));
    assert_eq!(report.config().0, name(kind));
    assert_eq!(report.command(), "");
}

#[test]
fn colocated_beside_dnsmasq() {
    as_root!("serving: colocated_beside_dnsmasq");
    colocated_beside(Kind::Dnsmasq);
}

#[test]
fn colocated_beside_isc_dhcpd() {
    as_root!("serving: colocated_beside_isc_dhcpd");
    colocated_beside(Kind::Isc);
}

#[test]
fn colocated_beside_kea() {
    as_root!("serving: colocated_beside_kea");
    colocated_beside(Kind::Kea);
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Dnsmasq => "dnsmasq",
        Kind::Isc => "ISC dhcpd",
        Kind::Kea => "Kea",
    }
}

/// A network of virtual machines on the same host has a server of its own on the same port.
#[test]
fn another_server_on_another_interface() {
    as_root!("serving: another_server_on_another_interface");
    let lan = Lan::new();
    let _server = Server::dnsmasq(&lan.dhcp_host());
    let host = lan.appliance_host();
    host.ip(&["link", "add", "virbr0", "type", "bridge"]);
    host.address("virbr0", "10.99.0.1/24");
    host.ip(&["link", "set", "virbr0", "up"]);
    let mut command = host.command("dnsmasq");
    let leases = format!("--dhcp-leasefile={}", host.file("vm-leases").display());
    command.args([
        "--no-daemon",
        "--conf-file=/dev/null",
        "--pid-file=",
        "--port=0",
    ]);
    command.args([
        "--user=root",
        "--interface=virbr0",
        "--bind-interfaces",
        &leases,
    ]);
    command.args(["--log-facility=-", "--dhcp-range=10.99.0.50,10.99.0.60,1h"]);
    let mut inner = host.start("vms", command);
    let start = std::time::Duration::from_secs(20);
    inner.wait_for_line(start, |line| line.contains("DHCP, IP range"));
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), [""; 0], "{:#}", report.data);
    assert_eq!(report.data["left_out"], serde_json::json!(["virbr0"]));
    assert_eq!(report.command(), "bootjack serve --mode proxy");
    // And serve does what was said.
    let mut appliance = bootjack(&host, "proxy");
    is_well(&host, &mut appliance, "proxy");
    appliance.wait_for_event(start, |e| {
        let text = e["text"].as_str().unwrap_or_default();
        e["event"] == "notice" && text.starts_with("virbr0 is not served: ")
    });
}
