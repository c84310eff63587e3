//! How a boot ends before its loader runs: why, what the screen shows, and what to do.
//!
//! The screen's words are the firmware's own: EDK2's from OVMF 2022.11, iPXE's from QEMU's ROM, both
//! seen there; those of a PXE ROM from Intel's list of messages.

use std::borrow::Cow;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::image::Wrong;
use super::kind::Manner;
use crate::wire::Mac;

/// Why it ends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // each says what it is, two lines on
pub enum Fault {
    #[error("nobody answered")]
    Silence,
    #[error("answers came, and none of them to its question")]
    Strays,
    #[error("nobody answered it, and somebody answers this interface's own MAC")]
    Muffled,
    #[error("servers answered, and this firmware can use none of their answers")]
    Unusable,
    #[error("boot servers answered, and nobody offered an address")]
    OnlyProxies,
    #[error("an address was offered, and nobody named a boot file")]
    NoBootFile,
    #[error("it cannot use the URI \"{uri}\": {why}")]
    Uri { uri: String, why: &'static str },
    #[error("{0} did not confirm the address that it had offered")]
    NoLease(Ipv4Addr),
    #[error("{0} refused the address that it had offered (NAK)")]
    Refused(Ipv4Addr),
    #[error("{0} confirmed another address than the one that it had offered")]
    OtherAddress(Ipv4Addr),
    #[error("the offer of {0} has no subnet mask (option 1)")]
    NoMask(Ipv4Addr),
    #[error("nobody answered on port 4011 of {0}")]
    Silent4011(Ipv4Addr),
    #[error("{0} answered on port 4011 without a boot file and without a menu")]
    Useless4011(Ipv4Addr),
    #[error("option 43 neither says \"boot at once\" with a boot file nor has a menu")]
    NoMenu,
    #[error("the menu waits for somebody to choose; see --choose")]
    MenuWaits,
    #[error("the menu has {0} items")]
    NoSuchItem(usize),
    #[error("the item \"{0}\" is the local disk: it goes on to its next boot device")]
    LocalDisk(String),
    #[error("option 43 lists boot servers (sub-option 8), and none for item {0}")]
    NoServerOfItem(u16),
    #[error("item {0} is to be asked for by multicast, and there is no group (sub-option 7)")]
    NoGroup(u16),
    #[error("option 43 allows no way to look for the server of item {0}")]
    NoWay(u16),
    #[error("no boot server answered for item {0}")]
    NoServer(u16),
    #[error("{1} answered for item {0}, and it is not on the list of sub-option 8")]
    Unlisted(u16, Ipv4Addr),
    #[error("the server of item {0} named no boot file")]
    ItemWithoutFile(u16),
    #[error("the boot file \"{0}\" is named without a server to fetch it from")]
    Nowhere(String),
    #[error("the boot file is said to be on {0}, which is no address of another host")]
    NoHost(Ipv4Addr),
    #[error("{0} is in another subnet, and the lease names no router (option 3)")]
    NoRoute(Ipv4Addr),
    #[error("no TFTP server answered at {0}")]
    NoTftp(SocketAddrV4),
    #[error("the TFTP server at {server} stopped answering after {received} bytes")]
    Stalled { server: SocketAddrV4, received: u64 },
    #[error("{server} has no \"{name}\" for it: TFTP error {code} \"{text}\"")]
    Tftp {
        server: Ipv4Addr,
        name: String,
        code: u16,
        text: String,
    },
    #[error("the TFTP server at {0} does not tell the size of the file (tsize)")]
    NoSize(Ipv4Addr),
    #[error("the TFTP server at {0} tells a size of the file (tsize) that cannot be one")]
    BadSize(Ipv4Addr),
    #[error(
        "the TFTP server at {0} grants what was not asked for, or its OACK does not end with NUL"
    )]
    BadGrant(Ipv4Addr),
    #[error("the file has more than {0} bytes")]
    TooLarge(u64),
    #[error("{url}: {why}")]
    Web {
        url: String,
        status: Option<u16>,
        why: String,
    },
    #[error("this host cannot reach {url} from its own address: {why}")]
    Unreachable { url: String, why: String },
    #[error("{0}: probe does not play HTTPS")]
    Https(String),
    #[error("it cannot run what it fetched: {0}")]
    Image(Wrong),
    #[error(
        "\"{0}\" has no signature: it is neither a shim nor a GRUB that starts under Secure Boot, and firmware refuses it there"
    )]
    Unsigned(String),
    #[error("this firmware cannot fetch \"{0}\"")]
    Scheme(String),
    #[error("the loader came, and then it asks {server} for its next file: {why}")]
    Second { server: Ipv4Addr, why: String },
    #[error("a Raspberry Pi needs {file}: {why}")]
    PiFile { file: &'static str, why: String },
    #[error("the loader came, and then it knows no server to ask for its next file, \"{0}\"")]
    NoSecond(String),
    #[error("{0} was offered to it, and {1} has that address")]
    InUse(Ipv4Addr, Mac),
    #[error("a machine with the MAC {0} is running")]
    Running(Mac),
    #[error("it took longer than {0} s")]
    Endless(u64),
    #[error("it was interrupted")]
    Interrupted,
}

