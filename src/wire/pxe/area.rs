//! Option 43 of class `PXEClient`, read once for all who look at it (facts B): what it says, and
//! what is odd about it.
//!
//! Invariants: total and linear; of lists what fits is kept; a sub-option that stands twice counts as
//! it stands last. Absent on purpose: any opinion on what is odd. Machines read on, and refuse other
//! things than `doctor` warns of.

use std::net::Ipv4Addr;

use crate::wire::tlv::{self, Ending};

/// `PXE_DISCOVERY_CONTROL`
pub const CONTROL: u8 = 6;
/// `DISCOVERY_MCAST_ADDR`
pub const GROUP: u8 = 7;
/// `PXE_BOOT_SERVERS`
pub const SERVERS: u8 = 8;
/// `PXE_BOOT_MENU`
pub const MENU: u8 = 9;
/// `PXE_MENU_PROMPT`
pub const PROMPT: u8 = 10;

/// Bit 0 of `PXE_DISCOVERY_CONTROL`: no discovery by broadcast.
pub const NO_BROADCAST: u8 = 1;
/// Bit 1: no discovery by multicast.
pub const NO_MULTICAST: u8 = 2;
/// Bit 2: only servers of the list are believed.
pub const LISTED_ONLY: u8 = 4;
/// Bit 3: boot the file named beside it, without prompt, menu or discovery.
pub const AT_ONCE: u8 = 8;

/// The bits of `PXE_DISCOVERY_CONTROL`; none where it is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Control(pub u8);

impl Control {
    /// [`NO_BROADCAST`]
    pub const fn forbids_broadcast(self) -> bool {
        self.0 & NO_BROADCAST != 0
    }

    /// [`NO_MULTICAST`]
    pub const fn forbids_multicast(self) -> bool {
        self.0 & NO_MULTICAST != 0
    }

    /// [`LISTED_ONLY`]
    pub const fn listed_only(self) -> bool {
        self.0 & LISTED_ONLY != 0
    }

    /// [`AT_ONCE`]
    pub const fn at_once(self) -> bool {
        self.0 & AT_ONCE != 0
    }
}

/// Boot servers by the type of their items.
pub type Servers = Vec<(u16, Vec<Ipv4Addr>)>;

/// What an option 43 says. A sub-option that is not there, or has no room for its value, is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Area<'a> {
    /// The sub-options that are there, in their order.
    pub tags: Vec<u8>,
    /// [`CONTROL`]
    pub control: Control,
    /// [`GROUP`]: where boot servers are asked by multicast.
    pub group: Option<Ipv4Addr>,
    /// [`SERVERS`], as far as they fit.
    pub servers: Option<Servers>,
    /// [`MENU`]: types and texts, as far as they fit.
    pub items: Option<Vec<(u16, &'a [u8])>>,
    /// [`PROMPT`]: seconds and text.
    pub prompt: Option<(u8, &'a [u8])>,
    /// What is odd, in its order.
    pub odd: Vec<Odd>,
}

/// What is odd about an option 43.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Odd {
    /// It has no end mark.
    Unended,
    /// This sub-option is longer than what is left.
    Cut(u8),
    /// This sub-option's value has another length than such values have, or a list in it does not
    /// end where the value ends.
    Value(u8),
}

impl<'a> Area<'a> {
    /// Reads option 43.
    pub fn read(option_43: &'a [u8]) -> Self {
        let mut area = Self::default();
        let mut fields = tlv::fields(option_43);
        for (tag, value) in fields.by_ref() {
            area.tags.push(tag);
            area.take(tag, value);
        }
        area.odd.extend(match fields.ending() {
            Ending::Marked => None,
            Ending::Unmarked => Some(Odd::Unended),
            Ending::Cut(tag) => Some(Odd::Cut(tag)),
        });
        area
    }

    fn take(&mut self, tag: u8, value: &'a [u8]) {
        let fits = match tag {
            CONTROL => {
                self.control = Control(value.first().copied().unwrap_or(0));
                value.len() == 1
            }
            GROUP => {
                self.group = value.first_chunk().map(|a: &[u8; 4]| Ipv4Addr::from(*a));
                value.len() == 4
            }
            SERVERS => {
                let (servers, rest) = list(value, 4, addresses);
                self.servers = Some(servers);
                rest.is_empty()
            }
            MENU => {
                let (items, rest) = list(value, 1, |text| text);
                self.items = Some(items);
                rest.is_empty()
            }
            PROMPT => {
                self.prompt = value.split_first().map(|(seconds, text)| (*seconds, text));
                self.prompt.is_some()
            }
            _ => true,
        };
        if !fits {
            self.odd.push(Odd::Value(tag));
        }
    }

