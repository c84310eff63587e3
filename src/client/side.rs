//! Where a machine speaks from: our own link, or beyond it.
//!
//! Nobody beyond a router can send what looks as if it came from our link, unless the router lets
//! sources through that lie. So what was seen on the link is the better evidence, and is kept apart.

/// On which side of our routers and relays somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// On the link of an interface of ours: it was heard directly.
    Link,
    /// Behind a relay, or a router.
    Beyond,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Link => Self::Beyond,
            Self::Beyond => Self::Link,
        }
    }
}
