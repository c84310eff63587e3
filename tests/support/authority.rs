//! A certificate authority of a test's own, by `openssl`: certificates as an operator would have
//! them issued, and the list in which UEFI firmware keeps those
#![allow(dead_code, reason = "not every test target needs all of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a certificate is issued with.
#[derive(Debug, Clone, Copy)]
pub enum Key {
    /// RSA of 3072 bits.
    Rsa,
    /// RSA of 2048 bits, which some firmware refuses.
    Short,
    /// ECDSA on P-256.
    Ec,
}

impl Key {
    /// As `openssl req -newkey` is told it.
    const fn kind(self) -> &'static [&'static str] {
        match self {
            Self::Rsa => &["rsa:3072"],
            Self::Short => &["rsa:2048"],
            Self::Ec => &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        }
    }
}

/// An authority, with everything that it makes in one folder.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
    name: String,
}

/// The files of one certificate.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The certificate, PEM.
    pub cert: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
}

impl Authority {
    /// A new one with RSA of 3072 bits, whose files begin with its name.
    pub fn new(folder: &Path, name: &str) -> Self {
        Self::of(folder, name, Key::Rsa)
    }

    /// The same with another key.
    pub fn of(folder: &Path, name: &str, key: Key) -> Self {
        let kind = key.kind();
        let new = Self {
            folder: folder.to_owned(),
            name: name.to_owned(),
        };
        let (key, cert) = (new.file("key"), new.cert());
        let subject = format!("/CN=Test authority {name}");
        let begin = ["req", "-x509", "-newkey"];
        let end = [
            "-nodes",
            "-days",
            "30",
            "-subj",
            &subject,
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
            "-keyout",
            text(&key),
            "-out",
            text(&cert),
        ];
        openssl(&[&begin[..], kind, &end].concat());
        new
    }

    /// Its certificate, PEM.
    pub fn cert(&self) -> PathBuf {
        self.file("pem")
    }

    fn file(&self, end: &str) -> PathBuf {
        self.folder.join(format!("{}.{end}", self.name))
    }

    /// Issues one for 30 days to these names (`IP:10.77.0.2`, `DNS:boot.example.org`).
    pub fn issue(&self, name: &str, key: Key, names: &str) -> Issued {
        self.issue_for(name, key, names, 30)
    }

    /// The same for so many days; a negative number is one that has expired.
    pub fn issue_for(&self, name: &str, kind: Key, names: &str, days: i32) -> Issued {
        let (key, request) = (self.of_one(name, "key"), self.of_one(name, "csr"));
        let kind = kind.kind();
        let begin = ["req", "-nodes", "-subj", "/CN=bootjack", "-newkey"];
        let end = ["-keyout", text(&key), "-out", text(&request)];
        openssl(&[&begin[..], kind, &end].concat());
        let cert = self.sign(name, names, days);
        Issued { cert, key }
    }

    /// Issues one anew for the same key, in the same file.
    pub fn renew(&self, name: &str, names: &str) {
        self.sign(name, names, 29);
    }

    fn of_one(&self, name: &str, end: &str) -> PathBuf {
        self.folder.join(format!("{}-{name}.{end}", self.name))
    }

    fn sign(&self, name: &str, names: &str, days: i32) -> PathBuf {
        let file = |end: &str| self.of_one(name, end);
        let (request, about, cert) = (file("csr"), file("ext"), file("pem"));
        let san = format!("subjectAltName={names}\nextendedKeyUsage=serverAuth\n");
        fs::write(&about, san).unwrap();
        let (ca, ca_key) = (self.cert(), self.file("key"));
        let days = days.to_string();
        openssl(&[
            "x509",
            "-req",
            "-CAcreateserial",
            "-days",
            &days,
            "-in",
            text(&request),
            "-CA",
            text(&ca),
            "-CAkey",
            text(&ca_key),
            "-extfile",
            text(&about),
            "-out",
            text(&cert),
        ]);
        cert
    }

    /// What firmware is to trust: an `EFI_SIGNATURE_LIST` with this authority in it (UEFI 2.10
    /// section 32.4.1), as OVMF reads it from `etc/edk2/https/cacerts`.
    pub fn signature_list(&self) -> PathBuf {
        /// `EFI_CERT_X509_GUID`, as bytes stand in memory.
        const X509: [u8; 16] = [
            0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b,
            0xf0, 0x72,
        ];
        const HEAD: usize = 28;
        const OWNER: [u8; 16] = [0x77; 16];
        let der = self.file("der");
        openssl(&[
            "x509",
            "-in",
            text(&self.cert()),
            "-outform",
            "der",
            "-out",
            text(&der),
        ]);
        let der = fs::read(der).unwrap();
        let each = OWNER.len() + der.len();
        let number = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
        let sizes = [number(HEAD + each), number(0), number(each)].concat();
        let list = self.file("esl");
        fs::write(&list, [&X509[..], &sizes, &OWNER, &der].concat()).unwrap();
        list
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn openssl(args: &[&str]) {
    let out = Command::new("openssl").args(args).output();
    let out = out.unwrap_or_else(|e| panic!("openssl: {e}; tests/support/setup.sh brings it"));
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "openssl {args:?}: {said}");
}
