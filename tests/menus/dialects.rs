//! The three dialects: what each says of the same menu.

use bootjack::client::Stage;
use bootjack::wire::Arch;

use super::{PROFILE, client, snapshot, text};

#[test]
fn pxelinux() {
    let config = text(
        &snapshot(PROFILE),
        Some(client(Arch::BIOS, Stage::Rom)),
        "pxelinux.cfg/default",
    );
    assert_eq!(
        config,
        "# bootjack: profile \"Lab A\" for 52:54:00:12:34:56
NOESCAPE 1
PROMPT 0
DEFAULT debian
UI menu.c32
MENU TITLE Lab A
TIMEOUT 100
ONTIMEOUT debian

LABEL debian
  MENU LABEL Install Debian 12
  LINUX http://10.0.0.2:8067/images/debian-12/linux
  INITRD http://10.0.0.2:8067/images/debian-12/initrd.gz,http://10.0.0.2:8067/images/extra/b.gz
  APPEND auto=true url=http://10.0.0.2/p?m=52:54:00:12:34:56 mirror=deb.debian.org --- quiet

LABEL memtest
  MENU LABEL Memory test
  LINUX http://10.0.0.2:8067/assets/memtest.bin

LABEL other
  MENU LABEL Another server
  LINUX ipxe.lkrn
  INITRD http://10.0.0.2:8067/boot/52-54-00-12-34-56/other.ipxe

LABEL own
  MENU LABEL My script # && ;
  LINUX ipxe.lkrn
  INITRD http://10.0.0.2:8067/boot/52-54-00-12-34-56/own.ipxe

LABEL disk
  MENU LABEL It's the local disk
  LOCALBOOT 0
"
    );
}

#[test]
fn ipxe() {
    let script = text(
        &snapshot(PROFILE),
        Some(client(Arch::EFI_X64, Stage::Ipxe)),
        "boot/52-54-00-12-34-56.ipxe",
    );
    assert_eq!(
        script,
        "#!ipxe
# bootjack: profile \"Lab A\" for 52:54:00:12:34:56
set sp:hex 20
:menu
menu Lab A
item debian Install Debian 12
item memtest Memory test
item other Another server
item own My script ${none}# ${none}&& ${none};
item disk It's the local disk
choose --default debian --timeout 10000 chosen || exit 1
goto entry-${chosen}

:entry-debian
imgfree
initrd --name initrd0 http://10.0.0.2:8067/images/debian-12/initrd.gz || goto failed
initrd --name initrd1 http://10.0.0.2:8067/images/extra/b.gz || goto failed
kernel http://10.0.0.2:8067/images/debian-12/linux initrd=initrd0 initrd=initrd1 auto=true url=http://10.0.0.2/p?m=52:54:00:12:34:56 mirror=deb.debian.org --- quiet || goto failed
boot || goto failed
goto menu

:entry-memtest
imgfree
chain http://10.0.0.2:8067/assets/memtest.efi || goto failed
goto menu

:entry-other
imgfree
chain http://10.0.0.9/boot.ipxe || goto failed
goto menu

:entry-own
imgfree
chain http://10.0.0.2:8067/boot/efi-x86_64/52-54-00-12-34-56/own.ipxe || goto failed
goto menu

:entry-disk
exit 1

:failed
echo bootjack: that did not boot; back to the menu in 10 seconds
sleep 10
goto menu
"
    );
}

