//! What `check` finds before `serve` stumbles over it: files and interfaces as the user sees them that
//! serves.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::run::{BOOTJACK, Said, open, serve};
use crate::support::lan::{Host, Lan};

/// Mode dhcp, with a network of this LAN.
const LEASES: &str = "mode: dhcp\nforce: true\ndhcp: {networks: [{subnet: 10.77.0.0/24}]}\n";

/// A host with a config file, for `check` and then `serve`.
struct Site {
    host: Host,
    file: PathBuf,
    _lan: Lan,
}

impl Site {
    fn new(config: &str) -> Self {
        let lan = Lan::new();
        let host = lan.appliance_host();
        open(lan.folder());
        let file = host.file("bootjack.yaml");
        fs::write(&file, config).unwrap();
        Self {
            host,
            file,
            _lan: lan,
        }
    }

    fn check(&self, more: &[&str]) -> Said {
        let args = [&["check", "--config", self.config()], more].concat();
        Said::from(self.host.attempt(BOOTJACK, &args))
    }

    fn serve(&self, more: &[&str]) -> Said {
        serve(&self.host, &[&["--config", self.config()], more].concat())
    }

    fn config(&self) -> &str {
        self.file.to_str().unwrap()
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// `check` by root sees what the user sees that `serve` becomes.
#[test]
fn what_only_root_can_read_is_found_by_check_as_by_serve() {
    as_root!("what_only_root_can_read_is_found_by_check_as_by_serve");
    let site = Site::new("dhcp: {networks: [{subnet: 10.77.0.0/24}]}\n");
    let check = || site.check(&["--user", "daemon"]);
    let words = [
        "bootjack.yaml: error: cannot be read: permission denied",
        "bootjack reads it as user daemon: chmod 644",
    ];
    mode(&site.file, 0o600);
    let said = check();
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(words.iter().all(|word| said.out.contains(word)), "{said:?}");
    site.serve(&["--user", "daemon"]).fails(1, &words);
    mode(&site.file, 0o644);
    assert_eq!(check().code, Some(0), "{:?}", check());
    // What is read at the start alone need not be read again.
    fs::write(&site.file, "poll: 60\n").unwrap();
    mode(&site.file, 0o600);
    let said = check();
    let warning = words[0].replace("error", "warning");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains(&warning), "{said:?}");
}

/// A machine that chose such an entry would be met with silence.
#[test]
fn an_entry_of_another_server_that_is_this_host() {
    as_root!("an_entry_of_another_server_that_is_this_host");
    let site = Site::new("# nothing\n");
    let profiles = site.host.file("firmware");
    fs::create_dir(&profiles).unwrap();
    let check = |servers: &str| {
        let entry = format!("{{ id: win, servers: {servers}, type: 5 }}");
        let profile = format!("loader: firmware\nmenu: {{ entries: [ {entry} ] }}\n");
        fs::write(profiles.join("p.yaml"), profile).unwrap();
        let folder = profiles.to_str().unwrap();
        site.check(&["--profiles", folder, "--images", folder])
    };
    let said = check("10.77.0.2");
    let warning = "p.yaml:2:26: warning: the servers of \"win\" name 10.77.0.2, which is this host, and nothing says what it boots";
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains(warning), "{said:?}");
    let said = check("10.77.0.3");
    assert!(
        said.succeeds().ends_with(" 0 errors, 0 warnings\n"),
        "{said:?}"
    );
}

/// A slip of who has copied a line.
#[test]
fn a_dhcp_server_that_is_named_twice() {
    as_root!("a_dhcp_server_that_is_named_twice");
    let site = Site::new("# nothing\n");
    let named = ["--dhcp-server", "10.77.0.1", "--dhcp-server"];
    let words = "warning: dhcp-server names 10.77.0.1 twice";
    for (second, told) in [("10.77.0.1", true), ("10.77.0.9", false)] {
        let said = site.check(&[&named[..], &[second]].concat());
        assert_eq!(said.code, Some(0), "{said:?}");
        assert_eq!(said.out.contains(words), told, "{said:?}");
    }
}

/// HTTP boot never asks port 4011.
#[test]
fn http_boot_of_a_profile_in_mode_colocated() {
    as_root!("http_boot_of_a_profile_in_mode_colocated");
    let site = Site::new("# nothing\n");
    let profiles = site.host.file("http");
    fs::create_dir(&profiles).unwrap();
    let profile = "http_boot: { entry: d }\nmenu: { entries: [ { id: d, title: D, loader: \"http://10.0.0.1/d.efi\" } ] }\n";
    fs::write(profiles.join("p.yaml"), profile).unwrap();
    let folder = profiles.to_str().unwrap();
    let folders = ["--profiles", folder, "--images", folder, "--mode"];
    let check = |mode| site.check(&[&folders[..], &[mode]].concat());
    let words = "http_boot of \"p\" has no effect in mode colocated";
    for (mode, told) in [("colocated", true), ("proxy", false)] {
        let said = check(mode);
        assert_eq!(said.code, Some(0), "{said:?}");
        assert_eq!(said.out.contains(words), told, "{said:?}");
    }
}

