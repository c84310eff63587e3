//! A decoded DHCP message → who asks, or why it is not for us.
//!
//! Nothing is demanded that some real ROM leaves out: 97 (quirk 1), 94 and 93 may be missing, 93
//! may be unusable (quirk 29), `ciaddr` of a DISCOVER may be junk (quirk 21).

use std::net::Ipv4Addr;

use super::{Class, Client, KnownBy, MAX_CLASS, Past, Side, Stage};
use crate::wire::dhcp::{Kind, Message, code};
use crate::wire::pxe::{self, ClassString, IpxeFeatures};
use crate::wire::relay::RelayAgent;
use crate::wire::{Arch, Uuid};

/// Why a packet is from no boot client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotBooting {
    /// Option 60 is missing or is not `PXEClient…` or `HTTPClient…`.
    #[error("no PXEClient or HTTPClient class: an ordinary DHCP client")]
    Class,
    /// `chaddr` is empty, or `hlen` is 0.
    #[error("no hardware address (chaddr, with its length in hlen)")]
    HardwareAddress,
}

/// The machine behind a message that came in on an interface with our address `local`.
pub fn identify(message: &Message, local: Ipv4Addr) -> Result<Client, NotBooting> {
    let class_text = message
        .options
        .get(code::VENDOR_CLASS)
        .ok_or(NotBooting::Class)?;
    let class = class_of(message, class_text).ok_or(NotBooting::Class)?;
    as_class(message, local, (class_text, class))
}

/// The machine behind a message without option 60, taken for a PXE client (quirk 28).
pub fn identify_classless(message: &Message, local: Ipv4Addr) -> Result<Client, NotBooting> {
    if message.options.has(code::VENDOR_CLASS) {
        return Err(NotBooting::Class);
    }
    as_class(message, local, (&[], Class::Pxe))
}

fn as_class(
    message: &Message,
    local: Ipv4Addr,
    (class_text, class): (&[u8], Class),
) -> Result<Client, NotBooting> {
    let mac = message.mac().ok_or(NotBooting::HardwareAddress)?;
    let option = |code| message.options.get(code);
    let hints = ClassString::parse(class_text);
    let undi = option(code::CLIENT_NDI).and_then(pxe::undi_version);
    let features = option(code::ETHERBOOT).and_then(IpxeFeatures::parse);
    let ip = own_address(message);
    let relay = RelayAgent::of(message);
    Ok(Client {
        mac,
        uuid: option(code::CLIENT_UUID).and_then(Uuid::from_option_97),
        archs: architectures(message, hints, class),
        class,
        stage: stage(message, class, features),
        undi: undi.or(hints.undi),
        vendor_class: shown(class_text),
        user_class: shown(&user_class(message)),
        ipxe: features,
        ip,
        network: ip.unwrap_or_else(|| link(message, local)),
        side: match known(message.giaddr) {
            Some(_relay) => Side::Beyond,
            None => Side::Link,
        },
        known_by: KnownBy {
            client_id: option(code::CLIENT_ID).map(Into::into),
            circuit: relay.circuit_id.map(Into::into),
        },
        loaded_by: None,
        chosen: None,
        past: Past::default(),
    })
}

/// An address on the link of a message that came to our address `local`: the one its relay selects
/// (RFC 3527), else the relay's, else ours.
fn link(message: &Message, local: Ipv4Addr) -> Ipv4Addr {
    let relay = RelayAgent::of(message);
    relay
        .link
        .or_else(|| known(message.giaddr))
        .unwrap_or(local)
}

/// Option 77; of several classes framed as RFC 3004 has it, one behind the other with commas.
fn user_class(message: &Message) -> Vec<u8> {
    let option = message.options.get(code::USER_CLASS).unwrap_or_default();
    pxe::user_classes(option).join(&b',')
}

/// Bytes of a class as text.
fn shown(bytes: &[u8]) -> Box<str> {
    let kept = bytes.get(..MAX_CLASS).unwrap_or(bytes);
    String::from_utf8_lossy(kept).into()
}

