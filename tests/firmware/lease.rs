//! The lease: what is declined, what is given back, and how long all of it may take.

use std::time::Duration;

use bootjack::firmware::Kind::*;
use bootjack::firmware::machine::Topic;
use bootjack::wire::dhcp::{self, Message};

use crate::play::*;

const E21: &str = "PXE-E21: Remote boot cancelled.";
const E51: &str = "PXE-E51: No DHCP or proxyDHCP offers were received.";

/// EDK2 keeps what the OFFER said.
#[test]
fn an_offer_without_a_mask_is_declined() {
    for (of, declined) in [(&[2, 5][..], true), (&[2], true), (&[5], false)] {
        let unmasked = dhcp(|m| {
            let kind = m.options.get(53).unwrap()[0];
            if of.contains(&kind) {
                without(m, 1);
            }
            names("a.efi")(m);
        });
        let files = tftp(BOOT, &[("a.efi", &[7; 600])]);
        let played = play(setup(EfiX64), &[unmasked, files]);
        let said = played.screen();
        assert_eq!(said == [E21], declined, "without it in {of:?}: {said:?}");
        assert!(played.released.is_some(), "what was taken is given back");
    }
}

/// EDK2 declines it; others wait for the right one.
#[test]
fn another_address_than_the_one_offered() {
    for (kind, line, seconds) in [
        (EfiX64, "PXE-E07: Network device error.", 4),
        (HttpX64, "Error: Network device error.", 4),
        (Bios, E51, 64),
    ] {
        let other = dhcp(|m| {
            if m.options.get(53) == Some(&[5]) {
                m.yiaddr = [10, 0, 0, 78].into();
            }
        });
        let played = play(setup(kind), &[other, proxy(names("http://10.0.0.2/a.efi"))]);
        assert!(
            played.screen().contains(&line),
            "{kind:?}: {:?}",
            played.screen()
        );
        assert_eq!(played.at.as_secs(), seconds, "{kind:?}");
        assert!(played.released.is_some(), "{kind:?}: bound by its server");
    }
}

/// The ACK may have been lost, and the server keeps the lease.
#[test]
fn what_was_asked_for_is_given_back_even_without_an_answer() {
    let silent: Server<'_> = Box::new(|datagram| {
        let asked = asked(datagram, 67);
        let discovers = asked.is_some_and(|m| m.kind() == Some(dhcp::Kind::Discover));
        if discovers { plain()(datagram) } else { vec![] }
    });
    let played = play(setup(Bios), &[silent, proxy(names("a"))]);
    assert!(played.fault().to_string().contains("did not confirm"));
    let released = Message::decode(&played.released.unwrap().bytes).unwrap();
    assert_eq!(
        (released.kind(), released.ciaddr),
        (Some(dhcp::Kind::Release), OWN)
    );
}

#[test]
fn a_lease_that_is_not_given() {
    let refuses: Server<'_> = Box::new(|datagram| {
        let answers = plain()(datagram);
        let nak = |mut sent: Sent| {
            let mut message = Message::decode(&sent.bytes).unwrap();
            if message.kind() == Some(dhcp::Kind::Ack) {
                without(&mut message, 53);
                message.options.push(53, &[6]);
                sent.bytes = message.encode();
            }
            sent
        };
        answers.into_iter().map(nak).collect()
    });
    let played = play(setup(Bios), &[refuses, proxy(names("a"))]);
    assert!(played.fault().to_string().contains("refused the address"));
    assert!(played.released.is_none(), "nothing was given");
    assert!(played.at < Duration::from_secs(5));
}

/// A prompt may wait for four minutes, after all windows.
#[test]
fn a_slow_course_is_within_the_time_that_probe_gives_it() {
    let late: Server<'_> = Box::new(|datagram| {
        let slow = |mut sent: Sent| {
            let kind = Message::decode(&sent.bytes).unwrap().kind();
            sent.after = match kind {
                Some(dhcp::Kind::Offer) => Duration::from_secs(29),
                _ => Duration::from_secs(31),
            };
            sent
        };
        plain()(datagram).into_iter().map(slow).collect()
    });
    let offer = |m: &mut Message| {
        let menu = [
            6, 1, 3, 8, 7, 0x80, 1, 1, 10, 0, 0, 2, 9, 4, 0x80, 1, 1, b'A', 10, 2, 254, b'P', 255,
        ];
        m.options.push(43, &menu);
    };
    let played = play(
        setup(Bios),
        &[
            late,
            proxy(offer),
            on_4011(names("a.0")),
            tftp(BOOT, &[("a.0", &[7; 600])]),
        ],
    );
    played.loader();
    let (longest, _) = bootjack::service::probe::LONGEST;
    assert!(
        played.at > Duration::from_secs(300) && played.at < longest,
        "{:?}",
        played.at
    );
}

/// A flood of answers that are thrown away does not fill the screen.
#[test]
fn of_what_is_thrown_away_not_all_is_told() {
    let flood: Server<'_> = Box::new(|datagram| {
        let one = || dhcp(|m| without(m, 54))(datagram);
        (0..100).flat_map(|_| one()).collect()
    });
    let played = play(setup(Bios), &[flood]);
    let refused = played.told(Topic::Refused);
    assert_eq!(refused.len(), 17, "{refused:?}");
    assert_eq!(refused[16], "384 more answers");
}
