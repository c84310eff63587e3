//! A private LAN: a switch, hosts plugged into it, and sockets for virtual machines.
//!
//! Every lab has its own namespaces, so all labs may use the same addresses: the DHCP host is
//! `10.77.0.1`, the appliance `10.77.0.2`. Further segments are further bridges in the switch.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::netns::{self, Namespace, attempt, run};
use super::poll;
use super::process::Process;

/// How long a cable may take to come up on a busy machine.
const CABLE: Duration = Duration::from_secs(10);

/// Address of the DHCP host on the first segment.
pub const DHCP_IP: &str = "10.77.0.1";
/// Address of the appliance on the first segment.
pub const APPLIANCE_IP: &str = "10.77.0.2";

/// A switch and the hosts plugged into it. They live as long as the LAN, whether a test keeps
/// their handles or not.
#[derive(Debug)]
pub struct Lan {
    switch: Arc<Namespace>,
    folder: Arc<tempfile::TempDir>,
    hosts: Mutex<Vec<Arc<Namespace>>>,
    ports: AtomicU32,
    segments: AtomicU32,
}

/// One broadcast domain of the LAN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment(u32);

impl Segment {
    fn bridge(self) -> String {
        format!("br{}", self.0)
    }
}

impl Lan {
    /// The segment every LAN has.
    pub const FIRST: Segment = Segment(0);

    /// A switch with one segment and nothing plugged in.
    pub fn new() -> Self {
        netns::remove_leftovers();
        let lan = Self {
            switch: Arc::new(Namespace::new("sw")),
            folder: Arc::new(netns::folder()),
            hosts: Mutex::default(),
            ports: AtomicU32::new(0),
            segments: AtomicU32::new(0),
        };
        lan.segment();
        lan
    }

    /// The host for a DHCP server, [`DHCP_IP`].
    pub fn dhcp_host(&self) -> Host {
        self.host("dhcp", &format!("{DHCP_IP}/24"))
    }

    /// The host for the appliance, [`APPLIANCE_IP`].
    pub fn appliance_host(&self) -> Host {
        self.host("boot", &format!("{APPLIANCE_IP}/24"))
    }

    /// A host on the first segment with an address in CIDR form.
    pub fn host(&self, role: &str, cidr: &str) -> Host {
        let host = self.client(role);
        host.address("eth0", cidr);
        host
    }

    /// A host on the first segment without an address: a DHCP client.
    pub fn client(&self, role: &str) -> Host {
        self.client_on(role, Self::FIRST)
    }

    /// A host without an address on any segment.
    pub fn client_on(&self, role: &str, segment: Segment) -> Host {
        let namespace = Arc::new(Namespace::new(role));
        self.hosts.lock().expect("hosts").push(namespace.clone());
        let host = Host {
            namespace,
            folder: self.folder.clone(),
            role: role.to_owned(),
            interfaces: Arc::default(),
        };
        self.plug(&host, segment);
        host
    }

    /// Another segment, joined to the others only by hosts that are plugged into both.
    pub fn segment(&self) -> Segment {
        let segment = Segment(self.segments.fetch_add(1, Ordering::Relaxed));
        let bridge = segment.bridge();
        self.switch.ip(&[
            "link",
            "add",
            &bridge,
            "type",
            "bridge",
            "stp_state",
            "0",
            "forward_delay",
            "0",
            "mcast_snooping",
            "0",
        ]);
        self.switch.ip(&["link", "set", &bridge, "up"]);
        segment
    }

    /// A cable from the host's next interface (`eth0`, `eth1`, …) to a segment. Its name.
    pub fn plug(&self, host: &Host, segment: Segment) -> String {
        let port = self.port("p");
        let interface = format!("eth{}", host.interfaces.fetch_add(1, Ordering::Relaxed));
        self.switch.ip(&[
            "link",
            "add",
            &port,
            "type",
            "veth",
            "peer",
            "name",
            &interface,
            "netns",
            host.namespace.name(),
        ]);
        self.connect(&port, segment);
        host.namespace.ip(&["link", "set", &interface, "up"]);
        self.wait_for_cable(host, &interface, &port);
        interface
    }

    /// Pulls the host's cable out of its segment and puts it into another one. The host notices
    /// nothing: its interface, its addresses and its programs stay.
    pub fn replug(&self, host: &Host, interface: &str, segment: Segment) {
        self.connect(&self.port_of(host, interface), segment);
    }

    /// From now on the host hears frames as they are on a real wire: none larger than the MTU, all with
    /// their checksums. Without it a cable here carries what one send of a server was.
    pub fn cut_to_frames(&self, host: &Host, interface: &str) {
        let port = self.port_of(host, interface);
        let off = ["tx", "off", "tso", "off", "gso", "off"];
        let mut command = self.switch.command("ethtool");
        run(command.args(["-K", &port]).args(off));
    }

    /// The other end of a host's cable.
    fn port_of(&self, host: &Host, interface: &str) -> String {
        let listing = host.ip(&["-o", "link", "show", interface]);
        let peer = listing
            .split("@if")
            .nth(1)
            .and_then(|rest| rest.split(':').next());
        let peer = format!("{}: ", peer.expect("a cable to the switch"));
        let ports = self.switch.ip(&["-o", "link", "show"]);
        let port = ports.lines().find_map(|line| line.strip_prefix(&peer));
        let port = port.and_then(|line| line.split('@').next());
        port.expect("its port").to_owned()
    }

