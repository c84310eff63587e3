//! A message → bytes: options in their order, END, zeros up to 300 bytes (facts A, quirk 19).

use super::{COOKIE, FIXED, MIN_REPLY, Message, code};

/// The longest value one option can carry; longer ones are split (RFC 3396).
const OPTION_MAX: usize = 255;

impl Message {
    /// The datagram. It is never shorter than [`MIN_REPLY`]; the caller keeps it under the
    /// client's limit by what it puts in.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.encode_short();
        out.resize(out.len().max(MIN_REPLY), 0);
        out
    }

    /// The datagram without anything behind its END: some firmware stumbles over it (quirk 28).
    pub fn encode_short(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.encoded_len());
        self.encode_header(&mut out);
        for (code, value) in self.options.iter() {
            encode_option(code, value, &mut out);
        }
        out.push(code::END);
        out
    }

    /// How long [`Message::encode`]'s datagram would be, in bytes.
    pub fn encoded_len(&self) -> usize {
        let of = |value: &[u8]| value.len() + 2 * value.len().div_ceil(OPTION_MAX).max(1);
        let options: usize = self.options.iter().map(|(_, value)| of(value)).sum();
        (FIXED + options + 1).max(MIN_REPLY)
    }

    fn encode_header(&self, out: &mut Vec<u8>) {
        out.extend([self.op, self.htype, self.hlen, self.hops]);
        out.extend(self.xid.to_be_bytes());
        out.extend(self.secs.to_be_bytes());
        out.extend(self.flags.to_be_bytes());
        for address in [self.ciaddr, self.yiaddr, self.siaddr, self.giaddr] {
            out.extend(address.octets());
        }
        out.extend(self.chaddr);
        out.extend(self.sname);
        out.extend(self.file);
        out.extend(COOKIE);
    }
}

