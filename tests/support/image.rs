//! Images of a CD and of a disk that say a word when they are booted, by UEFI and by BIOS: GRUB with
//! the word in it, and a boot sector of some bytes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the file system for UEFI begins on the disk, in bytes.
const START: usize = 1 << 20;
/// How large it is.
const SIZE: usize = 3 << 20;
const SECTOR: usize = 512;

/// Made in a folder of their own, which has to last until they are copied.
#[derive(Debug)]
pub struct Images {
    folder: PathBuf,
    word: String,
}

impl Images {
    /// Images that say this word.
    pub fn new(folder: &Path, word: &str) -> Self {
        fs::create_dir_all(folder.join("EFI/BOOT")).unwrap();
        let images = Self {
            folder: folder.to_owned(),
            word: word.to_owned(),
        };
        images.grub();
        images
    }

    /// The word as UEFI says it; a BIOS says it with `bios` in the place of `uefi`.
    pub fn said_by_uefi(&self) -> String {
        format!("==={}-by-uefi===", self.word)
    }

    /// The word as a BIOS says it.
    pub fn said_by_bios(&self) -> String {
        format!("==={}-by-bios===", self.word)
    }

    fn grub(&self) {
        let config = self.folder.join("grub.cfg");
        fs::write(
            &config,
            format!("echo {}\nsleep 600\n", self.said_by_uefi()),
        )
        .unwrap();
        let program = self.folder.join("EFI/BOOT/BOOTX64.EFI");
        run(Command::new("grub-mkimage")
            .args(["-O", "x86_64-efi", "-p", "/", "-c"])
            .arg(&config)
            .arg("-o")
            .arg(&program)
            .args(["echo", "sleep", "normal", "minicmd"]));
    }

    /// A disk with one partition of FAT, and a boot sector.
    pub fn disk(&self) -> PathBuf {
        let disk = self.folder.join("disk.img");
        let mut bytes = vec![0; START + SIZE];
        bytes[..SECTOR].copy_from_slice(&self.boot_sector());
        let (first, sectors) = ((START / SECTOR) as u32, (SIZE / SECTOR) as u32);
        let begin: [u8; 8] = [0x80, 0, 2, 0, 0x0c, 0, 2, 0];
        let entry = [&begin[..], &first.to_le_bytes(), &sectors.to_le_bytes()].concat();
        bytes[446..462].copy_from_slice(&entry);
        fs::write(&disk, bytes).unwrap();
        self.fill(&format!("{}@@{START}", disk.display()));
        disk
    }

    /// A CD with both kinds of El Torito.
    pub fn cd(&self) -> PathBuf {
        let (cd, root) = (self.folder.join("cd.iso"), self.folder.join("root"));
        fs::create_dir_all(&root).unwrap();
        let efi = root.join("efi.img");
        fs::write(&efi, vec![0; SIZE]).unwrap();
        self.fill(&efi.display().to_string());
        let sector = [self.boot_sector(), [0; SECTOR], [0; SECTOR], [0; SECTOR]].concat();
        fs::write(root.join("bios.bin"), sector).unwrap();
        run(Command::new("xorriso")
            .args(["-as", "mkisofs", "-quiet", "-o"])
            .arg(&cd)
            .args(["-b", "bios.bin", "-no-emul-boot", "-boot-load-size", "4"])
            .args(["-eltorito-alt-boot", "-e", "efi.img", "-no-emul-boot"])
            .arg(&root));
        cd
    }

    /// Makes a FAT with the program in it.
    fn fill(&self, place: &str) {
        let sectors = (SIZE / SECTOR).to_string();
        run(Command::new("mformat")
            .args(["-i", place, "-T", &sectors, "-h", "2", "-s", "32", "::"]));
        run(Command::new("mcopy")
            .args(["-i", place, "-s"])
            .arg(self.folder.join("EFI"))
            .arg("::"));
    }

    /// Says the word by the BIOS (int 10h, ah = 0Eh), and rests.
    fn boot_sector(&self) -> [u8; SECTOR] {
        const CODE: [u8; 25] = [
            0x31, 0xc0, // xor ax, ax
            0x8e, 0xd8, // mov ds, ax
            0xbe, 0x19, 0x7c, // mov si, the text
            0xfc, // cld
            0xac, // next: lodsb
            0x84, 0xc0, // test al, al
            0x74, 0x09, // jz rest
            0xb4, 0x0e, // mov ah, 0Eh
            0xbb, 0x07, 0x00, // mov bx, 7
            0xcd, 0x10, // int 10h
            0xeb, 0xf2, // jmp next
            0xf4, // rest: hlt
            0xeb, 0xfd, // jmp rest
        ];
        let mut sector = [0; SECTOR];
        let text = format!("\r\n{}\r\n", self.said_by_bios());
        let code = CODE.iter().copied().chain(text.bytes());
        sector
            .iter_mut()
            .zip(code)
            .for_each(|(to, from)| *to = from);
        sector[510..].copy_from_slice(&[0x55, 0xaa]);
        sector
    }
}

fn run(command: &mut Command) {
    let out = command.output();
    let out = out.unwrap_or_else(|e| panic!("{command:?}: {e}; tests/support/setup.sh brings it"));
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{command:?}: {said}");
}
