//! What is known of the LAN's DHCP servers, in the running server: which of them answer no relays is told
//! of, and kept over restarts in the state folder.
//!
//! ```text
//! dhcp-servers.json   {"no-relays": ["10.0.0.1"]}
//! ```
//!
//! Nothing in it is worth a start that fails: without it, or where it cannot be read, the first machines that
//! need a lease wait some seconds for one.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::Shared;
use super::interfaces;
use crate::config::{Effective, MOST_SERVERS, Mode};
use crate::error::{Error, why};
use crate::event::What;
use crate::relay::servers::{MOST, News, Servers};
use crate::yaml::Severity;

/// The file's name in the state folder.
pub const FILE: &str = "dhcp-servers.json";
/// No more is read of it, in bytes.
const LONGEST: u64 = 64 << 10;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Kept {
    no_relays: Vec<Ipv4Addr>,
}

/// Where it is kept; writers take turns.
#[derive(Debug, Default)]
pub struct Keeper(Mutex<Option<PathBuf>>);

/// The servers that were found to answer no relays; none where nothing is kept, or nothing readable.
pub fn deaf(folder: &Path) -> Vec<Ipv4Addr> {
    let mut text = String::new();
    let read =
        File::open(folder.join(FILE)).map(|file| file.take(LONGEST).read_to_string(&mut text));
    let kept = read
        .ok()
        .and_then(|_| serde_json::from_str::<Kept>(&text).ok());
    let mut deaf = kept.unwrap_or_default().no_relays;
    deaf.truncate(MOST);
    deaf
}

/// The servers as they are known when bootjack starts: those that the operator names, and what was kept.
pub fn known(folder: &Path, named: &[Ipv4Addr]) -> Servers {
    let mut servers = Servers::new(named.to_vec());
    for server in deaf(folder) {
        servers.remember_deaf(Instant::now(), server);
    }
    servers
}

/// What is wrong with the servers that the operator names: `own` are this host's subnets.
pub fn misnamed(settings: &Effective, own: &[Ipv4Net]) -> Vec<(Severity, String)> {
    let named = &settings.dhcp_server;
    if named.is_empty() {
        return Vec::new();
    }
    if settings.mode != Mode::Proxy {
        let mode = settings.mode.name();
        let text = format!(
            "dhcp-server has no effect in mode {mode}: nobody else's leases are handed on there"
        );
        return vec![(Severity::Warning, text)];
    }
    let ours = |address: &&Ipv4Addr| own.iter().any(|net| is_no_other(*net, **address));
    let mut wrong: Vec<(Severity, String)> = named
        .iter()
        .filter(ours)
        .map(|address| {
            let text = format!("dhcp-server: {address} is this host, or everybody on its link; name the LAN's own DHCP server, or leave it out");
            (Severity::Error, text)
        })
        .collect();
    let twice = |(n, address): &(usize, &Ipv4Addr)| named.iter().take(*n).any(|a| a == *address);
    wrong.extend(named.iter().enumerate().filter(twice).map(|(_, address)| {
        let text = format!("dhcp-server names {address} twice");
        (Severity::Warning, text)
    }));
    if named.len() > MOST_SERVERS {
        let text = format!(
            "dhcp-server names {} servers; name {MOST_SERVERS} at most",
            named.len()
        );
        wrong.push((Severity::Error, text));
    }
    wrong
}

/// What is worth a word of the DHCP servers that the operator names.
///
/// # Errors
/// They cannot be asked.
pub fn cautions(settings: &Effective) -> Result<Vec<What>, Error> {
    let own: Vec<_> = interfaces::now().into_iter().flat_map(|i| i.nets).collect();
    let (wrong, doubtful): (Vec<_>, Vec<_>) = misnamed(settings, &own)
        .into_iter()
        .partition(|(severity, _)| *severity == Severity::Error);
    if let Some((_, text)) = wrong.into_iter().next() {
        return Err(Error::failed(text));
    }
    let warnings = doubtful.into_iter();
    Ok(warnings.map(|(_, text)| What::Warning { text }).collect())
}

fn is_no_other(net: Ipv4Net, address: Ipv4Addr) -> bool {
    let whole = [net.network(), net.broadcast()].contains(&address);
    net.addr() == address || (net.prefix_len() < 31 && whole)
}

fn write(folder: &Path, no_relays: Vec<Ipv4Addr>) -> io::Result<()> {
    let text = serde_json::to_string(&Kept { no_relays })?;
    let new = folder.join(format!("{FILE}.new"));
    fs::write(&new, text + "\n")?;
    fs::rename(&new, folder.join(FILE))
}

impl Shared {
    /// Knows what was kept of servers in the state folder, and keeps it there from now on. `named`: those
    /// whom the operator names.
    pub fn know_servers(&self, folder: &Path, named: &[Ipv4Addr]) {
        self.relay().servers = known(folder, named);
        *locked(&self.servers_kept) = Some(folder.to_owned());
    }

    /// Takes note of what has become known of a server.
    pub(super) fn heed(self: &Arc<Self>, news: Option<News>) {
        let Some(news) = news else { return };
        self.emit(None, told(news));
        let shared = self.clone();
        tokio::task::spawn_blocking(move || {
            let folder = locked(&shared.servers_kept);
            let Some(folder) = folder.as_deref() else {
                return;
            };
            let deaf = shared.relay().servers.deaf().collect();
            if let Err(error) = write(folder, deaf) {
                let text = format!(
                    "cannot keep what is known of DHCP servers in {}: {}; it lasts until bootjack ends",
                    folder.display(),
                    why(&error)
                );
                shared.emit(None, What::Warning { text });
            }
        });
    }
}

fn told(news: News) -> What {
    match news {
        News::Deaf(server) => What::Warning {
            text: format!(
                "the DHCP server {server} answers machines, but no relays: Secure Boot and firmware that follows no proxy cannot be given its leases, and get their loader beside them, at once from now on; have it serve relay agents, or run bootjack on its host (--mode colocated); `bootjack doctor` tells more"
            ),
        },
        News::Answers(server) => What::Notice {
            text: format!(
                "the DHCP server {server} answers relays: machines that need it get its leases by bootjack"
            ),
        },
    }
}

fn locked(keeper: &Keeper) -> std::sync::MutexGuard<'_, Option<PathBuf>> {
    keeper.0.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_and_damage_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(deaf(folder.path()), [] as [Ipv4Addr; 0]);
        let server = Ipv4Addr::new(10, 0, 0, 1);
        write(folder.path(), vec![server]).unwrap();
        assert_eq!(deaf(folder.path()), [server]);
        for damage in ["", "{", "[]", "{\"no-relays\":[\"x\"]}", "\u{0}"] {
            fs::write(folder.path().join(FILE), damage).unwrap();
            assert_eq!(deaf(folder.path()), [] as [Ipv4Addr; 0], "{damage:?}");
        }
    }
}
