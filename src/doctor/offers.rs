//! What an answer spoils, and for which firmware. The same fault in the answers to several kinds of
//! machine is one finding that names them.

mod lease;

use std::collections::BTreeSet;

use super::{Code, Finding, Link, Observed, Offer, Severity, vendor};
use crate::firmware::formats::bad_length;
use crate::firmware::sample::Flavour;
use crate::wire::dhcp::{MAX_REPLY, code};

/// A fault of one answer.
struct Fault {
    code: Code,
    severity: Severity,
    what: String,
}

impl Fault {
    const fn error(code: Code, what: String) -> Self {
        Self::new(Severity::Error, code, what)
    }

    const fn warning(code: Code, what: String) -> Self {
        Self::new(Severity::Warning, code, what)
    }

    const fn new(severity: Severity, code: Code, what: String) -> Self {
        Self {
            code,
            severity,
            what,
        }
    }
}

/// The faults of all answers on one interface, bootjack's own left out.
pub fn findings(observed: &Observed, link: &Link) -> Vec<Finding> {
    let mut seen: Vec<(Fault, Vec<Flavour>)> = Vec::new();
    let foreign = link.offers.iter().filter(|o| !observed.is_ours(link, o));
    for (flavour, fault) in foreign
        .flat_map(|o| faults(observed, link, o))
        .chain(unreadable(link))
    {
        let same = |(f, _): &&mut (Fault, _)| f.code == fault.code && f.what == fault.what;
        match seen.iter_mut().find(same) {
            Some((_, flavours)) => flavours.push(flavour),
            None => seen.push((fault, vec![flavour])),
        }
    }
    let findings = seen.into_iter().map(|(fault, flavours)| {
        let what = format!("{} (told to {})", fault.what, names(&flavours));
        Finding::on(&link.name, fault.code, fault.severity, what)
    });
    findings.collect()
}

/// `BIOS, UEFI`
pub fn names(flavours: &[Flavour]) -> String {
    let sorted: BTreeSet<Flavour> = flavours.iter().copied().collect();
    let names: Vec<&str> = sorted.into_iter().map(Flavour::name).collect();
    names.join(", ")
}

fn unreadable(link: &Link) -> impl Iterator<Item = (Flavour, Fault)> + use<'_> {
    link.unreadable.iter().map(|bad| {
        let fault = if bad.length > MAX_REPLY {
            too_long(&bad.source.to_string(), bad.length)
        } else {
            let (who, why) = (bad.source, &bad.why);
            let what = format!("{who} answers with what is no DHCP message: {why}");
            Fault::error(Code::MALFORMED_OFFER, what)
        };
        (bad.flavour, fault)
    })
}

fn too_long(who: &str, length: usize) -> Fault {
    let what = format!("the answer of {who} has {length} bytes");
    Fault::error(Code::OFFER_TOO_LONG, what)
}

fn faults(observed: &Observed, link: &Link, offer: &Offer) -> Vec<(Flavour, Fault)> {
    let who = offer.who();
    let mut faults = of_message(offer, &who);
    faults.extend(vendor::faults(offer).into_iter().map(|fault| {
        let what = format!("option 43 of {who}: {fault}");
        Fault::warning(Code::VENDOR_OPTIONS, what)
    }));
    if !offer.is_proxy() && !link.hands_on(offer) {
        faults.extend(lease::faults(observed, offer, &who));
    }
    faults.into_iter().map(|f| (offer.flavour, f)).collect()
}