    /// Whether the sub-option is there, whatever its value.
    pub fn has(&self, tag: u8) -> bool {
        self.tags.contains(&tag)
    }

    /// Whether one of 6 to 10 is there: what makes it PXE data (facts B and C).
    pub fn discovers(&self) -> bool {
        (CONTROL..=PROMPT).any(|tag| self.has(tag))
    }

    /// Whether all of 1 to 5 are there: multicast download, which nobody does any more.
    pub fn multicasts(&self) -> bool {
        (1..=5).all(|tag| self.has(tag))
    }

    /// Whether all lengths fit and the end mark is there.
    pub fn is_whole(&self) -> bool {
        let broken = |odd: &Odd| matches!(odd, Odd::Unended | Odd::Cut(_));
        !self.odd.iter().any(broken)
    }

    /// Whether all values that it has are as such values are.
    pub fn is_sound(&self) -> bool {
        !self.odd.iter().any(|odd| matches!(odd, Odd::Value(_)))
    }
}

/// The entries of a list, each a type, a count, and what is counted, of so many bytes each; and the
/// bytes behind the last that fits.
fn list<'a, T>(
    mut rest: &'a [u8],
    bytes: usize,
    read: impl Fn(&'a [u8]) -> T,
) -> (Vec<(u16, T)>, &'a [u8]) {
    let mut all = Vec::new();
    while let Some((kind, value, after)) = entry(rest, bytes) {
        all.push((kind, read(value)));
        rest = after;
    }
    (all, rest)
}

fn entry(list: &[u8], bytes: usize) -> Option<(u16, &[u8], &[u8])> {
    let (&[high, low, count], after) = list.split_first_chunk()?;
    let (value, after) = after.split_at_checked(usize::from(count).checked_mul(bytes)?)?;
    Some((u16::from_be_bytes([high, low]), value, after))
}

fn addresses(value: &[u8]) -> Vec<Ipv4Addr> {
    let (addresses, _) = value.as_chunks::<4>();
    addresses.iter().map(|a| Ipv4Addr::from(*a)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_fits_is_kept_and_the_rest_is_odd() {
        let option = [
            &[6, 1, 3, 8, 11, 0x80, 0, 1, 10, 0, 0, 2, 0, 1, 0][..],
            &[0xff], // one byte too many for the list
            &[9, 11, 0x80, 0, 3, b'L', b'a', b'b', 0, 0, 2, b'h', b'd'],
            &[10, 4, 5, b'F', b'8', 27],
        ]
        .concat();
        let here = vec![Ipv4Addr::new(10, 0, 0, 2)];
        let area = Area {
            tags: vec![6, 8, 9, 10],
            control: Control(3),
            group: None,
            servers: Some(vec![(0x8000, here), (1, vec![])]),
            items: Some(vec![(0x8000, b"Lab"), (0, b"hd")]),
            prompt: Some((5, b"F8\x1b")),
            odd: vec![Odd::Value(8), Odd::Unended],
        };
        assert!(area.discovers() && !area.multicasts());
        assert!(!area.is_whole() && !area.is_sound());
        assert_eq!(Area::read(&option), area);
    }

    #[test]
    fn values_of_another_length() {
        for (option, tag) in [
            (&[6, 0, 255][..], 6),
            (&[6, 2, 8, 0, 255], 6),
            (&[7, 3, 224, 0, 1, 255], 7),
            (&[7, 5, 224, 0, 1, 1, 9, 255], 7),
            (&[8, 4, 0, 1, 9, 10, 255], 8),
            (&[9, 4, 0, 1, 50, b'x', 255], 9),
            (&[10, 0, 255], 10),
        ] {
            let area = Area::read(option);
            assert_eq!(area.odd, [Odd::Value(tag)], "{option:?}");
            assert!(area.is_whole() && area.has(tag) && area.discovers());
        }
        assert_eq!(Area::read(&[6, 2, 8, 0, 255]).control, Control(8));
        assert_eq!(Area::read(&[6, 1, 8, 6, 0, 255]).control, Control(0));
        assert_eq!(Area::read(&[6, 1, 8, 71, 9, 1]).odd, [Odd::Cut(71)]);
        assert_eq!(Area::read(&[]).odd, [Odd::Unended]);
    }

    #[test]
    fn multicast_download_takes_all_five() {
        let five = [1, 4, 224, 1, 1, 1, 2, 0, 3, 0, 4, 0, 5, 0, 255];
        assert!(Area::read(&five).multicasts() && !Area::read(&five).discovers());
        assert!(!Area::read(&five[..12]).multicasts());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let area = Area::read(&bytes);
            prop_assert!(area.tags.len() * 2 <= bytes.len());
            prop_assert!(area.odd.len() <= area.tags.len() + 1);
        }
    }
}
