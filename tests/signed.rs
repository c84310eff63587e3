//! Programs that Secure Boot will not start are told of before a machine shows it: Debian's own files,
//! and such as were signed here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "signed/archs.rs"]
mod archs;
#[path = "signed/hostile.rs"]
mod hostile;
#[path = "signed/keys.rs"]
mod keys;
#[path = "signed/pair.rs"]
mod pair;
#[path = "support/places.rs"]
mod places;

use std::fs;
use std::path::Path;
use std::process::Command;

use bootjack::assets;
use bootjack::service::load::Loader;
use bootjack::yaml::Severity;
use keys::Key;
use tempfile::TempDir;

const KERNEL: &str = "/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64/linux";

/// Folders of an appliance.
struct Place(TempDir);

impl Place {
    /// With one profile, of these entries.
    fn new(head: &str, entries: &[&str]) -> Self {
        let place = Self(TempDir::new().unwrap());
        fs::create_dir(place.0.path().join("assets")).unwrap();
        place.write("images/x", b"x");
        let entries: Vec<String> = entries
            .iter()
            .enumerate()
            .map(|(n, entry)| format!("    - {{ id: e{n}, {entry} }}\n"))
            .collect();
        let profile = format!("{head}menu:\n  entries:\n{}", entries.concat());
        place.write("profiles/a.yaml", profile.as_bytes());
        place
    }

    fn write(&self, file: &str, bytes: &[u8]) {
        let path = self.0.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn loader(&self) -> Loader {
        Loader::new(places::below(self.0.path()))
    }

    /// What is told at a load: place, message and hint, without the name of the folder.
    fn told(&self, loader: &mut Loader) -> Vec<[String; 3]> {
        let prefix = format!("{}/", self.0.path().display());
        let loaded = loader.load();
        assert!(loaded.snapshot.is_some(), "{:?}", loaded.findings);
        let all = loaded.findings.iter().map(|f| {
            assert_eq!(f.severity, Severity::Warning, "{f}");
            let place = format!("{}:{}:{}", f.file, f.line, f.column);
            [place, f.message.clone(), f.hint.clone().unwrap()].map(|t| t.replace(&prefix, ""))
        });
        all.collect()
    }

    fn told_once(&self) -> Vec<[String; 3]> {
        self.told(&mut self.loader())
    }
}

fn asset(name: &str) -> &'static [u8] {
    assets::get(name).unwrap().bytes
}

fn kernel() -> Vec<u8> {
    fs::read(KERNEL).expect("tests/support/setup.sh brings it")
}

/// The messages alone.
fn messages(told: &[[String; 3]]) -> Vec<&str> {
    told.iter()
        .map(|[_, message, _]| message.as_str())
        .collect()
}

const SECURE: &str = "secure_boot: true\n";

#[test]
fn what_debian_and_microsoft_signed_starts() {
    let place = Place::new(
        SECURE,
        &[
            "linux: { kernel: debian/linux, initrd: debian/initrd.gz }",
            "loader: mmx64.efi",
            "loader: grubx64.efi",
            "chain: shimx64.efi",
            "local: true",
            "loader: { bios: memtest.bin }",
            "loader: grubaa64.efi",
            "arch: efi-ia32, loader: mmia32.efi",
            "linux: { kernel: http://10.0.0.9/linux }",
            "loader: nope.efi",
        ],
    );
    place.write("images/debian/linux", &kernel());
    place.write("images/debian/initrd.gz", b"x");
    let told = place.told_once();
    let [[_, absent, _]] = told.as_slice() else {
        panic!("{told:#?}")
    };
    assert!(
        absent.contains("loader \"nope.efi\": there is no file"),
        "{absent}"
    );
}

