//! What may go wrong between a machine and its lease: nothing wrong is ever given out.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use crate::lab::{self, Lab, US, edk2, kind, mac};
use crate::support::clients::BootClient;
use crate::support::dhcp_client::{ANSWER, Reply};
use crate::support::lan::Host;
use crate::support::poll;
use crate::support::servers::Server;

/// No server: a proxy's OFFER after a while, and why.
#[test]
fn without_an_answer_there_is_a_proxys_offer() {
    as_root!("without_an_answer_there_is_a_proxys_offer");
    let lab = Lab::new();
    let client = edk2(1);
    let offer = lab.answer(&client.discover());
    assert_eq!((kind(&offer), offer.yiaddr()), (2, Ipv4Addr::UNSPECIFIED));
    assert_eq!((offer.siaddr(), offer.file().as_str()), (US, "snponly.efi"));
    poll::expect("the event", ANSWER, || {
        !lab.events(&client, "no-lease").is_empty()
    });
    let answers = lab.events(&client, "answer");
    assert_eq!(answers[0]["strategy"], "offer-4011");
    // A REQUEST that names us is not answered either: there is no lease to be had.
    lab.card
        .broadcast(&client.lease_request([10, 77, 0, 150].into(), US));
    let ours = |r: &Reply| *r.from.ip() == US && r.from.port() == 67 && kind(r) != 2;
    assert!(lab.card.hear(Duration::from_secs(4), ours).is_none());
}

/// Our memory of the OFFER is gone: its server is found again, and gives the same address.
#[test]
fn a_restart_between_offer_and_request() {
    as_root!("a_restart_between_offer_and_request");
    let mut lab = Lab::new();
    let theirs = Server::dnsmasq(&lab.lan.dhcp_host());
    let client = edk2(1);
    let address = lab.offer(&client).yiaddr();
    lab.restart();
    let ack = lab.request(&client, address);
    assert_eq!((kind(&ack), ack.yiaddr()), (5, address));
    poll::expect("theirs", ANSWER, || {
        theirs.lease_of(&mac(&client)) == Some(address)
    });
    // An address that nobody offers it: it has to begin anew.
    let stranger = edk2(2);
    let nak = lab.request(&stranger, [10, 77, 0, 250].into());
    assert_eq!((kind(&nak), nak.yiaddr()), (6, Ipv4Addr::UNSPECIFIED));
    assert_eq!(lab.events(&stranger, "lease-refused").len(), 1);
}

#[test]
fn a_server_that_dies_between_offer_and_request_gives_nothing() {
    as_root!("a_server_that_dies_between_offer_and_request_gives_nothing");
    let lab = Lab::new();
    let host = lab.lan.dhcp_host();
    let theirs = Server::dnsmasq(&host);
    let client = edk2(1);
    let address = lab.offer(&client).yiaddr();
    drop(theirs);
    lab.card.broadcast(&client.lease_request(address, US));
    let ours = |r: &Reply| *r.from.ip() == US && kind(r) != 2;
    assert!(lab.card.hear(Duration::from_secs(3), ours).is_none());
    let _back = Server::dnsmasq_without_ipv6(&host);
    assert_eq!(
        kind(&lab.request(&client, address)),
        5,
        "the client asks again"
    );
}

/// Somebody on the link who sees the question answers it, each time with one thing wrong; at last with nothing
/// wrong, which is a DHCP server's answer like any other.
#[test]
fn forged_answers_are_not_believed() {
    as_root!("forged_answers_are_not_believed");
    let lab = Lab::new();
    let rogue = Rogue::new(&lab);
    let ways: [(&str, Spoil); 8] = [
        ("another number", |b| b[7] ^= 1),
        ("another machine", |b| b[33] ^= 1),
        ("another relay", |b| b[27] ^= 4),
        ("no address", |b| b[16..20].fill(0)),
        ("everybody's address", |b| b[16..20].fill(255)),
        ("bootjack's address", |b| {
            b[16..20].copy_from_slice(&US.octets());
        }),
        ("an ACK", |b| b[242] = 5),
        ("no server's name", |b| b[243] = 224),
    ];
    for (number, (what, spoil)) in (1..).zip(ways) {
        let (client, bytes) = rogue.sees_a_question(&lab, number);
        let mut bytes = bytes;
        spoil(&mut bytes);
        rogue.answers(&bytes, 67);
        let offer = lab.card.answer(US, client.xid);
        assert_eq!(offer.yiaddr(), Ipv4Addr::UNSPECIFIED, "{what}");
    }
    let (client, bytes) = rogue.sees_a_question(&lab, 20);
    rogue.answers(&bytes, 6767);
    let offer = lab.card.answer(US, client.xid);
    assert_eq!(offer.yiaddr(), Ipv4Addr::UNSPECIFIED, "from another port");
    let (client, bytes) = rogue.sees_a_question(&lab, 21);
    rogue.answers(&bytes, 67);
    assert_eq!(lab.card.answer(US, client.xid).yiaddr(), EVIL);
    let strays = lab.appliance.events();
    let strays = strays.iter().filter(|e| e["reason"] == "stray-reply");
    assert_eq!(strays.count(), 9);
}