impl Fault {
    /// Whether it says nothing of the LAN: it could not be tried.
    pub const fn is_no_verdict(&self) -> bool {
        matches!(
            self,
            Self::Muffled
                | Self::Unreachable { .. }
                | Self::Https(_)
                | Self::NoSuchItem(_)
                | Self::InUse(..)
                | Self::Running(_)
                | Self::Interrupted
        )
    }

    /// Whether an answer that was not taken for one may be the reason.
    pub(super) const fn is_of_silence(&self) -> bool {
        matches!(
            self,
            Self::Silence
                | Self::Strays
                | Self::OnlyProxies
                | Self::NoBootFile
                | Self::NoLease(_)
                | Self::Silent4011(_)
                | Self::NoServer(_)
        )
    }

    /// What the screen of such a firmware shows, line by line.
    pub fn screen(&self, manner: Manner) -> Vec<String> {
        match manner {
            Manner::Edk2 => self.edk2().into_iter().map(str::to_owned).collect(),
            Manner::Edk2Http => self.edk2_http(),
            Manner::Rom => self.rom(),
            Manner::Ipxe => self.ipxe(),
            Manner::Pi => Vec::new(),
        }
    }

    fn edk2(&self) -> Option<&'static str> {
        Some(match self {
            Self::Silence
            | Self::Strays
            | Self::NoLease(_)
            | Self::NoServer(_)
            | Self::NoTftp(_)
            | Self::NoHost(_)
            | Self::Stalled { .. } => "PXE-E18: Server response timeout.",
            Self::Unusable
            | Self::OnlyProxies
            | Self::NoBootFile
            | Self::Silent4011(_)
            | Self::Useless4011(_) => "PXE-E16: No valid offer received.",
            Self::NoMenu | Self::LocalDisk(_) | Self::NoMask(_) => {
                "PXE-E21: Remote boot cancelled."
            }
            Self::Refused(_)
            | Self::OtherAddress(_)
            | Self::NoServerOfItem(_)
            | Self::ItemWithoutFile(_) => "PXE-E07: Network device error.",
            Self::Unlisted(..) => "PXE-E53: No boot filename received.",
            Self::Tftp { .. } | Self::BadGrant(_) => {
                "PXE-E23: Client received TFTP error from server."
            }
            Self::NoGroup(_)
            | Self::NoWay(_)
            | Self::NoSize(_)
            | Self::BadSize(_)
            | Self::Nowhere(_) => "PXE-E99: Unexpected network error.",
            _ => return None,
        })
    }

    fn edk2_http(&self) -> Vec<String> {
        let no_size = "Error: Could not retrieve NBP file size from HTTP server.";
        let why = match self {
            Self::Silence
            | Self::Strays
            | Self::Unusable
            | Self::OnlyProxies
            | Self::NoBootFile
            | Self::Uri { .. }
            | Self::NoLease(_) => "Error: Server response timeout.",
            Self::NoMask(_) => "Error: Remote boot cancelled.",
            Self::Refused(_) | Self::OtherAddress(_) => "Error: Network device error.",
            Self::Web { status, why, .. } => return http_lines(*status, why, no_size),
            _ => return Vec::new(),
        };
        vec![no_size.to_owned(), why.to_owned()]
    }

    fn rom(&self) -> Vec<String> {
        let line = match self {
            Self::Silence | Self::Strays | Self::Unusable | Self::NoLease(_) | Self::Refused(_) => {
                "PXE-E51: No DHCP or proxyDHCP offers were received."
            }
            Self::OnlyProxies => {
                "PXE-E52: proxyDHCP offers were received. No DHCP offers were received."
            }
            Self::NoBootFile | Self::Useless4011(_) | Self::ItemWithoutFile(_) => {
                "PXE-E53: No boot filename received."
            }
            Self::Silent4011(_) => {
                "PXE-E55: proxyDHCP service did not reply to request on port 4011."
            }
            Self::NoMenu => "PXE-E74: Bad or missing PXE menu and/or prompt information.",
            Self::NoGroup(_) => "PXE-E76: Bad or missing multicast discovery address.",
            Self::NoServerOfItem(_) | Self::NoWay(_) => {
                "PXE-E77: Bad or missing discovery server list."
            }
            Self::NoServer(_) | Self::Unlisted(..) => "PXE-E78: Could not locate boot server.",
            Self::Nowhere(_) | Self::NoTftp(_) | Self::NoHost(_) => "PXE-E32: TFTP open timeout.",
            Self::Stalled { .. } => "PXE-E35: TFTP read timeout.",
            Self::Tftp { code, text, .. } => return rom_tftp(*code, text),
            Self::Image(Wrong::Large(_)) => "PXE-E79: NBP is too big to fit in free base memory.",
            _ => return Vec::new(),
        };
        vec![line.to_owned()]
    }

    fn ipxe(&self) -> Vec<String> {
        let line = match self {
            Self::Silence
            | Self::Strays
            | Self::Unusable
            | Self::OnlyProxies
            | Self::NoLease(_)
            | Self::Refused(_) => "No configuration methods succeeded (http://ipxe.org/040ee119)",
            Self::NoBootFile | Self::ItemWithoutFile(_) => {
                "Nothing to boot: No such file or directory (http://ipxe.org/2d03e13b)"
            }
            Self::NoServer(_) => "Connection timed out (http://ipxe.org/4c106035)",
            Self::Tftp { code: 1, .. } => "No such file or directory (http://ipxe.org/2d12603b)",
            Self::Tftp { .. } => "Operation refused by the TFTP server",
            Self::NoTftp(_) | Self::NoHost(_) | Self::Stalled { .. } => "Connection timed out",
            Self::Image(_) => "Could not boot: Exec format error",
            Self::Web { why, .. } => return vec![why.clone()],
            _ => return Vec::new(),
        };
        vec![line.to_owned()]
    }

    /// What to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        if let Self::PiFile { file, .. } = self {
            let remedy = format!(
                "copy {file} into the Pi's folder on the boot server, best with its whole boot partition (bootjack: into \
                 images/…, as `raspberry_pi: folder` of its profile says)"
            );
            return Some(remedy.into());
        }
        self.known_remedy().map(Cow::Borrowed)
    }

    fn known_remedy(&self) -> Option<&'static str> {
        Some(match self {
            Self::Silence => {
                "look at cable, VLAN, spanning tree (portfast) and the DHCP server's pool; `bootjack doctor` asks \
                 as other machines, too"
            }
            Self::Strays => {
                "a server answers with another transaction number than it was asked with, or with no reply (above, \
                 \"not for it\"): repair that server, or the relay between"
            }
            Self::Muffled => {
                "either the port carries no MAC but its own (Wi-Fi, virtual machines, 802.1X): probe with --mac and \
                 the interface's own; or the DHCP server answers only machines that it knows: probe with the --mac \
                 of one"
            }
            Self::Unusable => "see above what is wrong with each answer, and repair that server",
            Self::OnlyProxies => {
                "a boot server alone is not enough: a DHCP server has to offer addresses; or run bootjack in \
                 mode dhcp"
            }
            Self::NoBootFile => {
                "run a boot server beside the DHCP server (`bootjack serve`), in the same broadcast domain; if \
                 one runs, its log says why it did not answer"
            }
            Self::Uri { .. } => {
                "write the URI with the server's IPv4 address; for a name let the DHCP server's offer have a DNS \
                 server (option 6)"
            }
            Self::NoLease(_) | Self::Refused(_) | Self::OtherAddress(_) => {
                "look at the DHCP server's log: its pool, a second server, a relay"
            }
            Self::NoMask(_) => "set the subnet mask in the DHCP server",
            Self::Silent4011(_) => {
                "that server says that it serves PXE (option 60): open UDP 4011 to it, run a boot server there, \
                 or take option 60 out of its configuration"
            }
            Self::Useless4011(_) => "repair that boot server: its ACK needs a boot file, or a menu",
            Self::NoMenu => {
                "complete option 43 of that server: `06 01 08 FF` with a boot file, or a whole menu"
            }
            Self::MenuWaits => "try one with --choose N, or give the prompt a time-out (43.10)",
            Self::NoSuchItem(_) => "choose one of the items above",
            Self::LocalDisk(_) => "choose another item with --choose N, if it is not meant so",
            Self::NoServerOfItem(_) | Self::NoGroup(_) | Self::NoWay(_) => {
                "repair option 43: sub-option 6 = 3 and a complete sub-option 8 serve every firmware"
            }
            Self::NoServer(_) => "is that boot server up, and UDP 4011 open to it?",
            Self::Unlisted(..) => {
                "list that server in sub-option 8, or clear bit 2 of sub-option 6"
            }
            Self::ItemWithoutFile(_) => "give that item a boot file on its server",
            Self::Nowhere(_) => "set next-server (siaddr) beside the boot file",
            Self::NoHost(_) => "set next-server (siaddr) to the TFTP server's own address",
            Self::NoRoute(_) => {
                "let the DHCP server name the router of that subnet; where this firmware does not ask for one, unasked \
                 (in bootjack's own networks: always); or put a boot server into the machine's subnet"
            }
            Self::NoTftp(_) => {
                "is a TFTP server running there, and UDP 69 open? No NAT and no firewall may be between"
            }
            Self::Stalled { .. } => {
                "a firewall or NAT that stops the high ports a TFTP server answers from, or packet loss"
            }
            Self::Tftp { .. } => "put the file there, or name another one",
            Self::BadSize(_) => "use another TFTP server",
            Self::NoSize(_) => "use a TFTP server that knows the option tsize",
            Self::BadGrant(_) => "use another TFTP server: UEFI refuses such an answer",
            Self::TooLarge(_) => "that is no loader; name another file",
            Self::Web {
                status: Some(300..400),
                ..
            } => "name the URL that this one leads to: UEFI follows no redirection",
            Self::Https(_) => {
                "ask for it with curl; UEFI also has to know the server's certificate"
            }
            Self::Web { .. } => "see what that URL answers to curl -I",
            Self::Unreachable { .. } => {
                "HTTP is asked from this host's own address: look at its address in that network"
            }
            Self::Image(_) => "name a loader that is built for this firmware",
            Self::Unsigned(_) => {
                "name a signed shim (bootjack: `secure_boot: true` in the profile of this machine)"
            }
            Self::Scheme(_) => {
                "name a file that is fetched by TFTP, or what else this firmware speaks"
            }
            Self::Second { .. } | Self::NoSecond(_) => {
                "the loader goes by the DHCP server's ACK: set its next-server to the boot server, or let one \
                 server give lease and boot data (bootjack's modes proxy and dhcp; behind a relay mode proxy does that \
                 where --dhcp-server names the DHCP server)"
            }
            Self::InUse(..) => {
                "two machines with one address stop each other: look at the DHCP server's pool, and at that machine"
            }
            Self::Running(_) => {
                "play another one, or switch it off first: two machines with one MAC take each other's frames"
            }
            Self::PiFile { .. } | Self::Endless(_) | Self::Interrupted => return None,
        })
    }
}

/// What the server said, where EDK2 has words for it.
fn http_lines(status: Option<u16>, why: &str, no_size: &str) -> Vec<String> {
    let said = match status {
        Some(300..400) => Some(format!("Redirection: {why}")),
        Some(400..500) => Some(format!("Client Error: {why}")),
        Some(500..600) => Some(format!("Server Error: {why}")),
        _ => None,
    };
    said.into_iter().chain([no_size.to_owned()]).collect()
}

/// The server's words first, then the ROM's.
fn rom_tftp(code: u16, text: &str) -> Vec<String> {
    let meaning = match code {
        1 => "PXE-E3B: TFTP Error - File Not Found",
        2 => "PXE-E3C: TFTP Error - Access violation",
        _ => "PXE-E36: Error received from TFTP server.",
    };
    vec![format!("PXE-T{code:02}: {text}"), meaning.to_owned()]
}
