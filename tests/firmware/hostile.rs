//! Answers of anybody: a machine ends, whatever it hears, and keeps little of it.

use std::net::SocketAddrV4;
use std::time::Duration;

use bootjack::firmware::kind::TABLE;
use bootjack::firmware::machine::Setup;
use bootjack::firmware::{Input, Machine, Output};
use bootjack::wire::dhcp::Message;
use proptest::prelude::*;

use crate::play::*;

/// A server with these changes in its answers, and noise behind them.
fn spoilt<'a>(server: Server<'a>, changes: &'a [(usize, u8)], noise: &'a [u8]) -> Server<'a> {
    Box::new(move |datagram| {
        let mut answers = server(datagram);
        for sent in &mut answers {
            for (at, value) in changes {
                let at = at % sent.bytes.len();
                sent.bytes[at] = *value;
            }
        }
        answers.push(Sent {
            from: SocketAddrV4::new(BOOT, 4011),
            after: Duration::from_millis(2),
            bytes: noise.to_vec(),
        });
        answers
    })
}

/// A machine that hears these changes of good answers, and of each port noise.
fn survives(setup: Setup, changes: &[(usize, u8)], noise: &[u8]) {
    let offer = |m: &mut Message| {
        let menu = [6, 1, 3, 8, 7, 0x80, 1, 1, 10, 0, 0, 2];
        let items = [9, 5, 0x80, 1, 2, b'h', b'i', 10, 1, 2, 255];
        m.options.push(43, &[&menu[..], &items].concat());
        names("a.efi")(m);
    };
    let files = tftp(BOOT, &[("a.efi", &[7; 9000])]);
    let servers = [plain(), proxy(offer), on_4011(names("a.efi")), files];
    let servers = servers.map(|server| spoilt(server, changes, noise));
    let mut machine = Machine::new(setup);
    let mut time = VirtualTime::default();
    let mut outputs = machine.handle(Duration::ZERO, Input::Start);
    for _ in 0..5000 {
        for output in outputs {
            match output {
                Output::Done(_) | Output::Fetch(_) => return,
                Output::Send(sent) => hear(&servers, &sent, &mut time),
                Output::Own(_) | Output::Offered(_) | Output::Say(_) => {}
            }
        }
        outputs = time.next(&mut machine);
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
