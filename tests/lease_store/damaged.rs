//! Files that are not what was written: never fatal, nothing thrown away.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bootjack::lease::Record;
use bootjack::service::lease::format::FORMAT;
use bootjack::service::lease::store::{FILE, Store};
use redb::{Database, TableDefinition};

use crate::store::{anchor, filled, found, record};

const LEASES: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("leases");
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

/// Opens a folder with these bytes as its store: whatever they are it opens, can be written, and
/// the bytes are still there. What it found, and whether it took them for damaged.
fn survives(bytes: &[u8], what: &str) -> (Vec<Record>, bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    fs::write(&path, bytes).unwrap();
    let mut opened = Store::open(folder.path()).unwrap_or_else(|e| panic!("{what}: {e}"));
    let damaged = !opened.notices.is_empty();
    let aside = folder.path().join(format!("{FILE}.damaged-1"));
    assert_eq!(aside.exists(), damaged, "{what}: {:?}", opened.notices);
    if damaged {
        assert_eq!(fs::read(&aside).unwrap(), bytes, "{what}: as it was");
        for word in ["is damaged", "damaged-1", "could be read"] {
            assert!(opened.notices[0].contains(word), "{:?}", opened.notices);
        }
    }
    let more = record(999, 1);
    opened
        .store
        .write(std::slice::from_ref(&more), &anchor())
        .unwrap();
    let before = opened.contents.records;
    drop(opened.store);
    let (after, notices) = found(folder.path());
    assert_eq!(notices, [""; 0], "{what}: the second start is quiet");
    assert_eq!(after.len(), before.len() + 1, "{what}");
    assert!(after.contains(&more), "{what}");
    (before, damaged)
}

fn bytes_of(folder: &Path) -> Vec<u8> {
    fs::read(folder.join(FILE)).unwrap()
}

#[test]
fn a_truncated_file_is_moved_aside_and_saved_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let written = filled(folder.path(), 400);
    let whole = bytes_of(folder.path());
    let mut most = 0;
    let steps = (0..40).map(|n| whole.len() * n / 40);
    for length in [
        1,
        8,
        9,
        64,
        320,
        511,
        512,
        513,
        4095,
        4096,
        4097,
        whole.len() - 1,
    ]
    .into_iter()
    .chain(steps)
    {
        let what = format!("cut at {length} of {}", whole.len());
        let (saved, damaged) = survives(&whole[..length], &what);
        assert!(
            damaged || length == 0 || saved.len() == written.len(),
            "{what}"
        );
        assert!(
            saved.iter().all(|record| written.contains(record)),
            "{what}"
        );
        most = most.max(saved.len());
    }
    assert_eq!(most, written.len(), "with all its pages, all is saved");
}

#[test]
fn garbage_is_moved_aside() {
    let mut noise: u32 = 1;
    let mut random = |_| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 24) as u8
    };
    let bytes: Vec<u8> = (0..100_000).map(&mut random).collect();
    assert_eq!(survives(&bytes, "noise"), (Vec::new(), true));
    assert_eq!(survives(b"leases:\n", "a text"), (Vec::new(), true));
    assert_eq!(survives(&vec![0; 70_000], "zeros"), (Vec::new(), true));
}

#[test]
fn no_single_byte_can_break_it() {
    let folder = tempfile::tempdir().unwrap();
    let written = filled(folder.path(), 200);
    let whole = bytes_of(folder.path());
    let mut found_damaged = 0;
    let header = (0..400).step_by(3);
    let places = header.chain((400..whole.len()).step_by(whole.len() / 100));
    for at in places {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        let (saved, damaged) = survives(&bytes, &format!("byte {at} changed"));
        found_damaged += u32::from(damaged);
        assert!(
            saved.len() + 1 >= written.len(),
            "byte {at}: {} are left",
            saved.len()
        );
    }
    assert!(
        found_damaged > 10,
        "{found_damaged}: the header alone is longer"
    );
}