/// Machines of another link come through a relay, and only a server that is named is asked for those.
#[test]
fn a_profile_of_another_link_while_no_dhcp_server_is_named() {
    as_root!("a_profile_of_another_link_while_no_dhcp_server_is_named");
    let site = Site::new("# nothing\n");
    let profiles = site.host.file("far");
    fs::create_dir(&profiles).unwrap();
    let folder = profiles.to_str().unwrap();
    let check = |subnet: &str, says: &str, more: &[&str]| {
        let profile = format!(
            "match: {{ subnet: {subnet} }}\n{says}\nmenu: {{ entries: [ {{ id: d, title: D, local: true }} ] }}\n"
        );
        fs::write(profiles.join("p.yaml"), profile).unwrap();
        site.check(&[&["--profiles", folder, "--images", folder], more].concat())
    };
    let said = check("10.78.0.0/24", "strategy: augment", &[]);
    let warning = "warning: machines of \"p\" in 10.78.0.0/24, which is on none of our links, come through a relay";
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains(warning), "{said:?}");
    assert!(said.out.contains("--dhcp-server"), "{said:?}");
    let named = ["--dhcp-server", "10.77.0.1"];
    for (subnet, says, more) in [
        ("10.78.0.0/24", "strategy: augment", &named[..]),
        ("10.77.0.0/25", "strategy: augment", &[]),
        ("10.0.0.0/8", "strategy: augment", &[]),
        ("10.78.0.0/24", "loader: auto", &[]),
    ] {
        let said = check(subnet, says, more);
        let words = " 0 errors, 0 warnings\n";
        assert!(said.succeeds().ends_with(words), "{said:?}");
    }
}

/// Where leases are to be kept, as `serve` and as `check` see it.
#[test]
fn a_state_folder_that_takes_no_leases() {
    as_root!("a_state_folder_that_takes_no_leases");
    let site = Site::new(LEASES);
    let long = site.host.file(&"x".repeat(100)).display().to_string();
    let roots = site.host.file("roots");
    fs::create_dir(&roots).unwrap();
    let roots = roots.display().to_string();
    for (state, of_check, of_serve) in [
        (
            &long,
            "and a socket's has at most 107; set `state`",
            "and a socket's has at most 107; set `state`",
        ),
        (
            &roots,
            "cannot be written by user daemon",
            "permission denied",
        ),
    ] {
        let args = ["--user", "daemon", "--state", state];
        let said = site.check(&args);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.out.contains(of_check), "{said:?}");
        let refused = site.serve(&args);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.err.to_lowercase().contains(of_serve), "{refused:?}");
    }
}

/// An interface without a network is no mistake, and probably a slip: `check` says it as `serve` does.
#[test]
fn an_interface_that_no_network_is_for() {
    as_root!("an_interface_that_no_network_is_for");
    let site = Site::new("");
    let check = |config: &str, more: &[&str]| {
        fs::write(&site.file, config).unwrap();
        site.check(more)
    };
    let strange = "mode: dhcp\ndhcp: {networks: [{subnet: 10.55.0.0/24}]}\n";
    let warning = "warning: eth0 (10.77.0.2) is in no subnet below `dhcp: networks:`";
    for more in [&[][..], &["--interface", "eth0"]] {
        let said = check(strange, more);
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.out.contains(warning), "{said:?}");
    }
    // Also beside one that serve stumbles over.
    let said = check(strange, &["--interface", "eth0", "--interface", "eth99"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.out.contains(warning), "{said:?}");
    for silent in [
        check(&strange.replace(".55.", ".77."), &[]),
        check(strange, &["--mode", "proxy"]),
        check(&strange.replace("/24", "/99"), &[]),
    ] {
        assert!(!silent.out.contains("in no subnet"), "{silent:?}");
    }
}

/// What root put there, from a backup: the folder is the user's, the file in it is not.
#[test]
fn a_lease_store_of_another_user() {
    as_root!("a_lease_store_of_another_user");
    let site = Site::new(LEASES);
    let state = site.host.file("restored");
    fs::create_dir(&state).unwrap();
    let store = state.join("leases.redb");
    fs::write(&store, "").unwrap();
    mode(&store, 0o600);
    let daemon = nix::unistd::User::from_name("daemon").unwrap().unwrap();
    let given = |path| nix::unistd::chown(path, Some(daemon.uid), Some(daemon.gid)).unwrap();
    given(&state);
    let (state, shown) = (state.display().to_string(), store.display());
    let args = ["--user", "daemon", "--state", &state];
    let check = || site.check(&args);
    let words = [
        &format!("cannot open the lease store {shown}: permission denied to user daemon"),
        &format!("`chown daemon {shown}`"),
    ];
    let said = check();
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        words.iter().all(|word| said.out.contains(*word)),
        "{said:?}"
    );
    site.serve(&args).fails(1, &words.map(String::as_str));
    // Its own, but closed: another owner would not help.
    given(&store);
    mode(&store, 0o400);
    let remedy = format!("`chmod u+rw {shown}`");
    assert!(check().out.contains(&remedy), "{:?}", check());
    site.serve(&args).fails(1, &[&remedy]);
    mode(&store, 0o600);
    assert_eq!(check().code, Some(0), "{:?}", check());
}

/// A folder in another that the user may not enter is not one that is made at the start.
#[test]
fn a_state_folder_that_is_out_of_reach() {
    as_root!("a_state_folder_that_is_out_of_reach");
    let site = Site::new(LEASES);
    let closed = site.host.file("closed");
    fs::create_dir_all(closed.join("state")).unwrap();
    mode(&closed, 0o700);
    let state = closed.join("state").display().to_string();
    let args = ["--user", "daemon", "--state", &state];
    let said = site.check(&args);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.out.contains("cannot be written by user daemon"),
        "{said:?}"
    );
    assert_eq!(site.serve(&args).code, Some(1));
}
