//! A boot menu in option 43: sub-options 6 to 10, which a PXE ROM shows by itself (facts B).
//!
//! Invariants: what is encoded fits one option (255 bytes with its end mark; EDK2 and iPXE read
//! the first option 43 alone) and decodes to the same value; decoding is total, and a menu that
//! lies about a length is none.

use std::net::Ipv4Addr;

use super::area::{Area, CONTROL, GROUP, MENU, PROMPT, SERVERS, Servers};

const END: u8 = 255;

/// The most bytes that option 43 has room for.
pub const MAX_BYTES: usize = 255;

/// The item type that gives the machine back to its firmware.
pub const LOCAL: u16 = 0;

/// A menu as a ROM is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BootMenu {
    /// `PXE_DISCOVERY_CONTROL` (6).
    pub control: u8,
    /// Where boot servers are asked by multicast (7).
    pub multicast: Option<Ipv4Addr>,
    /// Item types, and who serves them (8).
    pub servers: Servers,
    /// Item types and their lines, in the order shown (9).
    pub items: Vec<(u16, String)>,
    /// Seconds and text (10): 0 starts the first item at once, 255 shows the menu and waits.
    pub prompt: Option<(u8, String)>,
}

/// A menu that one option 43 has no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the menu has {bytes} bytes; option 43 has room for {MAX_BYTES}")]
pub struct TooLong {
    /// What it takes, with the end mark.
    pub bytes: usize,
}

impl BootMenu {
    /// The bytes that sub-options 6 to 10 and the end mark take.
    pub fn len(&self) -> usize {
        let parts = self.parts();
        1 + parts
            .iter()
            .map(|(_, value)| 2 + value.len())
            .sum::<usize>()
    }

    /// Whether nothing is shown.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Option 43, with its end mark (quirk 20).
    ///
    /// # Errors
    /// It would be longer than an option can be.
    pub fn encode(&self) -> Result<Vec<u8>, TooLong> {
        let bytes = self.len();
        if bytes > MAX_BYTES {
            return Err(TooLong { bytes });
        }
        let mut out = Vec::with_capacity(bytes);
        for (tag, value) in self.parts() {
            out.extend([tag, value.len() as u8]);
            out.extend(value);
        }
        out.push(END);
        Ok(out)
    }

    /// The menu in an option 43; `None` where it holds none, or one that does not add up.
    pub fn decode(option_43: &[u8]) -> Option<Self> {
        let area = Area::read(option_43);
        let items = area.items.iter().flatten();
        let menu = Self {
            control: area.control.0,
            multicast: area.group,
            items: items.map(|(kind, line)| (*kind, text(line))).collect(),
            prompt: area.prompt.map(|(seconds, prompt)| (seconds, text(prompt))),
            servers: area.servers.clone().unwrap_or_default(),
        };
        (area.is_sound() && !menu.is_empty()).then_some(menu)
    }

    /// Tags and values. A value may be too long here; then the whole is.
    fn parts(&self) -> Vec<(u8, Vec<u8>)> {
        let mut parts = vec![(CONTROL, vec![self.control])];
        parts.extend(self.multicast.map(|a| (GROUP, a.octets().to_vec())));
        if !self.servers.is_empty() {
            let each = self.servers.iter().flat_map(|(kind, addresses)| {
                let mut entry = kind.to_be_bytes().to_vec();
                // Cut off only where the whole is too long.
                entry.push(addresses.len() as u8);
                entry.extend(addresses.iter().flat_map(Ipv4Addr::octets));
                entry
            });
            parts.push((SERVERS, each.collect()));
        }
        let lines = self.items.iter().flat_map(|(kind, line)| {
            let mut item = kind.to_be_bytes().to_vec();
            item.push(line.len() as u8);
            item.extend(line.bytes());
            item
        });
        parts.push((MENU, lines.collect()));
        parts.extend(self.prompt.iter().map(|(seconds, prompt)| {
            let value = [&[*seconds], prompt.as_bytes()].concat();
            (PROMPT, value)
        }));
        parts
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::area::{NO_BROADCAST, NO_MULTICAST};
    use super::*;

    fn address() -> impl Strategy<Value = Ipv4Addr> {
        any::<u32>().prop_map(Ipv4Addr::from)
    }

    prop_compose! {
        fn menu()(
            control in any::<u8>(),
            multicast in proptest::option::of(address()),
            servers in prop::collection::vec((any::<u16>(), prop::collection::vec(address(), 0..4)), 0..9),
            items in prop::collection::vec((any::<u16>(), "[ -~]{0,30}"), 1..9),
            prompt in proptest::option::of((any::<u8>(), "[ -~]{0,70}")),
        ) -> BootMenu {
            BootMenu { control, multicast, servers, items, prompt }
        }
    }

    proptest! {
        #[test]
        fn what_fits_comes_back_as_it_was(menu in menu()) {
            match menu.encode() {
                Ok(bytes) => {
                    prop_assert!(bytes.len() <= MAX_BYTES && bytes.last() == Some(&END));
                    prop_assert_eq!(bytes.len(), menu.len());
                    prop_assert_eq!(Area::read(&bytes).odd, []);
                    prop_assert_eq!(BootMenu::decode(&bytes), Some(menu));
                }
                Err(why) => prop_assert!(why.bytes > MAX_BYTES && why.bytes == menu.len()),
            }
        }

        #[test]
        fn any_bytes_are_a_menu_or_none(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let menu = BootMenu::decode(&bytes);
            prop_assert!(menu.is_none_or(|m| !m.is_empty()));
        }
    }

    /// `43{6=3, 8, 9, 10}`, which EDK2 and iPXE both show (facts B).
    #[test]
    fn a_menu_byte_by_byte() {
        let menu = BootMenu {
            control: NO_BROADCAST | NO_MULTICAST,
            multicast: None,
            servers: vec![(0x8001, vec![[10, 0, 0, 2].into()])],
            items: vec![(0x8001, "A".into()), (LOCAL, "Disk".into())],
            prompt: Some((5, "F8".into())),
        };
        let bytes = b"\x06\x01\x03\x08\x07\x80\x01\x01\x0a\x00\x00\x02\x09\x0b\x80\x01\x01A\x00\x00\x04Disk\x0a\x03\x05F8\xff";
        assert_eq!(menu.encode().unwrap(), bytes);
        assert_eq!(BootMenu::decode(bytes), Some(menu));
        assert_eq!(BootMenu::decode(b"\x09\x05\x80\x01\x09AB\xff"), None);
        assert_eq!(BootMenu::decode(&super::super::BOOT_AT_ONCE), None);
    }
}
