//! What is right is compiled as written: layers, pools, lease times, options.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::time::Duration;

use bootjack::client::PxeShape;
use bootjack::network::{ConflictMethod, Criteria, LeaseTimes, Pool, Syncing};
use bootjack::wire::dhcp::{Message, Options};
use dhcproto::v4::{DhcpOption, OptionCode};
use dhcproto::{Decodable as _, Decoder};

use super::{WHOLE, networks, value};

#[test]
fn what_is_written_is_what_is_compiled() {
    let all = networks(WHOLE);
    assert_eq!(all.authoritative, Some(true));
    assert_eq!(all.conflict.method, ConflictMethod::Arp);
    assert_eq!(all.conflict.wait, Duration::from_millis(500));
    assert_eq!(all.quarantine, Duration::from_secs(1800));
    assert_eq!(all.syncing, Syncing::Lazy);
    let [lab, short] = all.all.as_slice() else {
        panic!("{:?}", all.all)
    };
    assert_eq!((&*lab.name, lab.match_client_id), ("lab", false));
    assert_eq!((&*short.name, short.match_client_id), ("10.2.0.0/24", true));
    let nets: Vec<String> = lab.subnets.iter().map(|s| s.net.to_string()).collect();
    assert_eq!(nets, ["10.1.0.0/24", "10.1.1.0/24"]);
    let pools: Vec<String> = short.subnets[0].pools.iter().map(shown).collect();
    assert_eq!(pools, ["10.2.0.10-10.2.0.20", "10.2.0.128-10.2.0.254"]);
    let pool = &lab.subnets[0].pools[0];
    let exclude: Vec<String> = pool.exclude.iter().map(ToString::to_string).collect();
    assert_eq!(exclude, ["10.1.0.110", "10.1.0.120-10.1.0.130"]);
    assert_eq!((pool.bootp, pool.size()), (true, 88));
    assert_eq!(pool.tags, BTreeSet::from(["fast".into(), "lab".into()]));
    assert!(lab.subnets[1].pools.is_empty());
}

fn shown(pool: &Pool) -> String {
    pool.range.to_string()
}

#[test]
fn the_more_specific_layer_wins() {
    let all = networks(WHOLE);
    let subnet = &all.all[0].subnets[0];
    let (subnet, pool) = (&subnet.terms, &subnet.pools[0].terms);
    let other = &all.all[1].subnets[0].terms;
    for (terms, code, bytes) in [
        (subnet, 3, Some(&[10, 1, 0, 1][..])),
        (pool, 3, Some(&[10, 1, 0, 1])),
        (other, 3, None),
        (subnet, 6, Some(&[10, 1, 0, 2, 10, 1, 0, 3])),
        (pool, 6, Some(&[10, 1, 0, 9])),
        (other, 6, Some(&[10, 1, 0, 2, 10, 1, 0, 3])),
        (pool, 15, Some(b"other.example")),
        (other, 15, Some(b"lab.example")),
        (pool, 42, Some(&[10, 1, 0, 2])),
        (pool, 26, Some(&1400u16.to_be_bytes())),
        (pool, 2, Some(&(-3600i32).to_be_bytes())),
        (pool, 19, Some(&[0])),
        (pool, 150, Some(&[10, 0, 0, 2])),
        (pool, 224, Some(b"hello")),
        (pool, 225, Some(&[1, 2, 255])),
        (pool, 226, Some(&[0, 1, 2, 3])),
    ] {
        assert_eq!(value(terms, code), bytes, "option {code}");
        let often = terms.options.iter().filter(|o| o.code == code).count();
        assert_eq!(often, usize::from(bytes.is_some()), "option {code}");
    }
    let always: Vec<u8> = pool
        .options
        .iter()
        .filter(|o| o.always)
        .map(|o| o.code)
        .collect();
    assert_eq!(always, [224]);
    let times = |min, default, max| LeaseTimes { min, default, max };
    assert_eq!(pool.lease, times(Some(300), Some(7200), Some(86_400)));
    assert_eq!(other.lease, times(Some(300), Some(3600), Some(u32::MAX)));
    assert_eq!(pool.pxe, Some(PxeShape::Plain));
    assert_eq!(subnet.pxe, Some(PxeShape::SingleOffer));
}

