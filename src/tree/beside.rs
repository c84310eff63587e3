//! Names that loaders guess: files that go before what [`resolve`](super::resolve) says, and names
//! that nobody needs.
//!
//! shim looks for its second stage where the DHCP server's file is, or in half a folder's name
//! (quirk 37); GRUB takes one byte of a name for its folder (quirk 38); both forget the folder
//! that they came from. So where a machine's loader came from below the images, what it guesses is
//! looked for beside that loader first: `grubx64.efi`, `/grubx64.efi`, `i/grubx64.efi` and
//! `grub/grub.cfg` of a machine that loaded `images/ubuntu/shimx64.efi` mean
//! `images/ubuntu/grubx64.efi` and `images/ubuntu/grub/grub.cfg`, where they are there. Whether
//! they are is not asked here: these are candidates, in their order, for `service` to open.
//!
//! Absent on purpose: what a name of ours means that firmware is told (`snponly.efi`) is never
//! looked for beside a loader, for a machine that starts again asks for it by the same address.

use super::names::{MenuKind, Name, name};
use super::resolve::is_ours;
use super::{CleanPath, FilePath, Requester, Root};
use crate::profile::Snapshot;

/// Of a name that is longer, only so many parts at its end are looked for.
const PARTS: usize = 4;

/// Files that `path` means, where they are there, in this order; else it is what
/// [`resolve`](super::resolve) says.
pub fn files_first(snapshot: &Snapshot, requester: &Requester, path: &CleanPath) -> Vec<FilePath> {
    let asked = guessed(snapshot, path);
    let below = |name: &str| CleanPath::new(name.strip_prefix("images/")?.as_bytes()).ok();
    let named: Vec<CleanPath> = asked.iter().filter_map(|name| below(name)).collect();
    let files = match &requester.loader {
        Some(loader) if named.is_empty() => beside(loader, &asked),
        _ => named,
    };
    files.into_iter().map(image).collect()
}

/// These names in the loader's folder, then where a distribution's own tree that holds the loader
/// has the first of them: `linux` of `debian-installer/amd64/linux`.
fn beside(loader: &CleanPath, asked: &[&str]) -> Vec<CleanPath> {
    let siblings = asked.iter().filter_map(|name| loader.sibling(name));
    let first = asked.first().and_then(|name| in_its_tree(loader, name));
    siblings.chain(first).collect()
}

/// A name whose first parts are the last ones of the loader's folder, below what that tree lies in.
fn in_its_tree(loader: &CleanPath, name: &str) -> Option<CleanPath> {
    let (folder, _) = loader.as_str().rsplit_once('/')?;
    let starts = name
        .match_indices('/')
        .take(PARTS)
        .filter_map(|(at, _)| name.get(..at));
    let above = starts.filter_map(|start| folder.strip_suffix(start));
    let root = above
        .filter(|root| root.is_empty() || root.ends_with('/'))
        .last()?;
    CleanPath::new(format!("{root}{name}").as_bytes()).ok()
}

/// What a loader may mean that asks for this name; nothing where it is no guess. Only of what
/// loaders ask for by themselves the folder may be wrong: else it is somebody's own name.
fn guessed<'p>(snapshot: &Snapshot, path: &'p CleanPath) -> Vec<&'p str> {
    let whole = path.as_str();
    match name(path) {
        Name::Menu(MenuKind::Grub(_), _) if whole.starts_with("images/") => menus(whole).collect(),
        Name::Menu(MenuKind::Grub(_), _) => menus(whole).flat_map(tails).collect(),
        Name::Asset(_) if path.split_first().0 == "assets" => Vec::new(),
        Name::Asset(name) if is_second_stage(&name) || is_guess(path) => tails(whole).collect(),
        Name::Asset(name) if !is_ours(snapshot, &name) => vec![whole],
        _ => Vec::new(),
    }
}

