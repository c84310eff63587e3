//! Somebody else's DHCP server on the LAN: it gives leases and knows nothing of boot files.
//!
//! Each server program is one constructor of [`Server`]; what a test asks of it is the same. All of
//! them serve `10.77.0.0/24` with [`POOL`] and leases of an hour, do not look whether an address is
//! in use before they offer it, and keep their files in the lab's folder. Those of home routers, and
//! one that answers no relays, are in [`routers`].

mod routers;

use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::lan::Host;
use super::packages;
use super::process::Process;
use super::readme;

/// How long a server may take to start.
const START: Duration = Duration::from_secs(20);

/// First and last address that the server hands out on the first segment.
pub const POOL: (Ipv4Addr, Ipv4Addr) =
    (Ipv4Addr::new(10, 77, 0, 100), Ipv4Addr::new(10, 77, 0, 199));

/// A running DHCP server. It ends with SIGTERM on drop.
#[derive(Debug)]
pub struct Server {
    process: Process,
    leases: PathBuf,
    /// MAC and lease file → address.
    reader: fn(&str, &[u8]) -> Option<Ipv4Addr>,
}

impl Server {
    /// dnsmasq as plain DHCP server on `eth0`, ready when this returns.
    pub fn dnsmasq(host: &Host) -> Self {
        Self::dnsmasq_with(host, &[])
    }

    /// dnsmasq with further flags (`--dhcp-authoritative`, another `--dhcp-range=`, …). It does
    /// not ping an address before it offers it: that alone would take three seconds a client.
    ///
    /// The host is an IPv6 router as well, without a route to anywhere: on a LAN without one the
    /// iPXE of Debian 12 waits 15 s for a router advertisement before it goes on, in every stage
    /// (measured; [`Server::dnsmasq_without_ipv6`] is that LAN).
    pub fn dnsmasq_with(host: &Host, flags: &[&str]) -> Self {
        host.ip(&["addr", "add", "fd77::1/64", "dev", "eth0", "nodad"]);
        let router = [
            "--enable-ra",
            "--dhcp-range=fd77::,ra-only,64",
            "--ra-param=eth0,0,0",
        ];
        Self::start(host, &[&router[..], flags].concat())
    }

    /// dnsmasq on a LAN that knows only IPv4.
    pub fn dnsmasq_without_ipv6(host: &Host) -> Self {
        Self::start(host, &[])
    }

    fn start(host: &Host, flags: &[&str]) -> Self {
        let range = format!("--dhcp-range={},{},255.255.255.0,1h", POOL.0, POOL.1);
        Self::dnsmasq_bare(host, &[&[range.as_str()], flags].concat())
    }

    /// dnsmasq as distributions ship it: it pings each new address for three seconds, and hears nobody meanwhile.
    pub fn dnsmasq_that_pings(host: &Host) -> Self {
        let range = format!("--dhcp-range={},{},255.255.255.0,1h", POOL.0, POOL.1);
        Self::dnsmasq_as(host, &[&range])
    }

    /// dnsmasq on a LAN that knows only IPv4, with these flags, which say what it hands out.
    pub fn dnsmasq_bare(host: &Host, flags: &[&str]) -> Self {
        Self::dnsmasq_as(host, &[&["--no-ping"], flags].concat())
    }

    fn dnsmasq_as(host: &Host, flags: &[&str]) -> Self {
        let leases = host.file("leases");
        let mut command = dnsmasq(host);
        command
            .arg(format!("--dhcp-leasefile={}", leases.display()))
            .args(flags);
        let mut process = host.start("dnsmasq", command);
        process.wait_for_line(START, |line| line.contains("DHCP, IP range"));
        Self {
            process,
            leases,
            reader: in_dnsmasq,
        }
    }

    /// ISC dhcpd on `eth0`, authoritative, with further lines of its configuration (they stand
    /// before the subnet: global options, classes, other subnets).
    pub fn isc_dhcpd(host: &Host, lines: &str) -> Self {
        Self::isc_dhcpd_as(host, &format!("ping-check false;\n{lines}"))
    }

