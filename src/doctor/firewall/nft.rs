//! The rules of `nft -j list ruleset` (libnftables-json(5)) in the judge's form.
//!
//! Only IPv4 and what is before a socket: families `ip`, `inet` and `netdev`, hooks `ingress`,
//! `prerouting` and `input`. What is not known by name is "cannot be told".

use std::collections::HashMap;

use serde_json::Value;

use super::{Action, Packet, Rule, Table, Told, names_interface};
use crate::doctor::Protocol;

/// Values of named sets, by table and name.
type Sets<'v> = HashMap<(String, &'v str), &'v Value>;

/// The tables, judged for one packet.
///
/// # Errors
/// The text is not what nft prints.
pub fn tables(text: &str, packet: &Packet<'_>) -> Result<Vec<Table>, String> {
    let listing: Value =
        serde_json::from_str(text).map_err(|e| format!("nft's listing cannot be read: {e}"))?;
    let objects = listing.get("nftables").and_then(Value::as_array);
    let objects = objects.ok_or("nft's listing has no rules in it")?;
    let sets = sets(objects);
    let mut tables: Vec<Table> = Vec::new();
    for object in objects {
        if let Some(chain) = object.get("chain") {
            add_chain(&mut tables, chain, packet);
        } else if let Some(rule) = object.get("rule") {
            let judged = judged(rule, packet, &sets);
            add_rule(&mut tables, rule, judged);
        }
    }
    Ok(tables)
}

fn word<'v>(object: &'v Value, key: &str) -> &'v str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// `nft table inet filter`
fn name_of(object: &Value, key: &str) -> String {
    format!("nft table {} {}", word(object, "family"), word(object, key))
}

fn sets(objects: &[Value]) -> Sets<'_> {
    let all = objects.iter().filter_map(|o| o.get("set"));
    all.filter_map(|set| {
        Some((
            (name_of(set, "table"), set.get("name")?.as_str()?),
            set.get("elem")?,
        ))
    })
    .collect()
}

fn table<'t>(tables: &'t mut Vec<Table>, object: &Value) -> Option<&'t mut Table> {
    if !matches!(word(object, "family"), "ip" | "inet" | "netdev") {
        return None;
    }
    let name = name_of(object, "table");
    let at = tables.iter().position(|t| t.name == name);
    let at = at.unwrap_or_else(|| {
        tables.push(Table {
            name,
            key: word(object, "table").to_owned(),
            ..Table::default()
        });
        tables.len() - 1
    });
    tables.get_mut(at)
}

fn add_chain(tables: &mut Vec<Table>, chain: &Value, packet: &Packet<'_>) {
    let Some(table) = table(tables, chain) else {
        return;
    };
    let name = word(chain, "name").to_owned();
    table.chains.entry(name.clone()).or_default();
    let here = match word(chain, "hook") {
        "input" | "prerouting" => true,
        "ingress" => devices(chain).contains(&packet.interface),
        _ => false,
    };
    if here {
        table.entries.push((name, word(chain, "policy") == "drop"));
    }
}

fn devices(chain: &Value) -> Vec<&str> {
    match chain.get("dev") {
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        Some(one) => one.as_str().into_iter().collect(),
        None => Vec::new(),
    }
}

fn add_rule(tables: &mut Vec<Table>, rule: &Value, judged: Vec<Rule>) {
    let Some(table) = table(tables, rule) else {
        return;
    };
    let parts = rule.get("expr").and_then(Value::as_array);
    table.shadow |= parts.is_some_and(|all| all.iter().any(|p| p.get("xt").is_some()));
    let chain = table.chains.entry(word(rule, "chain").to_owned());
    chain.or_default().extend(judged);
}

/// One rule; a verdict map becomes one for each of its lines.
fn judged(rule: &Value, packet: &Packet<'_>, sets: &Sets<'_>) -> Vec<Rule> {
    let look = Look {
        packet,
        sets,
        table: name_of(rule, "table"),
    };
    let mut told = Told::Yes;
    let mut action = Action::Nothing;
    let parts = rule.get("expr").and_then(Value::as_array);
    for part in parts.into_iter().flatten() {
        let Some((key, body)) = part.as_object().and_then(|o| o.iter().next()) else {
            told = told.and(Told::Unknown);
            continue;
        };
        match key.as_str() {
            "match" => told = told.and(look.holds(body)),
            "vmap" => return look.map(told, body),
            "counter" | "log" | "mangle" | "notrack" | "set" | "flow" | "comment" => {}
            "xt" => (told, action) = foreign(told, action, body),
            _ => match verdict(key, body) {
                Some(verdict) => action = verdict,
                None => told = told.and(Told::Unknown),
            },
        }
    }
    vec![(told, action)]
}

