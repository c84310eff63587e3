//! What an operator sees of a `dhcp:` that is wrong, and that what is right is compiled as written.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::time::Duration;

use bootjack::network::{
    Beside, CONFIG_FILE, ConflictMethod, Criteria, LeaseTimes, Network, Networks, Pool, PxeShape,
    Syncing, Terms, Who, Whom, compile, of_config,
};
use bootjack::wire::dhcp::{Message, Options};
use bootjack::wire::{Mac, Uuid};
use bootjack::yaml::{Report, Severity};
use dhcproto::v4::{DhcpOption, OptionCode};
use dhcproto::{Decodable as _, Decoder};
use proptest::prelude::*;

/// The networks of a text without any finding.
fn networks(text: &str) -> Networks {
    let (networks, findings) = compile("c.yaml", text);
    assert_eq!(findings, []);
    networks.unwrap()
}

fn mac(last: u8) -> Mac {
    Mac::ethernet([0x52, 0x54, 0, 0, 0, last])
}

fn value(terms: &Terms, code: u8) -> Option<&[u8]> {
    Terms::option(&[terms], code).map(|option| &*option.value)
}

#[test]
fn broken_networks_are_explained_at_their_place() {
    let mut wrong = Vec::new();
    let cases = include_str!("cases/broken-networks.txt");
    for case in cases.split("--- network\n").skip(1) {
        let (yaml, told) = case.split_once("--- told\n").unwrap();
        let told = told.split("\n===").next().unwrap().trim_end();
        let (networks, findings) = compile("c.yaml", yaml);
        let found: Vec<String> = findings.iter().map(ToString::to_string).collect();
        let found = found.join("\n");
        let error = findings.iter().any(|f| f.severity == Severity::Error);
        if found != told || networks.is_some() == error {
            wrong.push(format!("{yaml}--- told\n{found}\n--- expected\n{told}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n\n"));
}

#[test]
fn without_dhcp_there_is_no_network_and_no_finding() {
    for text in [
        "",
        "# nothing\n",
        "mode: proxy\nunknown-to-this-room: [1]\n",
        "dhcp:\n",
        "dhcp: {}\n",
        "just words\n",
    ] {
        assert_eq!(networks(text), Networks::default(), "{text}");
    }
}

const WHOLE: &str = r#"
mode: dhcp
dhcp:
  authoritative: yes
  match-client-id: true
  conflict-check: { method: arp, wait: 500ms }
  quarantine: 30m
  sync: lazy
  lease-time: { min: 5m, default: 1h, max: 1d }
  pxe: single-offer
  options:
    dns: [10.1.0.2, 10.1.0.3]
    domain: lab.example.
    ntp: 10.1.0.2
    mtu: 1400
    time-offset: -3600
    ip-forwarding: off
    custom:
      - { code: 150, ip: 10.0.0.2 }
      - { code: 224, text: hello, always: true }
      - { code: 225, hex: "01 02 ff" }
      - { code: 226, u16: [1, 515] }
  networks:
    - name: lab
      match-client-id: false
      options: { domain: other.example }
      subnets:
        - subnet: 10.1.0.0/24
          options: { routers: 10.1.0.1 }
          lease-time: 2h
          pools:
            - range: 10.1.0.100-10.1.0.199
              exclude: [10.1.0.120-10.1.0.130, 10.1.0.110]
              tags: [lab, fast]
              bootp: true
              pxe: plain
              options: { dns: 10.1.0.9 }
        - subnet: 10.1.1.0/24
    - subnet: 10.2.0.0/24
      lease-time: { max: infinite }
      pools: [10.2.0.10-10.2.0.20, 10.2.0.128/25]
  reservations:
    - { mac: 52-54-00-00-00-01, address: 10.1.0.10, host-name: pc1, profile: Lab A, lease-time: 7d }
    - { client-id: "01:52:54:00:00:00:02", address: 10.1.0.11 }
    - { client-id: printer, address: 10.1.0.12, options: { root-path: "nfs:/x" } }
    - { uuid: b8945908-d6a6-41a9-611d-74a6ab80b83d, address: 10.2.0.5, pxe: offer-4011 }
    - { circuit-id: 0x00040001, address: 10.1.1.7 }
    - { circuit-id: "eth0/1", host-name: anywhere }
"#;

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

#[test]
fn many_findings_are_cut_short() {
    let pools = "x, ".repeat(100_000);
    let text = format!("dhcp: {{networks: [{{subnet: 10.1.0.0/24, pools: [{pools}]}}]}}");
    let (networks, findings) = compile("c.yaml", &text);
    assert!(networks.is_none());
    assert_eq!(findings.len(), 51);
    assert!(findings[50].message.starts_with("99950 more findings"));
}

/// What a text is held against on a host with these addresses.
fn on_host(text: &str, own: &[&str]) -> (Networks, Vec<String>) {
    let own: Vec<Ipv4Addr> = own.iter().map(|a| a.parse().unwrap()).collect();
    let file = "c.yaml".into();
    let mut report = Report::new(&file, text);
    let root = report.parse(&CONFIG_FILE).unwrap();
    let beside = Beside {
        own: &own,
        ..Beside::default()
    };
    let networks = of_config(&root, beside, &mut report).unwrap();
    let findings = report.finish();
    let told = findings.iter().map(ToString::to_string).collect();
    (networks, told)
}

#[test]
fn an_address_of_this_host_is_kept_out_of_pools_and_reservations() {
    let text = r#"dhcp:
  networks:
    - subnet: 10.1.0.0/24
      pools: [10.1.0.2-10.1.0.20, {range: 10.1.0.30-10.1.0.40, exclude: 10.1.0.33}]
  reservations:
    - {mac: "52:54:00:00:00:01", address: 10.1.0.3, host-name: pc1}
    - {mac: "52:54:00:00:00:02", address: 10.1.0.50}
    - {mac: "52:54:00:00:00:03", address: 10.1.0.51}
"#;
    let own = ["10.1.0.3", "10.1.0.33", "10.1.0.50", "192.0.2.1"];
    let (all, told) = on_host(text, &own);
    assert_eq!(
        told,
        [
            r"c.yaml:4:15: warning: the pool 10.1.0.2-10.1.0.20 has this host's own 10.1.0.3 in it, which is not given out
          pools: [10.1.0.2-10.1.0.20, {range: 10.1.0.30-10.1.0.40, exclude: 10.1.0.33}]
                  ^
    exclude: 10.1.0.3",
            r#"c.yaml:6:43: warning: 10.1.0.3 is this host's own, and is not given out
        - {mac: "52:54:00:00:00:01", address: 10.1.0.3, host-name: pc1}
                                              ^
    reserve another one; until then the client gets one of a pool"#,
            r#"c.yaml:7:43: warning: 10.1.0.50 is this host's own, and is not given out
        - {mac: "52:54:00:00:00:02", address: 10.1.0.50}
                                              ^
    reserve another one; until then the client gets one of a pool"#,
        ]
    );
    for address in own.map(|a| a.parse().unwrap()) {
        assert!(all.all[0].pool_of(address).is_none(), "{address}");
        assert!(all.reservations.of_address(address).is_none(), "{address}");
    }
    let kept: Vec<_> = all.reservations.iter().map(|r| r.address).collect();
    assert_eq!(kept, [None, None, Some([10, 1, 0, 51].into())]);
    assert_eq!(
        all.reservations.iter().next().unwrap().host_name.as_deref(),
        Some("pc1")
    );
    assert_eq!(on_host(text, &[]).1, Vec::<String>::new());
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

/// A bound that is said in README.
#[test]
fn a_school_fits_and_a_file_that_is_too_large_says_what_to_do() {
    let mut text = "dhcp:\n  networks: [{subnet: 10.0.0.0/8}]\n  reservations:\n".to_owned();
    for n in 0..5000_u32 {
        let (mac, address) = (n.to_be_bytes(), Ipv4Addr::from((10 << 24) + 256 + n));
        let mac = format!("52:54:00:{:02x}:{:02x}:{:02x}", mac[1], mac[2], mac[3]);
        writeln!(
            text,
            "    - {{ mac: \"{mac}\", address: {address}, host-name: pc{n} }}"
        )
        .unwrap();
    }
    assert_eq!(networks(&text).reservations.len(), 5000);
    text.push_str(&"# nothing\n".repeat(1 << 20));
    let (none, findings) = compile("c.yaml", &text);
    assert!(none.is_none());
    let told = findings[0].to_string();
    assert!(
        told.starts_with("c.yaml: error: the file is larger than 8 MiB\n"),
        "{told}"
    );
    assert!(told.contains("100,000 reservations"), "{told}");
}

/// Words that stand somewhere in a `dhcp:`.
const WORDS: [&str; 12] = [
    "10.1.0.0/24",
    "10.1.0.10-10.1.0.20",
    "0.0.0.0/0",
    "255.255.255.255",
    "infinite",
    "1h",
    "[]",
    "{}",
    "true",
    "224",
    "\"52:54:00:00:00:01\"",
    "-1",
];

/// The YAML blocks of README's section, and the example of the shipped config file.
fn documented() -> Vec<String> {
    let readme = include_str!("../README.md");
    let section = readme.split("## Being the DHCP server").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let blocks = section.split("```yaml\n").skip(1);
    let mut all: Vec<String> = blocks
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect();
    let shipped = include_str!("../packaging/bootjack.yaml");
    let example = shipped.split_once("# dhcp:\n").unwrap().1;
    let lines = example.lines().map(|line| line.trim_start_matches('#'));
    let lines: Vec<&str> = lines.map(|l| l.strip_prefix(' ').unwrap_or(l)).collect();
    all.push(format!("dhcp:\n{}", lines.join("\n")));
    all
}

#[test]
fn what_is_documented_compiles() {
    let [short, whole, profile, shipped] = documented().try_into().unwrap();
    for (text, count) in [(&short, (1, 1)), (&whole, (2, 4)), (&shipped, (1, 1))] {
        let all = networks(text);
        assert_eq!((all.all.len(), all.reservations.len()), count, "{text}");
    }
    let menu = "menu: {entries: [{id: disk, local: true}]}\n";
    let source = bootjack::profile::Source {
        file: "p.yaml".into(),
        text: profile + menu,
    };
    let (profiles, findings) = bootjack::profile::compile(&[source]);
    assert_eq!(findings, []);
    let criteria = &profiles.unwrap().all[0].criteria;
    assert!(criteria.include.contains("fast") && criteria.exclude.contains("guest"));
}

proptest! {
    #[test]
    fn no_text_brings_the_compiler_down(text in "[a-z:{}\\[\\]\"'|>&*!%@,# \n\t-]{0,200}") {
        let (set, findings) = compile("c.yaml", &format!("dhcp:\n{text}"));
        prop_assert!(set.is_some() || !findings.is_empty());
    }

    #[test]
    fn no_damage_brings_the_compiler_down(
        at in any::<proptest::sample::Index>(),
        length in 0usize..40,
        put in prop_oneof![
            "[a-z0-9:{}\\[\\]\"'|>&*!%@,#$.~?\\\\ \n\t-]{0,12}",
            proptest::sample::select(&WORDS[..]).prop_map(str::to_owned),
        ],
    ) {
        let mut bytes = WHOLE.as_bytes().to_vec();
        let start = at.index(bytes.len());
        let end = (start + length).min(bytes.len());
        bytes.splice(start..end, put.bytes());
        let text = String::from_utf8_lossy(&bytes);
        let (set, findings) = compile("c.yaml", &text);
        // The settings of the same file are read by another room.
        let file = "c.yaml".into();
        let mut report = Report::new(&file, &text);
        if let Some(root) = report.parse(&CONFIG_FILE) {
            let _ = bootjack::config::settings(&root, &mut report);
        }
        for finding in report.finish() {
            prop_assert!(finding.line as usize <= text.lines().count() + 1);
        }
        prop_assert_eq!(set.is_none(), findings.iter().any(|f| f.severity == Severity::Error));
        for finding in &findings {
            // Places are in the file.
            prop_assert!(finding.line as usize <= text.lines().count() + 1);
            prop_assert!(!finding.to_string().is_empty());
        }
    }

    #[test]
    fn no_value_brings_the_compiler_down(
        value in prop_oneof!["\\PC{0,40}", proptest::sample::select(&WORDS[..]).prop_map(str::to_owned)],
        key in proptest::sample::select(vec!["quarantine", "lease-time", "options", "networks", "pxe", "reservations"]),
    ) {
        let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
        let text = format!("dhcp: {{{key}: \"{quoted}\", networks: [{{subnet: 10.1.0.0/24, pools: [\"{quoted}\"]}}]}}");
        let (set, findings) = compile("c.yaml", &text);
        prop_assert_eq!(set.is_none(), findings.iter().any(|f| f.severity == Severity::Error));
    }

    /// What is compiled keeps the invariants that everything else relies on.
    #[test]
    fn what_is_compiled_is_sound(
        starts in proptest::collection::vec((0u32..64, 24u8..=32, 0u32..20, 0u32..20, any::<bool>()), 1..4),
    ) {
        let mut text = "dhcp:\n  networks:\n".to_owned();
        for (n, prefix, first, length, whole) in starts {
            let net = ipnet::Ipv4Net::new(Ipv4Addr::from((10 << 24) + n * 64), prefix).unwrap().trunc();
            let first = u32::from(net.network()) + first;
            let (first, last) = (Ipv4Addr::from(first), Ipv4Addr::from(first + length));
            let pool = if whole { net.to_string() } else { format!("{first}-{last}") };
            writeln!(text, "    - {{subnet: {net}, pools: {pool}}}").unwrap();
        }
        let (all, findings) = compile("c.yaml", &text);
        prop_assert!(all.is_some() || !findings.is_empty());
        if let Some(all) = all {
            let subnets = all.all.iter().flat_map(|n| &n.subnets);
            let subnets: Vec<_> = subnets.collect();
            for (i, subnet) in subnets.iter().enumerate() {
                prop_assert!(subnets[..i].iter().all(|s| !s.net.contains(&subnet.net) && !subnet.net.contains(&s.net)));
                for pool in &subnet.pools {
                    prop_assert!(subnet.net.contains(&pool.range.first) && subnet.net.contains(&pool.range.last));
                    let own = [subnet.net.network(), subnet.net.broadcast()];
                    prop_assert!(subnet.net.prefix_len() >= 31 || own.iter().all(|a| !pool.has(*a)));
                }
            }
        }
    }
}