/// U-Boot calls itself `U-Boot.armv8`, unless its `bootp_vci` says otherwise; that it boots, and does not
/// take an address alone, says its option 93 (net/bootp.c, `CONFIG_BOOTP_PXE`).
fn class_of(message: &Message, text: &[u8]) -> Option<Class> {
    let archs = || {
        message
            .options
            .get(code::CLIENT_ARCH)
            .map(pxe::architectures)
    };
    let names_u_boot = || archs().is_some_and(|all| all.iter().any(|a| a.platform().is_u_boot()));
    match text {
        t if t.starts_with(pxe::CLASS_PXE) => Some(Class::Pxe),
        t if t.starts_with(pxe::CLASS_HTTP) => Some(Class::Http),
        t if t.starts_with(pxe::CLASS_U_BOOT) && names_u_boot() => Some(Class::Pxe),
        _ => None,
    }
}

/// Option 93, unless only the class string names something we know; else plain BIOS, which is what
/// ROMs were before there was an option 93.
fn architectures(message: &Message, hints: ClassString, class: Class) -> Vec<Arch> {
    let mut archs = message
        .options
        .get(code::CLIENT_ARCH)
        .map(pxe::architectures)
        .unwrap_or_default();
    let usable = archs.iter().any(|a| a.is_named());
    if let Some(hint) = hints.arch.filter(|_| !usable) {
        archs.insert(0, hint);
    }
    if archs.is_empty() {
        archs.push(if class == Class::Http {
            Arch::HTTP_X64
        } else {
            Arch::BIOS
        });
    }
    archs
}

fn stage(message: &Message, class: Class, features: Option<IpxeFeatures>) -> Stage {
    let named = message
        .options
        .get(code::USER_CLASS)
        .is_some_and(pxe::is_ipxe_user_class);
    match class {
        _ if named || features.is_some() => Stage::Ipxe,
        Class::Http => Stage::HttpBoot,
        Class::Pxe => Stage::Rom,
    }
}

/// `ciaddr`, except in a DISCOVER, whose sender by definition has none.
fn own_address(message: &Message) -> Option<Ipv4Addr> {
    let discovering = message.kind() == Some(Kind::Discover);
    known(message.ciaddr).filter(|_| !discovering)
}

