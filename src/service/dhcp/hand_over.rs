//! What DHCP servers answer, to the machines: a lease with its boot data, a renewal, a refusal; and what there is
//! instead where no lease comes.

use std::net::SocketAddrV4;
use std::sync::Arc;

use super::relay::Carried;
use crate::client::progress::{Firmware, Overheard};
use crate::decide::{Answer, Port};
use crate::event::{LeaseTold, What};
use crate::firmware::made_up::is_played;
use crate::relay::hand::{self, Handed};
use crate::relay::{Forward, PER_SECOND};
use crate::service::Shared;
use crate::wire::dhcp::{Kind, Message, code};

impl Carried {
    /// The lease and the boot data, to the machine.
    pub(super) fn hand(&self, shared: &Arc<Shared>, lease: &Message) {
        let Some((answer, firmware)) = &self.boot else {
            return;
        };
        let Handed {
            message,
            left_out,
            malformed,
        } = hand::augmented(lease, &answer.message, &self.request);
        let bytes = if answer.padded {
            message.encode()
        } else {
            message.encode_short()
        };
        if bytes.len() > self.request.reply_limit() {
            self.ignored(shared, "too-large", "the lease of its DHCP server has no room beside the boot data in what this machine takes");
            return self.without_lease(shared);
        }
        let server = lease.address(code::SERVER_ID);
        if let (Some(mac), Some(server), true) = (self.mac, server, firmware.is_some()) {
            // That it is offered a lease is known, whoever heard it.
            shared.overheard(Overheard {
                mac,
                xid: self.request.xid,
                server,
                named: server,
                lease: true,
                whole: false,
                boots: false,
            });
        }
        let told = Some(LeaseTold {
            address: lease.yiaddr,
            server,
            left_out,
            malformed,
        });
        let what = self.leaves(shared, (answer, &bytes), *firmware, told);
        if lease.kind() == Some(Kind::Ack) && matches!(what, What::Answer(_)) {
            let address = lease.yiaddr;
            shared.emit(self.mac, What::Leased { address, server });
        }
        shared.emit(self.mac, what);
    }

    /// What is asked once more.
    pub(super) fn asks_again(&self, shared: &Shared, forward: &Forward) {
        self.door.forward(shared, forward, self);
    }

    /// Sends these bytes of an answer, and says what became of them.
    fn leaves(
        &self,
        shared: &Shared,
        ready: (&Answer, &[u8]),
        firmware: Option<Firmware>,
        lease: Option<LeaseTold>,
    ) -> What {
        let received = &self.received;
        (self.door).leaves(shared, received, ready, firmware, lease)
    }

    /// What its firmware is judged by is this OFFER, and not the proxy's that it was given before.
    pub(super) fn is_offered_it_after_all(&self, shared: &Shared) {
        if let Some((answer, Some(firmware))) = &self.boot {
            shared.offers_instead(*firmware, &self.request, answer.offered);
        }
    }

    pub(super) fn is_too_much(&self, shared: &Shared) {
        let most = PER_SECOND;
        let detail = format!(
            "DHCP servers are asked {most} questions a second at most (half of them for machines behind relays), whoever makes up machines"
        );
        self.ignored(shared, "too-many", &detail);
    }

    pub(super) fn ignored(&self, shared: &Shared, reason: &'static str, detail: &str) {
        let what = What::Ignored {
            port: Port::Dhcp.number(),
            reason,
            detail: detail.to_owned(),
            played: is_played(&self.request),
        };
        shared.emit(self.mac, what);
    }

    /// The machine gets what it would be told beside its lease.
    pub(super) fn without_lease(&self, shared: &Arc<Shared>) {
        let Some((answer, firmware)) = &self.boot else {
            return;
        };
        let Some(otherwise) = &answer.otherwise else {
            return;
        };
        if let Some(firmware) = firmware {
            shared.offers_instead(*firmware, &self.request, otherwise.offered);
        }
        let what = self.leaves(shared, (otherwise, &otherwise.bytes), *firmware, None);
        shared.emit(self.mac, what);
    }

    /// The machine has to begin anew: the server says so, or has another address for it.
    pub(super) fn refuse(&self, shared: &Shared, nak: Option<&Message>) {
        let message = hand::refused(nak, &self.request, self.received.local);
        let server = nak.and_then(|nak| nak.address(code::SERVER_ID));
        let why = message.options.get(code::MESSAGE).unwrap_or_default();
        let why = String::from_utf8_lossy(why).into_owned();
        self.send(shared, &message, What::LeaseRefused { server, why });
    }

    pub(super) fn renewed(&self, shared: &Shared, ack: &Message) {
        let what = What::Renewed {
            address: ack.yiaddr,
            server: ack.address(code::SERVER_ID),
        };
        self.send(shared, &hand::renewed(ack, &self.request), what);
    }

    /// To the relay that it came by, else to its address where that is not in doubt.
    fn send(&self, shared: &Shared, message: &Message, what: What) {
        let (relay, has) = (self.request.giaddr, message.ciaddr);
        let to = match (relay.is_unspecified(), has.is_unspecified()) {
            (false, _) => SocketAddrV4::new(relay, Port::Dhcp.number()),
            (true, false) => SocketAddrV4::new(has, 68),
            (true, true) => SocketAddrV4::new(std::net::Ipv4Addr::BROADCAST, 68),
        };
        let sent = self.door.send(&message.encode(), to, &self.received);
        let what = sent.map_or_else(|error| self.door.unsent(to, &error), |()| what);
        shared.emit(self.mac, what);
    }
}
