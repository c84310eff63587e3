//! A state folder that cannot be used: what the running server knows is told and forgotten all the
//! same, by the command that does it elsewhere.

use std::fs;
use std::path::Path;

use bootjack::service::machines::store::FILE;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use crate::lab::Lab;
use crate::run::{Said, bootjack};
use crate::support::clients::{BootClient, Speaker};

#[test]
fn what_cannot_be_kept_is_told_by_the_server_and_forgotten_there() {
    if crate::support::left_out("what_cannot_be_kept_is_told_by_the_server_and_forgotten_there") {
        return;
    }
    let lab = Lab::over(|state| fs::create_dir(state.join(FILE)).unwrap());
    let mut client = BootClient::new(Speaker::Edk2, 7);
    for _ in 0..3 {
        lab.stops_at_the_lease(&mut client);
    }
    assert!(lab.told("escalated").is_some());
    let mac = "52:54:00:78:00:07";
    let shown = lab.said_there(&["machines", "show", mac]);
    assert!(shown.succeeds().contains("bypass-prompt"), "{shown:?}");
    let explained = ["explain", "--mac", mac, "--arch", "efi-x64"];
    let said = lab.said_there(&explained);
    assert!(said.succeeds().contains("bypass-prompt"), "{said:?}");
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
