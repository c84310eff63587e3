//! The files of a Raspberry Pi, one after the other: which it asks for, where, and which it does without.
//!
//! Up to the third, `bootcode.bin` comes by the network and asks for the rest; from the fourth on the
//! flash memory holds what asks. The first name is looked for in the folder of its serial number and
//! then at the root, and where it is found the rest is taken to be (raspberrypi/documentation,
//! `TFTP_PREFIX`; logs of TFTP servers in raspberrypi/firmware#1362 and of a Pi 4 and a Pi 5). A Pi 5
//! has `start.elf` in its flash, too, and looks for `config.txt` first.
//!
//! Made up is the serial number: its digits are the last ones of the MAC. Absent on purpose: what
//! `config.txt` says.

use std::net::Ipv4Addr;

use super::load::Then;
use super::{Loader, Machine, Phase, Topic, Verdict};
use crate::firmware::fault::Fault;
use crate::firmware::kind::Kind;
use crate::firmware::transfer::{Transfer, Want};
use crate::wire::hex_digits;

/// What a file is to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    /// By it the folder is found.
    Sign,
    /// It goes on without.
    Spare,
    /// It does not.
    Needed,
}

use Is::{Needed, Sign, Spare};

const PI_3: &[(&str, Is)] = &[
    ("start.elf", Sign),
    ("autoboot.txt", Spare),
    ("config.txt", Spare),
    ("recovery.elf", Spare),
    ("start.elf", Needed),
    ("fixup.dat", Needed),
    ("dt-blob.bin", Spare),
    ("bcm2710-rpi-3-b.dtb", Needed),
    ("cmdline.txt", Needed),
    ("kernel8.img", Needed),
];
const PI_4: &[(&str, Is)] = &[
    ("start4.elf", Sign),
    ("config.txt", Spare),
    ("pieeprom.sig", Spare),
    ("recover4.elf", Spare),
    ("start4.elf", Needed),
    ("fixup4.dat", Needed),
    ("bcm2711-rpi-4-b.dtb", Needed),
    ("overlays/overlay_map.dtb", Spare),
    ("cmdline.txt", Needed),
    ("kernel8.img", Needed),
];
const PI_5: &[(&str, Is)] = &[
    ("config.txt", Sign),
    ("pieeprom.sig", Spare),
    ("bcm2712-rpi-5-b.dtb", Needed),
    ("overlays/overlay_map.dtb", Spare),
    ("cmdline.txt", Needed),
    ("kernel_2712.img", Needed),
];

/// Files under way, the next one first.
#[derive(Debug)]
pub(super) struct Files {
    server: Ipv4Addr,
    /// What stands in front of each: a folder and its slash, or nothing.
    folder: String,
    left: &'static [(&'static str, Is)],
    loader: Option<Loader>,
}

impl Machine {
    /// Goes on with the first file; `loader`: what came by the network and asks for it.
    pub(super) fn pi_files(&mut self, server: Ipv4Addr, loader: Option<Loader>) -> Phase {
        let mac = self.setup.identity.mac;
        let digits = mac.as_bytes().last_chunk::<4>().copied();
        self.pi_asks(Files {
            server,
            folder: format!("{}/", hex_digits(&digits.unwrap_or_default())),
            left: match self.firmware.kind {
                Kind::Rpi4 => PI_4,
                Kind::Rpi5 => PI_5,
                _ => PI_3,
            },
            loader,
        })
    }

    fn pi_asks(&mut self, files: Files) -> Phase {
        let Some((file, _)) = files.left.first() else {
            return match files.loader {
                Some(loader) => self.end(Verdict::Boots(loader)),
                None => self.fail(Fault::NoBootFile),
            };
        };
        let (server, name) = (files.server, format!("{}{file}", files.folder));
        let client = self.firmware.tftp;
        self.transfer(
            server,
            name.as_bytes(),
            client,
            Want::Start,
            Then::Pi(files),
        )
    }

    pub(super) fn pi_found(&mut self, mut files: Files, transfer: &Transfer) -> Phase {
        let text = format!("{} has \"{}\" for it", files.server, transfer.shown());
        self.say(Topic::Heard, text);
        files.loader.get_or_insert_with(|| Loader {
            from: format!("tftp://{}/{}", files.server, transfer.shown()),
            size: transfer.size,
            fetched: None,
            image: None,
        });
        self.pi_next(files)
    }

    pub(super) fn pi_missing(&mut self, mut files: Files, why: &Fault) -> Phase {
        let file = files.left.first();
        match (why, file) {
            (Fault::Tftp { .. }, Some((_, Spare))) => self.pi_next(files),
            (Fault::Tftp { .. }, Some((_, Sign))) if !files.folder.is_empty() => {
                files.folder.clear();
                self.pi_asks(files)
            }
            (Fault::Tftp { .. }, Some((file, _))) => self.fail(Fault::PiFile {
                file,
                why: why.to_string(),
            }),
            _ if files.loader.is_none() => self.fail(why.clone()),
            _ => {
                let (server, why) = (files.server, why.to_string());
                self.fail(Fault::Second { server, why })
            }
        }
    }

    fn pi_next(&mut self, mut files: Files) -> Phase {
        files.left = files.left.get(1..).unwrap_or_default();
        self.pi_asks(files)
    }
}
