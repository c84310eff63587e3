//! Networks built by hand, and clients that talk to a book of leases.

#![allow(dead_code)] // each test file uses its part

use std::net::Ipv4Addr;
use std::time::Duration;

use bootjack::lease::{
    Ask, Binding, Book, Change, Holder, Kind, Limits, Outcome, Silence, State, Time, Verdict,
};
use bootjack::network::{
    Conflict, Criteria, LeaseTimes, Network, Networks, Pool, Range, Reservation, Reservations,
    Subnet, Terms, Who, Whom,
};
use bootjack::wire::{Mac, Uuid};
use bootjack::yaml::At;

/// Lease times of every pool here, in seconds.
pub const MIN: u32 = 10;
pub const DEFAULT: u32 = 60;
pub const MAX: u32 = 1000;

pub const QUARANTINE: Time = 300;

pub fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

pub fn mac(n: u8) -> Mac {
    Mac::ethernet([2, 0, 0, 0, 0, n])
}

pub fn times(min: u32, default: u32, max: u32) -> Terms {
    Terms {
        lease: LeaseTimes {
            min: Some(min),
            default: Some(default),
            max: Some(max),
        },
        ..Terms::default()
    }
}

pub fn range(first: &str, last: &str) -> Range {
    Range {
        first: ip(first),
        last: ip(last),
    }
}

pub fn pool(first: &str, last: &str) -> Pool {
    Pool {
        range: range(first, last),
        exclude: Vec::new(),
        tags: [].into(),
        bootp: false,
        terms: times(MIN, DEFAULT, MAX),
    }
}

pub fn subnet(net: &str, pools: Vec<Pool>) -> Subnet {
    Subnet {
        net: net.parse().unwrap(),
        pools,
        terms: times(MIN, DEFAULT, MAX),
    }
}

pub fn network(name: &str, subnets: Vec<Subnet>) -> Network {
    Network {
        name: name.into(),
        match_client_id: true,
        subnets,
    }
}

pub fn networks(all: Vec<Network>, reservations: Vec<Reservation>) -> Networks {
    Networks {
        authoritative: None,
        conflict: Conflict::default(),
        quarantine: Duration::from_secs(QUARANTINE),
        all,
        reservations: Reservations::new(reservations),
        ..Networks::default()
    }
}

pub fn reserved(mac: Mac, address: &str) -> Reservation {
    reserved_for(Whom::Mac(mac), address)
}

pub fn reserved_for(whom: Whom, address: &str) -> Reservation {
    Reservation {
        whom,
        address: Some(ip(address)),
        host_name: None,
        profile: None,
        terms: Terms::default(),
        at: At { line: 1, column: 1 },
    }
}

/// A client on a link.
#[derive(Debug, Clone)]
pub struct Client {
    pub holder: Holder,
    /// The network it is plugged into.
    pub network: usize,
    pub seconds: Option<u32>,
    pub host_name: Option<Vec<u8>>,
    pub criteria: Criteria,
    /// What it shows of itself beside `holder`, where it does.
    pub uuid: Option<Uuid>,
    pub circuit: Option<Vec<u8>>,
}

/// Client `n`, on the first network.
pub fn client(n: u8) -> Client {
    Client {
        holder: Holder::new(mac(n), None, true),
        network: 0,
        seconds: None,
        host_name: None,
        criteria: Criteria::default(),
        uuid: None,
        circuit: None,
    }
}

pub fn uuid(n: u8) -> Uuid {
    Uuid::from_option_97(&[&[0][..], &[n; 16]].concat()).unwrap()
}

pub fn circuit(name: &str) -> Whom {
    Whom::Circuit(name.as_bytes().into())
}

impl Client {
    pub fn with_id(mut self, id: &[u8]) -> Self {
        self.holder = Holder::new(self.holder.mac, Some(id), true);
        self
    }

    pub fn at(mut self, network: usize) -> Self {
        self.network = network;
        self
    }

    /// The same behind a relay, which names its circuit.
    pub fn on_circuit(mut self, name: &str) -> Self {
        self.circuit = Some(name.into());
        self
    }

    pub fn with_uuid(mut self, n: u8) -> Self {
        self.uuid = Some(uuid(n));
        self
    }

    pub fn who(&self) -> Who<'_> {
        Who {
            mac: self.holder.mac,
            client_id: self.holder.id.as_deref(),
            uuid: self.uuid,
            circuit: self.circuit.as_deref(),
        }
    }

    pub fn wanting(mut self, seconds: u32) -> Self {
        self.seconds = Some(seconds);
        self
    }
}

/// A book with the networks in force.
pub struct World {
    pub book: Book,
    pub networks: Networks,
    pub now: Time,
    pub authoritative: bool,
    pub changes: Vec<Change>,
}

