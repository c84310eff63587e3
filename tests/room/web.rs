//! HTTP of all machines: the kernel's TCP, from a host of the lab that answers for every address of the
//! room. One connection a machine, kept as iPXE keeps it.
//!
//! As iPXE does it, nothing is resumed: a fetch that breaks off is a failure, and the script waits and
//! begins again with its first file. Each byte of a file is held against what was put into the image
//! folder.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bootjack::firmware::machine::web::{Answer, NoPage, Page};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpSocket;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::script::Script;
use super::support::lan::Host;

/// After so long without a byte a fetch has failed.
const SILENCE: Duration = Duration::from_secs(60);
/// What the menu's script waits after a failure before it begins again.
const BACK_TO_THE_MENU: Duration = Duration::from_secs(10);
/// How often it does, until somebody pulls the plug.
const ROUNDS: usize = 6;
/// Longer than any script.
const TEXT: usize = 64 << 10;

/// Which boot of which machine.
pub type Which = (u16, u32);
/// What is in the image folder, by its path in URLs.
pub type Files = HashMap<String, Vec<u8>>;

/// What became of a machine's fetches.
#[derive(Debug)]
pub enum News {
    /// The answer to the question for its script.
    Page(Answer),
    /// A file did not come, and why; it will try again.
    Stumbled(String),
    /// All files are there.
    All,
    /// They never came.
    Never(String),
}

/// The thread that fetches.
#[derive(Debug)]
pub struct Web {
    jobs: Option<UnboundedSender<Order>>,
    news: Receiver<(Which, News)>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
enum Order {
    /// Fetch this from that address, and what it says.
    Begin(Which, Ipv4Addr, String),
    /// The machine of this number is off.
    End(u16),
}

impl Web {
    /// In a host to which all addresses of the room belong.
    pub fn new(host: &Host, files: Arc<Files>) -> Self {
        let (jobs, orders) = unbounded_channel();
        let (told, news) = channel();
        let runtime = host.clone();
        let thread = std::thread::spawn(move || runtime.enter(|| run(orders, &told, &files)));
        Self {
            jobs: Some(jobs),
            news,
            thread: Some(thread),
        }
    }

    /// A machine fetches its script, and all that it names.
    pub fn begin(&self, which: Which, from: Ipv4Addr, url: String) {
        self.order(Order::Begin(which, from, url));
    }

    /// A machine is off.
    pub fn end(&self, number: u16) {
        self.order(Order::End(number));
    }

    /// What has happened since.
    pub fn news(&self) -> Option<(Which, News)> {
        self.news.try_recv().ok()
    }

    fn order(&self, order: Order) {
        let jobs = self.jobs.as_ref().expect("the thread that fetches");
        jobs.send(order).expect("the thread that fetches");
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.jobs = None;
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(
            std::thread::panicking() || ended.is_none_or(|ended| ended.is_ok()),
            "the thread that fetches has ended by itself"
        );
    }
}

fn run(mut orders: UnboundedReceiver<Order>, told: &Sender<(Which, News)>, files: &Arc<Files>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let mut tasks: HashMap<u16, AbortHandle> = HashMap::new();
    runtime.expect("a runtime").block_on(async {
        while let Some(order) = orders.recv().await {
            let (number, task) = match order {
                Order::End(number) => (number, None),
                Order::Begin(which, from, url) => {
                    let job = Job {
                        which,
                        from,
                        kept: None,
                        told: told.clone(),
                        files: files.clone(),
                    };
                    (which.0, Some(tokio::spawn(job.run(url)).abort_handle()))
                }
            };
            if let Some(before) = tasks.remove(&number) {
                before.abort();
            }
            tasks.extend(task.map(|task| (number, task)));
        }
    });
}

/// One boot of one machine.
struct Job {
    which: Which,
    from: Ipv4Addr,
    kept: Option<SendRequest<Empty<Bytes>>>,
    told: Sender<(Which, News)>,
    files: Arc<Files>,
}

impl Job {
    async fn run(mut self, url: String) {
        let began = Instant::now();
        let page = self.get(&url).await;
        let took = began.elapsed();
        let script = page.as_ref().ok().and_then(|(_, text)| script(text));
        let outcome = page.map(|(page, _)| page).map_err(NoPage::Theirs);
        self.tell(News::Page(Answer { outcome, took }));
        let Some(script) = script else {
            return self.tell(News::Never("no script that boots anything".to_owned()));
        };
        for _ in 0..ROUNDS {
            sleep(script.waits).await;
            match self.all(&script).await {
                Ok(()) => return self.tell(News::All),
                Err(why) => self.tell(News::Stumbled(why)),
            }
            sleep(BACK_TO_THE_MENU).await;
        }
        self.tell(News::Never("its script gave up".to_owned()));
    }

