//! What profiles say that comes to nothing on this host, in the mode served: a shape or HTTP boot that the mode does
//! not have, entries of other servers that are this one, and leases for machines behind relays, of a server that
//! nobody names. Warnings, since the same profiles may be served elsewhere.
//!
//! Absent on purpose: shapes that firmware does not take (`profile/pinned`, whatever the mode).

use ipnet::Ipv4Net;

use super::Places;
use super::at::Pen;
use crate::client::Shape;
use crate::config::Mode;
use crate::decide::needs;
use crate::profile::{HttpBoot, Part, PerArch, Profile, Profiles, Relays};
use crate::service::interfaces;
use crate::yaml::Finding;

/// All of it.
pub fn check(places: &Places, profiles: &Profiles, pen: &Pen<'_>) -> Vec<Finding> {
    let mut findings = asked(profiles, pen);
    findings.extend(pinned(places, profiles, pen));
    findings.extend(beyond(places, profiles, pen));
    findings.extend(by_http(places, profiles, pen));
    findings
}

/// HTTP boot never asks port 4011, which is all that is answered in mode `colocated`.
fn by_http(places: &Places, profiles: &Profiles, pen: &Pen<'_>) -> Vec<Finding> {
    if places.mode != Mode::Colocated {
        return Vec::new();
    }
    let said = profiles
        .all()
        .filter(|profile| profile.http_boot != HttpBoot::default());
    let wrong = said.map(|profile| {
        let message = format!(
            "http_boot of \"{}\" has no effect in mode colocated: HTTP boot never asks port 4011, and loads what the DHCP server of this host names",
            profile.name
        );
        let hint = "`bootjack explain --mode colocated --arch http-x64` says which URI that server has to name; README has the lines";
        pen.warning((profile, Part::HttpBoot), message, hint)
    });
    wrong.collect()
}

/// Machines of another link come through a relay, and for those only a server that is named is asked.
fn beyond(places: &Places, profiles: &Profiles, pen: &Pen<'_>) -> Vec<Finding> {
    let present = interfaces::present(&places.interface);
    let links: Vec<Ipv4Net> = present.into_iter().flat_map(|link| link.nets).collect();
    if places.relays() != Relays::Link || links.is_empty() {
        return Vec::new();
    }
    let needy = profiles.with_platforms().map(|(profile, platforms)| {
        let mut each = platforms.into_iter();
        each.any(|platform| needs::by_profile(profile, platform))
    });
    let each = profiles.with_subnets().zip(needy);
    let wrong = each.filter_map(|((profile, subnets), needy)| {
        let mut elsewhere = subnets.into_iter().filter(|net| is_elsewhere(*net, &links));
        let subnet = elsewhere.next().filter(|_| needy)?;
        let message = format!(
            "machines of \"{}\" in {subnet}, which is on none of our links, come through a relay, and take lease and loader of one server (augment): no lease is fetched for them while no DHCP server is named",
            profile.name
        );
        let hint = "name the server that gives them their leases: --dhcp-server, or dhcp-server in the config file";
        Some(pen.warning((profile, Part::Strategy), message, hint))
    });
    wrong.collect()
}

fn is_elsewhere(net: Ipv4Net, links: &[Ipv4Net]) -> bool {
    let overlaps = |link: &Ipv4Net| link.contains(&net) || net.contains(link);
    !links.iter().any(overlaps)
}

/// The lease of another DHCP server is fetched in mode `proxy` alone.
fn pinned(places: &Places, profiles: &Profiles, pen: &Pen<'_>) -> Vec<Finding> {
    if places.relays() != Relays::Nobody {
        return Vec::new();
    }
    let wrong = profiles.all().filter(|profile| pins_augment(profile));
    let wrong = wrong.map(|profile| {
        let message = format!(
            "strategy {} of \"{}\" has no effect in mode {}: the lease of another DHCP server is fetched in mode proxy alone",
            Shape::Augment,
            profile.name,
            places.mode.name()
        );
        let hint = "take it out, or serve in mode proxy";
        pen.warning((profile, Part::Strategy), message, hint)
    });
    wrong.collect()
}

fn pins_augment(profile: &Profile) -> bool {
    let mut pinned = profile.strategy.iter().flat_map(PerArch::values);
    pinned.any(|shape| *shape == Shape::Augment)
}

/// Entries that other servers are said to have, by an address of this very host.
fn asked(profiles: &Profiles, pen: &Pen<'_>) -> Vec<Finding> {
    let own = interfaces::addresses();
    let entries = profiles
        .all()
        .flat_map(|profile| (profile.menu.entries.iter().enumerate()).map(move |e| (profile, e)));
    let wrong = entries.filter_map(|(profile, (number, entry))| {
        let address = entry.asks_in_vain(&own)?;
        let message = format!(
            "the servers of \"{}\" name {address}, which is this host, and nothing says what it boots",
            entry.id
        );
        let hint = "write self in its place, and one of linux, loader, chain, ipxe, image";
        Some(pen.warning((profile, Part::Entry(number)), message, hint))
    });
    wrong.collect()
}
