//! Trying an address on a LAN with real hosts: who answers is found, who is not asked is not
//! believed, and it works without privileges once the sockets are open.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail like tests"
)]

mod support;

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bootjack::event::What;
use bootjack::network::ConflictMethod;
use bootjack::service::interfaces::Interface;
use bootjack::service::lease::Emit;
use bootjack::service::lease::probe::{self, Answer, MOST, Method, Prober};
use bootjack::service::sys::arp;
use bootjack::wire::Mac;
use caps::CapSet;
use support::lan::{APPLIANCE_IP, Host, Lan};
use tokio::task::JoinSet;

/// Where somebody answers, however busy the machine.
const PATIENT: Duration = Duration::from_secs(20);
/// Where nobody does.
const BRIEF: Duration = Duration::from_millis(400);

const NOBODY: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 60);
const HOST: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 50);

type Said = Arc<Mutex<Vec<What>>>;

/// Runs `work` with a prober in a host, on a thread that has no privilege left.
fn with_prober<F: Future<Output = ()>>(
    host: &Host,
    work: impl FnOnce(Arc<Prober>, Said) -> F + Send,
) {
    host.enter(|| {
        let interface = Interface {
            name: "eth0".to_owned(),
            nets: vec![format!("{APPLIANCE_IP}/24").parse().unwrap()],
        };
        // The setting may change while it runs; the sockets are there for each.
        let opened = probe::open(ConflictMethod::Off, &[interface]).unwrap();
        for set in [CapSet::Effective, CapSet::Permitted] {
            caps::clear(None, set).unwrap();
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let said = Said::default();
            let hears = said.clone();
            let emit: Emit = Arc::new(move |_, what| hears.lock().unwrap().push(what));
            work(Arc::new(Prober::start(opened, emit).unwrap()), said).await;
        });
    });
}

fn used_by(host: &Host) -> Answer {
    Answer::Used(Some(Mac::ethernet(host.mac("eth0"))))
}

#[test]
fn a_host_with_the_address_is_found_and_no_other() {
    if support::left_out("a_host_with_the_address_is_found_and_no_other") {
        return;
    }
    let lan = Lan::new();
    let (us, host) = (lan.appliance_host(), lan.host("pc", "10.77.0.50/24"));
    with_prober(&us, async |prober, said| {
        for (method, used) in [
            (Method::Arp, used_by(&host)),
            (Method::Ping, Answer::Used(None)),
        ] {
            // While one answers for its own address, the other is tried.
            let (there, nobody) = tokio::join!(
                prober.try_address("eth0", HOST, Some(method), PATIENT),
                prober.try_address("eth0", NOBODY, Some(method), BRIEF),
            );
            assert_eq!((there, nobody), (used, Answer::Free), "{method:?}");
        }
        let own = prober.try_address(
            "eth0",
            APPLIANCE_IP.parse().unwrap(),
            Some(Method::Arp),
            BRIEF,
        );
        assert_eq!(own.await, Answer::Used(None), "our own");
        let nowhere = prober
            .try_address("eth9", HOST, Some(Method::Arp), BRIEF)
            .await;
        assert_eq!(nowhere, Answer::Unknown, "no such interface");
        let said = said.lock().unwrap();
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].to_string().contains("eth9"), "{said:?}");
    });
}

#[test]
fn a_firewall_hides_a_host_from_ping_but_not_from_arp() {
    if support::left_out("a_firewall_hides_a_host_from_ping_but_not_from_arp") {
        return;
    }
    let lan = Lan::new();
    let (us, host) = (lan.appliance_host(), lan.host("pc", "10.77.0.50/24"));
    host.run("nft", &["add", "table", "ip", "wall"]);
    let hook = "{ type filter hook input priority 0; }";
    host.run("nft", &["add", "chain", "ip", "wall", "in", hook]);
    host.run(
        "nft",
        &[
            "add", "rule", "ip", "wall", "in", "ip", "protocol", "icmp", "drop",
        ],
    );
    with_prober(&us, async |prober, _| {
        let arp = prober
            .try_address("eth0", HOST, Some(Method::Arp), PATIENT)
            .await;
        let ping = prober
            .try_address("eth0", HOST, Some(Method::Ping), BRIEF)
            .await;
        assert_eq!((arp, ping), (used_by(&host), Answer::Free));
    });
}

