//! `http_boot:` and images: what a profile says, what machines are told by it, and what an operator is
//! told of who cannot boot.

#![allow(clippy::unwrap_used)]

#[path = "support/places.rs"]
mod places;

use std::fs;
use std::process::Command;

use bootjack::config::Mode;
use bootjack::profile::{Https, Source, compile};
use bootjack::service::load::{Loader, Places};

/// What `explain` says of a machine.
fn explained(profile: &str, config: &str, args: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    fs::create_dir(place("profiles")).unwrap();
    fs::write(place("profiles/p.yaml"), profile).unwrap();
    fs::write(place("b.yaml"), config).unwrap();
    let out = Command::new(env!("CARGO_BIN_EXE_bootjack"))
        .args([
            "explain",
            "--mac",
            "52:54:00:12:34:56",
            "--server",
            "10.0.0.2",
        ])
        .arg("--config")
        .arg(place("b.yaml"))
        .arg("--profiles")
        .arg(place("profiles"))
        .args(args)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&out.stdout) + &text(&out.stderr)
}

fn findings(profile: &str) -> String {
    let (_, findings) = compile(&[Source {
        file: "p.yaml".into(),
        text: profile.into(),
    }]);
    let all: Vec<String> = findings.iter().map(ToString::to_string).collect();
    all.join("\n")
}

const ISO: &str = "menu: { entries: [ { id: cd, image: debian-12/mini.iso } ] }\n";
const MANY: &str = "
menu:
  entries:
    - { id: cd, image: \"a#b.iso\" }
    - { id: test, loader: { bios: memtest.bin, efi-x64: memtest.efi } }
    - { id: disk, local: true }
";

#[test]
fn firmware_is_told_the_only_image_or_the_entry_that_is_named() {
    let loader = "http://10.0.0.2:8067/assets/snponly.efi";
    for (profile, arch, uri) in [
        (
            ISO.to_owned(),
            "http-x64",
            "http://10.0.0.2:8067/images/debian-12/mini.iso",
        ),
        (ISO.to_owned(), "efi-x64", "snponly.efi"),
        (MANY.to_owned(), "http-x64", loader),
        (
            format!("http_boot: {{ entry: cd }}{MANY}"),
            "http-x64",
            "http://10.0.0.2:8067/images/a%23b.iso",
        ),
        (
            format!("http_boot: {{ entry: test }}{MANY}"),
            "http-x64",
            "http://10.0.0.2:8067/assets/memtest.efi",
        ),
        (
            "menu: { entries: [ { id: cd, image: \"http://10.9.9.9/x.iso\" } ] }".to_owned(),
            "http-x64",
            "http://10.9.9.9/x.iso",
        ),
        // An entry that the machine does not see.
        (
            "menu: { entries: [ { id: cd, arch: [bios], image: x.iso } ] }".to_owned(),
            "http-x64",
            loader,
        ),
    ] {
        let said = explained(&profile, "", &["--arch", arch]);
        assert!(said.contains(&format!("\"{uri}\"")), "{uri}: {said}");
    }
}

#[test]
fn https_is_told_by_our_address_or_by_name_and_never_replaced_by_http() {
    let profile = format!("http_boot: {{ https: true }}\n{ISO}");
    let tls = "tls-cert: /nowhere/cert.pem\n";
    for (more, uri) in [
        ("", "https://10.0.0.2:8443/images/debian-12/mini.iso"),
        (
            "tls-name: boot.example.org\nhttps-port: 443\n",
            "https://boot.example.org:443/images/debian-12/mini.iso",
        ),
    ] {
        let said = explained(&profile, &format!("{tls}{more}"), &["--arch", "http-x64"]);
        assert!(said.contains(&format!("\"{uri}\"")), "{uri}: {said}");
    }
    let said = explained(&profile, tls, &["--arch", "efi-x64", "--stage", "ipxe"]);
    assert!(
        said.contains("\"http://10.0.0.2:8067/boot/52-54-00-12-34-56.ipxe\""),
        "{said}"
    );
    let said = explained(&profile, "", &["--arch", "http-x64"]);
    assert!(said.contains("and no HTTPS is served"), "{said}");
    assert!(!said.contains("http://10.0.0.2"), "{said}");
}

#[test]
fn what_is_wrong_is_told_at_its_place() {
    for (profile, words) in [
        (
            "menu: { entries: [ { id: a, image: disk.iso.gz } ] }",
            "ends neither in .iso nor in .img",
        ),
        (
            "menu: { entries: [ { id: a, image: \"tftp://h/x.iso\" } ] }",
            "no loader boots an image by tftp",
        ),
        (
            "http_boot: { entry: b }\nmenu: { entries: [ { id: a, image: x.iso } ] }",
            "no entry has the id \"b\"",
        ),
        (
            "http_boot: { entry: a }\nmenu: { entries: [ { id: a, local: true } ] }",
            "firmware cannot load \"a\" by itself",
        ),
        (
            "http_boot: https\nmenu: { entries: [ { id: a, local: true } ] }",
            "http_boot",
        ),
        ("menu: { entries: [ { id: a, iso: x.iso } ] }", "image"),
    ] {
        let said = findings(profile);
        assert!(
            said.contains("p.yaml:") && said.contains("error"),
            "{profile}: {said}"
        );
        assert!(said.contains(words), "{profile}: {said}");
    }
}

/// In mode `dhcp` it is our lease that names a DNS server, or none.
#[test]
fn a_name_that_no_lease_lets_firmware_look_up_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    fs::create_dir(place("profiles")).unwrap();
    let check = |profile: &str, name: Option<&str>, mode, options: &str| {
        fs::write(place("profiles/p.yaml"), profile).unwrap();
        let dhcp = format!(
            "dhcp:\n  networks:\n    - subnet: 10.1.0.0/24\n      pools: [ 10.1.0.100-10.1.0.199 ]\n{options}"
        );
        fs::write(place("bootjack.yaml"), dhcp).unwrap();
        let mut loader = Loader::new(Places {
            https: Some(Https {
                port: 8443,
                name: name.map(str::to_owned),
            }),
            mode,
            ..places::below(folder.path())
        });
        let findings = loader.load().findings;
        let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
        told.join("\n")
    };
    let disk = "menu: { entries: [ { id: d, local: true } ] }\n";
    let secured = format!("http_boot: {{ https: true }}\n{disk}");
    let (dns, name) = (
        "      options: { dns: 10.1.0.1 }\n",
        Some("boot.example.org"),
    );
    let words = "names no DNS server, and firmware is to find \"boot.example.org\"";
    let told = check(&secured, name, Mode::Dhcp, "");
    assert!(told.contains(words) && told.contains("warning"), "{told}");
    for (profile, name, mode, options) in [
        (secured.as_str(), name, Mode::Dhcp, dns),
        (&secured, name, Mode::Proxy, ""),
        (&secured, Some("10.1.0.2"), Mode::Dhcp, ""),
        (&secured, None, Mode::Dhcp, ""),
        (disk, name, Mode::Dhcp, ""),
    ] {
        let told = check(profile, name, mode, options);
        assert!(!told.contains("DNS"), "{name:?} {mode:?}: {told}");
    }
}

