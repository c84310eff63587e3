//! Machines that are told https and cannot come by it: nobody serves it, or nobody tells them who knows
//! its name.
//!
//! Absent on purpose: the certificate (`service/tls`), and what a DHCP server of somebody else's tells.

use std::net::Ipv4Addr;

use super::at::Pen;
use super::{Places, about};
use crate::config::Mode;
use crate::network::{Network, Networks, Terms};
use crate::profile::{Part, Profiles};
use crate::yaml::{Finding, Severity};

/// The option of DNS servers (RFC 2132 section 3.8).
const DNS: u8 = 6;

/// What is wrong with these profiles in the networks that there are.
pub fn check(
    places: &Places,
    profiles: &Profiles,
    networks: Option<&Networks>,
    pen: &Pen<'_>,
) -> Vec<Finding> {
    let Some(https) = &places.https else {
        return unserved(profiles, pen);
    };
    let name = https.name.as_ref();
    let name = name.filter(|name| name.parse::<Ipv4Addr>().is_err());
    let told = profiles.all().any(|profile| profile.http_boot.https);
    match (name, networks) {
        (Some(name), Some(networks)) if told && places.mode == Mode::Dhcp => {
            unresolved(places, name, networks)
        }
        _ => Vec::new(),
    }
}

fn unserved(profiles: &Profiles, pen: &Pen<'_>) -> Vec<Finding> {
    let wrong = profiles.all().filter(|profile| profile.http_boot.https);
    let wrong = wrong.map(|profile| {
        let message = "http_boot: https is true, and no HTTPS is served".to_owned();
        let hint = "name its certificate with tls-cert (and restart), or take https out";
        pen.error((profile, Part::HttpBoot), message, hint)
    });
    wrong.collect()
}

/// Networks whose leases name no DNS server. (A reservation may have one of its own.)
fn unresolved(places: &Places, name: &str, networks: &Networks) -> Vec<Finding> {
    let file = places.config.path.display().to_string();
    let without = networks.all.iter().filter(|network| lacks_dns(network));
    let findings = without.map(|network| {
        let message = format!(
            "network \"{}\" names no DNS server, and firmware is to find \"{name}\" (tls-name)",
            network.name.escape_debug()
        );
        let hint = "give it options: { dns: … }, or a certificate with the address and no tls-name";
        about(&file, Severity::Warning, message, hint)
    });
    findings.collect()
}

fn lacks_dns(network: &Network) -> bool {
    let lacks = |terms: &Terms| Terms::option(&[terms], DNS).is_none();
    network.subnets.iter().any(|subnet| {
        let mut pools = subnet.pools.iter();
        // The terms of a pool hold those of its subnet.
        pools.any(|pool| lacks(&pool.terms)) || subnet.pools.is_empty() && lacks(&subnet.terms)
    })
}
