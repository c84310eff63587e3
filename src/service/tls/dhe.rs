//! Diffie-Hellman over the integers modulo a prime, for firmware that knows no elliptic curves.
//!
//! OVMF of Debian 12 (EDK2 2022.11) offers `DHE_RSA` and RSA key exchange alone: its OpenSSL is built
//! without curves (seen in its `ClientHello`). rustls knows the suites and leaves the arithmetic to
//! its provider, and ring has none. The primes are those of RFC 7919, safe ones, so that a public
//! value that is neither 1 nor p − 1 is in no small subgroup. Each exchange has an exponent of its
//! own, which is wiped with the secret. The arithmetic is crypto-bigint's, which takes the same time
//! whatever the exponent.
//!
//! Firmware names no group, and gets ffdhe3072: EDK2 of autumn 2025 to mid 2026 asks OpenSSL for
//! security level 3 (tianocore/edk2#11534, #12681), which refuses less. ffdhe2048 is for clients that
//! name it alone.
//!
//! Absent on purpose: TLS 1.3, whose clients have curves.

use std::fmt;

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{U320, U2048, U3072, Uint};
use tokio_rustls::rustls::crypto::{ActiveKeyExchange, SharedSecret, SupportedKxGroup, ring};
use tokio_rustls::rustls::ffdhe_groups::{FFDHE2048, FFDHE3072, FfdheGroup};
use tokio_rustls::rustls::{Error, NamedGroup, PeerMisbehaved, ProtocolVersion};
use zeroize::Zeroizing;

/// An exponent; RFC 7919 A.2 wants 275 bits at least for the larger prime.
type Exponent = Zeroizing<U320>;

/// A prime of so many limbs, and what comes of it, computed once.
pub(super) struct Group<const LIMBS: usize> {
    name: NamedGroup,
    numbers: FfdheGroup<'static>,
    prime: FixedMontyParams<LIMBS>,
}

/// What most are given.
pub(super) static LARGE: &Group<{ U3072::LIMBS }> = &Group::new(NamedGroup::FFDHE3072, FFDHE3072);
/// For clients that name it, and not the larger one.
pub(super) static SMALL: &Group<{ U2048::LIMBS }> = &Group::new(NamedGroup::FFDHE2048, FFDHE2048);

impl<const LIMBS: usize> Group<LIMBS> {
    /// For the compiler alone: it panics where the numbers are not of that width.
    const fn new(name: NamedGroup, numbers: FfdheGroup<'static>) -> Self {
        let prime = Uint::from_be_slice(numbers.p);
        let Some(prime) = prime.to_odd().into_option_copied() else {
            panic!("a prime is odd");
        };
        Self {
            name,
            numbers,
            prime: FixedMontyParams::new_vartime(prime),
        }
    }

    fn power(&self, base: &Uint<LIMBS>, exponent: &U320) -> Uint<LIMBS> {
        let base = FixedMontyForm::new(base, &self.prime);
        base.pow(exponent).retrieve()
    }

    /// The number that a peer sent, where it may be one (RFC 7919 section 5.1): 1 < y < p − 1. Leading
    /// zeros may be left out.
    fn public(&self, sent: &[u8]) -> Option<Uint<LIMBS>> {
        let mut bytes = vec![0; Uint::<LIMBS>::BYTES];
        let start = bytes.len().checked_sub(sent.len())?;
        bytes.get_mut(start..)?.copy_from_slice(sent);
        let number = Uint::from_be_slice(&bytes);
        let last = self.prime.modulus().as_ref().wrapping_sub(&Uint::ONE);
        (number > Uint::ONE && number < last).then_some(number)
    }

    fn exchange(&'static self, exponent: Exponent) -> Exchange<LIMBS> {
        let generator = Uint::from_u8(2);
        let public = self.power(&generator, &exponent);
        Exchange {
            group: self,
            exponent,
            public: public.to_be_bytes().to_vec(),
        }
    }
}

impl<const LIMBS: usize> fmt::Debug for Group<LIMBS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

impl<const LIMBS: usize> SupportedKxGroup for &'static Group<LIMBS> {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut bytes = Zeroizing::new([0; U320::BYTES]);
        let random = ring::default_provider().secure_random;
        random
            .fill(&mut *bytes)
            .map_err(|_| Error::FailedToGetRandomBytes)?;
        let exponent = Zeroizing::new(U320::from_be_slice(&*bytes));
        Ok(Box::new(self.exchange(exponent)))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        Some(self.numbers)
    }

    fn name(&self) -> NamedGroup {
        self.name
    }

    fn usable_for_version(&self, version: ProtocolVersion) -> bool {
        version == ProtocolVersion::TLSv1_2
    }
}

/// One exchange under way.
struct Exchange<const LIMBS: usize> {
    group: &'static Group<LIMBS>,
    exponent: Exponent,
    public: Vec<u8>,
}

