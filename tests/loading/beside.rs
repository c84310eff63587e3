//! What is found in the folders beside the profiles': distributions, and assets of the operator's.

use std::fs;
use std::os::unix::fs::symlink;

use bootjack::profile::Installed;
use tempfile::TempDir;

use super::{load, told};

#[test]
fn distributions_are_found_below_the_image_folder() {
    let dir = TempDir::new().unwrap();
    let file = |path: &str| {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    };
    for path in [
        "images/debian-12/linux",
        "images/debian-12/initrd.gz",
        "images/fedora/vmlinuz",
        "images/fedora/initrd.img",
        "images/bare/vmlinuz",
        "images/no-kernel/initrd.gz",
        "images/my files/linux",
        "images/my files/initrd.gz",
        "outside/initrd.gz",
        "images/.hidden/linux",
        "images/linux",
        "outside/linux",
    ] {
        file(path);
    }
    symlink("../outside", dir.path().join("images/escape")).unwrap();
    symlink("debian-12", dir.path().join("images/stable")).unwrap();
    let loaded = load(dir.path(), false);
    assert_eq!(
        told(dir.path(), &loaded),
        [
            "images/my files: warning: a kernel is here, but the folder's name is no id for a menu\n    rename it: letters, digits, -, _ and ."
        ]
    );
    let found = |name: &str, kernel: &str, initrd: &str| Installed {
        name: name.into(),
        kernel: kernel.into(),
        initrd: initrd.into(),
    };
    assert_eq!(
        loaded.snapshot.unwrap().installed,
        [
            found("debian-12", "linux", "initrd.gz"),
            found("fedora", "vmlinuz", "initrd.img"),
            found("stable", "linux", "initrd.gz"),
        ]
    );
}

#[test]
fn assets_of_the_operator_are_known_by_their_names() {
    let dir = TempDir::new().unwrap();
    for path in [
        "assets/snponly.efi",
        "assets/grub/x86_64-efi/tftp.mod",
        "assets/.git/x",
    ] {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    let snapshot = load(dir.path(), false).snapshot.unwrap();
    let names: Vec<&str> = snapshot.overrides.iter().map(String::as_str).collect();
    assert_eq!(names, ["grub/x86_64-efi/tftp.mod", "snponly.efi"]);
}
