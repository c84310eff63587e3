//! Why a profile was chosen: what of a machine met its `match:`, as values. They become words where
//! somebody reads them, which of most answers nobody does.

use std::fmt;

use ipnet::Ipv4Net;
use serde::{Serialize, Serializer};

use super::pattern::MacPattern;
use crate::network::Whom;
use crate::wire::{ArchFilter, Mac, Uuid};

/// The reason for a choice: "mac 52:54:00:12:34:56", "subnet 10.1.0.0/16, arch bios", "matches everyone",
/// "reserved for …".
#[derive(Debug, Clone, PartialEq)]
pub enum Why {
    /// Its reservation names the profile.
    Reserved(Whom),
    /// It met these keys.
    Met(Met),
}

/// The keys of a `match:` that a machine met; none of them: it matches everyone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Met {
    pub(super) mac: Option<Mac>,
    pub(super) uuid: Option<Uuid>,
    pub(super) pattern: Option<MacPattern>,
    pub(super) subnet: Option<Ipv4Net>,
    pub(super) arch: Option<ArchFilter>,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reserved(whom) => write!(f, "reserved for {whom}"),
            Self::Met(met) => met.fmt(f),
        }
    }
}

impl fmt::Display for Met {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: [Option<(&str, &dyn fmt::Display)>; 5] = [
            self.mac.as_ref().map(|mac| ("mac", mac as _)),
            self.uuid.as_ref().map(|uuid| ("uuid", uuid as _)),
            self.pattern.as_ref().map(|pattern| ("mac", pattern as _)),
            self.subnet.as_ref().map(|subnet| ("subnet", subnet as _)),
            self.arch.as_ref().map(|arch| ("arch", arch as _)),
        ];
        let mut keys = keys.into_iter().flatten();
        let Some((key, value)) = keys.next() else {
            return f.write_str("matches everyone");
        };
        write!(f, "{key} {value}")?;
        keys.try_for_each(|(key, value)| write!(f, ", {key} {value}"))
    }
}

impl Serialize for Why {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
