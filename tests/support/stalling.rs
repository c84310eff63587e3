//! A folder on a disk that stalls: a file system of our own (FUSE, `/dev/fuse`), which answers all but
//! reading at once, and reading when it is told to. For root.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, dead_code, missing_docs)]

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

/// Every name in it is a file of this many zeros.
pub const SIZE: usize = 3_000_000;

const ROOT: u64 = 1;
/// For how long the kernel may believe what it is told, in seconds.
const BELIEVED: u64 = 3600;

/// The folder. Dropping it lets all readers go and takes it away.
pub struct Stalling {
    folder: PathBuf,
    kernel: Arc<Kernel>,
}

struct Kernel {
    device: File,
    /// Files that were looked up.
    files: AtomicU64,
    /// Readers that wait: their file, their request, and how much they get. `None`: nobody has to.
    waiting: Mutex<Option<Vec<(u64, u64, usize)>>>,
}

/// Whether this kernel has no FUSE, and the test that wants it has to be left out; says so.
pub fn left_out(test: &str) -> bool {
    let here = Path::new("/dev/fuse").exists();
    if !here {
        let line = format!("LEFT OUT (there is no /dev/fuse): {test}\n");
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
    !here
}

impl Stalling {
    /// At this folder, which is made.
    pub fn at(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let device = File::options().read(true).write(true).open("/dev/fuse");
        let device = device.unwrap_or_else(|e| panic!("/dev/fuse: {e}"));
        let options = format!(
            "fd={},rootmode=40755,user_id=0,group_id=0,allow_other",
            device.as_raw_fd()
        );
        let (name, none) = (Some("stalling"), MsFlags::empty());
        mount(name, folder, Some("fuse"), none, Some(options.as_str())).unwrap();
        let kernel = Arc::new(Kernel {
            device,
            files: AtomicU64::new(ROOT),
            waiting: Mutex::new(Some(Vec::new())),
        });
        let served = Arc::clone(&kernel);
        std::thread::spawn(move || served.serve());
        Self {
            folder: folder.to_owned(),
            kernel,
        }
    }

    /// How many files have readers that wait.
    pub fn waiting(&self) -> usize {
        let waiting = self.kernel.waiting.lock().unwrap();
        let files = waiting.iter().flatten().map(|(file, ..)| file);
        files.collect::<HashSet<_>>().len()
    }

    /// The disk goes on.
    pub fn release(&self) {
        let waiting = self.kernel.waiting.lock().unwrap().take();
        for (_, request, len) in waiting.into_iter().flatten() {
            self.kernel.answer(request, 0, &vec![0; len]);
        }
    }
}

impl Drop for Stalling {
    fn drop(&mut self) {
        self.release();
        let _ = umount2(&self.folder, MntFlags::MNT_DETACH);
    }
}

impl Kernel {
    /// Until the folder is gone.
    fn serve(&self) {
        let mut buffer = vec![0; 1 << 20];
        loop {
            match (&self.device).read(&mut buffer) {
                Ok(len) => self.request(&buffer[..len]),
                Err(e) if e.raw_os_error() == Some(Errno::ENODEV as i32) => return,
                Err(_) => {} // a request that was taken back
            }
        }
    }

    /// One request: `struct fuse_in_header` of linux/fuse.h, and what belongs to it.
    fn request(&self, packet: &[u8]) {
        let (opcode, unique, node) = (u32_at(packet, 4), u64_at(packet, 8), u64_at(packet, 16));
        match opcode {
            1 => self.answer(
                unique,
                0,
                &entry(self.files.fetch_add(1, Ordering::Relaxed) + 1),
            ), // LOOKUP
            3 => self.answer(unique, 0, &attributes(node)), // GETATTR
            2 | 36 | 42 => {}                               // FORGET, INTERRUPT, BATCH_FORGET
            14 | 27 => self.answer(unique, 0, &[0; 16]),    // OPEN, OPENDIR
            15 => self.read((node, unique), u64_at(packet, 48), u32_at(packet, 56)), // READ
            18 | 25 | 29 => self.answer(unique, 0, &[]),    // RELEASE, FLUSH, RELEASEDIR
            26 => self.answer(unique, 0, &init()),          // INIT
            _ => self.answer(unique, Errno::ENOSYS as i32, &[]),
        }
    }

    fn read(&self, (node, unique): (u64, u64), offset: u64, size: u32) {
        let len = SIZE.saturating_sub(offset as usize).min(size as usize);
        match self.waiting.lock().unwrap().as_mut() {
            Some(waiting) => waiting.push((node, unique, len)),
            None => self.answer(unique, 0, &vec![0; len]),
        }
    }

    /// `struct fuse_out_header`, and what belongs to it.
    fn answer(&self, unique: u64, error: i32, bytes: &[u8]) {
        let len = (16 + bytes.len() as u32).to_ne_bytes();
        let header = [&len[..], &(-error).to_ne_bytes(), &unique.to_ne_bytes()].concat();
        let _ = (&self.device).write(&[&header, bytes].concat());
    }
}

/// Version 7.31, no feature of the kernel's wanted (`struct fuse_init_out`).
fn init() -> Vec<u8> {
    let words = [7, 31, 1 << 17, 0, 64 << 16 | 128, 1 << 17, 1];
    let mut bytes: Vec<u8> = words.into_iter().flat_map(u32::to_ne_bytes).collect();
    bytes.resize(64, 0);
    bytes
}

/// `struct fuse_entry_out`: each name is a file of its own.
fn entry(node: u64) -> Vec<u8> {
    let words = [node, 0, BELIEVED, BELIEVED, 0];
    let head = words.into_iter().flat_map(u64::to_ne_bytes);
    head.chain(attribute(node)).collect()
}

/// `struct fuse_attr_out`.
fn attributes(node: u64) -> Vec<u8> {
    let head = [BELIEVED, 0].into_iter().flat_map(u64::to_ne_bytes);
    head.chain(attribute(node)).collect()
}

/// `struct fuse_attr`: number, size, blocks, three times, and the rest.
fn attribute(node: u64) -> Vec<u8> {
    let mode = if node == ROOT { 0o040_755 } else { 0o100_644 };
    let long = [node, SIZE as u64, 0, 1, 1, 1]
        .into_iter()
        .flat_map(u64::to_ne_bytes);
    let short = [0, 0, 0, mode, 1, 0, 0, 0, 4096, 0]
        .into_iter()
        .flat_map(u32::to_ne_bytes);
    long.chain(short).collect()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap())
}
