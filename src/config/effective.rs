//! [`Settings`] with every default applied.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde::Serialize;

use super::{LogLevel, Mode, Settings};
use crate::event::log::LogFormat;
use crate::transfer::Bounds;
use crate::yaml::{Finding, Severity};

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
    /// DHCP servers named; empty: they are found by their answers.
    pub dhcp_server: Vec<Ipv4Addr>,
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
    /// HTTPS port; `None` where nothing says that HTTPS is to be served.
    pub https_port: Option<u16>,
    /// The certificate of HTTPS, with its chain; `None`: HTTPS is not served.
    pub tls_cert: Option<PathBuf>,
    /// Its private key; `None`: in the certificate's file.
    pub tls_key: Option<PathBuf>,
    /// The host name in https URLs; `None`: our address.
    pub tls_name: Option<String>,
    /// The largest window that TFTP grants, in blocks.
    pub tftp_windowsize: u16,
    /// The largest block that TFTP grants, in bytes; `None`: as large as the path's MTU allows.
    pub tftp_blksize: Option<u16>,
    /// Whether the kernel cuts TFTP's datagrams out of one buffer, where it can.
    pub tftp_segmentation: bool,
    /// The user to become; `None`: `bootjack` if there is one, else `nobody`.
    pub user: Option<String>,
    /// Seconds between looks; `None`: told by the kernel.
    pub poll: Option<u32>,
    /// Form of log lines.
    pub log_format: LogFormat,
    /// How much is logged.
    pub log_level: LogLevel,
    /// The config file, whose `dhcp:` and `quirks:` are read while serving.
    #[serde(skip)]
    pub file: ConfigFile,
}

/// The config file as it was at the start.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConfigFile {
    /// Where it is, or would be.
    pub path: PathBuf,
    /// What it said; `None`: there was none.
    pub settings: Option<Settings>,
}

/// What HTTPS is served with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Https {
    /// Its port.
    pub port: u16,
    /// The certificate and its chain.
    pub cert: PathBuf,
    /// The private key; the same file where it holds both.
    pub key: PathBuf,
    /// The host name in URLs; `None`: our address.
    pub name: Option<String>,
}

impl Effective {
    /// What HTTPS is served with; `None` without a certificate.
    pub fn https(&self) -> Option<Https> {
        let cert = self.tls_cert.clone()?;
        Some(Https {
            port: self.https_port?,
            key: self.tls_key.clone().unwrap_or_else(|| cert.clone()),
            cert,
            name: self.tls_name.clone(),
        })
    }
}

/// What is to be said of settings together, whoever gave them.
pub fn finding(severity: Severity, message: &str) -> Finding {
    Finding::whole("settings", severity, message)
}

impl Settings {
    /// What is in force where nobody else says anything.
    pub(super) fn decided(self) -> Effective {
        Effective {
            mode: self.mode.unwrap_or(Mode::Proxy),
            force: self.force.unwrap_or(false),
            interface: self.interface.unwrap_or_default(),
            dhcp_server: self.dhcp_server.unwrap_or_default(),
            profiles: self.profiles,
            images: self
                .images
                .unwrap_or_else(|| "/var/lib/bootjack/images".into()),
            assets: self.assets,
            state: self
                .state
                .unwrap_or_else(|| "/var/lib/bootjack/state".into()),
            http_port: self.http_port.unwrap_or(8067),
            https_port: self.https_port.or(self.tls_cert.as_ref().map(|_| 8443)),
            tls_cert: self.tls_cert,
            tls_key: self.tls_key,
            tls_name: self.tls_name,
            tftp_windowsize: self.tftp_windowsize.unwrap_or(Bounds::DEFAULT_WINDOWSIZE),
            tftp_blksize: self.tftp_blksize,
            tftp_segmentation: self.tftp_segmentation.unwrap_or(true),
            user: self.user,
            poll: self.poll,
            log_format: self.log_format.unwrap_or(LogFormat::Text),
            log_level: self.log_level.unwrap_or(LogLevel::Info),
            file: ConfigFile::default(),
        }
    }
}
