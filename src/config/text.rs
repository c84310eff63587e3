//! A text file as an operator wrote it: read whole up to a bound, and why it cannot be, as a
//! [`Finding`] at its place.
//!
//! Only files are read. A pipe could be waited at for ever, and could be read only once.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use nix::fcntl::OFlag;
use zeroize::Zeroizing;

use crate::error::why;
use crate::yaml::{At, Finding, Problem, Severity, decode};

/// Why a text cannot be had.
#[derive(Debug)]
pub enum Unreadable {
    /// The system does not give it.
    System(io::Error),
    /// It is a device or a pipe.
    NoFile,
    /// It has more bytes than this.
    TooLarge(usize),
    /// It is not UTF-8: where, and the line as far as it can be shown.
    NoText(Box<(Problem, String)>),
}

/// The text of a file of at most so many bytes.
///
/// # Errors
/// See [`Unreadable`].
pub fn read(path: &Path, most: usize) -> Result<String, Unreadable> {
    let file = open(path, most)?;
    // It may be a key; what grows leaves pieces behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(size(&file, most)));
    let read = file.take(most as u64 + 1).read_to_end(&mut bytes);
    read.map_err(Unreadable::System)?;
    if bytes.len() > most {
        return Err(Unreadable::TooLarge(most));
    }
    let text = decode(&bytes).map_err(|shown| Unreadable::NoText(Box::new(shown)))?;
    Ok(text.to_owned())
}

/// Room for all of it.
fn size(file: &File, most: usize) -> usize {
    let size = file.metadata().map_or(0, |meta| meta.len());
    usize::try_from(size).map_or(most, |size| size.min(most)) + 1
}

/// The file, if it is one and not larger than that: looked at once it is open, so that it is the
/// same that is read. Opening a pipe does not wait for its writer.
fn open(path: &Path, most: usize) -> Result<File, Unreadable> {
    let mut options = OpenOptions::new();
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let options = options.read(true).custom_flags(flags.bits());
    let file = options.open(path).map_err(Unreadable::System)?;
    let meta = file.metadata().map_err(Unreadable::System)?;
    if meta.is_dir() {
        return Err(Unreadable::System(io::ErrorKind::IsADirectory.into()));
    }
    if !meta.is_file() {
        return Err(Unreadable::NoFile);
    }
    if meta.len() > most as u64 {
        return Err(Unreadable::TooLarge(most));
    }
    Ok(file)
}

impl Unreadable {
    /// Whether nothing is there.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::System(e) if e.kind() == io::ErrorKind::NotFound)
    }

    /// What is to be told of the file; `hint` where it does not say itself what to do.
    pub fn finding(&self, file: &str, severity: Severity, hint: &str) -> Finding {
        let (at, text, message) = match self {
            Self::NoText(shown) => (shown.0.at, shown.1.clone(), shown.0.message.clone()),
            other => (At::default(), String::new(), other.reason()),
        };
        let own = match self {
            Self::NoText(shown) => shown.0.hint.clone(),
            _ => None,
        };
        Finding {
            severity,
            file: file.into(),
            line: at.line,
            column: at.column,
            text,
            message,
            hint: own.or_else(|| Some(hint.to_owned())),
        }
    }

    fn reason(&self) -> String {
        match self {
            Self::System(error) => format!("cannot be read: {}", why(error)),
            Self::NoFile => "cannot be read: it is no regular file".to_owned(),
            Self::TooLarge(most) => format!("the file is larger than {} MiB", most >> 20),
            Self::NoText(shown) => shown.0.message.clone(),
        }
    }
}
