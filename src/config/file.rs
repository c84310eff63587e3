//! The config file's text → [`Settings`], or the place of what is wrong.
//!
//! What `dhcp:` says is passed over here and read by room `network`, with all that is wrong at
//! once; a duplicate key in it is found by both.

use std::path::{Path, PathBuf};

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::{DEFAULT_FILE, KEYS, POLL, Settings};
use crate::error::Error;
use crate::yaml::{At, options, similar};

/// That a key is given, whatever it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given;

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(from).map(|_| Self)
    }
}

/// What is wrong in a config file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where; 0:0 where the place is not known.
    pub at: At,
    /// What.
    pub message: String,
    /// What was probably meant.
    pub hint: Option<String>,
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.at.line > 0 {
            write!(f, "line {} column {}: ", self.at.line, self.at.column)?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

/// Reads the config file, where there is one.
///
/// # Errors
/// A file that is named but cannot be read; unknown or ill-typed keys, with line and column.
pub fn read_file(named: Option<&Path>) -> Result<Option<(PathBuf, Settings)>, Error> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    match std::fs::read_to_string(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && named.is_none() => Ok(None),
        Err(e) => Err(Error::read("config file", path, &e)),
        Ok(text) => {
            let said = settings(&text).map_err(|e| Error::config(path, &e.to_string()))?;
            Ok(Some((path.to_owned(), said)))
        }
    }
}

/// The settings of a config file with this text.
///
/// # Errors
/// The first mistake.
pub fn settings(text: &str) -> Result<Settings, Mistake> {
    let says_something = |l: &str| !l.trim().is_empty() && !l.trim_start().starts_with('#');
    if !text.lines().any(says_something) {
        return Ok(Settings::default());
    }
    let read = serde_saphyr::from_str_with_options::<Settings>(text, options());
    let settings = read.map_err(|e| told(&e))?;
    match out_of_range(&settings) {
        Some(message) => Err(Mistake {
            at: At::default(),
            message: message.to_owned(),
            hint: None,
        }),
        None => Ok(settings),
    }
}

/// What clap holds flags and variables to, for the file.
fn out_of_range(settings: &Settings) -> Option<&'static str> {
    if settings.http_port == Some(0) {
        return Some("http-port: must be 1 to 65535");
    }
    let off = settings.poll.is_some_and(|n| !POLL.contains(&n.into()));
    off.then_some("poll: must be 1 to 3600 seconds")
}

/// Line, column and what is wrong there.
fn told(error: &serde_saphyr::Error) -> Mistake {
    let what = match error.without_snippet() {
        serde_saphyr::Error::DuplicateMappingKey { key, .. } => {
            format!("the key `{}` is given twice", key.as_deref().unwrap_or("?"))
        }
        other => other.to_string(),
    };
    let what = what.split(" at line ").next().unwrap_or_default();
    Mistake {
        at: error.location().map_or(At::default(), At::of),
        message: what.to_owned(),
        hint: meant(what),
    }
}

/// For an unknown key, the one that was probably meant.
fn meant(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("unknown field `")?;
    let (key, _) = rest.split_once('`')?;
    Some(similar::hint(key, KEYS))
}

/// `eth0` or `[eth0, eth1]`.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a name or a list of names")]
enum Names {
    One(String),
    Many(Vec<String>),
}

pub(super) fn names<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<String>>, D::Error> {
    let names = match Names::deserialize(from)? {
        Names::One(name) => vec![name],
        Names::Many(names) => names,
    };
    Ok(Some(names))
}
