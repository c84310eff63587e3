//! Folders → [`Snapshot`]: the profile folder, what the image folder holds, what stands in for
//! embedded assets; and `dhcp:` and `quirks:` of the config file.
//!
//! A [`Loader`] reads everything again at each [`Loader::load`] and compiles only the files whose
//! text has changed. Nothing it meets in a folder is fatal: what is wrong is a finding, and a load
//! with an error among its findings has no snapshot, so that the caller keeps the last good one.
//!
//! * [`folder`]: the profile folder → texts
//! * [`networks`]: the config file → networks, and which settings have changed since the start
//! * [`at`]: where in a profile it is that something is found
//! * [`absent`]: files that are named and not there
//! * [`built`]: what machine kernels and programs are for
//! * [`signed`]: programs that Secure Boot will not start
//! * [`menus`]: menus that leave a machine with nothing
//! * [`in_vain`]: what profiles say that comes to nothing on this host, in this mode
//! * [`https`]: machines that are told https, and cannot come by it
//! * [`images`]: distributions in the simple layout below the image folder, asset overrides
//! * [`stamp`]: whether anything has changed, from sizes, times and our addresses alone
//!
//! Absent on purpose: watching (see `watch`).

pub mod absent;
pub mod at;
pub mod built;
pub mod folder;
pub mod https;
pub mod images;
pub mod in_vain;
pub mod menus;
mod needs;
pub mod networks;
pub mod signed;
pub mod stamp;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::config::{ConfigFile, Effective, Mode};
use crate::network::Beside;
use crate::profile::{Compiler, Https, Profiles, Relays, Snapshot, Source};
use crate::service::interfaces;
use crate::service::shared::Folders;
use crate::yaml::{At, Finding, Severity};
use absent::Wanted;
use at::Pen;
use built::Built;
use signed::Signed;

/// The profile that is served where there is no profile folder.
pub const DEFAULT_PROFILE: &str = include_str!("../../profiles/default.yaml");
/// The profile folder where none is named.
pub const STANDARD_PROFILES: &str = "/etc/bootjack/profiles";
/// The name of the embedded profile in findings and events.
pub const DEFAULT_NAME: &str = "(embedded default)";

/// Where to read from.
#[derive(Debug, Clone)]
pub struct Places {
    /// The profile folder.
    pub profiles: PathBuf,
    /// Whether the operator named the profile folder: then it must exist. Otherwise the embedded
    /// default is served while it does not.
    pub required: bool,
    /// The image folder. It need not exist.
    pub images: PathBuf,
    /// The folder of assets that stand in for embedded ones.
    pub assets: Option<PathBuf>,
    /// The port of HTTP, for the snapshot.
    pub http_port: u16,
    /// Where HTTPS is served, for the snapshot.
    pub https: Option<Https>,
    /// The config file.
    pub config: ConfigFile,
    /// The mode served: in mode `dhcp` there must be a network.
    pub mode: Mode,
    /// Whether the operator names the LAN's DHCP server.
    pub names_server: bool,
    /// The interfaces served; none: all that can be.
    pub interface: Vec<String>,
}

impl Places {
    /// For whom leases are fetched from another DHCP server.
    fn relays(&self) -> Relays {
        match (self.mode, self.names_server) {
            (Mode::Proxy, false) => Relays::Link,
            (Mode::Proxy, true) => Relays::Everybody,
            (Mode::Colocated | Mode::Dhcp, _) => Relays::Nobody,
        }
    }
}

impl From<&Effective> for Places {
    fn from(settings: &Effective) -> Self {
        let named = settings.profiles.clone();
        Self {
            required: named.is_some(),
            profiles: named.unwrap_or_else(|| STANDARD_PROFILES.into()),
            images: settings.images.clone(),
            assets: settings.assets.clone(),
            http_port: settings.http_port,
            https: settings.https().map(|https| Https {
                port: https.port,
                name: https.name,
            }),
            config: settings.file.clone(),
            mode: settings.mode,
            names_server: !settings.dhcp_server.is_empty(),
            interface: settings.interface.clone(),
        }
    }
}

