//! Its files: names as the tree has them, by TFTP with the sender that serves them, and by HTTP with
//! the heads that it answers. Nothing gets lost.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant, SystemTime};

use bootjack::client::Registry;
use bootjack::firmware::image::HEAD;
use bootjack::firmware::machine::Datagram;
use bootjack::firmware::machine::web::{NoPage, Page, Question};
use bootjack::profile::Snapshot;
use bootjack::service::http::{Described, ETag, Validators, head, judge};
use bootjack::transfer::{Bounds, Input, Send, Sender, Step, agree};
use bootjack::tree::{CleanPath, Door, Found, Requester, asker, resolve};
use bootjack::wire::tftp::{ErrorCode, Options, Packet, Request};
use hyper::{HeaderMap, Method};

use super::server::Told;
use super::{Case, Sent};
use crate::server::US;
use crate::tree::{Body, Lengths, body_of};

/// Where its transfers come from.
const PORT: u16 = 40_000;
const PATIENCE: Duration = Duration::from_secs(60);

/// Both doors.
pub struct Doors {
    images: Lengths,
    assets: Lengths,
    began: Instant,
    /// By the port of the machine.
    transfers: HashMap<u16, Transfer>,
}

struct Transfer {
    body: Body,
    oack: Option<Options>,
    sender: Sender,
}

impl Doors {
    pub fn new(case: &Case) -> Self {
        Self {
            images: case.images.clone(),
            assets: case.assets.clone(),
            began: Instant::now(),
            transfers: HashMap::new(),
        }
    }

    fn get(
        &self,
        snapshot: &Snapshot,
        machines: &Registry,
        (door, peer): (Door, Ipv4Addr),
        name: &[u8],
    ) -> Option<Body> {
        let path = CleanPath::new(name).ok()?;
        let requester = Requester {
            peer: peer.into(),
            server: US.into(),
            door,
            client: asker(machines, peer.into(), Some(&path)),
            tftp_only: false,
            loader: None,
        };
        let found = resolve(snapshot, &requester, &path).ok()?;
        let own = match &found {
            Found::File(file) => file.path.as_str().to_owned(),
            _ => String::new(),
        };
        let mut body = body_of(found, &self.images, &self.assets)?;
        if own.rsplit_once('.').is_some_and(|(_, end)| end == "efi") {
            make_efi(&mut body.bytes, &own);
        }
        Some(body)
    }

    /// A packet of TFTP; a request is told in words, too.
    pub fn tftp(&mut self, snapshot: &Snapshot, machines: &Registry, datagram: &Datagram) -> Told {
        let port = datagram.from.port();
        let (words, packets) = match Packet::decode(&datagram.bytes).unwrap() {
            Packet::Read(request) => {
                let peer = *datagram.from.ip();
                let body = self.get(snapshot, machines, (Door::Tftp, peer), request.name);
                let bounds = asker(machines, peer.into(), None).map_or_else(
                    || Bounds::of_mtu(1500),
                    |client| Bounds::of_mtu(1500).within(&snapshot.quirks.treat(&client)),
                );
                let (words, packets) = self.begin(port, body, (&request, bounds));
                (Some(words), packets)
            }
            Packet::Ack(number) => (None, self.goes_on(port, Input::Ack(number))),
            Packet::Error { code, .. } => (None, self.goes_on(port, Input::Error(code))),
            other => panic!("nothing that a machine says: {other:?}"),
        };
        let sent = |bytes| Sent {
            from: SocketAddrV4::new(US, PORT),
            to: datagram.from,
            after: Duration::ZERO,
            bytes,
        };
        Told {
            words,
            sent: packets.into_iter().map(sent).collect(),
        }
    }

