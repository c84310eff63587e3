//! DHCP servers as home routers and careful operators have them.
//!
//! busybox' udhcpd answers relays, to giaddr's port 67, as RFC 2131 says. A server that does not is
//! made of ISC dhcpd, as its manual page tells to leave clients out of a pool (`deny members of`).

use std::fs;
use std::net::Ipv4Addr;

use super::{POOL, START, Server};
use crate::support::lan::Host;

/// Of one lease: `expires`, address, MAC, host name, two pads (busybox, `networking/udhcp/dhcpd.h`).
const RECORD: usize = 36;
/// In front of them: when the file was written.
const HEAD: usize = 8;

impl Server {
    /// busybox' udhcpd on `eth0`. It writes its leases every second, and offers what it has not
    /// looked for on the link.
    pub fn udhcpd(host: &Host) -> Self {
        let (file, leases) = (host.file("udhcpd.conf"), host.file("udhcpd.leases"));
        let (first, last) = POOL;
        let config = format!(
            "interface eth0\nstart {first}\nend {last}\noption subnet 255.255.255.0\n\
             option lease 3600\nauto_time 1\nlease_file {}\npidfile {}\n",
            leases.display(),
            host.file("udhcpd.pid").display()
        );
        fs::write(&file, config).expect("udhcpd's configuration");
        fs::write(&leases, "").expect("a lease file"); // it wants one
        let mut command = host.command("busybox");
        command.args(["udhcpd", "-f", "-a", "1"]).arg(file);
        let mut process = host.start("udhcpd", command);
        process.wait_for_line(START, |line| line.contains("started, v"));
        Self {
            process,
            leases,
            reader: in_udhcpd,
        }
    }

    /// ISC dhcpd that gives leases to those who ask it themselves, and none by a relay.
    pub fn deaf_to_relays(host: &Host) -> Self {
        let config = format!(
            "authoritative;\nping-check false;\ndefault-lease-time 3600;\n\
             class \"relayed\" {{ match if not (packet(24, 4) = 00:00:00:00); }}\n\
             subnet 10.77.0.0 netmask 255.255.255.0 {{\n  \
             pool {{ deny members of \"relayed\"; range {} {}; }}\n}}\n",
            POOL.0, POOL.1
        );
        Self::isc_dhcpd_by(host, &config, &["eth0"])
    }
}

fn in_udhcpd(mac: &str, leases: &[u8]) -> Option<Ipv4Addr> {
    let octets = mac.split(':').map(|octet| u8::from_str_radix(octet, 16));
    let mac: Vec<u8> = octets.collect::<Result<_, _>>().expect("a MAC");
    let mut records = leases.get(HEAD..)?.chunks_exact(RECORD);
    let record = records.find(|record| record[8..14] == mac)?;
    let address: [u8; 4] = record[4..8].try_into().expect("four octets");
    Some(address.into())
}
