//! The certificate's file and the key's → [`Credentials`], or why they cannot be used.
//!
//! Both are PEM text. The server's own certificate stands first, those that lead to its authority
//! behind it (RFC 8446 section 4.4.2); one file may hold key and chain.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring::sign::any_supported_type;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error, InconsistentKeys};
use zeroize::Zeroizing;

use crate::config::Https;
use crate::config::text::{self, Unreadable};
use crate::yaml::{Finding, Severity};

/// More bytes than any chain has.
const MOST: usize = 1 << 20;

/// A certificate with its chain, and the key that goes with it.
#[derive(Debug)]
pub struct Credentials {
    /// What a handshake needs.
    pub(super) certified: Arc<CertifiedKey>,
    /// The mode of the key's file, where others than its owner and group may do something with it.
    pub(super) open: Option<u32>,
}

/// Reads both files. It blocks on the disk.
///
/// # Errors
/// One cannot be read, holds no certificate or key, or they do not go together.
pub fn read(https: &Https) -> Result<Credentials, Finding> {
    let chain = chain(&https.cert)?;
    let key = Zeroizing::new(key(&https.key)?);
    let certified = certified(chain, &key).map_err(|why| unusable(https, &why))?;
    Ok(Credentials {
        certified: Arc::new(certified),
        open: open(&https.key),
    })
}

/// They go together, as far as that can be told.
fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: &PrivateKeyDer<'_>,
) -> Result<CertifiedKey, Error> {
    let certified = CertifiedKey::new(chain, any_supported_type(key)?);
    match certified.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
        Err(why) => Err(why),
    }
}

fn open(path: &Path) -> Option<u32> {
    const OTHERS: u32 = 0o007;
    let mode = path.metadata().ok()?.permissions().mode() & 0o777;
    (mode & OTHERS != 0).then_some(mode)
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Finding> {
    const HINT: &str =
        "give the server's certificate in PEM, with those of its authority behind it";
    let text = read_text(path)?;
    let all = CertificateDer::pem_slice_iter(text.as_bytes());
    let all: Result<Vec<_>, pem::Error> = all.collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) => Err(about(path, "holds no certificate".to_owned(), HINT)),
        Err(why) => Err(about(path, format!("is no PEM text: {why}"), HINT)),
    }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Finding> {
    let text = Zeroizing::new(read_text(path)?);
    PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|why| match why {
        pem::Error::NoItemsFound if text.contains("ENCRYPTED PRIVATE KEY") => about(
            path,
            "the key is encrypted, and nobody is there to type its password".to_owned(),
            "write it without one (`openssl pkey -in KEY -out NEW`), readable for root alone",
        ),
        pem::Error::NoItemsFound => about(
            path,
            "holds no private key".to_owned(),
            "name the key's file with tls-key",
        ),
        why => about(
            path,
            format!("is no PEM text: {why}"),
            "give the key in PEM",
        ),
    })
}

fn read_text(path: &Path) -> Result<String, Finding> {
    text::read(path, MOST).map_err(|why| match why {
        Unreadable::NoText(_) => about(
            path,
            "is no PEM text".to_owned(),
            "a binary one becomes PEM by `openssl x509 -inform der -in FILE -out NEW`",
        ),
        why => {
            let hint = "name another file with tls-cert and tls-key, or let bootjack read it";
            why.finding(&path.display().to_string(), Severity::Error, hint)
        }
    })
}

fn unusable(https: &Https, why: &Error) -> Finding {
    let key = https.key.display();
    match why {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => about(
            &https.cert,
            format!("the first certificate does not belong to the key in {key}"),
            "the server's own certificate has to stand first, and tls-key has to name its key",
        ),
        Error::General(why) => about(
            &https.key,
            format!("the key cannot be used: {why}"),
            "use an RSA key of 3072 bits, which is what firmware takes",
        ),
        why => about(
            &https.cert,
            format!("the certificate cannot be used: {why}"),
            "have it issued anew, with version 3 and a subjectAltName",
        ),
    }
}

pub(super) fn about(path: &Path, message: String, hint: &str) -> Finding {
    let file = path.display().to_string();
    Finding::whole(file, Severity::Error, message).hinted(hint)
}
