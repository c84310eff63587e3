//! Many interfaces, interfaces that go away while they are asked, and those that are left out.

use std::time::Duration;

use crate::run::{doctor, examine};
use crate::support::lan::{Host, Lan};
use crate::support::servers::Server;

/// A cable from the host to itself, with an address at this end.
fn cable(host: &Host, name: &str, cidr: &str) {
    let peer = format!("{name}x");
    host.ip(&["link", "add", name, "type", "veth", "peer", "name", &peer]);
    host.address(name, cidr);
    for end in [name, &peer] {
        host.ip(&["link", "set", end, "up"]);
    }
}

/// Takes interfaces away once doctor has begun to ask: it sends its second question after a second.
fn examined_while<T>(host: &Host, removed: &[&str], examine: impl FnOnce() -> T) -> T {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let asked = || {
                host.run("ss", &["-0", "-a"])
                    .lines()
                    .any(|l| l.contains(removed[0]))
            };
            crate::support::poll::expect("it is asked", Duration::from_secs(60), asked);
            for name in removed {
                host.ip(&["link", "del", name]);
            }
        });
        examine()
    })
}

#[test]
fn one_that_vanishes_ends_nothing_else() {
    as_root!("one_that_vanishes_ends_nothing_else");
    let lan = Lan::new();
    let _server = Server::dnsmasq(&lan.dhcp_host());
    let host = lan.appliance_host();
    cable(&host, "usb0", "10.9.0.1/24");
    let report = examined_while(&host, &["usb0"], || examine(&host, &[]));
    assert_eq!(report.codes(), ["interface-lost"], "{:#}", report.data);
    assert_eq!(report.what("interface-lost"), "vanished while it was asked");
    assert_eq!(report.command(), "bootjack serve --mode proxy");
    assert_eq!(report.offers().len(), 4, "{:#}", report.data);
}

#[test]
fn where_all_vanish_nothing_was_asked() {
    as_root!("where_all_vanish_nothing_was_asked");
    let lan = Lan::new();
    let host = lan.client("boot");
    cable(&host, "usb0", "10.9.0.1/24");
    let (code, words, err) = examined_while(&host, &["usb0"], || doctor(&host, &[]));
    assert_eq!((code, err.as_str()), (Some(2), ""), "{words}");
    assert!(
        words.contains("interface-lost on usb0: vanished while it was asked"),
        "{words}"
    );
}

#[test]
fn wrong_settings_are_told_from_findings() {
    as_root!("wrong_settings_are_told_from_findings");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let file = host.file("b.yaml");
    std::fs::write(&file, "mode: [").unwrap();
    for args in [
        ["--config", file.to_str().unwrap()],
        ["--config", "/nowhere/b.yaml"],
    ] {
        let (code, out, err) = doctor(&host, &args);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{args:?}: {err}");
        assert!(!err.is_empty());
    }
    let (_, help, _) = doctor(&host, &["--help"]);
    assert!(help.contains("Exit status: 0 where"), "{help}");
}

#[test]
fn what_is_the_same_on_many_is_said_once() {
    as_root!("what_is_the_same_on_many_is_said_once");
    let lan = Lan::new();
    let host = lan.appliance_host();
    for n in 0..40 {
        cable(&host, &format!("w{n}"), &format!("10.9.{n}.1/24"));
    }
    let (code, words, _) = doctor(&host, &[]);
    assert_eq!(code, Some(1), "{words}");
    let told = "warning no-dhcp-server on eth0, w0 and 39 more: nobody offers an address\n";
    assert_eq!(words.matches(told).count(), 1, "{words}");
    assert_eq!(words.matches("no-dhcp-server").count(), 1, "{words}");
    assert!(words.lines().count() < 80, "{words}");
    let report = examine(&host, &["--interface", "w0", "--interface", "w1"]);
    assert_eq!(report.findings().len(), 2, "{:#}", report.data);
}

#[test]
fn those_inside_this_host_are_left_out_unless_named() {
    as_root!("those_inside_this_host_are_left_out_unless_named");
    let lan = Lan::new();
    let host = lan.appliance_host();
    cable(&host, "docker0", "10.9.1.1/24");
    cable(&host, "vethab12", "10.9.2.1/24");
    host.ip(&["link", "add", "br-0123456789ab", "type", "bridge"]);
    host.address("br-0123456789ab", "10.9.3.1/24");
    host.ip(&["link", "set", "br-0123456789ab", "up"]);
    let report = examine(&host, &[]);
    let all = report.data["interfaces"].as_array().unwrap();
    let asked: Vec<_> = all.iter().filter(|l| l["state"] == "up").collect();
    assert_eq!(asked.len(), 1, "{:#}", report.data);
    assert!(!report.config().1.contains("10.9.1.0"), "{:#}", report.data);
    let (_, words, _) = doctor(&host, &[]);
    let left_out = "\nleft out: br-0123456789ab, docker0 and 3 more (of containers";
    assert!(words.contains(left_out), "{words}");
    let report = examine(&host, &["--interface", "docker0"]);
    assert_eq!(report.data["interfaces"][0]["name"], "docker0");
    assert!(report.config().1.contains("10.9.1.0"), "{:#}", report.data);
    let expected = "bootjack serve --mode dhcp --interface docker0";
    assert_eq!(report.command(), expected);
}