#[test]
fn grub() {
    let config = text(
        &snapshot(PROFILE),
        Some(client(Arch::EFI_X64, Stage::Rom)),
        "grub/grub.cfg",
    );
    assert_eq!(
        config,
        r#"# bootjack: profile "Lab A" for 52:54:00:12:34:56
set default='debian'
set timeout=10

function local_disk {
  set arch=x64
  if [ "$grub_cpu" = arm64 ]; then set arch=aa64; fi
  if [ "$grub_cpu" = i386 ]; then set arch=ia32; fi
  for loader in /EFI/debian/shim$arch.efi /EFI/ubuntu/shim$arch.efi /EFI/fedora/shim$arch.efi /EFI/centos/shim$arch.efi /EFI/rocky/shim$arch.efi /EFI/almalinux/shim$arch.efi /EFI/redhat/shim$arch.efi /EFI/opensuse/shim.efi /EFI/sles/shim.efi /EFI/debian/grub$arch.efi /EFI/ubuntu/grub$arch.efi /EFI/Microsoft/Boot/bootmgfw.efi /EFI/BOOT/BOOT$arch.EFI; do
    if search --no-floppy --set=root --file $loader; then
      chainloader ($root)$loader
      boot
    fi
  done
  exit
}

menuentry 'Install Debian 12' --id 'debian' {
  linux '(tftp,10.0.0.2)/images/debian-12/linux' 'auto=true' 'url=http://10.0.0.2/p?m=52:54:00:12:34:56' 'mirror=deb.debian.org' '---' 'quiet'
  initrd '(tftp,10.0.0.2)/images/debian-12/initrd.gz' '(tftp,10.0.0.2)/images/extra/b.gz'
}

menuentry 'Memory test' --id 'memtest' {
  chainloader '(tftp,10.0.0.2)/assets/memtest.efi'
}

menuentry 'It'\''s the local disk' --id 'disk' {
  local_disk
}
"#
    );
}

#[test]
fn grub_takes_what_is_rendered_for_it() {
    let hostile = r#"menu: { title: T, installed: true, timeout: 5s, entries: [
        { id: a, title: "It's $x `y` \"q\" {z} ; | & < > \\ # ümlaut", linux: { kernel: k,
          args: "a=\"x  y\" b='z' $c ;d {e} \\ \"open `f` #g" } },
        { id: f.g-h_i, title: "}", loader: memtest.efi },
        { id: d, title: "{ if", local: true } ] }"#;
    for profile in [PROFILE, hostile] {
        let config = text(
            &snapshot(profile),
            Some(client(Arch::EFI_X64, Stage::Rom)),
            "grub.cfg",
        );
        let Some(complaint) = grub_script_check(&config) else {
            eprintln!(
                "LEFT OUT (the package grub-common is missing): grub_takes_what_is_rendered_for_it"
            );
            return;
        };
        assert_eq!(complaint, "", "in {config}");
    }
}

/// GRUB's own parser takes it.
#[track_caller]
pub fn assert_grub_reads(config: &str) {
    if let Some(complaint) = grub_script_check(config) {
        assert_eq!(complaint, "", "in {config}");
    }
}

/// What GRUB's own parser says of a configuration; `None` where it is not installed.
fn grub_script_check(config: &str) -> Option<String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), config).unwrap();
    let mut command = std::process::Command::new("grub-script-check");
    let output = command.arg(file.path()).output().ok()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(if output.status.success() {
        said
    } else {
        format!("refused: {said}")
    })
}

#[test]
fn kernel_words_reach_the_kernel_through_grub() {
    let profile = r#"menu: { title: T, entries: [ { id: a, title: A, linux: { kernel: k, args: 'a="x  y" b="c"  d=$e "f g"="h' } } ] }"#;
    let config = text(
        &snapshot(profile),
        Some(client(Arch::EFI_X64, Stage::Rom)),
        "grub.cfg",
    );
    assert!(
        config.contains("images/k' 'a=x  y' 'b=c' 'd=$e' 'f g=h'\n"),
        "{config}"
    );
}

#[test]
fn one_entry_starts_at_once_in_every_dialect() {
    let snapshot = snapshot("menu: { title: T, entries: [ { id: d, title: Disk, local: true } ] }");
    let rom = || Some(client(Arch::EFI_X64, Stage::Rom));
    assert!(!text(&snapshot, rom(), "pxelinux.cfg/default").contains("menu.c32"));
    assert!(!text(&snapshot, rom(), "boot/52-54-00-12-34-56.ipxe").contains("choose"));
    assert!(text(&snapshot, rom(), "grub.cfg").contains("set timeout=0\n"));
}

