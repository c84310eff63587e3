//! What each kind of client is told, field by field.

use std::net::Ipv4Addr;

use crate::lab::{HTTP, LEASED, Lab, US, at};
use crate::support::clients::{BootClient, Speaker};
use crate::support::dhcp_client::{ANSWER, Reply};
use crate::support::poll;

/// 43{6=8} and its end: boot this file, ask nobody else.
const BOOT_AT_ONCE: [u8; 4] = [6, 1, 8, 255];

/// client, its loader, whether the OFFER carries 43{6=8}, the codes of the OFFER in their order
type Row = (Speaker, String, bool, &'static [u8]);

fn rows() -> [Row; 6] {
    let script = |n: u8| format!("{HTTP}/boot/52-54-00-78-00-{n:02x}.ipxe");
    [
        (
            Speaker::Edk2,
            "snponly.efi".into(),
            false,
            &[53, 54, 60, 97],
        ),
        (
            Speaker::Edk2Http,
            format!("{HTTP}/assets/snponly.efi"),
            false,
            &[53, 54, 60, 97],
        ),
        (Speaker::IpxeRom, script(3), true, &[53, 54, 60, 97, 43]),
        (Speaker::Snponly, script(4), true, &[53, 54, 60, 97, 43]),
        (
            Speaker::Intel,
            "lpxelinux.0".into(),
            true,
            &[53, 54, 60, 97, 43],
        ),
        (Speaker::Bare, "lpxelinux.0".into(), true, &[53, 54, 60, 43]),
    ]
}

/// By broadcast, since the client has no address: the flag set also where it was not.
fn is_broadcast(reply: &Reply) {
    assert_eq!(reply.to, "255.255.255.255:68".parse().unwrap());
    assert_eq!(reply.to_mac, [255; 6]);
    assert_eq!(reply.bytes[10..12], [0x80, 0], "flags");
}

/// The same fields, as an independent decoder reads them.
fn decodes_the_same(reply: &Reply, client: &BootClient, loader: &str) {
    let message = reply.decoded();
    assert_eq!(message.xid(), client.xid);
    assert_eq!(message.chaddr(), client.mac);
    assert_eq!(
        (message.siaddr(), message.yiaddr()),
        (US, Ipv4Addr::UNSPECIFIED)
    );
    let file = message
        .fname()
        .map(String::from_utf8_lossy)
        .unwrap_or_default();
    assert_eq!(file.trim_end_matches('\0'), loader);
}

#[test]
fn every_client_is_offered_what_it_can_boot() {
    as_root!("every_client_is_offered_what_it_can_boot");
    let lab = Lab::new();
    for (number, (speaker, loader, at_once, codes)) in (1..).zip(rows()) {
        let client = BootClient::new(speaker, number);
        let offer = lab.offer(&client);
        is_broadcast(&offer);
        decodes_the_same(&offer, &client, &loader);
        assert_eq!(offer.file(), loader, "{speaker:?}");
        let pxe = offer.option(43);
        assert_eq!(pxe, at_once.then(|| BOOT_AT_ONCE.to_vec()), "{speaker:?}");
        let got: Vec<u8> = offer.options().iter().map(|(code, _)| *code).collect();
        assert_eq!(got, codes, "{speaker:?}");
    }
}

#[test]
fn at_4011_every_client_is_answered_where_it_asked_from() {
    as_root!("at_4011_every_client_is_answered_where_it_asked_from");
    let lab = Lab::new();
    lab.card.take(LEASED);
    for (number, (speaker, loader, ..)) in (1..).zip(rows()) {
        let client = BootClient::new(speaker, number);
        let request = client.proxy_request(LEASED, US);
        let ack = lab.ack(&request, at(LEASED, &client), US);
        assert_eq!(ack.file(), loader, "{speaker:?}");
        assert_eq!(
            ack.bytes[10..12],
            request.flags.to_be_bytes(),
            "flags as sent"
        );
        decodes_the_same(&ack, &client, &loader);
    }
}

#[test]
fn what_a_machine_did_is_told_in_order() {
    as_root!("what_a_machine_did_is_told_in_order");
    let lab = Lab::new();
    let client = BootClient::new(Speaker::Edk2, 1);
    // What is answered is told of afterwards, and each port has its own reader: a machine that is
    // quicker than both would be told of out of order.
    let is_told = |name: &str| lab.appliance.wait_for_event(ANSWER, |e| e["event"] == name);
    lab.offer(&client);
    is_told("answer");
    let dhcp = Ipv4Addr::new(10, 77, 0, 1);
    lab.card.broadcast(&client.lease_request(LEASED, dhcp));
    is_told("leased");
    lab.card.take(LEASED);
    lab.ack(&client.proxy_request(LEASED, US), at(LEASED, &client), US);
    let events = poll::until(ANSWER, || {
        let events = lab.appliance.timeline("52:54:00:78:00:01");
        (events.len() >= 5).then_some(events)
    });
    let events = events.expect("five events");
    let told: Vec<&str> = events.iter().filter_map(|e| e["event"].as_str()).collect();
    assert_eq!(told, ["discover", "answer", "leased", "request", "answer"]);
    assert_eq!(events[0]["interface"], "eth0");
    assert_eq!(events[1]["to"], "255.255.255.255:68");
    assert_eq!(events[2]["address"], "10.77.0.100");
    assert_eq!(events[4]["to"], "10.77.0.100:4011");
}

/// A client without option 57 takes 548 bytes, whatever the name; longer names than the header
/// holds do not exist, so every answer is far below.
#[test]
fn a_client_of_any_hardware_address_length_is_answered() {
    as_root!("a_client_of_any_hardware_address_length_is_answered");
    let lab = Lab::new();
    for (hlen, xid) in [(6, 1), (16, 3), (8, 4), (1, 5)] {
        let mut packet = BootClient::new(Speaker::Edk2, 9).discover();
        (packet.hlen, packet.xid) = (hlen, xid);
        packet.chaddr = std::array::from_fn(|n| n as u8 + 2);
        lab.card.broadcast(&packet);
        let reply = lab.card.answer(US, xid);
        crate::lab::never(&reply, &packet);
    }
}
