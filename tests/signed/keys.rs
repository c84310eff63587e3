//! Keys of one's own: made by openssl, signed with and verified by sbsigntool.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A key with its certificate, signed by itself.
pub(super) struct Key(TempDir);

impl Key {
    pub(super) fn new(name: &str) -> Self {
        Self::of(name, 2048)
    }

    /// With a modulus of so many bits.
    pub(super) fn of(name: &str, bits: usize) -> Self {
        let key = Self(TempDir::new().unwrap());
        let subject = format!("/CN={name}");
        let kind = format!("rsa:{bits}");
        let args = [
            "req", "-x509", "-newkey", &kind, "-nodes", "-days", "100", "-subj",
        ];
        let mut openssl = Command::new("openssl");
        openssl.args(args).arg(subject);
        openssl.arg("-keyout").arg(key.path("key.pem"));
        openssl.arg("-out").arg(key.path("certificate.pem"));
        assert!(key.run(&mut openssl));
        key
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    #[allow(clippy::unused_self)] // the folder has to be there
    fn run(&self, command: &mut Command) -> bool {
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
        let status = quiet.status();
        status
            .unwrap_or_else(|e| panic!("{command:?}: {e}; tests/support/setup.sh brings it"))
            .success()
    }

    /// A program with its signature, behind those that it has already.
    pub(super) fn sign(&self, program: &[u8]) -> Vec<u8> {
        fs::write(self.path("plain"), program).unwrap();
        let mut sbsign = Command::new("sbsign");
        sbsign.arg("--key").arg(self.path("key.pem"));
        sbsign.arg("--cert").arg(self.path("certificate.pem"));
        sbsign
            .arg("--output")
            .arg(self.path("signed"))
            .arg(self.path("plain"));
        assert!(self.run(&mut sbsign), "sbsign");
        fs::read(self.path("signed")).unwrap()
    }

    /// Whether sbverify takes a program for one that was signed with it.
    pub(super) fn verifies(&self, program: &[u8]) -> bool {
        fs::write(self.path("asked"), program).unwrap();
        let mut sbverify = Command::new("sbverify");
        sbverify.arg("--cert").arg(self.path("certificate.pem"));
        self.run(sbverify.arg(self.path("asked")))
    }

    /// Its certificate, in DER.
    pub(super) fn certificate(&self) -> Vec<u8> {
        let mut openssl = Command::new("openssl");
        openssl
            .args(["x509", "-outform", "DER", "-in"])
            .arg(self.path("certificate.pem"));
        assert!(self.run(openssl.arg("-out").arg(self.path("certificate.der"))));
        fs::read(self.path("certificate.der")).unwrap()
    }
}
