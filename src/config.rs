//! Effective settings: default < config file < environment < flag.
//!
//! [`Settings`] is the one list: it is the flags and the environment (`BOOTJACK_…`), and what the
//! config file's keys of the same names say. Every field is optional there; [`Effective`] has all
//! of them decided.
//!
//! * `effective`: all of them decided
//! * `file`: the config file's tree → [`Settings`], and what is wrong with them
//! * `origin`: where each setting's value came from
//! * [`text`]: an operator's file → its text
//!
//! Absent on purpose: what `dhcp:` and `quirks:` of the config file say (rooms `network`, `client`).

mod effective;
mod file;
mod origin;
pub mod text;

use std::fmt::Debug;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::client::quirk;
use crate::error::Error;
use crate::event::log::LogFormat;
use crate::network::{self, CONFIG_FILE};
use crate::yaml::{Finding, Report, Severity};

use self::text::Unreadable;

pub use effective::{ConfigFile, Effective, Https, finding};
pub use file::{Given, settings};
pub use origin::{Origin, origins};

/// Read when it exists and `--config` names no other.
pub const DEFAULT_FILE: &str = "/etc/bootjack/bootjack.yaml";

/// Seconds between two looks at the folders.
const POLL: std::ops::RangeInclusive<i64> = 1..=3600;

/// Blocks in a TFTP window; beyond, one window would be more than any client holds.
const WINDOWSIZE: std::ops::RangeInclusive<i64> = 1..=1024;

/// Bytes in a TFTP block (RFC 2348).
const BLKSIZE: std::ops::RangeInclusive<i64> = 8..=65464;

/// The kind of PXE served (design, "mode").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The DHCP server is another host's; bootjack answers beside it on UDP 67 and 4011
    Proxy,
    /// The DHCP server is another program on this host; bootjack answers on UDP 4011 alone
    Colocated,
    /// bootjack is the DHCP server, with the networks that `dhcp:` of the config file describes
    Dhcp,
}

impl Mode {
    /// Which replies are ours.
    pub const fn replies(self) -> quirk::Replies {
        match self {
            Self::Proxy => quirk::Replies::Proxy,
            Self::Colocated => quirk::Replies::Port4011,
            Self::Dhcp => quirk::Replies::Leases,
        }
    }

    /// The word of the setting.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::Colocated => "colocated",
            Self::Dhcp => "dhcp",
        }
    }
}

/// How verbose the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
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
const KEYS: [&str; 22] = [
    "mode",
    "force",
    "interface",
    "dhcp-server",
    "profiles",
    "images",
    "assets",
    "state",
    "http-port",
    "https-port",
    "tls-cert",
    "tls-key",
    "tls-name",
    "tftp-windowsize",
    "tftp-blksize",
    "tftp-segmentation",
    "user",
    "poll",
    "log-format",
    "log-level",
    "dhcp",
    "quirks",
];

/// Those that are no flags, and are read again while serving.
pub const LIVE: [&str; 2] = ["dhcp", "quirks"];

