//! Responses that are not from the tree: texts, JSON, pages.

use bytes::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Response, StatusCode};
use tokio::sync::OwnedSemaphorePermit;

use super::body::Payload;
use super::connection::Peer;

/// What a connection past the bound is told, before any of its request is read.
pub(super) const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    Content-Type: text/plain; charset=utf-8\r\nContent-Length: 21\r\n\
    Retry-After: 5\r\nConnection: close\r\n\r\ntoo many connections\n";

/// What is told to who speaks something else than TLS to the port of HTTPS.
pub(super) const NO_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    Content-Type: text/plain; charset=utf-8\r\nContent-Length: 34\r\n\
    Connection: close\r\n\r\nthis port speaks HTTPS, not HTTP\r\n";

const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const FRESH: HeaderValue = HeaderValue::from_static("no-store");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD");

/// A response with its status, type and length; for HEAD the same without the body.
pub(super) fn text(
    peer: &Peer,
    method: &Method,
    status: StatusCode,
    media: HeaderValue,
    content: impl Into<Bytes>,
) -> Response<Payload> {
    held(peer, method, status, media, content.into(), None)
}

/// [`text`] that keeps a place among the [`super::VIEWS`] until it is sent.
pub(super) fn held(
    peer: &Peer,
    method: &Method,
    status: StatusCode,
    media: HeaderValue,
    content: Bytes,
    place: Option<OwnedSemaphorePermit>,
) -> Response<Payload> {
    let length = content.len();
    let content = match *method {
        Method::HEAD => Bytes::new(),
        _ => content,
    };
    if let Some(place) = place {
        peer.progress.keeps(place);
    }
    let payload = Payload::text(content, peer.progress.clone());
    let mut response = Response::new(payload);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, media);
    headers.insert(CONTENT_LENGTH, length.into());
    headers.insert(CACHE_CONTROL, FRESH);
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    response
}

/// One plain line.
pub(super) fn line(
    peer: &Peer,
    method: &Method,
    status: StatusCode,
    line: &str,
) -> Response<Payload> {
    text(peer, method, status, PLAIN, format!("{line}\n"))
}

/// 404 for a name in the tree, whatever the reason.
pub(super) fn not_found(peer: &Peer, method: &Method) -> Response<Payload> {
    line(peer, method, StatusCode::NOT_FOUND, "not found")
}

/// 405 with the methods there are.
pub(super) fn wrong_method(peer: &Peer, method: &Method) -> Response<Payload> {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    let mut response = line(peer, method, status, "only GET and HEAD are served");
    response.headers_mut().insert(ALLOW, METHODS);
    response
}
