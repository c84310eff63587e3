//! This host: its interfaces, who holds the ports, and what its firewall drops.

use super::firewall::{self, Packet, Passes};
use super::{Code, Finding, Held, Link, Observed, Protocol, Severity, State, listed};

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
        let (code, severity) = match link.state {
            State::Up => return None,
            State::Down => (Code::INTERFACE_DOWN, severity),
            State::NoCarrier => (Code::NO_CARRIER, severity),
            State::NoAddress => (Code::NO_ADDRESS, severity),
            State::WentDown | State::Gone => {
                (Code::INTERFACE_LOST, severity.min(Severity::Warning))
            }
        };
        Some(Finding::on(
            &link.name,
            code,
            severity,
            link.state.to_string(),
        ))
    });
    let nothing = none.then(|| {
        let what = match listed(observed.left_out.iter()) {
            names if names.is_empty() => "no interface can be served".to_owned(),
            names => format!("no interface can be served; left out: {names}"),
        };
        Finding::of_host(Code::NO_INTERFACE, Severity::Error, what)
    });
    nothing.into_iter().chain(bad).collect()
}

/// Ports of others. On 67 the DHCP server of this host is what mode colocated is for.
fn ports(observed: &Observed) -> Vec<Finding> {
    let mut findings = Vec::new();
    for link in observed.asked() {
        let colocated = observed.local_dhcp_server(link);
        let expected = |h: &Held| colocated && (h.protocol, h.port) == (Protocol::Udp, 67);
        let here = observed.held.iter().filter(|h| h.interface == link.name);
        for held in here.filter(|h| !h.is_ours() && !expected(h)) {
            let what = format!("{} {} is held by {}", held.protocol, held.port, held.by());
            let finding = Finding::on(&link.name, Code::PORT_TAKEN, Severity::Error, what);
            findings.push(finding);
        }
    }
    findings
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
    let web = observed.web_ports().map(|port| (Protocol::Tcp, port));
    let all = udp.into_iter().chain(web);
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
        let lost = [State::Up, State::WentDown, State::Gone];
        let warned = ("interface-lost", Severity::Warning);
        assert_eq!(found(&with(false, &lost)), [warned, warned]);
        assert_eq!(found(&with(true, &lost))[0].1, Severity::Error);
        let mut only_docker = with(false, &[]);
        only_docker.left_out = vec!["docker0".into()];
        assert!(
            findings(&only_docker)[0]
                .what
                .ends_with("left out: docker0")
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
        assert_eq!(found_now[0].what, "UDP 69 is held by in.tftpd (pid 812)");
        let one = [("port-taken", Severity::Error)];
        assert_eq!(found(&observed), one, "67 is for mode colocated");
        observed.held = vec![held(67, "dhcrelay")];
        assert_eq!(found(&observed), one, "no DHCP server");
        observed.held = vec![
            held(67, "dnsmasq"),
            held(4011, "bootjack"),
            held(69, "bootjack"),
        ];
        assert_eq!(found(&observed), [], "mode colocated");
        observed.held = vec![Held {
            protocol: Protocol::Tcp,
            holder: None,
            ..held(8067, "")
        }];
        assert_eq!(
            findings(&observed)[0].what,
            "TCP 8067 is held by another program"
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
