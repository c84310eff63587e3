//! Answers of anybody: a machine ends, whatever it hears, and keeps little of it.

use std::net::SocketAddrV4;
use std::time::Duration;

use bootjack::firmware::kind::TABLE;
use bootjack::firmware::machine::Setup;
use bootjack::firmware::{Input, Machine, Output};
use bootjack::wire::dhcp::Message;
use proptest::prelude::*;

use crate::play::*;

/// A machine that hears these changes of good answers, and of each port noise.
fn survives(setup: Setup, changes: &[(usize, u8)], noise: &[u8]) {
    let spoil = |bytes: &mut Vec<u8>| {
        for (at, value) in changes {
            let at = at % bytes.len();
            bytes[at] = *value;
        }
    };
    let spoilt = |server: Server<'static>| -> Server<'_> {
        Box::new(move |datagram| {
            let mut answers = server(datagram);
            for sent in &mut answers {
                spoil(&mut sent.bytes);
            }
            answers.push(Sent {
                from: SocketAddrV4::new(BOOT, 4011),
                after: Duration::from_millis(2),
                bytes: noise.to_vec(),
            });
            answers
        })
    };
    let offer = |m: &mut Message| {
        let menu = [6, 1, 3, 8, 7, 0x80, 1, 1, 10, 0, 0, 2];
        let items = [9, 5, 0x80, 1, 2, b'h', b'i', 10, 1, 2, 255];
        m.options.push(43, &[&menu[..], &items].concat());
        names("a.efi")(m);
    };
    let files = tftp(BOOT, &[("a.efi", &[7; 9000])]);
    let servers = [
        spoilt(plain()),
        spoilt(proxy(offer)),
        spoilt(on_4011(names("a.efi"))),
        spoilt(files),
    ];
    let mut machine = Machine::new(setup);
    let mut outputs = machine.handle(Duration::ZERO, Input::Start);
    let mut due: Vec<(Duration, SocketAddrV4, u16, Vec<u8>)> = Vec::new();
    let mut now = Duration::ZERO;
    for _ in 0..5000 {
        for output in std::mem::take(&mut outputs) {
            match output {
                Output::Done(_) | Output::Fetch(_) => return,
                Output::Send(sent) => {
                    let replies = servers.iter().flat_map(|s| s(&sent));
                    let port = sent.from.port();
                    due.extend(replies.map(|r| (now + r.after, r.from, port, r.bytes)));
                }
                Output::Own(_) | Output::Offered(_) | Output::Say(_) => {}
            }
        }
        due.sort_by_key(|d| d.0);
        let wakes = machine.wakes_at();
        match due.first() {
            Some(first) if wakes.is_none_or(|at| first.0 <= at) => {
                let (at, from, port, bytes) = due.remove(0);
                now = at;
                outputs = machine.handle(now, incoming(from, port, &bytes));
            }
            _ => {
                now = wakes.expect("it waits for something");
                outputs = machine.handle(now, Input::Timer);
            }
        }
    }
    panic!("it does not end");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn whatever_is_answered_it_ends(
        which in 0..TABLE.len(),
        changes in prop::collection::vec((240_usize..400, any::<u8>()), 0..12),
        noise in prop::collection::vec(any::<u8>(), 0..400),
        seed: u64,
    ) {
        let setup = Setup { seed, fetch: seed % 2 == 0, ..setup(TABLE[which].kind) };
        survives(setup, &changes, &noise);
    }
}

/// 2,000 of them are played at once some day.
#[test]
fn a_machine_is_small() {
    let size = std::mem::size_of::<Machine>();
    assert!(size <= 2048, "{size} bytes");
}
