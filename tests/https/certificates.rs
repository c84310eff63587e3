//! What an operator is told of his files: what cannot be used, and what firmware would not take.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime};

use bootjack::config::{Effective, Https};
use bootjack::service::tls::{self, Tls, files};
use tempfile::TempDir;

use crate::authority::{Authority, Issued, Key};
use crate::lab;

const HERE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What `check` says.
fn said(settings: &Effective) -> String {
    let findings = tls::findings(settings, &[HERE]);
    let said: Vec<String> = findings.iter().map(ToString::to_string).collect();
    said.join("\n")
}

struct Desk {
    folder: TempDir,
    authority: Authority,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path(), "ca");
        Self { folder, authority }
    }

    fn settings(&self, issued: &Issued) -> Effective {
        lab::settings(self.folder.path(), issued)
    }

    fn file(&self, name: &str, text: &[u8]) -> std::path::PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }
}

#[test]
fn one_that_fits_is_no_word() {
    let desk = Desk::new();
    let issued = desk.authority.issue("a", Key::Rsa, "IP:10.0.0.2");
    let settings = desk.settings(&issued);
    assert_eq!(said(&settings), "");
    let both = [
        fs::read(&issued.key).unwrap(),
        fs::read(&issued.cert).unwrap(),
    ]
    .concat();
    let one = Effective {
        tls_cert: Some(desk.file("both.pem", &both)),
        tls_key: None,
        ..settings
    };
    assert_eq!(said(&one), "", "one file may hold both");
}

#[test]
fn what_cannot_be_used_is_an_error_with_a_remedy() {
    let desk = Desk::new();
    let (one, other) = (
        desk.authority.issue("a", Key::Rsa, "IP:10.0.0.2"),
        desk.authority.issue("b", Key::Rsa, "IP:10.0.0.2"),
    );
    let good = desk.settings(&one);
    let with = |cert: &std::path::Path, key: &std::path::Path| Effective {
        tls_cert: Some(cert.to_owned()),
        tls_key: Some(key.to_owned()),
        ..good.clone()
    };
    let junk = desk.file("junk.pem", b"junk");
    let binary = desk.file("binary.der", &[0x30, 0x82, 0xff, 0xfe, 0]);
    let locked =
        b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let locked = desk.file("locked.pem", locked);
    let absent = desk.folder.path().join("absent.pem");
    for (settings, words) in [
        (
            with(&one.cert, &other.key),
            &["does not belong to the key", "stand first"][..],
        ),
        (with(&junk, &one.key), &["junk.pem", "holds no certificate"]),
        (
            with(&one.cert, &junk),
            &["junk.pem", "holds no private key", "tls-key"],
        ),
        (
            with(&binary, &one.key),
            &["is no PEM text", "openssl x509 -inform der"],
        ),
        (with(&one.cert, &locked), &["is encrypted", "openssl pkey"]),
        (with(&absent, &one.key), &["absent.pem", "does not exist"]),
        (
            Effective {
                https_port: Some(good.http_port),
                ..good.clone()
            },
            &["http-port and https-port are both 8067"],
        ),
        (
            Effective {
                tls_name: Some("no host".into()),
                ..good.clone()
            },
            &["\"no host\" is no host name"],
        ),
    ] {
        let told = said(&settings);
        assert!(told.contains("error"), "{told}");
        assert!(
            words.iter().all(|word| told.contains(word)),
            "{words:?}: {told}"
        );
        let start = Tls::open(&settings, vec![HERE]).unwrap_err().to_string();
        assert!(start.contains("HTTPS cannot be served"), "{start}");
    }
}

#[test]
fn what_firmware_would_not_take_is_a_warning() {
    let desk = Desk::new();
    let issued = |name, key, names| desk.authority.issue(name, key, names);
    let elsewhere = desk.settings(&issued("a", Key::Rsa, "IP:10.9.9.9,DNS:boot.example.org"));
    let named = |name: &str| Effective {
        tls_name: Some(name.to_owned()),
        ..elsewhere.clone()
    };
    let old = desk.authority.issue_for("old", Key::Rsa, "IP:10.0.0.2", -1);
    let idle = Effective {
        tls_cert: None,
        ..elsewhere.clone()
    };
    for (settings, words) in [
        (
            elsewhere.clone(),
            &[
                "10.9.9.9",
                "boot.example.org",
                "machines ask for 10.0.0.2",
                "tls-name",
            ][..],
        ),
        (
            named("other.example.org"),
            &["machines ask for other.example.org"],
        ),
        (desk.settings(&old), &["has expired on", "renew it"]),
        (
            desk.settings(&issued("ec", Key::Ec, "IP:10.0.0.2")),
            &["ECDSA", "RSA"],
        ),
        (idle, &["tls-key has no effect: there is no tls-cert"]),
    ] {
        let told = said(&settings);
        assert!(
            told.contains("warning") && !told.contains("error"),
            "{told}"
        );
        assert!(
            words.iter().all(|word| told.contains(word)),
            "{words:?}: {told}"
        );
    }
    assert_eq!(said(&named("boot.example.org")), "");
}