    fn tell(&self, news: News) {
        let _ = self.told.send((self.which, news)); // nobody listens at the end
    }

    async fn all(&mut self, script: &Script) -> Result<(), String> {
        for url in &script.fetches {
            let (page, _) = self.get(url).await?;
            if page.status != 200 || page.length != Some(page.received) {
                return Err(format!("{} with {} bytes", page.status, page.received));
            }
        }
        Ok(())
    }

    /// A page, and its text where it is no file.
    async fn get(&mut self, url: &str) -> Result<(Page, Vec<u8>), String> {
        let uri: Uri = url.parse().map_err(|e| format!("{url}: {e}"))?;
        let mut sender = match self.kept.take().filter(|kept| !kept.is_closed()) {
            Some(kept) => kept,
            None => connected(self.from, &uri).await?,
        };
        let host = uri.authority().map_or("", |a| a.as_str()).to_owned();
        let request = Request::get(uri.path())
            .header(HOST, host)
            .header(USER_AGENT, "iPXE/1.21.1")
            .body(Empty::new());
        let request = request.map_err(|e| e.to_string())?;
        let response = patiently("no answer", sender.send_request(request)).await?;
        let kind = response.headers().get(CONTENT_TYPE);
        let kind = kind.and_then(|v| v.to_str().ok()).map(str::to_owned);
        let mut page = Page {
            status: response.status().as_u16(),
            reason: String::new(),
            length: hyper::body::Body::size_hint(response.body()).exact(),
            kind,
            stays: true,
            nameless: false,
            head: Vec::new(),
            received: 0,
        };
        let mut body = response.into_body();
        let file = self.files.get(uri.path());
        while let Some(frame) = patient_frame(&mut body).await? {
            match file {
                Some(file) => compare(uri.path(), file, page.received as usize, &frame)?,
                None if page.head.len() + frame.len() > TEXT => return Err("too long".to_owned()),
                None => page.head.extend_from_slice(&frame),
            }
            page.received += frame.len() as u64;
        }
        self.kept = Some(sender);
        let text = page.head.clone();
        Ok((page, text))
    }
}

fn script(text: &[u8]) -> Option<Script> {
    Script::read(std::str::from_utf8(text).ok()?)
}

fn compare(path: &str, file: &[u8], at: usize, piece: &[u8]) -> Result<(), String> {
    let same = file.get(at..).is_some_and(|rest| rest.starts_with(piece));
    if same {
        Ok(())
    } else {
        Err(format!("{path} is not what was put there, from byte {at}"))
    }
}

async fn connected(from: Ipv4Addr, uri: &Uri) -> Result<SendRequest<Empty<Bytes>>, String> {
    let host: Ipv4Addr = uri
        .host()
        .and_then(|host| host.parse().ok())
        .ok_or("no address in the URL")?;
    let socket = TcpSocket::new_v4().map_err(|e| e.to_string())?;
    let own = SocketAddr::V4(SocketAddrV4::new(from, 0));
    socket.bind(own).map_err(|e| format!("{from}: {e}"))?;
    let to = SocketAddr::V4(SocketAddrV4::new(host, uri.port_u16().unwrap_or(80)));
    let stream = patiently("no connection", socket.connect(to)).await?;
    let speaking = hyper::client::conn::http1::handshake(TokioIo::new(stream));
    let (sender, connection) = patiently("no connection", speaking).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn patient_frame(body: &mut hyper::body::Incoming) -> Result<Option<Bytes>, String> {
    match timeout(SILENCE, body.frame()).await {
        Err(_) => Err("it stalled".to_owned()),
        Ok(None) => Ok(None),
        Ok(Some(Err(why))) => Err(format!("it broke off: {why}")),
        Ok(Some(Ok(frame))) => Ok(Some(frame.into_data().unwrap_or_default())),
    }
}

async fn patiently<T, E: std::fmt::Display>(
    what: &str,
    doing: impl Future<Output = Result<T, E>>,
) -> Result<T, String> {
    match timeout(SILENCE, doing).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(why)) => Err(format!("{what}: {why}")),
        Err(_) => Err(format!("{what} in time")),
    }
}
