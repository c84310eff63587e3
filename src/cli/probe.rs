//! `bootjack probe`: a PXE client in the box. What a firmware would do on this LAN, step by step, and
//! what its screen would show.
//!
//! Exit code 0 where it boots, 1 where it does not, 2 where it could not be tried. What the LAN
//! answers is read by the unprivileged user that `serve` becomes.

mod print;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, value_parser};
use nix::unistd::Uid;

use crate::error::Error;
use crate::firmware::kind::TABLE;
use crate::firmware::machine::{Setup, Verdict};
use crate::firmware::message::Identity;
use crate::firmware::{Kind, made_up};
use crate::service::privilege;
use crate::service::probe::{self, Place, Told};
use crate::wire::{Mac, Uuid};
use print::Printer;

/// The exit code where nothing can be said: not root, no such interface.
const COULD_NOT_TRY: u8 = 2;

/// Whom to play, and where.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 where it boots, 1 where it does not, 2 where it could not be tried or told \
(not root, wrong usage or interface, an address or MAC in use, no such item in the menu, HTTPS, interrupted, or the \
report cannot be written)."
)]
pub struct Probe {
    /// The firmware to play. Of loaders that ask for more: `shim` is the one that Secure Boot begins with, and asks for
    /// the GRUB behind it; `grub` came by itself, without a shim, and asks for its menu
    #[arg(long = "as", value_name = "FIRMWARE", value_parser = names())]
    firmware: String,
    /// The machine's MAC address. One that runs is not played, and the lease of a MAC that was named is not given
    /// back: it may be what its machine lives by [default: one for each firmware, made from the interface's, the same
    /// each time]
    #[arg(long, value_name = "M")]
    mac: Option<Mac>,
    /// The machine's UUID, as dmidecode prints it: a bootjack that serves then learns from this boot as from one of that
    /// machine [default: one made from its MAC, from which it learns nothing]
    #[arg(long, value_name = "U")]
    uuid: Option<Uuid>,
    /// The interface to probe on [default: the only one that is up]
    #[arg(long, value_name = "IF")]
    interface: Option<String>,
    /// Fetch the loader whole and look at it, not only its size or first block
    #[arg(long)]
    fetch: bool,
    /// The item to choose in a menu of the firmware, from 1 [default: nobody touches the keyboard]
    #[arg(long, value_name = "N", value_parser = value_parser!(u8).range(1..))]
    choose: Option<u8>,
    /// Do not give the lease back
    #[arg(long)]
    keep_lease: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

fn names() -> PossibleValuesParser {
    TABLE.iter().map(|row| row.name).collect::<Vec<_>>().into()
}

impl Probe {
    pub(super) fn run(self) -> Result<ExitCode, Error> {
        let verdict = self.play().map_err(|mut error| {
            error.code = COULD_NOT_TRY;
            error
        })?;
        Ok(match verdict {
            Verdict::Boots(_) => ExitCode::SUCCESS,
            Verdict::Fails(fault) if fault.is_no_verdict() => ExitCode::from(COULD_NOT_TRY),
            Verdict::Fails(_) => ExitCode::FAILURE,
        })
    }

    fn play(self) -> Result<Verdict, Error> {
        let kind = Kind::named(&self.firmware).ok_or_else(|| {
            Error::usage(format!(
                "there is no firmware \"{}\" to play",
                self.firmware
            ))
        })?;
        if !Uid::effective().is_root() {
            return Err(Error::failed(
                "cannot probe: it sends and hears frames as a machine of its own; run it as root (sudo)",
            ));
        }
        let place = Place::find(self.interface.as_deref(), self.mac, kind)?;
        let setup = self.setup(kind, place.mac);
        let here = probe::Probe::served_here();
        let mut printer = Printer::new(self.json, io::stdout().lock());
        printer.begin(kind.firmware(), &place, here.as_deref());
        let probe = probe::Probe::open(place)?;
        privilege::drop_to(None, None)?;
        let mut tell = |at: Duration, told: Told<'_>| printer.tell(at, &told);
        let verdict = probe.run(setup, self.keep_lease, &mut tell)?;
        printer.end()?;
        Ok(verdict)
    }

    fn setup(&self, kind: Kind, mac: Mac) -> Setup {
        Setup {
            kind,
            identity: Identity {
                mac,
                uuid: self.uuid.or_else(|| made_up::uuid_of(mac)),
            },
            seed: probe::seed(),
            fetch: self.fetch,
            choose: self.choose.map(usize::from),
        }
    }
}
