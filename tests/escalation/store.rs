//! What is kept on the disk, and what a file that is no such thing does: never keep a server from
//! starting.

use std::fs;
use std::path::Path;

use bootjack::client::Client;
use bootjack::client::progress::{Firmware, Learnt};
use bootjack::client::quirk::Behaviour;
use bootjack::event::What;
use bootjack::profile::Snapshot;
use bootjack::service::machines::row::Row;
use bootjack::service::machines::store::FILE;
use bootjack::service::shared::Folders;
use bootjack::service::{Limits, Shared};
use bootjack::wire::Platform;

use crate::run::{Said, bootjack};
use crate::talk::mac;

fn shared() -> std::sync::Arc<Shared> {
    let folders = Folders {
        images: "/nonexistent".into(),
        assets: None,
    };
    Shared::new(Snapshot::default(), folders, Limits::default())
}

/// A server's memory in a folder, and what its operator is told.
pub fn opened(folder: &Path) -> (std::sync::Arc<Shared>, Vec<String>) {
    let shared = shared();
    let notices = shared.machines.open(folder, 16, true, None).notices;
    let said = notices.iter().map(|what| match what {
        What::Warning { text } => text.clone(),
        other => panic!("{other}"),
    });
    (shared.clone(), said.collect())
}

/// One that has learnt that this machine asks port 4011 all the same.
fn taught(folder: &Path) {
    let (shared, said) = opened(folder);
    assert_eq!(said, [] as [String; 0]);
    let client = Client::unknown(mac(), [10, 0, 0, 2].into());
    let message = offered_and_asked(&shared, &client);
    assert_eq!(message, ["asks-4011-all-the-same"]);
    assert!(shared.write_machines());
}

fn offered_and_asked(shared: &Shared, client: &Client) -> Vec<String> {
    use bootjack::client::progress::{Offered, Windows};
    use bootjack::client::{Shape, Stage};
    use bootjack::firmware::sample::{self, Described};
    use bootjack::wire::Arch;
    use bootjack::wire::dhcp::{Kind, Message};
    let machine = Described {
        mac: mac(),
        arch: Arch::BIOS,
        uuid: None,
        stage: Stage::Rom,
    };
    let local = [10, 0, 0, 2].into();
    let message = sample::message(machine, Kind::Discover, local);
    let offered = Offered {
        shape: Shape::SelfSufficient,
        ladder: [Shape::SelfSufficient, Shape::Offer4011]
            .into_iter()
            .collect(),
        windows: Windows::of(&[]),
        bypass: true,
    };
    let mut request = sample::message(machine, Kind::Request, local);
    let home = [10, 0, 0, 7].into();
    request.ciaddr = home;
    for xid in 0..2 {
        let message = Message {
            xid,
            ..message.clone()
        };
        let _ = (shared.machines).offered(client, &message, None);
        let _ = (shared.machines).offered(client, &message, Some(offered));
        shared.machines.requested(client, &request);
        shared.asked_4011(client, home);
    }
    let known = shared.machines.rows_of(mac());
    known.into_iter().flat_map(|row| row.seen).collect()
}

fn machines(folder: &Path, words: &[&str]) -> Said {
    let scratch = tempfile::tempdir().unwrap();
    let args = [&["machines"], words, &["--state"]].concat();
    let mut command = bootjack(scratch.path(), &args);
    command.arg(folder).output().unwrap().into()
}

