//! A socket in the state folder, by which commands ask the running server.
//!
//! One request a connection, a line of JSON; the answer is lines of JSON, the last of which is
//! `{"done":2}`, how many it is about, or `{"error":"why"}`.
//!
//! Only root and the user that bootjack runs as are answered: the file is theirs alone, and the
//! kernel is asked who is at the other end. Requests are short, clients few, and all have a
//! deadline. Made after privileges are given up; a socket that is there is a dead server's: only who
//! has the store beside it makes one.
//!
//! Where the folder takes none, what stands in for it is a socket without a file ([`stand_in`]), named
//! after the folder. Any user may have taken that name before: the command asks the kernel, too, who is at
//! the other end, and passes over whom it does not trust, and who takes no connection. No mount namespace
//! hides it: root of any container in this network namespace is answered, and nobody makes none (see
//! `machines`).

use std::fs::{self, Permissions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsRawFd as _;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::socket::sockopt::{PeerCredentials, SendTimeout};
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, UnixAddr, getsockopt};
use nix::sys::time::{TimeVal, TimeValLike as _};
use nix::unistd::Uid;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::privilege;
use crate::wire::hex_digits;

/// The server's end of a connection.
pub type Stream = tokio::net::UnixStream;

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
/// Seconds until a stand-in has taken the command's connection.
const CONNECTING: i64 = 3;
/// How long a failing socket rests.
const REST: Duration = Duration::from_millis(200);

/// Who answers at a socket.
pub trait Desk: Send + Sync + 'static {
    /// What can be asked.
    type Ask: DeserializeOwned + Send;

    /// Writes what is asked for, and says how it ended.
    ///
    /// # Errors
    /// The client takes it no longer.
    fn answer(
        &self,
        stream: &mut Stream,
        ask: Self::Ask,
    ) -> impl Future<Output = io::Result<End>> + Send;
}

/// The last line of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// It was done; how many it is about.
    Done(usize),
    /// Why it was not.
    Error(String),
}

/// The longest path of a socket, in bytes (`sun_path` less its NUL, unix(7)).
const MAX_PATH: usize = 107;

/// Why no socket can have this path, in words.
pub fn misplaced(path: &Path) -> Option<String> {
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
pub fn open(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Makes the socket that stands in for the one of this name in a folder: an abstract one (unix(7)),
/// seen in this network namespace alone, and gone with its server.
///
/// # Errors
/// Somebody has that name already.
pub fn stand_in(folder: &Path, name: &str) -> io::Result<UnixListener> {
    let listener = UnixListener::bind_addr(&address(folder, name)?)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// `bootjack/machines.sock/` and a digest of the folder's path: a path may be longer than such a name.
fn address(folder: &Path, name: &str) -> io::Result<SocketAddr> {
    let folder: PathBuf = std::path::absolute(folder)?.components().collect();
    let digest = Sha256::digest(folder.as_os_str().as_encoded_bytes());
    let digest = hex_digits(digest.get(..16).unwrap_or_default());
    SocketAddr::from_abstract_name(format!("bootjack/{name}/{digest}"))
}

/// Answers until the task is dropped.
///
/// # Errors
/// The runtime does not take the socket.
pub async fn serve<D: Desk>(listener: UnixListener, desk: Arc<D>) -> io::Result<()> {
    let listener = tokio::net::UnixListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(CLIENTS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return Ok(());
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let desk = desk.clone();
                tokio::spawn(async move {
                    let _ = timeout(TAKING, answer(stream, &*desk)).await;
                    drop(place);
                });
            }
            Err(_) => tokio::time::sleep(REST).await,
        }
    }
}

async fn answer<D: Desk>(mut stream: Stream, desk: &D) -> io::Result<()> {
    let (own, peer) = (Uid::effective().as_raw(), stream.peer_cred()?.uid());
    let end = if peer != 0 && peer != own {
        let user = privilege::me();
        End::Error(format!(
            "only root and user {user} may ask; run it with sudo"
        ))
    } else {
        match asked(&mut stream).await {
            Ok(ask) => desk.answer(&mut stream, ask).await?,
            Err(why) => End::Error(why),
        }
    };
    stream.write_all(&line(&end)).await?;
    stream.shutdown().await
}

async fn asked<A: DeserializeOwned>(stream: &mut Stream) -> Result<A, String> {
    let mut request = Vec::new();
    let mut reader = tokio::io::BufReader::new(stream.take(REQUEST));
    let read = reader.read_until(b'\n', &mut request);
    match timeout(ASKING, read).await {
        Err(_) => Err("no request came".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(_)) => serde_json::from_slice(&request).map_err(|e| format!("no such request: {e}")),
    }
}

/// A line of an answer.
pub fn line(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    line
}

/// What the command gets: items, and how it ended.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line<T> {
    End(End),
    Item(Box<T>),
}

