//! Real firmware that boots by HTTP and HTTPS: to its loader, and into images as RAM disks; and the
//! same images on a BIOS.
//!
//! OVMF of Debian 12 trusts whom QEMU hands it (`etc/edk2/https/cacerts`). It knows TLS 1.2 with RSA
//! certificates and no elliptic curves, looks at the name and at no clock, and hangs up without an
//! alert.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "../support/authority.rs"]
mod authority;
#[path = "../support/image.rs"]
mod image;
#[macro_use]
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::time::Duration;

use authority::{Authority, Key};
use image::Images;
use support::appliance::{Appliance, Setup};
use support::lan::Lan;
use support::poll;
use support::qemu::{Firmware, Machine};
use support::servers::Server;

/// Power-on to the word, with room for a busy machine.
const BOOT: Duration = Duration::from_secs(150);

const SAYS: &str = "
menu:
  entries:
    - id: word
      ipxe: |
        echo ===the-loader-runs===
        sleep 600
";

const LEASES: &str = "mode: dhcp
dhcp:
  networks:
    - subnet: 10.77.0.0/24
      pools: [ 10.77.0.100-10.77.0.199 ]
";

/// A LAN with bootjack, and a DHCP server of somebody else's where bootjack is none.
struct Lab {
    // Dropped in this order: logs are shown before their folder goes.
    appliance: Appliance,
    _dhcp: Option<Server>,
    authority: Authority,
    lan: Lan,
}

impl Lab {
    /// In mode `proxy`, or in mode `dhcp` with this config; `more` is what else there is.
    fn new(config: Option<&str>, more: impl FnOnce(Setup, &Path) -> Setup) -> Self {
        let lan = Lan::new();
        let authority = Authority::new(lan.folder(), "ca");
        let issued = authority.issue("server", Key::Rsa, "IP:10.77.0.2");
        let dhcp = config.is_none().then(|| Server::dnsmasq(&lan.dhcp_host()));
        let setup = Setup::new(&lan.appliance_host(), env!("CARGO_BIN_EXE_bootjack"))
            .flag(&format!("--tls-cert={}", issued.cert.display()))
            .flag(&format!("--tls-key={}", issued.key.display()));
        let setup = config.into_iter().fold(setup, Setup::config);
        Self {
            appliance: more(setup, lan.folder()).start(),
            _dhcp: dhcp,
            authority,
            lan,
        }
    }

    /// A machine that trusts an authority.
    fn trusting(machine: Machine, authority: &Authority) -> Machine {
        let list = authority.signature_list();
        let item = format!("name=etc/edk2/https/cacerts,file={}", list.display());
        machine.flag("-fw_cfg").flag(&item)
    }

    /// Whether an event of a machine has all these pieces.
    fn told(&self, mac: &str, pieces: &[&str]) -> bool {
        let events = self.appliance.timeline(mac);
        let mut events = events.iter().map(ToString::to_string);
        events.any(|event| pieces.iter().all(|piece| event.contains(piece)))
    }
}

/// By https in both modes, and by http where its profile says nothing: to the loader, which runs its
/// script.
#[test]
fn https_to_the_loader_beside_a_dhcp_server() {
    as_root!("https_to_the_loader_beside_a_dhcp_server");
    https_to_the_loader(None);
}

#[test]
fn https_to_the_loader_as_the_dhcp_server() {
    as_root!("https_to_the_loader_as_the_dhcp_server");
    https_to_the_loader(Some(LEASES));
}

fn https_to_the_loader(config: Option<&str>) {
    let (secured, plain) = (
        Machine::new(Firmware::UefiHttp, 1),
        Machine::new(Firmware::UefiHttp, 2),
    );
    let https = format!(
        "match: {{ mac: \"{}\" }}\nhttp_boot: {{ https: true }}{SAYS}",
        secured.mac()
    );
    let lab = Lab::new(config, |setup, _| {
        setup
            .profile("https.yaml", &https)
            .profile("http.yaml", SAYS)
    });
    let secured = Lab::trusting(secured, &lab.authority);
    let mut pcs = Machine::power_on_together(vec![secured, plain], &lab.lan);
    for (pc, url) in pcs
        .iter_mut()
        .zip(["https://10.77.0.2:8443", "http://10.77.0.2:8067"])
    {
        pc.wait_for(&["===the-loader-runs==="], BOOT);
        let uri = format!("URI: {url}/assets/snponly.efi");
        assert!(pc.shows(&uri), "{uri}");
        assert!(lab.told(pc.mac(), &["\"sent\"", "assets/snponly.efi"]));
    }
}

