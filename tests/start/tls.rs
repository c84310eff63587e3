//! HTTPS of the real binary: who reads the key, what is told of it, and a certificate that changes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use crate::authority::{Authority, Issued, Key};
use crate::run::{BOOTJACK, EVERYONE, Said, open};
use crate::support::appliance::{Appliance, Setup};
use crate::support::lan::{Host, Lan};
use crate::support::poll;

const SOON: Duration = Duration::from_secs(30);
/// The files are looked at every 5 s, and read when they are the same twice.
const LOOKS: Duration = Duration::from_secs(13);
const NAMES: &str = "IP:10.77.0.2";

fn start(host: &Host, issued: &Issued) -> Appliance {
    Setup::new(host, BOOTJACK)
        .profile("p.yaml", EVERYONE)
        .flag(&format!("--tls-cert={}", issued.cert.display()))
        .flag(&format!("--tls-key={}", issued.key.display()))
        .start()
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// What curl gets by HTTPS where it trusts this authority.
fn asks(host: &Host, authority: &Authority) -> Result<String, String> {
    let ca = authority.cert();
    let out = host.attempt(
        "curl",
        &[
            "-sS",
            "--max-time",
            "10",
            "--cacert",
            ca.to_str().unwrap(),
            "https://10.77.0.2:8443/healthz",
        ],
    );
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if out.status.success() {
        Ok(text(&out.stdout))
    } else {
        Err(text(&out.stderr))
    }
}

/// A folder of root's alone, as certbot makes them: what bootjack has read there as root and sees no
/// more has not changed.
#[test]
fn a_certificate_in_a_folder_of_roots_is_no_trouble() {
    as_root!("a_certificate_in_a_folder_of_roots_is_no_trouble");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let folder = lan.folder().join("live");
    fs::create_dir(&folder).unwrap();
    mode(&folder, 0o700);
    let authority = Authority::new(&folder, "ca");
    let issued = authority.issue("server", Key::Rsa, NAMES);
    let mut appliance = start(&host, &issued);
    let says = |words: &'static str| {
        move |e: &serde_json::Value| e["text"].as_str().is_some_and(|text| text.contains(words))
    };
    appliance.wait_for_event(SOON, says("was read by root, and user"));
    std::thread::sleep(LOOKS);
    let kept = says("read before stays in force");
    assert!(!appliance.events().iter().any(&kept));
    assert_eq!(asks(&host, &authority).unwrap(), "ok\n");
    appliance.reload();
    appliance.wait_for_event(SOON, kept);
}

/// A key of root's alone is read before privileges go, and that it will not be read again is said.
#[test]
fn a_key_of_roots_is_read_once() {
    as_root!("a_key_of_roots_is_read_once");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let authority = Authority::new(lan.folder(), "ca");
    let issued = authority.issue("server", Key::Rsa, NAMES);
    mode(&issued.key, 0o600);
    let mut appliance = start(&host, &issued);
    assert!(appliance.ready_line().contains("https 8443"));
    assert_eq!(asks(&host, &authority).unwrap(), "ok\n");
    let says = |words: &'static str| {
        move |e: &serde_json::Value| e["text"].as_str().is_some_and(|text| text.contains(words))
    };
    appliance.wait_for_event(SOON, says("was read by root, and user"));
    appliance.reload();
    appliance.wait_for_event(SOON, says("read before stays in force"));
    assert_eq!(asks(&host, &authority).unwrap(), "ok\n");
}

