//! Secure Boot: whether shim and firmware start a program: what is signed in it, by whom, and whom they
//! trust.
//!
//! ```text
//! head of a file ─► Layout (what is hashed, where the signatures are) ─► Program ─┐
//! shimx64.efi    ─► Trust (its .vendor_cert)                                      ├─► judge
//! ```
//!
//! * [`pe`]: the layout of a PE/COFF file
//! * [`signature`]: its certificate table: PKCS#7, and the digest that was signed
//! * [`certificate`]: X.509, and whose signature is on it
//! * [`trust`]: what a shim was built with
//!
//! What is looked at is the operator's own files, and what is found out is which of them firmware
//! refuses. So where a rule cannot be applied (an algorithm that is not RSA with SHA-2), the benefit
//! of the doubt is theirs.
//!
//! Absent on purpose: reading (the service does), the time (shim and firmware look at no dates), the keys
//! that an owner has enrolled in his machines (nobody can tell from here), and revocations by
//! generation (SBAT) beyond whether a program has one.

mod certificate;
pub mod pe;
mod signature;
pub mod trust;

use std::fmt;

pub use certificate::rsa_bits;
pub use pe::{Layout, NoProgram};
pub use signature::{MAX_TABLE, Signature};
pub use trust::Trust;

/// SHA-256.
pub type Digest = [u8; 32];

/// What is known of a program.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// Of what a signature covers; `None`: it was not read.
    pub digest: Option<Digest>,
    /// Every signature that can be read.
    pub signatures: Vec<Signature>,
    /// Whether there are others.
    pub unreadable: bool,
    /// Whether it says of which generation it is (section `.sbat`).
    pub sbat: bool,
}

impl Program {
    /// With these bytes as its certificate table.
    pub fn new(layout: &Layout, table: &[u8], digest: Option<Digest>) -> Self {
        let (signatures, unreadable) = signature::all(table);
        Self {
            digest,
            signatures,
            unreadable,
            sbat: layout.has(".sbat"),
        }
    }

    /// Whether what was signed is what is there.
    fn is_intact(&self, signature: &Signature) -> bool {
        match (&self.digest, signature.digest()) {
            (Some(is), Some(signed)) => is == signed,
            _ => true,
        }
    }
}

/// Who starts a program, and so looks at its signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Starter {
    /// The firmware, by its own keys.
    Firmware,
    /// shim, by those and what it was built with.
    Shim,
}

/// Names of those who signed, or are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names(pub Vec<String>);

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted: Vec<String> = self.0.iter().map(|name| format!("\"{name}\"")).collect();
        f.write_str(&quoted.join(" and "))
    }
}

/// Why a program is not started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nobody signed it.
    #[error("it has no signature")]
    Unsigned,
    /// Somebody did, in a way that is not understood here.
    #[error("its signature cannot be read")]
    Unreadable,
    /// It is not what was signed.
    #[error("it is not what {0} signed: bytes of it have changed since")]
    Changed(Names),
    /// The signature was not made with the key that it names.
    #[error("its signature is not {0}'s: the key is another one")]
    Forged(Names),
    /// shim has it on its list of what must not start.
    #[error("it is revoked: the shim that is served lists it among what must not start")]
    Revoked,
    /// shim has its signer on that list.
    #[error("it is signed by {0}, and the shim that is served lists that key as revoked")]
    RevokedSigner(Names),
    /// Signed, but by somebody else.
    #[error("it is signed by {0}, and {1}")]
    Untrusted(Names, String),
    /// It does not say of which generation it is.
    #[error("it has no section .sbat, without which the shim that is served starts no boot loader")]
    NoGeneration,
}

/// Whether a program is started.
///
/// # Errors
/// Why not.
pub fn judge(program: &Program, trust: &Trust, by: Starter) -> Result<(), Refused> {
    let shim = by == Starter::Shim;
    if shim && program.digest.is_some_and(|d| trust.has_revoked(&d)) {
        return Err(Refused::Revoked);
    }
    if shim && program.digest.is_some_and(|d| trust.knows(&d)) {
        return Ok(());
    }
    let mut signatures = signed(program)?;
    keep(&mut signatures, Refused::Changed, |s| program.is_intact(s))?;
    keep(&mut signatures, Refused::Forged, Signature::is_sound)?;
    if shim {
        keep(&mut signatures, Refused::RevokedSigner, |s| {
            !trust.has_revoked_signer(s)
        })?;
    }
    let untrusted = |names| Refused::Untrusted(names, trust.words(by));
    keep(&mut signatures, untrusted, |s| {
        s.is_microsofts() || shim && trust.vouches_for(s)
    })
}

/// Its signatures, of which there is one at least.
fn signed(program: &Program) -> Result<Vec<&Signature>, Refused> {
    match (program.signatures.as_slice(), program.unreadable) {
        ([], true) => Err(Refused::Unreadable),
        ([], false) => Err(Refused::Unsigned),
        (signatures, _) => Ok(signatures.iter().collect()),
    }
}

/// Leaves those that meet a rule; where none does, that is why the program is refused.
fn keep(
    signatures: &mut Vec<&Signature>,
    why: impl FnOnce(Names) -> Refused,
    rule: impl Fn(&Signature) -> bool,
) -> Result<(), Refused> {
    let names = signatures.iter().map(|s| s.signer()).collect();
    signatures.retain(|s| rule(s));
    if signatures.is_empty() {
        Err(why(Names(names)))
    } else {
        Ok(())
    }
}

/// Whether shim starts this one as the loader that comes behind it. It asks more of that one: the
/// generation (shim 15.3 and later).
///
/// # Errors
/// Why not.
pub fn judge_second(program: &Program, trust: &Trust) -> Result<(), Refused> {
    judge(program, trust, Starter::Shim)?;
    if trust.wants_generation() && !program.sbat {
        return Err(Refused::NoGeneration);
    }
    Ok(())
}
