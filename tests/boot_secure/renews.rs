//! The system that was booted, beside a DHCP server that nobody has touched: its own udhcpc and
//! dhclient lease and renew with that server, as if there were no bootjack.
//!
//! The system is the installer's initrd, and a second one with dhclient and a first program
//! (`renew.sh`) that runs both until they have renewed. Leases are short, so that this is soon.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::lab::{CHAIN, CONFIRMED, KERNEL, Lab, SERVER, SIGNED};
use crate::support::appliance::Setup;
use crate::support::cpio::Archive;
use crate::support::lan::{APPLIANCE_IP, Host};
use crate::support::netns::run;
use crate::support::qemu::{Firmware, Machine, Pc};
use crate::support::requests::{Ear, State};
use crate::support::servers::Server;

/// Power-on to power-off: 54 MB by TFTP, and two renewals; with room for a busy machine.
const ALL: Duration = Duration::from_secs(600);

/// Half of it is T1, when a lease is renewed (RFC 2131 section 4.4.5).
const SECONDS: u32 = 20;

const PROFILE: &str = r#"
secure_boot: true
menu:
  entries:
    - id: debian
      linux:
        kernel: debian-12/linux
        initrd: [ debian-12/initrd.gz, renewal.cpio ]
        args: "console=ttyS0 earlyprintk=ttyS0,115200 init_on_alloc=0 rdinit=/renewal/init"
"#;

const DHCLIENT: &str = "/sbin/dhclient";

/// dhclient with its libraries, and what runs it.
fn overlay() -> Vec<u8> {
    let mut archive = Archive::default()
        .folder("renewal")
        .folder("renewal/lib")
        .program("renewal/init", include_bytes!("renew.sh"))
        .program("renewal/told", include_bytes!("told.sh"))
        .file("renewal/dhclient.conf", b"request subnet-mask;\n")
        .program("renewal/dhclient", &read(DHCLIENT));
    for library in libraries(DHCLIENT) {
        let name = library.file_name().unwrap().to_str().unwrap();
        let place = if name.starts_with("ld-linux") {
            "renewal/ld.so".to_owned()
        } else {
            format!("renewal/lib/{name}")
        };
        archive = archive.program(&place, &read(&library));
    }
    archive.finish()
}

fn read(file: impl AsRef<Path>) -> Vec<u8> {
    fs::read(file).expect("tests/support/setup.sh brings it")
}

/// `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)`, `/lib64/ld-linux-x86-64.so.2 (0x…)`
fn libraries(program: &str) -> Vec<PathBuf> {
    let listing = run(Command::new("ldd").arg(program));
    let paths = listing
        .split_whitespace()
        .filter(|word| word.starts_with('/'));
    paths.map(PathBuf::from).collect()
}

fn setup(host: &Host) -> Setup {
    let file = host.file("renewal.cpio");
    fs::write(&file, overlay()).unwrap();
    let initrd = Path::new(SIGNED).with_file_name("initrd.gz");
    Setup::new(host, env!("CARGO_BIN_EXE_bootjack"))
        .profile("secure.yaml", PROFILE)
        .image(KERNEL, SIGNED.as_ref())
        .image("debian-12/initrd.gz", &initrd)
        .image("renewal.cpio", &file)
}

/// What the clients' script has said.
fn told(pc: &Pc) -> Vec<String> {
    let serial = pc.serial();
    let lines = serial
        .lines()
        .filter_map(|line| line.strip_prefix("told: "));
    lines.map(str::to_owned).collect()
}

/// The REQUESTs in dhcpd's log, without those that are said twice on a busy machine: for which
/// address, `(of which server)`, from whom, by which relay or interface.
fn requests(log: &str) -> Vec<&str> {
    let lines = log
        .lines()
        .filter_map(|line| line.strip_prefix("DHCPREQUEST for "));
    let mut requests: Vec<&str> = lines.collect();
    requests.dedup();
    requests
}

#[test]
fn its_system_renews_with_the_real_server() {
    as_root!("its_system_renews_with_the_real_server");
    let short = format!("default-lease-time {SECONDS};\nmax-lease-time {SECONDS};");
    let lab = Lab::with(|host| Server::isc_dhcpd(host, &short), setup);
    let machine = Machine::new(Firmware::SecureBoot, 40).memory(2048);
    let mut pc = machine.power_on(&lab.lan);
    pc.wait_for(&[CONFIRMED], ALL);
    let before = lab.server.log();
    let ear = Ear::new(&lab.server_host);
    pc.wait_for_end(ALL);

    let leased = lab.events(&pc, "leased")[0]["address"].clone();
    let address = leased.as_str().unwrap();
    firmware_asked_by_bootjack(&requests(&before), address, pc.mac());
    let lease = format!("{address} by {SERVER}");
    let each = ["bound", "renew", "BOUND", "RENEW"].map(|why| format!("{why} {lease}"));
    assert_eq!(told(&pc), each, "udhcpc, then dhclient: the same address");
    let log = lab.server.log();
    let since = requests(log.strip_prefix(&before).unwrap());
    system_asked_by_itself(&since, &ear, address, pc.mac());
    bootjack_has_no_part_in_it(&lab, &pc);
}

/// Its lease named bootjack, which relayed its REQUEST.
fn firmware_asked_by_bootjack(requests: &[&str], address: &str, mac: &str) {
    let own = format!("{address} ({APPLIANCE_IP}) from {mac} via eth0");
    let relayed = format!("{address} ({SERVER}) from {mac} via {APPLIANCE_IP}");
    for line in [own, relayed] {
        assert!(requests.contains(&line.as_str()), "{line}: {requests:?}");
    }
}

/// Each client takes its lease from the server by name, and renews it with a REQUEST to that alone,
/// without a relay. Where the answer is late on a busy machine, udhcpc asks everybody a second later
/// (REBINDING): that is its right, and the same server answers.
fn system_asked_by_itself(requests: &[&str], ear: &Ear, address: &str, mac: &str) {
    let taken = format!("{address} ({SERVER}) from {mac} via eth0");
    let renewed = format!("{address} from {mac} via eth0");
    assert_eq!(requests, [&taken, &renewed, &taken, &renewed]);
    let mut heard = ear.states();
    heard.retain(|state| *state != State::Rebinding);
    heard.dedup();
    let pairs: Vec<_> = heard.chunks(2).collect();
    let each = [State::Selecting, State::Renewing];
    assert_eq!(pairs, [&each; 2]);
}

/// Behind the last file it has only heard who leases to the system; a REBINDING client names nobody.
fn bootjack_has_no_part_in_it(lab: &Lab, pc: &Pc) {
    let timeline = lab.appliance.timeline(pc.mac());
    let last = |e: &serde_json::Value| e["event"] == "sent" && e["path"] == "/images/renewal.cpio";
    let last = timeline.iter().position(last).expect("the second initrd");
    let by_it = |server: &serde_json::Value| server.is_null() || server == SERVER;
    let heard = |e: &serde_json::Value| e["event"] == "leased" && by_it(&e["server"]);
    let since = &timeline[last + 1..];
    assert!(since.iter().all(heard), "{since:#?}");
    lab.tells(pc, &CHAIN);
}