#[test]
fn what_will_not_start_is_told_at_its_place_with_the_remedy() {
    let place = Place::new(
        SECURE,
        &[
            "loader: memtest.efi",
            "loader: { efi-x64: snponly.efi }",
            "linux: { kernel: changed/linux }",
            "linux: { kernel: cut/linux }",
            "linux: { kernel: unsigned/linux }",
            "linux: { kernel: packed/Image.gz }",
            "chain: menu.cfg",
            "linux: { kernel: changed/linux }",
        ],
    );
    let mut bytes = kernel();
    place.write("images/cut/linux", &bytes[..5_000_000]);
    place.write("images/unsigned/linux", &without_signatures(&bytes));
    *bytes.get_mut(3_000_000).unwrap() ^= 1;
    place.write("images/changed/linux", &bytes);
    place.write("images/packed/Image.gz", b"\x1f\x8b\x08\0\0\0\0\0");
    place.write("images/menu.cfg", b"set timeout=1\n");
    let told = place.told_once();
    let no = "shim will not start it under Secure Boot";
    let take = "take the signed file of its distribution, sign it with a key that is enrolled in every machine (sbsign, mokutil), or give machines whose Secure Boot is off a profile of their own";
    let name = "name an EFI program: a kernel with its EFI stub, or a loader for UEFI";
    let wanted = [
        (
            "4:25",
            format!("loader \"memtest.efi\": {no}: it has no signature"),
            take,
        ),
        (
            "5:36",
            format!("loader \"snponly.efi\": {no}: it has no signature"),
            take,
        ),
        (
            "6:34",
            format!(
                "kernel \"changed/linux\": {no}: it is not what \"Debian Secure Boot Signer 2022 - linux\" signed: bytes of it have changed since"
            ),
            "copy it once more from where it came; if it was changed on purpose, sign it again",
        ),
        (
            "7:34",
            format!(
                "kernel \"cut/linux\": {no}: it is cut off: its headers speak of {} bytes, and there are 5000000",
                kernel().len()
            ),
            "copy it once more: it did not come to its end",
        ),
        (
            "8:34",
            format!("kernel \"unsigned/linux\": {no}: it has no signature"),
            take,
        ),
        (
            "9:34",
            format!(
                "kernel \"packed/Image.gz\": {no}: it is compressed (gzip), and so no EFI program"
            ),
            "unpack it (gunzip): what is verified is the file as it is",
        ),
        (
            "10:24",
            format!("chain \"menu.cfg\": {no}: it is a text, no EFI program"),
            name,
        ),
    ];
    let wanted: Vec<[String; 3]> = wanted
        .into_iter()
        .map(|(at, message, hint)| [format!("profiles/a.yaml:{at}"), message, hint.to_owned()])
        .collect();
    assert_eq!(told, wanted);
}

/// The file as it was before it was signed: the entry of the certificate table is zero (PE32+).
fn without_signatures(signed: &[u8]) -> Vec<u8> {
    let mut file = signed.to_vec();
    let word = |at: usize| u32::from_le_bytes(*signed[at..].first_chunk().unwrap()) as usize;
    let entry = word(0x3c) + 24 + 112 + 4 * 8;
    let table = word(entry);
    file[entry..entry + 8].fill(0);
    file.truncate(table);
    file
}

#[test]
fn without_secure_boot_nothing_is_looked_at() {
    for head in [
        "",
        "secure_boot: false\n",
        "secure_boot: true\nloader: ipxe\n",
    ] {
        let place = Place::new(head, &["loader: memtest.efi"]);
        let told = place.told_once();
        let told = messages(&told);
        assert!(
            !told.iter().any(|m| m.contains("will not start")),
            "{told:?}"
        );
    }
}

#[test]
fn distributions_that_are_found_are_looked_at_too() {
    let head = "secure_boot: true\n";
    let place = Place::new(head, &["local: true"]);
    place.write(
        "profiles/a.yaml",
        b"secure_boot: true\nmenu: {installed: true}\n",
    );
    for (name, kernel) in [("good", kernel()), ("bad", asset("memtest.efi").to_vec())] {
        place.write(&format!("images/{name}/linux"), &kernel);
        place.write(&format!("images/{name}/initrd.gz"), b"x");
    }
    let told = place.told_once();
    let [[at, message, _]] = told.as_slice() else {
        panic!("{told:#?}")
    };
    assert_eq!(at, "profiles/a.yaml:0:0");
    let no = "shim will not start it under Secure Boot: it has no signature";
    assert_eq!(message, &format!("kernel \"bad/linux\": {no}"));
}

