//! ARM64 and IA32 beside x64, and what firmware starts itself by HTTP.

use super::keys::Key;
use super::{Place, SECURE, asset, kernel, messages};

const NO: &str = "shim will not start it under Secure Boot";

#[test]
fn what_is_built_for_other_platforms_is_looked_at_as_theirs() {
    let place = Place::new(
        SECURE,
        &[
            "loader: memtest32.efi",
            "linux: { kernel: arm/linux }",
            "linux: { kernel: arm/cut }",
            "linux: { kernel: debian/linux }",
        ],
    );
    // A program of ARM64 that nobody vouches for, and one that did not come to its end.
    let mut arm = asset("grubaa64.efi").to_vec();
    let middle = arm.len() / 2;
    arm[middle] ^= 1;
    place.write("images/arm/linux", &arm);
    place.write("images/arm/cut", &arm[..300_000]);
    place.write("images/debian/linux", &kernel());
    let told = place.told_once();
    let told = messages(&told);
    assert_eq!(told.len(), 3, "{told:#?}");
    let said = |start: &str, end: &str| {
        let mut all = told.iter();
        assert!(
            all.any(|m| m.starts_with(start) && m.contains(end)),
            "{start} {end}: {told:#?}"
        );
    };
    said(
        &format!("loader \"memtest32.efi\": {NO}"),
        "it has no signature",
    );
    said(
        &format!("kernel \"arm/linux\": {NO}"),
        "bytes of it have changed since",
    );
    said(&format!("kernel \"arm/cut\": {NO}"), "it is cut off");
}

/// What may be for any of them is looked at once for each, and told of once.
#[test]
fn what_does_not_say_what_it_is_built_for_is_told_of_once() {
    let place = Place::new(SECURE, &["linux: { kernel: packed/Image.gz }"]);
    place.write("images/packed/Image.gz", b"\x1f\x8b\x08\0\0\0\0\0");
    let told = place.told_once();
    assert_eq!(told.len(), 1, "{told:#?}");
}

/// That x64 has nothing to start there is told as well.
fn of_a_program([_, message, _]: &[String; 3]) -> bool {
    !message.starts_with("no entry of ")
}

#[test]
fn the_remedy_names_the_pair_of_the_platform() {
    let key = Key::new("Lab Key");
    let place = Place::new(SECURE, &["loader: own.efi"]);
    place.write("images/own.efi", &key.sign(asset("memtest32.efi")));
    let mut told = place.told_once();
    told.retain(of_a_program);
    let [[_, message, hint]] = told.as_slice() else {
        panic!("{told:#?}")
    };
    assert!(message.contains("it is signed by \"Lab Key\""), "{message}");
    assert!(hint.contains("(shimia32.efi, grubia32.efi)"), "{hint}");
}

#[test]
fn distributions_are_looked_at_for_the_platform_of_their_kernel() {
    let place = Place::new(SECURE, &["local: true"]);
    place.write(
        "profiles/a.yaml",
        b"secure_boot: true\nmenu: {installed: true}\n",
    );
    for (name, kernel) in [("good", "grubia32.efi"), ("bad", "memtest32.efi")] {
        place.write(&format!("images/{name}/linux"), asset(kernel));
        place.write(&format!("images/{name}/initrd.gz"), b"x");
    }
    let mut told = place.told_once();
    told.retain(of_a_program);
    assert_eq!(
        messages(&told),
        [format!("kernel \"bad/linux\": {NO}: it has no signature")]
    );
}

/// An operator's own GRUB for ARM64 has to be signed there as anywhere.
#[test]
fn the_grub_of_arm64_has_to_be_signed_too() {
    let place = Place::new(SECURE, &["local: true"]);
    let mut grub = asset("grubaa64.efi").to_vec();
    let middle = grub.len() / 2;
    grub[middle] ^= 1;
    place.write("assets/grubaa64.efi", &grub);
    let told = place.told_once();
    let [[at, message, _]] = told.as_slice() else {
        panic!("{told:#?}")
    };
    assert_eq!(at, "assets/grubaa64.efi:0:0");
    assert!(message.starts_with("shim will not start it: "), "{message}");
}

#[test]
fn what_http_boot_names_is_started_by_the_firmware() {
    let head = "secure_boot: true\nhttp_boot: { entry: e0 }\n";
    let place = Place::new(head, &["loader: mmx64.efi", "loader: mmx64.efi"]);
    let told = place.told_once();
    let [[at, message, hint]] = told.as_slice() else {
        panic!("{told:#?}")
    };
    assert_eq!(at, "profiles/a.yaml:5:25");
    assert_eq!(
        message,
        "loader \"mmx64.efi\": firmware, which starts it by HTTP boot (http_boot), will not start it under Secure Boot: it is signed by \"Debian Secure Boot Signer 2022 - shim\", and firmware trusts Microsoft alone"
    );
    assert!(
        hint.contains("a program that Microsoft has signed"),
        "{hint}"
    );
    let place = Place::new(head, &["loader: shimx64.efi", "local: true"]);
    assert_eq!(place.told_once(), [[""; 3]; 0]);
}
