//! Option values that are more than addresses, numbers or text: domain names (RFC 3397) and
//! classless routes (RFC 3442). Reading is total and comes to an end.

use std::fmt;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// A route: where to, by way of whom. `0.0.0.0` as router is the client's own link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The destination.
    pub to: Ipv4Net,
    /// The router.
    pub via: Ipv4Addr,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} via {}", self.to, self.via)
    }
}

/// The longest label of a domain name, in bytes (RFC 1035 2.3.4).
pub const MAX_LABEL: usize = 63;
/// The longest domain name as text, in bytes.
pub const MAX_NAME: usize = 253;

/// Whether text is a domain name that DNS carries: labels of letters, digits, `-` and `_`.
pub fn is_domain(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    let label = |l: &str| {
        (1..=MAX_LABEL).contains(&l.len())
            && l.bytes().all(fits)
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    name.len() <= MAX_NAME && name.split('.').all(label)
}

/// Destinations with as many bytes as their prefix needs, each followed by its router (RFC 3442).
pub fn write_routes(routes: &[Route]) -> Vec<u8> {
    let mut out = Vec::new();
    for route in routes {
        let length = route.to.prefix_len();
        let bytes = usize::from(length.div_ceil(8));
        out.push(length);
        out.extend(route.to.network().octets().iter().take(bytes));
        out.extend(route.via.octets());
    }
    out
}

/// The routes of a value; `None` where it is cut short or has none.
pub fn read_routes(mut value: &[u8]) -> Option<Vec<Route>> {
    let mut routes = Vec::new();
    while let Some((&length, rest)) = value.split_first() {
        let (head, rest) = rest.split_at_checked(usize::from(length.div_ceil(8)))?;
        let (via, rest) = rest.split_first_chunk::<4>()?;
        let mut octets = [0; 4];
        octets.get_mut(..head.len())?.copy_from_slice(head);
        routes.push(Route {
            to: Ipv4Net::new(octets.into(), length).ok()?,
            via: (*via).into(),
        });
        value = rest;
    }
    (!routes.is_empty()).then_some(routes)
}

/// The bits of a length byte that make it a pointer (RFC 1035 4.1.4).
const POINTER: u8 = 0xc0;

/// Names in DNS form, an ending that was written before given by its place (RFC 3397, RFC 1035
/// 4.1.4). Each name must be [`is_domain`].
pub fn write_names<'n>(names: impl IntoIterator<Item = &'n str>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut known: Vec<(&str, usize)> = Vec::new();
    for name in names {
        let mut rest = Some(name);
        while let Some(ending) = rest {
            if let Some(place) = place_of(&known, ending) {
                out.extend(place);
                break;
            }
            known.push((ending, out.len()));
            let (label, after) = match ending.split_once('.') {
                Some((label, after)) => (label, Some(after)),
                None => (ending, None),
            };
            out.push(label.len() as u8);
            out.extend(label.bytes());
            rest = after;
        }
        if rest.is_none() {
            out.push(0);
        }
    }
    out
}

/// The pointer to an ending that was written before; a pointer has 14 bits.
fn place_of(known: &[(&str, usize)], ending: &str) -> Option<[u8; 2]> {
    let (_, at) = known
        .iter()
        .find(|(before, at)| before.eq_ignore_ascii_case(ending) && *at < 0x4000)?;
    let [high, low] = (*at as u16).to_be_bytes();
    Some([high | POINTER, low])
}

/// The names of a value; `None` where it is cut short, has none, or points forward.
pub fn read_names(value: &[u8]) -> Option<Vec<String>> {
    let (mut names, mut at) = (Vec::new(), 0);
    while at < value.len() {
        let (name, after) = read_name(value, at)?;
        names.push(name);
        at = after;
    }
    (!names.is_empty()).then_some(names)
}

