//! Real DHCP clients through all of a lease's life: dhclient, udhcpc and dhcpcd.
//!
//! ```ignore
//! let mut client = LeaseClient::new(Program::Dhclient, &host).eager();
//! let lease = client.get();            // DISCOVER … ACK
//! client.renew(); client.rebind();     // to the server, to everyone
//! client.crash(); client.reboot();     // INIT-REBOOT (udhcpc: a DISCOVER that asks for the address)
//! client.release();
//! ```
//!
//! Each runs in the foreground on `eth0` with its own folder in the lab for its state. Its script
//! gives the interface the address and writes down everything it was told, one file an event.
//! What programs call differently has one name in [`Lease`].
//!
//! An address in use is declined by udhcpc with `.flag("-a")`; INFORM is sent by dhcpcd with
//! `.flag("--inform")` on a host that has an address (dhcpcd 9.4.1 breaks where the flag names one).
//!
//! What they cannot: udhcpc has no INIT-REBOOT; dhclient renews, and dhclient and dhcpcd rebind, by
//! timers alone. [`LeaseClient::eager`] shortens dhclient's; dhcpcd takes those of the server
//! (options 58 and 59; its `--rebind` is now an INIT-REBOOT, now a rebinding).

mod programs;
mod told;

use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::lan::Host;
use super::netns::run;
use super::poll;
use super::process::Process;
pub use told::{Lease, Told};

/// How long a client may take to get what it asks for, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// A client program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// ISC's.
    Dhclient,
    /// busybox'.
    Udhcpc,
    /// Roy Marples'.
    Dhcpcd,
}

/// All of them.
pub const ALL: [Program; 3] = [Program::Dhclient, Program::Udhcpc, Program::Dhcpcd];

/// A DHCP client on a host's `eth0`; without a word to its server it ends on drop.
#[derive(Debug)]
pub struct LeaseClient {
    program: Program,
    host: Host,
    home: PathBuf,
    process: Option<Process>,
    asked: Vec<u8>,
    config: String,
    flags: Vec<String>,
    /// Events that have been looked at.
    seen: usize,
    starts: usize,
}

impl LeaseClient {
    /// A client that has not started yet. One at a time a host.
    pub fn new(program: Program, host: &Host) -> Self {
        let home = host.file("lease-client");
        for folder in ["events", "run", "var"] {
            fs::create_dir_all(home.join(folder)).expect("the lab's folder");
        }
        let client = Self {
            program,
            host: host.clone(),
            home,
            process: None,
            asked: Vec::new(),
            config: String::new(),
            flags: Vec::new(),
            seen: 0,
            starts: 0,
        };
        client.write_script();
        client
    }

    /// Asks for a further option by its number, to find it in [`Lease::others`].
    pub fn ask(mut self, code: u8) -> Self {
        self.asked.push(code);
        self
    }

    /// A further line of its configuration (dhclient, dhcpcd).
    pub fn config(mut self, line: &str) -> Self {
        assert_ne!(self.program, Program::Udhcpc, "udhcpc has only flags");
        self.config += line;
        self.config.push('\n');
        self
    }

    /// A further flag.
    pub fn flag(mut self, flag: &str) -> Self {
        self.flags.push(flag.to_owned());
        self
    }

    /// dhclient that remembers a lease of this server's, which it asks for when it starts.
    pub fn remembering(self, address: Ipv4Addr, server: Ipv4Addr) -> Self {
        assert_eq!(
            self.program,
            Program::Dhclient,
            "the others keep it elsewhere"
        );
        let lease = format!(
            "lease {{\n  interface \"eth0\";\n  fixed-address {address};\n  \
             option subnet-mask 255.255.255.0;\n  option dhcp-lease-time 3600;\n  \
             option dhcp-server-identifier {server};\n  \
             renew never;\n  rebind never;\n  expire never;\n}}\n"
        );
        self.write("var/leases", &lease);
        self
    }

    /// Sends this client identifier (option 61), type byte included.
    pub fn client_id(self, id: &[u8]) -> Self {
        let hex = |between: &str| {
            let octets: Vec<String> = id.iter().map(|octet| format!("{octet:02x}")).collect();
            octets.join(between)
        };
        match self.program {
            Program::Dhclient => {
                let line = format!("send dhcp-client-identifier {};", hex(":"));
                self.config(&line)
            }
            Program::Udhcpc => {
                let value = format!("0x3d:{}", hex(""));
                self.flag("-C").flag("-x").flag(&value)
            }
            Program::Dhcpcd => {
                let line = format!("clientid {}", hex(":"));
                self.config(&line)
            }
        }
    }

    /// Makes dhclient, which cannot be told to, renew every one to two seconds, and rebind two
    /// seconds later, whatever its server says. The others renew when they are told.
    pub fn eager(self) -> Self {
        match self.program {
            Program::Dhclient => self
                .config("supersede dhcp-renewal-time 2;")
                .config("supersede dhcp-rebinding-time 4;"),
            Program::Udhcpc | Program::Dhcpcd => self,
        }
    }

    /// Starts it and waits for its lease.
    pub fn get(&mut self) -> Lease {
        let lease = self.try_get(PATIENCE);
        lease.unwrap_or_else(|| panic!("{:?} got no lease\n{}", self.program, self.log()))
    }

    /// Starts it; its lease, where it gets one in time.
    pub fn try_get(&mut self, within: Duration) -> Option<Lease> {
        self.start();
        self.next_lease(within)
    }

    /// Which it is.
    pub fn program(&self) -> Program {
        self.program
    }

    /// Whether it was started, and neither ended nor released its lease since.
    pub fn runs(&self) -> bool {
        self.process.is_some()
    }

