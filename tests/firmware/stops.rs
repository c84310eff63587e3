//! What stops a machine, with the words on its screen: one row a situation.

use bootjack::firmware::Kind::{self, *};
use bootjack::firmware::machine::Setup;
use bootjack::firmware::machine::web::{NoPage, Page};
use bootjack::wire::dhcp::Message;

use crate::play::*;

const E16: &str = "PXE-E16: No valid offer received.";
const E18: &str = "PXE-E18: Server response timeout.";
const E21: &str = "PXE-E21: Remote boot cancelled.";
const E23: &str = "PXE-E23: Client received TFTP error from server.";
const E51: &str = "PXE-E51: No DHCP or proxyDHCP offers were received.";
const E52: &str = "PXE-E52: proxyDHCP offers were received. No DHCP offers were received.";
const E53: &str = "PXE-E53: No boot filename received.";
const E55: &str = "PXE-E55: proxyDHCP service did not reply to request on port 4011.";
const IPXE_NO_DHCP: &str = "No configuration methods succeeded (http://ipxe.org/040ee119)";
const IPXE_NOTHING: &str = "Nothing to boot: No such file or directory (http://ipxe.org/2d03e13b)";
const EMPTY: &str = "it cannot run what it fetched: it is empty";
const HTTP_TIMEOUT: &str = "Error: Server response timeout.";

