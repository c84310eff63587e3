//! `/`: the status page. One HTML file without scripts or outside resources; the template escapes
//! every value, and the content security policy forbids what would slip through.

use std::net::SocketAddr;

use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use hyper::{Method, Response, StatusCode};
use minijinja::Environment;
use minijinja::value::Serde;
use serde::Serialize;

use super::body::Payload;
use super::connection::Peer;
use super::{api, reply, view};
use crate::service::Shared;
use crate::yaml::Finding;

/// Machines and findings shown; the API has them all.
const ROWS: usize = 200;

/// The template's name; its ending turns escaping on.
const NAME: &str = "status.html";

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);

/// The page's template, parsed.
#[derive(Debug, Clone)]
pub(super) struct Page(std::sync::Arc<Environment<'static>>);

impl Page {
    /// Parses the template that is compiled in.
    ///
    /// # Errors
    /// Where it does not parse (a test would have told).
    pub(super) fn new() -> Result<Self, minijinja::Error> {
        let mut environment = Environment::new();
        environment.add_template(NAME, include_str!("../../ui/status.html"))?;
        Ok(Self(std::sync::Arc::new(environment)))
    }

    fn render(&self, shared: &Shared, here: SocketAddr) -> Result<String, minijinja::Error> {
        let findings = shared.findings.load_full();
        let (machines, more_machines) = view::machines(shared, ROWS);
        self.0.get_template(NAME)?.render(Serde(Sheet {
            version: env!("CARGO_PKG_VERSION"),
            here,
            leases: shared.leases.get().is_some(),
            machines,
            more_machines,
            more_findings: findings.len().saturating_sub(ROWS),
            findings: findings.iter().take(ROWS).collect(),
        }))
    }
}

/// What the template shows.
#[derive(Serialize)]
struct Sheet<'a> {
    version: &'static str,
    /// The address this page was asked at.
    here: SocketAddr,
    /// Whether leases are given.
    leases: bool,
    machines: Vec<view::Machine>,
    more_machines: usize,
    findings: Vec<&'a Finding>,
    more_findings: usize,
}

/// Answers for the empty path.
pub(super) async fn answer(peer: &Peer, method: &Method) -> Response<Payload> {
    let page = peer.http.page.clone();
    let here = peer.local;
    let built = api::build(peer, move |shared| page.render(shared, here)).await;
    match built {
        Some((Ok(html), place)) => {
            let html = html.into();
            let mut response = reply::held(peer, method, StatusCode::OK, HTML, html, Some(place));
            response
                .headers_mut()
                .insert(CONTENT_SECURITY_POLICY, POLICY);
            response
        }
        Some((Err(e), _)) => {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            reply::line(peer, method, status, &format!("cannot draw the page: {e}"))
        }
        None => reply::line(
            peer,
            method,
            StatusCode::SERVICE_UNAVAILABLE,
            "busy; ask again",
        ),
    }
}
