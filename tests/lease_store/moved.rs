//! A file that is moved, removed or replaced below a server at work: nothing is acknowledged that
//! the next start would not find.

use std::fs;
use std::path::Path;
use std::time::Duration;

use bootjack::service::lease::commit::Committer;

use crate::store::{committer, filled, found, record, write};
use crate::support::poll;

const SOON: Duration = Duration::from_secs(30);

/// Writes until it works, and fails until then.
fn until_written(committer: &Committer, n: u32) {
    poll::expect("written again", SOON, || {
        write(committer, record(n, 9)).is_ok()
    });
}

fn refused(committer: &Committer, n: u32) {
    let why = write(committer, record(n, 9)).unwrap_err();
    assert!(why.contains("put it back, or start bootjack"), "{why}");
}

fn folder_with_ten() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), 10);
    let file = folder.path().join("leases.redb");
    (folder, file)
}

fn holds(folder: &Path, n: u32) -> bool {
    found(folder).0.contains(&record(n, 9))
}

#[test]
fn a_store_that_is_moved_away_takes_leases_when_it_is_back() {
    let (folder, file) = folder_with_ten();
    let (committer, said) = committer(folder.path());
    write(&committer, record(100, 9)).unwrap();
    let aside = folder.path().join("aside");
    fs::rename(&file, &aside).unwrap();
    refused(&committer, 101);
    assert_eq!(said.recv_timeout(SOON).unwrap().name(), "fault");
    fs::rename(&aside, &file).unwrap();
    until_written(&committer, 102);
    drop(committer);
    assert!(holds(folder.path(), 100) && holds(folder.path(), 102));
    assert!(!holds(folder.path(), 101));
}

#[test]
fn another_file_in_its_place_is_not_written_to() {
    let (folder, file) = folder_with_ten();
    let (other, _) = folder_with_ten();
    let (committer, _said) = committer(folder.path());
    fs::copy(
        other.path().join("leases.redb"),
        folder.path().join("other"),
    )
    .unwrap();
    fs::rename(folder.path().join("other"), &file).unwrap();
    refused(&committer, 100);
    drop(committer);
    assert_eq!(found(folder.path()).0.len(), 10);
}