    /// The same as it is where nothing else is set: it pings an address before it offers it.
    pub fn isc_dhcpd_that_pings(host: &Host) -> Self {
        Self::isc_dhcpd_as(host, "")
    }

    fn isc_dhcpd_as(host: &Host, lines: &str) -> Self {
        let config = format!(
            "authoritative;\ndefault-lease-time 3600;\nmax-lease-time 3600;\n\
             {lines}\nsubnet 10.77.0.0 netmask 255.255.255.0 {{ range {} {}; }}\n",
            POOL.0, POOL.1
        );
        Self::isc_dhcpd_by(host, &config, &["eth0"])
    }

    /// ISC dhcpd with a whole configuration, on these interfaces.
    pub fn isc_dhcpd_by(host: &Host, config: &str, interfaces: &[&str]) -> Self {
        let (file, leases) = (host.file("dhcpd.conf"), host.file("dhcpd.leases"));
        fs::write(&file, config).expect("dhcpd's configuration");
        append(&leases); // it wants a file, and keeps one that is there
        let mut command = packages::command(host, "usr/sbin/dhcpd");
        command.args(["-4", "-d", "-f", "--no-pid", "-cf"]);
        command.arg(file).arg("-lf").arg(&leases).args(interfaces);
        let mut process = host.start("dhcpd", command);
        process.wait_for_line(START, |line| line.contains("Server starting service"));
        Self {
            process,
            leases,
            reader: in_isc,
        }
    }

    /// Kea on `eth0`, authoritative, with further members of its `Dhcp4` (`"client-classes": […]`;
    /// they stand before the subnet, a comma behind them is added).
    pub fn kea(host: &Host, members: &str) -> Self {
        let mut further = String::new();
        if !members.trim().is_empty() {
            write!(further, "{},", members.trim().trim_end_matches(',')).expect("text");
        }
        let config = format!(
            r#"{{ "Dhcp4": {{
  "interfaces-config": {{ "interfaces": [ "eth0" ] }},
  "authoritative": true,
  "valid-lifetime": 3600,
  {further}
  "lease-database": {{ "type": "memfile", "name": "{leases}", "lfc-interval": 0 }},
  "subnet4": [ {{ "id": 1, "subnet": "10.77.0.0/24", "pools": [ {{ "pool": "{} - {}" }} ] }} ]
}} }}
"#,
            POOL.0,
            POOL.1,
            leases = host.file("kea.leases").display(),
        );
        Self::kea_by(host, &config)
    }

    /// Kea for thousands of clients behind the relay 10.77.0.50, with addresses from 10.0.0.1 on;
    /// its leases are in a memfile, and no packet is logged.
    pub fn kea_for_thousands(host: &Host) -> Self {
        Self::kea_by(host, &for_thousands(&host.file("kea.leases")))
    }

    /// Kea with a whole configuration. Its leases are only read where it keeps them in the host's
    /// file `kea.leases`.
    pub fn kea_by(host: &Host, config: &str) -> Self {
        let file = host.file("kea.json");
        fs::write(&file, config).expect("Kea's configuration");
        let mut command = packages::command(host, "usr/sbin/kea-dhcp4");
        command.arg("-c").arg(file);
        let scratch = host.file("kea");
        fs::create_dir_all(&scratch).expect("the lab's folder");
        for place in ["KEA_PIDFILE_DIR", "KEA_LOCKFILE_DIR"] {
            command.env(place, &scratch);
        }
        let mut process = host.start("kea", command);
        process.wait_for_line(START, |line| line.contains("DHCP4_STARTED"));
        assert!(
            !process.log().contains("DHCPSRV_OPEN_SOCKET_FAIL"),
            "{}",
            process.log()
        );
        Self {
            process,
            leases: host.file("kea.leases"),
            reader: in_kea,
        }
    }

    /// The address leased to a MAC (`52:54:00:12:34:56`), as the server's own lease file says.
    pub fn lease_of(&self, mac: &str) -> Option<Ipv4Addr> {
        let leases = fs::read(&self.leases).unwrap_or_default();
        (self.reader)(mac, &leases)
    }

    /// The program, for signals and its id.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        self.process.log()
    }
}

