//! What becomes of the iPXE that a machine was sent, on the wire: Secure Boot that is learnt, kept, shown,
//! forgotten and taken back; loops that are cut.

use crate::lab::{Lab, US, said};
use crate::support::clients::{BootClient, Speaker};
use crate::support::dhcp_client::ANSWER;

const MAC: &str = "52:54:00:78:00:01";
const SCRIPT: &str = "http://10.77.0.2:8067/boot/52-54-00-78-00-01.ipxe";
const IPXE: &str =
    "loader: ipxe\nmenu: { title: T, entries: [ { id: d, title: D, local: true } ] }\n";
const GRUB: &str =
    "loader: grub\nmenu: { title: T, entries: [ { id: d, title: D, local: true } ] }\n";

impl Lab {
    /// The loader that a DISCOVER is answered with, and the address that it is offered.
    fn named(&self, client: &mut BootClient) -> String {
        client.xid += 0x100;
        self.card.broadcast(&client.discover());
        self.card.answer(US, client.xid).file()
    }

    /// It takes its lease, so that what is fetched from there is its own.
    fn takes_a_lease(&self, client: &mut BootClient) {
        client.xid += 0x100;
        let (_, address) = self.lease(client, |packet| packet);
        let held = self.pc.ip(&["-4", "addr", "show", "dev", "eth0"]);
        if !held.contains(&format!("{address}/")) {
            self.card.take(address);
        }
    }

    /// What a name is to the machine.
    fn fetched(&mut self, name: &str) -> String {
        self.fetched_by(&format!("tftp://{US}/{name}"))
    }

    fn fetched_by(&mut self, url: &str) -> String {
        let out = self
            .pc
            .run("curl", &["-sS", "--max-time", "60", "-o", "-", url]);
        self.card = crate::support::dhcp_client::DhcpClient::new(&self.pc);
        out
    }
}

#[test]
fn who_comes_back_from_an_unsigned_loader_is_named_shim_until_it_runs_one() {
    crate::as_root!("who_comes_back_from_an_unsigned_loader_is_named_shim_until_it_runs_one");
    let mut lab = Lab::new();
    let mut client = BootClient::new(Speaker::Edk2, 1);
    assert_eq!(lab.named(&mut client), "snponly.efi");
    lab.takes_a_lease(&mut client);
    lab.fetches("snponly.efi");
    lab.event("sent");
    assert_eq!(lab.named(&mut client), "shimx64.efi");
    let seen = lab.event("observed");
    assert_eq!(
        (&seen["client"], &seen["behaviour"]),
        (&MAC.into(), &"secure-boot".into())
    );
    // Whoever looks is told.
    let listed = lab.said(&["machines"]);
    assert!(listed.succeeds().contains("secure-boot"), "{listed:?}");
    let explained = lab.explained();
    for line in ["learnt: secure-boot (since ", "loader: shimx64.efi"] {
        assert!(explained.contains(line), "{line} is not in {explained}");
    }
    // It is kept.
    lab.again(|state| {
        let kept = said(state, &["machines", "--json"]);
        assert!(kept.succeeds().contains("secure-boot"), "{kept:?}");
    });
    assert_eq!(lab.named(&mut client), "shimx64.efi");
    // From GRUB's menu it went on to iPXE.
    lab.takes_a_lease(&mut client);
    lab.fetches("snponly.efi");
    lab.event("sent");
    let mut ipxe = BootClient::new(Speaker::Snponly, 1);
    // As often as it asks: its script, and never a loader.
    for _ in 0..3 {
        assert_eq!(lab.named(&mut ipxe), SCRIPT);
    }
    assert_eq!(lab.event("disproved")["behaviour"], "secure-boot");
    assert_eq!(lab.named(&mut client), "snponly.efi");
}

/// Firmware that trusts Microsoft's own programs alone refuses shim as it does iPXE.
#[test]
fn who_refuses_shim_too_is_told_of_each_time() {
    crate::as_root!("who_refuses_shim_too_is_told_of_each_time");
    let mut lab = Lab::new();
    lab.appliance.write_profile("p.yaml", GRUB);
    lab.event("reloaded");
    let mut client = BootClient::new(Speaker::Edk2, 1);
    for refused in [0, 1] {
        lab.takes_a_lease(&mut client);
        let before = sent(&lab);
        lab.fetches("shimx64.efi");
        crate::support::poll::expect("it is sent", ANSWER, || sent(&lab) > before);
        assert_eq!(count(&lab, "shim-refused"), refused);
        assert_eq!(lab.named(&mut client), "shimx64.efi");
        crate::support::poll::expect("it is told of", ANSWER, || {
            count(&lab, "shim-refused") == refused + 1
        });
    }
    assert_eq!(lab.event("shim-refused")["client"], MAC);
    // Nothing is learnt of it.
    let listed = lab.said(&["machines"]);
    assert!(!listed.succeeds().contains("secure-boot"), "{listed:?}");
}

