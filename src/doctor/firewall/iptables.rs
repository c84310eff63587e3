//! The rules of `iptables-save` in the judge's form: the chains `PREROUTING` and `INPUT` of every
//! table. What is not known by name is "cannot be told".

use super::{Action, Packet, Rule, Table, Told, names_interface};
use crate::doctor::Protocol;

/// Modules that only bring flags which are known here, or none that decide.
const MODULES: [&str; 6] = ["udp", "tcp", "conntrack", "state", "multiport", "comment"];

/// Targets that let a packet go on to the next rule.
const PASSING: [&str; 9] = [
    "LOG", "NFLOG", "MARK", "CONNMARK", "CT", "TCPMSS", "TRACE", "CLASSIFY", "CHECKSUM",
];

/// The tables, judged for one packet.
pub fn tables(text: &str, packet: &Packet<'_>) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('*') {
            tables.push(Table {
                name: "iptables".to_owned(),
                key: name.trim().to_owned(),
                ..Table::default()
            });
        } else if let Some(table) = tables.last_mut() {
            read(table, line, packet);
        }
    }
    tables
}

fn read(table: &mut Table, line: &str, packet: &Packet<'_>) {
    if let Some(chain) = line.strip_prefix(':') {
        let mut words = chain.split_whitespace();
        let (Some(name), policy) = (words.next(), words.next()) else {
            return;
        };
        table.chains.entry(name.to_owned()).or_default();
        if matches!(name, "INPUT" | "PREROUTING") {
            table
                .entries
                .push((name.to_owned(), policy == Some("DROP")));
        }
    } else if let Some(rule) = line.strip_prefix("-A ") {
        let words = words(rule);
        let Some((chain, rest)) = words.split_first() else {
            return;
        };
        let judged = judged(rest, packet);
        table.chains.entry(chain.clone()).or_default().push(judged);
    }
}

/// Words; quotes hold one together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (n, part) in line.split('"').enumerate() {
        if n % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

fn judged(words: &[String], packet: &Packet<'_>) -> Rule {
    let mut told = Told::Yes;
    let mut not = false;
    let mut rest = words.iter().map(String::as_str).peekable();
    while let Some(flag) = rest.next() {
        if flag == "!" {
            not = true;
            continue;
        }
        let value = rest.next_if(|word| !word.starts_with('-') && *word != "!");
        let value = value.unwrap_or_default();
        match flag {
            "-j" => return (told, target(value)),
            "-g" => return (told, Action::Goto(value.to_owned())),
            "--comment" => continue,
            "-m" if MODULES.contains(&value) => continue,
            _ => {}
        }
        while rest
            .next_if(|word| !word.starts_with('-') && *word != "!")
            .is_some()
        {}
        let holds = holds(flag, value, packet);
        told = told.and(if not { !holds } else { holds });
        not = false;
    }
    (told, Action::Nothing)
}

fn target(name: &str) -> Action {
    match name {
        "ACCEPT" => Action::Accept,
        "DROP" | "REJECT" => Action::Drop,
        "RETURN" => Action::Return,
        "DNAT" | "REDIRECT" | "TPROXY" | "NFQUEUE" | "MASQUERADE" | "SNAT" | "QUEUE" => {
            Action::Unknown
        }
        name if PASSING.contains(&name) => Action::Nothing,
        chain => Action::Jump(chain.to_owned()),
    }
}

fn holds(flag: &str, value: &str, packet: &Packet<'_>) -> Told {
    let protocol = match packet.protocol {
        Protocol::Udp => ["udp", "17"],
        Protocol::Tcp => ["tcp", "6"],
    };
    match flag {
        "-p" if value == "all" => Told::Yes,
        "-p" => Told::of(protocol.contains(&value)),
        "-i" => Told::of(names_interface(value, '+', packet.interface)),
        "--dport" | "--dports" => any(value, |part| is_port(part, packet.port)),
        "--ctstate" | "--state" => any(value, |part| Some(part == "NEW")),
        _ => Told::Unknown,
    }
}

