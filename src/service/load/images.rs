//! What lies below the image folder in the simple layout, and below the asset folder.
//!
//! A folder `<name>` with `linux` or `vmlinuz` and `initrd.gz`, `initrd.img` or `initrd` in it is a
//! distribution that a menu with `installed: true` shows. Nothing is opened:
//! the doors open a file when it is asked for, and never one outside the folder.

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

use super::about;
use crate::error::why;
use crate::profile::Installed;
use crate::wire::CleanPath;
use crate::yaml::{Finding, Severity, is_id};

/// More than this in one menu could not be shown.
const MAX_INSTALLED: usize = 200;
/// How many names a folder is read for.
const MAX_NAMES: usize = 10_000;
/// How deep asset overrides may lie (`grub/x86_64-efi/x.mod`).
const MAX_DEPTH: usize = 4;

const KERNELS: [&str; 2] = ["linux", "vmlinuz"];
const INITRDS: [&str; 3] = ["initrd.gz", "initrd.img", "initrd"];

/// The distributions below the image folder, sorted by name; none where there is no folder.
pub fn installed(images: &Path, findings: &mut Vec<Finding>) -> Vec<Installed> {
    let Ok(root) = images.canonicalize() else {
        findings.extend(unreadable(images, "image folder"));
        return Vec::new();
    };
    findings.extend(unreadable(&root, "image folder"));
    let mut found = Vec::new();
    for name in names(&root) {
        let Some(distribution) = distribution(&root, &name) else {
            continue;
        };
        let folder = images.join(&name).display().to_string();
        if !is_id(&name) {
            let message = "a kernel is here, but the folder's name is no id for a menu".to_owned();
            let hint = "rename it: letters, digits, -, _ and .";
            findings.push(about(&folder, Severity::Warning, message, hint));
        } else if found.len() == MAX_INSTALLED {
            let message = format!("more than {MAX_INSTALLED} distributions; this one is not shown");
            let hint = "list the ones you want in a profile's entries";
            findings.push(about(&folder, Severity::Warning, message, hint));
            break;
        } else {
            found.push(distribution);
        }
    }
    found
}

fn distribution(root: &Path, name: &str) -> Option<Installed> {
    let folder = root.join(name);
    // A link that leads out of the image folder would be refused by the doors.
    let inside = |file: &&str| {
        let real = folder.join(file).canonicalize();
        real.is_ok_and(|real| real.starts_with(root) && real.is_file())
    };
    let first = |names: &[&str]| {
        names
            .iter()
            .find(|file| inside(file))
            .map(|f| (*f).to_owned())
    };
    Some(Installed {
        name: name.to_owned(),
        kernel: first(&KERNELS)?,
        // A kernel alone is a copy that has not come to its end.
        initrd: first(&INITRDS)?,
    })
}

/// The names below the asset folder that stand in for embedded assets.
pub fn overrides(assets: &Path, findings: &mut Vec<Finding>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if !assets.is_dir() {
        let shown = assets.display().to_string();
        let message = "the asset folder cannot be read".to_owned();
        let hint = "create it, or leave --assets out";
        findings.push(about(&shown, Severity::Error, message, hint));
    }
    findings.extend(unreadable(assets, "asset folder"));
    collect(assets, "", MAX_DEPTH, &mut found);
    found
}

fn collect(folder: &Path, below: &str, depth: usize, found: &mut BTreeSet<String>) {
    for name in names(folder) {
        let (path, real) = (format!("{below}{name}"), folder.join(&name));
        let clean = CleanPath::new(path.as_bytes()).is_ok_and(|c| c.as_str() == path);
        if !clean || found.len() >= MAX_NAMES {
            continue;
        }
        if real.is_file() {
            found.insert(path);
        } else if depth > 0 && real.is_dir() {
            collect(&real, &format!("{path}/"), depth - 1, found);
        }
    }
}

/// A folder that is there and cannot be read. One that is missing is no finding: it may come later.
fn unreadable(folder: &Path, what: &str) -> Option<Finding> {
    let error = fs::read_dir(folder).err()?;
    if error.kind() == io::ErrorKind::NotFound {
        return None;
    }
    let message = format!("the {what} cannot be read: {}", why(&error));
    let hint = "let the user that bootjack runs as read it and every folder above it";
    let file = folder.display().to_string();
    Some(about(&file, Severity::Warning, message, hint))
}

/// The names in a folder that are not hidden, sorted; none where it cannot be read.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> = entries
        .take(MAX_NAMES)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort_unstable();
    names
}
