//! Local disks that say a word when they are booted, and RAM disks.

use std::fs;
use std::path::Path;

use crate::support::lan::Lan;
use crate::support::qemu::Machine;

/// What a booted disk says.
pub(crate) const WORD: &str = "===from the disk===";

/// A disk of one boot sector, which prints the word by the BIOS and halts.
pub(crate) fn bios(machine: Machine, lan: &Lan) -> Machine {
    /// Where the BIOS loads a boot sector; the text follows the code.
    const TEXT: u16 = 0x7c00 + 25;
    let [low, high] = TEXT.to_le_bytes();
    #[rustfmt::skip]
    let mut sector = vec![
        0x31, 0xc0,       // xor ax, ax
        0x8e, 0xd8,       // mov ds, ax
        0xbe, low, high,  // mov si, TEXT
        0xfc,             // cld
        0xac,             // next: lodsb
        0x84, 0xc0,       // test al, al
        0x74, 0x09,       // jz halt
        0xb4, 0x0e,       // mov ah, 0x0e
        0xbb, 0x07, 0x00, // mov bx, 7
        0xcd, 0x10,       // int 0x10
        0xeb, 0xf2,       // jmp next
        0xf4,             // halt: hlt
        0xeb, 0xfd,       // jmp halt
    ];
    sector.extend_from_slice(WORD.as_bytes());
    sector.resize(510, 0);
    sector.extend_from_slice(&[0x55, 0xaa]);
    sector.resize(1 << 20, 0);
    let file = lan.folder().join("bios.disk");
    fs::write(&file, sector).expect("the lab's folder");
    let file = format!("snapshot=on,file={}", file.display());
    attached(machine, &file, "ide-hd")
}

/// A disk with a FAT file system whose loader is GRUB, which prints the word.
pub(crate) fn uefi(machine: Machine, lan: &Lan) -> Machine {
    efi(machine, lan, "x64")
}

/// The same for an architecture by its name in loaders' names.
pub(crate) fn efi(machine: Machine, lan: &Lan, arch: &str) -> Machine {
    let root = lan.folder().join("efi.disk");
    let grub = format!("grub{arch}.efi");
    let grub = bootjack::assets::get(&grub).expect("the asset");
    let arch = arch.to_ascii_uppercase();
    put(&root.join(format!("EFI/BOOT/BOOT{arch}.EFI")), grub.bytes);
    let config = format!("echo {WORD}\nsleep 600\n");
    put(&root.join("grub/grub.cfg"), config.as_bytes());
    let file = format!("readonly=on,file=fat:{}", root.display());
    attached(machine, &file, "virtio-blk-pci")
}

/// The boot device after the network card.
fn attached(machine: Machine, file: &str, kind: &str) -> Machine {
    let drive = format!("if=none,id=d0,format=raw,{file}");
    machine
        .flag("-drive")
        .flag(&drive)
        .flag("-device")
        .flag(&format!("{kind},drive=d0,bootindex=2"))
}

/// A RAM disk of one executable file, in cpio's "newc" form.
pub(crate) fn ram_disk(name: &str, content: &str) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, content, mode) in [(name, content, 0o100_755), ("TRAILER!!!", "", 0)] {
        let fields = [
            1,
            mode,
            0,
            0,
            1,
            0,
            content.len(),
            0,
            0,
            0,
            0,
            name.len() + 1,
            0,
        ];
        archive.extend_from_slice(b"070701");
        for field in fields {
            archive.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        archive.extend_from_slice(format!("{name}\0").as_bytes());
        archive.resize(archive.len().next_multiple_of(4), 0);
        archive.extend_from_slice(content.as_bytes());
        archive.resize(archive.len().next_multiple_of(4), 0);
    }
    archive
}

/// Writes a file, and the folders above it.
pub(crate) fn put(file: &Path, bytes: &[u8]) {
    fs::create_dir_all(file.parent().expect("a folder")).expect("the lab's folder");
    fs::write(file, bytes).expect("the lab's folder");
}