/// Settings as one source gives them.
#[derive(Debug, Clone, Default, PartialEq, Args)]
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
    /// Where to serve; repeat for more [default: every up, broadcast-capable interface with an IPv4 address, but for networks of containers and virtual machines]
    #[arg(
        long,
        env = "BOOTJACK_INTERFACE",
        value_name = "IF",
        value_parser = clap::builder::NonEmptyStringValueParser::new(),
        value_delimiter = ','
    )]
    pub interface: Option<Vec<String>>,
    /// Mode proxy: the LAN's DHCP server, to fetch leases from for machines that need lease and loader in one offer; repeat for more [default: found by its answers]
    #[arg(
        long,
        env = "BOOTJACK_DHCP_SERVER",
        value_name = "ADDRESS",
        value_parser = server_address,
        value_delimiter = ','
    )]
    pub dhcp_server: Option<Vec<Ipv4Addr>>,
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
    /// TCP port of HTTPS, which is served where there is a certificate [default: 8443]
    #[arg(long, env = "BOOTJACK_HTTPS_PORT", value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub https_port: Option<u16>,
    /// Certificate of HTTPS with its chain, PEM [default: none, and no HTTPS]
    #[arg(long, env = "BOOTJACK_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of that certificate, PEM [default: in the certificate's file]
    #[arg(long, env = "BOOTJACK_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Host name that machines are told in https URLs, for a certificate of a name [default: our address]
    #[arg(long, env = "BOOTJACK_TLS_NAME", value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub tls_name: Option<String>,
    /// The largest window that TFTP grants, in blocks [default: 64]
    #[arg(long, env = "BOOTJACK_TFTP_WINDOWSIZE", value_name = "N", value_parser = clap::value_parser!(u16).range(WINDOWSIZE))]
    pub tftp_windowsize: Option<u16>,
    /// The largest block that TFTP grants, in bytes; never more than the path bears without fragments [default: its MTU - 32]
    #[arg(long, env = "BOOTJACK_TFTP_BLKSIZE", value_name = "N", value_parser = clap::value_parser!(u16).range(BLKSIZE))]
    pub tftp_blksize: Option<u16>,
    /// Leave it to the kernel to cut TFTP's datagrams, and offers that leave together, out of one buffer (GSO); false where a network card does that wrong [default: true]
    #[arg(
        long,
        env = "BOOTJACK_TFTP_SEGMENTATION",
        value_name = "true|false",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    pub tftp_segmentation: Option<bool>,
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
    /// That networks and reservations are described; the config file alone can.
    #[arg(skip)]
    pub dhcp: Option<Given>,
    /// That rows of the quirk table are added; the config file alone can.
    #[arg(skip)]
    pub quirks: Option<Given>,
}

/// The address of a host that can be asked.
///
/// # Errors
/// In words: it is none.
fn server_address(text: &str) -> Result<Ipv4Addr, String> {
    let address: Ipv4Addr = text
        .trim()
        .parse()
        .map_err(|_| "no IPv4 address".to_owned())?;
    let group = address.is_multicast() || address.is_broadcast();
    if group || address.is_unspecified() || address.is_loopback() {
        return Err("no address of another host".to_owned());
    }
    Ok(address)
}

/// The most DHCP servers that can be named.
pub const MOST_SERVERS: usize = 4;

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

impl Settings {
    /// `self` where it says something, else `weaker`.
    #[must_use]
    pub fn or(self, weaker: Self) -> Self {
        Self {
            mode: self.mode.or(weaker.mode),
            force: self.force.or(weaker.force),
            interface: self.interface.or(weaker.interface),
            dhcp_server: self.dhcp_server.or(weaker.dhcp_server),
            profiles: self.profiles.or(weaker.profiles),
            images: self.images.or(weaker.images),
            assets: self.assets.or(weaker.assets),
            state: self.state.or(weaker.state),
            http_port: self.http_port.or(weaker.http_port),
            https_port: self.https_port.or(weaker.https_port),
            tls_cert: self.tls_cert.or(weaker.tls_cert),
            tls_key: self.tls_key.or(weaker.tls_key),
            tls_name: self.tls_name.or(weaker.tls_name),
            tftp_windowsize: self.tftp_windowsize.or(weaker.tftp_windowsize),
            tftp_blksize: self.tftp_blksize.or(weaker.tftp_blksize),
            tftp_segmentation: self.tftp_segmentation.or(weaker.tftp_segmentation),
            user: self.user.or(weaker.user),
            poll: self.poll.or(weaker.poll),
            log_format: self.log_format.or(weaker.log_format),
            log_level: self.log_level.or(weaker.log_level),
            dhcp: self.dhcp.or(weaker.dhcp),
            quirks: self.quirks.or(weaker.quirks),
        }
    }