fn encode_option(code: u8, value: &[u8], out: &mut Vec<u8>) {
    if value.is_empty() {
        out.extend([code, 0]);
    }
    for part in value.chunks(OPTION_MAX) {
        out.extend([code, part.len() as u8]);
        out.extend(part);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use dhcproto::{Decodable, Decoder};
    use proptest::prelude::*;

    use crate::wire::Mac;
    use crate::wire::dhcp::{Malformed, Message, Options, code, sender};

    pub(super) fn message(options: Options) -> Message {
        Message {
            op: 2,
            htype: 1,
            hlen: 6,
            hops: 0,
            xid: 0x1234_5678,
            secs: 0,
            flags: 0x8000,
            ciaddr: Ipv4Addr::UNSPECIFIED,
            yiaddr: Ipv4Addr::UNSPECIFIED,
            siaddr: [10, 0, 0, 2].into(),
            giaddr: Ipv4Addr::UNSPECIFIED,
            chaddr: [2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            sname: [0; 64],
            file: [0; 128],
            options,
        }
    }

    #[test]
    fn another_decoder_reads_what_we_write() {
        let options: Options = [
            (code::MESSAGE_TYPE, &[2][..]),
            (code::SERVER_ID, &[10, 0, 0, 2]),
            (code::VENDOR_CLASS, b"PXEClient"),
        ]
        .into_iter()
        .collect();
        let bytes = message(options).encode();
        let theirs = dhcproto::v4::Message::decode(&mut Decoder::new(&bytes)).unwrap();
        assert_eq!(theirs.xid(), 0x1234_5678);
        assert_eq!(theirs.siaddr(), Ipv4Addr::new(10, 0, 0, 2));
        assert_eq!(theirs.chaddr(), [2, 0, 0, 0, 0, 1]);
        assert_eq!(
            theirs.opts().msg_type(),
            Some(dhcproto::v4::MessageType::Offer)
        );
        let class = theirs
            .opts()
            .get(dhcproto::v4::OptionCode::ClassIdentifier)
            .unwrap();
        assert_eq!(
            class,
            &dhcproto::v4::DhcpOption::ClassIdentifier(b"PXEClient".to_vec())
        );
    }

    #[test]
    fn the_order_is_kept_and_the_rest_is_zeros_after_end() {
        let options: Options = [(60, &b"x"[..]), (53, &[2]), (82, &[1, 1, 9])]
            .into_iter()
            .collect();
        let bytes = message(options).encode();
        assert_eq!(
            bytes[240..252],
            [60, 1, b'x', 53, 1, 2, 82, 3, 1, 1, 9, 255]
        );
        assert_eq!(bytes.len(), 300);
        assert!(bytes[252..].iter().all(|b| *b == 0));
    }

    #[test]
    fn an_undecodable_option_hides_nothing_behind_it() {
        let options: Options = [(12, &[0xff, 0xfe][..]), (60, b"PXEClient")]
            .into_iter()
            .collect();
        let decoded = Message::decode(&message(options).encode()).unwrap();
        assert_eq!(decoded.options.get(60), Some(&b"PXEClient"[..]));
    }

    #[test]
    fn overloaded_fields_are_read() {
        let mut wanted = message([(code::OVERLOAD, &[3][..])].into_iter().collect());
        wanted.file[..4].copy_from_slice(&[60, 1, b'f', 255]);
        wanted.sname[..4].copy_from_slice(&[77, 1, b's', 255]);
        let decoded = Message::decode(&wanted.encode()).unwrap();
        assert_eq!(
            (decoded.options.get(60), decoded.options.get(77)),
            (Some(&b"f"[..]), Some(&b"s"[..]))
        );
    }

    #[test]
    fn broken_packets_are_refused_with_the_reason() {
        let good = message(Options::default()).encode();
        let with = |f: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = good.clone();
            f(&mut bytes);
            Message::decode(&bytes)
        };
        assert_eq!(Message::decode(&good[..239]), Err(Malformed::Short));
        assert_eq!(with(&|b| b[236] = 0), Err(Malformed::Cookie));
        assert_eq!(with(&|b| b[2] = 17), Err(Malformed::HardwareAddress));
        assert_eq!(with(&|b| b[240..].fill(53)), Err(Malformed::Option(53)));
        assert_eq!(
            with(&|b| {
                b.truncate(241);
                b[240] = 60;
            }),
            Err(Malformed::Option(60))
        );
    }

    #[test]
    fn the_largest_reply_follows_option_57() {
        for (asked, limit) in [
            (None, 548),
            (Some(0xff00), 1472),
            (Some(1472), 1472),
            (Some(1024), 1024),
            (Some(300), 548),
        ] {
            let value = asked.map(|n: u16| n.to_be_bytes());
            let options = value
                .iter()
                .map(|v| (code::MAX_MESSAGE_SIZE, &v[..]))
                .collect();
            assert_eq!(message(options).reply_limit(), limit, "{asked:?}");
        }
    }

    #[test]
    fn a_hardware_address_of_any_length_is_told() {
        let mut m = message(Options::default());
        for (hlen, len) in [(6, Some(6)), (16, Some(16)), (0, None), (1, Some(1))] {
            m.hlen = hlen;
            assert_eq!(m.mac().map(|mac| mac.as_bytes().len()), len);
            assert_eq!(sender(&m.encode()), m.mac());
        }
        m.chaddr = [0; 16];
        assert_eq!(m.mac(), None);
    }

    #[test]
    fn whose_a_broken_message_is_stands_in_its_header() {
        let whole = message(Options::default()).encode();
        let mac = Mac::ethernet([2, 0, 0, 0, 0, 1]);
        assert!(Message::decode(&whole[..44]).is_err());
        assert_eq!(sender(&whole[..44]), Some(mac));
        assert_eq!(sender(&whole[..43]), None);
        assert_eq!(sender(&[]), None);
        let with = |hlen, first| {
            let mut bytes = whole.clone();
            (bytes[2], bytes[28]) = (hlen, first);
            sender(&bytes)
        };
        assert_eq!(with(17, 2), None, "no such length");
        assert_eq!(with(6, 3), None, "a group's");
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..1600)) {
            let _ = Message::decode(&bytes);
        }

        #[test]
        fn any_options_come_back(values in proptest::collection::btree_map(1u8..=254, proptest::collection::vec(any::<u8>(), 0..600), 0..8)) {
            let options: Options = values.iter().filter(|(c, _)| **c != code::OVERLOAD).map(|(c, v)| (*c, &v[..])).collect();
            let sent = message(options);
            prop_assert_eq!(Message::decode(&sent.encode()).unwrap(), sent);
        }
    }
}
