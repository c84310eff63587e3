//! The command, the control socket and the API of a running server.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use bootjack::service::lease::control;
use serde_json::Value;

use crate::house::{A, B, acquire, acquire_for, four, leases, server, stored};
use crate::run::{BOOTJACK, Said};
use crate::support::left_out;

const SOON: Duration = Duration::from_secs(60);

#[test]
fn the_command_asks_the_server() {
    let folder = tempfile::tempdir().unwrap();
    stored(folder.path(), &four());
    let server = server(folder.path());
    let given = acquire(&server.leases, "52:54:00:00:00:09");
    let said = leases(folder.path(), &["list", "--network", "lab"]);
    assert_eq!(said.succeeds().lines().count(), 6, "{said:?}");
    assert!(said.out.contains("52:54:00:00:00:09") && said.out.contains("pc-1"));
    let address = given.address.to_string();
    let said = leases(folder.path(), &["release", &address]);
    assert_eq!(said.succeeds(), format!("{address} is released\n"));
    let said = leases(folder.path(), &["show", &address]);
    assert!(said.succeeds().contains("state      released"), "{said:?}");
    assert!(said.out.contains("network    lab"), "{said:?}");
    leases(folder.path(), &["release", &address]).fails(1, &["is neither leased nor declined"]);
    let event = server.shared.timeline();
    let told: Vec<String> = event
        .of("52:54:00:00:00:09".parse().unwrap())
        .map(|event| event.what.to_string())
        .collect();
    assert!(
        told[0].starts_with(&format!("{address} is offered, was available; until ")),
        "{told:?}"
    );
    assert!(told[2].contains("is released, was leased"), "{told:?}");
    assert!(
        told[2].ends_with("; 52:54:00:00:00:09, \"pc-1\"; network lab"),
        "{told:?}"
    );
}

#[test]
fn the_api_shows_all_one_address_and_one_machine() {
    let folder = tempfile::tempdir().unwrap();
    stored(folder.path(), &four());
    let server = server(folder.path());
    let (status, all) = server.api("leases");
    let rows = all["leases"].as_array().unwrap();
    assert_eq!((status, rows.len()), (200, 4));
    let keys = [
        "address",
        "mac",
        "client_id",
        "state",
        "since",
        "until",
        "host_name",
        "profile",
        "network",
    ];
    for key in keys {
        assert!(!rows[0][key].is_null(), "{key}: {}", rows[0]);
    }
    let count = |path: &str| server.api(path).1["leases"].as_array().unwrap().len();
    assert_eq!(count("leases/10.0.0.12"), 1);
    assert_eq!(count("leases/10.0.0.77"), 0);
    assert_eq!(count(&format!("leases/{B}")), 2);
    assert_eq!(server.api("leases/me").0, 404);
    let (_, metrics) = server.get("/metrics");
    let line = "bootjack_leases{state=\"leased\"} 1";
    assert!(metrics.lines().any(|l| l == line), "{metrics}");
    acquire_for(&server.leases, A, 1);
    let line = "bootjack_lease_changes_total{state=\"expired\"} 1";
    let counted = || server.get("/metrics").1.lines().any(|l| l == line);
    crate::support::poll::expect("the end of a lease is counted", SOON, counted);
}

#[test]
fn the_socket_is_the_owners_alone() {
    if left_out("the_socket_is_the_owners_alone") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    stored(folder.path(), &four());
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).unwrap();
    let _server = server(folder.path());
    let socket = folder.path().join(control::FILE);
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let as_nobody = |mode| {
        std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(mode)).unwrap();
        let copy = folder.path().join("bootjack");
        std::fs::copy(BOOTJACK, &copy).unwrap();
        let mut command = std::process::Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
        command
            .arg(&copy)
            .args(["leases", "list", "--state"])
            .arg(folder.path());
        Said::from(command.output().unwrap())
    };
    as_nobody(0o600).fails(1, &["cannot ask the running bootjack", "run as root"]);
    as_nobody(0o666).fails(1, &["only root and the user"]);
}

/// What the socket answers to these bytes.
fn said_to(folder: &Path, bytes: &[u8]) -> Vec<Value> {
    let mut stream = UnixStream::connect(folder.join(control::FILE)).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    // A server that has read enough may hang up before all is written.
    let _ = stream.write_all(bytes);
    let lines = BufReader::new(stream).lines();
    lines
        .map_while(Result::ok)
        .map(|l| serde_json::from_str(&l).unwrap())
        .collect()
}

#[test]
fn nonsense_is_answered_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let _server = server(folder.path());
    for bytes in [
        &b"\n"[..],
        b"list\n",
        b"{\"ask\":\"sing\"}\n",
        b"{\"ask\":\"release\",\"address\":\"me\"}\n",
        b"{\"ask\":\"list\",\"more\":1}\n",
        b"\xff\xfe\n",
        &[b'x'; 4096],
    ] {
        let answer = said_to(folder.path(), bytes);
        assert!(answer[0]["error"].is_string(), "{answer:?}");
    }
    assert_eq!(
        said_to(folder.path(), b"{\"ask\":\"list\"}\n"),
        [serde_json::json!({"done": 0})]
    );
}

#[test]
fn clients_that_say_nothing_do_not_keep_others_out() {
    let folder = tempfile::tempdir().unwrap();
    stored(folder.path(), &four());
    let _server = server(folder.path());
    let connect = || UnixStream::connect(folder.path().join(control::FILE)).unwrap();
    let mut silent: Vec<UnixStream> = (0..6).map(|_| connect()).collect();
    assert_eq!(
        leases(folder.path(), &["list"]).succeeds().lines().count(),
        5
    );
    let mut answer = String::new();
    silent[0].set_read_timeout(Some(SOON)).unwrap();
    silent[0].read_to_string(&mut answer).unwrap();
    assert!(answer.contains("no request came"), "{answer}");
}

#[test]
fn a_server_takes_the_place_of_one_that_died() {
    let folder = tempfile::tempdir().unwrap();
    drop(std::os::unix::net::UnixListener::bind(folder.path().join(control::FILE)).unwrap());
    let server = server(folder.path());
    let given = acquire(&server.leases, A);
    let said = leases(&server.folder, &["list"]);
    assert!(
        said.succeeds().contains(&given.address.to_string()),
        "{said:?}"
    );
}
