//! A boot client's network card: sends any DHCP bytes from a host of the lab and hears everything
//! that servers say on its cable, whomever it is addressed to.
//!
//! Silence is not waited for: [`DhcpClient::heard_until`] collects what is said up to the answer
//! to another message, sent after the one that must stay unanswered.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use dhcproto::v4::Message;
use dhcproto::{Decodable as _, Decoder};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::lan::Host;
use super::packet::Packet;

/// How long an answer may take on a busy machine.
pub const ANSWER: Duration = Duration::from_secs(10);
/// Every Ethernet frame (`ETH_P_ALL`), in the byte order the kernel wants.
const EVERY_FRAME: i32 = 0x0300;
const INTERFACE: &str = "eth0";

/// The card.
#[derive(Debug)]
pub struct DhcpClient {
    host: Host,
    ear: Socket,
}

/// A DHCP message from a server.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Where it came from.
    pub from: SocketAddrV4,
    /// Where it was sent to.
    pub to: SocketAddrV4,
    /// The Ethernet address it was sent to.
    pub to_mac: [u8; 6],
    /// The UDP payload.
    pub bytes: Vec<u8>,
}

impl DhcpClient {
    /// A card on the host's first cable. It hears from now on.
    pub fn new(host: &Host) -> Self {
        let ear = host.enter(|| {
            let every = Some(Protocol::from(EVERY_FRAME));
            Socket::new(Domain::PACKET, Type::RAW, every).expect("a packet socket")
        });
        Self {
            host: host.clone(),
            ear,
        }
    }

    /// Sends as a client without address: 0.0.0.0:68 to everyone's port 67.
    pub fn broadcast(&self, packet: &Packet) {
        let from = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68);
        let to = SocketAddrV4::new(Ipv4Addr::BROADCAST, 67);
        self.send(from, to, &packet.bytes());
    }

    /// Sends any bytes from one address and port to another.
    pub fn send(&self, from: SocketAddrV4, to: SocketAddrV4, bytes: &[u8]) {
        let socket = self
            .host
            .enter(|| mouth(from))
            .expect("a socket to send from");
        socket.send_to(bytes, &SockAddr::from(to)).expect("sending");
    }

    /// Takes an address, as a client does with its lease.
    pub fn take(&self, address: Ipv4Addr) {
        self.host.address(INTERFACE, &format!("{address}/24"));
    }

    /// The first reply that `wanted` accepts; `None` when there is none in time.
    pub fn hear(&self, within: Duration, wanted: impl Fn(&Reply) -> bool) -> Option<Reply> {
        self.listen(within, wanted).pop()
    }

    /// The reply from this server address to a transaction; panics without one.
    pub fn answer(&self, server: Ipv4Addr, xid: u32) -> Reply {
        let wanted = |reply: &Reply| *reply.from.ip() == server && reply.xid() == xid;
        self.hear(ANSWER, wanted)
            .unwrap_or_else(|| panic!("no answer from {server} to {xid:#x} within {ANSWER:?}"))
    }

    /// Everything said before the reply that `last` accepts; panics when that never comes.
    pub fn heard_until(&self, last: impl Fn(&Reply) -> bool) -> Vec<Reply> {
        let mut heard = self.listen(ANSWER, &last);
        let end = heard.pop();
        assert!(
            end.is_some_and(|reply| last(&reply)),
            "the closing reply did not come"
        );
        heard
    }

    /// Replies up to and with the first that `last` accepts; nothing when it does not come.
    fn listen(&self, within: Duration, last: impl Fn(&Reply) -> bool) -> Vec<Reply> {
        let deadline = Instant::now() + within;
        let mut heard = Vec::new();
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            let Some(reply) = self.next_frame(left).as_deref().and_then(reply_in) else {
                continue;
            };
            let done = last(&reply);
            heard.push(reply);
            if done {
                return heard;
            }
        }
        Vec::new()
    }

    fn next_frame(&self, left: Duration) -> Option<Vec<u8>> {
        let patience = left.max(Duration::from_millis(1));
        self.ear
            .set_read_timeout(Some(patience))
            .expect("a time-out");
        let mut frame = vec![0; 2048];
        let length = (&self.ear).read(&mut frame).ok()?;
        frame.truncate(length);
        Some(frame)
    }
}

impl Reply {
    /// Its transaction.
    pub fn xid(&self) -> u32 {
        u32::from_be_bytes(self.bytes[4..8].try_into().expect("four bytes"))
    }

