//! What a client's script was told: variables under each program's own names → one [`Lease`].

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// What a client's script was told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The program's own word: `BOUND`, `RENEW`, `bound`, `nak`, …
    pub reason: String,
    /// Its environment.
    pub variables: BTreeMap<String, String>,
}

/// A lease, as the client has understood it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The address.
    pub address: Ipv4Addr,
    /// Option 1.
    pub mask: Option<Ipv4Addr>,
    /// Option 3.
    pub routers: Vec<Ipv4Addr>,
    /// Option 6.
    pub dns: Vec<Ipv4Addr>,
    /// Option 12.
    pub host_name: Option<String>,
    /// Option 15.
    pub domain: Option<String>,
    /// Option 26.
    pub mtu: Option<u16>,
    /// Option 42.
    pub ntp: Vec<Ipv4Addr>,
    /// Option 51, in seconds.
    pub seconds: Option<u32>,
    /// Option 54.
    pub server: Option<Ipv4Addr>,
    /// Option 119.
    pub search: Vec<String>,
    /// Option 121: each network with its router (`10.9.0.0/16`).
    pub routes: Vec<(String, Ipv4Addr)>,
    /// Options asked for by number, as they came ([`LeaseClient::ask`]).
    pub others: BTreeMap<u8, Vec<u8>>,
}

impl Told {
    /// An event as the script has written it: the reason, then the environment.
    pub(super) fn parse(text: &str) -> Self {
        let (reason, environment) = text.split_once('\n').unwrap_or((text, ""));
        let pairs = environment.lines().filter_map(|line| line.split_once('='));
        Self {
            reason: reason.to_owned(),
            variables: pairs
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        }
    }

    /// The lease (or what an INFORM has brought) that it tells of, with the options of these numbers.
    pub fn lease(&self, asked: &[u8]) -> Option<Lease> {
        let has = [
            "BOUND", "RENEW", "REBIND", "REBOOT", "INFORM", "bound", "renew",
        ];
        has.contains(&self.reason.as_str()).then_some(())?;
        let others = asked
            .iter()
            .filter_map(|code| Some((*code, self.other(*code)?)));
        Some(Lease {
            address: self.value("ip", "ip_address")?.parse().ok()?,
            mask: self
                .value("subnet", "subnet_mask")
                .and_then(|v| v.parse().ok()),
            routers: self.addresses("router", "routers"),
            dns: self.addresses("dns", "domain_name_servers"),
            host_name: self.value("hostname", "host_name").map(str::to_owned),
            domain: self.value("domain", "domain_name").map(str::to_owned),
            mtu: self
                .value("mtu", "interface_mtu")
                .and_then(|v| v.parse().ok()),
            ntp: self.addresses("ntpsrv", "ntp_servers"),
            seconds: self
                .value("lease", "dhcp_lease_time")
                .and_then(|v| v.parse().ok()),
            server: self
                .value("serverid", "dhcp_server_identifier")
                .and_then(|v| v.parse().ok()),
            search: self.search(),
            routes: self.routes(),
            others: others.collect(),
        })
    }

    /// A variable by udhcpc's name, or by that of the others.
    fn value(&self, udhcpc: &str, others: &str) -> Option<&str> {
        let found = self.variables.get(&format!("new_{others}"));
        found
            .or_else(|| self.variables.get(udhcpc))
            .map(String::as_str)
    }

    fn words(&self, udhcpc: &str, others: &str) -> Vec<&str> {
        let text = self.value(udhcpc, others).unwrap_or_default();
        text.split_whitespace().collect()
    }

    fn addresses(&self, udhcpc: &str, others: &str) -> Vec<Ipv4Addr> {
        let parsed = self.words(udhcpc, others).into_iter();
        parsed
            .map(|word| word.parse().expect("an address"))
            .collect()
    }

    /// dhclient writes names with their last dot.
    fn search(&self) -> Vec<String> {
        let names = self.words("search", "domain_search").into_iter();
        names
            .map(|name| name.trim_end_matches('.').to_owned())
            .collect()
    }

    /// `10.9.0.0/16 10.77.0.1`, or from dhclient the octets of option 121.
    fn routes(&self) -> Vec<(String, Ipv4Addr)> {
        if let Some(octets) = self.variables.get("new_lab_routes") {
            let octets = octets
                .split(' ')
                .map(|word| word.parse().expect("an octet"));
            return routes_of(&octets.collect::<Vec<u8>>());
        }
        let words = self.words("staticroutes", "classless_static_routes");
        let pair = |pair: &[&str]| (pair[0].to_owned(), pair[1].parse().expect("a router"));
        words.chunks(2).map(pair).collect()
    }

    /// An option by its number. dhclient: text, or octets with colons; the others: hex digits.
    fn other(&self, code: u8) -> Option<Vec<u8>> {
        if let Some(hex) = self.variables.get(&format!("opt{code}")) {
            return Some(octets(hex));
        }
        let text = self.variables.get(&format!("new_lab_{code}"))?;
        let is_hex = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_hexdigit());
        let dhcpcd = self.variables.contains_key("ifcarrier");
        if dhcpcd || (text.contains(':') && text.split(':').all(is_hex)) {
            return Some(octets(text));
        }
        Some(text.trim_matches('"').as_bytes().to_vec())
    }
}

/// `1e:2`, `1e02`: octets in hex.
fn octets(text: &str) -> Vec<u8> {
    let octet = |word: &str| u8::from_str_radix(word, 16).expect("hex digits");
    if text.contains(':') {
        return text.split(':').map(octet).collect();
    }
    let pairs = (0..text.len()).step_by(2);
    pairs
        .map(|at| octet(&text[at..text.len().min(at + 2)]))
        .collect()
}

/// Option 121 (RFC 3442): the width of a network, its significant octets, its router.
fn routes_of(mut octets: &[u8]) -> Vec<(String, Ipv4Addr)> {
    let mut routes = Vec::new();
    while let [width, rest @ ..] = octets {
        let (significant, rest) = rest.split_at(usize::from(width.div_ceil(8)));
        let mut network = [0; 4];
        network[..significant.len()].copy_from_slice(significant);
        let (router, rest) = rest.split_at(4);
        let router: [u8; 4] = router.try_into().expect("four octets");
        routes.push((
            format!("{}/{width}", Ipv4Addr::from(network)),
            router.into(),
        ));
        octets = rest;
    }
    routes
}
