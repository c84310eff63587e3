//! What README says of leases is so.

use std::fs;
use std::process::Command;

use crate::house::{four, leases, stored};
use crate::run::{Said, bootjack};
use crate::support::readme::block_after;
use serde_json::Value;

const README: &str = include_str!("../../README.md");

#[test]
fn every_field_and_state_is_in_readme() {
    let folder = tempfile::tempdir().unwrap();
    stored(folder.path(), &four());
    let said = leases(folder.path(), &["list", "--json"]);
    let rows: Vec<Value> = serde_json::from_str(said.succeeds()).unwrap();
    let csv = leases(folder.path(), &["export", "--format=csv"]);
    let columns: Vec<&str> = csv.succeeds().lines().next().unwrap().split(',').collect();
    for key in rows[0].as_object().unwrap().keys() {
        assert!(README.contains(&format!("`{key}`")), "{key}");
        assert!(columns.contains(&key.as_str()), "{key}: {columns:?}");
    }
    for state in [
        "available",
        "offered",
        "leased",
        "expired",
        "released",
        "declined",
    ] {
        assert!(README.contains(&format!("`{state}`")), "{state}");
    }
}

/// The files of other servers, the newer of two lines about one address or machine last. What has
/// ended, by the last line about the address, is nobody's: 10.0.0.13 to 19 are no reservations.
const DNSMASQ: &str = "1790000000 52:54:00:00:00:01 10.0.0.11 pc-1 01:52:54:00:00:00:01
1790000000 20-80:00:00:48:fe:80 10.0.0.13 * *
1790000000 52:54:00:00:00:02 10.0.0.12 * *
duid 00:01:00:01:2a:bb:cc:dd:52:54:00:00:00:09
1790000000 7340033 fd00::12 pc-1 00:01:00:01:2a:bb:cc:dd:52:54:00:00:00:01
";
const DHCPD: &str = "# The format of this file is documented in the dhcpd.leases(5) manual page.
lease 10.0.0.12 {
  starts 4 2026/11/19 10:00:00;
  binding state free;
  hardware ethernet 52:54:00:00:00:01;
}
lease 10.0.0.12 {
  starts 5 2026/11/20 10:00:00;
  binding state active;
  hardware ethernet 52:54:00:00:00:02;
  client-hostname \"pc-2\";
}
lease 10.0.0.11 {
  binding state active;
  next binding state free;
  rewind binding state free;
  hardware ethernet 52:54:00:00:00:01;
  on expiry {
    log (info, \"gone\");
  }
}
lease 10.0.0.13 {
  binding state free;
  hardware ethernet 52:54:00:00:00:03;
}
lease 10.0.0.14 {
  binding state active;
  hardware ethernet 52:54:00:00:00:04;
}
lease 10.0.0.14 {
  binding state free;
  hardware ethernet 52:54:00:00:00:04;
}
lease 10.0.0.15 {
  binding state abandoned;
}
lease 10.0.0.16 {
  binding state active;
  hardware infiniband 80:00:00:48:fe:80:00:00:00:00:00:00:00:02:c9:03:00:00:00:06;
}
failover peer \"two\" state {
  my state normal at 4 2026/11/19 10:00:00;
}
";
const KEA: &str = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id
10.0.0.40,52:54:00:00:00:01,,3600,1789990000,1,0,0,pc-1,0,,0
10.0.0.41,,,86400,1789990000,1,0,0,,1,,0
10.0.0.11,52:54:00:00:00:01,01:52:54:00:00:00:01,3600,1790000000,1,0,0,pc-1,0,,0
10.0.0.12,52:54:00:00:00:02,,3600,1790000000,1,0,0,,0,,0
10.0.0.13,52:54:00:00:00:03,,3600,1790000000,1,0,0,,0,,0
10.0.0.13,52:54:00:00:00:03,,0,1790000100,1,0,0,,0,,0
10.0.0.14,52:54:00:00:00:04,,3600,1790000000,1,0,0,,2,,0
10.0.0.15,52:54:00:00:00:05,,3600,1790000000,1,0,0,,1,,0
10.0.0.16,52:54:00:00:00:06,,3600,1790000000,1,0,0,,0,,0
10.0.0.16,,ff:00:00:00:06,3600,1790000100,1,0,0,,0,,0
10.0.0.17,80:00:00:48:fe:80:00:00:00:00:00:00:00:02:c9:03:00:00:00:07,,3600,1790000000,1,0,0,,0,,0
";

#[test]
fn the_leases_of_other_servers_become_reservations() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("dnsmasq.leases", DNSMASQ),
        ("dhcpd.leases", DHCPD),
        ("kea-leases4.csv", KEA),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let block = block_after("**From another DHCP server.**");
    let (function, lines) = block.split_once("}'; }\n").unwrap();
    let lines = lines.replace("\n  ", " "); // one may go on in the next
    for line in lines.lines() {
        let script = format!("{function}}}'; }}\n{line}");
        let mut shell = Command::new("sh");
        let said = Said::from(
            shell
                .args(["-c", &script])
                .current_dir(folder.path())
                .output()
                .unwrap(),
        );
        let mut made: Vec<&str> = said.succeeds().lines().collect();
        made.sort_unstable();
        let wanted = [1, 2]
            .map(|n| format!("    - {{ mac: \"52:54:00:00:00:0{n}\", address: 10.0.0.1{n} }}"));
        assert_eq!(made, wanted, "{line}");
    }
    let network = "dhcp:\n  networks: [ { subnet: 10.0.0.0/24 } ]\n  reservations:\n";
    let config = folder.path().join("made.yaml");
    let made = "    - { mac: \"52:54:00:00:00:01\", address: 10.0.0.11 }\n";
    fs::write(&config, format!("{network}{made}")).unwrap();
    let config = config.display().to_string();
    let mut check = bootjack(folder.path(), &["check", "--config", &config]);
    Said::from(check.output().unwrap()).succeeds();
}
