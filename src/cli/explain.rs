//! `bootjack explain`: what a machine would be answered, and why, before it happens.

mod learnt;
mod lease;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::client::{Class, Client, Stage};
use crate::config::{self, Mode, SettingsArgs};
use crate::decide::{self, Answer, Incoming, Outcome, Port, sample};
use crate::error::Error;
use crate::profile::select::Verdict;
use crate::profile::{Snapshot, select};
use crate::service::interfaces::{self, Interface};
use crate::service::load::{Loader, Places};
use crate::service::supervise;
use crate::wire::dhcp::{Kind, Message};
use crate::wire::{self, Arch, Mac, Uuid, dhcp};
use learnt::Learnt;

const ACK: &str = "ACK, in answer to REQUEST on port 4011";

/// A machine to explain.
#[derive(Debug, Args)]
pub struct Explain {
    /// Its MAC address
    #[arg(long, value_name = "M")]
    mac: Mac,
    /// Its architecture: bios, efi-x64, http-x64, … or option 93's number
    #[arg(long, value_name = "A")]
    arch: Arch,
    /// Its UUID, as dmidecode prints it
    #[arg(long, value_name = "U")]
    uuid: Option<Uuid>,
    /// Who speaks [default: rom, or http-boot for an HTTP architecture]
    #[arg(long, value_name = "S")]
    stage: Option<AskingStage>,
    /// An address in its subnet [default: ours on the first interface served]
    #[arg(long, value_name = "IP")]
    ip: Option<Ipv4Addr>,
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
        let settings = config::effective(self.settings.clone())?;
        let snapshot = supervise::in_force(&mut Loader::new(Places::from(&settings)).load())?;
        let server = server(&settings.interface, &snapshot);
        let learnt = Learnt::of(&settings.state);
        let mut out = String::new();
        let answered = self
            .explain((&snapshot, &learnt), settings.mode, server, &mut out)
            .is_ok();
        super::done(io::stdout().write_all(out.as_bytes()))?;
        Ok(if answered {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    fn machine(&self) -> sample::Machine {
        let stage = match self.stage {
            Some(AskingStage::Ipxe) => Stage::Ipxe,
            Some(AskingStage::HttpBoot) => Stage::HttpBoot,
            None if self.arch.is_http() => Stage::HttpBoot,
            Some(AskingStage::Rom) | None => Stage::Rom,
        };
        sample::Machine {
            mac: self.mac,
            arch: self.arch,
            uuid: self.uuid,
            stage,
        }
    }

    fn explain(
        &self,
        known: (&Snapshot, &Learnt),
        mode: Mode,
        server: Ipv4Addr,
        out: &mut String,
    ) -> std::fmt::Result {
        if mode == Mode::Dhcp {
            let message = self.message(server, Port::Dhcp);
            return lease::explain(known, &message, server, out);
        }
        let first = match mode {
            Mode::Colocated => Port::Pxe,
            Mode::Proxy | Mode::Dhcp => Port::Dhcp,
        };
        let outcome = self.ask(known, server, first);
        if let Some(client) = &outcome.client {
            describe(client, out)?;
            known.1.line(client, out)?;
            trace(known.0, client, out)?;
        }
        let answer = match &outcome.decision {
            Ok(answer) => answer,
            Err(why) => {
                writeln!(out, "answer: none: {why}")?;
                return Err(std::fmt::Error);
            }
        };
        strategy(answer, out)?;
        if first == Port::Pxe {
            return at_4011(&outcome, answer, out);
        }
        reply("OFFER, in answer to DISCOVER on port 67", answer, out)?;
        if answer.strategy.asks_4011
            && let Ok(ack) = &self.ask(known, server, Port::Pxe).decision
        {
            reply(ACK, ack, out)?;
        }
        Ok(())
    }

    /// What the machine sends to this port.
    fn message(&self, server: Ipv4Addr, port: Port) -> Message {
        let address = self.ip.unwrap_or(server);
        let kind = match port {
            Port::Dhcp => Kind::Discover,
            Port::Pxe => Kind::Request,
        };
        let mut message = sample::message(self.machine(), kind, address);
        if let (Port::Dhcp, Some(ip)) = (port, self.ip.filter(|ip| *ip != server)) {
            message.giaddr = ip; // a DISCOVER tells its subnet by the relay it came through
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
            Port::Pxe => SocketAddrV4::new(self.ip.unwrap_or(server), 4011),
        };
        decide::decide_knowing(
            snapshot,
            Incoming {
                message: &self.message(server, port),
                port,
                local: server,
                peer,
                unicast: port == Port::Pxe,
            },
            |client| learnt.complete(client),
        )
    }
}

/// Our address that a machine asks: the first that is in a network of ours, else the first, else
/// one for documentation.
fn server(interfaces: &[String], snapshot: &Snapshot) -> Ipv4Addr {
    let all = interfaces::to_serve(interfaces).unwrap_or_default();
    let all: Vec<Ipv4Addr> = all.iter().flat_map(Interface::addresses).collect();
    let home = all
        .iter()
        .find(|a| snapshot.networks.of_link(**a).is_some());
    let server = home.or(all.first()).copied();
    server.unwrap_or(Ipv4Addr::new(192, 0, 2, 1))
}

/// Mode `colocated`: all that is ours to say is said at 4011.
fn at_4011(outcome: &Outcome, answer: &Answer, out: &mut String) -> std::fmt::Result {
    if outcome
        .client
        .as_ref()
        .is_some_and(|c| c.class == Class::Http)
    {
        writeln!(
            out,
            "answer: none: HTTP boot never asks port 4011; the DHCP server has to name {} itself (see README)",
            answer.loader
        )?;
        return Err(std::fmt::Error);
    }
    reply(ACK, answer, out)
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

fn strategy(answer: &Answer, out: &mut String) -> std::fmt::Result {
    let profile = &answer.selection.profile;
    writeln!(
        out,
        "profile: \"{}\" ({}): {}",
        profile.name, profile.file, answer.selection.why
    )?;
    writeln!(
        out,
        "strategy: {}: {}",
        answer.strategy.name, answer.strategy.evidence
    )?;
    writeln!(out, "chosen by: {}", answer.by)?;
    if !answer.delay.is_zero() {
        writeln!(out, "delay: {:?} before the OFFER", answer.delay)?;
    }
    writeln!(out, "loader: {}", answer.loader)
}

fn reply(title: &str, answer: &Answer, out: &mut String) -> std::fmt::Result {
    print(title, answer.to, &answer.message, &answer.bytes, out)
}

/// A reply, decoded and in hex.
fn print(
    title: &str,
    to: SocketAddrV4,
    message: &Message,
    bytes: &[u8],
    out: &mut String,
) -> std::fmt::Result {
    writeln!(out, "\n{title}: {} bytes to {to}", bytes.len())?;
    decoded(message, out)?;
    for line in bytes.chunks(16).enumerate() {
        hex(line, out)?;
    }
    Ok(())
}

fn decoded(message: &Message, out: &mut String) -> std::fmt::Result {
    let text = |field: &[u8]| {
        String::from_utf8_lossy(field)
            .trim_end_matches('\0')
            .to_owned()
    };
    writeln!(
        out,
        "  yiaddr {}  siaddr {}  giaddr {}  flags {:#06x}",
        message.yiaddr, message.siaddr, message.giaddr, message.flags
    )?;
    writeln!(
        out,
        "  sname \"{}\"  file \"{}\"",
        text(&message.sname),
        text(&message.file)
    )?;
    for (code, value) in message.options.iter() {
        writeln!(out, "  option {code:3} {}", dhcp::describe(code, value))?;
    }
    Ok(())
}

/// Sixteen bytes of a line; lines of zeros alone are left out, as they are padding.
fn hex((n, bytes): (usize, &[u8]), out: &mut String) -> std::fmt::Result {
    if bytes.iter().all(|b| *b == 0) {
        return Ok(());
    }
    writeln!(out, "  {:04x}  {}", n * 16, wire::hex(bytes))
}
