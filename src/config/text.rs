//! A text file as an operator wrote it: read whole up to a bound, and why it cannot be, as a
//! [`Finding`] at its place.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::error::why;
use crate::yaml::{At, Finding, Problem, Severity, decode};

/// Why a text cannot be had.
#[derive(Debug)]
pub enum Unreadable {
    /// The system does not give it.
    System(io::Error),
    /// It is a folder, a device, a pipe.
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
    let file = File::open(path).map_err(Unreadable::System)?;
    let mut bytes = Vec::new();
    let read = file.take(most as u64 + 1).read_to_end(&mut bytes);
    read.map_err(Unreadable::System)?;
    if bytes.len() > most {
        return Err(Unreadable::TooLarge(most));
    }
    let text = decode(&bytes).map_err(|shown| Unreadable::NoText(Box::new(shown)))?;
    Ok(text.to_owned())
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
