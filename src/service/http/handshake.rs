//! The door of HTTPS: a connection just accepted → a TLS stream, or what came in its place.
//!
//! ```text
//! first byte (TLS, or somebody else) → handshake, on a thread of its own → stream
//! ```
//!
//! A handshake costs some milliseconds of arithmetic. It is done by one thread beside those that
//! serve, which stands back behind them: a flood of handshakes takes one processor where nobody else
//! wants it, and a tenth of one where they do (a notice says so where it may not stand back). Who waits there is bounded by the gate, and for how long
//! by the idle limit. What a client says when it gives up is an event with the alert's name (RFC 8446
//! section 6.2).
//!
//! Absent on purpose: the records after the handshake, which those that serve seal.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{getpriority_process, setpriority_process};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_rustls::rustls::{self, AlertDescription};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};

use super::connection::Peer;
use super::reply;
use crate::event::What;
use crate::service::tls::Tls;

/// The first byte of a TLS connection: a record with a handshake in it (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 22;

/// How far the thread of handshakes stands back: so it has a tenth of the weight of the others
/// (`sched(7)`, "The nice value"), and a handshake comes to its end under any load.
const NICE: i32 = 10;

/// Where handshakes are done.
pub(crate) struct Handshakes {
    acceptor: TlsAcceptor,
    thread: Handle,
    /// The thread ends with it.
    _until: oneshot::Sender<()>,
}

impl Handshakes {
    /// Starts the thread. `told`: that it cannot stand back, where that is so.
    ///
    /// # Errors
    /// The system gives none.
    pub(super) fn start(
        tls: &Arc<Tls>,
        told: impl FnOnce(What) + Send + 'static,
    ) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_time().build()?;
        let thread = runtime.handle().clone();
        let (until, end) = oneshot::channel::<()>();
        let work = move || {
            match stand_back() {
                Ok(()) => drop(told),
                Err(why) => told(not_nice(why)),
            }
            let _ = runtime.block_on(end);
        };
        std::thread::Builder::new()
            .name("tls".to_owned())
            .spawn(work)?;
        Ok(Self {
            acceptor: TlsAcceptor::from(tls.config()?),
            thread,
            _until: until,
        })
    }

    /// The stream, where the client and we agree within the limit. What else happened is told.
    pub(super) async fn shake(
        &self,
        mut stream: TcpStream,
        peer: &Peer,
        limit: Duration,
    ) -> Option<TlsStream<TcpStream>> {
        let mut first = [0];
        match timeout(limit, stream.peek(&mut first)).await {
            // Somebody who looks whether the port is open, or says nothing.
            Ok(Ok(0) | Err(_)) | Err(_) => return None,
            Ok(Ok(_)) if first != [HANDSHAKE] => {
                peer.malformed("it speaks no TLS; this is the port of HTTPS".to_owned());
                let _ = stream.try_write(reply::NO_TLS);
                let _ = stream.shutdown().await;
                return None;
            }
            Ok(Ok(_)) => {}
        }
        let accept = self.acceptor.accept(stream);
        match self.thread.spawn(within(limit, accept)).await {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(failed)) => failed.tell(peer, limit),
            Err(bug) => {
                let text = format!("a TLS handshake ended by a bug: {bug}; please report it");
                peer.http.shared.emit(None, What::Fault { text });
            }
        }
        None
    }
}

/// It is of this thread alone on Linux, and everybody may be nicer than he is: but for filters of system calls.
fn stand_back() -> Result<(), Errno> {
    let own = getpriority_process(None)?;
    setpriority_process(None, own.saturating_add(NICE))
}

fn not_nice(why: Errno) -> What {
    let text = format!(
        "TLS handshakes cannot stand back behind the rest (setpriority: {why}): a flood of them slows it down; let that system call through (SystemCallFilter=setpriority in a unit of systemd)"
    );
    What::Notice { text }
}

async fn within(
    limit: Duration,
    accept: Accept<TcpStream>,
) -> Result<TlsStream<TcpStream>, Failed> {
    match timeout(limit, accept).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(why)) => Err(Failed::of(&why)),
        Err(_) => Err(Failed::Slow),
    }
}