impl<const LIMBS: usize> ActiveKeyExchange for Exchange<LIMBS> {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let peer = self.group.public(peer);
        let peer = peer.ok_or(Error::PeerMisbehaved(PeerMisbehaved::InvalidKeyShare))?;
        let secret = Zeroizing::new(self.group.power(&peer, &self.exponent));
        let bytes = Zeroizing::new(secret.to_be_bytes());
        // It wipes what it is given.
        Ok(SharedSecret::from(bytes.to_vec()))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        Some(self.group.numbers)
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        self.group.name
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};
    use tokio_rustls::rustls::version::{TLS12, TLS13};

    use super::*;
    use crate::wire::hex_digits;

    fn digest(bytes: &[u8]) -> String {
        hex_digits(&Sha256::digest(bytes))
    }

    /// The exponent 0x0102…28 and a peer's number whose secret begins with a zero, as `openssl pkeyutl
    /// -derive` has it with `dh_pad:1` and `dh_pad:0`: whole, and as TLS 1.2 wants it (RFC 5246 8.1.2).
    fn holds_with<const LIMBS: usize>(
        group: &'static Group<LIMBS>,
        peer: &[u8],
        [public, whole, stripped]: [&str; 3],
    ) {
        let bytes: Vec<u8> = (1..=40).collect();
        let exchange = || {
            let exponent = Zeroizing::new(U320::from_be_slice(&bytes));
            Box::new(group.exchange(exponent))
        };
        assert_eq!(digest(exchange().pub_key()), public);
        let zeros = [&[0; 200], peer].concat();
        for peer in [peer, &zeros] {
            let secret = exchange().complete(peer).unwrap();
            assert_eq!(secret.secret_bytes().len(), Uint::<LIMBS>::BYTES);
            assert_eq!(digest(secret.secret_bytes()), whole);
            for (version, is) in [(&TLS12, stripped), (&TLS13, whole)] {
                let secret = exchange().complete_for_tls_version(peer, version);
                assert_eq!(digest(secret.unwrap().secret_bytes()), is, "{version:?}");
            }
        }
    }

    #[test]
    fn a_secret_that_begins_with_a_zero_is_the_one_that_openssl_has() {
        let large = [
            "38915af78eca68d5d294448119985964195c8924442e6636acfe2e5a2cfa32bc",
            "92a127d7bcaa7d6c3f66b232ad9a0266b6ee3b6d1415f7469827a776074b868c",
            "506ef1cf0d033075e850ba22fb942bed26e3fa44e6a1d6285cac4103ce6ebd53",
        ];
        holds_with(LARGE, &[171], large);
        let small = [
            "d7be3fd2555d24061f89d62ba078be992db8f1e4d7ede109c0d9d4f328252c43",
            "7a51936b0c90481040d7ebe44e16e2eed43b86eeea92ec1c59108daad69683ab",
            "7338667765ab748bd50bbf3131527bd579fe3773cfd939474981b08230eaf7dd",
        ];
        holds_with(SMALL, &[1, 151], small);
    }

    fn agrees<const LIMBS: usize>(group: &'static Group<LIMBS>) {
        let (here, there) = (group.start().unwrap(), group.start().unwrap());
        let (mine, theirs) = (here.pub_key().to_vec(), there.pub_key().to_vec());
        assert_ne!(mine, theirs, "each exchange has an exponent of its own");
        let one = here.complete(&theirs).unwrap();
        let other = there.complete(&mine).unwrap();
        assert_eq!(one.secret_bytes(), other.secret_bytes());
    }

    #[test]
    fn both_sides_agree() {
        agrees(LARGE);
        agrees(SMALL);
    }

    fn refuses<const LIMBS: usize>(group: &'static Group<LIMBS>) {
        let prime: Uint<LIMBS> = *group.prime.modulus().as_ref();
        let less = |by: u8| prime.wrapping_sub(&Uint::from_u8(by)).to_be_bytes();
        let width = prime.to_be_bytes().len();
        for bad in [
            &[][..],
            &[0],
            &[1],
            &less(1),
            &less(0),
            &vec![0xff; width],
            &vec![1; width + 1],
        ] {
            let complete = group.start().unwrap().complete(bad);
            assert!(complete.is_err(), "{bad:?}");
        }
        assert!(group.start().unwrap().complete(&less(2)).is_ok());
    }

    #[test]
    fn numbers_of_small_order_and_too_large_ones_are_refused() {
        refuses(LARGE);
        refuses(SMALL);
    }

    /// 2^q = 1 modulo p, as the primes are safe and 2 a square there.
    fn has_the_order<const LIMBS: usize>(group: &Group<LIMBS>) {
        let order = group.prime.modulus().as_ref().wrapping_shr(1);
        let two = FixedMontyForm::new(&Uint::from_u8(2), &group.prime);
        assert_eq!(two.pow(&order).retrieve(), Uint::ONE);
    }

    #[test]
    fn the_generator_has_the_order_of_the_large_subgroup() {
        has_the_order(LARGE);
        has_the_order(SMALL);
    }

    /// Whoever takes the wiping out is told.
    #[test]
    fn what_is_secret_is_wiped() {
        const fn wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        wiped(&LARGE.exchange(Zeroizing::new(U320::from_u8(3))).exponent);
    }
}
