//! One menu, three dialects: profile and rendered text side by side.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::net::{IpAddr, Ipv4Addr};

use bootjack::client::{Class, Client, KnownBy, Stage};
use bootjack::profile::{Installed, Snapshot, Source, compile};
use bootjack::tree::{CleanPath, Door, Found, Missing, Requester, resolve};
use bootjack::wire::{Arch, Mac};

const MAC: Mac = Mac::ethernet([0x52, 0x54, 0, 0x12, 0x34, 0x56]);

const PROFILE: &str = r#"
name: Lab A
vars: { mirror: deb.debian.org }
menu:
  title: Lab A
  timeout: 10s
  default: debian
  entries:
    - id: debian
      title: Install Debian 12
      linux:
        kernel: debian-12/linux
        initrd: [debian-12/initrd.gz, extra/b.gz]
        args: "auto=true url=http://{{ server }}/p?m={{ mac }} mirror={{ mirror }} --- quiet"
    - id: memtest
      title: Memory test
      loader: { bios: memtest.bin, efi-x64: memtest.efi }
    - id: arm
      title: ARM only
      arch: [efi-arm64]
      local: true
    - id: other
      title: Another server
      chain: http://10.0.0.9/boot.ipxe
    - id: own
      title: "My script # && ;"
      ipxe: |
        echo hello {{ mac }} ${net0/ip}
        shell
    - id: disk
      title: It's the local disk
      local: true
"#;

fn snapshot(profile: &str) -> Snapshot {
    let (profiles, findings) = compile(&[Source {
        file: "a.yaml".into(),
        text: profile.into(),
    }]);
    Snapshot {
        profiles: profiles.unwrap_or_else(|| panic!("{findings:#?}")),
        http_port: 8067,
        ..Snapshot::default()
    }
}

fn client(arch: Arch, stage: Stage) -> Client {
    let ip = Ipv4Addr::new(10, 0, 0, 77);
    Client {
        mac: MAC,
        uuid: None,
        archs: vec![arch],
        class: Class::Pxe,
        stage,
        undi: None,
        ipxe: None,
        ip: Some(ip),
        network: ip,
        known_by: KnownBy::default(),
    }
}

fn asker(client: Option<Client>) -> Requester {
    let (peer, server): (IpAddr, IpAddr) = ([10, 0, 0, 77].into(), [10, 0, 0, 2].into());
    Requester {
        peer,
        server,
        door: Door::Http,
        client,
        tftp_only: false,
    }
}

fn get(snapshot: &Snapshot, client: Option<Client>, path: &str) -> Result<Found, Missing> {
    resolve(
        snapshot,
        &asker(client),
        &CleanPath::new(path.as_bytes()).unwrap(),
    )
}

fn text(snapshot: &Snapshot, client: Option<Client>, path: &str) -> String {
    match get(snapshot, client, path) {
        Ok(Found::Text(memory, _)) => String::from_utf8(memory.bytes.to_vec()).unwrap(),
        other => panic!("{path}: {other:?}"),
    }
}

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
  for loader in /EFI/debian/shimx64.efi /EFI/ubuntu/shimx64.efi /EFI/fedora/shimx64.efi /EFI/centos/shimx64.efi /EFI/rocky/shimx64.efi /EFI/almalinux/shimx64.efi /EFI/redhat/shimx64.efi /EFI/opensuse/shim.efi /EFI/sles/shim.efi /EFI/Microsoft/Boot/bootmgfw.efi /EFI/BOOT/BOOTX64.EFI; do
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

/// `pxelinux.0` speaks no HTTP; who fetched it last is told by its address.
#[test]
fn a_pxelinux_without_http_is_given_tftp() {
    let profile = "menu: { title: T, entries: [
        { id: d, title: Ours, linux: { kernel: d/linux, initrd: d/initrd.gz } },
        { id: f, title: Foreign, linux: { kernel: \"http://10.0.0.9/linux\" } },
        { id: s, title: Script, ipxe: shell } ] }";
    let asker = Requester {
        tftp_only: true,
        ..asker(Some(client(Arch::BIOS, Stage::Rom)))
    };
    let path = CleanPath::new(b"pxelinux.cfg/default").unwrap();
    let config = match resolve(&snapshot(profile), &asker, &path) {
        Ok(Found::Text(memory, _)) => String::from_utf8(memory.bytes.to_vec()).unwrap(),
        other => panic!("{other:?}"),
    };
    for line in [
        "  LINUX tftp://10.0.0.2/images/d/linux\n",
        "  INITRD tftp://10.0.0.2/images/d/initrd.gz\n",
        "  INITRD tftp://10.0.0.2/boot/52-54-00-12-34-56/s.ipxe\n",
    ] {
        assert!(config.contains(line), "{line} is missing in {config}");
    }
    assert!(!config.contains("LABEL f"), "{config}");
}

