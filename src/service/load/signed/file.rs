//! What is in the files: read once, and again when size or times have changed.
//!
//! A file is looked at through one open handle. What was not read to its end (there are so many bytes
//! for each load) is not remembered, so that the next load goes on from there.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::firmware::secure::pe::HEAD;
use crate::firmware::secure::{Digest, Layout, MAX_TABLE, NoProgram, Program};
use crate::service::files::{Body, Data};

/// More bytes are not read for one load, in all.
const MAX_HASHED: u64 = 512 << 20;
/// Bytes that are read at once.
const CHUNK: usize = 256 * 1024;

/// What is in a file.
pub(super) type Facts = Result<Program, NoProgram>;

/// A file as it was when it was read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Identity {
    /// An asset that is embedded.
    Embedded(String),
    /// Device, inode, size; changed when, in seconds and nanoseconds, by both of its clocks.
    File([u64; 3], [i64; 4]),
}

impl Identity {
    /// Of what was opened by this name.
    pub(super) fn of(name: &str, body: &Body) -> io::Result<Self> {
        Ok(match &body.data {
            Data::Memory(_) => Self::Embedded(name.to_owned()),
            Data::File(file) => Self::of_file(&file.metadata()?),
        })
    }

    /// What stands at a path now.
    pub(super) fn at(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|meta| Self::of_file(&meta))
    }

    fn of_file(meta: &Metadata) -> Self {
        let times = [
            meta.mtime(),
            meta.mtime_nsec(),
            meta.ctime(),
            meta.ctime_nsec(),
        ];
        Self::File([meta.dev(), meta.ino(), meta.size()], times)
    }
}

/// What is known of files.
#[derive(Debug, Default)]
pub(super) struct Known {
    before: HashMap<Identity, Arc<Facts>>,
    now: HashMap<Identity, Arc<Facts>>,
    /// Bytes that may still be read.
    left: u64,
}

impl Known {
    /// Of another load: what it does not ask for is forgotten.
    pub(super) fn begin(&mut self) {
        self.before = std::mem::take(&mut self.now);
        self.left = MAX_HASHED;
    }

    /// What is in a file; `None` where it cannot be read.
    pub(super) fn facts(&mut self, identity: &Identity, body: &Body) -> Option<Arc<Facts>> {
        let known = self.now.get(identity).or_else(|| self.before.get(identity));
        let (facts, whole) = match known.cloned() {
            Some(known) => (known, true),
            None => self.read(body).ok()?,
        };
        if whole {
            self.now.insert(identity.clone(), facts.clone());
        }
        Some(facts)
    }

    /// What is in a file, and whether all of it was looked at.
    fn read(&mut self, body: &Body) -> io::Result<(Arc<Facts>, bool)> {
        let layout = match Layout::read(&head(body)?, body.len) {
            Ok(layout) => layout,
            Err(why) => return Ok((Arc::new(Err(why)), true)),
        };
        let in_table = layout.table.end.saturating_sub(layout.table.start);
        let table = read(&body.data, layout.table.start, at_most(in_table, MAX_TABLE))?;
        // Without a signature there is nothing to compare with.
        let signed = !table.is_empty();
        let digest = if signed {
            self.digest(body, &layout)?
        } else {
            None
        };
        let program = Program::new(&layout, &table, digest);
        Ok((Arc::new(Ok(program)), digest.is_some() || !signed))
    }

    fn digest(&mut self, body: &Body, layout: &Layout) -> io::Result<Option<Digest>> {
        let Some(left) = self.left.checked_sub(layout.covered()) else {
            return Ok(None);
        };
        self.left = left;
        let mut hash = Sha256::new();
        for range in &layout.hashed {
            for at in range.clone().step_by(CHUNK) {
                let size = at_most(range.end.saturating_sub(at), CHUNK);
                hash.update(&read(&body.data, at, size)?);
            }
        }
        Ok(Some(hash.finalize().into()))
    }
}

fn head(body: &Body) -> io::Result<Vec<u8>> {
    read(&body.data, 0, at_most(body.len, HEAD))
}

fn at_most(size: u64, most: usize) -> usize {
    usize::try_from(size).unwrap_or(most).min(most)
}

/// So many bytes from there on, all of them.
pub(super) fn read(data: &Data, at: u64, size: usize) -> io::Result<Vec<u8>> {
    match data {
        Data::Memory(bytes) => {
            let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..));
            let part = rest.and_then(|rest| rest.get(..size));
            part.map(<[u8]>::to_vec)
                .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
        }
        Data::File(file) => {
            let mut bytes = vec![0; size];
            file.read_exact_at(&mut bytes, at).map(|()| bytes)
        }
    }
}