#[test]
fn secure_boot_is_forgotten_on_request_and_denied_by_a_profile() {
    crate::as_root!("secure_boot_is_forgotten_on_request_and_denied_by_a_profile");
    let mut lab = Lab::new();
    let mut client = BootClient::new(Speaker::Edk2, 1);
    let _ = lab.named(&mut client);
    lab.takes_a_lease(&mut client);
    lab.fetched_by(&format!("http://{US}:8067/assets/snponly.efi"));
    lab.event("sent");
    // Its next boot option: HTTP boot, which signed GRUB could not go on by.
    let mut http = BootClient::new(Speaker::Edk2Http, 1);
    http.xid += 0x1000;
    lab.card.broadcast(&http.discover());
    lab.event("observed");
    let silent = lab.event("ignored");
    assert_eq!(silent["reason"], "left-to-pxe");
    assert_eq!(lab.named(&mut client), "shimx64.efi");
    let profile =
        "secure_boot: false\nmenu: { title: T, entries: [ { id: d, title: D, local: true } ] }\n";
    lab.appliance.write_profile("p.yaml", profile);
    lab.event("reloaded");
    assert_eq!(lab.named(&mut client), "snponly.efi");
    lab.appliance.write_profile("p.yaml", crate::run::EVERYONE);
    let reloads = |lab: &Lab| {
        let events = lab.appliance.events();
        events
            .iter()
            .filter(|event| event["event"] == "reloaded")
            .count()
    };
    crate::support::poll::expect("a second reload", ANSWER, || reloads(&lab) >= 2);
    assert_eq!(lab.named(&mut client), "shimx64.efi");
    lab.said(&["machines", "forget", MAC]).succeeds();
    assert_eq!(lab.named(&mut client), "snponly.efi");
}

#[test]
fn a_rom_in_a_loop_is_named_its_script_after_the_second_round() {
    crate::as_root!("a_rom_in_a_loop_is_named_its_script_after_the_second_round");
    let mut lab = Lab::new();
    lab.appliance.write_profile("p.yaml", IPXE);
    lab.event("reloaded");
    let mut rom = BootClient::new(Speaker::Intel, 1);
    assert_eq!(lab.named(&mut rom), "undionly.kpxe");
    lab.takes_a_lease(&mut rom);
    for _ in 0..2 {
        assert_eq!(lab.named(&mut rom), "undionly.kpxe");
        let before = sent(&lab);
        lab.fetches("undionly.kpxe");
        crate::support::poll::expect("it is sent", ANSWER, || sent(&lab) > before);
    }
    let script = format!("tftp://{US}/boot/52-54-00-78-00-01.ipxe");
    assert_eq!(lab.named(&mut rom), script);
    assert_eq!(lab.event("loop-cut")["cut"], "script");
    let listed = lab.said(&["machines"]);
    assert!(listed.succeeds().contains("script (loop)"), "{listed:?}");
    assert!(lab.fetched_by(&script).starts_with("#!ipxe\n"));
    assert_eq!(lab.named(&mut rom), script);
}

#[test]
fn an_ipxe_that_is_led_to_ipxe_again_is_handed_its_script_for_it() {
    crate::as_root!("an_ipxe_that_is_led_to_ipxe_again_is_handed_its_script_for_it");
    let mut lab = Lab::new();
    let mut ipxe = BootClient::new(Speaker::IpxeRom, 1);
    lab.takes_a_lease(&mut ipxe);
    for _ in 0..2 {
        let before = sent(&lab);
        lab.fetches("undionly.kpxe");
        crate::support::poll::expect("it is sent", ANSWER, || sent(&lab) > before);
        assert_eq!(lab.named(&mut ipxe), SCRIPT);
    }
    assert_eq!(lab.event("loop-cut")["cut"], "script-in-place");
    assert!(lab.fetched("undionly.kpxe").starts_with("#!ipxe\n"));
}

fn sent(lab: &Lab) -> usize {
    count(lab, "sent")
}

fn count(lab: &Lab, name: &str) -> usize {
    let events = lab.appliance.events();
    events.iter().filter(|e| e["event"] == name).count()
}
