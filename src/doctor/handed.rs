//! Leases of the DHCP server that a boot server hands on, joined with its boot data, as bootjack does in mode
//! `proxy` for machines that take both of one server alone (strategy `augment`).
//!
//! Such an offer names the boot server alone, and looks like that of a second DHCP server. What tells them
//! apart is what else is answered: no address to an ordinary machine, and boot data without an address to
//! another kind, or an address that the DHCP server offers the same machine itself. Two DHCP servers with the
//! same addresses answer ordinary machines, both.

use std::net::Ipv4Addr;

use super::{Held, Link, Mode, Observed, Offer};
use crate::firmware::sample::Flavour;
use crate::wire::pxe::{CLASS_HTTP, CLASS_PXE};

impl Offer {
    /// Whether it gives an address and all that a boot client needs, of one server: itself.
    pub fn is_joined(&self) -> bool {
        let boots = self.class_is(CLASS_PXE) && self.has_pxe_data() || self.class_is(CLASS_HTTP);
        let itself = self.message.siaddr == self.server() && self.source == self.server();
        !self.is_proxy() && boots && itself && self.boot_file().is_some()
    }
}

impl Link {
    /// Whether the address in an answer is one that its server hands on.
    pub fn hands_on(&self, offer: &Offer) -> bool {
        let same = |o: &&Offer| o.server() == offer.server();
        let gives = |o: &Offer| o.flavour == Flavour::Plain && !o.is_proxy();
        offer.is_joined()
            && !self.offers.iter().filter(same).any(gives)
            && (self.offers.iter().filter(same).any(Offer::is_proxy)
                || self.same_address(offer).is_some())
    }

    /// Whose lease is in a joined answer: the server's that offers the same address itself, or the only one's.
    pub fn true_server(&self, offer: &Offer) -> Option<Ipv4Addr> {
        let only = || {
            let mut servers: Vec<Ipv4Addr> = self.others(offer).map(Offer::server).collect();
            servers.sort_unstable();
            servers.dedup();
            servers.pop().filter(|_| servers.is_empty())
        };
        self.same_address(offer).or_else(only)
    }

    fn same_address(&self, offer: &Offer) -> Option<Ipv4Addr> {
        let address = offer.message.yiaddr;
        let mut others = self.others(offer);
        let other = others.find(|o| o.message.yiaddr == address);
        other.map(Offer::server)
    }

    /// Leases that other servers give alone.
    fn others(&self, offer: &Offer) -> impl Iterator<Item = &Offer> {
        let server = offer.server();
        let leases = self.offers.iter().filter(|o| !o.is_proxy());
        leases.filter(move |o| o.server() != server && !o.is_joined())
    }
}

impl Observed {
    /// Whether the address in an answer is one that its server hands on, the bootjack of this host included.
    pub fn hands_on(&self, link: &Link, offer: &Offer) -> bool {
        link.hands_on(offer) || self.joins_here(link, offer)
    }

    /// Answers by which a server gives an address of its own.
    pub fn leases<'o>(&'o self, link: &'o Link) -> impl Iterator<Item = &'o Offer> {
        link.leases().filter(|o| !self.joins_here(link, o))
    }

    /// Whether it is what the bootjack of this host gives a machine in mode `proxy` together with a lease.
    fn joins_here(&self, link: &Link, offer: &Offer) -> bool {
        let proxy = self.running(link).is_some_and(|r| r.mode == Mode::Proxy);
        proxy && offer.is_joined() && self.is_ours(link, offer)
    }

    /// Whether nobody else on this host can be who gives an address together with boot data.
    pub(super) fn serves_alone(&self, link: &Link, offer: &Offer) -> bool {
        let ours = self.holder_of(link, 67).is_some_and(Held::is_ours);
        ours || link.hands_on(offer)
    }

