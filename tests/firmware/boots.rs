//! What each firmware boots from, and when it sends what.

use std::time::Duration;

use bootjack::firmware::Kind;
use bootjack::firmware::machine::{Setup, Topic};
use bootjack::wire::dhcp::{self, Message};

use crate::play::*;

const SIZE: usize = 70_000;

fn boots_with(kind: Kind, servers: Vec<Server<'_>>) -> Played {
    let large = vec![0; SIZE];
    let mut all = servers;
    all.push(tftp(BOOT, &[("a.efi", &large), ("b.efi", &[1; 9])]));
    all.push(tftp(DHCP, &[("of-dhcp", &[1; 5])]));
    play(setup(kind), &all)
}

fn bypass(message: &mut Message) {
    message.options.push(43, &[6, 1, 8, 255]);
    names("a.efi")(message);
}

#[test]
fn edk2_waits_its_window_out_and_probes_the_size() {
    let played = boots_with(Kind::EfiX64, vec![plain(), proxy(bypass)]);
    assert_eq!(played.loader().from, "tftp://10.0.0.2/a.efi");
    assert_eq!(played.loader().size, Some(SIZE as u64));
    assert_eq!(played.sent_to(67), [0, 4000]);
    assert_eq!(
        played.screen(),
        [
            "Station IP address is 10.0.0.77",
            "NBP filename is a.efi",
            "NBP filesize is 70000 Bytes"
        ]
    );
    let (_, released) = played.sent.last().unwrap();
    assert_eq!(released.bytes[..4], [0, 5, 0, 8], "the probe is ended");
    let given_back = Message::decode(&played.released.unwrap().bytes).unwrap();
    assert_eq!(given_back.kind(), Some(dhcp::Kind::Release));
    assert_eq!(
        (given_back.ciaddr, given_back.address(54)),
        (OWN, Some(DHCP))
    );
}

#[test]
fn edk2_asks_4011_from_4011_and_waits_there_too() {
    let offer = |m: &mut Message| m.siaddr = BOOT;
    let servers = vec![plain(), proxy(offer), on_4011(names("a.efi"))];
    let played = boots_with(Kind::EfiX64, servers);
    assert_eq!(played.loader().from, "tftp://10.0.0.2/a.efi");
    assert_eq!(played.sent_to(4011), [4001]);
    let (_, asked) = &played.sent[2];
    assert_eq!((asked.from.port(), *asked.from.ip()), (4011, OWN));
    assert_ne!(asked.bytes[4..8], played.sent[0].1.bytes[4..8], "a new xid");
    let sizes = played.sent.iter().find(|(_, d)| d.to.port() == 69).unwrap();
    assert_eq!(sizes.0, Duration::from_millis(5001), "the window of 1 s");
}

#[test]
fn edk2_prefers_in_its_own_order() {
    let with_file = || dhcp(names_of_dhcp);
    // A proxy beats the DHCP server's own file name (3 before 7).
    let played = boots_with(Kind::EfiX64, vec![with_file(), proxy(bypass)]);
    assert_eq!(played.loader().from, "tftp://10.0.0.2/a.efi");
    let played = boots_with(Kind::EfiX64, vec![with_file()]);
    assert_eq!(played.loader().from, "tftp://10.0.0.1/of-dhcp");
    // PXE data in the lease beats a proxy (1 before 3).
    let own = dhcp(|m| {
        m.options.push(60, b"PXEClient");
        m.options.push(43, &[6, 1, 8, 255]);
        names_of_dhcp(m);
    });
    let played = boots_with(Kind::EfiX64, vec![own, proxy(bypass)]);
    assert_eq!(played.loader().from, "tftp://10.0.0.1/of-dhcp");
    // With "boot at once" the first listed server comes before the next server.
    let listed = |m: &mut Message| {
        m.options
            .push(43, &[6, 1, 8, 8, 7, 0, 0, 1, 10, 0, 0, 2, 255]);
        file(m, "a.efi");
        m.siaddr = DHCP;
    };
    let played = boots_with(Kind::EfiX64, vec![plain(), proxy(listed)]);
    assert_eq!(played.loader().from, "tftp://10.0.0.2/a.efi");
    // Option 67 before the header.
    let both = |m: &mut Message| {
        bypass(m);
        m.options.push(67, b"b.efi\0");
    };
    let played = boots_with(Kind::EfiX64, vec![plain(), proxy(both)]);
    assert_eq!(played.loader().from, "tftp://10.0.0.2/b.efi");
}

