//! `control.sock` in the state folder: how `bootjack leases` asks the server that has the store.
//!
//! One request a connection, a line of JSON; the answer is lines of JSON:
//!
//! ```text
//! {"ask":"list"}                          {"address":"10.0.0.5","mac":…}  a line each lease,
//!                                         {"done":2}                      then how many
//! {"ask":"networks"}                      {"network":"lab","subnets":…}   the same of networks
//! {"ask":"release","address":"10.0.0.5"}  {"done":1}
//! {…,"mac":"52:54:00:12:34:56"}           the same, if that machine has the lease
//! anything else, or what fails            {"error":"why"}
//! ```
//!
//! Only root and the user that bootjack runs as are answered: the file is theirs alone, and the
//! kernel is asked who is at the other end. Requests are short, clients few, and all have a
//! deadline. Made after privileges are given up; a socket that is there is a dead server's, for
//! this one has the store.

use std::fs::{self, Permissions};
use std::io::{self, BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nix::unistd::Uid;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{Leases, filter};
use crate::service::privilege;

/// The socket's name in the state folder.
pub const FILE: &str = "control.sock";

/// Clients at once; one more waits.
const CLIENTS: usize = 4;
/// Bytes of a request.
const REQUEST: u64 = 4096;
/// Until the request is there.
const ASKING: Duration = Duration::from_secs(5);
/// Until the answer is taken.
const TAKING: Duration = Duration::from_secs(60);
/// How long the command waits for the next line.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a failing socket rests.
const REST: Duration = Duration::from_millis(200);

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "lowercase", deny_unknown_fields)]
pub enum Ask {
    /// Every lease.
    List {},
    /// Every network.
    Networks {},
    /// End the lease of an address.
    Release {
        /// The address.
        address: Ipv4Addr,
        /// Only a lease of this machine.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mac: Option<String>,
    },
}

/// The last line of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// It was done; how many leases it is about.
    Done(usize),
    /// Why it was not.
    Error(String),
}

/// The longest path of a socket, in bytes (`sun_path` less its NUL, unix(7)).
const MAX_PATH: usize = 107;

/// Why no socket can be in a folder, in words.
pub fn misplaced(folder: &Path) -> Option<String> {
    let path = folder.join(FILE);
    let length = path.as_os_str().len();
    (length > MAX_PATH).then(|| {
        format!(
            "the path {} has {length} bytes, and a socket's has at most {MAX_PATH}; set `state` to a folder with a shorter one",
            path.display()
        )
    })
}

/// What was asked for, or why the server does not give it.
pub type Answer<T> = Result<Vec<T>, String>;

/// Makes the socket.
///
/// # Errors
/// The folder cannot be written, or is [`misplaced`].
pub fn open(folder: &Path) -> io::Result<UnixListener> {
    let path = folder.join(FILE);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Answers until the task is dropped.
///
/// # Errors
/// The runtime does not take the socket.
pub async fn serve(listener: UnixListener, leases: Arc<Leases>) -> io::Result<()> {
    let listener = tokio::net::UnixListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(CLIENTS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return Ok(());
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let leases = leases.clone();
                tokio::spawn(async move {
                    let _ = timeout(TAKING, answer(stream, &leases)).await;
                    drop(place);
                });
            }
            Err(_) => tokio::time::sleep(REST).await,
        }
    }
}

async fn answer(mut stream: tokio::net::UnixStream, leases: &Arc<Leases>) -> io::Result<()> {
    let (own, peer) = (Uid::effective().as_raw(), stream.peer_cred()?.uid());
    let end = if peer != 0 && peer != own {
        let user = privilege::me();
        End::Error(format!(
            "only root and user {user} may ask; run it with sudo"
        ))
    } else {
        match asked(&mut stream).await {
            Ok(Ask::List {}) => list(&mut stream, leases).await?,
            Ok(Ask::Networks {}) => networks(&mut stream, leases).await?,
            Ok(Ask::Release { address, mac }) => {
                match leases.release(address, mac.as_deref()).await {
                    Ok(()) => End::Done(1),
                    Err(why) => End::Error(why),
                }
            }
            Err(why) => End::Error(why),
        }
    };
    stream.write_all(&line(&end)).await?;
    stream.shutdown().await
}

async fn asked(stream: &mut tokio::net::UnixStream) -> Result<Ask, String> {
    let mut request = Vec::new();
    let mut reader = tokio::io::BufReader::new(stream.take(REQUEST));
    let read = reader.read_until(b'\n', &mut request);
    match timeout(ASKING, read).await {
        Err(_) => Err("no request came".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(_)) => serde_json::from_slice(&request).map_err(|e| format!("no such request: {e}")),
    }
}

/// So many at a time, that nobody waits long for the book.
async fn list(stream: &mut tokio::net::UnixStream, leases: &Leases) -> io::Result<End> {
    let addresses = leases.addresses();
    let mut count = 0;
    for part in addresses.chunks(Leases::PART) {
        let rows = leases.rows(part);
        count += rows.len();
        let lines: Vec<u8> = rows.iter().flat_map(line).collect();
        stream.write_all(&lines).await?;
    }
    Ok(End::Done(count))
}

async fn networks(stream: &mut tokio::net::UnixStream, leases: &Leases) -> io::Result<End> {
    let known = filter::known(&leases.networks());
    let lines: Vec<u8> = known.iter().flat_map(line).collect();
    stream.write_all(&lines).await?;
    Ok(End::Done(known.len()))
}

fn line(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    line
}

/// What the command gets: leases, or networks, and how it ended.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line<T> {
    End(End),
    Item(Box<T>),
}

/// Asks the server that has this state folder; `None` where none is running.
///
/// # Errors
/// The socket is another user's; the server answered something that makes no sense, or nothing.
pub fn ask<T: DeserializeOwned>(folder: &Path, ask: &Ask) -> io::Result<Option<Answer<T>>> {
    let stream = match UnixStream::connect(folder.join(FILE)) {
        Ok(stream) => stream,
        Err(error) if is_nobody(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    match (&stream).write_all(&line(ask)) {
        // It has said no already, and hung up: what it said is read below.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        outcome => outcome?,
    }
    let mut items = Vec::new();
    for line in BufReader::new(&stream).lines() {
        match serde_json::from_str(&line?)? {
            Line::Item(item) => items.push(*item),
            Line::End(End::Done(_)) => return Ok(Some(Ok(items))),
            Line::End(End::Error(why)) => return Ok(Some(Err(why))),
        }
    }
    Err(io::Error::other("it ended its answer too early"))
}

/// No socket, or one that nobody listens at: also where the folder is none, or its name too long
/// for a server to have a socket there.
fn is_nobody(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, InvalidInput, NotADirectory, NotFound};
    matches!(
        error.kind(),
        NotFound | ConnectionRefused | NotADirectory | InvalidInput
    )
}
