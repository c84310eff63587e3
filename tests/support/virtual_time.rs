//! Virtual time for a machine of the room `firmware`: what is on its way to it, and its alarm.
//! No laboratory is needed.

use std::net::SocketAddrV4;
use std::time::Duration;

use bootjack::firmware::reply::Incoming;
use bootjack::firmware::{Input, Machine, Output};

/// The time, and what is on its way: when it comes, from where, to which port.
#[derive(Default)]
pub struct VirtualTime {
    /// Since the machine was switched on.
    pub now: Duration,
    due: Vec<(Duration, SocketAddrV4, u16, Vec<u8>)>,
}

impl VirtualTime {
    /// This comes to the machine later.
    pub fn brings(&mut self, after: Duration, from: SocketAddrV4, port: u16, bytes: Vec<u8>) {
        self.due.push((self.now + after, from, port, bytes));
    }

    /// Until something comes or the machine wakes: what it does then.
    pub fn next(&mut self, machine: &mut Machine) -> Vec<Output> {
        let wakes = machine.wakes_at();
        self.due.sort_by_key(|due| due.0);
        match self.due.first() {
            Some(first) if wakes.is_none_or(|at| first.0 <= at) => {
                let (at, from, port, bytes) = self.due.remove(0);
                self.now = at;
                let incoming = Incoming {
                    from,
                    port,
                    payload: &bytes,
                    length: bytes.len(),
                };
                machine.handle(at, Input::Datagram(incoming))
            }
            _ => {
                self.now = wakes.expect("it waits for something");
                machine.handle(self.now, Input::Timer)
            }
        }
    }
}
