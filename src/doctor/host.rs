//! This host: its interfaces, who holds the ports, and what its firewall drops.

use super::firewall::{self, Packet, Passes};
use super::{Code, Finding, Held, Link, Observed, Protocol, Severity, State};

/// The UDP ports bootjack serves.
pub const UDP_PORTS: [u16; 3] = [67, 69, 4011];

/// Everything about this host.
pub fn findings(observed: &Observed) -> Vec<Finding> {
    let lists = [
        interfaces(observed),
        ports(observed),
        rules(observed),
        reverse_path(observed),
    ];
    lists.into_iter().flatten().collect()
}

/// An interface that cannot be served matters where it was named or is all there is.
fn interfaces(observed: &Observed) -> Vec<Finding> {
    let none = observed.asked().next().is_none();
    let severity = match (observed.named, none) {
        (true, _) => Severity::Error,
        (false, true) => Severity::Warning,
        (false, false) => Severity::Info,
    };
    let bad = observed.links.iter().filter_map(|link| {
        let (code, what) = match link.state {
            State::Up => return None,
            State::Down => (Code::INTERFACE_DOWN, "is down"),
            State::NoCarrier => (Code::NO_CARRIER, "has no carrier"),
            State::NoAddress => (Code::NO_ADDRESS, "has no IPv4 address"),
        };
        let what = format!("{} {what}", link.name);
        Some(Finding::on(&link.name, code, severity, what))
    });
    let nothing = none.then(|| {
        let what = "no interface can be served".to_owned();
        Finding::of_host(Code::NO_INTERFACE, Severity::Error, what)
    });
    nothing.into_iter().chain(bad).collect()
}

/// Each port once, with the interfaces it is held on.
fn ports(observed: &Observed) -> Vec<Finding> {
    let mut seen: Vec<(&Held, Vec<&str>)> = Vec::new();
    for held in observed.held.iter().filter(|h| !h.is_ours()) {
        let same = |(h, _): &&mut (&Held, _)| {
            (h.protocol, h.port, &h.holder) == (held.protocol, held.port, &held.holder)
        };
        match seen.iter_mut().find(same) {
            Some((_, on)) => on.push(&held.interface),
            None => seen.push((held, vec![&held.interface])),
        }
    }
    let findings = seen.into_iter().map(|(held, on)| {
        let (protocol, port, by) = (held.protocol, held.port, held.by());
        let what = format!("{protocol} {port} is held by {by} on {}", on.join(", "));
        Finding::of_host(Code::PORT_TAKEN, weight(observed, held), what)
    });
    findings.collect()
}

/// A DHCP server on 67 beside bootjack on 4011 is mode colocated at work.
fn weight(observed: &Observed, held: &Held) -> Severity {
    let colocated = |h: &Held| h.port == 4011 && h.is_ours() && h.interface == held.interface;
    let dhcp = held.protocol == Protocol::Udp && held.port == 67;
    match dhcp {
        true if observed.held.iter().any(colocated) => Severity::Info,
        true => Severity::Warning,
        false => Severity::Error,
    }
}

fn rules(observed: &Observed) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut unknown: Vec<String> = Vec::new();
    for link in observed.asked() {
        for packet in packets(observed, link) {
            match firewall::judge(&observed.firewall, &packet) {
                Passes::Yes => {}
                Passes::No(by) => {
                    let what = format!("{packet} is dropped by {by}");
                    findings.push(Finding::on(
                        &link.name,
                        Code::FIREWALL,
                        Severity::Warning,
                        what,
                    ));
                }
                Passes::Unknown(why) if unknown.contains(&why) => {}
                Passes::Unknown(why) => unknown.push(why),
            }
        }
    }
    let unknown = unknown.into_iter().map(|why| {
        let what = format!("could not tell whether all packets come in: {why}");
        Finding::of_host(Code::FIREWALL_UNKNOWN, Severity::Info, what)
    });
    findings.extend(unknown);
    findings
}

/// The first packets that have to come in.
fn packets<'l>(observed: &Observed, link: &'l Link) -> impl Iterator<Item = Packet<'l>> {
    let udp = UDP_PORTS.map(|port| (Protocol::Udp, port));
    let all = udp.into_iter().chain([(Protocol::Tcp, observed.http_port)]);
    all.map(|(protocol, port)| Packet {
        interface: &link.name,
        protocol,
        port,
    })
}

