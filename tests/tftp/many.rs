//! Many clients at once: nobody waits for another's disk, all get their share, and what they have in
//! common is the same for each.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use super::HOME;
use crate::client::{ack, get, next, request};
use crate::server::{self, Server};
use crate::stalling::{self, Stalling};
use crate::support;

const WIDE: [(&str, &str); 2] = [("blksize", "1468"), ("windowsize", "64")];

/// A room that is switched on, and the file it fetches is replaced meanwhile.
#[test]
fn a_room_gets_the_same_file_and_the_next_one_the_file_that_took_its_place() {
    let server = Server::start();
    let terms = [
        [("blksize", "1468"), ("windowsize", "64")],
        [("blksize", "512"), ("windowsize", "7")],
    ];
    let room = |bytes: &[u8]| {
        std::thread::scope(|scope| {
            for options in terms.iter().cycle().take(8) {
                let (server, options) = (&server, &options[..]);
                scope.spawn(move || {
                    let got = get(HOME, server.at(1), "file", options).unwrap();
                    assert!(got.bytes == bytes, "{options:?}: {} bytes", got.bytes.len());
                });
            }
        });
    };
    for turn in 0..2 {
        let mut bytes = server::pattern(3_000_000);
        bytes[2_000_000..].fill(turn);
        server.text("next", &bytes);
        fs::rename(
            server.folder.path().join("next"),
            server.folder.path().join("file"),
        )
        .unwrap();
        room(&bytes); // just changed
        std::thread::sleep(Duration::from_millis(2_100)); // until a change would show by its time
        room(&bytes);
    }
}

/// Asks for the file, and has it begin; where its transfer speaks from.
fn begin(
    socket: &UdpSocket,
    server: SocketAddr,
    name: &str,
    options: &[(&str, &str)],
) -> SocketAddr {
    socket
        .send_to(&request(1, name, "octet", options), server)
        .unwrap();
    let (packet, transfer) = next(socket);
    assert_eq!(packet[1], 6, "an OACK");
    transfer
}

#[test]
fn a_disk_that_stalls_delays_no_other_transfer() {
    let name = "a_disk_that_stalls_delays_no_other_transfer";
    if support::left_out(name) || stalling::left_out(name) {
        return;
    }
    let server = Server::start();
    let stalling = Stalling::at(&server.folder.path().join("disk"));
    let bytes = server.file("file", 3_000_000);
    std::thread::scope(|scope| {
        let slow: Vec<_> = (1..=24)
            .map(|n| {
                let (server, name) = (server.at(n), format!("disk/{n}"));
                scope.spawn(move || get(HOME, server, &name, &WIDE).unwrap())
            })
            .collect();
        server::poll(|| stalling.waiting() >= slow.len());
        assert!(
            stalling.waiting() >= slow.len(),
            "all of them wait for the disk"
        );
        for options in [&WIDE[..], &WIDE[..1], &[]] {
            let got = get(HOME, server.at(1), "file", options).unwrap();
            assert!(got.bytes == bytes, "{options:?}");
        }
        assert!(
            slow.iter().all(|slow| !slow.is_finished()),
            "they still wait"
        );
        stalling.release();
        for slow in slow {
            assert!(slow.join().unwrap().bytes == vec![0; stalling::SIZE]);
        }
    });
}

/// A client that counts its windows.
struct Counting {
    socket: UdpSocket,
    transfer: SocketAddr,
    blocks: u16,
}

/// One processor for this thread and those it starts, so that it is not the system that prefers one of two
/// threads of the service.
fn on_one_processor() {
    let all = sched_getaffinity(Pid::from_raw(0)).unwrap();
    let one = (0..CpuSet::count())
        .find(|n| all.is_set(*n).unwrap())
        .unwrap();
    let mut cpu = CpuSet::new();
    cpu.set(one).unwrap();
    sched_setaffinity(Pid::from_raw(0), &cpu).unwrap();
}

#[test]
fn sixteen_clients_get_like_shares() {
    const WINDOW: u16 = 8;
    const ENOUGH: u16 = 4_000;
    on_one_processor();
    let server = Server::start();
    server.file("file", usize::from(ENOUGH + WINDOW) * 1468);
    let mut clients: Vec<_> = (1..=16)
        .map(|n| {
            let socket = crate::client::socket(HOME);
            let options = [("blksize", "1468"), ("windowsize", "8")];
            let transfer = begin(&socket, server.at(n), "file", &options);
            socket.connect(transfer).unwrap();
            socket.set_nonblocking(true).unwrap();
            Counting {
                socket,
                transfer,
                blocks: 0,
            }
        })
        .collect();
    for client in &clients {
        client.socket.send(&ack(0)).unwrap();
    }
    while clients.iter().all(|client| client.blocks < ENOUGH) {
        hear_all(&mut clients, WINDOW);
    }
    let shares: Vec<u16> = clients.iter().map(|client| client.blocks).collect();
    assert!(shares.iter().all(|share| *share > ENOUGH / 8), "{shares:?}");
}

/// Whoever was sent something takes a window of it at most, and acknowledges it.
fn hear_all(clients: &mut [Counting], window: u16) {
    let mut watched: Vec<_> = clients
        .iter()
        .map(|client| PollFd::new(std::os::fd::AsFd::as_fd(&client.socket), PollFlags::POLLIN))
        .collect();
    let heard = poll(&mut watched, PollTimeout::from(20_000_u16)).unwrap();
    assert!(heard > 0, "nothing comes for anybody");
    let ready: Vec<bool> = watched.iter().map(|one| one.any().unwrap()).collect();
    for (client, _) in clients.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
        let mut buf = [0; 1500];
        while let Ok(len) = client.socket.recv(&mut buf) {
            let number = u16::from_be_bytes([buf[2], buf[3]]);
            assert!(len == 1472 && buf[1] == 3, "{:?}", client.transfer);
            if number != client.blocks + 1 {
                continue; // sent again
            }
            client.blocks = number;
            if number.is_multiple_of(window) {
                client.socket.send(&ack(number)).unwrap();
                break; // the next window may be there at once; the others have theirs
            }
        }
    }
}
