//! The credentials in force: read as root at the start, and again when the files change, where the
//! user that serves may read them.
//!
//! Certificate and key are two files, and are written one after the other: what is read is what has
//! stayed the same for one look. What cannot be used is told, and the one before stays. A file that may
//! not even be seen (a folder of root's) is one that has not changed.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
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
/// How often the certificate's age is.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// HTTPS as it is served.
#[derive(Debug)]
pub struct Tls {
    https: Https,
    addresses: Vec<Ipv4Addr>,
    current: ArcSwap<Credentials>,
    forced: Notify,
    /// As the files were before they were read at the start.
    first: Stamp,
    /// What was said of the certificate's age.
    age: Mutex<Option<String>>,
}

/// Both files.
type Stamp = [Look; 2];

/// What is seen of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Its inode, size and times.
    There(u64, u64, [i64; 4]),
    Gone,
    /// Nothing: the folder is another user's.
    Barred,
}

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
        let now = SystemTime::now();
        let flaws = read.flaws(&https, &addresses, now);
        let tls = Self {
            https,
            addresses,
            age: Mutex::new(age(&read, now)),
            current: ArcSwap::from_pointee(read),
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

    /// Reads them again whenever they change, and tells once a day what comes of their age.
    ///
    /// # Errors
    /// Never; the type is that of the other services.
    pub async fn keep(self: Arc<Self>, shared: Arc<Shared>) -> io::Result<()> {
        let mut files = Files::new(self.first);
        let mut tick = tokio::time::interval(LOOK);
        let mut day = tokio::time::interval(DAY);
        loop {
            let forced = tokio::select! {
                () = self.forced.notified() => true,
                _ = tick.tick() => false,
                _ = day.tick() => {
                    if let Some(what) = self.aged(SystemTime::now()) {
                        shared.emit(None, what);
                    }
                    continue;
                }
            };
            let changed = self.look().await.is_some_and(|now| files.changed(now));
            if forced || changed {
                files.taken();
                self.renew(&shared).await;
            }
        }
    }

    /// What there is to say of the certificate's age by now that was not said before.
    pub fn aged(&self, now: SystemTime) -> Option<What> {
        let age = age(&self.current.load(), now);
        let mut told = self.age.lock().unwrap_or_else(PoisonError::into_inner);
        let new = age.clone().filter(|_| age != *told);
        *told = age;
        let cert = self.https.cert.display();
        new.map(|age| What::Warning {
            text: format!("{cert}: {age}"),
        })
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
        let now = SystemTime::now();
        let flaws = credentials.flaws(&self.https, &self.addresses, now);
        *self.age.lock().unwrap_or_else(PoisonError::into_inner) = age(&credentials, now);
        self.current.store(Arc::new(credentials));
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
        Some(self.current.load().certified.clone())
    }
}

/// What is worth a word of how old it is.
fn age(credentials: &Credentials, now: SystemTime) -> Option<String> {
    let (message, hint) = credentials.age(now)?;
    Some(format!("{message}; {hint}"))
}

fn stamp(https: &Https) -> Stamp {
    [Look::at(&https.cert), Look::at(&https.key)]
}

impl Look {
    fn at(path: &Path) -> Self {
        let meta = match fs::metadata(path) {
            Ok(meta) => meta,
            Err(why) if why.kind() == io::ErrorKind::PermissionDenied => return Self::Barred,
            Err(_) => return Self::Gone,
        };
        let times = [
            meta.mtime(),
            meta.mtime_nsec(),
            // Who may read it is a change too.
            meta.ctime(),
            meta.ctime_nsec(),
        ];
        Self::There(meta.ino(), meta.size(), times)
    }

    fn or_as(self, before: Self) -> Self {
        match self {
            Self::Barred => before,
            seen => seen,
        }
    }
}

/// The files as they were when they were read, and at the last look.
#[derive(Debug)]
struct Files {
    read: Stamp,
    before: Stamp,
}

impl Files {
    fn new(first: Stamp) -> Self {
        let (read, before) = (first, first);
        Self { read, before }
    }

    /// Whether they are others than those that were read, and rest.
    fn changed(&mut self, [cert, key]: Stamp) -> bool {
        let [cert_before, key_before] = self.before;
        let now = [cert.or_as(cert_before), key.or_as(key_before)];
        let changed = now != self.read && now == self.before;
        self.before = now;
        changed
    }

    /// They are read as they are now.
    fn taken(&mut self) {
        self.read = self.before;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_changed_when_they_rest_and_not_when_they_cannot_be_seen() {
        let there = |n| Look::There(n, 1, [0; 4]);
        let old = [there(1), there(2)];
        let mut files = Files::new(old);
        for (now, changed) in [
            (old, false),
            ([Look::Barred; 2], false),
            ([Look::Barred; 2], false),
            ([there(3), Look::Barred], false),
            ([there(3), there(4)], false),
            ([there(3), there(4)], true),
            ([there(3), there(4)], false),
            ([Look::Gone, there(4)], false),
            ([Look::Gone, there(4)], true),
            ([Look::Gone, Look::Barred], false),
        ] {
            assert_eq!(files.changed(now), changed, "{now:?}");
            if changed {
                files.taken();
            }
        }
    }
}
