//! One client and the server that offers it what it should, in virtual time.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use bootjack::client::progress::{
    Firmware, Given, Memory, Now, Offered, Overheard, Progress, Step, Turn, Windows,
};
use bootjack::client::{Past, Shape, Stage};
use bootjack::wire::{Mac, Platform};

pub const UEFI: [Shape; 3] = [Shape::Offer4011, Shape::BypassPrompt, Shape::SelfSufficient];
pub const BIOS: [Shape; 3] = [Shape::SelfSufficient, Shape::BypassPrompt, Shape::Offer4011];
/// Answers of others: the DHCP server's without and with boot data, another proxy's.
const OFFER: (Ipv4Addr, bool, bool) = (Ipv4Addr::new(10, 0, 0, 1), true, false);
const BOOTS: (Ipv4Addr, bool, bool) = (Ipv4Addr::new(10, 0, 0, 1), true, true);
const PROXY: (Ipv4Addr, bool, bool) = (Ipv4Addr::new(10, 0, 0, 4), false, true);
/// The address of its lease, and another machine's.
pub const HOME: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 7);
pub const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 66);

/// A server that offers one client what it should, in virtual time.
pub struct Lab {
    pub progress: Progress,
    began: Instant,
    after: Duration,
    xid: u32,
    pub platform: Platform,
    pub ladder: Vec<Shape>,
    pub pinned: bool,
    pub said: Vec<String>,
    /// Nothing of what servers offer it is heard.
    pub unheard: bool,
    /// Other boot servers told of.
    pub rivals: Vec<Ipv4Addr>,
    /// Rows that the last one of many has changed.
    pub rows: usize,
}

impl Lab {
    pub fn new(platform: Platform, ladder: &[Shape]) -> Self {
        Self {
            progress: Progress::new(16, Memory::new(16, [])),
            began: Instant::now(),
            after: Duration::ZERO,
            xid: 1,
            platform,
            ladder: ladder.to_vec(),
            pinned: false,
            said: Vec::new(),
            unheard: false,
            rivals: Vec::new(),
            rows: 0,
        }
    }

    pub fn firmware(&self) -> Firmware {
        Firmware {
            mac: mac(),
            platform: self.platform,
        }
    }

    pub fn now(&self) -> Now {
        Now {
            at: self.began + self.after,
            wall: 1_800_000_000 + self.after.as_secs(),
        }
    }

    fn note(&mut self, turn: &Turn) {
        self.said.extend(turn.step.map(|step| match step {
            Step::Next {
                left,
                failures,
                at_4011,
                next,
            } => {
                let at_4011 = if at_4011 { " at 4011" } else { "" };
                format!("{left} failed {failures} times{at_4011}, then {next}")
            }
            Step::NothingLeft { left, failures, .. } => {
                format!("{left} failed {failures} times, nothing left")
            }
            Step::Follows { shape, remembered } => format!("follows {shape}, kept: {remembered}"),
            Step::Seen(behaviour) => behaviour.name().to_owned(),
            Step::Disproved(behaviour) => format!("not {}", behaviour.name()),
            Step::ShimRefused => "shim refused".to_owned(),
            Step::Looped { cut, rounds } => format!("cut by {} after {rounds}", cut.name()),
        }));
    }

    pub fn past(&self) -> Past {
        let known = self.progress.known_of(mac());
        let known = known.into_iter().find(|k| k.firmware == self.firmware());
        let learnt = known.as_ref().and_then(|known| known.learnt.clone());
        let learnt = learnt.unwrap_or_default();
        Past {
            seen: learnt.seen,
            cut: known.as_ref().and_then(|known| known.cut),
            shape: known.and_then(|known| known.trying).or(learnt.shape),
        }
    }

