//! What the answers of one interface say together: who serves, who rivals whom, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use super::{Code, Finding, Link, Mode, Observed, Offer, Severity, offers, serving};
use crate::firmware::sample::Flavour;
use crate::wire::pxe::CLASS_PXE;

/// From here on an answer is worth a word.
const LATE: Duration = Duration::from_secs(2);
/// EDK2's first try is over (facts, section C).
const TOO_LATE: Duration = Duration::from_secs(4);

/// Everything about one interface that was asked.
pub fn findings(observed: &Observed, link: &Link) -> Vec<Finding> {
    let lists = [
        nobody(observed, link),
        several(observed, link),
        ignored(link),
        unannounced(observed, link),
        proxies(observed, link),
        handed_on(observed, link),
        own(observed, link),
        slow(link),
        tree(link),
        nowhere(link),
    ];
    lists.into_iter().flatten().collect()
}

fn nobody(observed: &Observed, link: &Link) -> Vec<Finding> {
    let answered = link.leases().next().is_some() || !link.unreadable.is_empty();
    if answered || serving::would_give(observed, link) {
        return Vec::new();
    }
    let holder = observed.holder_of(link, 67);
    let gives = observed.running(link).is_some_and(|r| r.mode == Mode::Dhcp);
    let what = match holder.map(super::Held::by) {
        Some(by) if observed.local_dhcp_server(link) => {
            format!("{by} on this host has UDP 67 and offers no address here")
        }
        Some(by) if gives => {
            format!("nobody offers an address, and {by}, which is to, says in its log why not")
        }
        _ => "nobody offers an address".to_owned(),
    };
    vec![Finding::on(
        &link.name,
        Code::NO_DHCP_SERVER,
        Severity::Warning,
        what,
    )]
}

/// Servers with what people know them by, each once.
fn servers<'a>(offers: impl Iterator<Item = &'a Offer>) -> BTreeMap<Ipv4Addr, String> {
    offers.map(|o| (o.server(), o.who())).collect()
}

fn listed(servers: BTreeMap<Ipv4Addr, String>) -> String {
    let servers: Vec<String> = servers.into_values().collect();
    super::listed(servers.iter())
}

fn several(observed: &Observed, link: &Link) -> Vec<Finding> {
    let mut servers = servers(observed.leases(link));
    if let Some(ours) = observed.leases(link).find(|o| observed.is_ours(link, o)) {
        servers.insert(
            ours.server(),
            format!("{} (bootjack on this host)", ours.server()),
        );
    }
    if servers.len() < 2 {
        return Vec::new();
    }
    let what = format!(
        "{} servers offer addresses: {}",
        servers.len(),
        listed(servers)
    );
    vec![Finding::on(
        &link.name,
        Code::SEVERAL_DHCP_SERVERS,
        Severity::Warning,
        what,
    )]
}

/// Ordinary machines are answered, and some kinds of boot clients are not.
fn ignored(link: &Link) -> Vec<Finding> {
    let given = link.offers.iter().filter(|o| !o.is_proxy());
    let given: Vec<Flavour> = given.map(|o| o.flavour).collect();
    let answered = |flavour| given.contains(&flavour);
    let boots = [Flavour::Bios, Flavour::Uefi, Flavour::Http];
    let unreadable = |f: &Flavour| link.unreadable.iter().any(|u| u.flavour == *f);
    let left_out: Vec<Flavour> = boots
        .into_iter()
        .filter(|f| !answered(*f) && !unreadable(f))
        .collect();
    // A slow server may not have come to the others yet.
    let soon = |o: &Offer| o.flavour == Flavour::Plain && o.after < LATE;
    if left_out.is_empty() || !link.leases().any(soon) {
        return Vec::new();
    }
    let what = format!(
        "ordinary machines are offered an address, {} not",
        offers::names(&left_out)
    );
    vec![Finding::on(
        &link.name,
        Code::BOOT_CLIENTS_IGNORED,
        Severity::Warning,
        what,
    )]
}

