//! What may be wrong with a certificate that can be used: when it holds, for which names, whether
//! firmware takes its kind of key.
//!
//! All of it is a warning: a machine may see it otherwise, its clock above all, and a server that
//! does not start boots nobody.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::pki_types::{DnsName, ServerName};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{CertificateError, Error, SignatureAlgorithm};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use super::Credentials;
use super::files::about;
use crate::config::Https;
use crate::firmware::secure::rsa_bits;
use crate::yaml::{Finding, Severity};

/// Bits of an RSA key that every EDK2 takes: its OpenSSL had security level 3 from autumn 2025 to mid
/// 2026 (tianocore/edk2#11534, #12651, #12681).
const ENOUGH: usize = 3072;
/// So long before its end a certificate is worth a word.
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);

/// The name that https URLs have, where it may be one: a host name, or an IPv4 address.
pub(super) fn is_host(name: &str) -> bool {
    DnsName::try_from(name).is_ok() || name.parse::<Ipv4Addr>().is_ok()
}

impl Credentials {
    /// What is worth a warning, where machines reach us at these addresses.
    pub fn flaws(&self, https: &Https, addresses: &[Ipv4Addr], now: SystemTime) -> Vec<Finding> {
        let names = match &https.name {
            Some(name) => vec![name.clone()],
            None => addresses.iter().map(ToString::to_string).collect(),
        };
        let flaws = [self.age(now), self.unnamed(&names), self.kind()];
        let flaws = flaws.into_iter().flatten().map(|flaw| (&https.cert, flaw));
        let open = self.exposed().map(|flaw| (&https.key, flaw));
        let warn = |(file, (message, hint)): (&PathBuf, (String, &str))| Finding {
            severity: Severity::Warning,
            ..about(file, message, hint)
        };
        flaws.chain(open).map(warn).collect()
    }

    /// Until when it holds; `None` where that cannot be told.
    pub fn ends(&self) -> Option<SystemTime> {
        Some(self.holds()?.1)
    }

    fn holds(&self) -> Option<(SystemTime, SystemTime)> {
        let first = self.certified.end_entity_cert().ok()?;
        let certificate = Certificate::from_der(first).ok()?;
        let validity = certificate.tbs_certificate().validity();
        let (from, to) = (validity.not_before, validity.not_after);
        Some((from.to_system_time(), to.to_system_time()))
    }

    pub(super) fn age(&self, now: SystemTime) -> Option<(String, &'static str)> {
        const RENEW: &str = "renew it: EDK2 looks at no clock, browsers and other firmware do";
        let (from, to) = self.holds()?;
        if now < from {
            let message = format!("the certificate holds only from {}", day(from));
            return Some((message, "look at this host's clock"));
        }
        if to < now {
            return Some((format!("the certificate has expired on {}", day(to)), RENEW));
        }
        let soon = to.duration_since(now).is_ok_and(|left| left < SOON);
        soon.then(|| (format!("the certificate expires on {}", day(to)), RENEW))
    }

    /// Which of the names that machines are told it does not have.
    fn unnamed(&self, names: &[String]) -> Option<(String, &'static str)> {
        let first = self.certified.end_entity_cert().ok()?;
        let parsed = ParsedCertificate::try_from(first).ok()?;
        let mut missing = Vec::new();
        let mut presented = Vec::new();
        for name in names {
            let asked = ServerName::try_from(name.as_str()).ok()?;
            let Err(why) = verify_server_name(&parsed, &asked) else {
                continue;
            };
            missing.push(name.as_str());
            if let Error::InvalidCertificate(CertificateError::NotValidForNameContext {
                presented: has,
                ..
            }) = why
            {
                presented = has;
            }
        }
        if missing.is_empty() {
            return None;
        }
        let plain = |name: &String| {
            name.replace("DnsName(", "")
                .replace("IpAddress(", "")
                .replace(['"', ')'], "")
        };
        let presented: Vec<String> = presented.iter().map(plain).collect();
        let has = match presented.as_slice() {
            [] => "has no subjectAltName".to_owned(),
            names => format!("names {}", names.join(", ")),
        };
        let message = format!(
            "the certificate {has}, and machines ask for {}: firmware that looks at names refuses it",
            missing.join(", ")
        );
        Some((
            message,
            "have it issued with that as a subjectAltName, or set tls-name to a name that it has",
        ))
    }

    fn kind(&self) -> Option<(String, &'static str)> {
        let kind = match self.certified.key.algorithm() {
            SignatureAlgorithm::RSA => return self.short(),
            SignatureAlgorithm::ECDSA => "ECDSA",
            _ => "neither RSA nor ECDSA",
        };
        Some((
            format!("the key is {kind}; much firmware takes RSA alone"),
            "use an RSA key of 3072 bits",
        ))
    }

    /// The first RSA key of the chain that some firmware takes for too short.
    fn short(&self) -> Option<(String, &'static str)> {
        let mut chain = self.certified.cert.iter().enumerate();
        let (place, bits) = chain.find_map(|(place, certificate)| {
            let bits = rsa_bits(&Certificate::from_der(certificate).ok()?)?;
            (bits < ENOUGH).then_some((place, bits))
        })?;
        let whose = match place {
            0 => "the RSA key",
            _ => "the RSA key of its authority",
        };
        Some((
            format!("{whose} has {bits} bits: EDK2 of late 2025 and early 2026 refuses it"),
            "use RSA keys of 3072 bits, the authority's too",
        ))
    }

    fn exposed(&self) -> Option<(String, &'static str)> {
        let message = format!("others may use the key's file (mode {:o})", self.open?);
        Some((message, "take that from them: `chmod o= FILE`"))
    }
}

/// The day, by the calendar of UTC.
pub(super) fn day(at: SystemTime) -> String {
    let at = jiff::Timestamp::try_from(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("%F").to_string()
}
