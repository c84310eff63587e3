//! Option 43 of class `PXEClient`, as firmware reads it (facts B).
//!
//! Lenient as firmware is: what does not fit its length ends a list. At most 255 bytes, so nothing
//! here grows.

use std::net::Ipv4Addr;

use crate::wire::pxe;

/// `PXE_DISCOVERY_CONTROL`
const CONTROL: u8 = 6;
/// `DISCOVERY_MCAST_ADDR`
const MULTICAST: u8 = 7;
/// `PXE_BOOT_SERVERS`
const SERVERS: u8 = 8;
/// `PXE_BOOT_MENU`
const MENU: u8 = 9;
/// `PXE_MENU_PROMPT`
const PROMPT: u8 = 10;
/// The most items that EDK2 shows.
const ITEMS: usize = 24;

/// What it says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vendor {
    /// Any of 6 to 10: what makes it PXE data.
    pub discovers: bool,
    /// All of 1 to 5: multicast download, which nobody does any more.
    pub multicasts: bool,
    /// 6, or 0.
    pub control: u8,
    /// 7
    pub group: Option<Ipv4Addr>,
    /// 8: boot servers by type; `None` without it.
    pub servers: Option<Vec<(u16, Vec<Ipv4Addr>)>>,
    /// 9: types and texts; `None` without it.
    pub menu: Option<Vec<(u16, String)>>,
    /// 10: seconds and text.
    pub prompt: Option<(u8, String)>,
}

impl Vendor {
    /// Reads option 43.
    pub fn read(option: &[u8]) -> Self {
        let mut vendor = Self::default();
        let mut tags = Vec::new();
        for (tag, value) in pxe::sub_options(option) {
            tags.push(tag);
            vendor.take(tag, value);
        }
        vendor.discovers = tags.iter().any(|tag| matches!(tag, 6..=10));
        vendor.multicasts = (1..=5).all(|tag| tags.contains(&tag));
        vendor
    }

    fn take(&mut self, tag: u8, value: &[u8]) {
        match tag {
            CONTROL => self.control = value.first().copied().unwrap_or(0),
            MULTICAST => self.group = value.first_chunk::<4>().map(|a| Ipv4Addr::from(*a)),
            SERVERS => self.servers = Some(servers(value)),
            MENU => self.menu = Some(menu(value)),
            PROMPT => {
                self.prompt = value
                    .split_first()
                    .map(|(seconds, text)| (*seconds, shown(text)));
            }
            _ => {}
        }
    }

    /// Bit 0.
    pub const fn forbids_broadcast(&self) -> bool {
        self.control & 1 != 0
    }

    /// Bit 1.
    pub const fn forbids_multicast(&self) -> bool {
        self.control & 2 != 0
    }

    /// Bit 2: only servers of the list are believed.
    pub const fn listed_only(&self) -> bool {
        self.control & 4 != 0
    }

    /// Bit 3: boot the file named here at once.
    pub const fn at_once(&self) -> bool {
        self.control & 8 != 0
    }

    /// The servers of an item; `None` where the list does not have it.
    pub fn servers_of(&self, item: u16) -> Option<&[Ipv4Addr]> {
        let all = self.servers.as_ref()?;
        let found = all.iter().find(|(kind, _)| *kind == item)?;
        Some(&found.1)
    }

    /// The first server of the list.
    pub fn first_server(&self) -> Option<Ipv4Addr> {
        self.servers.as_ref()?.first()?.1.first().copied()
    }
}

fn servers(mut value: &[u8]) -> Vec<(u16, Vec<Ipv4Addr>)> {
    let mut all = Vec::new();
    while let Some((&[high, low, count], rest)) = value.split_first_chunk::<3>() {
        let Some((addresses, rest)) = rest.split_at_checked(usize::from(count) * 4) else {
            break;
        };
        let (addresses, _) = addresses.as_chunks::<4>();
        let addresses = addresses.iter().map(|a| Ipv4Addr::from(*a)).collect();
        all.push((u16::from_be_bytes([high, low]), addresses));
        value = rest;
    }
    all
}

fn menu(mut value: &[u8]) -> Vec<(u16, String)> {
    let mut items = Vec::new();
    while let Some((&[high, low, length], rest)) = value.split_first_chunk::<3>() {
        let Some((text, rest)) = rest.split_at_checked(usize::from(length)) else {
            break;
        };
        if items.len() < ITEMS {
            items.push((u16::from_be_bytes([high, low]), shown(text)));
        }
        value = rest;
    }
    items
}

/// Text of strangers for a terminal: what could steer it is shown as a point.
pub fn shown(text: &[u8]) -> String {
    let text = text.split(|b| *b == 0).next().unwrap_or_default();
    let text = String::from_utf8_lossy(text);
    let plain = |c: char| if c.is_control() { '·' } else { c };
    text.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_menu_with_servers_and_a_prompt() {
        let option = [
            &[6, 1, 3, 8, 11, 0x80, 0, 1, 10, 0, 0, 2, 0, 1, 0][..],
            &[0xff], // one byte too many for the list
            &[9, 11, 0x80, 0, 3, b'L', b'a', b'b', 0, 0, 2, b'h', b'd'],
            &[10, 4, 5, b'F', b'8', 27],
        ]
        .concat();
        let vendor = Vendor::read(&option);
        assert!(vendor.discovers && !vendor.multicasts);
        assert!(vendor.forbids_broadcast() && vendor.forbids_multicast());
        assert!(!vendor.listed_only() && !vendor.at_once());
        assert_eq!(vendor.servers_of(0x8000), Some(&[[10, 0, 0, 2].into()][..]));
        assert_eq!(vendor.servers_of(1), Some(&[][..]));
        assert_eq!(vendor.servers_of(7), None);
        assert_eq!(
            vendor.menu,
            Some(vec![(0x8000, "Lab".into()), (0, "hd".into())])
        );
        assert_eq!(vendor.prompt, Some((5, "F8·".into())));
    }

    #[test]
    fn lists_that_lie_about_their_length() {
        let vendor = Vendor::read(&[8, 4, 0, 1, 9, 10, 9, 4, 0, 1, 50, b'x', 10, 0]);
        assert_eq!(vendor.servers, Some(vec![]));
        assert_eq!(vendor.menu, Some(vec![]));
        assert_eq!(vendor.prompt, None);
        assert_eq!(Vendor::read(&[1, 4, 224, 0, 0, 1, 255]), Vendor::default());
    }
}
