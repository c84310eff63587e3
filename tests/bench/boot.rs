//! From power-on to the installer's first screen: PCs with real firmware, booted by bootjack and by
//! dnsmasq, in turn, beside the same DHCP server on the same LAN.
//!
//! dnsmasq is set as one who knows it well would: a ProxyDHCP that names iPXE its script in the offer
//! itself, and TFTP for everything, as it has nothing else. Loaders, kernel, initrd and kernel
//! arguments are the same on both sides. A second row tells when the kernel began: from there on no
//! boot server can help or hinder. A third one tells what processor time the emulated machine took to
//! its first screen: firmware never rests while it waits, so this is how long it waited and worked,
//! whatever else this computer does meanwhile.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::machine::ON_SERVER_CPU;
use super::support::appliance::{Appliance, HTTP_PORT, Setup};
use super::support::lan::{APPLIANCE_IP, Host, Lan};
use super::support::process::Process;
use super::support::qemu::{FIRST_SCREEN, Firmware, INSTALLER_ARGS, Machine};
use super::support::servers::Server;
use super::table::{Figure, Goal, Row, Table};
use super::{Run, meter};

/// The kernel has been started.
const KERNEL: &str = "Linux version";
/// How long a boot may take; beside much other work ten times as long as by itself.
const BOOT: Duration = Duration::from_secs(600);
/// How long dnsmasq may take to start.
const START: Duration = Duration::from_secs(20);
/// What dnsmasq serves beside its script.
const LOADERS: [&str; 1] = ["snponly.efi"];
const IMAGES: [&str; 2] = ["debian-12/linux", "debian-12/initrd.gz"];
const PCS: [(&str, Firmware); 2] = [
    ("BIOS (SeaBIOS, iPXE in the card)", Firmware::Bios),
    ("UEFI (OVMF)", Firmware::Uefi),
];

/// Of dnsmasq's time.
const AT_MOST: f64 = 0.8;

pub fn run(run: &Run, table: &mut Table) {
    if run.quick {
        return; // a boot takes a minute
    }
    let lab = Lab::new(run);
    for (what, firmware) in PCS {
        let mut ours = Vec::new();
        let mut theirs = Vec::new();
        for _ in 0..run.rounds(3) {
            ours.push(lab.by_bootjack(run, firmware));
            theirs.push(lab.by_dnsmasq(firmware));
        }
        let figures = |boots: &[Boot], figure: fn(&Boot) -> Figure| -> Vec<Figure> {
            boots.iter().map(figure).collect()
        };
        let row = |until, figure| {
            let what = format!("power-on to {until}, {what}");
            Row::less(what, &figures(&ours, figure)).beside("dnsmasq", &figures(&theirs, figure))
        };
        let screen = row("the installer's first screen", Boot::whole);
        table.add(screen.goal(Goal::times(AT_MOST)));
        table.add(row("the kernel's first line", Boot::kernel));
        let own = row(
            "the first screen, processor time of the machine",
            Boot::machine,
        );
        table.add(own);
    }
}

/// The LAN, with somebody else's DHCP server on it.
struct Lab {
    _dhcp: Server,
    server: Host,
    /// What dnsmasq serves.
    root: PathBuf,
    /// Machines switched on so far: each boot is that of a machine nobody has seen.
    machines: Cell<u8>,
    lan: Lan,
}

/// One boot.
struct Boot {
    /// Seconds until the kernel began.
    kernel: f64,
    /// Seconds until the first screen.
    screen: f64,
    /// Seconds of processor time of the machine until then.
    machine: f64,
    /// And of the boot server.
    cpu: f64,
}

impl Boot {
    fn whole(&self) -> Figure {
        Figure {
            value: self.screen,
            unit: "s",
            cost: Some((self.cpu, "s")),
        }
    }

    fn kernel(&self) -> Figure {
        Figure::plain(self.kernel, "s")
    }

    fn machine(&self) -> Figure {
        Figure::plain(self.machine, "s")
    }
}

