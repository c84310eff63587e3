//! The LAN of a room: Kea as its DHCP server, bootjack beside it, and the two hosts that the room's
//! switch needs. The subnet is large: `10.77.0.0/16`, with addresses for 4,000 machines.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use super::card::Card;
use super::meter;
use super::plan::Plan;
use super::progress::{Command, Progress};
use super::report::{Cost, Report};
use super::support::appliance::{Appliance, Setup};
use super::support::lan::{APPLIANCE_IP, DHCP_IP, Host, Lan};
use super::support::servers::Server;
use super::switch::{Cables, Played, Switch};
use super::web::{Files, Web};

const POOL: &str = "10.77.16.1 - 10.77.31.254";
/// All of them.
const MACHINES: &str = "10.77.16.0/20";
/// The host that speaks TCP for the machines.
const TCP_IP: &str = "10.77.3.1/16";
const PROFILE: &str = "room.yaml";
/// Initrd and kernel in the image folder.
const FILES: [&str; 2] = ["room/initrd", "room/linux"];

/// The LAN.
#[derive(Debug)]
pub struct Lab {
    lan: Lan,
    boot: Host,
    binary: PathBuf,
    /// bootjack; `None`: it is not running.
    appliance: Option<Appliance>,
    files: Arc<Files>,
    _dhcp: Server,
}

/// A room that is being played beside us.
#[derive(Debug)]
pub struct Playing {
    /// How far it is.
    pub progress: Arc<Progress>,
    commands: Sender<Command>,
    thread: JoinHandle<Played>,
    plan: Plan,
    spent: f64,
}

impl Lab {
    /// With images as the plan wants them; `binary` is bootjack.
    pub fn new(binary: impl Into<PathBuf>, plan: &Plan) -> Self {
        let lan = Lan::new();
        let dhcp = lan.host("dhcp", &format!("{DHCP_IP}/16"));
        let dhcp = Server::kea_by(&dhcp, &leases(&dhcp));
        let boot = lan.host("boot", &format!("{APPLIANCE_IP}/16"));
        let binary = binary.into();
        let mut setup = Setup::new(&boot, &binary).profile(PROFILE, &profile(""));
        let mut files = Files::new();
        for (name, size) in FILES.iter().zip(plan.files) {
            let bytes = pattern(size, files.len() as u64 + plan.seed);
            let source = boot.file("image");
            std::fs::write(&source, &bytes).expect("the lab's folder");
            setup = setup.image(name, &source);
            files.insert(format!("/images/{name}"), bytes);
        }
        Self {
            lan,
            boot,
            binary,
            appliance: Some(setup.start()),
            files: Arc::new(files),
            _dhcp: dhcp,
        }
    }

    /// bootjack, while it runs.
    pub fn appliance(&mut self) -> &mut Appliance {
        self.appliance.as_mut().expect("bootjack")
    }

    /// DHCP messages that came to bootjack's port 67 and found its queue full.
    pub fn unheard(&self) -> u64 {
        let sockets = self.boot.run("cat", &["/proc/net/udp"]);
        let port = sockets.lines().filter(|line| line.contains(":0043 "));
        let drops = port.filter_map(|line| line.split_whitespace().last());
        drops.map(|n| n.parse::<u64>().expect("a number")).sum()
    }

    /// Ends bootjack and starts it again, with what is in its folders.
    pub fn restart(&mut self) {
        self.appliance().stop();
        self.appliance = None;
        let setup = Setup::new(&self.boot, &self.binary);
        self.appliance = Some(setup.start());
    }

    /// Another title, and so another set of profiles.
    pub fn change_profile(&mut self, title: &str) {
        self.appliance().write_profile(PROFILE, &profile(title));
    }

