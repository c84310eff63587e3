//! What was seen, in plain words: who answers on each interface, and who holds the ports.

use std::fmt::{Result, Write as _};
use std::net::Ipv4Addr;

use super::words::printable;
use crate::doctor::offer::text;
use crate::doctor::{Held, Link, Observed, Offer, State, listed, offers};
use crate::firmware::sample::Flavour;
use crate::wire::dhcp::code;
use crate::wire::hex;
use crate::yaml::counted;

/// Interfaces with answers, and answers of one, that are shown.
const SHOWN: usize = 8;

pub(super) fn write(observed: &Observed, out: &mut String) -> Result {
    writeln!(out, "Seen:")?;
    let silent = |l: &&Link| l.offers.is_empty() && l.unreadable.is_empty();
    let (silent, answered): (Vec<&Link>, Vec<&Link>) = observed.asked().partition(silent);
    for link in answered.iter().take(SHOWN) {
        interface(observed, link, out)?;
    }
    more(answered.len(), "interfaces with answers", out)?;
    if !silent.is_empty() {
        writeln!(out, "nobody answers on {}", names(&silent))?;
    }
    not_asked(observed, out)?;
    ports(observed, out)
}

fn names(links: &[&Link]) -> String {
    listed(links.iter().map(|link| link.name.as_str()))
}

fn more(all: usize, what: &str, out: &mut String) -> Result {
    match all.checked_sub(SHOWN) {
        None | Some(0) => Ok(()),
        Some(more) => writeln!(out, "  and {more} more {what} (--json has them)"),
    }
}

fn not_asked(observed: &Observed, out: &mut String) -> Result {
    let all = [
        State::Down,
        State::NoCarrier,
        State::NoAddress,
        State::WentDown,
        State::Gone,
    ];
    for state in all {
        let links = observed.links.iter().filter(|l| l.state == state);
        let links: Vec<&Link> = links.collect();
        if !links.is_empty() {
            writeln!(out, "not asked: {} ({state})", names(&links))?;
        }
    }
    if !observed.left_out.is_empty() {
        writeln!(
            out,
            "left out: {} (of containers or virtual machines; `--interface` asks and serves them)",
            listed(observed.left_out.iter())
        )?;
    }
    Ok(())
}

fn interface(observed: &Observed, link: &Link, out: &mut String) -> Result {
    let nets: Vec<String> = link.nets.iter().map(ToString::to_string).collect();
    writeln!(out, "{} {}", link.name, nets.join(" "))?;
    let groups = groups(observed, link);
    for alike in groups.iter().take(SHOWN) {
        offer(observed, link, alike, out)?;
    }
    more(groups.len(), "answers", out)?;
    for bad in link.unreadable.iter().take(SHOWN) {
        let (who, length, why) = (bad.source, bad.length, printable(&bad.why));
        writeln!(
            out,
            "  {who} sends {} that cannot be read: {why}",
            counted(length, "byte")
        )?;
    }
    more(link.unreadable.len(), "such answers", out)?;
    for (flavour, outlook) in link.outlooks() {
        let outlook = printable(&outlook.to_string());
        writeln!(out, "  as it is, {} {outlook}", flavour.name())?;
    }
    Ok(())
}

/// Offers that differ in nothing but whom they were for. Bootjack's own boot data are its matter.
fn groups<'l>(observed: &Observed, link: &'l Link) -> Vec<Vec<&'l Offer>> {
    let mut groups: Vec<Vec<&Offer>> = Vec::new();
    let ours = |o: &Offer| observed.is_ours(link, o);
    let alike = |a: &Offer, b: &Offer| {
        let who = |o: &Offer| (o.source, o.who(), o.message.yiaddr, ours(o));
        who(a) == who(b) && (ours(a) || boot_data(a) == boot_data(b))
    };
    for offer in &link.offers {
        let same = |group: &&mut Vec<&Offer>| group.first().is_some_and(|o| alike(o, offer));
        match groups.iter_mut().find(same) {
            Some(group) => group.push(offer),
            None => groups.push(vec![offer]),
        }
    }
    groups
}