/// Another server, or a host, that asks for the same address: a question is no use of it (so two
/// servers do not put each other's addresses into quarantine).
#[test]
fn somebody_who_tries_the_same_address_does_not_have_it() {
    if support::left_out("somebody_who_tries_the_same_address_does_not_have_it") {
        return;
    }
    let lan = Lan::new();
    let (us, other) = (lan.appliance_host(), lan.client("pc"));
    let theirs = other.enter(|| arp::open("eth0").unwrap());
    with_prober(&us, async |prober, _| {
        let rival = Arc::new(arp::Link::new(theirs).unwrap());
        let again = async |rival: Arc<arp::Link>| {
            loop {
                rival.probe(NOBODY).unwrap();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let asking = tokio::spawn(again(rival.clone()));
        let ours = prober.try_address("eth0", NOBODY, Some(Method::Arp), BRIEF);
        // It hears ours: so ours could hear its questions.
        let (answer, heard) = tokio::join!(ours, rival.recv());
        asking.abort();
        assert_eq!(heard.unwrap().map(|arp| arp.target), Some(NOBODY));
        assert_eq!(answer, Answer::Free);
    });
}

#[test]
fn a_host_behind_a_router_answers_ping() {
    if support::left_out("a_host_behind_a_router_answers_ping") {
        return;
    }
    let lan = Lan::new();
    let (us, router) = (lan.appliance_host(), lan.host("router", "10.77.0.1/24"));
    let far = lan.segment();
    let second = lan.plug(&router, far);
    router.address(&second, "10.78.0.1/24");
    router.run("sh", &["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]);
    let host = lan.client_on("far", far);
    host.address("eth0", "10.78.0.9/24");
    host.ip(&["route", "add", "default", "via", "10.78.0.1"]);
    us.ip(&["route", "add", "10.78.0.0/24", "via", "10.77.0.1"]);
    with_prober(&us, async |prober, _| {
        let ping = |last, wait| {
            let address = Ipv4Addr::new(10, 78, 0, last);
            prober.try_address("eth0", address, Some(Method::Ping), wait)
        };
        assert_eq!(ping(9, PATIENT).await, Answer::Used(None));
        assert_eq!(ping(10, BRIEF).await, Answer::Free);
        let unroutable = Ipv4Addr::new(192, 0, 2, 1);
        let answer = prober
            .try_address("eth0", unroutable, Some(Method::Ping), BRIEF)
            .await;
        assert_eq!(answer, Answer::Unknown, "no way there");
    });
}

#[test]
fn an_interface_that_is_down_says_nothing_of_an_address() {
    if support::left_out("an_interface_that_is_down_says_nothing_of_an_address") {
        return;
    }
    let lan = Lan::new();
    let (us, host) = (lan.appliance_host(), lan.host("pc", "10.77.0.50/24"));
    let link = us.clone();
    with_prober(&us, async |prober, said| {
        link.ip(&["link", "set", "eth0", "down"]);
        for method in [Method::Arp, Method::Ping, Method::Arp, Method::Ping] {
            let down = prober.try_address("eth0", HOST, Some(method), BRIEF).await;
            assert_eq!(down, Answer::Unknown);
        }
        let words: Vec<String> = said.lock().unwrap().iter().map(What::to_string).collect();
        let [arp, ping] = &words[..] else {
            panic!("one of each link, and no more: {words:?}");
        };
        assert!(
            arp.contains("cannot try 10.77.0.50 by ARP on eth0: "),
            "{arp}"
        );
        assert!(ping.contains("cannot try 10.77.0.50 by ping: "), "{ping}");
        assert!(ping.contains("offered untried"), "{ping}");
        link.ip(&["link", "set", "eth0", "up"]);
        let mut up = Answer::Unknown;
        for _ in 0..100 {
            // The cable comes up in the kernel's own time.
            let wait = Duration::from_millis(200);
            up = prober
                .try_address("eth0", HOST, Some(Method::Arp), wait)
                .await;
            if up == used_by(&host) {
                break;
            }
            tokio::time::sleep(wait).await;
        }
        assert_eq!(up, used_by(&host), "it is heard again");
    });
}

#[test]
fn beyond_so_many_at_once_an_address_is_left_untried_with_an_event() {
    if support::left_out("beyond_so_many_at_once_an_address_is_left_untried_with_an_event") {
        return;
    }
    let lan = Lan::new();
    let us = lan.appliance_host();
    with_prober(&us, async |prober, said| {
        bounded(&prober, &said, |n| Ipv4Addr::from(0x0a4d_0100 + n)).await;
        // One client that is offered the same address again and again.
        bounded(&prober, &said, |_| NOBODY).await;
    });
}

/// 300 tries at once: so many answers, and one event for each of the others.
async fn bounded(prober: &Arc<Prober>, said: &Said, address: fn(u32) -> Ipv4Addr) {
    let mut tries = JoinSet::new();
    for n in 0..300 {
        let prober = prober.clone();
        tries.spawn(async move {
            let (arp, wait) = (Some(Method::Arp), Duration::from_secs(5));
            prober.try_address("eth0", address(n), arp, wait).await
        });
    }
    let answers = tries.join_all().await;
    let count = |answer| answers.iter().filter(|a| **a == answer).count();
    let (free, unknown) = (count(Answer::Free), count(Answer::Unknown));
    assert_eq!((free, unknown), (MOST, 300 - MOST));
    let said: Vec<What> = said.lock().unwrap().drain(..).collect();
    assert_eq!(said.len(), 300 - MOST);
    let first = said[0].to_string();
    assert!(first.contains("offered untried"), "{first}");
}
