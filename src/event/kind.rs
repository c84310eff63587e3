//! What kind an event is: its name, whether strangers can cause it, what tells complaints apart.

use super::What;
use crate::tree::{self, Door};

impl What {
    /// Whether anybody on the network can cause it as often as he likes.
    pub const fn is_strangers(&self) -> bool {
        !matches!(
            self,
            Self::Ready { .. }
                | Self::Reloaded { .. }
                | Self::Rejected { .. }
                | Self::Notice { .. }
                | Self::Warning { .. }
                | Self::Fault { .. }
        )
    }

    /// Whether it is a packet that where it comes from speaks against.
    pub fn is_forgery(&self) -> bool {
        matches!(self.reason(), "not-its-address" | "no-relay")
    }

    /// Whether a machine was given a menu in which it has nothing.
    pub fn is_empty_menu(&self) -> bool {
        match self {
            Self::Menu {
                dialect,
                profile,
                entries,
                ..
            } => tree::is_empty_menu(dialect, profile, *entries),
            _ => false,
        }
    }

    /// What tells complaints of one name apart: a word of ours, `exhausted`; of others none.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Ignored { reason, .. } => reason,
            Self::Refused { service, .. } | Self::Malformed { service, .. } => service,
            Self::Handshake { .. } => "https",
            Self::Failed { door, .. } | Self::NotFound { door, .. } => match door {
                Door::Tftp => "tftp",
                Door::Http => "http",
            },
            _ => "",
        }
    }

    /// The event's name, as in the JSON log.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Discover { .. } => "discover",
            Self::Request { .. } => "request",
            Self::Answer { .. } => "answer",
            Self::Forwarded { .. } => "forwarded",
            Self::NoLease { .. } => "no-lease",
            Self::NoServerNamed(_) => "no-server-named",
            Self::LeaseRefused { .. } => "lease-refused",
            Self::Renewed { .. } => "renewed",
            Self::Chosen { .. } => "chosen",
            Self::Granted { .. } => "granted",
            Self::Conflict { .. } => "conflict",
            Self::NotKept { .. } => "not-kept",
            Self::Ignored { .. } => "ignored",
            Self::Leased { .. } => "leased",
            Self::Lease { .. } => "lease",
            Self::Escalated { .. } => "escalated",
            Self::NothingLeft { .. } => "nothing-left",
            Self::Follows { .. } => "follows",
            Self::Observed { .. } => "observed",
            Self::Disproved { .. } => "disproved",
            Self::ShimRefused => "shim-refused",
            Self::LoopCut { .. } => "loop-cut",
            Self::Menu { .. } => "menu",
            Self::Started { .. } => "started",
            Self::Sent { .. } => "sent",
            Self::Probed { .. } => "probed",
            Self::Failed { .. } => "failed",
            Self::Guessed(_) => "guessed",
            Self::NotFound { .. } => "not-found",
            Self::Refused { .. } => "refused",
            Self::Malformed { .. } => "malformed",
            Self::Handshake { .. } => "handshake",
            Self::Ready { .. } => "ready",
            Self::Reloaded { .. } => "reloaded",
            Self::Rejected { .. } => "rejected",
            Self::Notice { .. } => "notice",
            Self::Warning { .. } => "warning",
            Self::Fault { .. } => "fault",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_menu_without_an_entry_is_a_warning_with_what_to_do() {
        let menu = |dialect, profile: &str, entries| What::Menu {
            door: crate::tree::Door::Tftp,
            path: "grub.cfg".to_owned(),
            dialect,
            profile: profile.to_owned(),
            entries,
        };
        let empty = menu("grub", "Lab", 0);
        let said = empty.to_string();
        assert!(
            said.contains("0 entries; it can start nothing by it"),
            "{said}"
        );
        assert_eq!(empty.level(), tracing::Level::WARN);
        for other in [
            menu("grub", "Lab", 1),
            menu("raspberry-pi", "Pi", 0),
            menu("ipxe", "", 0),
        ] {
            assert_eq!(other.level(), tracing::Level::INFO, "{other}");
            assert!(!other.to_string().contains("nothing by it"), "{other}");
        }
    }
}
