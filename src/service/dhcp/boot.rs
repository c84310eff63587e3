//! Boot data beside somebody else's leases: modes `proxy` and `colocated`, and port 4011 in all.

use std::net::SocketAddr;
use std::sync::Arc;

use super::Door;
use crate::client::Client;
use crate::decide::item::{self, Chosen};
use crate::decide::{self, Answer, Ignore, Incoming, Outcome, Port, note};
use crate::event::What;
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
        let mac = client.map(|client| client.mac);
        let decision = match decision {
            Ok(answer) if !answer.delay.is_zero() => {
                match self.later(shared, received, mac, answer) {
                    Ok(()) => return noted.into_iter().for_each(|what| shared.emit(mac, what)),
                    Err(answer) => Ok(answer),
                }
            }
            decision => decision,
        };
        // The answer leaves first; what is written down about it comes after.
        let failed = decision
            .as_ref()
            .ok()
            .and_then(|answer| self.send(&answer.bytes, answer.to, received).err());
        if let Some(what) = noted {
            shared.emit(mac, what);
        }
        if let Some(chosen) = decision.as_ref().ok().and_then(|a| a.chosen.as_ref()) {
            shared.emit(mac, chose(chosen));
        }
        let learnt = learn_address(shared, incoming);
        let what = match (decision, failed) {
            (Ok(answer), None) => answered(&answer),
            (Ok(answer), Some(error)) => self.unsent(answer.to, &error),
            (Err(_), _) if learnt => return,
            (Err(ignore), _) => self.ignored(&ignore, message, mac),
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
        mac: Option<Mac>,
        answer: Box<Answer>,
    ) -> Result<(), Box<Answer>> {
        let Ok(place) = shared.waiting_answers.clone().try_acquire_owned() else {
            return Err(answer);
        };
        let (door, shared, received) = (self.clone(), shared.clone(), *received);
        tokio::spawn(async move {
            tokio::time::sleep(answer.delay).await;
            let failed = door.send(&answer.bytes, answer.to, &received).err();
            let what = failed.map_or_else(|| answered(&answer), |e| door.unsent(answer.to, &e));
            shared.emit(mac, what);
            drop(place);
        });
        Ok(())
    }

    /// Takes note of how far a machine has come. Its next message may come at once, so this is before
    /// the answer.
    fn progress(
        &self,
        shared: &Shared,
        client: Option<&Client>,
        incoming: Incoming<'_>,
        decision: &Result<Box<Answer>, Ignore>,
    ) {
        let Incoming { message, local, .. } = incoming;
        if item::asked(incoming).is_some() {
            // It follows its menu, by whatever port.
            return client
                .into_iter()
                .for_each(|client| shared.asked_4011(client));
        }
        match (self.port, message.kind(), client, decision) {
            (Port::Dhcp, Some(Kind::Request), client, _) => {
                shared.machines.requested(client, message, local);
            }
            (Port::Dhcp, _, Some(client), Ok(answer)) => {
                let offered = answer.offered.clone();
                shared.machines.offered(client, message, local, offered);
            }
            (Port::Pxe, _, Some(client), Ok(_)) => shared.asked_4011(client),
            _ => {}
        }
    }
}

/// Whether a machine that was seen to boot has told which address it takes.
fn learn_address(shared: &Shared, incoming: Incoming<'_>) -> bool {
    let Some((mac, address)) = note::lease_taken(incoming) else {
        return false;
    };
    let known = shared.clients().has_address(mac, address);
    if known {
        let server = incoming.message.address(code::SERVER_ID);
        shared.emit(Some(mac), What::Leased { address, server });
    }
    known
}

fn decide(shared: &Shared, incoming: Incoming<'_>) -> Outcome {
    let complete = |client| {
        let client = item::with_past(&shared.clients(), client, incoming);
        match incoming.port {
            Port::Dhcp => shared.asks_again(client, incoming.message),
            Port::Pxe => shared.machines.remembering(client),
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

fn answered(answer: &Answer) -> What {
    let offer = answer.message.kind() == Some(Kind::Offer);
    What::Answer {
        message: if offer { "offer" } else { "ack" },
        strategy: answer.strategy.name,
        chosen_by: answer.by.word().to_owned(),
        profile: answer.selection.profile.name.clone(),
        why: answer.selection.why.clone(),
        loader: answer.loader.clone(),
        to: SocketAddr::V4(answer.to),
    }
}
