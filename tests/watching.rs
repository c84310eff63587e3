//! A change in a folder is in force, or refused as a whole, without a restart.
//!
//! Each test changes files and waits, with a deadline, for what is in force. Where a test is about
//! the kernel's events the slow rescan is switched off, and the other way round.
//!
//! * `folders`: folders themselves that are swapped, removed, made
//! * `config`: the config file

#![expect(clippy::unwrap_used, reason = "helpers of tests may stop the test")]

#[path = "watching/config.rs"]
mod config;
#[path = "watching/folders.rs"]
mod folders;
#[path = "support/places.rs"]
mod places;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bootjack::service::load::{Loader, Places};
use bootjack::service::shared::Folders;
use bootjack::service::watch::{Pace, Watch};
use bootjack::service::{Limits, Shared};
use tempfile::TempDir;

const DEADLINE: Duration = Duration::from_secs(60);
const NEVER: Duration = Duration::from_secs(100_000);
const MENU: &str = "menu: {entries: [{id: disk, local: true}]}\n";

struct Lab {
    dir: TempDir,
    shared: Arc<Shared>,
    watch: Watch,
}

/// Only the kernel's events.
fn events() -> Pace {
    Pace {
        rescan: NEVER,
        ..Pace::default()
    }
}

/// Only sizes and times.
fn polling() -> Pace {
    Pace {
        events: false,
        rescan: Duration::from_millis(20),
        ..Pace::default()
    }
}

/// A profile for one machine, so that any number of them is without a tie.
fn profile(name: &str, machine: u16) -> String {
    let [a, b] = machine.to_be_bytes();
    format!("name: {name}\nmatch: {{mac: \"52:54:00:00:{a:02x}:{b:02x}\"}}\n{MENU}")
}

impl Lab {
    /// `prepare` fills the folder that holds `profiles` and `images` before bootjack starts.
    fn new(pace: Pace, prepare: impl FnOnce(&Path)) -> Self {
        let dir = TempDir::new().unwrap();
        prepare(dir.path());
        let places = Places {
            required: false,
            ..places::below(dir.path())
        };
        let folders = Folders {
            images: places.images.clone(),
            assets: None,
        };
        let mut loader = Loader::new(places);
        let mut first = loader.load();
        let snapshot = first.snapshot.take().unwrap_or_default();
        let shared = Shared::new(snapshot, folders, Limits::default());
        let watch = Watch::start(shared.clone(), loader, &first, pace);
        Self { dir, shared, watch }
    }