impl Lab {
    fn new(run: &Run) -> Self {
        let lan = Lan::new();
        let server = lan.appliance_host();
        let root = server.file("tftp");
        fs::create_dir_all(root.join("debian-12")).expect("the lab's folder");
        fs::write(root.join("boot.ipxe"), script()).expect("the lab's folder");
        let dhcp = Server::dnsmasq(&lan.dhcp_host());
        let lab = Self {
            _dhcp: dhcp,
            server,
            root,
            machines: Cell::new(0),
            lan,
        };
        lab.fill(run);
        lab
    }

    /// Takes what dnsmasq is to serve from bootjack: the same bytes.
    fn fill(&self, run: &Run) {
        let mut appliance = self.appliance(run);
        let loaders = LOADERS.map(|name| (name, format!("assets/{name}")));
        let images = IMAGES.map(|name| (name, format!("images/{name}")));
        for (name, path) in loaders.into_iter().chain(images) {
            let url = format!("http://127.0.0.1:{HTTP_PORT}/{path}");
            let file = self.root.join(name);
            let file = file.to_str().expect("the lab's folder");
            self.server.run("curl", &["-sSf", "-o", file, &url]);
        }
        appliance.stop();
    }

    fn appliance(&self, run: &Run) -> Appliance {
        Setup::new(&self.server, &run.binary)
            .under(&ON_SERVER_CPU)
            .profile("debian.yaml", &profile())
            .debian_installer()
            .start()
    }

    fn by_bootjack(&self, run: &Run, firmware: Firmware) -> Boot {
        let mut appliance = self.appliance(run);
        let boot = self.boot(appliance.process().id(), firmware);
        appliance.stop();
        boot
    }

    fn by_dnsmasq(&self, firmware: Firmware) -> Boot {
        let mut process = dnsmasq(&self.server, &self.root);
        let boot = self.boot(process.id(), firmware);
        process.stop();
        boot
    }

    fn boot(&self, server: u32, firmware: Firmware) -> Boot {
        self.machines.set(self.machines.get() + 1);
        let machine = Machine::new(firmware, self.machines.get());
        let (mut boot, spent) = meter::during(server, || {
            let mut pc = machine.power_on(&self.lan);
            let kernel = pc.wait_for(&[KERNEL], BOOT).after.as_secs_f64();
            let screen = pc.wait_for(&[FIRST_SCREEN], BOOT).after.as_secs_f64();
            Boot {
                kernel,
                screen,
                machine: meter::used(pc.id()),
                cpu: 0.0,
            }
        });
        boot.cpu = spent.cpu;
        boot
    }
}

/// The installer at once.
fn profile() -> String {
    format!(
        "menu:\n  title: Lab\n  timeout: 0s\n  default: debian\n  entries:\n    \
         - id: debian\n      title: Install Debian 12\n      linux:\n        \
         kernel: debian-12/linux\n        initrd: [debian-12/initrd.gz]\n        \
         args: \"{INSTALLER_ARGS}\"\n"
    )
}

/// The same for dnsmasq's machines; names are beside the script.
fn script() -> String {
    format!(
        "#!ipxe\nkernel debian-12/linux initrd=initrd.gz {INSTALLER_ARGS}\n\
         initrd debian-12/initrd.gz\nboot\n"
    )
}

/// ProxyDHCP and TFTP: firmware is sent for iPXE, and iPXE for its script. It logs no packet.
fn dnsmasq(host: &Host, root: &Path) -> Process {
    let mut command = host.command(ON_SERVER_CPU[0]);
    command.args(&ON_SERVER_CPU[1..]).args([
        "dnsmasq",
        "--no-daemon",
        "--conf-file=/dev/null",
        "--pid-file=",
        "--user=root",
        "--port=0",
        "--interface=eth0",
        "--log-facility=-",
        "--quiet-dhcp",
        "--dhcp-range=10.77.0.0,proxy",
        "--dhcp-match=set:ipxe,175",
        "--pxe-service=tag:!ipxe,7,boot,snponly.efi",
        "--enable-tftp",
    ]);
    command
        .arg(format!("--dhcp-boot=tag:ipxe,boot.ipxe,,{APPLIANCE_IP}"))
        .arg(format!("--tftp-root={}", root.display()));
    let mut process = host.start("dnsmasq", command);
    process.wait_for_line(START, |line| line.contains("DHCP, proxy on subnet"));
    process
}
