//! What is told of answers with boot data.

use std::sync::Arc;

use crate::decide::Answer;
use crate::decide::item::Chosen;
use crate::event::{AnswerTold, LeaseTold, Unnamed, What};
use crate::firmware::made_up::is_played;
use crate::wire::dhcp::{Kind, Message};

/// What a machine lacks that this answers, where no DHCP server is named to ask for it.
pub(super) fn unnamed(message: &Message, answer: &Answer) -> Option<Unnamed> {
    let unleased = answer.unleased.as_ref()?;
    Some(Unnamed {
        relay: unleased.relay,
        chosen_by: unleased.by.word().to_owned(),
        detail: unleased.to_string(),
        played: is_played(message),
    })
}

/// What was chosen in a menu.
pub(super) fn chose(chosen: &Chosen) -> What {
    What::Chosen {
        entry: chosen.choice.entry.to_string(),
        title: chosen.title.clone(),
        kind: chosen.kind,
        profile: chosen.choice.profile.to_string(),
    }
}

/// What is in an answer that was sent.
pub(super) fn answered(answer: &Answer, lease: Option<LeaseTold>) -> What {
    What::Answer(Arc::new(told(answer, lease)))
}

fn told(answer: &Answer, lease: Option<LeaseTold>) -> AnswerTold {
    AnswerTold {
        message: message(answer),
        strategy: answer.strategy.name,
        chosen_by: answer.by.clone(),
        profile: answer.selection.profile.name.clone(),
        why: answer.selection.why.clone(),
        loader: answer.loader.clone(),
        no_menu: answer.no_menu.as_ref().map(|why| why.to_string().into()),
        to: answer.to,
        lease: lease.map(Box::new),
    }
}

fn message(answer: &Answer) -> &'static str {
    let offer = answer.message.kind() == Some(Kind::Offer);
    if offer { "offer" } else { "ack" }
}

/// What was told last. In a room of machines of a kind all are told the same.
#[derive(Debug, Default)]
pub struct Last(Option<Arc<AnswerTold>>);

impl Last {
    /// What is in an answer that was sent without a lease.
    pub fn answered(&mut self, answer: &Answer) -> What {
        let same = self.0.as_ref().filter(|last| is_told(last, answer));
        let told = same
            .cloned()
            .unwrap_or_else(|| Arc::new(told(answer, None)));
        self.0 = Some(told.clone());
        What::Answer(told)
    }
}

/// Whether this is what is to be told of an answer without a lease.
fn is_told(last: &AnswerTold, answer: &Answer) -> bool {
    let plain = last.no_menu.is_none() && answer.no_menu.is_none() && last.lease.is_none();
    plain
        && (last.message, last.to) == (message(answer), answer.to)
        && last.strategy == answer.strategy.name
        && last.profile == answer.selection.profile.name
        && last.chosen_by == answer.by
        && last.loader == answer.loader
        && last.why == answer.selection.why
}
