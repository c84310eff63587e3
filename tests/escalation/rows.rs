//! What is kept of machines, and of how many: what a flood of made-up ones does to it.

use bootjack::client::Shape;
use bootjack::client::progress::{Firmware, Learnt, Memory, NEW_ROWS, Progress, ROW_EVERY, Turn};
use bootjack::client::quirk::Behaviour;
use bootjack::wire::{Mac, Platform};

use crate::talk::{BIOS, Lab, bios, mac, uefi};

fn machine(n: u16) -> Firmware {
    let [high, low] = n.to_be_bytes();
    Firmware {
        mac: Mac::ethernet([2, 0, 0, 0, high, low]),
        platform: Platform::EfiX64,
    }
}

fn follows(at: u64) -> Learnt {
    Learnt {
        shape: Some(Shape::BypassPrompt),
        seen: Vec::new(),
        at,
    }
}

fn marked(at: u64) -> Learnt {
    Learnt {
        shape: None,
        seen: vec![Behaviour::Asks4011AllTheSame],
        at,
    }
}

/// A BIOS that asks port 4011 all the same, twice.
const MARKED: &str = "D +0.1 r +1 4 +60 D +0.1 r +1 4";

#[test]
fn the_row_learnt_first_leaves_first_and_one_confirmed_daily_stays() {
    let mut lab = uefi();
    let old = [
        (lab.firmware(), follows(1_700_000_000)),
        (machine(1), follows(1_700_000_001)),
    ];
    lab.progress = Progress::new(16, Memory::new(2, old));
    let now = lab.now();
    let _ = lab.progress.offered(now, lab.firmware(), 1, None);
    lab.talk("D +0.1 r");
    let turn = lab.progress.fetched(lab.now(), mac(), true);
    assert_eq!(turn.rows, [(lab.firmware(), Some(follows(0)))]);
    // Another file of it proves nothing more, a day later.
    lab.talk("+90000");
    let turn = lab.progress.fetched(lab.now(), mac(), true);
    assert_eq!(turn, Turn::default());
    // A machine that has learnt to follow another shape takes the oldest one's place.
    lab.platform = Platform::EfiIa32;
    let deaf = "D +0.1 r +10";
    lab.talk(deaf).talk(deaf).talk("D +0.1 r +1 f");
    let left: Vec<Firmware> = lab.progress.learnt().map(|(of, _)| *of).collect();
    assert!(
        left.len() == 2 && left.contains(&lab.firmware()) && !left.contains(&machine(1)),
        "{left:?}"
    );
}

#[test]
fn rows_that_only_say_what_was_seen_leave_before_those_with_a_shape() {
    let mut lab = bios();
    let new = 1_799_999_999;
    let old = [(machine(1), marked(new)), (machine(2), follows(1))];
    lab.progress = Progress::new(16, Memory::new(2, old));
    lab.talk(MARKED).says(&["asks-4011-all-the-same"]);
    let left: Vec<Firmware> = lab.progress.learnt().map(|(of, _)| *of).collect();
    assert!(
        left.contains(&machine(2)) && !left.contains(&machine(1)),
        "{left:?}"
    );
    // Where all have one, there is no place for it.
    let mut lab = bios();
    let old = [(machine(1), follows(1)), (machine(2), follows(1))];
    lab.progress = Progress::new(16, Memory::new(2, old));
    lab.talk(MARKED).says(&[]);
    assert_eq!(lab.past().seen, []);
}

#[test]
fn a_flood_of_made_up_machines_makes_few_rows_and_drives_no_shape_out() {
    let mut lab = bios();
    let room = usize::from(u16::MAX);
    let kept = [(machine(1), follows(1))];
    lab.progress = Progress::new(room, Memory::new(room, kept));
    let rows = flood(&mut lab, 0..20_000);
    assert_eq!(rows, NEW_ROWS as usize);
    assert_eq!(lab.progress.remembered(), rows + 1);
    // A genuine one follows what it was found to follow, and is kept as soon as there is room. What
    // room there is when it gets there, others have taken.
    lab.platform = Platform::Bios;
    lab.ladder = BIOS.to_vec();
    let deaf = "D +0.1 r +6";
    lab.talk(deaf).talk(deaf);
    assert_eq!(flood(&mut lab, 20_000..20_010), 1);
    let full = lab.progress.remembered();
    lab.talk("D +0.1 r +1 f");
    lab.says(&["self-sufficient failed 2 times, then bypass-prompt"]);
    let mut tries = 0;
    while lab.progress.remembered() == full {
        assert_eq!(lab.past().shape, Some(Shape::BypassPrompt));
        lab.says(&[]).talk("+2 D +0.1 r +1 f");
        tries += 1;
        assert!(tries <= ROW_EVERY.as_secs());
    }
    assert!(tries > 1, "it had to wait for room");
    lab.says(&["follows bypass-prompt, kept: true"]);
    assert_eq!(lab.shape(), Shape::BypassPrompt);
}

/// Machines that ask port 4011 all the same, twice each; how many rows that makes.
fn flood(lab: &mut Lab, machines: std::ops::Range<u16>) -> usize {
    let mut rows = 0;
    for n in machines {
        let firmware = Firmware {
            platform: Platform::Bios,
            ..machine(n)
        };
        for xid in 0..2 {
            lab.speaks_as(firmware, xid);
            rows += lab.rows;
        }
    }
    rows
}
