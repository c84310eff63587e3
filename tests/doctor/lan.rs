//! What DHCP servers and rivals do to a LAN: real dnsmasq, told to be wrong.

use std::collections::BTreeSet;

use crate::run::{doctor, examine};
use crate::support::appliance::Setup;
use crate::support::lan::{Host, Lan};
use crate::support::lease_clients::{LeaseClient, Program};
use crate::support::servers::{Proxy, Server};

/// A LAN with a DHCP server on another host.
fn served(flags: &[&str]) -> (Lan, Server, Host) {
    let lan = Lan::new();
    let server = Server::dnsmasq_with(&lan.dhcp_host(), flags);
    let host = lan.appliance_host();
    (lan, server, host)
}

#[test]
fn a_healthy_lan() {
    as_root!("a_healthy_lan");
    let (lan, server, host) = served(&["--dhcp-option=3,10.77.0.254"]);
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), [""; 0], "{:#}", report.data);
    assert_eq!(report.command(), "bootjack serve --mode proxy");
    let offer = &report.offers()[0];
    for (key, value) in [
        ("server", "10.77.0.1"),
        ("source", "10.77.0.1"),
        ("kind", "lease"),
        ("subnet_mask", "255.255.255.0"),
        ("router", "10.77.0.254"),
    ] {
        assert_eq!(offer[key], value, "{key} in {offer:#}");
    }
    assert_eq!(offer["lease_seconds"], 3600);
    let asked: BTreeSet<&str> = report
        .offers()
        .iter()
        .map(|o| o["asked_as"].as_str().unwrap())
        .collect();
    assert_eq!(asked, BTreeSet::from(["plain", "bios", "uefi", "http"]));
    // A DISCOVER takes no lease.
    let mac = host.mac("eth0").map(|b| format!("{b:02x}")).join(":");
    assert_eq!(server.lease_of(&mac), None);

    let (code, words, err) = doctor(&host, &["--interface", "eth0", "--http-port", "8080"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{words}");
    let pool = "offers 10.77.0.1";
    for part in [
        "\neth0 10.77.0.2/24\n",
        pool,
        " to every machine, after ",
        "\nUDP 67, 69 and 4011 and TCP 8080 are free\n",
        "\nRun: bootjack serve --mode proxy --interface eth0 --http-port 8080\n",
    ] {
        assert!(words.contains(part), "{part:?} is not in\n{words}");
    }
    let verdict = "Verdict: all is well: 10.77.0.1 on the LAN gives out addresses on eth0; bootjack \
                   adds what machines boot (mode proxy).";
    assert_eq!(words.lines().next(), Some(verdict));
    drop(lan);
}

#[test]
fn no_dhcp_server() {
    as_root!("no_dhcp_server");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), ["no-dhcp-server"]);
    assert_eq!(report.command(), "bootjack serve --mode dhcp");
}

/// What it says is enough: written down and run as it stands, it gives a machine an address.
#[test]
fn what_it_says_for_a_lan_without_a_dhcp_server_serves() {
    as_root!("what_it_says_for_a_lan_without_a_dhcp_server_serves");
    let lan = Lan::new();
    let host = lan.appliance_host();
    host.ip(&["route", "add", "default", "via", "10.77.0.9"]);
    let report = examine(&host, &[]);
    let (whose, text) = report.config();
    assert_eq!(whose, "bootjack, /etc/bootjack/bootjack.yaml");
    assert_eq!(report.command(), "bootjack serve --mode dhcp");
    let _appliance = Setup::new(&host, env!("CARGO_BIN_EXE_bootjack"))
        .config(text)
        .flag("--mode=dhcp")
        .start();
    let pc = lan.client("pc");
    let lease = LeaseClient::new(Program::Udhcpc, &pc).get();
    assert!(
        lease.address.to_string().starts_with("10.77.0.1"),
        "{lease:?}"
    );
    assert_eq!(
        lease.routers,
        ["10.77.0.9".parse::<std::net::Ipv4Addr>().unwrap()]
    );
}

