//! A disk that fills up, becomes read-only and is well again, below a server at work: no ACK leaves
//! that is not stored, nothing is offered that could not be given, everything else goes on, it is
//! told once, and it mends itself.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::clients::{Clients, Heard};
use crate::server::{exported, lan, setup, state};
use crate::support::appliance::Appliance;
use crate::support::lan::{APPLIANCE_IP, Host};
use crate::support::netns::attempt;
use crate::support::{left_out, poll};

const SOON: Duration = Duration::from_secs(60);
/// No ACK for so long: none is given.
const SILENCE: Duration = Duration::from_secs(2);
/// Its state folder, on a file system of its own that it alone sees.
const ON_A_SMALL_DISK: &str = "mount -t tmpfs -o size=4m,mode=0777 small \"$0\" && exec \"$@\"";

/// The server's disk, as it sees it.
struct Disk {
    server: u32,
    folder: PathBuf,
}

impl Disk {
    fn inside(&self) -> PathBuf {
        let root = format!("/proc/{}/root", self.server);
        Path::new(&root).join(self.folder.strip_prefix("/").unwrap())
    }

    /// Takes all the room there is.
    fn fill(&self) {
        let mut size = 4 << 20;
        let mut file = std::fs::File::create(self.inside().join("filler")).unwrap();
        while size > 0 {
            if file.write_all(&vec![1; size]).is_err() {
                size /= 2;
            }
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.inside().join("filler")).unwrap();
    }

    /// While it is tried whether writing works again, the store is open for a moment.
    fn remount(&self, how: &str) {
        let server = self.server.to_string();
        poll::expect("remounted", SOON, || {
            let mut command = std::process::Command::new("nsenter");
            command.args(["-t", &server, "-m", "mount", "-o", how]);
            attempt(command.arg(&self.folder)).status.success()
        });
    }
}

/// Clients ask until no ACK came for a while.
fn until_silent(clients: &mut Clients) {
    let (mut acks, mut since, began) = (0, Instant::now(), Instant::now());
    clients.run(|heard: Heard| {
        if heard.acks > acks {
            (acks, since) = (heard.acks, Instant::now());
        }
        assert!(began.elapsed() < SOON, "ACKs do not end: {heard:?}");
        since.elapsed() > SILENCE
    });
}

/// Another server's offer is the one to take: no ACK, and no offer either.
fn nothing_is_offered(clients: &mut Clients, why: &str) {
    let heard = clients.run_for(Duration::from_secs(3));
    assert_eq!((heard.offers, heard.acks), (0, 0), "{why}");
}

/// Faults and notices about the store.
fn told(appliance: &Appliance, name: &str) -> Vec<String> {
    let events = appliance.events().into_iter();
    let wanted = events.filter(|event| event["event"] == name);
    let texts = wanted.filter_map(|event| event["text"].as_str().map(str::to_owned));
    texts.filter(|text| text.contains("lease store")).collect()
}

fn boot_files_are_served(relay: &Host) {
    for door in ["tftp://10.77.0.2/", "http://10.77.0.2:8067/assets/"] {
        let url = format!("{door}undionly.kpxe");
        relay.run(
            "curl",
            &["-sSf", "--max-time", "20", "-o", "/dev/null", &url],
        );
    }
}

/// Status and text of `/healthz`.
fn health(relay: &Host) -> String {
    let url = format!("http://{APPLIANCE_IP}:8067/healthz");
    relay.run("curl", &["-sS", "-w", "%{http_code}", &url])
}

#[test]
fn a_disk_in_trouble_ends_leases_alone_and_is_waited_for() {
    if left_out("a_disk_in_trouble_ends_leases_alone_and_is_waited_for") {
        return;
    }
    let (_lan, server, relay) = lan();
    let folder = state(&server);
    let under = ["sh", "-c", ON_A_SMALL_DISK, folder.to_str().unwrap()];
    let mut appliance = setup(&server, "10.77.200.255").under(&under).start();
    let disk = Disk {
        server: appliance.process().id(),
        folder,
    };
    let mut clients = Clients::new(&relay, 60, 40_000, 1);
    clients.run(|heard| heard.acks >= 100);
    assert_eq!(health(&relay), "ok\n200");

    disk.fill();
    until_silent(&mut clients);
    nothing_is_offered(&mut clients, "the disk is full");
    boot_files_are_served(&relay);
    let faults = told(&appliance, "fault");
    let [fault] = faults.as_slice() else {
        panic!("told once: {faults:?}");
    };
    for word in ["leases.redb", "No space left", "No lease is given"] {
        assert!(fault.contains(word), "{fault}");
    }
    let ill = "the lease store cannot be written: no lease is given\n503";
    assert_eq!(health(&relay), ill);

    let silent = |e: &Value| e["event"] == "ignored" && e["reason"] == "unwritable";
    assert!(appliance.events().iter().any(silent));

    disk.remount("remount,ro");
    nothing_is_offered(&mut clients, "the disk is read-only");
    boot_files_are_served(&relay);
    disk.remount("remount,rw");
    disk.free();
    poll::expect("it mends itself", SOON, || {
        clients.run_for(Duration::from_millis(500)).acks > 0
    });
    clients.run(|heard| heard.acks >= 100);
    assert_eq!(health(&relay), "ok\n200");
    assert_eq!(told(&appliance, "fault").len(), 1, "one fault in all");
    let [notice] = &told(&appliance, "notice")[..] else {
        panic!("one word that it is over");
    };
    assert!(notice.contains("can be written again"), "{notice}");

    let rows = exported(&disk.inside());
    clients.told.is_kept_by(&rows, "after all that");
}
