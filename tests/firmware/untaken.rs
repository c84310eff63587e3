//! What is heard and not taken is told, within a bound: whose fault a silence is.

use std::net::SocketAddrV4;
use std::time::Duration;

use bootjack::firmware::Kind::{self, *};
use bootjack::firmware::machine::web::NoPage;
use bootjack::firmware::machine::{Setup, Topic};
use bootjack::wire::dhcp::{Kind as Type, Message};

use crate::play::*;

/// To each DISCOVER so many of these.
fn answers<'a>(count: u8, change: impl Fn(&mut Message, u8) + 'a) -> Server<'a> {
    Box::new(move |datagram| {
        let discover = asked(datagram, 67).filter(|m| m.kind() == Some(Type::Discover));
        let Some(discover) = discover else {
            return vec![];
        };
        let all = (0..count).map(|n| {
            let mut message = reply(&discover, 2, DHCP, &[(1, &[255, 255, 255, 0])]);
            message.yiaddr = OWN;
            change(&mut message, n);
            Sent {
                from: SocketAddrV4::new(DHCP, 67),
                after: Duration::from_millis(1),
                bytes: message.encode(),
            }
        });
        all.collect()
    })
}

fn notes(kind: Kind, servers: &[Server<'_>]) -> (String, Vec<String>) {
    let played = play(setup(kind), servers);
    let notes = played.told(Topic::Note);
    (
        played.fault().to_string(),
        notes.into_iter().map(str::to_owned).collect(),
    )
}

/// Otherwise it would say that nobody answered, and send people to look at the cable.
#[test]
fn answers_that_are_not_for_it_are_told_of() {
    let strange = || {
        answers(3, |message, n| match n {
            0 => message.xid ^= 1,
            1 => message.chaddr[5] ^= 1,
            _ => message.op = 1,
        })
    };
    for kind in [EfiX64, Bios, HttpX64, Ipxe] {
        let (fault, notes) = notes(kind, &[strange()]);
        assert_eq!(fault, "answers came, and none of them to its question");
        assert_eq!(
            notes,
            [
                "heard, and not for it: 4 of another transaction (xid), 4 to other machines (chaddr), 4 that \
              are no replies (op)"
            ],
            "{kind:?}"
        );
    }
    // Others that boot are no failure of anybody.
    let others = answers(2, |message, _| message.chaddr[5] ^= 1);
    let (fault, notes) = notes(EfiX64, &[others]);
    assert_eq!(fault, "nobody answered");
    assert_eq!(
        notes,
        ["heard, and not for it: 8 to other machines (chaddr)"]
    );
}

#[test]
fn others_that_boot_meanwhile_are_no_news_where_it_boots() {
    let others = answers(2, |message, _| message.chaddr[5] ^= 1);
    let files = tftp(BOOT, &[("a", &[7; 9000])]);
    let played = play(setup(Bios), &[others, plain(), proxy(at_once), files]);
    played.loader();
    assert_eq!(played.told(Topic::Note), ["it has 9000 bytes"]);
}

fn at_once(message: &mut Message) {
    message.options.push(43, &[6, 1, 8, 255]);
    names("a")(message);
}

#[test]
fn an_ack_of_another_address_or_server_is_told_of() {
    let elsewhere = dhcp(|message| {
        if message.kind() == Some(Type::Ack) {
            message.yiaddr = [10, 0, 0, 99].into();
        }
    });
    let played = play(setup(Bios), &[elsewhere]);
    assert_eq!(
        played.fault().to_string(),
        "10.0.0.1 did not confirm the address that it had offered"
    );
    let refused = played.told(Topic::Refused);
    assert_eq!(
        refused[0],
        "ACK from 10.0.0.1: 10.0.0.99, no boot file: not the address that it asked for"
    );
}

/// A flood: the first are told one by one, and how many more there were.
#[test]
fn what_is_beyond_the_bound_is_a_sum() {
    let many = answers(100, |message, n| message.siaddr = [10, 0, 1, n].into());
    let played = play(setup(EfiX64), &[many]);
    let heard = played.told(Topic::Heard);
    assert_eq!(heard.len(), 17);
    assert_eq!(heard[16], "384 more answers, which it has no room for");

    let bare = answers(100, |message, _| without(message, 54));
    let played = play(setup(EfiX64), &[bare]);
    let refused = played.told(Topic::Refused);
    assert_eq!((refused.len(), refused[16]), (17, "384 more answers"));

    // At port 4011 as well.
    let flood = |change: fn(&mut Message)| -> Server<'static> {
        let one = on_4011(change);
        Box::new(move |datagram| (0..100).flat_map(|_| one(datagram)).collect())
    };
    let bare = |_: &mut Message| {};
    for (kind, change) in [
        (EfiX64, bare as fn(&mut Message)),
        (Bios, |message| {
            without(message, 53);
            message.options.push(53, &[2]);
        }),
    ] {
        let played = play(setup(kind), &[plain(), proxy(bare), flood(change)]);
        played.fault();
        assert!(played.steps.len() < 40, "{:#?}", played.steps);
    }
}