impl From<&Places> for Folders {
    fn from(places: &Places) -> Self {
        Self {
            images: places.images.clone(),
            assets: places.assets.clone(),
        }
    }
}

/// Reads and compiles, remembering what it read last.
#[derive(Debug)]
pub struct Loader {
    places: Places,
    compiler: Compiler,
    folder_seen: bool,
    config_seen: bool,
    /// Files that the last load looked for and did not find.
    absent: Vec<PathBuf>,
    built: Built,
    signed: Signed,
}

/// The outcome of one [`Loader::load`].
#[derive(Debug)]
pub struct Loaded {
    /// What may be served; `None` where a finding is an error.
    pub snapshot: Option<Snapshot>,
    /// What is wrong or worth a look.
    pub findings: Vec<Finding>,
    /// A digest of everything that was read: equal digests, equal outcome.
    pub digest: [u8; 32],
    /// What the operator should know although nothing is wrong.
    pub notices: Vec<String>,
}

/// Everything read from disk for one snapshot.
struct Material {
    sources: Vec<Source>,
    /// What a snapshot has of the folders beside the profiles'.
    tree: Snapshot,
    config: Option<String>,
    /// The addresses of this host, where addresses are given out.
    own: Vec<Ipv4Addr>,
    findings: Vec<Finding>,
}

impl Loader {
    /// Nothing read yet.
    pub fn new(places: Places) -> Self {
        Self {
            places,
            compiler: Compiler::default(),
            folder_seen: false,
            config_seen: false,
            absent: Vec::new(),
            built: Built::default(),
            signed: Signed::default(),
        }
    }

    /// Where it reads from.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Reads everything. It blocks on the disk.
    pub fn load(&mut self) -> Loaded {
        let mut material = self.read();
        let (profiles, mut findings) = self.compiler.compile(&material.sources);
        // A file that could not be read may hold the profile that a reservation names.
        let all_read = material
            .findings
            .iter()
            .all(|f| f.severity != Severity::Error);
        let names = all_read.then(|| self.compiler.names()).flatten();
        let beside = Beside {
            own: &material.own,
            profiles: names.as_ref(),
        };
        let config = networks::compile(&self.places, material.config.as_deref(), beside);
        let mut looked = self.look(&material, &config.loaders);
        self.built = self.look_into(&material);
        material.tree.built_for = self.built.images.clone();
        looked.extend(
            profiles
                .iter()
                .flat_map(|set| self.unsigned(&material, set)),
        );
        let digest = material.digest(&looked);
        findings.extend(config.findings);
        findings.extend(material.findings);
        findings.extend(looked);
        let (places, pen) = (&self.places, Pen::new(&self.compiler, &material.sources));
        if let Some(set) = &profiles {
            findings.extend(in_vain::check(places, set, &pen));
            findings.extend(https::check(places, set, config.networks.as_ref(), &pen));
        }
        let wrong = findings.iter().any(|f| f.severity == Severity::Error);
        let parts = profiles.zip(config.networks).filter(|_| !wrong);
        let snapshot = parts.map(|(profiles, networks)| Snapshot {
            profiles,
            quirks: Arc::new(config.quirks),
            networks: Arc::new(networks),
            ..material.tree
        });
        let by_rows = !config.loaders.is_empty();
        let menus = snapshot.iter();
        let menus = menus.flat_map(|s| menus::check(s, by_rows, &pen));
        findings.extend(menus);
        Loaded {
            snapshot,
            findings,
            digest,
            notices: config.notices,
        }
    }

    fn read(&mut self) -> Material {
        let mut findings = Vec::new();
        let sources = self.sources(&mut findings);
        let tree = self.tree(&mut findings);
        let config = networks::read(&self.places, self.config_seen, &mut findings);
        self.config_seen |= config.is_some();
        Material {
            sources,
            tree,
            config,
            own: own(self.places.mode),
            findings,
        }
    }

    fn tree(&self, findings: &mut Vec<Finding>) -> Snapshot {
        let installed = images::installed(&self.places.images, findings);
        let assets = self.places.assets.as_deref();
        let overrides = assets.map(|folder| images::overrides(folder, findings));
        Snapshot {
            installed,
            overrides: overrides.unwrap_or_default(),
            http_port: self.places.http_port,
            https: self.places.https.clone(),
            relays: self.places.relays(),
            ..Snapshot::default()
        }
    }