/// The name at a place, and the place behind it. Each pointer leads further back than the one
/// before it, and a name's length is bounded, so it comes to an end.
fn read_name(value: &[u8], start: usize) -> Option<(String, usize)> {
    let (mut name, mut at, mut after) = (String::new(), start, None);
    let mut earliest = start;
    loop {
        let (&length, rest) = value.get(at..)?.split_first()?;
        if length & POINTER == POINTER {
            let low = *rest.first()?;
            after = after.or(Some(at + 2));
            at = usize::from(u16::from_be_bytes([length & !POINTER, low]));
            if at >= earliest {
                return None;
            }
            earliest = at;
        } else if length == 0 {
            return Some((name, after.unwrap_or(at + 1)));
        } else {
            let label = rest.get(..usize::from(length))?;
            if !name.is_empty() {
                name.push('.');
            }
            name.push_str(&label.escape_ascii().to_string());
            if name.len() > 4 * MAX_NAME {
                return None;
            }
            at += 1 + usize::from(length);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn endings_are_written_once() {
        let written = write_names(["eng.apple.com", "marketing.apple.com", "apple.com"]);
        // The example of RFC 3397, section 2, and a name that is an ending itself.
        let expected = b"\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04\xc0\x04";
        assert_eq!(written, expected);
        let read = read_names(&written).unwrap();
        assert_eq!(read, ["eng.apple.com", "marketing.apple.com", "apple.com"]);
    }

    #[test]
    fn names_that_lead_round_in_circles_are_refused() {
        for value in [
            &b""[..],
            b"\xc0\x00",
            b"\x01a\xc0\x00",
            b"\x01a\xc0\x02",
            b"\x05ab",
            b"\x01a",
            b"\xc0",
            b"\x01a\x00\xc0\x07\x00",
        ] {
            assert_eq!(read_names(value), None, "{value:?}");
        }
    }

    #[test]
    fn routes_take_as_many_bytes_as_they_need() {
        let route = |to: &str, via: [u8; 4]| Route {
            to: to.parse().unwrap(),
            via: via.into(),
        };
        // Examples of RFC 3442.
        for (to, bytes) in [
            ("0.0.0.0/0", &[0][..]),
            ("10.0.0.0/8", &[8, 10]),
            ("10.0.0.0/24", &[24, 10, 0, 0]),
            ("10.17.0.0/16", &[16, 10, 17]),
            ("10.27.129.0/24", &[24, 10, 27, 129]),
            ("10.229.0.128/25", &[25, 10, 229, 0, 128]),
            ("10.198.122.47/32", &[32, 10, 198, 122, 47]),
        ] {
            let routes = [route(to, [10, 0, 0, 1])];
            let written = write_routes(&routes);
            assert_eq!(written, [bytes, &[10, 0, 0, 1]].concat(), "{to}");
            assert_eq!(read_routes(&written).unwrap(), routes);
        }
        assert_eq!(read_routes(&[33, 1, 2, 3, 4, 5, 6, 7, 8, 9]), None);
        assert_eq!(read_routes(&[24, 10, 0, 0, 10]), None);
        assert_eq!(read_routes(&[]), None);
    }

    #[test]
    fn domain_names_are_what_dns_carries() {
        let long = format!("{}.example", "x".repeat(64));
        for (name, good) in [
            ("lab.example", true),
            ("lab", true),
            ("_ldap._tcp.example", true),
            ("xn--bcher-kva.example", true),
            ("", false),
            (".", false),
            ("lab.", false),
            ("a..b", false),
            ("-a", false),
            ("bücher.example", false),
            ("a b", false),
            (&long, false),
        ] {
            assert_eq!(is_domain(name), good, "{name}");
        }
    }

    proptest! {
        #[test]
        fn names_come_back(names in proptest::collection::vec("[a-z0-9]{1,9}(\\.[a-z0-9]{1,9}){0,4}", 1..8)) {
            let written = write_names(names.iter().map(String::as_str));
            prop_assert_eq!(read_names(&written).unwrap(), names);
        }

        #[test]
        fn any_bytes_are_read_or_refused(value in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = (read_names(&value), read_routes(&value));
        }
    }
}
