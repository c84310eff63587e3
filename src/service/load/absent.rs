//! Which of the files that profiles and quirk rows name are not there: looked for by the names, in the
//! folders and with the eyes of the doors that serve them.
//!
//! All of it is warnings, since a file may be copied later. The look is bounded: of each name once, of
//! so many names, and it ends after so many that are not there. In an image folder that is empty (a disk that
//! is not mounted) the first one stands for all that are looked for there. Without an image folder nothing is
//! looked for in it, nor in one that cannot be read: that is one warning of its own.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::mem::replace;
use std::path::{Path, PathBuf};

use super::{Places, images};
use crate::assets;
use crate::error::why;
use crate::profile::Snapshot;
use crate::service::files;
use crate::service::shared::Folders;
use crate::tree::{self, CleanPath, FilePath, Found, Missing, Root};
use crate::yaml::{At, Finding, Severity, counted, report::line_of, similar};

/// More names are not looked for.
const MAX_NAMES: usize = 2000;
/// After so many that are not there it is not looked for others.
const MAX_ABSENT: usize = 100;

/// In a folder with more names than this none of them is said to be meant.
const MAX_COMPARED: usize = 1000;

/// A file that is named.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// Where: the file, as the operator would name it.
    pub file: &'a str,
    /// Its text.
    pub source: &'a str,
    /// The place in it.
    pub at: At,
    /// The key that names it.
    pub key: &'static str,
    /// The name as it is written.
    pub written: &'a str,
    /// The name in the tree that is asked for.
    pub name: String,
}

impl Wanted<'_> {
    /// Whether an asset could have been meant where a file was looked for.
    fn may_be_asset(&self) -> bool {
        self.name != self.written && !self.written.contains('/')
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Absent {
    /// What is not there, by the place that named it first.
    pub findings: Vec<Finding>,
    /// Where nothing is that could be one of them: they may come there.
    pub paths: Vec<PathBuf>,
}

/// Looks for all of them, under what `tree` says of overrides. It blocks on the disk.
pub fn look<'a>(
    places: &Places,
    tree: &Snapshot,
    wanted: impl Iterator<Item = Wanted<'a>>,
) -> Absent {
    let looked = Look {
        folders: Folders::from(places),
        images: Images::of(&places.images),
        tree,
    };
    let names = once(wanted);
    let mut absent = Absent::default();
    // Those that the first one stands for, in an empty image folder.
    let (mut stands, mut same) = (false, Vec::new());
    for (number, (wanted, more)) in names.iter().enumerate() {
        if number == MAX_NAMES || absent.findings.len() == MAX_ABSENT {
            let left = names.len() - number;
            let why = "mend those above first";
            absent.findings.push(left_out(wanted, left, why));
            break;
        }
        let Some(gap) = looked.gap(wanted) else {
            continue;
        };
        if looked.images == Images::Empty && gap.is_image() && replace(&mut stands, true) {
            same.push(wanted);
            continue;
        }
        let said = looked.said(wanted, &gap);
        absent.findings.push(finding(wanted, *more, said));
        absent
            .paths
            .extend(gap.path().filter(|path| !path.exists()));
    }
    if let Some(first) = same.first() {
        let why = "the image folder is empty";
        absent.findings.push(left_out(first, same.len(), why));
    }
    absent
}

/// Each name, with the place that has it first and how many more there are.
fn once<'a>(wanted: impl Iterator<Item = Wanted<'a>>) -> Vec<(Wanted<'a>, usize)> {
    let mut names: Vec<(Wanted<'_>, usize)> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for wanted in wanted {
        if let Some((_, more)) = known.get(&wanted.name).and_then(|n| names.get_mut(*n)) {
            *more += 1;
        } else {
            known.insert(wanted.name.clone(), names.len());
            names.push((wanted, 0));
        }
    }
    names
}

/// What is said of a file that is not there: what is wrong, and what to do.
type Said = (String, String);

/// Where to look.
struct Look<'t> {
    folders: Folders,
    images: Images,
    tree: &'t Snapshot,
}

/// The image folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Images {
    /// There is none, or it cannot be read: that has been said of the folder.
    Shut,
    /// With nothing in it.
    Empty,
    /// With something in it.
    Filled,
}

impl Images {
    fn of(folder: &Path) -> Self {
        if fs::read_dir(folder).is_err() {
            Self::Shut
        } else if images::names(folder).is_empty() {
            Self::Empty
        } else {
            Self::Filled
        }
    }
}

/// What is not there.
enum Gap {
    /// An asset, which has no folder.
    Asset,
    /// A file: which, where it was looked for, and what came of it.
    File(FilePath, PathBuf, io::Error),
}

impl Gap {
    fn is_image(&self) -> bool {
        matches!(self, Self::File(file, ..) if file.root == Root::Images)
    }

    fn path(self) -> Option<PathBuf> {
        match self {
            Self::Asset => None,
            Self::File(_, looked, _) => Some(looked),
        }
    }
}