/// What its user and ours see where firmware does not trust the certificate.
#[test]
fn https_with_a_certificate_that_firmware_does_not_trust() {
    as_root!("https_with_a_certificate_that_firmware_does_not_trust");
    let profile = format!("http_boot: {{ https: true }}{SAYS}");
    let lab = Lab::new(None, |setup, _| setup.profile("a.yaml", &profile));
    let other = Authority::new(lab.lan.folder(), "other");
    let machine = Lab::trusting(Machine::new(Firmware::UefiHttp, 1), &other);
    let mut pc = machine.power_on(&lab.lan);
    pc.wait_for(&["Could not retrieve NBP file size from HTTP server"], BOOT);
    poll::expect("the event", Duration::from_secs(20), || {
        lab.told(pc.mac(), &["\"handshake\"", "hung up in the midst of it"])
    });
}

/// One entry with an image: UEFI HTTP boot loads it itself, a CD by http and a disk by https.
#[test]
fn images_become_ram_disks_of_uefi() {
    as_root!("images_become_ram_disks_of_uefi");
    let (cd, disk) = (
        Machine::new(Firmware::UefiHttp, 1),
        Machine::new(Firmware::UefiHttp, 2),
    );
    let profile = |machine: &Machine, image: &str, more: &str| {
        let mac = machine.mac();
        format!(
            "match: {{ mac: \"{mac}\" }}\n{more}\nmenu: {{ entries: [ {{ id: i, image: {image} }} ] }}\n"
        )
    };
    let (of_cd, of_disk) = (
        profile(&cd, "lab/word.iso", ""),
        profile(&disk, "word.img", "http_boot: { https: true }"),
    );
    let lab = Lab::new(None, |setup, folder| {
        let images = Images::new(&folder.join("images"), "ram-disk");
        setup
            .image("lab/word.iso", &images.cd())
            .image("word.img", &images.disk())
            .profile("cd.yaml", &of_cd)
            .profile("disk.yaml", &of_disk)
    });
    let disk = Lab::trusting(disk, &lab.authority);
    let mut pcs = Machine::power_on_together(vec![cd, disk], &lab.lan);
    let names = ["images/lab/word.iso", "images/word.img"];
    for (pc, name) in pcs.iter_mut().zip(names) {
        pc.wait_for(&["===ram-disk-by-uefi==="], BOOT);
        assert!(lab.told(pc.mac(), &["\"sent\"", name]), "{name}");
    }
}

/// The same entries on a BIOS: iPXE reads the CD by HTTP as it needs it, pxelinux takes a disk into
/// memory; and the other way round.
#[test]
fn images_boot_a_bios() {
    as_root!("images_boot_a_bios");
    for (number, image, loader) in [
        (1, "word.iso", "ipxe"),
        (2, "word.img", "ipxe"),
        (3, "word.iso", "pxelinux"),
        (4, "word.img", "pxelinux"),
    ] {
        let machine = Machine::new(Firmware::Bios, number);
        let profile =
            format!("loader: {loader}\nmenu: {{ entries: [ {{ id: i, image: {image} }} ] }}\n");
        let lab = Lab::new(None, |setup, folder| {
            let images = Images::new(&folder.join("images"), image);
            let setup = match image {
                "word.iso" => setup.image(image, &images.cd()),
                _ => setup.image(image, &images.disk()),
            };
            setup.profile("a.yaml", &profile)
        });
        let mut pc = machine.power_on(&lab.lan);
        // SeaBIOS keeps the last sign of what the serial port mirrors.
        pc.wait_for(&[&format!("==={image}-by-bios")], BOOT);
        assert!(lab.told(pc.mac(), &[&format!("images/{image}")]), "{image}");
    }
}
