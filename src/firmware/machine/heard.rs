//! What it hears: answers to its question, those that it throws away, and those that are not for it.
//! What is told of them has a bound, and what is beyond it a sum.

use super::{ANSWERS, Machine, Topic};
use crate::firmware::reply::{Incoming, Reply, Stray};
use crate::yaml::counted;

/// Answers that it makes nothing of.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Thrown away.
    pub(super) refused: usize,
    /// More than it keeps.
    surplus: usize,
    /// Of other transactions.
    transactions: usize,
    /// To other machines.
    machines: usize,
    /// No replies at all.
    questions: usize,
}

impl Tally {
    fn count(&mut self, stray: Stray) {
        let which = match stray {
            Stray::OtherTransaction => &mut self.transactions,
            Stray::OtherMachine => &mut self.machines,
            Stray::NoReply => &mut self.questions,
        };
        *which = which.saturating_add(1);
    }

    /// Whether somebody may have meant this machine, and said so wrongly.
    pub(super) const fn has_failed_answers(&self) -> bool {
        self.transactions > 0 || self.questions > 0
    }
}

impl Machine {
    /// Reads an answer to its transaction; what it would throw away is told and gone.
    pub(super) fn read(&mut self, incoming: Incoming<'_>) -> Option<Reply> {
        let mac = self.setup.identity.mac;
        if let Some(stray) = Stray::of(incoming.payload, mac, self.xid) {
            self.tally.count(stray);
            return None;
        }
        let manner = self.manner();
        let reply = Reply::read(incoming);
        let flaw = match &reply {
            Ok(reply) => reply.flaw(manner),
            Err(flaw) => Some(flaw.clone()),
        };
        if let Some(flaw) = flaw {
            let from = incoming.from.ip();
            self.refuse(format!("answer of {from}: {flaw}"));
            return None;
        }
        reply.ok()
    }

    /// It throws an answer away.
    pub(super) fn refuse(&mut self, text: String) {
        self.tally.refused = self.tally.refused.saturating_add(1);
        if self.tally.refused <= ANSWERS {
            self.say(Topic::Refused, text);
        }
    }

    /// One more than it keeps.
    pub(super) fn overflows(&mut self) {
        self.tally.surplus = self.tally.surplus.saturating_add(1);
    }

    /// What was not told one by one.
    pub(super) fn say_of_the_rest(&mut self) {
        let more = self.tally.refused.saturating_sub(ANSWERS);
        if more > 0 {
            self.say(Topic::Refused, counted(more, "more answer"));
        }
        let surplus = self.tally.surplus;
        if surplus > 0 {
            let text = format!(
                "{}, which it has no room for",
                counted(surplus, "more answer")
            );
            self.say(Topic::Heard, text);
        }
    }

    /// What was heard and not for it. That there is none is no news: others boot as well.
    pub(super) fn say_of_strays(&mut self) {
        let Tally {
            transactions,
            machines,
            questions,
            ..
        } = self.tally;
        let all = [
            (transactions, "of another transaction (xid)"),
            (machines, "to other machines (chaddr)"),
            (questions, "that are no replies (op)"),
        ];
        let heard = all.iter().filter(|(count, _)| *count > 0);
        let words: Vec<String> = heard.map(|(n, what)| format!("{n} {what}")).collect();
        if !words.is_empty() {
            let text = format!("heard, and not for it: {}", words.join(", "));
            self.say(Topic::Note, text);
        }
    }
}