#[test]
fn damaged_files_are_numbered() {
    let folder = tempfile::tempdir().unwrap();
    for n in 1..=3 {
        fs::write(folder.path().join(FILE), format!("garbage {n}")).unwrap();
        let (records, notices) = found(folder.path());
        assert!(
            records.is_empty() && notices[0].contains(&format!("damaged-{n}")),
            "{notices:?}"
        );
    }
    let first = fs::read_to_string(folder.path().join(format!("{FILE}.damaged-1"))).unwrap();
    assert_eq!(first, "garbage 1");
}

/// A store as another version writes it.
fn of_version(folder: &Path, version: Option<&str>, records: &[&str]) {
    let file = Database::create(folder.join(FILE)).unwrap();
    let change = file.begin_write().unwrap();
    if let Some(version) = version {
        let mut meta = change.open_table(META).unwrap();
        meta.insert("format", version.as_bytes()).unwrap();
    }
    for (key, text) in (0x0a00_0001..).zip(records) {
        change
            .open_table(LEASES)
            .unwrap()
            .insert(key, text.as_bytes())
            .unwrap();
    }
    change.commit().unwrap();
}

#[test]
fn a_file_of_the_first_format_is_brought_up() {
    let folder = tempfile::tempdir().unwrap();
    let old =
        r#"{"address":"10.0.0.1","mac":"52:54:00:00:00:01","state":"leased","since":5,"until":9}"#;
    of_version(folder.path(), Some("1"), &[old]);
    let (records, notices) = found(folder.path());
    assert_eq!((records.len(), records[0].until), (1, 9));
    assert_eq!((&records[0].host_name, &records[0].profile), (&None, &None));
    assert!(notices[0].contains("was of format 1"), "{notices:?}");
    let (again, notices) = found(folder.path());
    assert_eq!((again, notices), (records, Vec::new()), "once");
}

#[test]
fn a_file_of_a_newer_format_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    of_version(folder.path(), Some(&(FORMAT + 1).to_string()), &["{}"]);
    let before = bytes_of(folder.path());
    let error = Store::open(folder.path()).unwrap_err().to_string();
    for word in ["leases.redb", "newer bootjack", "move the file away"] {
        assert!(error.contains(word), "{error}");
    }
    of_version_is(folder.path(), FORMAT + 1);
    assert!(bytes_of(folder.path()).len() == before.len());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

fn of_version_is(folder: &Path, expected: u32) {
    use redb::ReadableDatabase as _;
    let file = Database::open(folder.join(FILE)).unwrap();
    let meta = file.begin_read().unwrap().open_table(META).unwrap();
    let version = meta.get("format").unwrap().unwrap();
    assert_eq!(version.value(), expected.to_string().as_bytes());
}

#[test]
fn a_database_of_something_else_is_moved_aside() {
    let folder = tempfile::tempdir().unwrap();
    of_version(folder.path(), None, &["{}"]);
    let (records, notices) = found(folder.path());
    assert!(
        records.is_empty() && notices[0].contains("no format number"),
        "{notices:?}"
    );
}

#[test]
fn a_record_of_a_later_shape_is_read_and_one_that_is_none_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let later = r#"{"address":"10.0.0.1","mac":"52:54:00:00:00:01","state":"leased","since":5,"until":9,"mood":"good"}"#;
    of_version(
        folder.path(),
        Some(&FORMAT.to_string()),
        &[later, "no record"],
    );
    let (records, notices) = found(folder.path());
    assert_eq!(records.len(), 1);
    assert!(notices[0].contains(" holds 1 record that"), "{notices:?}");
}

#[test]
fn two_servers_do_not_share_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Store::open(folder.path()).unwrap();
    let error = Store::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("another bootjack has it"), "{error}");
}

/// Who has which address, by which name, is not for everybody on this host: a new store, one of an
/// older version, and what is put aside.
#[test]
fn only_the_owner_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    let open_to_all = || fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let owners = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777 == 0o600;
    filled(folder.path(), 3);
    assert!(owners(&path), "new");
    open_to_all();
    filled(folder.path(), 3);
    assert!(owners(&path), "of an older version");
    fs::write(&path, "damaged").unwrap();
    open_to_all();
    assert_eq!(found(folder.path()).1.len(), 1);
    assert!(owners(&path), "made anew");
    assert!(owners(&folder.path().join(format!("{FILE}.damaged-1"))));
}