/// What is wrong with the message, whatever it is about.
fn of_message(offer: &Offer, who: &str) -> Vec<Fault> {
    let options = &offer.message.options;
    let no_server = (!options.has(code::SERVER_ID)).then(|| {
        let what = format!("the offer of {who} has no option 54");
        Fault::error(Code::NO_SERVER_ID, what)
    });
    let no_end = (!offer.ended).then(|| {
        let what = format!("the offer of {who} has no END mark");
        Fault::error(Code::MALFORMED_OFFER, what)
    });
    let bad = bad_length(options).map(|bad| {
        let what = format!("option {bad} in the offer of {who} has a wrong length");
        Fault::error(Code::MALFORMED_OFFER, what)
    });
    let overload = options.has(code::OVERLOAD).then(|| {
        let what = format!("the offer of {who} has option 52");
        Fault::warning(Code::OPTION_OVERLOAD, what)
    });
    let long = (offer.length > MAX_REPLY).then(|| too_long(who, offer.length));
    let all = [no_server, no_end, bad, overload, long];
    all.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::doctor::offer::Unreadable;
    use crate::doctor::offer::made::{offer, proxy, read};
    use crate::doctor::{Held, Holder, Protocol};
    use crate::wire::dhcp::Message;

    const OURS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

    fn found(offers: Vec<Offer>) -> Vec<Finding> {
        found_on(
            &Observed {
                own: vec![OURS],
                ..Observed::default()
            },
            offers,
        )
    }

    fn found_on(observed: &Observed, offers: Vec<Offer>) -> Vec<Finding> {
        let link = Link {
            name: "eth0".into(),
            offers,
            ..Link::default()
        };
        findings(observed, &link)
    }

    /// Code and severity of what an offer with one change brings.
    fn spoilt(flavour: Flavour, change: impl Fn(&mut Message)) -> Vec<(&'static str, Severity)> {
        let found = found(vec![offer(flavour, change)]);
        found.iter().map(|f| (f.code.name(), f.severity)).collect()
    }

    fn file(m: &mut Message, name: &str) {
        m.file[..name.len()].copy_from_slice(name.as_bytes());
    }

    #[test]
    fn a_plain_lease_spoils_nothing() {
        for flavour in Flavour::ALL {
            assert_eq!(spoilt(flavour, |_| {}), []);
        }
        assert!(found(vec![proxy(Flavour::Bios, [10, 0, 0, 3])]).is_empty());
    }

    #[test]
    fn class_pxeclient_hides_a_proxy() {
        let class = |m: &mut Message| m.options.push(code::VENDOR_CLASS, b"PXEClient");
        for flavour in [Flavour::Bios, Flavour::Uefi] {
            assert_eq!(
                spoilt(flavour, class),
                [("class-pxeclient", Severity::Error)]
            );
        }
        assert_eq!(spoilt(Flavour::Plain, class), []);
        assert_eq!(spoilt(Flavour::Http, class), []);
        let with_data = |m: &mut Message| {
            class(m);
            m.options.push(code::VENDOR_SPECIFIC, &[6, 1, 8, 255]);
            file(m, "a.0");
            m.siaddr = OURS;
        };
        assert_eq!(
            spoilt(Flavour::Uefi, with_data),
            [
                ("pxe-in-lease", Severity::Warning),
                ("boot-file", Severity::Info)
            ]
        );
    }

    #[test]
    fn on_this_host_class_pxeclient_is_how_it_should_be() {
        let local = Observed {
            own: vec![[10, 0, 0, 1].into()],
            ..Observed::default()
        };
        let with = offer(Flavour::Uefi, |m| {
            m.options.push(code::VENDOR_CLASS, b"PXEClient");
        });
        assert!(found_on(&local, vec![with]).is_empty());
    }

    #[test]
    fn class_httpclient_without_a_uri() {
        let class = |m: &mut Message| m.options.push(code::VENDOR_CLASS, b"HTTPClient");
        assert_eq!(
            spoilt(Flavour::Http, class),
            [("class-httpclient", Severity::Error)]
        );
        let with_file = |m: &mut Message| {
            class(m);
            file(m, "a.efi");
        };
        assert_eq!(spoilt(Flavour::Http, with_file)[0].0, "class-httpclient");
        let with_uri = |m: &mut Message| {
            class(m);
            m.options.push(code::BOOT_FILE, b"http://10.0.0.9/a.efi");
        };
        assert_eq!(
            spoilt(Flavour::Http, with_uri),
            [("boot-file", Severity::Warning)]
        );
    }

    #[test]
    fn a_uri_of_this_very_bootjack_is_right() {
        let observed = Observed {
            own: vec![OURS],
            http_port: 8067,
            ..Observed::default()
        };
        let said = |flavour, uri: &str| {
            let offer = offer(flavour, |m| {
                m.options.push(code::VENDOR_CLASS, b"HTTPClient");
                m.options.push(code::BOOT_FILE, uri.as_bytes());
            });
            found_on(&observed, vec![offer]).len()
        };
        let ours = "http://10.0.0.2:8067/assets/snponly.efi";
        assert_eq!(said(Flavour::Http, ours), 0);
        assert_eq!(said(Flavour::Bios, ours), 1, "a ROM cannot read it");
        for wrong in [
            "http://10.0.0.2/assets/snponly.efi",
            "http://10.0.0.2:8067/assets/nope.efi",
            "http://10.0.0.2:8067/snponly.efi",
            "http://10.0.0.3:8067/assets/snponly.efi",
            "tftp://10.0.0.2:8067/assets/snponly.efi",
        ] {
            assert_eq!(said(Flavour::Http, wrong), 1, "{wrong}");
        }
    }

    #[test]
    fn boot_files_of_the_dhcp_server() {
        let elsewhere = |m: &mut Message| {
            file(m, "pxelinux.0");
            m.siaddr = [10, 0, 0, 9].into();
        };
        assert_eq!(
            spoilt(Flavour::Bios, elsewhere),
            [("boot-file", Severity::Warning)]
        );
        let all = Flavour::ALL.map(|f| offer(f, elsewhere));
        let found = found(all.into());
        assert_eq!(found.len(), 1, "one finding for all machines");
        let words = "10.0.0.1 (02:00:00:00:00:09) names the boot file \"pxelinux.0\" on 10.0.0.9 \
                     (told to BIOS, UEFI, UEFI HTTP boot)";
        assert_eq!(found[0].what, words);
        let here = |m: &mut Message| {
            file(m, "pxelinux.0");
            m.siaddr = OURS;
        };
        assert_eq!(spoilt(Flavour::Bios, here), [("boot-file", Severity::Info)]);
        let next = |m: &mut Message| m.siaddr = [10, 0, 0, 9].into();
        assert_eq!(
            spoilt(Flavour::Bios, next),
            [("next-server", Severity::Info)]
        );
        assert_eq!(spoilt(Flavour::Bios, |m| m.siaddr = OURS), []);
    }

    #[test]
    fn options_that_firmware_stumbles_over() {
        let push = |code: u8, value: &'static [u8]| {
            spoilt(Flavour::Uefi, move |m| m.options.push(code, value))
        };
        assert_eq!(
            push(175, &[176, 1, 1]),
            [("ipxe-no-proxy", Severity::Warning)]
        );
        assert_eq!(push(175, &[176, 1, 0]), []);
        assert_eq!(push(52, &[0]), [("option-overload", Severity::Warning)]);
        assert_eq!(push(60, &[]), [("malformed-offer", Severity::Error)]);
        assert_eq!(push(3, &[1]), [("malformed-offer", Severity::Error)]);
        assert_eq!(push(43, &[1, 4, 10, 0, 0, 3]), [], "some access point's");
        let drop = |code: u8| {
            spoilt(Flavour::Uefi, move |m| {
                let kept: Vec<(u8, Vec<u8>)> =
                    m.options.iter().map(|(c, v)| (c, v.to_vec())).collect();
                let kept = kept.iter().filter(|(c, _)| *c != code);
                m.options = kept.map(|(c, v)| (*c, v.as_slice())).collect();
            })
        };
        assert_eq!(drop(54), [("no-server-id", Severity::Error)]);
        assert_eq!(drop(1), [("no-subnet-mask", Severity::Warning)]);
        let vendor = |m: &mut Message| {
            m.options.push(code::VENDOR_CLASS, b"PXEClient");
            m.options.push(code::VENDOR_SPECIFIC, &[6, 1, 0]);
        };
        let codes: Vec<&str> = spoilt(Flavour::Uefi, vendor).iter().map(|f| f.0).collect();
        assert_eq!(codes, ["vendor-options", "vendor-options", "pxe-in-lease"]);
    }

    #[test]
    fn offers_that_cannot_be_read_whole() {
        let long = offer(Flavour::Uefi, |m| m.options.push(200, &[7; 1400]));
        assert!(found(vec![long])[0].what.contains("bytes"));
        let mut bytes = offer(Flavour::Uefi, |_| {}).message.encode();
        let end = bytes.iter().rposition(|b| *b == 255).unwrap();
        bytes[end] = 0;
        let unended = read(Flavour::Uefi, &bytes).unwrap().unwrap();
        assert_eq!(found(vec![unended])[0].code, Code::MALFORMED_OFFER);
        let bad = |length| Unreadable {
            flavour: Flavour::Bios,
            source: [10, 0, 0, 1].into(),
            length,
            why: "no DHCP magic cookie".into(),
        };
        let link = Link {
            unreadable: vec![bad(300), bad(1600)],
            ..Link::default()
        };
        let codes: Vec<Code> = findings(&Observed::default(), &link)
            .iter()
            .map(|f| f.code)
            .collect();
        assert_eq!(codes, [Code::MALFORMED_OFFER, Code::OFFER_TOO_LONG]);
    }

    #[test]
    fn bootjacks_own_answers_are_not_judged() {
        let observed = Observed {
            own: vec![OURS],
            gives_leases: true,
            held: vec![Held {
                protocol: Protocol::Udp,
                port: 67,
                interface: "eth0".into(),
                holder: Some(Holder {
                    name: "bootjack".into(),
                    pid: 1,
                }),
            }],
            ..Observed::default()
        };
        let own = offer(Flavour::Bios, |m| {
            m.options = [
                (code::MESSAGE_TYPE, &[2][..]),
                (code::SERVER_ID, &OURS.octets()),
            ]
            .into_iter()
            .collect();
            file(m, "lpxelinux.0");
        });
        assert!(found_on(&observed, vec![own]).is_empty());
    }
}