/// Whether one of the values between commas is meant.
fn any(list: &str, is: impl Fn(&str) -> Option<bool>) -> Told {
    let each = list
        .split(',')
        .map(|part| is(part).map_or(Told::Unknown, Told::of));
    each.fold(Told::No, Told::or)
}

/// `67` or `60:70`.
fn is_port(part: &str, port: u16) -> Option<bool> {
    let (first, last) = part.split_once(':').unwrap_or((part, part));
    Some((first.parse().ok()?..=last.parse().ok()?).contains(&port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::firewall::{Passes, Rules, judge};

    fn passes(policy: &str, rules: &[&str]) -> Passes {
        let rules: Vec<String> = rules.iter().map(|rule| format!("-A {rule}\n")).collect();
        let rules = rules.concat();
        let text = format!(
            "# Generated\n*nat\n:PREROUTING ACCEPT [0:0]\n:DOCKER - [0:0]\n\
             -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n\
             -A DOCKER -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80\nCOMMIT\n\
             *filter\n:INPUT {policy} [0:0]\n:FORWARD DROP [0:0]\n:sub - [0:0]\n{rules}COMMIT\n"
        );
        let rules = Rules {
            iptables: Ok(text),
            ..Rules::default()
        };
        let packet = Packet {
            interface: "eth0",
            protocol: Protocol::Udp,
            port: 67,
        };
        judge(&rules, &packet)
    }

    #[test]
    fn usual_rules() {
        let dropped = Passes::No("iptables chain INPUT (policy)".into());
        assert_eq!(passes("ACCEPT", &[]), Passes::Yes);
        assert_eq!(passes("DROP", &[]), dropped);
        for (rule, expected) in [
            ("-p udp -m udp --dport 67 -j ACCEPT", &Passes::Yes),
            (
                "-p udp -m udp --dport 60:70 -m comment --comment \"boot -j DROP\" -j ACCEPT",
                &Passes::Yes,
            ),
            ("-p udp -m multiport --dports 69,67 -j ACCEPT", &Passes::Yes),
            ("-p udp -m udp --dport 69 -j ACCEPT", &dropped),
            ("-p tcp -m tcp --dport 67 -j ACCEPT", &dropped),
            ("-i lo -j ACCEPT", &dropped),
            ("! -i lo -j ACCEPT", &Passes::Yes),
            ("-i eth+ -j ACCEPT", &Passes::Yes),
            (
                "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                &dropped,
            ),
            ("-m state --state NEW -j ACCEPT", &Passes::Yes),
            ("-j LOG --log-prefix \"x \"", &dropped),
        ] {
            assert_eq!(
                &passes("DROP", &[&format!("INPUT {rule}")]),
                expected,
                "{rule}"
            );
        }
        let by_rule = Passes::No("iptables chain INPUT".into());
        let reject = "INPUT -p udp -m udp --dport 67 -j REJECT --reject-with icmp-port-unreachable";
        assert_eq!(passes("ACCEPT", &[reject]), by_rule);
        assert_eq!(
            passes("DROP", &["INPUT -j sub", "sub -p udp -j ACCEPT"]),
            Passes::Yes
        );
        assert_eq!(passes("ACCEPT", &["INPUT -g sub", "sub -j DROP"]), by_rule);
    }

    #[test]
    fn what_cannot_be_told() {
        for rule in [
            "-s 10.0.0.0/8 -p udp -j ACCEPT",
            "-m limit --limit 3/min -j ACCEPT",
            "-m set --match-set known src -j ACCEPT",
            "-m socket -j ACCEPT",
            "-p udp -m udp --dport 67 -j NFQUEUE --queue-num 1",
            "-j gone",
        ] {
            let told = passes("DROP", &[&format!("INPUT {rule}")]);
            assert_eq!(
                told,
                Passes::Unknown("rules of iptables chain INPUT".into()),
                "{rule}"
            );
        }
    }
}
