//! Who holds a port: for the message that tells an operator why a port cannot be opened.

use std::path::Path;

use procfs::process::{FDTarget, Process, all_processes};

pub use crate::doctor::Holder;

/// The first process that holds this UDP port, where we may see it.
pub fn of_udp(port: u16) -> Option<Holder> {
    holding(&udp_sockets(port))
}

/// Whether anybody has this UDP port, on whichever interface.
pub fn udp_is_held(port: u16) -> bool {
    !udp_sockets(port).is_empty()
}

fn udp_sockets(port: u16) -> Vec<u64> {
    let sockets = procfs::net::udp()
        .into_iter()
        .chain(procfs::net::udp6())
        .flatten();
    sockets
        .filter(|s| s.local_address.port() == port)
        .map(|s| s.inode)
        .collect()
}

/// The first process that listens on this TCP port, where we may see it.
pub fn of_tcp(port: u16) -> Option<Holder> {
    let sockets = procfs::net::tcp()
        .into_iter()
        .chain(procfs::net::tcp6())
        .flatten();
    let inodes: Vec<u64> = sockets
        .filter(|s| s.local_address.port() == port && s.state == procfs::net::TcpState::Listen)
        .map(|s| s.inode)
        .collect();
    holding(&inodes)
}

fn holding(inodes: &[u64]) -> Option<Holder> {
    let mut processes = all_processes().ok()?.flatten();
    processes.find_map(|process| {
        let mut fds = process.fd().ok()?.flatten();
        let holds =
            fds.any(|fd| matches!(fd.target, FDTarget::Socket(inode) if inodes.contains(&inode)));
        holds.then(|| named(&process)).flatten()
    })
}

/// A process by its command's name; a bootjack by its file's, whatever it was started as.
pub fn named(process: &Process) -> Option<Holder> {
    let file = process.exe().ok();
    let file = file.as_deref().and_then(Path::file_name);
    let ours = file
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name.starts_with("bootjack"));
    let name = process.stat().ok()?.comm;
    Some(Holder {
        name: match ours {
            Some(ours) if !name.starts_with("bootjack") => ours,
            _ => name,
        },
        pid: process.pid,
    })
}
