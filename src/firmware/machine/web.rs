//! The loader by HTTP: its size by HEAD, then all of it by GET (facts F). Connections are made by
//! whoever runs the machine.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::{Machine, Output, Phase, Topic};
use crate::firmware::fault::Fault;
use crate::firmware::kind::Manner;
use crate::firmware::transfer::LARGEST;

/// The types of content that EDK2 boots, and the endings by which it knows them without.
const TYPES: [&str; 3] = [
    "application/efi",
    "application/vnd.efi-iso",
    "application/vnd.efi-img",
];
const ENDINGS: [&str; 3] = [".efi", ".iso", ".img"];

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// An absolute URL.
    pub url: String,
    /// Whether only the head is asked for.
    pub head: bool,
    /// Whether a redirection is followed, as iPXE does.
    pub follows: bool,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The page, or why there is none.
    pub outcome: Result<Page, NoPage>,
    /// How long it took.
    pub took: Duration,
}

/// Why there is no page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoPage {
    /// The server's fault, in words.
    Theirs(String),
    /// Whoever was to ask could not; that says nothing of the server.
    Ours(String),
    /// Nobody has asked: HTTPS is not spoken.
    Https,
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// `200`
    pub status: u16,
    /// `Not Found`
    pub reason: String,
    /// `Content-Length`, where there is one.
    pub length: Option<u64>,
    /// `Content-Type`, where there is one.
    pub kind: Option<String>,
    /// Whether the connection stays open for the next request (HTTP/1.1, and no `Connection: close`).
    pub stays: bool,
    /// Whether there is a header without a value that names the `Server`.
    pub nameless: bool,
    /// The first bytes of the body.
    pub head: Vec<u8>,
    /// Bytes of the body that came.
    pub received: u64,
}

/// Whether another host can have this address, and a machine without routes of its own mean it.
pub const fn is_host(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    !(address.is_loopback() || address.is_link_local() || first == 0 || first >= 224)
}

/// The host of an HTTP URL, without its port; an IPv6 address in its brackets.
pub fn host(url: &str) -> Option<&str> {
    let (host, _) = place(url)?;
    (!host.is_empty()).then_some(host)
}

/// Host and port of an HTTP URL, as they are written.
fn place(url: &str) -> Option<(&str, Option<&str>)> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let place = authority.rsplit_once('@').map_or(authority, |(_, h)| h);
    let name = place.rfind(']').map_or(0, |end| end + 1);
    let colon = place.get(name..)?.find(':').map(|at| at + name);
    let (host, port) = colon.map_or((place, None), |at| {
        (place.get(..at).unwrap_or(place), place.get(at + 1..))
    });
    Some((host, port.filter(|port| !port.is_empty())))
}

/// The port of an HTTP URL that no port can be.
pub fn impossible_port(url: &str) -> Option<&str> {
    let (_, port) = place(url)?;
    port.filter(|port| port.parse::<u16>().map_or(true, |port| port == 0))
}

impl Machine {
    /// Fetches a loader by its URL.
    pub(super) fn fetch(&mut self, url: &str) -> Phase {
        let head = self.manner() == Manner::Edk2Http || !self.setup.fetch;
        if self.manner() == Manner::Edk2Http {
            self.say(Topic::Screen, format!("URI: {url}"));
        }
        self.ask_web(url.to_owned(), head)
    }

    fn ask_web(&mut self, url: String, head: bool) -> Phase {
        if let Some(port) = impossible_port(&url) {
            let why = format!("{port} is no port (1 to 65535)");
            return self.no_page(url, None, why);
        }
        let method = if head { "HEAD" } else { "GET" };
        self.say(Topic::Sent, format!("HTTP: {method} {url}"));
        let question = Question {
            url,
            head,
            follows: self.manner() == Manner::Ipxe,
        };
        self.out.push(Output::Fetch(question.clone()));
        Phase::Web(question)
    }

    pub(super) fn web_answers(&mut self, phase: Phase, answer: Answer) -> Phase {
        let Phase::Web(question) = phase else {
            return phase;
        };
        match answer.outcome {
            Err(NoPage::Theirs(why)) => self.no_page(question.url, None, why),
            Err(NoPage::Https) => self.fail(Fault::Https(question.url)),
            Err(NoPage::Ours(why)) => {
                let url = question.url;
                self.fail(Fault::Unreachable { url, why })
            }
            Ok(page) => self.page(question, &page, answer.took),
        }
    }

    fn no_page(&mut self, url: String, status: Option<u16>, why: String) -> Phase {
        self.fail(Fault::Web { url, status, why })
    }

