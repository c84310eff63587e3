//! What keeps bootjack from starting: the message names what, where, who and what to do.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

use crate::run::{BOOTJACK, open, serve, serve_by};
use crate::support::lan::{Host, Lan};
use crate::support::poll;
use crate::support::servers::{Kind, Server};

/// The test's own process, as a holder of ports.
fn me() -> String {
    format!("(pid {})", std::process::id())
}

/// A process that another test begins right now has the last socket until it runs its program.
fn taken(host: &Host, address: &str) -> UdpSocket {
    let bind = || host.enter(|| UdpSocket::bind(address)).ok();
    poll::until(Duration::from_secs(10), bind).unwrap()
}

#[test]
fn a_port_that_is_taken() {
    as_root!("a_port_that_is_taken");
    let lan = Lan::new();
    let host = lan.appliance_host();
    for (port, address) in [
        (67, "0.0.0.0:67"),
        (4011, "0.0.0.0:4011"),
        (69, "0.0.0.0:69"),
        (69, "[::]:69"),
        (67, "10.77.0.2:67"),
    ] {
        let _held = taken(&host, address);
        let what = format!("cannot bind UDP {port} on eth0: address in use by ");
        let remedy = "stop it, or serve other interfaces with --interface";
        serve(&host, &[]).fails(1, &[&what, &me(), remedy]);
    }
    let _held = host.enter(|| TcpListener::bind("10.77.0.2:8067")).unwrap();
    let what = "cannot bind TCP 8067 on eth0: address in use by ";
    serve(&host, &[]).fails(1, &[what, &me(), "--http-port"]);
}

/// Kea without a packet socket.
fn kea_by_udp(host: &Host) -> Server {
    Server::kea_by(
        host,
        r#"{ "Dhcp4": {
  "interfaces-config": { "interfaces": [ "eth0" ], "dhcp-socket-type": "udp" },
  "lease-database": { "type": "memfile", "persist": false }
} }"#,
    )
}

type Start = fn(&Host) -> Server;

/// The DHCP server that sits on the same port of the same interface: named, also as one of several,
/// however it listens (dhcpd and Kea hear by a packet socket, and hold the port beside it).
#[test]
fn another_dhcp_server_on_the_same_interface() {
    as_root!("another_dhcp_server_on_the_same_interface");
    let servers: [(&str, Start); 4] = [
        ("dnsmasq", |host| Kind::Dnsmasq.plain(host)),
        ("dhcpd", |host| Kind::Isc.plain(host)),
        ("kea-dhcp4", |host| Kind::Kea.plain(host)),
        ("kea-dhcp4", kea_by_udp),
    ];
    for (name, start) in servers {
        let lan = Lan::new();
        let host = lan.appliance_host();
        let mut dhcp = start(&host);
        let holder = format!("{name} (pid {})", dhcp.process().id());
        let what = format!("cannot bind UDP 67 on eth0: address in use by {holder}; stop it");
        let remedy = "leave it running and use --mode colocated";
        let config = host.file("bootjack.yaml");
        fs::write(&config, "dhcp: {networks: [{subnet: 10.77.0.0/24}]}\n").unwrap();
        let config = config.display().to_string();
        for mode in ["proxy", "dhcp"] {
            let args = ["--mode", mode, "--config", &config];
            serve(&host, &args).fails(1, &[&what, remedy]);
        }
        let second = lan.plug(&host, Lan::FIRST);
        host.address(&second, "10.77.0.4/24");
        serve(&host, &[]).fails(1, &[&what]);
        // The other ports are as they ever were, and 67 is no matter in this mode.
        let _held = taken(&host, "0.0.0.0:4011");
        let other = "cannot bind UDP 4011 on eth0: address in use by ";
        let refused = serve(&host, &["--mode", "colocated"]);
        refused.fails(
            1,
            &[other, &me(), "serve other interfaces with --interface"],
        );
        assert!(!refused.err.contains("colocated"), "{}", refused.err);
    }
}

#[test]
fn an_interface_that_cannot_be_served() {
    as_root!("an_interface_that_cannot_be_served");
    let lan = Lan::new();
    let host = lan.client("bare");
    let none = "no interface is up, broadcast-capable and has an IPv4 address; bring one up";
    serve(&host, &[]).fails(1, &[none, "--interface"]);
    let no_address = "cannot serve interface eth0: it has no IPv4 address; give it one";
    serve(&host, &["--interface", "eth0"]).fails(1, &[no_address, "usable here: none"]);
    host.address("eth0", "10.77.0.2/24");
    let unknown = "cannot serve interface nope0: there is no such interface; usable here: eth0";
    serve(&host, &["--interface", "nope0"]).fails(2, &[unknown]);
    let both = serve(&host, &["--interface", "eth0", "--interface", "nope0"]);
    both.fails(2, &[unknown]);
    serve(&host, &["--interface", "lo"]).fails(2, &["interface lo: it cannot broadcast"]);
    host.ip(&["link", "set", "eth0", "down"]);
    let down = "cannot serve interface eth0: it is down; bring it up with `ip link set eth0 up`";
    serve(&host, &["--interface", "eth0"]).fails(1, &[down]);
    serve(&host, &[]).fails(1, &[none]);
}

