//! Names as a door asks the tree for them: who asks, and what comes of it as bytes in memory. Files
//! of an operator's are as many zeros as a case says.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use bootjack::client::Client;
use bootjack::profile::Snapshot;
use bootjack::transfer::Bounds;
use bootjack::tree::{CleanPath, Door, Found, Requester, Root, files_first, media_type, resolve};
use bootjack::wire::Arch;
use serde::Deserialize;

use crate::server::{US, snapshot};

const PEER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 77);

/// Files of a folder: path and length.
pub type Lengths = BTreeMap<String, usize>;

/// The server's side, and the machine behind the address that asks.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Tree {
    profiles: Option<Vec<String>>,
    quirks: String,
    /// Below the image folder.
    images: Lengths,
    /// Below the operator's asset folder.
    assets: Lengths,
    /// Its hardware address, where a DHCP packet has shown it, and its architecture.
    machine: Option<(String, u16)>,
    /// Its UNDI version.
    undi: Option<(u8, u8)>,
    /// The loader that it runs, below the image folder.
    loader: Option<String>,
}

/// What a name led to.
pub struct Body {
    pub bytes: Vec<u8>,
    pub media: &'static str,
    pub is_menu: bool,
}

impl Tree {
    /// What this name is; `None` where the client is told that there is nothing.
    pub fn get(&self, door: Door, name: &[u8]) -> Option<Body> {
        let path = CleanPath::new(name).ok()?;
        let (snapshot, who) = (self.snapshot(), self.requester(door));
        let first = files_first(&snapshot, &who, &path).into_iter();
        let mut first = first.map(Found::File);
        let first = first.find_map(|file| body_of(file, &self.images, &self.assets));
        first.or_else(|| {
            let found = resolve(&snapshot, &who, &path).ok()?;
            body_of(found, &self.images, &self.assets)
        })
    }

    /// What a transfer to the machine may have on a link of this MTU.
    pub fn bounds(&self, mtu: u32) -> Bounds {
        let (snapshot, bounds) = (self.snapshot(), Bounds::of_mtu(mtu));
        let client = self.requester(Door::Tftp).client;
        client.map_or(bounds, |client| {
            bounds.within(&snapshot.quirks.treat(&client))
        })
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            overrides: self.assets.keys().cloned().collect(),
            ..snapshot(self.profiles.as_deref(), &self.quirks, "")
        }
    }

    fn requester(&self, door: Door) -> Requester {
        let known = self.machine.as_ref().map(|(mac, arch)| Client {
            archs: vec![Arch(*arch)],
            undi: self.undi,
            ip: Some(PEER),
            ..Client::unknown(mac.parse().unwrap(), PEER)
        });
        Requester {
            peer: PEER.into(),
            server: US.into(),
            door,
            client: known,
            tftp_only: false,
            loader: self
                .loader
                .as_ref()
                .map(|path| CleanPath::new(path.as_bytes()).unwrap()),
        }
    }
}

/// What is found, as bytes; files of the operator's have so many zeros.
pub fn body_of(found: Found, images: &Lengths, assets: &Lengths) -> Option<Body> {
    match found {
        Found::Asset(memory) => Some(body(&memory.bytes, memory.media, false)),
        Found::Text(memory, _) => Some(body(&memory.bytes, memory.media, true)),
        Found::First(choice) => {
            let both = std::iter::once(choice.first).chain(choice.then);
            both.into_iter()
                .find_map(|found| body_of(found, images, assets))
        }
        Found::File(file) => {
            let folder = match file.root {
                Root::Images => images,
                Root::Assets => assets,
            };
            let name = file.path.as_str();
            let same = |entry: &(&String, &usize)| entry.0.eq_ignore_ascii_case(name);
            let (_, length) = folder.iter().find(same)?;
            Some(body(&vec![0; *length], media_type(name), false))
        }
    }
}

fn body(bytes: &[u8], media: &'static str, is_menu: bool) -> Body {
    Body {
        bytes: bytes.to_vec(),
        media,
        is_menu,
    }
}
