//! The command, the control socket and the API of a running server.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use bootjack::lease::Record;
use bootjack::service::lease::control;
use serde_json::{Value, json};

use crate::house::{A, B, NAMED, acquire, acquire_for, four, leases, mac, record, server, stored};
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
    assert!(said.succeeds().contains("state       released"), "{said:?}");
    assert!(said.out.contains("network     lab"), "{said:?}");
    leases(folder.path(), &["release", &address]).fails(1, &["is neither leased nor declined"]);
    leases(folder.path(), &["list", "--network", "lba"]).fails(2, &["did you mean \"lab\"?"]);
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
        "client_name",
    ];
    for key in keys {
        assert!(!rows[0][key].is_null(), "{key}: {}", rows[0]);
    }
    let count = |path: &str| server.api(path).1["leases"].as_array().unwrap().len();
    assert_eq!(count("leases/10.0.0.12"), 1);
    assert_eq!(count("leases/10.0.0.77"), 0);
    assert_eq!(count(&format!("leases/{B}")), 2);
    assert_eq!(server.api("leases/52:zz").0, 404);
    let (_, metrics) = server.get("/metrics");
    let line = "bootjack_leases{state=\"leased\"} 1";
    assert!(metrics.lines().any(|l| l == line), "{metrics}");
    acquire_for(&server.leases, A, 1);
    let line = "bootjack_lease_changes_total{state=\"expired\"} 1";
    let counted = || server.get("/metrics").1.lines().any(|l| l == line);
    crate::support::poll::expect("the end of a lease is counted", SOON, counted);
}

#[test]
fn the_reserved_name_is_shown_before_the_one_a_client_gives_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = four();
    records[0].mac = NAMED.to_owned();
    records[0].reserved = Some(format!("mac {NAMED}"));
    stored(folder.path(), &records);
    let server = server(folder.path());
    let said = leases(folder.path(), &["list", "--host-name", "front-*"]);
    let lines: Vec<&str> = said.succeeds().lines().collect();
    assert!(
        lines[1].contains(NAMED) && lines[1].contains("front-desk"),
        "{said:?}"
    );
    let said = leases(folder.path(), &["show", "front-desk"]);
    for line in ["host name   front-desk", "client name pc-1"] {
        assert!(
            said.succeeds().lines().any(|l| l == line),
            "{line}: {said:?}"
        );
    }
    let row = &server.api("leases/10.0.0.10").1["leases"][0];
    assert_eq!(row["host_name"], "front-desk");
    assert_eq!(row["client_name"], "pc-1");
    leases(folder.path(), &["release", NAMED]).succeeds();
    let timeline = server.shared.timeline();
    let told = timeline.of(mac(NAMED)).last().unwrap().what.to_string();
    assert!(told.contains("\"front-desk\"; network lab"), "{told}");
}

#[test]
fn the_api_narrows_the_list_and_gives_it_in_pages() {
    let folder = tempfile::tempdir().unwrap();
    stored(folder.path(), &four());
    let server = server(folder.path());
    let addresses = |query: &str| -> (Vec<String>, Value) {
        let (status, answer) = server.api(&format!("leases{query}"));
        assert_eq!(status, 200, "{query}: {answer}");
        let rows = answer["leases"].as_array().unwrap().iter();
        let last = rows.map(|row| {
            row["address"]
                .as_str()
                .unwrap()
                .trim_start_matches("10.0.0.")
        });
        (last.map(str::to_owned).collect(), answer["next"].clone())
    };
    let all = ["10", "11", "12", "13"];
    for (query, expected) in [
        ("", &all[..]),
        ("?", &all),
        ("?state=leased,declined", &["10", "13"]),
        ("?state=leased&state=expired", &["10", "11"]),
        ("?network=lab&mac=52:54:00:00:00:02", &["12", "13"]),
        ("?mac=52%3A54%3A*&after=10.0.0.11", &["12", "13"]),
        ("?host_name=PC*", &["10", "11", "12"]),
        ("?network=10.0.0.12%2F31", &["12", "13"]),
        ("?network=lab&state=offered", &[]),
        ("?after=10.0.0.13", &[]),
        ("/pc-1", &["10", "11", "12"]),
        ("/0x0102", &["10", "11", "12"]),
        ("?limit=4", &all),
        ("?limit=10000000", &all),
    ] {
        assert_eq!(
            addresses(query),
            (
                expected.iter().map(|&a| a.to_owned()).collect(),
                Value::Null
            ),
            "{query}"
        );
    }
    assert_eq!(addresses("?limit=3").1, "10.0.0.12");
    let (mut seen, mut next) = (Vec::new(), json!("0.0.0.0"));
    while let Some(after) = next.as_str() {
        let (page, more) = addresses(&format!("?limit=1&after={after}"));
        assert_eq!(page.len(), 1, "after {after}");
        (seen, next) = ([seen, page].concat(), more);
    }
    assert_eq!(seen, all);
    for (query, word) in [
        ("?network=lba", "did you mean \\\"lab\\\"?"),
        ("?network=10.0.0.0/33", "known here: lab"),
        ("?network=192.168.0.0/16", "known here: lab"),
        (
            "?state=lost",
            "known here: offered, leased, expired, released, declined",
        ),
        ("?mac=me", "no MAC address"),
        ("?limit=0", "number from 1"),
        ("?limit=-1", "number from 1"),
        ("?after=me", "IPv4 address"),
        ("?sort=mac", "known here: state, network"),
    ] {
        let (status, text) = server.get(&format!("/api/v1/leases{query}"));
        assert!(
            status == 400 && text.contains(word),
            "{query}: {status} {text}"
        );
    }
}

