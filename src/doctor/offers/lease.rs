//! What spoils a boot only in an answer that gives an address: the DHCP server's. Its tests are
//! those of all answers.

use std::net::Ipv4Addr;

use super::Fault;
use crate::assets;
use crate::doctor::offer::text;
use crate::doctor::{Code, Observed, Offer, Severity};
use crate::firmware::sample::Flavour;
use crate::wire::dhcp::code;
use crate::wire::pxe::{self, CLASS_HTTP, CLASS_PXE};

/// Sub-option of 175: do not wait for a proxy.
const NO_PXEDHCP: u8 = 176;

/// What is wrong only beside an address.
pub(super) fn faults(observed: &Observed, offer: &Offer, who: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    if !offer.message.options.has(code::SUBNET_MASK) {
        faults.push(Fault {
            code: Code::NO_SUBNET_MASK,
            severity: Severity::Warning,
            what: format!("the lease of {who} has no option 1"),
        });
    }
    if offer.flavour != Flavour::Plain {
        faults.extend(class(observed, offer, who));
        faults.extend(boot_data(observed, offer, who));
        faults.extend(ipxe(offer, who));
    }
    faults
}

fn class(observed: &Observed, offer: &Offer, who: &str) -> Option<Fault> {
    let told = text(offer.option(code::VENDOR_CLASS)?).unwrap_or_default();
    if offer.flavour == Flavour::Http {
        let names_nothing = offer.class_is(CLASS_HTTP) && uri(offer).is_none();
        return names_nothing.then(|| Fault {
            code: Code::CLASS_HTTPCLIENT,
            severity: Severity::Error,
            what: format!("{who} sends option 60 \"{told}\" and no URI"),
        });
    }
    if !offer.class_is(CLASS_PXE) {
        return None;
    }
    if offer.has_pxe_data() {
        return Some(Fault {
            code: Code::PXE_IN_LEASE,
            severity: Severity::Warning,
            what: format!("{who} sends option 60 \"{told}\" and PXE data in option 43"),
        });
    }
    // On this host it is what mode colocated needs.
    (!observed.is_local(offer)).then(|| Fault {
        code: Code::CLASS_PXECLIENT,
        severity: Severity::Error,
        what: format!("{who} sends option 60 \"{told}\" without PXE data in option 43"),
    })
}

fn uri(offer: &Offer) -> Option<String> {
    let named = |text: &String| text.contains("://");
    let option = || offer.option(code::BOOT_FILE).and_then(text).filter(named);
    option().or_else(|| offer.boot_file().filter(named))
}

/// Boot file and next server. Where they name this host, somebody has pointed the LAN to us.
fn boot_data(observed: &Observed, offer: &Offer, who: &str) -> Option<Fault> {
    let server = offer.boot_server();
    let ours = server
        .as_ref()
        .and_then(|s| s.parse::<Ipv4Addr>().ok())
        .is_some_and(|s| observed.own.contains(&s));
    let from = server
        .as_ref()
        .map_or_else(String::new, |s| format!(" on {s}"));
    if offer.flavour == Flavour::Http && uri(offer).is_some_and(|uri| is_here(observed, &uri)) {
        return None;
    }
    if let Some(file) = offer.boot_file() {
        return Some(Fault {
            code: Code::BOOT_FILE,
            severity: if ours {
                Severity::Info
            } else {
                Severity::Warning
            },
            what: format!("{who} names the boot file \"{file}\"{from}"),
        });
    }
    // Many a server names itself, which says nothing that its offer does not.
    let itself = |server: &String| *server == offer.server().to_string();
    server.filter(|s| !ours && !itself(s)).map(|server| Fault {
        code: Code::NEXT_SERVER,
        severity: Severity::Info,
        what: format!("{who} names the next server {server} and no boot file"),
    })
}

/// Whether a URI is that of a loader of this very bootjack, as README has it written into a DHCP
/// server: `http://10.0.0.2:8067/assets/snponly.efi`.
fn is_here(observed: &Observed, uri: &str) -> bool {
    let Some((place, name)) = uri
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once("/assets/"))
    else {
        return false;
    };
    let (host, port) = place.split_once(':').unwrap_or((place, "80"));
    let address = host.parse::<Ipv4Addr>();
    address.is_ok_and(|address| observed.own.contains(&address))
        && port.parse() == Ok(observed.http_port)
        && assets::get(name).is_some()
}

fn ipxe(offer: &Offer, who: &str) -> Option<Fault> {
    let told = pxe::sub_option(offer.option(code::ETHERBOOT)?, NO_PXEDHCP)?;
    (told.last() == Some(&1)).then(|| Fault {
        code: Code::IPXE_NO_PROXY,
        severity: Severity::Warning,
        what: format!("{who} sends option 175 with sub-option 176 = 1"),
    })
}