impl World {
    /// One network, one subnet, 10.0.0.0/24, one pool of ten, and reservations.
    pub fn reserving(reservations: Vec<Reservation>) -> Self {
        let pools = vec![pool("10.0.0.10", "10.0.0.19")];
        let lan = network("lan", vec![subnet("10.0.0.0/24", pools)]);
        Self::new(networks(vec![lan], reservations))
    }

    pub fn new(networks: Networks) -> Self {
        Self::bounded(networks, Limits::default())
    }

    pub fn bounded(networks: Networks, limits: Limits) -> Self {
        let mut book = Book::new(limits);
        let now = 1_000_000;
        book.set_networks(now, &networks);
        Self {
            book,
            networks,
            now,
            authoritative: true,
            changes: Vec::new(),
        }
    }

    /// One network, one subnet, 10.0.0.0/24, one pool.
    pub fn simple(first: &str, last: &str) -> Self {
        let subnets = vec![subnet("10.0.0.0/24", vec![pool(first, last)])];
        Self::new(networks(vec![network("lan", subnets)], vec![]))
    }

    pub fn reload(&mut self, networks: Networks) {
        self.changes
            .extend(self.book.set_networks(self.now, &networks));
        self.networks = networks;
    }

    pub fn pass(&mut self, seconds: Time) {
        self.now = self.now.saturating_add(seconds);
    }

    pub fn ask(&mut self, client: &Client, kind: Kind, address: Option<Ipv4Addr>) -> Outcome {
        let network = &self.networks.all[client.network];
        let asks = (&client.holder, &client.who());
        let about = address.filter(|_| kind != Kind::Discover);
        let networks = &self.networks;
        let reservation = self.book.reserved_for(networks, network, asks, about);
        let outcome = self.book.handle(
            self.now,
            &Ask {
                kind,
                holder: &client.holder,
                address,
                seconds: client.seconds,
                host_name: client.host_name.as_deref(),
                networks: &self.networks,
                network,
                reservation,
                profile: None,
                terms: &Terms::default(),
                criteria: &client.criteria,
                authoritative: self.authoritative,
            },
        );
        self.changes.extend(outcome.changes.iter().cloned());
        outcome
    }

    pub fn verdict(&mut self, client: &Client, kind: Kind, address: &str) -> Verdict {
        self.ask(client, kind, Some(ip(address))).verdict
    }

    /// DISCOVER; what is offered, tried where it has to be.
    pub fn offer(&mut self, client: &Client) -> Result<Binding, Silence> {
        self.offer_of(client, None)
    }

    pub fn offer_of(
        &mut self,
        client: &Client,
        wanted: Option<Ipv4Addr>,
    ) -> Result<Binding, Silence> {
        match self.ask(client, Kind::Discover, wanted).verdict {
            Verdict::Offer { binding, probe } => {
                if probe {
                    assert!(self.book.probed(binding.address, binding.serial));
                }
                Ok(binding)
            }
            Verdict::Silence(why) => Err(why),
            other => panic!("{other:?} to a DISCOVER"),
        }
    }

    /// What an ACK gives, its record stored.
    pub fn acked(&mut self, client: &Client, kind: Kind, address: Ipv4Addr) -> Binding {
        let outcome = self.ask(client, kind, Some(address));
        let Verdict::Ack(binding) = outcome.verdict else {
            panic!("{:?} to {kind:?} of {address}", outcome.verdict);
        };
        assert_eq!(outcome.records.len(), 1, "an ACK comes with its record");
        assert_eq!(outcome.records[0].address, address);
        assert_eq!(outcome.records[0].state, State::Leased);
        assert!(self.book.stored(binding.address, binding.serial));
        binding
    }

    /// DISCOVER and REQUEST, stored: the address that the client has.
    pub fn lease(&mut self, client: &Client) -> Ipv4Addr {
        let binding = self.offer(client).unwrap();
        self.acked(client, Kind::Selecting { ours: true }, binding.address)
            .address
    }

    pub fn state(&self, address: &str) -> State {
        let lease = self.book.get(ip(address));
        lease.map_or(State::Available, |lease| lease.state)
    }

    pub fn free(&self) -> u64 {
        self.networks.all.iter().map(|n| self.book.free(n)).sum()
    }

    /// What changed since this was asked last: address, from, to.
    pub fn told(&mut self) -> Vec<(Ipv4Addr, State, State)> {
        let all = std::mem::take(&mut self.changes).into_iter();
        all.map(|c| (c.lease.address, c.was, c.lease.state))
            .collect()
    }

    pub fn expire(&mut self) {
        self.changes.extend(self.book.expire(self.now));
    }
}
