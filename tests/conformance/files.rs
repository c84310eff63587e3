//! The files of cases.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A case as it is written.
pub struct File {
    /// Below `tests/cases/`.
    pub name: String,
    pub text: String,
}

#[derive(Deserialize)]
struct Covering {
    covers: Vec<String>,
}

impl File {
    /// What it says that it is a case of.
    pub fn covers(&self) -> Vec<String> {
        let read: Result<Covering, _> = serde_saphyr::from_str(&self.text);
        read.unwrap_or_else(|e| panic!("{}: {e}", self.name)).covers
    }
}

/// Below the project's folder.
pub fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The cases of a folder, by name.
pub fn of(folder: &str) -> Vec<File> {
    let listed = std::fs::read_dir(place("tests/cases").join(folder)).unwrap();
    let mut paths: Vec<PathBuf> = listed.map(|e| e.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "yaml"));
    paths.sort();
    let read = |path: PathBuf| File {
        name: format!("{folder}/{}", path.file_name().unwrap().display()),
        text: std::fs::read_to_string(&path).unwrap(),
    };
    paths.into_iter().map(read).collect()
}