impl Look<'_> {
    /// What is not there; `None`: it is there, or nobody can tell.
    fn gap(&self, wanted: &Wanted<'_>) -> Option<Gap> {
        let path = CleanPath::new(wanted.name.as_bytes()).ok()?;
        let found = match tree::for_everyone(self.tree, &path)? {
            Ok(found) => found,
            Err(Missing::Unknown) => return Some(Gap::Asset),
            Err(_) => return None,
        };
        let Found::File(file) = &found else {
            return None;
        };
        if file.root == Root::Images && self.images == Images::Shut {
            return None;
        }
        let error = files::open_now(&self.folders, &found).err()?;
        let looked = self.folder(file.root)?.join(file.path.as_str());
        Some(Gap::File(file.clone(), looked, error))
    }

    fn said(&self, wanted: &Wanted<'_>, gap: &Gap) -> Said {
        match gap {
            Gap::Asset => self.no_asset(wanted),
            Gap::File(file, looked, error) => self.no_file(wanted, file, looked, error),
        }
    }

    fn folder(&self, root: Root) -> Option<&Path> {
        match root {
            Root::Images => Some(&self.folders.images),
            Root::Assets => self.folders.assets.as_deref(),
        }
    }

    fn no_file(
        &self,
        wanted: &Wanted<'_>,
        file: &FilePath,
        looked: &Path,
        error: &io::Error,
    ) -> Said {
        let is_there = fs::symlink_metadata(looked).is_ok();
        let looked = looked.display();
        if error.kind() != io::ErrorKind::NotFound {
            let hint = "let the user that bootjack runs as read it and every folder above it";
            let message = format!("{looked} cannot be read: {}", why(error));
            return (message, hint.to_owned());
        }
        if is_there {
            let hint = "a folder is none, nor is a link that leads nowhere or out of there";
            let message = format!("there is no file {looked} that can be served");
            return (message, hint.to_owned());
        }
        let message = if wanted.may_be_asset() {
            format!("there is no file {looked}, and no asset of that name")
        } else {
            format!("there is no file {looked}")
        };
        let hint = self.remedy(wanted, file);
        let later = || "copy it there before a machine asks for it, or correct the name".to_owned();
        (message, hint.unwrap_or_else(later))
    }

    /// The name that may be meant.
    fn remedy(&self, wanted: &Wanted<'_>, file: &FilePath) -> Option<String> {
        let near = near(self.folder(file.root)?, file.path.as_str());
        let near = near.map(
            |near| match wanted.written.strip_suffix(file.path.as_str()) {
                Some(folder) => format!("{folder}{near}"),
                None => near,
            },
        );
        let asset = || {
            let near = self.near_asset(wanted.written)?;
            wanted.may_be_asset().then(|| near.to_owned())
        };
        let near = near.or_else(asset)?;
        Some(format!("did you mean \"{near}\"?"))
    }

    fn near_asset(&self, name: &str) -> Option<&str> {
        let own = self.tree.overrides.iter().map(String::as_str);
        let all: Vec<&str> = assets::all().iter().map(|a| a.name).chain(own).collect();
        alike(name, &all)
    }

    fn no_asset(&self, wanted: &Wanted<'_>) -> Said {
        let message = match &self.folders.assets {
            Some(folder) => format!(
                "bootjack has no asset of that name, and it is not in {}",
                folder.display()
            ),
            None => "bootjack has no asset of that name".to_owned(),
        };
        let hint = match self.near_asset(wanted.written) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => self.where_to_put(wanted.written),
        };
        (message, hint)
    }

    fn where_to_put(&self, name: &str) -> String {
        let put = match &self.folders.assets {
            Some(_) => "put it there",
            None => "put it into a folder of your own, and name that with --assets",
        };
        format!("{put}; a file below the image folder is images/{name}")
    }
}

/// The name that is written alike. An ending that both have makes no two names alike.
fn alike<'n>(name: &str, known: &[&'n str]) -> Option<&'n str> {
    let (stem, ending) = parts(name);
    let (same, others): (Vec<&'n str>, Vec<&'n str>) =
        known.iter().copied().partition(|n| parts(n).1 == ending);
    let stems: Vec<&str> = same.iter().map(|n| parts(n).0).collect();
    let by_stem = similar::nearest(stem, &stems);
    let same = by_stem.and_then(|near| same.into_iter().find(|n| parts(n).0 == near));
    same.or_else(|| similar::nearest(name, &others))
}

/// A name, and its ending.
fn parts(name: &str) -> (&str, &str) {
    name.rsplit_once('.').unwrap_or((name, ""))
}

/// A path below the folder that is there and differs in one part, which is written alike.
fn near(folder: &Path, path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').collect();
    let missing = (0..parts.len()).find(|n| {
        let upto = parts.get(..=*n).unwrap_or_default();
        fs::symlink_metadata(folder.join(upto.join("/"))).is_err()
    })?;
    let (above, rest) = parts.split_at(missing);
    let (wrong, below) = rest.split_first()?;
    let names = images::names(&folder.join(above.join("/")));
    if names.len() > MAX_COMPARED {
        return None;
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let near = alike(wrong, &names)?;
    let whole = [above, &[near], below].concat().join("/");
    folder.join(&whole).is_file().then_some(whole)
}

fn finding(wanted: &Wanted<'_>, more: usize, (message, hint): Said) -> Finding {
    let more = match more {
        0 => String::new(),
        more => format!(" (named {} more)", counted(more, "time")),
    };
    let (key, written) = (wanted.key, wanted.written.escape_debug());
    Finding {
        severity: Severity::Warning,
        file: wanted.file.into(),
        line: wanted.at.line,
        column: wanted.at.column,
        text: line_of(wanted.source, wanted.at),
        message: format!("{key} \"{written}\"{more}: {message}"),
        hint: Some(hint),
    }
}

/// Where the look ended.
fn left_out(wanted: &Wanted<'_>, number: usize, why: &str) -> Finding {
    let others = match number.saturating_sub(1) {
        0 => "it was".to_owned(),
        others => format!("it and {others} more were"),
    };
    finding(
        wanted,
        0,
        (format!("{others} not looked for"), why.to_owned()),
    )
}
