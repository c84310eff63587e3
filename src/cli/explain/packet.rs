//! A reply as it goes out: decoded, and in hex.

use std::fmt::Write as _;
use std::net::SocketAddrV4;

use super::menu;
use crate::decide::Answer;
use crate::wire;
use crate::wire::dhcp::{self, Message};

/// An answer, decoded and in hex.
pub(super) fn reply(title: &str, answer: &Answer, out: &mut String) -> std::fmt::Result {
    print(title, answer.to, &answer.message, &answer.bytes, out)
}

/// A reply, decoded and in hex.
pub(super) fn print(
    title: &str,
    to: SocketAddrV4,
    message: &Message,
    bytes: &[u8],
    out: &mut String,
) -> std::fmt::Result {
    writeln!(out, "\n{title}: {} bytes to {to}", bytes.len())?;
    decoded(message, out)?;
    for line in bytes.chunks(16).enumerate() {
        hex(line, out)?;
    }
    Ok(())
}

fn decoded(message: &Message, out: &mut String) -> std::fmt::Result {
    let text = |field: &[u8]| {
        String::from_utf8_lossy(field)
            .trim_end_matches('\0')
            .to_owned()
    };
    writeln!(
        out,
        "  yiaddr {}  siaddr {}  giaddr {}  flags {:#06x}",
        message.yiaddr, message.siaddr, message.giaddr, message.flags
    )?;
    writeln!(
        out,
        "  sname \"{}\"  file \"{}\"",
        text(&message.sname),
        text(&message.file)
    )?;
    for (code, value) in message.options.iter() {
        writeln!(out, "  option {code:3} {}", dhcp::describe(code, value))?;
        if code == dhcp::code::VENDOR_SPECIFIC {
            menu::print(value, out)?;
        }
    }
    Ok(())
}

/// Sixteen bytes of a line; lines of zeros alone are left out, as they are padding.
fn hex((n, bytes): (usize, &[u8]), out: &mut String) -> std::fmt::Result {
    if bytes.iter().all(|b| *b == 0) {
        return Ok(());
    }
    writeln!(out, "  {:04x}  {}", n * 16, wire::hex(bytes))
}
