//! What kernels and programs are built for is told by their first bytes, and known anew when another
//! file stands in their place.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bootjack::firmware::image::Image;
use bootjack::service::load::Loader;
use bootjack::wire::Platform;
use tempfile::TempDir;

use super::{load, places, program};

fn write(dir: &Path, file: &str, content: &[u8]) {
    let path = dir.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

#[test]
fn kernels_and_programs_are_known_by_their_machine() {
    let dir = TempDir::new().unwrap();
    for (file, content) in [
        ("images/pc/linux", program(0x8664)),
        ("images/pc/initrd.gz", program(0x8664)),
        ("images/arm/linux", program(0xaa64)),
        ("images/arm/initrd.gz", vec![0x1f, 0x8b]),
        ("images/packed/linux", vec![0x1f, 0x8b, 8]),
        ("images/short/linux", b"MZ".to_vec()),
        ("images/tools/shell.efi", program(0x014c)),
    ] {
        write(dir.path(), file, &content);
    }
    let profile = "menu:
  installed: true
  entries:
    - { id: packed, linux: { kernel: packed/linux, initrd: pc/initrd.gz } }
    - { id: short, linux: { kernel: short/linux } }
    - { id: gone, linux: { kernel: gone/linux } }
    - { id: shell, loader: tools/shell.efi }
    - { id: memtest, loader: { bios: memtest.bin, efi-x64: memtest.efi } }
    - { id: far, chain: http://10.0.0.9/x.efi }
";
    write(dir.path(), "profiles/a.yaml", profile.as_bytes());
    let snapshot = load(dir.path(), true).snapshot.unwrap();
    let known: Vec<_> = snapshot.built_for.iter().collect();
    let known: Vec<_> = known.iter().map(|(n, i)| (n.as_str(), **i)).collect();
    let told = [
        ("assets/memtest.efi", Image::Efi(0x8664)),
        ("images/arm/linux", Image::Efi(0xaa64)),
        ("images/pc/linux", Image::Efi(0x8664)),
        ("images/tools/shell.efi", Image::Efi(0x014c)),
    ];
    assert_eq!(known, told);
    assert!(snapshot.boots_kernel(Platform::EfiArm64, "images/packed/linux"));
    assert!(!snapshot.boots_kernel(Platform::EfiArm64, "images/pc/linux"));
}

#[test]
fn another_file_in_its_place_is_noticed() {
    let dir = TempDir::new().unwrap();
    write(dir.path(), "images/a/linux", &program(0x8664));
    let profile = b"menu: { entries: [ { id: a, linux: { kernel: a/linux } } ] }\n";
    write(dir.path(), "profiles/a.yaml", profile);
    let mut loader = Loader::new(places(dir.path(), true));
    let first = loader.load();
    assert!(!loader.has_come(), "nothing has changed");
    let path = dir.path().join("images/a/linux");
    fs::write(&path, program(0xaa64)).unwrap();
    let later = SystemTime::now() + Duration::from_secs(5);
    let file = fs::File::options().append(true).open(&path).unwrap();
    file.set_modified(later).unwrap();
    assert!(loader.has_come());
    let second = loader.load();
    assert_ne!(first.digest, second.digest);
    assert!(!loader.has_come());
    let arm = second.snapshot.unwrap();
    assert!(arm.boots_kernel(Platform::EfiArm64, "images/a/linux"));
    fs::remove_file(&path).unwrap();
    assert!(loader.has_come());
}
