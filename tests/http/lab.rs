//! A server on loopback with a tree of its own, and clients that show every byte.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bootjack::client::{Client, Stage};
use bootjack::profile::Snapshot;
use bootjack::service::shared::Folders;
use bootjack::service::{Limits, Shared, http};
use bootjack::tree::{CleanPath, FilePath, Found, Memory, Missing, Rendered, Requester, Root};
use bootjack::wire::{Arch, Mac};
use bytes::Bytes;

/// The machine behind 127.0.0.1, so that its events are on a timeline.
pub const MAC: Mac = Mac::ethernet([0x52, 0x54, 0, 0x12, 0x34, 0x56]);

/// What `loader.efi` is.
pub const LOADER: &[u8] = b"MZ this is a loader";

/// How long anything may take before it counts as hanging.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Lab {
    pub shared: Arc<Shared>,
    pub address: SocketAddr,
    folder: tempfile::TempDir,
    runtime: Option<tokio::runtime::Runtime>,
}

/// A response as it came.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Lab {
    pub fn new() -> Self {
        Self::with(Limits::default())
    }

    pub fn with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let images = folder.path().join("images");
        std::fs::create_dir(&images).unwrap();
        let assets = None;
        let shared = Shared::new(Snapshot::default(), Folders { images, assets }, limits);
        shared.clients().saw(machine()).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.spawn(http::serve_tree(
            http::Listeners::plain(vec![listener]),
            shared.clone(),
            tree,
        ));
        Self {
            shared,
            address,
            folder,
            runtime: Some(runtime),
        }
    }

    /// A path below the image folder.
    pub fn image(&self, name: &str) -> PathBuf {
        self.folder.path().join("images").join(name)
    }

    /// A path beside the image folder.
    pub fn outside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `ten`: ten digits, last changed at the RFC's favourite moment.
    pub fn ten(&self) {
        let path = self.image("ten");
        std::fs::write(&path, "0123456789").unwrap();
        let day = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_modified(day).unwrap();
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends bytes as they are and reads to the end of the connection, however it ends.
    pub fn raw(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    }

    /// One request on a connection of its own.
    pub fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Reply {
        let mut stream = self.connect();
        let head = request(method, target, headers, "close");
        stream.write_all(&head).unwrap();
        read_reply(&mut stream, method == "HEAD")
    }

    pub fn get(&self, target: &str) -> Reply {
        self.ask("GET", target, &[])
    }

    /// Still serving: what every hostile test ends with.
    pub fn is_well(&self) {
        let reply = self.get("/healthz");
        assert_eq!((reply.status, &reply.body[..]), (200, &b"ok\n"[..]));
    }

    /// What curl prints.
    pub fn curl(&self, arguments: &[&str]) -> String {
        let base = format!("http://{}", self.address);
        let arguments = arguments.iter().map(|a| a.replace("BASE", &base));
        let out = Command::new("curl")
            .args(["-sS", "--noproxy", "*", "--max-time", "30", "--path-as-is"])
            .args(arguments)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success(), "{told}");
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    /// The events of the machine at 127.0.0.1, one line of JSON each.
    pub fn events(&self) -> Vec<String> {
        let timeline = self.shared.timeline();
        timeline
            .of(MAC)
            .map(|event| serde_json::to_string(event).unwrap())
            .collect()
    }

    /// How many of the machine's events have this name.
    pub fn count(&self, name: &str) -> usize {
        let word = format!("\"event\":\"{name}\"");
        self.events().iter().filter(|e| e.contains(&word)).count()
    }

    /// Waits for an event that has all these pieces.
    pub fn wait_for(&self, pieces: &[&str]) -> String {
        let fits = |e: &String| pieces.iter().all(|p| e.contains(p));
        until(
            || self.events().into_iter().find(fits),
            || format!("{pieces:?} in {:#?}", self.events()),
        )
    }

    /// The value of one series of `/metrics`; 0 where it is not there yet.
    pub fn metric(&self, series: &str) -> u64 {
        let text = self.shared.metrics.text().unwrap();
        let line = text.lines().find_map(|l| l.strip_prefix(series));
        line.map_or(0, |value| value.trim().parse().unwrap())
    }

    /// Waits until a series has this value.
    pub fn wait_for_metric(&self, series: &str, value: u64) {
        until(
            || (self.metric(series) == value).then_some(()),
            || format!("{series} {value}, not {}", self.metric(series)),
        );
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Looks again and again until there is something.
pub fn until<T>(mut look: impl FnMut() -> Option<T>, what: impl Fn() -> String) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited for {}", what());
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub fn request(method: &str, target: &str, headers: &[(&str, &str)], connection: &str) -> Vec<u8> {
    let mut head =
        format!("{method} {target} HTTP/1.1\r\nHost: lab\r\nConnection: {connection}\r\n");
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// One response, exactly as long as it says.
pub fn read_reply(stream: &mut TcpStream, no_body: bool) -> Reply {
    let (status, headers) = read_head(stream);
    let mut reply = Reply {
        status,
        headers,
        body: Vec::new(),
    };
    let length = reply.header("content-length").unwrap_or("0");
    let length: usize = length.parse().unwrap();
    if !no_body && reply.status != 304 {
        reply.body.resize(length, 0);
        stream.read_exact(&mut reply.body).unwrap();
    }
    reply
}

/// Status and headers; the stream stands at the body then.
pub fn read_head(stream: &mut TcpStream) -> (u16, Vec<(String, String)>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.trim_end().lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let pair = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_ascii_lowercase(), value.to_owned())
    };
    (status.parse().unwrap(), lines.map(pair).collect())
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let same = |(n, _): &&(String, String)| n == name;
        self.headers.iter().find(same).map(|(_, v)| v.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

fn machine() -> Client {
    Client {
        archs: vec![Arch::EFI_X64],
        stage: Stage::Ipxe,
        undi: Some((3, 16)),
        ip: Some(Ipv4Addr::LOCALHOST),
        ..Client::unknown(MAC, Ipv4Addr::LOCALHOST)
    }
}

/// `images/…`, a loader, a menu, a menu that cannot be rendered, and a bug.
fn tree(_: &Snapshot, who: &Requester, name: &CleanPath) -> Result<Found, Missing> {
    let memory = |bytes: Bytes, media| Memory { bytes, media };
    match name.split_first() {
        ("images", Some(path)) => {
            let root = Root::Images;
            Ok(Found::File(FilePath { root, path }))
        }
        ("loader.efi", None) => {
            let bytes = Bytes::from_static(LOADER);
            Ok(Found::Asset(memory(bytes, "application/efi")))
        }
        ("menu.ipxe", None) => {
            let client = who.client.as_ref().ok_or(Missing::UnknownClient)?;
            let script = format!("#!ipxe\n# {} from {}\n", client.mac, who.server);
            let rendered = Rendered {
                dialect: "ipxe",
                profile: "Lab A".into(),
                entries: 3,
            };
            let media = "text/plain; charset=utf-8";
            Ok(Found::Text(memory(script.into(), media), rendered))
        }
        ("panic", None) => panic!("a bug"),
        ("broken", None) => Err(Missing::Render("no variable named \"sever\"".into())),
        _ => Err(Missing::Unknown),
    }
}
