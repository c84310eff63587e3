//! HTTPS: the operator's certificate, and what of TLS firmware speaks.
//!
//! ```text
//! files → credentials (chain and key, that go together) → config of every handshake
//!      → certificate (how long, for which names, which key) → what is worth a warning
//! ```
//!
//! * [`files`]: the two files → [`Credentials`], or why they cannot be used
//! * [`certificate`]: what may be wrong with a certificate that can be used
//! * [`keeper`]: the credentials in force, read again when the files change
//! * `provider`, `dhe`: cipher suites, with those of firmware that knows no elliptic curves
//!
//! Invariants: a key is read before privileges are given up and never leaves this room; what cannot
//! be used at the start ends the start, later the last good one stays. Absent on purpose: TLS before
//! 1.2, RSA key exchange, certificates of machines (`service/http` has the door).

pub mod certificate;
mod dhe;
pub mod files;
pub mod keeper;
mod provider;

use std::net::Ipv4Addr;
use std::time::SystemTime;

use crate::config::{self, Effective, Https};
use crate::event::What;
use crate::yaml::{Finding, Severity};

pub use files::Credentials;
pub use keeper::Tls;

/// What the settings say of HTTPS, and what is wrong with that: nothing is served then.
pub fn wanted(settings: &Effective) -> (Option<Https>, Vec<Finding>) {
    let idle = [
        ("https-port", settings.https_port.is_some()),
        ("tls-key", settings.tls_key.is_some()),
        ("tls-name", settings.tls_name.is_some()),
    ];
    let Some(https) = settings.https() else {
        let idle = idle.into_iter().filter(|(_, given)| *given);
        let idle = idle.map(|(key, _)| {
            let message = format!("{key} has no effect: there is no tls-cert");
            config::finding(Severity::Warning, &message)
                .hinted("name the certificate of HTTPS with tls-cert")
        });
        return (None, idle.collect());
    };
    match wrong(settings, &https) {
        Some((message, hint)) => {
            let finding = config::finding(Severity::Error, &message).hinted(hint);
            (None, vec![finding])
        }
        None => (Some(https), Vec::new()),
    }
}

fn wrong(settings: &Effective, https: &Https) -> Option<(String, &'static str)> {
    if https.port == settings.http_port {
        let message = format!("http-port and https-port are both {}", https.port);
        return Some((message, "give HTTPS a port of its own"));
    }
    let name = https
        .name
        .as_ref()
        .filter(|name| !certificate::is_host(name))?;
    let message = format!("tls-name \"{}\" is no host name", name.escape_debug());
    Some((
        message,
        "write a name such as boot.example.org, or an IPv4 address",
    ))
}

/// Everything that is wrong with HTTPS as it is set, where machines reach us at these addresses.
pub fn findings(settings: &Effective, addresses: &[Ipv4Addr]) -> Vec<Finding> {
    let (https, mut findings) = wanted(settings);
    let Some(https) = https else { return findings };
    match files::read(&https) {
        Ok(credentials) => {
            let now = SystemTime::now();
            findings.extend(credentials.flaws(&https, addresses, now));
        }
        Err(why) => findings.push(why),
    }
    findings
}

/// What the operator is told of HTTPS at the start, once privileges are given up.
pub fn notices(findings: &[Finding], tls: Option<&Tls>) -> Vec<What> {
    let warnings = findings.iter().map(ToString::to_string);
    let warnings = warnings.map(|text| What::Warning { text });
    let once = tls.and_then(Tls::read_once);
    let once = once.map(|text| What::Notice { text });
    warnings.chain(once).collect()
}