/// Seen: `lpxelinux.0` hangs in a boot program that it fetched by HTTP; it cannot run scripts.
#[test]
fn pxelinux_fetches_boot_programs_by_tftp_and_leaves_scripts_to_ipxe() {
    let profile = "menu: { title: T, entries: [
        { id: a, title: A, loader: undionly.kpxe },
        { id: b, title: B, loader: reboot.c32 },
        { id: c, title: C, chain: own/menu.ipxe } ] }";
    let snapshot = snapshot(profile);
    let rom = || Some(client(Arch::BIOS, Stage::Rom));
    let config = text(&snapshot, rom(), "pxelinux.cfg/default");
    for line in [
        "  PXE tftp://10.0.0.2/assets/undionly.kpxe\n",
        "  COM32 http://10.0.0.2:8067/assets/reboot.c32\n",
        "  LINUX ipxe.lkrn\n  INITRD http://10.0.0.2:8067/boot/52-54-00-12-34-56/c.ipxe\n",
    ] {
        assert!(config.contains(line), "{line} is missing in {config}");
    }
    let script = text(&snapshot, rom(), "boot/52-54-00-12-34-56/c.ipxe");
    assert!(
        script.contains("\nchain http://10.0.0.2:8067/images/own/menu.ipxe || exit 1\n"),
        "{script}"
    );
}

