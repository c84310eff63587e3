//! `/api/v1/…`: what was seen of machines, their leases, and what is wrong in profiles, as JSON.
//! Read only.
//!
//! Leases are asked for in `leases`. Lists are built off the runtime's threads, a bounded number of
//! them at a time. Requests here are no events: an operator who looks does not change what he sees.

use std::sync::Arc;

use hyper::header::HeaderValue;
use hyper::{Method, Response, StatusCode};
use serde::Serialize;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use super::body::Payload;
use super::connection::Peer;
use super::{leases, reply, view};
use crate::service::Shared;
use crate::tree::CleanPath;
use crate::wire::Mac;

/// An answer: its status and its JSON.
pub(super) type Answer = (StatusCode, Vec<u8>);

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Answers for the path below `api/`, and what stands behind `?`.
pub(super) async fn answer(
    peer: &Arc<Peer>,
    method: &Method,
    path: Option<&CleanPath>,
    query: Option<&str>,
) -> Response<Payload> {
    let path = path.map_or_else(String::new, |p| p.as_str().to_owned());
    let query = query.unwrap_or_default().to_owned();
    let built = build(peer, move |shared| look(shared, &path, &query)).await;
    let ((status, text), place) = match built {
        Some((answer, place)) => (answer, Some(place)),
        None => (
            error(StatusCode::SERVICE_UNAVAILABLE, "busy; ask again"),
            None,
        ),
    };
    reply::held(peer, method, status, JSON, text.into(), place)
}

/// Builds a view on the blocking pool once there is a place for it; `None` where none comes free.
pub(super) async fn build<T: Send + 'static>(
    peer: &Peer,
    make: impl FnOnce(&Shared) -> T + Send + 'static,
) -> Option<(T, OwnedSemaphorePermit)> {
    let shared = peer.http.shared.clone();
    let places = peer.http.views.clone().acquire_owned();
    let place = tokio::time::timeout(shared.limits.idle, places)
        .await
        .ok()?
        .ok()?;
    let built = tokio::task::spawn_blocking(move || make(&shared)).await;
    Some((built.ok()?, place))
}

fn look(shared: &Shared, path: &str, query: &str) -> Answer {
    match path.split('/').collect::<Vec<_>>().as_slice() {
        ["v1", "clients"] => ok(&view::Machines::of(shared)),
        ["v1", "clients", mac] => client(shared, mac),
        ["v1", "leases"] => leases::answer(shared, None, query),
        ["v1", "leases", whom] => leases::answer(shared, Some(whom), query),
        ["v1", "findings"] => ok(&view::Findings::of(shared)),
        _ => error(StatusCode::NOT_FOUND, "no such part of the API"),
    }
}

fn client(shared: &Shared, mac: &str) -> Answer {
    match mac.parse::<Mac>() {
        Ok(mac) => match view::story(shared, mac) {
            Some(story) => ok(&story),
            None => error(StatusCode::NOT_FOUND, "nothing was seen of this machine"),
        },
        Err(bad) => error(StatusCode::NOT_FOUND, &bad.to_string()),
    }
}

fn ok(value: &impl Serialize) -> Answer {
    match serde_json::to_vec(value) {
        Ok(text) => (StatusCode::OK, text),
        Err(e) => error(StatusCode::INTERNAL_SERVER_ERROR, &e.to_string()),
    }
}

pub(super) fn error(status: StatusCode, text: &str) -> Answer {
    (status, json!({ "error": text }).to_string().into_bytes())
}
