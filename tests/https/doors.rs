//! What firmware and other clients need of TLS: versions, suites, names, and all that HTTP has.

use std::process::{Command, Stdio};

use crate::authority::Key;
use crate::lab::Lab;
use bootjack::service::Limits;

const LOADER: &str = "/assets/snponly.efi";

/// More than a TLS record, and no multiple of one.
fn large() -> Vec<u8> {
    (0..5_000_003_u32).map(|n| (n % 251) as u8).collect()
}

#[test]
fn the_same_tree_is_behind_both_doors() {
    let lab = Lab::new();
    lab.image("large.img", &large());
    let plain = |path: &str| format!("http://{}{path}", lab.plain);
    for path in [LOADER, "/images/large.img"] {
        let (http, https) = (lab.got(&[&plain(path)]), lab.got(&[&lab.url(path)]));
        assert!(http == https && !http.is_empty(), "{path}");
    }
    let head = lab.got(&["-I", &lab.url("/images/large.img")]);
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    for line in [
        "http/1.1 200",
        "content-length: 5000003",
        "application/vnd.efi-img\r",
    ] {
        assert!(head.contains(line), "{line}: {head}");
    }
    let part = lab.got(&["-r", "100-299", &lab.url("/images/large.img")]);
    assert_eq!(part, large()[100..300]);
    lab.wait_for(&["\"sent\"", "images/large.img", "5000003"]);
    lab.is_well();
}

/// The suites of firmware that knows no elliptic curves (Debian 12's OVMF), beside what everybody has.
#[test]
fn versions_and_suites() {
    let lab = Lab::new();
    for how in [
        &["--tlsv1.3"][..],
        &["--tls-max", "1.2"],
        &[
            "--tls-max",
            "1.2",
            "--ciphers",
            "ECDHE-RSA-AES128-GCM-SHA256",
        ],
        &["--tls-max", "1.2", "--ciphers", "DHE-RSA-AES256-GCM-SHA384"],
        &["--tls-max", "1.2", "--ciphers", "DHE-RSA-AES128-GCM-SHA256"],
        // EDK2 of late 2025: no key below 128 bits of strength, Diffie-Hellman's not either.
        &[
            "--tls-max",
            "1.2",
            "--ciphers",
            "DHE-RSA-AES256-GCM-SHA384:@SECLEVEL=3",
        ],
        &[
            "--tls-max",
            "1.2",
            "--ciphers",
            "ECDHE-RSA-AES256-GCM-SHA384:@SECLEVEL=3",
        ],
    ] {
        let url = lab.url(LOADER);
        let got = lab.got(&[how, &[&url]].concat());
        assert!(got.starts_with(b"MZ"), "{how:?}");
    }
    let old = lab.curl(&[
        "--tls-max",
        "1.1",
        "--ciphers",
        "DEFAULT@SECLEVEL=0",
        &lab.url(LOADER),
    ]);
    assert!(!old.status.success(), "TLS 1.1 is not spoken");
    lab.wait_for(&["\"handshake\"", "no TLS version that we do"]);
    let rsa = lab.curl(&[
        "--tls-max",
        "1.2",
        "--ciphers",
        "AES256-SHA256",
        &lab.url(LOADER),
    ]);
    assert!(!rsa.status.success(), "RSA key exchange is not spoken");
    lab.wait_for(&["\"handshake\"", "no cipher suite that both know"]);
    lab.is_well();
}

/// (Numbers that want care are in the unit tests of `dhe`.)
#[test]
fn key_exchange_without_curves_again_and_again() {
    let lab = Lab::new();
    let url = lab.url("/healthz");
    let urls = vec![url.as_str(); 8];
    let once = ["--tls-max", "1.2", "--ciphers", "DHE-RSA-AES256-GCM-SHA384"];
    let fresh = ["--no-sessionid", "-H", "Connection: close"];
    let got = lab.got(&[&once[..], &fresh, &urls].concat());
    assert_eq!(got, b"ok\n".repeat(8));
}

/// Clients that name their groups (RFC 7919) get one of these; who knows the small one
/// alone is served as well.
#[test]
fn key_exchange_with_the_group_that_a_client_names() {
    let lab = Lab::new();
    let ca = lab.authority.cert();
    for (groups, taken) in [
        ("+GROUP-FFDHE2048", "(DHE-FFDHE2048)"),
        ("+GROUP-FFDHE3072", "(DHE-FFDHE3072)"),
    ] {
        let only = format!(
            "NONE:+VERS-TLS1.2:+CIPHER-ALL:+MAC-ALL:+SIGN-ALL:+COMP-NULL:+DHE-RSA:{groups}"
        );
        let out = Command::new("gnutls-cli")
            .args(["--x509cafile", ca.to_str().unwrap(), "--priority", &only])
            .args(["--port", &lab.secured.port().to_string(), "127.0.0.1"])
            .stdin(Stdio::null())
            .output()
            .expect("gnutls-cli; tests/support/setup.sh brings it");
        let said = String::from_utf8_lossy(&out.stdout);
        assert!(said.contains(taken), "{groups}: {said}");
    }
    lab.is_well();
}

/// Those that serve come first where the processor is scarce.
#[test]
fn the_thread_of_handshakes_stands_back() {
    let lab = Lab::new();
    lab.is_well();
    let nice = |task: &std::path::Path| -> Option<i32> {
        let stat = std::fs::read_to_string(task.join("stat")).ok()?;
        // Fields from the third on, behind the name (`proc(5)`); the 19th is how nice it is.
        let fields = stat.rsplit_once(") ")?.1;
        fields.split(' ').nth(16)?.parse().ok()
    };
    let own = nice(std::path::Path::new("/proc/self")).unwrap();
    let deadline = std::time::Instant::now() + crate::lab::PATIENCE;
    let ours = || -> Vec<i32> {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let tasks = tasks.map(|task| task.unwrap().path());
        let named = |name: &std::path::Path| std::fs::read_to_string(name.join("comm"));
        let tls = tasks.filter(|task| named(task).is_ok_and(|name| name == "tls\n"));
        tls.filter_map(|task| nice(&task)).collect()
    };
    // Other tests start such threads too.
    while !ours().iter().all(|nice| *nice == (own + 10).min(19)) {
        assert!(std::time::Instant::now() < deadline, "{own}: {:?}", ours());
    }
    assert!(!ours().is_empty());
}

#[test]
fn an_ec_certificate_and_a_name() {
    let lab = Lab::with(Key::Ec, Limits::default());
    let port = lab.secured.port();
    let to = format!("boot.example.org:{port}:127.0.0.1");
    let named = format!("https://boot.example.org:{port}{LOADER}");
    let got = lab.got(&["--resolve", &to, &named]);
    assert!(got.starts_with(b"MZ"));
    assert!(
        lab.got(&[&lab.url(LOADER)]).starts_with(b"MZ"),
        "no name is asked for"
    );
}

#[test]
fn http_1_1_and_nothing_else() {
    let lab = Lab::new();
    let url = lab.url("/healthz");
    let both = lab.got(&["--http2", "-w", "%{http_version}", &url]);
    assert_eq!(both, b"ok\n1.1");
    let at = lab.secured.to_string();
    let only = Command::new("openssl")
        .args(["s_client", "-alpn", "h2", "-connect", &at])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&only.stderr);
    assert!(said.contains("no application protocol"), "{said}");
    lab.is_well();
}
