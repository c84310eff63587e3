//! Which entries a machine is shown, and which names it finds.

use bootjack::client::Stage;
use bootjack::firmware::image::Image;
use bootjack::profile::{Installed, Snapshot};
use bootjack::tree::{Found, Missing};
use bootjack::wire::Arch;

use super::{PROFILE, client, get, snapshot, text};

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
fn every_dialect_shows_what_the_machine_can_boot() {
    let mut snapshot = snapshot(
        "menu:
  title: T
  installed: true
  entries:
    - { id: pc, linux: { kernel: pc/linux } }
    - { id: arm, linux: { kernel: arm/linux } }
    - { id: packed, linux: { kernel: packed/linux } }
    - { id: each, linux: { kernel: { bios: pc/linux, efi-arm64: arm/linux } } }
    - { id: memtest, loader: memtest.efi }
    - { id: disk, local: true }
",
    );
    snapshot.installed = vec![Installed {
        name: "new".into(),
        kernel: "linux".into(),
        initrd: "initrd.gz".into(),
    }];
    for (name, machine) in [
        ("images/pc/linux", 0x8664),
        ("images/arm/linux", 0xaa64),
        ("images/new/linux", 0xaa64),
        ("assets/memtest.efi", 0x8664),
    ] {
        snapshot.built_for.insert(name.into(), Image::Efi(machine));
    }
    let pxelinux = "pxelinux.cfg/default";
    let ipxe = "boot/52-54-00-12-34-56.ipxe";
    let grub = "grub/grub.cfg";
    for (arch, path, shown) in [
        (
            0,
            pxelinux,
            &["pc", "packed", "each", "memtest", "disk"][..],
        ),
        (0, ipxe, &["pc", "packed", "each", "memtest", "disk"]),
        (7, ipxe, &["pc", "packed", "memtest", "disk"]),
        (7, grub, &["pc", "packed", "memtest", "disk"]),
        (6, grub, &["pc", "packed", "disk"]),
        (
            11,
            grub,
            &["arm", "packed", "each", "disk", "installed-new"],
        ),
        (
            19,
            grub,
            &["arm", "packed", "each", "disk", "installed-new"],
        ),
        (
            11,
            ipxe,
            &["arm", "packed", "each", "disk", "installed-new"],
        ),
    ] {
        let menu = text(&snapshot, Some(client(Arch(arch), Stage::Rom)), path);
        let item = |line: &str| {
            let line = line.trim();
            let grub = || line.strip_prefix("menuentry ")?.split("--id '").nth(1);
            let id = line
                .strip_prefix("LABEL ")
                .or_else(|| line.strip_prefix("item "));
            let id = id.or_else(grub)?.split([' ', '\'']).next()?;
            Some(id.to_owned())
        };
        let ids: Vec<String> = menu.lines().filter_map(item).collect();
        assert_eq!(ids, shown, "{arch} {path}\n{menu}");
    }
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

/// An image is for a BIOS: iPXE reads it as it needs it, pxelinux has memdisk.
#[test]
fn an_image_is_shown_where_the_loader_can_boot_it() {
    let entries =
        "[ { id: cd, image: a/x.iso }, { id: hd, image: y.img }, { id: d, local: true } ]";
    let snapshot = snapshot(&format!("menu: {{ entries: {entries} }}"));
    let menu = |arch, stage, path| text(&snapshot, Some(client(arch, stage)), path);
    let ipxe = menu(Arch::BIOS, Stage::Ipxe, "boot/52-54-00-12-34-56.ipxe");
    let uri = "http://10.0.0.2:8067/images/a/x.iso";
    assert!(
        ipxe.contains(&format!("sanboot --no-describe {uri} || goto failed")),
        "{ipxe}"
    );
    let pxelinux = menu(Arch::BIOS, Stage::Pxelinux, "pxelinux.cfg/default");
    for words in [
        format!("  LINUX memdisk\n  INITRD {uri}\n  APPEND iso raw\n"),
        "  INITRD http://10.0.0.2:8067/images/y.img\n  APPEND raw\n".to_owned(),
    ] {
        assert!(pxelinux.contains(&words), "{pxelinux}");
    }
    let uefi = menu(Arch::EFI_X64, Stage::Ipxe, "boot/52-54-00-12-34-56.ipxe");
    assert!(!uefi.contains(".iso") && uefi.contains("item d"), "{uefi}");
    let grub = menu(Arch::EFI_X64, Stage::Grub, "grub/grub.cfg");
    assert!(!grub.contains(".iso") && grub.contains("'d'"), "{grub}");
}
