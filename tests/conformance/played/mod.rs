//! A whole boot: a machine of the room `firmware`, in virtual time, against what is decided for it.
//!
//! ```yaml
//! mode: proxy
//! boots: bios                 # and `then:` what its loader is as a client, one after another
//! steps: |                    # when it asks what -> what bootjack answers
//!   0.0 DISCOVER -> offer self-sufficient (bios): lpxelinux.0
//!   4.0 REQUEST 10.0.0.77 of 10.0.0.1 -> nothing: lease-request
//!   4.0 TFTP 10.0.0.2 lpxelinux.0 -> oack blksize=1456 tsize
//!   4.0 TFTP 10.0.0.2 lpxelinux.0 -> oack blksize=1456
//! ends: boots tftp://10.0.0.2/lpxelinux.0
//! ```
//!
//! * [`server`]: bootjack in each of its modes, made of the pure rooms
//! * [`doors`]: its files by TFTP and HTTP
//! * [`lan`]: the DHCP server beside it in the modes `proxy` and `colocated`
//!
//! A step without an arrow is an answer that the firmware throws away, and why. Where it does not
//! boot, `ends:` has the reason and `screen:` all that its screen showed. Absent on purpose: packets
//! that get lost, and what is learnt from boot to boot (`past:` says what was).

mod doors;
pub mod lan;
pub mod server;

use std::net::SocketAddrV4;
use std::time::Duration;

use bootjack::firmware::machine::web::Answer;
use bootjack::firmware::machine::{Datagram, Setup, Topic, Verdict};
use bootjack::firmware::message::Identity;
use bootjack::firmware::{Input, Kind, Machine, Output};
use bootjack::wire::Mac;
use serde::Deserialize;

use crate::server::Known;
use crate::tree::Lengths;
use crate::virtual_time::VirtualTime;
use lan::Lan;
use server::Server;

/// How long everything is on its way. So short that the size of a loader changes no time below.
const WAY: Duration = Duration::from_micros(10);
/// Nothing takes longer.
const LONGEST: Duration = Duration::from_secs(600);
/// Who boots, unless a case says otherwise.
pub const MAC: Mac = Mac::ethernet([0x52, 0x54, 0, 0x12, 0x34, 0x56]);
const UUID: &str = "77e21a5c-0b1e-4c0f-9d3a-525400123456";

/// Which of the three kinds of PXE is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    #[default]
    Proxy,
    Colocated,
    Dhcp,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Case {
    #[serde(rename = "covers")]
    pub _covers: Vec<String>,
    pub mode: Mode,
    #[serde(default)]
    pub lan: Lan,
    pub profiles: Option<Vec<String>>,
    #[serde(default)]
    pub quirks: String,
    #[serde(default)]
    pub dhcp: String,
    pub past: Option<Known>,
    #[serde(default)]
    pub images: Lengths,
    #[serde(default)]
    pub assets: Lengths,
    /// Which machine.
    pub boots: String,
    /// What its loader is as a client.
    #[serde(default)]
    pub then: Vec<String>,
    pub mac: Option<String>,
    /// The item of the menu that somebody chooses.
    pub choose: Option<usize>,
    pub steps: String,
    pub ends: String,
    #[serde(default)]
    pub screen: Vec<String>,
}

/// How a boot went.
#[derive(Debug)]
pub struct Played {
    pub steps: Vec<String>,
    pub screen: Vec<String>,
    pub verdict: Verdict,
}

/// Plays the case of this text.
pub fn play(case: &str) {
    let case: Case = serde_saphyr::from_str(case).unwrap_or_else(|e| panic!("{e}"));
    let mut server = Server::new(&case);
    let mut steps = Vec::new();
    let mut last: Option<Played> = None;
    for kind in std::iter::once(&case.boots).chain(&case.then) {
        if let Some(Verdict::Fails(fault)) = last.as_ref().map(|played| &played.verdict) {
            panic!("{kind} is never reached: {fault}");
        }
        steps.extend(last.is_some().then(|| format!("{kind}:")));
        let mut played = boot(case.setup(kind), &mut server, &case.lan);
        steps.append(&mut played.steps);
        last = Some(played);
    }
    let (steps, last) = (steps.join("\n"), last.unwrap());
    let fails = matches!(last.verdict, Verdict::Fails(_));
    let screen = if fails { last.screen } else { Vec::new() };
    let ends = words(&last.verdict);
    assert!(
        (steps.trim(), &ends, &screen) == (case.steps.trim(), &case.ends, &case.screen),
        "it went so:\n{steps}\nends: {ends}\nscreen: {screen:#?}"
    );
}

