//! A request's name → the body to send, or why there is none for it.

use std::io;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use super::super::files::{self, Body};
use super::super::look_up::{self, Nothing, goes_on_without};
use super::netascii;
use super::request::Call;
use crate::client::progress::Given;
use crate::event::What;
use crate::profile::Snapshot;
use crate::tree::{CleanPath, Door, Found, Rendered, Requester};
use crate::wire::tftp::{ErrorCode, Mode};

/// A body as it is to be sent, and the permit to hold it, where it needs one: it is given back when
/// this is dropped, so keep it until the body is sent.
pub(super) struct Content {
    pub(super) body: Body,
    /// What it is.
    pub(super) given: Given,
    _permit: Option<OwnedSemaphorePermit>,
}

/// Why a request gets no transfer.
pub(super) enum Refusal {
    /// There is no such name for this client: why, and whether it cannot go on without
    Missing { why: String, needed: bool },
    /// The same, and its loader goes on without: that has been told
    Unneeded,
    /// It is there, but not readable
    Denied(String),
    /// Too long for netascii
    NotText,
    /// The places for netascii are taken
    Busy,
    /// The peer's address is a broadcast address
    Nowhere,
    /// No route leads to the peer's address
    Unreachable(String),
    /// Something of ours failed
    Fault(String),
}

impl Refusal {
    /// The ERROR that the client gets. None where it should simply ask again, or cannot hear it.
    pub(super) fn answer(&self) -> Option<(ErrorCode, &'static str)> {
        match self {
            Self::Missing { .. } | Self::Unneeded => Some((ErrorCode::NOT_FOUND, "file not found")),
            Self::Denied(_) => Some((ErrorCode::ACCESS, "file not readable")),
            Self::NotText => Some((
                ErrorCode::UNDEFINED,
                "too large for netascii, use octet (binary) mode",
            )),
            Self::Fault(_) => Some((ErrorCode::UNDEFINED, "server error")),
            Self::Busy | Self::Nowhere | Self::Unreachable(_) => None,
        }
    }
}

/// Looks the name up, opens it, and converts it where the mode says so.
pub(super) async fn look_up(
    call: &Call,
    snapshot: &Snapshot,
    who: &Requester,
) -> Result<Content, Refusal> {
    let opened = open(call, snapshot, who).await;
    (call.common.shared).fetched(who.peer, opened.is_ok());
    let (body, given) = opened?;
    if call.mode == Mode::Octet {
        return Ok(Content {
            body,
            given,
            _permit: None,
        });
    }
    if body.len > netascii::LIMIT {
        return Err(Refusal::NotText);
    }
    let places = Arc::clone(&call.common.netascii);
    let permit = places.try_acquire_owned().map_err(|_| Refusal::Busy)?;
    let body = netascii::converted(body)
        .await
        .map_err(|e| unreadable(&e))?;
    Ok(Content {
        body,
        given,
        _permit: Some(permit),
    })
}

async fn open(call: &Call, snapshot: &Snapshot, who: &Requester) -> Result<(Body, Given), Refusal> {
    let shared = &call.common.shared;
    let path = CleanPath::new(&call.name).map_err(|e| no_name(&e))?;
    let opened = look_up::look_up(shared, call.common.resolve, (snapshot, who), &path).await;
    let (found, body) = opened.map_err(|nothing| refusal(call, who, &path, &nothing))?;
    shared.loaders().fetched(who.peer, path.as_str());
    if let Found::Text(_, rendered) = found {
        call.emit(who, menu(call.path(), rendered));
        return Ok((body, Given::of_text(path.as_str())));
    }
    Ok((body, Given::of(path.as_str())))
}

/// What a loader goes on without has its event, and no complaint.
fn refusal(call: &Call, who: &Requester, path: &CleanPath, nothing: &Nothing) -> Refusal {
    let refusal = match nothing {
        Nothing::Missing(why) => no_name(why),
        Nothing::Unopened(error) => unreadable(error),
    };
    match refusal {
        Refusal::Missing { .. } if goes_on_without(&call.common.shared, who, path) => {
            Refusal::Unneeded
        }
        refusal => refusal,
    }
}

fn no_name(why: &impl ToString) -> Refusal {
    Refusal::Missing {
        why: why.to_string(),
        needed: false,
    }
}

fn menu(path: String, rendered: Rendered) -> What {
    What::Menu {
        door: Door::Tftp,
        path,
        dialect: rendered.dialect,
        profile: rendered.profile,
        entries: rendered.entries,
    }
}

fn unreadable(error: &io::Error) -> Refusal {
    match error.kind() {
        io::ErrorKind::NotFound => Refusal::Missing {
            why: files::no_file(error),
            needed: files::is_needed(error),
        },
        io::ErrorKind::PermissionDenied => Refusal::Denied(
            "the file is not readable for the user that bootjack runs as; check its mode and owner"
                .to_owned(),
        ),
        _ => Refusal::Fault(format!("cannot open a file asked for by TFTP: {error}")),
    }
}