fn known(address: Ipv4Addr) -> Option<Ipv4Addr> {
    (!address.is_unspecified()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Platform;
    use crate::wire::dhcp::Options;

    const LOCAL: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

    fn message(kind: u8, options: &[(u8, &[u8])]) -> Message {
        let mut header = vec![0; 240];
        header[..3].copy_from_slice(&[1, 1, 6]);
        header[28..34].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
        header[236..].copy_from_slice(&[99, 130, 83, 99]);
        let mut message = Message::decode(&header).unwrap();
        message.options = [(code::MESSAGE_TYPE, &[kind][..])]
            .into_iter()
            .chain(options.iter().copied())
            .collect::<Options>();
        message
    }

    fn seen(options: &[(u8, &[u8])]) -> Client {
        identify(&message(1, options), LOCAL).unwrap()
    }

    #[test]
    fn what_is_not_a_boot_client_is_not_for_us() {
        for class in [
            &b"MSFT 5.0"[..],
            b"PXEServer",
            b"AAPLBSDPC/i386",
            b"pxeclient",
            b"",
        ] {
            assert_eq!(
                identify(&message(1, &[(60, class)]), LOCAL),
                Err(NotBooting::Class)
            );
        }
        assert_eq!(identify(&message(1, &[]), LOCAL), Err(NotBooting::Class));
    }

    #[test]
    fn u_boot_boots_where_it_names_its_architecture() {
        let class: (u8, &[u8]) = (60, b"U-Boot.armv8");
        assert_eq!(
            seen(&[class, (93, &[0, 22])]).platform(),
            Platform::UbootArm64
        );
        for archs in [&[][..], &[(93, &[0, 7][..])]] {
            let options = [&[class], archs].concat();
            assert_eq!(
                identify(&message(1, &options), LOCAL),
                Err(NotBooting::Class)
            );
        }
    }

    #[test]
    fn a_bare_class_is_a_bios_rom() {
        let client = seen(&[(60, b"PXEClient")]);
        assert_eq!(
            (client.arch(), client.stage, client.uuid, client.undi),
            (Arch::BIOS, Stage::Rom, None, None)
        );
        assert_eq!(client.network, LOCAL);
    }

    #[test]
    fn option_93_counts_and_the_class_string_where_it_is_unusable() {
        let class: &[u8] = b"PXEClient:Arch:00011:UNDI:003000";
        assert_eq!(seen(&[(60, class), (93, &[0, 7])]).arch(), Arch(7));
        assert_eq!(
            seen(&[(60, class), (93, &[0xff, 0xff])]).platform(),
            Platform::EfiArm64
        );
        assert_eq!(seen(&[(60, class), (93, &[7])]).arch(), Arch(11));
        assert_eq!(seen(&[(60, class)]).undi, Some((3, 0)));
        assert_eq!(seen(&[(60, class), (94, &[1, 3, 16])]).undi, Some((3, 16)));
        assert_eq!(
            seen(&[(60, class), (93, &[0xff, 0xff, 0, 7])]).platform(),
            Platform::EfiX64
        );
    }

    #[test]
    fn of_several_values_the_first_that_can_be_served_counts() {
        let pxe: &[u8] = b"PXEClient";
        for (values, first, platform) in [
            (&[0, 9][..], 9, Platform::EfiX64),
            (&[0, 2, 0, 6], 2, Platform::EfiIa32),
            (&[0xff, 0xff, 0, 11, 0, 7], 0xffff, Platform::EfiArm64),
            (&[0, 11, 0], 11, Platform::EfiArm64),
            (&[0, 41], 41, Platform::Other),
            (&[], 0, Platform::Bios),
            (&[0], 0, Platform::Bios),
            (&[0xff, 0xff], 0xffff, Platform::Other),
        ] {
            let client = seen(&[(60, pxe), (93, values)]);
            assert_eq!(
                (client.arch(), client.platform()),
                (Arch(first), platform),
                "{values:?}"
            );
        }
        let itanium: &[u8] = b"PXEClient:Arch:00002:UNDI:002001";
        assert_eq!(seen(&[(60, itanium)]).arch(), Arch(2));
    }

    #[test]
    fn stages() {
        let pxe: (u8, &[u8]) = (60, b"PXEClient:Arch:00000:UNDI:002001");
        assert_eq!(seen(&[pxe]).stage, Stage::Rom);
        assert_eq!(seen(&[pxe, (77, b"iPXE")]).stage, Stage::Ipxe);
        assert_eq!(seen(&[pxe, (175, &[0xeb, 3, 1, 0, 0])]).stage, Stage::Ipxe);
        assert_eq!(
            seen(&[(60, b"HTTPClient:Arch:00016:UNDI:003001")]).stage,
            Stage::HttpBoot
        );
    }

    #[test]
    fn classes_are_kept_as_long_as_an_option_is_and_without_their_frames() {
        let long = format!("PXEClient:{}", "x".repeat(245));
        assert_eq!(&*seen(&[(60, long.as_bytes())]).vendor_class, long);
        for (option, shown) in [
            (&b"farm-7"[..], "farm-7"),
            (b"\x06farm-7", "farm-7"),
            (b"\x06farm-7\x04lab3", "farm-7,lab3"),
            (b"\x07farm-7", "\x07farm-7"),
            (b"", ""),
        ] {
            let client = seen(&[(60, b"PXEClient"), (77, option)]);
            assert_eq!(&*client.user_class, shown);
        }
    }

    #[test]
    fn ciaddr_of_a_discover_is_junk_and_of_a_request_the_address() {
        let mut m = message(1, &[(60, b"PXEClient")]);
        m.ciaddr = [9, 9, 9, 9].into();
        m.giaddr = [10, 1, 0, 1].into();
        let client = identify(&m, LOCAL).unwrap();
        assert_eq!((client.ip, client.network), (None, m.giaddr));
        m.options = message(3, &[(60, b"PXEClient")]).options;
        let client = identify(&m, LOCAL).unwrap();
        assert_eq!((client.ip, client.network), (Some(m.ciaddr), m.ciaddr));
    }
}
