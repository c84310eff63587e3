//! `bootjack doctor`: which mode this LAN needs, and what is wrong on it.
//!
//! Exit code 0 where nothing has to be done (infos do not count), 1 with findings, 2 where it could
//! not be told. What the LAN answers is read by the unprivileged user that `serve` becomes; only
//! looking at the host and opening the sockets take root.

mod json;
mod seen;
mod words;

use std::ffi::OsStr;
use std::io::{self, IsTerminal as _, Write as _};
use std::net::Ipv4Addr;
use std::process::ExitCode;

use clap::Args;
use nix::unistd::Uid;

use super::state;
use crate::config::{self, Effective, SettingsArgs};
use crate::decide::needs;
use crate::doctor::{Observed, diagnose, listed};
use crate::error::Error;
use crate::service::load::{Loader, Places};
use crate::service::machines::control::{self, Ask};
use crate::service::machines::row::Row;
use crate::service::survey::{Scope, Survey};
use crate::service::{interfaces, privilege, tls};
use crate::yaml::Severity;

/// The exit code where nothing can be said of the LAN: not root, wrong settings, all interfaces lost.
const COULD_NOT_ASK: u8 = 2;

/// What to look at: interfaces and the HTTP port are settings.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 where nothing has to be done, 1 with findings (infos do not count), \
2 where the LAN could not be asked (not root, wrong settings or interface, all interfaces lost)."
)]
pub struct Doctor {
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Doctor {
    pub(super) fn run(self) -> Result<ExitCode, Error> {
        self.asked().map_err(|mut error| {
            error.code = COULD_NOT_ASK;
            error
        })
    }

    fn asked(self) -> Result<ExitCode, Error> {
        let given = given(&self.settings);
        let settings = config::effective(self.settings)?;
        if !Uid::effective().is_root() {
            return Err(Error::failed(
                "cannot ask the LAN: doctor sends and hears frames and looks who holds ports; run it as root (sudo)",
            ));
        }
        usable(&settings)?;
        let file = &settings.file;
        let said = file.settings.as_ref();
        let mode = said.and_then(|said| said.mode).map(word);
        let survey = Survey::begin(Scope {
            interfaces: &settings.interface,
            http_port: settings.http_port,
            https_port: settings.https().map(|https| https.port),
            config: &file.path.display().to_string(),
            configured: mode.as_deref(),
            described: said.is_some_and(|said| said.dhcp.is_some()),
            given: &given,
            dhcp_servers: &named_servers(&settings),
        })?;
        privilege::drop_to(settings.user.as_deref(), None)?;
        let mut observed = ask(survey);
        observed.needs_leases = needs_leases(&settings);
        let diagnosis = diagnose(&observed);
        let text = if self.json {
            format!("{:#}\n", json::report(&observed, &diagnosis))
        } else {
            words::report(&observed, &diagnosis)
        };
        super::done(io::stdout().write_all(text.as_bytes()))?;
        Ok(match diagnosis.healthy() {
            _ if observed.all_lost() => ExitCode::from(COULD_NOT_ASK),
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }
}

/// The DHCP servers that are named in mode `proxy`: by the settings here, and by those of the bootjack that runs,
/// where it can be asked.
fn named_servers(settings: &Effective) -> Vec<Ipv4Addr> {
    if settings.mode != config::Mode::Proxy {
        return Vec::new();
    }
    let running = state::asked_anyhow(settings, control::FILE, &Ask::Servers {});
    // An older one does not know the question.
    let running: Vec<Ipv4Addr> = running
        .ok()
        .flatten()
        .and_then(Result::ok)
        .unwrap_or_default();
    let mut named = settings.dhcp_server.clone();
    named.extend(running);
    named.sort_unstable();
    named.dedup();
    named
}

/// Whether machines are known that take lease and loader of one server alone: by profiles and rows, or by
/// what was learnt of them, where that can be read.
fn needs_leases(settings: &Effective) -> bool {
    let learnt = super::machines::rows(settings).unwrap_or_default();
    let mut learnt = learnt.iter().map(Row::past);
    Loader::new(Places::from(settings)).needs_leases() || learnt.any(|past| needs::by_past(&past))
}

/// The settings that `serve` needs to be given as well. Mode and interfaces are the verdict's.
fn given(args: &SettingsArgs) -> Vec<String> {
    let said = &args.settings;
    let text = |text: &OsStr| text.to_string_lossy().into_owned();
    let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|p| text(p.as_os_str()));
    let all = [
        ("--config", path(&args.config)),
        ("--profiles", path(&said.profiles)),
        ("--images", path(&said.images)),
        ("--assets", path(&said.assets)),
        ("--state", path(&said.state)),
        ("--http-port", said.http_port.map(|port| port.to_string())),
        ("--https-port", said.https_port.map(|port| port.to_string())),
        ("--tls-cert", path(&said.tls_cert)),
        ("--tls-key", path(&said.tls_key)),
        ("--tls-name", said.tls_name.clone()),
        ("--user", said.user.clone()),
    ];
    let given = all
        .into_iter()
        .filter_map(|(flag, value)| Some([flag.to_owned(), value?]));
    let servers = said.dhcp_server.iter().flatten();
    let servers = servers.map(|server| ["--dhcp-server".to_owned(), server.to_string()]);
    given.chain(servers).flatten().collect()
}

/// HTTPS as it is set: with what is wrong there `serve` does not start. It is read as root, as there.
fn usable(settings: &Effective) -> Result<(), Error> {
    let served = interfaces::to_serve(&settings.interface).unwrap_or_default();
    let findings = tls::findings(settings, &interfaces::all_of(&served));
    let wrong = findings.into_iter().find(|f| f.severity == Severity::Error);
    wrong.map_or(Ok(()), |why| Err(Error::usage(why.to_string())))
}

/// A mode as it is written in settings.
fn word(mode: config::Mode) -> String {
    let value = clap::ValueEnum::to_possible_value(&mode);
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Asks, and says so on a terminal: it takes some seconds.
fn ask(survey: Survey) -> Observed {
    let mut err = io::stderr();
    let asked = survey.asked();
    let shown = err.is_terminal() && !asked.is_empty();
    if shown {
        let (on, most) = (listed(asked.iter()), Survey::longest().as_secs());
        let _ = write!(err, "asking on {on}, up to {most} s …");
    }
    let observed = survey.ask();
    if shown {
        let _ = write!(err, "\r\x1b[K");
    }
    observed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    #[test]
    fn what_was_given_is_given_on() {
        let args = SettingsArgs {
            config: Some("/srv/b.yaml".into()),
            settings: Settings {
                http_port: Some(80),
                tls_cert: Some("/srv/c.pem".into()),
                interface: Some(vec!["eth0".into()]),
                ..Settings::default()
            },
        };
        let words = [
            "--config",
            "/srv/b.yaml",
            "--http-port",
            "80",
            "--tls-cert",
            "/srv/c.pem",
        ];
        assert_eq!(given(&args), words);
        assert!(given(&SettingsArgs::default()).is_empty());
        assert_eq!(word(config::Mode::Colocated), "colocated");
    }
}
