//! Strong entity tags (RFC 9110 section 8.8.3): equal tags mean equal bytes.
//!
//! A file's tag is made of its change time in nanoseconds, size and inode: what a replaced file
//! cannot all keep (the kernel alone sets the change time). Bytes in memory are tagged by their
//! SHA-256. Hashing a loader of 1 MB for each request would cost more than sending it, so the tags of
//! assets are kept; the table holds on to the bytes it knows, so an address in it can never come to
//! mean other bytes.

use std::collections::HashMap;
use std::fs::File;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use hyper::header::HeaderValue;
use sha2::{Digest, Sha256};

use crate::service::files::Stamp;

/// A strong entity tag, with its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(HeaderValue);

/// Assets remembered; more than are embedded.
const KNOWN: usize = 256;

/// States of files whose tags are remembered.
const STATES: usize = 1024;

impl ETag {
    /// The tag of an open file as it is now.
    ///
    /// # Errors
    /// Where the file system refuses to tell.
    pub fn of_file(file: &File) -> std::io::Result<Self> {
        Ok(Self::of_stamp(Stamp::of(&file.metadata()?)))
    }

    /// The tag of a file in this state.
    pub fn of_stamp(stamp: Stamp) -> Self {
        let (seconds, nanos) = stamp.changed;
        let (size, inode) = (stamp.size, stamp.inode);
        Self::quoted(&format!("{seconds:x}.{nanos:x}-{size:x}-{inode:x}"))
    }

    /// The tag of these bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let digest = Bytes::copy_from_slice(&Sha256::digest(bytes));
        Self::quoted(&format!("{digest:x}"))
    }

    /// Hexadecimal digits, `.` and `-` are what a header may have, so the other case does not come.
    fn quoted(tag: &str) -> Self {
        let quoted = HeaderValue::try_from(format!("\"{tag}\""));
        Self(quoted.unwrap_or(HeaderValue::from_static("\"\"")))
    }

    /// The tag as it stands in a header, quotes included.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// As a header's value.
    pub fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

/// The tags of assets, each computed once, and those of files' states that were asked for last.
#[derive(Debug, Default)]
pub struct Tags {
    known: Mutex<HashMap<(usize, usize), (Bytes, ETag)>>,
    states: Mutex<HashMap<Stamp, ETag>>,
}

impl Tags {
    /// The tag of an asset.
    pub fn of(&self, asset: &Bytes) -> ETag {
        let key = (asset.as_ptr() as usize, asset.len());
        if let Some((_, tag)) = self.lock().get(&key) {
            return tag.clone();
        }
        let tag = ETag::of_bytes(asset);
        let mut known = self.lock();
        if known.len() >= KNOWN {
            known.clear();
        }
        known.insert(key, (asset.clone(), tag.clone()));
        tag
    }

    /// The tag of a file in this state.
    pub fn of_stamp(&self, stamp: Stamp) -> ETag {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tag) = states.get(&stamp) {
            return tag.clone();
        }
        if states.len() >= STATES {
            states.clear();
        }
        let tag = ETag::of_stamp(stamp);
        states.insert(stamp, tag.clone());
        tag
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(usize, usize), (Bytes, ETag)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_bytes_have_equal_tags_and_others_have_not() {
        let tags = Tags::default();
        let (a, b) = (
            Bytes::from_static(b"kernel"),
            Bytes::from(b"kernel".to_vec()),
        );
        assert_eq!(tags.of(&a), tags.of(&b));
        assert_eq!(tags.of(&a), ETag::of_bytes(b"kernel"));
        assert_ne!(tags.of(&a), tags.of(&Bytes::from_static(b"kernels")));
        assert_ne!(tags.of(&a), tags.of(&a.slice(..5)));
    }

    #[test]
    fn the_table_stays_bounded() {
        let tags = Tags::default();
        for n in 0..3 * KNOWN {
            tags.of(&Bytes::from(n.to_string()));
        }
        assert!(tags.lock().len() <= KNOWN);
        for size in 0..3 * STATES as u64 {
            let (changed, inode) = ((1, 2), 3);
            let stamp = Stamp {
                changed,
                size,
                inode,
                device: 1,
            };
            assert_eq!(tags.of_stamp(stamp), ETag::of_stamp(stamp));
            assert_eq!(tags.of_stamp(stamp), ETag::of_stamp(stamp));
        }
        assert!(tags.states.lock().unwrap().len() <= STATES);
    }

    #[test]
    fn a_replaced_file_has_another_tag_even_with_the_same_size_and_time() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&old, "1").unwrap();
        std::fs::write(&new, "2").unwrap();
        let (old, new) = (File::open(old).unwrap(), File::open(new).unwrap());
        let time = old.metadata().unwrap().modified().unwrap();
        new.set_modified(time).unwrap();
        assert_ne!(ETag::of_file(&old).unwrap(), ETag::of_file(&new).unwrap());
        assert_eq!(ETag::of_file(&old).unwrap(), ETag::of_file(&old).unwrap());
    }

    #[test]
    fn a_file_overwritten_in_its_place_has_another_tag_even_with_its_time_kept() {
        use std::os::unix::fs::FileExt;
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"1", 0).unwrap();
        let time = file.metadata().unwrap().modified().unwrap();
        let tag = ETag::of_file(&file).unwrap();
        // The kernel's clock ticks every few milliseconds.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while ETag::of_file(&file).unwrap() == tag {
            assert!(
                std::time::Instant::now() < deadline,
                "the tag stays {tag:?}"
            );
            file.write_all_at(b"2", 0).unwrap();
            file.set_modified(time).unwrap();
        }
    }
}
