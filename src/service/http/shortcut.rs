//! Small files in memory that are asked for in plain words, answered below hyper: who asks for the
//! same preseed a thousand times a second costs two system calls each time, and little more.
//!
//! ```text
//! bytes → a whole, plain GET of a name in `answers` whose file is in `hot` → head, bytes → socket
//!       → anything else → hyper
//! ```
//!
//! httparse reads the head here, as it does for hyper. Plain is a request of HTTP/1.1 with no other
//! headers than those that change nothing in the answer; whatever else is asked, is hyper's.
//!
//! Invariants: an answer leaves in its turn. hyper is given one whole request after another, and
//! nothing is answered here before it has answered all that it was given, to the last byte
//! ([`Shortcut::answered`]). From the first bytes on that are no whole request, all is hyper's. What a
//! client is sent, and what is told of it, is the same on both ways.
//!
//! Bounded: one answer is on its way at a time, and nothing is read meanwhile; what came beyond a
//! request is no more than hyper's buffer had room for.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use httparse::{Request, Status};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop::poll_proceed;

use super::answers::Answer;
use super::connection::Peer;
use super::progress::{Kind, Transfer};
use crate::service::files::Data;

/// Headers that a plain request has at most; boot firmware and curl send three or four.
const HEADERS: usize = 16;

/// Headers that change nothing in the answer to a GET of a file. `Connection` is plain where it says
/// what holds anyhow.
const PLAIN: [&str; 7] = [
    "host",
    "user-agent",
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "pragma",
];

/// Headers that say that a request goes on after its head, or changes the protocol.
const MORE: [&str; 4] = ["content-length", "transfer-encoding", "upgrade", "expect"];

/// What of a connection goes past hyper.
pub(super) struct Shortcut {
    peer: Arc<Peer>,
    turn: Turn,
    /// Came behind a request, and was not looked at yet.
    kept: Vec<u8>,
    /// The head of the last answer: room for the next.
    head: Vec<u8>,
    answering: Option<Answering>,
}

/// Whose the next bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// hyper has answered so many requests, and has nothing else.
    Ours(u64),
    /// hyper was given so many whole requests.
    Hypers(u64),
    /// hyper's, for ever.
    Over,
}

/// An answer on its way.
struct Answering {
    body: Bytes,
    transfer: Transfer,
    /// Bytes that are with the kernel.
    sent: usize,
    /// Whether it is told of: it could not be sent at once.
    begun: bool,
}

/// What bytes of a client are.
#[derive(Debug, PartialEq, Eq)]
enum Asked<'b> {
    /// A plain GET of this target, so long.
    Plain(&'b str, usize),
    /// A whole request without a body, so long.
    Whole(usize),
    /// Something else, or not all of it.
    Other,
}

impl Shortcut {
    pub(super) fn new(peer: Arc<Peer>) -> Self {
        Self {
            peer,
            turn: Turn::Ours(0),
            kept: Vec::new(),
            head: Vec::new(),
            answering: None,
        }
    }

    /// Whether hyper has something to do.
    pub(super) fn is_hypers_turn(&self) -> bool {
        !matches!(self.turn, Turn::Ours(_))
    }

    /// hyper has answered so many requests, all of which is with the kernel; `None`: it is at one.
    pub(super) fn answered(&mut self, requests: Option<u64>) {
        if let Turn::Hypers(given) = self.turn
            && requests == Some(given)
        {
            self.turn = Turn::Ours(given);
        }
    }

    /// The next bytes: those that are kept, else of the stream.
    pub(super) fn poll_read(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.kept.is_empty() {
            return Pin::new(stream).poll_read(cx, buf);
        }
        ready!(poll_proceed(cx)).made_progress();
        let most = self.kept.len().min(buf.remaining());
        buf.put_slice(self.kept.get(..most).unwrap_or_default());
        self.kept.drain(..most);
        Poll::Ready(Ok(()))
    }

    /// Looks at what came behind the first `before` bytes. Whether hyper is to have what is left there:
    /// else it is being answered.
    pub(super) fn hands_on(&mut self, buf: &mut ReadBuf<'_>, before: usize) -> bool {
        let new = buf.filled().get(before..).unwrap_or_default();
        if new.is_empty() || self.turn == Turn::Over {
            return true;
        }
        let len = match (self.turn, asked(new)) {
            (_, Asked::Other) => None,
            (Turn::Ours(_), Asked::Plain(target, len)) => {
                self.answering = self.answer(target);
                Some(len)
            }
            (_, Asked::Plain(_, len) | Asked::Whole(len)) => Some(len),
        };
        let ours = self.answering.is_some();
        let hypers = if ours { 0 } else { len.unwrap_or(new.len()) };
        let rest = len.and_then(|len| new.get(len..)).unwrap_or_default();
        // Before what is kept already: that came later.
        self.kept.splice(..0, rest.iter().copied());
        buf.set_filled(before + hypers);
        if !ours {
            self.peer.progress.heard();
            self.turn = self.turn.given(len.is_some());
        }
        !ours
    }

