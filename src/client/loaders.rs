//! What is known of the loader that an address runs, by what it fetched last.
//!
//! * `pxelinux.0` and `lpxelinux.0` ask for the same configuration in the same words, but only the
//!   second one can fetch what it names by HTTP. We name the second one; the first comes where the
//!   LAN's own DHCP server names it.
//! * A UEFI program from below the images may look for its files beside itself, and have forgotten
//!   where that is (quirks 37 and 38). That holds until the machine is heard to start again.
//!
//! Bounded: the address noted first leaves first.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use crate::wire::path::CleanPath;

/// Addresses whose last loader is worth a note.
#[derive(Debug)]
pub struct Loaders {
    capacity: usize,
    tick: u64,
    notes: HashMap<IpAddr, Note>,
    by_age: BTreeMap<u64, IpAddr>,
}

/// What an address runs.
#[derive(Debug)]
struct Note {
    tick: u64,
    loader: Loader,
}

/// A loader that is worth a note.
#[derive(Debug, PartialEq, Eq)]
enum Loader {
    /// `pxelinux.0`, which speaks TFTP alone
    TftpOnly,
    /// A UEFI program below the images, and the boot that it was fetched in.
    Image(CleanPath, Option<Boot>),
}

/// One boot of a machine: another one each time it asks for boot data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boot(pub(super) u64);

impl Loaders {
    /// Room for `capacity` addresses.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            tick: 0,
            notes: HashMap::new(),
            by_age: BTreeMap::new(),
        }
    }

    /// Takes note of a BIOS loader that an address fetches; only those two matter.
    pub fn fetched(&mut self, by: IpAddr, path: &str) {
        let file = path.rsplit('/').next().unwrap_or(path);
        if file.eq_ignore_ascii_case("pxelinux.0") {
            self.note(by, Loader::TftpOnly);
        } else if file.eq_ignore_ascii_case("lpxelinux.0") {
            self.forget(by);
        }
    }

    /// Takes note of a UEFI program that an address fetches: where it is below the images, or that
    /// it is one of ours. Other files, and what shim reads and does not start, change nothing.
    pub fn started(
        &mut self,
        by: IpAddr,
        boot: Option<Boot>,
        name: &str,
        image: Option<&CleanPath>,
    ) {
        if !is_program(name) {
            return;
        }
        match image {
            Some(path) => self.note(by, Loader::Image(path.clone(), boot)),
            None => self.forget(by),
        }
    }

    /// Whether the loader of this address speaks TFTP alone.
    pub fn tftp_only(&self, of: IpAddr) -> bool {
        let note = self.notes.get(&of);
        note.is_some_and(|note| note.loader == Loader::TftpOnly)
    }

    /// Where the loader of this address is below the images, if it was fetched in this boot.
    pub fn image(&self, of: IpAddr, boot: Option<Boot>) -> Option<CleanPath> {
        match &self.notes.get(&of)?.loader {
            Loader::Image(path, of) if *of == boot => Some(path.clone()),
            _ => None,
        }
    }

    fn note(&mut self, by: IpAddr, loader: Loader) {
        self.forget(by);
        while self.notes.len() >= self.capacity {
            let Some((_, oldest)) = self.by_age.first_key_value() else {
                break;
            };
            let oldest = *oldest;
            self.forget(oldest);
        }
        self.tick += 1;
        self.by_age.insert(self.tick, by);
        let tick = self.tick;
        self.notes.insert(by, Note { tick, loader });
    }

    fn forget(&mut self, by: IpAddr) {
        if let Some(note) = self.notes.remove(&by) {
            self.by_age.remove(&note.tick);
        }
    }
}

/// Whether firmware or shim starts a file of this name.
fn is_program(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    let read = ["revocations", "shim_certificate"];
    let stem = file.strip_suffix(".efi");
    stem.is_some_and(|stem| !read.iter().any(|start| stem.starts_with(start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn address(n: u8) -> IpAddr {
        IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, n))
    }

    fn path(text: &str) -> CleanPath {
        CleanPath::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_loader_fetched_last_decides() {
        let mut loaders = Loaders::new(9);
        for (path, tftp_only) in [
            ("lpxelinux.0", false),
            ("pxelinux.0", true),
            ("ldlinux.c32", true),
            ("assets/LPXELINUX.0", false),
            ("images/syslinux/PXELINUX.0", true),
        ] {
            loaders.fetched(address(1), path);
            assert_eq!(loaders.tftp_only(address(1)), tftp_only, "{path}");
        }
        assert!(!loaders.tftp_only(address(2)));
    }

    #[test]
    fn the_address_noted_first_leaves_first() {
        let mut loaders = Loaders::new(2);
        for n in [1, 2, 1, 3] {
            loaders.fetched(address(n), "pxelinux.0");
        }
        let known = [1, 2, 3].map(|n| loaders.tftp_only(address(n)));
        assert_eq!(known, [true, false, true]);
        assert_eq!((loaders.notes.len(), loaders.by_age.len()), (2, 2));
    }

    /// Each step: what is fetched, where it is below the images, and what is known of it then.
    #[test]
    fn a_loader_below_the_images_is_known_until_another_one_is_started() {
        let mut loaders = Loaders::new(2);
        for (name, image, known) in [
            ("snponly.efi", None, None),
            (
                "images/u/shimx64.efi",
                Some("u/shimx64.efi"),
                Some("u/shimx64.efi"),
            ),
            ("revocations_sku.efi", None, Some("u/shimx64.efi")),
            ("grubx64.efi", Some("u/grubx64.efi"), Some("u/grubx64.efi")),
            (
                "images/debian/linux",
                Some("debian/linux"),
                Some("u/grubx64.efi"),
            ),
            ("SHIMX64.EFI", None, None),
        ] {
            let image = image.map(path);
            loaders.started(address(1), None, name, image.as_ref());
            assert_eq!(loaders.image(address(1), None), known.map(path), "{name}");
        }
    }

    #[test]
    fn a_machine_that_starts_again_has_no_loader() {
        let mut loaders = Loaders::new(2);
        let shim = path("u/shimx64.efi");
        loaders.started(address(1), Some(Boot(1)), "u/shimx64.efi", Some(&shim));
        assert_eq!(loaders.image(address(1), Some(Boot(1))), Some(shim));
        for later in [Some(Boot(2)), None] {
            assert_eq!(loaders.image(address(1), later), None);
        }
        assert!(!loaders.tftp_only(address(1)));
    }
}
