//! Start, serve, end.
//!
//! The order is the security model: settings and profiles are read, every socket is opened,
//! privileges are given up, and only then does anything read from the network: mode `dhcp` looks
//! for other servers ([`prepare`]), then there are more threads and everybody is served
//! ([`Prepared::run`]).

use std::io::{self, Write as _};
use std::net::UdpSocket;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{JoinError, JoinSet};
use tracing::Level;

use super::dhcp_servers;
use super::giving::{self, Giving};
use super::interfaces::{self, Interface, Own};
use super::load::{Loaded, Loader, Places};
use super::machines::control::AtDesk;
use super::open::{self, Opened};
use super::shared::Folders;
use super::sys::packet::Ear;
use super::sys::udp::Listener;
use super::tls::{self, Tls};
use super::watch::{Pace, Watch};
use super::{Shared, control, dhcp, groups, holder, http, links, overhear, privilege, tftp};
use crate::config::{Effective, Mode};
use crate::decide::Port;
use crate::error::Error;
use crate::event::What;
use crate::event::log::line;
use crate::profile::Snapshot;

/// SIGHUP waits until there is somebody to heed it: unheeded it would end the process, which a
/// service manager takes for a clean end. Threads made from here on never take it.
pub fn hold_hangups() {
    let _ = hangup_alone().thread_block();
}

fn hangup_alone() -> SigSet {
    let mut set = SigSet::empty();
    set.add(Signal::SIGHUP);
    set
}

/// Everything that may fail is done and every privilege given up; nothing runs yet.
pub struct Prepared {
    opened: Vec<Opened>,
    ears: Vec<Ear>,
    http: http::Listeners,
    tls: Option<Arc<Tls>>,
    giving: Option<Giving>,
    watching: Watching,
    shared: Arc<Shared>,
    /// Where `bootjack machines` asks.
    machines: Option<UnixListener>,
    notices: Vec<What>,
    ready: What,
}

/// Opens, gives up privileges, reads. To be called while there is no other thread: capabilities
/// and `no_new_privs` belong to threads.
///
/// # Errors
/// Whatever keeps the appliance from starting.
pub fn prepare(settings: &Effective) -> Result<Prepared, Error> {
    let interfaces = interfaces::to_serve(&settings.interface)?;
    let misnamed = dhcp_servers::cautions(settings)?;
    let mut loader = Loader::new(Places::from(settings));
    let networks = in_force(&mut loader.load())?.networks;
    let (tls, of_tls) = Tls::open(settings, interfaces::all_of(&interfaces))?;
    let opened = open::udp(settings.mode, &interfaces)?;
    let http = http::Listeners::open(settings.http_port, tls.clone(), &interfaces)?;
    let (ears, deaf) = overhear::open(settings.mode, &interfaces);
    let no_server = colocated_with_nobody(settings.mode);
    let mut raw = giving::Raw::open(settings, &networks, &interfaces)?;
    let user = privilege::drop_to(settings.user.as_deref(), Some(&settings.state))?;
    raw.as_mut().map_or(Ok(()), giving::Raw::alone)?;
    // Read once more, as the user that will read them again at every change.
    let mut first = loader.load();
    let snapshot = in_force(&mut first)?;
    raise_file_limit();
    let shared = Shared::new(snapshot, folders(settings), tftp::limits(settings));
    shared.findings.store(Arc::new(first.findings.clone()));
    let giving = raw.map(|raw| Giving::open(raw, settings, &shared));
    let (giving, of_leases) = giving.transpose()?.unzip();
    shared.know_servers(&settings.state, &settings.dhcp_server);
    let (most, learns) = (shared.limits.clients, settings.mode != Mode::Dhcp);
    let named = settings.user.as_deref();
    let machines = (shared.machines).open(&settings.state, most, learns, named);
    let places = giving.as_ref();
    let places = places.map(|_| giving::places(&networks, &interfaces));
    let of_leases = of_leases.into_iter().chain(places).flatten();
    let of_leases = of_leases.chain(tls::notices(&of_tls, tls.as_deref()));
    let kept = of_leases
        .chain(machines.notices)
        .chain(deaf)
        .chain(misnamed)
        .chain([tftp::ways(&shared.limits, &settings.images)]);
    Ok(Prepared {
        ready: ready(&opened, settings, &user),
        notices: notices(settings, &user, no_server, kept),
        machines: machines.socket,
        giving,
        opened,
        ears,
        http,
        tls,
        watching: Watching {
            loader,
            first,
            pace: pace(settings),
        },
        shared,
    })
}

