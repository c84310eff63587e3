//! The mode to run, and the command for it.
//!
//! One bootjack serves in one mode, so where interfaces differ, the verdict is for those that can
//! share one: a DHCP server on this host comes first, then one on another host, then none.

use serde::Serialize;

use super::{Held, Link, Observed, draft};
use crate::wire::pxe::CLASS_PXE;

/// The port of HTTP that need not be said.
const HTTP_PORT: u16 = 8067;

/// The config file that need not be said.
const CONFIG: &str = "/etc/bootjack/bootjack.yaml";

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// `serving`, `proxy`, `colocated`, `dhcp` or `none`.
    pub mode: Choice,
    /// Why, in one sentence.
    pub why: String,
    /// The command, where there is one to run.
    pub command: Option<String>,
    /// What to write into a configuration first, the other server's or bootjack's: whose, and text.
    pub config: Vec<(String, String)>,
}

/// The mode chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// bootjack serves already
    Serving,
    /// The DHCP server is another host
    Proxy,
    /// The DHCP server is on this host
    Colocated,
    /// There is no DHCP server
    Dhcp,
    /// Nothing can be served
    None,
}

/// The verdict on what was observed.
pub fn of(observed: &Observed) -> Verdict {
    let served = |test: &dyn Fn(&Link) -> bool| -> Vec<&Link> {
        observed.asked().filter(|link| test(link)).collect()
    };
    let ours = served(&|link| serves(observed, link));
    let local = served(&|link| observed.local_dhcp_server(link));
    let remote = served(&|link| link.leases().next().is_some());
    let all = served(&|_| true);
    if !ours.is_empty() {
        return plain(
            Choice::Serving,
            format!("bootjack serves on {} already", names(&ours)),
        );
    }
    if !local.is_empty() {
        return colocated(observed, &local);
    }
    if !remote.is_empty() {
        let why = format!(
            "a DHCP server on another host answers on {}",
            names(&remote)
        );
        return run(observed, Choice::Proxy, "proxy", why, &remote);
    }
    if !all.is_empty() {
        return dhcp(observed, &all);
    }
    plain(Choice::None, "no interface can be served".to_owned())
}

/// Whether bootjack has its ports there.
fn serves(observed: &Observed, link: &Link) -> bool {
    let holds = |port| observed.holder_of(link, port).is_some_and(Held::is_ours);
    holds(67) || holds(4011)
}

fn plain(mode: Choice, why: String) -> Verdict {
    Verdict {
        mode,
        why,
        command: None,
        config: Vec::new(),
    }
}

fn run(observed: &Observed, mode: Choice, word: &str, why: String, links: &[&Link]) -> Verdict {
    let mut command = format!("bootjack serve --mode {word}");
    let rest = observed.asked().count() > links.len();
    if observed.named || rest {
        for link in links {
            command.push_str(" --interface ");
            command.push_str(&link.name);
        }
    }
    if let Some(config) = &observed.config {
        command.push_str(" --config ");
        command.push_str(config);
    }
    if observed.http_port != HTTP_PORT {
        command.push_str(" --http-port ");
        command.push_str(&observed.http_port.to_string());
    }
    Verdict {
        command: Some(command),
        ..plain(mode, why)
    }
}

/// Mode `dhcp` gives what its config file describes, and does not start without.
fn dhcp(observed: &Observed, links: &[&Link]) -> Verdict {
    let why = format!("nobody offers addresses on {}", names(links));
    let verdict = |why| run(observed, Choice::Dhcp, "dhcp", why, links);
    if observed.described {
        return verdict(why);
    }
    let Some(text) = draft::lines(observed, links) else {
        let why = format!("{why}, and no subnet of this host has room for clients");
        return plain(Choice::Dhcp, why);
    };
    let file = observed.config.as_deref().unwrap_or(CONFIG);
    Verdict {
        config: vec![(format!("bootjack, {file}"), text)],
        ..verdict(why)
    }
}

