//! The bootjack that runs on this host already: in which mode, and whether that is the LAN's.
//!
//! What its LAN wants is judged as if it were not there; it fits where that is its own mode.

use super::observed::{Mode, Running};
use super::verdict::{Choice, Verdict, names, wanted};
use super::{Code, Finding, Link, Observed, Severity};

/// The verdict where one runs.
pub(super) fn verdict(observed: &Observed) -> Option<Verdict> {
    let (running, links) = served(observed)?;
    Some(of(observed, running, &links))
}

/// The bootjack that runs here, and where; the first, if there are several.
fn served(observed: &Observed) -> Option<(Running, Vec<&Link>)> {
    let running = observed.asked().find_map(|l| observed.running(l))?;
    let same = |link: &&Link| observed.running(link).is_some_and(|r| r.pid == running.pid);
    let links = observed.asked().filter(same).collect();
    Some((running, links))
}

fn of(observed: &Observed, running: Running, links: &[&Link]) -> Verdict {
    let (pid, mode) = (running.pid, running.mode.name());
    let here = format!(
        "bootjack runs already (pid {pid}) in mode {mode} on {}",
        names(links)
    );
    let wanted = wanted(observed, &judged(observed, &running, links));
    let fits = wanted.mode == running.mode.into();
    Verdict {
        mode: Choice::Serving,
        wanted: wanted.mode,
        why: if fits {
            here
        } else {
            format!("{here}, but {}", wanted.why)
        },
        command: wanted.command.filter(|_| !fits),
        config: match (fits, running.mode) {
            (true, Mode::Dhcp) => Vec::new(), // it has its networks
            _ => wanted.config,
        },
        running: Some(running),
        unserved: unserved(observed).iter().map(|l| l.name.clone()).collect(),
    }
}

/// Mode `dhcp` may leave interfaces of its host to others: it is judged where it gives addresses.
fn judged<'l>(observed: &Observed, running: &Running, links: &[&'l Link]) -> Vec<&'l Link> {
    let gives = |link: &&Link| running.mode == Mode::Dhcp && own_lease(observed, link);
    let given: Vec<&Link> = links.iter().copied().filter(gives).collect();
    if given.is_empty() {
        links.to_vec()
    } else {
        given
    }
}

fn own_lease(observed: &Observed, link: &Link) -> bool {
    let mut leases = observed.leases(link);
    leases.any(|offer| observed.is_ours(link, offer))
}

/// A bootjack that runs in another mode than it should, where no finding of an interface says so.
pub(super) fn misfit(observed: &Observed) -> Option<Finding> {
    let (running, links) = served(observed)?;
    let rivals = links.iter().any(|link| own_lease(observed, link));
    let verdict = wanted(observed, &judged(observed, &running, &links));
    let fits = verdict.mode == running.mode.into();
    let said = verdict.mode == Choice::Dhcp || rivals;
    (!fits && !said).then(|| {
        let mode = running.mode.name();
        let what = format!(
            "bootjack (pid {}) runs in mode {mode}, but {}",
            running.pid, verdict.why
        );
        Finding::of_host(Code::WRONG_MODE, Severity::Warning, what)
    })
}

/// Interfaces that the bootjack that runs here has no socket on: sockets are opened at its start.
/// Those that have a DHCP server are none of its business in mode `dhcp`.
pub(super) fn unserved(observed: &Observed) -> Vec<&Link> {
    let Some((running, _)) = served(observed) else {
        return Vec::new();
    };
    let elsewhere =
        |link: &&Link| running.mode == Mode::Dhcp && observed.foreign_leases(link).next().is_some();
    let unserved = observed.asked().filter(|l| observed.running(l).is_none());
    unserved.filter(|link| !elsewhere(link)).collect()
}

/// What is to be said of these interfaces.
pub(super) fn not_served(observed: &Observed) -> Vec<Finding> {
    let Some((running, links)) = served(observed) else {
        return Vec::new();
    };
    let (pid, mode, on) = (running.pid, running.mode.name(), names(&links));
    let what = format!("bootjack (pid {pid}) serves {on} in mode {mode}, and not this interface");
    let finding = |link: &Link| {
        let (code, severity) = (Code::NOT_SERVED, Severity::Warning);
        Finding::on(&link.name, code, severity, what.clone())
    };
    unserved(observed).into_iter().map(finding).collect()
}

