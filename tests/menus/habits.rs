//! What loaders cannot do, and what is written for them in its place.

use bootjack::client::Stage;
use bootjack::tree::{CleanPath, Found, Requester, resolve};
use bootjack::wire::Arch;

use super::{asker, client, snapshot, text};

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
