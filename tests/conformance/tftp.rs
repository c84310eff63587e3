//! A TFTP transfer, packet by packet: what the client sends, and what leaves.
//!
//! ```yaml
//! talk:
//!   - ask: rrq snponly.efi octet tsize=0 blksize=1468 windowsize=4
//!     get: oack blksize=1468 tsize=SIZE windowsize=4
//!   - ask: error 8
//!     get: ended probed
//! ```
//!
//! `ask` is also `ack 3`, `raw …` (all bytes of a request, Latin-1) and `silence`: the client says
//! nothing until the wait is over, any number of times with `silence x6`. `later …` is said 400 ms
//! after what was said before, all else at once. `get` names what leaves: `oack …`, `data 1-4`, `error 1`, `nothing`, and behind `;` how the transfer ended. `SIZE` stands
//! for the length of what was asked for.

use std::time::{Duration, Instant};

use bootjack::transfer::{Ending, Input, Next, Send, Sender, Step, agree};
use bootjack::tree::Door;
use bootjack::wire::tftp::{ErrorCode, Mode, Options, Packet, Request};
use serde::Deserialize;

use crate::tree::{Body, Tree};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(rename = "covers")]
    _covers: Vec<String>,
    #[serde(default = "ethernet")]
    mtu: u32,
    #[serde(default)]
    tree: Tree,
    talk: Vec<Turn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Turn {
    ask: String,
    get: String,
    /// What the body begins with, where it is asked for.
    begins: Option<String>,
}

/// When GRUB repeats a request.
const LATER: Duration = Duration::from_millis(400);

const fn ethernet() -> u32 {
    1500
}

/// Plays the conversation of this text.
pub fn play(case: &str) {
    let case: Case = serde_saphyr::from_str(case).unwrap_or_else(|e| panic!("{e}"));
    let mut transfer = Transfer::new(&case);
    for turn in &case.talk {
        println!("  {}", turn.ask);
        let got = transfer.turn(&turn.ask);
        let size = transfer.size().to_string();
        assert_eq!(got, turn.get.replace("SIZE", &size), "{}", turn.ask);
        if let Some(begins) = &turn.begins {
            let body = transfer.body.as_ref().unwrap();
            assert!(body.bytes.starts_with(begins.as_bytes()), "the body");
        }
    }
}

struct Transfer<'a> {
    case: &'a Case,
    now: Instant,
    until: Instant,
    /// The request under way, as it came.
    asked: Vec<u8>,
    oack: Option<Options>,
    body: Option<Body>,
    sender: Option<Sender>,
}

impl<'a> Transfer<'a> {
    fn new(case: &'a Case) -> Self {
        let now = Instant::now();
        Self {
            case,
            now,
            until: now,
            asked: Vec::new(),
            oack: None,
            body: None,
            sender: None,
        }
    }

    fn size(&self) -> usize {
        self.body.as_ref().map_or(0, |body| body.bytes.len())
    }

    fn turn(&mut self, ask: &str) -> String {
        let (word, rest) = ask.split_once(' ').unwrap_or((ask, ""));
        match word {
            "rrq" => self.request(&request(rest)),
            "raw" => self.request(&latin_1(rest)),
            "ack" => self.answer(Input::Ack(rest.parse().unwrap())),
            "error" => self.answer(Input::Error(ErrorCode(rest.parse().unwrap()))),
            "later" => {
                self.now += LATER;
                self.turn(rest)
            }
            "silence" => self.silence(rest),
            other => panic!("nothing that a client says: {other}"),
        }
    }

    /// A request, through the codec as it came.
    fn request(&mut self, bytes: &[u8]) -> String {
        if self.sender.is_some() && self.asked == bytes {
            return self.answer(Input::Again);
        }
        let Ok(Packet::Read(request)) = Packet::decode(bytes) else {
            return "nothing".to_owned();
        };
        assert_eq!(request.mode, Mode::Octet);
        self.asked = bytes.to_vec();
        self.body = self.case.tree.get(Door::Tftp, request.name);
        let Some(body) = &self.body else {
            return "error 1".to_owned();
        };
        let size = body.bytes.len() as u64;
        let terms = agree(
            &request.options,
            size,
            &self.case.tree.bounds(self.case.mtu),
        );
        self.oack = terms.oack;
        let (sender, step) = Sender::start(self.now, size, terms, Duration::from_secs(60));
        self.sender = Some(sender);
        self.told(step)
    }

    /// Each silence until its end; what the last one brings.
    fn silence(&mut self, times: &str) -> String {
        let times: u32 = times.strip_prefix('x').map_or(1, |n| n.parse().unwrap());
        let mut got = String::new();
        for _ in 0..times {
            self.now = self.until;
            got = self.answer(Input::Timeout);
        }
        got
    }

    fn answer(&mut self, input: Input) -> String {
        self.now += Duration::from_millis(1);
        let step = self
            .sender
            .as_mut()
            .expect("a transfer")
            .on(self.now, input);
        self.told(step)
    }

    fn told(&mut self, step: Step) -> String {
        let sent = step.send.as_ref().map(|send| self.sent(send));
        match step.next {
            Next::Wait(until) => {
                self.until = until;
                sent.unwrap_or_else(|| "nothing".to_owned())
            }
            Next::Done(ending) => {
                let ended = format!("ended {}", word(ending));
                sent.map_or(ended.clone(), |sent| format!("{sent}; {ended}"))
            }
        }
    }

    fn sent(&self, send: &Send) -> String {
        match send {
            Send::Oack => oack(self.oack.unwrap()),
            Send::Blocks(run) => {
                let numbers: Vec<u16> = run.blocks().map(|block| block.number).collect();
                match numbers[..] {
                    [only] => format!("data {only}"),
                    _ => format!("data {}-{}", numbers[0], numbers[numbers.len() - 1]),
                }
            }
        }
    }
}

/// Its options in their order on the wire, to whose last byte they reach.
fn oack(options: Options) -> String {
    let bytes = Packet::Oack(options).encode();
    let (nul, body) = bytes[2..].split_last().unwrap();
    assert_eq!(*nul, 0, "EDK2 wants the last byte to be NUL");
    let texts: Vec<_> = body
        .split(|b| *b == 0)
        .map(String::from_utf8_lossy)
        .collect();
    let pairs = texts.chunks(2).map(|pair| format!(" {}", pair.join("=")));
    format!("oack{}", pairs.collect::<String>())
}

fn word(ending: Ending) -> String {
    match ending {
        Ending::Sent => "sent".to_owned(),
        Ending::Probed => "probed".to_owned(),
        Ending::Failed(why) => format!("failed: {why}"),
    }
}

/// `NAME octet blksize=1468 …` as a client writes it.
fn request(words: &str) -> Vec<u8> {
    let mut words = words.split(' ');
    let name = latin_1(words.next().unwrap());
    assert_eq!(words.next(), Some("octet"));
    let mut bytes = Packet::Read(Request {
        name: &name,
        mode: Mode::Octet,
        options: Options::default(),
    })
    .encode();
    for (option, value) in words.map(|word| word.split_once('=').unwrap()) {
        bytes.extend(format!("{option}\0{value}\0").as_bytes());
    }
    bytes
}

fn latin_1(text: &str) -> Vec<u8> {
    let byte = |c: char| u8::try_from(u32::from(c)).unwrap();
    text.chars().map(byte).collect()
}
