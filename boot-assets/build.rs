//! Embeds the boot loaders: `out/manifest.tsv` and `out/files/` → `assets.rs`, the table that
//! `src/assets.rs` includes.
//!
//! Invariants: a build embeds exactly what the manifest says, every digest is computed here, and the
//! manifest was made from the list as it is now. Anything else fails with the one command that puts
//! it right. Nothing is downloaded here: `fetch.sh` does that.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, process};

use sha2::{Digest, Sha256};

const LIST: &str = "boot-assets/assets.yaml";
const LIST_FETCHED: &str = "boot-assets/out/assets.yaml";
const MANIFEST: &str = "boot-assets/out/manifest.tsv";
const FILES: &str = "boot-assets/out/files";

fn main() {
    for path in [LIST, LIST_FETCHED, MANIFEST, FILES] {
        println!("cargo::rerun-if-changed={path}");
    }
    if let Err(why) = generate() {
        println!("cargo::error=the boot assets are not ready: {why}; run: make assets");
        process::exit(1);
    }
}

fn generate() -> Result<(), Box<dyn Error>> {
    refuse_stale()?;
    let table = table(&read(MANIFEST)?)?;
    let target = Path::new(&env::var("OUT_DIR")?).join("assets.rs");
    Ok(fs::write(target, table)?)
}

/// The set in `out/` was fetched for another list.
fn refuse_stale() -> Result<(), Box<dyn Error>> {
    if read(LIST)? == read(LIST_FETCHED)? {
        Ok(())
    } else {
        Err(format!("{LIST} has changed since they were fetched").into())
    }
}

fn read(path: &str) -> Result<String, Box<dyn Error>> {
    fs::read_to_string(path).map_err(|e| format!("cannot read {path}: {e}").into())
}

/// The manifest as a Rust array of `Asset`.
fn table(manifest: &str) -> Result<String, Box<dyn Error>> {
    let mut lines = manifest.lines().map(|line| line.split('\t'));
    let columns: Vec<&str> = lines.next().ok_or("the manifest is empty")?.collect();
    let mut table = String::from("&[\n");
    for line in lines {
        let row: Vec<(&str, &str)> = columns.iter().copied().zip(line).collect();
        entry(&mut table, &row)?;
    }
    table.push_str("]\n");
    Ok(table)
}

/// One line of the manifest as one `Asset`.
fn entry(table: &mut String, row: &[(&str, &str)]) -> Result<(), Box<dyn Error>> {
    let name = value(row, "name")?;
    check_digest(name, value(row, "sha256")?)?;
    writeln!(table, "Asset {{")?;
    for key in [
        "name",
        "about",
        "package",
        "version",
        "path",
        "sha256",
        "source",
        "source_version",
        "licence",
    ] {
        writeln!(table, "    {key}: {:?},", value(row, key)?)?;
    }
    writeln!(
        table,
        "    verified: {},",
        verified(value(row, "verified")?)?
    )?;
    let path = format!("/{FILES}/{name}");
    writeln!(
        table,
        "    bytes: include_bytes!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {path:?})),\n}},"
    )?;
    Ok(())
}

fn value<'a>(row: &[(&str, &'a str)], key: &str) -> Result<&'a str, String> {
    row.iter()
        .find(|(column, _)| *column == key)
        .map(|(_, value)| *value)
        .ok_or_else(|| format!("a line of {MANIFEST} has no {key}"))
}

fn verified(word: &str) -> Result<&'static str, String> {
    match word {
        "record" => Ok("Verified::Record"),
        "apt" => Ok("Verified::Apt"),
        other => Err(format!("{MANIFEST} says verified by `{other}`")),
    }
}

fn check_digest(name: &str, expected: &str) -> Result<(), Box<dyn Error>> {
    let path = format!("{FILES}/{name}");
    let bytes = fs::read(&path).map_err(|e| format!("cannot read {path}: {e}"))?;
    let mut found = String::new();
    for byte in Sha256::digest(&bytes) {
        write!(found, "{byte:02x}")?;
    }
    if found == expected {
        Ok(())
    } else {
        Err(format!("{path} is not the file the manifest names").into())
    }
}
