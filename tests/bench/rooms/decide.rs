//! Message → answer, encoded: what boot data takes beside somebody else's leases.

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddrV4};

use bootjack::decide::{Incoming, Port, decide};
use bootjack::profile::Snapshot;
use bootjack::wire::dhcp::Message;
use criterion::{BenchmarkId, Criterion};

use super::clients::{BootClient, Speaker};
use super::{in_force, in_no_order, sample};

const US: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
const LEASED: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 100);
/// Machines that ask, of those that the profiles list.
const ASKING: usize = 1000;

/// One kind of question: its name, and how a machine asks it.
type Question = (&'static str, fn(&BootClient) -> Vec<u8>, Port, bool);

const QUESTIONS: [Question; 2] = [
    (
        "DISCOVER",
        |machine| machine.discover().bytes(),
        Port::Dhcp,
        false,
    ),
    (
        "REQUEST to 4011",
        |machine| machine.proxy_request(LEASED, US).bytes(),
        Port::Pxe,
        true,
    ),
];

pub(crate) fn all(c: &mut Criterion) {
    // As many machines are listed, and ask, of few profiles as of many.
    for (count, machines) in [(10, 1000), (10_000, 1)] {
        let set = in_force(sample::profiles(count, machines).map(|(_, text)| text));
        for (name, asks, port, unicast) in QUESTIONS {
            let asking: Vec<Message> = in_no_order(count * machines)
                .take(ASKING)
                .map(|n| decoded(&asks(&machine(n))))
                .collect();
            let mut group = c.benchmark_group(format!("decide {name}"));
            let mut next = asking.iter().cycle();
            group.bench_function(BenchmarkId::from_parameter(profiles(count)), |b| {
                b.iter(|| answer(&set, next.next().expect("a machine"), port, unicast));
            });
            group.finish();
        }
    }
}

fn profiles(count: u32) -> String {
    format!("{count} profiles")
}

/// EDK2 in the machine of this number.
fn machine(number: u32) -> BootClient {
    BootClient {
        mac: sample::mac(number),
        ..BootClient::new(Speaker::Edk2, 1)
    }
}

fn decoded(bytes: &[u8]) -> Message {
    Message::decode(bytes).expect("a message")
}

fn answer(set: &Snapshot, message: &Message, port: Port, unicast: bool) {
    let incoming = Incoming {
        message,
        port,
        local: US,
        peer: SocketAddrV4::new(message.ciaddr, 68),
        unicast,
        side: None,
    };
    let outcome = black_box(decide(set, incoming));
    assert!(outcome.decision.is_ok(), "no answer: {outcome:?}");
}