    /// The hardware address of the client that it is for.
    pub fn to_client(&self) -> String {
        let octets = self.bytes[28..34].iter();
        let octets: Vec<String> = octets.map(|octet| format!("{octet:02x}")).collect();
        octets.join(":")
    }

    /// `siaddr`.
    pub fn siaddr(&self) -> Ipv4Addr {
        self.address(20)
    }

    /// `yiaddr`.
    pub fn yiaddr(&self) -> Ipv4Addr {
        self.address(16)
    }

    /// The `file` field up to its NUL.
    pub fn file(&self) -> String {
        let field = &self.bytes[108..236];
        let end = field.iter().position(|b| *b == 0).unwrap_or(field.len());
        String::from_utf8_lossy(&field[..end]).into_owned()
    }

    /// An option's data: its first occurrence, which is all that firmware reads.
    pub fn option(&self, code: u8) -> Option<Vec<u8>> {
        let mut all = self.options().into_iter();
        all.find(|(c, _)| *c == code).map(|(_, data)| data)
    }

    /// Options in their order. Panics where the list is broken or has no END.
    pub fn options(&self) -> Vec<(u8, Vec<u8>)> {
        self.read_options().0
    }

    /// As an independent decoder reads it.
    pub fn decoded(&self) -> Message {
        Message::decode(&mut Decoder::new(&self.bytes)).expect("a message that dhcproto can read")
    }

    /// Panics unless it has what every reply must have, for the request it answers: the header
    /// copied, END and zeros behind it, 300 to 1472 bytes, no overload, no option twice.
    pub fn assert_sound(&self, request: &Packet) {
        let asked = request.bytes();
        assert_eq!(self.bytes[0], 2, "op");
        assert_eq!(self.bytes[1..3], asked[1..3], "htype and hlen");
        assert_eq!(self.bytes[4..8], asked[4..8], "xid");
        assert_eq!(self.bytes[24..44], asked[24..44], "giaddr and chaddr");
        assert!(
            (300..=1472).contains(&self.bytes.len()),
            "{} bytes",
            self.bytes.len()
        );
        let (options, end) = self.read_options();
        assert!(
            self.bytes[end..].iter().all(|b| *b == 0),
            "only zeros follow END"
        );
        let mut codes: Vec<u8> = options.iter().map(|(code, _)| *code).collect();
        assert!(!codes.contains(&52), "option overload");
        assert!(
            codes.contains(&53) && codes.contains(&54),
            "options 53 and 54"
        );
        let all = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), all, "an option is there twice");
        self.decoded();
    }

    fn address(&self, at: usize) -> Ipv4Addr {
        let octets: [u8; 4] = self.bytes[at..at + 4].try_into().expect("four bytes");
        Ipv4Addr::from(octets)
    }

    /// The options, and where the bytes behind END begin.
    fn read_options(&self) -> (Vec<(u8, Vec<u8>)>, usize) {
        let mut options = Vec::new();
        let mut at = 240;
        loop {
            match self.bytes[at] {
                0 => at += 1,
                255 => return (options, at + 1),
                code => {
                    let data = at + 2..at + 2 + usize::from(self.bytes[at + 1]);
                    options.push((code, self.bytes[data.clone()].to_vec()));
                    at = data.end;
                }
            }
        }
    }
}

/// A socket bound to the card, so that it can send without an address.
fn mouth(from: SocketAddrV4) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.set_broadcast(true)?;
    socket.bind_device(Some(INTERFACE.as_bytes()))?;
    socket.bind(&SockAddr::from(from))?;
    Ok(socket)
}

/// The DHCP reply in an Ethernet frame, where it is one.
fn reply_in(frame: &[u8]) -> Option<Reply> {
    let ip = frame.get(14..).filter(|_| frame[12..14] == [8, 0])?;
    let udp = ip
        .get(usize::from(ip.first()? & 15) * 4..)
        .filter(|_| ip[9] == 17)?;
    let port = |at: usize| Some(u16::from_be_bytes(udp.get(at..at + 2)?.try_into().ok()?));
    let address = |at: usize| {
        Some(Ipv4Addr::from(
            <[u8; 4]>::try_from(ip.get(at..at + 4)?).ok()?,
        ))
    };
    let length = usize::from(port(4)?);
    let bytes = udp.get(8..length)?.to_vec();
    let is_dhcp = bytes.len() >= 240 && bytes[0] == 2 && bytes[236..240] == [99, 130, 83, 99];
    is_dhcp.then_some(Reply {
        from: SocketAddrV4::new(address(12)?, port(0)?),
        to: SocketAddrV4::new(address(16)?, port(2)?),
        to_mac: frame[..6].try_into().ok()?,
        bytes,
    })
}
