//! What is told of answers with boot data.

use std::net::SocketAddr;

use crate::decide::Answer;
use crate::decide::item::Chosen;
use crate::event::{LeaseTold, Unnamed, What};
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
    let offer = answer.message.kind() == Some(Kind::Offer);
    What::Answer {
        message: if offer { "offer" } else { "ack" },
        strategy: answer.strategy.name,
        chosen_by: answer.by.clone(),
        profile: answer.selection.profile.name.clone(),
        why: answer.selection.why.clone(),
        loader: answer.loader.clone(),
        no_menu: answer.no_menu.as_ref().map(|why| why.to_string().into()),
        to: SocketAddr::V4(answer.to),
        lease: lease.map(Box::new),
    }
}
