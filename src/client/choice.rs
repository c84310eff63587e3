//! What a machine has behind it when it speaks again: which firmware loaded the program that speaks
//! now, and what its user chose in a menu that the firmware showed.
//!
//! Both are known until the machine begins anew: until its firmware, or a card's own iPXE (one that no
//! firmware was seen to load), asks for boot data.

use std::sync::Arc;

use super::{Client, Stage};
use crate::wire::dhcp::{Message, code};
use crate::wire::pxe::boot_item;

/// A choice in a menu that firmware shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The profile whose menu it was.
    pub profile: Arc<str>,
    /// The entry's id.
    pub entry: Arc<str>,
    /// Whether the loader named is to start the entry; otherwise it is itself what was chosen.
    pub by_loader: bool,
}

impl Client {
    /// With what was seen of it before this message.
    #[must_use]
    pub fn coming_from(self, before: Option<&Self>, message: &Message) -> Self {
        let Some(before) = before else { return self };
        let loaded_by = match before.stage {
            Stage::Ipxe => before.loaded_by,
            stage => Some(stage),
        };
        let loaded_by = loaded_by.filter(|_| self.stage == Stage::Ipxe);
        let vendor = message.options.get(code::VENDOR_SPECIFIC);
        let begins = loaded_by.is_none() && vendor.and_then(boot_item).is_none();
        Self {
            loaded_by,
            chosen: before.chosen.clone().filter(|_| !begins),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::wire::Mac;
    use crate::wire::dhcp::Options;

    fn speaks(stage: Stage) -> Client {
        Client {
            stage,
            ..Client::unknown(Mac::ethernet([2, 0, 0, 0, 0, 1]), Ipv4Addr::LOCALHOST)
        }
    }

    /// One that asks for an item of a menu, or for boot data.
    fn message(item: bool) -> Message {
        let mut header = vec![0; 240];
        header[236..].copy_from_slice(&[99, 130, 83, 99]);
        let vendor = [71, 4, 128, 1, 0, 0, 255];
        let option = item.then_some((code::VENDOR_SPECIFIC, &vendor[..]));
        Message {
            options: Options::from_iter(option),
            ..Message::decode(&header).unwrap()
        }
    }

    /// Each step: who speaks, whether for an item; who loaded it, and whether the choice is known.
    #[test]
    fn a_choice_is_known_until_the_machine_begins_anew() {
        let choice = Choice {
            profile: "Lab".into(),
            entry: "debian".into(),
            by_loader: true,
        };
        let (rom, ipxe, http) = (Stage::Rom, Stage::Ipxe, Stage::HttpBoot);
        for (first, steps) in [
            // EDK2, and what it loads
            (
                rom,
                &[
                    (ipxe, false, Some(rom), true),
                    (ipxe, false, Some(rom), true),
                    (rom, false, None, false),
                ][..],
            ),
            (
                rom,
                &[(rom, true, None, true), (ipxe, false, Some(rom), true)],
            ),
            // A card's own iPXE
            (
                ipxe,
                &[(ipxe, true, None, true), (ipxe, false, None, false)],
            ),
            (
                http,
                &[
                    (ipxe, false, Some(http), true),
                    (http, false, None, false),
                    (ipxe, false, Some(http), false),
                ],
            ),
        ] {
            let mut before = Client {
                chosen: Some(choice.clone()),
                ..speaks(first)
            };
            for (stage, item, loaded_by, known) in steps {
                before = speaks(*stage).coming_from(Some(&before), &message(*item));
                let now = (before.loaded_by, before.chosen.is_some());
                assert_eq!(now, (*loaded_by, *known), "{first} … {stage}");
            }
        }
    }
}
