//! Whom a shim trusts: what it was built with, in its section `.vendor_cert` (shim, `cert.S`).
//!
//! ```text
//! size, size, offset, offset (u32 each) · what may start · what must not
//! ```
//!
//! What may start is one certificate, or a list (`EFI_SIGNATURE_LIST`, UEFI specification 32.4.1) of
//! certificates and digests; what must not is such a list.

use super::certificate::Certificate;
use super::pe::{HEAD, Layout, u32_at};
use super::signature::Signature;
use super::{Digest, Starter};

/// A shim larger than this is none, in bytes.
pub const MAX_SHIM: u64 = 16 << 20;
/// More than so many are not read of one list.
const MAX_LISTED: usize = 4096;

/// `EFI_CERT_X509_GUID` and `EFI_CERT_SHA256_GUID`, as they are in a file.
const X509: [u8; 16] = [
    0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72,
];
const SHA256: [u8; 16] = [
    0x26, 0x16, 0xc4, 0xc1, 0x4c, 0x50, 0x92, 0x40, 0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28,
];

/// Whom a shim trusts beside the firmware's own keys.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    may: List,
    must_not: List,
    /// Whether it asks a boot loader for its generation: it has one itself.
    generation: bool,
}

/// Certificates and digests.
#[derive(Debug, Clone, Default)]
struct List {
    certificates: Vec<Certificate>,
    digests: Vec<Digest>,
}

impl Trust {
    /// What this shim, whole, was built with; `None`: it is no shim.
    pub fn of_shim(file: &[u8]) -> Option<Self> {
        let head = file.get(..HEAD).unwrap_or(file);
        let layout = Layout::read(head, file.len() as u64).ok()?;
        let trust = Self::read(layout.section(file, ".vendor_cert")?)?;
        Some(Self {
            generation: layout.has(".sbat"),
            ..trust
        })
    }

    /// Reads the section.
    pub fn read(section: &[u8]) -> Option<Self> {
        let part = |size, at| {
            let at = usize::try_from(u32_at(section, at)?).ok()?;
            let size = usize::try_from(u32_at(section, size)?).ok()?;
            section.get(at..at.checked_add(size)?)
        };
        Some(Self {
            may: List::read(part(0, 8)?),
            must_not: List::read(part(4, 12)?),
            generation: false,
        })
    }

    /// Whether it starts a program of this digest, whoever signed it.
    pub(super) fn knows(&self, digest: &Digest) -> bool {
        self.may.digests.contains(digest)
    }

    /// Whether it never starts a program of this digest.
    pub(super) fn has_revoked(&self, digest: &Digest) -> bool {
        self.must_not.digests.contains(digest)
    }

    /// Whether it never starts what was signed so.
    pub(super) fn has_revoked_signer(&self, signature: &Signature) -> bool {
        signature.stands_by(&self.must_not.certificates)
    }

    /// Whether one whom it trusts stands behind a signature.
    pub(super) fn vouches_for(&self, signature: &Signature) -> bool {
        signature.stands_by(&self.may.certificates)
    }

    /// Whether it starts no boot loader that does not say of which generation it is.
    pub(super) const fn wants_generation(&self) -> bool {
        self.generation
    }

    /// Whom one trusts, in words.
    pub(super) fn words(&self, by: Starter) -> String {
        let names: Vec<String> = self
            .may
            .certificates
            .iter()
            .map(|c| format!("\"{}\"", c.name()))
            .collect();
        match by {
            Starter::Firmware => "firmware trusts Microsoft alone".to_owned(),
            Starter::Shim if names.is_empty() => {
                "the shim that is served trusts Microsoft alone".to_owned()
            }
            Starter::Shim => format!(
                "the shim that is served trusts {} and Microsoft",
                names.join(", ")
            ),
        }
    }
}

impl List {
    fn read(bytes: &[u8]) -> Self {
        let mut list = Self::default();
        // DER begins with the tag of a SEQUENCE; no GUID of a list does.
        if bytes.first() == Some(&0x30) {
            list.certificates.extend(Certificate::read(bytes));
            return list;
        }
        let mut rest = bytes;
        for _ in 0..MAX_LISTED {
            let Some(after) = list.take(rest) else { break };
            rest = after;
        }
        list
    }

    /// Takes the first list of several in; what comes behind it.
    fn take<'b>(&mut self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        /// GUID, and three sizes: of all, of a header, of an entry.
        const HEADER: usize = 28;
        /// Whose an entry is, in front of it.
        const OWNER: usize = 16;
        let [size, header, entry] = [16, 20, 24].map(|at| Some(u32_at(bytes, at)? as usize));
        let (whole, after) = bytes.split_at_checked(size?)?;
        let entries = whole.get(HEADER.checked_add(header?)?..)?;
        let room = MAX_LISTED.saturating_sub(self.certificates.len() + self.digests.len());
        for entry in entries.chunks_exact(entry?.max(OWNER)).take(room) {
            let value = entry.get(OWNER..)?;
            if bytes.starts_with(&X509) {
                self.certificates.extend(Certificate::read(value));
            } else if bytes.starts_with(&SHA256) {
                self.digests.extend(value.first_chunk::<32>().copied());
            }
        }
        Some(after).filter(|_| !whole.is_empty())
    }
}