/// What the operator is told at the start: what may be wrong, what became of the leases and of what
/// was learnt, where leases are given, what is not served.
fn notices(
    settings: &Effective,
    user: &str,
    no_server: Option<String>,
    kept: impl Iterator<Item = What>,
) -> Vec<What> {
    let warnings = no_server.into_iter().chain(cautions(settings, user));
    let warnings = warnings.map(|text| What::Warning { text });
    let told = warnings.chain(kept);
    told.chain(left_out(settings)).collect()
}

/// Interfaces that would be served if they were named.
fn left_out(settings: &Effective) -> impl Iterator<Item = What> {
    let names = interfaces::left_out(&settings.interface).into_iter();
    names.map(|name| What::Notice {
        text: format!(
            "{name} is not served: a network of containers or virtual machines has to be named with --interface"
        ),
    })
}

impl Prepared {
    /// Serves until SIGTERM or SIGINT.
    ///
    /// # Errors
    /// The system gives no threads, or a service ended.
    pub fn run(self) -> Result<(), Error> {
        let findings = self.watching.first.findings.iter().map(ToString::to_string);
        let findings = findings.map(|text| What::Warning { text });
        for what in findings.chain(self.notices.iter().cloned()) {
            self.shared.emit(None, what);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build();
        let runtime =
            runtime.map_err(|e| Error::failed(format!("cannot start the runtime: {e}")))?;
        runtime.block_on(serve(self))
    }
}

/// What goes on reading the folders.
struct Watching {
    loader: Loader,
    first: Loaded,
    pace: Pace,
}

impl Watching {
    fn start(self, shared: &Arc<Shared>) -> Watch {
        Watch::start(shared.clone(), self.loader, &self.first, self.pace)
    }
}

/// The first snapshot. Errors keep bootjack from starting: there is no last good set yet.
///
/// # Errors
/// Findings that are errors, all of them.
pub fn in_force(first: &mut Loaded) -> Result<Snapshot, Error> {
    first.snapshot.take().ok_or_else(|| {
        let said: Vec<String> = first.findings.iter().map(ToString::to_string).collect();
        let said = said.join("\n");
        Error::failed(format!("what is configured cannot be served:\n{said}"))
    })
}

/// What may be meant so, but probably is not.
fn cautions(settings: &Effective, user: &str) -> Vec<String> {
    let mut cautions = Vec::new();
    if !settings.images.is_dir() {
        let folder = settings.images.display();
        cautions.push(format!(
            "there is no image folder {folder}; create it for kernels and initrds"
        ));
    }
    if user == "root" {
        cautions.push("serving as root; set `user` to an unprivileged one".to_owned());
    }
    cautions
}

/// In mode `colocated` a DHCP server of this host sends us our clients. It may start after us, so
/// that there is none yet is no error.
fn colocated_with_nobody(mode: Mode) -> Option<String> {
    let alone = mode == Mode::Colocated && !holder::udp_is_held(Port::Dhcp.number());
    alone.then(|| {
        "no DHCP server runs on this host yet (nobody has UDP 67): until it does, no machine is sent \
         to port 4011; start it, or use --mode proxy where the DHCP server is another host"
            .to_owned()
    })
}

/// As many open files as we are allowed: each transfer and each connection takes two.
fn raise_file_limit() {
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}

fn folders(settings: &Effective) -> Folders {
    Folders {
        images: settings.images.clone(),
        assets: settings.assets.clone(),
    }
}

fn pace(settings: &Effective) -> Pace {
    match settings.poll {
        None => Pace::default(),
        Some(seconds) => Pace {
            events: false,
            rescan: Duration::from_secs(seconds.into()),
            ..Pace::default()
        },
    }
}

async fn serve(prepared: Prepared) -> Result<(), Error> {
    let failed = |e: io::Error| Error::failed(format!("cannot register a socket or signal: {e}"));
    let (mut hangup, mut terminate, mut interrupt) = signals().map_err(failed)?;
    let _ = hangup_alone().thread_unblock();
    let Prepared {
        opened,
        ears,
        http,
        tls,
        giving,
        watching,
        shared,
        machines,
        notices: _,
        ready,
    } = prepared;
    let mut tasks = services(opened, http, giving, &shared).map_err(failed)?;
    if let Some(tls) = &tls {
        tasks.spawn(tls.clone().keep(shared.clone()));
    }
    learn(ears, machines, &shared, &mut tasks);
    let watch = watching.start(&shared);
    let began = Instant::now();
    // Whoever started us may not read what we say.
    let _ = writeln!(io::stdout(), "{}", line(Level::INFO, &ready));
    shared.emit(None, ready);
    let signal = loop {
        tokio::select! {
            _ = hangup.recv() => {
                watch.reload();
                if let Some(tls) = &tls {
                    tls.reload();
                }
            }
            _ = terminate.recv() => break "SIGTERM",
            _ = interrupt.recv() => break "SIGINT",
            Some(ended) = tasks.join_next() => {
                return Err(stopped(ended));
            }
        }
    };
    shared.write_machines();
    shared.stopped(signal, began.elapsed());
    Ok(())
}

/// Everything that serves, each for ever.
fn services(
    opened: Vec<Opened>,
    http: http::Listeners,
    giving: Option<Giving>,
    shared: &Arc<Shared>,
) -> io::Result<JoinSet<io::Result<()>>> {
    let mut tasks = JoinSet::new();
    let giver = giving.map(|giving| giving.start(shared, &mut tasks));
    let giver = giver.transpose()?;
    let served: Vec<Interface> = opened.iter().map(|o| o.interface.clone()).collect();
    let tftp = doors(opened, giver.as_ref(), shared, &mut tasks)?;
    tasks.spawn(tftp::serve(tftp, shared.clone()));
    tasks.spawn(http::serve(http, shared.clone()));
    tasks.spawn(groups::keep(served.clone(), shared.clone()));
    tasks.spawn(links::watch(served, shared.clone()));
    tasks.spawn(shared.clone().sum_up());
    Ok(tasks)
}

/// Learns of machines, keeps what was learnt, and lets the operator at it.
fn learn(
    ears: Vec<Ear>,
    machines: Option<UnixListener>,
    shared: &Arc<Shared>,
    tasks: &mut JoinSet<io::Result<()>>,
) {
    tasks.spawn(shared.clone().keep_machines());
    for ear in ears {
        tasks.spawn(overhear::listen(ear, shared.clone()));
    }
    if let Some(socket) = machines {
        let desk = Arc::new(AtDesk(shared.clone()));
        tasks.spawn(control::serve(socket, desk));
    }
}

/// Serves 67 and 4011 of every interface; gives the sockets of TFTP, which is served as one.
fn doors(
    opened: Vec<Opened>,
    giver: Option<&Arc<dhcp::Giver>>,
    shared: &Arc<Shared>,
    tasks: &mut JoinSet<io::Result<()>>,
) -> io::Result<Vec<UdpSocket>> {
    let mut tftp = Vec::new();
    for open in opened {
        let dhcp = open.dhcp.map(|door| (door, Port::Dhcp));
        for (door, port) in dhcp.into_iter().chain([(open.pxe, Port::Pxe)]) {
            let door = dhcp::Door {
                listener: Listener::new(door.socket)?
                    .with_segments(shared.limits.tftp_segmentation),
                near: door.near,
                far: door.far,
                routed: door.routed,
                port,
                interface: open.interface.name.as_str().into(),
                own: Own::of(&open.interface),
                giver: giver.filter(|_| port == Port::Dhcp).cloned(),
            };
            tasks.spawn(dhcp::serve(door, shared.clone()));
        }
        tftp.push(open.tftp);
    }
    Ok(tftp)
}

/// Services run for ever; one that does not takes the process with it, so that its supervisor sees.
fn stopped(ended: Result<io::Result<()>, JoinError>) -> Error {
    let why = match ended {
        Ok(Ok(())) => "a service ended by itself; this is a bug, please report it".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => format!("a service broke: {panic}; this is a bug, please report it"),
    };
    Error::failed(format!("cannot go on: {why}"))
}

type Signals = tokio::signal::unix::Signal;

fn signals() -> io::Result<(Signals, Signals, Signals)> {
    Ok((
        signal(SignalKind::hangup())?,
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    ))
}

fn ready(opened: &[Opened], settings: &Effective, user: &str) -> What {
    let http_port = settings.http_port;
    let describe = |i: &Interface| format!("{} {}", i.name, i.shown());
    let first = opened.first().and_then(|o| o.interface.addresses().next());
    let host = first.map_or_else(|| "127.0.0.1".to_owned(), |a| a.to_string());
    let dhcp = opened.iter().any(|o| o.dhcp.is_some());
    let fixed = [dhcp.then_some("dhcp 67"), Some("pxe 4011"), Some("tftp 69")];
    let fixed = fixed.into_iter().flatten().map(str::to_owned);
    let https = settings
        .https()
        .map(|https| format!("https {}", https.port));
    let web = [format!("http {http_port}")].into_iter().chain(https);
    What::Ready {
        interfaces: opened.iter().map(|o| describe(&o.interface)).collect(),
        ports: fixed.chain(web).collect(),
        url: format!("http://{host}:{http_port}/"),
        user: user.to_owned(),
    }
}
