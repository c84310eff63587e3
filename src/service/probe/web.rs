//! HTTP requests as firmware makes them, from this host's own address: TCP of a made-up host would
//! take more than frames.
//!
//! A HEAD and the GET behind it take one connection, where the server keeps it open. Of the body only its first bytes are kept, and its length. HTTPS is not spoken, and said to be so.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue, LOCATION, SERVER, USER_AGENT,
};
use hyper::{Method, Request, Response, Uri, Version};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::timeout;

use crate::firmware::image::HEAD;
use crate::firmware::machine::web::{NoPage, Page, Question, impossible_port, is_host};
use crate::firmware::transfer::LARGEST;

/// How long a connection and each next piece of an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Redirections that are followed.
const REDIRECTIONS: usize = 8;

/// How a server is reached.
#[derive(Debug)]
pub(super) enum Way {
    /// By this interface
    Through(String),
    /// As this host reaches everybody
    Routes,
    /// Not at all, and why
    None(String),
}

/// A connection that stays open for another request, and to whom.
#[derive(Debug)]
pub(super) struct Kept {
    authority: String,
    sender: SendRequest<Empty<Bytes>>,
}

/// Asks; the connection kept from the last request is used, where it is to the same server.
///
/// # Errors
/// Why there is no answer, in words.
pub(super) async fn ask(
    question: Question,
    way: Way,
    kept: &mut Option<Kept>,
) -> Result<Page, NoPage> {
    let mut url = question.url.clone();
    for _ in 0..REDIRECTIONS {
        let response = response(&url, question.head, &way, kept).await?;
        let next = response.headers().get(LOCATION);
        let next = next.and_then(|v| v.to_str().ok()).map(str::to_owned);
        match next.filter(|_| question.follows && response.status().is_redirection()) {
            Some(next) if next.starts_with('/') => url = beside(&url, &next),
            Some(next) => url = next,
            None => return page(response).await.map_err(NoPage::Theirs),
        }
    }
    let why = format!("more than {REDIRECTIONS} redirections");
    Err(NoPage::Theirs(why))
}

/// A path on the same server.
fn beside(url: &str, path: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let authority = rest.split('/').next().unwrap_or_default();
    format!("{scheme}://{authority}{path}")
}

async fn response(
    url: &str,
    head: bool,
    way: &Way,
    kept: &mut Option<Kept>,
) -> Result<Response<Incoming>, NoPage> {
    let theirs = |why: &str| NoPage::Theirs(why.to_owned());
    if let Some(port) = impossible_port(url) {
        return Err(theirs(&format!("{port} is no port")));
    }
    let uri: Uri = url
        .parse()
        .map_err(|e| NoPage::Theirs(format!("no URL: {e}")))?;
    if uri
        .scheme_str()
        .is_some_and(|s| s.eq_ignore_ascii_case("https"))
    {
        return Err(NoPage::Https);
    }
    let host = uri.host().ok_or_else(|| theirs("no host in the URL"))?;
    let authority = uri.authority().map_or(host, |a| a.as_str());
    let mut sender = match kept.take().filter(|kept| kept.authority == authority) {
        Some(kept) if !kept.sender.is_closed() => kept.sender,
        _ => {
            let stream = connected(host, uri.port_u16().unwrap_or(80), way).await?;
            spoken_to(stream).await.map_err(NoPage::Theirs)?
        }
    };
    let answered = asked(&uri, authority, head, &mut sender).await;
    *kept = Some(Kept {
        authority: authority.to_owned(),
        sender,
    });
    answered.map_err(NoPage::Theirs)
}

/// A connection; the host's own stack finds the name, and the way where none is given.
async fn connected(host: &str, port: u16, way: &Way) -> Result<TcpStream, NoPage> {
    if let Way::None(why) = way {
        return Err(NoPage::Ours(why.clone()));
    }
    let ours = |e: io::Error| NoPage::Ours(e.to_string());
    let found = timeout(PATIENCE, lookup_host((host, port))).await;
    let mut found = found.map_err(|e| ours(e.into()))?.map_err(ours)?;
    let address = found.find(SocketAddr::is_ipv4);
    let address = address.ok_or_else(|| NoPage::Ours(format!("{host} has no IPv4 address")))?;
    if let SocketAddr::V4(v4) = address
        && !is_host(*v4.ip())
    {
        let text = format!("{} is no address of another host", v4.ip());
        return Err(NoPage::Theirs(text));
    }
    let socket = TcpSocket::new_v4().map_err(ours)?;
    if let Way::Through(device) = way {
        // Not allowed before Linux 5.7; then the routes decide.
        let _ = socket.bind_device(Some(device.as_bytes()));
    }
    match timeout(PATIENCE, socket.connect(address)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(e)) if is_ours(&e) => Err(ours(e)),
        Ok(Err(e)) => Err(NoPage::Theirs(format!("no connection: {e}"))),
        Err(_) => Err(NoPage::Theirs(format!(
            "no connection within {} s",
            PATIENCE.as_secs()
        ))),
    }
}

