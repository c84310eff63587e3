//! This host: interfaces, ports, firewall.

use std::net::{TcpListener, UdpSocket};

use crate::run::{doctor, examine};
use crate::support::lan::{Host, Lan};
use crate::support::process::Process;
use crate::support::servers::Server;

fn served() -> (Lan, Server, Host) {
    let lan = Lan::new();
    let server = Server::dnsmasq(&lan.dhcp_host());
    let host = lan.appliance_host();
    (lan, server, host)
}

#[test]
fn interfaces_that_cannot_be_served() {
    as_root!("interfaces_that_cannot_be_served");
    let (lan, _server, host) = served();
    let bare = lan.plug(&host, Lan::FIRST);
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), [""; 0], "another one is fine");
    assert_eq!(report.what("no-address"), "no IPv4 address");
    let report = examine(&host, &["--interface", &bare]);
    assert_eq!(report.codes(), ["no-address", "no-interface"]);
    assert_eq!(report.data["verdict"]["mode"], "none");

    host.address(&bare, "10.78.0.2/24");
    host.ip(&["link", "set", &bare, "down"]);
    let report = examine(&host, &["--interface", &bare]);
    assert_eq!(report.codes(), ["interface-down", "no-interface"]);

    // The other end of the cable.
    host.ip(&["link", "set", &bare, "up"]);
    assert!(
        lan.command("ip")
            .args(["link", "set", "p2", "down"])
            .status()
            .unwrap()
            .success()
    );
    let report = examine(&host, &["--interface", &bare]);
    assert_eq!(report.codes(), ["no-carrier", "no-interface"]);
    assert_eq!(report.data["interfaces"][0]["state"], "no-carrier");

    let (code, _, err) = doctor(&host, &["--interface", "nope0"]);
    assert!(
        code == Some(2) && err.contains("there is no such interface"),
        "{err}"
    );
    let (code, _, err) = doctor(&host, &["--interface", "lo"]);
    assert!(
        code == Some(2) && err.contains("it cannot broadcast"),
        "{err}"
    );
}

#[test]
fn ports_that_are_taken() {
    as_root!("ports_that_are_taken");
    let (_lan, _server, host) = served();
    let udp = |port| host.enter(|| UdpSocket::bind(("0.0.0.0", port))).unwrap();
    let _held = (udp(67), udp(69), udp(4011));
    let _web = host.enter(|| TcpListener::bind("0.0.0.0:8067")).unwrap();
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), ["port-taken"]);
    let me = format!("(pid {})", std::process::id());
    let said: Vec<&str> = report
        .findings()
        .iter()
        .map(|f| f["what"].as_str().unwrap())
        .collect();
    for port in ["UDP 67", "UDP 69", "UDP 4011", "TCP 8067"] {
        let named = |w: &&&str| w.starts_with(&format!("{port} is held by ")) && w.ends_with(&me);
        assert!(said.iter().any(|w| named(&w)), "{port}: {said:?}");
    }
}

#[test]
fn a_dhcp_server_on_this_host() {
    as_root!("a_dhcp_server_on_this_host");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let first = Server::dnsmasq_without_ipv6(&host);
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), ["not-announced"], "{:#}", report.data);
    let what = report.what("not-announced");
    assert!(
        what.starts_with("dnsmasq (pid ") && what.ends_with(": BIOS, UEFI"),
        "{what}"
    );
    assert_eq!(report.command(), "bootjack serve --mode colocated");
    assert_eq!(
        report.offers()[0]["server"],
        "10.77.0.2",
        "it heard and answered us"
    );
    let line = report.data["verdict"]["config"][0][1]
        .as_str()
        .unwrap()
        .to_owned();
    // The lines recommended do what they are for, and nothing is to be added then.
    drop(first);
    let lines: Vec<String> = line.lines().map(|l| format!("--{l}")).collect();
    let flags: Vec<&str> = lines.iter().map(String::as_str).collect();
    let _told = Server::dnsmasq_with(&host, &flags);
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), [""; 0], "{:#}", report.data);
    assert_eq!(report.command(), "bootjack serve --mode colocated");
    assert_eq!(
        report.data["verdict"]["config"].as_array().unwrap().len(),
        0
    );
    let class = |asked: &str| {
        let offer = report.offers().iter().find(|o| o["asked_as"] == asked);
        offer.unwrap()["vendor_class"].clone()
    };
    assert_eq!(class("uefi"), "PXEClient");
    assert_eq!(class("http"), serde_json::Value::Null);
}

