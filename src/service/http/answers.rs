//! What is said of small files that are in memory, as it is sent: heads of answers, each made once
//! for each state of a file. [`shortcut`](super::shortcut) takes them.
//!
//! Invariants: a head goes with the state of the file that it was made for ([`Stamp`]), and with nothing
//! else. Known here is only what is the same whoever asks for it, and of which nobody takes note:
//! files below the images that are no loaders. Bounded: so many names, in canonical spelling alone.
//!
//! Absent on purpose: the bytes. They are `hot`'s, which knows how long they are to be believed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use hyper::header::HeaderMap;

use super::condition::Verdict;
use super::content::Content;
use super::head::head;
use super::route::printable;
use crate::service::files::{Data, Stamp};
use crate::tree::names::{Name, name};
use crate::tree::{CleanPath, FilePath, Root};

/// Names that are known.
const NAMES: usize = 1024;

/// The heads, and the line with the date that ends them.
#[derive(Debug, Default)]
pub(super) struct Answers {
    known: Mutex<HashMap<String, Arc<Answer>>>,
    date: Mutex<Option<Date>>,
}

/// What is said of a file in one state.
#[derive(Debug)]
pub(super) struct Answer {
    /// The file.
    pub(super) file: FilePath,
    /// Its state.
    pub(super) stamp: Stamp,
    /// Its name, as events tell it.
    pub(super) name: Arc<str>,
    /// Status and headers, but for the date.
    head: Box<[u8]>,
}

/// The line with the date, and when it says another one.
#[derive(Debug, Clone)]
struct Date {
    line: Box<[u8]>,
    until: Instant,
}

impl Answers {
    /// What is said of the file of this name.
    pub(super) fn of(&self, target: &str) -> Option<Arc<Answer>> {
        locked(&self.known).get(target.strip_prefix('/')?).cloned()
    }

    /// Takes note of what was answered.
    pub(super) fn learn(&self, asked: &CleanPath, content: &Content) {
        let (Data::Memory(_), Some(stamp)) = (&content.body.data, content.body.stamp) else {
            return;
        };
        let Some(file) = content.file.as_ref().filter(|file| is_alike(asked, file)) else {
            return;
        };
        let mut known = locked(&self.known);
        let before = known.get(asked.as_str());
        if before.is_some_and(|before| before.stamp == stamp) {
            return;
        }
        if known.len() >= NAMES {
            known.clear();
        }
        let answer = Answer {
            file: file.clone(),
            stamp,
            name: printable(asked.as_str()).into(),
            head: written(&head(Verdict::Whole, content.described()).1),
        };
        known.insert(asked.as_str().to_owned(), Arc::new(answer));
    }

    /// The head of an answer, with the date of now.
    pub(super) fn head(&self, answer: &Answer, now: Instant, into: &mut Vec<u8>) {
        let mut date = locked(&self.date);
        let fresh = date
            .take_if(|date| now < date.until)
            .unwrap_or_else(Date::now);
        into.clear();
        into.extend_from_slice(&answer.head);
        into.extend_from_slice(&fresh.line);
        *date = Some(fresh);
    }
}

/// Whether a name means this file whoever asks for it, and nobody takes note of who had it: that he
/// runs it, for one ([`crate::client::Loaders`]).
fn is_alike(asked: &CleanPath, file: &FilePath) -> bool {
    let is_it = matches!(name(asked), Name::Image(path) if path == file.path);
    let program = asked.as_str().to_ascii_lowercase().ends_with(".efi");
    is_it && file.root == Root::Images && !program
}

/// As hyper writes it, in the same letters (see `connection`).
fn written(headers: &HeaderMap) -> Box<[u8]> {
    let mut text = b"HTTP/1.1 200 OK\r\n".to_vec();
    for (name, value) in headers {
        let mut begins = true;
        for byte in name.as_str().bytes() {
            text.push(if begins {
                byte.to_ascii_uppercase()
            } else {
                byte
            });
            begins = byte == b'-';
        }
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    text.into()
}

impl Date {
    fn now() -> Self {
        let now = SystemTime::now();
        let since = now.duration_since(SystemTime::UNIX_EPOCH);
        let into_it = since.map_or(0, |since| since.subsec_nanos());
        let left = Duration::from_secs(1).saturating_sub(Duration::from_nanos(into_it.into()));
        Self {
            line: format!("Date: {}\r\n\r\n", httpdate::fmt_http_date(now))
                .into_bytes()
                .into(),
            until: Instant::now() + left,
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_the_same_for_everybody_is_known() {
        let path = |text: &str| CleanPath::new(text.as_bytes()).unwrap();
        for (asked, root, found, expected) in [
            ("images/a/b", Root::Images, "a/b", true),
            ("images/a/b", Root::Images, "a", false),
            ("images/a/b", Root::Assets, "a/b", false),
            ("images/a.efi", Root::Images, "a.efi", false),
            ("images/a.EFI", Root::Images, "a.EFI", false),
            ("images/grub/grub.cfg", Root::Images, "grub/grub.cfg", false),
            ("a/b", Root::Images, "a/b", false),
        ] {
            let path_of = FilePath {
                root,
                path: path(found),
            };
            assert_eq!(is_alike(&path(asked), &path_of), expected, "{asked}");
        }
    }
}