#[test]
fn spaces_that_matter_survive_ipxe() {
    let profile = r#"menu: { title: T, entries: [ { id: a, title: A, linux: { kernel: k, args: 'a="x  y" z' } } ] }"#;
    let script = text(
        &snapshot(profile),
        Some(client(Arch::EFI_X64, Stage::Ipxe)),
        "boot/52-54-00-12-34-56.ipxe",
    );
    assert!(
        script.contains(r#"a="x${sp:string}${sp:string}y" z ||"#),
        "{script}"
    );
}

#[test]
fn installed_distributions_are_listed_where_the_profile_says_so() {
    let mut snapshot = snapshot(
        "menu: { title: T, installed: true, entries: [ { id: d, title: Disk, local: true } ] }",
    );
    snapshot.installed = vec![Installed {
        name: "debian 12".into(),
        kernel: "linux".into(),
        initrd: "initrd.gz".into(),
    }];
    let config = text(
        &snapshot,
        Some(client(Arch::BIOS, Stage::Rom)),
        "pxelinux.cfg/default",
    );
    assert!(config.contains("LABEL installed-debian-12\n  MENU LABEL debian 12\n  LINUX http://10.0.0.2:8067/images/debian%2012/linux\n"), "{config}");
}

#[test]
fn a_machine_that_nobody_knows() {
    let snapshot = snapshot("menu: { title: T, entries: [ { id: d, title: Disk, local: true } ] }");
    let bounce = text(&snapshot, None, "boot/menu.ipxe");
    assert_eq!(
        bounce,
        "#!ipxe\nchain http://10.0.0.2:8067/boot/${platform}-${buildarch}/${mac:hexhyp}.ipxe\n"
    );
    assert_eq!(text(&snapshot, None, "boot/52-54-00-12-34-56.ipxe"), bounce);
    assert!(text(&snapshot, None, "boot/efi-x86_64/52-54-00-12-34-56.ipxe").contains("exit 1"));
    assert!(text(&snapshot, None, "pxelinux.cfg/01-52-54-00-12-34-56").contains("LOCALBOOT"));
    assert_eq!(
        get(&snapshot, None, "pxelinux.cfg/default"),
        Err(Missing::UnknownClient)
    );
    assert_eq!(
        get(
            &snapshot,
            None,
            "pxelinux.cfg/b8945908-d6a6-41a9-611d-74a6ab80b83d"
        ),
        Err(Missing::UnknownClient)
    );
}

#[test]
fn scripts_of_entries() {
    let snapshot = snapshot(PROFILE);
    let known = || Some(client(Arch::BIOS, Stage::Rom));
    let own = text(&snapshot, known(), "boot/52-54-00-12-34-56/own.ipxe");
    assert_eq!(
        own,
        "#!ipxe\nisset ${ip} || dhcp ||\necho hello 52:54:00:12:34:56 ${net0/ip}\nshell\n"
    );
    let chain = text(&snapshot, known(), "boot/52-54-00-12-34-56/other.ipxe");
    assert_eq!(
        chain,
        "#!ipxe\nisset ${ip} || dhcp || exit 1\nchain http://10.0.0.9/boot.ipxe || exit 1\n"
    );
    assert!(matches!(
        get(&snapshot, known(), "boot/52-54-00-12-34-56/debian.ipxe"),
        Err(Missing::Render(_))
    ));
    assert!(matches!(
        get(&snapshot, known(), "boot/52-54-00-12-34-56/none.ipxe"),
        Err(Missing::Render(_))
    ));
}

#[test]
fn an_entry_that_the_machine_cannot_boot_is_not_shown() {
    let snapshot = snapshot(
        "menu:\n  title: T\n  entries:\n    - { id: m, title: M, loader: { efi-arm64: a.efi } }\n    - { id: d, title: Disk, local: true }\n",
    );
    let config = text(
        &snapshot,
        Some(client(Arch::BIOS, Stage::Rom)),
        "pxelinux.cfg/default",
    );
    assert!(
        !config.contains("LABEL m") && config.contains("DEFAULT d"),
        "{config}"
    );
}

#[test]
fn every_asset_is_found_at_the_root_and_below_assets_whatever_its_case() {
    let snapshot = Snapshot::default();
    for asset in bootjack::assets::all() {
        for path in [
            asset.name.to_owned(),
            format!("assets/{}", asset.name),
            asset.name.to_ascii_uppercase(),
        ] {
            match get(&snapshot, None, &path) {
                Ok(Found::Asset(memory)) => assert_eq!(memory.bytes, asset.bytes, "{path}"),
                other => panic!("{path}: {other:?}"),
            }
        }
    }
    for probe in [
        "revocations_sku.efi",
        "shim_certificate_0.efi",
        "grub/x86_64-efi/command.lst",
        "assets/none",
    ] {
        assert_eq!(get(&snapshot, None, probe), Err(Missing::Unknown));
    }
}

#[test]
fn a_default_that_this_machine_cannot_boot_starts_nothing_by_itself() {
    let profile = "menu:\n  title: T\n  timeout: 5s\n  default: memtest\n  entries:\n    - { id: reinstall, title: Erase, linux: { kernel: k } }\n    - { id: memtest, title: M, loader: { bios: memtest.bin } }\n    - { id: disk, title: Disk, local: true }\n";
    let snapshot = snapshot(profile);
    let efi = || Some(client(Arch::EFI_X64, Stage::Ipxe));
    let script = text(&snapshot, efi(), "boot/52-54-00-12-34-56.ipxe");
    assert!(script.contains("choose --default disk chosen"), "{script}");
    assert!(text(&snapshot, efi(), "grub.cfg").contains("set timeout=-1\n"));
    let bios = text(
        &snapshot,
        Some(client(Arch::BIOS, Stage::Rom)),
        "pxelinux.cfg/default",
    );
    assert!(bios.contains("TIMEOUT 50"), "{bios}");
}

#[test]
fn a_menu_that_waits_for_the_user_waits_also_where_one_entry_is_left() {
    let profile = "menu:\n  title: T\n  entries:\n    - { id: reinstall, title: Erase, linux: { kernel: k } }\n    - { id: memtest, title: M, loader: { bios: memtest.bin } }\n";
    let snapshot = snapshot(profile);
    let efi = || Some(client(Arch::EFI_X64, Stage::Ipxe));
    assert!(
        text(&snapshot, efi(), "boot/52-54-00-12-34-56.ipxe")
            .contains("choose --default reinstall chosen")
    );
    assert!(text(&snapshot, efi(), "grub.cfg").contains("set timeout=-1\n"));
    assert!(text(&snapshot, efi(), "pxelinux.cfg/default").contains("menu.c32"));
}
