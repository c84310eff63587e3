//! X.509 certificates as far as Secure Boot asks for them: names, keys, and who issued them.
//!
//! Dates and the purposes a key may be used for are not looked at: shim and firmware do not either
//! (a loader is started long after its signer's certificate has ended).

use std::ops::RangeInclusive;

use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RsaParameters, UnparsedPublicKey,
};
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{
    AnyRef, Decode as _, Encode as _, Reader as _, SliceReader, Tag, Tagged as _,
};

/// More parts than this a list has not.
const MAX_PARTS: usize = 64;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
pub(super) const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

/// One value in DER: its tag, its contents, and both with the length between them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) tag: Tag,
    pub(super) value: &'a [u8],
    pub(super) whole: &'a [u8],
}

impl<'a> Part<'a> {
    /// The first value; what comes behind it is padding.
    pub(super) fn first(bytes: &'a [u8]) -> Option<Self> {
        Self::next(&mut SliceReader::new(bytes).ok()?)
    }

    fn next(reader: &mut SliceReader<'a>) -> Option<Self> {
        let whole = reader.tlv_bytes().ok()?;
        let any = AnyRef::from_der(whole).ok()?;
        Some(Self {
            tag: any.tag(),
            value: any.value(),
            whole,
        })
    }

    /// The values that this one is made of; `None` where it is none that is.
    pub(super) fn parts(self) -> Option<Vec<Self>> {
        let mut parts = Vec::new();
        if self.value.is_empty() {
            return Some(parts);
        }
        let mut reader = SliceReader::new(self.value).ok()?;
        while !reader.is_finished() {
            if parts.len() == MAX_PARTS {
                return None;
            }
            parts.push(Self::next(&mut reader)?);
        }
        Some(parts)
    }

    /// The algorithm in an `AlgorithmIdentifier`, or any list that begins with its name.
    pub(super) fn named(self) -> Option<ObjectIdentifier> {
        ObjectIdentifier::from_der(Self::first(self.value)?.whole).ok()
    }
}

/// A certificate.
#[derive(Debug, Clone)]
pub(super) struct Certificate {
    der: Vec<u8>,
    /// What is signed in it.
    body: Vec<u8>,
    issuer: Vec<u8>,
    serial: Vec<u8>,
    subject: Vec<u8>,
    name: String,
    issuers_name: String,
    key: Vec<u8>,
    /// Bits of the key, where it is RSA.
    bits: Option<usize>,
    algorithm: ObjectIdentifier,
    signature: Vec<u8>,
}

impl Certificate {
    /// Reads one, in DER.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let part = Part::first(der)?;
        let read = x509_cert::Certificate::from_der(part.whole).ok()?;
        let body = read.tbs_certificate();
        Some(Self {
            der: part.whole.to_vec(),
            body: Part::first(part.value)?.whole.to_vec(),
            issuer: body.issuer().to_der().ok()?,
            serial: body.serial_number().to_der().ok()?,
            subject: body.subject().to_der().ok()?,
            name: name(body.subject()),
            issuers_name: name(body.issuer()),
            key: body
                .subject_public_key_info()
                .subject_public_key
                .as_bytes()?
                .to_vec(),
            bits: rsa_bits(&read),
            algorithm: read.signature_algorithm().oid,
            signature: read.signature().as_bytes()?.to_vec(),
        })
    }

    /// Whom it is about.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Who issued it.
    pub(super) fn issuers_name(&self) -> &str {
        &self.issuers_name
    }

    /// Whether it is the one of this issuer and number, both in DER.
    pub(super) fn is(&self, issuer: &[u8], serial: &[u8]) -> bool {
        self.issuer == issuer && self.serial == serial
    }

    /// Whether it names the other one as its issuer.
    pub(super) fn names_as_issuer(&self, other: &Self) -> bool {
        self.issuer == other.subject
    }

    /// Whether it is the other one, or was issued by it.
    pub(super) fn stands_by(&self, other: &Self) -> bool {
        let issued = || other.proves(self.algorithm, &self.body, &self.signature);
        self.der == other.der || self.names_as_issuer(other) && issued() != Some(false)
    }

    /// Whether the key in it has signed a message; `None` where that cannot be told here: another kind
    /// of signature, or an RSA key shorter or longer than ring looks at.
    pub(super) fn proves(
        &self,
        algorithm: ObjectIdentifier,
        message: &[u8],
        signature: &[u8],
    ) -> Option<bool> {
        const LENGTHS: RangeInclusive<usize> = 2048..=8192;
        if self.bits.is_some_and(|bits| !LENGTHS.contains(&bits)) {
            return None;
        }
        let key = UnparsedPublicKey::new(rsa(algorithm)?, &self.key);
        Some(key.verify(message, signature).is_ok())
    }
}

/// Bits of the modulus of a certificate's key (RFC 8017 A.1.1); `None` where that is not RSA.
pub fn rsa_bits(certificate: &x509_cert::Certificate) -> Option<usize> {
    let key = certificate.tbs_certificate().subject_public_key_info();
    if key.algorithm.oid != RSA {
        return None;
    }
    let numbers = Part::first(key.subject_public_key.as_bytes()?)?.parts()?;
    let modulus = numbers.first()?.value;
    let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
    let modulus = modulus.get(zeros..)?;
    let first = modulus.first()?.leading_zeros() as usize;
    (modulus.len() * 8).checked_sub(first)
}

/// The name of a signature's algorithm, which PKCS#7 may give in two halves.
pub(super) fn algorithm(of_key: ObjectIdentifier, of_digest: ObjectIdentifier) -> ObjectIdentifier {
    match (of_key, of_digest) {
        (RSA, SHA256) => RSA_SHA256,
        (RSA, SHA384) => RSA_SHA384,
        (RSA, SHA512) => RSA_SHA512,
        (whole, _) => whole,
    }
}

fn rsa(algorithm: ObjectIdentifier) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        RSA_SHA256 => &RSA_PKCS1_2048_8192_SHA256,
        RSA_SHA384 => &RSA_PKCS1_2048_8192_SHA384,
        RSA_SHA512 => &RSA_PKCS1_2048_8192_SHA512,
        _ => return None,
    })
}

/// A name for people: what it is called, else who it belongs to, else all of it. It is one line, and
/// short.
fn name(name: &x509_cert::name::Name) -> String {
    const LONGEST: usize = 100;
    let called = name.common_name().ok().flatten();
    let called = called.or_else(|| name.organization().ok().flatten());
    let called = called.map_or_else(|| name.to_string(), |called| called.value().into_owned());
    let shown = called.chars().take(LONGEST);
    shown.filter(|c| !c.is_control()).collect()
}
