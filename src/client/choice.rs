//! What a machine's user chose in a menu that its firmware showed.
//!
//! It is told to the loader that was named for it, and is forgotten when the machine begins anew.

use std::sync::Arc;

use super::{Client, Stage};
use crate::wire::dhcp::{Kind, Message};

/// One choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The profile whose menu it was.
    pub profile: Arc<str>,
    /// The entry's id.
    pub entry: Arc<str>,
    /// Who showed the menu.
    pub by: Stage,
    /// Whether the loader named is to start the entry; otherwise it is itself what was chosen.
    pub by_loader: bool,
}

impl Client {
    /// With what was chosen, unless this message begins anew: a DISCOVER of whoever showed the menu.
    /// One of an iPXE that firmware has loaded goes on with what its user chose in the firmware.
    #[must_use]
    pub fn having_chosen(self, before: Option<&Choice>, message: &Message) -> Self {
        let goes_on = |choice: &&Choice| match message.kind() {
            Some(Kind::Discover) => choice.by == Stage::Rom && self.stage == Stage::Ipxe,
            _ => true,
        };
        Self {
            chosen: before.filter(goes_on).cloned(),
            ..self
        }
    }
}
