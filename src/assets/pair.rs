//! The signed pairs: which platform's Secure Boot takes a shim of ours, and which GRUB that one starts.
//!
//! The one list of it: what is named, what is served behind shim, what is checked and what is learnt all
//! follow from here. Absent on purpose: what an operator puts in their place (`--assets`), by the same names.

use crate::wire::Platform;

/// Two assets of one platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// Where they run.
    pub platform: Platform,
    /// The first stage, which Microsoft has signed.
    pub shim: &'static str,
    /// What it starts: Debian's GRUB, which Debian has signed. With Secure Boot off shim starts it without
    /// looking at its signature (shim's pe.c, `handle_image`: `verify_buffer` in `secure_mode` alone), so
    /// that an operator's own needs none there.
    pub grub: &'static str,
}

/// All of them.
pub const ALL: [Pair; 3] = [
    Pair {
        platform: Platform::EfiX64,
        shim: "shimx64.efi",
        grub: "grubx64.efi",
    },
    Pair {
        platform: Platform::EfiIa32,
        shim: "shimia32.efi",
        grub: "grubia32.efi",
    },
    Pair {
        platform: Platform::EfiArm64,
        shim: "shimaa64.efi",
        grub: "grubaa64.efi",
    },
];

/// That of a platform, where there is one.
pub fn of(platform: Platform) -> Option<&'static Pair> {
    ALL.iter().find(|pair| pair.platform == platform)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_of_each_pair_are_embedded() {
        for pair in ALL {
            for name in [pair.shim, pair.grub] {
                assert!(crate::assets::get(name).is_some(), "{name}");
            }
        }
    }
}