/// EDK2 with its OpenSSL at security level 3 wants 128 bits of every key in the chain.
#[test]
fn rsa_keys_that_some_firmware_takes_for_too_short_are_a_warning() {
    let desk = Desk::new();
    let short = desk.authority.issue("short", Key::Short, "IP:10.0.0.2");
    let told = said(&desk.settings(&short));
    for words in ["warning", "the RSA key has 2048 bits", "3072"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let authority = Authority::of(desk.folder.path(), "weak", Key::Short);
    let issued = authority.issue("a", Key::Rsa, "IP:10.0.0.2");
    assert_eq!(said(&desk.settings(&issued)), "", "nobody can see it");
    let chain = [issued.cert.clone(), authority.cert()].map(|path| fs::read(path).unwrap());
    let chain = Effective {
        tls_cert: Some(desk.file("chain.pem", &chain.concat())),
        ..desk.settings(&issued)
    };
    let told = said(&chain);
    for words in ["warning", "the RSA key of its authority has 2048 bits"] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn a_key_that_others_may_read_is_a_warning() {
    let desk = Desk::new();
    let issued = desk.authority.issue("a", Key::Rsa, "IP:10.0.0.2");
    let settings = desk.settings(&issued);
    for (mode, told) in [(0o600, false), (0o640, false), (0o644, true), (0o602, true)] {
        fs::set_permissions(&issued.key, fs::Permissions::from_mode(mode)).unwrap();
        let said = said(&settings);
        if !told {
            assert_eq!(said, "", "{mode:o}");
            continue;
        }
        let words = ["warning", "a.key:", "others may", "chmod o="];
        let all = words.iter().all(|word| said.contains(word));
        assert!(all && said.contains(&format!("{mode:o}")), "{said}");
    }
}

/// Asked once a day: each new answer once, and none at the start, where it is told by itself.
#[test]
fn a_certificate_that_runs_out_meanwhile_is_told_of() {
    let desk = Desk::new();
    let issued = desk.authority.issue("a", Key::Rsa, "IP:10.0.0.2");
    let old = desk.authority.issue_for("old", Key::Rsa, "IP:10.0.0.2", 3);
    let open = |issued| Tls::open(&desk.settings(issued), vec![HERE]).unwrap().0;
    let (tls, told) = (open(&issued).unwrap(), open(&old).unwrap());
    let now = SystemTime::now();
    assert!(told.aged(now).is_none(), "it was told at the start");
    for (day, words) in [
        (0, None),
        (10, None),
        (17, Some("the certificate expires on")),
        (18, None),
        (29, None),
        (31, Some("the certificate has expired on")),
        (32, None),
    ] {
        let said = tls.aged(now + day * DAY).map(|what| format!("{what:?}"));
        match (words, said) {
            (None, None) => {}
            (Some(words), Some(said)) => assert!(said.contains(words), "{said}"),
            (_, said) => panic!("day {day}: {said:?}"),
        }
    }
}

#[test]
fn a_certificate_is_told_of_before_it_ends_and_before_it_begins() {
    let desk = Desk::new();
    let issued = desk.authority.issue("a", Key::Rsa, "IP:10.0.0.2");
    let https = Https {
        port: 8443,
        cert: issued.cert,
        key: issued.key,
        name: None,
    };
    let credentials = files::read(&https).unwrap();
    let at = |time: SystemTime| {
        let flaws = credentials.flaws(&https, &[HERE], time);
        flaws.iter().map(ToString::to_string).collect::<String>()
    };
    let now = SystemTime::now();
    assert_eq!(at(now + DAY), "");
    assert!(
        at(now - DAY).contains("holds only from"),
        "{}",
        at(now - DAY)
    );
    assert!(
        at(now + 20 * DAY).contains("expires on"),
        "{}",
        at(now + 20 * DAY)
    );
    assert!(
        at(now + 31 * DAY).contains("has expired on"),
        "{}",
        at(now + 31 * DAY)
    );
}
