//! Where a client reaches us, and the URIs of names there.

use std::net::IpAddr;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::profile::{Snapshot, Target};

/// Our side of the conversation, and the client's.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Our address, as this client reaches it.
    pub server: IpAddr,
    /// The HTTP port.
    pub http_port: u16,
    /// The client's address.
    pub peer: IpAddr,
    /// Whether its loader speaks TFTP alone, as `pxelinux.0` does.
    pub tftp_only: bool,
}

/// How a loader fetches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// `http://server:port/name`
    Http,
    /// `tftp://server/name`
    Tftp,
    /// `(tftp,server)/name`
    GrubTftp,
    /// `name`: of the server that the menu came from
    Name,
}

/// What a path may not carry as it is (RFC 3986), and `,` and `$`, which loaders give a meaning.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'\\')
    .add(b'^')
    .add(b'|')
    .add(b'[')
    .add(b']')
    .add(b',')
    .add(b'$')
    .add(b'\'')
    .add(b';')
    .add(b'&');

impl Place {
    /// `http://10.0.0.2:8067`, without a slash at its end.
    pub fn http(&self) -> String {
        format!("http://{}:{}", host(self.server), self.http_port)
    }

    /// A name of the tree as a URI.
    pub fn uri(&self, transport: Transport, name: &str) -> String {
        match transport {
            Transport::Http => format!("{}/{}", self.http(), utf8_percent_encode(name, ESCAPED)),
            Transport::Tftp => format!(
                "tftp://{}/{}",
                host(self.server),
                utf8_percent_encode(name, ESCAPED)
            ),
            Transport::GrubTftp => format!("(tftp,{})/{name}", self.server),
            Transport::Name => name.to_owned(),
        }
    }

    /// A profile's target as a URI; foreign URLs stay as they are.
    pub fn target(&self, snapshot: &Snapshot, transport: Transport, target: &Target) -> String {
        match target {
            Target::Url(url) => url.clone(),
            Target::Path(path) => self.uri(transport, &snapshot.tree_name(path)),
        }
    }
}

fn host(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    }
}
