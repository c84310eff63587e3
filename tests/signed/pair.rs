//! A shim and a GRUB of the operator's in the place of ours: what that shim was built with decides.

use super::keys::Key;
use super::{Place, SECURE, asset, kernel, messages, without_signatures};

/// `EFI_CERT_SHA256_GUID` and `EFI_CERT_X509_GUID`.
const SHA256: &str = "2616c4c14c509240aca941f936934328";
const X509: &str = "a159c0a5e494a74a87b5ab155c2bf072";

/// A signature list of one entry.
fn list(kind: &str, entry: &[u8]) -> Vec<u8> {
    let size = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
    let guid = (0..16).map(|n| u8::from_str_radix(&kind[2 * n..2 * n + 2], 16).unwrap());
    let mut list: Vec<u8> = guid.collect();
    list.extend([size(28 + 16 + entry.len()), size(0), size(16 + entry.len())].concat());
    list.extend([0; 16]);
    list.extend(entry);
    list
}

/// Debian's shim as it would be if it had been built with these: what may start, what must not.
fn shim_with(may: &[u8], must_not: &[u8]) -> Vec<u8> {
    let mut shim = asset("shimx64.efi").to_vec();
    // Debian's section begins with these sizes and offsets, and has room for what is put there.
    let begin = [
        [0xa2, 3, 0, 0],
        [0xd8, 0x21, 0, 0],
        [16, 0, 0, 0],
        [0xb2, 3, 0, 0],
    ]
    .concat();
    let at = shim
        .windows(16)
        .position(|w| w == begin)
        .expect("another shim of Debian's");
    let word = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
    let head = [may.len(), must_not.len(), 16, 16 + may.len()]
        .map(word)
        .concat();
    let section = [&head, may, must_not].concat();
    assert!(section.len() < 9600);
    shim[at..at + section.len()].copy_from_slice(&section);
    shim
}

const CHANGED: &str = "firmware with Microsoft's keys will not start it: it is not what \"Microsoft Windows UEFI Driver Publisher\" and \"Microsoft UEFI CA 2023 signer\" signed: bytes of it have changed since";

#[test]
fn the_shim_that_is_served_decides_whom_it_trusts() {
    let key = Key::new("Lab Key");
    let place = Place::new(
        SECURE,
        &[
            "linux: {kernel: own/linux}",
            "linux: {kernel: debian/linux}",
        ],
    );
    place.write("images/own/linux", &key.sign(asset("memtest.efi")));
    place.write("images/debian/linux", &kernel());
    for may in [key.certificate(), list(X509, &key.certificate())] {
        place.write("assets/shimx64.efi", &shim_with(&may, &[]));
        let told = place.told_once();
        assert_eq!(told[0][0], "assets/shimx64.efi:0:0");
        assert_eq!(told[1][0], "assets/shimx64.efi:0:0");
        assert_eq!(
            messages(&told),
            [
                CHANGED,
                "it will not start bootjack's grubx64.efi, which comes behind it: it is signed by \"Debian Secure Boot Signer 2022 - grub2\", and the shim that is served trusts \"Lab Key\" and Microsoft",
                "kernel \"debian/linux\": shim will not start it under Secure Boot: it is signed by \"Debian Secure Boot Signer 2022 - linux\", and the shim that is served trusts \"Lab Key\" and Microsoft",
            ]
        );
    }
}

#[test]
fn the_grub_beside_it_has_to_be_signed_by_whom_it_trusts() {
    let key = Key::new("Lab Key");
    let place = Place::new(SECURE, &["local: true"]);
    let grub = without_signatures(asset("grubx64.efi"));
    let second = "shim will not start it:";
    for (grub, why) in [
        (key.sign(&grub), None),
        // A second signature does not harm.
        (key.sign(asset("grubx64.efi")), None),
        (grub, Some("it has no signature")),
        (
            key.sign(asset("snponly.efi")),
            Some(
                "it has no section .sbat, without which the shim that is served starts no boot loader",
            ),
        ),
    ] {
        place.write("assets/shimx64.efi", &shim_with(&key.certificate(), &[]));
        place.write("assets/grubx64.efi", &grub);
        let told = place.told_once();
        let why = why.map(|why| format!("{second} {why}"));
        let wanted: Vec<&str> = [CHANGED].into_iter().chain(why.as_deref()).collect();
        assert_eq!(messages(&told), wanted);
    }
}

