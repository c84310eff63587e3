//! The rules of `nft -j list ruleset` (libnftables-json(5)) in the judge's form.
//!
//! Only IPv4 and what is before a socket: families `ip`, `inet` and `netdev`, hooks `ingress`,
//! `prerouting` and `input`. What is not known by name is "cannot be told".

mod look;

use std::collections::HashMap;

use serde_json::Value;

use super::{Action, Packet, Rule, Table, Told};
use look::Look;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Protocol;
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
