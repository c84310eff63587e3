//! A TFTP client of our own, written against the RFCs and not against our encoder; and real ones.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, dead_code, missing_docs)]

use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Whether a test has to be left out because one of these clients is not here: says so past the
/// harness's capture. Root has had them installed (`support/setup.sh`): then it is a failure.
pub fn left_out(test: &str, clients: &[Real]) -> bool {
    let Some(missing) = clients.iter().find(|real| !real.is_here()) else {
        return false;
    };
    let why = format!("{} is not here", missing.program());
    assert!(!nix::unistd::geteuid().is_root(), "{why}");
    let line = format!("LEFT OUT ({why}): {test}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
    true
}

/// An ERROR packet.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    pub code: u16,
    pub text: String,
}

/// What came of a request.
#[derive(Debug)]
pub struct Fetched {
    pub bytes: Vec<u8>,
    /// The OACK, in its order.
    pub oack: Vec<(String, String)>,
    /// Who sent it.
    pub from: SocketAddr,
}

/// A request packet.
pub fn request(opcode: u8, name: &str, mode: &str, options: &[(&str, &str)]) -> Vec<u8> {
    let mut packet = vec![0, opcode];
    let words = options.iter().flat_map(|(name, value)| [*name, *value]);
    for word in [name, mode].into_iter().chain(words) {
        packet.extend_from_slice(word.as_bytes());
        packet.push(0);
    }
    packet
}

/// An ACK packet.
pub fn ack(block: u16) -> Vec<u8> {
    [[0, 4], block.to_be_bytes()].concat()
}

/// A socket at this address of ours that waits at most 10 s.
pub fn socket(from: Ipv4Addr) -> UdpSocket {
    let socket = UdpSocket::bind((from, 0)).unwrap();
    let wait = Some(Duration::from_secs(10));
    socket.set_read_timeout(wait).unwrap();
    socket
}

/// The next packet and its sender.
pub fn next(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buf = vec![0; 65536];
    let (len, from) = socket.recv_from(&mut buf).unwrap();
    buf.truncate(len);
    (buf, from)
}

/// Block number and data of a DATA packet.
pub fn data(packet: &[u8]) -> (u16, &[u8]) {
    assert_eq!(&packet[..2], [0, 3], "DATA expected: {packet:?}");
    (u16::from_be_bytes([packet[2], packet[3]]), &packet[4..])
}

/// The options of an OACK.
pub fn oack(packet: &[u8]) -> Vec<(String, String)> {
    assert_eq!(&packet[..2], [0, 6], "OACK expected: {packet:?}");
    assert_eq!(
        packet.last(),
        Some(&0),
        "EDK2 wants the last byte to be NUL"
    );
    let text = String::from_utf8(packet[2..packet.len() - 1].to_vec()).unwrap();
    let words: Vec<&str> = text.split('\0').collect();
    let pairs = words.chunks(2);
    pairs.map(|p| (p[0].into(), p[1].into())).collect()
}

/// Code and text of an ERROR packet.
pub fn error(packet: &[u8]) -> Refused {
    assert_eq!(&packet[..2], [0, 5], "ERROR expected: {packet:?}");
    assert_eq!(packet.last(), Some(&0));
    Refused {
        code: u16::from_be_bytes([packet[2], packet[3]]),
        text: String::from_utf8(packet[4..packet.len() - 1].to_vec()).unwrap(),
    }
}

/// Fetches a file in octet mode, from this address of ours.
pub fn get(
    from: Ipv4Addr,
    server: SocketAddr,
    name: &str,
    options: &[(&str, &str)],
) -> Result<Fetched, Refused> {
    get_as(from, server, name, "octet", options)
}

/// Fetches a file.
pub fn get_as(
    from: Ipv4Addr,
    server: SocketAddr,
    name: &str,
    mode: &str,
    options: &[(&str, &str)],
) -> Result<Fetched, Refused> {
    let socket = socket(from);
    socket
        .set_read_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    let mut receiver = Receiver {
        said: (request(1, name, mode, options), server),
        socket,
        blksize: 512,
        windowsize: 1,
        expected: 1,
        since_ack: 0,
        reported: false,
        got: Vec::new(),
        oack: Vec::new(),
    };
    receiver.run()
}

struct Receiver {
    socket: UdpSocket,
    /// What was said last, and to whom.
    said: (Vec<u8>, SocketAddr),
    blksize: usize,
    windowsize: u64,
    expected: u64,
    since_ack: u64,
    reported: bool,
    got: Vec<u8>,
    oack: Vec<(String, String)>,
}

