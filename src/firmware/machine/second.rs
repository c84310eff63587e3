//! What a loader asks for next, and of whom: shim and GRUB do not ask where the firmware was told to
//! boot from, but where the DHCP server's ACK points (facts C).

use std::net::Ipv4Addr;

use super::boot::pi_server;
use super::load::Then;
use super::{Loader, Machine, Phase, Topic, Verdict};
use crate::firmware::fault::Fault;
use crate::firmware::kind::{GRUB_PATIENCE, Second, Tftp};
use crate::firmware::secure::Layout;
use crate::firmware::transfer::{Transfer, Want};
use crate::firmware::vendor::shown;

/// How GRUB asks.
const GRUB: Tftp = Tftp {
    block: 1024,
    window: None,
    probes: false,
    sizes: true,
    strict: false,
    patience: GRUB_PATIENCE,
};

/// Files that a loader looks for, the next one first.
#[derive(Debug)]
pub(super) struct Files {
    server: Ipv4Addr,
    names: Vec<Vec<u8>>,
    client: Tftp,
    /// The first name, for people.
    first: String,
    /// Who looks for them.
    by: Second,
    loader: Loader,
}

impl Machine {
    /// Goes on as the loader would.
    pub(super) fn second(&mut self, second: Second, loader: Loader) -> Phase {
        let (target, names, client) = match second {
            Second::Shim => self.of_shim(),
            Second::Grub => self.of_grub(),
            Second::Pi => {
                let server = self.source().and_then(|source| pi_server(&source));
                return match server {
                    Some(server) => self.pi_files(server, Some(loader)),
                    None => self.fail(Fault::NoSecond("start.elf".to_owned())),
                };
            }
        };
        let first = names.first().map(|name| shown(name)).unwrap_or_default();
        let Some(server) = target else {
            return self.fail(Fault::NoSecond(first));
        };
        self.ask_file(Files {
            server,
            names,
            client,
            first,
            by: second,
            loader,
        })
    }

    /// Whether Secure Boot stops a loader that shim or GRUB is to be; as far as its head tells.
    pub(super) fn is_refused(&self, size: Option<u64>, head: &[u8]) -> bool {
        let signed = matches!(self.firmware.second, Some(Second::Shim | Second::Grub));
        let layout = size.and_then(|size| Layout::read(head, size).ok());
        signed && layout.is_some_and(|layout| layout.table.is_empty())
    }

    /// shim: file and next server of the ACK where it has a file in its header, else of the proxy's
    /// answer, else of the boot server's.
    fn of_shim(&mut self) -> (Option<Ipv4Addr>, Vec<Vec<u8>>, Tftp) {
        let named = |reply: &&crate::firmware::Reply| reply.header_file().is_some();
        let all = self.ack.iter().chain(&self.proxy).chain(&self.found);
        let source = all.clone().find(named).or(self.ack.as_ref()).cloned();
        let file = source.as_ref().and_then(|s| s.header_file());
        let mut name = folder(file.unwrap_or_default()).to_vec();
        name.extend_from_slice(b"grubx64.efi");
        let server = source.map(|s| s.message.siaddr);
        let text = "shim asks where the ACK points if it names a file, else where the proxy does";
        self.say(Topic::Note, text);
        let server = server.filter(|s| !s.is_unspecified());
        (server, vec![name], of_firmware(self.firmware.tftp))
    }

    /// GRUB's signed image: prefix `/grub`, server of the ACK and of nothing else.
    fn of_grub(&mut self) -> (Option<Ipv4Addr>, Vec<Vec<u8>>, Tftp) {
        let server = self.ack.as_ref().map(|ack| ack.message.siaddr);
        let text = "GRUB asks the next server of the DHCP server's ACK, whoever it was loaded from";
        self.say(Topic::Note, text);
        let server = server.filter(|s| !s.is_unspecified());
        (server, self.grub_names(), GRUB)
    }

    fn grub_names(&self) -> Vec<Vec<u8>> {
        let mac = self.setup.identity.mac.dashed();
        let ip = u32::from(self.own());
        let digits = format!("{ip:08X}");
        let ips = (1..=digits.len()).rev().filter_map(|n| digits.get(..n));
        let first = [format!("grub.cfg-01-{mac}")];
        let uuid = self.setup.identity.uuid.map(|u| format!("grub.cfg-{u}"));
        let names = uuid.into_iter().chain(first);
        let names = names.chain(ips.map(|ip| format!("grub.cfg-{ip}")));
        names
            .chain(["grub.cfg".to_owned()])
            .map(|name| format!("/grub/{name}").into_bytes())
            .collect()
    }

    fn ask_file(&mut self, mut files: Files) -> Phase {
        if files.names.is_empty() {
            let (server, first) = (files.server, files.first);
            let why = format!("it has neither \"{first}\" nor what it looks for after it");
            return self.fail(Fault::Second { server, why });
        }
        let name = files.names.remove(0);
        let (server, client) = (files.server, files.client);
        self.transfer(server, &name, client, Want::Start, Then::Second(files))
    }

    /// Not this one; where the server is silent, none of them.
    pub(super) fn second_missing(&mut self, files: Files, why: &Fault) -> Phase {
        if matches!(why, Fault::Tftp { .. }) {
            return self.ask_file(files);
        }
        let (server, why) = (files.server, why.to_string());
        self.fail(Fault::Second { server, why })
    }

    /// shim starts GRUB, which goes on in its own way.
    pub(super) fn second_found(&mut self, files: Files, transfer: &Transfer) -> Phase {
        let text = format!("{} has \"{}\" for it", files.server, transfer.shown());
        self.say(Topic::Heard, text);
        match files.by {
            Second::Shim => self.second(Second::Grub, files.loader),
            Second::Grub | Second::Pi => self.end(Verdict::Boots(files.loader)),
        }
    }
}

/// How shim asks: through the firmware, which then asks for no options at all.
const fn of_firmware(firmware: Tftp) -> Tftp {
    Tftp {
        block: 512,
        window: None,
        probes: false,
        sizes: false,
        strict: false,
        ..firmware
    }
}

/// The part of a name up to its last slash, whichever way it leans.
fn folder(name: &[u8]) -> &[u8] {
    let slash = name.iter().rposition(|b| matches!(b, b'/' | b'\\'));
    slash.and_then(|at| name.get(..=at)).unwrap_or_default()
}
