//! Boot servers in another subnet than the machine, and leases that name no router.

use std::net::Ipv4Addr;

use bootjack::firmware::Kind::*;
use bootjack::firmware::machine::Topic;

use crate::play::*;

/// A boot server in another subnet, and nobody says which way.
#[test]
fn a_server_that_no_router_leads_to() {
    const FAR: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
    const ROUTER: [u8; 4] = [10, 0, 0, 254];
    let far = |routed: bool| {
        dhcp(move |message| {
            file(message, "a");
            message.siaddr = FAR;
            message.options.push(43, &[6, 1, 8, 255]);
            if routed {
                message.options.push(3, &ROUTER);
            }
        })
    };
    let why = "10.9.0.2 is in another subnet, and the lease names no router (option 3)";
    for kind in [EfiX64, Bios, Ipxe] {
        let played = play(setup(kind), &[far(false)]);
        assert_eq!(played.fault().to_string(), why, "{kind:?}");
        assert!(played.sent_to(69).is_empty(), "{kind:?} asks nobody");
        let played = play(setup(kind), &[far(true)]);
        let fault = played.fault().to_string();
        assert_eq!(fault, "no TFTP server answered at 10.9.0.2:69", "{kind:?}");
    }
}

/// A Raspberry Pi asks its own link for it: where nobody there answers for others, it is told why, and
/// before it has waited for that.
#[test]
fn a_raspberry_pi_asks_its_own_link() {
    let far = Ipv4Addr::new(10, 9, 0, 2);
    let offers = || {
        dhcp(move |message| {
            message.siaddr = far;
            let menu = b"\x06\x01\x03\x0a\x04\0PXE\x09\x17\0\0\x14Raspberry Pi Boot   \xff";
            message.options.push(60, b"PXEClient");
            message.options.push(43, menu);
            message.options.push(66, b"10.9.0.2");
        })
    };
    let why = "10.9.0.2 is in another subnet, and the lease names no router (option 3)";
    let played = play(setup(Rpi3), &[offers()]);
    assert_eq!(played.fault().to_string(), why);
    let noted = played.told(Topic::Note);
    assert!(noted.iter().any(|note| note.starts_with(why)), "{noted:?}");
    let played = play(setup(Rpi3), &[offers(), tftp(far, &PI_3)]);
    assert_eq!(played.loader().from, "tftp://10.9.0.2/bootcode.bin");
}
