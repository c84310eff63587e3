//! The profile folder → texts, in the order of their names.
//!
//! A profile is a file `*.yaml` or `*.yml` directly in the folder, or a link to one. Hidden files
//! and what editors leave behind while they save are passed over, and so are sub-folders: they are a
//! place to keep profiles that are out of use. A Kubernetes ConfigMap works as it is mounted: its
//! `..data` is hidden, and its files are links through it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use super::about;
use crate::profile::Source;
use crate::yaml::{Finding, MAX_FILE, Severity};

/// More files than this are no profile folder.
const MAX_FILES: usize = 50_000;
/// All profiles together, in bytes.
const MAX_TOTAL: usize = 256 << 20;

/// The texts; `None` where the folder cannot be read.
pub fn read(folder: &Path, findings: &mut Vec<Finding>) -> Option<Vec<Source>> {
    let shown = folder.display().to_string();
    let names = match names(folder) {
        Ok(names) => names,
        Err(error) => {
            let remedy = match error.kind() {
                io::ErrorKind::NotFound => "create it, or name another with --profiles",
                _ => remedy(&error),
            };
            findings.push(about(&shown, Severity::Error, unreadable(&error), remedy));
            return None;
        }
    };
    if names.len() > MAX_FILES {
        let message = format!("{} profiles; at most {MAX_FILES} are read", names.len());
        let hint = "list several machines in one profile's match";
        findings.push(about(&shown, Severity::Error, message, hint));
        return Some(Vec::new());
    }
    if names.is_empty() {
        let message = "the profile folder is empty: no machine gets an answer".to_owned();
        let hint = "put a profile there (its name ends in .yaml)";
        findings.push(about(&shown, Severity::Warning, message, hint));
    }
    Some(texts(folder, &names, findings))
}

/// The names of the profiles in a folder, sorted.
pub fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if is_profile(&name) && names.len() <= MAX_FILES {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Whether a file of this name is a profile. Vim's test file `4913`, its `.swp`, `x.yaml~` and
/// Emacs' `#x.yaml#` and `.#x.yaml` are not.
pub fn is_profile(name: &str) -> bool {
    let ending = Path::new(name).extension().and_then(|e| e.to_str());
    let yaml =
        ending.is_some_and(|e| e.eq_ignore_ascii_case("yaml") || e.eq_ignore_ascii_case("yml"));
    yaml && !name.starts_with(['.', '#'])
}

fn texts(folder: &Path, names: &[String], findings: &mut Vec<Finding>) -> Vec<Source> {
    let mut sources = Vec::with_capacity(names.len());
    let mut left = MAX_TOTAL;
    for name in names {
        let path = folder.join(name);
        let shown = path.display().to_string();
        match text(&path, left) {
            Ok(Some(text)) => {
                left = left.saturating_sub(text.len());
                sources.push(Source {
                    file: shown.into(),
                    text,
                });
            }
            Ok(None) => {}
            Err(error) => {
                findings.push(about(
                    &shown,
                    Severity::Error,
                    unreadable(&error),
                    remedy(&error),
                ));
            }
        }
    }
    sources
}

/// The text of a file; `None` where it is gone since the folder was listed.
pub(super) fn text(path: &Path, left: usize) -> io::Result<Option<String>> {
    let meta = match fs::metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(path).is_err() => {
            return Ok(None);
        }
        other => other?,
    };
    if !meta.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let limit = MAX_FILE.min(left);
    let mut bytes = Vec::with_capacity(limit.min(meta.len() as usize + 1));
    File::open(path)?
        .take(limit as u64 + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let text = str::from_utf8(bytes).map_err(not_text)?;
    Ok(Some(text.to_owned()))
}

fn not_text(error: std::str::Utf8Error) -> io::Error {
    let place = error.valid_up_to();
    let message = format!("it is not UTF-8 text (byte {place} is the first that is not)");
    io::Error::new(io::ErrorKind::InvalidData, message)
}

pub(super) fn unreadable(error: &io::Error) -> String {
    format!("cannot be read: {error}")
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "it is a link that leads nowhere: mend or remove it",
        io::ErrorKind::PermissionDenied => "let the user that bootjack runs as read it",
        io::ErrorKind::FileTooLarge => "split it: 16 MiB a file, 256 MiB in all",
        io::ErrorKind::InvalidData => "save it as UTF-8",
        io::ErrorKind::NotADirectory => "name a folder with --profiles",
        _ => "remove it, or let its name end in something else than .yaml",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_profiles_are_read() {
        for (name, profile) in [
            ("a.yaml", true),
            ("B.YML", true),
            ("a.yaml~", false),
            (".a.yaml", false),
            (".a.yaml.swp", false),
            (".#a.yaml", false),
            ("#a.yaml#", false),
            ("#a.yaml", false),
            ("4913", false),
            ("..data", false),
            ("a.yaml.off", false),
            ("README", false),
        ] {
            assert_eq!(is_profile(name), profile, "{name}");
        }
    }
}