/// What `iptables` made: a match or a target of which nft shows no more than the name.
fn foreign(told: Told, action: Action, body: &Value) -> (Told, Action) {
    match (word(body, "type"), word(body, "name")) {
        ("match", "comment") => (told, action),
        ("match", _) => (told.and(Told::Unknown), action),
        (_, "LOG" | "NFLOG") => (told, action),
        _ => (told.and(Told::Unknown), Action::Unknown),
    }
}

fn verdict(key: &str, body: &Value) -> Option<Action> {
    let target = || word(body, "target").to_owned();
    Some(match key {
        "accept" => Action::Accept,
        "drop" | "reject" => Action::Drop,
        "return" => Action::Return,
        "continue" => Action::Nothing,
        "jump" => Action::Jump(target()),
        "goto" => Action::Goto(target()),
        "queue" | "dnat" | "redirect" | "tproxy" | "masquerade" | "snat" | "dup" | "fwd"
        | "synproxy" => Action::Unknown,
        _ => return None,
    })
}

/// A packet held against the parts of one rule.
struct Look<'a> {
    packet: &'a Packet<'a>,
    sets: &'a Sets<'a>,
    table: String,
}

impl Look<'_> {
    fn holds(&self, body: &Value) -> Told {
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
    fn map(&self, told: Told, body: &Value) -> Vec<Rule> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::firewall::{Passes, Rules, judge};

    /// A table `inet filter` with an input chain of these rules, and a chain `sub`.
    fn ruleset(policy: &str, rules: &[&str]) -> String {
        let rules: Vec<String> = rules
            .iter()
            .map(|expr| format!(r#",{{"rule":{{"family":"inet","table":"filter","chain":"input","expr":[{expr}]}}}}"#))
            .collect();
        format!(
            r#"{{"nftables":[{{"metainfo":{{"version":"1.0.6"}}}},
            {{"table":{{"family":"inet","name":"filter"}}}},
            {{"set":{{"family":"inet","name":"ports","table":"filter","type":"inet_service","elem":[67,{{"range":[4000,4020]}}]}}}},
            {{"chain":{{"family":"inet","table":"filter","name":"input","type":"filter","hook":"input","prio":0,"policy":"{policy}"}}}},
            {{"chain":{{"family":"inet","table":"filter","name":"output","type":"filter","hook":"output","prio":0,"policy":"drop"}}}},
            {{"chain":{{"family":"inet","table":"filter","name":"sub"}}}},
            {{"rule":{{"family":"inet","table":"filter","chain":"sub","expr":[{{"accept":null}}]}}}}{}]}}"#,
            rules.concat()
        )
    }

    fn passes(policy: &str, rules: &[&str]) -> Passes {
        let rules = Rules {
            nft: Ok(ruleset(policy, rules)),
            ..Rules::default()
        };
        let packet = Packet {
            interface: "eth0",
            protocol: Protocol::Udp,
            port: 67,
        };
        judge(&rules, &packet)
    }

    fn is(left: &str, right: &str) -> String {
        format!(r#"{{"match":{{"op":"==","left":{left},"right":{right}}}}}"#)
    }

    const DPORT: &str = r#"{"payload":{"protocol":"udp","field":"dport"}}"#;
    const ACCEPT: &str = r#"{"accept":null}"#;

    #[test]
    fn usual_rules() {
        let dropped = Passes::No("nft table inet filter chain input (policy)".into());
        assert_eq!(passes("accept", &[]), Passes::Yes);
        assert_eq!(passes("drop", &[]), dropped);
        let accepts = |condition: &str| passes("drop", &[&format!("{condition},{ACCEPT}")]);
        let meta = |key: &str, right: &str| is(&format!(r#"{{"meta":{{"key":"{key}"}}}}"#), right);
        let ct = is(r#"{"ct":{"key":"state"}}"#, r#"["established","related"]"#);
        for (condition, expected) in [
            (is(DPORT, "67"), &Passes::Yes),
            (is(DPORT, "69"), &dropped),
            (is(DPORT, r#"{"set":[67,69,4011]}"#), &Passes::Yes),
            (is(DPORT, r#"{"set":[{"range":[60,70]}]}"#), &Passes::Yes),
            (is(DPORT, r#"{"range":[68,70]}"#), &dropped),
            (is(DPORT, r#""@ports""#), &Passes::Yes),
            (
                is(r#"{"payload":{"protocol":"tcp","field":"dport"}}"#, "67"),
                &dropped,
            ),
            (
                is(r#"{"payload":{"protocol":"icmp","field":"type"}}"#, "8"),
                &dropped,
            ),
            (meta("iifname", r#""lo""#), &dropped),
            (meta("iifname", r#""eth*""#), &Passes::Yes),
            (meta("l4proto", r#"{"set":["tcp","udp"]}"#), &Passes::Yes),
            (meta("l4proto", "17"), &Passes::Yes),
            (meta("nfproto", r#""ipv6""#), &dropped),
            (ct, &dropped),
        ] {
            assert_eq!(&accepts(&condition), expected, "{condition}");
        }
        let reject = format!("{},{{\"reject\":null}}", is(DPORT, "67"));
        let by_rule = Passes::No("nft table inet filter chain input".into());
        assert_eq!(passes("accept", &[&reject]), by_rule);
        assert_eq!(
            passes("drop", &[r#"{"jump":{"target":"sub"}}"#]),
            Passes::Yes
        );
        let counted = format!(r#"{{"counter":{{"packets":0}}}},{ACCEPT}"#);
        assert_eq!(passes("drop", &[&counted]), Passes::Yes);
    }

    #[test]
    fn verdict_maps() {
        let map = |new: &str| {
            format!(
                r#"{{"vmap":{{"key":{{"ct":{{"key":"state"}}}},"data":{{"set":[["established",{ACCEPT}],["{new}",{{"drop":null}}]]}}}}}}"#
            )
        };
        let by_rule = Passes::No("nft table inet filter chain input".into());
        assert_eq!(passes("accept", &[&map("new")]), by_rule);
        assert_eq!(passes("accept", &[&map("invalid")]), Passes::Yes);
    }

    #[test]
    fn what_cannot_be_told() {
        let unknown = Passes::Unknown("rules of nft table inet filter chain input".into());
        let source = is(
            r#"{"payload":{"protocol":"ip","field":"saddr"}}"#,
            r#""10.0.0.1""#,
        );
        let limit = r#"{"limit":{"rate":10,"per":"second"}}"#.to_owned();
        let xt = r#"{"xt":null}"#.to_owned();
        let set = is(DPORT, r#""@gone""#);
        for condition in [source, limit, xt, set, "7".to_owned()] {
            let rule = format!("{condition},{ACCEPT}");
            assert_eq!(passes("drop", &[&rule]), unknown, "{condition}");
            assert_eq!(passes("accept", &[&rule]), Passes::Yes, "{condition}");
        }
        assert_eq!(passes("accept", &[r#"{"queue":{"num":1}}"#]), unknown);
        let garbage = Rules {
            nft: Ok("{".into()),
            ..Rules::default()
        };
        let packet = Packet {
            interface: "eth0",
            protocol: Protocol::Udp,
            port: 67,
        };
        assert!(matches!(judge(&garbage, &packet), Passes::Unknown(_)));
    }

    /// A table of `iptables-nft` is judged by what `iptables-save` says of it.
    #[test]
    fn shadows_of_iptables() {
        let nft = ruleset("drop", &[&format!(r#"{{"xt":null}},{ACCEPT}"#)]).replace("inet", "ip");
        let packet = Packet {
            interface: "eth0",
            protocol: Protocol::Udp,
            port: 67,
        };
        let told = |iptables: &str| {
            let rules = Rules {
                nft: Ok(nft.clone()),
                iptables: Ok(iptables.into()),
            };
            judge(&rules, &packet)
        };
        let accepting =
            "*filter\n:INPUT DROP [0:0]\n-A INPUT -p udp -m udp --dport 67 -j ACCEPT\nCOMMIT\n";
        assert_eq!(told(accepting), Passes::Yes);
        assert!(
            matches!(told(""), Passes::Unknown(_)),
            "another iptables' listing"
        );
    }
}