/// Beside a DHCP server of this host, boot clients come to port 4011 only where it says so.
fn unannounced(observed: &Observed, link: &Link) -> Vec<Finding> {
    if !observed.local_dhcp_server(link) {
        return Vec::new();
    }
    let silent = observed.local_leases(link).filter(|o| !announces(o));
    let told: Vec<Flavour> = silent.map(|o| o.flavour).collect();
    if told.is_empty() {
        return Vec::new();
    }
    let by = observed
        .holder_of(link, 67)
        .map_or_else(String::new, super::Held::by);
    let told = offers::names(&told);
    let what = format!("{by} sends no option 60 \"PXEClient\" to these boot clients: {told}");
    vec![Finding::on(
        &link.name,
        Code::NOT_ANNOUNCED,
        Severity::Warning,
        what,
    )]
}

/// Whether this offer sends a PXE client to port 4011; others are not to be sent.
pub fn announces(offer: &Offer) -> bool {
    !matches!(offer.flavour, Flavour::Bios | Flavour::Uefi) || offer.class_is(CLASS_PXE)
}

fn proxies(observed: &Observed, link: &Link) -> Vec<Finding> {
    let mut rivals = servers(link.proxies().filter(|o| !observed.is_ours(link, o)));
    for handing in observed.handing_on(link) {
        rivals.remove(&handing.server());
    }
    if rivals.is_empty() {
        return Vec::new();
    }
    let what = format!("another boot server answers: {}", listed(rivals));
    vec![Finding::on(
        &link.name,
        Code::RIVAL_PROXY,
        Severity::Warning,
        what,
    )]
}

/// Boot servers elsewhere that hand on leases. Beside a bootjack of this host they are a second one.
fn handed_on(observed: &Observed, link: &Link) -> Vec<Finding> {
    let handing = servers(observed.handing_on(link));
    if handing.is_empty() {
        return Vec::new();
    }
    let of = of_whom(link, observed.handing_on(link));
    let what = format!("a boot server hands on leases{of}: {}", listed(handing));
    let severity = match observed.running(link) {
        Some(_) => Severity::Warning,
        None => Severity::Info,
    };
    let code = Code::LEASES_HANDED_ON;
    vec![Finding::on(&link.name, code, severity, what)]
}

/// ` of 10.0.0.1`, where it was heard whose leases these are.
fn of_whom<'a>(link: &Link, joined: impl Iterator<Item = &'a Offer>) -> String {
    let true_ones = joined.filter_map(|o| link.true_server(o));
    let true_ones: BTreeSet<String> = true_ones.map(|server| server.to_string()).collect();
    if true_ones.is_empty() {
        return String::new();
    }
    format!(" of {}", super::listed(true_ones.iter()))
}

fn own(observed: &Observed, link: &Link) -> Vec<Finding> {
    let ours = servers(link.offers.iter().filter(|o| observed.is_ours(link, o)));
    if ours.is_empty() {
        return Vec::new();
    }
    let joined = |o: &&Offer| observed.is_ours(link, o) && observed.hands_on(link, o);
    let leases = if link.offers.iter().any(|o| joined(&o)) {
        let of = of_whom(link, link.offers.iter().filter(joined));
        format!(", with leases{of}")
    } else {
        String::new()
    };
    let what = format!("bootjack on this host answers: {}{leases}", listed(ours));
    vec![Finding::on(
        &link.name,
        Code::OWN_PROXY_HEARD,
        Severity::Info,
        what,
    )]
}

fn slow(link: &Link) -> Vec<Finding> {
    let Some(first) = link.leases().map(|o| o.after).min() else {
        return Vec::new();
    };
    let severity = match first {
        t if t >= TOO_LATE => Severity::Warning,
        t if t >= LATE => Severity::Info,
        _ => return Vec::new(),
    };
    let what = format!(
        "the first address was offered after {:.1} s",
        first.as_secs_f64()
    );
    vec![Finding::on(
        &link.name,
        Code::SLOW_FIRST_ANSWER,
        severity,
        what,
    )]
}

fn tree(link: &Link) -> Vec<Finding> {
    let Some(tree) = link.spanning_tree else {
        return Vec::new();
    };
    let what = format!(
        "the switch speaks spanning tree, forward delay {} s",
        tree.forward_delay.as_secs()
    );
    vec![Finding::on(
        &link.name,
        Code::SPANNING_TREE,
        Severity::Info,
        what,
    )]
}

