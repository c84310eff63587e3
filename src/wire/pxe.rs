//! What PXE puts into DHCP: the class string (60), sub-options of 43, architectures (93), the
//! network interface (94), iPXE's user class (77) and its feature option (175). Facts B, C and D.
//!
//! * [`area`]: 43 as others wrote it
//! * [`menu`]: the boot menu that we write into 43

pub mod area;
pub mod menu;

use std::net::Ipv4Addr;

use super::{Arch, tlv};

/// Option 60 of every reply to a PXE client: these 9 bytes and no more.
pub const CLASS_PXE: &[u8] = b"PXEClient";
/// Option 60 of every reply to a UEFI HTTP boot client.
pub const CLASS_HTTP: &[u8] = b"HTTPClient";
/// How option 60 of U-Boot begins (`CONFIG_BOOTP_VCI_STRING`).
pub const CLASS_U_BOOT: &[u8] = b"U-Boot.";

/// Option 43 `06 01 08 FF`: bit 3 of `PXE_DISCOVERY_CONTROL`, "download the file named here
/// without prompt, menu or discovery", then the end mark that every client wants (quirk 20).
pub const BOOT_AT_ONCE: [u8; 4] = [6, 1, 8, 255];

/// The same with a prompt of no time and the text "PXE" (quirk 11; dnsmasq sends it so).
pub const BOOT_AT_ONCE_PROMPT: [u8; 10] = [6, 1, 8, 10, 4, 0, b'P', b'X', b'E', 255];

/// What a Raspberry Pi looks for (quirk 28): 43.6 = 3, a prompt of no time, and a menu of one item of
/// type 0 with this text.
pub fn raspberry_pi(text: &str) -> Vec<u8> {
    let mut option = vec![6, 1, 3, 10, 4, 0, b'P', b'X', b'E', 9, text.len() as u8 + 3];
    option.extend([0, 0, text.len() as u8]);
    option.extend(text.as_bytes());
    option.push(255);
    option
}

/// Sub-option of 43: `PXE_BOOT_ITEM`.
pub const SUB_BOOT_ITEM: u8 = 71;

/// The parts of `PXEClient:Arch:00007:UNDI:003016`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClassString {
    /// After `Arch:`.
    pub arch: Option<Arch>,
    /// After `UNDI:`: three digits major, three digits minor.
    pub undi: Option<(u8, u8)>,
}

impl ClassString {
    /// Reads what is there; a bare `PXEClient` has neither part (facts A, DISCOVER).
    pub fn parse(class: &[u8]) -> Self {
        let text = String::from_utf8_lossy(class);
        let after = |mark: &str| text.split_once(mark).map(|(_, rest)| rest);
        let arch = after("Arch:").and_then(|rest| digits(rest, 5)).map(Arch);
        let undi = after("UNDI:").and_then(|rest| {
            let (major, minor) = (digits(rest, 3)?, digits(rest.get(3..)?, 3)?);
            Some((u8::try_from(major).ok()?, u8::try_from(minor).ok()?))
        });
        Self { arch, undi }
    }
}

fn digits(text: &str, count: usize) -> Option<u16> {
    let head = text.get(..count)?;
    if head.bytes().all(|b| b.is_ascii_digit()) {
        head.parse().ok()
    } else {
        None
    }
}

/// Option 93: one or more big-endian numbers. A single byte or an odd rest is dropped.
pub fn architectures(option: &[u8]) -> Vec<Arch> {
    option
        .as_chunks::<2>()
        .0
        .iter()
        .map(|b| Arch(u16::from_be_bytes(*b)))
        .collect()
}

/// Option 94: type 1 (UNDI), major, minor.
pub fn undi_version(option: &[u8]) -> Option<(u8, u8)> {
    match option {
        [1, major, minor, ..] => Some((*major, *minor)),
        _ => None,
    }
}

/// Sub-options of 43 or 175: `tag len data`, 0 pads, 255 ends. Ends early where a length lies.
pub fn sub_options(data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    tlv::fields(data)
}

/// The value of one sub-option.
pub fn sub_option(data: &[u8], wanted: u8) -> Option<&[u8]> {
    sub_options(data)
        .find(|(tag, _)| *tag == wanted)
        .map(|(_, value)| value)
}

/// What an iPXE says of itself in option 175.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct IpxeFeatures {
    /// Sub-option 0x13.
    pub http: bool,
    /// Sub-option 0x24: it is an EFI build.
    pub efi: bool,
    /// Sub-option 0x21 without 0x18: it starts network boot programs of BIOS, and no Linux kernel.
    pub stripped: bool,
}

