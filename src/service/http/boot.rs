//! The boot door: a name in the tree → a response.
//!
//! name → who asks → tree → open → conditions and range → response. Firmware takes no status of
//! 300 and more as anything but an error, wants `Content-Length` on HEAD and the content type exact
//! (facts F, quirks 45 and 46).

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Method, Request, Response, StatusCode};

use super::body::Payload;
use super::condition::{Verdict, judge};
use super::connection::Peer;
use super::content::{self, Content, Nothing};
use super::head::head;
use super::progress::{Kind, Transfer};
use super::range::Span;
use super::reply;
use super::route::printable;
use crate::event::What;
use crate::service::look_up::{self, goes_on_without};
use crate::tree::{CleanPath, Door, Missing, Requester};
use crate::wire::Mac;

/// One request for a name, by whom, since when.
struct Visit<'a> {
    peer: &'a Peer,
    method: &'a Method,
    name: String,
    client: Option<Mac>,
    began: Instant,
}

/// Answers a GET or HEAD for a name.
pub(super) async fn answer(
    peer: &Arc<Peer>,
    request: &Request<Incoming>,
    name: &CleanPath,
) -> Response<Payload> {
    let began = Instant::now();
    let shared = &peer.http.shared;
    let who = shared.requester(Door::Http, peer.ip(), peer.local.ip(), Some(name));
    let visit = Visit {
        peer,
        method: request.method(),
        name: printable(name.as_str()),
        client: who.client.as_ref().map(|c| c.mac),
        began,
    };
    let content = open(peer, &who, name).await;
    peer.http.shared.fetched(peer.ip(), content.is_ok());
    match content {
        Ok(content) => {
            let response = visit.respond(request.headers(), &content);
            peer.http.answers.learn(name, &content);
            response
        }
        Err(nothing) => visit.without(nothing),
    }
}

/// 404 for what is not even a name.
pub(super) fn missing(
    peer: &Peer,
    method: &Method,
    shown: String,
    why: &Missing,
) -> Response<Payload> {
    let client = peer.http.shared.clients().by_ip(peer.ip());
    let visit = Visit {
        peer,
        method,
        name: shown,
        client: client.map(|c| c.mac),
        began: Instant::now(),
    };
    visit.without(Nothing::Missing(why.to_string()))
}

/// What a loader goes on without has its event, and no complaint.
async fn open(peer: &Peer, who: &Requester, name: &CleanPath) -> Result<Content, Nothing> {
    let (http, shared) = (&peer.http, &peer.http.shared);
    let snapshot = shared.snapshot.load_full();
    let opened = look_up::look_up(shared, http.resolve, (&snapshot, who), name).await;
    let content = match opened {
        Ok((found, body)) => content::of(http, &found, body),
        Err(look_up::Nothing::Missing(why)) => Err(Nothing::Missing(why.to_string())),
        Err(look_up::Nothing::Unopened(error)) => Err(Nothing::of(&error)),
    };
    match content {
        Err(Nothing::Missing(_)) if goes_on_without(shared, who, name) => Err(Nothing::Unneeded),
        content => content,
    }
}

impl Visit<'_> {
    fn respond(&self, request: &HeaderMap, content: &Content) -> Response<Payload> {
        let len = content.body.len;
        let whole = Span { start: 0, len };
        let verdict = judge(self.method, request, &content.validators, len);
        let mut response = match verdict {
            Verdict::Whole => self.send(content, StatusCode::OK, whole),
            Verdict::Part(span) => self.send(content, StatusCode::PARTIAL_CONTENT, span),
            Verdict::NotModified => self.unchanged(),
            Verdict::Failed(condition) => self.changed(condition),
            Verdict::Unsatisfiable => self.past_the_end(len),
        };
        let (status, headers) = head(verdict, content.described());
        *response.status_mut() = status;
        if response.headers().is_empty() {
            *response.headers_mut() = headers;
        } else {
            response.headers_mut().extend(headers);
        }
        response
    }

    fn send(&self, content: &Content, status: StatusCode, span: Span) -> Response<Payload> {
        let progress = self.peer.progress.clone();
        Response::new(if *self.method == Method::HEAD {
            self.probed();
            Payload::text(Bytes::new(), progress)
        } else {
            progress.begins(self.transfer(content, status, span));
            Payload::of(&content.body, span, progress, &self.peer.http.wide)
        })
    }

    fn transfer(&self, content: &Content, status: StatusCode, span: Span) -> Transfer {
        let part = status == StatusCode::PARTIAL_CONTENT && content.kind == Kind::Whole;
        Transfer {
            client: self.client,
            peer: self.peer.ip(),
            path: self.name.as_str().into(),
            size: span.len,
            began: self.began,
            kind: if part {
                Kind::Part
            } else {
                content.kind.clone()
            },
        }
    }

    fn unchanged(&self) -> Response<Payload> {
        self.probed();
        Response::new(Payload::text(Bytes::new(), self.peer.progress.clone()))
    }

    fn changed(&self, condition: &str) -> Response<Payload> {
        self.failed(format!(
            "{condition} does not hold: this is not the state the client knows"
        ));
        let status = StatusCode::PRECONDITION_FAILED;
        reply::line(self.peer, self.method, status, "precondition failed")
    }

    fn past_the_end(&self, len: u64) -> Response<Payload> {
        self.failed(format!("the range begins past the end of {len} bytes"));
        let status = StatusCode::RANGE_NOT_SATISFIABLE;
        reply::line(self.peer, self.method, status, "no such range")
    }

    fn without(&self, nothing: Nothing) -> Response<Payload> {
        let path = self.name.clone();
        match nothing {
            Nothing::Missing(reason) => {
                self.emit(What::NotFound {
                    door: Door::Http,
                    path,
                    peer: self.peer.ip(),
                    reason,
                    needed: false, // those of whom that is known come by TFTP
                });
                reply::not_found(self.peer, self.method)
            }
            Nothing::Unneeded => reply::not_found(self.peer, self.method),
            Nothing::Fault(e) => {
                self.failed(format!("cannot open it: {e}"));
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                reply::line(self.peer, self.method, status, "cannot open it")
            }
        }
    }

    fn probed(&self) {
        self.emit(What::Probed {
            door: Door::Http,
            path: self.name.clone(),
            peer: self.peer.ip(),
            sent: 0,
        });
    }

    fn failed(&self, reason: String) {
        self.emit(What::Failed {
            door: Door::Http,
            path: self.name.clone(),
            peer: self.peer.ip(),
            sent: 0,
            reason,
        });
    }

    fn emit(&self, what: What) {
        self.peer.http.shared.emit(self.client, what);
    }
}
