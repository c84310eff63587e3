//! HTTPS clients, with one cipher suite for both sides. While it is measured a client decrypts
//! nothing, for it would be the limit: it counts the bytes that came until the server hangs up,
//! which TLS makes a little more than the file. Where it is to be verified, it decrypts and holds
//! each byte against the pattern.

use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::http_client::{Ask, connected, drop_bytes, request, verify_response};

/// The suite, as the table tells it.
pub const SUITE: &str = "TLS_AES_128_GCM_SHA256";
/// Bytes taken from the kernel at once.
const PIECE: usize = 1 << 20;
/// What TLS may add, of the file: in records of 4 KiB it is half a percent.
const MOST: f64 = 1.01;

/// A client that trusts this authority and knows one cipher suite.
pub fn trusting(authority: &Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let cert = CertificateDer::from_pem_file(authority).expect("the authority");
    roots.add(cert).expect("the authority");
    let mut provider = ring::default_provider();
    provider.cipher_suites = vec![ring::cipher_suite::TLS13_AES_128_GCM_SHA256];
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .expect("TLS 1.3");
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

/// Fetches a file of this size; bytes that came, encrypted.
pub fn fetch(ask: &Ask<'_>, trust: &Arc<ClientConfig>, size: u64) -> u64 {
    let stream = asked(ask, trust).sock;
    let (mut room, mut bytes) = (vec![0; PIECE], 0_u64);
    loop {
        let dropped = drop_bytes(&stream, &mut room, PIECE);
        match dropped.unwrap_or_else(|| panic!("{} is silent", ask.server)) {
            0 => break,
            len => bytes += len as u64,
        }
    }
    let most = size as f64 * MOST;
    let right = bytes > size && (bytes as f64) < most;
    assert!(right, "{} sent {bytes} bytes for {size}", ask.server);
    bytes
}

/// Fetches it and holds each byte against the pattern.
pub fn verify(ask: &Ask<'_>, trust: &Arc<ClientConfig>, file: (u16, u64)) {
    verify_response(&mut asked(ask, trust), &ask.server, file);
}

/// A connection over which the request is sent.
fn asked(ask: &Ask<'_>, trust: &Arc<ClientConfig>) -> StreamOwned<ClientConnection, TcpStream> {
    let name = ServerName::from(ask.server.ip());
    let client = ClientConnection::new(trust.clone(), name).expect("a client");
    let mut stream = StreamOwned::new(client, connected(ask));
    let sent = stream.write_all(&request(ask, "close"));
    sent.and_then(|()| stream.flush()).expect("a handshake");
    stream
}