fn names_of_dhcp(m: &mut Message) {
    file(m, "of-dhcp");
    m.siaddr = DHCP;
}

#[test]
fn a_rom_boots_at_once_from_the_offer_and_2_0_asks_all_the_same() {
    let played = boots_with(Kind::Bios, vec![plain(), proxy(bypass)]);
    assert_eq!(played.loader().from, "tftp://10.0.0.2/a.efi");
    assert!(played.sent_to(4011).is_empty());
    let servers = || vec![plain(), proxy(bypass), on_4011(names("b.efi"))];
    let played = boots_with(Kind::Bios20, servers());
    assert_eq!(played.loader().from, "tftp://10.0.0.2/b.efi");
    let asked = played.sent.iter().find(|(_, d)| d.to.port() == 4011);
    assert_eq!(asked.unwrap().1.from.port(), 68);
}

/// Facts, section 0: a ROM hopes for a PXE answer through two windows.
#[test]
fn a_rom_takes_the_dhcp_servers_file_after_twelve_seconds() {
    let played = boots_with(Kind::Bios, vec![dhcp(names_of_dhcp)]);
    assert_eq!(played.loader().from, "tftp://10.0.0.1/of-dhcp");
    assert_eq!(played.sent_to(67), [0, 4000, 12_000]);
}

#[test]
fn ipxe_goes_on_as_soon_as_it_has_both() {
    let played = boots_with(Kind::Ipxe, vec![plain(), proxy(bypass)]);
    assert_eq!(played.loader().from, "tftp://10.0.0.2/a.efi");
    assert_eq!(played.sent_to(67), [0, 1]);
    // Alone with a lease it waits for a proxy: its timer ends at 1 and 3 s.
    let played = boots_with(Kind::Ipxe, vec![dhcp(names_of_dhcp)]);
    assert_eq!(played.loader().from, "tftp://10.0.0.1/of-dhcp");
    assert_eq!(played.sent_to(67), [0, 1000, 3000]);
    // Unless it is told not to.
    let alone = dhcp(|m| {
        m.options.push(175, &[0xb0, 1, 1]);
        names_of_dhcp(m);
    });
    let played = boots_with(Kind::Ipxe, vec![alone, proxy(bypass)]);
    assert_eq!(played.loader().from, "tftp://10.0.0.1/of-dhcp");
    assert_eq!(played.sent_to(67), [0, 1]);
}

#[test]
fn ipxe_takes_the_acks_file_unless_the_proxy_counts_more() {
    let with_file = || dhcp(names_of_dhcp);
    let played = boots_with(Kind::Ipxe, vec![with_file(), proxy(bypass)]);
    assert_eq!(played.loader().from, "tftp://10.0.0.1/of-dhcp");
    let raised = |m: &mut Message| {
        bypass(m);
        m.options.push(175, &[1, 1, 5]);
    };
    let played = boots_with(Kind::Ipxe, vec![with_file(), proxy(raised)]);
    assert_eq!(played.loader().from, "tftp://10.0.0.2/a.efi");
}

#[test]
fn ipxe_asks_4011_and_does_without_where_it_is_silent() {
    let bare = |_: &mut Message| {};
    let answered = vec![plain(), proxy(bare), on_4011(names("a.efi"))];
    let played = boots_with(Kind::Ipxe, answered);
    assert_eq!(played.loader().from, "tftp://10.0.0.2/a.efi");
    let asked = played.sent.iter().find(|(_, d)| d.to.port() == 4011);
    assert_eq!(asked.unwrap().1.from.port(), 68);
    let silent = vec![dhcp(names_of_dhcp), proxy(bare)];
    let played = boots_with(Kind::Ipxe, silent);
    assert_eq!(played.loader().from, "tftp://10.0.0.1/of-dhcp");
    assert_eq!(played.sent_to(4011), [2, 252, 752, 1752]);
}

#[test]
fn http_boot_takes_the_uri_of_a_proxy() {
    let uri = |m: &mut Message| m.options.push(67, b"http://10.0.0.2:8067/a.efi");
    let servers = [plain(), proxy(uri)];
    let played = play_with(setup(Kind::HttpX64), &servers, |question| {
        assert_eq!(question.url, "http://10.0.0.2:8067/a.efi");
        assert!(question.head && !question.follows);
        Ok(page(b"", Some(900), Some("application/efi")))
    });
    assert_eq!(played.loader().size, Some(900));
    assert_eq!(
        played.screen(),
        [
            "Station IP address is 10.0.0.77",
            "URI: http://10.0.0.2:8067/a.efi",
            "File Size: 900 Bytes"
        ]
    );
}

