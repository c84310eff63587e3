//! A name, as both doors look it up: what its loader may mean by it, else what the tree says; opened.

use std::io;

use super::files::{self, Body};
use super::shared::Shared;
use crate::event::{Guess, What};
use crate::profile::Snapshot;
use crate::tree::{self, CleanPath, FilePath, Found, Missing, Requester};

/// How a name becomes content: [`tree::resolve`], or a test's own.
pub type Resolve = fn(&Snapshot, &Requester, &CleanPath) -> Result<Found, Missing>;

/// So many characters of a name are told.
const SHOWN: usize = 160;

/// Why there is nothing to send.
#[derive(Debug)]
pub enum Nothing {
    /// The tree has no such name for this client.
    Missing(Missing),
    /// What the tree has cannot be opened.
    Unopened(io::Error),
}

/// What a name is for this requester, opened; a loader is taken note of.
///
/// # Errors
/// The reason why there is nothing.
pub async fn look_up(
    shared: &Shared,
    resolve: Resolve,
    (snapshot, who): (&Snapshot, &Requester),
    path: &CleanPath,
) -> Result<(Found, Body), Nothing> {
    let files = tree::files_first(snapshot, who, path);
    let first = files::first(&shared.folders, files).await;
    let (found, body) = if let Some((file, body)) = first.map_err(Nothing::Unopened)? {
        tell_of_guess(shared, who, path, &file);
        (Found::File(file), body)
    } else {
        let found = resolve(snapshot, who, path).map_err(Nothing::Missing)?;
        let opened = files::open(&shared.folders, &shared.hot, &found).await;
        let (body, one) = opened.map_err(Nothing::Unopened)?;
        let another = (!std::ptr::eq(one, &raw const found)).then(|| one.clone());
        (another.unwrap_or(found), body)
    };
    shared.started(who.peer, path, &found);
    Ok((found, body))
}

/// Where somebody gets another file than he asked for, he is told of.
fn tell_of_guess(shared: &Shared, who: &Requester, path: &CleanPath, file: &FilePath) {
    let name = format!("images/{}", file.path);
    if name != path.as_str() {
        emit(shared, who, path, Some(&name));
    }
}

/// The event of a name that its loader goes on without, where `path` is one.
pub fn goes_on_without(shared: &Shared, who: &Requester, path: &CleanPath) -> bool {
    let guess = tree::is_guess(path);
    if guess {
        emit(shared, who, path, None);
    }
    guess
}

fn emit(shared: &Shared, who: &Requester, path: &CleanPath, file: Option<&str>) {
    let short = |text: &str| text.chars().take(SHOWN).collect();
    let what = What::Guessed(Guess {
        door: who.door,
        path: short(path.as_str()),
        peer: who.peer,
        file: file.map(short),
    });
    shared.emit(who.client.as_ref().map(|client| client.mac), what);
}
