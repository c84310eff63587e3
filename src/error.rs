//! What failed, on what, what to try.

use std::io;
use std::path::Path;

/// An error that ends a command. Its text names the operation, the subject and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Error {
    text: String,
    /// The exit code: 1 findings or runtime failure, 2 wrong usage, 3 another DHCP server is there.
    pub code: u8,
}

impl Error {
    /// A runtime failure.
    pub fn failed(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            code: 1,
        }
    }

    /// A wrong setting.
    pub fn usage(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            code: 2,
        }
    }

    /// Another DHCP server is there. A code of its own, for a supervisor that starts again what
    /// failed: it would do so until that server is silent for a moment.
    pub fn rival(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            code: 3,
        }
    }

    /// A file or folder that cannot be read.
    pub fn read(what: &str, path: &Path, why: &io::Error) -> Self {
        let remedy = match why.kind() {
            io::ErrorKind::NotFound => "; create it or name another one",
            io::ErrorKind::PermissionDenied => "; run as root or change its permissions",
            _ => "",
        };
        Self::failed(format!(
            "cannot read the {what} {}: {why}{remedy}",
            path.display()
        ))
    }

    /// A config file with a mistake in it.
    pub fn config(path: &Path, why: &str) -> Self {
        Self::usage(format!("config file {}: {why}", path.display()))
    }
}
