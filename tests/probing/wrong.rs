//! What stops a boot, made so on purpose: the words on the screen are those of the firmware.

use crate::lab::{files, probe, probe_as};
use crate::support::lan::{Host, Lan};
use crate::support::servers::Server;

const E55: &str = "PXE-E55: proxyDHCP service did not reply to request on port 4011.";

fn last_word(host: &Host, firmware: &str) -> String {
    let report = probe_as(host, firmware);
    report.fails();
    (*report.screen().last().expect("a word on the screen")).to_owned()
}

#[test]
fn nobody_answers() {
    as_root!("nobody answers");
    let lan = Lan::new();
    let pc = lan.client("pc");
    assert_eq!(
        last_word(&pc, "ipxe"),
        "No configuration methods succeeded (http://ipxe.org/040ee119)"
    );
    let bios = probe_as(&pc, "bios");
    assert_eq!(
        bios.screen(),
        ["PXE-E51: No DHCP or proxyDHCP offers were received."]
    );
    assert_eq!(bios.lease(), None);
    assert_eq!(bios.told("sent").len(), 4, "four DISCOVERs");
}

#[test]
fn a_dhcp_server_alone() {
    as_root!("a DHCP server alone");
    let lan = Lan::new();
    let _dhcp = Server::dnsmasq_without_ipv6(&lan.dhcp_host());
    let pc = lan.client("pc");
    assert_eq!(
        last_word(&pc, "bios"),
        "PXE-E53: No boot filename received."
    );
    assert_eq!(
        last_word(&pc, "ipxe"),
        "Nothing to boot: No such file or directory (http://ipxe.org/2d03e13b)"
    );
}

#[test]
fn option_60_and_nobody_on_4011() {
    as_root!("option 60 and nobody on 4011");
    let lan = Lan::new();
    let class = ["--dhcp-option=60,PXEClient"];
    let _dhcp = Server::dnsmasq_with(&lan.dhcp_host(), &class);
    let pc = lan.client("pc");
    assert_eq!(last_word(&pc, "bios"), E55);
    assert_eq!(
        last_word(&pc, "efi-x64"),
        "PXE-E16: No valid offer received."
    );
}

#[test]
fn a_loader_that_is_not_there() {
    as_root!("a loader that is not there");
    let lan = Lan::new();
    let host = lan.dhcp_host();
    let root = files(&host, &[("empty", b"")]);
    let root = format!("--tftp-root={}", root.display());
    let flags = ["--dhcp-boot=nothere.efi", "--enable-tftp", &root];
    let _dhcp = Server::dnsmasq_with(&host, &flags);
    let pc = lan.client("pc");
    assert_eq!(
        last_word(&pc, "efi-x64"),
        "PXE-E23: Client received TFTP error from server."
    );
    assert_eq!(
        last_word(&pc, "bios"),
        "PXE-E3B: TFTP Error - File Not Found"
    );
}

#[test]
fn what_is_wrong_with_the_command_is_said() {
    as_root!("a wrong command");
    let lan = Lan::new();
    let pc = lan.client("pc");
    for (args, why) in [
        (vec!["--as", "toaster"], "possible values: bios, bios-2.0"),
        (
            vec!["--as", "bios", "--interface", "eth7"],
            "cannot probe on \"eth7\": there is no such interface",
        ),
        (
            vec!["--as", "bios", "--interface", "lo"],
            "cannot probe on \"lo\": it is no Ethernet",
        ),
        (vec!["--as", "bios", "--choose", "0"], "0 is not in 1..=255"),
        (
            vec!["--as", "bios", "--choose", "99999"],
            "99999 is not in 1..=255",
        ),
        (vec!["--as", "bios", "--mac", "x"], "no MAC address"),
        (
            vec!["--as", "bios", "--mac", "ff:ff:ff:ff:ff:ff"],
            "it is no machine's",
        ),
    ] {
        let args = [&["probe"], &args[..]].concat();
        let output = pc.attempt(env!("CARGO_BIN_EXE_bootjack"), &args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(why), "{args:?}: {said}");
    }
    lan.plug(&pc, Lan::FIRST);
    let report = pc.attempt(env!("CARGO_BIN_EXE_bootjack"), &["probe", "--as", "bios"]);
    let said = String::from_utf8_lossy(&report.stderr).into_owned();
    assert!(
        said.contains("--interface where to probe: eth0, eth1"),
        "{said}"
    );
}

/// What is missing in the report may be the verdict.
#[test]
fn a_report_that_cannot_be_written_is_no_success() {
    as_root!("a report that cannot be written");
    let lan = Lan::new();
    let _dhcp = Server::dnsmasq_without_ipv6(&lan.dhcp_host());
    let _bootjack = crate::lab::setup(&lan.appliance_host()).start();
    let pc = lan.client("pc");
    let shell = |words: &str| {
        let command = format!("\"$0\" probe --as efi-x64 {words}");
        let output = pc.attempt("bash", &["-c", &command, env!("CARGO_BIN_EXE_bootjack")]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said)
    };
    let (code, said) = shell("> /dev/full");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("cannot write the report: No space"), "{said}");
    // A reader that has seen enough is none of that.
    let (code, said) = shell("| head -1; exit ${PIPESTATUS[0]}");
    assert_eq!((code, said.as_str()), (Some(0), ""));
}

/// Nothing at the other end of the cable: nothing could be tried.
#[test]
fn an_interface_without_a_link_is_not_judged() {
    as_root!("an interface without a link");
    let lan = Lan::new();
    let pc = lan.client("pc");
    pc.ip(&[
        "link", "add", "far0", "type", "veth", "peer", "name", "far1",
    ]);
    pc.ip(&["link", "set", "far0", "up"]);
    let args = ["probe", "--as", "bios", "--interface", "far0"];
    let output = pc.attempt(env!("CARGO_BIN_EXE_bootjack"), &args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("cannot probe on far0: no cable"), "{said}");
}

/// HTTP goes by this host's own address: without one nothing can be said.
#[test]
fn without_an_address_http_is_not_judged() {
    as_root!("HTTP without an address");
    let lan = Lan::new();
    let _dhcp = Server::dnsmasq_without_ipv6(&lan.dhcp_host());
    let _bootjack = crate::lab::setup(&lan.appliance_host()).start();
    let report = probe(&lan.client("pc"), &["--as", "http-x64"]);
    assert_eq!(report.code, 2);
    let why = report.verdict()["why"].as_str().unwrap();
    assert!(why.contains("eth0 has no IPv4 address"), "{why}");
}

/// A DHCP server that answers only those it knows, or a port that carries one MAC: no verdict.
#[test]
fn silence_for_strangers_alone_is_not_judged() {
    as_root!("silence for strangers");
    let lan = Lan::new();
    let pc = lan.client("pc");
    let own: Vec<String> = pc.mac("eth0").iter().map(|b| format!("{b:02x}")).collect();
    let known = format!("--dhcp-host={},10.77.0.150", own.join(":"));
    let flags = ["--dhcp-ignore=tag:!known", &known];
    let _dhcp = Server::dnsmasq_with(&lan.dhcp_host(), &flags);
    let report = probe_as(&pc, "ipxe");
    assert_eq!(report.code, 2);
    let why = report.verdict()["why"].as_str().unwrap();
    assert!(why.contains("answers this interface's own MAC"), "{why}");
}