/// A DHCP server program, for tests that go over all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// [`Server::dnsmasq_with`]
    Dnsmasq,
    /// [`Server::isc_dhcpd`]
    Isc,
    /// [`Server::kea`]
    Kea,
}

/// All of them.
pub const KINDS: [Kind; 3] = [Kind::Dnsmasq, Kind::Isc, Kind::Kea];

impl Kind {
    /// As it comes, on a LAN without an IPv6 router.
    pub fn plain(self, host: &Host) -> Server {
        match self {
            Self::Dnsmasq => Server::dnsmasq_without_ipv6(host),
            Self::Isc => Server::isc_dhcpd(host, ""),
            Self::Kea => Server::kea(host, ""),
        }
    }

    /// With what README has an operator write for mode `colocated` on a host of this address.
    pub fn colocated(self, host: &Host, address: &str) -> Server {
        let label = match self {
            Self::Dnsmasq => "**dnsmasq**",
            Self::Isc => "**ISC dhcpd**",
            Self::Kea => "**Kea**",
        };
        let lines = readme::block_after(label).replace("SERVER", address);
        match self {
            Self::Dnsmasq => {
                let settings = lines.lines().filter(|line| !line.starts_with('#'));
                let flags: Vec<String> = settings.map(|line| format!("--{line}")).collect();
                let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
                Server::start(host, &flags)
            }
            Self::Isc => Server::isc_dhcpd(host, &lines),
            Self::Kea => Server::kea(host, &lines),
        }
    }
}

/// The logger of starts says so; all others are quiet.
fn for_thousands(leases: &Path) -> String {
    let logger = |name: &str, severity: &str| {
        format!(
            r#"{{ "name": "{name}", "severity": "{severity}", "output_options": [ {{ "output": "stdout" }} ] }}"#
        )
    };
    format!(
        r#"{{ "Dhcp4": {{
  "interfaces-config": {{ "interfaces": [ "eth0" ] }},
  "authoritative": true,
  "valid-lifetime": 3600,
  "lease-database": {{ "type": "memfile", "name": "{}", "lfc-interval": 0 }},
  "loggers": [ {}, {} ],
  "subnet4": [ {{ "id": 1, "subnet": "10.0.0.0/8", "pools": [ {{ "pool": "10.0.0.1 - 10.1.255.254" }} ] }} ]
}} }}
"#,
        leases.display(),
        logger("kea-dhcp4", "WARN"),
        logger("kea-dhcp4.dhcp4", "INFO"),
    )
}

fn append(file: &Path) {
    let opened = fs::File::options().create(true).append(true).open(file);
    opened.expect("a lease file");
}

/// `1763800000 52:54:00:12:34:56 10.77.0.100 name id`
fn in_dnsmasq(mac: &str, leases: &[u8]) -> Option<Ipv4Addr> {
    let leases = String::from_utf8_lossy(leases);
    let line = leases.lines().find(|line| line.contains(mac))?;
    line.split(' ').nth(2)?.parse().ok()
}

/// `lease 10.77.0.100 {`, and below it the MAC; the last one counts.
fn in_isc(mac: &str, leases: &[u8]) -> Option<Ipv4Addr> {
    let leases = String::from_utf8_lossy(leases);
    let blocks = leases.split("\nlease ").skip(1);
    let block = blocks.filter(|block| block.contains(mac)).last()?;
    block.split(' ').next()?.parse().ok()
}

