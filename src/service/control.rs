//! A socket in the state folder, by which commands ask the running server.
//!
//! One request a connection, a line of JSON; the answer is lines of JSON, the last of which is
//! `{"done":2}`, how many it is about, or `{"error":"why"}`.
//!
//! Only root and the user that bootjack runs as are answered: the file is theirs alone, and the
//! kernel is asked who is at the other end. Requests are short, clients few, and all have a
//! deadline. Made after privileges are given up; a socket that is there is a dead server's: only who
//! has the store beside it makes one.

use std::fs::{self, Permissions};
use std::io::{self, BufRead, BufReader, Write};
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

use super::privilege;

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
