//! What failed, on what, what to try.

use std::io;
use std::path::Path;

use nix::errno::Errno;

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
    pub fn read(what: &str, path: &Path, error: &io::Error) -> Self {
        let remedy = match error.kind() {
            io::ErrorKind::NotFound => "; create it or name another one",
            io::ErrorKind::PermissionDenied => "; run as root or change its permissions",
            _ => "",
        };
        let (path, why) = (path.display(), why(error));
        Self::failed(format!("cannot read the {what} {path}: {why}{remedy}"))
    }

    /// What an operator wrote, with these findings in it.
    pub fn findings(what: &str, findings: &[impl ToString]) -> Self {
        let said: Vec<String> = findings.iter().map(ToString::to_string).collect();
        Self::failed(format!("{what}:\n{}", said.join("\n")))
    }
}

/// Whether symbolic links lead around in a circle.
pub fn is_loop(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::ELOOP as i32)
}

/// Why the system does not do it, in words for the one who uses it.
pub fn why(error: &io::Error) -> String {
    let word = match error.kind() {
        io::ErrorKind::NotFound => "it does not exist",
        io::ErrorKind::PermissionDenied => "permission denied",
        io::ErrorKind::IsADirectory => "it is a folder",
        io::ErrorKind::NotADirectory => "a part of its path is no folder",
        io::ErrorKind::InvalidFilename => "its name is too long",
        io::ErrorKind::UnexpectedEof => "it ends too early",
        _ if is_loop(error) => "its symbolic links lead around in a circle",
        _ => return error.to_string(),
    };
    word.to_owned()
}