    /// Boot servers elsewhere that hand on leases.
    pub fn handing_on<'o>(&'o self, link: &'o Link) -> impl Iterator<Item = &'o Offer> {
        let handed = link.offers.iter().filter(|o| link.hands_on(o));
        handed.filter(|o| !self.is_ours(link, o))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::offer::made::{offer, proxy};
    use crate::doctor::{Holder, Protocol, Severity, diagnose};
    use crate::wire::dhcp::code;

    const BOOTS: [u8; 4] = [10, 0, 0, 2];

    /// An offer of 10.0.0.2 with lease and boot data.
    fn joined(flavour: Flavour, address: [u8; 4]) -> Offer {
        let mut offer = offer(flavour, |m| {
            m.yiaddr = address.into();
            m.siaddr = BOOTS.into();
            m.file[..11].copy_from_slice(b"shimx64.efi");
            m.options = [
                (code::MESSAGE_TYPE, &[2][..]),
                (code::SERVER_ID, &BOOTS),
                (code::SUBNET_MASK, &[255, 255, 255, 0]),
                (code::VENDOR_CLASS, b"PXEClient"),
                (code::VENDOR_SPECIFIC, &[6, 1, 8, 255]),
            ]
            .into_iter()
            .collect();
        });
        offer.source = BOOTS.into();
        offer
    }

    fn lan(own: [u8; 4], offers: Vec<Offer>) -> Observed {
        let plain = Flavour::ALL.map(|f| offer(f, |_| {}));
        Observed {
            links: vec![Link {
                name: "eth0".into(),
                nets: vec!["10.0.0.2/24".parse().unwrap()],
                offers: [plain.into(), offers].concat(),
                ..Link::default()
            }],
            own: vec![own.into()],
            ..Observed::default()
        }
    }

    fn with_bootjack(mut observed: Observed) -> Observed {
        let held = |port| Held {
            protocol: Protocol::Udp,
            port,
            interface: "eth0".into(),
            holder: Some(Holder {
                name: "bootjack".into(),
                pid: 7,
            }),
        };
        observed.held = [67, 69, 4011].map(held).into();
        observed
    }

    fn codes(observed: &Observed) -> Vec<(&'static str, Severity)> {
        let diagnosis = diagnose(observed);
        let told = diagnosis.findings.iter();
        told.filter(|f| f.code.name() != "firewall-unknown")
            .map(|f| (f.code.name(), f.severity))
            .collect()
    }

    #[test]
    fn bootjacks_own_is_its_own() {
        let own = vec![("own-proxy-heard", Severity::Info)];
        let uefi = joined(Flavour::Uefi, [10, 0, 0, 57]);
        let observed = with_bootjack(lan(BOOTS, vec![uefi]));
        assert_eq!(codes(&observed), own);
        let said = diagnose(&observed).findings.remove(0).what;
        assert!(said.ends_with("with leases of 10.0.0.1"), "{said}");
        // The DHCP server's own answer got lost, or is another.
        let other = joined(Flavour::Uefi, [10, 0, 0, 58]);
        assert_eq!(codes(&with_bootjack(lan(BOOTS, vec![other]))), own);
    }

    #[test]
    fn from_another_host_it_is_told_by_what_else_is_answered() {
        let handed = [("leases-handed-on", Severity::Info)];
        let same = joined(Flavour::Uefi, [10, 0, 0, 57]);
        let other = joined(Flavour::Uefi, [10, 0, 0, 58]);
        let bios = proxy(Flavour::Bios, BOOTS);
        let here = [10, 0, 0, 3];
        for offers in [vec![same.clone()], vec![other.clone(), bios]] {
            let observed = lan(here, offers);
            assert_eq!(codes(&observed), handed);
            let why = diagnose(&observed).verdict.why;
            assert!(
                why.starts_with("10.0.0.1 on the LAN gives out addresses on eth0; 10.0.0.2 "),
                "{why}"
            );
        }
        let warned = |offers| {
            let found = codes(&lan(here, offers));
            found.contains(&("several-dhcp-servers", Severity::Warning))
        };
        assert!(warned(vec![other]), "no evidence");
        let mut plain = offer(Flavour::Plain, |m| {
            m.options = [(code::MESSAGE_TYPE, &[2][..]), (code::SERVER_ID, &BOOTS)]
                .into_iter()
                .collect();
        });
        plain.message.siaddr = BOOTS.into();
        assert!(warned(vec![same, plain]), "it gives addresses itself");
    }
}
