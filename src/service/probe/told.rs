//! What a probe tells whoever runs it.

use crate::firmware::machine::{Lease, Step, Verdict};

/// What is told while it runs.
#[derive(Debug)]
pub enum Told<'a> {
    /// Something happened.
    Step(&'a Step),
    /// It is over.
    Verdict(&'a Verdict),
    /// The lease: whether it was given back.
    Lease(Lease, Kept),
}

/// What became of the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Given back
    GivenBack,
    /// Kept, as was wished
    AsWished,
    /// Kept: it is this host's own
    OurOwn,
    /// Kept: it is another machine's, or may be
    Theirs,
    /// Not given back: its server was not found
    NotFound,
}
