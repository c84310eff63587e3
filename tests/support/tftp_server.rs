//! A TFTP service of our own in this process: on loopback, or inside a network namespace.
#![allow(
    clippy::unwrap_used,
    clippy::unnecessary_wraps,
    dead_code,
    missing_docs
)]

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use bootjack::client::Client;
use bootjack::profile::Snapshot;
use bootjack::service::shared::Folders;
use bootjack::service::sys::udp;
use bootjack::service::{Limits, Shared, tftp};
use bootjack::tree::{CleanPath, FilePath, Found, Missing, Requester, Root};
use bootjack::wire::Mac;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns};

/// A running service; it ends when this is dropped.
pub struct Server {
    /// Where it listens.
    pub port: u16,
    /// Its folder of files.
    pub folder: tempfile::TempDir,
    /// What it shares with the other services.
    pub shared: Arc<Shared>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The name that something else happens at while it is looked up: see [`Server::meanwhile`].
pub const MEANWHILE: &str = "meanwhile";
type Happening = Box<dyn FnOnce() + Send>;
static HAPPENING: Mutex<Option<Happening>> = Mutex::new(None);

/// Every name is a file below the folder.
fn resolve(_: &Snapshot, _: &Requester, path: &CleanPath) -> Result<Found, Missing> {
    if path.as_str() == MEANWHILE {
        let happening = HAPPENING.lock().unwrap().take();
        if let Some(happens) = happening {
            happens();
        }
    }
    Ok(Found::File(FilePath {
        root: Root::Images,
        path: path.clone(),
    }))
}

impl Server {
    /// On all loopback addresses.
    pub fn start() -> Self {
        Self::start_with(Limits::default())
    }

    /// The same with other bounds.
    pub fn start_with(limits: Limits) -> Self {
        Self::start_in(None, limits)
    }

    /// In a named network namespace, or in this one. There, the service runs on one thread.
    pub fn start_in(namespace: Option<&str>, limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders {
            images: folder.path().to_owned(),
            assets: None,
        };
        let shared = Shared::new(Snapshot::default(), folders, limits);
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (ready, port) = mpsc::channel();
        let namespace = namespace.map(|name| File::open(format!("/run/netns/{name}")).unwrap());
        let for_thread = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            if let Some(namespace) = namespace {
                setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
            }
            let any = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
            let socket = udp::open(any, None, false).unwrap();
            ready.send(socket.local_addr().unwrap().port()).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                tokio::select! {
                    ended = tftp::serve_with(vec![socket], for_thread, resolve) => ended.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        Self {
            port: port.recv().unwrap(),
            folder,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Its address as seen on loopback.
    pub fn at(&self, last: u8) -> SocketAddr {
        (Ipv4Addr::new(127, 0, 0, last), self.port).into()
    }

    /// Puts a file of this many bytes into the folder; its bytes.
    pub fn file(&self, name: &str, size: usize) -> Vec<u8> {
        let bytes = pattern(size);
        self.text(name, &bytes);
        bytes
    }

    /// Puts these bytes into the folder.
    pub fn text(&self, name: &str, bytes: &[u8]) {
        let path: PathBuf = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Something that happens, once, while [`MEANWHILE`] is looked up.
    pub fn meanwhile(happens: impl FnOnce() + Send + 'static) {
        *HAPPENING.lock().unwrap() = Some(Box::new(happens));
    }

    /// Makes the machine behind an address known, so that its events are kept.
    pub fn know(&self, ip: Ipv4Addr) -> Mac {
        let [.., a, b] = ip.octets();
        let mac = Mac::ethernet([2, 0, 0, 0, a, b]);
        let client = Client {
            ip: Some(ip),
            ..Client::unknown(mac, ip)
        };
        self.shared.clients().saw(client).unwrap();
        mac
    }

    /// The events of a machine: name and all of it as text.
    pub fn events(&self, mac: Mac) -> Vec<(&'static str, String)> {
        let timeline = self.shared.timeline();
        let events = timeline.of(mac);
        events
            .map(|e| (e.what.name(), format!("{:?}", e.what)))
            .collect()
    }

    /// Waits until such an event is there; its text.
    pub fn event(&self, mac: Mac, name: &str) -> String {
        self.event_after(mac, name, || {})
    }

    /// The same, doing this again and again meanwhile.
    pub fn event_after(&self, mac: Mac, name: &str, again: impl Fn()) -> String {
        let found = || self.events(mac).into_iter().find(|e| e.0 == name);
        poll(|| {
            again();
            found().is_some()
        });
        found()
            .unwrap_or_else(|| panic!("no {name} among {:?}", self.events(mac)))
            .1
    }

    /// Ends the service and waits for its end.
    pub fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A file system that cannot tell what is cached (tmpfs), at a folder; gone when this is dropped, so
/// make it after what the folder belongs to. For root.
pub struct Untelling(PathBuf);

impl Untelling {
    pub fn at(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let no_data = None::<&str>;
        mount(
            Some("tmpfs"),
            folder,
            Some("tmpfs"),
            MsFlags::empty(),
            no_data,
        )
        .unwrap();
        Self(folder.to_owned())
    }
}

impl Drop for Untelling {
    fn drop(&mut self) {
        let _ = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}

/// Bytes that are not alike anywhere.
pub fn pattern(size: usize) -> Vec<u8> {
    let words = (0..=size as u32 / 4).map(|n| n.wrapping_mul(0x9e37_79b1));
    let mut bytes: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
    bytes.truncate(size);
    bytes
}

/// Waits until it is so, at most 20 s.
pub fn poll(so: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while !so() && std::time::Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
}
