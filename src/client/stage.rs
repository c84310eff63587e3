//! The stage of a boot: which program is asking now.
//!
//! iPXE names itself in option 77 as the raw text `iPXE` (not RFC 3004 framed, facts C). Stripped
//! builds (VirtualBox, FlexBoot) do not always: there option 175 tells (quirk 34).

use serde::Serialize;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Firmware: a NIC's option ROM, or UEFI's own PXE client
    Rom,
    /// UEFI HTTP boot firmware
    HttpBoot,
    /// iPXE, as ROM or chainloaded
    Ipxe,
    /// PXELINUX (seen by what it fetches; it does no DHCP of its own)
    Pxelinux,
    /// GRUB's network image (seen by what it fetches)
    Grub,
    /// An operating system or its installer
    Os,
}

impl Stage {
    /// The word used on the command line, in events and in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rom => "rom",
            Self::HttpBoot => "http-boot",
            Self::Ipxe => "ipxe",
            Self::Pxelinux => "pxelinux",
            Self::Grub => "grub",
            Self::Os => "os",
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
