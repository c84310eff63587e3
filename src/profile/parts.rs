//! Where the parts of a profile stand in its file, for what is found wrong with them once everything is compiled:
//! beside the other profiles, and the files and the mode of this host.

use crate::yaml::At;

/// A part of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `strategy:`
    Strategy,
    /// `http_boot:`
    HttpBoot,
    /// `menu:`
    Menu,
    /// An entry of the menu, by its number from the first, which is 0.
    Entry(usize),
}

/// Where they stand; a part that is not written stands where the profile does.
#[derive(Debug, Clone, Default)]
pub(super) struct Parts {
    pub strategy: At,
    pub http_boot: At,
    pub menu: At,
    /// In the order of the menu.
    pub entries: Vec<At>,
}

impl Parts {
    /// Where this one stands.
    pub(super) fn at(&self, part: Part) -> At {
        match part {
            Part::Strategy => self.strategy,
            Part::HttpBoot => self.http_boot,
            Part::Menu => self.menu,
            Part::Entry(number) => self.entries.get(number).copied().unwrap_or(self.menu),
        }
    }
}
