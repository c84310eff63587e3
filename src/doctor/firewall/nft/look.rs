//! Expressions of nft's rules, held against one packet. Its tests are those of whole rule sets.

use serde_json::Value;

use super::{Sets, verdict, word};
use crate::doctor::Protocol;
use crate::doctor::firewall::{Action, Packet, Rule, Told, names_interface};

/// A packet held against the parts of one rule.
pub(super) struct Look<'a> {
    pub(super) packet: &'a Packet<'a>,
    pub(super) sets: &'a Sets<'a>,
    pub(super) table: String,
}

impl Look<'_> {
    /// A `match`.
    pub(super) fn holds(&self, body: &Value) -> Told {
        let (Some(left), Some(right)) = (body.get("left"), body.get("right")) else {
            return Told::Unknown;
        };
        match word(body, "op") {
            "==" | "in" => self.is(left, right),
            "!=" => !self.is(left, right),
            _ => Told::Unknown,
        }
    }

    /// A verdict map: `key vmap { value : verdict, … }`.
    pub(super) fn map(&self, told: Told, body: &Value) -> Vec<Rule> {
        let lines = body.pointer("/data/set").and_then(Value::as_array);
        let (Some(key), Some(lines)) = (body.get("key"), lines) else {
            return vec![(told.and(Told::Unknown), Action::Unknown)];
        };
        let rule = |line: &Value| {
            let (value, verdict_of) = (line.get(0)?, line.get(1)?.as_object()?);
            let (name, body) = verdict_of.iter().next()?;
            Some((told.and(self.is(key, value)), verdict(name, body)?))
        };
        let unknown = || (told.and(Told::Unknown), Action::Unknown);
        lines
            .iter()
            .map(|line| rule(line).unwrap_or_else(unknown))
            .collect()
    }

    fn protocol(&self) -> (&'static str, u64) {
        match self.packet.protocol {
            Protocol::Udp => ("udp", 17),
            Protocol::Tcp => ("tcp", 6),
        }
    }

    /// Whether a field of the packet is one of these values.
    fn is(&self, left: &Value, right: &Value) -> Told {
        if let Some(payload) = left.get("payload") {
            return self.payload(word(payload, "protocol"), word(payload, "field"), right);
        }
        if let Some(meta) = left.get("meta") {
            return self.meta(word(meta, "key"), right);
        }
        if let Some(ct) = left.get("ct") {
            return match word(ct, "key") {
                "state" => self.any(right, &|v| word_is(v, "new")),
                _ => Told::Unknown,
            };
        }
        Told::Unknown
    }

    fn payload(&self, protocol: &str, field: &str, right: &Value) -> Told {
        let (own, number) = self.protocol();
        match (protocol, field) {
            ("ip", "protocol") => self.any(right, &|v| protocol_is(v, own, number)),
            ("ip" | "ether", _) => Told::Unknown,
            (p, "dport") if p == own || p == "th" => {
                self.any(right, &|v| port_is(v, self.packet.port))
            }
            (p, _) if p == own || p == "th" => Told::Unknown,
            ("tcp" | "udp" | "ip6" | "icmp" | "icmpv6" | "igmp" | "sctp" | "dccp" | "arp", _) => {
                Told::No
            }
            _ => Told::Unknown,
        }
    }

    fn meta(&self, key: &str, right: &Value) -> Told {
        let (own, number) = self.protocol();
        match key {
            "iif" | "iifname" => self.any(right, &|v| {
                let name = v.as_str();
                name.map_or(Told::Unknown, |n| {
                    Told::of(names_interface(n, '*', self.packet.interface))
                })
            }),
            "l4proto" => self.any(right, &|v| protocol_is(v, own, number)),
            "nfproto" => self.any(right, &|v| word_is(v, "ipv4")),
            "protocol" => self.any(right, &|v| word_is(v, "ip")),
            _ => Told::Unknown,
        }
    }

    /// Whether one of the values on the right is meant: a value, a list, a set, or a set's name.
    fn any(&self, right: &Value, is: &dyn Fn(&Value) -> Told) -> Told {
        let each = |all: &[Value]| {
            let told = all.iter().map(|v| self.any(v, is));
            told.fold(Told::No, Told::or)
        };
        match right {
            Value::Array(all) => each(all),
            Value::Object(object) => match (object.get("set"), object.get("elem")) {
                (Some(set), _) => self.any(set, is),
                (_, Some(elem)) => elem.get("val").map_or(Told::Unknown, |v| self.any(v, is)),
                _ => is(right),
            },
            Value::String(name) if name.starts_with('@') => {
                let set = self
                    .sets
                    .get(&(self.table.clone(), name.trim_start_matches('@')));
                match set {
                    Some(Value::Array(all)) => each(all),
                    _ => Told::Unknown,
                }
            }
            _ => is(right),
        }
    }
}

fn word_is(value: &Value, wanted: &str) -> Told {
    value
        .as_str()
        .map_or(Told::Unknown, |v| Told::of(v == wanted))
}

fn protocol_is(value: &Value, name: &str, number: u64) -> Told {
    match value {
        Value::String(v) => Told::of(v == name),
        Value::Number(v) => Told::of(v.as_u64() == Some(number)),
        _ => Told::Unknown,
    }
}

/// A number, or `{"range": [first, last]}`.
fn port_is(value: &Value, port: u16) -> Told {
    if let Some(number) = value.as_u64() {
        return Told::of(number == u64::from(port));
    }
    let bound = |n| {
        value
            .pointer(&format!("/range/{n}"))
            .and_then(Value::as_u64)
    };
    match (bound(0), bound(1)) {
        (Some(first), Some(last)) => Told::of((first..=last).contains(&u64::from(port))),
        _ => Told::Unknown,
    }
}
