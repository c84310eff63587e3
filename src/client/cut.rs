//! How a chain loop is cut: firmware or an iPXE that is sent iPXE, and comes back for it for ever.

use serde::Serialize;

/// What a machine is given in the place of an iPXE that gets it no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cut {
    /// To what calls itself firmware: the script by its URI. It may be an iPXE that does not say so
    /// (quirk 34).
    Script,
    /// To firmware that took no script: another loader, where there is one for it.
    OtherLoader,
    /// To an iPXE that another server names our iPXE to: the script, under that name.
    ScriptInPlace,
}

impl Cut {
    /// All of them.
    const ALL: [Self; 3] = [Self::Script, Self::OtherLoader, Self::ScriptInPlace];

    /// The word in events, lists and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::OtherLoader => "other-loader",
            Self::ScriptInPlace => "script-in-place",
        }
    }

    /// The one of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cut| cut.name() == name)
    }
}
