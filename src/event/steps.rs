//! How it reads that a client does not follow what it is offered, and what it follows at last.

use std::fmt::{self, Formatter};

/// It did not follow a shape so many times; this one is tried.
pub(super) fn escalated(
    f: &mut Formatter<'_>,
    failed: (&str, u8, bool),
    next: &str,
) -> fmt::Result {
    let (failed, next) = (did_not_follow(failed), in_a_sentence(next));
    write!(f, "{failed}; trying {next}")
}

/// It did not follow the last one either.
pub(super) fn nothing_left(
    f: &mut Formatter<'_>,
    failed: (&str, u8, bool),
    leased: bool,
) -> fmt::Result {
    let (failed, remedy) = (did_not_follow(failed), remedy(leased));
    write!(f, "{failed}; nothing left to try: {remedy}")
}

/// What was seen of it: one that came to port 4011 may have followed, and be kept from its file.
fn did_not_follow((left, failures, at_4011): (&str, u8, bool)) -> String {
    let times = times(failures);
    if at_4011 {
        format!(
            "fetched nothing after {left} {times}, though it came to port 4011 and was answered (is UDP 69 open between \
             the two?)"
        )
    } else {
        format!("did not follow {left} {times}")
    }
}

/// It follows another one than was known.
pub(super) fn follows(
    f: &mut Formatter<'_>,
    shape: &str,
    (remembered, unwritten): (bool, bool),
) -> fmt::Result {
    let since = if remembered {
        for_how_long(unwritten)
    } else {
        ", which it is offered first; what was remembered of it is forgotten"
    };
    write!(f, "follows {shape}{since}")
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
const fn remedy(leased: bool) -> &'static str {
    if leased {
        "see whether another boot server answers it (`bootjack doctor`) and whether UDP 69 is open; else serve it by mode dhcp, where it gets `pxe: single-offer`"
    } else {
        "it is offered a lease and asks for none: firmware that takes no proxy's OFFER does so; serve it by mode dhcp, where it gets `pxe: single-offer`"
    }
}

/// What was seen of a client, in a sentence.
pub(super) fn observed(f: &mut Formatter<'_>, behaviour: &str, unwritten: bool) -> fmt::Result {
    let does = match behaviour {
        "asks-4011-all-the-same" => "asks port 4011 although its OFFER told it not to",
        "secure-boot" => {
            "was sent its loader whole and came back without running it: it is taken to have Secure Boot on, \
             and is given the signed shim and GRUB from now on (if that is wrong: `bootjack machines forget`, or \
             `secure_boot: false` in its profile)"
        }
        other => other,
    };
    write!(f, "{does}{}", for_how_long(unwritten))
}

/// What was seen of it before is not so.
pub(super) fn disproved(f: &mut Formatter<'_>, behaviour: &str) -> fmt::Result {
    match behaviour {
        "secure-boot" => f.write_str(
            "has Secure Boot off after all (it runs an unsigned iPXE, or its GRUB says so): it is given its usual loader again",
        ),
        other => write!(f, "is not {other}; forgotten"),
    }
}

/// It was sent shim, and came back.
pub(super) const SHIM_REFUSED: &str = "was sent shim whole and came back without asking for the GRUB that shim starts: if its \
     screen said \"Access Denied\" or \"Security Violation\", its firmware does not trust \"Microsoft UEFI CA\", by which shim is \
     signed: allow it in its setup (\"Allow Microsoft 3rd Party UEFI CA\"), or switch Secure Boot off there; else see \
     whether the DHCP server names a boot file, for shim asks that server then (`bootjack doctor`)";

/// It is sent iPXE for ever.
pub(super) fn loop_cut(f: &mut Formatter<'_>, cut: &str, rounds: u8) -> fmt::Result {
    let times = times(rounds);
    match cut {
        "script" => write!(
            f,
            "was sent iPXE {times} and came back as firmware: it may be an iPXE that does not say so; the loop is cut, \
             and it is named its script instead (to stay out of it: `loader: pxelinux` for its platform, where there is one)"
        ),
        "other-loader" => write!(
            f,
            "was sent iPXE {times} and came back as firmware, and took no script either: iPXE does not run on it; where \
             there is another loader for it, it is named that for an hour (set `loader:` of its profile to one)"
        ),
        _ => write!(
            f,
            "runs iPXE and was sent iPXE {times} again: the DHCP server names it that file, and iPXE prefers its word; the \
             loop is cut, and it is handed its script under that name (take the boot file out of the DHCP server, or let \
             it name none to iPXE)"
        ),
    }
}

const fn for_how_long(unwritten: bool) -> &'static str {
    if unwritten {
        "; remembered until bootjack ends, for it cannot be written"
    } else {
        "; remembered"
    }
}

#[cfg(test)]
mod tests {
    use crate::event::What;

    #[test]
    fn steps_are_told_in_a_sentence() {
        let (strategy, failures) = ("offer-4011", 2);
        let next = |at_4011, next| What::Escalated {
            strategy,
            failures,
            at_4011,
            next,
        };
        for (what, said) in [
            (
                next(false, "self-sufficient"),
                "did not follow offer-4011 twice; trying the self-sufficient offer",
            ),
            (
                next(true, "bypass-prompt"),
                "fetched nothing after offer-4011 twice, though it came to port 4011 and was answered (is UDP 69 open \
                 between the two?); trying the bypass-prompt offer",
            ),
            (
                What::Escalated {
                    strategy: "bypass-prompt",
                    failures: 3,
                    at_4011: false,
                    next: strategy,
                },
                "did not follow bypass-prompt 3 times; trying offer-4011",
            ),
            (
                What::Follows {
                    strategy,
                    remembered: true,
                    unwritten: false,
                },
                "follows offer-4011; remembered",
            ),
            (
                What::Observed {
                    behaviour: "asks-4011-all-the-same",
                    unwritten: true,
                },
                "asks port 4011 although its OFFER told it not to; remembered until bootjack ends, for it cannot be written",
            ),
            (
                What::Disproved {
                    behaviour: "secure-boot",
                },
                "has Secure Boot off after all (it runs an unsigned iPXE, or its GRUB says so): it is given its usual loader again",
            ),
        ] {
            assert_eq!(what.to_string(), said);
        }
        let refused = What::ShimRefused;
        assert_eq!(refused.level(), tracing::Level::WARN);
        let said = refused.to_string();
        assert!(
            said.contains("\"Allow Microsoft 3rd Party UEFI CA\""),
            "{said}"
        );
        for leased in [true, false] {
            let nothing = What::NothingLeft {
                strategy,
                failures,
                at_4011: false,
                leased,
            };
            let said = nothing.to_string();
            assert!(said.contains("nothing left to try: "), "{said}");
            assert!(said.contains("`pxe: single-offer`"), "{said}");
        }
    }
}