#[test]
fn what_firmware_starts_from_its_own_menu_has_to_be_microsofts() {
    let head = "secure_boot: true\nloader: firmware\n";
    let place = Place::new(
        head,
        &[
            "loader: mmx64.efi",
            "chain: mmx64.efi",
            "loader: shimx64.efi",
        ],
    );
    let told = place.told_once();
    assert_eq!(
        messages(&told),
        [
            "loader \"mmx64.efi\": firmware, which starts it from its own menu, will not start it under Secure Boot: it is signed by \"Debian Secure Boot Signer 2022 - shim\", and firmware trusts Microsoft alone"
        ]
    );
}

#[test]
fn a_kernel_that_was_signed_here_is_somebody_elses() {
    let key = Key::new("Lab Key");
    let place = Place::new(SECURE, &["linux: { kernel: own/linux }"]);
    let signed = key.sign(asset("memtest.efi"));
    place.write("images/own/linux", &signed);
    assert!(key.verifies(&signed), "sbverify");
    let told = place.told_once();
    let [[at, message, hint]] = told.as_slice() else {
        panic!("{told:#?}")
    };
    assert_eq!(at, "profiles/a.yaml:4:34");
    assert_eq!(
        message,
        "kernel \"own/linux\": shim will not start it under Secure Boot: it is signed by \"Lab Key\", and the shim that is served trusts \"Debian Secure Boot CA\" and Microsoft"
    );
    assert_eq!(
        hint,
        "put the signed shim and GRUB of who made it (shimx64.efi, grubx64.efi) into assets, or enrol its key in every machine (mokutil, MokManager)"
    );
}

/// Our verdict on what was signed and then changed, and sbverify's: every byte that a signature covers
/// counts, and none that it does not.
#[test]
fn the_verdict_on_changed_bytes_is_that_of_sbverify() {
    let key = Key::new("Lab Key");
    let signed = key.sign(asset("memtest.efi"));
    let checksum = usize::from(signed[0x3c]) + 256 * usize::from(signed[0x3d]) + 24 + 64;
    let end = asset("memtest.efi").len();
    let mut verdicts = Vec::new();
    for at in [2, checksum, checksum + 4, 0x400, end / 2, end - 1] {
        let mut changed = signed.clone();
        changed[at] ^= 0x10;
        let place = Place::new(SECURE, &["linux: { kernel: own/linux }"]);
        place.write("images/own/linux", &changed);
        let told = place.told_once();
        let ours = messages(&told)[0].contains("it is signed by \"Lab Key\"");
        assert_eq!(ours, key.verifies(&changed), "at {at}: {told:?}");
        verdicts.push(ours);
    }
    assert_eq!(verdicts, [false, true, false, false, false, false]);
}

#[test]
fn a_file_that_is_replaced_is_looked_at_again() {
    let place = Place::new(SECURE, &["linux: { kernel: debian/linux }"]);
    place.write("images/debian/linux", asset("memtest.efi"));
    let mut loader = place.loader();
    assert_eq!(place.told(&mut loader).len(), 1);
    assert_eq!(place.told(&mut loader).len(), 1);
    assert!(!loader.has_come());
    place.write("images/debian/linux", &kernel());
    assert!(loader.has_come());
    assert_eq!(place.told(&mut loader), [[""; 3]; 0]);
    assert!(!loader.has_come());
}

#[test]
fn a_name_in_capitals_is_looked_at_but_once() {
    let place = Place::new(SECURE, &["loader: Tools/MEMTEST.EFI"]);
    place.write("images/tools/memtest.efi", asset("memtest.efi"));
    let mut loader = place.loader();
    assert_eq!(place.told(&mut loader).len(), 1);
    assert!(!loader.has_come(), "it would be read again and again");
}

#[test]
fn check_tells_it() {
    let place = Place::new(SECURE, &["loader: memtest.efi"]);
    let dir = place.0.path();
    // `check` becomes the user that would serve.
    fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let output = check(dir);
    assert!(
        output.contains("warning: loader \"memtest.efi\": shim will not start it"),
        "{output}"
    );
    assert!(output.contains("0 errors, 1 warning"), "{output}");
}

fn check(dir: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_bootjack"))
        .args(["check", "--profiles"])
        .arg(dir.join("profiles"))
        .arg("--images")
        .arg(dir.join("images"))
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}
