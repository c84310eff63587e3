//! Why a message is not answered: each reason with its words for the log, and one word for metrics.

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::loader::NoLoader;
use super::{Excess, reply};
use crate::client::NotBooting;
use crate::lease::Silence;

/// Why a message is not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ignore {
    /// A reply of some other server, or noise.
    #[error("not a request")]
    NotRequest,
    /// An ordinary client; the DHCP server's business.
    #[error("{0}")]
    NotBooting(#[from] NotBooting),
    /// A boot client takes its lease from the DHCP server; not ours to answer or refuse.
    #[error("a lease REQUEST: the DHCP server's to answer")]
    LeaseRequest,
    /// A message type that a boot server has no answer to on this port.
    #[error("a message type that is not answered on port {0}")]
    Kind(u16),
    /// Discovery of a boot-server type that is not served (facts A).
    #[error("asks for PXE boot server type {0}, which is not served")]
    BootServerType(u16),
    /// Discovery of one that the machine's menu gives to other servers alone.
    #[error("asks for PXE boot server type {0}, which its menu gives to {servers}", servers = Listed(.1))]
    OthersItem(u16, Vec<Ipv4Addr>),
    /// A boot-server type in a message that asks for none.
    #[error(
        "names PXE boot server type {0}, but is no REQUEST or INFORM of a PXE client: those ask for one"
    )]
    NoItemRequest(u16),
    /// Discovery of a program that comes after the first one of its boot server type.
    #[error("asks for layer {1} of PXE boot server type {0}, which has one program alone")]
    BootServerLayer(u16, u16),
    /// No profile matches and there is no default.
    #[error(
        "no profile matches this machine and there is none for everyone; add one without a match"
    )]
    NoProfile,
    /// The profile's loader does not exist for this machine.
    #[error("{0}")]
    NoLoader(#[from] NoLoader),
    /// `giaddr` is no host's address: what answers it would go anywhere.
    #[error("relayed by {0}, which is no host's address")]
    Relay(Ipv4Addr),
    /// Port 4011 or an item of a menu: somebody speaks for an address that he does not send from.
    #[error("sent by {from} in the name of {named}")]
    NotItsAddress {
        /// The address in the message.
        named: Ipv4Addr,
        /// Where it came from.
        from: Ipv4Addr,
    },
    /// Port 67: from another network, to us alone, and no relay in it. Renewals alone come so.
    #[error("sent to us alone by {0} of another network, without a relay")]
    NoRelay(Ipv4Addr),
    /// Mode `dhcp`: `chaddr` is empty.
    #[error("no hardware address")]
    NoHardwareAddress,
    /// Mode `dhcp`: no subnet has the client's link.
    #[error("no subnet under `dhcp: networks:` holds {0}, the address on its link")]
    NoNetwork(Ipv4Addr),
    /// Mode `dhcp`: a RELEASE or DECLINE for another server.
    #[error("meant for another DHCP server")]
    OtherServers,
    /// Mode `dhcp`: it names another address of this host, and is answered where it comes to that.
    #[error("names another address of this host, and is answered there")]
    OtherAddress,
    /// Mode `dhcp`: the lease that is offered could not be stored, and so would never be given;
    /// another server's can.
    #[error("the lease store cannot be written, so nothing is offered")]
    Unwritable,
    /// It came by an interface that has lost its address, so nothing could be answered from there.
    #[error("the interface it came by has no address any more")]
    NoOwnAddress,
    /// Mode `dhcp`: the book of leases has no answer to it.
    #[error("{0}")]
    Lease(Silence),
    /// A quirk says that this client is not answered on port 4011.
    #[error("quirk \"{0}\" says that port 4011 does not answer this machine")]
    Quirk(Arc<str>),
    /// The name of the loader goes where it has no room; its bytes.
    #[error(
        "the loader's name has {0} bytes, and this machine is told it in the header alone, which holds {most}; give it a shorter one",
        most = reply::FILE_MAX
    )]
    NameTooLong(usize),
    /// The reply would not fit the client's limit.
    #[error("{0}")]
    TooLarge(Box<Excess>),
}

/// Addresses in a sentence.
struct Listed<'a>(&'a [Ipv4Addr]);

impl std::fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&all.join(" and "))
    }
}

impl Ignore {
    /// Whether where it comes from speaks against its being the machine's own.
    pub const fn is_forgery(&self) -> bool {
        matches!(self, Self::NotItsAddress { .. } | Self::NoRelay(_))
    }

    /// The reason as a word, for metrics and the JSON log.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::NotRequest => "not-request",
            Self::NotBooting(_) => "not-booting",
            Self::LeaseRequest => "lease-request",
            Self::Kind(_) | Self::NoItemRequest(_) => "message-type",
            Self::BootServerType(_) => "boot-server-type",
            Self::BootServerLayer(..) => "boot-server-layer",
            Self::NoProfile => "no-profile",
            Self::NoLoader(NoLoader::SignedByHttp | NoLoader::SecureByHttp(_)) => "left-to-pxe",
            Self::NoLoader(_) => "no-loader",
            Self::Relay(_) => "bad-relay",
            Self::NotItsAddress { .. } => "not-its-address",
            Self::NoRelay(_) => "no-relay",
            Self::NoHardwareAddress => "no-hardware-address",
            Self::NoNetwork(_) => "no-network",
            Self::OtherServers | Self::OtherAddress | Self::OthersItem(..) => "other-server",
            Self::Unwritable => "unwritable",
            Self::NoOwnAddress => "no-own-address",
            Self::Lease(why) => why.word(),
            Self::Quirk(_) => "quirk",
            Self::NameTooLong(_) => "name-too-long",
            Self::TooLarge(_) => "too-large",
        }
    }
}