fn load_rules(host: &Host, rules: &str) {
    let file = host.file("rules.nft");
    std::fs::write(&file, rules).unwrap();
    host.run("nft", &["-f", file.to_str().unwrap()]);
}

#[test]
fn firewalls() {
    as_root!("firewalls");
    let (_lan, _server, host) = served();
    load_rules(
        &host,
        "table inet filter {\n chain input {\n  type filter hook input priority 0; policy drop;\n  \
         iifname lo accept\n  ct state established,related accept\n  ct state vmap { invalid : drop }\n  \
         udp dport { 67, 69 } accept\n  tcp dport 8000-8100 counter accept\n }\n}\n",
    );
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), ["firewall"], "{:#}", report.data);
    let what = "UDP 4011 is dropped by nft table inet filter chain input (policy)";
    assert_eq!(report.what("firewall"), what);
    let dropped = report
        .findings()
        .iter()
        .filter(|f| f["code"] == "firewall")
        .count();
    assert_eq!(dropped, 1, "{:#}", report.data);

    // What cannot be told is said, and is no finding.
    load_rules(
        &host,
        "flush ruleset\ntable ip f {\n chain in {\n  type filter hook input priority 0; policy drop;\n  \
         ip saddr 10.77.0.0/24 accept\n }\n}\n",
    );
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), [""; 0], "{:#}", report.data);
    assert!(
        report
            .what("firewall-unknown")
            .contains("nft table ip f chain in")
    );

    // Rules that iptables made.
    load_rules(&host, "flush ruleset\n");
    host.run("iptables", &["-P", "INPUT", "DROP"]);
    for port in ["67", "69"] {
        let accept = ["-A", "INPUT", "-p", "udp", "--dport", port, "-j", "ACCEPT"];
        host.run("iptables", &accept);
    }
    let web = [
        "-A",
        "INPUT",
        "-p",
        "tcp",
        "-m",
        "multiport",
        "--dports",
        "80,8067",
        "-j",
        "ACCEPT",
    ];
    host.run("iptables", &web);
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), ["firewall"], "{:#}", report.data);
    assert!(
        report
            .what("firewall")
            .starts_with("UDP 4011 is dropped by ")
    );
}

#[test]
fn a_strict_reverse_path() {
    as_root!("a_strict_reverse_path");
    let (lan, _server, host) = served();
    let second = lan.plug(&host, Lan::FIRST);
    host.address(&second, "10.77.0.3/24");
    let file = "/proc/sys/net/ipv4/conf/eth0/rp_filter";
    host.enter(|| std::fs::write(file, "1")).unwrap();
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), ["reverse-path"], "{:#}", report.data);
}

/// Somebody without rights is told what to do.
#[test]
fn without_root() {
    as_root!("without_root");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let bare = |args: &[&str]| {
        let output = host.attempt(
            "setpriv",
            &[args, &[env!("CARGO_BIN_EXE_bootjack"), "doctor"]].concat(),
        );
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{err}");
        err
    };
    let root_by_name = bare(&["--bounding-set=-all", "--inh-caps=-all"]);
    assert!(root_by_name.contains("CAP_NET_RAW"), "{root_by_name}");
    let copy = host.file("binary");
    std::fs::copy(env!("CARGO_BIN_EXE_bootjack"), &copy).unwrap();
    open(lan.folder());
    let line = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    let mut command = host.command("setpriv");
    let output = command
        .args(line)
        .arg(&copy)
        .arg("doctor")
        .output()
        .unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(2) && err.contains("run it as root (sudo)"),
        "{err}"
    );
}

fn open(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// On a terminal it says that it takes a while.
#[test]
fn it_says_that_it_waits() {
    as_root!("it_says_that_it_waits");
    let (_lan, _server, host) = served();
    let mut command = host.command("script");
    let line = format!("{} doctor", env!("CARGO_BIN_EXE_bootjack"));
    command.args(["-qec", &line, "/dev/null"]);
    let mut process: Process = host.start("terminal", command);
    let waits = process.wait_for_line(std::time::Duration::from_secs(25), |l| {
        l.contains("asking on")
    });
    assert!(waits.contains("asking on eth0, up to 8 s"), "{waits}");
}

/// Whoever is on the LAN is not listened to as root: without a user to become, nobody is asked.
#[test]
fn it_asks_as_an_unprivileged_user() {
    as_root!("it_asks_as_an_unprivileged_user");
    let (_lan, _server, host) = served();
    let (code, out, err) = doctor(&host, &["--user", "nobody-at-all"]);
    assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
    assert!(err.contains("no user \"nobody-at-all\""), "{err}");
}