fn nowhere(link: &Link) -> Vec<Finding> {
    let local = |address| link.nets.iter().any(|net| net.contains(&address));
    let strange = link.leases().find(|o| !local(o.message.yiaddr));
    let found = strange.map(|offer| {
        let (who, address) = (offer.who(), offer.message.yiaddr);
        let nets: Vec<String> = link.nets.iter().map(|n| n.trunc().to_string()).collect();
        let what = format!(
            "{who} offers {address}; this interface has {}",
            nets.join(", ")
        );
        Finding::on(
            &link.name,
            Code::ADDRESS_FROM_NOWHERE,
            Severity::Warning,
            what,
        )
    });
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::observed::SpanningTree;
    use crate::doctor::offer::made::{offer, proxy};
    use crate::wire::dhcp::code;

    fn link(offers: Vec<Offer>) -> Link {
        Link {
            name: "eth0".into(),
            nets: vec!["10.0.0.2/24".parse().unwrap()],
            offers,
            ..Link::default()
        }
    }

    fn found(link: &Link) -> Vec<(&'static str, Severity)> {
        let observed = Observed {
            own: vec![[10, 0, 0, 2].into()],
            ..Observed::default()
        };
        let found = findings(&observed, link);
        found.iter().map(|f| (f.code.name(), f.severity)).collect()
    }

    fn all() -> Vec<Offer> {
        Flavour::ALL.map(|f| offer(f, |_| {})).into()
    }

    fn from(server: [u8; 4]) -> Offer {
        let mut offer = offer(Flavour::Plain, |_| {});
        offer.message.options = [(code::SERVER_ID, &server[..])].into_iter().collect();
        offer
    }

    #[test]
    fn a_healthy_lan() {
        assert_eq!(found(&link(all())), []);
    }

    #[test]
    fn nobody_answers() {
        assert_eq!(
            found(&link(vec![])),
            [("no-dhcp-server", Severity::Warning)]
        );
        let rival = proxy(Flavour::Bios, [10, 0, 0, 3]);
        assert_eq!(
            found(&link(vec![rival])),
            [
                ("no-dhcp-server", Severity::Warning),
                ("rival-proxy", Severity::Warning)
            ]
        );
    }

    #[test]
    fn two_servers_are_named() {
        let both = [all(), vec![from([10, 0, 0, 6])]].concat();
        let found = findings(&Observed::default(), &link(both));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].code, Code::SEVERAL_DHCP_SERVERS);
        assert!(
            found[0]
                .what
                .contains("10.0.0.1 (02:00:00:00:00:09), 10.0.0.6 (")
        );
    }

    #[test]
    fn boot_clients_are_left_out() {
        let some = vec![offer(Flavour::Plain, |_| {}), offer(Flavour::Bios, |_| {})];
        let found = findings(&Observed::default(), &link(some));
        assert_eq!(found[0].code, Code::BOOT_CLIENTS_IGNORED);
        assert!(
            found[0].what.ends_with("UEFI, UEFI HTTP boot not"),
            "{found:?}"
        );
    }

    #[test]
    fn late_answers() {
        let after = |ms| {
            let mut offers = all();
            for offer in &mut offers {
                offer.after = Duration::from_millis(ms);
            }
            found(&link(offers))
        };
        assert_eq!(after(1900), []);
        assert_eq!(after(3000), [("slow-first-answer", Severity::Info)]);
        assert_eq!(after(4500), [("slow-first-answer", Severity::Warning)]);
    }

    #[test]
    fn an_address_of_another_subnet() {
        let mut offers = all();
        offers[1].message.yiaddr = [192, 168, 1, 7].into();
        assert_eq!(
            found(&link(offers)),
            [("address-from-nowhere", Severity::Warning)]
        );
    }

    #[test]
    fn spanning_tree_is_an_info() {
        let mut link = link(all());
        link.spanning_tree = Some(SpanningTree {
            forward_delay: Duration::from_secs(15),
        });
        assert_eq!(found(&link), [("spanning-tree", Severity::Info)]);
    }
}
