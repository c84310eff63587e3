//! What is the same in every dialect: the entries this client can boot, their URIs, their
//! arguments filled in, the default and the timeout.

use std::collections::BTreeMap;
use std::time::Duration;

use super::place::Transport;
use super::signed::Signed;
use super::{Dialect, Place, RenderError, entries, entry_script_name, pxelinux, template};
use crate::client::progress::SECURE_BOOT_OFF;
use crate::client::{Client, Stage};
use crate::profile::http_boot::is_cd;
use crate::profile::{Action, Entry, PerArch, Profile, Snapshot, Target, Template};
use crate::wire::Platform;

/// A menu for one client in one dialect, all text final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Headline.
    pub title: String,
    /// `None` waits for the user; zero starts the default at once.
    pub timeout: Option<Duration>,
    /// The index of the default entry in `items`.
    pub default: usize,
    /// Entries that this client can boot.
    pub items: Vec<Item>,
    /// Whether the default starts without a menu: the profile has one entry, or the timeout is zero.
    pub at_once: bool,
    /// What is written as a comment on top.
    pub comment: String,
    /// Whether U-Boot reads it.
    pub for_u_boot: bool,
    /// Of a machine that was seen to have Secure Boot on: what that takes from its menu.
    pub signed: Option<Signed>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Letters, digits, `-`, `_`, `.`.
    pub id: String,
    /// The line shown.
    pub title: String,
    /// What it starts.
    pub boot: Boot,
}

/// What an entry starts, with URIs in the dialect's transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Boot {
    /// A Linux kernel.
    Linux {
        /// URI
        kernel: String,
        /// URIs
        initrd: Vec<String>,
        /// Command line
        args: String,
    },
    /// A program, by URI.
    Program(String),
    /// An iPXE script of its own, by URI.
    Script(String),
    /// An image of a CD or disk.
    Image {
        /// URI
        uri: String,
        /// Whether it is a CD's.
        cd: bool,
    },
    /// The local disk.
    Local,
}

impl View {
    /// The default entry; `None` only for an empty menu.
    pub fn default_item(&self) -> Option<&Item> {
        self.items.get(self.default)
    }

    /// Whether the client is shown a menu, or started at once.
    pub fn shows_menu(&self) -> bool {
        !self.at_once
    }
}

struct Making<'a> {
    snapshot: &'a Snapshot,
    client: &'a Client,
    place: Place,
    dialect: Dialect,
    transport: Transport,
    values: BTreeMap<String, String>,
}

/// The menu of `profile` as this client sees it in this dialect.
pub fn view(
    snapshot: &Snapshot,
    profile: &Profile,
    client: &Client,
    place: Place,
    dialect: Dialect,
) -> Result<View, RenderError> {
    let values = template::variables(profile, client, place);
    let making = Making {
        snapshot,
        client,
        place,
        dialect,
        transport: transport(client, place, dialect),
        values,
    };
    let all = entries::all(snapshot, profile);
    let mut items = Vec::new();
    for entry in &all {
        items.extend(making.item(entry)?);
    }
    let signed = making.signed(profile, &all)?;
    let (mut default, mut timeout) = unattended(profile, &items);
    let mut at_once = all.len() == 1 || timeout == Some(Duration::ZERO);
    match chosen(profile, client, &mut items) {
        Chosen::Nothing => {}
        Chosen::Entry => (default, timeout, at_once) = (0, Some(Duration::ZERO), true),
        Chosen::Gone => (timeout, at_once) = (None, false),
    }
    Ok(View {
        title: profile.menu.title.clone(),
        timeout,
        default,
        at_once,
        items,
        for_u_boot: client.platform().is_u_boot(),
        comment: format!("bootjack: profile \"{}\" for {}", profile.name, client.mac),
        signed,
    })
}

/// What was chosen before, in a menu that the firmware showed.
enum Chosen {
    Nothing,
    /// This one, and it is the only item left.
    Entry,
    /// One that is not there any more.
    Gone,
}

/// Leaves the entry alone that was chosen in the firmware's menu. Where the profile has changed
/// since then so that it is gone, somebody has to choose again: nothing else may start instead.
fn chosen(profile: &Profile, client: &Client, items: &mut Vec<Item>) -> Chosen {
    let Some(choice) = client.chosen.as_ref().filter(|choice| choice.by_loader) else {
        return Chosen::Nothing;
    };
    let same = *choice.profile == profile.name;
    let place = items.iter().position(|i| same && i.id == *choice.entry);
    let Some(place) = place else {
        return Chosen::Gone;
    };
    *items = items.drain(place..=place).collect();
    Chosen::Entry
}

/// Which entry starts without anybody choosing it, and when. A default that this client cannot boot
/// is replaced by none: the entry that happens to stand first may be "erase and reinstall".
fn unattended(profile: &Profile, items: &[Item]) -> (usize, Option<Duration>) {
    let place = |wanted: &dyn Fn(&Item) -> bool| items.iter().position(wanted);
    let Some(named) = &profile.menu.default else {
        return (0, profile.menu.timeout);
    };
    match place(&|item| item.id == *named) {
        Some(default) => (default, profile.menu.timeout),
        None => (place(&|item| item.boot == Boot::Local).unwrap_or(0), None),
    }
}

/// U-Boot takes a URL for a file's name. lpxelinux and iPXE fetch by HTTP, pxelinux and an iPXE built without it by TFTP; Debian's signed
/// GRUB network image has no http module (facts, lab).
fn transport(client: &Client, place: Place, dialect: Dialect) -> Transport {
    let no_http = client.stage == Stage::Ipxe && client.ipxe.is_some_and(|features| !features.http);
    match dialect {
        Dialect::Grub => Transport::GrubTftp,
        Dialect::Pxelinux if client.platform().is_u_boot() => Transport::Name,
        Dialect::Ipxe if no_http => Transport::Tftp,
        Dialect::Pxelinux if place.tftp_only => Transport::Tftp,
        Dialect::Ipxe | Dialect::Pxelinux => Transport::Http,
    }
}

/// Arguments may be written over several lines; a kernel command line is one.
fn one_line(args: &str) -> String {
    args.split(['\n', '\r'])
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

impl Making<'_> {
    /// The entry as this client sees it; `None` where it cannot boot it.
    fn item(&self, entry: &Entry) -> Result<Option<Item>, RenderError> {
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
    fn signed(&self, profile: &Profile, all: &[Entry]) -> Result<Option<Signed>, RenderError> {
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
            } => self.linux(kernel, initrd, args)?,
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
        kernel: &PerArch<Target>,
        initrd: &PerArch<Vec<Target>>,
        args: &PerArch<Template>,
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
        }))
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
