//! Folders themselves that are swapped, removed, made; distributions.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use bootjack::service::load::DEFAULT_NAME;
use bootjack::service::watch::Pace;

use super::{Lab, events, polling, profile};

/// What kubelet does: the files are links through `..data`, which is renamed over.
fn configmap(dir: &Path, version: &str, text: &str) {
    let profiles = dir.join("profiles");
    let folder = format!("..{version}");
    fs::create_dir_all(profiles.join(&folder)).unwrap();
    fs::write(profiles.join(&folder).join("lab.yaml"), text).unwrap();
    symlink(&folder, profiles.join("..data_tmp")).unwrap();
    fs::rename(profiles.join("..data_tmp"), profiles.join("..data")).unwrap();
    if fs::symlink_metadata(profiles.join("lab.yaml")).is_err() {
        symlink("..data/lab.yaml", profiles.join("lab.yaml")).unwrap();
    }
}

async fn a_configmap_is_swapped(pace: Pace) {
    let lab = Lab::new(pace, |dir| configmap(dir, "v1", &profile("one", 1)));
    assert_eq!(lab.names(), ["one"]);
    for (version, name) in [("v2", "two"), ("v3", "six")] {
        configmap(lab.dir.path(), version, &profile(name, 1));
        lab.until_names(&[name]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configmap_is_swapped_by_events() {
    a_configmap_is_swapped(events()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configmap_is_swapped_by_polling() {
    a_configmap_is_swapped(polling()).await;
}

fn rescanning() -> Pace {
    Pace {
        rescan: Duration::from_millis(20),
        ..Pace::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_is_removed_and_made_again() {
    let lab = Lab::with_profiles(rescanning(), &[("a.yaml", profile("a", 1))]);
    for name in ["b", "c"] {
        let before = lab.names();
        fs::remove_dir_all(lab.path("profiles")).unwrap();
        lab.until_finding("profiles: error: cannot be read").await;
        assert_eq!(lab.names(), before, "the last good set stays");
        fs::create_dir(lab.path("profiles")).unwrap();
        lab.write("a.yaml", &profile(name, 1));
        lab.until_names(&[name]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_is_a_link_that_is_set_anew() {
    let lab = Lab::new(rescanning(), |dir| {
        for (folder, name) in [("one", "a"), ("two", "b")] {
            fs::create_dir(dir.join(folder)).unwrap();
            fs::write(dir.join(folder).join("x.yaml"), profile(name, 1)).unwrap();
        }
        symlink("one", dir.join("profiles")).unwrap();
    });
    symlink("two", lab.path("next")).unwrap();
    fs::rename(lab.path("next"), lab.path("profiles")).unwrap();
    lab.until_names(&["b"]).await;
    lab.write("x.yaml", &profile("c", 1));
    lab.until_names(&["c"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_appears_takes_the_place_of_the_default() {
    let lab = Lab::new(rescanning(), |_| ());
    assert_eq!(lab.names(), ["default"]);
    assert_eq!(
        &*lab.shared.snapshot.load().profiles.all[0].file,
        DEFAULT_NAME
    );
    fs::create_dir(lab.path("profiles")).unwrap();
    lab.write("a.yaml", &profile("a", 1));
    lab.until_names(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_distribution_that_is_dropped_is_offered() {
    let lab = Lab::new(rescanning(), |dir| {
        fs::create_dir(dir.join("images")).unwrap();
    });
    let installed = |lab: &Lab| {
        let snapshot = lab.shared.snapshot.load();
        let shown = snapshot
            .installed
            .iter()
            .map(|i| format!("{} {} {:?}", i.name, i.kernel, i.initrd));
        shown.collect::<Vec<_>>()
    };
    fs::create_dir(lab.path("images/debian-12")).unwrap();
    fs::write(lab.path("images/debian-12/initrd.gz"), "i").unwrap();
    fs::write(lab.path("images/debian-12/linux"), "k").unwrap();
    let whole = ["debian-12 linux \"initrd.gz\""];
    lab.until("the distribution", |lab| installed(lab) == whole)
        .await;
    fs::remove_dir_all(lab.path("images/debian-12")).unwrap();
    lab.until("its end", |lab| installed(lab).is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_a_profile_names_is_missed_until_it_comes() {
    let lab = Lab::with_profiles(rescanning(), &[("a.yaml", profile("a", 1))]);
    fs::create_dir_all(lab.path("images/x")).unwrap();
    let kernel = "menu: {entries: [{id: a, linux: {kernel: a/b/linux}}]}\n";
    lab.write("a.yaml", kernel);
    lab.until_finding("warning: kernel \"a/b/linux\": there is no file")
        .await;
    fs::create_dir_all(lab.path("images/a/b")).unwrap();
    fs::write(lab.path("images/a/b/linux"), "k").unwrap();
    let none = |lab: &Lab| lab.shared.findings.load().is_empty();
    lab.until("the file to be found", none).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_worth_a_look_is_told_once_wherever_it_moves_in_its_file() {
    let lab = Lab::with_profiles(events(), &[("a.yaml", profile("a", 1))]);
    fs::create_dir_all(lab.path("images/x")).unwrap();
    let warnings = |lab: &Lab, count: usize| {
        let counted = lab.shared.metrics.text().unwrap();
        counted.contains(&format!("event=\"warning\"}} {count}\n"))
    };
    let first = "- {id: a, linux: {kernel: a/linux}}\n";
    let write = |name: &str, above: &str, below: &str| {
        let text = format!("{above}name: {name}\nmenu:\n entries:\n {first}{below}");
        lab.write("a.yaml", &text);
    };
    write("b", "", "");
    lab.until("the warning", |lab| warnings(lab, 1)).await;
    write("c", "# A line above.\n", "");
    lab.until_names(&["c"]).await;
    // When this is in force, all has been said of the one before.
    write("d", "# Two lines\n# above.\n", "");
    lab.until_names(&["d"]).await;
    assert!(warnings(&lab, 1), "{}", lab.shared.metrics.text().unwrap());
    lab.until_finding("a.yaml:6:").await;
    write("e", "", " - {id: b, linux: {kernel: b/linux}}\n");
    lab.until("what is new", |lab| warnings(lab, 2)).await;
}
