//! `bootjack explain`: what a machine would be answered, and why: one that is described, before it
//! happens, or the machines of a capture.

mod asked;
mod ends;
mod entries;
mod learnt;
mod lease;
mod menu;
mod packet;
mod pcap;
mod rows;
mod shape;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::client::{Class, Client, Stage, identify};
use crate::config::{self, Mode, SettingsArgs};
use crate::decide::loader::Named;
use crate::decide::{self, Answer, Incoming, Outcome, Port};
use crate::error::Error;
use crate::firmware::sample;
use crate::profile::select::Verdict;
use crate::profile::{Snapshot, select};
use crate::service::interfaces::{self, Interface};
use crate::service::load::{Loader, Places};
use crate::service::supervise;
use crate::wire::dhcp::{Kind, Message, code};
use crate::wire::{Arch, Mac, Uuid};
use learnt::Learnt;
use packet::{print, reply};

const ACK: &str = "ACK, in answer to REQUEST on port 4011";

/// A machine to explain, or a capture.
#[derive(Debug, Args)]
pub struct Explain {
    /// Its MAC address; with --pcap, the one machine of the capture to explain
    #[arg(long, value_name = "M", required_unless_present = "pcap")]
    mac: Option<Mac>,
    /// Its architecture: bios, efi-x64, http-x64, … or option 93's number
    #[arg(long, value_name = "A", required_unless_present = "pcap")]
    arch: Option<Arch>,
    /// Its UUID, as dmidecode prints it
    #[arg(long, value_name = "U")]
    uuid: Option<Uuid>,
    /// Who speaks [default: rom, or http-boot for an HTTP architecture]
    #[arg(long, value_name = "S")]
    stage: Option<AskingStage>,
    /// What it says of itself beside that
    #[command(flatten)]
    says: asked::Says,
    /// The relay in its subnet that it asks through [default: none, it is on our own link]
    #[arg(long, value_name = "IP", value_parser = asked::host)]
    relay: Option<Ipv4Addr>,
    /// The address it has when it asks port 4011 [default: one in the subnet of the relay, or ours]
    #[arg(long, value_name = "IP", value_parser = asked::host)]
    ip: Option<Ipv4Addr>,
    /// A capture (pcap or pcapng) to explain packet by packet; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["arch", "uuid", "stage", "says", "relay", "ip"])]
    pcap: Option<PathBuf>,
    /// With --pcap: JSON, one object a packet
    #[arg(long)]
    json: bool,
    /// Our address [default: ours on the first interface served]
    #[arg(long, value_name = "IP")]
    server: Option<Ipv4Addr>,
    #[command(flatten)]
    settings: SettingsArgs,
}

/// Stages that speak DHCP to us.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum AskingStage {
    /// Firmware: a NIC's option ROM, or UEFI's own PXE client
    Rom,
    /// UEFI HTTP boot firmware
    HttpBoot,
    /// iPXE
    Ipxe,
}

