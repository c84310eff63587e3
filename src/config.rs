//! Effective settings: default < config file < environment < flag.
//!
//! [`Settings`] is the one list: it is the flags (clap), the environment (`BOOTJACK_…`) and the
//! keys of the config file (serde) at once, so a setting cannot have two names. Every field is
//! optional there; [`Effective`] has all of them decided.

use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args, ValueEnum, parser::ValueSource};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::event::log::LogFormat;
use crate::yaml::similar;

/// Read when it exists and `--config` names no other.
pub const DEFAULT_FILE: &str = "/etc/bootjack/bootjack.yaml";

/// Seconds between two looks at the folders.
const POLL: std::ops::RangeInclusive<i64> = 1..=3600;

/// The kind of PXE served (design, "mode").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The DHCP server is another host's; bootjack answers beside it on UDP 67 and 4011
    Proxy,
    /// The DHCP server is another program on this host; bootjack answers on UDP 4011 alone
    Colocated,
    /// bootjack is the DHCP server, with the networks that `dhcp:` of the config file describes
    Dhcp,
}

/// How verbose the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Only what of ours failed
    Error,
    /// What an operator has to act on
    Warn,
    /// What machines do
    Info,
    /// Also what is ignored, and file transfers as they begin
    Debug,
    /// Everything, libraries included
    Trace,
}

/// The keys of the config file, which are the names of the flags.
const KEYS: [&str; 13] = [
    "mode",
    "force",
    "interface",
    "profiles",
    "images",
    "assets",
    "state",
    "http-port",
    "user",
    "poll",
    "log-format",
    "log-level",
    "dhcp",
];

/// Settings as one source gives them.
#[derive(Debug, Clone, Default, PartialEq, Args, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The kind of PXE to serve [default: proxy]
    #[arg(long, env = "BOOTJACK_MODE", value_name = "MODE")]
    pub mode: Option<Mode>,
    /// Mode dhcp: serve although another DHCP server answers on the LAN [default: false]
    #[arg(
        long,
        env = "BOOTJACK_FORCE",
        value_name = "true|false",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    pub force: Option<bool>,
    /// Where to serve; repeat for more [default: every up, broadcast-capable interface with an IPv4 address]
    #[arg(
        long,
        env = "BOOTJACK_INTERFACE",
        value_name = "IF",
        value_parser = clap::builder::NonEmptyStringValueParser::new(),
        value_delimiter = ','
    )]
    #[serde(default, deserialize_with = "names")]
    pub interface: Option<Vec<String>>,
    /// Folder of profiles [default: /etc/bootjack/profiles, else the embedded default]
    #[arg(long, env = "BOOTJACK_PROFILES", value_name = "DIR")]
    pub profiles: Option<PathBuf>,
    /// Folder of kernels, initrds and images [default: /var/lib/bootjack/images]
    #[arg(long, env = "BOOTJACK_IMAGES", value_name = "DIR")]
    pub images: Option<PathBuf>,
    /// Folder of files that stand in for embedded assets of the same name [default: none]
    #[arg(long, env = "BOOTJACK_ASSETS", value_name = "DIR")]
    pub assets: Option<PathBuf>,
    /// Folder for what bootjack learns [default: /var/lib/bootjack/state]
    #[arg(long, env = "BOOTJACK_STATE", value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// TCP port of HTTP [default: 8067]
    #[arg(long, env = "BOOTJACK_HTTP_PORT", value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub http_port: Option<u16>,
    /// Unprivileged user to become once the ports are open [default: bootjack if there is one, else nobody]
    #[arg(long, env = "BOOTJACK_USER", value_name = "NAME")]
    pub user: Option<String>,
    /// Look for changed profiles every N seconds instead of being told by the kernel (network file systems) [default: off]
    #[arg(long, env = "BOOTJACK_POLL", value_name = "N", value_parser = clap::value_parser!(u32).range(POLL))]
    pub poll: Option<u32>,
    /// Form of log lines [default: text]
    #[arg(long, env = "BOOTJACK_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// How much is logged [default: info]
    #[arg(long, env = "BOOTJACK_LOG_LEVEL", value_name = "LEVEL")]
    pub log_level: Option<LogLevel>,
}

/// Flags of every command that loads a configuration.
#[derive(Debug, Clone, Default, Args)]
pub struct SettingsArgs {
    /// Config file with the same settings as keys [default: /etc/bootjack/bootjack.yaml if it exists]
    #[arg(long, env = "BOOTJACK_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The settings
    #[command(flatten)]
    pub settings: Settings,
}

/// Settings with every default applied.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Effective {
    /// The kind of PXE served.
    pub mode: Mode,
    /// Whether another DHCP server on the LAN is no reason not to serve (mode `dhcp`).
    pub force: bool,
    /// Interfaces named; empty: all that can be served.
    pub interface: Vec<String>,
    /// Profile folder named; `None`: /etc/bootjack/profiles, and the embedded default without it.
    pub profiles: Option<PathBuf>,
    /// Image folder.
    pub images: PathBuf,
    /// Asset folder.
    pub assets: Option<PathBuf>,
    /// State folder.
    pub state: PathBuf,
    /// HTTP port.
    pub http_port: u16,
    /// The user to become; `None`: `bootjack` if there is one, else `nobody`.
    pub user: Option<String>,
    /// Seconds between looks; `None`: told by the kernel.
    pub poll: Option<u32>,
    /// Form of log lines.
    pub log_format: LogFormat,
    /// How much is logged.
    pub log_level: LogLevel,
}