    /// The kernel brings both ends of a cable up in its own time; what is sent before is lost.
    fn wait_for_cable(&self, host: &Host, interface: &str, port: &str) {
        poll::expect("both ends of a cable are up", CABLE, || {
            let card = host.namespace.ip(&["-br", "link", "show", interface]);
            let switch = self.switch.ip(&["-d", "link", "show", port]);
            card.split_whitespace().nth(1) == Some("UP") && switch.contains("state forwarding")
        });
    }

    /// A socket for a virtual machine: the name of a tap in the switch's namespace.
    pub fn tap(&self, segment: Segment) -> String {
        let tap = self.port("tap");
        self.switch.ip(&["tuntap", "add", &tap, "mode", "tap"]);
        self.connect(&tap, segment);
        tap
    }

    /// A command beside the taps, in the switch's namespace.
    pub fn command(&self, program: &str) -> Command {
        self.switch.command(program)
    }

    /// From now on the switch loses this share of IPv4 packets, in per mille of all it forwards.
    /// ARP passes, so what is measured is the protocol above.
    pub fn loss(&self, per_mille: u32) {
        let rules = format!(
            "table bridge lab\ndelete table bridge lab\ntable bridge lab {{\n chain lossy {{\n  \
             type filter hook forward priority 0\n  \
             ether type ip numgen random mod 1000 < {per_mille} counter drop\n }}\n}}\n"
        );
        let file = self.folder().join("loss.nft");
        std::fs::write(&file, rules).expect("the lab's folder");
        run(self.switch.command("nft").arg("-f").arg(file));
    }

    /// From now on nothing that this DHCP server sends to clients passes the switch; what it sends to
    /// relays and other servers does.
    pub fn mute(&self, server: Ipv4Addr) {
        let rules = format!(
            "table bridge lab_mute {{\n chain mute {{\n  type filter hook forward priority 1\n  \
             ip saddr {server} udp dport 68 drop\n }}\n}}\n"
        );
        let file = self.folder().join("mute.nft");
        std::fs::write(&file, rules).expect("the lab's folder");
        run(self.switch.command("nft").arg("-f").arg(file));
    }

    /// It is heard again.
    pub fn unmute(&self) {
        let gone = ["delete", "table", "bridge", "lab_mute"];
        run(self.switch.command("nft").args(gone));
    }

    /// Packets lost so far by [`Lan::loss`].
    pub fn lost(&self) -> u64 {
        let listing = run(self
            .switch
            .command("nft")
            .args(["list", "table", "bridge", "lab"]));
        let after = listing.split("counter packets ").nth(1);
        let number = after.and_then(|rest| rest.split(' ').next());
        number.and_then(|n| n.parse().ok()).expect("nft's counter")
    }

    /// Where this lab keeps its logs and files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn port(&self, kind: &str) -> String {
        format!("{kind}{}", self.ports.fetch_add(1, Ordering::Relaxed))
    }

    fn connect(&self, port: &str, segment: Segment) {
        let bridge = segment.bridge();
        self.switch
            .ip(&["link", "set", port, "master", &bridge, "up"]);
    }
}

/// A host on the LAN. Clones are the same host.
#[derive(Debug, Clone)]
pub struct Host {
    namespace: Arc<Namespace>,
    folder: Arc<tempfile::TempDir>,
    role: String,
    interfaces: Arc<AtomicU32>,
}

impl Host {
    /// What it was named.
    pub fn role(&self) -> &str {
        &self.role
    }

    /// The name of its network namespace.
    pub fn namespace(&self) -> &str {
        self.namespace.name()
    }

    /// Where the lab keeps its logs and files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Gives an interface an address in CIDR form.
    pub fn address(&self, interface: &str, cidr: &str) {
        self.ip(&["addr", "add", cidr, "brd", "+", "dev", interface]);
    }

    /// Runs `ip …` in the host.
    pub fn ip(&self, args: &[&str]) -> String {
        self.namespace.ip(args)
    }

    /// The hardware address of an interface.
    pub fn mac(&self, interface: &str) -> [u8; 6] {
        let listing = self.ip(&["-br", "link", "show", interface]);
        let text = listing.split_whitespace().nth(2).expect("a MAC from ip");
        let octet = |part| u8::from_str_radix(part, 16).expect("an octet");
        let octets: Vec<u8> = text.split(':').map(octet).collect();
        octets.try_into().expect("six octets")
    }

    /// A command in the host.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        self.namespace.command(program)
    }

    /// Runs a program to its end and gives its stdout; panics when it fails.
    pub fn run(&self, program: &str, args: &[&str]) -> String {
        run(self.command(program).args(args))
    }

    /// Runs a program to its end, whatever that is.
    pub fn attempt(&self, program: &str, args: &[&str]) -> Output {
        attempt(self.command(program).args(args))
    }

    /// Starts a command made by [`Host::command`]; its output goes to `ROLE-NAME.log`.
    pub fn start(&self, name: &str, command: Command) -> Process {
        let log = self.file(&format!("{name}.log"));
        Process::start(name, command, &log)
    }

    /// A file of this host in the lab's folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder().join(format!("{}-{name}", self.role))
    }

    /// Runs `work` inside the host, on a thread of its own.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.namespace.enter(work)
    }
}
