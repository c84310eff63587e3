//! Messages of clients as cases write them: hexadecimal digits, texts and numbers → a decoded
//! message; and what holds for every reply to one.

use std::net::Ipv4Addr;

use bootjack::wire::dhcp::{Message, Options};

/// The header of a client's message.
pub struct Header {
    /// 1, unless it is a reply of somebody else.
    pub op: u8,
    /// The broadcast bit.
    pub flags: u16,
    /// The client's address.
    pub ciaddr: Ipv4Addr,
    /// The relay's.
    pub giaddr: Ipv4Addr,
    /// Hardware address in hexadecimal digits.
    pub chaddr: String,
}

/// `text:PXEClient`, `ip:10.0.0.1`, `u32:3600`, or hexadecimal digits with any spaces.
pub fn bytes(value: &str) -> Vec<u8> {
    match value.split_once(':') {
        Some(("text", text)) => text.as_bytes().to_vec(),
        Some(("ip", ip)) => ip.parse::<Ipv4Addr>().unwrap().octets().to_vec(),
        Some(("u32", number)) => number.parse::<u32>().unwrap().to_be_bytes().to_vec(),
        _ => hex(value),
    }
}

fn hex(digits: &str) -> Vec<u8> {
    let digits: String = digits.chars().filter(|c| !c.is_whitespace()).collect();
    let byte = |i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// What a server reads of such a message.
pub fn message(header: &Header, options: &[(u8, Vec<u8>)]) -> Message {
    let mac = hex(&header.chaddr);
    let mut chaddr = [0; 16];
    chaddr[..mac.len()].copy_from_slice(&mac);
    let nowhere = Ipv4Addr::UNSPECIFIED;
    let options = options.iter().map(|(code, value)| (*code, &value[..]));
    let message = Message {
        op: header.op,
        htype: 1,
        hlen: mac.len() as u8,
        hops: 0,
        xid: 0x0102_0304,
        secs: 7,
        flags: header.flags,
        ciaddr: header.ciaddr,
        yiaddr: nowhere,
        siaddr: nowhere,
        giaddr: header.giaddr,
        chaddr,
        sname: [0; 64],
        file: [0; 128],
        options: options.collect::<Options>(),
    };
    Message::decode(&message.encode()).unwrap()
}

/// The reply in these bytes, which has of its request what every reply has of it (facts A, RFC 2131
/// table 3), and the relay's option last.
pub fn reply(request: &Message, bytes: &[u8]) -> Message {
    let reply = Message::decode(bytes).unwrap();
    assert_eq!(
        (reply.op, reply.xid, reply.htype, reply.hlen),
        (2, request.xid, request.htype, request.hlen)
    );
    assert_eq!(
        (reply.chaddr, reply.giaddr),
        (request.chaddr, request.giaddr)
    );
    if reply.options.has(82) {
        let last = reply.options.iter().last().map(|(code, _)| code);
        assert_eq!(last, Some(82), "82 is last");
    }
    reply
}

/// A field up to its NUL.
pub fn text(field: &[u8]) -> String {
    String::from_utf8(field.split(|b| *b == 0).next().unwrap().to_vec()).unwrap()
}

/// The options of a message, in their order.
pub fn options(message: &Message) -> Vec<(u8, Vec<u8>)> {
    let each = message.options.iter();
    each.map(|(code, value)| (code, value.to_vec())).collect()
}