/// Whether this host has no way there at all.
fn is_ours(why: &io::Error) -> bool {
    use io::ErrorKind::{AddrNotAvailable, NetworkDown, NetworkUnreachable};
    matches!(
        why.kind(),
        AddrNotAvailable | NetworkDown | NetworkUnreachable
    )
}

async fn spoken_to(stream: TcpStream) -> Result<SendRequest<Empty<Bytes>>, String> {
    let connecting = hyper::client::conn::http1::handshake(TokioIo::new(stream));
    let (sender, connection) = patiently(connecting, "no connection").await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn asked(
    uri: &Uri,
    authority: &str,
    head: bool,
    sender: &mut SendRequest<Empty<Bytes>>,
) -> Result<Response<Incoming>, String> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let agent = concat!("bootjack-probe/", env!("CARGO_PKG_VERSION"));
    let request = Request::builder()
        .method(if head { Method::HEAD } else { Method::GET })
        .uri(path)
        .header(HOST, authority)
        .header(USER_AGENT, agent)
        .body(Empty::<Bytes>::new())
        .map_err(|e| format!("no request: {e}"))?;
    patiently(sender.send_request(request), "no answer").await
}

async fn patiently<T, E: std::fmt::Display>(
    doing: impl Future<Output = Result<T, E>>,
    what: &str,
) -> Result<T, String> {
    match timeout(PATIENCE, doing).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(why)) => Err(format!("{what}: {why}")),
        Err(_) => Err(format!("{what} within {} s", PATIENCE.as_secs())),
    }
}

async fn page(response: Response<Incoming>) -> Result<Page, String> {
    let status = response.status();
    let text = |name| {
        let value = response.headers().get(name)?;
        Some(value.to_str().ok()?.to_owned())
    };
    let mut page = Page {
        status: status.as_u16(),
        reason: status.canonical_reason().unwrap_or_default().to_owned(),
        length: text(CONTENT_LENGTH).and_then(|length| length.parse().ok()),
        kind: text(CONTENT_TYPE),
        stays: stays(&response),
        nameless: response
            .headers()
            .get(SERVER)
            .is_some_and(HeaderValue::is_empty),
        head: Vec::new(),
        received: 0,
    };
    let mut body = response.into_body();
    while let Some(frame) = pieces(&mut body).await? {
        let room = HEAD.saturating_sub(page.head.len());
        page.head
            .extend_from_slice(frame.get(..room).unwrap_or(&frame));
        page.received += frame.len() as u64;
        if page.received > LARGEST {
            return Err(format!("more than {LARGEST} bytes"));
        }
    }
    Ok(page)
}

/// Whether the server says that it waits for the next request (RFC 9112 9.3).
fn stays(response: &Response<Incoming>) -> bool {
    let said = response
        .headers()
        .get(CONNECTION)
        .and_then(|v| v.to_str().ok());
    let said = said.unwrap_or_default().to_ascii_lowercase();
    let says = |word: &str| said.split(',').any(|part| part.trim() == word);
    let new = response.version() >= Version::HTTP_11;
    !says("close") && (new || says("keep-alive"))
}

/// The next piece of a body.
async fn pieces(body: &mut Incoming) -> Result<Option<Bytes>, String> {
    match timeout(PATIENCE, body.frame()).await {
        Ok(None) => Ok(None),
        Ok(Some(Ok(frame))) => Ok(Some(frame.into_data().unwrap_or_default())),
        Ok(Some(Err(why))) => Err(format!("it broke off: {why}")),
        Err(_) => Err(format!("it stalled for {} s", PATIENCE.as_secs())),
    }
}
