//! Option 43 of class `PXEClient`, as firmware takes it (facts B).
//!
//! Lenient as firmware is: what is odd is passed over, and what came before it counts.

use std::net::Ipv4Addr;

use crate::wire::pxe::area::{Area, Control, Servers};

/// The most items that EDK2 shows.
const ITEMS: usize = 24;

/// What it says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Option43 {
    /// Any of 6 to 10: what makes it PXE data.
    pub discovers: bool,
    /// All of 1 to 5: multicast download, which nobody does any more.
    pub multicasts: bool,
    /// 6
    pub control: Control,
    /// 7
    pub group: Option<Ipv4Addr>,
    /// 8: boot servers by type; `None` without it.
    pub servers: Option<Servers>,
    /// 9: types and texts; `None` without it.
    pub menu: Option<Vec<(u16, String)>>,
    /// 10: seconds and text.
    pub prompt: Option<(u8, String)>,
}

impl Option43 {
    /// Takes option 43.
    pub fn read(option_43: &[u8]) -> Self {
        let area = Area::read(option_43);
        let menu = |items: &Vec<(u16, &[u8])>| {
            let items = items.iter().take(ITEMS);
            items.map(|(kind, text)| (*kind, shown(text))).collect()
        };
        Self {
            discovers: area.discovers(),
            multicasts: area.multicasts(),
            control: area.control,
            group: area.group,
            menu: area.items.as_ref().map(menu),
            prompt: area.prompt.map(|(seconds, text)| (seconds, shown(text))),
            servers: area.servers,
        }
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
        let vendor = Option43::read(&option);
        assert!(vendor.discovers && !vendor.multicasts);
        let control = vendor.control;
        assert!(control.forbids_broadcast() && control.forbids_multicast());
        assert!(!control.listed_only() && !control.at_once());
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
        let vendor = Option43::read(&[8, 4, 0, 1, 9, 10, 9, 4, 0, 1, 50, b'x', 10, 0]);
        assert_eq!(vendor.servers, Some(vec![]));
        assert_eq!(vendor.menu, Some(vec![]));
        assert_eq!(vendor.prompt, None);
        assert_eq!(
            Option43::read(&[1, 4, 224, 0, 0, 1, 255]),
            Option43::default()
        );
    }
}