/// A strict filter drops what the host would answer by another way.
fn reverse_path(observed: &Observed) -> Vec<Finding> {
    let strict = observed.asked().filter(|link| link.strict_reverse_path);
    let findings = strict.filter_map(|link| {
        let other = observed
            .asked()
            .find(|o| o.name != link.name && share(link, o))?;
        let what = format!(
            "{} and {} are in the same subnet, and the filter is strict",
            link.name, other.name
        );
        Some(Finding::on(
            &link.name,
            Code::REVERSE_PATH,
            Severity::Warning,
            what,
        ))
    });
    findings.collect()
}

fn share(one: &Link, other: &Link) -> bool {
    let nets = |link: &Link| {
        link.nets
            .iter()
            .map(ipnet::Ipv4Net::trunc)
            .collect::<Vec<_>>()
    };
    let others = nets(other);
    nets(one).iter().any(|net| others.contains(net))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Holder;
    use crate::doctor::firewall::Rules;

    fn link(name: &str, state: State) -> Link {
        Link {
            name: name.into(),
            state,
            nets: vec!["10.0.0.2/24".parse().unwrap()],
            ..Link::default()
        }
    }

    fn found(observed: &Observed) -> Vec<(&'static str, Severity)> {
        let found = findings(observed);
        found.iter().map(|f| (f.code.name(), f.severity)).collect()
    }

    fn with(named: bool, states: &[State]) -> Observed {
        let names = ["eth0", "eth1", "eth2"];
        Observed {
            links: names.iter().zip(states).map(|(n, s)| link(n, *s)).collect(),
            named,
            http_port: 8067,
            ..Observed::default()
        }
    }

    #[test]
    fn interfaces_that_cannot_be_served() {
        let others = [State::Up, State::Down, State::NoCarrier];
        assert_eq!(
            found(&with(false, &others)),
            [
                ("interface-down", Severity::Info),
                ("no-carrier", Severity::Info)
            ]
        );
        assert_eq!(
            found(&with(true, &others))[0],
            ("interface-down", Severity::Error)
        );
        assert_eq!(
            found(&with(false, &[State::NoAddress])),
            [
                ("no-interface", Severity::Error),
                ("no-address", Severity::Warning)
            ]
        );
        assert_eq!(
            found(&with(false, &[])),
            [("no-interface", Severity::Error)]
        );
    }

    fn held(port: u16, name: &str) -> Held {
        Held {
            protocol: Protocol::Udp,
            port,
            interface: "eth0".into(),
            holder: Some(Holder {
                name: name.into(),
                pid: 812,
            }),
        }
    }

    #[test]
    fn ports_that_are_taken() {
        let mut observed = with(false, &[State::Up]);
        observed.held = vec![held(69, "in.tftpd"), held(67, "dnsmasq")];
        let found_now = findings(&observed);
        assert_eq!(
            found_now[0].what,
            "UDP 69 is held by in.tftpd (pid 812) on eth0"
        );
        assert_eq!(
            found(&observed),
            [
                ("port-taken", Severity::Error),
                ("port-taken", Severity::Warning)
            ]
        );
        observed.held = vec![
            held(67, "dnsmasq"),
            held(4011, "bootjack"),
            held(69, "bootjack"),
        ];
        assert_eq!(
            found(&observed),
            [("port-taken", Severity::Info)],
            "mode colocated"
        );
        observed.held = vec![Held {
            protocol: Protocol::Tcp,
            holder: None,
            ..held(8067, "")
        }];
        assert_eq!(
            findings(&observed)[0].what,
            "TCP 8067 is held by another program on eth0"
        );
    }

    #[test]
    fn firewalls() {
        let mut observed = with(false, &[State::Up]);
        observed.firewall.iptables =
            Ok("*filter\n:INPUT DROP [0:0]\n-A INPUT -p udp -m udp --dport 67 -j ACCEPT\n".into());
        let found_now = findings(&observed);
        let dropped: Vec<&str> = found_now.iter().map(|f| f.what.as_str()).collect();
        assert_eq!(
            dropped,
            [
                "UDP 69 is dropped by iptables chain INPUT (policy)",
                "UDP 4011 is dropped by iptables chain INPUT (policy)",
                "TCP 8067 is dropped by iptables chain INPUT (policy)"
            ]
        );
        observed.firewall = Rules {
            nft: Err("nft is not there".into()),
            iptables: Err("iptables-save is not there".into()),
        };
        assert_eq!(found(&observed), [("firewall-unknown", Severity::Info)]);
    }

    #[test]
    fn two_ways_into_one_subnet() {
        let mut observed = with(false, &[State::Up, State::Up]);
        assert_eq!(found(&observed), []);
        observed.links[0].strict_reverse_path = true;
        assert_eq!(found(&observed), [("reverse-path", Severity::Warning)]);
        observed.links[1].nets = vec!["10.1.0.2/24".parse().unwrap()];
        assert_eq!(found(&observed), []);
    }
}
