//! What is told of a capture, in words. Text that came from the network is quoted and escaped: a
//! terminal must not obey it.

use std::fmt::{self, Display, Formatter, Write as _};

use super::told::{Answer, Boot, End, Event, Found, NotInIt, Reply, Said, Terms, Told};
use crate::cli::explain::learnt::said;
use crate::client::{Class, Client};
use crate::tree::is_empty_menu;
use crate::wire::dhcp;

/// One packet.
pub(super) fn event(event: &Event) -> String {
    let mut out = String::new();
    let _ = write_event(event, &mut out);
    out
}

/// Where it stands in the capture, when, and between whom.
fn begin(event: &Event, out: &mut String) -> fmt::Result {
    write!(out, "\n#{}", event.packet)?;
    if let Some(seconds) = event.seconds {
        write!(out, "  {seconds:.3} s")?;
    }
    if let Some(vlan) = event.vlan {
        write!(out, "  VLAN {vlan}")?;
    }
    write!(out, "  {} > {}  ", event.from, event.to)
}

fn write_event(event: &Event, out: &mut String) -> fmt::Result {
    begin(event, out)?;
    let machine = |word| {
        let mac = event.mac.map(|mac| format!(" {word} {mac}"));
        mac.unwrap_or_default()
    };
    let of = machine("of");
    match &event.said {
        Said::Asked {
            message,
            client,
            learnt,
            answer,
        } => {
            writeln!(out, "{}{of}", message.kind)?;
            if let Some(client) = client {
                describe(client, out)?;
            }
            if let Some(row) = learnt {
                writeln!(out, "  learnt: {}", said(row))?;
            }
            decoded(message, "  ", out)?;
            answered(answer, out)
        }
        Said::Replied { message } => {
            writeln!(out, "{}{}", message.kind, machine("for"))?;
            decoded(message, "  ", out)
        }
        Said::Wanted {
            file,
            terms,
            answer,
        } => {
            let verb = if terms.write { "write" } else { "read" };
            writeln!(out, "TFTP {verb} {file:?} ({}){of}", Shown(terms))?;
            writeln!(out, "  answer: {}", Shown(answer))
        }
        Said::Aborted { code, text } => writeln!(out, "TFTP ERROR {code} {text:?}{of}"),
        Said::Unreadable { service, why } => writeln!(out, "no {service} message: {why}"),
    }
}

fn describe(client: &Client, out: &mut String) -> fmt::Result {
    let class = match client.class {
        Class::Pxe => "PXEClient",
        Class::Http => "HTTPClient",
    };
    let uuid = client
        .uuid
        .map_or_else(|| "no UUID".to_owned(), |uuid| format!("UUID {uuid}"));
    let undi = client.undi.map_or_else(
        || "no UNDI version".to_owned(),
        |(major, minor)| format!("UNDI {major}.{minor}"),
    );
    writeln!(
        out,
        "  machine: {}, {uuid}, {}, class {class}, stage {}, {undi}, network {}",
        client.mac,
        client.arch(),
        client.stage,
        client.network
    )
}

/// A message: what is not zero or empty of its header, and its options.
fn decoded(message: &Told, indent: &str, out: &mut String) -> fmt::Result {
    write!(out, "{indent}xid {:08x}", message.xid)?;
    if message.secs != 0 {
        write!(out, "  secs {}", message.secs)?;
    }
    write!(out, "  flags {:#06x}", message.flags)?;
    for (name, address) in [
        ("ciaddr", message.ciaddr),
        ("yiaddr", message.yiaddr),
        ("siaddr", message.siaddr),
        ("giaddr", message.giaddr),
    ] {
        if !address.is_unspecified() {
            write!(out, "  {name} {address}")?;
        }
    }
    for (name, text) in [("sname", &message.sname), ("file", &message.file)] {
        if !text.is_empty() {
            write!(out, "  {name} {text:?}")?;
        }
    }
    writeln!(out)?;
    for option in &message.options {
        let line = dhcp::in_line(option.name, &option.value);
        writeln!(out, "{indent}option {:3} {line}", option.code)?;
    }
    Ok(())
}

fn answered(answer: &Answer, out: &mut String) -> fmt::Result {
    match answer {
        Answer::Reply(reply) => replied(reply, out),
        Answer::Silence { why, .. } => writeln!(out, "  answer: none: {why}"),
    }
}

