//! A full file system, a read-only one: no acknowledgement, one clear event, and on it goes by
//! itself when it can. On a small tmpfs in a mount namespace of the test's own.

use std::fs;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use bootjack::event::What;
use bootjack::service::lease::store::Store;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use crate::store::{committer, filled, found, record, write};
use crate::support::{left_out, poll};

const SOON: Duration = Duration::from_secs(60);
const NONE: Option<&str> = None;

/// Runs `work` on a file system of its own, of 4 MiB.
fn on_a_small_disk(work: impl FnOnce(&Path) + Send) {
    let folder = tempfile::tempdir().unwrap();
    let inside = || {
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE).unwrap();
        let size = Some("size=4m");
        mount(
            Some("small"),
            folder.path(),
            Some("tmpfs"),
            MsFlags::empty(),
            size,
        )
        .unwrap();
        work(folder.path());
    };
    std::thread::scope(|scope| {
        let outcome = scope.spawn(inside).join();
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

fn remounted(folder: &Path, flags: MsFlags) {
    let done = || mount(NONE, folder, NONE, MsFlags::MS_REMOUNT | flags, NONE);
    // While it is tried whether writing works again, the file is open for a moment.
    poll::expect("remounted", SOON, || done().is_ok());
}

/// Takes all the room there is.
fn fill(folder: &Path) {
    let filler = folder.join("filler");
    let mut size = 4 << 20;
    let mut file = fs::File::create(filler).unwrap();
    while size > 0 {
        if std::io::Write::write_all(&mut file, &vec![1; size]).is_err() {
            size /= 2;
        }
    }
}

/// Writes the addresses from 1 on until one is refused: why, and which.
fn until_refused(committer: &bootjack::service::lease::commit::Committer) -> (String, u32) {
    let refused = (1..100_000).find_map(|n| Some((write(committer, record(n, 1)).err()?, n)));
    refused.expect("the disk is full at last")
}

fn text(event: &What) -> (&'static str, String) {
    (event.name(), event.to_string())
}

fn next(said: &Receiver<What>) -> (&'static str, String) {
    text(&said.recv_timeout(SOON).expect("an event"))
}

#[test]
fn a_full_disk_is_told_once_and_writing_goes_on_when_there_is_room() {
    if left_out("a_full_disk_is_told_once_and_writing_goes_on_when_there_is_room") {
        return;
    }
    on_a_small_disk(|folder| {
        let (committer, said) = committer(folder);
        write(&committer, record(0, 1)).unwrap();
        fill(folder);
        let (why, refused) = until_refused(&committer);
        assert!(
            why.contains("No space left") && why.contains("free some space"),
            "{why}"
        );
        for n in 0..5 {
            write(&committer, record(90_000 + n, 1)).unwrap_err();
        }
        let (name, event) = next(&said);
        let file = folder.join("leases.redb").display().to_string();
        assert_eq!(name, "fault");
        for word in [file.as_str(), "No space left", "No lease is given"] {
            assert!(event.contains(word), "{event}");
        }
        fs::remove_file(folder.join("filler")).unwrap();
        let (name, event) = next(&said);
        assert_eq!(name, "notice", "no second fault: {event}");
        assert!(event.contains("can be written again"), "{event}");
        write(&committer, record(95_000, 1)).unwrap();
        drop(committer);
        assert!(said.try_recv().is_err(), "not a word more");
        let (records, notices) = found(folder);
        assert_eq!(notices, [""; 0]);
        assert_eq!(
            records.len() as u32,
            refused + 1,
            "what was told, and nothing else"
        );
    });
}

#[test]
fn a_disk_that_becomes_read_only_is_waited_for() {
    if left_out("a_disk_that_becomes_read_only_is_waited_for") {
        return;
    }
    on_a_small_disk(|folder| {
        let (committer, said) = committer(folder);
        fill(folder);
        until_refused(&committer);
        assert_eq!(next(&said).0, "fault");
        remounted(folder, MsFlags::MS_RDONLY);
        write(&committer, record(90_000, 1)).unwrap_err();
        std::thread::sleep(Duration::from_secs(3));
        let why = write(&committer, record(90_000, 1)).unwrap_err();
        assert!(
            why.contains("Read-only") && why.contains("mount it for writing"),
            "{why}"
        );
        assert!(said.try_recv().is_err(), "told once");
        remounted(folder, MsFlags::empty());
        fs::remove_file(folder.join("filler")).unwrap();
        assert_eq!(next(&said).0, "notice");
        write(&committer, record(90_000, 1)).unwrap();
    });
}

#[test]
fn what_nobody_waits_for_is_written_when_it_can_be() {
    if left_out("what_nobody_waits_for_is_written_when_it_can_be") {
        return;
    }
    on_a_small_disk(|folder| {
        let (committer, said) = committer(folder);
        fill(folder);
        until_refused(&committer);
        let release = bootjack::service::lease::commit::Pending {
            records: vec![record(90_000, 7)],
            done: None,
        };
        committer.submit(release).unwrap();
        assert_eq!(next(&said).0, "fault");
        fs::remove_file(folder.join("filler")).unwrap();
        assert_eq!(next(&said).0, "notice");
        drop(committer);
        assert!(found(folder).0.contains(&record(90_000, 7)));
    });
}

#[test]
fn a_disk_that_cannot_be_written_at_the_start_is_an_error_that_helps() {
    if left_out("a_disk_that_cannot_be_written_at_the_start_is_an_error_that_helps") {
        return;
    }
    on_a_small_disk(|folder| {
        remounted(folder, MsFlags::MS_RDONLY);
        let error = Store::open(folder).unwrap_err().to_string();
        assert!(error.contains("cannot make the lease store"), "{error}");
        assert!(error.contains("Read-only"), "{error}");
        remounted(folder, MsFlags::empty());
        filled(folder, 10);
        remounted(folder, MsFlags::MS_RDONLY);
        let error = Store::open(folder).unwrap_err().to_string();
        assert!(
            error.contains("leases.redb") && error.contains("Read-only"),
            "{error}"
        );
        assert_eq!(
            Store::look(folder).unwrap().records.len(),
            10,
            "a list needs no writing"
        );
        remounted(folder, MsFlags::empty());
        fill(folder);
        fs::remove_file(folder.join("leases.redb")).unwrap();
        fill(folder);
        let error = Store::open(folder).unwrap_err().to_string();
        assert!(
            error.contains("No space left") && error.contains("free some space"),
            "{error}"
        );
        assert!(
            !folder.join("leases.redb.new").exists(),
            "no half of a file"
        );
    });
}
