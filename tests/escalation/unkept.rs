//! A state folder that cannot be used: what the running server knows is told and forgotten all the
//! same, by the command that does it elsewhere.

use std::fs;
use std::io::Read as _;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use bootjack::service::control::stand_in;
use bootjack::service::machines::control::FILE as SOCKET;
use bootjack::service::machines::store::FILE;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use crate::lab::Lab;
use crate::run::{Said, bootjack};
use crate::support::clients::{BootClient, Speaker};

fn spoil(state: &Path) {
    fs::create_dir(state.join(FILE)).unwrap();
}

/// He is somebody else in the next container, which sees a socket without a file as well.
#[test]
fn nobody_has_no_socket_without_a_file_unless_he_is_named() {
    if crate::support::left_out("nobody_has_no_socket_without_a_file_unless_he_is_named") {
        return;
    }
    let sockets = |user: Option<&str>| {
        let lab = Lab::over(user, spoil);
        let mut command = lab.host.command("cat");
        let sockets = command.arg("/proc/net/unix").output().unwrap().stdout;
        let said = lab
            .appliance
            .log()
            .contains("open to all that run as user nobody");
        (
            String::from_utf8(sockets).unwrap().contains("@bootjack/"),
            said,
        )
    };
    assert_eq!(sockets(Some("nobody")), (true, false));
    // Unnamed, it is nobody where no user bootjack is.
    if nix::unistd::User::from_name("bootjack").unwrap().is_none() {
        assert_eq!(sockets(None), (false, true));
    }
}

#[test]
fn what_cannot_be_kept_is_told_by_the_server_and_forgotten_there() {
    if crate::support::left_out("what_cannot_be_kept_is_told_by_the_server_and_forgotten_there") {
        return;
    }
    let lab = Lab::over(Some("nobody"), spoil);
    let mut client = BootClient::new(Speaker::Edk2, 7);
    for _ in 0..3 {
        lab.stops_at_the_lease(&mut client);
    }
    assert!(lab.told("escalated").is_some());
    let mac = "52:54:00:78:00:07";
    let shown = lab.said_there(&["machines", "show", mac]);
    assert!(shown.succeeds().contains("augment"), "{shown:?}");
    let explained = ["explain", "--mac", mac, "--arch", "efi-x64"];
    let said = lab.said_there(&explained);
    assert!(said.succeeds().contains("augment"), "{said:?}");
    let said = lab.said_there(&["machines", "forget", mac]);
    assert_eq!(
        said.succeeds(),
        format!("what was learnt of {mac} is forgotten\n")
    );
    assert!(!lab.said_there(&explained).succeeds().contains("learnt"));
    lab.said_there(&["machines", "show", mac])
        .fails(1, &["nothing was learnt of 52:54:00:78:00:07"]);
}

fn machines(folder: &Path) -> Said {
    let scratch = tempfile::tempdir().unwrap();
    let mut command = bootjack(scratch.path(), &["machines", "--state"]);
    command.arg(folder).output().unwrap().into()
}

/// What a full disk took of a new store is not left for the next start to wonder at.
#[test]
fn a_store_that_could_not_be_made_is_not_left_half_made() {
    if crate::support::left_out("a_store_that_could_not_be_made_is_not_left_half_made") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        let inside = || {
            unshare(CloneFlags::CLONE_NEWNS).unwrap();
            let none = None::<&str>;
            mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
            let (path, size) = (folder.path(), Some("size=8k"));
            mount(Some("small"), path, Some("tmpfs"), MsFlags::empty(), size).unwrap();
            let (_, said) = crate::store::opened(path);
            assert!(said[0].contains("cannot keep what is learnt"), "{said:?}");
            let left: Vec<_> = fs::read_dir(path).unwrap().collect();
            assert!(left.is_empty(), "{left:?}");
            assert_eq!(machines(path).succeeds().lines().count(), 1);
        };
        scope.spawn(inside).join().unwrap();
    });
}

/// Any user of the host can take the name of a socket without a file, and leave who asks to wait: he is
/// not asked, and what was kept is told.
#[test]
fn who_takes_the_name_of_the_socket_is_passed_over() {
    if crate::support::left_out("who_takes_the_name_of_the_socket_is_passed_over") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let free = stand_in(folder.path(), SOCKET).unwrap();
    let name = free.local_addr().unwrap();
    let name = name.as_abstract_name().unwrap().to_vec();
    drop(free);
    let mut perl = Command::new("perl");
    perl.args(["-MSocket", "-e", TAKES]);
    perl.arg(String::from_utf8(name).unwrap()).uid(1);
    let mut perl = perl
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut heard = [0; 1];
    perl.stdout.take().unwrap().read_exact(&mut heard).unwrap();
    let said = machines(folder.path());
    // It has hung up, and is in the queue of one still.
    let held_up = machines(folder.path());
    drop(perl.stdin.take());
    assert!(perl.wait().unwrap().success());
    for (said, whose) in [
        (said, "user daemon has"),
        (held_up, "takes no connection has"),
    ] {
        assert!(
            said.code == Some(0) && said.out.lines().count() == 1,
            "{said:?}"
        );
        assert!(said.err.contains(whose), "{said:?}");
    }
}

/// Listens at this name, takes nobody, and ends with its input.
const TAKES: &str = "socket(S, AF_UNIX, SOCK_STREAM, 0) && bind(S, pack_sockaddr_un(qq(\\0).shift)) && listen(S, 0) or die $!; $| = 1; print 1; <STDIN>";
