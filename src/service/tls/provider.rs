//! What TLS is made of: ring's suites, and two more for firmware without elliptic curves.
//!
//! Clients that have curves never see the difference: what they prefer stands first.

use std::sync::{Arc, LazyLock};

use tokio_rustls::rustls::crypto::ring::{self, cipher_suite};
use tokio_rustls::rustls::crypto::{CipherSuiteCommon, CryptoProvider, KeyExchangeAlgorithm};
use tokio_rustls::rustls::{CipherSuite, SupportedCipherSuite, Tls12CipherSuite};

use super::dhe::{LARGE, SMALL};

/// The provider of every handshake.
pub(super) static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    let mut provider = ring::default_provider();
    let more = [&DHE_256, &DHE_128].map(|suite| LazyLock::force(suite).as_ref());
    let more = more.into_iter().flatten().map(SupportedCipherSuite::Tls12);
    provider.cipher_suites.extend(more);
    // The first is for who names none.
    provider.kx_groups.push(&LARGE);
    provider.kx_groups.push(&SMALL);
    Arc::new(provider)
});

static DHE_256: LazyLock<Option<Tls12CipherSuite>> = LazyLock::new(|| {
    over_integers(
        cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::TLS_DHE_RSA_WITH_AES_256_GCM_SHA384,
    )
});
static DHE_128: LazyLock<Option<Tls12CipherSuite>> = LazyLock::new(|| {
    over_integers(
        cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::TLS_DHE_RSA_WITH_AES_128_GCM_SHA256,
    )
});

/// The same suite with another key exchange, under its name (RFC 5288).
fn over_integers(suite: SupportedCipherSuite, name: CipherSuite) -> Option<Tls12CipherSuite> {
    let SupportedCipherSuite::Tls12(by_curves) = suite else {
        return None;
    };
    Some(Tls12CipherSuite {
        common: CipherSuiteCommon {
            suite: name,
            hash_provider: by_curves.common.hash_provider,
            confidentiality_limit: by_curves.common.confidentiality_limit,
        },
        kx: KeyExchangeAlgorithm::DHE,
        prf_provider: by_curves.prf_provider,
        sign: by_curves.sign,
        aead_alg: by_curves.aead_alg,
    })
}
