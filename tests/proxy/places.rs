//! Several interfaces, several addresses: an answer leaves from the address that was asked, out of
//! the interface the question came in by, and interfaces not served are left alone.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::lab::{EVERYONE, LEASED, Lab, US, ack, at, offer, setup};
use crate::support::appliance::Setup;
use crate::support::clients::{BootClient, Speaker};
use crate::support::dhcp_client::{ANSWER, DhcpClient, Reply};
use crate::support::lan::{Host, Lan, Segment};
use crate::support::poll;
use crate::support::process::Process;

const SECOND: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 2);
const FAR: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 100);

/// A LAN of two segments and a host in both: 10.77.0.2 and 10.78.0.2.
fn two_segments() -> (Lan, Segment, Host) {
    let lan = Lan::new();
    let segment = lan.segment();
    let host = lan.appliance_host();
    let interface = lan.plug(&host, segment);
    host.address(&interface, "10.78.0.2/24");
    (lan, segment, host)
}

/// Its TFTP answers there too: the loader's bytes come back.
fn fetches(pc: &Host, server: Ipv4Addr) {
    let url = format!("tftp://{server}/lpxelinux.0");
    let output = pc.attempt(
        "curl",
        &[
            "-sS",
            "-f",
            "--max-time",
            "20",
            "-o",
            "/dev/null",
            "-w",
            "%{size_download}",
            &url,
        ],
    );
    let size = String::from_utf8_lossy(&output.stdout).parse::<u64>();
    assert!(
        output.status.success() && size.is_ok_and(|s| s > 50_000),
        "{url}: {output:?}"
    );
}

#[test]
fn each_segment_is_answered_from_its_own_address() {
    as_root!("each_segment_is_answered_from_its_own_address");
    let (lan, segment, host) = two_segments();
    let mut lab = Lab::on(lan, setup(&host).profile("p.yaml", EVERYONE));
    let ready = lab.appliance.ready_line();
    assert!(
        ready.contains("eth0 10.77.0.2") && ready.contains("eth1 10.78.0.2"),
        "{ready}"
    );
    let far_host = lab.lan.client_on("far", segment);
    let far = DhcpClient::new(&far_host);
    let (near_pc, far_pc) = (
        BootClient::new(Speaker::IpxeRom, 1),
        BootClient::new(Speaker::IpxeRom, 2),
    );

    let script = |address, number: u8| {
        format!("http://{address}:8067/boot/52-54-00-78-00-{number:02x}.ipxe")
    };
    assert_eq!(lab.offer(&near_pc).file(), script(US, 1));
    assert_eq!(offer(&far, &far_pc, SECOND).file(), script(SECOND, 2));

    // What was said on the other segment was not heard on this one.
    lab.card.broadcast(&near_pc.discover());
    let heard = lab.card.heard_until(|reply| *reply.from.ip() == US);
    assert!(heard.is_empty(), "{heard:?}");

    lab.card.take(LEASED);
    far_host.address("eth0", &format!("{FAR}/24"));
    let (a, b) = (
        near_pc.proxy_request(LEASED, US),
        far_pc.proxy_request(FAR, SECOND),
    );
    lab.ack(&a, at(LEASED, &near_pc), US);
    ack(&far, &b, at(FAR, &far_pc), SECOND);
    fetches(&lab.pc, US);
    fetches(&far_host, SECOND);
}

#[test]
fn a_second_address_of_one_interface_answers_for_itself() {
    as_root!("a_second_address_of_one_interface_answers_for_itself");
    let lan = Lan::new();
    let host = lan.appliance_host();
    host.address("eth0", "10.77.0.3/24");
    host.address("eth0", "10.99.0.2/24");
    let lab = Lab::on(lan, setup(&host).profile("p.yaml", EVERYONE));
    let client = BootClient::new(Speaker::Edk2, 1);
    lab.offer(&client);

    lab.card.take(LEASED);
    let away = Ipv4Addr::new(10, 99, 0, 100);
    lab.card.take(away);
    for (mine, server) in [
        (LEASED, [10, 77, 0, 3]),
        (LEASED, [10, 77, 0, 2]),
        (away, [10, 99, 0, 2]),
    ] {
        let server = Ipv4Addr::from(server);
        let request = client.proxy_request(mine, server);
        lab.ack(&request, at(mine, &client), server);
    }
    for last in [[10, 77, 0, 3], [10, 99, 0, 2]] {
        fetches(&lab.pc, Ipv4Addr::from(last));
    }
}