#[test]
fn profiles_that_cannot_be_served() {
    as_root!("profiles_that_cannot_be_served");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let folder = host.file("own");
    let path = folder.display().to_string();
    let start = || serve(&host, &["--profiles", &path]);
    start().fails(
        1,
        &[
            "what is configured cannot be served",
            &path,
            "create it, or name another",
        ],
    );
    fs::write(&folder, "a file").unwrap();
    start().fails(
        1,
        &[
            "what is configured cannot be served",
            &path,
            "cannot be read",
        ],
    );
    fs::remove_file(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("a.yaml"), "menu:\n  titel: T\n").unwrap();
    let place = format!("{path}/a.yaml:2:3");
    start().fails(1, &[&place, "titel", "did you mean \"title\"?"]);
}

#[test]
fn networks_that_cannot_be_served() {
    as_root!("networks_that_cannot_be_served");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let file = host.file("bootjack.yaml");
    let path = file.display().to_string();
    for (text, words) in [
        (
            "mode: dhcp\n",
            ["has no network to serve", "- subnet: 10.1.0.0/24"],
        ),
        (
            "mode: dhcp\ndhcp: {networks: [{subnet: 10.1.0.0}]}\n",
            [":2:28: error: 10.1.0.0 has no prefix length", "10.1.0.0/24"],
        ),
    ] {
        fs::write(&file, text).unwrap();
        let said = serve(&host, &["--config", &path]);
        said.fails(1, &["what is configured cannot be served", &path]);
        said.fails(1, &words);
    }
}

const LAB: &str = "mode: dhcp\ndhcp: {networks: [{subnet: 10.77.0.0/24}]}\n";

/// Mode `dhcp` beside another DHCP server ends with a code of its own, which the unit knows: a start
/// tried again and again would succeed as soon as that server is silent for a moment.
#[test]
fn another_dhcp_server_on_the_lan() {
    as_root!("another_dhcp_server_on_the_lan");
    let lan = Lan::new();
    let _server = Server::dnsmasq(&lan.dhcp_host());
    let host = lan.appliance_host();
    let file = host.file("bootjack.yaml");
    fs::write(&file, LAB).unwrap();
    let path = file.display().to_string();
    let words = [
        "another DHCP server answers on eth0: 10.77.0.1",
        "--interface",
    ];
    serve(&host, &["--config", &path]).fails(3, &words);
    let unit = include_str!("../../packaging/bootjack.service");
    assert!(unit.contains("\nRestartPreventExitStatus=3\n"));
    // What that server sends is not read by root: becoming nobody comes first.
    let nobody = ["--config", &path, "--user", "nobody-at-all"];
    serve(&host, &nobody).fails(2, &["no user \"nobody-at-all\""]);
}

#[test]
fn settings_that_are_wrong() {
    as_root!("settings_that_are_wrong");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let file = host.file("bootjack.yaml");
    fs::write(&file, "mode: proxy\nhttp-prot: 80\n").unwrap();
    let path = file.display().to_string();
    let unknown = [":2:1: error", "http-prot", "http-port", &path];
    serve(&host, &["--config", &path]).fails(1, &unknown);
    serve(&host, &["--config", "/nope.yaml"]).fails(
        1,
        &[
            "/nope.yaml: error: cannot be read: it does not exist",
            "create it",
        ],
    );
    let user = "no user \"nobody-at-all\" on this host; create it or set `user` to another one";
    serve(&host, &["--user", "nobody-at-all"]).fails(2, &[user]);
    let state = ["cannot make the state folder /proc/nope", "set `state`"];
    serve(&host, &["--state", "/proc/nope"]).fails(1, &state);
}

#[test]
fn a_user_without_rights() {
    as_root!("a_user_without_rights");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let words = [
        "cannot bind UDP 67 on eth0: permission denied",
        "run it as root (sudo)",
        "CAP_NET_BIND_SERVICE",
    ];
    // Root by name, without a single capability: what a container may give.
    let bare = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    serve_by(&host, &bare, &[]).fails(1, &words);
    // A plain user, who must be able to reach the binary.
    open(lan.folder());
    let copy = host.file("binary");
    fs::copy(BOOTJACK, &copy).unwrap();
    let line = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    let mut command = host.command("setpriv");
    command
        .args(line)
        .arg(&copy)
        .args(["serve", "--profiles"])
        .arg(host.file("profiles"));
    let said: crate::run::Said = command.output().unwrap().into();
    said.fails(1, &words);
}
