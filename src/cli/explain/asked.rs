//! What a described machine says of itself, beside its address and architecture: for rows of the
//! quirk table that tell machines by it.

use std::net::Ipv4Addr;

use clap::Args;

use crate::wire::dhcp::{Message, Options, code};

/// What it says.
#[derive(Debug, Args)]
#[group(id = "says", multiple = true)]
pub(super) struct Says {
    /// Its UNDI version; 2 is 2.0 [default: 3.16]
    #[arg(long, value_name = "MAJOR.MINOR", value_parser = undi)]
    undi: Option<(u8, u8)>,
    /// Its vendor class, option 60 [default: as its stage and architecture have it]
    #[arg(long, value_name = "TEXT", value_parser = option_text)]
    class: Option<String>,
    /// Its user class, option 77 [default: iPXE of iPXE, else none]
    #[arg(long, value_name = "TEXT", value_parser = option_text)]
    user_class: Option<String>,
}

impl Says {
    /// Puts it into a message. The version stands in option 94 and, in the usual form, in the class.
    pub(super) fn to(&self, message: &mut Message) {
        if let Some((major, minor)) = self.undi {
            let class = message.options.get(code::VENDOR_CLASS).unwrap_or_default();
            let class = String::from_utf8_lossy(class).into_owned();
            let kept = class.split(":UNDI:").next().unwrap_or_default();
            let class = format!("{kept}:UNDI:{major:03}{minor:03}");
            put(message, code::VENDOR_CLASS, class.as_bytes());
            put(message, code::CLIENT_NDI, &[1, major, minor]);
        }
        if let Some(class) = &self.class {
            put(message, code::VENDOR_CLASS, class.as_bytes());
        }
        if let Some(class) = &self.user_class {
            put(message, code::USER_CLASS, class.as_bytes());
        }
    }
}

/// In its place, or at the end.
fn put(message: &mut Message, code: u8, value: &[u8]) {
    let mut options = Options::default();
    for (other, before) in message.options.iter() {
        options.push(other, if other == code { value } else { before });
    }
    if !message.options.has(code) {
        options.push(code, value);
    }
    message.options = options;
}

fn undi(text: &str) -> Result<(u8, u8), String> {
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    let numbers = major.parse().ok().zip(minor.parse().ok());
    numbers.ok_or_else(|| "write it like 2.1".to_owned())
}

/// An address that a machine can have.
pub(super) fn host(text: &str) -> Result<Ipv4Addr, String> {
    let address: Ipv4Addr = text
        .parse()
        .map_err(|_| "write an IPv4 address, such as 10.1.0.20".to_owned())?;
    // 0.0.0.0/8, and from 224.0.0.0 on: groups, reserved ones, broadcast (RFC 6890, RFC 1112).
    let [first, ..] = address.octets();
    if first == 0 || first >= 224 || address.is_loopback() {
        return Err("no machine has this address on a network".to_owned());
    }
    Ok(address)
}

fn option_text(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 255 {
        return Err("an option holds 1 to 255 bytes".to_owned());
    }
    Ok(text.to_owned())
}
