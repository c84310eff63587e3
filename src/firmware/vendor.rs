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
    fn texts_are_for_a_terminal_and_servers_are_found_by_item() {
        let option = [
            &[8, 10, 0x80, 0, 1, 10, 0, 0, 2, 0, 1, 0][..],
            &[9, 9, 0x80, 0, 6, b'L', b'a', b'b', 27, 0, b'x'],
            &[10, 4, 5, b'F', b'8', 27, 255],
        ]
        .concat();
        let said = Option43::read(&option);
        assert_eq!(said.menu, Some(vec![(0x8000, "Lab·".into())]));
        assert_eq!(said.prompt, Some((5, "F8·".into())));
        let server = Ipv4Addr::new(10, 0, 0, 2);
        assert_eq!(said.first_server(), Some(server));
        assert_eq!(said.servers_of(0x8000), Some(&[server][..]));
        assert_eq!(said.servers_of(1), Some(&[][..]));
        assert_eq!(said.servers_of(7), None);
    }

    #[test]
    fn edk2_shows_so_many_items() {
        let items = [0, 1, 1, b'x'].repeat(30);
        let option = [&[9, items.len() as u8][..], &items, &[255]].concat();
        let menu = Option43::read(&option).menu;
        assert_eq!(menu.map(|items| items.len()), Some(ITEMS));
    }

    #[test]
    fn lists_that_lie_about_their_length() {
        let said = Option43::read(&[8, 4, 0, 1, 9, 10, 9, 4, 0, 1, 50, b'x', 10, 0]);
        assert_eq!(said.servers, Some(vec![]));
        assert_eq!(said.menu, Some(vec![]));
        assert_eq!(said.prompt, None);
        let lone = Option43::read(&[1, 4, 224, 0, 0, 1, 255]);
        assert_eq!(lone, Option43::default());
    }
}
