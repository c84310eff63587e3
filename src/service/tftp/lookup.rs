//! A request's name → the body to send, or why there is none for it.

use std::io;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use super::super::files::{self, Body};
use super::content::{NETASCII_LIMIT, netascii};
use super::request::Call;
use crate::event::What;
use crate::profile::Snapshot;
use crate::tree::{CleanPath, Door, Found, Rendered, Requester};
use crate::wire::tftp::{ErrorCode, Mode};

/// A body as it is to be sent, and the permit to hold it, where it needs one: it is given back when
/// this is dropped, so keep it until the body is sent.
pub(super) struct Content {
    pub(super) body: Body,
    _permit: Option<OwnedSemaphorePermit>,
}

/// Why a request gets no transfer.
pub(super) enum Refusal {
    /// There is no such name for this client
    Missing(String),
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
            Self::Missing(_) => Some((ErrorCode::NOT_FOUND, "file not found")),
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
    let body = open(call, snapshot, who).await;
    (call.common.shared).fetched(who.peer, body.is_ok());
    let body = body?;
    if call.mode == Mode::Octet {
        return Ok(Content {
            body,
            _permit: None,
        });
    }
    if body.len > NETASCII_LIMIT {
        return Err(Refusal::NotText);
    }
    let places = Arc::clone(&call.common.netascii);
    let permit = places.try_acquire_owned().map_err(|_| Refusal::Busy)?;
    let body = netascii(body).await.map_err(|e| unreadable(&e))?;
    Ok(Content {
        body,
        _permit: Some(permit),
    })
}

async fn open(call: &Call, snapshot: &Snapshot, who: &Requester) -> Result<Body, Refusal> {
    let shared = &call.common.shared;
    let path = CleanPath::new(&call.name).map_err(|e| Refusal::Missing(e.to_string()))?;
    let found = (call.common.resolve)(snapshot, who, &path);
    let found = found.map_err(|e| Refusal::Missing(e.to_string()))?;
    let body = files::open(&shared.folders, &found).await;
    let (body, found) = body.map_err(|e| unreadable(&e))?;
    shared.loaders().fetched(who.peer, path.as_str());
    if let Found::Text(_, rendered) = found {
        call.emit(who, menu(call.path(), rendered.clone()));
    }
    Ok(body)
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
        io::ErrorKind::NotFound => Refusal::Missing(files::no_file(error)),
        io::ErrorKind::PermissionDenied => Refusal::Denied(
            "the file is not readable for the user that bootjack runs as; check its mode and owner"
                .to_owned(),
        ),
        _ => Refusal::Fault(format!("cannot open a file asked for by TFTP: {error}")),
    }
}