#[test]
fn ipxe_takes_a_uri_as_file_name() {
    let uri = |m: &mut Message| {
        file(m, "http://10.0.0.2/menu.ipxe");
        m.siaddr = BOOT;
    };
    let fetch = Setup {
        fetch: true,
        ..setup(Kind::Ipxe)
    };
    let played = play_with(fetch, &[plain(), proxy(uri)], |question| {
        assert!(!question.head && question.follows);
        Ok(page(b"#!ipxe\n", Some(7), None))
    });
    assert_eq!(played.loader().image.as_deref(), Some("an iPXE script"));
}

#[test]
fn a_loader_is_fetched_whole_and_looked_at() {
    let fetch = |kind| Setup {
        fetch: true,
        ..setup(kind)
    };
    let program = efi(0x8664, SIZE);
    for (kind, name) in [(Kind::EfiX64, "a.efi"), (Kind::Bios, "a.0")] {
        let (program, bios) = (program.clone(), vec![0xea; SIZE]);
        let files: [(&str, &[u8]); 2] = [("a.efi", &program), ("a.0", &bios)];
        let offer = move |m: &mut Message| {
            m.options.push(43, &[6, 1, 8, 255]);
            names(name)(m);
        };
        let played = play(fetch(kind), &[plain(), proxy(offer), tftp(BOOT, &files)]);
        let (bytes, took) = played.loader().fetched.unwrap();
        assert_eq!(bytes, SIZE as u64);
        assert!(took > Duration::ZERO);
    }
}

/// Items, prompts and boot servers (facts B).
#[test]
fn a_menu_of_the_firmware() {
    // 6 = 3 (only the list), two items, a prompt of 5 s.
    let menu: &[u8] = &[
        6, 1, 3, 8, 14, 0x80, 1, 1, 10, 0, 0, 2, 0x80, 2, 1, 10, 0, 0, 2, 9, 14, 0x80, 1, 4, b'L',
        b'a', b'b', b'1', 0x80, 2, 4, b'L', b'a', b'b', b'2', 10, 3, 5, b'F', b'8', 255,
    ];
    let offer = |m: &mut Message| m.options.push(43, menu);
    let serve = |m: &mut Message| {
        let item = m.options.get(43).map(<[u8]>::to_vec);
        assert_eq!(item, None, "a reply begins empty");
        m.options.push(43, &[71, 4, 0x80, 1, 0, 0, 255]);
        names("a.efi")(m);
    };
    for (kind, before) in [(Kind::EfiX64, 4001), (Kind::Bios, 4001), (Kind::Ipxe, 2)] {
        let servers = vec![plain(), proxy(offer), on_4011(serve)];
        let played = boots_with(kind, servers);
        assert_eq!(played.loader().from, "tftp://10.0.0.2/a.efi", "{kind:?}");
        assert_eq!(played.sent_to(4011), [before + 5000], "{kind:?}");
        assert!(played.screen().contains(&"F8 (5)"), "{kind:?}");
        let (_, asked) = played
            .sent
            .iter()
            .find(|(_, d)| d.to.port() == 4011)
            .unwrap();
        let item = Message::decode(&asked.bytes).unwrap();
        assert_eq!(item.options.get(43), Some(&[71, 4, 0x80, 1, 0, 0, 255][..]));
    }
    let second = Setup {
        choose: Some(2),
        ..setup(Kind::EfiX64)
    };
    let servers = [
        plain(),
        proxy(offer),
        on_4011(names("b.efi")),
        tftp(BOOT, &[("b.efi", &[1; 9])]),
    ];
    let played = play(second, &servers);
    assert_eq!(played.loader().from, "tftp://10.0.0.2/b.efi");
    assert_eq!(played.sent_to(4011), [4001], "nobody waits for the prompt");
    let notes = played.told(Topic::Note);
    assert!(notes[0].contains("\"Lab2\" (type 32770)"), "{notes:?}");
}

