//! What was judged of a request → the status and headers of its answer. Pure.
//!
//! What tells a body's state is said with every status: the RFC wants it on 200, 206 and 304, and it
//! helps on 412 and 416. A menu is another client's business, so nobody may keep it.
//!
//! Absent on purpose: length and type of the line of text that goes with 412 and 416 (`reply`).

use hyper::StatusCode;
use hyper::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderName, HeaderValue, LAST_MODIFIED,
};

use super::condition::{Validators, Verdict};
use super::range::Span;

/// Room for the lines of every answer, and those that hyper adds.
const LINES: usize = 12;

/// A body, as far as its head tells of it.
#[derive(Debug, Clone, Copy)]
pub struct Described<'a> {
    /// Bytes in all.
    pub len: u64,
    /// MIME type.
    pub media: &'static str,
    /// Its state.
    pub validators: &'a Validators,
    /// Whether it is rendered for one client.
    pub is_menu: bool,
}

/// The status and headers.
pub fn head(verdict: Verdict, body: Described<'_>) -> (StatusCode, HeaderMap) {
    let mut headers = HeaderMap::with_capacity(LINES);
    let status = match verdict {
        Verdict::Whole => {
            carries(&mut headers, body, body.len);
            StatusCode::OK
        }
        Verdict::Part(span) => {
            carries(&mut headers, body, span.len);
            insert(&mut headers, CONTENT_RANGE, range(span, body.len));
            StatusCode::PARTIAL_CONTENT
        }
        Verdict::NotModified => StatusCode::NOT_MODIFIED,
        Verdict::Failed(_) => StatusCode::PRECONDITION_FAILED,
        Verdict::Unsatisfiable => {
            insert(&mut headers, CONTENT_RANGE, format!("bytes */{}", body.len));
            StatusCode::RANGE_NOT_SATISFIABLE
        }
    };
    tells_its_state(&mut headers, body);
    (status, headers)
}

fn carries(headers: &mut HeaderMap, body: Described<'_>, len: u64) {
    headers.insert(CONTENT_LENGTH, len.into());
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(body.media));
}

fn range(span: Span, of: u64) -> String {
    let last = span.start.saturating_add(span.len).saturating_sub(1);
    format!("bytes {}-{last}/{of}", span.start)
}

fn tells_its_state(headers: &mut HeaderMap, body: Described<'_>) {
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(ETAG, body.validators.etag.header());
    if let Some(at) = body.validators.modified {
        insert(headers, LAST_MODIFIED, httpdate::fmt_http_date(at));
    }
    if body.is_menu {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}