/// A file that says another mode: the line for it is marked.
#[test]
fn what_was_given_is_in_what_is_to_be_run() {
    as_root!("what_was_given_is_in_what_is_to_be_run");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let file = host.file("my config.yaml");
    std::fs::write(&file, "mode: proxy\n").unwrap();
    let file = file.to_str().unwrap();
    let report = examine(&host, &["--config", file, "--interface", "eth0"]);
    let command = format!("bootjack serve --mode dhcp --interface eth0 --config '{file}'");
    assert_eq!(report.command(), command);
    let (whose, text) = report.config();
    assert_eq!(whose, format!("bootjack, {file}"));
    assert!(
        text.starts_with("mode: dhcp      # in place of `mode: proxy`\n"),
        "{text}"
    );
}

#[test]
fn several_dhcp_servers() {
    as_root!("several_dhcp_servers");
    let (lan, _server, host) = served(&[]);
    let _second = Server::dnsmasq_without_ipv6(&lan.host("second", "10.77.0.9/24"));
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), ["several-dhcp-servers"]);
    let what = report.what("several-dhcp-servers");
    assert!(
        what.contains("10.77.0.1 (") && what.contains("10.77.0.9 ("),
        "{what}"
    );
}

#[test]
fn class_pxeclient_from_another_host() {
    as_root!("class_pxeclient_from_another_host");
    let (_lan, _server, host) = served(&["--dhcp-option-force=60,PXEClient"]);
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), ["class-pxeclient"]);
    let (code, words, _) = doctor(&host, &[]);
    assert_eq!(code, Some(1));
    assert!(
        words.starts_with("Verdict: 1 error: 10.77.0.1 on the LAN "),
        "{words}"
    );
    let then = "\nOnce the above is mended: bootjack serve --mode proxy\n";
    assert!(
        words.contains(then) && !words.contains("\nRun: "),
        "{words}"
    );
    let what = report.what("class-pxeclient");
    assert!(
        what.starts_with("10.77.0.1 (") && what.ends_with("(told to BIOS, UEFI)"),
        "{what}"
    );
    assert_eq!(report.offers()[1]["vendor_class"], "PXEClient");
}

#[test]
fn class_httpclient_without_a_uri() {
    as_root!("class_httpclient_without_a_uri");
    let (_lan, _server, host) = served(&["--dhcp-option-force=60,HTTPClient"]);
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), ["class-httpclient"]);
}

#[test]
fn boot_files_of_the_dhcp_server() {
    as_root!("boot_files_of_the_dhcp_server");
    let (_lan, _server, host) = served(&["--dhcp-boot=pxelinux.0,old,10.77.0.33"]);
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), ["boot-file"]);
    let what = report.what("boot-file");
    assert!(
        what.contains("names the boot file \"pxelinux.0\" on 10.77.0.33"),
        "{what}"
    );
    let (_lan, _server, host) = served(&["--dhcp-boot=pxelinux.0,us,10.77.0.2"]);
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), [""; 0], "it points to us");
    report.what("boot-file");
}

#[test]
fn pxe_data_in_the_lease() {
    as_root!("pxe_data_in_the_lease");
    let flags = ["--pxe-service=x86PC,boot,pxelinux", "--dhcp-boot=x"];
    let (_lan, _server, host) = served(&flags);
    let report = examine(&host, &[]);
    assert!(
        report.codes().contains(&"pxe-in-lease"),
        "{:#}",
        report.data
    );
}

#[test]
fn vendor_options_that_spoil() {
    as_root!("vendor_options_that_spoil");
    let flags = [
        "--dhcp-option-force=60,PXEClient",
        "--dhcp-option-force=43,06:01:00",
    ];
    let (_lan, _server, host) = served(&flags);
    let report = examine(&host, &[]);
    assert!(
        report.codes().contains(&"vendor-options"),
        "{:#}",
        report.data
    );
    assert_eq!(report.offers()[1]["pxe"][0]["tag"], 6);
}

#[test]
fn ipxe_is_told_not_to_wait() {
    as_root!("ipxe_is_told_not_to_wait");
    let (_lan, _server, host) = served(&["--dhcp-option-force=175,b0:01:01"]);
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), ["ipxe-no-proxy"]);
}