    /// What is named and not there.
    fn look(&mut self, material: &Material, loaders: &[(At, String)]) -> Vec<Finding> {
        let of_profiles = self.compiler.named(&material.sources);
        let of_profiles = of_profiles.map(|(source, named)| Wanted {
            file: &source.file,
            source: &source.text,
            at: named.at,
            key: named.key,
            written: &named.path,
            name: match named.key {
                // It is asked for as it is written.
                "config" => named.path.clone(),
                _ => material.tree.tree_name(&named.path),
            },
        });
        let file = self.places.config.path.display().to_string();
        let of_rows = loaders.iter().map(|(at, name)| Wanted {
            file: &file,
            source: material.config.as_deref().unwrap_or_default(),
            at: *at,
            key: "loader",
            written: name,
            name: name.clone(),
        });
        let wanted = of_rows.chain(of_profiles);
        let absent = absent::look(&self.places, &material.tree, wanted);
        self.absent = absent.paths;
        absent.findings
    }

    /// What the programs and kernels are built for that menus start.
    fn look_into(&self, material: &Material) -> Built {
        let named = self.compiler.named(&material.sources);
        let named = named.filter(|(_, named)| !["initrd", "config"].contains(&named.key));
        let named = named.map(|(_, named)| material.tree.tree_name(&named.path));
        let installed = material.tree.installed.iter().map(built::kernel_of);
        built::look(
            &self.places,
            &material.tree,
            &named.chain(installed).collect(),
        )
    }

    /// What Secure Boot will not start.
    fn unsigned(&mut self, material: &Material, profiles: &Profiles) -> Vec<Finding> {
        let named: Vec<_> = self.compiler.named(&material.sources).collect();
        let folders = Folders::from(&self.places);
        self.signed.look(&folders, &material.tree, profiles, &named)
    }

    /// Whether a file is there now that the last load did not find, or one that it looked into is another.
    /// It blocks on the disk.
    pub fn has_come(&self) -> bool {
        let come = self.absent.iter().any(|path| path.exists());
        come || self.built.is_stale() || self.signed.have_changed()
    }

    /// The profile folder's files. Once it was there, its absence is an error: an unmounted disk
    /// must not put the embedded default in force.
    fn sources(&mut self, findings: &mut Vec<Finding>) -> Vec<Source> {
        let may_be_absent = !self.places.required && !self.folder_seen;
        if may_be_absent && !self.places.profiles.exists() {
            return vec![default_profile()];
        }
        let sources = folder::read(&self.places.profiles, findings);
        self.folder_seen |= sources.is_some();
        sources.unwrap_or_default()
    }
}

/// The addresses that nobody else may have, in mode `dhcp`.
fn own(mode: Mode) -> Vec<Ipv4Addr> {
    match mode {
        Mode::Dhcp => interfaces::addresses(),
        Mode::Proxy | Mode::Colocated => Vec::new(),
    }
}

/// The embedded default as a source.
pub fn default_profile() -> Source {
    Source {
        file: DEFAULT_NAME.into(),
        text: DEFAULT_PROFILE.to_owned(),
    }
}

impl Material {
    fn digest(&self, looked: &[Finding]) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut part = |text: &str| {
            hash.update(text.len().to_le_bytes());
            hash.update(text);
        };
        for source in &self.sources {
            part(&source.file);
            part(&source.text);
        }
        for finding in self.findings.iter().chain(looked) {
            part(&finding.to_string());
        }
        let tree = &self.tree;
        part(&format!("{:?} {:?}", tree.installed, tree.overrides));
        part(&format!("{:?}", tree.built_for));
        part(self.config.as_deref().unwrap_or_default());
        part(&format!("{:?}", self.own));
        hash.finalize().into()
    }
}

/// A finding about a whole file or folder.
fn about(file: &str, severity: Severity, message: String, hint: &str) -> Finding {
    Finding::whole(file, severity, message).hinted(hint)
}
