//! Boot data beside somebody else's leases: modes `proxy` and `colocated`, and port 4011 in all.

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::told::{answered, chose, unnamed};
use super::{Door, Outbox};
use crate::client::Client;
use crate::client::progress::Firmware;
use crate::decide::item;
use crate::decide::note::{self, Noted};
use crate::decide::{self, Answer, Ignore, Incoming, Outcome, Port};
use crate::event::{LeaseTold, What};
use crate::firmware::is_probe;
use crate::service::Shared;
use crate::service::sys::udp::Received;
use crate::wire::Mac;
use crate::wire::dhcp::{Kind, Message, code};

/// A message that is answered or not, and what is told of it.
struct Heard<'a> {
    incoming: Incoming<'a>,
    received: &'a Received,
    mac: Option<Mac>,
    /// Whose firmware is judged by the answer.
    firmware: Option<Firmware>,
    noted: Option<(Noted, What)>,
}

impl Heard<'_> {
    /// What was noted of it, for the timeline.
    fn tell(&mut self, outbox: &mut Outbox) {
        if let Some((_, what)) = self.noted.take() {
            outbox.tell(self.mac, what);
        }
    }

    /// Whether what it chooses is kept.
    fn is_kept(&self) -> bool {
        !matches!(self.noted, Some((Noted::Elsewhere(_), _)))
    }
}

impl Door {
    pub(super) fn boot(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        outbox: &mut Outbox,
        received: &Received,
        message: &Message,
    ) {
        let incoming = self.incoming(message, received);
        let Outcome { client, decision } = decide(shared, incoming);
        self.progress(shared, client.as_ref(), incoming, &decision);
        let unnamed = decision
            .as_ref()
            .ok()
            .and_then(|answer| unnamed(message, answer));
        let leased = decision.as_ref().is_ok_and(|answer| answer.strategy.leased);
        let leased = client.as_ref().filter(|_| leased).cloned();
        let heard = Heard {
            incoming,
            received,
            mac: client.as_ref().map(|client| client.mac),
            firmware: client
                .as_ref()
                .and_then(Firmware::judged)
                .filter(|_| is_direct(message)),
            noted: self.note(shared, client, incoming),
        };
        let mac = heard.mac;
        match (decision, leased) {
            (Ok(answer), Some(client)) => {
                self.boot_with_lease(shared, outbox, heard, &client, answer);
            }
            (Ok(answer), _) if !answer.delay.is_zero() => {
                self.boot_later(shared, outbox, heard, answer);
            }
            (Ok(answer), _) => self.boot_now(shared, outbox, heard, answer),
            (Err(ignore), _) => self.boot_not(shared, outbox, heard, &ignore),
        }
        if let Some(unnamed) = unnamed {
            outbox.tell(mac, What::NoServerNamed(unnamed));
        }
    }

    /// Fetches the lease that the answer is to be joined with.
    fn boot_with_lease(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        outbox: &mut Outbox,
        mut heard: Heard<'_>,
        client: &Client,
        answer: Box<Answer>,
    ) {
        heard.tell(outbox);
        outbox.leave(self, shared);
        note::goes_on(&mut shared.clients(), client);
        knows_address(shared, heard.incoming);
        let asked = (heard.incoming.message, client);
        self.fetch_lease(shared, heard.received, asked, (answer, heard.firmware));
    }

    /// Sends an answer that has to wait (quirk 27) after its time; at once where so many are waiting.
    fn boot_later(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        outbox: &mut Outbox,
        mut heard: Heard<'_>,
        answer: Box<Answer>,
    ) {
        let (mac, firmware) = (heard.mac, heard.firmware);
        let Ok(place) = shared.waiting_answers.clone().try_acquire_owned() else {
            shared.machines.unanswered(firmware);
            return self.boot_now(shared, outbox, heard, answer);
        };
        heard.tell(outbox);
        let (door, shared, received) = (self.clone(), shared.clone(), *heard.received);
        tokio::spawn(async move {
            tokio::time::sleep(answer.delay).await;
            let what = door.leaves(&shared, &received, (&answer, &answer.bytes), firmware, None);
            shared.emit(mac, what);
            drop(place);
        });
    }