#[test]
fn boot_clients_are_left_out() {
    as_root!("boot_clients_are_left_out");
    let flags = [
        "--dhcp-vendorclass=set:pxe,PXEClient",
        "--dhcp-ignore=tag:pxe",
    ];
    let (_lan, _server, host) = served(&flags);
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), ["boot-clients-ignored"]);
    let what = report.what("boot-clients-ignored");
    assert!(what.ends_with("BIOS, UEFI not"), "{what}");
}

#[test]
fn a_rival_proxy() {
    as_root!("a_rival_proxy");
    let (lan, _server, host) = served(&[]);
    let rival = lan.host("rival", "10.77.0.8/24");
    let root = lan.folder().join("rival");
    std::fs::create_dir(&root).unwrap();
    let _rival = Proxy::dnsmasq(&rival, &root, &[("x86PC", "a.0"), ("X86-64_EFI", "a.efi")]);
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), ["rival-proxy"], "{:#}", report.data);
    assert!(report.what("rival-proxy").contains("10.77.0.8 ("));
    let proxy = report
        .offers()
        .iter()
        .find(|o| o["kind"] == "proxy")
        .unwrap();
    assert_eq!(
        (&proxy["ours"], &proxy["vendor_class"]),
        (&false.into(), &"PXEClient".into())
    );
}

#[test]
fn a_slow_first_answer() {
    as_root!("a_slow_first_answer");
    let (_lan, _server, host) = served(&["--dhcp-reply-delay=5"]);
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), ["slow-first-answer"], "{:#}", report.data);
}

/// dnsmasq as it is by itself pings an address before it offers it: said, but no finding.
#[test]
fn a_server_that_pings_first() {
    as_root!("a_server_that_pings_first");
    let lan = Lan::new();
    let far = lan.dhcp_host();
    let mut command = far.command("dnsmasq");
    let leases = far.file("leases").display().to_string();
    command
        .args([
            "--no-daemon",
            "--conf-file=/dev/null",
            "--pid-file=",
            "--user=root",
            "--port=0",
        ])
        .args([
            "--log-facility=-",
            "--dhcp-range=10.77.0.100,10.77.0.199,255.255.255.0,1h",
        ])
        .arg(format!("--dhcp-leasefile={leases}"));
    let mut process = far.start("dnsmasq", command);
    process.wait_for_line(std::time::Duration::from_secs(20), |l| {
        l.contains("DHCP, IP range")
    });
    let report = examine(&lan.appliance_host(), &[]);
    assert_eq!(report.codes(), [""; 0], "{:#}", report.data);
    report.what("slow-first-answer");
    assert_eq!(report.offers().len(), 4, "{:#}", report.data);
}

#[test]
fn an_address_from_nowhere() {
    as_root!("an_address_from_nowhere");
    let lan = Lan::new();
    let router = lan.host("router", "192.168.1.1/24");
    // dnsmasq chooses by the MAC, so it may be any of these.
    let _server = Server::dnsmasq_with(&router, &["--dhcp-range=192.168.1.50,192.168.1.59"]);
    let host = lan.appliance_host();
    let report = examine(&host, &[]);
    assert_eq!(report.codes(), ["address-from-nowhere"]);
    let what = report.what("address-from-nowhere");
    assert!(
        what.contains("offers 192.168.1.5") && what.contains("has 10.77.0.0/24"),
        "{what}"
    );
}

#[test]
fn spanning_tree_on_the_port() {
    as_root!("spanning_tree_on_the_port");
    let (lan, _server, host) = served(&[]);
    let speak = [
        "link",
        "set",
        "br0",
        "type",
        "bridge",
        "stp_state",
        "1",
        "forward_delay",
        "1500",
    ];
    assert!(lan.command("ip").args(speak).status().unwrap().success());
    let report = examine(&host, &[]);
    let what = report.what("spanning-tree");
    assert!(what.ends_with("forward delay 15 s"), "{what}");
}
