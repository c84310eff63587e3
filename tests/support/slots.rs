//! How many virtual machines run at once, over all test processes of this computer.
//!
//! A slot is a locked file; the kernel frees it with its process. Who needs several slots takes
//! them in one go behind a gate, so that two tests never wait for each other's half.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::PathBuf;
use std::time::Duration;

use super::poll;

/// How long a machine may wait for its turn: a whole test run of the others.
const TURN: Duration = Duration::from_secs(1500);

/// Slots held; free again on drop.
#[derive(Debug)]
pub struct Slots(Vec<File>);

impl Slots {
    /// Waits for `wanted` slots (all there are, if that is fewer).
    pub fn take(wanted: usize) -> Self {
        let gate = file("gate");
        gate.lock().expect("the lock of the gate");
        let total = total();
        let wanted = wanted.min(total);
        let mut held: Vec<File> = Vec::new();
        super::poll::expect("a free slot for a virtual machine", TURN, || {
            while held.len() < wanted {
                let Some(slot) = free_slot(total) else { break };
                held.push(slot);
            }
            held.len() == wanted
        });
        Self(held)
    }
}

/// `BOOTJACK_LAB_MACHINES`, else three for two processors: half of the time a machine waits.
fn total() -> usize {
    let asked = std::env::var("BOOTJACK_LAB_MACHINES").ok();
    let processors = || std::thread::available_parallelism().map_or(1, |n| n.get() * 3 / 2);
    asked
        .and_then(|n| n.parse().ok())
        .unwrap_or_else(processors)
        .max(1)
}

/// A slot nobody holds. An open file of ours counts as somebody: the lock is per open file.
fn free_slot(total: usize) -> Option<File> {
    (0..total).find_map(|n| {
        let slot = file(&n.to_string());
        match slot.try_lock() {
            Ok(()) => Some(slot),
            Err(TryLockError::WouldBlock) => None,
            Err(TryLockError::Error(e)) => panic!("cannot lock a machine slot: {e}"),
        }
    })
}

fn file(name: &str) -> File {
    let folder = PathBuf::from("/run/lock/bootjack-lab");
    fs::create_dir_all(&folder).unwrap_or_else(|e| panic!("cannot make {}: {e}", folder.display()));
    let path = folder.join(name);
    let opened = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    opened.unwrap_or_else(|e| panic!("cannot open {}: {e}", path.display()))
}
