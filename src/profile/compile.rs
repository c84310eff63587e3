//! Texts → [`Profiles`]. All findings of all files at once; any error means no new set.

use std::sync::Arc;

use super::{Finding, Profile};

/// One profile file as it was read.
#[derive(Debug, Clone)]
pub struct Source {
    /// As the operator would name it.
    pub file: Arc<str>,
    /// Its whole text.
    pub text: String,
}

/// The compiled set, indexed for selection.
#[derive(Debug, Default)]
pub struct Profiles {
    /// Every profile, in file order.
    pub all: Vec<Arc<Profile>>,
}

/// The outcome: a set that may be served (with warnings), or the findings alone.
pub fn compile(_sources: &[Source]) -> (Option<Profiles>, Vec<Finding>) {
    (Some(Profiles::default()), Vec::new())
}