impl Receiver {
    fn run(&mut self) -> Result<Fetched, Refused> {
        let deadline = Instant::now() + Duration::from_secs(100);
        let mut buf = vec![0; 65536];
        self.repeat();
        while Instant::now() < deadline {
            let (len, from) = match self.socket.recv_from(&mut buf) {
                Ok(got) => got,
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    self.repeat();
                    continue;
                }
                Err(e) => panic!("cannot receive: {e}"),
            };
            let packet = &buf[..len];
            let complete = match packet.get(1) {
                Some(6) => self.begin(packet, from),
                Some(3) => self.block(packet, from),
                _ => return Err(error(packet)),
            };
            if complete {
                let (bytes, oack) = (std::mem::take(&mut self.got), self.oack.clone());
                return Ok(Fetched { bytes, oack, from });
            }
        }
        panic!("{} bytes in 100 s", self.got.len());
    }

    fn begin(&mut self, packet: &[u8], from: SocketAddr) -> bool {
        if self.expected == 1 {
            self.oack = oack(packet);
            let granted = |name| self.oack.iter().find(|o| o.0 == name).map(|o| &o.1);
            self.blksize = granted("blksize").map_or(512, |v| v.parse().unwrap());
            self.windowsize = granted("windowsize").map_or(1, |v| v.parse().unwrap());
            self.say(0, from);
        }
        false
    }

    fn block(&mut self, packet: &[u8], from: SocketAddr) -> bool {
        let (number, bytes) = data(packet);
        if number != self.expected as u16 {
            let gap = number.wrapping_sub(self.expected as u16) < 0x8000 && !self.reported;
            if gap || number == (self.expected - 1) as u16 {
                self.reported = true;
                self.say((self.expected - 1) as u16, from);
            }
            return false;
        }
        self.got.extend_from_slice(bytes);
        self.expected += 1;
        self.since_ack += 1;
        self.reported = false;
        let complete = bytes.len() < self.blksize;
        if complete || self.since_ack == self.windowsize {
            self.say(number, from);
        }
        complete
    }

    fn say(&mut self, block: u16, to: SocketAddr) {
        self.since_ack = 0;
        self.said = (ack(block), to);
        self.repeat();
    }

    fn repeat(&self) {
        let (packet, to) = &self.said;
        let _ = self.socket.send_to(packet, to); // lost, if it cannot leave
    }
}

/// A real client.
#[derive(Debug, Clone, Copy)]
pub enum Real {
    /// tftp-hpa knows no options.
    Hpa,
    /// tftp-hpa as it is when nobody says `-m octet`.
    HpaNetascii,
    Curl {
        blksize: u16,
    },
    Atftp {
        blksize: u16,
        windowsize: u16,
    },
    Busybox {
        blksize: u16,
    },
}

impl Real {
    fn program(self) -> &'static str {
        match self {
            Self::Hpa | Self::HpaNetascii => "tftp",
            Self::Curl { .. } => "curl",
            Self::Atftp { .. } => "atftp",
            Self::Busybox { .. } => "busybox",
        }
    }

    fn is_here(self) -> bool {
        Command::new("sh")
            .args(["-c", &format!("command -v {}", self.program())])
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
    }

    /// Fetches a file, if need be inside a network namespace; what arrived.
    pub fn get(self, namespace: Option<&str>, server: SocketAddr, name: &str) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let local = folder.path().join("got");
        let mut command = match namespace {
            Some(namespace) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace, self.program()]);
                command
            }
            None => Command::new(self.program()),
        };
        command.args(self.arguments(server, name, &local));
        finish(&mut command, Duration::from_secs(120));
        std::fs::read(&local).unwrap_or_default()
    }

    /// The same where packets are lost. atftp 0.8.0 gives up ("unexpected OACK") when its first
    /// acknowledgement is lost and the OACK therefore comes again: it may try five times.
    pub fn get_stubbornly(self, namespace: &str, server: SocketAddr, name: &str) -> Vec<u8> {
        let tries = if matches!(self, Self::Atftp { .. }) {
            5
        } else {
            1
        };
        let mut got = (0..tries).map(|_| self.get(Some(namespace), server, name));
        got.find(|bytes| !bytes.is_empty()).unwrap_or_default()
    }

    fn arguments(self, server: SocketAddr, name: &str, local: &Path) -> Vec<String> {
        let (host, port) = (server.ip().to_string(), server.port().to_string());
        let local = local.to_str().unwrap();
        let hpa = |mode: &str| format!("-m|{mode}|{host}|{port}|-c|get|{name}|{local}");
        let line = match self {
            Self::Hpa => hpa("octet"),
            Self::HpaNetascii => hpa("netascii"),
            Self::Curl { blksize } => {
                format!("-s|-S|--tftp-blksize|{blksize}|-o|{local}|tftp://{host}:{port}/{name}")
            }
            Self::Atftp {
                blksize,
                windowsize,
            } => format!(
                "--option|blksize {blksize}|--option|windowsize {windowsize}|--tftp-timeout|1|-g|-r|{name}|-l|{local}|{host}|{port}"
            ),
            Self::Busybox { blksize } => {
                format!("tftp|-g|-b|{blksize}|-r|{name}|-l|{local}|{host}|{port}")
            }
        };
        line.split('|').map(str::to_owned).collect()
    }
}

/// Runs a command to its end, or ends it.
fn finish(command: &mut Command, within: Duration) {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + within;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{command:?} did not end within {within:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
