//! The report in plain words: what is there, what is wrong with it, what to run.

use std::fmt::Write as _;

use crate::doctor::offer::text;
use crate::doctor::{Diagnosis, Finding, Link, Observed, Offer, Severity, State, offers};
use crate::wire::dhcp::code;
use crate::wire::hex;
use crate::yaml::counted;

pub(super) fn report(observed: &Observed, diagnosis: &Diagnosis) -> String {
    let mut out = String::new();
    for link in &observed.links {
        // Writing to a string does not fail.
        let _ = interface(observed, link, &mut out);
    }
    let _ = ports(observed, &mut out);
    let _ = findings(diagnosis, &mut out);
    let _ = writeln!(out, "{}", diagnosis.verdict.words());
    out
}

fn interface(observed: &Observed, link: &Link, out: &mut String) -> std::fmt::Result {
    let nets: Vec<String> = link.nets.iter().map(ToString::to_string).collect();
    write!(out, "{} {}", link.name, nets.join(" "))?;
    match link.state {
        State::Up => writeln!(out)?,
        state => return writeln!(out, " ({state}): not asked\n"),
    }
    for alike in groups(link) {
        offer(observed, link, &alike, out)?;
    }
    for bad in &link.unreadable {
        let (who, length, why) = (bad.source, bad.length, &bad.why);
        writeln!(
            out,
            "  {who} sends {} that cannot be read: {why}",
            counted(length, "byte")
        )?;
    }
    if link.offers.is_empty() && link.unreadable.is_empty() {
        writeln!(out, "  nobody answers")?;
    }
    writeln!(out)
}

/// Offers that differ in nothing but whom they were for.
fn groups(link: &Link) -> Vec<Vec<&Offer>> {
    let mut groups: Vec<Vec<&Offer>> = Vec::new();
    for offer in &link.offers {
        let same = |group: &&mut Vec<&Offer>| group.first().is_some_and(|o| alike(o, offer));
        match groups.iter_mut().find(same) {
            Some(group) => group.push(offer),
            None => groups.push(vec![offer]),
        }
    }
    groups
}

fn alike(a: &Offer, b: &Offer) -> bool {
    (a.source, a.who(), a.message.yiaddr, boot_data(a))
        == (b.source, b.who(), b.message.yiaddr, boot_data(b))
}

fn offer(observed: &Observed, link: &Link, alike: &[&Offer], out: &mut String) -> std::fmt::Result {
    let Some(first) = alike.iter().min_by_key(|o| o.after) else {
        return Ok(());
    };
    let flavours: Vec<_> = alike.iter().map(|o| o.flavour).collect();
    let who = if observed.is_ours(link, first) {
        format!("{} (bootjack on this host)", first.server())
    } else {
        first.who()
    };
    writeln!(
        out,
        "  {who} {}, after {} ms; asked as {}",
        offered(first),
        first.after.as_millis(),
        offers::names(&flavours)
    )?;
    for line in boot_data(first) {
        writeln!(out, "    {line}")?;
    }
    Ok(())
}

fn offered(offer: &Offer) -> String {
    if offer.is_proxy() {
        return "offers boot data".to_owned();
    }
    let message = &offer.message;
    let mut words = format!("offers {}", message.yiaddr);
    if let Some(mask) = message.address(code::SUBNET_MASK) {
        let _ = write!(words, " mask {mask}");
    }
    let router = offer
        .option(code::ROUTER)
        .and_then(|v| v.first_chunk::<4>());
    if let Some(router) = router {
        let _ = write!(words, " router {}", std::net::Ipv4Addr::from(*router));
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
    if !message.siaddr.is_unspecified() {
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

fn ports(observed: &Observed, out: &mut String) -> std::fmt::Result {
    for held in &observed.held {
        let (protocol, port, by) = (held.protocol, held.port, held.by());
        writeln!(out, "{protocol} {port} on {}: {by}", held.interface)?;
    }
    if observed.held.is_empty() && observed.asked().next().is_some() {
        writeln!(
            out,
            "UDP 67, 69 and 4011 and TCP {} are free",
            observed.http_port
        )?;
    }
    writeln!(out)
}

fn findings(diagnosis: &Diagnosis, out: &mut String) -> std::fmt::Result {
    for finding in &diagnosis.findings {
        one(finding, out)?;
    }
    let count = |severity| {
        let all = diagnosis.findings.iter();
        all.filter(|f| f.severity == severity).count()
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if errors + warnings == 0 {
        writeln!(out, "Nothing is wrong here.")
    } else {
        let (errors, warnings) = (counted(errors, "error"), counted(warnings, "warning"));
        writeln!(out, "{errors}, {warnings}.")
    }
}

fn one(finding: &Finding, out: &mut String) -> std::fmt::Result {
    let place = finding.interface.as_ref().map(|name| format!(" on {name}"));
    let place = place.unwrap_or_default();
    let (severity, code) = (finding.severity, finding.code);
    let what = printable(&finding.what);
    writeln!(out, "{severity} {code}{place}: {what}")?;
    writeln!(out, "  means: {}", finding.meaning)?;
    writeln!(out, "  do:    {}\n", finding.remedy)
}

/// What a server on the LAN says is shown, not obeyed: no control character reaches the terminal.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_the_lan_cannot_draw_on_the_terminal() {
        let forged = "file \"\u{1b}[31mRED\u{7}\nNothing is wrong here. ü\"";
        let shown = "file \"\\u{1b}[31mRED\\u{7}\\nNothing is wrong here. ü\"";
        assert_eq!(printable(forged), shown);
    }
}
