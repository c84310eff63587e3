//! kill -9 at any moment: nothing acknowledged is lost, and the store opens each time.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use bootjack::service::lease::commit::Pending;
use bootjack::service::lease::store::FILE;

use crate::store::{committer, found, record};

const ROUNDS: u32 = 100;
/// Addresses, so few that their records are written over again and again.
const ADDRESSES: u32 = 200;
/// Records under way at once.
const WAITING: u32 = 16;
const FOLDER: &str = "LEASE_STORE_OF_THE_CHILD";
const FIRST: &str = "FIRST_NUMBER_OF_THE_CHILD";

/// The process that is killed: it writes records without end, each with the next number, and
/// prints `told ADDRESS NUMBER` for each it was told of.
#[test]
#[ignore = "it is a part of the test below"]
fn child() {
    let folder = PathBuf::from(std::env::var(FOLDER).unwrap());
    let mut number: u64 = std::env::var(FIRST).unwrap().parse().unwrap();
    let (committer, _said) = committer(&folder);
    let (told, answers) = channel();
    let mut out = std::io::stdout();
    for waiting in 0.. {
        number += 1;
        let n = (number.wrapping_mul(2_654_435_761) % u64::from(ADDRESSES)) as u32;
        let (told, record) = (told.clone(), record(n, number));
        let line = format!("told {} {number}\n", record.address);
        let done = move |outcome: Result<(), _>| {
            outcome.unwrap();
            let _ = told.send(line);
        };
        let done = Some(Box::new(done) as _);
        let records = vec![record];
        committer.submit(Pending { records, done }).unwrap();
        if waiting >= WAITING {
            let line: String = answers.recv().unwrap();
            out.write_all(line.as_bytes()).unwrap();
        }
    }
}

/// Runs the child until it has printed so many lines and a little longer; what it was told.
fn killed(folder: &std::path::Path, first: u64, round: u32) -> Vec<(Ipv4Addr, u64)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["killed::child", "--exact", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut told = Vec::new();
    let mut read = |lines: &mut dyn Iterator<Item = std::io::Result<String>>, most: usize| {
        for line in lines.map_while(Result::ok) {
            let words: Vec<&str> = line.split(' ').collect();
            // The last line may have been cut off by the kill.
            if let ["told", address, number] = words[..]
                && let (Ok(address), Ok(number)) = (address.parse(), number.parse())
            {
                told.push((address, number));
            }
            if told.len() >= most {
                return;
            }
        }
    };
    read(&mut lines, (round as usize * 7) % 90);
    let moment = Duration::from_micros(u64::from(round * 137 % 3000));
    let until = Instant::now() + moment;
    while Instant::now() < until {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    read(&mut lines, usize::MAX);
    told
}

#[test]
fn nothing_acknowledged_is_lost_in_a_hundred_kills() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged: HashMap<Ipv4Addr, u64> = HashMap::new();
    let mut highest = 0;
    for round in 0..ROUNDS {
        for (address, number) in killed(folder.path(), highest, round) {
            let last = acknowledged.entry(address).or_default();
            *last = (*last).max(number);
        }
        let (records, notices) = found(folder.path());
        assert_eq!(notices, [""; 0], "round {round}: it was not damaged");
        let stored: HashMap<Ipv4Addr, u64> = records.iter().map(|r| (r.address, r.until)).collect();
        for (address, number) in &acknowledged {
            assert!(
                stored.get(address) >= Some(number),
                "round {round}: {address} was told {number}, stored is {:?}",
                stored.get(address)
            );
        }
        highest = stored.values().copied().max().unwrap_or(0);
    }
    assert!(acknowledged.len() > 100, "{}", acknowledged.len());
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left, [FILE], "nothing is left lying about");
}