#[test]
fn what_was_learnt_is_there_after_a_restart_and_forgotten_by_the_command() {
    let folder = tempfile::tempdir().unwrap();
    taught(folder.path());
    let (shared, said) = opened(folder.path());
    assert_eq!(said, [] as [String; 0]);
    let rows = shared.machines.rows();
    assert_eq!(
        (rows.len(), &rows[0].seen[0][..]),
        (1, "asks-4011-all-the-same")
    );
    let known = shared
        .machines
        .remembering(Client::unknown(mac(), [10, 0, 0, 2].into()));
    assert_eq!(known.past.seen, [Behaviour::Asks4011AllTheSame]);
    drop(shared);

    let listed = machines(folder.path(), &[]);
    let line: Vec<&str> = listed
        .succeeds()
        .lines()
        .nth(1)
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(
        line[..5],
        [
            "52:54:00:00:00:01",
            "bios",
            "-",
            "-",
            "asks-4011-all-the-same"
        ]
    );
    let listed = machines(folder.path(), &["list", "--json"]);
    let listed: Vec<Row> = serde_json::from_str(listed.succeeds()).unwrap();
    assert_eq!(listed, rows);

    let mac = "52:54:00:00:00:01";
    let count = |words: &[&str]| {
        let said = machines(folder.path(), &[&["list", "--json"], words].concat());
        let rows: Vec<Row> = serde_json::from_str(said.succeeds()).unwrap();
        rows.len()
    };
    for (words, found) in [
        (&["--mac", mac][..], 1),
        (&["--mac", "52-54-00*"], 1),
        (&["--mac", "52:54:01:*"], 0),
        (&["--platform", "bios"], 1),
        (&["--platform", "efi-x64"], 0),
    ] {
        assert_eq!(count(words), found, "{words:?}");
    }
    machines(folder.path(), &["list", "--platform", "toaster"]).fails(2, &["possible values"]);
    let shown = machines(folder.path(), &["show", mac]);
    let begin =
        "mac       52:54:00:00:00:01\nplatform  bios\nseen      asks-4011-all-the-same\nat        ";
    assert!(shown.succeeds().starts_with(begin), "{shown:?}");
    machines(folder.path(), &["show", "52:54:00:00:00:02"])
        .fails(1, &["nothing was learnt of 52:54:00:00:00:02"]);

    machines(folder.path(), &["forget", "52:54:00:00:00:02"])
        .fails(1, &["nothing was learnt of 52:54:00:00:00:02"]);
    machines(folder.path(), &["forget"]).fails(2, &["MAC"]);
    let nowhere = folder.path().join("nowhere");
    for words in [&["list"][..], &["forget", "--all"]] {
        machines(&nowhere, words).fails(1, &["there is no state folder "]);
    }
    let said = machines(folder.path(), &["forget", "52-54-00-00-00-01"]);
    assert_eq!(
        said.succeeds(),
        "what was learnt of 52:54:00:00:00:01 is forgotten\n"
    );
    assert_eq!(machines(folder.path(), &["--json"]).succeeds(), "[]\n");
    taught(folder.path());
    let said = machines(folder.path(), &["forget", "--all"]);
    assert_eq!(said.succeeds(), "forgotten: 1 row\n");
    assert_eq!(opened(folder.path()).0.machines.rows(), []);
}

#[test]
fn a_file_that_is_none_is_moved_aside() {
    let folder = tempfile::tempdir().unwrap();
    taught(folder.path());
    let path = folder.path().join(FILE);
    let whole = fs::read(&path).unwrap();
    let half = whole[..whole.len() / 2].to_vec();
    let mut torn = whole.clone();
    torn[4096..12_288].fill(0x5a);
    let all = [b"nothing of ours".to_vec(), half, torn];
    for (n, bytes) in (1..).zip(&all) {
        fs::write(&path, bytes).unwrap();
        machines(folder.path(), &["list"]).fails(1, &["is damaged"]);
        let (shared, said) = opened(folder.path());
        let aside = folder.path().join(format!("{FILE}.damaged-{n}"));
        assert!(said[0].contains(aside.to_str().unwrap()), "{said:?}");
        assert_eq!(&fs::read(aside).unwrap(), bytes);
        assert_eq!(shared.machines.rows(), []);
        drop(shared);
        taught(folder.path());
    }
}

#[test]
fn a_folder_that_takes_nothing_is_a_warning_and_what_is_learnt_lasts_until_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let no_folder = folder.path().join("file");
    fs::write(&no_folder, "").unwrap();
    let (shared, said) = opened(&no_folder);
    assert!(
        said[0].contains("cannot keep what is learnt of machines in "),
        "{said:?}"
    );
    let client = Client::unknown(mac(), [10, 0, 0, 2].into());
    assert_eq!(
        offered_and_asked(&shared, &client),
        ["asks-4011-all-the-same"]
    );
    assert_eq!(shared.timeline().of(mac()).count(), 1);
    // Two servers of one folder: the second one does without.
    let first = opened(folder.path());
    let (_, said) = opened(folder.path());
    assert!(said[0].contains("another bootjack has it"), "{said:?}");
    drop(first);
}

#[test]
fn a_store_that_is_taken_away_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (shared, _) = opened(folder.path());
    let client = Client::unknown(mac(), [10, 0, 0, 2].into());
    fs::remove_file(folder.path().join(FILE)).unwrap();
    offered_and_asked(&shared, &client);
    assert!(shared.write_machines());
    assert_eq!(shared.forget(None), Ok(1));
    drop(shared);
    let listed = machines(folder.path(), &["list", "--json"]);
    assert_eq!(listed.succeeds(), "[]\n");
}

