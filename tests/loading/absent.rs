//! Files that profiles and quirk rows name, and that are not there.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use bootjack::config::Mode;
use bootjack::service::load::Loader;
use bootjack::yaml::Severity;
use tempfile::TempDir;

use super::{load, load_config, places, told};

/// A folder with these files in it, each with something in it.
fn folder(files: &[&str]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for file in files {
        write(dir.path(), file, "x");
    }
    dir
}

fn write(dir: &Path, file: &str, text: &str) {
    let path = dir.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn what_a_profile_names_and_is_not_there_is_told_at_its_place() {
    let dir = folder(&[
        "images/debian-12/linux",
        "images/tools/Shell.efi",
        "outside/initrd.gz",
        "assets/own.efi",
    ]);
    symlink(
        "../../outside/initrd.gz",
        dir.path().join("images/debian-12/out.gz"),
    )
    .unwrap();
    let profile = "name: Lab
menu:
  entries:
    - id: there
      linux: { kernel: debian-12/linux, args: \"a=images/nope\" }
    - id: far
      linux: { kernel: http://10.0.0.9/linux, initrd: \"https://example.org/initrd\" }
    - id: mistyped
      linux:
        kernel: debain-12/linux
        initrd: [nope/initrd.gz, debian-12/out.gz, debian-12]
    - id: loaders
      loader: { bios: memtest.bin, efi-x64: memtets.efi, efi-arm64: own.efi }
    - { id: folded, loader: TOOLS/shell.EFI }
    - { id: again, linux: { kernel: nope/initrd.gz } }
    - { id: menu, chain: other.ipxe }
    - { id: script, ipxe: \"chain nope.ipxe\" }
";
    write(dir.path(), "profiles/a.yaml", profile);
    let loaded = load(dir.path(), true);
    assert!(loaded.snapshot.is_some(), "they may be copied later");
    let told = told(dir.path(), &loaded);
    assert_eq!(
        told,
        [
            "profiles/a.yaml:10:17: warning: kernel \"debain-12/linux\": there is no file images/debain-12/linux
            kernel: debain-12/linux
                    ^
    did you mean \"debian-12/linux\"?",
            "profiles/a.yaml:11:18: warning: initrd \"nope/initrd.gz\" (named 1 time more): there is no file images/nope/initrd.gz
            initrd: [nope/initrd.gz, debian-12/out.gz, debian-12]
                     ^
    copy it there before a machine asks for it, or correct the name",
            "profiles/a.yaml:11:34: warning: initrd \"debian-12/out.gz\": there is no file images/debian-12/out.gz that can be served
            initrd: [nope/initrd.gz, debian-12/out.gz, debian-12]
                                     ^
    a folder is none, nor is a link that leads nowhere or out of there",
            "profiles/a.yaml:11:52: warning: initrd \"debian-12\": there is no file images/debian-12 that can be served
            initrd: [nope/initrd.gz, debian-12/out.gz, debian-12]
                                                       ^
    a folder is none, nor is a link that leads nowhere or out of there",
            "profiles/a.yaml:13:45: warning: loader \"memtets.efi\": there is no file images/memtets.efi, and no asset of that name
          loader: { bios: memtest.bin, efi-x64: memtets.efi, efi-arm64: own.efi }
                                                ^
    did you mean \"memtest.efi\"?",
            "profiles/a.yaml:16:26: warning: chain \"other.ipxe\": there is no file images/other.ipxe, and no asset of that name
        - { id: menu, chain: other.ipxe }
                             ^
    copy it there before a machine asks for it, or correct the name",
        ]
    );
}

#[test]
fn they_are_told_beside_what_else_is_wrong() {
    let dir = folder(&["images/x"]);
    let entries = "menu: {entries: [{id: a, linux: {kernel: nope}}]}\n";
    write(
        dir.path(),
        "profiles/a.yaml",
        &format!("nmae: a\n{entries}"),
    );
    let loaded = load(dir.path(), true);
    assert!(loaded.snapshot.is_none());
    let told = told(dir.path(), &loaded);
    assert!(told[0].contains("unknown key \"nmae\""), "{told:?}");
    assert!(
        told[1].contains("kernel \"nope\": there is no file"),
        "{told:?}"
    );
}

#[test]
fn without_an_image_folder_nothing_in_it_is_looked_for() {
    let dir = TempDir::new().unwrap();
    let entries = "{id: a, linux: {kernel: a/linux, initrd: a/initrd}}, {id: b, loader: b.efi}";
    write(
        dir.path(),
        "profiles/a.yaml",
        &format!("menu: {{entries: [{entries}]}}\n"),
    );
    assert_eq!(
        told(dir.path(), &load(dir.path(), true)),
        Vec::<String>::new()
    );
}

#[test]
fn in_an_empty_image_folder_the_first_one_stands_for_all() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("images")).unwrap();
    let entries = "{id: a, linux: {kernel: a/linux, initrd: a/initrd}}, {id: b, loader: b.efi}";
    let profile = format!("menu: {{entries: [{entries}]}}\n");
    write(dir.path(), "profiles/a.yaml", &profile);
    let loaded = load(dir.path(), true);
    let [first, rest] = loaded.findings.as_slice() else {
        panic!("{:?}", loaded.findings)
    };
    assert!(first.message.contains("images/a/linux"), "{first}");
    let words = "initrd \"a/initrd\": it and 1 more were not looked for";
    assert_eq!(rest.message, words);
    assert_eq!(rest.hint.as_deref(), Some("the image folder is empty"));
}

#[test]
fn an_empty_image_folder_hides_nothing_that_is_missing_elsewhere() {
    let dir = folder(&["assets/own.efi"]);
    fs::create_dir(dir.path().join("images")).unwrap();
    let entries = "{id: a, linux: {kernel: debian/linux}}, {id: b, loader: pxelinux.0},
  {id: c, loader: nope.efi}, {id: d, loader: snponly.efi}, {id: e, loader: own.efi}";
    let profile = format!("menu: {{entries: [{entries}]}}\n");
    write(dir.path(), "profiles/a.yaml", &profile);
    let row = |name: &str| {
        format!(
            "  - {{name: {name}, tells: {{mac: \"52:54:00\"}}, changes: {{loader: {name}.efi}}}}\n"
        )
    };
    let config = format!("quirks:\n{}{}", row("missing"), row("gone"));
    let loaded = load_config(dir.path(), Mode::Proxy, None, Some(&config));
    let told: Vec<&str> = loaded.findings.iter().map(|f| f.message.as_str()).collect();
    let [missing, gone, first, rest] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert!(missing.contains("\"missing.efi\": bootjack has no asset"));
    assert!(gone.contains("\"gone.efi\": bootjack has no asset"));
    assert!(first.contains("kernel \"debian/linux\": there is no file"));
    assert_eq!(*rest, "loader \"nope.efi\": it was not looked for");
}

/// Runs it with the eyes of a user who is not root.
fn as_a_user<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let work = || {
        // Of this thread alone; without root's it is our own already.
        nix::unistd::setfsuid(nix::unistd::Uid::from_raw(65534));
        work()
    };
    std::thread::scope(|scope| scope.spawn(work).join().unwrap())
}

#[test]
fn an_image_folder_that_cannot_be_read_is_told_of_once() {
    let dir = folder(&["images/a/linux"]);
    let mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    mode(dir.path(), 0o755);
    let entries = "{id: a, linux: {kernel: a/linux, initrd: a/initrd}}, {id: b, loader: b.efi}";
    let profile = format!("menu: {{entries: [{entries}]}}\n");
    write(dir.path(), "profiles/a.yaml", &profile);
    mode(&dir.path().join("images"), 0o000);
    let told = as_a_user(|| told(dir.path(), &load(dir.path(), true)));
    mode(&dir.path().join("images"), 0o755);
    let [folder] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert!(
        folder.contains("the image folder cannot be read"),
        "{folder}"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_told_of_as_such() {
    let dir = folder(&["images/a"]);
    write(
        dir.path(),
        "profiles/a.yaml",
        "menu: {entries: [{id: a, linux: {kernel: a/linux}}]}\n",
    );
    // A part of the path that is a file: no such path.
    let through = told(dir.path(), &load(dir.path(), true)).join("\n");
    assert!(
        through.contains("there is no file images/a/linux"),
        "{through}"
    );
}

#[test]
fn hundreds_of_them_end_with_a_word_of_the_others() {
    let dir = folder(&["images/x"]);
    let entry = |n| format!("{{id: e{n}, linux: {{kernel: none{n}}}}}");
    let entries: Vec<String> = (0..200).map(entry).collect();
    write(
        dir.path(),
        "profiles/a.yaml",
        &format!("menu: {{entries: [{}]}}\n", entries.join(", ")),
    );
    let loaded = load(dir.path(), true);
    let findings = &loaded.findings;
    assert_eq!(findings.len(), 101);
    assert!(findings.iter().all(|f| f.severity == Severity::Warning));
    let last = findings.last().unwrap().message.clone();
    let words = "kernel \"none100\": it and 99 more were not looked for";
    assert_eq!(last, words);
}

#[test]
fn the_loader_of_a_row_is_looked_for_where_firmware_asks_for_it() {
    let dir = folder(&["images/arm/ipxe.efi", "assets/own.efi"]);
    let row = |name: &str, loader: &str| {
        format!(
            "  - {{name: {name}, tells: {{mac: \"52:54:00\"}}, changes: {{loader: {loader}}}}}\n"
        )
    };
    let rows = [
        row("ours", "ipxe.efi"),
        row("own", "own.efi"),
        row("image", "images/arm/ipxe.efi"),
        row("nope", "nope.efi"),
        row("slip", "snponyl.efi"),
        row("no-image", "images/arm/ipxee.efi"),
        row("rendered", "boot/menu.ipxe"),
    ];
    let config = format!("quirks:\n{}", rows.concat());
    let loaded = load_config(dir.path(), Mode::Proxy, None, Some(&config));
    assert!(loaded.snapshot.is_some());
    let told = told(dir.path(), &loaded);
    let told: Vec<(&str, &str)> = told
        .iter()
        .map(|t| (t.lines().next().unwrap(), t.lines().last().unwrap().trim()))
        .collect();
    assert_eq!(
        told,
        [
            (
                "bootjack.yaml:5:62: warning: loader \"nope.efi\": bootjack has no asset of that name, and it is not in assets",
                "put it there; a file below the image folder is images/nope.efi"
            ),
            (
                "bootjack.yaml:6:62: warning: loader \"snponyl.efi\": bootjack has no asset of that name, and it is not in assets",
                "did you mean \"snponly.efi\"?"
            ),
            (
                "bootjack.yaml:7:66: warning: loader \"images/arm/ipxee.efi\": there is no file images/arm/ipxee.efi",
                "did you mean \"images/arm/ipxe.efi\"?"
            ),
        ]
    );
}

#[test]
fn the_configuration_that_pxelinux_is_told_of_is_looked_for() {
    let dir = folder(&["images/lab.cfg"]);
    let told_of = |pxelinux: &str| {
        let entries = "menu: {entries: [{id: disk, local: true}]}\n";
        let profile = format!("pxelinux: {{ {pxelinux} }}\n{entries}");
        write(dir.path(), "profiles/a.yaml", &profile);
        told(dir.path(), &load(dir.path(), true)).join("\n")
    };
    for right in [
        "config: images/lab.cfg",
        "config: /images/lab.cfg",
        "config: pxelinux.cfg/default",
        "config: \"http://10.0.0.9/lab.cfg\"",
        "config: \"10.0.0.9::lab.cfg\"",
        "config: labs.cfg, prefix: \"http://10.0.0.9/\"",
    ] {
        assert_eq!(told_of(right), "", "{right}");
    }
    for (wrong, words) in [
        ("config: images/lap.cfg", "did you mean \"images/lab.cfg\"?"),
        ("config: lab.cfg", "images/lab.cfg"),
        ("config: ../x", "no name of a file that is served"),
    ] {
        let told = told_of(wrong);
        assert!(
            told.contains("warning: config ") && told.contains(words),
            "{wrong}: {told}"
        );
    }
}

#[test]
fn a_file_that_comes_is_noticed() {
    let dir = folder(&["images/x"]);
    let profile = "menu: {entries: [{id: a, linux: {kernel: a/linux}}]}\n";
    write(dir.path(), "profiles/a.yaml", profile);
    let mut loader = Loader::new(places(dir.path(), true));
    let before = loader.load();
    assert_eq!(before.findings.len(), 1);
    assert!(!loader.has_come());
    write(dir.path(), "images/a/linux", "x");
    assert!(loader.has_come());
    let after = loader.load();
    assert_eq!(after.findings, []);
    assert_ne!(after.digest, before.digest);
    assert!(!loader.has_come());
    // What is there and no file that could be served does not come again and again.
    fs::remove_file(dir.path().join("images/a/linux")).unwrap();
    fs::create_dir(dir.path().join("images/a/linux")).unwrap();
    assert_eq!(loader.load().findings.len(), 1);
    assert!(!loader.has_come());
}