#[test]
fn time_outs() {
    for (timeout, pxelinux, ipxe, grub) in [
        (
            "timeout: 10s,",
            "TIMEOUT 100\n",
            "--timeout 10000 ",
            "set timeout=10\n",
        ),
        (
            "",
            "TIMEOUT 0\n",
            "choose --default a chosen",
            "set timeout=-1\n",
        ),
        (
            "timeout: 0s,",
            "DEFAULT a\nONERROR .leave\n\nLABEL a",
            ":failed",
            "set timeout=0\n",
        ),
    ] {
        let profile = format!(
            "menu: {{ title: T, {timeout} entries: [ {{ id: a, title: A, local: true }}, {{ id: b, title: B, local: true }} ] }}"
        );
        let snapshot = snapshot(&profile);
        let rom = || Some(client(Arch::EFI_X64, Stage::Rom));
        assert!(
            text(&snapshot, rom(), "pxelinux.cfg/default").contains(pxelinux),
            "{timeout}"
        );
        assert!(
            text(&snapshot, rom(), "boot/52-54-00-12-34-56.ipxe").contains(ipxe),
            "{timeout}"
        );
        assert!(
            text(&snapshot, rom(), "grub.cfg").contains(grub),
            "{timeout}"
        );
    }
}

#[test]
fn titles_are_shown_in_ascii_and_never_expanded() {
    let profile = "menu: { title: --Zürich, entries: [ { id: a, title: \"Größe ^# ＄｛net0｝ ; 北\", local: true }, { id: b, title: B, local: true } ] }";
    let snapshot = snapshot(profile);
    let rom = || Some(client(Arch::BIOS, Stage::Rom));
    let config = text(&snapshot, rom(), "pxelinux.cfg/default");
    assert!(config.contains("MENU TITLE --Zurich\n"), "{config}");
    assert!(
        config.contains("MENU LABEL Grosse # $ {net0} ; Bei\n"),
        "{config}"
    );
    let script = text(&snapshot, rom(), "boot/52-54-00-12-34-56.ipxe");
    assert!(script.contains("\nmenu Zurich\n"), "{script}");
    assert!(
        script.contains("item a Grosse ^# $ {net0} ${none}; Bei\n"),
        "{script}"
    );
    let grub = text(&snapshot, rom(), "grub.cfg");
    assert!(
        grub.contains("menuentry 'Größe ^# ＄｛net0｝ ; 北' "),
        "{grub}"
    );
}

/// U-Boot alone: other loaders leave the device tree to the firmware.
#[test]
fn the_device_tree_of_a_board_is_named_to_u_boot() {
    let rendered = |tree: &str, arch| {
        let profile = format!(
            "menu: {{ title: T, entries: [ {{ id: b, title: B, linux: {{ kernel: b/Image, {tree} }} }} ] }}"
        );
        let rom = Some(client(arch, Stage::Rom));
        text(&snapshot(&profile), rom, "pxelinux.cfg/default")
    };
    let (arm64, arm32) = (Arch(22), Arch(21));
    for (tree, line) in [
        ("dtb: b/rock.dtb", "  FDT images/b/rock.dtb\n"),
        ("fdtdir: b/dtbs", "  FDTDIR images/b/dtbs\n"),
        ("dtb: { uboot-arm64: b/a.dtb }", "  FDT images/b/a.dtb\n"),
    ] {
        let menu = rendered(tree, arm64);
        assert!(
            menu.ends_with(&format!("  LINUX images/b/Image\n{line}")),
            "{menu}"
        );
        let others = rendered(tree, Arch::BIOS);
        assert!(!others.contains("FDT"), "{others}");
    }
    for (tree, arch) in [("args: x", arm64), ("dtb: { uboot-arm64: b/a.dtb }", arm32)] {
        let menu = rendered(tree, arch);
        assert!(menu.contains("LINUX") && !menu.contains("FDT"), "{menu}");
    }
}