/// Settings fields and where each value came from, for `bootjack config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The config file.
    File(PathBuf),
    /// A `BOOTJACK_…` variable.
    Environment,
    /// The command line.
    Flag,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment => f.write_str("environment"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// Reads the config file, where there is one.
///
/// # Errors
/// A file that is named but cannot be read; unknown or ill-typed keys, with line and column.
pub fn read_file(named: Option<&Path>) -> Result<Option<(PathBuf, Settings)>, Error> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    match std::fs::read_to_string(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && named.is_none() => Ok(None),
        Err(e) => Err(Error::read("config file", path, &e)),
        Ok(text)
            if text
                .lines()
                .all(|l| l.trim().is_empty() || l.trim_start().starts_with('#')) =>
        {
            Ok(Some((path.to_owned(), Settings::default())))
        }
        Ok(text) => {
            let settings: Settings =
                serde_saphyr::from_str(&text).map_err(|e| Error::config(path, &told(&e)))?;
            settings.checked(path)?;
            Ok(Some((path.to_owned(), settings)))
        }
    }
}

/// Line, column and what is wrong there.
fn told(error: &serde_saphyr::Error) -> String {
    let what = match error.without_snippet() {
        serde_saphyr::Error::DuplicateMappingKey { key, .. } => {
            format!("the key `{}` is given twice", key.as_deref().unwrap_or("?"))
        }
        other => other.to_string(),
    };
    let what = what.split(" at line ").next().unwrap_or_default();
    let hint = meant(what).map_or_else(String::new, |hint| format!("; {hint}"));
    match error.location() {
        Some(at) => format!("line {} column {}: {what}{hint}", at.line(), at.column()),
        None => what.to_owned(),
    }
}

/// For an unknown key, the one that was probably meant.
fn meant(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("unknown field `")?;
    let (key, _) = rest.split_once('`')?;
    Some(similar::hint(key, KEYS))
}

/// `eth0` or `[eth0, eth1]`.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a name or a list of names")]
enum Names {
    One(String),
    Many(Vec<String>),
}

fn names<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Vec<String>>, D::Error> {
    let names = match Names::deserialize(from)? {
        Names::One(name) => vec![name],
        Names::Many(names) => names,
    };
    Ok(Some(names))
}

impl Settings {
    /// `self` where it says something, else `weaker`.
    #[must_use]
    pub fn or(self, weaker: Self) -> Self {
        Self {
            mode: self.mode.or(weaker.mode),
            force: self.force.or(weaker.force),
            interface: self.interface.or(weaker.interface),
            profiles: self.profiles.or(weaker.profiles),
            images: self.images.or(weaker.images),
            assets: self.assets.or(weaker.assets),
            state: self.state.or(weaker.state),
            http_port: self.http_port.or(weaker.http_port),
            user: self.user.or(weaker.user),
            poll: self.poll.or(weaker.poll),
            log_format: self.log_format.or(weaker.log_format),
            log_level: self.log_level.or(weaker.log_level),
        }
    }

    /// What clap holds flags and variables to, for the file.
    fn checked(&self, path: &Path) -> Result<(), Error> {
        if self.http_port == Some(0) {
            return Err(Error::config(path, "http-port: must be 1 to 65535"));
        }
        if self.poll.is_some_and(|n| !POLL.contains(&n.into())) {
            return Err(Error::config(path, "poll: must be 1 to 3600 seconds"));
        }
        Ok(())
    }

    /// Whether this source gives a key.
    fn gives(&self, key: &str) -> bool {
        match key {
            "mode" => self.mode.is_some(),
            "force" => self.force.is_some(),
            "interface" => self.interface.is_some(),
            "profiles" => self.profiles.is_some(),
            "images" => self.images.is_some(),
            "assets" => self.assets.is_some(),
            "state" => self.state.is_some(),
            "http-port" => self.http_port.is_some(),
            "user" => self.user.is_some(),
            "poll" => self.poll.is_some(),
            "log-format" => self.log_format.is_some(),
            "log-level" => self.log_level.is_some(),
            _ => false,
        }
    }

    fn decided(self) -> Effective {
        Effective {
            mode: self.mode.unwrap_or(Mode::Proxy),
            force: self.force.unwrap_or(false),
            interface: self.interface.unwrap_or_default(),
            profiles: self.profiles,
            images: self
                .images
                .unwrap_or_else(|| "/var/lib/bootjack/images".into()),
            assets: self.assets,
            state: self
                .state
                .unwrap_or_else(|| "/var/lib/bootjack/state".into()),
            http_port: self.http_port.unwrap_or(8067),
            user: self.user,
            poll: self.poll,
            log_format: self.log_format.unwrap_or(LogFormat::Text),
            log_level: self.log_level.unwrap_or(LogLevel::Info),
        }
    }
}

/// What is in force.
///
/// # Errors
/// As [`read_file`].
pub fn effective(args: SettingsArgs) -> Result<Effective, Error> {
    let file = read_file(args.config.as_deref())?
        .map(|(_, settings)| settings)
        .unwrap_or_default();
    Ok(args.settings.or(file).decided())
}

/// Where each setting's value came from, in the order of the flags.
pub fn origins(matches: &ArgMatches, file: Option<&(PathBuf, Settings)>) -> Vec<(String, Origin)> {
    let command = Settings::augment_args(clap::Command::new("settings"));
    let in_file = |key: &str| {
        file.filter(|(_, settings)| settings.gives(key))
            .map(|(path, _)| path.clone())
    };
    command
        .get_arguments()
        .map(|arg| {
            let id = arg.get_id().as_str();
            let key = id.replace('_', "-");
            let origin = match matches.value_source(id) {
                Some(ValueSource::CommandLine) => Origin::Flag,
                Some(ValueSource::EnvVariable) => Origin::Environment,
                _ => in_file(&key).map_or(Origin::Default, Origin::File),
            };
            (key, origin)
        })
        .collect()
}
