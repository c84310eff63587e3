//! Whole conversations of real firmware (`make captures` takes them), and what `bootjack explain
//! --pcap` says of each: the expected parse and the expected reply stand beside it, in `NAME.txt`.
//!
//! After a change that is meant, `UPDATE_CAPTURES=1 cargo test --test captures` writes the texts
//! anew; `git diff tests/captures` is what has to be looked at then.

use std::path::{Path, PathBuf};
use std::process::Output;

use crate::run::{bootjack, folder};
use crate::support::captures::{SCENES, Scene};

/// Where the captures are, from the project's own folder.
const CAPTURES: &str = "tests/captures";

fn explain(scene: &Scene, more: &[&str]) -> String {
    let home = folder();
    let pcap = format!("{CAPTURES}/{}.pcap", scene.name);
    let profiles = format!("{CAPTURES}/{}", scene.profiles);
    let config = format!("{CAPTURES}/dhcp.yaml");
    let mut args = vec!["explain", "--pcap", &pcap, "--profiles", &profiles];
    let state = home.path().join("state").display().to_string();
    args.extend(["--server", "10.77.0.2", "--state", &state]);
    if scene.alone {
        args.extend(["--config", &config]);
    }
    args.extend(more);
    let mut command = bootjack(home.path(), &args);
    let said: Output = command.current_dir(root()).output().unwrap();
    assert!(said.status.success(), "{}: {said:?}", scene.name);
    String::from_utf8(said.stdout).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text_of(scene: &Scene) -> PathBuf {
    root().join(CAPTURES).join(scene.name).with_extension("txt")
}

/// The first line that differs, with what stands before it.
fn difference(told: &str, expected: &str) -> String {
    let same = told
        .lines()
        .zip(expected.lines())
        .take_while(|(a, b)| a == b);
    let at = same.count();
    let line = |text: &str| text.lines().nth(at).unwrap_or("(the end)").to_owned();
    let packet = told
        .lines()
        .take(at + 1)
        .filter(|line| line.starts_with('#'))
        .last();
    format!(
        "{}\n  told:     {}\n  expected: {}",
        packet.unwrap_or_default(),
        line(told),
        line(expected)
    )
}

#[test]
fn every_conversation_is_explained_as_it_stands_beside_it() {
    let update = std::env::var_os("UPDATE_CAPTURES").is_some();
    let mut wrong = Vec::new();
    for scene in &SCENES {
        let told = explain(scene, &[]);
        if update {
            std::fs::write(text_of(scene), &told).unwrap();
        }
        let expected = std::fs::read_to_string(text_of(scene)).unwrap_or_default();
        if told != expected {
            wrong.push(format!("{}: {}", scene.name, difference(&told, &expected)));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\n(if that is meant: UPDATE_CAPTURES=1 cargo test --test captures)",
        wrong.join("\n")
    );
}

/// Who speaks, with which architecture, in the order of the boot.
fn speakers(scene: &Scene) -> Vec<(String, u64)> {
    let told = explain(scene, &["--json"]);
    let lines = told.lines().map(|line| serde_json::from_str(line).unwrap());
    let speaker = |line: serde_json::Value| {
        let client = line.get("client").filter(|client| client.is_object())?;
        Some((
            client["stage"].as_str()?.to_owned(),
            client["archs"][0].as_u64()?,
        ))
    };
    let mut all: Vec<_> = lines.filter_map(speaker).collect();
    all.dedup();
    all
}

/// Said by hand, so that texts that were written anew cannot change it.
#[test]
fn who_speaks_in_each_of_them() {
    for scene in &SCENES {
        let expected: &[(&str, u64)] = match scene.name {
            name if name.starts_with("bios-") => &[("ipxe", 0)],
            "pxelinux" | "undionly" => &[("ipxe", 0)],
            "edk2-x64-pxe" => &[("rom", 7), ("ipxe", 7)],
            "edk2-x64-http" => &[("http-boot", 16), ("ipxe", 7)],
            "edk2-ia32-pxe" => &[("rom", 6)],
            "edk2-ia32-http" => &[("http-boot", 15)],
            "edk2-arm64-pxe" => &[("rom", 11)],
            "edk2-arm64-http" => &[("http-boot", 19)],
            _ => &[("rom", 7)],
        };
        let told = speakers(scene);
        let told: Vec<_> = told
            .iter()
            .map(|(stage, arch)| (stage.as_str(), *arch))
            .collect();
        assert_eq!(told, expected, "{}", scene.name);
    }
}

#[test]
fn every_capture_has_its_scene_and_is_small() {
    let known = |name: &str| SCENES.iter().any(|scene| scene.name == name);
    let mut count = 0;
    for entry in std::fs::read_dir(root().join(CAPTURES)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if path.extension().is_some_and(|end| end == "pcap") {
            let size = path.metadata().unwrap().len();
            assert!(known(name) && size < 16 * 1024, "{name}: {size} bytes");
            count += 1;
        }
    }
    assert_eq!(count, SCENES.len());
}
