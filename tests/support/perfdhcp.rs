//! perfdhcp, Kea's own load generator: imitated clients behind one relay that ask at a steady rate,
//! whatever is answered.

use std::time::Duration;

use super::lan::{APPLIANCE_IP, Host};
use super::netns::attempt;
use super::packages;

/// How long the last answers are waited for.
const LAST: Duration = Duration::from_secs(1);

/// One load.
#[derive(Debug, Clone, Default)]
pub struct Load {
    /// Exchanges begun a second, each DISCOVER to ACK.
    pub rate: u32,
    /// Renewals a second beside them.
    pub renewals: u32,
    /// Different clients, one after the other.
    pub clients: u32,
    /// Ends after so many exchanges.
    pub exchanges: Option<u32>,
    /// Ends after so many seconds.
    pub seconds: Option<u32>,
    /// The packets' times are wanted.
    pub times: bool,
}

/// What came of one kind of question.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Asked {
    /// `DISCOVER-OFFER`, `REQUEST-ACK`, `REQUEST-ACK (renewal)`.
    pub what: String,
    /// Questions.
    pub sent: u64,
    /// Answers.
    pub answered: u64,
    /// Milliseconds to each answer, sorted; where they were wanted.
    pub delays: Vec<f64>,
}

impl Load {
    /// Puts the load on the appliance's address; everything that was asked.
    pub fn run(&self, from: &Host) -> Vec<Asked> {
        let mut command = packages::command(from, "usr/sbin/perfdhcp");
        command.args(["-4", "-l", "eth0", "-g", "single"]);
        let mut flag = |name: &str, value: u32| {
            command.arg(name).arg(value.to_string());
        };
        flag("-r", self.rate);
        flag("-R", self.clients);
        flag("-W", u32::try_from(LAST.as_micros()).expect("a short time"));
        if self.renewals > 0 {
            flag("-f", self.renewals);
        }
        if let Some(exchanges) = self.exchanges {
            flag("-n", exchanges);
        }
        if let Some(seconds) = self.seconds {
            flag("-p", seconds);
        }
        command.args(
            self.times
                .then_some("-x")
                .into_iter()
                .chain(self.times.then_some("t")),
        );
        let output = attempt(command.arg(APPLIANCE_IP));
        // Its exit code 3 is that something was dropped.
        let text = String::from_utf8_lossy(&output.stdout);
        let asked = parsed(&text);
        assert!(
            !asked.is_empty(),
            "perfdhcp: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        asked
    }
}

impl Asked {
    /// Questions without an answer.
    pub const fn lost(&self) -> u64 {
        self.sent.saturating_sub(self.answered)
    }
}

/// ```text
/// ***Statistics for: DISCOVER-OFFER***
/// sent packets: 5
/// received packets: 5
/// …
/// ***Timestamps for packets: DISCOVER-OFFER***
/// sent / received: 000000.000044 / 000000.000300
/// ```
fn parsed(text: &str) -> Vec<Asked> {
    let mut all: Vec<Asked> = Vec::new();
    let mut here = 0;
    for line in text.lines() {
        let head = line.strip_prefix("***").and_then(|l| l.strip_suffix("***"));
        if let Some(what) = head.and_then(|head| head.split_once(": ")) {
            here = place(&mut all, what.1);
        }
        let Some((name, value)) = line.split_once(": ") else {
            continue;
        };
        let number = || value.trim().parse().unwrap_or_default();
        match (name, all.get_mut(here)) {
            ("sent packets", Some(asked)) => asked.sent = number(),
            ("received packets", Some(asked)) => asked.answered = number(),
            ("sent / received", Some(asked)) => asked.delays.extend(delay(value)),
            _ => {}
        }
    }
    for asked in &mut all {
        asked.delays.sort_by(f64::total_cmp);
    }
    all
}

fn place(all: &mut Vec<Asked>, what: &str) -> usize {
    if let Some(place) = all.iter().position(|asked| asked.what == what) {
        return place;
    }
    all.push(Asked {
        what: what.to_owned(),
        ..Asked::default()
    });
    all.len() - 1
}

fn delay(value: &str) -> Option<f64> {
    let (sent, received) = value.split_once(" / ")?;
    let seconds = |text: &str| text.trim().parse::<f64>().ok();
    Some((seconds(received)? - seconds(sent)?) * 1e3)
}
