//! The credentials in force: read as root at the start, and again when the files change, where the
//! user that serves may read them.
//!
//! Certificate and key are two files, and are written one after the other: what is read is what has
//! stayed the same for one look. What cannot be used is told, and the one before stays.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use nix::unistd::{AccessFlags, access};
use tokio::sync::Notify;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::certificate::day;
use super::provider::PROVIDER;
use super::{Credentials, files, wanted};
use crate::config::{Effective, Https};
use crate::error::Error;
use crate::event::What;
use crate::service::{Shared, privilege};
use crate::yaml::{Finding, Severity};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// HTTPS as it is served.
#[derive(Debug)]
pub struct Tls {
    https: Https,
    addresses: Vec<Ipv4Addr>,
    current: ArcSwap<CertifiedKey>,
    forced: Notify,
    /// As the files were before they were read at the start.
    first: Stamp,
}

/// Sizes, times and inodes of both files; `None` where one cannot be seen.
type Stamp = [Option<(u64, u64, [i64; 4])>; 2];

impl Tls {
    /// Reads the files, where HTTPS is wanted, and what is worth a warning.
    ///
    /// # Errors
    /// HTTPS is wanted and cannot be served.
    pub fn open(
        settings: &Effective,
        addresses: Vec<Ipv4Addr>,
    ) -> Result<(Option<Arc<Self>>, Vec<Finding>), Error> {
        let (https, findings) = wanted(settings);
        if findings.iter().any(|f| f.severity == Severity::Error) {
            return Err(Error::findings("HTTPS cannot be served", &findings));
        }
        let Some(https) = https else {
            return Ok((None, findings));
        };
        let first = stamp(&https);
        let read = files::read(&https);
        let read = read.map_err(|why| Error::findings("HTTPS cannot be served", &[why]))?;
        let flaws = read.flaws(&https, &addresses, SystemTime::now());
        let tls = Self {
            https,
            addresses,
            current: ArcSwap::new(read.certified),
            forced: Notify::new(),
            first,
        };
        Ok((Some(Arc::new(tls)), flaws))
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.https.port
    }

    /// What every handshake is held to.
    ///
    /// # Errors
    /// Never with the provider that there is.
    pub fn config(self: &Arc<Self>) -> io::Result<Arc<ServerConfig>> {
        let config = ServerConfig::builder_with_provider(PROVIDER.clone())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let mut config = config
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// What the user that serves may not read again, in words. To be asked once privileges are given
    /// up.
    pub fn read_once(&self) -> Option<String> {
        let both = [&self.https.cert, &self.https.key];
        let barred =
            |path: &&&std::path::PathBuf| access(path.as_path(), AccessFlags::R_OK).is_err();
        let barred = both.iter().find(barred)?.display();
        let user = privilege::me();
        Some(format!(
            "{barred} was read by root, and user {user} may not: a new certificate is in force after a \
             restart, not by a reload"
        ))
    }

    /// Reads both files again now (SIGHUP). The outcome is an event.
    pub fn reload(&self) {
        self.forced.notify_one();
    }

    /// Reads them again whenever they change.
    ///
    /// # Errors
    /// Never; the type is that of the other services.
    pub async fn keep(self: Arc<Self>, shared: Arc<Shared>) -> io::Result<()> {
        let (mut read, mut before) = (self.first, self.first);
        let mut tick = tokio::time::interval(LOOK);
        loop {
            let forced = tokio::select! {
                () = self.forced.notified() => true,
                _ = tick.tick() => false,
            };
            let now = self.look().await.unwrap_or(before);
            if forced || (now != read && now == before) {
                read = now;
                self.renew(&shared).await;
            }
            before = now;
        }
    }

    async fn look(self: &Arc<Self>) -> Option<Stamp> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || stamp(&this.https))
            .await
            .ok()
    }

    async fn renew(self: &Arc<Self>, shared: &Shared) {
        let this = self.clone();
        let read = tokio::task::spawn_blocking(move || files::read(&this.https)).await;
        let said = match read {
            Ok(Ok(credentials)) => self.put_in_force(credentials),
            Ok(Err(why)) => vec![What::Warning {
                text: format!("the certificate read before stays in force: {why}"),
            }],
            Err(e) => vec![What::Fault {
                text: format!("reading the certificate failed: {e}; the one read before stays"),
            }],
        };
        for what in said {
            shared.emit(None, what);
        }
    }

    fn put_in_force(&self, credentials: Credentials) -> Vec<What> {
        let until = credentials.ends().map(day).unwrap_or_default();
        let flaws = credentials.flaws(&self.https, &self.addresses, SystemTime::now());
        self.current.store(credentials.certified);
        let cert = self.https.cert.display();
        let text = format!("the certificate in {cert} is in force, and holds until {until}");
        let flaws = flaws.iter().map(|flaw| What::Warning {
            text: flaw.to_string(),
        });
        [What::Notice { text }].into_iter().chain(flaws).collect()
    }
}

impl ResolvesServerCert for Tls {
    /// One certificate, whatever name is asked for: firmware asks by address, and then with none.
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

fn stamp(https: &Https) -> Stamp {
    let of = |path: &Path| {
        let meta = fs::metadata(path).ok()?;
        let times = [
            meta.mtime(),
            meta.mtime_nsec(),
            // Who may read it is a change too.
            meta.ctime(),
            meta.ctime_nsec(),
        ];
        Some((meta.ino(), meta.size(), times))
    };
    [of(&https.cert), of(&https.key)]
}