/// Files that the user may read are in force when they have changed, both of them, and one that does
/// not fit is not.
#[test]
fn a_certificate_that_is_renewed() {
    as_root!("a_certificate_that_is_renewed");
    let lan = Lan::new();
    let host = lan.appliance_host();
    open(lan.folder());
    let (old, new) = (
        Authority::new(lan.folder(), "old"),
        Authority::new(lan.folder(), "new"),
    );
    let issued = old.issue("server", Key::Rsa, NAMES);
    let later = new.issue("server", Key::Rsa, NAMES);
    mode(&issued.key, 0o644);
    let appliance = start(&host, &issued);
    let says = |words: &'static str| {
        move |e: &serde_json::Value| e["text"].as_str().is_some_and(|text| text.contains(words))
    };
    fs::copy(&later.cert, &issued.cert).unwrap();
    appliance.wait_for_event(SOON, says("does not belong to the key"));
    assert_eq!(asks(&host, &old).unwrap(), "ok\n");
    // The copy is root's alone until somebody says otherwise.
    fs::copy(&later.key, &issued.key).unwrap();
    appliance.wait_for_event(SOON, says("permission denied"));
    mode(&issued.key, 0o644);
    appliance.wait_for_event(SOON, says("is in force, and holds until"));
    assert_eq!(asks(&host, &new).unwrap(), "ok\n");
    assert!(asks(&host, &old).is_err());
}

/// One of both files alone: a certificate for the same key is in force; a key of another's is told of once, and
/// again when it is well.
#[test]
fn one_file_alone_that_changes() {
    as_root!("one_file_alone_that_changes");
    let lan = Lan::new();
    let host = lan.appliance_host();
    open(lan.folder());
    let authority = Authority::new(lan.folder(), "ca");
    let issued = authority.issue("server", Key::Rsa, NAMES);
    let other = authority.issue("other", Key::Rsa, NAMES);
    mode(&issued.key, 0o644);
    let appliance = start(&host, &issued);
    let says = |words: &'static str| {
        move |e: &serde_json::Value| e["text"].as_str().is_some_and(|text| text.contains(words))
    };
    let said = |words| appliance.events().iter().filter(|e| says(words)(e)).count();
    let (good, bad) = ("is in force, and holds until", "does not belong to the key");
    authority.renew("server", NAMES);
    appliance.wait_for_event(SOON, says(good));
    assert_eq!(said(bad), 0);
    let own = fs::read(&issued.key).unwrap();
    fs::write(&issued.key, fs::read(&other.key).unwrap()).unwrap();
    let warning = appliance.wait_for_event(SOON, says(bad));
    assert_eq!(warning["event"], "warning");
    std::thread::sleep(LOOKS);
    assert_eq!((said(good), said(bad)), (1, 1), "once");
    assert_eq!(asks(&host, &authority).unwrap(), "ok\n");
    fs::write(&issued.key, own).unwrap();
    let again = poll::until(SOON, || (said(good) == 2).then_some(()));
    assert!(again.is_some(), "that it is well again is told");
    assert_eq!(asks(&host, &authority).unwrap(), "ok\n");
}

#[test]
fn check_finds_what_serve_would_stumble_over() {
    as_root!("check_finds_what_serve_would_stumble_over");
    let lan = Lan::new();
    let host = lan.appliance_host();
    open(lan.folder());
    let authority = Authority::new(lan.folder(), "ca");
    let issued = authority.issue("server", Key::Rsa, "DNS:boot.example.org");
    mode(&issued.key, 0o600);
    let folder = lan.folder().join("profiles");
    fs::create_dir_all(&folder).unwrap();
    open(&folder);
    let profile = "http_boot: { https: true }\nmenu: { entries: [ { id: d, local: true } ] }\n";
    fs::write(folder.join("p.yaml"), profile).unwrap();
    let config = host.file("b.yaml");
    let check = |text: &str| {
        fs::write(&config, text).unwrap();
        let [config, profiles] = [&config, &folder].map(|path| path.to_str().unwrap());
        let args = ["check", "--config", config, "--profiles", profiles];
        Said::from(host.attempt(BOOTJACK, &args))
    };
    let tls = format!(
        "tls-cert: {}\ntls-key: {}\n",
        issued.cert.display(),
        issued.key.display()
    );
    let said = check("");
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.out.contains("and no HTTPS is served"), "{said:?}");
    let said = check(&tls);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains("machines ask for 10.77.0.2"), "{said:?}");
    let said = check(&format!("{tls}tls-name: boot.example.org\n"));
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(!said.out.contains("machines ask for"), "{said:?}");
}