impl Explain {
    pub(super) fn run(self) -> Result<ExitCode, Error> {
        if self.json && self.pcap.is_none() {
            let text =
                "--json goes with --pcap: it gives the packets of a capture, one object each";
            return Err(Error::usage(text));
        }
        let settings = config::effective(self.settings.clone())?;
        let snapshot = supervise::in_force(&mut Loader::new(Places::from(&settings)).load())?;
        let server = self.server;
        let server = server.unwrap_or_else(|| own_address(&settings.interface, &snapshot));
        let learnt = Learnt::of(&settings);
        if let Some(file) = &self.pcap {
            let wanted = pcap::Wanted {
                file,
                mac: self.mac,
                json: self.json,
            };
            return pcap::run(&wanted, &settings, (&snapshot, &learnt), server);
        }
        let Some(machine) = self.machine() else {
            return Err(Error::usage("explain needs --mac and --arch, or --pcap"));
        };
        let asked = Asked {
            machine,
            says: self.says,
            relay: self.relay,
            ip: self.ip,
        };
        let mut out = String::new();
        let answered = asked
            .explain((&snapshot, &learnt), settings.mode, server, &mut out)
            .is_ok();
        super::done(io::stdout().write_all(out.as_bytes()))?;
        Ok(if answered {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    /// The machine that is described, where one is.
    fn machine(&self) -> Option<sample::Described> {
        let (mac, arch) = self.mac.zip(self.arch)?;
        let stage = match self.stage {
            Some(AskingStage::Ipxe) => Stage::Ipxe,
            Some(AskingStage::HttpBoot) => Stage::HttpBoot,
            None if arch.is_http() => Stage::HttpBoot,
            Some(AskingStage::Rom) | None => Stage::Rom,
        };
        Some(sample::Described {
            mac,
            arch,
            uuid: self.uuid,
            stage,
        })
    }
}

/// A machine that is described, and where it is.
struct Asked {
    machine: sample::Described,
    says: asked::Says,
    relay: Option<Ipv4Addr>,
    ip: Option<Ipv4Addr>,
}

impl Asked {
    fn explain(
        &self,
        known: (&Snapshot, &Learnt),
        mode: Mode,
        server: Ipv4Addr,
        out: &mut String,
    ) -> std::fmt::Result {
        if mode == Mode::Dhcp {
            let message = self.discover(known.0, server);
            return lease::explain(known, &message, server, out);
        }
        let first = match mode {
            Mode::Colocated => Port::Pxe,
            Mode::Proxy | Mode::Dhcp => Port::Dhcp,
        };
        let outcome = self.ask(known, server, first);
        if let Some(client) = &outcome.client {
            machine(known, client, out)?;
            rows::quirks((known.0, mode), client, out)?;
        }
        let answer = match &outcome.decision {
            Ok(answer) => answer,
            Err(why) => {
                writeln!(out, "answer: none: {why}")?;
                return Err(std::fmt::Error);
            }
        };
        shape::strategy(answer, &known.1.servers, out)?;
        if let Some(client) = &outcome.client {
            let profile = &answer.selection.profile;
            let leased = answer.strategy.leased || answer.unleased.is_some();
            shape::pinned(profile, client, (mode, leased), out)?;
            let told = entries::Told {
                profile,
                loader: answer.loader.as_ref().map(Named::as_str),
                no_menu: answer.no_menu.as_ref(),
            };
            entries::menu(known.0, client, (told, server), out)?;
        }
        let answer = shape::sent(answer, &known.1.servers);
        let ack = self.ack_title(server);
        if first == Port::Pxe {
            return at_4011(&outcome, (&ack, answer), out);
        }
        reply("OFFER, in answer to DISCOVER on port 67", answer, out)?;
        if let Some(why) = outcome
            .client
            .as_ref()
            .and_then(|c| ends::unheard(answer, c))
        {
            return ends::here(why, out);
        }
        if !answer.strategy.asks_4011 {
            return Ok(());
        }
        match &self.ask(known, server, Port::Pxe).decision {
            Ok(second) => reply(&ack, second, out),
            Err(why) => {
                writeln!(out, "\n{ack}: none: {why}")?;
                ends::here("nobody answers it on port 4011 (PXE-E16)", out)
            }
        }
    }

    /// The address it has when it asks port 4011: where none is told, another than ours there.
    fn address(&self, server: Ipv4Addr) -> Ipv4Addr {
        self.ip.unwrap_or_else(|| {
            let near = self.relay.unwrap_or(server);
            let [a, b, c, last] = near.octets();
            let other = if last < 254 { last + 1 } else { 253 };
            Ipv4Addr::new(a, b, c, other)
        })
    }

    /// Nobody knows which address the DHCP server gives it.
    fn ack_title(&self, server: Ipv4Addr) -> String {
        match self.ip {
            Some(_) => ACK.to_owned(),
            None => format!(
                "{ACK} from {} (its address is made up; --ip tells another)",
                self.address(server)
            ),
        }
    }

    /// What the machine sends to this port.
    fn message(&self, server: Ipv4Addr, port: Port) -> Message {
        let kind = match port {
            Port::Dhcp => Kind::Discover,
            Port::Pxe => Kind::Request,
        };
        let mut message = sample::message(self.machine, kind, self.address(server));
        self.says.to(&mut message);
        if let (Port::Dhcp, Some(relay)) = (port, self.relay) {
            message.giaddr = relay;
        }
        message
    }

    /// A DISCOVER for a lease: one that asks for whatever there is, but for a Raspberry Pi's.
    fn discover(&self, snapshot: &Snapshot, server: Ipv4Addr) -> Message {
        let mut message = self.message(server, Port::Dhcp);
        let client = identify(&message, server).ok();
        if client.is_some_and(|client| snapshot.quirks.treat(&client).tells_pi(&client)) {
            let list = code::PARAMETER_LIST;
            message.options.push(list, &sample::PI_LIST);
        }
        message
    }

    fn ask(
        &self,
        (snapshot, learnt): (&Snapshot, &Learnt),
        server: Ipv4Addr,
        port: Port,
    ) -> Outcome {
        let peer = match port {
            Port::Dhcp => SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68),
            Port::Pxe => SocketAddrV4::new(self.address(server), 4011),
        };
        decide::decide_knowing(
            snapshot,
            Incoming {
                message: &self.message(server, port),
                port,
                local: server,
                peer,
                unicast: port == Port::Pxe,
                side: None,
            },
            |client| learnt.complete(client),
        )
    }
}

/// Our address that a machine asks: the first that is in a network of ours, else the first, else
/// one for documentation.
fn own_address(interfaces: &[String], snapshot: &Snapshot) -> Ipv4Addr {
    let all = interfaces::to_serve(interfaces).unwrap_or_default();
    let all: Vec<Ipv4Addr> = all.iter().flat_map(Interface::addresses).collect();
    let home = all
        .iter()
        .find(|a| snapshot.networks.of_link(**a).is_some());
    let server = home.or(all.first()).copied();
    server.unwrap_or(Ipv4Addr::new(192, 0, 2, 1))
}

/// Mode `colocated`: all that is ours to say is said at 4011.
fn at_4011(
    outcome: &Outcome,
    (title, answer): (&str, &Answer),
    out: &mut String,
) -> std::fmt::Result {
    if outcome
        .client
        .as_ref()
        .is_some_and(|c| c.class == Class::Http)
    {
        writeln!(
            out,
            "answer: none: HTTP boot never asks port 4011; the DHCP server has to name {} itself (see README)",
            answer
                .loader
                .as_ref()
                .map(Named::as_str)
                .unwrap_or_default()
        )?;
        return Err(std::fmt::Error);
    }
    reply(title, answer, out)
}

/// Who asks, what was learnt of it, and which profiles are for it.
fn machine(
    (snapshot, learnt): (&Snapshot, &Learnt),
    client: &Client,
    out: &mut String,
) -> std::fmt::Result {
    describe(client, out)?;
    learnt.line(client, out)?;
    trace(snapshot, client, out)
}

fn describe(client: &Client, out: &mut String) -> std::fmt::Result {
    let uuid = client
        .uuid
        .map_or_else(|| "no UUID".to_owned(), |u| format!("UUID {u}"));
    writeln!(
        out,
        "machine: {}, {uuid}, {}, stage {}, network {}",
        client.mac,
        client.arch(),
        client.stage,
        client.network
    )
}

fn trace(snapshot: &Snapshot, client: &Client, out: &mut String) -> std::fmt::Result {
    writeln!(out, "profiles considered, the most specific first:")?;
    for considered in select::trace(&snapshot.profiles, &crate::profile::subject(client)) {
        let mark = match considered.verdict {
            Verdict::Chosen => "chosen",
            Verdict::Outranked => "outranked",
            Verdict::Missed => "no match",
        };
        let profile = &considered.profile;
        writeln!(
            out,
            "  {mark:<9} \"{}\" ({}): {}",
            profile.name, profile.file, considered.why
        )?;
    }
    Ok(())
}
