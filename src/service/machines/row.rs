//! What was learnt of one firmware, as it is kept, and as people and programs are shown it: in the
//! store, by the control socket, in the API, in lists. The field names are the API's and stay.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::client::progress::{Firmware, Known, Learnt};
use crate::client::quirk::Behaviour;
use crate::client::{Cut, Past, Shape};
use crate::wire::Platform;

/// One firmware.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The machine.
    pub mac: String,
    /// Which of its programs: `bios`, `efi-x64`, …
    pub platform: String,
    /// The shape that it was found to follow; `null`: the first of its ladder, or none.
    pub follows: Option<String>,
    /// The shape that is tried with it now; not kept over a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trying: Option<String>,
    /// How a chain loop of it is cut now; not kept over a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<String>,
    /// What it was seen to do.
    pub seen: Vec<String>,
    /// When that was learnt or last confirmed, RFC 3339; `null`: it is only tried yet.
    pub at: Option<String>,
}

impl Row {
    /// As it is shown.
    pub fn of(known: &Known) -> Self {
        let learnt = known.learnt.clone().unwrap_or_default();
        Self {
            trying: known.trying.map(|shape| shape.name().to_owned()),
            cut: known.cut.map(|cut| cut.name().to_owned()),
            at: known.learnt.as_ref().and_then(|learnt| stamp(learnt.at)),
            ..Self::kept(known.firmware, &learnt)
        }
    }

    /// As it is kept.
    pub fn kept(firmware: Firmware, learnt: &Learnt) -> Self {
        let seen = learnt.seen.iter();
        Self {
            mac: firmware.mac.to_string(),
            platform: firmware.platform.name().to_owned(),
            follows: learnt.shape.map(|shape| shape.name().to_owned()),
            trying: None,
            cut: None,
            seen: seen.map(|seen| seen.name().to_owned()).collect(),
            at: stamp(learnt.at),
        }
    }

    /// What it says; `None` where that makes no sense to this version. Single words that it does
    /// not know are left out.
    pub fn learnt(&self) -> Option<(Firmware, Learnt)> {
        let firmware = Firmware {
            mac: self.mac.parse().ok()?,
            platform: platform(&self.platform)?,
        };
        let at = self.at.as_deref().and_then(|at| at.parse().ok());
        let at = at.map_or(0, jiff::Timestamp::as_second);
        let learnt = Learnt {
            shape: self.follows.as_deref().and_then(Shape::from_name),
            seen: self.behaviours(),
            at: u64::try_from(at).unwrap_or_default(),
        };
        Some((firmware, learnt))
    }

    /// What a decision heeds of it.
    pub fn past(&self) -> Past {
        let shape = self.trying.as_deref().or(self.follows.as_deref());
        Past {
            seen: self.behaviours(),
            shape: shape.and_then(Shape::from_name),
            cut: self.cut.as_deref().and_then(Cut::from_name),
        }
    }

    fn behaviours(&self) -> Vec<Behaviour> {
        let known = |word: &String| {
            let mut all = Behaviour::ALL.into_iter();
            all.find(|(name, _)| name == word).map(|(_, seen)| seen)
        };
        self.seen.iter().filter_map(known).collect()
    }
}

fn platform(name: &str) -> Option<Platform> {
    let other = (name == Platform::Other.name()).then_some(Platform::Other);
    Platform::from_name(name).or(other)
}

/// RFC 3339 in UTC, in whole seconds.
fn stamp(at: u64) -> Option<String> {
    let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(at))?;
    Some(jiff::Timestamp::try_from(at).ok()?.to_string())
}