    fn begin(
        &mut self,
        port: u16,
        body: Option<Body>,
        (request, bounds): (&Request<'_>, Bounds),
    ) -> (String, Vec<Vec<u8>>) {
        let Some(body) = body else {
            let error = Packet::Error {
                code: ErrorCode::NOT_FOUND,
                text: b"file not found",
            };
            return ("not found".to_owned(), vec![error.encode()]);
        };
        let size = body.bytes.len() as u64;
        let terms = agree(&request.options, size, &bounds);
        let words = granted(terms.oack);
        let (oack, (sender, step)) = (terms.oack, Sender::start(self.began, size, terms, PATIENCE));
        let transfer = Transfer { body, oack, sender };
        let packets = transfer.packets(step);
        self.transfers.insert(port, transfer);
        (words, packets)
    }

    fn goes_on(&mut self, port: u16, input: Input) -> Vec<Vec<u8>> {
        let Some(transfer) = self.transfers.get_mut(&port) else {
            return Vec::new();
        };
        let step = transfer.sender.on(self.began, input);
        transfer.packets(step)
    }

    /// A page, and its head in words.
    pub fn web(
        &self,
        snapshot: &Snapshot,
        machines: &Registry,
        own: Ipv4Addr,
        asked: &Question,
    ) -> (Result<Page, NoPage>, String) {
        let ours = format!("http://{US}:{}", snapshot.http_port);
        let Some(path) = asked.url.strip_prefix(&ours) else {
            let why = "nobody is there".to_owned();
            return (Err(NoPage::Theirs(why)), "nobody".to_owned());
        };
        match self.get(snapshot, machines, (Door::Http, own), path.as_bytes()) {
            Some(body) => page(&body, asked),
            None => (Ok(not_found()), "404".to_owned()),
        }
    }
}

impl Transfer {
    /// The packets of a step.
    fn packets(&self, step: Step) -> Vec<Vec<u8>> {
        match step.send {
            None => Vec::new(),
            Some(Send::Oack) => vec![Packet::Oack(self.oack.unwrap()).encode()],
            Some(Send::Blocks(run)) => run
                .blocks()
                .map(|block| {
                    let begin = block.offset as usize;
                    let bytes = &self.body.bytes[begin..begin + usize::from(block.len)];
                    let number = block.number;
                    Packet::Data {
                        block: number,
                        bytes,
                    }
                    .encode()
                })
                .collect(),
        }
    }
}

/// An operator's program is one for the machine that its name has in it.
fn make_efi(bytes: &mut [u8], name: &str) {
    let machine: u16 = if name.contains("arm64") {
        0xaa64
    } else {
        0x8664
    };
    bytes[..2].copy_from_slice(b"MZ");
    bytes[0x3c] = 0x80;
    bytes[0x80..0x84].copy_from_slice(b"PE\0\0");
    bytes[0x84..0x86].copy_from_slice(&machine.to_le_bytes());
}

/// The names of what is granted; a size would be that of an asset, which changes.
fn granted(oack: Option<Options>) -> String {
    let Some(oack) = oack else {
        return "data".to_owned();
    };
    let number = |name: &str, value: Option<u16>| value.map(|n| format!(" {name}={n}"));
    let all = [
        number("blksize", oack.blksize),
        number("windowsize", oack.windowsize),
        oack.tsize.map(|_| " tsize".to_owned()),
    ];
    format!("oack{}", all.into_iter().flatten().collect::<String>())
}

fn page(body: &Body, asked: &Question) -> (Result<Page, NoPage>, String) {
    let validators = Validators::new(ETag::of_bytes(&body.bytes), None, SystemTime::now());
    let len = body.bytes.len() as u64;
    let described = Described {
        len,
        media: body.media,
        validators: &validators,
        is_menu: body.is_menu,
    };
    let method = if asked.head {
        Method::HEAD
    } else {
        Method::GET
    };
    let verdict = judge(&method, &HeaderMap::new(), &validators, len);
    let (status, headers) = head(verdict, described);
    let told = |name| Some(headers.get(name)?.to_str().unwrap().to_owned());
    let kind: Option<String> = told("content-type");
    let words = format!(
        "{} {}",
        status.as_u16(),
        kind.as_deref().unwrap_or("of no type")
    );
    let sent = if asked.head { &[] } else { &body.bytes[..] };
    let page = Page {
        status: status.as_u16(),
        reason: status.canonical_reason().unwrap_or_default().to_owned(),
        length: told("content-length").map(|n| n.parse().unwrap()),
        kind,
        stays: true,
        nameless: false,
        head: sent[..sent.len().min(HEAD)].to_vec(),
        received: sent.len() as u64,
    };
    (Ok(page), words)
}

fn not_found() -> Page {
    Page {
        status: 404,
        reason: "Not Found".to_owned(),
        length: Some(0),
        kind: None,
        stays: true,
        nameless: false,
        head: Vec::new(),
        received: 0,
    }
}
