//! `bootjack explain --pcap FILE`: a capture, packet by packet: who asks what, what other servers
//! said, and what this bootjack would answer, or why nothing.
//!
//! What an earlier packet tells of a machine is kept, as the service keeps it; and what was learnt of
//! it counts, as in all answers. The file is untrusted:
//! nothing in it ends the explanation of what follows, unless the file itself cannot be read on; and
//! memory does not grow with it. Absent on purpose: HTTP (TCP), IPv6, putting fragments together.

mod datagram;
mod order;
mod text;
mod told;
mod transfers;
mod witness;

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::ExitCode;

use super::learnt::Learnt;
use crate::config::Effective;
use crate::error::Error;
use crate::profile::Snapshot;
use crate::service::capture::{Capture, Damage};
use crate::wire::Mac;
use datagram::Heard;
use order::Sorted;
use told::{End, Event};
use witness::Witness;

/// How many messages may be out of their order in a file: several interfaces are written down by
/// several hands.
const WINDOW: usize = 64;

/// What is to be explained, and how.
pub(super) struct Wanted<'a> {
    /// The file; `-` is standard input.
    pub(super) file: &'a Path,
    /// Only this machine.
    pub(super) mac: Option<Mac>,
    /// As JSON, one object a line.
    pub(super) json: bool,
}

/// Explains a capture; what is wrong with the file is said at its end. Of a file that was read to its
/// end, but of whose packets not one is of a kind that is understood, nothing could be said.
pub(super) fn run(
    wanted: &Wanted<'_>,
    settings: &Effective,
    (snapshot, learnt): (&Snapshot, &Learnt),
    server: Ipv4Addr,
) -> Result<ExitCode, Error> {
    let live = wanted.file == Path::new("-");
    let source = open(wanted.file, live)?;
    let mut packets = Capture::new(source).map_err(|why| broken(wanted.file, why))?;
    let mut witness = Witness::new((snapshot, learnt), settings, server);
    let mut out = Output {
        to: io::stdout().lock(),
        json: wanted.json,
    };
    let written = out.begin(settings, server, learnt).and_then(|()| {
        explain(&mut packets, &mut witness, wanted, &mut |event| {
            out.event(event)
        })
    });
    let (end, damage) = match written {
        Ok(ended) => ended,
        Err(e) => return super::super::done(Err(e)),
    };
    super::super::done(out.end(&end))?;
    match damage {
        Some(why) => Err(broken(wanted.file, why)),
        None if end.is_unread() => Ok(ExitCode::FAILURE),
        None => Ok(ExitCode::SUCCESS),
    }
}

fn open(file: &Path, live: bool) -> Result<Box<dyn Read + Send>, Error> {
    if live {
        return Ok(Box::new(io::stdin()));
    }
    let opened = File::open(file).map_err(|e| Error::read("capture", file, &e))?;
    let is_folder = opened.metadata().is_ok_and(|meta| meta.is_dir());
    if is_folder {
        let error = io::ErrorKind::IsADirectory.into();
        return Err(Error::read("capture", file, &error));
    }
    Ok(Box::new(opened))
}

fn broken(file: &Path, why: Damage) -> Error {
    Error::failed(format!("the capture {}: {why}", file.display()))
}

/// Every packet of interest, in the order of time. What is wrong with the file ends it.
fn explain(
    packets: &mut Capture,
    witness: &mut Witness<'_>,
    wanted: &Wanted<'_>,
    tell: &mut dyn FnMut(&Event) -> io::Result<()>,
) -> io::Result<(End, Option<Damage>)> {
    let live = wanted.file == Path::new("-");
    let mut waiting = Sorted::new(if live { 0 } else { WINDOW });
    let mut end = End::default();
    let mut damage = None;
    let mut ripe = |heard: Vec<Heard>, end: &mut End| -> io::Result<()> {
        for heard in heard {
            match witness.hear(&heard, wanted.mac) {
                Some(event) => {
                    end.explained += 1;
                    tell(&event)?;
                }
                None => end.left_out += 1,
            }
        }
        Ok(())
    };
    for packet in packets {
        match packet {
            Ok(packet) => {
                end.packets += 1;
                end.count_link(&packet);
                if let Some(heard) = Heard::in_packet(&packet) {
                    ripe(waiting.push(heard), &mut end)?;
                }
            }
            Err(why) => damage = Some(why),
        }
    }
    ripe(waiting.rest(), &mut end)?;
    let missing = wanted.mac.filter(|_| end.explained == 0);
    end.not_learnt = witness.learnt.trouble();
    end.not_in_it = missing.map(|mac| witness.without(mac));
    Ok((end, damage))
}

/// Where the explanation goes: text, or JSON lines.
struct Output<W> {
    to: W,
    json: bool,
}

impl<W: Write> Output<W> {
    fn begin(&mut self, settings: &Effective, server: Ipv4Addr, learnt: &Learnt) -> io::Result<()> {
        if self.json {
            return Ok(());
        }
        let mode = settings.mode.name();
        writeln!(self.to, "Answers are those of mode {mode} at {server}.")?;
        let trouble = learnt.trouble();
        trouble.map_or(Ok(()), |why| {
            writeln!(self.to, "What was learnt of machines {why}")
        })
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        if self.json {
            self.line(event)
        } else {
            self.to.write_all(text::event(event).as_bytes())
        }
    }

    fn end(&mut self, end: &End) -> io::Result<()> {
        if self.json {
            self.line(end)
        } else {
            self.to.write_all(text::end(end).as_bytes())
        }
    }

    fn line(&mut self, of: &impl serde::Serialize) -> io::Result<()> {
        let line = serde_json::to_string(of).map_err(io::Error::other)?;
        writeln!(self.to, "{line}")
    }
}
