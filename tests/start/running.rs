//! A running appliance: its one line, what it may do, and how it heeds signals.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream, UdpSocket};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::run::{BOOTJACK, EVERYONE};
use crate::support::appliance::{Appliance, Setup};
use crate::support::clients::{BootClient, Speaker};
use crate::support::lan::{Host, Lan};
use crate::support::poll;

const US: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
const SOON: Duration = Duration::from_secs(10);

fn started(host: &Host) -> Appliance {
    Setup::new(host, BOOTJACK)
        .profile("p.yaml", EVERYONE)
        .start()
}

/// Whom it becomes where no user is set.
fn fallback() -> &'static str {
    let has = |name| nix::unistd::User::from_name(name).is_ok_and(|user| user.is_some());
    if has("bootjack") {
        "bootjack"
    } else {
        "nobody"
    }
}

/// Standard output has it, and the log does not say it again.
#[test]
fn it_says_once_that_it_is_ready() {
    as_root!("it_says_once_that_it_is_ready");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let setup = Setup::new(&host, BOOTJACK).profile("p.yaml", EVERYONE);
    let mut appliance = setup.text_log().flag("--log-level=debug").start();
    assert!(appliance.ready_line().contains(" ready on "));
    let counted = "bootjack_events_total{event=\"ready\"} 1";
    let metrics = host.run("curl", &["-s", "http://10.77.0.2:8067/metrics"]);
    assert!(metrics.contains(counted), "{metrics}");
    assert_eq!(appliance.stop().code(), Some(0));
    let log = appliance.log();
    assert_eq!(log.matches("ready on").count(), 1, "{log}");
    assert!(!log.contains("DEBUG \n"), "{log}");
}

