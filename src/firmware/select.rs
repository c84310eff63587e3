//! Which of the answers a firmware boots from.

use super::fault::Fault;
use super::kind::{Firmware, Kind, Manner};
use super::machine::web;
use super::reply::Reply;
use super::vendor::shown;
use crate::wire::dhcp::code;

/// From this window on a ROM gives up hoping for a PXE answer beside a plain lease: after 4 + 8 s
/// (facts, section 0).
const ROM_PATIENCE: usize = 1;
/// What a Raspberry Pi looks for in the menu (quirk 28).
const PI_MARK: &str = "Raspberry Pi Boot";

/// What it takes, as places in the list of answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pick {
    /// Whose lease is taken.
    pub lease: usize,
    /// Where the boot data is.
    pub boot: Boot,
}

/// Where the boot data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Boot {
    /// In the ACK of the lease
    Ack,
    /// In this OFFER, as it is
    Offer(usize),
    /// At port 4011 of one of these, asked one after another
    Ask(Vec<usize>),
    /// Nowhere
    Nothing,
}

/// What an answer is to EDK2 (`PXE_OFFER_TYPE`, `PxeBcParseDhcp4Packet`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfferType {
    /// An address, option 60 and one of 43.6 to 10
    DhcpPxe10,
    /// An address, and nothing of PXE
    DhcpOnly,
    /// An address and option 60: ask port 4011
    DhcpBinl,
    /// Boot data alone, with one of 43.6 to 10
    ProxyPxe10,
    /// Boot data alone: ask port 4011
    ProxyBinl,
    /// An answer of 1985
    Bootp,
    /// Neither an address nor anything of PXE
    Nothing,
}

impl OfferType {
    /// Of an answer.
    pub fn of(reply: &Reply) -> Self {
        match (reply.is_proxy(), reply.is_pxe(), reply.vendor.discovers) {
            _ if reply.message.kind().is_none() => Self::Bootp,
            (false, true, true) => Self::DhcpPxe10,
            (false, true, false) => Self::DhcpBinl,
            (false, false, _) => Self::DhcpOnly,
            (true, true, true) => Self::ProxyPxe10,
            (true, true, false) => Self::ProxyBinl,
            (true, false, _) => Self::Nothing,
        }
    }
}

/// What the firmware takes at the end of a window (the first is 0); `None`: it asks again, and at
/// last gives up.
pub fn pick(firmware: &Firmware, answers: &[Reply], window: usize) -> Option<Pick> {
    match firmware.manner {
        Manner::Edk2 => edk2(answers),
        Manner::Edk2Http => http(answers),
        Manner::Rom => rom(firmware, answers, window),
        Manner::Ipxe => ipxe(answers),
        Manner::Pi => pi(answers),
    }
}

/// The first of a type.
fn first(answers: &[Reply], kind: OfferType) -> Option<usize> {
    answers.iter().position(|a| OfferType::of(a) == kind)
}

/// All of a type.
fn all(answers: &[Reply], kind: OfferType) -> Vec<usize> {
    let places = answers.iter().enumerate();
    let of_it = places.filter(|(_, a)| OfferType::of(a) == kind);
    of_it.map(|(place, _)| place).collect()
}

/// What PXE data makes of the answers, in the order of `PxeBcSelectDhcp4Offer` 1 to 6 (those of
/// multicast download are never kept).
fn with_pxe(answers: &[Reply]) -> Option<Pick> {
    let pick = |lease, boot| Some(Pick { lease, boot });
    if let Some(lease) = first(answers, OfferType::DhcpPxe10) {
        return pick(lease, Boot::Ack);
    }
    let plain = first(answers, OfferType::DhcpOnly);
    if let (Some(lease), Some(proxy)) = (plain, first(answers, OfferType::ProxyPxe10)) {
        return pick(lease, Boot::Offer(proxy));
    }
    if let Some(lease) = first(answers, OfferType::DhcpBinl) {
        return pick(lease, Boot::Ask(vec![lease]));
    }
    let proxies = all(answers, OfferType::ProxyBinl);
    match plain {
        Some(lease) if !proxies.is_empty() => pick(lease, Boot::Ask(proxies)),
        _ => None,
    }
}

/// And 7 and 8: a boot file in a plain answer.
fn edk2(answers: &[Reply]) -> Option<Pick> {
    let names_file = |kind| {
        let mut of_kind = all(answers, kind).into_iter();
        of_kind.find(|place| {
            let answer = answers.get(*place);
            answer.is_some_and(|a| a.file_of_option().is_some())
        })
    };
    let plain = || names_file(OfferType::DhcpOnly).or_else(|| names_file(OfferType::Bootp));
    with_pxe(answers).or_else(|| {
        Some(Pick {
            lease: plain()?,
            boot: Boot::Ack,
        })
    })
}

fn rom(firmware: &Firmware, answers: &[Reply], window: usize) -> Option<Pick> {
    let mut pick = with_pxe(answers).or_else(|| plain(answers, window))?;
    if firmware.kind == Kind::Bios20
        && let Boot::Offer(proxy) = pick.boot
    {
        pick.boot = Boot::Ask(vec![proxy]);
    }
    Some(pick)
}

