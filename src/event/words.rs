//! How events read: a sentence for people, and the forms that JSON takes.

use std::fmt::{self, Display, Formatter};
use std::time::{Duration, SystemTime};

use serde::Serializer;

use super::{BootTold, What};
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

/// What is named in a reply.
fn named(loader: Option<&str>) -> String {
    loader.map_or_else(|| "a menu".to_owned(), |loader| format!("\"{loader}\""))
}

/// What is to be added.
fn further(more: Option<&str>, f: &mut Formatter<'_>) -> fmt::Result {
    more.map_or(Ok(()), |more| write!(f, "; {more}"))
}

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
            Self::Answer {
                message,
                strategy,
                profile,
                why,
                loader,
                no_menu,
                to,
                ..
            } => {
                let loader = named(loader.as_deref());
                write!(
                    f,
                    "{} {loader} to {to} ({strategy}; profile \"{profile}\": {why})",
                    message.to_uppercase()
                )?;
                further(no_menu.as_deref(), f)
            }
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
            Self::Ignored {
                port,
                reason,
                detail,
            } => write!(f, "not answered on port {port} ({reason}): {detail}"),
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
                next,
            } => {
                write!(f, "did not follow {strategy} {}; ", times(*failures))?;
                write!(f, "trying {}", in_a_sentence(next))
            }
            Self::NothingLeft {
                strategy,
                failures,
                leased,
            } => {
                write!(f, "did not follow {strategy} {}; ", times(*failures))?;
                write!(f, "nothing left to try: {}", nothing_left(*leased))
            }
            Self::Follows {
                strategy,
                remembered: true,
            } => write!(f, "follows {strategy}; remembered"),
            Self::Follows {
                strategy,
                remembered: false,
            } => write!(
                f,
                "follows {strategy}, which it is offered first; what was remembered of it is forgotten"
            ),
            Self::Observed { behaviour } => f.write_str(observed(behaviour)),
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
                )
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
            Self::NotFound {
                door,
                path,
                peer,
                reason,
            } => write!(f, "{door} {path} to {peer}: not found: {reason}"),
            Self::Refused {
                service,
                peer,
                limit,
            } => write!(f, "{service} request of {peer} refused: {limit}"),
            Self::Malformed {
                service,
                peer,
                reason,
            } => write!(f, "{service} packet of {peer} malformed: {reason}"),
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
                took,
            } => {
                f.write_str(&counted(*profiles, "profile"))?;
                if *networks > 0 {
                    write!(f, " and {}", counted(*networks, "network"))?;
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

/// `twice`, `3 times`.
fn times(n: u8) -> String {
    match n {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => format!("{n} times"),
    }
}

/// `the self-sufficient offer`; `offer-4011` is one by its name.
fn in_a_sentence(shape: &str) -> String {
    if shape.starts_with("offer") {
        shape.to_owned()
    } else {
        format!("the {shape} offer")
    }
}

/// What an operator can do for a client that follows no proxy.
const fn nothing_left(leased: bool) -> &'static str {
    if leased {
        "see whether another boot server answers it (`bootjack doctor`) and whether UDP 69 is open; else serve it by mode dhcp, where it gets `pxe: single-offer`"
    } else {
        "it asks for no lease though others get theirs: see whether the DHCP server offers it one; if it does, serve it by mode dhcp, where it gets `pxe: single-offer`"
    }
}

/// What was seen of a client, in a sentence.
fn observed(behaviour: &str) -> &str {
    match behaviour {
        "asks-4011-all-the-same" => "asks port 4011 although its OFFER told it not to; remembered",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_force_is_counted() {
        let said = |profiles, networks| {
            let took = Duration::from_millis(30);
            let what = What::Reloaded {
                profiles,
                networks,
                took,
            };
            what.to_string()
        };
        let after = "in force, 0.030 s after the change";
        assert_eq!(said(2, 0), format!("2 profiles {after}"));
        assert_eq!(said(1, 1), format!("1 profile and 1 network {after}"));
        assert_eq!(said(0, 3), format!("0 profiles and 3 networks {after}"));
    }

    #[test]
    fn steps_are_told_in_a_sentence() {
        let (strategy, failures) = ("offer-4011", 2);
        let next = |next| What::Escalated {
            strategy,
            failures,
            next,
        };
        for (what, said) in [
            (
                next("self-sufficient"),
                "did not follow offer-4011 twice; trying the self-sufficient offer",
            ),
            (
                What::Escalated {
                    strategy: "bypass-prompt",
                    failures: 3,
                    next: strategy,
                },
                "did not follow bypass-prompt 3 times; trying offer-4011",
            ),
            (
                What::Follows {
                    strategy,
                    remembered: true,
                },
                "follows offer-4011; remembered",
            ),
        ] {
            assert_eq!(what.to_string(), said);
        }
        for leased in [true, false] {
            let nothing = What::NothingLeft {
                strategy,
                failures,
                leased,
            };
            let said = nothing.to_string();
            assert!(said.contains("nothing left to try: "), "{said}");
            assert!(said.contains("`pxe: single-offer`"), "{said}");
        }
    }
}
