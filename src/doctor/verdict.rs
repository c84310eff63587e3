//! What to run, or what the bootjack that runs already lacks.
//!
//! One bootjack serves in one mode, so where interfaces differ, the verdict is for those that can
//! share one: a DHCP server on this host comes first, then one on another host, then none.

use std::collections::BTreeSet;

use serde::Serialize;

use super::lines::lines;
use super::observed::{Mode, Running};
use super::{Held, Link, Observed, draft, lan, listed, serving};

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// `serving`, `proxy`, `colocated`, `dhcp` or `none`.
    pub mode: Choice,
    /// The mode that the LAN wants, where bootjack serves already too.
    pub wanted: Choice,
    /// Why, in one sentence.
    pub why: String,
    /// The bootjack that runs already.
    pub running: Option<Running>,
    /// Interfaces that it does not serve, and could.
    pub unserved: Vec<String>,
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

impl From<Mode> for Choice {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Proxy => Self::Proxy,
            Mode::Colocated => Self::Colocated,
            Mode::Dhcp => Self::Dhcp,
        }
    }
}

/// The verdict on what was observed.
pub fn of(observed: &Observed) -> Verdict {
    if let Some(verdict) = serving::verdict(observed) {
        return verdict;
    }
    let mut verdict = wanted(observed, &observed.asked().collect::<Vec<_>>());
    let boots = boots_elsewhere(observed);
    let further = match verdict.mode {
        Choice::Proxy if boots.is_some() => boots.as_deref().unwrap_or_default(),
        Choice::Proxy => "; bootjack adds what machines boot (mode proxy)",
        Choice::Colocated => "; bootjack serves boot files beside it (mode colocated)",
        Choice::Dhcp if verdict.command.is_some() => {
            "; bootjack can (mode dhcp), unless a DHCP server should be there"
        }
        _ => "",
    };
    verdict.why.push_str(further);
    verdict
}

/// The boot server that another would be one too many beside.
fn boots_elsewhere(observed: &Observed) -> Option<String> {
    let mut handing = observed.asked().flat_map(|link| observed.handing_on(link));
    let server = handing.next()?.server();
    Some(format!(
        "; {server} adds what machines boot already, so serve here only in its place"
    ))
}

/// What these interfaces want, bootjack's own answers left out.
pub(super) fn wanted(observed: &Observed, links: &[&Link]) -> Verdict {
    let those = |test: &dyn Fn(&Link) -> bool| -> Vec<&Link> {
        links.iter().copied().filter(|link| test(link)).collect()
    };
    let local = those(&|link| observed.local_dhcp_server(link));
    let remote = those(&|link| observed.foreign_leases(link).next().is_some());
    if !local.is_empty() {
        colocated(observed, &local)
    } else if !remote.is_empty() {
        proxy(observed, &remote)
    } else if !links.is_empty() {
        dhcp(observed, links)
    } else {
        plain(Choice::None, "no interface can be served".to_owned())
    }
}

fn plain(mode: Choice, why: String) -> Verdict {
    Verdict {
        mode,
        wanted: mode,
        why,
        running: None,
        unserved: Vec::new(),
        command: None,
        config: Vec::new(),
    }
}

fn run(observed: &Observed, mode: Mode, why: String, links: &[&Link]) -> Verdict {
    let mut command = format!("bootjack serve --mode {}", mode.name());
    let rest = observed.asked().count() > links.len();
    if observed.named || rest {
        for link in links {
            command.push_str(" --interface ");
            command.push_str(&shell_word(&link.name));
        }
    }
    for word in &observed.given {
        command.push(' ');
        command.push_str(&shell_word(word));
    }
    Verdict {
        command: Some(command),
        ..plain(mode.into(), why)
    }
}

/// As a shell takes it for one word.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

fn proxy(observed: &Observed, links: &[&Link]) -> Verdict {
    let leases = links.iter().flat_map(|link| observed.foreign_leases(link));
    let servers: BTreeSet<_> = leases.map(super::Offer::server).collect();
    let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
    let gives = if servers.len() == 1 { "gives" } else { "give" };
    let why = format!(
        "{} on the LAN {gives} out addresses on {}",
        listed(servers.iter()),
        names(links)
    );
    run(observed, Mode::Proxy, why, links)
}

/// Mode `dhcp` gives what its config file describes, and does not start without.
fn dhcp(observed: &Observed, links: &[&Link]) -> Verdict {
    let why = format!("nobody gives out addresses on {}", names(links));
    if observed.described {
        return run(observed, Mode::Dhcp, why, links);
    }
    let Some(text) = draft::lines(observed, links) else {
        let why = format!("{why}, and no subnet of this host has room for clients");
        return plain(Choice::Dhcp, why);
    };
    Verdict {
        config: vec![(format!("bootjack, {}", observed.config), text)],
        ..run(observed, Mode::Dhcp, why, links)
    }
}

