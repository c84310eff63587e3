//! What a machine was told, as parts of several events.

use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use serde::Serialize;

use super::words::{PLAYED, further, named};
use crate::decide::loader::Named;
use crate::decide::strategy::By;
use crate::profile::Why;
use crate::tree::Door;

/// An answer with boot data.
#[derive(Debug, Clone, Serialize)]
pub struct AnswerTold {
    /// `offer` or `ack`.
    pub message: &'static str,
    /// The shape of the reply.
    pub strategy: &'static str,
    /// Who chose it: a row of the quirk table by its name, `profile`, `learnt`.
    pub chosen_by: By,
    /// The profile chosen.
    pub profile: Arc<str>,
    /// Why this profile.
    pub why: Why,
    /// The loader or URI named in the reply; none where a menu is all that is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loader: Option<Named>,
    /// Why a menu that its firmware would show is left to the loader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_menu: Option<Box<str>>,
    /// Where the reply went.
    pub to: SocketAddrV4,
    /// The lease in it, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease: Option<Box<LeaseTold>>,
}

/// Boot data in a lease.
#[derive(Debug, Clone, Serialize)]
pub struct BootTold {
    /// The shape of the reply.
    pub strategy: &'static str,
    /// The profile chosen.
    pub profile: String,
    /// Why this profile.
    pub why: String,
    /// The loader or URI named in the reply; none where a menu is all that is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loader: Option<String>,
    /// Why a menu that its firmware would show is left to the loader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_menu: Option<String>,
}

/// A lease of the LAN's own DHCP server, handed on.
#[derive(Debug, Clone, Serialize)]
pub struct LeaseTold {
    /// The address.
    pub address: Ipv4Addr,
    /// Whose lease it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Ipv4Addr>,
    /// Options of that server's that the client's size limit had no room for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<u8>,
    /// Options of the server's that have a length that they cannot have, and were not handed on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub malformed: Vec<u8>,
}

/// What a loader looked for where it might be (quirks 37 and 38).
#[derive(Debug, Clone, Serialize)]
pub struct Guess {
    /// The door.
    pub door: Door,
    /// The name asked for, cleaned (at most 160 characters).
    pub path: String,
    /// The client's address.
    pub peer: IpAddr,
    /// What it was given, which lies beside that loader; none: it goes on without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// A question for a lease that no DHCP server has answered in time.
#[derive(Debug, Clone, Serialize)]
pub struct Unanswered {
    /// `discover` or `request`.
    pub message: &'static str,
    /// Who was asked; none: everybody on the link.
    pub asked: Vec<Ipv4Addr>,
    /// Those of them that have answered the client itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alive: Vec<Ipv4Addr>,
    /// Others who have, and were not asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unasked: Vec<Ipv4Addr>,
    /// Why an answer was not believed, where one came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_believed: Option<String>,
    /// Whether nobody was waited for, since all are known to answer no relays.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub known: bool,
}

/// A client behind a relay that needs a lease with its boot data, while `dhcp-server` names nobody.
#[derive(Debug, Clone, Serialize)]
pub struct Unnamed {
    /// The relay.
    pub relay: Ipv4Addr,
    /// Who would have it get one: a row of the quirk table by its name, `profile`, `learnt`, `loader`.
    pub chosen_by: String,
    /// All of it in a sentence, and what to do.
    pub detail: String,
    /// Whether it is a machine that there is not: one that `doctor` or `probe` plays.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub played: bool,
}

impl Display for AnswerTold {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            message,
            strategy,
            chosen_by: _,
            profile,
            why,
            loader,
            no_menu,
            to,
            lease,
        } = self;
        let loader = named(loader.as_ref().map(Named::as_str));
        write!(
            f,
            "{} {loader} to {to} ({strategy}; profile \"{profile}\": {why})",
            message.to_uppercase()
        )?;
        further(no_menu.as_deref(), f)?;
        lease
            .as_ref()
            .map_or(Ok(()), |lease| write!(f, "; {lease}"))
    }
}

impl Display for Unnamed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)?;
        f.write_str(if self.played { PLAYED } else { "" })
    }
}

impl Display for Guess {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            door, path, peer, ..
        } = self;
        write!(f, "{door} {path} to {peer}: ")?;
        match &self.file {
            Some(file) => write!(f, "its loader means {file}"),
            None => f.write_str("not there: a probe, as expected"),
        }
    }
}

impl Display for BootTold {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            strategy,
            profile,
            why,
            loader,
            no_menu,
        } = self;
        let loader = named(loader.as_deref());
        write!(f, "{loader} ({strategy}; profile \"{profile}\": {why})")?;
        further(no_menu.as_deref(), f)
    }
}

impl Display for LeaseTold {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "with {}", self.address)?;
        self.server
            .map_or(Ok(()), |server| write!(f, " of {server}"))?;
        for (why, options) in [
            ("no room for options", &self.left_out),
            ("without its options of a wrong length", &self.malformed),
        ] {
            if !options.is_empty() {
                write!(f, "; {why} {options:?}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guess_is_told_with_what_came_of_it() {
        let told = |path: &str, file: Option<&str>| {
            let guess = Guess {
                door: Door::Tftp,
                path: path.to_owned(),
                peer: [10, 0, 0, 9].into(),
                file: file.map(str::to_owned),
            };
            guess.to_string()
        };
        assert_eq!(
            told("i/grubx64.efi", Some("images/ubuntu/grubx64.efi")),
            "tftp i/grubx64.efi to 10.0.0.9: its loader means images/ubuntu/grubx64.efi"
        );
        assert_eq!(
            told("revocations_sku.efi", None),
            "tftp revocations_sku.efi to 10.0.0.9: not there: a probe, as expected"
        );
    }
}
