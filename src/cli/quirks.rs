//! `bootjack quirks`: the table of firmware oddities, in the form in which an operator adds to it.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::client::quirk::{Quirk, TABLE};
use crate::config::{self, SettingsArgs};
use crate::error::Error;
use crate::service::load::{Loader, Places};
use crate::service::supervise;

pub(super) fn run(args: SettingsArgs) -> Result<ExitCode, Error> {
    let settings = config::effective(args)?;
    let file = settings.file.path.display().to_string();
    let snapshot = supervise::in_force(&mut Loader::new(Places::from(&settings)).load())?;
    let own: Vec<&Quirk> = snapshot.quirks.own().iter().collect();
    super::done(print(&own, &file))
}

fn print(own: &[&Quirk], file: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for row in own {
        writeln!(
            out,
            "# {} stands in {file}, and goes before these.",
            row.name
        )?;
    }
    if !own.is_empty() {
        writeln!(out)?;
    }
    out.write_all(TABLE.as_bytes())
}