/// Whether that nobody gives addresses here is said by [`not_served`].
pub(super) fn would_give(observed: &Observed, link: &Link) -> bool {
    let gives = served(observed).is_some_and(|(running, _)| running.mode == Mode::Dhcp);
    gives && unserved(observed).iter().any(|l| l.name == link.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::offer::made::{offer, proxy};
    use crate::doctor::{Held, Holder, Offer, Protocol, diagnose};
    use crate::firmware::sample::Flavour;
    use crate::wire::dhcp::code;

    const HERE: [u8; 4] = [10, 0, 0, 2];
    const THERE: [u8; 4] = [10, 0, 0, 1];

    /// bootjack on eth0 with these ports, dnsmasq with those.
    fn lan(ours: &[u16], others: &[u16], gives_leases: bool, offers: Vec<Offer>) -> Observed {
        let held = |name: &str, pid, port: &u16| Held {
            protocol: Protocol::Udp,
            port: *port,
            interface: "eth0".into(),
            holder: Some(Holder {
                name: name.into(),
                pid,
            }),
        };
        let ours = ours.iter().map(|port| held("bootjack", 7, port));
        let others = others.iter().map(|port| held("dnsmasq", 8, port));
        Observed {
            links: vec![Link {
                name: "eth0".into(),
                nets: vec!["10.0.0.2/24".parse().unwrap()],
                offers,
                ..Link::default()
            }],
            held: ours.chain(others).collect(),
            own: vec![HERE.into()],
            gives_leases,
            ..Observed::default()
        }
    }

    /// What every kind of machine is offered by a server, PXE clients with this option 60.
    fn all(server: [u8; 4], class: &[u8]) -> Vec<Offer> {
        let options = |flavour| {
            let pxe = matches!(flavour, Flavour::Bios | Flavour::Uefi) && !class.is_empty();
            let class = pxe.then_some((code::VENDOR_CLASS, class));
            let sound: [(u8, &[u8]); 3] = [
                (code::MESSAGE_TYPE, &[2]),
                (code::SERVER_ID, &server),
                (code::SUBNET_MASK, &[255, 255, 255, 0]),
            ];
            sound.into_iter().chain(class).collect()
        };
        let offered = |flavour| offer(flavour, |m| m.options = options(flavour));
        Flavour::ALL.map(offered).into()
    }

    /// Mode, mode wanted, whether a command is shown, and the codes found (infos left out).
    fn told(observed: &Observed) -> (Mode, Choice, bool, Vec<&'static str>) {
        let diagnosis = diagnose(observed);
        let verdict = &diagnosis.verdict;
        assert_eq!(verdict.mode, Choice::Serving);
        let all = diagnosis.findings.iter();
        let counting = all.filter(|f| f.severity != Severity::Info);
        let codes = counting.map(|f| f.code.name()).collect();
        let running = verdict.running.as_ref().unwrap();
        assert_eq!(running.pid, 7);
        (
            running.mode,
            verdict.wanted,
            verdict.command.is_some(),
            codes,
        )
    }

    #[test]
    fn each_mode_in_its_lan() {
        let own = vec![proxy(Flavour::Bios, HERE), proxy(Flavour::Uefi, HERE)];
        let beside = lan(&[67, 4011], &[], false, [all(THERE, b""), own].concat());
        assert_eq!(told(&beside), (Mode::Proxy, Choice::Proxy, false, vec![]));
        let colocated = lan(&[4011], &[67], false, all(HERE, b"PXEClient"));
        let expected = (Mode::Colocated, Choice::Colocated, false, vec![]);
        assert_eq!(told(&colocated), expected);
        let alone = lan(&[67, 4011], &[], true, all(HERE, b""));
        assert_eq!(told(&alone), (Mode::Dhcp, Choice::Dhcp, false, vec![]));
        for observed in [beside, colocated, alone] {
            let verdict = diagnose(&observed).verdict;
            assert!(verdict.is_met(), "{verdict:?}");
            let expected = "bootjack runs already (pid 7) in mode ";
            assert!(verdict.why.starts_with(expected), "{verdict:?}");
        }
    }

    #[test]
    fn each_mode_in_a_lan_for_another() {
        let nobody = lan(&[67, 4011], &[], false, vec![proxy(Flavour::Bios, HERE)]);
        let expected = (Mode::Proxy, Choice::Dhcp, true, vec!["no-dhcp-server"]);
        assert_eq!(told(&nobody), expected);
        let late = lan(&[67, 4011], &[67], false, all(HERE, b"PXEClient"));
        let expected = (Mode::Proxy, Choice::Colocated, true, vec!["wrong-mode"]);
        assert_eq!(told(&late), expected);
        let remote = lan(&[4011], &[], false, all(THERE, b""));
        let expected = (Mode::Colocated, Choice::Proxy, true, vec!["wrong-mode"]);
        assert_eq!(told(&remote), expected);
        let deserted = lan(&[4011], &[], false, vec![]);
        let expected = (Mode::Colocated, Choice::Dhcp, true, vec!["no-dhcp-server"]);
        assert_eq!(told(&deserted), expected);
        let mute = lan(&[67, 4011], &[], true, all(THERE, b""));
        let expected = (Mode::Dhcp, Choice::Proxy, true, vec!["wrong-mode"]);
        assert_eq!(told(&mute), expected);
        let both = [all(HERE, b""), all(THERE, b"")].concat();
        let second = lan(&[67, 4011], &[], true, both);
        let expected = (
            Mode::Dhcp,
            Choice::Proxy,
            true,
            vec!["several-dhcp-servers"],
        );
        assert_eq!(told(&second), expected);
        let steps = verdict(&second).unwrap().steps(false, false);
        let or = "Or stop that bootjack, and run: ";
        assert!(steps.starts_with(or), "{steps}");
    }

    #[test]
    fn a_dhcp_server_here_that_does_not_send_anybody_to_4011() {
        let silent = lan(&[4011], &[67], false, all(HERE, b""));
        let expected = (
            Mode::Colocated,
            Choice::Colocated,
            false,
            vec!["not-announced"],
        );
        assert_eq!(told(&silent), expected);
        let verdict = verdict(&silent).unwrap();
        assert_eq!(verdict.config.len(), 1, "dnsmasq's lines");
        assert!(!verdict.is_met());
        let idle = lan(&[4011], &[67], false, vec![]);
        assert_eq!(told(&idle).3, ["no-dhcp-server"], "it gives nothing here");
    }

    /// Mode `dhcp` on one network of a host whose other one has a server.
    #[test]
    fn other_interfaces_may_have_their_own_server() {
        let mut observed = lan(&[67, 4011], &[], true, all(HERE, b""));
        let mut other = observed.links[0].clone();
        other.name = "eth1".into();
        other.offers = all(THERE, b"");
        observed.links.push(other);
        let held = observed.held.clone();
        observed.held.extend(held.into_iter().map(|h| Held {
            interface: "eth1".into(),
            ..h
        }));
        assert_eq!(told(&observed), (Mode::Dhcp, Choice::Dhcp, false, vec![]));
    }

    /// An interface that came up after it: no socket of it is there.
    #[test]
    fn an_interface_that_it_does_not_serve() {
        let mut observed = lan(&[67, 4011], &[], true, all(HERE, b""));
        let mut late = observed.links[0].clone();
        late.name = "eth1".into();
        late.offers = Vec::new();
        observed.links.push(late);
        let expected = (Mode::Dhcp, Choice::Dhcp, false, vec!["not-served"]);
        assert_eq!(told(&observed), expected, "and not: run mode dhcp");
        let said = verdict(&observed).unwrap();
        assert!(!said.is_met());
        assert!(said.steps(false, false).starts_with("Start bootjack again"));
        // Another network with a server of its own is left to it, but not by a proxy.
        observed.links[1].offers = all(THERE, b"");
        assert_eq!(told(&observed).3, [""; 0]);
        observed.gives_leases = false;
        assert!(told(&observed).3.contains(&"not-served"));
        // None runs, none leaves anything out.
        observed.held.clear();
        assert!(not_served(&observed).is_empty());
    }
}