#[test]
fn the_one_line_on_standard_output() {
    as_root!("the_one_line_on_standard_output");
    let lan = Lan::new();
    let host = lan.appliance_host();
    host.address("eth0", "10.99.0.2/24");
    let second = lan.plug(&host, Lan::FIRST);
    host.address(&second, "10.78.0.2/24");
    let mut command = host.command("sh");
    command
        .args(["-c", "exec \"$0\" \"$@\" 2>/dev/null", BOOTJACK, "serve"])
        .args(["--http-port", "8100", "--profiles"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/profiles"))
        .arg("--state")
        .arg(host.file("state"));
    let mut process = host.start("stdout", command);
    process.wait_for_line(SOON, |line| line.contains(" ready on "));
    assert_eq!(process.stop().code(), Some(0));
    let ports = "dhcp 67, pxe 4011, tftp 69, http 8100";
    let expected = format!(
        " INFO  ready on eth0 10.77.0.2 10.99.0.2, eth1 10.78.0.2; {ports}; http://10.77.0.2:8100/; as user {}\n",
        fallback()
    );
    // With the time before it, as lines of the log have it.
    let line = process.log();
    let (time, line) = line.split_at("2026-01-02T03:04:05.678Z".len());
    let time: Result<jiff::Timestamp, _> = time.parse();
    assert!(time.is_ok(), "{time:?}");
    assert_eq!(line, expected);
}

/// A server that does not speak DHCPv6 spoils none: all its UDP sockets are of IPv4 (quirk 31).
#[test]
fn nothing_listens_for_dhcpv6() {
    as_root!("nothing_listens_for_dhcpv6");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let _appliance = started(&host);
    let sockets = |table: &str| host.run("cat", &[table]).lines().count() - 1; // a heading
    assert!(sockets("/proc/net/udp") >= 3);
    assert_eq!(sockets("/proc/net/udp6"), 0);
}

/// What the kernel says of each thread, by thread id.
fn threads(appliance: &mut Appliance) -> BTreeMap<String, BTreeMap<String, String>> {
    let folder = format!("/proc/{}/task", appliance.process().id());
    let tasks = fs::read_dir(folder).unwrap().map(|task| task.unwrap());
    let fields = |text: String| -> BTreeMap<String, String> {
        let lines = text.lines().filter_map(|line| line.split_once(":\t"));
        lines
            .map(|(key, value)| (key.to_owned(), value.trim().to_owned()))
            .collect()
    };
    let status = |task: &fs::DirEntry| fs::read_to_string(task.path().join("status")).unwrap();
    tasks
        .map(|task| {
            (
                task.file_name().into_string().unwrap(),
                fields(status(&task)),
            )
        })
        .collect()
}

fn powerless(appliance: &mut Appliance, user: &str) {
    let user = nix::unistd::User::from_name(user).unwrap().unwrap();
    let (uid, gid) = (user.uid.to_string(), user.gid.to_string());
    let threads = threads(appliance);
    assert!(threads.len() > 2, "the log, the runtime: {threads:?}");
    for (id, status) in threads {
        let name = &status["Name"];
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert_eq!(
                status[set], "0000000000000000",
                "{set} of thread {id} {name}"
            );
        }
        assert_eq!(status["NoNewPrivs"], "1", "thread {id} {name}");
        let all = |id: &str| [id; 4].join("\t");
        assert_eq!(
            (&status["Uid"], &status["Gid"]),
            (&all(&uid), &all(&gid)),
            "{name}"
        );
        assert!(
            status["Groups"]
                .split_whitespace()
                .all(|group| group == gid),
            "{status:?}"
        );
    }
}

#[test]
fn no_thread_has_a_privilege_left() {
    as_root!("no_thread_has_a_privilege_left");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let mut appliance = started(&host);
    appliance.get("/healthz");
    powerless(&mut appliance, fallback());
    drop(appliance);
    let named = Setup::new(&host, BOOTJACK)
        .profile("p.yaml", EVERYONE)
        .flag("--user=daemon");
    let mut appliance = named.start();
    assert!(appliance.ready_line().ends_with("as user daemon"));
    powerless(&mut appliance, "daemon");
}

/// A service manager may start it as its user, with ambient capabilities: they go too.
#[test]
fn capabilities_given_by_a_service_manager_go_too() {
    as_root!("capabilities_given_by_a_service_manager_go_too");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let binary = host.file("binary");
    fs::copy(BOOTJACK, &binary).unwrap();
    let given = "+net_bind_service,+net_raw";
    // The laboratory starts `binary serve …`; this script stands before it.
    let script = host.file("started-by-manager");
    let line = format!(
        "#!/bin/sh\nexec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps={given} \
         --ambient-caps={given} {} \"$@\"\n",
        binary.display()
    );
    executable(&script, &line);
    let mut appliance = Setup::new(&host, script)
        .profile("p.yaml", EVERYONE)
        .start();
    let user = nix::unistd::User::from_uid(65534.into()).unwrap().unwrap();
    powerless(&mut appliance, &user.name);
}

fn executable(script: &std::path::Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(script, text).unwrap();
    fs::set_permissions(script, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn hangup_reads_the_folders_again_and_a_broken_profile_changes_nothing() {
    as_root!("hangup_reads_the_folders_again_and_a_broken_profile_changes_nothing");
    let lan = Lan::new();
    // Told by nobody, and looking once an hour: only the signal makes it read.
    let setup = Setup::new(&lan.appliance_host(), BOOTJACK).flag("--poll=3600");
    let setup = setup.config("dhcp: {networks: [{subnet: 10.77.0.0/24}]}\n");
    let mut appliance = setup.profile("p.yaml", EVERYONE).start();
    appliance.write_profile("q.yaml", &format!("match: {{ arch: bios }}\n{EVERYONE}"));
    appliance.reload();
    let event = appliance.wait_for_event(SOON, |e| e["event"] == "reloaded");
    assert_eq!(
        (&event["profiles"], &event["networks"]),
        (&2.into(), &1.into())
    );
    // What is worth a look is a line too.
    appliance.write_profile(
        "q.yaml",
        "match: { arch: bios }\nfirmware: { multicast: 239.255.40.11 }\nmenu: { entries: [ { id: d, local: true } ] }\n",
    );
    appliance.reload();
    appliance.wait_for_event(SOON, |e| {
        let text = e["text"].as_str().unwrap_or_default();
        e["event"] == "warning" && text.contains("q.yaml:2:1: warning: firmware has no effect")
    });
    appliance.write_profile("q.yaml", "menu: [\n");
    appliance.reload();
    appliance.wait_for_event(SOON, |e| e["event"] == "rejected");
    appliance.get("/healthz");
}

/// A reload that comes while it starts is done once it has started: while it asks for other DHCP
/// servers here, which takes some seconds, and is heard by a neighbour.
#[test]
fn a_hangup_during_the_start_waits_for_its_end() {
    as_root!("a_hangup_during_the_start_waits_for_its_end");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let neighbour = lan.host("pc", "10.77.0.100/24");
    let asked = neighbour.enter(|| UdpSocket::bind("0.0.0.0:67")).unwrap();
    asked.set_read_timeout(Some(SOON)).unwrap();
    let config = host.file("config");
    let text = "mode: dhcp\nlog-format: json\ndhcp: {networks: [{subnet: 10.77.0.0/24}]}\n";
    fs::write(&config, text).unwrap();
    let profiles = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles");
    let mut command = host.command(BOOTJACK);
    command
        .args(["serve", "--profiles", profiles, "--config"])
        .arg(&config);
    command.arg("--state").arg(host.file("state"));
    let mut process = host.start("bootjack", command);
    asked.recv(&mut [0; 600]).unwrap();
    process.signal(Signal::SIGHUP);
    process.wait_for_line(SOON, |line| line.contains(r#""event":"reloaded""#));
    assert_eq!(process.ended(), None);
}

/// Nobody reads the log: lines are lost, answers are not, and the end comes all the same.
#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    as_root!("a_log_that_nobody_reads_stops_nothing");
    let lan = Lan::new();
    let host = lan.appliance_host();
    let pipe = host.file("stderr");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let unread = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&pipe)
        .unwrap();
    let script = host.file("stalled");
    let line = format!("#!/bin/sh\nexec {BOOTJACK} \"$@\" 2>{}\n", pipe.display());
    executable(&script, &line);
    let setup = Setup::new(&host, script).flag("--log-level=debug");
    let mut appliance = setup.profile("p.yaml", EVERYONE).start();
    let pc = lan.host("pc", "10.77.0.100/24");
    let socket = pc.enter(|| UdpSocket::bind("10.77.0.100:0")).unwrap();
    let client = BootClient::new(Speaker::Edk2, 1);
    // 160 bytes a line at least, and a pipe holds 64 KiB.
    for round in 0..20 {
        for _ in 0..100 {
            let discover = client.discover().bytes();
            socket
                .send_to(&discover, SocketAddrV4::new(US, 67))
                .unwrap();
        }
        assert_eq!(appliance.get("/healthz").trim(), "ok", "round {round}");
    }
    appliance.process().signal(Signal::SIGTERM);
    let status = poll::until(Duration::from_secs(4), || appliance.process().ended());
    assert_eq!(status.and_then(|s| s.code()), Some(0), "{status:?}");
    drop(unread);
}

#[test]
fn it_ends_at_once_and_cleanly_also_during_transfers() {
    as_root!("it_ends_at_once_and_cleanly_also_during_transfers");
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let lan = Lan::new();
        let mut appliance = started(&lan.appliance_host());
        fs::write(appliance.images().join("big.iso"), vec![7; 64 << 20]).unwrap();
        let pc = lan.host("pc", "10.77.0.100/24");
        let _transfers = (slow_http(&pc), slow_tftp(&pc));
        appliance.process().signal(signal);
        let status = poll::until(Duration::from_secs(4), || appliance.process().ended());
        assert_eq!(
            status.and_then(|s| s.code()),
            Some(0),
            "{signal}: {status:?}"
        );
    }
}

/// A download that has begun and is not read on.
fn slow_http(pc: &Host) -> TcpStream {
    let to = SocketAddrV4::new(US, 8067);
    let mut stream = pc.enter(|| TcpStream::connect(to)).unwrap();
    stream
        .write_all(b"GET /images/big.iso HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    stream.read_exact(&mut [0; 10_000]).unwrap();
    stream
}

/// A transfer whose first block is not acknowledged.
fn slow_tftp(pc: &Host) -> UdpSocket {
    let socket = pc.enter(|| UdpSocket::bind("10.77.0.100:2070")).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    let request = b"\0\x01images/big.iso\0octet\0";
    socket.send_to(request, SocketAddrV4::new(US, 69)).unwrap();
    assert_eq!(socket.recv(&mut [0; 600]).unwrap(), 516);
    socket
}
