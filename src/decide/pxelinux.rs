//! pxelinux's own options (RFC 5071): of a profile → those that the named loader reads.
//!
//! pxelinux does not ask for them, so they are sent unasked; and it looks for them in option 43 as well,
//! for DHCP servers and ROMs that hand on nothing else (`core/fs/pxe/dhcp_option.c`). U-Boot reads the
//! configuration's name alone, where it is built to (`CONFIG_BOOTP_PXE_DHCP_OPTION`).

use std::borrow::Cow;

use crate::profile::{Pxelinux, U_BOOT_MENU};

/// Before the others: PXELINUX older than 3.55 heeds them behind this alone (RFC 5071 3).
const MAGIC: u8 = 208;
const MAGIC_WORD: [u8; 4] = [0xf1, 0x00, 0x74, 0x7e];
/// The name of the configuration.
const CONFIG: u8 = 209;
/// What stands in front of names.
const PREFIX: u8 = 210;
/// Seconds until it reboots where nothing boots.
const REBOOT: u8 = 211;
/// The most that one option holds (RFC 2132 2).
const MOST: usize = 255;

/// The options that the loader of this name reads.
pub(super) fn options(profile: Option<&Pxelinux>, loader: &str) -> Vec<(u8, Vec<u8>)> {
    let (Some(own), Some(reader)) = (profile, Reader::of(loader)) else {
        return Vec::new();
    };
    let text = |text: &String| text.clone().into_bytes();
    let all = [
        (MAGIC, Some(MAGIC_WORD.to_vec())),
        (CONFIG, own.config.as_ref().map(text)),
        (PREFIX, own.prefix.as_ref().map(text)),
        (REBOOT, own.reboot.map(|s| s.to_be_bytes().to_vec())),
    ];
    let read = all
        .into_iter()
        .filter(|(code, _)| reader == Reader::Pxelinux || *code == CONFIG);
    read.filter_map(|(code, value)| Some((code, value?)))
        .collect()
}

/// Option 43 with these in it, before its end; without them where they have no room.
pub(super) fn within<'o>(option_43: &'o [u8], own: &[(u8, Vec<u8>)]) -> Cow<'o, [u8]> {
    if own.is_empty() {
        return option_43.into();
    }
    let (end, areas) = option_43.split_last().unwrap_or((&END, &[]));
    let mut whole = areas.to_vec();
    for (code, value) in own {
        whole.extend([*code, value.len() as u8]); // at most 127
        whole.extend(value);
    }
    whole.push(*end);
    if whole.len() > MOST {
        return option_43.into();
    }
    whole.into()
}

/// END, of an option that has none.
const END: u8 = 255;

/// Who reads some of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    Pxelinux,
    UBoot,
}

impl Reader {
    fn of(loader: &str) -> Option<Self> {
        let file = loader.rsplit('/').next().unwrap_or(loader);
        match file.to_ascii_lowercase().as_str() {
            "pxelinux.0" | "lpxelinux.0" | "gpxelinux.0" => Some(Self::Pxelinux),
            U_BOOT_MENU => Some(Self::UBoot),
            _ => None,
        }
    }
}