    fn with_profiles(pace: Pace, files: &[(&str, String)]) -> Self {
        Self::new(pace, |dir| {
            fs::create_dir(dir.join("profiles")).unwrap();
            for (file, text) in files {
                fs::write(dir.join("profiles").join(file), text).unwrap();
            }
        })
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.path("profiles").join(file), text).unwrap();
    }

    fn names(&self) -> Vec<String> {
        let snapshot = self.shared.snapshot.load();
        snapshot
            .profiles
            .all
            .iter()
            .map(|p| p.name.to_string())
            .collect()
    }

    async fn until(&self, what: &str, reached: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !reached(self) {
            assert!(
                start.elapsed() < DEADLINE,
                "{what}: in force is {:?}, findings {:?}",
                self.names(),
                self.shared.findings.load()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn until_names(&self, names: &[&str]) {
        self.until(&format!("waiting for {names:?}"), |lab| {
            lab.names() == names
        })
        .await;
    }

    async fn until_finding(&self, part: &str) {
        let found = |lab: &Self| {
            let findings = lab.shared.findings.load();
            findings.iter().any(|f| f.to_string().contains(part))
        };
        self.until(part, found).await;
    }
}

async fn files_come_change_and_go(pace: Pace) {
    let lab = Lab::with_profiles(pace, &[("a.yaml", profile("a", 1))]);
    assert_eq!(lab.names(), ["a"]);
    lab.write("b.yaml", &profile("b", 2));
    lab.until_names(&["a", "b"]).await;
    lab.write("a.yaml", &profile("a2", 1));
    lab.until_names(&["a2", "b"]).await;
    fs::rename(lab.path("profiles/a.yaml"), lab.path("profiles/c.yaml")).unwrap();
    lab.until_names(&["b", "a2"]).await;
    fs::remove_file(lab.path("profiles/b.yaml")).unwrap();
    lab.until_names(&["a2"]).await;
    // As editors save: a new file is renamed over the old one, again and again.
    for n in 0..3 {
        lab.write(".c.yaml.swp", "rubbish: [");
        lab.write("c.yaml~", "rubbish: [");
        lab.write("4913", "");
        lab.write("c.new", &profile(&format!("saved{n}"), 1));
        fs::rename(lab.path("profiles/c.new"), lab.path("profiles/c.yaml")).unwrap();
        lab.until_names(&[&format!("saved{n}")]).await;
    }
    assert!(lab.shared.findings.load().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_change_and_go_by_events() {
    files_come_change_and_go(events()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_change_and_go_by_polling() {
    files_come_change_and_go(polling()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_changes_nothing_until_it_is_mended() {
    let lab = Lab::with_profiles(events(), &[("a.yaml", profile("a", 1))]);
    lab.write("b.yaml", "nmae: b\n");
    lab.until_finding("b.yaml:1:1: error: unknown key \"nmae\"")
        .await;
    // A change that is right by itself waits for the rest of the set.
    lab.write("a.yaml", &profile("a2", 1));
    lab.until("the second rejection", |lab| lab.watch.outcomes() == 2)
        .await;
    assert_eq!(lab.names(), ["a"]);
    lab.write("b.yaml", &profile("b", 2));
    lab.until_names(&["a2", "b"]).await;
    assert!(lab.shared.findings.load().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tie_that_arises_while_running_is_refused() {
    let lab = Lab::with_profiles(events(), &[("a.yaml", profile("a", 1))]);
    lab.write("b.yaml", &profile("b", 1));
    lab.until_finding("b.yaml:2:14: error: ties with").await;
    assert_eq!(lab.names(), ["a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn polling_sees_a_file_that_got_older_and_kept_its_size() {
    let lab = Lab::with_profiles(polling(), &[("a.yaml", profile("a", 1))]);
    lab.write("a.yaml", &profile("x", 1));
    lab.until_names(&["x"]).await;
    let new = lab.path("new");
    fs::write(&new, profile("b", 1)).unwrap();
    let file = fs::File::options().write(true).open(&new).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    fs::rename(&new, lab.path("profiles/a.yaml")).unwrap();
    lab.until_names(&["b"]).await;
}

/// Moves a thousand prepared files into the folder; the longest time between two of them.
fn burst(lab: &Lab) -> Duration {
    fs::create_dir(lab.path("prepared")).unwrap();
    for n in 1..=1000 {
        let text = profile(&n.to_string(), n);
        fs::write(lab.path(&format!("prepared/{n}.yaml")), text).unwrap();
    }
    let (mut last, mut longest) = (Instant::now(), Duration::ZERO);
    for n in 1..=1000 {
        let (from, to) = (format!("prepared/{n}.yaml"), format!("profiles/{n}.yaml"));
        fs::rename(lab.path(&from), lab.path(&to)).unwrap();
        longest = longest.max(last.elapsed());
        last = Instant::now();
    }
    longest
}

/// At the pace that is shipped.
#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_a_thousand_files_is_one_reload() {
    let began = Instant::now();
    let lab = loop {
        let lab = Lab::with_profiles(Pace::default(), &[("a.yaml", profile("a", 0))]);
        // Where the machine itself paused for so long, there were two bursts.
        if burst(&lab) < Pace::default().quiet {
            break lab;
        }
        assert!(began.elapsed() < DEADLINE, "the machine is too busy");
    };
    lab.until("an outcome", |lab| lab.watch.outcomes() > 0)
        .await;
    assert_eq!((lab.watch.outcomes(), lab.names().len()), (1, 1001));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_is_asked_for_is_done_and_told() {
    let pace = Pace {
        events: false,
        ..events()
    };
    let lab = Lab::with_profiles(pace, &[("a.yaml", profile("a", 1))]);
    lab.watch.reload();
    lab.until("an outcome, though nothing changed", |lab| {
        lab.watch.outcomes() == 1
    })
    .await;
    lab.write("a.yaml", &profile("b", 1));
    lab.watch.reload();
    lab.until_names(&["b"]).await;
}