/// The last line on the screen, and when it stood there.
fn last(kind: Kind, servers: &[Server<'_>]) -> (String, u64) {
    let played = play(setup(kind), servers);
    played.fault();
    let screen = played.screen();
    (
        (*screen.last().expect("a word on the screen")).to_owned(),
        played.at.as_secs(),
    )
}

/// OVMF 2022.11 showed E18 after 60 s (measured in the laboratory), QEMU's iPXE after 15 s.
#[test]
fn nobody_answers() {
    for (kind, line, seconds) in [
        (EfiX64, E18, 60),
        (EfiArm64, E18, 60),
        (HttpX64, HTTP_TIMEOUT, 60),
        (Bios, E51, 60),
        (Bios20, E51, 60),
        (Ipxe, IPXE_NO_DHCP, 15),
    ] {
        assert_eq!(last(kind, &[]), (line.to_owned(), seconds), "{kind:?}");
    }
    let silent = play(setup(Rpi3), &[]);
    assert_eq!(silent.fault().to_string(), "nobody answered");
}

#[test]
fn a_dhcp_server_alone() {
    for (kind, line, seconds) in [
        (EfiX64, E16, 60),
        (HttpX64, HTTP_TIMEOUT, 60),
        (Bios, E53, 12),
        (Ipxe, IPXE_NOTHING, 3),
    ] {
        assert_eq!(
            last(kind, &[plain()]),
            (line.to_owned(), seconds),
            "{kind:?}"
        );
    }
}

#[test]
fn a_boot_server_alone() {
    for (kind, line) in [(EfiX64, E16), (Bios, E52), (Ipxe, IPXE_NO_DHCP)] {
        let alone = vec![proxy(names("a"))];
        assert_eq!(last(kind, &alone).0, line, "{kind:?}");
    }
}

/// Quirk 7: option 60 in the lease, nobody on port 4011, and a proxy that is not looked at.
#[test]
fn option_60_and_nobody_on_4011() {
    let class = || dhcp(|m| m.options.push(60, b"PXEClient"));
    for (kind, line, seconds) in [(EfiX64, E16, 14), (Bios, E55, 14)] {
        let servers = vec![class(), proxy(names("a"))];
        assert_eq!(last(kind, &servers), (line.to_owned(), seconds), "{kind:?}");
    }
    // To iPXE it is nothing fatal.
    assert_eq!(last(Ipxe, &[class()]).0, IPXE_NOTHING);
    let played = play(setup(EfiX64), &[class()]);
    assert_eq!(played.sent_to(4011), [4001, 5001, 7001, 10_001]);
}

#[test]
fn port_4011_says_nothing_useful() {
    let bare = |_: &mut Message| {};
    for (kind, line) in [(EfiX64, E16), (Bios, E53)] {
        let servers = vec![plain(), proxy(bare), on_4011(bare)];
        assert_eq!(last(kind, &servers).0, line, "{kind:?}");
    }
    // iPXE does not take it for an answer (facts, traps).
    let servers = vec![plain(), proxy(bare), on_4011(|m| file(m, "a"))];
    assert_eq!(last(Ipxe, &servers).0, IPXE_NOTHING, "no next server");
}

#[test]
fn option_43_without_a_menu() {
    let half = || proxy(|m| m.options.push(43, &[6, 1, 0, 255]));
    assert_eq!(last(EfiX64, &[plain(), half()]).0, E21);
    assert_eq!(
        last(Bios, &[plain(), half()]).0,
        "PXE-E74: Bad or missing PXE menu and/or prompt information."
    );
}

/// Control, servers and menu of one item with type 0x8001; the prompt is over at once.
fn menu(control: u8, more: &[u8]) -> Vec<u8> {
    let item = [9, 5, 0x80, 1, 2, b'h', b'i', 10, 1, 0, 255];
    [&[6, 1, control][..], more, &item].concat()
}

#[test]
fn boot_servers_that_cannot_be_found() {
    let offers = |option: Vec<u8>| {
        let offer = move |m: &mut Message| m.options.push(43, &option);
        vec![plain(), proxy(offer)]
    };
    let other = [8, 7, 0x80, 9, 1, 10, 0, 0, 2];
    let listed = [8, 7, 0x80, 1, 1, 10, 0, 0, 2];
    let e07 = "PXE-E07: Network device error.";
    let e99 = "PXE-E99: Unexpected network error.";
    let e77 = "PXE-E77: Bad or missing discovery server list.";
    let timed_out = "Connection timed out (http://ipxe.org/4c106035)";
    let e78 = "PXE-E78: Could not locate boot server.";
    for (kind, option, line) in [
        (EfiX64, menu(3, &other), e07),
        (EfiX64, menu(0, &[]), e99), // multicast is allowed, and there is no group
        (EfiX64, menu(3, &[]), e99),
        (EfiX64, menu(3, &listed), E18),
        (EfiX64, menu(2, &[]), E18),
        (Bios, menu(3, &[]), e77),
        (Bios, menu(3, &listed), e78),
        (Ipxe, menu(3, &listed), timed_out),
    ] {
        assert_eq!(
            last(kind, &offers(option.clone())).0,
            line,
            "{kind:?} {option:?}"
        );
    }
}

#[test]
fn a_boot_server_that_is_not_listed() {
    let only_listed = menu(3 | 4, &[8, 7, 0x80, 1, 1, 10, 0, 0, 2]);
    let offer = |m: &mut Message| m.options.push(43, &only_listed);
    let other = on_4011(|m| {
        names("a.efi")(m);
        m.siaddr = [10, 0, 0, 9].into();
    });
    let servers = vec![plain(), proxy(offer), other];
    assert_eq!(last(EfiX64, &servers).0, E53);
}

#[test]
fn items_that_boot_nothing() {
    let disk: &[u8] = &[6, 1, 3, 9, 5, 0, 0, 2, b'h', b'd', 10, 1, 0, 255];
    let local = || proxy(|m| m.options.push(43, disk));
    assert_eq!(last(EfiX64, &[plain(), local()]).0, E21);
    let played = play(setup(Bios), &[plain(), local()]);
    assert!(
        played
            .fault()
            .to_string()
            .contains("\"hd\" is the local disk")
    );
    let waits: &[u8] = &[6, 1, 3, 9, 5, 0x80, 1, 2, b'h', b'i', 10, 1, 255, 255];
    let played = play(
        setup(EfiX64),
        &[plain(), proxy(|m| m.options.push(43, waits))],
    );
    assert!(played.fault().to_string().contains("--choose"));
    assert!(played.screen().contains(&"1. hi"), "{:?}", played.screen());
    let third = Setup {
        choose: Some(3),
        ..setup(EfiX64)
    };
    let played = play(third, &[plain(), proxy(|m| m.options.push(43, waits))]);
    assert!(played.fault().to_string().contains("1 items"));
}

/// Answers that a firmware throws away, each with its reason (facts A, F).
#[test]
fn answers_that_are_thrown_away() {
    type Change = fn(&mut Message);
    let rows: [(Kind, Change, &str, &str); 7] = [
        (EfiX64, |m| without(m, 54), "it has no option 54", E16),
        (
            EfiX64,
            |m| m.options.push(43, b""),
            "option 43 has a wrong length",
            E16,
        ),
        (
            EfiX64,
            |m| m.options.push(200, &[7; 1400]),
            "more than 1472 are not read",
            E16,
        ),
        (
            EfiX64,
            |m| {
                m.options.push(60, b"PXEClient");
                let five = [1, 4, 0, 0, 0, 0, 2, 2, 0, 1, 3, 2, 0, 1, 4, 1, 1, 5, 1, 1];
                m.options.push(43, &five);
            },
            "only the multicast sub-options",
            E16,
        ),
        (
            HttpX64,
            |m| m.options.push(60, b"HTTPClient"),
            "there is no URI",
            HTTP_TIMEOUT,
        ),
        (
            HttpX64,
            |m| {
                m.options.push(60, b"HTTPClient");
                m.options.push(67, b"a.efi");
            },
            "\"a.efi\" is no URI",
            HTTP_TIMEOUT,
        ),
        (Bios, |m| without(m, 54), "it has no option 54", E51),
    ];
    for (kind, change, why, line) in rows {
        let played = play(setup(kind), &[dhcp(change)]);
        let refused = played.told(bootjack::firmware::machine::Topic::Refused);
        assert!(refused[0].contains(why), "{kind:?}: {refused:?}");
        assert_eq!(*played.screen().last().unwrap(), line, "{kind:?} {why}");
    }
}

#[test]
fn files_that_are_not_there() {
    let offer = |m: &mut Message| {
        m.options.push(43, &[6, 1, 8, 255]);
        names("a.efi")(m);
    };
    let empty = || tftp(BOOT, &[]);
    for (kind, line) in [
        (EfiX64, E23),
        (Bios, "PXE-E3B: TFTP Error - File Not Found"),
        (Ipxe, "No such file or directory (http://ipxe.org/2d12603b)"),
    ] {
        let servers = vec![plain(), proxy(offer), empty()];
        assert_eq!(last(kind, &servers).0, line, "{kind:?}");
    }
    for (kind, line, seconds) in [
        (EfiX64, E18, 4 + 24),
        (Bios, "PXE-E32: TFTP open timeout.", 4 + 24),
        (Ipxe, "Connection timed out", 15),
    ] {
        let servers = vec![plain(), proxy(offer)];
        assert_eq!(last(kind, &servers), (line.to_owned(), seconds), "{kind:?}");
    }
}

/// A full disk leaves such files; their size alone tells.
#[test]
fn a_loader_of_no_bytes() {
    for kind in [EfiX64, Bios, Ipxe] {
        let offer = |m: &mut Message| {
            m.options.push(43, &[6, 1, 8, 255]);
            names("bootcode.bin")(m);
        };
        let files = tftp(BOOT, &[("bootcode.bin", b"")]);
        let played = play(setup(kind), &[plain(), proxy(offer), files]);
        let why = played.fault().to_string();
        assert_eq!(why, EMPTY, "{kind:?}");
    }
    let uri = |m: &mut Message| m.options.push(67, b"http://10.0.0.2/a.efi");
    let played = play_with(setup(HttpX64), &[plain(), proxy(uri)], |_| {
        Ok(page(b"", Some(0), None))
    });
    assert_eq!(played.fault().to_string(), EMPTY);
}

/// What nobody else has is this host's own, and not asked.
#[test]
fn servers_that_no_machine_reaches() {
    for server in [[127, 0, 0, 1], [169, 254, 0, 1], [255; 4]] {
        let offer = |m: &mut Message| {
            m.options.push(43, &[6, 1, 8, 255]);
            names("a.0")(m);
            m.siaddr = server.into();
        };
        let played = play(setup(Bios), &[plain(), proxy(offer)]);
        let why = played.fault().to_string();
        assert!(why.contains("no address of another host"), "{why}");
        assert_eq!(played.sent_to(69).len(), 0);
    }
}

#[test]
fn a_loader_for_another_machine() {
    let offer = |m: &mut Message| {
        m.options.push(43, &[6, 1, 8, 255]);
        names("a.efi")(m);
    };
    let program = efi(0x014c, 3000);
    let fetch = Setup {
        fetch: true,
        ..setup(EfiX64)
    };
    let files = tftp(BOOT, &[("a.efi", &program)]);
    let played = play(fetch, &[plain(), proxy(offer), files]);
    let why = played.fault().to_string();
    assert!(
        why.contains("EFI program for IA32, and this machine is efi-x64"),
        "{why}"
    );
}

#[test]
fn pages_that_http_boot_does_not_take() {
    let uri = |m: &mut Message| m.options.push(67, b"http://10.0.0.2/loader");
    let missing = || {
        let mut page = page(b"", Some(9), Some("text/html"));
        (page.status, page.reason) = (404, "Not Found".into());
        Ok(page)
    };
    for (answer, why) in [
        (missing(), "404 Not Found"),
        (
            Ok(page(b"", None, Some("application/efi"))),
            "no Content-Length",
        ),
        (Ok(page(b"", Some(9), Some("text/plain"))), "Content-Type"),
        (
            Ok(Page {
                stays: false,
                ..page(b"", Some(9), Some("application/efi"))
            }),
            "hangs up",
        ),
        (
            Ok(Page {
                nameless: true,
                ..page(b"", Some(9), Some("application/efi"))
            }),
            "\"Server\" is empty",
        ),
        (
            Err(NoPage::Theirs("connection refused".into())),
            "connection refused",
        ),
    ] {
        let servers = [plain(), proxy(uri)];
        let played = play_with(setup(HttpX64), &servers, |_| answer.clone());
        let said = played.fault().to_string();
        assert!(said.contains(why), "{said}");
        let screen = played.screen();
        assert_eq!(
            *screen.last().unwrap(),
            "Error: Could not retrieve NBP file size from HTTP server."
        );
    }
}