    fn page(&mut self, question: Question, page: &Page, took: Duration) -> Phase {
        let status = format!("{} {}", page.status, page.reason);
        let size = page
            .length
            .map_or_else(|| "no Content-Length".to_owned(), |n| format!("{n} bytes"));
        let kind = page.kind.as_deref().unwrap_or("no Content-Type");
        self.say(Topic::Heard, format!("{status}, {size}, {kind}"));
        if let Some(why) = self.page_flaw(&question, page) {
            return self.no_page(question.url, Some(page.status), why);
        }
        if question.head && self.manner() == Manner::Edk2Http {
            let size = page.length.unwrap_or(0);
            self.say(Topic::Screen, format!("File Size: {size} Bytes"));
        }
        if question.head && self.setup.fetch {
            return self.ask_web(question.url, false);
        }
        let fetched = (!question.head).then_some((page.received, took));
        let size = fetched.map_or(page.length, |(bytes, _)| Some(bytes));
        self.web_loader(question.url, size, fetched, page)
    }

    /// An ISO or a disk image becomes a RAM disk: no program to be looked at.
    fn web_loader(
        &mut self,
        url: String,
        size: Option<u64>,
        fetched: Option<(u64, Duration)>,
        page: &Page,
    ) -> Phase {
        let disk = [".iso", ".img"].iter().any(|end| path(&url).ends_with(end));
        let disk = disk
            || page
                .kind
                .as_deref()
                .is_some_and(|kind| kind.contains("efi-i"));
        if disk {
            return self.end(super::Verdict::Boots(super::Loader {
                from: url,
                size,
                fetched,
                image: fetched.map(|_| "a disk image".to_owned()),
            }));
        }
        self.loader(url, size, fetched, &page.head)
    }

    /// Why this firmware does not take the page.
    fn page_flaw(&self, question: &Question, page: &Page) -> Option<String> {
        let edk2 = self.manner() == Manner::Edk2Http;
        if page.status >= 300 {
            return Some(format!("{} {}", page.status, page.reason));
        }
        if page.length.is_some_and(|length| length > LARGEST) {
            return Some(format!("more than {LARGEST} bytes"));
        }
        if edk2 && page.nameless {
            return Some(
                "its header \"Server\" is empty, which stops UEFI for good (edk2#7443)".to_owned(),
            );
        }
        if edk2 && question.head && !page.stays {
            let text = "the server hangs up behind it: UEFI sends its GET into the connection that is just being closed, \
                        and fails on a fast LAN (edk2#9920)";
            return Some(text.to_owned());
        }
        if edk2 && question.head && page.length.is_none() {
            return Some("there is no Content-Length".to_owned());
        }
        let known = |kind: &String| TYPES.contains(&kind.as_str());
        let typed = page.kind.as_ref().is_some_and(known);
        let ends = ENDINGS.iter().any(|end| path(&question.url).ends_with(end));
        if edk2 && !typed && !ends {
            return Some(format!(
                "neither is its Content-Type one of {} nor does its path end with .efi, .iso or .img",
                TYPES.join(", ")
            ));
        }
        let short = page.length.is_some_and(|length| page.received < length);
        (!question.head && short).then(|| "it ended too early".to_owned())
    }
}

/// The path of a URL, in small letters.
fn path(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    path.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::{host, impossible_port, is_host};

    #[test]
    fn addresses_that_no_server_has() {
        for (address, wanted) in [
            ([10, 0, 0, 2], true),
            ([127, 0, 0, 1], false),
            ([0, 0, 0, 9], false),
            ([169, 254, 1, 1], false),
            ([224, 0, 0, 1], false),
            ([255, 255, 255, 255], false),
        ] {
            assert_eq!(is_host(address.into()), wanted, "{address:?}");
        }
    }

    #[test]
    fn ports_that_cannot_be() {
        for (url, wanted) in [
            ("http://10.0.0.2:99999/a", Some("99999")),
            ("http://10.0.0.2:0/a", Some("0")),
            ("http://10.0.0.2:x/a", Some("x")),
            ("http://10.0.0.2:8067/a", None),
            ("http://10.0.0.2:/a", None),
            ("http://10.0.0.2/a:99999", None),
            ("http://[::1]/a", None),
        ] {
            assert_eq!(impossible_port(url), wanted, "{url}");
        }
    }

    #[test]
    fn the_host_of_a_url() {
        for (url, wanted) in [
            ("http://10.0.0.2/a.efi", Some("10.0.0.2")),
            ("http://10.0.0.2:8067", Some("10.0.0.2")),
            ("http://me:pw@boot.example:80/x", Some("boot.example")),
            ("a.efi", None),
            ("http:///a.efi", None),
            ("http://[fd00::2]:80/a.efi", Some("[fd00::2]")),
            ("http://[::1]/a.efi", Some("[::1]")),
        ] {
            assert_eq!(host(url), wanted, "{url}");
        }
    }
}
