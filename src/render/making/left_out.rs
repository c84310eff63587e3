//! Why an entry is not in the menu of a machine, for the operator: in the order in which it is left out.

use super::Making;
use crate::profile::{Action, Entry, PerArch, Snapshot, Target};
use crate::render::Dialect;
use crate::render::place::Transport;
use crate::wire::Platform;

/// The script of iPXE, and what other servers have.
const NO_IPXE: &str =
    "GRUB carries the menu, which runs no iPXE script and fetches from bootjack alone";

impl Making<'_> {
    /// Why this client does not see an entry, where [`Making::item`] makes none of it.
    pub fn why_not(&self, entry: &Entry) -> String {
        let archs = &entry.arch;
        if !archs.is_empty() && !archs.iter().any(|arch| arch.matches(&self.client.archs)) {
            let archs: Vec<String> = archs.iter().map(ToString::to_string).collect();
            return format!("its arch: says {} alone", archs.join(", "));
        }
        match &entry.action {
            Action::Linux { kernel, initrd, .. } => self.no_linux(kernel, initrd),
            Action::Loader(target) | Action::Chain(target) => self.no_program(target),
            Action::Ipxe(_) => self.no_script(),
            Action::Image(target) => self.no_image(target),
            Action::Elsewhere => "other servers have it: only a menu that the firmware shows leads to them (loader: firmware)".to_owned(),
            Action::Local => self.cannot(),
        }
    }

    fn no_linux(&self, kernel: &PerArch<Target>, initrd: &PerArch<Vec<Target>>) -> String {
        let Some(kernel) = self.pick(kernel) else {
            return self.names_none("kernel");
        };
        if !self.runs(kernel, Snapshot::boots_kernel) {
            return self.built_for_another("kernel", kernel);
        }
        if self.transport == Transport::Name && self.pick(initrd).is_some_and(|all| all.len() > 1) {
            return "U-Boot loads one initrd, and it has more".to_owned();
        }
        let mut files = self.pick(initrd).into_iter().flatten().chain([kernel]);
        let far = files.find(|file| !self.fetches(file));
        far.map_or_else(|| self.cannot(), |far| self.no_way_to(far))
    }

    fn no_program(&self, target: &PerArch<Target>) -> String {
        let Some(target) = self.pick(target) else {
            return self.names_none("program");
        };
        if !self.runs(target, Snapshot::starts_program) {
            return self.built_for_another("program", target);
        }
        match (self.dialect, self.client.platform().is_efi()) {
            (Dialect::Grub, false) => "GRUB on BIOS starts no such programs".to_owned(),
            _ => self.no_script(),
        }
    }

    fn no_script(&self) -> String {
        match self.dialect {
            Dialect::Grub => NO_IPXE.to_owned(),
            Dialect::Pxelinux if self.transport == Transport::Name => {
                "U-Boot's menu starts Linux kernels alone".to_owned()
            }
            Dialect::Pxelinux | Dialect::Ipxe => self.cannot(),
        }
    }

    fn no_image(&self, target: &PerArch<Target>) -> String {
        let platform = self.client.platform();
        let Some(target) = self.pick(target) else {
            return self.names_none("image");
        };
        if platform.is_efi() {
            return "on UEFI its firmware alone boots images, by HTTP boot".to_owned();
        }
        match self.dialect {
            _ if platform != Platform::Bios => format!("{platform} boots no images"),
            Dialect::Grub => "GRUB boots no images".to_owned(),
            Dialect::Ipxe => {
                "this iPXE speaks no HTTP, by which it would read the image".to_owned()
            }
            Dialect::Pxelinux => self.no_way_to(target),
        }
    }

    fn no_way_to(&self, target: &Target) -> String {
        let url = match target {
            Target::Url(url) => url.escape_debug().to_string(),
            Target::Path(path) => path.escape_debug().to_string(),
        };
        let who = match (self.dialect, self.transport) {
            (Dialect::Grub, _) => "GRUB fetches from bootjack alone",
            (_, Transport::Name) => "U-Boot fetches from bootjack alone",
            (_, Transport::Http) => "lpxelinux.0 speaks no https",
            _ => "this loader speaks TFTP alone",
        };
        format!("it needs {url}, and {who}")
    }

    fn names_none(&self, what: &str) -> String {
        format!("it names no {what} for {}", self.client.platform())
    }

    fn built_for_another(&self, what: &str, target: &Target) -> String {
        let platform = self.client.platform();
        match target {
            Target::Path(path) => format!(
                "the {what} {} is not built for {platform}",
                path.escape_debug()
            ),
            Target::Url(_) => self.cannot(),
        }
    }

    fn cannot(&self) -> String {
        format!(
            "its loader, which reads {}, cannot start it",
            self.dialect.name()
        )
    }
}
