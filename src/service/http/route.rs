//! Request → which part answers. The reserved names are the empty path, `healthz`, `metrics` and
//! `api/…`; every other name is the tree's.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::{Method, Request, Response, StatusCode, Uri};
use percent_encoding::percent_decode_str;

use super::body::Payload;
use super::connection::Peer;
use super::{api, boot, page, reply};
use crate::event::metrics;
use crate::tree::path::BadPath;
use crate::tree::{CleanPath, Missing};

/// Longest piece of a stranger's text in an event, in characters.
const SHOWN: usize = 160;

/// Answers one request.
pub(super) async fn answer(peer: &Arc<Peer>, request: Request<Incoming>) -> Response<Payload> {
    peer.progress.asked();
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return wrong_method(peer, &request);
    }
    let method = request.method();
    if !request.uri().path().starts_with('/') {
        peer.malformed("the target is no path".to_owned());
        return reply::line(peer, method, StatusCode::BAD_REQUEST, "no path");
    }
    let name = match name_of(request.uri()) {
        Ok(name) => name,
        Err(bad) => {
            let shown = printable(request.uri().path());
            return boot::missing(peer, method, shown, &Missing::BadPath(bad));
        }
    };
    let Some(name) = &name else {
        return page::answer(peer, method).await;
    };
    match name.split_first() {
        ("healthz", None) => health(peer, method),
        ("metrics", None) => scraped(peer, method),
        ("api", rest) => {
            let query = request.uri().query();
            api::answer(peer, method, rest.as_ref(), query).await
        }
        _ => boot::answer(peer, &request, name).await,
    }
}

/// The name in the tree; `None` is `/`. What stands behind `?` is no part of it: the API alone heeds
/// it. Percent-encoding is taken off once, so an escape in it is the same as a plain one. NUL ends a
/// name for TFTP; here it is part of one, and no name has it.
fn name_of(uri: &Uri) -> Result<Option<CleanPath>, BadPath> {
    let raw: Vec<u8> = percent_decode_str(uri.path()).collect();
    if raw.contains(&0) {
        return Err(BadPath::NotText);
    }
    match CleanPath::new(&raw) {
        Ok(name) => Ok(Some(name)),
        Err(BadPath::Empty) => Ok(None),
        Err(bad) => Err(bad),
    }
}

/// Whether everything is served that should be.
fn health(peer: &Peer, method: &Method) -> Response<Payload> {
    let leases = peer.http.shared.leases.get();
    let failing = leases.is_some_and(|l| l.written().failing.load(Ordering::Relaxed));
    let (status, line) = if failing {
        let line = "the lease store cannot be written: no lease is given";
        (StatusCode::SERVICE_UNAVAILABLE, line)
    } else {
        (StatusCode::OK, "ok")
    };
    reply::line(peer, method, status, line)
}

fn scraped(peer: &Peer, method: &Method) -> Response<Payload> {
    let shared = &peer.http.shared;
    for (state, count) in shared.leases.get().map(|l| l.counts()).unwrap_or_default() {
        shared.metrics.leases(state, count);
    }
    let remembered = shared.machines.remembered();
    shared.metrics.machines_remembered(remembered);
    match shared.metrics.text() {
        Ok(text) => {
            let media = HeaderValue::from_static(metrics::MEDIA);
            reply::text(peer, method, StatusCode::OK, media, text)
        }
        Err(_) => reply::line(
            peer,
            method,
            StatusCode::INTERNAL_SERVER_ERROR,
            "no metrics",
        ),
    }
}

fn wrong_method(peer: &Peer, request: &Request<Incoming>) -> Response<Payload> {
    let method = printable(request.method().as_str());
    let reason = format!("method {method}; only GET and HEAD are served");
    peer.malformed(reason);
    reply::wrong_method(peer, request.method())
}

/// A stranger's text as it may stand in a log: no control characters, bounded.
pub(super) fn printable(text: &str) -> String {
    let safe = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().take(SHOWN).map(safe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(path: &str) -> Result<Option<String>, BadPath> {
        let name = name_of(&path.parse().unwrap())?;
        Ok(name.map(|n| n.as_str().to_owned()))
    }

    #[test]
    fn targets_become_names_as_plain_text_would() {
        let is = |text: &str| Ok(Some(text.to_owned()));
        for (path, expected) in [
            ("/", Ok(None)),
            ("//", Ok(None)),
            ("/./", Ok(None)),
            ("/images/a", is("images/a")),
            ("//images///a", is("images/a")),
            ("/images/a?mac=52:54:00:12:34:56", is("images/a")),
            ("/?", Ok(None)),
            ("/images/a%20b", is("images/a b")),
            ("/images%2Fa", is("images/a")),
            ("/images%5ca", is("images/a")),
            ("/images\\a", is("images/a")),
            ("http://other/images/a", is("images/a")),
            ("/%252e%252e/a", is("%2e%2e/a")),
            ("/a%zz", is("a%zz")),
            ("/../a", Err(BadPath::Escape)),
            ("/%2e%2e%2fa", Err(BadPath::Escape)),
            ("/a/%2E./b", Err(BadPath::Escape)),
            ("/..%5cb", Err(BadPath::Escape)),
            ("/a%00", Err(BadPath::NotText)),
            ("/%00", Err(BadPath::NotText)),
            ("/a%0ab", Err(BadPath::NotText)),
            ("/a%ff%feb", Err(BadPath::NotText)),
        ] {
            assert_eq!(name(path), expected, "{path}");
        }
    }

    #[test]
    fn what_is_shown_is_bounded_and_has_no_control_characters() {
        assert_eq!(printable("a\x1b[31m\nb"), "a\u{fffd}[31m\u{fffd}b");
        assert_eq!(printable(&"ö".repeat(500)).chars().count(), SHOWN);
    }
}
