//! What is wrong is told at its place, and what this host has is told as not given out.

use std::net::Ipv4Addr;

use bootjack::network::{Beside, CONFIG_FILE, Networks, compile, of_config};
use bootjack::yaml::{Report, Severity};

use super::networks;

#[test]
fn broken_networks_are_explained_at_their_place() {
    let mut wrong = Vec::new();
    let cases = include_str!("../cases/broken-networks.txt");
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