/// `grub/grub.cfg-01-…` is followed by `grub/grub.cfg`, which GRUB would ask for next: in the
/// folder of its loader both go before a menu of ours.
fn menus(path: &str) -> impl Iterator<Item = &str> {
    let file = path.rfind('/').map_or(0, |slash| slash + 1);
    let key = path.get(file..).and_then(|name| name.find('-'));
    let plain = key.and_then(|dash| path.get(..file + dash));
    std::iter::once(path).chain(plain)
}

/// `a/b/c`, `b/c`, `c`
fn tails(name: &str) -> impl Iterator<Item = &str> {
    let cuts = name.match_indices('/').map(|(at, _)| at + 1);
    let starts: Vec<usize> = std::iter::once(0).chain(cuts).collect();
    let surplus = starts.len().saturating_sub(PARTS);
    starts
        .into_iter()
        .skip(surplus)
        .filter_map(|at| name.get(at..))
}

const fn image(path: CleanPath) -> FilePath {
    FilePath {
        root: Root::Images,
        path,
    }
}

/// What shim starts, whatever the processor: GRUB, the manager of keys, the fallback. It is
/// nothing that firmware is told.
fn is_second_stage(name: &str) -> bool {
    let file = file_of(name);
    is_one_of(&file, &["grub", "mm", "fb"])
}

/// Whether a loader asks for this name and goes on without it: shim's revocations and further
/// certificates, GRUB's lists of modules, and modules, which Secure Boot forbids it to load.
pub fn is_guess(path: &CleanPath) -> bool {
    let file = file_of(path.as_str());
    let of_grub = [".lst", ".mod"].iter().any(|end| file.ends_with(end));
    let mut folders = path.as_str().rsplit('/').skip(1);
    let platform = |name: &str| name.ends_with("-efi") || name == "i386-pc";
    is_one_of(&file, &["revocations", "shim_certificate", "fb"])
        || of_grub && folders.next().is_some_and(platform)
}

/// A UEFI program whose name begins so.
fn is_one_of(file: &str, starts: &[&str]) -> bool {
    let stem = file.strip_suffix(".efi");
    stem.is_some_and(|stem| starts.iter().any(|start| stem.starts_with(start)))
}

