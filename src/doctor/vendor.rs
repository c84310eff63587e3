//! Option 43 of class `PXEClient`, as firmware reads it (facts, section B). Without that class
//! nobody but its own vendor's machines looks at it, so nothing is said then.

use super::Offer;
use crate::wire::dhcp::code;
use crate::wire::pxe::CLASS_PXE;
use crate::wire::pxe::area::{Area, CONTROL};

/// What is wrong with it, one sentence each.
pub fn faults(offer: &Offer) -> Vec<&'static str> {
    let option_43 = offer.option(code::VENDOR_SPECIFIC);
    let Some(area) = option_43
        .filter(|_| offer.class_is(CLASS_PXE))
        .map(Area::read)
    else {
        return Vec::new();
    };
    let boots_at_once = area.control.at_once() && offer.boot_file().is_some();
    let mut faults = Vec::new();
    if !area.is_whole() {
        faults.push("it has no END mark or a wrong length");
    }
    if area.has(CONTROL) && !boots_at_once && area.items.is_none() {
        faults.push("it has sub-option 6 without a menu, and not both bit 3 and a boot file");
    }
    if area.multicasts() && !area.discovers() {
        faults.push("it has only the multicast sub-options 1 to 5");
    }
    if boots_at_once && area.servers.is_some() {
        faults.push("it lists boot servers beside bit 3, and files are fetched from the first");
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::offer::made::offer;
    use crate::firmware::sample::Flavour;

    fn of(class: &[u8], file: &str, area: &[u8]) -> Vec<&'static str> {
        faults(&offer(Flavour::Uefi, |m| {
            m.options.push(code::VENDOR_CLASS, class);
            m.options.push(code::VENDOR_SPECIFIC, area);
            m.file[..file.len()].copy_from_slice(file.as_bytes());
        }))
    }

    #[test]
    fn what_spoils_a_boot_and_what_does_not() {
        let pxe = |file, area: &[u8]| of(b"PXEClient", file, area);
        let none: [&str; 0] = [];
        assert_eq!(pxe("a.efi", &[6, 1, 8, 255]), none);
        assert_eq!(
            pxe("", &[6, 1, 3, 9, 4, 0, 0, 1, b'x', 255]),
            none,
            "a menu"
        );
        for (file, area, fault) in [
            ("a.efi", &[6, 1, 8][..], "no END"),
            ("a.efi", &[6, 1, 8, 71, 9, 1, 255], "no END"),
            ("", &[6, 1, 8, 255], "without a menu"),
            ("a.efi", &[6, 1, 0, 255], "without a menu"),
            (
                "a.efi",
                &[6, 1, 8, 8, 7, 0, 0, 1, 10, 0, 0, 9, 255],
                "lists boot servers",
            ),
        ] {
            let found = pxe(file, area);
            assert!(
                found.len() == 1 && found[0].contains(fault),
                "{area:?}: {found:?}"
            );
        }
        let multicast = [
            1, 4, 224, 1, 1, 1, 2, 2, 0, 1, 3, 2, 0, 1, 4, 1, 1, 5, 1, 1, 255,
        ];
        assert!(pxe("", &multicast)[0].contains("only the multicast"));
        assert_eq!(
            pxe("", &[1, 4, 224, 1, 1, 1, 255]),
            none,
            "EDK2 wants all five"
        );
    }

    #[test]
    fn what_is_for_other_machines_is_left_alone() {
        assert!(of(b"ubnt", "", &[1, 4, 10, 0, 0, 3]).is_empty());
        assert!(of(b"", "", &[6, 1, 0]).is_empty());
    }
}
