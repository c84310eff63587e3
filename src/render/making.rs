//! One entry of a profile → what this client's dialect makes of it, where it can boot it.

mod left_out;

use std::collections::BTreeMap;

use super::place::Transport;
use super::signed::Signed;
use super::view::{BoardTree, Boot, Item, one_line};
use super::{Dialect, Place, RenderError, entry_script_name, pxelinux, template};
use crate::client::Client;
use crate::client::progress::SECURE_BOOT_OFF;
use crate::profile::http_boot::is_cd;
use crate::profile::{Action, DeviceTree, Entry, PerArch, Profile, Snapshot, Target, Template};
use crate::wire::Platform;

/// A menu that is being made for one client.
pub(super) struct Making<'a> {
    pub snapshot: &'a Snapshot,
    pub client: &'a Client,
    pub place: Place,
    pub dialect: Dialect,
    pub transport: Transport,
    pub values: BTreeMap<String, String>,
}

impl Making<'_> {
    /// The entry as this client sees it; `None` where it cannot boot it.
    pub fn item(&self, entry: &Entry) -> Result<Option<Item>, RenderError> {
        if !entry.arch.is_empty()
            && !entry
                .arch
                .iter()
                .any(|filter| filter.matches(&self.client.archs))
        {
            return Ok(None);
        }
        let fail = |why| RenderError::Template {
            entry: entry.id.clone(),
            why,
        };
        let boot = self.boot(entry).map_err(fail)?;
        Ok(boot.map(|boot| Item {
            id: entry.id.clone(),
            title: entry.title.clone(),
            boot,
        }))
    }

    /// What Secure Boot takes from the menu, where it was learnt and no profile says it.
    pub fn signed(&self, profile: &Profile, all: &[Entry]) -> Result<Option<Signed>, RenderError> {
        let learnt = profile.secure_boot.is_none() && profile.starts_by_shim(self.client);
        if !learnt || self.dialect != Dialect::Grub {
            return Ok(None);
        }
        let by_ipxe = Making {
            dialect: Dialect::Ipxe,
            transport: Transport::Http,
            snapshot: self.snapshot,
            client: self.client,
            place: self.place,
            values: self.values.clone(),
        };
        let mut left_out = Vec::new();
        for entry in all {
            if self.item(entry)?.is_none() && by_ipxe.item(entry)?.is_some() {
                left_out.push(entry.title.clone());
            }
        }
        let off = self.place.uri(self.transport, SECURE_BOOT_OFF);
        Ok(Some(Signed { left_out, off }))
    }

    fn boot(&self, entry: &Entry) -> Result<Option<Boot>, String> {
        Ok(match &entry.action {
            Action::Local => Some(Boot::Local),
            Action::Linux {
                kernel,
                initrd,
                args,
                device_tree,
            } => self.linux((kernel, initrd, args), device_tree)?,
            Action::Loader(target) | Action::Chain(target) => {
                let target = self.pick(target);
                let target = target.filter(|t| self.runs(t, Snapshot::starts_program));
                target.and_then(|t| self.program(entry, t))
            }
            Action::Ipxe(_) => self.script(entry),
            Action::Image(target) => self.pick(target).and_then(|t| self.image(t)),
            Action::Elsewhere => None,
        })
    }

    fn linux(
        &self,
        (kernel, initrd, args): (&PerArch<Target>, &PerArch<Vec<Target>>, &PerArch<Template>),
        device_tree: &PerArch<DeviceTree>,
    ) -> Result<Option<Boot>, String> {
        let Some(kernel) = self.pick(kernel) else {
            return Ok(None);
        };
        let initrd = || self.pick(initrd).into_iter().flatten();
        let boots = self.runs(kernel, Snapshot::boots_kernel);
        // U-Boot loads one RAM disk.
        let too_many = self.transport == Transport::Name && initrd().count() > 1;
        if !boots || too_many || !initrd().chain([kernel]).all(|t| self.fetches(t)) {
            return Ok(None);
        }
        let args = self
            .pick(args)
            .map_or(Ok(String::new()), |t| template::fill(t, &self.values))?;
        Ok(Some(Boot::Linux {
            kernel: self.uri(kernel),
            initrd: initrd().map(|t| self.uri(t)).collect(),
            args: one_line(&args),
            device_tree: self.device_tree(device_tree),
        }))
    }

    fn device_tree(&self, tree: &PerArch<DeviceTree>) -> Option<BoardTree> {
        let by_name = self.transport == Transport::Name;
        match self.pick(tree).filter(|_| by_name)? {
            DeviceTree::Firmware => None,
            DeviceTree::File(file) => Some(BoardTree::File(self.uri(file))),
            DeviceTree::Folder(folder) => Some(BoardTree::Folder(self.uri(folder))),
        }
    }

    /// iPXE starts whatever it can fetch. pxelinux starts programs of ours, and hands scripts and
    /// what another server has to an iPXE of its own (`ipxe.lkrn`). GRUB starts UEFI programs of
    /// ours, U-Boot's menus none.
    fn program(&self, entry: &Entry, target: &Target) -> Option<Boot> {
        let ours = match target {
            Target::Path(path) => !path.to_ascii_lowercase().ends_with(".ipxe"),
            Target::Url(_) => false,
        };
        let program = || Some(Boot::Program(self.program_uri(target)));
        match self.dialect {
            Dialect::Pxelinux if self.transport == Transport::Name => None,
            Dialect::Ipxe => program(),
            Dialect::Pxelinux if ours => program(),
            Dialect::Pxelinux => self.script(entry),
            Dialect::Grub if ours && self.client.platform().is_efi() => program(),
            Dialect::Grub => None,
        }
    }

    /// On BIOS, iPXE boots images by HTTP, and pxelinux by memdisk. On UEFI iPXE could start what is
    /// in one, and its kernel would have lost the disk: there the firmware does it (`http_boot`).
    fn image(&self, target: &Target) -> Option<Boot> {
        let starts = match self.dialect {
            Dialect::Ipxe => self.transport == Transport::Http,
            Dialect::Pxelinux => self.fetches(target),
            Dialect::Grub => false,
        };
        let bios = self.client.platform() == Platform::Bios;
        (starts && bios).then(|| Boot::Image {
            uri: self.uri(target),
            cd: is_cd(target),
        })
    }

    fn program_uri(&self, target: &Target) -> String {
        let uri = self.uri(target);
        if self.dialect == Dialect::Pxelinux && pxelinux::is_boot_program(&uri) {
            return self.place.target(self.snapshot, Transport::Tftp, target);
        }
        uri
    }

    fn script(&self, entry: &Entry) -> Option<Boot> {
        let name = entry_script_name(self.client, &entry.id);
        let runs = self.dialect != Dialect::Grub && self.transport != Transport::Name;
        runs.then(|| Boot::Script(self.place.uri(self.transport, &name)))
    }

    /// Whether this machine can run what a file of ours holds, by what is known of it.
    fn runs(&self, target: &Target, can: impl Fn(&Snapshot, Platform, &str) -> bool) -> bool {
        match target {
            Target::Path(path) => {
                let name = self.snapshot.tree_name(path);
                can(self.snapshot, self.client.platform(), &name)
            }
            Target::Url(_) => true,
        }
    }

    /// Whether this loader can fetch from there.
    fn fetches(&self, target: &Target) -> bool {
        match (self.transport, target) {
            (_, Target::Path(_)) => true,
            // lpxelinux has no TLS
            (Transport::Http, Target::Url(url)) => {
                self.dialect != Dialect::Pxelinux || !url.starts_with("https:")
            }
            (Transport::Tftp, Target::Url(url)) => url.starts_with("tftp:"),
            (Transport::GrubTftp | Transport::Name, Target::Url(_)) => false,
        }
    }

    fn uri(&self, target: &Target) -> String {
        self.place.target(self.snapshot, self.transport, target)
    }

    fn pick<'v, T>(&self, value: &'v PerArch<T>) -> Option<&'v T> {
        value.get(self.client.platform())
    }
}
