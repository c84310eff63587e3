//! The house rules that a machine can hold the tree to.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::fs;
use std::path::{Path, PathBuf};

/// Rooms without sockets, files, clock or runtime.
const PURE: [&str; 13] = [
    "wire", "yaml", "client", "firmware", "network", "profile", "lease", "decide", "relay",
    "render", "tree", "transfer", "doctor",
];

/// What a pure room never names.
const OUTSIDE: [&str; 7] = [
    "tokio",
    "std::fs",
    "std::net::Udp",
    "std::net::Tcp",
    "::now(",
    "crate::service::",
    "crate::cli::",
];

/// Imports run one way: each room may use those before it.
const ORDER: [&str; 18] = [
    "wire", "assets", "yaml", "client", "firmware", "network", "profile", "lease", "decide",
    "relay", "render", "tree", "transfer", "doctor", "event", "config", "service", "cli",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder, with its text; what the fuzzers build is no source.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
        if entry.ends_with("fuzz/target") {
            continue;
        }
        if entry.is_dir() {
            found.extend(sources(&entry));
        } else if entry.extension().is_some_and(|e| e == "rs") {
            found.push((
                entry.strip_prefix(root()).unwrap().to_owned(),
                fs::read_to_string(&entry).unwrap(),
            ));
        }
    }
    found
}

/// The room a file of `src/` belongs to.
fn room(file: &Path) -> String {
    let first = file
        .components()
        .nth(1)
        .unwrap()
        .as_os_str()
        .to_str()
        .unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// Code without comments and without what only tests see.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let shipped = text
        .split("\n#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    shipped
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
}

#[test]
fn pure_rooms_name_nothing_of_the_outside() {
    for (file, text) in sources(&root().join("src")) {
        if PURE.contains(&room(&file).as_str()) {
            for line in code(&text) {
                let named = OUTSIDE.iter().find(|word| line.contains(**word));
                assert_eq!(named, None, "{}: {line}", file.display());
            }
        }
    }
}

/// The rooms that a file's code names: `crate::room…` and `crate::{room…, room…}`.
fn rooms_named(text: &str) -> Vec<String> {
    let all = code(text).collect::<Vec<_>>().join(" ");
    let mut named = Vec::new();
    for rest in all.split("crate::").skip(1) {
        let list = rest
            .strip_prefix('{')
            .map_or(rest, |r| r.split(';').next().unwrap_or_default());
        let words = if rest.starts_with('{') {
            list.split(',').collect()
        } else {
            vec![list]
        };
        named.extend(words.into_iter().map(|word| {
            let end = |c: char| !(c.is_alphanumeric() || c == '_');
            word.trim().split(end).next().unwrap_or_default().to_owned()
        }));
    }
    named
}

#[test]
fn imports_run_one_way() {
    for (file, text) in sources(&root().join("src")) {
        let own = room(&file);
        let Some(place) = ORDER.iter().position(|r| *r == own) else {
            continue;
        };
        for later in rooms_named(&text) {
            let at = ORDER.iter().position(|r| *r == later);
            assert!(
                at.is_none_or(|at| at <= place),
                "{} uses the later room {later}",
                file.display()
            );
        }
    }
    assert_eq!(
        rooms_named("use crate::{wire::Mac, service};"),
        ["wire", "service"]
    );
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let both = ["src", "tests"].map(|folder| sources(&root().join(folder)));
    for (file, text) in both.into_iter().flatten() {
        let lines = text.lines().count();
        assert!(
            lines <= 400,
            "{} has {lines} lines; split it by meaning",
            file.display()
        );
        assert!(
            text.starts_with("//! "),
            "{} does not begin by saying what it is for",
            file.display()
        );
    }
    let main = fs::read_to_string(root().join("src/main.rs")).unwrap();
    assert!(
        main.lines().count() < 40,
        "main.rs is more than parse, run, exit code"
    );
}

#[test]
fn unsafe_stays_where_it_is_allowed() {
    for (file, text) in sources(&root().join("src")) {
        let allowed =
            file.starts_with("src/service/sys") || file == Path::new("src/service/sys.rs");
        let named = code(&text)
            .find(|line| line.contains("unsafe ") || line.contains("allow(unsafe_code)"));
        assert!(allowed || named.is_none(), "{}: {named:?}", file.display());
    }
}

#[test]
fn dependencies_have_their_reason() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    for section in [
        "[dependencies]",
        "[dev-dependencies]",
        "[build-dependencies]",
    ] {
        let Some((_, rest)) = manifest.split_once(&format!("{section}\n")) else {
            continue;
        };
        let body = rest.split("\n[").next().unwrap();
        for line in body
            .lines()
            .filter(|l| l.contains(" = ") && !l.starts_with('#'))
        {
            assert!(line.contains(" # "), "no reason beside: {line}");
        }
    }
}

#[test]
fn the_top_level_is_as_designed() {
    const KNOWN: [&str; 14] = [
        "Cargo.toml",
        "Cargo.lock",
        "LICENSE",
        "Makefile",
        "README.md",
        "clippy.toml",
        ".ci",
        ".git",
        ".gitignore",
        "boot-assets",
        "packaging",
        "profiles",
        "src",
        "tests",
    ];
    for entry in fs::read_dir(root())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
    {
        assert!(
            KNOWN.contains(&entry.as_str()) || entry == "target",
            "{entry} does not belong at the top level"
        );
    }
}