    /// The keys, those apart that are read while serving, of which another source says something else.
    pub fn differing(&self, other: &Self) -> Vec<&'static str> {
        let settings = KEYS.into_iter().filter(|key| !LIVE.contains(key));
        settings
            .filter(|key| self.said(key) != other.said(key))
            .collect()
    }

    /// Whether this source gives a key.
    fn gives(&self, key: &str) -> bool {
        self.said(key).is_some()
    }

    /// What this source says of a key.
    fn said(&self, key: &str) -> Option<String> {
        fn text(value: Option<impl Debug>) -> Option<String> {
            value.map(|value| format!("{value:?}"))
        }
        match key {
            "mode" => text(self.mode),
            "force" => text(self.force),
            "interface" => text(self.interface.as_ref()),
            "dhcp-server" => text(self.dhcp_server.as_ref()),
            "profiles" => text(self.profiles.as_ref()),
            "images" => text(self.images.as_ref()),
            "assets" => text(self.assets.as_ref()),
            "state" => text(self.state.as_ref()),
            "http-port" => text(self.http_port),
            "https-port" => text(self.https_port),
            "tls-cert" => text(self.tls_cert.as_ref()),
            "tls-key" => text(self.tls_key.as_ref()),
            "tls-name" => text(self.tls_name.as_ref()),
            "tftp-windowsize" => text(self.tftp_windowsize),
            "tftp-blksize" => text(self.tftp_blksize),
            "tftp-segmentation" => text(self.tftp_segmentation),
            "user" => text(self.user.as_ref()),
            "poll" => text(self.poll),
            "log-format" => text(self.log_format),
            "log-level" => text(self.log_level),
            "dhcp" => text(self.dhcp),
            "quirks" => text(self.quirks),
            _ => None,
        }
    }
}

/// What is in force.
///
/// # Errors
/// The config file cannot be read; something is wrong with its settings, and then all that is wrong
/// with its `dhcp:` and `quirks:` is told too.
pub fn effective(args: SettingsArgs) -> Result<Effective, Error> {
    let (settings, findings) = whatever(args)?;
    if findings.iter().any(|f| f.severity == Severity::Error) {
        return Err(Error::findings("the config file cannot be used", &findings));
    }
    Ok(settings)
}

/// What would be in force without the settings of the config file that are wrong, and what is wrong.
///
/// # Errors
/// The config file cannot be read.
pub fn whatever(args: SettingsArgs) -> Result<(Effective, Vec<Finding>), Error> {
    let read = read_file(args.config.as_deref())?;
    let (said, findings) = read.unzip();
    let settings = args.settings.or(said.clone().unwrap_or_default());
    let effective = Effective {
        file: ConfigFile {
            path: args.config.unwrap_or_else(|| DEFAULT_FILE.into()),
            settings: said,
        },
        ..settings.decided()
    };
    Ok((effective, findings.unwrap_or_default()))
}

/// Reads the config file, where there is one: its settings, and everything that is wrong with it
/// where a setting is.
fn read_file(named: Option<&Path>) -> Result<Option<(Settings, Vec<Finding>)>, Error> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    let file: Arc<str> = path.display().to_string().into();
    let text = match text::read(path, CONFIG_FILE.most) {
        Err(why) if why.is_absent() && named.is_none() => return Ok(None),
        Err(why) => return Err(unreadable(&file, &why)),
        Ok(text) => text,
    };
    let mut report = Report::new(&file, &text);
    let root = report.parse(&CONFIG_FILE);
    let said = root.as_ref().map(|root| settings(root, &mut report));
    if let Some(root) = root.filter(|_| report.is_wrong()) {
        // All at once: nobody mends a setting to be told of the next mistake.
        let _ = network::of_config(&root, network::Beside::default(), &mut report);
        let _ = quirk::of_config(&root, None, &mut report);
    }
    Ok(Some((said.unwrap_or_default(), report.finish())))
}

fn unreadable(file: &str, why: &Unreadable) -> Error {
    let hint = match why {
        Unreadable::TooLarge(_) => CONFIG_FILE.too_much,
        Unreadable::NoFile => "it is read again while serving, so it has to be a file",
        _ if why.is_absent() => "create it, or name another with --config",
        _ => "run as root, or let the user that you are read it",
    };
    let finding = why.finding(file, Severity::Error, hint);
    Error::findings("the config file cannot be used", &[finding])
}
