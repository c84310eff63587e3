//! Answers as pixiecore gives them (danderson/netboot, `pixiecore/dhcp.go` and `pxe.go`), made of
//! bytes: on 67 an OFFER without an address and with no next server of its own for iPXE, on 4011 an
//! ACK. BIOS machines are told to boot at once (43: 6 = 8), UEFI ones have no option 43 and are
//! expected on 4011. Its files are named `MAC/ARCH` and are somebody else's to serve.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::lan::Host;

const COOKIE: [u8; 4] = [0x63, 0x82, 0x53, 0x63];
/// How often a thread looks whether it is over.
const LOOK: Duration = Duration::from_millis(50);

/// A running one; ended on drop.
#[derive(Debug)]
pub struct Pixiecore {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Pixiecore {
    /// On `eth0` of a host with this address.
    pub fn start(host: &Host, address: Ipv4Addr) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let serve = |port: u16| {
            let socket = host.enter(|| open(port));
            let over = over.clone();
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    answer(&socket, port, address);
                }
            })
        };
        let threads = vec![serve(67), serve(4011)];
        Self { over, threads }
    }
}

impl Drop for Pixiecore {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn open(port: u16) -> UdpSocket {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).expect("a socket");
    socket.set_broadcast(true).expect("broadcasts");
    socket.bind_device(Some(b"eth0")).expect("eth0");
    socket.set_read_timeout(Some(LOOK)).expect("a time-out");
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    socket.bind(&any.into()).expect("the port");
    socket.into()
}

/// Waits a moment for one packet.
fn answer(socket: &UdpSocket, port: u16, address: Ipv4Addr) {
    let mut buf = [0; 1500];
    let Ok((length, from)) = socket.recv_from(&mut buf) else {
        return;
    };
    let asked = &buf[..length];
    let (wanted, kind) = if port == 67 { (1, 2) } else { (3, 5) };
    if asked.len() < 240 || option(asked, 53) != Some(vec![wanted]) {
        return;
    }
    let Some(arch) = option(asked, 93) else {
        return;
    };
    let reply = reply(asked, kind, address, arch[1]);
    // A packet that nobody can be told of any more is lost.
    let _ = match port {
        67 => socket.send_to(&reply, (Ipv4Addr::BROADCAST, 68)),
        _ => socket.send_to(&reply, from),
    };
}

fn reply(asked: &[u8], kind: u8, address: Ipv4Addr, arch: u8) -> Vec<u8> {
    let mut reply = vec![0; 240];
    reply[..4].copy_from_slice(&[2, 1, 6, 0]);
    reply[4..8].copy_from_slice(&asked[4..8]);
    if kind == 2 {
        reply[10] = 0x80;
    } else {
        reply[12..16].copy_from_slice(&asked[12..16]);
    }
    reply[20..24].copy_from_slice(&address.octets());
    reply[28..44].copy_from_slice(&asked[28..44]);
    put(&mut reply[44..108], &address.to_string());
    let mac: Vec<String> = asked[28..34].iter().map(|b| format!("{b:02x}")).collect();
    put(&mut reply[108..236], &format!("{}/{arch}", mac.join(":")));
    reply[236..].copy_from_slice(&COOKIE);
    let mut add = |code: u8, value: &[u8]| {
        reply.extend([code, value.len() as u8]);
        reply.extend(value);
    };
    add(53, &[kind]);
    if kind == 2 && arch == 0 {
        add(43, &[6, 1, 8, 255]);
    }
    add(54, &address.octets());
    add(60, b"PXEClient");
    if let Some(uuid) = option(asked, 97) {
        add(97, &uuid);
    }
    reply.push(255);
    reply
}

fn put(field: &mut [u8], text: &str) {
    field[..text.len()].copy_from_slice(text.as_bytes());
}

/// An option of a message that is whole.
fn option(message: &[u8], wanted: u8) -> Option<Vec<u8>> {
    let mut at = 240;
    while let Some(&code) = message.get(at).filter(|code| **code != 255) {
        if code == 0 {
            at += 1;
            continue;
        }
        let length = usize::from(*message.get(at + 1)?);
        let value = message.get(at + 2..at + 2 + length)?;
        if code == wanted {
            return Some(value.to_vec());
        }
        at += 2 + length;
    }
    None
}
