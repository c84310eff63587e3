//! Reservations: found by what a client shows, and for one network before everywhere.

use bootjack::client::PxeShape;
use bootjack::network::{Network, Who, Whom};
use bootjack::wire::Uuid;

use super::{WHOLE, mac, networks, value};

#[test]
fn a_reservation_is_found_by_what_the_client_shows() {
    let all = networks(WHOLE);
    let uuid: Uuid = "b8945908-d6a6-41a9-611d-74a6ab80b83d".parse().unwrap();
    let nobody = Who {
        mac: mac(99),
        client_id: None,
        uuid: None,
        circuit: None,
    };
    let everything = Who {
        mac: mac(1),
        client_id: Some(b"printer"),
        uuid: Some(uuid.swapped()),
        circuit: Some(&[0, 4, 0, 1]),
    };
    let found = |who: &Who<'_>| -> Vec<String> {
        let found = all.reservations.find(who);
        found
            .map(|r| r.address.map_or("-".into(), |a| a.to_string()))
            .collect()
    };
    assert_eq!(found(&nobody), Vec::<String>::new());
    assert_eq!(
        found(&everything),
        ["10.1.0.12", "10.1.0.10", "10.2.0.5", "10.1.1.7"]
    );
    let id = [1, 0x52, 0x54, 0, 0, 0, 2];
    let by_id = Who {
        client_id: Some(&id),
        ..nobody
    };
    assert_eq!(found(&by_id), ["10.1.0.11"]);
    let by_text = Who {
        circuit: Some(b"eth0/1"),
        ..nobody
    };
    assert_eq!(found(&by_text), ["-"]);
    let reserved = |network: usize, who: &Who<'_>| {
        let found = all.reserved_for(&all.all[network], who);
        found.map(|r| r.address)
    };
    let address = |text: &str| Some(Some(text.parse().unwrap()));
    assert_eq!(reserved(0, &everything), address("10.1.0.12"));
    assert_eq!(reserved(1, &everything), address("10.2.0.5"));
    assert_eq!(reserved(1, &by_id), None);
    assert_eq!(reserved(1, &by_text), Some(None));
}

#[test]
fn a_reservation_keeps_what_it_says() {
    let all = networks(WHOLE);
    assert_eq!(all.reservations.len(), 6);
    let of = |text: &str| all.reservations.of_address(text.parse().unwrap());
    let first = of("10.1.0.10").unwrap();
    assert_eq!(first.whom, Whom::Mac(mac(1)));
    assert_eq!(first.host_name.as_deref(), Some("pc1"));
    assert_eq!(first.profile.as_deref(), Some("Lab A"));
    assert_eq!(first.terms.lease.default, Some(604_800));
    let line = WHOLE.lines().position(|l| l.contains("pc1")).unwrap();
    assert_eq!((first.at.line as usize, first.at.column), (line + 1, 7));
    assert_eq!(
        value(&of("10.1.0.12").unwrap().terms, 17),
        Some(&b"nfs:/x"[..])
    );
    assert_eq!(of("10.2.0.5").unwrap().terms.pxe, Some(PxeShape::Offer4011));
    assert!(of("10.1.0.13").is_none());
}

/// A reservation for one network goes before one for everywhere, wherever it stands.
#[test]
fn an_address_goes_before_none() {
    let all = networks(
        r#"
dhcp:
  networks: [{subnet: 10.1.0.0/24}, {subnet: 10.2.0.0/24}]
  reservations:
    - { mac: "52:54:00:00:00:01", host-name: roaming }
    - { mac: "52:54:00:00:00:01", host-name: at-home, address: 10.1.0.10 }
"#,
    );
    let who = Who {
        mac: mac(1),
        client_id: None,
        uuid: None,
        circuit: None,
    };
    let name = |n: &Network| {
        all.reserved_for(n, &who)
            .unwrap()
            .host_name
            .clone()
            .unwrap()
    };
    let names: Vec<String> = all.all.iter().map(name).collect();
    assert_eq!(names, ["at-home", "roaming"]);
}
