//! How events read: a sentence for people, and the forms that JSON takes.

use std::fmt::{self, Display, Formatter};
use std::time::{Duration, SystemTime};

use serde::Serializer;

use super::{What, leases, steps};
use crate::yaml::counted;

/// Wall clock as RFC 3339 in UTC with milliseconds.
pub(super) fn rfc3339<S: Serializer>(at: &SystemTime, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(&stamp(*at))
}

/// The same, or `null`.
#[expect(clippy::ref_option, reason = "serde hands over what the field is")]
pub(super) fn maybe_rfc3339<S: Serializer>(
    at: &Option<SystemTime>,
    s: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => rfc3339(at, s),
        None => s.serialize_none(),
    }
}

/// The same, for a line of text.
pub(super) fn stamp(at: SystemTime) -> String {
    let stamp = jiff::Timestamp::try_from(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{stamp:.3}")
}

/// A duration as seconds.
pub(super) fn seconds<S: Serializer>(took: &Duration, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_f64(took.as_secs_f64())
}

/// What is named in a reply.
pub(super) fn named(loader: Option<&str>) -> String {
    loader.map_or_else(|| "a menu".to_owned(), |loader| format!("\"{loader}\""))
}

/// What is to be added.
pub(super) fn further(more: Option<&str>, f: &mut Formatter<'_>) -> fmt::Result {
    more.map_or(Ok(()), |more| write!(f, "; {more}"))
}

/// What to do about a menu without an entry.
const EMPTY: &str = "; it can start nothing by it: give that profile an entry that is for this machine, or have it \
                     match another one (`bootjack explain --mac …` says of each entry why it is left out)";

/// Who it was that nobody finds among the machines.
pub(super) const PLAYED: &str = " (asked by doctor or probe, for a machine that there is not)";

impl Display for What {
    /// One line; the client is not repeated.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Discover {
                message,
                stage,
                arch,
                interface,
                relay,
            } => {
                let message = message.to_uppercase();
                write!(f, "{message} from {stage}, {arch}, on {interface}")?;
                relay.map_or(Ok(()), |relay| write!(f, ", relayed by {relay}"))
            }
            Self::Request {
                port,
                stage,
                arch,
                peer,
            } => {
                write!(f, "REQUEST at {port} from {stage}, {arch}, {peer}")
            }
            Self::Answer(of) => of.fmt(f),
            Self::Forwarded { message, servers } => leases::forwarded(f, message, servers),
            Self::NoLease(of) => leases::none(f, of),
            Self::NoServerNamed(of) => of.fmt(f),
            Self::LeaseRefused { server, why } => leases::refused(f, *server, why),
            Self::Renewed { address, server } => leases::renewed(f, *address, *server),
            Self::Chosen {
                entry: _,
                title,
                kind,
                profile,
            } => write!(
                f,
                "chose {title} (type {kind}) in the menu of \"{profile}\""
            ),
            Self::Granted {
                message,
                address,
                detail,
                network,
                to,
                boot,
                no_boot,
                left_out,
            } => {
                write!(f, "{}", message.to_uppercase())?;
                address.map_or(Ok(()), |a| write!(f, " {a}"))?;
                write!(f, " ({detail}) of {network} to {to}")?;
                boot.as_ref().map_or(Ok(()), |boot| write!(f, "; {boot}"))?;
                no_boot
                    .as_ref()
                    .map_or(Ok(()), |why| write!(f, "; no boot data: {why}"))?;
                if left_out.is_empty() {
                    return Ok(());
                }
                write!(f, "; no room for options {left_out:?}")
            }
            Self::NotKept { port, from, asked } => write!(
                f,
                "asks on port {port} from {from}, while this machine has asked a DHCP server for {asked}: it is answered, and nothing is kept of it"
            ),
            Self::Ignored {
                port,
                reason,
                detail,
                played,
            } => {
                write!(f, "not answered on port {port} ({reason}): {detail}")?;
                f.write_str(if *played { PLAYED } else { "" })
            }
            Self::Leased {
                address,
                server: Some(server),
            } => write!(f, "takes {address} from {server}"),
            Self::Leased {
                address,
                server: None,
            } => write!(f, "takes {address}"),
            Self::Lease {
                address,
                state,
                was,
                until,
                network,
                host_name,
                holder,
            } => {
                write!(f, "{address} is {state}, was {was}")?;
                let until = until.map_or_else(
                    || "for ever".to_owned(),
                    |at| format!("until {}", stamp(at)),
                );
                write!(f, "; {until}; {holder}")?;
                host_name
                    .as_ref()
                    .map_or(Ok(()), |name| write!(f, ", \"{name}\""))?;
                network
                    .as_ref()
                    .map_or(Ok(()), |name| write!(f, "; network {name}"))
            }
            Self::Escalated {
                strategy,
                failures,
                at_4011,
                next,
            } => steps::escalated(f, (*strategy, *failures, *at_4011), next),
            Self::NothingLeft {
                strategy,
                failures,
                at_4011,
                leased,
            } => steps::nothing_left(f, (*strategy, *failures, *at_4011), *leased),
            Self::Follows {
                strategy,
                remembered,
                unwritten,
            } => steps::follows(f, strategy, (*remembered, *unwritten)),
            Self::Observed {
                behaviour,
                unwritten,
            } => steps::observed(f, behaviour, *unwritten),
            Self::Disproved { behaviour } => steps::disproved(f, behaviour),
            Self::ShimRefused => f.write_str(steps::SHIM_REFUSED),
            Self::LoopCut { cut, rounds } => steps::loop_cut(f, cut, *rounds),
            Self::Menu {
                door,
                path,
                dialect,
                profile,
                entries,
            } => {
                write!(
                    f,
                    "{door} {path}: {dialect} menu of profile \"{profile}\", {}",
                    counted(*entries, "entry")
                )?;
                if self.is_empty_menu() {
                    f.write_str(EMPTY)?;
                }
                Ok(())
            }
            Self::Started {
                door,
                path,
                peer,
                size,
            } => write!(f, "{door} {path} to {peer}: {}", counted(*size, "byte")),
            Self::Sent {
                door,
                path,
                peer,
                size,
                took,
            } => {
                write!(
                    f,
                    "{door} {path} to {peer}: sent {} in {:.3} s",
                    counted(*size, "byte"),
                    took.as_secs_f64()
                )
            }
            Self::Probed {
                door,
                path,
                peer,
                sent: 0,
            } => write!(f, "{door} {path} to {peer}: client asked for the size only"),
            Self::Probed {
                door,
                path,
                peer,
                sent,
            } => write!(
                f,
                "{door} {path} to {peer}: the client stopped after {}",
                counted(*sent, "byte")
            ),
            Self::Failed {
                door,
                path,
                peer,
                sent,
                reason,
            } => {
                write!(
                    f,
                    "{door} {path} to {peer}: failed after {}: {reason}",
                    counted(*sent, "byte")
                )
            }
            Self::Guessed(guess) => guess.fmt(f),
            Self::NotFound {
                door,
                path,
                peer,
                reason,
                ..
            } => write!(f, "{door} {path} to {peer}: not found: {reason}"),
            Self::Refused {
                service,
                peer,
                limit,
            } => write!(f, "{service} request of {peer} refused: {limit}"),
            Self::Malformed {
                service,
                peer,
                mac,
                reason,
            } => {
                write!(f, "{service} packet of {peer}")?;
                mac.map_or(Ok(()), |mac| write!(f, " ({mac})"))?;
                write!(f, " malformed: {reason}")
            }
            Self::Handshake {
                peer,
                alert,
                reason,
            } => {
                write!(f, "no TLS with {peer}: {reason}")?;
                let alert = alert.as_ref();
                alert.map_or(Ok(()), |alert| write!(f, " (alert {alert})"))
            }
            Self::Ready {
                interfaces,
                ports,
                url,
                user,
            } => {
                write!(
                    f,
                    "ready on {}; {}; {url}; as user {user}",
                    interfaces.join(", "),
                    ports.join(", ")
                )
            }
            Self::Reloaded {
                profiles,
                networks,
                quirks,
                took,
            } => {
                f.write_str(&counted(*profiles, "profile"))?;
                for (count, one) in [(*networks, "network"), (*quirks, "own quirk")] {
                    if count > 0 {
                        write!(f, " and {}", counted(count, one))?;
                    }
                }
                let took = took.as_secs_f64();
                write!(f, " in force, {took:.3} s after the change")
            }
            Self::Rejected { findings } => {
                f.write_str("what was changed is rejected, the last good set stays")?;
                findings
                    .iter()
                    .try_for_each(|finding| write!(f, "\n  {finding}"))
            }
            Self::Conflict {
                address,
                by,
                seconds,
            } => {
                let whom = by.map_or_else(|| "a host".to_owned(), |mac| mac.to_string());
                write!(
                    f,
                    "{address} is used by {whom} without a lease; left alone for {seconds} s"
                )
            }
            Self::Notice { text } | Self::Warning { text } | Self::Fault { text } => {
                f.write_str(text)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_force_is_counted() {
        let said = |profiles, networks, quirks| {
            let took = Duration::from_millis(30);
            let what = What::Reloaded {
                profiles,
                networks,
                quirks,
                took,
            };
            what.to_string()
        };
        let after = "in force, 0.030 s after the change";
        assert_eq!(said(2, 0, 0), format!("2 profiles {after}"));
        assert_eq!(said(1, 1, 0), format!("1 profile and 1 network {after}"));
        assert_eq!(
            said(0, 3, 2),
            format!("0 profiles and 3 networks and 2 own quirks {after}")
        );
    }
}