/// UEFI throws an answer with such an option away as a whole.
#[test]
fn options_of_a_wrong_length_are_not_handed_on() {
    as_root!("options_of_a_wrong_length_are_not_handed_on");
    let lab = Lab::new();
    let rogue = Rogue::new(&lab);
    let (client, mut bytes) = rogue.sees_a_question(&lab, 1);
    bytes.pop();
    bytes.extend([3, 0, 6, 3, 10, 77, 0, 15, 0, 42, 4, 10, 77, 0, 1, 255]);
    rogue.answers(&bytes, 67);
    let offer = lab.card.answer(US, client.xid);
    assert_eq!(offer.yiaddr(), EVIL);
    for code in [3, 6, 15] {
        assert_eq!(offer.option(code), None, "{code}");
    }
    assert_eq!(offer.option(42), Some(vec![10, 77, 0, 1]));
    let told = poll::until(ANSWER, || lab.events(&client, "answer").pop());
    let told = told.expect("the answer is told of");
    let left = serde_json::json!([3, 6, 15]);
    assert_eq!(told["lease"]["malformed"], left, "{told}");
}

/// Whom the operator names is asked, and nobody else believed, whatever he has seen.
#[test]
fn another_server_than_the_one_that_is_named_is_not_believed() {
    as_root!("another_server_than_the_one_that_is_named_is_not_believed");
    let lab = Lab::with(|setup| setup.flag("--dhcp-server=10.77.0.66,10.77.0.1"));
    let rogue = Rogue::new(&lab);
    let (client, mut bytes) = rogue.sees_a_question(&lab, 1);
    bytes[245..249].copy_from_slice(&[10, 77, 0, 67]);
    lab.lan.host("other", "10.77.0.67/24").enter(|| {
        let socket = UdpSocket::bind(("10.77.0.67", 67)).unwrap();
        socket.send_to(&bytes, (US, 67)).unwrap();
    });
    let offer = lab.card.answer(US, client.xid);
    assert_eq!(offer.yiaddr(), Ipv4Addr::UNSPECIFIED);
}

/// What is made wrong in an answer.
type Spoil = fn(&mut Vec<u8>);

const EVIL: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 99);

/// A host that hears what is asked of everybody.
struct Rogue {
    host: Host,
    ear: UdpSocket,
}

impl Rogue {
    fn new(lab: &Lab) -> Self {
        let host = lab.lan.host("rogue", "10.77.0.66/24");
        let ear = host.enter(|| UdpSocket::bind("0.0.0.0:67").unwrap());
        ear.set_read_timeout(Some(ANSWER)).unwrap();
        Self { host, ear }
    }

    /// A machine asks; the right answer to what bootjack then asks.
    fn sees_a_question(&self, lab: &Lab, number: u8) -> (BootClient, Vec<u8>) {
        let client = edk2(number);
        lab.card.broadcast(&client.discover());
        let mut bytes = vec![0; 1500];
        loop {
            self.ear.recv(&mut bytes).expect("the question");
            if bytes[24..28] == US.octets() && bytes[28..34] == client.mac {
                break;
            }
        }
        let mut answer = bytes[..240].to_vec();
        answer[0] = 2;
        answer[16..20].copy_from_slice(&EVIL.octets());
        answer.extend([53, 1, 2, 54, 4, 10, 77, 0, 66, 51, 4, 0, 0, 14, 16, 1, 4]);
        answer.extend([255, 255, 255, 0, 255]);
        (client, answer)
    }

    fn answers(&self, bytes: &[u8], port: u16) {
        if port == 67 {
            self.ear.send_to(bytes, (US, 67)).unwrap();
            return;
        }
        let socket = self.host.enter(|| UdpSocket::bind(("10.77.0.66", port)));
        socket.unwrap().send_to(bytes, (US, 67)).unwrap();
    }
}

/// A lease that is late is the machine's all the same, and what it follows is that.
#[test]
fn a_late_lease_is_handed_on_and_counts() {
    as_root!("a_late_lease_is_handed_on_and_counts");
    let row = "quirks:\n  - { name: late, tells: { stage: rom }, changes: { strategies: [augment, offer-4011] } }\n";
    let lab = Lab::unpinned(|setup| setup.config(row));
    let _theirs = Server::dnsmasq_with(&lab.lan.dhcp_host(), &["--dhcp-reply-delay=5"]);
    let client = edk2(1);
    let first = lab.answer(&client.discover());
    assert_eq!(first.yiaddr(), Ipv4Addr::UNSPECIFIED, "a proxy's meanwhile");
    let leased = |r: &Reply| *r.from.ip() == US && !r.yiaddr().is_unspecified();
    let offer = lab.card.hear(ANSWER, leased).expect("the late one");
    let ack = lab.request(&client, offer.yiaddr());
    assert_eq!((kind(&ack), ack.yiaddr()), (5, offer.yiaddr()));
    lab.card.take(ack.yiaddr());
    lab.fetches("snponly.efi", ack.yiaddr());
    poll::expect("it is sent", ANSWER, || {
        !lab.events(&client, "sent").is_empty()
    });
    assert!(
        lab.events(&client, "follows").is_empty(),
        "offer-4011 has done nothing"
    );
}

/// Two of us on one LAN ask the DHCP servers, and not each other, whether there are any or none.
#[test]
fn two_bootjacks_do_not_ask_each_other() {
    as_root!("two_bootjacks_do_not_ask_each_other");
    for servers in [true, false] {
        let lab = Lab::new();
        let other = lab.lan.host("other", "10.77.0.3/24");
        let _second = lab::setup(&other).start();
        let _theirs = servers.then(|| Server::dnsmasq_without_ipv6(&lab.lan.dhcp_host()));
        for number in 1..=6 {
            lab.answer(&edk2(number).discover());
        }
        std::thread::sleep(Duration::from_secs(2));
        let asked = lab.appliance.events();
        let asked = asked.iter().filter(|e| e["event"] == "forwarded").count();
        // What nobody answers is asked again, twice in the time that a machine waits.
        let each = if servers { 1 } else { 3 };
        assert_eq!(asked, 6 * each, "a server: {servers}");
    }
}
