//! What the tests share: a profile, a kernel, and what a machine is told to have done.

use std::path::Path;
use std::time::Duration;

use crate::support::appliance::{Appliance, Setup};
use crate::support::lan::{Host, Lan};
use crate::support::qemu::Pc;
pub(crate) use crate::support::qemu::SECURE_BOOT_ON as CONFIRMED;
use crate::support::servers::Server;

/// Power-on to [`CONFIRMED`], with room for a busy machine; measured: 16 s on a core of its own.
pub(crate) const BOOT: Duration = Duration::from_secs(240);

/// The signed chain, and a kernel that speaks as soon as it can.
pub(crate) const PROFILE: &str = r#"
secure_boot: true
menu:
  entries:
    - id: debian
      linux: { kernel: debian-12/linux, args: "console=ttyS0 earlyprintk=ttyS0,115200" }
"#;
/// Where the kernel of [`PROFILE`] lies below the images.
pub(crate) const KERNEL: &str = "debian-12/linux";
/// Debian's, signed.
pub(crate) const SIGNED: &str =
    "/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64/linux";

/// bootjack with that profile and Debian's kernel.
pub(crate) fn setup_signed(host: &Host) -> Setup {
    setup(host, SIGNED.as_ref())
}

/// bootjack with that profile and this kernel.
pub(crate) fn setup(host: &Host, kernel: &Path) -> Setup {
    Setup::new(host, env!("CARGO_BIN_EXE_bootjack"))
        .profile("secure.yaml", PROFILE)
        .image(KERNEL, kernel)
}

/// What happened to a machine, one word an event with its subject.
pub(crate) fn story(appliance: &Appliance, pc: &Pc) -> Vec<String> {
    let told = |event: &serde_json::Value| {
        let subjects = ["loader", "path", "stage", "address", "reason"];
        let subject = subjects.iter().find_map(|key| event[key].as_str());
        let name = event["event"].as_str().unwrap_or_default();
        format!("{name} {}", subject.unwrap_or_default())
    };
    appliance.timeline(pc.mac()).iter().map(told).collect()
}

/// The story holds these lines in this order, others between them.
pub(crate) fn tells(appliance: &Appliance, pc: &Pc, wanted: &[&str]) {
    let story = story(appliance, pc);
    let mut rest = story.iter();
    for line in wanted {
        assert!(
            rest.any(|told| told.starts_with(line)),
            "{line:?} is missing, or not in its place, in {story:#?}"
        );
    }
}

/// shim, GRUB, its menu and the kernel came by TFTP from bootjack, in this order.
pub(crate) const CHAIN: [&str; 5] = [
    "probed shimx64.efi",
    "sent shimx64.efi",
    "sent grubx64.efi",
    "menu /grub/grub.cfg",
    "sent /images/debian-12/linux",
];

/// The DHCP server of [`Lab`].
pub(crate) const SERVER: &str = crate::support::lan::DHCP_IP;

/// bootjack beside somebody else's DHCP server.
pub(crate) struct Lab {
    // Dropped in this order: logs are shown before their folder goes.
    pub(crate) appliance: Appliance,
    pub(crate) server: Server,
    pub(crate) server_host: Host,
    pub(crate) host: Host,
    pub(crate) lan: Lan,
}

impl Lab {
    pub(crate) fn new(server: impl FnOnce(&Host) -> Server) -> Self {
        Self::with(server, setup_signed)
    }

    /// The same with a bootjack of its own.
    pub(crate) fn with(
        server: impl FnOnce(&Host) -> Server,
        setup: impl FnOnce(&Host) -> Setup,
    ) -> Self {
        let lan = Lan::new();
        let (server_host, host) = (lan.dhcp_host(), lan.appliance_host());
        let server = server(&server_host);
        Self {
            appliance: setup(&host).start(),
            server,
            server_host,
            host,
            lan,
        }
    }

    /// As [`tells`].
    pub(crate) fn tells(&self, pc: &Pc, wanted: &[&str]) {
        tells(&self.appliance, pc, wanted);
    }

    /// The events of a machine with this name.
    pub(crate) fn events(&self, pc: &Pc, name: &str) -> Vec<serde_json::Value> {
        let mut events = self.appliance.timeline(pc.mac());
        events.retain(|event| event["event"] == name);
        events
    }
}
