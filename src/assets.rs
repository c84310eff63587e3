//! The embedded boot assets: name, bytes, digest, and where they come from.
//!
//! Invariants, made by `boot-assets/build.rs`: names are unique, every digest is that of the bytes
//! beside it, and package, version and source are those the bytes were really taken from. A debug
//! build embeds them as a release build does. Deliberately absent: MIME types (`tree` has them) and
//! an operator's replacements, which are files (`service`).

pub mod pair;

use serde::{Serialize, Serializer};

/// One boot loader, or a part of one.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Asset {
    /// The name served, without a folder: `pxelinux.0`.
    pub name: &'static str,
    /// What it is for, in a few words.
    pub about: &'static str,
    /// The file itself; in JSON, its size.
    #[serde(rename = "size", serialize_with = "size")]
    pub bytes: &'static [u8],
    /// SHA-256 of `bytes`, 64 lower-case hexadecimal digits.
    pub sha256: &'static str,
    /// The Debian package it was taken from.
    pub package: &'static str,
    /// The version of that package.
    pub version: &'static str,
    /// The file inside the package, without the leading `/`.
    pub path: &'static str,
    /// The Debian source package its code is in.
    pub source: &'static str,
    /// The version of that source package.
    pub source_version: &'static str,
    /// SPDX licence expression.
    pub licence: &'static str,
    /// What vouches for the bytes.
    pub verified: Verified,
}

/// What vouches for an asset's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verified {
    /// The digest on record in `boot-assets/assets.yaml`.
    Record,
    /// The signature of Debian's archive: the package is newer than the one on record.
    Apt,
}

impl Asset {
    /// Where its source code is kept, for good.
    pub fn source_url(&self) -> String {
        let version = self.source_version.replace('+', "%2B").replace(':', "%3A");
        format!(
            "https://snapshot.debian.org/package/{}/{version}/",
            self.source.replace('+', "%2B")
        )
    }
}

// The serializer's contract hands over a reference to the field.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn size<S: Serializer>(bytes: &&'static [u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(bytes.len() as u64)
}

static ALL: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Every embedded asset, in the order of `boot-assets/assets.yaml`.
pub fn all() -> &'static [Asset] {
    ALL
}

/// The asset of exactly this name.
pub fn get(name: &str) -> Option<&'static Asset> {
    ALL.iter().find(|asset| asset.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::hex_digits;
    use serde::Deserialize;
    use sha2::{Digest, Sha256};

    /// One entry of the list, as a YAML reader sees it (`fetch.sh` reads it with awk).
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Listed {
        name: String,
        about: String,
        package: String,
        version: String,
        path: String,
        sha256: String,
        source: String,
        source_version: String,
        licence: String,
    }

    fn list() -> Vec<Listed> {
        serde_saphyr::from_str(include_str!("../boot-assets/assets.yaml")).unwrap()
    }

    #[test]
    fn the_loaders_the_manual_promises_are_embedded() {
        for name in [
            "pxelinux.0",
            "lpxelinux.0",
            "ldlinux.c32",
            "libcom32.c32",
            "libutil.c32",
            "menu.c32",
            "vesamenu.c32",
            "chain.c32",
            "reboot.c32",
            "poweroff.c32",
            "memdisk",
            "undionly.kpxe",
            "ipxe.efi",
            "snponly.efi",
            "shimx64.efi",
            "grubx64.efi",
            "shimaa64.efi",
            "grubaa64.efi",
            "shimia32.efi",
            "grubia32.efi",
            "memtest.bin",
            "memtest.efi",
        ] {
            assert!(get(name).is_some(), "{name}");
        }
        assert!(get("PXELINUX.0").is_none());
    }

    #[test]
    fn what_is_listed_is_what_is_embedded() {
        let list = list();
        let listed: Vec<&str> = list.iter().map(|l| l.name.as_str()).collect();
        let embedded: Vec<&str> = all().iter().map(|a| a.name).collect();
        assert_eq!(listed, embedded);
        for (listed, asset) in list.iter().zip(all()) {
            assert_eq!(listed.about, asset.about, "{}", asset.name);
            assert_eq!(listed.package, asset.package, "{}", asset.name);
            assert_eq!(listed.path, asset.path, "{}", asset.name);
            assert_eq!(listed.source, asset.source, "{}", asset.name);
            assert_eq!(listed.licence, asset.licence, "{}", asset.name);
            if asset.verified == Verified::Record {
                assert_eq!(listed.version, asset.version, "{}", asset.name);
                assert_eq!(listed.sha256, asset.sha256, "{}", asset.name);
                assert_eq!(
                    listed.source_version, asset.source_version,
                    "{}",
                    asset.name
                );
            }
        }
    }

    #[test]
    fn names_are_unique_and_plain() {
        let mut names: Vec<&str> = all().iter().map(|a| a.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all().len());
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.';
        assert!(names.iter().all(|n| n.chars().all(plain)), "{names:?}");
    }

    #[test]
    fn digests_are_those_of_the_bytes() {
        for asset in all() {
            let digest = hex_digits(&Sha256::digest(asset.bytes));
            assert_eq!(digest, asset.sha256, "{}", asset.name);
        }
    }

    #[test]
    fn files_are_of_the_kind_and_the_machine_their_name_says() {
        for asset in all() {
            let (stem, ending) = asset.name.rsplit_once('.').unwrap_or(("", ""));
            let (magic, machine): (&[u8], _) = match ending {
                "efi" if stem.ends_with("aa64") => (b"MZ", Some(0xaa64)),
                "efi" if stem.ends_with("32") => (b"MZ", Some(0x014c)),
                "efi" => (b"MZ", Some(0x8664)),
                "c32" => (b"\x7fELF", None),
                _ => continue,
            };
            assert!(asset.bytes.starts_with(magic), "{}", asset.name);
            assert_eq!(pe_machine(asset.bytes), machine, "{}", asset.name);
        }
    }

    /// `Machine` of a PE image: behind the signature that the word at 0x3c points to.
    fn pe_machine(bytes: &[u8]) -> Option<u16> {
        let at = u32::from_le_bytes(*bytes.get(0x3c..)?.first_chunk()?);
        let rest = bytes.get(at as usize..)?.strip_prefix(b"PE\0\0")?;
        Some(u16::from_le_bytes(*rest.first_chunk()?))
    }

    #[test]
    fn every_licence_is_an_expression_of_known_identifiers() {
        let known = [
            "BSD-2-Clause",
            "BSD-3-Clause",
            "GPL-2.0-only",
            "GPL-2.0-or-later",
            "GPL-3.0-or-later",
            "IJG",
            "Libpng",
            "MIT",
            "OpenSSL",
            "RSA-MD",
            "Zlib",
        ];
        for asset in all() {
            for id in asset.licence.split(" AND ") {
                assert!(known.contains(&id), "{}: {id:?}", asset.name);
            }
        }
    }

    #[test]
    fn the_source_of_each_is_named() {
        let asset = get("lpxelinux.0").unwrap();
        if asset.verified == Verified::Record {
            assert_eq!(
                asset.source_url(),
                "https://snapshot.debian.org/package/syslinux/3%3A6.04~git20190206.bf6db5b4%2Bdfsg1-3/"
            );
        }
        assert!(
            all()
                .iter()
                .all(|a| !a.source.is_empty() && !a.source_version.is_empty())
        );
    }
}