fn colocated(observed: &Observed, links: &[&Link]) -> Verdict {
    let holder = links.iter().find_map(|link| observed.holder_of(link, 67));
    let by = holder.map_or_else(|| "a DHCP server".to_owned(), Held::by);
    let why = format!("{by} is the DHCP server on this host, on {}", names(links));
    let announced = links.iter().all(|link| announces(observed, link));
    let config = if announced {
        Vec::new()
    } else {
        lines(
            holder
                .and_then(|h| h.holder.as_ref())
                .map(|h| h.name.as_str()),
        )
    };
    Verdict {
        config,
        ..run(observed, Choice::Colocated, "colocated", why, links)
    }
}

/// Whether the server on this host already says that port 4011 is to be asked.
fn announces(observed: &Observed, link: &Link) -> bool {
    let mut local = link.leases().filter(|o| observed.is_local(o));
    local.any(|o| o.class_is(CLASS_PXE))
}

/// Server, its command, and what makes it send option 60 to PXE clients and to nobody else: UEFI HTTP boot would
/// drop a lease with it.
pub const LINES: [(&str, &str, &str); 3] = [
    (
        "dnsmasq",
        "dnsmasq",
        "dhcp-vendorclass=set:pxe,PXEClient\ndhcp-option-force=tag:pxe,60,PXEClient",
    ),
    (
        "ISC dhcpd",
        "dhcpd",
        "class \"pxe\" { match if substring(option vendor-class-identifier, 0, 9) = \"PXEClient\"; \
         option vendor-class-identifier \"PXEClient\"; }",
    ),
    (
        "Kea",
        "kea-dhcp4",
        "\"client-classes\": [ { \"name\": \"pxe\", \"test\": \"substring(option[60].hex,0,9) == 'PXEClient'\", \
         \"option-data\": [ { \"name\": \"vendor-class-identifier\", \"data\": \"PXEClient\", \"always-send\": true } ] } ]",
    ),
];

