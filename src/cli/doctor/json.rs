//! The report as data.

use serde_json::{Map, Value, json};

use crate::doctor::offer::text;
use crate::doctor::{Diagnosis, Link, Observed, Offer};
use crate::wire::dhcp::code;
use crate::wire::hex;

pub(super) fn report(observed: &Observed, diagnosis: &Diagnosis) -> Value {
    let links: Vec<Value> = observed.links.iter().map(|l| link(observed, l)).collect();
    json!({
        "healthy": diagnosis.healthy(),
        "interfaces": links,
        "left_out": observed.left_out,
        "ports_taken": observed.held,
        "findings": diagnosis.findings,
        "verdict": diagnosis.verdict,
    })
}

fn link(observed: &Observed, link: &Link) -> Value {
    let offers: Vec<Value> = link
        .offers
        .iter()
        .map(|o| offer(observed, link, o))
        .collect();
    let unreadable = link.unreadable.iter().map(|bad| {
        json!({
            "asked_as": bad.flavour,
            "source": bad.source,
            "bytes": bad.length,
            "why": bad.why,
        })
    });
    json!({
        "name": link.name,
        "state": link.state,
        "mac": link.mac,
        "addresses": link.nets.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "offers": offers,
        "unreadable": unreadable.collect::<Vec<_>>(),
        "relayed": link.relayed.iter().map(|r| json!({ "server": r.server, "answered": r.answered })).collect::<Vec<_>>(),
        "outlooks": outlooks(link),
        "spanning_tree_forward_delay_seconds": link.spanning_tree.map(|t| t.forward_delay.as_secs()),
    })
}

/// How far each firmware comes by these offers.
fn outlooks(link: &Link) -> Vec<Value> {
    let outlooks = link.outlooks().map(|(flavour, outlook)| {
        json!({ "as": flavour, "goes_on": outlook.goes_on(), "how": outlook.to_string() })
    });
    outlooks.collect()
}

fn offer(observed: &Observed, link: &Link, offer: &Offer) -> Value {
    let message = &offer.message;
    let seconds = offer
        .option(code::LEASE_TIME)
        .and_then(|v| v.try_into().ok());
    json!({
        "asked_as": offer.flavour,
        "kind": kind(observed, link, offer),
        "ours": observed.is_ours(link, offer),
        "server": offer.server(),
        "source": offer.source,
        "source_mac": offer.source_mac,
        "after_ms": u64::try_from(offer.after.as_millis()).unwrap_or(u64::MAX),
        "bytes": offer.length,
        "address": message.yiaddr,
        "subnet_mask": message.address(code::SUBNET_MASK),
        "router": offer.option(code::ROUTER).and_then(|v| v.first_chunk::<4>()).map(|a| std::net::Ipv4Addr::from(*a)),
        "lease_seconds": seconds.map(u32::from_be_bytes),
        "siaddr": message.siaddr,
        "sname": text(&message.sname),
        "file": text(&message.file),
        "vendor_class": offer.option(code::VENDOR_CLASS).and_then(text),
        "tftp_server": offer.option(code::TFTP_SERVER).and_then(text),
        "boot_file": offer.option(code::BOOT_FILE).and_then(text),
        "pxe": offer.vendor().into_iter().map(|(tag, value)| json!({ "tag": tag, "hex": hex(value) })).collect::<Vec<_>>(),
        "options": options(offer),
    })
}

/// What it gives: boot data, an address, or both, of which the address is another server's.
fn kind(observed: &Observed, link: &Link, offer: &Offer) -> &'static str {
    if offer.is_proxy() {
        "proxy"
    } else if observed.hands_on(link, offer) {
        "handed-on"
    } else {
        "lease"
    }
}

/// Every option by its number, in hex.
fn options(offer: &Offer) -> Map<String, Value> {
    let all = offer.message.options.iter();
    all.map(|(code, value)| (code.to_string(), Value::from(hex(value))))
        .collect()
}
