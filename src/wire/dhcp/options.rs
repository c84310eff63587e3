//! The options of a message: a list in the order of the packet, values joined where they were split.
//!
//! All values stand in one buffer, so that a message costs two allocations and not one an option.

use std::fmt;

use super::Malformed;
use crate::wire::tlv::{self, Ending};

/// Option numbers that bootjack reads or writes (IANA "BOOTP Vendor Extensions and DHCP Options").
#[allow(missing_docs)] // the names are those of the registry
pub mod code {
    pub const PAD: u8 = 0;
    pub const SUBNET_MASK: u8 = 1;
    pub const ROUTER: u8 = 3;
    pub const DNS: u8 = 6;
    pub const HOST_NAME: u8 = 12;
    pub const BOOT_FILE_SIZE: u8 = 13;
    pub const DOMAIN: u8 = 15;
    pub const MTU: u8 = 26;
    pub const BROADCAST_ADDRESS: u8 = 28;
    pub const NTP: u8 = 42;
    pub const VENDOR_SPECIFIC: u8 = 43;
    pub const NETBIOS_NODE: u8 = 46;
    pub const REQUESTED_ADDRESS: u8 = 50;
    pub const LEASE_TIME: u8 = 51;
    pub const OVERLOAD: u8 = 52;
    pub const MESSAGE_TYPE: u8 = 53;
    pub const SERVER_ID: u8 = 54;
    pub const PARAMETER_LIST: u8 = 55;
    pub const MESSAGE: u8 = 56;
    pub const MAX_MESSAGE_SIZE: u8 = 57;
    pub const RENEWAL_TIME: u8 = 58;
    pub const REBINDING_TIME: u8 = 59;
    pub const VENDOR_CLASS: u8 = 60;
    pub const CLIENT_ID: u8 = 61;
    pub const TFTP_SERVER: u8 = 66;
    pub const BOOT_FILE: u8 = 67;
    pub const USER_CLASS: u8 = 77;
    pub const RELAY_AGENT: u8 = 82;
    pub const CLIENT_ARCH: u8 = 93;
    pub const CLIENT_NDI: u8 = 94;
    pub const CLIENT_UUID: u8 = 97;
    pub const DOMAIN_SEARCH: u8 = 119;
    pub const STATIC_ROUTES: u8 = 121;
    pub const TFTP_SERVER_ADDRESS: u8 = 150;
    pub const ETHERBOOT: u8 = 175;
    pub const END: u8 = 255;
}

/// Options in the order of their first appearance.
#[derive(Clone, Default)]
pub struct Options {
    fields: Vec<Field>,
    /// The values, in the order of the fields.
    values: Vec<u8>,
    /// Which numbers are there: most that are asked for are not.
    there: There,
}

/// A bit for each number.
#[derive(Clone, Copy, Default)]
struct There([u64; 4]);

impl There {
    fn has(self, code: u8) -> bool {
        let bits = self.0.get(usize::from(code >> 6)).copied();
        bits.is_some_and(|bits| bits >> (code & 63) & 1 == 1)
    }

    fn put(&mut self, code: u8) {
        if let Some(bits) = self.0.get_mut(usize::from(code >> 6)) {
            *bits |= 1 << (code & 63);
        }
    }
}

/// Where an option's value ends; it begins where that of the field before ends.
#[derive(Clone, Copy)]
struct Field {
    code: u8,
    end: usize,
}

/// Most messages have no more options.
const USUAL: usize = 16;
/// Nor more bytes in them.
const USUAL_BYTES: usize = 256;

impl Options {
    /// The value of an option, joined from its parts (RFC 3396).
    pub fn get(&self, code: u8) -> Option<&[u8]> {
        let at = self.place(code)?;
        let end = self.fields.get(at)?.end;
        let before = self.fields.get(at.wrapping_sub(1));
        let begin = before.map_or(0, |field| field.end);
        self.values.get(begin..end)
    }

    /// Whether the option is there.
    pub fn has(&self, code: u8) -> bool {
        self.there.has(code)
    }

    fn place(&self, code: u8) -> Option<usize> {
        if !self.has(code) {
            return None;
        }
        self.fields.iter().position(|field| field.code == code)
    }

    /// Adds an option at the end; a second value of the same number is joined to the first.
    pub fn push(&mut self, code: u8, value: &[u8]) {
        if self.fields.is_empty() {
            self.fields.reserve(USUAL);
            self.values.reserve(USUAL_BYTES);
        }
        if let Some(at) = self.place(code) {
            return self.join(at, value);
        }
        self.there.put(code);
        self.values.extend_from_slice(value);
        let end = self.values.len();
        self.fields.push(Field { code, end });
    }

    /// Makes room for the rest of a value that has begun.
    fn join(&mut self, at: usize, value: &[u8]) {
        let later = self.fields.get_mut(at..).unwrap_or_default();
        let Some(end) = later.first().map(|field| field.end) else {
            return;
        };
        for field in later {
            field.end += value.len();
        }
        self.values.splice(end..end, value.iter().copied());
    }