/// Somebody else's DHCP server on another interface of the same host.
fn dnsmasq_on(host: &Host, interface: &str) -> Process {
    let mut command = host.command("dnsmasq");
    let leases = host.file("other-leases");
    command
        .args([
            "--no-daemon",
            "--conf-file=/dev/null",
            "--pid-file=",
            "--user=root",
            "--port=0",
        ])
        .args([
            "--bind-interfaces",
            "--log-dhcp",
            "--log-facility=-",
            "--no-ping",
        ])
        .arg(format!("--interface={interface}"))
        .arg(format!("--dhcp-leasefile={}", leases.display()))
        .arg("--dhcp-range=10.78.0.100,10.78.0.199,255.255.255.0,1h");
    let mut process = host.start("dnsmasq", command);
    process.wait_for_line(std::time::Duration::from_secs(20), |l| {
        l.contains("DHCP, IP range")
    });
    process
}

/// An address that goes takes its answers with it: the other interface's is no stand-in. A new one
/// is in force at once.
#[test]
fn addresses_that_come_and_go_while_it_runs() {
    as_root!("addresses_that_come_and_go_while_it_runs");
    let (lan, segment, host) = two_segments();
    let lab = Lab::on(lan, setup(&host).profile("p.yaml", EVERYONE));
    let far = DhcpClient::new(&lab.lan.client_on("far", segment));
    let (here, there) = (
        BootClient::new(Speaker::Edk2, 1),
        BootClient::new(Speaker::Edk2, 2),
    );
    host.ip(&["addr", "del", "10.77.0.2/24", "dev", "eth0"]);
    lab.card.broadcast(&here.discover());
    offer(&far, &there, SECOND);
    let unanswered = |e: &serde_json::Value| e["reason"] == "unreachable";
    let event = lab.appliance.wait_for_event(ANSWER, unanswered);
    let detail = event["detail"].as_str().unwrap();
    assert!(
        detail.contains("eth0: it has no IPv4 address any more"),
        "{detail}"
    );
    let new = Ipv4Addr::new(10, 77, 0, 5);
    host.address("eth0", "10.77.0.5/24");
    // The system is asked for addresses once a second; a client asks again.
    poll::expect("an offer from the new address", ANSWER, || {
        lab.card.broadcast(&here.discover());
        let heard = lab.card.hear(Duration::from_secs(1), |_| true);
        heard.is_some_and(|reply| *reply.from.ip() == new)
    });
    offer(&lab.card, &here, new);
}

fn named(host: &Host) -> Setup {
    let setup = setup(host).flag("--interface=eth0");
    setup.profile("p.yaml", EVERYONE)
}

#[test]
fn with_one_interface_named_the_others_are_left_to_other_servers() {
    as_root!("with_one_interface_named_the_others_are_left_to_other_servers");
    let (lan, segment, host) = two_segments();
    // Whichever starts first.
    drop((dnsmasq_on(&host, "eth1"), named(&host).start()));
    let mut lab = Lab::on(lan, named(&host));
    assert!(!lab.appliance.ready_line().contains("eth1"));
    let _other = dnsmasq_on(&host, "eth1");
    let far = DhcpClient::new(&lab.lan.client_on("far", segment));

    let client = BootClient::new(Speaker::Intel, 1);
    let lease = |reply: &Reply| !reply.yiaddr().is_unspecified();
    far.broadcast(&client.discover());
    assert!(far.hear(ANSWER, lease).is_some());
    far.broadcast(&client.discover());
    let heard = far.heard_until(lease);
    assert!(
        heard.is_empty(),
        "only the other server speaks there: {heard:?}"
    );
    // Here bootjack answers, and the other server does not.
    lab.offer(&client);
    lab.card.broadcast(&client.discover());
    let heard = lab.card.heard_until(|reply| *reply.from.ip() == US);
    assert!(heard.is_empty(), "{heard:?}");

    let there = lab
        .appliance
        .events()
        .into_iter()
        .find(|e| e["interface"] == "eth1");
    assert_eq!(there, None);
}
