//! TFTP requests in a capture: what a name is for who asks, and which transfers one side has ended.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddrV4};

use super::datagram::Heard;
use super::told::{Found, Said, Terms};
use crate::client::{Boot, Client, Loaders, Registry};
use crate::profile::Snapshot;
use crate::service::files;
use crate::service::shared::Folders;
use crate::tree::{self, CleanPath, Door, Requester, asker, files_first, is_guess, resolve};
use crate::wire::tftp::{Packet, Request};

/// How many requests are remembered for their transfers' ends.
const ASKED: usize = 1024;
/// How many addresses are remembered by their loaders.
const LOADERS: usize = 1024;

/// What is known of the capture's transfers.
pub(super) struct Transfers<'a> {
    snapshot: &'a Snapshot,
    folders: Folders,
    server: IpAddr,
    loaders: Loaders,
    asked: VecDeque<SocketAddrV4>,
}

impl<'a> Transfers<'a> {
    /// None seen yet.
    pub(super) fn new(snapshot: &'a Snapshot, folders: Folders, server: IpAddr) -> Self {
        Self {
            snapshot,
            folders,
            server,
            loaders: Loaders::new(LOADERS),
            asked: VecDeque::new(),
        }
    }

    /// A datagram to port 69: what it asks for, and whose request it is.
    pub(super) fn request(&mut self, heard: &Heard, clients: &Registry) -> (Said, Option<Client>) {
        let (request, write) = match Packet::decode(&heard.payload) {
            Ok(Packet::Read(request)) => (request, false),
            Ok(Packet::Write(request)) => (request, true),
            Ok(_) => return (unreadable("no TFTP request"), None),
            Err(why) => return (unreadable(&why.to_string()), None),
        };
        self.asked.push_back(heard.from);
        let surplus = self.asked.len().saturating_sub(ASKED);
        self.asked.drain(..surplus);
        let peer = IpAddr::V4(*heard.from.ip());
        let path = CleanPath::new(request.name);
        let client = asker(clients, peer, path.as_ref().ok());
        let answer = match path {
            _ if write => missing("nothing may be written"),
            Ok(path) => self.look_up((peer, clients.boot(peer)), client.clone(), &path),
            Err(why) => missing(&why.to_string()),
        };
        (wanted(&request, write, answer), client)
    }

    /// What a name is, as the service finds it.
    fn look_up(
        &mut self,
        (peer, boot): (IpAddr, Option<Boot>),
        client: Option<Client>,
        path: &CleanPath,
    ) -> Found {
        let requester = Requester {
            peer,
            server: self.server,
            door: Door::Tftp,
            client,
            tftp_only: self.loaders.tftp_only(peer),
            loader: self.loaders.image(peer, boot),
        };
        match self.open(&requester, path) {
            Ok((found, bytes)) => {
                let name = path.as_str();
                self.loaders.fetched(peer, name);
                self.loaders.started(peer, boot, name, found.image());
                what(found, bytes)
            }
            Err(_) if is_guess(path) => missing("a probe, as expected"),
            Err(why) => missing(&why),
        }
    }

    /// What is found, and how many bytes that is.
    fn open(&self, who: &Requester, path: &CleanPath) -> Result<(tree::Found, u64), String> {
        let unopened = |error: std::io::Error| crate::error::why(&error);
        let files = files_first(self.snapshot, who, path);
        if let Some((file, body)) = files::first_now(&self.folders, files).map_err(unopened)? {
            return Ok((tree::Found::File(file), body.len));
        }
        let found = resolve(self.snapshot, who, path).map_err(|why| why.to_string())?;
        let (body, one) = files::open_now(&self.folders, &found).map_err(unopened)?;
        Ok((one.clone(), body.len))
    }

    /// An ERROR between the ports of a transfer that was asked for.
    pub(super) fn error(
        &self,
        heard: &Heard,
        clients: &Registry,
    ) -> Option<(Said, Option<Client>)> {
        let ours = |end: &SocketAddrV4| self.asked.contains(end);
        let end = [heard.from, heard.to].into_iter().find(|end| ours(end))?;
        let Ok(Packet::Error { code, text }) = Packet::decode(&heard.payload) else {
            return None;
        };
        let aborted = Said::Aborted {
            code: code.0,
            text: String::from_utf8_lossy(text).into_owned(),
        };
        Some((aborted, clients.by_ip((*end.ip()).into())))
    }
}

fn wanted(request: &Request<'_>, write: bool, answer: Found) -> Said {
    Said::Wanted {
        file: String::from_utf8_lossy(request.name).into_owned(),
        terms: Terms::of(request, write),
        answer,
    }
}

fn what(found: tree::Found, bytes: u64) -> Found {
    match found {
        tree::Found::Asset(_) => Found::Asset { bytes },
        tree::Found::File(_) | tree::Found::First(_) => Found::File { bytes },
        tree::Found::Text(_, rendered) => Found::Menu {
            dialect: rendered.dialect,
            profile: rendered.profile,
            entries: rendered.entries,
            bytes,
        },
    }
}

fn missing(why: &str) -> Found {
    Found::Missing {
        why: why.to_owned(),
    }
}

fn unreadable(why: &str) -> Said {
    Said::Unreadable {
        service: "TFTP",
        why: why.to_owned(),
    }
}
