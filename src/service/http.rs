//! HTTP: the boot door of the tree, and what an operator looks at.
//!
//! ```text
//! accept → gate (bounds) → (HTTPS: handshake) → connection (hyper, watchdog) → route
//!     → boot: path → tree → file or bytes → condition, range → body → socket
//!     → api, page, metrics, health
//! ```
//!
//! * [`gate`]: how many connections, in all and from one address
//! * [`handshake`]: TLS, on the port of HTTPS
//! * [`connection`]: one connection from its first byte to its end
//! * [`socket`], [`progress`], [`body`]: what is on its way, and the events that follow; [`passing`]:
//!   what of it the kernel sends from files by itself; [`shortcut`], [`answers`]: small files that are asked
//!   for again and again, answered below hyper
//! * [`route`]: request → which of the parts answers
//! * [`boot`], [`content`]: names in the tree; [`condition`], [`range`], [`etag`], [`head`]: RFC
//!   9110 as values
//! * [`api`], [`page`]: machines and findings, as JSON and for people; [`view`] is what both show;
//!   [`leases`]: who has which address, page by page
//!
//! Invariants: never a redirect and never a `Server` header (facts F, quirk 46); every body has a
//! `Content-Length`; nothing from the network is shown unescaped; every bound that is reached is
//! told. Absent on purpose: HTTP/2, uploads, folder listings.

mod answers;
mod api;
mod body;
mod boot;
mod condition;
mod connection;
mod content;
mod etag;
mod gate;
mod handshake;
mod head;
mod leases;
mod page;
mod passing;
mod progress;
mod range;
mod reply;
mod route;
mod shortcut;
mod socket;
mod view;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};

use super::interfaces::Interface;
use super::tls::Tls;
use super::{Shared, open};
use crate::error::Error;
use crate::event::What;
use crate::tree;
use connection::Peer;
use gate::{Gate, Pass};
use handshake::Handshakes;

pub use condition::{Validators, Verdict, judge};
pub use etag::ETag;
pub use head::{Described, head};

pub use super::look_up::Resolve;

/// The name of HTTP without TLS in events.
const PLAIN: &str = "http";

/// Lists, pages and timelines that are in memory at the same time, built or on their way.
const VIEWS: usize = 32;

/// How long accepting pauses when the system has no file handle or memory left.
const BREATHER: Duration = Duration::from_millis(100);

/// What every connection shares.
pub(crate) struct Http {
    shared: Arc<Shared>,
    resolve: Resolve,
    tags: etag::Tags,
    answers: answers::Answers,
    views: Arc<Semaphore>,
    wide: Arc<Semaphore>,
    page: page::Page,
}

/// Where HTTP is served, and where HTTPS is.
#[derive(Debug, Default)]
pub struct Listeners {
    /// The port of HTTP, on each interface.
    pub plain: Vec<std::net::TcpListener>,
    /// The port of HTTPS, with its certificate.
    pub tls: Option<(Vec<std::net::TcpListener>, Arc<Tls>)>,
}

impl Listeners {
    /// Opens both ports on every interface.
    ///
    /// # Errors
    /// The first that cannot be had.
    pub fn open(port: u16, tls: Option<Arc<Tls>>, interfaces: &[Interface]) -> Result<Self, Error> {
        let secured = |tls: Arc<Tls>| Ok((open::http(tls.port(), interfaces)?, tls));
        Ok(Self {
            plain: open::http(port, interfaces)?,
            tls: tls.map(secured).transpose()?,
        })
    }

    /// HTTP alone.
    pub fn plain(plain: Vec<std::net::TcpListener>) -> Self {
        Self { plain, tls: None }
    }
}

/// One kind of door: what is done before HTTP is spoken, and how many may come in.
struct Entrance {
    gate: Arc<Gate>,
    handshakes: Option<Handshakes>,
}

impl Entrance {
    /// The service's name in events.
    const fn name(&self) -> &'static str {
        match self.handshakes {
            Some(_) => "https",
            None => PLAIN,
        }
    }
}

/// Serves until a listener breaks for good. Dropping the future closes every connection.
///
/// # Errors
/// Where a listener cannot be used.
pub async fn serve(listeners: Listeners, shared: Arc<Shared>) -> io::Result<()> {
    serve_tree(listeners, shared, tree::resolve).await
}

