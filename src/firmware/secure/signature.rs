//! The certificate table of a PE file: what was signed, by whom, and whether the signature is sound.
//!
//! The table is a list of `WIN_CERTIFICATE` (PE format, "The Attribute Certificate Table"); those that
//! matter hold PKCS#7 `SignedData` (RFC 2315, RFC 5652 section 5) about an `SpcIndirectDataContent`
//! ("Windows Authenticode Portable Executable Signature Format"), which has the digest of the file.
//!
//! Invariants: so many bytes and so many signatures are read and no more, whatever the table says;
//! nothing in it is taken for granted.

use x509_cert::der::Tag;
use x509_cert::der::asn1::ObjectIdentifier;

use super::Digest;
use super::certificate::{Certificate, Part, SHA256, algorithm};
use super::pe::u32_at;

/// Bytes of the table that are read. Microsoft's signatures have some 10 KiB each, with time stamps.
pub const MAX_TABLE: usize = 128 * 1024;
/// Signatures that are read.
const MAX_SIGNATURES: usize = 16;
/// Certificates from the signer's upwards.
const MAX_CHAIN: usize = 8;

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const INDIRECT_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.4");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");

/// `[0]`, as the tag of a part that holds others.
const ZERO: u8 = 0xa0;

/// The authorities that firmware knows as Microsoft gives it to them; by name, for a name is all that a
/// program has of them.
const MICROSOFT: [&str; 4] = [
    "Microsoft Corporation UEFI CA 2011",
    "Microsoft UEFI CA 2023",
    "Microsoft Windows Production PCA 2011",
    "Windows UEFI CA 2023",
];

/// A signature.
#[derive(Debug, Clone)]
pub struct Signature {
    /// SHA-256 of the file as it was signed; `None`: another kind of digest.
    digest: Option<Digest>,
    /// The signer's certificate, those who issued it behind it; never empty.
    chain: Vec<Certificate>,
    sound: Option<bool>,
}

/// All signatures of a table that can be read, and whether there are others.
pub(super) fn all(table: &[u8]) -> (Vec<Signature>, bool) {
    let (mut found, mut unreadable) = (Vec::new(), false);
    let mut rest = table.get(..MAX_TABLE).unwrap_or(table);
    for _ in 0..MAX_SIGNATURES {
        if rest.iter().all(|byte| *byte == 0) {
            break;
        }
        let Some((entry, after)) = entry(rest) else {
            unreadable = true;
            break;
        };
        match Signature::read(entry) {
            Some(signature) => found.push(signature),
            None => unreadable = true,
        }
        rest = after;
    }
    (found, unreadable)
}

/// The first entry, from its data on, and what comes behind it. Its length counts its own header, and the
/// next one begins at a multiple of eight.
fn entry(table: &[u8]) -> Option<(&[u8], &[u8])> {
    const HEADER: usize = 8;
    const PKCS7: u16 = 2;
    let length = usize::try_from(u32_at(table, 0)?).ok()?;
    let data = table.get(HEADER..length)?;
    let kind = u16::from_le_bytes(*table.get(6..)?.first_chunk()?);
    let next = length.checked_next_multiple_of(8)?;
    let after = table.get(next..).unwrap_or_default();
    (kind == PKCS7).then_some((data, after))
}

impl Signature {
    fn read(pkcs7: &[u8]) -> Option<Self> {
        let outer = Part::first(pkcs7)?;
        let content = inner(outer, SIGNED_DATA)?;
        // version, digest algorithms, what is signed, [0] certificates, [1] …, signers
        let parts = content.parts()?;
        let [_, _, signed, others @ .., signers] = parts.as_slice() else {
            return None;
        };
        let statement = inner(*signed, INDIRECT_DATA)?;
        let certificates = others.iter().find(|p| tag(p.tag) == ZERO);
        let certificates = certificates.and_then(|list| list.parts())?;
        let read = certificates
            .iter()
            .filter_map(|c| Certificate::read(c.whole));
        let signer = Signer::read(*signers.parts()?.first()?)?;
        let chain = chain(&signer, read.collect())?;
        Some(Self {
            digest: digest(statement)?,
            sound: signer.has_signed(statement, chain.first()?),
            chain,
        })
    }

    /// The name of who made it.
    pub fn signer(&self) -> String {
        self.chain
            .first()
            .map_or_else(String::new, |signer| signer.name().to_owned())
    }

    /// What the file was when it was signed; `None` where another kind of digest says so.
    pub(super) fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Whether it was made with the key that it names, as far as that can be told.
    pub(super) fn is_sound(&self) -> bool {
        self.sound != Some(false)
    }

    /// Whether one of those whom firmware knows by Microsoft stands behind it.
    pub(super) fn is_microsofts(&self) -> bool {
        let names = self.chain.iter().flat_map(|c| [c.name(), c.issuers_name()]);
        names.into_iter().any(|name| MICROSOFT.contains(&name))
    }