/// Asks the server that has this socket; `None` where none is running.
///
/// # Errors
/// The socket is another user's; the server answered something that makes no sense, or nothing.
pub fn ask<T: DeserializeOwned>(
    path: &Path,
    ask: &impl Serialize,
) -> io::Result<Option<Answer<T>>> {
    let stream = match UnixStream::connect(path) {
        Ok(stream) => stream,
        Err(error) if is_nobody(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    asked_by(&stream, ask).map(Some)
}

/// Asks the server that has the socket that stands in for the one of this name in a folder; `None` where
/// none is running, or somebody has it who is not `trusted`: any user of the host can take such a name.
/// Who takes no connection is asked for as `None`.
///
/// # Errors
/// As [`ask`].
pub fn ask_stand_in<T: DeserializeOwned>(
    folder: &Path,
    name: &str,
    trusted: impl Fn(Option<Uid>) -> bool,
    ask: &impl Serialize,
) -> io::Result<Option<Answer<T>>> {
    let stream = match connected(&address(folder, name)?) {
        Ok(stream) => stream,
        Err(error) if is_nobody(&error) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock && !trusted(None) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let peer = Uid::from_raw(getsockopt(&stream, PeerCredentials)?.uid());
    if !trusted(Some(peer)) {
        return Ok(None);
    }
    asked_by(&stream, ask).map(Some)
}

/// Who takes no connection must not hold up who asks: with a full queue, connecting waits for ever.
fn connected(to: &SocketAddr) -> io::Result<UnixStream> {
    let name = to.as_abstract_name().unwrap_or_default();
    let (kind, flags) = (SockType::Stream, SockFlag::SOCK_CLOEXEC);
    let socket = socket::socket(AddressFamily::Unix, kind, flags, None)?;
    let wait = TimeVal::seconds(CONNECTING);
    socket::setsockopt(&socket, SendTimeout, &wait)?;
    socket::connect(socket.as_raw_fd(), &UnixAddr::new_abstract(name)?)?;
    Ok(UnixStream::from(socket))
}

fn asked_by<T: DeserializeOwned>(
    stream: &UnixStream,
    ask: &impl Serialize,
) -> io::Result<Answer<T>> {
    let mut stream = stream;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    match stream.write_all(&line(ask)) {
        // It has said no already, and hung up: what it said is read below.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        outcome => outcome?,
    }
    let mut items = Vec::new();
    for line in BufReader::new(stream).lines() {
        match serde_json::from_str(&line?)? {
            Line::Item(item) => items.push(*item),
            Line::End(End::Done(_)) => return Ok(Ok(items)),
            Line::End(End::Error(why)) => return Ok(Err(why)),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Any user of the host can take such a name.
    #[test]
    fn who_stands_in_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let (folder, name) = (folder.path(), "machines.sock");
        let ask = |trusts: bool, folder: &Path| {
            ask_stand_in::<u8>(folder, name, |_| trusts, &End::Done(0))
        };
        assert!(ask(true, folder).unwrap().is_none(), "nobody is there");
        let ours = stand_in(folder, name).unwrap();
        ours.set_nonblocking(false).unwrap();
        assert!(stand_in(folder, name).is_err(), "one has it");
        assert!(ask(true, &folder.join("other")).unwrap().is_none());
        let untrusted = ask(false, &folder.join("./")).unwrap();
        assert!(untrusted.is_none(), "nobody that is asked");
        let serving = std::thread::spawn(move || {
            // The one that was not listened to, and the one that is.
            let _ = ours.accept().unwrap();
            let (stream, _) = ours.accept().unwrap();
            BufReader::new(&stream)
                .read_line(&mut String::new())
                .unwrap();
            (&stream).write_all(&line(&End::Done(0))).unwrap();
        });
        assert_eq!(ask(true, folder).unwrap(), Some(Ok(Vec::new())));
        serving.join().unwrap();
    }
}