/// The lines for the server of this name; for one that is not known, all.
fn lines(command: Option<&str>) -> Vec<(String, String)> {
    let known = |row: &(&str, &str, &str)| Some(row.1) == command;
    let all = !LINES.iter().any(known);
    let rows = LINES.iter().filter(|row| all || known(row));
    rows.map(|(name, _, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect()
}

fn names(links: &[&Link]) -> String {
    let names: Vec<&str> = links.iter().map(|l| l.name.as_str()).collect();
    names.join(", ")
}

impl Verdict {
    /// In plain words, as the last lines of the report.
    pub fn words(&self) -> String {
        let mut words = vec![format!("Verdict: {}.", self.why)];
        for (server, text) in &self.config {
            words.push(format!("Add to the configuration of {server}:"));
            words.extend(text.lines().map(|line| format!("  {line}")));
        }
        words.push(match (&self.command, self.mode) {
            (Some(command), _) => format!("Run: {command}"),
            (None, Choice::Serving) => "There is nothing to run.".to_owned(),
            (None, _) => "Mend that first, then ask again.".to_owned(),
        });
        words.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::sample::Flavour;
    use crate::doctor::offer::made::{offer, proxy};
    use crate::doctor::{Holder, Offer, Protocol, State};
    use crate::wire::dhcp::code;

    fn link(name: &str, offers: Vec<Offer>) -> Link {
        Link {
            name: name.into(),
            offers,
            ..Link::default()
        }
    }

    fn held(port: u16, name: &str) -> Held {
        Held {
            protocol: Protocol::Udp,
            port,
            interface: "eth0".into(),
            holder: Some(Holder {
                name: name.into(),
                pid: 812,
            }),
        }
    }

    fn lan(links: Vec<Link>, held: Vec<Held>) -> Observed {
        Observed {
            links,
            held,
            own: vec![[10, 0, 0, 2].into()],
            http_port: HTTP_PORT,
            ..Observed::default()
        }
    }

    fn answered() -> Vec<Offer> {
        vec![offer(Flavour::Plain, |_| {})]
    }

    fn command(observed: &Observed) -> Option<String> {
        of(observed).command
    }

    #[test]
    fn a_dhcp_server_elsewhere_wants_proxy() {
        let mut observed = lan(vec![link("eth0", answered())], vec![]);
        assert_eq!(command(&observed).unwrap(), "bootjack serve --mode proxy");
        observed.links.push(link("eth1", vec![]));
        assert_eq!(
            command(&observed).unwrap(),
            "bootjack serve --mode proxy --interface eth0"
        );
        observed.http_port = 80;
        let with_port = "bootjack serve --mode proxy --interface eth0 --http-port 80";
        assert_eq!(command(&observed).unwrap(), with_port);
    }

    #[test]
    fn nobody_wants_dhcp_and_nothing_wants_nothing() {
        let mut observed = lan(vec![link("eth0", vec![])], vec![]);
        let nowhere = of(&observed);
        assert_eq!((nowhere.mode, nowhere.command), (Choice::Dhcp, None));
        assert!(nowhere.why.ends_with("has room for clients"));
        observed.links[0].nets = vec!["10.0.0.2/24".parse().unwrap()];
        let words = of(&observed).words();
        let expected = "Verdict: nobody offers addresses on eth0.
Add to the configuration of bootjack, /etc/bootjack/bootjack.yaml:
  mode: dhcp
  dhcp:
    networks:
      - subnet: 10.0.0.0/24
        pools: [ 10.0.0.100-10.0.0.199 ]
Run: bootjack serve --mode dhcp";
        assert_eq!(words, expected);
        observed.described = true;
        observed.config = Some("/srv/b.yaml".into());
        let verdict = of(&observed);
        assert_eq!(verdict.config, []);
        let expected = "bootjack serve --mode dhcp --config /srv/b.yaml";
        assert_eq!(verdict.command.unwrap(), expected);
        let down = Link {
            state: State::Down,
            ..link("eth0", vec![])
        };
        let verdict = of(&lan(vec![down], vec![]));
        assert_eq!((verdict.mode, verdict.command), (Choice::None, None));
    }

    #[test]
    fn a_dhcp_server_here_wants_colocated_and_its_line() {
        let observed = lan(vec![link("eth0", vec![])], vec![held(67, "dnsmasq")]);
        let verdict = of(&observed);
        assert_eq!(verdict.mode, Choice::Colocated);
        assert_eq!(verdict.config.len(), 1);
        let words = verdict.words();
        assert!(
            words.contains("dhcp-option-force=tag:pxe,60,PXEClient"),
            "{words}"
        );
        assert!(
            words.ends_with("Run: bootjack serve --mode colocated"),
            "{words}"
        );
        // One whose name says nothing, but that answered.
        let here = offer(Flavour::Uefi, |m| {
            m.options.push(code::VENDOR_CLASS, b"PXEClient");
        });
        let mut observed = lan(vec![link("eth0", vec![here])], vec![held(67, "mydhcp")]);
        assert_eq!(
            of(&observed).mode,
            Choice::Proxy,
            "it came from another host"
        );
        observed.own = vec![[10, 0, 0, 1].into()];
        let verdict = of(&observed);
        assert_eq!(
            (verdict.mode, verdict.config.len()),
            (Choice::Colocated, 0),
            "it is set up already"
        );
        assert_eq!(lines(Some("mydhcp")).len(), 3);
    }

    #[test]
    fn a_boot_server_here_is_no_dhcp_server() {
        let proxy = proxy(Flavour::Bios, [10, 0, 0, 2]);
        let offers = [answered(), vec![proxy]].concat();
        let observed = lan(vec![link("eth0", offers)], vec![held(67, "dnsmasq")]);
        assert_eq!(of(&observed).mode, Choice::Proxy);
    }

    #[test]
    fn bootjack_serves_already() {
        for port in [67, 4011] {
            let observed = lan(vec![link("eth0", answered())], vec![held(port, "bootjack")]);
            let verdict = of(&observed);
            assert_eq!((verdict.mode, verdict.command), (Choice::Serving, None));
        }
    }
}
