//! The profile folder → texts, in the order of their names.
//!
//! A profile is a file `*.yaml` or `*.yml` directly in the folder, or a link to one. Hidden files
//! and what editors leave behind while they save are passed over, and so are sub-folders: they are a
//! place to keep profiles that are out of use. A Kubernetes ConfigMap works as it is mounted: its
//! `..data` is hidden, and its files are links through it.

use std::path::Path;
use std::{fs, io};

use super::about;
use crate::config::{self, text::Unreadable};
use crate::error::{is_loop, why};
use crate::profile::Source;
use crate::service::privilege;
use crate::yaml::{Finding, MAX_FILE, Severity, counted};

/// More files than this are no profile folder.
const MAX_FILES: usize = 50_000;
/// All profiles together, in bytes.
const MAX_TOTAL: usize = 256 << 20;

/// What to do with what is no profile.
const NO_PROFILE: &str = "remove it, or let its name end in something else than .yaml";

/// The texts; `None` where the folder cannot be read.
pub fn read(folder: &Path, findings: &mut Vec<Finding>) -> Option<Vec<Source>> {
    let shown = folder.display().to_string();
    let names = match names(folder) {
        Ok(names) => names,
        Err(error) => {
            let message = format!("cannot be read: {}", why(&error));
            findings.push(about(
                &shown,
                Severity::Error,
                message,
                &folder_remedy(&error),
            ));
            return None;
        }
    };
    if names.len() > MAX_FILES {
        let message = format!(
            "{}; at most {MAX_FILES} are read",
            counted(names.len(), "profile")
        );
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
        match text(&path, MAX_FILE.min(left)) {
            Ok(Some(text)) => {
                left = left.saturating_sub(text.len());
                sources.push(Source {
                    file: shown.into(),
                    text,
                });
            }
            Ok(None) => {}
            Err(error) => {
                findings.push(error.finding(&shown, Severity::Error, &remedy(&error)));
            }
        }
    }
    sources
}

/// The text of a file of at most so many bytes; `None` where it is gone since the folder was listed.
pub(super) fn text(path: &Path, most: usize) -> Result<Option<String>, Unreadable> {
    match config::text::read(path, most) {
        Err(why) if why.is_absent() && fs::symlink_metadata(path).is_err() => Ok(None),
        read => read.map(Some),
    }
}

fn folder_remedy(error: &io::Error) -> String {
    match error.kind() {
        _ if is_loop(error) => "mend the links, or name another with --profiles".to_owned(),
        io::ErrorKind::NotFound => "create it, or name another with --profiles".to_owned(),
        io::ErrorKind::NotADirectory => "name a folder with --profiles".to_owned(),
        _ => readable("755"),
    }
}

fn remedy(error: &Unreadable) -> String {
    match error {
        Unreadable::System(e) if is_loop(e) => {
            "it is a link that leads back to itself: mend or remove it".to_owned()
        }
        Unreadable::System(e) => match e.kind() {
            io::ErrorKind::NotFound => {
                "it is a link that leads nowhere: mend or remove it".to_owned()
            }
            io::ErrorKind::IsADirectory => NO_PROFILE.to_owned(),
            _ => readable("644"),
        },
        Unreadable::TooLarge(_) => "split it: 16 MiB a file, 256 MiB in all".to_owned(),
        Unreadable::NoFile | Unreadable::NoText(_) => NO_PROFILE.to_owned(),
    }
}

/// How the user that we are may be let in.
pub(super) fn readable(mode: &str) -> String {
    let user = privilege::me();
    format!(
        "bootjack reads it as user {user}: chmod {mode}, or give it to that user's group; and the folders above it have to let {user} through"
    )
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
