//! Architectures as operators write them, to match those of clients.

use std::fmt;

use serde::Serialize;

use super::{Arch, Platform};

/// An architecture as operators write it: a platform by its name, or one exact number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum ArchFilter {
    /// `efi-x64`: every number of that platform, over PXE or HTTP.
    Platform(Platform),
    /// `16` or `http-x64`: this number of option 93.
    Exact(Arch),
}

impl ArchFilter {
    /// Reads what is written: a platform's name, another name of option 93's table
    /// (`http-x64`), or a number.
    pub fn parse(text: &str) -> Option<Self> {
        match Platform::from_name(text) {
            Some(platform) => Some(Self::Platform(platform)),
            None => text.parse().ok().map(Self::Exact),
        }
    }

    /// The platform meant, or the one behind the number.
    pub fn platform(self) -> Platform {
        match self {
            Self::Platform(platform) => platform,
            Self::Exact(arch) => arch.platform(),
        }
    }

    /// Whether there can be a client that both mean.
    pub fn overlaps(self, other: Self) -> bool {
        match (self, other) {
            (Self::Exact(a), Self::Exact(b)) => a == b,
            _ => self.platform() == other.platform(),
        }
    }

    /// Whether one of the client's architectures is meant.
    pub fn matches(self, archs: &[Arch]) -> bool {
        archs.iter().any(|arch| match self {
            Self::Platform(platform) => arch.platform() == platform,
            Self::Exact(exact) => *arch == exact,
        })
    }
}

impl fmt::Display for ArchFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform(platform) => platform.fmt(f),
            Self::Exact(arch) => arch.fmt(f),
        }
    }
}
