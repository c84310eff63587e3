//! An initrd of one's own: a cpio archive as the kernel unpacks it (the "newc" form of
//! `Documentation/driver-api/early-userspace/buffer-format.rst`), uncompressed.
//!
//! What it holds is added to an initrd before it in the list, so that its names must be new there.
//! Absent on purpose: links, devices, owners, times.

use std::fmt::Write as _;

const FOLDER: u32 = 0o040_755;
const FILE: u32 = 0o100_644;
const PROGRAM: u32 = 0o100_755;
/// The name behind the last file.
const END: &str = "TRAILER!!!";

/// The archive as far as it is written.
#[derive(Debug, Default)]
pub struct Archive {
    bytes: Vec<u8>,
    entries: usize,
}

impl Archive {
    /// A folder; those above it come first.
    pub fn folder(self, name: &str) -> Self {
        self.entry(name, FOLDER, &[])
    }

    /// A file.
    pub fn file(self, name: &str, content: &[u8]) -> Self {
        self.entry(name, FILE, content)
    }

    /// A file that is run.
    pub fn program(self, name: &str, content: &[u8]) -> Self {
        self.entry(name, PROGRAM, content)
    }

    /// The whole of it.
    pub fn finish(self) -> Vec<u8> {
        self.entry(END, 0, &[]).bytes
    }

    /// A head of thirteen numbers, the name with a NUL, the content; each filled up to four bytes.
    fn entry(mut self, name: &str, mode: u32, content: &[u8]) -> Self {
        self.entries += 1;
        let (inode, links) = (self.entries, 1);
        let (owner, group, time, device) = (0, 0, 0, 0);
        let mut head = String::from("070701");
        for number in [
            inode,
            mode as usize,
            owner,
            group,
            links,
            time,
            content.len(),
        ] {
            write!(head, "{number:08x}").expect("text");
        }
        for number in [device, device, device, device, name.len() + 1, 0] {
            write!(head, "{number:08x}").expect("text");
        }
        self.bytes
            .extend(head.bytes().chain(name.bytes()).chain([0]));
        self.fill_up();
        self.bytes.extend(content);
        self.fill_up();
        self
    }

    fn fill_up(&mut self) {
        let whole = self.bytes.len().next_multiple_of(4);
        self.bytes.resize(whole, 0);
    }
}