    /// Whether one of these stands behind it.
    pub(super) fn stands_by(&self, trusted: &[Certificate]) -> bool {
        let mut chain = self.chain.iter();
        chain.any(|c| trusted.iter().any(|trusted| c.stands_by(trusted)))
    }
}

/// What a `ContentInfo` holds, where it is of this kind: `SEQUENCE { kind, [0] { … } }`.
fn inner(info: Part<'_>, kind: ObjectIdentifier) -> Option<Part<'_>> {
    let parts = info.parts()?;
    let [_, content] = parts.as_slice() else {
        return None;
    };
    let content = (info.named() == Some(kind)).then_some(content)?;
    Part::first(content.value)
}

/// The digest in an `SpcIndirectDataContent`: `SEQUENCE { data, SEQUENCE { algorithm, digest } }`.
/// `Some(None)`: of another kind than SHA-256.
#[allow(clippy::option_option)] // nothing to read, and nothing to compare, are two things
fn digest(statement: Part<'_>) -> Option<Option<Digest>> {
    let parts = statement.parts()?;
    let [_, digest] = parts.as_slice() else {
        return None;
    };
    let parts = digest.parts()?;
    let [algorithm, digest] = parts.as_slice() else {
        return None;
    };
    match algorithm.named()? {
        SHA256 => Some(Some(digest.value.try_into().ok()?)),
        _ => Some(None),
    }
}

/// The signer's certificate and those above it, as far as they are there.
fn chain(signer: &Signer<'_>, mut all: Vec<Certificate>) -> Option<Vec<Certificate>> {
    let first = all
        .iter()
        .position(|c| c.is(signer.issuer, signer.serial))?;
    let mut chain = vec![all.swap_remove(first)];
    while chain.len() < MAX_CHAIN {
        let Some(below) = chain.last() else { break };
        let Some(next) = all.iter().position(|c| below.stands_by(c)) else {
            break;
        };
        chain.push(all.swap_remove(next));
    }
    Some(chain)
}

/// A `SignerInfo`.
struct Signer<'a> {
    issuer: &'a [u8],
    serial: &'a [u8],
    digest: ObjectIdentifier,
    /// What he says of what he signed.
    attributes: Option<Part<'a>>,
    algorithm: ObjectIdentifier,
    signature: &'a [u8],
}

impl<'a> Signer<'a> {
    fn read(info: Part<'a>) -> Option<Self> {
        // version, who, digest algorithm, [0] attributes, algorithm, signature, [1] …
        let parts = info.parts()?;
        let [_, who, digest, rest @ ..] = parts.as_slice() else {
            return None;
        };
        let (attributes, rest) = match rest {
            [first, rest @ ..] if tag(first.tag) == ZERO => (Some(*first), rest),
            rest => (None, rest),
        };
        let [of_key, signature, ..] = rest else {
            return None;
        };
        let who = who.parts()?;
        let [issuer, serial] = who.as_slice() else {
            return None;
        };
        Some(Self {
            issuer: issuer.whole,
            serial: serial.whole,
            digest: digest.named()?,
            attributes,
            algorithm: algorithm(of_key.named()?, digest.named()?),
            signature: signature.value,
        })
    }

    /// Whether he has signed this statement, with the key of this certificate; `None`: it cannot be told.
    fn has_signed(&self, statement: Part<'_>, certificate: &Certificate) -> Option<bool> {
        let prove = |message| certificate.proves(self.algorithm, message, self.signature);
        let Some(attributes) = self.attributes else {
            return prove(statement.value);
        };
        let said = self.says_of(attributes, statement)?;
        // They are signed as the SET that they are, without the tag that they have here.
        let mut message = attributes.whole.to_vec();
        *message.first_mut()? = tag(Tag::Set);
        prove(&message).map(|proven| proven && said)
    }

    /// Whether the attributes name the digest of the statement.
    fn says_of(&self, attributes: Part<'_>, statement: Part<'_>) -> Option<bool> {
        use sha2::Digest as _;
        if self.digest != SHA256 {
            return None;
        }
        let all = attributes.parts()?;
        let named = all.iter().find(|a| a.named() == Some(MESSAGE_DIGEST))?;
        let values = *named.parts()?.get(1)?;
        let is = sha2::Sha256::digest(statement.value);
        Some(Part::first(values.value)?.value == is.as_slice())
    }
}

/// A tag as the byte that it is.
fn tag(tag: Tag) -> u8 {
    use x509_cert::der::Encode as _;
    let encoded = tag.to_der().unwrap_or_default();
    match encoded.as_slice() {
        [byte] => *byte,
        _ => 0,
    }
}