    /// The answer leaves with the others of its batch, where it need not wait; what is written down about it
    /// comes after.
    fn boot_now(
        &self,
        shared: &Shared,
        outbox: &mut Outbox,
        mut heard: Heard<'_>,
        mut answer: Box<Answer>,
    ) {
        let with_others = self.leaves_with_others(answer.to, heard.received);
        let what = if with_others {
            outbox.answered(&answer)
        } else {
            outbox.leave(self, shared);
            let ready = (&*answer, &answer.bytes[..]);
            self.leaves(shared, heard.received, ready, heard.firmware, None)
        };
        let chosen = answer.chosen.as_ref().filter(|_| heard.is_kept());
        heard.tell(outbox);
        if let Some(chosen) = chosen {
            outbox.tell(heard.mac, chose(chosen));
        }
        learn_address(shared, outbox, heard.incoming);
        outbox.tell(heard.mac, what);
        if with_others {
            let ready = (std::mem::take(&mut answer.bytes), answer.to);
            outbox.put(ready, *heard.received, heard.firmware);
        }
    }

    fn boot_not(
        &self,
        shared: &Shared,
        outbox: &mut Outbox,
        mut heard: Heard<'_>,
        ignore: &Ignore,
    ) {
        heard.tell(outbox);
        if learn_address(shared, outbox, heard.incoming) {
            return;
        }
        let (message, mac) = (heard.incoming.message, heard.mac);
        if ignore.is_forgery() {
            // What stands last in the timeline counts.
            outbox.leave(self, shared);
            return self.pass_over(shared, ignore, message, mac);
        }
        let (mac, what) = self.passed_over(shared, ignore, message, mac);
        outbox.tell(mac, what);
    }

    /// Sends an answer in these bytes, and says what became of it.
    pub(super) fn leaves(
        &self,
        shared: &Shared,
        received: &Received,
        (answer, bytes): (&Answer, &[u8]),
        firmware: Option<Firmware>,
        lease: Option<LeaseTold>,
    ) -> What {
        match self.send(bytes, answer.to, received) {
            Ok(()) => answered(answer, lease),
            Err(error) => {
                shared.machines.unanswered(firmware);
                self.unsent(answer.to, &error)
            }
        }
    }

    /// Takes note of how far a machine has come. Its next message may come at once, so this is before
    /// the answer. A machine that `bootjack probe` plays is no evidence of a real one.
    fn progress(
        &self,
        shared: &Shared,
        client: Option<&Client>,
        incoming: Incoming<'_>,
        decision: &Result<Box<Answer>, Ignore>,
    ) {
        let Incoming {
            message,
            peer,
            unicast,
            ..
        } = incoming;
        if client.is_some_and(is_probe) {
            return;
        }
        if self.port == Port::Dhcp && item::asked(incoming).is_some() {
            // Of a menu: ours, whose followers nobody judges, or another server's.
            return;
        }
        match (self.port, message.kind(), client, decision) {
            (Port::Dhcp, Some(Kind::Request), Some(client), _) => {
                shared.machines.requested(client, message);
            }
            (Port::Dhcp, _, Some(client), Ok(answer)) if is_direct(message) => {
                shared.offered(client, message, answer.offered);
            }
            (Port::Pxe, _, Some(client), Ok(_)) if unicast => {
                shared.asked_4011(client, *peer.ip());
            }
            _ => {}
        }
    }
}

/// Whether a machine says this itself. What a relay says of it, be it on our link, may be what it has said itself
/// before, which a router carries to us as well.
const fn is_direct(message: &Message) -> bool {
    message.giaddr.is_unspecified()
}

/// The address that a machine takes, where it has told that, and was seen to boot.
fn knows_address(shared: &Shared, incoming: Incoming<'_>) -> Option<(Mac, Ipv4Addr)> {
    let (mac, address) = note::lease_taken(incoming)?;
    let known = note::has_address(&mut shared.clients(), incoming, (mac, address));
    known.then_some((mac, address))
}

/// Whether a machine that was seen to boot has told which address it takes.
fn learn_address(shared: &Shared, outbox: &mut Outbox, incoming: Incoming<'_>) -> bool {
    let known = knows_address(shared, incoming);
    if let Some((mac, address)) = known {
        let server = incoming.message.address(code::SERVER_ID);
        if server == Some(incoming.local) {
            // Of us, who has given it none, or not this way: what becomes of that is told elsewhere.
            return false;
        }
        outbox.tell(Some(mac), What::Leased { address, server });
    }
    known.is_some()
}