/// `https: true` is of what bootjack serves; the URL of another server is told as it is.
#[test]
fn https_with_an_entry_of_plain_http_is_a_warning() {
    let entry = |url: &str| {
        format!(
            "http_boot: {{ https: true, entry: cd }}\nmenu: {{ entries: [ {{ id: cd, arch: [bios, http-x64], image: \"{url}\" }} ] }}"
        )
    };
    let said = findings(&entry("http://10.9.9.9/x.iso"));
    for words in [
        "p.yaml:",
        "warning",
        "http://10.9.9.9/x.iso",
        "take https out",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    for other in ["https://10.9.9.9/x.iso", "x.iso"] {
        assert_eq!(findings(&entry(other)), "", "{other}");
    }
    let plain = entry("http://10.9.9.9/x.iso").replace("https: true, ", "");
    assert_eq!(findings(&plain), "");
}

#[test]
fn check_says_who_cannot_boot_an_image_and_how_to_say_that_it_is_meant() {
    let said = findings(ISO);
    for words in [
        "warning",
        "efi-x64 machines boot \"cd\" by HTTP boot of the firmware alone",
        "arch: [bios, http-x64]",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let meant = "menu: { entries: [ { id: cd, arch: [bios, http-x64], image: x.iso } ] }";
    assert_eq!(findings(meant), "");
    let bios = format!("match: {{ arch: [bios] }}\n{ISO}");
    assert_eq!(findings(&bios), "");
    assert!(
        findings(MANY).contains("http_boot: { entry: … } names it"),
        "{}",
        findings(MANY)
    );
}

#[test]
fn check_says_that_an_image_goes_to_every_architecture_and_is_not_looked_into() {
    let entry = |more: &str| format!("menu: {{ entries: [ {{ id: cd, image: {more} }} ] }}");
    let words = "p.yaml:1:26: warning: \"cd\" goes to the HTTP boot of each of http-ia32, http-x64, http-arm32, http-arm64: \
                 what is in an image is not looked at, neither what it is built for nor who signed it (Secure Boot)";
    for everybody in ["x.iso", "\"http://10.9.9.9/x.img\""] {
        let said = findings(&entry(everybody));
        assert!(said.contains(words), "{said}");
    }
    let two = format!(
        "match: {{ arch: [http-x64, http-arm64] }}\n{}",
        entry("x.iso")
    );
    let said = findings(&two);
    assert!(said.contains("each of http-x64, http-arm64: "), "{said}");
    for (meant, matching) in [
        ("x.iso, arch: [bios, http-x64]", ""),
        ("x.iso", "match: { arch: [http-x64] }\n"),
        ("{ efi-x64: x.iso, efi-arm64: a.iso }", ""),
    ] {
        let said = findings(&format!("{matching}{}", entry(meant)));
        assert!(!said.contains("goes to"), "{meant}: {said}");
    }
    // In a longer menu that names no entry, firmware is told none.
    assert!(!findings(MANY).contains("goes to"), "{}", findings(MANY));
}