fn colocated(observed: &Observed, links: &[&Link]) -> Verdict {
    let holder = links.iter().find_map(|link| observed.holder_of(link, 67));
    let by = holder.map_or_else(|| "a DHCP server".to_owned(), Held::by);
    let why = format!("{by} is the DHCP server of this host on {}", names(links));
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
        ..run(observed, Mode::Colocated, why, links)
    }
}

/// Whether the server on this host already says that port 4011 is to be asked.
fn announces(observed: &Observed, link: &Link) -> bool {
    let mut local = observed.local_leases(link).peekable();
    local.peek().is_some() && local.all(lan::announces)
}

pub(super) fn names(links: &[&Link]) -> String {
    listed(links.iter().map(|link| link.name.as_str()))
}

impl Verdict {
    /// Whether there is nothing to be run or written.
    pub fn is_met(&self) -> bool {
        let lacks_nothing = self.command.is_none() && self.config.is_empty();
        self.mode == Choice::Serving && lacks_nothing && self.unserved.is_empty()
    }

    /// Whether the LAN may be changed in place of bootjack: a DHCP server switched on, or off.
    fn is_one_way(&self) -> bool {
        let gives = self.running.as_ref().map(|r| r.mode) == Some(Mode::Dhcp);
        gives || self.wanted == Choice::Dhcp
    }

    /// What to write and to run, as lines; `blocked`: something has to be mended before; `settings`: it is mended by
    /// a setting, and those are in force after a restart.
    pub fn steps(&self, blocked: bool, settings: bool) -> String {
        let mut words = Vec::new();
        for (server, text) in &self.config {
            words.push(format!("Add to the configuration of {server}:"));
            words.extend(text.lines().map(|line| format!("  {line}")));
        }
        words.push(match (&self.command, self.mode) {
            (Some(command), Choice::Serving) => {
                let or = if self.is_one_way() { "Or stop" } else { "Stop" };
                format!("{or} that bootjack, and run: {command}")
            }
            (Some(command), _) if blocked => format!("Once the above is mended: {command}"),
            (Some(command), _) => format!("Run: {command}"),
            (None, Choice::Serving) if !self.unserved.is_empty() => {
                let on = listed(self.unserved.iter());
                format!("Start bootjack again, that it serves {on} too; interfaces are those of its start.")
            }
            (None, Choice::Serving) if settings => {
                "Start bootjack again once the setting is right: it is in force after that.".to_owned()
            }
            (None, Choice::Serving) => "bootjack itself need not be started again.".to_owned(),
            (None, _) => "Mend that first, then ask again.".to_owned(),
        });
        words.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::offer::made::{offer, proxy};
    use crate::doctor::{Holder, Offer, Protocol, State};
    use crate::firmware::sample::Flavour;
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
            config: "/etc/bootjack/bootjack.yaml".into(),
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
        observed.given = ["--http-port", "80", "--state", "/my state"]
            .map(str::to_owned)
            .into();
        let with_port =
            "bootjack serve --mode proxy --interface eth0 --http-port 80 --state '/my state'";
        assert_eq!(command(&observed).unwrap(), with_port);
        assert_eq!(shell_word("it's"), r"'it'\''s'");
    }

    #[test]
    fn nobody_wants_dhcp_and_nothing_wants_nothing() {
        let mut observed = lan(vec![link("eth0", vec![])], vec![]);
        let nowhere = of(&observed);
        assert_eq!((nowhere.mode, nowhere.command), (Choice::Dhcp, None));
        assert!(nowhere.why.ends_with("has room for clients"));
        observed.links[0].nets = vec!["10.0.0.2/24".parse().unwrap()];
        let verdict = of(&observed);
        let can = "nobody gives out addresses on eth0; bootjack can";
        assert!(verdict.why.starts_with(can), "{}", verdict.why);
        let words = verdict.steps(false, false);
        let expected = "Add to the configuration of bootjack, /etc/bootjack/bootjack.yaml:
  mode: dhcp
  dhcp:
    networks:
      - subnet: 10.0.0.0/24
        pools: [ 10.0.0.100-10.0.0.199 ]
Run: bootjack serve --mode dhcp";
        assert_eq!(words, expected);
        observed.described = true;
        observed.given = vec!["--config".into(), "/srv/b.yaml".into()];
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
        let words = verdict.steps(false, false);
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
    }

    #[test]
    fn a_boot_server_here_is_no_dhcp_server() {
        let proxy = proxy(Flavour::Bios, [10, 0, 0, 2]);
        let offers = [answered(), vec![proxy]].concat();
        let observed = lan(vec![link("eth0", offers)], vec![held(67, "dnsmasq")]);
        assert_eq!(of(&observed).mode, Choice::Proxy);
    }

    #[test]
    fn what_is_wrong_is_mended_first() {
        let verdict = of(&lan(vec![link("eth0", answered())], vec![]));
        let run = "bootjack serve --mode proxy";
        assert_eq!(verdict.steps(false, false), format!("Run: {run}"));
        assert_eq!(
            verdict.steps(true, false),
            format!("Once the above is mended: {run}")
        );
    }
}