fn offer(observed: &Observed, link: &Link, alike: &[&Offer], out: &mut String) -> Result {
    let Some(first) = alike.iter().min_by_key(|o| o.after) else {
        return Ok(());
    };
    let ours = observed.is_ours(link, first);
    let who = if ours {
        format!("{} (bootjack on this host)", first.server())
    } else {
        first.who()
    };
    let handed = observed.hands_on(link, first);
    let (offered, after) = (
        offered(first, handed.then_some(link)),
        first.after.as_millis(),
    );
    writeln!(
        out,
        "  {who} offers {offered} to {}, after {after} ms",
        machines(alike)
    )?;
    for line in boot_data(first).iter().filter(|_| !ours) {
        writeln!(out, "    {line}")?;
    }
    Ok(())
}

fn machines(alike: &[&Offer]) -> String {
    let told: Vec<Flavour> = alike.iter().map(|o| o.flavour).collect();
    if Flavour::ALL.iter().all(|f| told.contains(f)) {
        "every machine".to_owned()
    } else {
        offers::names(&told)
    }
}

/// `handed`: where it hands on the address.
fn offered(offer: &Offer, handed: Option<&Link>) -> String {
    if offer.is_proxy() {
        return "boot data".to_owned();
    }
    if let Some(link) = handed {
        let of = link.true_server(offer);
        let of = of.map_or_else(String::new, |server| format!(" of {server}"));
        let address = offer.message.yiaddr;
        return format!("boot data with the lease {address}{of}");
    }
    let message = &offer.message;
    let mut words = message.yiaddr.to_string();
    if let Some(mask) = message.address(code::SUBNET_MASK) {
        let _ = write!(words, " mask {mask}");
    }
    let router = offer
        .option(code::ROUTER)
        .and_then(|v| v.first_chunk::<4>());
    if let Some(router) = router {
        let _ = write!(words, " router {}", Ipv4Addr::from(*router));
    }
    let lease = offer
        .option(code::LEASE_TIME)
        .and_then(|v| v.try_into().ok());
    if let Some(seconds) = lease.map(u32::from_be_bytes) {
        let _ = write!(words, " for {seconds} s");
    }
    words
}

/// What says something about booting, one line each.
fn boot_data(offer: &Offer) -> Vec<String> {
    let message = &offer.message;
    let mut lines = Vec::new();
    if ![Ipv4Addr::UNSPECIFIED, offer.server()].contains(&message.siaddr) {
        lines.push(format!("next server (siaddr) {}", message.siaddr));
    }
    for (name, field) in [("server name", &message.sname[..]), ("file", &message.file)] {
        lines.extend(text(field).map(|text| format!("{name} {text:?}")));
    }
    for (code, name) in [
        (code::VENDOR_CLASS, "vendor class"),
        (code::TFTP_SERVER, "TFTP server"),
        (code::BOOT_FILE, "boot file"),
    ] {
        let told = offer.option(code).and_then(text);
        lines.extend(told.map(|text| format!("option {code} ({name}) {text:?}")));
    }
    for (code, name) in [
        (code::VENDOR_SPECIFIC, "vendor options"),
        (code::OVERLOAD, "overload"),
        (code::ETHERBOOT, "iPXE"),
    ] {
        let told = offer.option(code);
        lines.extend(told.map(|value| format!("option {code} ({name}) {}", hex(value))));
    }
    lines
}

/// Each port and holder once, with the interfaces it is held on; all of a running bootjack in one.
fn ports(observed: &Observed, out: &mut String) -> Result {
    let mut seen: Vec<(String, Vec<&str>)> = Vec::new();
    for held in &observed.held {
        let what = holding(held);
        match seen.iter_mut().find(|(known, _)| *known == what) {
            Some((_, on)) if on.contains(&held.interface.as_str()) => {}
            Some((_, on)) => on.push(&held.interface),
            None => seen.push((what, vec![&held.interface])),
        }
    }
    for (what, on) in &seen {
        writeln!(out, "{} on {}", printable(what), listed(on.iter()))?;
    }
    if seen.is_empty() && observed.asked().next().is_some() {
        let web: Vec<String> = observed.web_ports().map(|port| port.to_string()).collect();
        let web = web.join(" and ");
        writeln!(out, "UDP 67, 69 and 4011 and TCP {web} are free")?;
    }
    Ok(())
}

fn holding(held: &Held) -> String {
    if held.is_ours() {
        return format!("{} runs already", held.by());
    }
    format!("{} {} is held by {}", held.protocol, held.port, held.by())
}
