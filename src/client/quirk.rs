//! Firmware oddities as data: what tells a client, what it changes in the answer, and on what
//! evidence.
//!
//! No single reply suits every machine (quirks 3, 4, 8, 11, 14, 17 and 27 contradict each other), so
//! what is done for one kind of firmware is a [`Quirk`], a row of a [`Table`]. The rows that go with
//! bootjack stand in `quirk/table.yaml`, in the form in which an operator writes rows of his own
//! (`quirks:` of the config file); his go before ours. Of every setting the first row that tells the
//! client and says something of it decides: that is a [`Treatment`].
//!
//! * `tells`: what tells a client
//! * `changes`: what is changed
//! * `acts`: where a change can act
//! * `document`: YAML → rows
//! * `index`: which rows may tell a client
//! * `words`: the small languages inside single values
//!
//! Absent on purpose: what a change means on the wire (`decide`, and `transfer` for TFTP).

mod acts;
mod changes;
mod document;
mod index;
mod tells;
mod words;

use std::sync::{Arc, LazyLock};

pub use acts::{Answered, Idle, Replies, idle};
pub use changes::{Changes, Ending, FileIn, NameForm, Option43, ReplyPort, Vendor};
pub use document::{TABLE, compile, loaders, of_config};
pub use tells::{Behaviour, Tells};

use super::{Client, Shape, Stage};
use index::Index;

/// So many bytes of a file's name fit into the header.
const HEADER_ROOM: usize = 127;

/// One oddity.
#[derive(Debug, Clone, PartialEq)]
pub struct Quirk {
    /// Its name, unique in its table.
    pub name: Arc<str>,
    /// Whom it is about.
    pub tells: Tells,
    /// What it changes. Nothing, where the remedy is built in for everyone.
    pub changes: Changes,
    /// Where the remedy is built in for everyone.
    pub built_in: Option<Box<str>>,
    /// Its numbers in the list of quirks on record; empty for an operator's own.
    pub numbers: Vec<u8>,
    /// Who does it, and where that is on record.
    pub record: Arc<str>,
    /// Whether it came with bootjack.
    pub ours: bool,
}

/// Rows in the order in which they are asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    own: Vec<Quirk>,
    index: Index,
}

/// The rows that come with bootjack.
static BUILT_IN: LazyLock<Vec<Quirk>> = LazyLock::new(document::built_in);
/// Those of them that change an answer: what the others ask for is built in for everyone.
static CHANGING: LazyLock<Vec<&Quirk>> = LazyLock::new(|| {
    BUILT_IN
        .iter()
        .filter(|row| row.changes.are_some())
        .collect()
});

impl Default for Table {
    fn default() -> Self {
        Self::with(Vec::new())
    }
}

impl Table {
    /// An operator's rows, then ours.
    pub fn with(own: Vec<Quirk>) -> Self {
        let index = Index::of(&own);
        Self { own, index }
    }

    /// The operator's rows.
    pub fn own(&self) -> &[Quirk] {
        &self.own
    }

    /// Every row.
    pub fn rows(&self) -> impl Iterator<Item = &Quirk> {
        self.own.iter().chain(BUILT_IN.iter())
    }

    /// What is done for this client.
    pub fn treat(&self, client: &Client) -> Treatment<'_> {
        let own = self.index.may_tell(client.mac).into_iter();
        let own = own.filter_map(|at| self.own.get(at));
        let own = own.filter(|row| row.tells.tells(client));
        let ours = CHANGING.iter().copied();
        let ours = ours.filter(|row| row.tells.tells(client));
        Treatment {
            rows: own.chain(ours).collect(),
        }
    }
}

/// The rows that tell a client, in order.
#[derive(Debug, Clone, Default)]
pub struct Treatment<'t> {
    rows: Vec<&'t Quirk>,
}

impl<'t> Treatment<'t> {
    /// What the first row that says something of it says, and that row.
    pub fn first<T>(&self, says: impl Fn(&'t Changes) -> Option<T>) -> Option<(T, &'t Quirk)> {
        let mut said = self
            .rows
            .iter()
            .filter_map(|row| Some((says(&row.changes)?, *row)));
        said.next()
    }

    /// [`Self::first`] without the row.
    pub fn set<T>(&self, says: impl Fn(&'t Changes) -> Option<T>) -> Option<T> {
        self.first(says).map(|(value, _)| value)
    }

    /// Whether it is a Raspberry Pi's boot ROM, whatever else another row says of it.
    pub fn tells_pi(&self, client: &Client) -> bool {
        let is_pi = |shapes: &Vec<Shape>| shapes.contains(&Shape::RaspberryPi);
        let rom = client.stage == Stage::Rom;
        let mut rows = self.rows.iter().filter(|_| rom);
        rows.any(|row| row.changes.strategies.as_ref().is_some_and(is_pi))
    }

    /// The rows, the first one first.
    pub fn rows(&self) -> &[&'t Quirk] {
        &self.rows
    }
}