/// bootjack by user `nobody`, from a folder that everybody may enter.
fn as_user_nobody(folder: &Path) -> std::process::Command {
    let copy = folder.join("bootjack");
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder, open).unwrap();
    std::fs::copy(BOOTJACK, &copy).unwrap();
    let mut command = std::process::Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    command.arg(&copy);
    command
}

/// Whoever asks for all there is gets a page, and where to go on.
#[test]
fn an_answer_has_ten_thousand_leases_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let first = u32::from(Ipv4Addr::new(10, 7, 0, 1));
    let lease = record(10, A, "leased", -60, 3600);
    let leases: Vec<Record> = (0..10_001)
        .map(|n| Record {
            address: (first + n).into(),
            ..lease.clone()
        })
        .collect();
    stored(folder.path(), &leases);
    let server = server(folder.path());
    let page = |query: &str| {
        let answer = server.api(&format!("leases?{query}")).1;
        let rows = answer["leases"].as_array().unwrap().len();
        (rows, answer["next"].clone())
    };
    let last = Ipv4Addr::from(first + 9_999).to_string();
    for query in ["", "limit=20000", &format!("mac={A}")] {
        assert_eq!(page(query), (10_000, json!(last)), "{query}");
    }
    assert_eq!(page(&format!("after={last}")), (1, Value::Null));
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
    std::fs::write(folder.path().join("empty.yaml"), "# nothing\n").unwrap();
    let server = server(folder.path());
    let socket = folder.path().join(control::FILE);
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let as_nobody = |mode, words: &[&str]| {
        std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(mode)).unwrap();
        let mut command = as_user_nobody(folder.path());
        command.args(words).env("BOOTJACK_STATE", folder.path());
        command.env("BOOTJACK_CONFIG", folder.path().join("empty.yaml"));
        Said::from(command.output().unwrap())
    };
    let place = format!(
        "--config {0}/empty.yaml --state {0}",
        folder.path().display()
    );
    // The whole command, as a shell takes it; the environment is not root's.
    for (words, shown) in [
        (&["leases", "list"][..], "list {}`"),
        (
            &["leases", "release", "10.1.0.105"],
            "release {} 10.1.0.105`",
        ),
        (
            &["leases", "list", "--host-name", "lab-*"],
            "list {} --host-name 'lab-*'`",
        ),
    ] {
        let help = format!("run `sudo bootjack leases {}", shown.replace("{}", &place));
        let socket = "control.sock, which is user root's alone";
        as_nobody(0o600, words).fails(1, &[socket, &help]);
    }
    as_nobody(0o666, &["leases", "list"]).fails(1, &["only root and user root may ask"]);
    drop(server);
    let help = format!("sudo bootjack leases list {place}`");
    as_nobody(0o666, &["leases", "list"])
        .fails(1, &["leases.redb, which is user root's alone", &help]);
    let scratch = tempfile::tempdir().unwrap();
    let mut closed = as_user_nobody(scratch.path());
    closed
        .args(["leases", "list", "--state"])
        .arg(folder.path().join("closed"));
    std::fs::create_dir(folder.path().join("closed")).unwrap();
    let shut = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(folder.path().join("closed"), shut).unwrap();
    let said = Said::from(closed.output().unwrap());
    let help = format!(
        "run `sudo bootjack leases list --state {}/closed`",
        folder.path().display()
    );
    said.fails(1, &["/closed, which is user root's alone", &help]);
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
        b"{\"ask\":\"release\",\"address\":\"10.0.0.10\",\"mac\":1}\n",
        b"\xff\xfe\n",
        &[b'x'; 4096],
    ] {
        let answer = said_to(folder.path(), bytes);
        assert!(answer[0]["error"].is_string(), "{answer:?}");
    }
    let said = said_to(folder.path(), b"{\"ask\":\"list\"}\n");
    assert_eq!(said, [json!({"done": 0})]);
    let said = said_to(folder.path(), b"{\"ask\":\"networks\"}\n");
    let lab = json!({"network": "lab", "subnets": ["10.0.0.0/24"]});
    assert_eq!(said, [lab, json!({"done": 1})]);
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
fn a_lease_is_released_for_the_machine_that_has_it_alone() {
    let folder = tempfile::tempdir().unwrap();
    stored(folder.path(), &four());
    let _server = server(folder.path());
    let release = |address: &str, mac: &str| {
        let ask = json!({"ask": "release", "address": address, "mac": mac});
        said_to(folder.path(), format!("{ask}\n").as_bytes()).remove(0)
    };
    assert!(release("10.0.0.10", B)["error"].is_string());
    assert!(
        release("10.0.0.13", B)["error"].is_string(),
        "declined: nobody's"
    );
    assert_eq!(release("10.0.0.10", A), json!({"done": 1}));
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

/// What was done is told, whatever comes after it.
#[test]
fn a_server_that_ends_amid_releases_leaves_none_untold() {
    let folder = tempfile::tempdir().unwrap();
    let socket = control::open(folder.path()).unwrap();
    socket.set_nonblocking(false).unwrap();
    let server = std::thread::spawn(move || {
        for answer in ["{\"done\":1}\n", "{\"error\":\"not leased\"}\n", ""] {
            let (mut stream, _) = socket.accept().unwrap();
            let mut request = String::new();
            BufReader::new(&stream).read_line(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let addresses = ["10.0.0.10", "10.0.0.11", "10.0.0.12", "10.0.0.13"];
    let said = leases(folder.path(), &[&["release"], &addresses[..]].concat());
    server.join().unwrap();
    assert_eq!(said.out, "10.0.0.10 is released\n", "{said:?}");
    assert_eq!(said.code, Some(1));
    for words in ["not leased", "the running bootjack does not answer"] {
        assert!(said.err.contains(words), "{said:?}");
    }
}
