//! Several bootjacks that start at the same moment on one LAN: one of them serves.

use std::time::Duration;

use crate::house::{SOON, bootjack, config};
use crate::support::lan::{Host, Lan};
use crate::support::poll;
use crate::support::process::Process;

const ASKING: &str = "mode: dhcp
dhcp:
  networks: [ { subnet: 10.77.0.0/24, pools: [ 10.77.0.50-10.77.0.59 ] } ]
";

/// `bootjack serve` in a host, on a fresh state folder.
fn serve(host: &Host, config: &str) -> Process {
    let (file, state) = (host.file("bootjack.yaml"), host.file("state"));
    std::fs::write(&file, config).unwrap();
    let mut command = bootjack(host);
    command.arg("serve").arg("--config").arg(file);
    command.arg("--state").arg(state);
    host.start("bootjack", command)
}

fn is_ready(process: &Process) -> bool {
    process.log().lines().any(|line| line.contains("ready on "))
}

/// Two hosts; the first has the lower hardware address.
fn two(lan: &Lan) -> [Host; 2] {
    [2, 3].map(|n| {
        let host = lan.host(&format!("boot{n}"), &format!("10.77.0.{n}/24"));
        host.ip(&["link", "set", "eth0", "address", &mac(n)]);
        host
    })
}

fn mac(n: u8) -> String {
    format!("02:00:00:00:00:0{n}")
}

#[test]
fn of_two_that_start_together_one_serves() {
    as_root!("of_two_that_start_together_one_serves");
    let lan = Lan::new();
    let hosts = two(&lan);
    let mut gave_way = 0;
    // Each asks for two and a half seconds: while the other does, or just when it has done.
    for (round, apart) in [0, 0, 900, 1800, 2600].into_iter().enumerate() {
        for first in [0, 1] {
            let [early, late] = [&hosts[first], &hosts[1 - first]];
            let early = serve(early, ASKING);
            std::thread::sleep(Duration::from_millis(apart));
            let late = serve(late, ASKING);
            let mut both = [early, late];
            if first == 1 {
                both.reverse();
            }
            let what = format!("round {round}, {apart} ms apart, {first} first");
            poll::expect(&what, SOON, || {
                both.iter_mut().all(|p| is_ready(p) || p.ended().is_some())
            });
            let serving: Vec<bool> = both.iter().map(is_ready).collect();
            let one = serving.iter().filter(|serves| **serves).count() == 1;
            assert!(one, "{what}: {}\n{}", both[0].log(), both[1].log());
            let refused = usize::from(serving[0]);
            let (code, said) = (both[refused].ended().unwrap().code(), both[refused].log());
            assert_eq!(code, Some(3), "{what}: {said}");
            let other = format!("10.77.0.{}", 3 - refused);
            assert!(said.contains(&other), "{what}: {said}");
            let words = "another bootjack is starting on eth0 at the same moment: ";
            if said.contains(words) {
                gave_way += 1;
                let lower = format!("{words}{}, 10.77.0.2;", mac(2));
                assert!(said.contains(&lower), "{what}: {said}");
            }
        }
    }
    assert!(gave_way > 0, "none began while another one asked");
}

#[test]
fn of_two_that_are_told_to_serve_both_do() {
    as_root!("of_two_that_are_told_to_serve_both_do");
    let lan = Lan::new();
    let networks = ASKING.split_once("dhcp:\n").unwrap().1;
    let both = two(&lan).map(|host| serve(&host, &config(networks)));
    poll::expect("both serve", SOON, || both.iter().all(is_ready));
}

/// `doctor` asks as well, and is not about to serve.
#[test]
fn who_only_asks_stops_nobody() {
    as_root!("who_only_asks_stops_nobody");
    let lan = Lan::new();
    let [asks, serves] = two(&lan);
    let mut command = bootjack(&asks);
    command.arg("doctor");
    let doctor = asks.start("doctor", command);
    let serving = serve(&serves, ASKING);
    poll::expect("it serves", SOON, || is_ready(&serving));
    drop(doctor);
}
