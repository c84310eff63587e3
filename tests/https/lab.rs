//! A server with both doors on loopback, an authority of its own, and clients.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bootjack::client::{Client, Stage};
use bootjack::config::{self, Effective, Settings, SettingsArgs};
use bootjack::profile::Snapshot;
use bootjack::service::shared::Folders;
use bootjack::service::tls::Tls;
use bootjack::service::{Limits, Shared, http};
use bootjack::wire::{Arch, Mac};

use crate::authority::{Authority, Issued, Key};

/// The machine behind 127.0.0.1, so that its events are on a timeline.
const MAC: Mac = Mac::ethernet([0x52, 0x54, 0, 0x12, 0x34, 0x56]);
/// How long anything may take before it counts as hanging.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// The names of the lab's certificate.
pub const NAMES: &str = "IP:127.0.0.1,DNS:boot.example.org";

pub struct Lab {
    pub shared: Arc<Shared>,
    pub plain: SocketAddr,
    pub secured: SocketAddr,
    pub authority: Authority,
    folder: tempfile::TempDir,
    runtime: Option<tokio::runtime::Runtime>,
}

/// Settings with this certificate, and nothing of this machine's own.
pub fn settings(folder: &Path, issued: &Issued) -> Effective {
    let config = folder.join("bootjack.yaml");
    std::fs::write(&config, "").unwrap();
    let settings = Settings {
        tls_cert: Some(issued.cert.clone()),
        tls_key: Some(issued.key.clone()),
        ..Settings::default()
    };
    let config = Some(config);
    config::effective(SettingsArgs { config, settings }).unwrap()
}

impl Lab {
    pub fn new() -> Self {
        Self::with(Key::Rsa, Limits::default())
    }

    pub fn with(key: Key, limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path(), "ca");
        let issued = authority.issue("server", key, NAMES);
        let settings = settings(folder.path(), &issued);
        let (tls, _) = Tls::open(&settings, vec![Ipv4Addr::LOCALHOST]).unwrap();
        let images = folder.path().join("images");
        std::fs::create_dir(&images).unwrap();
        let folders = Folders {
            images,
            assets: None,
        };
        let shared = Shared::new(Snapshot::default(), folders, limits);
        shared.clients().saw(machine()).unwrap();
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (plain, secured) = (listen(), listen());
        let addresses = [&plain, &secured].map(|l| l.local_addr().unwrap());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let listeners = http::Listeners {
            plain: vec![plain],
            tls: Some((vec![secured], tls.unwrap())),
        };
        runtime.spawn(http::serve(listeners, shared.clone()));
        Self {
            shared,
            plain: addresses[0],
            secured: addresses[1],
            authority,
            folder,
            runtime: Some(runtime),
        }
    }

    /// A file of the image folder.
    pub fn image(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.folder.path().join("images").join(name), bytes).unwrap();
    }

    pub fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.secured)
    }

    /// curl, which trusts the lab's authority.
    pub fn curl(&self, args: &[&str]) -> Output {
        let ca = self.authority.cert();
        Self::untrusting(&[&["--cacert", ca.to_str().unwrap()], args].concat())
    }

    /// curl with the authorities that this machine has.
    pub fn untrusting(args: &[&str]) -> Output {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--noproxy", "*", "--max-time", "30"]);
        curl.args(args).output().unwrap()
    }

    /// What curl prints where all is well.
    pub fn got(&self, args: &[&str]) -> Vec<u8> {
        let out = self.curl(args);
        let told = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "curl {args:?}: {told}");
        out.stdout
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.secured).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Both doors serve.
    pub fn is_well(&self) {
        let plain = format!("http://{}/healthz", self.plain);
        for url in [plain, self.url("/healthz")] {
            assert_eq!(self.got(&[&url]), b"ok\n", "{url}");
        }
    }

    /// Waits for an event of the machine that has all these pieces.
    pub fn wait_for(&self, pieces: &[&str]) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let events: Vec<String> = {
                let timeline = self.shared.timeline();
                let of = timeline.of(MAC);
                of.map(|e| serde_json::to_string(e).unwrap()).collect()
            };
            let fits = |e: &&String| pieces.iter().all(|p| e.contains(p));
            if let Some(found) = events.iter().find(fits) {
                return found.clone();
            }
            assert!(Instant::now() < deadline, "no {pieces:?} in {events:#?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn machine() -> Client {
    Client {
        archs: vec![Arch::HTTP_X64],
        stage: Stage::HttpBoot,
        ip: Some(Ipv4Addr::LOCALHOST),
        ..Client::unknown(MAC, Ipv4Addr::LOCALHOST)
    }
}
