//! Which addresses run a loader that speaks TFTP alone.
//!
//! `pxelinux.0` and `lpxelinux.0` ask for the same configuration in the same words, but only the
//! second one can fetch what it names by HTTP. We name the second one; the first comes where the
//! LAN's own DHCP server names it. So what an address fetched last decides. Bounded: the address
//! noted first leaves first.

use std::collections::VecDeque;
use std::net::IpAddr;

/// Addresses whose last loader was `pxelinux.0`.
#[derive(Debug)]
pub struct Loaders {
    capacity: usize,
    tftp_only: VecDeque<IpAddr>,
}

impl Loaders {
    /// Room for `capacity` addresses.
    pub const fn new(capacity: usize) -> Self {
        Self {
            capacity,
            tftp_only: VecDeque::new(),
        }
    }

    /// Takes note of a file that an address fetches; only those two loaders matter.
    pub fn fetched(&mut self, by: IpAddr, path: &str) {
        let file = path.rsplit('/').next().unwrap_or(path);
        let plain = file.eq_ignore_ascii_case("pxelinux.0");
        if !plain && !file.eq_ignore_ascii_case("lpxelinux.0") {
            return;
        }
        self.tftp_only.retain(|known| *known != by);
        if plain {
            self.tftp_only.push_back(by);
            let surplus = self.tftp_only.len().saturating_sub(self.capacity);
            self.tftp_only.drain(..surplus);
        }
    }

    /// Whether the loader of this address speaks TFTP alone.
    pub fn tftp_only(&self, of: IpAddr) -> bool {
        self.tftp_only.contains(&of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn address(n: u8) -> IpAddr {
        IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, n))
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
    }
}
