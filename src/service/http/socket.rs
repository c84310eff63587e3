//! The socket as hyper sees it: a TCP stream, or TLS over one, that tells its connection when bytes came and when
//! everything written is with the kernel. Where bytes stand for a part of a file ([`passing`](super::passing)), the
//! kernel sends that; what stands before them goes ahead by itself, marked as to be followed. What can be answered
//! without hyper ([`shortcut`](super::shortcut)) is, and hyper hears nothing of it.
//!
//! A peer that takes nothing is the kernel's to notice (`TCP_USER_TIMEOUT`): it sees
//! acknowledgements and the window, where this side only sees a full buffer.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt::TcpUserTimeout};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::connection::Peer;
use super::passing::stands_for_a_part;
use super::progress::Progress;
use super::shortcut::Shortcut;
use crate::service::sys::file::send_more;

/// What becomes of a response whose file has ended before its promised length.
pub const SHORTER: &str = "the file became shorter while it was sent";

/// What a connection may come by.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// The TCP stream that it is, or is over.
    fn tcp(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Stream for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// A connection's stream.
pub(super) struct Socket<S> {
    stream: S,
    progress: Arc<Progress>,
    shortcut: Shortcut,
}

impl<S: Stream> Socket<S> {
    /// Sets the options every connection has. The kernel ends a connection that has not taken a
    /// byte for `stalled`.
    ///
    /// # Errors
    /// Where the stream is dead already.
    pub(super) fn new(stream: S, stalled: Duration, peer: Arc<Peer>) -> io::Result<Self> {
        let tcp = stream.tcp();
        tcp.set_nodelay(true)?;
        let millis = u32::try_from(stalled.as_millis()).unwrap_or(u32::MAX);
        setsockopt(tcp, TcpUserTimeout, &millis)?;
        Ok(Self {
            stream,
            progress: peer.progress.clone(),
            shortcut: Shortcut::new(peer),
        })
    }
}

impl<S: Stream> Socket<S> {
    fn poll_send_part(&self, cx: &mut Context<'_>, most: usize) -> Poll<io::Result<usize>> {
        let Some(passing) = self.progress.passing() else {
            return Poll::Ready(Err(io::Error::other("a part of a file below TLS")));
        };
        match ready!(poll_try(self.stream.tcp(), cx, |tcp| passing.send(tcp, most))) {
            Ok(0) => {
                self.progress.broke(SHORTER.to_owned());
                Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, SHORTER)))
            }
            Ok(sent) => {
                self.progress.handed(sent as u64);
                Poll::Ready(Ok(sent))
            }
            Err(e) => Poll::Ready(Err(e)),
        }
    }

    /// Whether hyper has something to do.
    #[cfg(test)]
    pub(super) fn is_hypers(&self) -> bool {
        self.shortcut.is_hypers_turn()
    }

    fn is_sound(&self) -> io::Result<()> {
        match self.progress.passing() {
            Some(passing) if !passing.is_sound() => {
                let bug = "a part of a file was copied (a bug; please report it)";
                self.progress.broke(bug.to_owned());
                Err(io::Error::other(bug))
            }
            _ => Ok(()),
        }
    }
}

/// Tries again each time the socket takes something.
fn poll_try(
    tcp: &TcpStream,
    cx: &mut Context<'_>,
    mut attempt: impl FnMut(&TcpStream) -> io::Result<usize>,
) -> Poll<io::Result<usize>> {
    loop {
        ready!(tcp.poll_write_ready(cx))?;
        match tcp.try_io(Interest::WRITABLE, || attempt(tcp)) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            other => return Poll::Ready(other),
        }
    }
}

impl<S: Stream> AsyncRead for Socket<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            ready!(this.shortcut.poll_answer(&mut this.stream, cx))?;
            let before = buf.filled().len();
            ready!(this.shortcut.poll_read(&mut this.stream, cx, buf))?;
            if this.shortcut.hands_on(buf, before) {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: Stream> AsyncWrite for Socket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.is_sound()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.is_sound()?;
        match bufs.iter().position(stands_for_a_part) {
            None => Pin::new(&mut self.stream).poll_write_vectored(cx, bufs),
            Some(0) => self.poll_send_part(cx, bufs.first().map_or(0, |part| part.len())),
            Some(ahead) => {
                let ahead = bufs.get(..ahead).unwrap_or_default();
                poll_try(self.stream.tcp(), cx, |tcp| send_more(tcp, ahead))
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes once its own buffer is empty, and TLS hands over what it still holds, so then
    /// all is with the kernel.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        if self.shortcut.is_hypers_turn() {
            let answered = self.progress.flushed();
            self.shortcut.answered(answered);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
