//! The appliance, a stranger, a machine that wants to boot, and what holds after every onslaught.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use crate::support::appliance::{Appliance, Setup};
use crate::support::clients::{BootClient, Speaker};
use crate::support::dhcp_client::DhcpClient;
use crate::support::lan::{Host, Lan};
use crate::support::poll;

/// bootjack.
pub const US: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
/// The stranger.
pub const STRANGER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 66);
/// The machine that wants to boot.
const LEASED: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 100);
const PROFILE: &str = "menu: { title: Lab, entries: [ { id: d, title: Disk, local: true } ] }\n";

/// A machine asks again for as long as this; firmware gives up after about a minute.
const PATIENCE: Duration = Duration::from_secs(45);
/// Lines a second, whatever comes: of strangers, of machines, of what of ours failed and of what was
/// left out.
const LINES: u64 = 50 + 500 + 20 + 30;
/// Bytes that everything strangers make us remember may take together.
const MEMORY: u64 = 64 << 20;

/// The lab.
pub struct Lab {
    // Dropped in this order: logs are shown before their folder goes.
    pub appliance: Appliance,
    pub boot: Host,
    pub stranger: Host,
    pub pc: Host,
    card: DhcpClient,
    pid: u32,
    memory: u64,
    began: Instant,
    _lan: Lan,
}

impl Lab {
    pub fn new() -> Self {
        let lan = Lan::new();
        let boot = lan.appliance_host();
        let setup = Setup::new(&boot, env!("CARGO_BIN_EXE_bootjack"));
        let mut appliance = setup.profile("p.yaml", PROFILE).start();
        let stranger = lan.host("stranger", &format!("{STRANGER}/24"));
        let pc = lan.host("pc", &format!("{LEASED}/24"));
        lan.cut_to_frames(&pc, "eth0");
        let card = DhcpClient::new(&pc);
        let pid = appliance.process().id();
        let mut lab = Self {
            appliance,
            boot,
            stranger,
            pc,
            card,
            pid,
            memory: 0,
            began: Instant::now(),
            _lan: lan,
        };
        lab.boots("before", 1);
        lab.memory = lab.resident();
        lab
    }

    /// A socket of the stranger.
    pub fn udp(&self) -> UdpSocket {
        let socket = self
            .stranger
            .enter(|| UdpSocket::bind((STRANGER, 0)))
            .unwrap();
        socket.set_broadcast(true).unwrap();
        socket
    }

    /// What holds after every onslaught.
    pub fn well(&mut self, after: &str) {
        self.boots(after, 2);
        self.quiet(after);
        let grown = self.resident().saturating_sub(self.memory);
        assert!(grown < MEMORY, "{after}: {grown} bytes more than before");
    }

    /// A BIOS machine and an iPXE go from DISCOVER to loader and menu, and it is the same process.
    fn boots(&mut self, after: &str, number: u8) {
        let rom = BootClient::new(Speaker::Intel, number);
        self.offered(after, &rom, "lpxelinux.0");
        let loader = self.fetched(after, &format!("tftp://{US}/lpxelinux.0"));
        assert_eq!(loader, asset("lpxelinux.0"), "{after}");
        let ipxe = BootClient::new(Speaker::IpxeRom, number);
        let script = format!("http://{US}:8067/boot/52-54-00-78-00-{number:02x}.ipxe");
        self.offered(after, &ipxe, &script);
        let menu = self.fetched(after, &script);
        assert!(menu.starts_with(b"#!ipxe"), "{after}: {menu:?}");
        let process = self.appliance.process();
        assert_eq!((process.ended(), process.id()), (None, self.pid), "{after}");
    }

    /// Asks until it is answered, as firmware does.
    fn offered(&self, after: &str, client: &BootClient, loader: &str) {
        let answer = |reply: &crate::support::dhcp_client::Reply| reply.xid() == client.xid;
        let offer = poll::until(PATIENCE, || {
            self.card.broadcast(&client.discover());
            self.card.hear(Duration::from_millis(500), answer)
        });
        let offer = offer.unwrap_or_else(|| panic!("{after}: no OFFER within {PATIENCE:?}"));
        offer.assert_sound(&client.discover());
        assert_eq!(offer.file(), loader, "{after}");
    }

    fn fetched(&self, after: &str, url: &str) -> Vec<u8> {
        let seconds = PATIENCE.as_secs().to_string();
        let args = [
            "-sS",
            "-f",
            "--max-time",
            &seconds,
            "--retry",
            "3",
            "--retry-all-errors",
            url,
        ];
        let output = self.pc.attempt("curl", &args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{after}: {url}: {said}");
        output.stdout
    }

    /// No panic, no failure of ours, and no more lines than so many a second.
    fn quiet(&self, after: &str) {
        let log = self.appliance.log();
        assert!(!log.contains("panicked"), "{after}");
        let faults: Vec<&str> = log
            .lines()
            .filter(|l| l.contains(r#""event":"fault""#))
            .collect();
        assert!(faults.is_empty(), "{after}: {faults:?}");
        let lines = log.lines().count() as u64;
        let most = (self.began.elapsed().as_secs() + 2) * LINES;
        assert!(lines < most, "{after}: {lines} lines, {most} at most");
        let broken = log.lines().find(|l| l.contains(char::is_control));
        assert_eq!(broken, None, "{after}: control characters in the log");
    }

    /// Resident memory, in bytes.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib * 1024
    }

    /// Bytes that bootjack has grown by since it booted its first machine.
    pub fn grown(&self) -> u64 {
        self.resident().saturating_sub(self.memory)
    }
}

/// A port of bootjack's.
pub fn to(port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(US, port)
}

fn asset(name: &str) -> Vec<u8> {
    let asset = bootjack::assets::all().iter().find(|a| a.name == name);
    asset.unwrap().bytes.to_vec()
}