    /// Begins to play.
    pub fn begin(&mut self, plan: &Plan) -> Playing {
        let room = self.lan.client("room");
        self.lan.cut_to_frames(&room, "eth0");
        let inner = self.lan.segment();
        let (tcp, tube) = (
            self.lan.client_on("tcp", inner),
            self.lan.client_on("tube", inner),
        );
        self.lan.cut_to_frames(&tube, "eth0");
        self.answers_for_all(&tcp);
        let web = Web::new(&tcp, self.files.clone());
        let cables = Cables {
            servers: Card::new(&room),
            tcp: (Card::new(&tube), tcp.mac("eth0")),
            server: APPLIANCE_IP.parse().expect("an address"),
        };
        let progress = Arc::new(Progress::default());
        let (commands, obeyed) = channel();
        let switch = Switch::new(plan.clone(), cables, web, progress.clone(), obeyed);
        Playing {
            progress,
            commands,
            spent: meter::spent(self.appliance().process().id()),
            thread: std::thread::spawn(move || switch.play()),
            plan: plan.clone(),
        }
    }

    /// Plays to the end.
    pub fn play(&mut self, plan: &Plan) -> Report {
        let playing = self.begin(plan);
        playing.ends(self)
    }

    /// The host that speaks TCP takes all addresses for its own, and knows the server's card.
    fn answers_for_all(&self, tcp: &Host) {
        tcp.address("eth0", TCP_IP);
        tcp.ip(&["route", "add", "local", MACHINES, "dev", "lo"]);
        let mac = self.boot.mac("eth0");
        let mut text = String::new();
        for octet in mac {
            let _ = write!(text, ":{octet:02x}");
        }
        let mac = &text[1..];
        tcp.ip(&[
            "neigh",
            "replace",
            APPLIANCE_IP,
            "lladdr",
            mac,
            "dev",
            "eth0",
            "nud",
            "permanent",
        ]);
    }
}

impl Playing {
    /// Pulls the plugs of these machines.
    pub fn cut(&self, numbers: Vec<u16>) {
        let _ = self.commands.send(Command::Cut(numbers)); // all are done
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for the end. What bootjack cost is told of its last start.
    pub fn ends(self, lab: &mut Lab) -> Report {
        let played = self.thread.join().expect("the room's switch");
        let id = lab.appliance().process().id();
        let spent = meter::spent(id);
        let cost = Cost {
            seconds: if spent >= self.spent {
                spent - self.spent
            } else {
                spent
            },
            memory: meter::held(id).peak,
        };
        Report::new(&self.plan, &played, cost)
    }
}

/// Where the binary is that is built beside this program.
pub fn beside_this_program() -> PathBuf {
    let this = std::env::current_exe().expect("this program's path");
    let folder = this.parent().and_then(Path::parent);
    folder.expect("cargo's folder").join("bootjack")
}

/// Kea, for it offers no address to two machines that ask at once; dnsmasq does, and refuses the second
/// one (measured: 75 of 2,000).
fn leases(host: &Host) -> String {
    let logger = r#"{ "name": "kea-dhcp4", "severity": "WARN", "output_options": [ { "output": "stdout" } ] },
      { "name": "kea-dhcp4.dhcp4", "severity": "INFO", "output_options": [ { "output": "stdout" } ] }"#;
    format!(
        r#"{{ "Dhcp4": {{
  "interfaces-config": {{ "interfaces": [ "eth0" ] }},
  "authoritative": true,
  "valid-lifetime": 3600,
  "lease-database": {{ "type": "memfile", "name": "{}", "lfc-interval": 0 }},
  "loggers": [ {logger} ],
  "subnet4": [ {{ "id": 1, "subnet": "10.77.0.0/16", "pools": [ {{ "pool": "{POOL}" }} ] }} ]
}} }}"#,
        host.file("kea.leases").display(),
    )
}

fn profile(title: &str) -> String {
    format!(
        "name: Room\nloader: ipxe\nmenu:\n  title: Room {title}\n  timeout: 1s\n  default: linux\n  entries:\n\
         \x20   - id: linux\n      title: Linux\n      linux:\n        kernel: {}\n        initrd: {}\n\
         \x20   - id: disk\n      title: The disk\n      local: true\n",
        FILES[1], FILES[0]
    )
}

/// Bytes of which no part is like another.
fn pattern(size: usize, seed: u64) -> Vec<u8> {
    let mut dice = seed;
    let words = std::iter::repeat_with(|| {
        dice = dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (dice >> 16).to_be_bytes()
    });
    words.flatten().take(size).collect()
}