/// EDK2 looks for a server in one way alone: a group before everybody before the list.
#[test]
fn a_boot_server_by_multicast() {
    let menu: &[u8] = &[
        6, 1, 0, 7, 4, 224, 0, 1, 2, 9, 5, 0x80, 1, 2, b'h', b'i', 10, 1, 0, 255,
    ];
    let offer = |m: &mut Message| m.options.push(43, menu);
    let served = |m: &mut Message| {
        m.options.push(43, &[71, 4, 0x80, 1, 0, 0, 255]);
        names("a.efi")(m);
    };
    for kind in [Kind::EfiX64, Kind::Bios, Kind::Ipxe] {
        let played = boots_with(kind, vec![plain(), proxy(offer), on_4011(served)]);
        let to = played.sent.iter().find(|(_, d)| d.to.port() == 4011);
        assert_eq!(to.unwrap().1.to.to_string(), "224.0.1.2:4011");
        assert_eq!(played.loader().from, "tftp://10.0.0.2/a.efi", "{kind:?}");
    }
}

#[test]
fn a_pi_wants_its_mark() {
    let text = b"Raspberry Pi Boot";
    let mut menu = vec![6, 1, 3, 10, 4, 0, b'P', b'X', b'E', 9, 20, 0, 0, 17];
    menu.extend_from_slice(text);
    menu.push(255);
    let offer = |m: &mut Message| {
        m.options.push(43, &menu);
        m.siaddr = BOOT;
    };
    let files = tftp(BOOT, &PI_3);
    let played = play(setup(Kind::Rpi3), &[plain(), proxy(offer), files]);
    assert_eq!(played.loader().from, "tftp://10.0.0.2/bootcode.bin");
    let notes = played.told(Topic::Note);
    assert!(notes[0].contains("quirk 27"), "{notes:?}");
}

/// What Debian's signed loaders do behind a proxy (facts C, quirk 37).
#[test]
fn second_stages_go_by_the_ack() {
    let files: &[(&str, &[u8])] = &[
        ("x/shimx64.efi", &[0; 900]),
        ("x/grubx64.efi", &[0; 900]),
        ("/grub/grub.cfg", &[b'#'; 9]),
    ];
    let offer = |m: &mut Message| {
        m.options.push(43, &[6, 1, 8, 255]);
        names("x/shimx64.efi")(m);
    };
    let one = || dhcp(offer_in_lease);
    let proxied = || vec![plain(), proxy(offer), tftp(BOOT, files)];
    let shim = play(setup(Kind::Shim), &proxied());
    let heard = shim.told(Topic::Heard);
    let last = heard.last().unwrap();
    assert_eq!(*last, "10.0.0.2 has \"x/grubx64.efi\" for it");
    for played in [shim, play(setup(Kind::Grub), &proxied())] {
        let why = played.fault().to_string();
        let words = "it knows no server to ask for its next file, \"/grub/";
        assert!(why.contains(words), "{why}");
    }
    let shim = play(setup(Kind::Shim), &[one(), tftp(BOOT, files)]);
    let grub = play(setup(Kind::Grub), &[one(), tftp(BOOT, files)]);
    for played in [&shim, &grub] {
        assert_eq!(played.loader().from, "tftp://10.0.0.2/x/shimx64.efi");
        let heard = played.told(Topic::Heard);
        let last = heard.last().unwrap();
        assert_eq!(*last, "10.0.0.2 has \"/grub/grub.cfg\" for it");
    }
    let played = grub;
    let asked = played.sent_to(69).len();
    assert_eq!(
        asked,
        2 + 1 + 1 + 8 + 1,
        "size and first block, UUID, MAC, address, then it"
    );
}

/// Secure Boot starts nothing that nobody has signed, whatever its name.
#[test]
fn an_unsigned_loader_is_no_shim_and_no_grub() {
    let loader = |name: &str| bootjack::assets::get(name).unwrap().bytes;
    for (kind, fetch) in [(Kind::Shim, false), (Kind::Shim, true), (Kind::Grub, false)] {
        for (asset, boots) in [("shimx64.efi", true), ("snponly.efi", false)] {
            let files: &[(&str, &[u8])] = &[
                ("x/shimx64.efi", loader(asset)),
                ("x/grubx64.efi", loader("grubx64.efi")),
                ("/grub/grub.cfg", b"#"),
            ];
            let setup = Setup {
                fetch,
                ..setup(kind)
            };
            let played = play(setup, &[dhcp(offer_in_lease), tftp(BOOT, files)]);
            if boots {
                assert_eq!(played.loader().from, "tftp://10.0.0.2/x/shimx64.efi");
            } else {
                let why = played.fault().to_string();
                assert!(why.contains("has no signature"), "{why}");
                let next = played.told(Topic::Sent).join("\n");
                assert!(!next.contains("grub"), "nothing of it is started: {next}");
            }
        }
    }
}

fn offer_in_lease(m: &mut Message) {
    names("x/shimx64.efi")(m);
}
