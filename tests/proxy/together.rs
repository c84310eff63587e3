//! Machines that ask at once: their offers leave together, and each machine hears its own.

use nix::sys::signal::Signal;

use crate::lab::{EVERYONE, Lab, US, never, setup};
use crate::support::clients::{BootClient, Speaker};
use crate::support::dhcp_client::Reply;
use crate::support::lan::Lan;

/// More than are taken by one call.
const MACHINES: u8 = 40;

/// In the order of their questions, with and without leaving it to the kernel to cut offers out of one buffer.
#[test]
fn machines_that_ask_at_once_are_each_answered() {
    if crate::support::left_out("machines_that_ask_at_once_are_each_answered") {
        return;
    }
    for segments in ["true", "false"] {
        let lan = Lan::new();
        let host = lan.appliance_host();
        let setup = setup(&host).profile("profile.yaml", EVERYONE);
        let setup = setup.flag(&format!("--tftp-segmentation={segments}"));
        let mut lab = Lab::on(lan, setup);
        lab.lan.cut_to_frames(&lab.pc, "eth0");
        let speaker = |n| {
            if n == 7 {
                Speaker::Edk2
            } else {
                Speaker::Intel
            }
        };
        let machines = (0..MACHINES).map(|n| BootClient::new(speaker(n), n));
        let machines: Vec<BootClient> = machines.collect();
        // What is asked meanwhile is there at once when it goes on.
        lab.appliance.process().signal(Signal::SIGSTOP);
        for machine in &machines {
            lab.card.broadcast(&machine.discover());
        }
        lab.appliance.process().signal(Signal::SIGCONT);
        let end = BootClient::new(Speaker::Intel, MACHINES);
        lab.card.broadcast(&end.discover());
        let closing = |reply: &Reply| *reply.from.ip() == US && reply.xid() == end.xid;
        let mut heard = lab.card.heard_until(closing);
        heard.retain(|reply| *reply.from.ip() == US);
        let asked: Vec<u32> = machines.iter().map(|machine| machine.xid).collect();
        let answered: Vec<u32> = heard.iter().map(Reply::xid).collect();
        assert_eq!(answered, asked, "segmentation {segments}");
        for (reply, machine) in heard.iter().zip(&machines) {
            assert_eq!(reply.to, "255.255.255.255:68".parse().unwrap());
            never(reply, &machine.discover());
        }
    }
}
