//! What machine the kernels and programs that menus start are built for, by the first bytes of each.
//!
//! A menu leaves out what its machine could not start; where nothing is known of a file (it is not
//! there, cannot be read, is compressed) it stays. The look is bounded: so many files, so many bytes
//! of each. Absent on purpose: a finding. That an entry is for some of a profile's machines is what
//! its author may want.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::SystemTime;

use super::Places;
use crate::firmware::image::{HEAD, Image};
use crate::profile::{Installed, Snapshot};
use crate::service::files::{self, Body, Data};
use crate::service::shared::Folders;
use crate::tree::{self, CleanPath, Found, Root};

/// More files are not looked into.
const MAX_FILES: usize = 2000;

/// What was found.
#[derive(Debug, Default)]
pub struct Built {
    /// Names in the tree of EFI programs, and of kernels that are one.
    pub images: BTreeMap<String, Image>,
    /// The files on a disk that were looked into, as they were then.
    seen: Vec<(PathBuf, State)>,
}

/// What differs when a file has been replaced.
type State = Option<(u64, Option<SystemTime>)>;

impl Built {
    /// Whether a file is another one now. It blocks on the disk.
    pub fn is_stale(&self) -> bool {
        self.seen.iter().any(|(path, then)| state(path) != *then)
    }
}

/// The kernel of a distribution in the simple layout, as a name in the tree.
pub fn kernel_of(found: &Installed) -> String {
    format!("images/{}/{}", found.name, found.kernel)
}

/// Looks into all of them, under what `tree` says of overrides. It blocks on the disk.
pub fn look(places: &Places, tree: &Snapshot, names: &BTreeSet<String>) -> Built {
    let folders = Folders {
        images: places.images.clone(),
        assets: places.assets.clone(),
    };
    let mut built = Built::default();
    for name in names.iter().take(MAX_FILES) {
        let Some(found) = found(tree, name) else {
            continue;
        };
        if let Some(path) = on_disk(&folders, &found) {
            let now = state(&path);
            built.seen.push((path, now));
        }
        let image = files::open_now(&folders, &found)
            .ok()
            .and_then(|(body, _)| image(&body));
        built
            .images
            .extend(image.map(|image| (name.clone(), image)));
    }
    built
}

fn found(tree: &Snapshot, name: &str) -> Option<Found> {
    let path = CleanPath::new(name.as_bytes()).ok()?;
    tree::for_everyone(tree, &path)?.ok()
}

fn on_disk(folders: &Folders, found: &Found) -> Option<PathBuf> {
    let Found::File(file) = found else {
        return None;
    };
    let folder = match file.root {
        Root::Images => Some(&folders.images),
        Root::Assets => folders.assets.as_ref(),
    };
    folder.map(|folder| folder.join(file.path.as_str()))
}

fn state(path: &PathBuf) -> State {
    let meta = fs::metadata(path).ok()?;
    Some((meta.len(), meta.modified().ok()))
}

/// `None` for all that does not say what it is built for.
fn image(body: &Body) -> Option<Image> {
    let mut head = [0; HEAD];
    let head = match &body.data {
        Data::Memory(bytes) => bytes.get(..HEAD).unwrap_or(bytes),
        Data::File(file) => {
            let read = file.read_at(&mut head, 0).ok()?;
            head.get(..read)?
        }
    };
    let image = Image::read(head);
    matches!(image, Image::Efi(_)).then_some(image)
}
