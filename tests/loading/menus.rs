//! Menus that leave a machine with nothing, kernels for the wrong machine, and shapes that a mode does not have.

use std::fs;

use bootjack::config::Mode;
use bootjack::service::load::Loader;
use tempfile::TempDir;

use super::{places, program, told};

/// What is found in this profile, beside kernels for x64 and ARM64, in a mode.
fn found(profile: &str, mode: Mode) -> Vec<String> {
    let dir = TempDir::new().unwrap();
    for folder in ["profiles", "images"] {
        fs::create_dir(dir.path().join(folder)).unwrap();
    }
    fs::write(dir.path().join("profiles/a.yaml"), profile).unwrap();
    fs::write(dir.path().join("images/x64"), program(0x8664)).unwrap();
    fs::write(dir.path().join("images/arm64"), program(0xaa64)).unwrap();
    let mut places = places(dir.path(), true);
    places.mode = mode;
    let loaded = Loader::new(places).load();
    let told = told(dir.path(), &loaded);
    let of_menus = ["starts on", "built for another", "has no effect in mode"];
    let is_one = |said: &String| of_menus.iter().any(|words| said.contains(words));
    told.into_iter().filter(is_one).collect()
}

fn warnings(profile: &str) -> usize {
    let found = found(profile, Mode::Proxy);
    assert!(
        found.iter().all(|said| said.contains("warning: ")),
        "{found:?}"
    );
    found.len()
}

#[test]
fn a_menu_that_is_empty_on_a_machine_is_told_of() {
    let shell = r#"{ id: shell, ipxe: "shell\n" }"#;
    let far = r#"{ id: far, linux: { kernel: "http://10.0.0.9/linux" } }"#;
    let secure = format!("secure_boot: true\nmenu: {{ entries: [ {shell}, {far} ] }}\n");
    let said = found(&secure, Mode::Proxy);
    assert!(
        said[0].contains("no entry of \"a\" starts on efi-x64 with Secure Boot"),
        "{said:?}"
    );
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with("profiles/a.yaml:2:7: warning: "),
        "{said:?}"
    );
    // With Secure Boot off iPXE starts both; and one entry is enough.
    assert_eq!(
        warnings(&format!("menu: {{ entries: [ {shell}, {far} ] }}\n")),
        0
    );
    let local = "{ id: disk, local: true }";
    let one = format!("secure_boot: true\nmenu: {{ entries: [ {shell}, {local} ] }}\n");
    assert_eq!(warnings(&one), 0);
    // What HTTP boot starts by itself is in no menu that GRUB shows.
    let image = r#"{ id: cd, arch: [bios, http-x64], image: "http://10.0.0.9/cd.iso" }"#;
    let images = |says: &str| format!("{says}menu: {{ entries: [ {image} ] }}\n");
    assert_eq!(warnings(&images("secure_boot: true\n")), 1);
    assert_eq!(warnings(&images("")), 0);
    // iPXE shows the menu of HTTP boot, too, unless firmware starts the only entry itself.
    let by_http = "match: { arch: http-x64 }\n";
    let arm64 = "{ id: arm64, linux: { kernel: arm64 } }";
    let menu = format!("{by_http}menu: {{ entries: [ {arm64} ] }}\n");
    let said = found(&menu, Mode::Proxy);
    assert!(
        said[0].contains("no entry of \"a\" starts on efi-x64 by HTTP boot"),
        "{said:?}"
    );
    assert_eq!(said.len(), 1, "{said:?}");
    let both =
        format!("match: {{ arch: [http-x64, efi-x64] }}\nmenu: {{ entries: [ {arm64} ] }}\n");
    assert_eq!(warnings(&both), 1);
    assert_eq!(warnings(&images(by_http)), 0);
    assert_eq!(warnings(&menu.replace("arm64", "x64")), 0);
    // GRUB carries the menu on ARM64 and IA32.
    let x64 = "{ id: x64, linux: { kernel: x64 } }";
    let both = |archs: &str, entries: &str| {
        format!("match: {{ arch: [{archs}] }}\nmenu: {{ entries: [ {entries} ] }}\n")
    };
    assert_eq!(
        warnings(&both("efi-arm64, efi-ia32", &format!("{x64}, {shell}"))),
        1
    );
    assert_eq!(warnings(&both("efi-ia32, efi-x64, bios", x64)), 0);
    assert_eq!(warnings(&both("efi-arm64", &format!("{x64}, {local}"))), 0);
}

#[test]
fn a_kernel_that_is_named_for_the_wrong_machine_is_told_of() {
    let profile =
        "menu: { entries: [ { id: a, linux: { kernel: { efi-arm64: x64, efi-x64: x64 } } } ] }\n";
    let said = found(profile, Mode::Proxy);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains("\"a\" names \"x64\" for efi-arm64, and it is built for another machine"),
        "{said:?}"
    );
    assert!(
        said[0].starts_with("profiles/a.yaml:1:26: warning: "),
        "{said:?}"
    );
    let right = profile.replace("efi-arm64: x64", "efi-arm64: arm64");
    assert_eq!(warnings(&right), 0);
}

#[test]
fn augment_is_pinned_in_vain_where_no_lease_can_be_fetched() {
    let entries = "menu: { entries: [ { id: disk, local: true } ] }\n";
    for pinned in ["augment", "{ efi-x64: augment }"] {
        let profile = format!("strategy: {pinned}\n{entries}");
        assert_eq!(found(&profile, Mode::Proxy), [""; 0]);
        let said = found(&profile, Mode::Colocated);
        assert_eq!(said.len(), 1, "{said:?}");
        let words = "strategy augment of \"a\" has no effect in mode colocated";
        assert!(
            said[0].starts_with(&format!("profiles/a.yaml:1:11: warning: {words}")),
            "{said:?}"
        );
    }
    let other = format!("strategy: delayed\n{entries}");
    assert_eq!(found(&other, Mode::Colocated), [""; 0]);
}