fn decide(shared: &Shared, incoming: Incoming<'_>) -> Outcome {
    let complete = |client| {
        let client = item::with_past(&shared.clients(), client, incoming);
        match incoming.port {
            Port::Dhcp if !is_probe(&client) && is_direct(incoming.message) => {
                shared.asks_again(client, incoming.message)
            }
            Port::Dhcp | Port::Pxe => shared.asks_for_boot_data(client, incoming.message),
        }
    };
    decide::decide_knowing(&shared.snapshot.load(), incoming, complete)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
    use std::time::Duration;

    use super::*;
    use crate::profile::{Compiler, Snapshot, Source};
    use crate::service::Limits;
    use crate::service::interfaces::{Interface, Own};
    use crate::service::shared::Folders;
    use crate::service::sys::outlet::Outlet;
    use crate::service::sys::udp::{self, Listener};

    const HOME: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
    /// Longer than a busy machine makes anybody wait.
    const PATIENCE: Duration = Duration::from_secs(30);
    /// The machine that asks.
    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

    /// Port 4011 on loopback; none where this test may not open its sockets.
    fn door(socket: UdpSocket) -> Option<Door> {
        let outlet = || match Outlet::open(Some("lo")) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => None,
            outlet => Some(outlet.unwrap()),
        };
        let nets = vec!["127.0.0.1/8".parse().unwrap()];
        let interface = Interface {
            name: "lo".to_owned(),
            nets,
        };
        Some(Door {
            near: outlet()?,
            far: outlet()?,
            routed: outlet()?,
            listener: Listener::new(socket).unwrap(),
            port: Port::Pxe,
            interface: "lo".into(),
            own: Own::of(&interface),
            giver: None,
        })
    }

    fn shared() -> Arc<Shared> {
        let text = "menu: { title: T, entries: [ { id: d, title: D, local: true } ] }\n";
        let everyone = Source {
            file: "a.yaml".into(),
            text: text.to_owned(),
        };
        let (profiles, _) = Compiler::default().compile(&[everyone]);
        let snapshot = Snapshot {
            profiles: profiles.unwrap(),
            ..Snapshot::default()
        };
        let folders = Folders {
            images: "".into(),
            assets: None,
        };
        Shared::new(snapshot, folders, Limits::default())
    }

    /// A REQUEST for port 4011 of UEFI that has its address.
    fn request() -> Vec<u8> {
        let mut bytes = vec![0; 240];
        bytes[..3].copy_from_slice(&[1, 1, 6]);
        bytes[12..16].copy_from_slice(&[127, 0, 0, 1]);
        bytes[28..34].copy_from_slice(&MAC);
        bytes[236..].copy_from_slice(&[99, 130, 83, 99]);
        bytes.extend([53, 1, 3, 93, 2, 0, 7, 60, 9]);
        bytes.extend(b"PXEClient\xff");
        bytes
    }

    /// Whoever writes anything down waits here for the timeline. EDK2 takes the first proxy it hears,
    /// and iPXE gives up after two seconds (quirks 8, 10 and 32).
    #[test]
    fn the_answer_leaves_before_anything_is_written_down() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let socket = udp::open(HOME, None, true).unwrap();
        let ours = socket.local_addr().unwrap();
        let entered = runtime.enter();
        let Some(door) = door(socket) else {
            return eprintln!("left out: raw sockets are root's");
        };
        drop(entered);
        let shared = shared();
        let timeline = shared.timeline();
        runtime.spawn(super::super::serve(door, shared.clone()));
        let machine = UdpSocket::bind(HOME).unwrap();
        machine.set_read_timeout(Some(PATIENCE)).unwrap();
        machine.send_to(&request(), ours).unwrap();
        let mut answer = [0; 1500];
        let heard = machine.recv(&mut answer);
        assert_eq!(timeline.of(Mac::ethernet(MAC)).count(), 0);
        drop(timeline);
        let length = heard.expect("an answer while nothing can be written down");
        let answer = Message::decode(&answer[..length]).unwrap();
        assert_eq!(answer.kind(), Some(Kind::Ack));
    }
}
