//! Another boot server is told of also where nobody judges what machines follow.

use serde_json::Value;

use crate::run::BOOTJACK;
use crate::support::appliance::Setup;
use crate::support::clients::{BootClient, Speaker};
use crate::support::dhcp_client::{ANSWER, DhcpClient};
use crate::support::lan::Lan;

const MENU: &str = "
loader: firmware
menu:
  title: T
  entries:
    - { id: d, title: D, local: true }
    - { id: l, title: L, linux: { kernel: k } }
";

/// Two menus that the firmware shows fight over one machine.
#[test]
fn another_boot_server_is_told_of_beside_menus_in_the_firmware() {
    if crate::support::left_out("another_boot_server_is_told_of_beside_menus_in_the_firmware") {
        return;
    }
    let lan = Lan::new();
    let serving = |host| Setup::new(host, BOOTJACK).profile("p.yaml", MENU).start();
    let (host, rival) = (lan.appliance_host(), lan.host("rival", "10.77.0.4/24"));
    let (appliance, _rival) = (serving(&host), serving(&rival));
    let card = DhcpClient::new(&lan.client("pc"));
    let client = BootClient::new(Speaker::Edk2, 5);
    card.broadcast(&client.discover());
    let offer = card.answer([10, 77, 0, 2].into(), client.xid);
    assert!(offer.option(43).is_some(), "it shows a menu");
    appliance.wait_for_event(ANSWER, |event: &Value| {
        let text = event["text"].as_str().unwrap_or_default();
        text.starts_with("another boot server, 10.77.0.4, answers ")
    });
}
