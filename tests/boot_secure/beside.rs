//! Mode `proxy`, beside a DHCP server of somebody else's that nobody has touched: its lease and
//! bootjack's boot data in one (strategy `augment`), for shim and GRUB read nothing else.

use crate::lab::{BOOT, CHAIN, CONFIRMED, Lab, SERVER};
use crate::support::lan::Host;
use crate::support::poll;
use crate::support::qemu::{Firmware, Machine};
use crate::support::servers::{Kind, Server};

/// To the signed kernel; the lease is the server's own.
fn boots_beside(number: u8, server: impl FnOnce(&Host) -> Server) {
    let lab = Lab::new(server);
    let mut pc = Machine::new(Firmware::SecureBoot, number).power_on(&lab.lan);
    pc.wait_for(&[CONFIRMED], BOOT);
    lab.tells(
        &pc,
        &[
            &["discover rom", "answer shimx64.efi", "leased 10.77.0."],
            &CHAIN[..],
        ]
        .concat(),
    );
    let leased = lab.events(&pc, "leased");
    assert_eq!(leased[0]["server"], SERVER, "{leased:?}");
    let address = leased[0]["address"].as_str().map(str::to_owned);
    poll::expect("the lease is in the server's own book", BOOT, || {
        lab.server.lease_of(pc.mac()).map(|ip| ip.to_string()) == address
    });
}

/// As distributions ship it: it pings an address before it offers it, and hears nobody meanwhile.
#[test]
fn beside_dnsmasq() {
    as_root!("beside_dnsmasq");
    boots_beside(10, Server::dnsmasq_that_pings);
}

/// It refuses the REQUEST that names bootjack, in public: EDK2 does not mind.
#[test]
fn beside_an_authoritative_dnsmasq() {
    as_root!("beside_an_authoritative_dnsmasq");
    let flags = ["--dhcp-authoritative"];
    boots_beside(11, |host| Server::dnsmasq_with(host, &flags));
}

#[test]
fn beside_isc_dhcpd() {
    as_root!("beside_isc_dhcpd");
    boots_beside(12, Server::isc_dhcpd_that_pings);
}

#[test]
fn beside_kea() {
    as_root!("beside_kea");
    boots_beside(13, |host| Kind::Kea.plain(host));
}

/// The DHCP server of many home routers.
#[test]
fn beside_busybox_udhcpd() {
    as_root!("beside_busybox_udhcpd");
    boots_beside(14, Server::udhcpd);
}