#[test]
fn a_grub_beside_our_shim_has_to_be_debians() {
    let place = Place::new(SECURE, &["local: true"]);
    place.write("assets/grubx64.efi", asset("snponly.efi"));
    let told = place.told_once();
    let hint = "take shim and GRUB of the same distribution and age, both signed";
    let said = [
        "assets/grubx64.efi:0:0",
        "shim will not start it: it has no signature",
        hint,
    ];
    assert_eq!(told, [said]);
    place.write("assets/grubx64.efi", asset("grubx64.efi"));
    place.write("assets/shimx64.efi", asset("shimx64.efi"));
    assert_eq!(place.told_once(), [[""; 3]; 0]);
}

#[test]
fn a_key_of_the_same_name_is_another_key() {
    let (key, other) = (Key::new("Lab Key"), Key::new("Lab Key"));
    let place = Place::new(SECURE, &["linux: {kernel: own/linux}"]);
    let program = other.sign(asset("memtest.efi"));
    place.write("images/own/linux", &program);
    assert!(other.verifies(&program) && !key.verifies(&program));
    place.write("assets/shimx64.efi", &shim_with(&key.certificate(), &[]));
    let told = place.told_once();
    let last = messages(&told)[2];
    assert!(
        last.contains("signed by \"Lab Key\", and the shim that is served trusts \"Lab Key\""),
        "{last}"
    );
}

/// shim takes such keys, and ring looks at none of them: the benefit of the doubt is the operator's.
#[test]
fn a_key_too_short_to_be_looked_at_is_not_called_forged() {
    let key = Key::of("Small Key", 1024);
    let place = Place::new(SECURE, &["linux: {kernel: own/linux}"]);
    let program = key.sign(asset("memtest.efi"));
    assert!(key.verifies(&program));
    place.write("images/own/linux", &program);
    place.write("assets/shimx64.efi", &shim_with(&key.certificate(), &[]));
    let told = place.told_once();
    let told = messages(&told);
    assert!(!told.iter().any(|m| m.contains("own/linux")), "{told:#?}");
}

#[test]
fn what_a_shim_has_revoked_does_not_start() {
    let key = Key::new("Lab Key");
    let place = Place::new(SECURE, &["linux: {kernel: own/linux}"]);
    let program = key.sign(asset("memtest.efi"));
    place.write("images/own/linux", &program);
    let revoked = list(X509, &key.certificate());
    place.write(
        "assets/shimx64.efi",
        &shim_with(&key.certificate(), &revoked),
    );
    let told = place.told_once();
    let last = messages(&told)[2];
    assert!(
        last.ends_with(
            "signed by \"Lab Key\", and the shim that is served lists that key as revoked"
        ),
        "{last}"
    );
    // By its digest.
    place.write(
        "assets/shimx64.efi",
        &shim_with(&key.certificate(), &list(SHA256, digest(&program))),
    );
    let told = place.told_once();
    let last = messages(&told)[2];
    assert!(
        last.ends_with("it is revoked: the shim that is served lists it among what must not start"),
        "{last}"
    );
}

/// The digest of a program as sbsign has written it into the signature: behind the name of SHA-256 in an
/// `AlgorithmIdentifier`.
fn digest(signed: &[u8]) -> &[u8] {
    let before = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";
    let at = signed.windows(before.len()).position(|w| w == before);
    &signed[at.unwrap() + before.len()..][..32]
}

#[test]
fn what_stands_in_for_shim_and_is_none_is_said_so() {
    let place = Place::new(SECURE, &["loader: memtest.efi"]);
    place.write("assets/shimx64.efi", asset("snponly.efi"));
    let told = place.told_once();
    let message = "it is no shim (it has no section .vendor_cert), so that nothing can be said of what it starts";
    let hint = "take the signed shim of a distribution, or remove it: bootjack has Debian's";
    assert_eq!(told, [["assets/shimx64.efi:0:0", message, hint]]);
}