fn file_of(name: &str) -> String {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Door;

    /// What a machine means whose loader was this one below the images.
    fn candidates(loader: Option<&str>, asked: &str) -> Vec<String> {
        let snapshot = Snapshot {
            overrides: ["tools/own.efi".to_owned()].into(),
            ..Snapshot::default()
        };
        let path = |text: &str| CleanPath::new(text.as_bytes()).unwrap();
        let requester = Requester {
            peer: [10, 0, 0, 9].into(),
            server: [10, 0, 0, 2].into(),
            door: Door::Tftp,
            client: None,
            tftp_only: false,
            loader: loader.map(path),
        };
        let files = files_first(&snapshot, &requester, &path(asked));
        assert!(files.iter().all(|file| file.root == Root::Images));
        files.iter().map(|file| file.path.to_string()).collect()
    }

    #[test]
    fn what_a_loader_guesses_is_looked_for_beside_it() {
        let shim = Some("ubuntu/shimx64.efi");
        for (asked, files) in [
            ("grubx64.efi", &["ubuntu/grubx64.efi"][..]),
            ("//grubx64.efi", &["ubuntu/grubx64.efi"]),
            (
                "i/grubx64.efi",
                &["ubuntu/i/grubx64.efi", "ubuntu/grubx64.efi"],
            ),
            ("mmx64.efi", &["ubuntu/mmx64.efi"]),
            ("revocations.efi", &["ubuntu/revocations.efi"]),
            ("casper/vmlinuz", &["ubuntu/casper/vmlinuz"]),
            (
                "/grub/x86_64-efi/fs.lst",
                &[
                    "ubuntu/grub/x86_64-efi/fs.lst",
                    "ubuntu/x86_64-efi/fs.lst",
                    "ubuntu/fs.lst",
                ],
            ),
            (
                "grub/grub.cfg",
                &["ubuntu/grub/grub.cfg", "ubuntu/grub.cfg"],
            ),
            (
                "i//grub.cfg-01-52-54-00-12-34-56",
                &[
                    "ubuntu/i/grub.cfg-01-52-54-00-12-34-56",
                    "ubuntu/grub.cfg-01-52-54-00-12-34-56",
                    "ubuntu/i/grub.cfg",
                    "ubuntu/grub.cfg",
                ],
            ),
            // The end of a long one
            (
                "a/b/c/d/grub.cfg",
                &[
                    "ubuntu/b/c/d/grub.cfg",
                    "ubuntu/c/d/grub.cfg",
                    "ubuntu/d/grub.cfg",
                    "ubuntu/grub.cfg",
                ],
            ),
            // What firmware and other loaders are told, and whole names
            ("shimx64.efi", &[]),
            ("snponly.efi", &[]),
            ("tools/own.efi", &[]),
            ("assets/grubx64.efi", &[]),
            ("images/other/grubx64.efi", &[]),
            ("pxelinux.cfg/default", &[]),
            ("boot/52-54-00-12-34-56.ipxe", &[]),
        ] {
            assert_eq!(candidates(shim, asked), files, "{asked}");
        }
        assert_eq!(candidates(Some("shim.efi"), "grubx64.efi"), ["grubx64.efi"]);
        assert!(candidates(None, "grubx64.efi").is_empty());
    }

    /// A netboot folder as its distribution packs it, unpacked somewhere below the images.
    #[test]
    fn whole_names_of_a_distributions_own_tree_are_found_in_it() {
        let shim = "d12/debian-installer/amd64/bootnetx64.efi";
        let beside = "d12/debian-installer/amd64/";
        for (asked, file) in [
            ("debian-installer/amd64/linux", "linux"),
            ("/amd64/linux", "linux"),
            ("debian-installer/amd64/boot/x", "boot/x"),
        ] {
            let last = candidates(Some(shim), asked).pop();
            assert_eq!(last, Some(format!("{beside}{file}")), "{asked}");
        }
        let root = candidates(Some("amd64/bootnetx64.efi"), "amd64/linux");
        assert_eq!(root, ["amd64/amd64/linux", "amd64/linux"]);
        for other in ["md64/linux", "debian-installer/arm64/linux", "linux"] {
            assert_eq!(candidates(Some(shim), other), [format!("{beside}{other}")]);
        }
    }

    /// A GRUB that knows its folder: there are its menus, else it gets ours.
    #[test]
    fn a_menu_below_the_images_goes_before_ours() {
        for loader in [None, Some("ubuntu/grubx64.efi")] {
            let asked = "/images/ubuntu/grub.cfg-01-52-54-00-12-34-56";
            let files = ["ubuntu/grub.cfg-01-52-54-00-12-34-56", "ubuntu/grub.cfg"];
            assert_eq!(candidates(loader, asked), files);
        }
    }

    #[test]
    fn what_loaders_go_on_without() {
        let is = |text: &str| is_guess(&CleanPath::new(text.as_bytes()).unwrap());
        for guess in [
            "revocations.efi",
            "revocations_sku.efi",
            "images/ubuntu/revocations_sbat.efi",
            "//shim_certificate_0.efi",
            "EFI/BOOT/fbx64.efi",
            "/grub/x86_64-efi/command.lst",
            "grub/arm64-efi/http.mod",
            "images/d/grub/i386-efi/terminal.lst",
        ] {
            assert!(is(guess), "{guess}");
        }
        for needed in [
            "grubx64.efi",
            "mmx64.efi",
            "grub/grub.cfg",
            "command.lst",
            "images/http.mod",
            "images/x86_64-efi/linux",
        ] {
            assert!(!is(needed), "{needed}");
        }
    }
}