/// A lease without anything of PXE, once a ROM has waited for more.
fn plain(answers: &[Reply], window: usize) -> Option<Pick> {
    if window < ROM_PATIENCE {
        return None;
    }
    let leases = || answers.iter().enumerate().filter(|(_, a)| !a.is_proxy());
    let with_file = leases().find(|(_, a)| a.file_of_header().is_some());
    let boot = match with_file {
        Some(_) => Boot::Ack,
        None => Boot::Nothing,
    };
    let (lease, _) = with_file.or_else(|| leases().next())?;
    Some(Pick { lease, boot })
}

/// The best by option 175.1, of equals the last.
fn best(answers: &[Reply], fits: impl Fn(&Reply) -> bool) -> Option<usize> {
    let fitting = answers.iter().enumerate().filter(|(_, a)| fits(a));
    let best = fitting.max_by_key(|(_, a)| a.priority())?;
    Some(best.0)
}

/// iPXE (`dhcp_discovery_rx`, `dhcp_request_rx`); the caller waits for a proxy.
fn ipxe(answers: &[Reply]) -> Option<Pick> {
    let lease = best(answers, |a| !a.is_proxy() && a.from.port() == 67)?;
    let refuses = answers.get(lease).is_some_and(Reply::forbids_proxy);
    let proxy = best(answers, Reply::is_pxe).filter(|_| !refuses);
    let boot = match proxy.and_then(|place| Some((place, answers.get(place)?))) {
        None => Boot::Ack,
        Some((place, answer)) if answer.has_pxe_options() => Boot::Offer(place),
        Some((place, _)) => Boot::Ask(vec![place]),
    };
    Some(Pick { lease, boot })
}

/// Whether iPXE waits no longer for a proxy: one has answered, or it was told that there is none.
pub fn ipxe_has_all(answers: &[Reply], pick: &Pick) -> bool {
    let refuses = answers.get(pick.lease).is_some_and(Reply::forbids_proxy);
    refuses || pick.boot != Boot::Ack
}

/// EDK2's HTTP boot in a company's network (`HttpBootSelectDhcpOffer`).
fn http(answers: &[Reply]) -> Option<Pick> {
    let find = |address: bool, uri: bool, fits: &dyn Fn(&Reply) -> bool| {
        answers.iter().position(|a| {
            let kind = a.is_proxy() != address && a.is_http() == uri;
            kind && fits(a)
        })
    };
    let by_ip = |a: &Reply| names_address(a);
    let resolves = |a: &Reply| a.option(code::DNS).is_some();
    let own = find(true, true, &by_ip)
        .or_else(|| find(true, true, &|a| !by_ip(a) && resolves(a)))
        .map(|lease| Pick {
            lease,
            boot: Boot::Offer(lease),
        });
    own.or_else(|| {
        let plain = find(true, false, &|_| true);
        let with_dns = find(true, false, &resolves);
        let proxy = find(false, true, &by_ip);
        let named = find(false, true, &|_| true);
        let (lease, uri) = plain.zip(proxy).or(with_dns.zip(named))?;
        Some(Pick {
            lease,
            boot: Boot::Offer(uri),
        })
    })
}

/// Why none of the URIs offered can be used where addresses were offered, too.
pub fn unusable_uri(answers: &[Reply]) -> Option<Fault> {
    let named = answers.iter().filter(|a| a.is_http() && !names_address(a));
    let mut uris = named.filter_map(|answer| Some(shown(answer.file_of_option()?)));
    let uri = uris.next()?;
    Some(if is_ipv6(&uri) {
        ipv6(uri)
    } else {
        let why = "its host is a name, and the DHCP server's offer has no DNS server (option 6)";
        Fault::Uri { uri, why }
    })
}

/// Whether a URI's host is an IPv6 address (RFC 3986, section 3.2.2).
pub fn is_ipv6(uri: &str) -> bool {
    web::host(uri).is_some_and(|host| host.starts_with('['))
}

/// Of a URI that is.
pub fn ipv6(uri: String) -> Fault {
    let why = "its host is an IPv6 address, and this is a boot over IPv4";
    Fault::Uri { uri, why }
}

/// Whether the URI's host is an IPv4 address.
fn names_address(answer: &Reply) -> bool {
    let uri = answer.file_of_option().map(String::from_utf8_lossy);
    let host = uri.and_then(|uri| Some(web::host(&uri)?.to_owned()));
    host.is_some_and(|host| host.parse::<std::net::Ipv4Addr>().is_ok())
}

/// A Raspberry Pi takes an address and any answer with its mark; it sends no REQUEST.
fn pi(answers: &[Reply]) -> Option<Pick> {
    let marked = |a: &Reply| {
        let items = a.vendor.menu.as_deref().unwrap_or_default();
        items.iter().any(|(_, text)| text.starts_with(PI_MARK))
    };
    let lease = answers.iter().position(|a| !a.is_proxy())?;
    let boot = answers.iter().position(marked)?;
    Some(Pick {
        lease,
        boot: Boot::Offer(boot),
    })
}