impl Case {
    fn setup(&self, kind: &str) -> Setup {
        let mac = self.mac.as_ref().map_or(MAC, |mac| mac.parse().unwrap());
        setup(Kind::named(kind).expect(kind), mac, self.choose)
    }
}

/// Every loader is fetched whole, and looked at.
pub fn setup(kind: Kind, mac: Mac, choose: Option<usize>) -> Setup {
    Setup {
        kind,
        identity: Identity {
            mac,
            uuid: Some(UUID.parse().unwrap()),
        },
        seed: 7,
        fetch: true,
        choose,
    }
}

/// `ends:` of a case.
pub fn words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Boots(loader) => format!("boots {}", loader.from),
        Verdict::Fails(fault) => fault.to_string(),
    }
}

/// A line of the screen, `SIZE` for the length of a file: assets change.
fn without_size(line: String) -> String {
    let sized = line.strip_prefix("NBP filesize is ");
    match sized.and_then(|rest| rest.strip_suffix(" Bytes")) {
        Some(size) if size != "0" => line.replace(size, "SIZE"),
        _ => line,
    }
}

/// A datagram on its way to the machine.
pub struct Sent {
    from: SocketAddrV4,
    to: SocketAddrV4,
    after: Duration,
    bytes: Vec<u8>,
}

/// A machine under way.
struct Boot<'a> {
    machine: Machine,
    server: &'a mut Server,
    lan: &'a Lan,
    time: VirtualTime,
    steps: Vec<String>,
    screen: Vec<String>,
}

/// Plays a machine to its end.
pub fn boot(setup: Setup, server: &mut Server, lan: &Lan) -> Played {
    let mut boot = Boot {
        machine: Machine::new(setup),
        server,
        lan,
        time: VirtualTime::default(),
        steps: Vec::new(),
        screen: Vec::new(),
    };
    let mut outputs = boot.machine.handle(Duration::ZERO, Input::Start);
    loop {
        match boot.does(outputs) {
            Some(Next::Over(verdict)) => {
                return Played {
                    steps: boot.steps,
                    screen: boot.screen,
                    verdict,
                };
            }
            Some(Next::Web(answer)) => {
                outputs = boot.machine.handle(boot.time.now, Input::Web(answer));
            }
            None => outputs = boot.time.next(&mut boot.machine),
        }
        assert!(
            boot.time.now < LONGEST,
            "it does not end: {:#?}",
            boot.steps
        );
    }
}

/// What comes without waiting.
enum Next {
    Over(Verdict),
    Web(Answer),
}

impl Boot<'_> {
    fn does(&mut self, outputs: Vec<Output>) -> Option<Next> {
        let mut next = None;
        for output in outputs {
            match output {
                Output::Send(datagram) => self.sends(&datagram),
                Output::Fetch(question) => {
                    let method = if question.head { "HEAD" } else { "GET" };
                    let own = self.machine.lease().unwrap().address;
                    let (outcome, told) = self.server.web(own, &question);
                    self.step(&format!("{method} {} -> {told}", question.url));
                    next = Some(Next::Web(Answer { outcome, took: WAY }));
                }
                Output::Say(step) if step.topic == Topic::Screen => {
                    self.screen.push(without_size(step.text));
                }
                Output::Say(step) if step.topic == Topic::Refused => {
                    self.step(&format!("refuses {}", step.text));
                }
                Output::Done(verdict) => next = Some(Next::Over(verdict)),
                Output::Say(_) | Output::Offered(_) | Output::Own(_) => {}
            }
        }
        next
    }

    fn step(&mut self, text: &str) {
        let seconds = self.time.now.as_secs_f64();
        self.steps.push(format!("{seconds:.1} {text}"));
    }

    /// Everybody on the LAN hears it; what concerns bootjack is a step, but for the packets of a
    /// transfer under way.
    fn sends(&mut self, datagram: &Datagram) {
        let told = self.server.hears(datagram, self.time.now);
        if let Some(asked) = server::asked(datagram) {
            let told = told.words.unwrap_or_else(|| "nobody".to_owned());
            self.step(&format!("{asked} -> {told}"));
        }
        let beside = self.lan.hears(self.server.mode, datagram);
        for sent in beside.into_iter().chain(told.sent) {
            // Before it has an address, or to the one that it speaks from.
            let reaches = sent.to.ip().is_broadcast() || sent.to.ip() == datagram.from.ip();
            assert!(reaches, "an answer to {} reaches nobody", sent.to);
            let (after, port) = (WAY + sent.after, sent.to.port());
            self.time.brings(after, sent.from, port, sent.bytes);
        }
    }
}