/// Why there is no stream.
enum Failed {
    /// It took too long.
    Slow,
    /// The client said why it gives up.
    Alert(AlertDescription),
    /// There is nothing that both can do.
    Incompatible(rustls::PeerIncompatible),
    /// The client does what no protocol allows.
    Malformed(rustls::Error),
    /// The connection ended.
    Gone,
}

impl Failed {
    fn of(why: &io::Error) -> Self {
        let tls = why
            .get_ref()
            .and_then(|e| e.downcast_ref::<rustls::Error>());
        match tls {
            Some(rustls::Error::AlertReceived(alert)) => Self::Alert(*alert),
            Some(rustls::Error::PeerIncompatible(what)) => Self::Incompatible(what.clone()),
            Some(other) => Self::Malformed(other.clone()),
            None => Self::Gone,
        }
    }

    fn tell(&self, peer: &Peer, limit: Duration) {
        let (alert, reason) = match self {
            Self::Slow => {
                let waited = limit.as_secs_f32();
                return peer.malformed(format!("no complete TLS handshake within {waited} s"));
            }
            Self::Malformed(why) => return peer.malformed(format!("TLS: {why}")),
            Self::Alert(alert) => (Some(snake(&format!("{alert:?}"))), meaning(*alert).to_owned()),
            Self::Incompatible(what) => (None, lacking(what)),
            Self::Gone => (
                None,
                "it hung up in the midst of it, as firmware does that has no certificate of ours or \
                 its authority's, or another name or time in mind"
                    .to_owned(),
            ),
        };
        peer.no_tls(alert, reason);
    }
}

/// What an alert says of whom it comes from, and what to do.
const fn meaning(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::UnknownCA => {
            "it does not know who has issued our certificate; enrol that authority's certificate in its setup, or put the whole chain into tls-cert"
        }
        AlertDescription::CertificateExpired => {
            "our certificate has expired, or its clock is wrong"
        }
        AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnsupportedCertificate => {
            "it does not take our certificate; `bootjack check` says what is wrong with it, most often the name that machines ask for"
        }
        AlertDescription::ProtocolVersion => "it speaks no TLS version that we do (1.2 and 1.3)",
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
            "it has no cipher suite in common with us, or none for our kind of key; an RSA key of 3072 bits, and its authority's too, is what most take"
        }
        AlertDescription::DecryptError => "it could not check our signature, or the key is another",
        _ => "it gave up",
    }
}

fn lacking(what: &rustls::PeerIncompatible) -> String {
    use rustls::PeerIncompatible as P;
    let why = match what {
        P::NoCipherSuitesInCommon | P::NoKxGroupsInCommon | P::NoSignatureSchemesInCommon => {
            "there is no cipher suite that both know; firmware that speaks RSA key exchange or CBC alone cannot be served by HTTPS".to_owned()
        }
        P::Tls12NotOffered
        | P::Tls12NotOfferedOrEnabled
        // TLS 1.2 made them part of the hello.
        | P::SignatureAlgorithmsExtensionRequired => {
            "it speaks no TLS version that we do (1.2 and 1.3)".to_owned()
        }
        other => snake(&format!("{other:?}")).replace('_', " "),
    };
    why.chars().filter(|c| !c.is_control()).collect()
}

/// `UnknownCA` → `unknown_ca`: the name that RFC 8446 gives an alert.
fn snake(name: &str) -> String {
    let mut out = String::new();
    let mut lower = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && lower {
            out.push('_');
        }
        lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        out.extend(c.to_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_have_the_names_of_the_rfc() {
        for (alert, name) in [
            (AlertDescription::UnknownCA, "unknown_ca"),
            (AlertDescription::BadCertificate, "bad_certificate"),
            (AlertDescription::CertificateExpired, "certificate_expired"),
            (AlertDescription::ProtocolVersion, "protocol_version"),
        ] {
            assert_eq!(snake(&format!("{alert:?}")), name);
        }
    }
}
