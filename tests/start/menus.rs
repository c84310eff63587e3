//! `bootjack explain`: the menu that a machine will see, and what is known of the LAN's DHCP servers.

use std::fs;

use crate::commands::MAC;
use crate::run::{EVERYONE, folder, run};

/// What a machine will see, and what not; an empty menu is no small thing.
#[test]
fn explain_lists_the_menu_of_this_machine() {
    let folder = folder();
    let profile = "name: Lab\nmenu:\n  timeout: 10s\n  default: disk\n  entries:\n    \
        - { id: install, title: Debian, linux: { kernel: \"http://10.9.0.9/linux\" } }\n    \
        - { id: shell, title: A shell, ipxe: \"shell\\n\" }\n    \
        - { id: arm, title: For ARM, arch: [efi-arm64], local: true }\n    \
        - { id: cd, title: A CD, image: x.iso, arch: [bios, http-x64] }\n    \
        - { id: disk, title: Local disk, local: true }\n";
    let file = folder.path().join("a.yaml");
    let path = folder.path().display().to_string();
    let ask = |profile: &str, arch: &str| {
        fs::write(&file, profile).unwrap();
        let machine = ["explain", "--mac", MAC, "--arch", arch, "--profiles", &path];
        run(&[&machine[..], &["--server", "10.9.0.2"]].concat())
            .succeeds()
            .to_owned()
    };
    let all = [
        ("install", "linux http://10.9.0.9/linux"),
        (
            "shell",
            "iPXE script http://10.9.0.2:8067/boot/efi-x86_64/52-54-00-12-34-56/shell.ipxe",
        ),
        ("arm", "left out: its arch: says efi-arm64 alone"),
        ("cd", "left out: its arch: says bios, http-x64"),
        ("disk", "the local disk"),
    ];
    let by_grub = [
        (
            "install",
            "left out: it needs http://10.9.0.9/linux, and GRUB fetches from bootjack alone",
        ),
        (
            "shell",
            "left out: GRUB carries the menu, which runs no iPXE script",
        ),
        ("arm", "left out: its arch: says efi-arm64 alone"),
        ("disk", "the local disk"),
    ];
    let on_bios = [
        ("cd", "CD image http://10.9.0.2:8067/images/x.iso"),
        ("shell", "iPXE script http://10.9.0.2:8067/boot/"),
    ];
    let secure = format!("secure_boot: true\n{profile}");
    for (profile, arch, head, lines) in [
        (
            profile,
            "efi-x64",
            "menu: by iPXE, 3 entries; disk starts after 10s\n",
            &all[..],
        ),
        (
            &secure,
            "efi-x64",
            "menu: by GRUB, 1 entry; disk starts after 10s\n",
            &by_grub,
        ),
        (
            profile,
            "bios",
            "menu: by pxelinux, 4 entries; disk starts after 10s\n",
            &on_bios,
        ),
    ] {
        let out = ask(profile, arch);
        assert!(out.contains(head), "{head}: {out}");
        for (id, what) in lines {
            let start = format!("  {id} ");
            let line = out.lines().find(|line| line.starts_with(&start));
            let line = line.unwrap_or_else(|| panic!("{id}: {out}"));
            assert!(line.contains(what), "{what}: {line}");
        }
    }
    let shown = ask(&format!("loader: firmware\n{profile}"), "efi-x64");
    let head =
        "menu: its firmware shows it (option 43), 3 entries; the first starts after 10s\n  disk ";
    assert!(shown.contains(head), "{shown}");
    let empty = "secure_boot: true\nname: Lab\nmenu: { entries: [ { id: shell, title: S, ipxe: \"shell\\n\" } ] }\n";
    let out = ask(empty, "efi-x64");
    let said = "\nmenu: EMPTY: this machine can start nothing of \"Lab\" by GRUB; give the profile an entry that is for it";
    assert!(out.contains(said), "{out}");
}

/// Beside a server that is known to answer no relays, no lease is waited for.
#[test]
fn explain_knows_which_dhcp_servers_answer_no_relays() {
    let folder = folder();
    fs::write(
        folder.path().join("a.yaml"),
        format!("strategy: augment\n{EVERYONE}"),
    )
    .unwrap();
    let state = folder.path().join("state");
    fs::create_dir(&state).unwrap();
    let (path, state_path) = (folder.path().display().to_string(), state.display());
    let state_path = state_path.to_string();
    let machine = ["explain", "--mac", MAC, "--arch", "efi-x64"];
    let place = [
        "--profiles",
        &path,
        "--state",
        &state_path,
        "--server",
        "10.9.0.2",
    ];
    let ask = |more: &[&str]| {
        let said = run(&[&machine[..], &place, more].concat());
        said.succeeds().to_owned()
    };
    let waits =
        "where none comes in 3.3s (24s while that server is busy), offer-4011 without one\n";
    let augments = "06 01 08 ff\n";
    let before = ask(&[]);
    assert!(
        before.contains(waits) && before.contains(augments),
        "{before}"
    );
    fs::write(
        state.join("dhcp-servers.json"),
        "{\"no-relays\": [\"10.9.0.1\"]}",
    )
    .unwrap();
    let deaf = ask(&[]);
    let said = "lease: none is waited for, since 10.9.0.1 is known to answer no relays (dhcp-servers.json in the state folder): \
                offer-4011 goes out at once";
    assert!(deaf.contains(said) && !deaf.contains(waits), "{deaf}");
    assert!(
        deaf.contains("\nACK, in answer to REQUEST on port 4011"),
        "what goes out is printed: {deaf}"
    );
    // Another one that is named was not found so.
    let named = ask(&["--dhcp-server", "10.9.0.7"]);
    assert!(named.contains(waits) && named.contains(augments), "{named}");
}