/// An independent decoder reads what we encode.
#[test]
fn another_decoder_reads_search_lists_and_routes() {
    let all = networks(
        r"
dhcp:
  options:
    search: [eng.apple.com, marketing.apple.com, example.org]
    static-routes: [10.9.0.0/16 via 10.1.0.254, 10.229.0.128/25 via 10.1.0.253, default via 10.1.0.1]
    dns: [10.1.0.2, 10.1.0.3]
    mtu: 9000
    time-offset: -7200
  networks: [{subnet: 10.1.0.0/24}]
",
    );
    let terms = &all.all[0].subnets[0].terms;
    let options: Options = terms.options.iter().map(|o| (o.code, &*o.value)).collect();
    let mut message =
        Message::decode(&[&[2u8, 1, 6, 0][..], &[0; 232], &[99, 130, 83, 99]].concat()).unwrap();
    message.options = options;
    let theirs = dhcproto::v4::Message::decode(&mut Decoder::new(&message.encode())).unwrap();
    let Some(DhcpOption::DomainSearch(names)) = theirs.opts().get(OptionCode::DomainSearch) else {
        panic!("{:?}", theirs.opts())
    };
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    assert_eq!(
        names,
        ["eng.apple.com.", "marketing.apple.com.", "example.org."]
    );
    let routes = [
        ("10.9.0.0/16", [10, 1, 0, 254]),
        ("10.229.0.128/25", [10, 1, 0, 253]),
        ("0.0.0.0/0", [10, 1, 0, 1]),
    ];
    let routes = routes.map(|(to, via)| (to.parse().unwrap(), Ipv4Addr::from(via)));
    assert_eq!(
        theirs.opts().get(OptionCode::ClasslessStaticRoute),
        Some(&DhcpOption::ClasslessStaticRoute(routes.to_vec()))
    );
    let servers = vec![Ipv4Addr::new(10, 1, 0, 2), Ipv4Addr::new(10, 1, 0, 3)];
    assert_eq!(
        theirs.opts().get(OptionCode::DomainNameServer),
        Some(&DhcpOption::DomainNameServer(servers))
    );
    assert_eq!(
        theirs.opts().get(OptionCode::InterfaceMtu),
        Some(&DhcpOption::InterfaceMtu(9000))
    );
    assert_eq!(
        theirs.opts().get(OptionCode::TimeOffset),
        Some(&DhcpOption::TimeOffset(-7200))
    );
}

#[test]
fn a_giant_pool_is_a_range_like_any_other() {
    let all = networks(
        "dhcp: {networks: [{subnet: 10.0.0.0/8, pools: 10.0.0.0/8}, {subnet: 16.0.0.0/4}]}",
    );
    let pool = &all.all[0].subnets[0].pools[0];
    assert_eq!(pool.size(), (1 << 24) - 2);
    let first = Ipv4Addr::new(10, 0, 0, 1);
    assert!(pool.has(first) && !pool.has(Ipv4Addr::new(10, 0, 0, 0)));
    assert_eq!(all.all[0].pool_of(first).unwrap(), pool);
}

#[test]
fn an_address_finds_its_network_among_thousands() {
    let mut text = "dhcp:\n  networks:\n".to_owned();
    let subnet = |n: u32| Ipv4Addr::from((10 << 24) + (n << 9));
    // Not in order, and with a gap behind each.
    for n in (0..5000).rev().step_by(2).chain((0..5000).step_by(2)) {
        writeln!(text, "    - subnet: {}/24", subnet(n)).unwrap();
    }
    let all = networks(&text);
    assert_eq!(all.all.len(), 5000);
    for n in 0..5000 {
        let first = u32::from(subnet(n));
        for (address, inside) in [
            (first, true),
            (first + 255, true),
            (first + 256, false),
            (first + 511, false),
        ] {
            let found = all.of_link(address.into()).map(|n| n.name.to_string());
            let expected = inside.then(|| format!("{}/24", subnet(n)));
            assert_eq!(found, expected);
        }
    }
    assert!(all.of_link([9, 255, 255, 255].into()).is_none());
    assert!(all.of_link(Ipv4Addr::BROADCAST).is_none());
}

#[test]
fn pools_suit_by_their_tags() {
    let all = networks(
        "dhcp: {networks: [{subnet: 10.1.0.0/24, pools: [{range: 10.1.0.0/25, tags: [lab, fast]}, {range: 10.1.0.128/25, tags: guest}]}]}",
    );
    let pools = &all.all[0].subnets[0].pools;
    let tags = |list: &[&str]| list.iter().map(|t| (*t).to_owned()).collect();
    for (include, exclude, suits) in [
        (&[][..], &[][..], [true, true]),
        (&["lab"], &[], [true, false]),
        (&["lab", "fast"], &[], [true, false]),
        (&["lab", "guest"], &[], [false, false]),
        (&[], &["fast"], [false, true]),
        (&["guest"], &["guest"], [false, false]),
    ] {
        let criteria = Criteria {
            include: tags(include),
            exclude: tags(exclude),
        };
        let found = [pools[0].suits(&criteria), pools[1].suits(&criteria)];
        assert_eq!(found, suits, "{criteria:?}");
    }
}

/// What is not set gives way to what is: a maximum alone is no wish that nobody heeds.
#[test]
fn the_usual_lease_time_lies_between_the_bounds_that_are_set() {
    for (said, granted) in [
        ("lease-time: {max: 30m}", [1800, 120, 1800]),
        ("lease-time: {min: 2h}", [7200, 7200, 86_400]),
        ("lease-time: {min: 2d}", [172_800, 172_800, 172_800]),
        ("quarantine: 1h", [3600, 120, 86_400]),
    ] {
        let all = networks(&format!(
            "dhcp:\n  {said}\n  networks: [{{subnet: 10.1.0.0/24}}]\n"
        ));
        let layers = [&all.all[0].subnets[0].terms];
        let asked = [None, Some(1), Some(u32::MAX - 1)];
        let found = asked.map(|wanted| LeaseTimes::granted(&layers, wanted));
        assert_eq!(found, granted, "{said}");
    }
}
