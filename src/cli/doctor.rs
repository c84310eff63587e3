//! `bootjack doctor`: which mode this LAN needs, and what is wrong on it.
//!
//! Exit code 0 where nothing has to be done (infos do not count), 1 with findings. What the LAN
//! answers is read by the unprivileged user that `serve` becomes; only looking at the host and
//! opening the sockets take root.

mod json;
mod words;

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Args;
use nix::unistd::Uid;

use crate::config::{self, SettingsArgs};
use crate::doctor::{Observed, diagnose};
use crate::error::Error;
use crate::service::privilege;
use crate::service::survey::{Scope, Survey};

/// What to look at: interfaces and the HTTP port are settings.
#[derive(Debug, Args)]
pub struct Doctor {
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Doctor {
    pub(super) fn run(self) -> Result<ExitCode, Error> {
        let settings = config::effective(self.settings)?;
        if !Uid::effective().is_root() {
            return Err(Error::failed(
                "cannot ask the LAN: doctor sends and hears frames and looks who holds ports; run it as root (sudo)",
            ));
        }
        let file = &settings.file;
        let path = file.path.display().to_string();
        let said = file.settings.as_ref();
        let survey = Survey::begin(Scope {
            interfaces: &settings.interface,
            http_port: settings.http_port,
            config: (path != config::DEFAULT_FILE).then_some(path.as_str()),
            described: said.is_some_and(|said| said.dhcp.is_some()),
        })?;
        privilege::drop_to(settings.user.as_deref(), None)?;
        let observed = ask(survey)?;
        let diagnosis = diagnose(&observed);
        let text = if self.json {
            format!("{:#}\n", json::report(&observed, &diagnosis))
        } else {
            words::report(&observed, &diagnosis)
        };
        super::done(io::stdout().write_all(text.as_bytes()))?;
        Ok(if diagnosis.healthy() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// Asks, and says so on a terminal: it takes some seconds.
fn ask(survey: Survey) -> Result<Observed, Error> {
    let mut err = io::stderr();
    let shown = err.is_terminal() && !survey.asked().is_empty();
    if shown {
        let (on, most) = (survey.asked().join(", "), Survey::longest().as_secs());
        let _ = write!(err, "asking on {on}, up to {most} s …");
    }
    let observed = survey.ask();
    if shown {
        let _ = write!(err, "\r\x1b[K");
    }
    observed
}