/// [`serve`] with another tree.
///
/// # Errors
/// As [`serve`].
pub async fn serve_tree(
    listeners: Listeners,
    shared: Arc<Shared>,
    resolve: Resolve,
) -> io::Result<()> {
    let mut entrances = vec![(listeners.plain, plain(&shared))];
    if let Some((listeners, tls)) = listeners.tls {
        entrances.push((listeners, secured(&shared, &tls)?));
    }
    let http = Arc::new(Http {
        tags: etag::Tags::default(),
        answers: answers::Answers::default(),
        views: Arc::new(Semaphore::new(VIEWS)),
        wide: Arc::new(Semaphore::new(shared.limits.http_wide)),
        page: page::Page::new().map_err(io::Error::other)?,
        shared,
        resolve,
    });
    let mut doors = JoinSet::new();
    for (listeners, entrance) in entrances {
        let entrance = Arc::new(entrance);
        for listener in listeners {
            doors.spawn(accept(adopt(listener)?, http.clone(), entrance.clone()));
        }
    }
    while let Some(ended) = doors.join_next().await {
        ended.map_err(io::Error::other)?;
    }
    Ok(())
}

fn plain(shared: &Shared) -> Entrance {
    let (most, each) = (
        shared.limits.http_connections,
        shared.limits.http_per_client,
    );
    Entrance {
        gate: Gate::new(most, each),
        handshakes: None,
    }
}

/// With places of its own, so that HTTPS takes none from HTTP.
fn secured(shared: &Arc<Shared>, tls: &Arc<Tls>) -> io::Result<Entrance> {
    let (most, each) = (
        shared.limits.https_connections,
        shared.limits.http_per_client,
    );
    let emitting = shared.clone();
    let told = move |what| emitting.emit(None, what);
    Ok(Entrance {
        gate: Gate::new(most, each),
        handshakes: Some(Handshakes::start(tls, told)?),
    })
}

fn adopt(listener: std::net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

async fn accept(listener: TcpListener, http: Arc<Http>, entrance: Arc<Entrance>) {
    let mut connections = JoinSet::new();
    let mut troubled = false;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(ended) = connections.join_next() => {
                tell_of_bug(&http, ended);
                continue;
            }
        };
        match accepted {
            Ok((stream, peer)) => {
                troubled = false;
                admit(&mut connections, &http, &entrance, stream, peer);
            }
            Err(e) if gone_before_accept(&e) => {}
            Err(e) => {
                if !std::mem::replace(&mut troubled, true) {
                    http.shared.emit(None, fault(&listener, &e));
                }
                tokio::time::sleep(BREATHER).await;
            }
        }
    }
}

fn tell_of_bug(http: &Http, ended: Result<(), JoinError>) {
    if let Err(e) = ended {
        let text = format!("an HTTP connection ended by a bug in bootjack: {e}; please report it");
        http.shared.emit(None, What::Fault { text });
    }
}

fn admit(
    connections: &mut JoinSet<()>,
    http: &Arc<Http>,
    entrance: &Arc<Entrance>,
    stream: TcpStream,
    peer: SocketAddr,
) {
    // Whoever comes here has followed, also where there is no room for it.
    http.shared.asks_for_a_file(peer.ip());
    match entrance.gate.enter(peer.ip().to_canonical()) {
        Ok(pass) => {
            let peer = Peer::new(http.clone(), &stream, peer, entrance.name());
            connections.spawn(connect(entrance.clone(), stream, peer, pass));
        }
        Err(limit) => refuse(http, entrance, (stream, peer.ip().to_canonical()), limit),
    }
}

/// One connection, through the handshake where there is one.
async fn connect(entrance: Arc<Entrance>, stream: TcpStream, peer: Arc<Peer>, pass: Pass) {
    let Some(handshakes) = &entrance.handshakes else {
        return connection::run(stream, peer, pass).await;
    };
    let limit = peer.http.shared.limits.idle;
    if let Some(stream) = handshakes.shake(stream, &peer, limit).await {
        peer.progress.begins_anew();
        connection::run(stream, peer, pass).await;
    }
}

/// Told as far as the socket takes it at once; nothing is waited for.
fn refuse(http: &Http, entrance: &Entrance, (stream, peer): (TcpStream, IpAddr), limit: String) {
    let refused = What::Refused {
        service: entrance.name(),
        peer,
        limit,
    };
    http.shared.emit(None, refused);
    if entrance.handshakes.is_some() {
        return; // nothing can be said before a handshake
    }
    let _ = stream
        .into_std()
        .and_then(|mut s| io::Write::write_all(&mut s, reply::FULL));
}

/// The peer hung up while it waited; the listener is well.
fn gone_before_accept(e: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(e.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

fn fault(listener: &TcpListener, e: &io::Error) -> What {
    let at = listener
        .local_addr()
        .map_or_else(|_| "the HTTP port".to_owned(), |a| a.to_string());
    What::Fault {
        text: format!(
            "cannot accept connections on {at}: {e}; raise the limit on open files (LimitNOFILE)"
        ),
    }
}
