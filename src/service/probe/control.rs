//! Nobody answered the machine: whether somebody answers the interface itself. Then nothing is known
//! of the LAN: a port may carry no MAC but its own, and a server may answer only those it knows.

use std::io;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::Play;
use super::stack::Stack;
use crate::firmware::machine::{Datagram, Setup, Verdict};
use crate::firmware::message::Identity;
use crate::firmware::{Fault, Input, Kind, Machine, Output, made_up, reply};
use crate::wire::Mac;

/// How long an answer is waited for: longer than a server pings an address before it offers it.
const PATIENCE: Duration = Duration::from_secs(5);

impl Play<'_> {
    /// The verdict on silence, after the interface itself has asked.
    pub(super) async fn checked(&mut self, verdict: Verdict) -> io::Result<Verdict> {
        let Some(own) = self
            .watch
            .own()
            .filter(|_| verdict == Verdict::Fails(Fault::Silence))
        else {
            return Ok(verdict);
        };
        Ok(if self.answers(own).await? {
            Verdict::Fails(Fault::Muffled)
        } else {
            verdict
        })
    }

    async fn answers(&mut self, own: Mac) -> io::Result<bool> {
        let Some(datagram) = discover(own) else {
            return Ok(false);
        };
        let text = format!("nobody answered; a DISCOVER with the interface's own MAC {own}");
        self.note(text);
        let frames = Stack::new(own).send(&datagram);
        self.transmit(&frames)?;
        let until = Instant::now() + PATIENCE;
        while let Ok(read) = timeout_at(until, self.host.recv(&mut self.buf)).await {
            let frame = self.buf.get(..read?).unwrap_or_default();
            if is_answer(frame, own, &datagram) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Answered by broadcast, which is heard whatever the hardware address.
fn discover(mac: Mac) -> Option<Datagram> {
    let mut machine = Machine::new(Setup {
        kind: Kind::Bios,
        identity: Identity {
            mac,
            uuid: made_up::uuid_of(mac),
        },
        seed: super::seed(),
        fetch: false,
        choose: None,
    });
    let outputs = machine.handle(Duration::ZERO, Input::Start);
    outputs.into_iter().find_map(|output| match output {
        Output::Send(datagram) => Some(datagram),
        _ => None,
    })
}

fn is_answer(frame: &[u8], own: Mac, question: &Datagram) -> bool {
    let mut stack = Stack::new(own);
    let (Some(heard), _) = stack.hear(frame) else {
        return false;
    };
    let xid = question.bytes.get(4..8).and_then(|xid| xid.first_chunk());
    let answers = reply::transaction(heard.payload, own);
    answers.is_some() && answers == xid.copied().map(u32::from_be_bytes)
}
