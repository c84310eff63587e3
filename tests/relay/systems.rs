//! Operating systems on machines that firmware has booted: their leases are the real server's, whether
//! they ask it themselves or renew with bootjack, which the firmware's ACK names.

use std::net::Ipv4Addr;

use crate::lab::{Lab, SERVER, US, edk2, kind, mac};
use crate::support::dhcp_client::DhcpClient;
use crate::support::lan::Host;
use crate::support::lease_clients::{LeaseClient, Program};
use crate::support::poll;
use crate::support::servers::{KINDS, Server};

const PROGRAMS: [Program; 2] = [Program::Dhclient, Program::Udhcpc];
/// As firmware of x64 says it.
const CLASS: &str = "PXEClient:Arch:00007:UNDI:003000";

/// Beside each server, at the same time: most of it is waiting.
fn beside_each_server(test: impl Fn(&Lab, &Server) + Sync) {
    std::thread::scope(|scope| {
        for servers in KINDS {
            let test = &test;
            scope.spawn(move || {
                let lab = Lab::new();
                let theirs = servers.plain(&lab.lan.dhcp_host());
                test(&lab, &theirs);
            });
        }
    });
}

/// The address that firmware on this host was leased by bootjack, whose card it is.
fn by_firmware(host: &Host, number: u8) -> Ipv4Addr {
    let client = edk2(number);
    host.ip(&["link", "set", "eth0", "address", &mac(&client)]);
    let card = DhcpClient::new(host);
    card.broadcast(&client.discover());
    let address = card.answer(US, client.xid).yiaddr();
    card.broadcast(&client.lease_request(address, US));
    let ack = card.hear(crate::support::dhcp_client::ANSWER, |r| {
        *r.from.ip() == US && kind(r) == 5
    });
    assert_eq!(ack.unwrap().yiaddr(), address);
    address
}

/// A client that remembers that lease, or asks for it again.
fn with_the_lease(program: Program, host: &Host, address: Ipv4Addr) -> LeaseClient {
    let client = LeaseClient::new(program, host).eager();
    match program {
        Program::Udhcpc => client.flag("-r").flag(&address.to_string()),
        _ => client.remembering(address, US),
    }
}

/// Its system goes on with what the firmware was leased: the real server knows it, and keeps it.
#[test]
fn a_system_goes_on_with_the_firmwares_lease() {
    as_root!("a_system_goes_on_with_the_firmwares_lease");
    beside_each_server(|lab, theirs| {
        for (number, program) in (1..).zip(PROGRAMS) {
            let host = lab.lan.client(&format!("system{number}"));
            let address = by_firmware(&host, number);
            let mut system = with_the_lease(program, &host, address);
            for lease in [system.get(), system.renew(), system.rebind()] {
                let told = (lease.address, lease.server);
                assert_eq!(told, (address, Some(SERVER)), "{program:?}");
            }
            assert_eq!(system.naks(), 0, "{program:?}");
            assert_eq!(theirs.lease_of(&mac(&edk2(number))), Some(address));
            let renewed = lab.events(&edk2(number), "renewed");
            assert!(
                renewed.is_empty(),
                "bootjack has no part in it: {renewed:?}"
            );
        }
    });
}

/// A system whose lease names bootjack as its server renews with it by unicast (T1), is told of the
/// real server's name, and later rebinds (T2) with that.
#[test]
fn a_system_that_renews_with_bootjack_keeps_the_servers_lease() {
    as_root!("a_system_that_renews_with_bootjack_keeps_the_servers_lease");
    beside_each_server(|lab, theirs| {
        for (number, program) in (1..).zip(PROGRAMS) {
            let host = lab.lan.client(&format!("system{number}"));
            let client = edk2(number);
            host.ip(&["link", "set", "eth0", "address", &mac(&client)]);
            let system = LeaseClient::new(program, &host).eager();
            let mut system = match program {
                Program::Udhcpc => system.flag("-V").flag(CLASS),
                _ => system.config(&format!("send vendor-class-identifier \"{CLASS}\";")),
            };
            // It takes the first OFFER it hears, which is to be bootjack's.
            lab.lan.mute(SERVER);
            let lease = system.get();
            lab.lan.unmute();
            assert_eq!(lease.server, Some(US), "{program:?}");
            let address = lease.address;
            for lease in [system.renew(), system.renew(), system.rebind()] {
                let told = (lease.address, lease.server);
                assert_eq!(told, (address, Some(SERVER)), "{program:?}");
            }
            assert_eq!(system.naks(), 0, "{program:?}");
            assert!(!lab.events(&client, "renewed").is_empty(), "by bootjack");
            poll::expect(
                "the lease is theirs",
                crate::support::dhcp_client::ANSWER,
                || theirs.lease_of(&mac(&client)) == Some(address),
            );
        }
    });
}