    /// The answer to a plain request, where it is known and in memory.
    fn answer(&mut self, target: &str) -> Option<Answering> {
        let (http, now) = (&self.peer.http, Instant::now());
        let answer = http.answers.of(target)?;
        let body = http.shared.hot.believed_at(now, &answer.file)?;
        let Data::Memory(bytes) = body.data else {
            return None;
        };
        if body.stamp != Some(answer.stamp) {
            return None;
        }
        http.answers.head(&answer, now, &mut self.head);
        Some(Answering {
            transfer: self.transfer(&answer, bytes.len(), now),
            body: bytes,
            sent: 0,
            begun: false,
        })
    }

    fn transfer(&self, answer: &Answer, size: usize, began: Instant) -> Transfer {
        let peer = self.peer.ip();
        Transfer {
            client: self.peer.http.shared.clients().mac_of(peer),
            peer,
            path: answer.name.clone(),
            size: size as u64,
            began,
            kind: Kind::Whole,
        }
    }

    /// Sends what is being answered, to its end.
    pub(super) fn poll_answer(
        &mut self,
        stream: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(mut answering) = self.answering.take() else {
            return Poll::Ready(Ok(()));
        };
        let sent = answering.sent;
        let polled = answering.poll_send(&self.head, stream, cx);
        let progress = &self.peer.progress;
        if let Poll::Ready(Ok(())) = polled
            && !answering.begun
        {
            progress.sent_at_once(&answering.transfer, Instant::now());
            return polled;
        }
        if !std::mem::replace(&mut answering.begun, true) {
            progress.begins_below(answering.transfer.clone());
        }
        progress.handed(answering.sent.saturating_sub(sent.max(self.head.len())) as u64);
        match polled {
            Poll::Ready(Ok(())) => {
                progress.body_ends(true);
                progress.flushed();
            }
            _ => self.answering = Some(answering),
        }
        polled
    }
}

impl Turn {
    /// hyper is given more: a whole request, or something else.
    const fn given(self, whole: bool) -> Self {
        match self {
            Self::Ours(given) | Self::Hypers(given) if whole => Self::Hypers(given + 1),
            _ => Self::Over,
        }
    }
}

impl Answering {
    fn poll_send(
        &mut self,
        head: &[u8],
        stream: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.sent < head.len() + self.body.len() {
            let ahead = head.get(self.sent..).unwrap_or_default();
            let behind = self.body.get(self.sent.saturating_sub(head.len())..);
            let parts = [ahead, behind.unwrap_or_default()].map(IoSlice::new);
            let left = parts
                .get(usize::from(ahead.is_empty())..)
                .unwrap_or_default();
            match ready!(Pin::new(&mut *stream).poll_write_vectored(cx, left))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                more => self.sent = self.sent.saturating_add(more),
            }
        }
        Pin::new(stream).poll_flush(cx)
    }
}

/// Reads what came.
fn asked(bytes: &[u8]) -> Asked<'_> {
    let mut headers = [const { MaybeUninit::uninit() }; HEADERS];
    let mut request = Request::new(&mut []);
    let parsed = request.parse_with_uninit_headers(bytes, &mut headers);
    let Ok(Status::Complete(len)) = parsed else {
        return Asked::Other;
    };
    let is = |list: &[&str], name: &str| list.iter().any(|one| name.eq_ignore_ascii_case(one));
    let (mut plain, mut whole) = (true, true);
    for header in request.headers.iter() {
        let kept = header.value.eq_ignore_ascii_case(b"keep-alive");
        plain &= is(&PLAIN, header.name) || kept && header.name.eq_ignore_ascii_case("connection");
        whole &= plain || !is(&MORE, header.name);
    }
    match (request.method, request.path, request.version) {
        (Some("GET"), Some(target), Some(1)) if plain => Asked::Plain(target, len),
        (Some("GET" | "HEAD"), _, _) if whole => Asked::Whole(len),
        _ => Asked::Other,
    }
}

#[cfg(test)]
mod tests;