    /// Starts it without waiting for anything.
    pub fn start(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        self.seen = self.events().len();
        self.starts += 1;
        let command = self.command();
        let name = format!("{:?}-{}", self.program, self.starts).to_lowercase();
        self.process = Some(self.host.start(&name, command));
    }

    /// Renews its lease, by unicast to the server; the lease it has then. dhclient: waits until it
    /// does so by itself.
    pub fn renew(&mut self) -> Lease {
        self.seen = self.events().len();
        match self.program {
            Program::Dhclient => {}
            Program::Udhcpc => self.signal(Signal::SIGUSR1),
            Program::Dhcpcd => self.control("-N"),
        }
        let lease = self.next_lease(PATIENCE);
        lease.unwrap_or_else(|| panic!("{:?}: not renewed\n{}", self.program, self.log()))
    }

    /// Rebinds its lease, by broadcast, because the server does not hear it: until then nothing
    /// that is sent to a server's address leaves the host. The lease it has then. dhclient and dhcpcd
    /// do so when the time has come (T2: option 59, or [`LeaseClient::eager`]).
    pub fn rebind(&mut self) -> Lease {
        self.cut();
        self.seen = self.events().len();
        let reason = match self.program {
            Program::Dhclient => {
                self.await_a_broadcast();
                "RENEW"
            }
            Program::Udhcpc => {
                self.signal(Signal::SIGUSR1);
                "renew"
            }
            Program::Dhcpcd => "REBIND",
        };
        let told = self.next_event(PATIENCE, |told| told.reason == reason);
        let lease = told.and_then(|told| told.lease(&self.asked));
        self.uncut();
        lease.unwrap_or_else(|| panic!("{:?}: not rebound\n{}", self.program, self.log()))
    }

    /// Gives its lease back and ends.
    pub fn release(&mut self) {
        match self.program {
            Program::Dhclient => {
                // A second dhclient ends the first one and speaks for it.
                let mut command = self.command();
                command.arg("-r");
                run(&mut command);
            }
            Program::Udhcpc => {
                self.signal(Signal::SIGUSR2);
                let deconfigured = |told: &Told| told.reason == "deconfig";
                let within = self.next_event(PATIENCE, deconfigured);
                assert!(within.is_some(), "udhcpc did not release\n{}", self.log());
            }
            Program::Dhcpcd => self.control("-k"),
        }
        drop(self.process.take());
        self.host.ip(&["addr", "flush", "dev", "eth0"]);
    }

    /// Ends it at once, as a power cut does: no word to the server, the address is gone, what it
    /// knows of its lease stays in its folder.
    pub fn crash(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
        self.host.ip(&["addr", "flush", "dev", "eth0"]);
    }

    /// Starts it again: dhclient and dhcpcd ask for the lease they remember (INIT-REBOOT), udhcpc
    /// for nothing but a lease. The lease it gets, whichever that is.
    pub fn reboot(&mut self) -> Lease {
        self.get()
    }

    /// How often a server has refused what it asked for.
    pub fn naks(&self) -> usize {
        match self.program {
            Program::Dhclient => self.log().matches("DHCPNAK from").count(),
            Program::Udhcpc => self.count("nak"),
            Program::Dhcpcd => self.count("NAK"),
        }
    }

    /// Everything its script was told since the first start, in order.
    pub fn events(&self) -> Vec<Told> {
        let file = |n: usize| self.home.join("events").join(n.to_string());
        let texts = (0..).map_while(|n| fs::read_to_string(file(n)).ok());
        texts.map(|text| Told::parse(&text)).collect()
    }

    /// What it has printed since its last start.
    pub fn log(&self) -> String {
        self.process.as_ref().map(Process::log).unwrap_or_default()
    }

    /// Its next lease that is not yet known, where one comes in time.
    pub fn next_lease(&mut self, within: Duration) -> Option<Lease> {
        let told = self.next_event(within, |told| told.lease(&[]).is_some());
        told.and_then(|told| told.lease(&self.asked))
    }

    /// dhclient calls a rebinding RENEW, too: what counts is told after its broadcast.
    fn await_a_broadcast(&mut self) {
        let sent = |client: &Self| client.log().matches("to 255.255.255.255 port 67").count();
        let before = sent(self);
        poll::expect("dhclient broadcasts", PATIENCE, || sent(self) > before);
        self.seen = self.events().len();
    }

    fn next_event(&mut self, within: Duration, wanted: impl Fn(&Told) -> bool) -> Option<Told> {
        poll::until(within, || {
            let new = self.events().into_iter().enumerate().skip(self.seen);
            let (n, told) = new.into_iter().find(|(_, told)| wanted(told))?;
            self.seen = n + 1;
            Some(told)
        })
    }

    fn count(&self, reason: &str) -> usize {
        let events = self.events();
        events.iter().filter(|told| told.reason == reason).count()
    }

    fn signal(&mut self, signal: Signal) {
        self.process.as_mut().expect("it runs").signal(signal);
    }

    fn cut(&self) {
        let rules = "table ip lab_cut {\n chain out {\n  type filter hook output priority 0\n  \
                     ip daddr != 255.255.255.255 udp dport 67 drop\n }\n}\n";
        let file = self.write("cut", rules);
        run(self.host.command("nft").arg("-f").arg(file));
    }

    fn uncut(&self) {
        self.host.run("nft", &["delete", "table", "ip", "lab_cut"]);
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home.join(name);
        fs::write(&path, text).expect("the lab's folder");
        path
    }
}

impl Drop for LeaseClient {
    fn drop(&mut self) {
        // At once: some of them would release their lease when they are asked to end.
        if let Some(process) = &mut self.process {
            process.kill();
        }
    }
}
