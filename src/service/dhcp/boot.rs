//! Boot data beside somebody else's leases: modes `proxy` and `colocated`, and port 4011 in all.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::Door;
use crate::client::Client;
use crate::client::progress::Firmware;
use crate::decide::item::{self, Chosen};
use crate::decide::note::{self, Noted};
use crate::decide::{self, Answer, Ignore, Incoming, Outcome, Port};
use crate::event::{LeaseTold, What};
use crate::firmware::is_probe;
use crate::service::Shared;
use crate::service::sys::udp::Received;
use crate::wire::Mac;
use crate::wire::dhcp::{Kind, Message, code};

impl Door {
    pub(super) fn boot(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        received: &Received,
        message: &Message,
    ) {
        let incoming = self.incoming(message, received);
        let Outcome { client, decision } = decide(shared, incoming);
        self.progress(shared, client.as_ref(), incoming, &decision);
        let noted = self.note(shared, client.as_ref(), incoming);
        let mac = client.as_ref().map(|client| client.mac);
        let firmware = client.as_ref().and_then(Firmware::judged);
        let decision = match (decision, &client) {
            (Ok(answer), Some(client)) if answer.strategy.leased => {
                if let Some((_, what)) = noted {
                    shared.emit(mac, what);
                }
                note::goes_on(&mut shared.clients(), client);
                knows_address(shared, incoming);
                return self.fetch_lease(shared, received, (message, client), answer);
            }
            (decision, _) => decision,
        };
        let decision = match decision {
            Ok(answer) if !answer.delay.is_zero() => {
                match self.later(shared, received, (mac, firmware), answer) {
                    Ok(()) => {
                        return noted
                            .into_iter()
                            .for_each(|(_, what)| shared.emit(mac, what));
                    }
                    Err(answer) => {
                        shared.machines.unanswered(firmware);
                        Ok(answer)
                    }
                }
            }
            decision => decision,
        };
        // The answer leaves first; what is written down about it comes after.
        let failed = decision
            .as_ref()
            .ok()
            .and_then(|answer| self.send(&answer.bytes, answer.to, received).err());
        let kept = !matches!(noted, Some((Noted::Elsewhere(_), _)));
        if let Some((_, what)) = noted {
            shared.emit(mac, what);
        }
        let chosen = decision.as_ref().ok().and_then(|a| a.chosen.as_ref());
        if let Some(chosen) = chosen.filter(|_| kept) {
            shared.emit(mac, chose(chosen));
        }
        let learnt = learn_address(shared, incoming);
        let what = match (decision, failed) {
            (Ok(answer), None) => answered(&answer, None),
            (Ok(answer), Some(error)) => {
                shared.machines.unanswered(firmware);
                self.unsent(answer.to, &error)
            }
            (Err(_), _) if learnt => return,
            (Err(ignore), _) => return self.pass_over(shared, &ignore, message, mac),
        };
        shared.emit(mac, what);
    }

    /// Sends an answer that has to wait (quirk 27), after its time.
    ///
    /// # Errors
    /// So many are waiting that this one has to leave at once; it is given back.
    fn later(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        received: &Received,
        (mac, firmware): (Option<Mac>, Option<Firmware>),
        answer: Box<Answer>,
    ) -> Result<(), Box<Answer>> {
        let Ok(place) = shared.waiting_answers.clone().try_acquire_owned() else {
            return Err(answer);
        };
        let (door, shared, received) = (self.clone(), shared.clone(), *received);
        tokio::spawn(async move {
            tokio::time::sleep(answer.delay).await;
            let what = match door.send(&answer.bytes, answer.to, &received) {
                Ok(()) => answered(&answer, None),
                Err(error) => {
                    shared.machines.unanswered(firmware);
                    door.unsent(answer.to, &error)
                }
            };
            shared.emit(mac, what);
            drop(place);
        });
        Ok(())
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
            (Port::Dhcp, _, Some(client), Ok(answer)) => {
                shared.offered(client, message, answer.offered.clone());
            }
            (Port::Pxe, _, Some(client), Ok(_)) if unicast => {
                shared.asked_4011(client, *peer.ip());
            }
            _ => {}
        }
    }
}

/// The address that a machine takes, where it has told that, and was seen to boot.
fn knows_address(shared: &Shared, incoming: Incoming<'_>) -> Option<(Mac, Ipv4Addr)> {
    let (mac, address) = note::lease_taken(incoming)?;
    let known = note::has_address(&mut shared.clients(), incoming, (mac, address));
    known.then_some((mac, address))
}

/// Whether a machine that was seen to boot has told which address it takes.
fn learn_address(shared: &Shared, incoming: Incoming<'_>) -> bool {
    let known = knows_address(shared, incoming);
    if let Some((mac, address)) = known {
        let server = incoming.message.address(code::SERVER_ID);
        shared.emit(Some(mac), What::Leased { address, server });
    }
    known.is_some()
}

fn decide(shared: &Shared, incoming: Incoming<'_>) -> Outcome {
    let complete = |client| {
        let client = item::with_past(&shared.clients(), client, incoming);
        match incoming.port {
            Port::Dhcp if !is_probe(&client) => shared.asks_again(client, incoming.message),
            Port::Dhcp | Port::Pxe => shared.asks_for_boot_data(client, incoming.message),
        }
    };
    decide::decide_knowing(&shared.snapshot.load(), incoming, complete)
}

fn chose(chosen: &Chosen) -> What {
    What::Chosen {
        entry: chosen.choice.entry.to_string(),
        title: chosen.title.clone(),
        kind: chosen.kind,
        profile: chosen.choice.profile.to_string(),
    }
}

/// What is in an answer that was sent.
pub(super) fn answered(answer: &Answer, lease: Option<LeaseTold>) -> What {
    let offer = answer.message.kind() == Some(Kind::Offer);
    What::Answer {
        message: if offer { "offer" } else { "ack" },
        strategy: answer.strategy.name,
        chosen_by: answer.by.word().to_owned(),
        profile: answer.selection.profile.name.clone(),
        why: answer.selection.why.clone(),
        loader: answer.loader.clone(),
        no_menu: answer.no_menu.as_ref().map(ToString::to_string),
        to: SocketAddr::V4(answer.to),
        lease,
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
    use std::time::Duration;

    use super::*;
    use crate::profile::{Compiler, Snapshot, Source};
    use crate::service::interfaces::{Interface, Own};
    use crate::service::shared::{Folders, Limits};
    use crate::service::sys::outlet::Outlet;
    use crate::service::sys::udp::{self, Listener};

    const HOME: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
    /// Longer than a busy machine makes anybody wait.
    const PATIENCE: Duration = Duration::from_secs(30);
    /// The machine that asks.
    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

    /// Port 4011 on loopback; none where this test may not open its sockets.
    fn door(socket: UdpSocket) -> Option<Door> {
        let outlet = || match Outlet::open("lo") {
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
            listener: Listener::new(socket).unwrap(),
            port: Port::Pxe,
            interface: "lo".to_owned(),
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