#[test]
fn a_store_that_breaks_later_is_told_of_as_it_is_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    let (shared, _) = opened(folder.path());
    let client = Client::unknown(mac(), [10, 0, 0, 2].into());
    let told = || {
        let timeline = shared.timeline();
        let last = timeline
            .of(mac())
            .last()
            .map(|event| event.what.to_string());
        last.unwrap_or_default()
    };
    let warnings = || {
        let text = shared.metrics.text().unwrap();
        let line = "bootjack_events_total{event=\"warning\"} ";
        let of = |l: &str| l.strip_prefix(line).map(|n| n.parse::<u32>().unwrap());
        text.lines().find_map(of).unwrap_or(0)
    };
    // It cannot be written: that, and that what is learnt lasts until the end.
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    offered_and_asked(&shared, &client);
    assert!(!shared.write_machines());
    assert_eq!(warnings(), 1);
    assert!(told().ends_with("; remembered until bootjack ends, for it cannot be written"));
    // Something else is there: it is moved aside with a word of it, and all is written.
    fs::remove_dir(&path).unwrap();
    fs::write(&path, "nothing of ours").unwrap();
    assert!(shared.write_machines());
    assert_eq!(warnings(), 2);
    let aside = folder.path().join(format!("{FILE}.damaged-1"));
    assert_eq!(fs::read(aside).unwrap(), b"nothing of ours");
    drop(shared);
    let listed = machines(folder.path(), &[]);
    assert!(listed.succeeds().contains("asks-4011-all-the-same"));
}

#[test]
fn rows_that_this_version_does_not_know_are_kept_until_they_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let row = "{\"mac\":\"52:54:00:00:00:09\",\"platform\":\"toaster\",\"follows\":null,\"seen\":[\"sings\"],\"at\":null}";
    let later_version = || {
        taught(folder.path());
        let table = redb::TableDefinition::<&str, &[u8]>::new("machines");
        let file = redb::Database::open(folder.path().join(FILE)).unwrap();
        let change = file.begin_write().unwrap();
        let mut rows = change.open_table(table).unwrap();
        rows.insert("52:54:00:00:00:09 toaster", row.as_bytes())
            .unwrap();
        drop(rows);
        change.commit().unwrap();
    };
    later_version();
    let listed = machines(folder.path(), &[]);
    assert!(listed.succeeds().contains("toaster"));
    let said = machines(folder.path(), &["forget", "52:54:00:00:00:09"]);
    said.succeeds();
    let listed = machines(folder.path(), &[]);
    assert!(!listed.succeeds().contains("toaster"));
    machines(folder.path(), &["forget", "--all"]).succeeds();
    // A running server forgets them as well.
    later_version();
    let (shared, _) = opened(folder.path());
    assert_eq!(
        shared.forget(Some("52:54:00:00:00:08".parse().unwrap())),
        Ok(0)
    );
    assert_eq!(shared.forget(None), Ok(1));
    drop(shared);
    assert_eq!(machines(folder.path(), &["--json"]).succeeds(), "[]\n");
}

#[test]
fn rows_read_what_they_write_and_leave_out_what_later_versions_say() {
    let firmware = Firmware {
        mac: mac(),
        platform: Platform::Other,
    };
    let learnt = Learnt {
        shape: Some(bootjack::client::Shape::Bare4011),
        seen: vec![Behaviour::FollowsNothing],
        at: 1_800_000_000,
    };
    let mut row = Row::kept(firmware, &learnt);
    assert_eq!(row.at.as_deref(), Some("2027-01-15T08:00:00Z"));
    let (of, read) = row.learnt().unwrap();
    assert_eq!((of, &read, read.at), (firmware, &learnt, learnt.at));
    row.follows = Some("telepathy".to_owned());
    row.seen.push("sings".to_owned());
    let (_, read) = row.learnt().unwrap();
    assert_eq!((read.shape, read.seen), (None, learnt.seen));
    row.platform = "toaster".to_owned();
    assert_eq!(row.learnt(), None);
}

#[test]
fn every_field_is_in_readme() {
    let readme = include_str!("../../README.md");
    let firmware = Firmware {
        mac: mac(),
        platform: Platform::Bios,
    };
    let mut row = Row::kept(firmware, &Learnt::default());
    row.trying = Some("delayed".to_owned());
    let row = serde_json::to_value(&row).unwrap();
    for key in row.as_object().unwrap().keys() {
        assert!(readme.contains(&format!("`{key}`")), "{key}");
    }
    for (name, _) in Behaviour::ALL {
        assert!(readme.contains(&format!("`{name}`")), "{name}");
    }
}