/// `10.77.0.100,52:54:00:12:34:56,…`; the last one counts.
fn in_kea(mac: &str, leases: &[u8]) -> Option<Ipv4Addr> {
    let leases = String::from_utf8_lossy(leases);
    let line = leases.lines().rfind(|line| line.contains(mac))?;
    line.split(',').next()?.parse().ok()
}

/// The LAN's IPv6 router on `eth0`, without a route to anywhere and without DHCP: iPXE waits for one
/// (see [`Server::dnsmasq_with`]).
pub fn ipv6_router(host: &Host) -> Process {
    host.ip(&["addr", "add", "fd77::1/64", "dev", "eth0", "nodad"]);
    let mut command = dnsmasq(host);
    command.args([
        "--enable-ra",
        "--dhcp-range=fd77::,ra-only,64",
        "--ra-param=eth0,0,0",
    ]);
    let mut process = host.start("router", command);
    process.wait_for_line(START, |line| line.contains("router advertisement"));
    process
}

/// A rival: dnsmasq as ProxyDHCP with TFTP, the peer that bootjack is measured against.
#[derive(Debug)]
pub struct Proxy {
    process: Process,
}

impl Proxy {
    /// Serves `root` over TFTP and points machines of each class string to a file in it.
    pub fn dnsmasq(host: &Host, root: &std::path::Path, loaders: &[(&str, &str)]) -> Self {
        let service = |(class, file): &(&str, &str)| format!("--pxe-service={class},boot,{file}");
        let services: Vec<String> = loaders.iter().map(service).collect();
        let services: Vec<&str> = services.iter().map(String::as_str).collect();
        Self::dnsmasq_with(host, root, &services)
    }

    /// As [`Proxy::dnsmasq`], with its services as flags.
    pub fn dnsmasq_with(host: &Host, root: &std::path::Path, flags: &[&str]) -> Self {
        let mut command = dnsmasq(host);
        command
            .args(["--dhcp-range=10.77.0.0,proxy", "--enable-tftp"])
            .arg(format!("--tftp-root={}", root.display()))
            .args(flags);
        let mut process = host.start("proxy", command);
        process.wait_for_line(START, |line| line.contains("DHCP, proxy on subnet"));
        Self { process }
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        self.process.log()
    }
}

/// A TFTP server and nothing else: dnsmasq with these files' folder.
pub fn tftp(host: &Host, root: &std::path::Path) -> Process {
    let mut command = dnsmasq(host);
    command
        .arg("--enable-tftp")
        .arg(format!("--tftp-root={}", root.display()));
    let mut process = host.start("tftp", command);
    process.wait_for_line(START, |line| line.contains("TFTP root is"));
    process
}

/// dnsmasq in the foreground, in no way configured by this machine, without DNS.
fn dnsmasq(host: &Host) -> Command {
    let mut command = host.command("dnsmasq");
    command.args([
        "--no-daemon",
        "--conf-file=/dev/null",
        "--pid-file=",
        "--user=root",
        "--port=0",
        "--interface=eth0",
        "--log-dhcp",
        "--log-facility=-",
    ]);
    command
}

/// Takes a lease with busybox' client; what it said.
pub fn udhcpc(host: &Host) -> String {
    let script = "--script=/bin/true";
    let output = host.attempt("udhcpc", &["-i", "eth0", "-n", "-q", "-f", script]);
    assert!(output.status.success(), "udhcpc got no lease");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Takes a lease with ISC's client; the address. Its state stays in the lab.
pub fn dhclient(host: &Host) -> Ipv4Addr {
    let leases = host.file("dhclient.leases");
    let mut command = host.command("dhclient");
    command.args(["-d", "-1", "-sf", "/bin/true", "-pf", "/dev/null", "-lf"]);
    command.arg(&leases).arg("eth0");
    let mut process = host.start("dhclient", command);
    let line = process.wait_for_line(START, |line| line.starts_with("DHCPACK of "));
    let address = line.split(' ').nth(2).and_then(|word| word.parse().ok());
    address.unwrap_or_else(|| panic!("no address in {line:?}"))
}