fn replied(reply: &Reply, out: &mut String) -> fmt::Result {
    let (kind, bytes) = (&reply.message.kind, reply.bytes.len() / 2);
    writeln!(out, "  answer: {kind}, {bytes} bytes to {}", reply.to)?;
    boot(&reply.boot, out)?;
    if let Some(lease) = &reply.lease {
        writeln!(out, "    lease: {lease}, where nobody had one before")?;
    }
    if let Some(lease) = &reply.handed_on {
        writeln!(out, "    lease: {lease}")?;
    }
    decoded(&reply.message, "    ", out)
}

fn boot(boot: &Boot, out: &mut String) -> fmt::Result {
    match boot {
        Boot::Data {
            profile,
            file,
            why,
            strategy,
            evidence,
            chosen_by,
            delay,
            entry,
            loader,
            no_menu,
        } => {
            writeln!(out, "    profile: {profile:?} ({file}): {why}")?;
            writeln!(out, "    strategy: {strategy}: {evidence}")?;
            if let Some(by) = chosen_by {
                writeln!(out, "    chosen by: {by}")?;
            }
            if *delay > 0 {
                writeln!(out, "    delay: {delay} ms before it leaves")?;
            }
            if let Some(entry) = entry {
                writeln!(out, "    chosen in the menu: {entry:?}")?;
            }
            if let Some(loader) = loader {
                writeln!(out, "    loader: {loader}")?;
            }
            if let Some(why) = no_menu {
                writeln!(out, "    menu: left to the loader: {why}")?;
            }
            Ok(())
        }
        Boot::None { no_boot_data } => writeln!(out, "    boot data: none: {no_boot_data}"),
    }
}

struct Shown<'a, T>(&'a T);

impl Display for Shown<'_, Terms> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let terms = self.0;
        f.write_str(terms.mode)?;
        for (name, value) in [
            ("blksize", terms.blksize.map(u64::from)),
            ("tsize", terms.tsize),
            ("timeout", terms.timeout.map(u64::from)),
            ("windowsize", terms.windowsize.map(u64::from)),
        ] {
            if let Some(value) = value {
                write!(f, ", {name} {value}")?;
            }
        }
        Ok(())
    }
}

impl Display for Shown<'_, Found> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Found::Asset { .. } => f.write_str("the embedded loader"),
            Found::File { bytes } => write!(f, "the file, {bytes} bytes"),
            Found::Menu {
                dialect,
                profile,
                entries,
                ..
            } => {
                let empty = is_empty_menu(dialect, profile, *entries);
                let entries = counted(*entries as u64, "entry", "entries");
                write!(f, "a menu for {dialect} by profile {profile:?}: {entries}")?;
                f.write_str(if empty {
                    ", so that it can start NOTHING"
                } else {
                    ""
                })
            }
            Found::Missing { why } => write!(f, "none: {why}"),
        }
    }
}

/// `1 entry`, `2 entries`.
fn counted(count: u64, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

/// How a capture is taken.
const TAKE_IT: &str = "Take it where the machine and the servers are heard: \
                       tcpdump -i eth0 -w FILE 'udp port 67 or 68 or 69 or 4011'";

fn others(
    NotInIt {
        mac,
        machines,
        more,
    }: &NotInIt,
    out: &mut String,
) -> fmt::Result {
    let machines: Vec<String> = machines.iter().map(ToString::to_string).collect();
    let machines = machines.join(" ");
    write!(
        out,
        "\n{mac} is not in it; these machines boot in it: {machines}"
    )?;
    if *more > 0 {
        write!(out, " and {more} more")?;
    }
    writeln!(out)
}

/// What was in the capture.
pub(super) fn end(end: &End) -> String {
    let mut out = String::new();
    let _ = write_end(end, &mut out);
    out
}

fn write_end(end: &End, out: &mut String) -> fmt::Result {
    let (all, told) = (counted(end.packets, "packet", "packets"), end.explained);
    match &end.not_in_it {
        _ if told > 0 => {}
        _ if end.is_unread() => writeln!(out, "\nNot one of its packets can be looked into.")?,
        Some(missing) if !missing.machines.is_empty() => others(missing, out)?,
        Some(NotInIt { mac, .. }) => writeln!(
            out,
            "\n{mac} is not in it, nor is any machine that boots. {TAKE_IT}"
        )?,
        None => writeln!(out, "\nNo machine that boots is in it. {TAKE_IT}")?,
    }
    writeln!(out, "\n{all}, {told} explained")?;
    if end.left_out > 0 {
        let others = end.left_out;
        writeln!(out, "{others} on these ports left out: of other machines")?;
    }
    for (number, count) in &end.unknown_links {
        writeln!(
            out,
            "{count} left out: link type {number} is not understood (Ethernet, Linux cooked, raw IP and loopback are)"
        )?;
    }
    Ok(())
}