impl IpxeFeatures {
    /// `None` where the option says nothing that only iPXE says: a feature flag (0x10–0x29), the
    /// bus id (0xb1) or the version (0xeb).
    pub fn parse(option: &[u8]) -> Option<Self> {
        let tags: Vec<u8> = sub_options(option).map(|(tag, _)| tag).collect();
        let own = tags.iter().any(|t| matches!(t, 0x10..=0x29 | 0xb1 | 0xeb));
        own.then(|| Self {
            http: tags.contains(&0x13),
            efi: tags.contains(&0x24),
            stripped: tags.contains(&0x21) && !tags.contains(&0x18),
        })
    }
}

/// Whether option 77 names iPXE: the raw text, or framed with a length as RFC 3004 has it.
pub fn is_ipxe_user_class(option: &[u8]) -> bool {
    option == b"iPXE" || option == b"\x04iPXE"
}

/// The user classes of option 77: those that are framed with lengths as RFC 3004 has it, else the
/// whole as one text, as iPXE sends it.
pub fn user_classes(option: &[u8]) -> Vec<&[u8]> {
    let mut classes = Vec::new();
    let mut rest = option;
    while let [length, tail @ ..] = rest {
        let class = tail.split_at_checked(usize::from(*length));
        let Some((class, behind)) = class.filter(|(class, _)| !class.is_empty()) else {
            return vec![option];
        };
        classes.push(class);
        rest = behind;
    }
    classes
}

/// Option 43 of a boot-server discovery: the item asked for (facts A).
pub fn boot_item(option_43: &[u8]) -> Option<(u16, u16)> {
    match sub_option(option_43, SUB_BOOT_ITEM)? {
        [t1, t2, l1, l2] => Some((
            u16::from_be_bytes([*t1, *t2]),
            u16::from_be_bytes([*l1, *l2]),
        )),
        _ => None,
    }
}

/// A dotted IP as text for `sname`.
pub fn dotted(address: Ipv4Addr) -> [u8; 64] {
    let mut sname = [0; 64];
    sname
        .iter_mut()
        .zip(address.to_string().bytes())
        .for_each(|(to, from)| *to = from);
    sname
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_strings_of_real_clients() {
        for (class, arch, undi) in [
            ("PXEClient:Arch:00000:UNDI:002001", Some(0), Some((2, 1))),
            ("PXEClient:Arch:00007:UNDI:003016", Some(7), Some((3, 16))),
            ("HTTPClient:Arch:00016:UNDI:003001", Some(16), Some((3, 1))),
            ("PXEClient", None, None),
            ("PXEClient:Arch:0000", None, None),
            ("PXEClient:Arch:+0007:UNDI:00300", None, None),
            ("PXEClient:Arch:99999:UNDI:999999", None, None),
        ] {
            assert_eq!(
                ClassString::parse(class.as_bytes()),
                ClassString {
                    arch: arch.map(Arch),
                    undi
                },
                "{class}"
            );
        }
    }

    #[test]
    fn several_architectures_and_odd_lengths() {
        assert_eq!(architectures(&[0, 7, 0, 16]), [Arch(7), Arch(16)]);
        assert_eq!(architectures(&[0, 7, 0]), [Arch(7)]);
        assert_eq!(architectures(&[7]), []);
    }

    #[test]
    fn the_item_asked_for() {
        assert_eq!(boot_item(&[6, 1, 8, 71, 4, 0, 1, 0, 2, 255]), Some((1, 2)));
        assert_eq!(boot_item(&[71, 3, 0, 1, 0, 255]), None);
        assert_eq!(boot_item(&[255, 71, 4, 0, 1, 0, 0]), None);
    }

    #[test]
    fn nothing_is_odd_about_what_we_write() {
        for option in [
            &BOOT_AT_ONCE[..],
            &BOOT_AT_ONCE_PROMPT,
            &raspberry_pi("Raspberry Pi Boot   "),
        ] {
            assert_eq!(area::Area::read(option).odd, [], "{option:?}");
        }
    }

    #[test]
    fn ipxe_is_told_by_its_features() {
        assert_eq!(
            IpxeFeatures::parse(&[0x13, 1, 1, 0x24, 1, 1]),
            Some(IpxeFeatures {
                http: true,
                efi: true,
                ..IpxeFeatures::default()
            })
        );
        assert_eq!(
            IpxeFeatures::parse(&[0xeb, 3, 1, 0, 0]),
            Some(IpxeFeatures::default())
        );
        assert_eq!(
            IpxeFeatures::parse(&[0x01, 1, 5]),
            None,
            "a setting for the client, not of it"
        );
        assert!(
            is_ipxe_user_class(b"iPXE")
                && is_ipxe_user_class(b"\x04iPXE")
                && !is_ipxe_user_class(b"iPXE2")
        );
    }
}