    /// One word of a talk: `d` DISCOVER, `D` one of a new transaction, `r` REQUEST, `4` a request at
    /// 4011, `?` one from another address, `f` a file, `n` a file that is not there,
    /// `a` a request that is refused for lack of room, or damaged, `u` an answer that could not be sent,
    /// `i` iPXE's DISCOVER, `h` that of HTTP boot, `W` an iPXE of ours that is sent whole, `S` a shim, `s` another file, `O` the one
    /// by which GRUB says that Secure Boot is off,
    /// `B` a request for boot data that no shape is offered to (mode `dhcp`, and 4011 in `colocated`),
    /// `o` an OFFER of a lease, `b` one with boot data, `p` another proxy's OFFER, all heard on the wire,
    /// `m` a gap in what is heard; `+3` so many seconds later.
    fn word(&mut self, word: &str) {
        let now = self.now();
        let firmware = self.firmware();
        match word {
            "d" => self.discover(),
            "D" => {
                self.xid += 1;
                self.discover();
            }
            "r" => {
                // Its server had offered it the lease.
                if !self.unheard {
                    self.heard(OFFER);
                }
                (self.progress).requested(now, firmware, self.xid, Some(HOME));
            }
            "4" | "?" => {
                let from = if word == "4" { HOME } else { ELSEWHERE };
                let turn = self.progress.asked_4011(now, firmware, from);
                self.note(&turn);
            }
            "f" | "n" => {
                let turn = self.progress.fetched(now, mac(), word == "f");
                self.note(&turn);
            }
            "a" => self.progress.asks_for_a_file(now, mac()),
            "u" => self.progress.unanswered(firmware),
            "i" | "h" => {
                let http = word == "h";
                let stage = if http { Stage::HttpBoot } else { Stage::Ipxe };
                let turn = self.progress.other_stage(now, mac(), stage);
                self.note(&turn);
                if http {
                    let turn = self.progress.begins(now, firmware);
                    self.note(&turn);
                }
            }
            "W" | "S" | "s" | "O" => {
                let given = match word {
                    "W" => Given::Ipxe,
                    "S" => Given::Shim,
                    "O" => Given::SecureBootOff,
                    _ => Given::Other,
                };
                let turn = self.progress.sent(now, mac(), given);
                self.note(&turn);
            }
            "B" => {
                let turn = self.progress.begins(now, firmware);
                self.note(&turn);
            }
            "o" => self.heard(OFFER),
            "b" => self.heard(BOOTS),
            "p" => self.heard(PROXY),
            "m" => self.progress.missed(now),
            _ => match word.split_at(1) {
                ("+", more) => self.after += Duration::from_secs_f64(more.parse().unwrap()),
                _ => panic!("{word}"),
            },
        }
    }

    fn heard(&mut self, (server, lease, boots): (Ipv4Addr, bool, bool)) {
        let heard = Overheard {
            mac: mac(),
            xid: self.xid,
            server,
            named: server,
            whole: false,
            lease,
            boots,
        };
        let new = self.progress.overheard(self.now(), heard);
        self.rivals.extend(new);
    }

    /// Other servers answer before the DISCOVER has come to us.
    pub fn ahead(&mut self) -> &mut Self {
        self.xid += 1;
        self.heard(OFFER);
        self.heard(PROXY);
        self.xid -= 1;
        self
    }

    fn discover(&mut self) {
        let (now, firmware) = (self.now(), self.firmware());
        for turn in [
            self.progress.discovered(now, firmware, self.xid),
            self.progress.begins(now, firmware),
        ] {
            self.note(&turn);
        }
        let shape = self.shape();
        let offered = (!self.pinned).then(|| Offered {
            shape,
            ladder: self.ladder.iter().copied().collect(),
            windows: Windows::of(&[]),
            bypass: matches!(shape, Shape::SelfSufficient | Shape::BypassPrompt),
        });
        let new = (self.progress).offered(now, firmware, self.xid, offered);
        self.rivals.extend(new);
    }

    /// Another machine that asks port 4011 although it was told not to, in one attempt.
    pub fn speaks_as(&mut self, firmware: Firmware, xid: u32) {
        let now = self.now();
        let offered = Offered {
            shape: BIOS[0],
            ladder: BIOS.iter().copied().collect(),
            windows: Windows::of(&[]),
            bypass: true,
        };
        let _ = self.progress.offered(now, firmware, xid, None);
        let _ = self.progress.offered(now, firmware, xid, Some(offered));
        (self.progress).requested(now, firmware, xid, Some(HOME));
        let turn = self.progress.asked_4011(now, firmware, HOME);
        self.rows = turn.rows.len();
    }

    /// The shape that it is offered now.
    pub fn shape(&self) -> Shape {
        let past = self.past().shape;
        past.filter(|s| self.ladder.contains(s))
            .unwrap_or(self.ladder[0])
    }

    pub fn talk(&mut self, words: &str) -> &mut Self {
        for word in words.split_whitespace() {
            self.word(word);
        }
        self
    }

    #[track_caller]
    pub fn says(&mut self, expected: &[&str]) -> &mut Self {
        let said = std::mem::take(&mut self.said);
        assert_eq!(said, expected, "after {:?}", self.after);
        self
    }
}

pub fn mac() -> Mac {
    "52:54:00:00:00:01".parse().unwrap()
}

pub fn uefi() -> Lab {
    Lab::new(Platform::EfiX64, &UEFI)
}

pub fn bios() -> Lab {
    Lab::new(Platform::Bios, &BIOS)
}