/// With this URI beside a lease that has these options.
fn uri(uri: &str, options: &[(u8, &[u8])]) -> Played {
    let offer = dhcp(|message| {
        message.options.push(60, b"HTTPClient");
        message.options.push(67, uri.as_bytes());
        for (code, value) in options {
            message.options.push(*code, value);
        }
    });
    play_with(setup(HttpX64), &[offer], |_| {
        Err(NoPage::Theirs("asked".to_owned()))
    })
}

#[test]
fn what_is_wrong_with_a_uri_is_said() {
    const DNS: (u8, &[u8]) = (6, &[10, 0, 0, 1]);
    for (address, options, why) in [
        (
            "http://name.example/x",
            &[][..],
            "it cannot use the URI \"http://name.example/x\": its host is a name, and the DHCP server's offer has \
             no DNS server (option 6)",
        ),
        (
            "http://name.example/x",
            &[DNS],
            "http://name.example/x: asked",
        ),
        (
            "http://[::1]/x",
            &[],
            "it cannot use the URI \"http://[::1]/x\": its host is an IPv6 address, and this is a boot over IPv4",
        ),
        (
            "http://[::1]/x",
            &[DNS],
            "it cannot use the URI \"http://[::1]/x\": its host is an IPv6 address, and this is a boot over IPv4",
        ),
        (
            "http://10.0.0.2:99999/x",
            &[],
            "http://10.0.0.2:99999/x: 99999 is no port (1 to 65535)",
        ),
    ] {
        let played = uri(address, options);
        assert_eq!(played.fault().to_string(), why);
        assert!(!played.fault().remedy().unwrap().contains("bootjack serve"));
    }
    let played = uri("http:///x", &[]);
    let refused = played.told(Topic::Refused);
    assert!(
        refused[0].ends_with("the boot file \"http:///x\" is no URI"),
        "{refused:?}"
    );
}

#[test]
fn https_and_redirections_have_words_of_their_own() {
    let offer = || {
        dhcp(|message| {
            message.options.push(60, b"HTTPClient");
            message.options.push(67, b"https://10.0.0.2/x");
        })
    };
    let played = play_with(setup(HttpX64), &[offer()], |_| Err(NoPage::Https));
    let fault = played.fault();
    assert!(fault.is_no_verdict());
    assert_eq!(
        fault.to_string(),
        "https://10.0.0.2/x: probe does not play HTTPS"
    );
    assert!(fault.remedy().unwrap().contains("curl"));

    let moved = |_: &_| {
        let mut page = page(b"", None, None);
        (page.status, page.reason) = (302, "Found".to_owned());
        Ok(page)
    };
    let played = play_with(setup(HttpX64), &[offer()], moved);
    let remedy = played.fault().remedy().unwrap();
    assert!(remedy.contains("UEFI follows no redirection"), "{remedy}");
}

/// A number that no item has is the user's mistake; where there is no menu, that is said.
#[test]
fn an_item_that_cannot_be_chosen_is_no_verdict() {
    let chooses = |number| Setup {
        choose: Some(number),
        ..setup(EfiX64)
    };
    let menu = [
        6, 1, 3, 8, 7, 0x80, 1, 1, 10, 0, 0, 2, 9, 5, 0x80, 1, 2, b'h', b'i', 10, 1, 0, 255,
    ];
    let offers = proxy(|message| message.options.push(43, &menu));
    let played = play(chooses(9), &[plain(), offers]);
    assert_eq!(played.fault().to_string(), "the menu has 1 items");
    assert!(played.fault().is_no_verdict());

    let files = || tftp(BOOT, &[("a", &[7; 9000])]);
    let played = play(chooses(1), &[plain(), proxy(at_once), files()]);
    played.loader();
    let none = "no menu came up: nothing was chosen (--choose)";
    assert_eq!(played.told(Topic::Note), [none]);
}

#[test]
fn leases_that_are_odd_are_told_of() {
    let odd = || {
        dhcp(|message| {
            without(message, 1);
            message.options.push(51, &[0, 0, 0, 1]);
            names("a")(message);
        })
    };
    let files = tftp(BOOT, &[("a", &[7; 9000])]);
    let played = play(setup(Bios), &[odd(), files]);
    played.loader();
    let notes = played.told(Topic::Note);
    assert_eq!(
        notes[..2],
        [
            "the lease has no subnet mask (option 1): UEFI would decline it",
            "the lease is for 1 s: it may end while the machine boots",
        ]
    );
}