    /// Joins the rests of many values at once: a packet full of them costs no more than others do.
    fn join_all(&mut self, mut rests: Vec<(u8, &[u8])>) {
        if rests.is_empty() {
            return;
        }
        rests.sort_by_key(|(code, _)| *code); // those of one number stay in their order
        let mut joined = Self::default();
        for (code, value) in self.iter() {
            joined.push(code, value);
            let from = rests.partition_point(|(other, _)| *other < code);
            let own = rests.get(from..).unwrap_or_default().iter();
            for (_, rest) in own.take_while(|(other, _)| *other == code) {
                joined.lengthen(rest);
            }
        }
        *self = joined;
    }

    /// Makes the last value longer.
    fn lengthen(&mut self, rest: &[u8]) {
        self.values.extend_from_slice(rest);
        if let Some(last) = self.fields.last_mut() {
            last.end = self.values.len();
        }
    }

    /// All options, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let mut begin = 0;
        self.fields.iter().map(move |field| {
            let value = self.values.get(begin..field.end);
            begin = field.end;
            (field.code, value.unwrap_or_default())
        })
    }

    pub(super) fn decode(area: &[u8], file: &[u8], sname: &[u8]) -> Result<Self, Malformed> {
        let mut options = Self::default();
        options.read(area)?;
        // RFC 2132 9.3: 1 = `file` holds options, 2 = `sname`, 3 = both, file first.
        let overload = options
            .get(code::OVERLOAD)
            .and_then(|v| v.first())
            .copied()
            .unwrap_or(0);
        if overload & 1 != 0 {
            options.read(file)?;
        }
        if overload & 2 != 0 {
            options.read(sname)?;
        }
        Ok(options)
    }

    fn read(&mut self, area: &[u8]) -> Result<(), Malformed> {
        let mut fields = tlv::fields(area);
        let mut rest = Vec::new();
        for (code, value) in fields.by_ref() {
            if self.has(code) {
                rest.push((code, value));
            } else {
                self.push(code, value);
            }
        }
        self.join_all(rest);
        match fields.ending() {
            Ending::Cut(code) => Err(Malformed::Option(code)),
            Ending::Marked | Ending::Unmarked => Ok(()),
        }
    }
}

impl PartialEq for Options {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Options {}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> FromIterator<(u8, &'a [u8])> for Options {
    fn from_iter<I: IntoIterator<Item = (u8, &'a [u8])>>(iter: I) -> Self {
        let mut options = Self::default();
        iter.into_iter()
            .for_each(|(code, value)| options.push(code, value));
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_joined_where_the_first_stands() {
        let mut options = Options::default();
        for (code, part) in [
            (1, "a"),
            (2, "b"),
            (3, ""),
            (1, "A"),
            (3, "c"),
            (2, ""),
            (1, "1"),
            (2, "BB"),
        ] {
            options.push(code, part.as_bytes());
        }
        let all: Vec<_> = options.iter().collect();
        assert_eq!(all, [(1, &b"aA1"[..]), (2, b"bBB"), (3, b"c")]);
        assert_eq!(options.get(2), Some(&b"bBB"[..]));
        assert_eq!(
            (options.get(4), options.has(3), options.has(4)),
            (None, true, false)
        );
        let other: Options = all.into_iter().collect();
        assert_eq!(options, other);
        assert_ne!(
            options,
            [(1, &b"aA1bBB"[..]), (2, b""), (3, b"c")]
                .into_iter()
                .collect()
        );
    }

    /// In every area, and in the order of the parts; also where what says that there are more areas is in two.
    #[test]
    fn a_packet_full_of_parts_is_read_as_if_each_were_put_to_the_others() {
        let mut random = 7_u32;
        let mut next = |below: u32| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 16) % below
        };
        let areas: [Vec<(u8, Vec<u8>)>; 3] = [600, 40, 20].map(|parts| {
            let all = (0..parts).map(|_| {
                let code = [next(6), 200 + next(55)][next(2) as usize] + 1;
                (code as u8, vec![next(256) as u8; next(4) as usize])
            });
            all.filter(|(code, _)| ![code::OVERLOAD, code::END].contains(code))
                .collect()
        });
        let [mut area, file, sname] = areas;
        area.extend([(code::OVERLOAD, vec![]), (code::OVERLOAD, vec![3])]);
        let bytes = |area: &[(u8, Vec<u8>)]| {
            let each = area.iter();
            each.flat_map(|(code, value)| [&[*code, value.len() as u8][..], value].concat())
                .collect::<Vec<u8>>()
        };
        let read = Options::decode(&bytes(&area), &bytes(&file), &bytes(&sname)).unwrap();
        let all = [area, file, sname].concat();
        let put: Options = all
            .iter()
            .map(|(code, value)| (*code, &value[..]))
            .collect();
        assert_eq!(read, put);
    }
}
