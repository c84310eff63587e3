//! One connection from its first byte to its end.
//!
//! Two watch it: hyper drives it, and the watchdog ends it when it rests for longer than the idle
//! limit, be it between requests or in the midst of one's head (a slow head is not shorter for
//! coming in drops). A peer that does not take what is sent is ended by the kernel (see `socket`).

use std::convert::Infallible;
use std::error::Error as _;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use super::gate::Pass;
use super::progress::Progress;
use super::socket::{Socket, Stream};
use super::{Http, PLAIN, route};
use crate::event::What;

/// The longest head of a request, in bytes, and as much as hyper buffers before it writes. What
/// boot firmware and curl send is below 1 KiB.
const HEAD: usize = 16 * 1024;

/// The most header lines a request may have.
const HEADER_LINES: usize = 64;

/// One client on one connection.
pub(crate) struct Peer {
    /// What all connections share.
    pub(crate) http: Arc<Http>,
    /// The client's address and port.
    pub(crate) address: SocketAddr,
    /// The address of ours that it asked.
    pub(crate) local: SocketAddr,
    /// The service's name in events: `http` or `https`.
    service: &'static str,
    /// What the connection is doing.
    pub(crate) progress: Arc<Progress>,
}

impl Peer {
    /// The client behind a stream just accepted.
    pub(super) fn new(
        http: Arc<Http>,
        stream: &TcpStream,
        address: SocketAddr,
        service: &'static str,
    ) -> Arc<Self> {
        let progress = Progress::new(http.shared.clone(), service == PLAIN);
        let nowhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        Arc::new(Self {
            http,
            address: plain(address),
            local: stream.local_addr().map_or(nowhere, plain),
            service,
            progress,
        })
    }

    /// The client's address.
    pub(crate) fn ip(&self) -> IpAddr {
        self.address.ip()
    }

    /// Tells of a request that no protocol allows.
    pub(super) fn malformed(&self, reason: String) {
        let what = What::Malformed {
            service: self.service,
            peer: self.address,
            mac: None,
            reason,
        };
        self.tell(what);
    }

    /// Tells of a TLS handshake that came to nothing.
    pub(super) fn no_tls(&self, alert: Option<String>, reason: String) {
        self.tell(What::Handshake {
            peer: self.ip(),
            alert,
            reason,
        });
    }

    fn tell(&self, what: What) {
        let client = self.http.shared.clients().by_ip(self.ip());
        self.http.shared.emit(client.map(|c| c.mac), what);
    }
}

/// An IPv4 address that came in by an IPv6 socket is an IPv4 address.
fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Serves one connection to its end and tells what became of it.
pub(super) async fn run(stream: impl Stream, peer: Arc<Peer>, _pass: Pass) {
    let _open = peer.http.shared.metrics.connection();
    let idle = peer.http.shared.limits.idle;
    let end = tokio::select! {
        biased; // who is ended has done nothing: that is looked at last
        end = drive(stream, peer.clone()) => end,
        end = rest_too_long(&peer.progress, idle) => end,
    };
    if let Some(reason) = end.malformed(idle) {
        peer.malformed(reason);
    }
    peer.progress.over(&end.reason(idle));
}

/// How a connection ended.
enum End {
    /// By either side, as HTTP has it.
    Closed,
    /// hyper gave up.
    Broken(hyper::Error),
    /// The socket could not be set up.
    Dead(io::Error),
    /// Nothing was asked for too long.
    Idle,
    /// A request's head was not complete in time.
    SlowHead,
}

async fn drive(stream: impl Stream, peer: Arc<Peer>) -> End {
    let idle = peer.http.shared.limits.idle;
    let socket = match Socket::new(stream, idle, peer.clone()) {
        Ok(socket) => socket,
        Err(e) => return End::Dead(e),
    };
    let answer = service_fn(move |request| {
        let peer = peer.clone();
        async move { Ok::<_, Infallible>(route::answer(&peer, request).await) }
    });
    let served = http1::Builder::new()
        // GRUB 2.06 finds `Content-Length: ` in these letters alone, and boots no file without (seen).
        .title_case_headers(true)
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(HEAD)
        .max_headers(HEADER_LINES)
        .writev(true) // never copies: see `passing`
        .half_close(true)
        .serve_connection(TokioIo::new(socket), answer)
        .await;
    match served {
        Ok(()) => End::Closed,
        Err(e) => End::Broken(e),
    }
}

async fn rest_too_long(progress: &Progress, idle: Duration) -> End {
    loop {
        let resting = progress.resting();
        let since = resting.map_or_else(Instant::now, |(since, _)| since);
        if let Some((_, heard)) = resting.filter(|_| since.elapsed() >= idle) {
            return if heard { End::SlowHead } else { End::Idle };
        }
        tokio::time::sleep_until((since + idle).into()).await;
    }
}

impl End {
    /// What the client did that no protocol allows.
    fn malformed(&self, idle: Duration) -> Option<String> {
        match self {
            Self::SlowHead => Some(format!(
                "no complete request within {} s",
                idle.as_secs_f32()
            )),
            Self::Broken(e) if e.is_parse() || e.is_parse_too_large() => Some(e.to_string()),
            _ => None,
        }
    }

    /// Why what was under way was not sent.
    fn reason(&self, idle: Duration) -> String {
        match self {
            Self::Broken(e) if timed_out(e) => {
                format!("the client took nothing for {} s", idle.as_secs_f32())
            }
            Self::Dead(e) => e.to_string(),
            _ => "the client closed the connection".to_owned(),
        }
    }
}

fn timed_out(e: &hyper::Error) -> bool {
    let cause = e.source().and_then(|s| s.downcast_ref::<io::Error>());
    cause.is_some_and(|io| io.kind() == io::ErrorKind::TimedOut)
}
