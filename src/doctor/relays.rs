//! DHCP servers that answer machines and no relay agents.
//!
//! bootjack asks as one for machines that take lease and boot data of one server alone: those whose loader is
//! GRUB behind shim, and firmware that follows no proxy. Where none is known, by a profile, a row or what was
//! learnt, it is worth knowing, no more. Nothing is said of a server that had no time to answer.

use std::time::Duration;

use super::observed::Relayed;
use super::{Code, Finding, Link, Observed, Severity};

/// A server that answers machines at once answers relays in this time.
const PATIENCE: Duration = Duration::from_secs(2);

/// Those of one interface.
pub fn findings(observed: &Observed, link: &Link) -> Vec<Finding> {
    let severity = if observed.needs_leases {
        Severity::Warning
    } else {
        Severity::Info
    };
    let silent = link.relayed.iter().filter(|relayed| is_silent(relayed));
    silent
        .map(|relayed| {
            let what = format!(
                "{} offers addresses, and did not answer a relay agent",
                relayed.who
            );
            Finding::on(&link.name, Code::RELAYS_IGNORED, severity, what)
        })
        .collect()
}

/// It had twice the time that it took to answer a machine.
fn is_silent(relayed: &Relayed) -> bool {
    let enough = PATIENCE.max(relayed.offered_after * 2);
    !relayed.answered && relayed.waited >= enough
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(needs_leases: bool, answered: bool, offered: f32, waited: f32) -> Vec<Severity> {
        let link = Link {
            name: "eth0".into(),
            relayed: vec![Relayed {
                server: [10, 0, 0, 1].into(),
                who: "10.0.0.1".into(),
                answered,
                offered_after: Duration::from_secs_f32(offered),
                waited: Duration::from_secs_f32(waited),
            }],
            ..Link::default()
        };
        let observed = Observed {
            needs_leases,
            ..Observed::default()
        };
        let found = findings(&observed, &link);
        found.into_iter().map(|f| f.severity).collect()
    }

    #[test]
    fn who_had_time_and_did_not_answer_is_told_of() {
        assert_eq!(said(true, false, 0.1, 5.0), [Severity::Warning]);
        assert_eq!(said(false, false, 0.1, 5.0), [Severity::Info]);
        for (answered, offered, waited) in [(true, 0.1, 5.0), (false, 0.1, 1.9), (false, 3.0, 5.9)]
        {
            assert_eq!(said(true, answered, offered, waited), []);
        }
    }
}
