//! Diffie-Hellman over the integers modulo a prime, for firmware that knows no elliptic curves.
//!
//! OVMF of Debian 12 (EDK2 2022.11) offers `DHE_RSA` and RSA key exchange alone: its OpenSSL is built
//! without curves (seen in its `ClientHello`). rustls knows the suites and leaves the arithmetic to
//! its provider, and ring has none. The prime is ffdhe2048 of RFC 7919, a safe one, so that a public
//! value that is neither 1 nor p − 1 is in no small subgroup. Each exchange has an exponent of its
//! own. The arithmetic is crypto-bigint's, which takes the same time whatever the exponent.
//!
//! Absent on purpose: TLS 1.3, whose clients have curves.

use std::fmt;

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U256, U2048};
use tokio_rustls::rustls::crypto::{ActiveKeyExchange, SharedSecret, SupportedKxGroup, ring};
use tokio_rustls::rustls::ffdhe_groups::{FFDHE2048, FfdheGroup};
use tokio_rustls::rustls::{Error, NamedGroup, PeerMisbehaved, ProtocolVersion};

/// Bytes of a number modulo the prime.
const WIDTH: usize = 2048 / 8;
/// Bytes of an exponent; RFC 7919 A.1 wants 225 bits at least.
const EXPONENT: usize = 32;

/// The group, computed once.
pub(super) struct Ffdhe2048 {
    prime: FixedMontyParams<{ U2048::LIMBS }>,
}

/// The group that rustls is given.
pub(super) static GROUP: Ffdhe2048 = Ffdhe2048 {
    prime: FixedMontyParams::new_vartime(prime()),
};

const fn prime() -> Odd<U2048> {
    match U2048::from_be_slice(FFDHE2048.p)
        .to_odd()
        .into_option_copied()
    {
        Some(prime) => prime,
        None => panic!("ffdhe2048 is odd"),
    }
}

impl fmt::Debug for Ffdhe2048 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ffdhe2048")
    }
}

impl Ffdhe2048 {
    fn power(&self, base: &U2048, exponent: &U256) -> U2048 {
        let base = FixedMontyForm::new(base, &self.prime);
        base.pow(exponent).retrieve()
    }

    /// The number that a peer sent, where it may be one (RFC 7919 section 5.1): 1 < y < p − 1. Leading
    /// zeros may be left out.
    fn public(&self, sent: &[u8]) -> Option<U2048> {
        let mut bytes = [0; WIDTH];
        let start = WIDTH.checked_sub(sent.len())?;
        bytes.get_mut(start..)?.copy_from_slice(sent);
        let number = U2048::from_be_slice(&bytes);
        let last = self.prime.modulus().as_ref().wrapping_sub(&U2048::ONE);
        (number > U2048::ONE && number < last).then_some(number)
    }
}

impl SupportedKxGroup for Ffdhe2048 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut bytes = [0; EXPONENT];
        let random = ring::default_provider().secure_random;
        random
            .fill(&mut bytes)
            .map_err(|_| Error::FailedToGetRandomBytes)?;
        let exponent = U256::from_be_slice(&bytes);
        let generator = U2048::from_u8(2);
        let public = bytes_of(&GROUP.power(&generator, &exponent));
        Ok(Box::new(Exchange { exponent, public }))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        Some(FFDHE2048)
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::FFDHE2048
    }

    fn usable_for_version(&self, version: ProtocolVersion) -> bool {
        version == ProtocolVersion::TLSv1_2
    }
}

/// One exchange under way.
struct Exchange {
    exponent: U256,
    public: [u8; WIDTH],
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let peer = GROUP.public(peer);
        let peer = peer.ok_or(Error::PeerMisbehaved(PeerMisbehaved::InvalidKeyShare))?;
        let secret = bytes_of(&GROUP.power(&peer, &self.exponent));
        Ok(SharedSecret::from(&secret[..]))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        Some(FFDHE2048)
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::FFDHE2048
    }
}

fn bytes_of(number: &U2048) -> [u8; WIDTH] {
    number.to_be_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_agree_and_leading_zeros_may_be_left_out() {
        for _ in 0..4 {
            let (here, there) = (GROUP.start().unwrap(), GROUP.start().unwrap());
            let (mine, theirs) = (here.pub_key().to_vec(), there.pub_key().to_vec());
            assert_ne!(mine, theirs, "each exchange has an exponent of its own");
            let one = here.complete(&theirs).unwrap();
            let other = there.complete(&mine).unwrap();
            assert_eq!(one.secret_bytes(), other.secret_bytes());
            assert_eq!(one.secret_bytes().len(), WIDTH);
        }
        assert_eq!(GROUP.public(&[5]), Some(U2048::from_u8(5)));
    }

    #[test]
    fn numbers_of_small_order_and_too_large_ones_are_refused() {
        let less = |by: u8| bytes_of(&prime().as_ref().wrapping_sub(&U2048::from_u8(by)));
        for bad in [
            &[][..],
            &[0],
            &[1],
            &less(1),
            &less(0),
            &[0xff; WIDTH],
            &[1; WIDTH + 1],
        ] {
            let complete = GROUP.start().unwrap().complete(bad);
            assert!(complete.is_err(), "{bad:?}");
        }
        assert!(GROUP.start().unwrap().complete(&less(2)).is_ok());
    }

    /// 2^q = 1 modulo p, as the prime is safe and 2 a square there: the arithmetic and the prime are
    /// the ones of RFC 7919.
    #[test]
    fn the_generator_has_the_order_of_the_large_subgroup() {
        let order = prime().as_ref().wrapping_shr(1);
        let two = FixedMontyForm::new(&U2048::from_u8(2), &GROUP.prime);
        assert_eq!(two.pow(&order).retrieve(), U2048::ONE);
    }
}
