//! `/api/v1/…`: what was seen of machines, their leases, and what is wrong in profiles, as JSON.
//! Read only.
//!
//! Lists are built off the runtime's threads, a bounded number of them at a time. Requests here
//! are no events: an operator who looks does not change what he sees.

use std::net::Ipv4Addr;
use std::sync::Arc;

use hyper::header::HeaderValue;
use hyper::{Method, Response, StatusCode};
use serde::Serialize;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use super::body::Payload;
use super::connection::Peer;
use super::{reply, view};
use crate::service::Shared;
use crate::service::lease::Leases;
use crate::service::lease::row::Row;
use crate::tree::CleanPath;
use crate::wire::Mac;

/// An answer: its status and its JSON.
type Answer = (StatusCode, Vec<u8>);

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Answers for the path below `api/`.
pub(super) async fn answer(
    peer: &Arc<Peer>,
    method: &Method,
    path: Option<&CleanPath>,
) -> Response<Payload> {
    let path = path.map_or_else(String::new, |p| p.as_str().to_owned());
    let built = build(peer, move |shared| look(shared, &path)).await;
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

fn look(shared: &Shared, path: &str) -> Answer {
    match path.split('/').collect::<Vec<_>>().as_slice() {
        ["v1", "clients"] => ok(&view::Machines::of(shared)),
        ["v1", "clients", mac] => client(shared, mac),
        ["v1", "leases"] => leases(shared, Leases::addresses),
        ["v1", "leases", whom] => leases_of(shared, whom),
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

/// The leases of these addresses, in parts: DHCP waits no longer than one takes.
fn leases(shared: &Shared, which: impl Fn(&Leases) -> Vec<Ipv4Addr>) -> Answer {
    let Some(leases) = shared.leases.get() else {
        let text = "no leases are given: this is not mode dhcp";
        return error(StatusCode::NOT_FOUND, text);
    };
    let addresses = which(leases);
    let parts = addresses.chunks(Leases::PART);
    let rows: Vec<Row> = parts.flat_map(|part| leases.rows(part)).collect();
    ok(&json!({ "leases": rows }))
}

fn leases_of(shared: &Shared, whom: &str) -> Answer {
    if let Ok(address) = whom.parse::<Ipv4Addr>() {
        return leases(shared, |_| vec![address]);
    }
    match whom.parse::<Mac>() {
        Ok(mac) => leases(shared, |leases| leases.addresses_of(mac)),
        Err(bad) => error(StatusCode::NOT_FOUND, &bad.to_string()),
    }
}

fn ok(value: &impl Serialize) -> Answer {
    match serde_json::to_vec(value) {
        Ok(text) => (StatusCode::OK, text),
        Err(e) => error(StatusCode::INTERNAL_SERVER_ERROR, &e.to_string()),
    }
}

fn error(status: StatusCode, text: &str) -> Answer {
    (status, json!({ "error": text }).to_string().into_bytes())
}
