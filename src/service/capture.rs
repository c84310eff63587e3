//! A capture that somebody brings (pcap or pcapng) → its packets, one at a time.
//!
//! The file is untrusted. It is streamed: memory stays under [`MOST`] however long it is, and however
//! large it says a packet is. What is wrong with it ends it, with the reason and with all that came
//! before. Absent on purpose: what the packets say (`wire::link`, `wire::frame`), compressed files.

use std::io::{Cursor, Read};
use std::time::Duration;

use pcap_parser::pcapng::{Block, InterfaceDescriptionBlock};
use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{PcapBlockOwned, PcapError, create_reader};

use crate::wire::link::Link;

/// Bytes that are read at a time; what tools write is smaller.
const USUAL: usize = 256 * 1024;
/// The largest packet or block that is read, in bytes.
const MOST: usize = 16 * 1024 * 1024;
/// The most interfaces of one section.
const INTERFACES: usize = 4096;
/// Bytes of a pcap file's header; no pcapng file is shorter.
const HEAD: usize = 24;
/// What of the last number in a pcap file's header is the kind of link; the others tell of the check
/// sum behind each frame (draft-ietf-opsawg-pcap, section 4).
const LINK_BITS: i32 = 0xffff;
/// What pcap files begin with, in either byte order: with microseconds, nanoseconds, and of patched
/// tools of old.
const PCAP: [u32; 3] = [0xa1b2_c3d4, 0xa1b2_3c4d, 0xa1b2_cd34];
/// What a pcapng file begins with.
const PCAPNG: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
/// What a file that gzip made begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// One packet of a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Its number, from 1, as Wireshark counts.
    pub number: u64,
    /// When it was seen, since 1970; not every capture says.
    pub at: Option<Duration>,
    /// What its bytes begin with, or the number of a kind of link that is not known.
    pub link: Result<Link, i32>,
    /// The bytes, as far as they were captured.
    pub frame: Vec<u8>,
}

/// Why a capture is none, or ends before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Not one byte.
    #[error("it is empty")]
    Empty,
    /// Some other file.
    #[error("it is neither pcap nor pcapng; `tcpdump -w FILE` and Wireshark write such captures")]
    Foreign,
    /// A compressed file.
    #[error("it is compressed; `gunzip` it first, or `zcat FILE | bootjack explain --pcap -`")]
    Compressed,
    /// It ends too early.
    #[error("it ends in the middle of {}; the capture was cut off there", behind(*.0))]
    CutOff(u64),
    /// Its bytes make no sense.
    #[error("{} is damaged, and nothing after it can be read", behind(*.0))]
    Damaged(u64),
    /// It says that a packet is larger than any is.
    #[error("{} says it is larger than 16 MiB, so it is damaged", behind(*.0))]
    TooLarge(u64),
    /// The system does not give its bytes.
    #[error("the system gives no more of its bytes: {} cannot be read", behind(*.0))]
    Unreadable(u64),
}

/// The place behind this packet.
fn behind(packet: u64) -> String {
    match packet {
        0 => "its header or first packet".to_owned(),
        packet => format!("what follows packet {packet}"),
    }
}

/// A capture that is being read. After a [`Damage`] it has ended.
pub struct Capture {
    reader: Box<dyn PcapReaderIterator + Send>,
    room: usize,
    section: Section,
    ended: bool,
}

/// What the packets of a capture have in common.
#[derive(Default)]
struct Section {
    count: u64,
    interfaces: Vec<Interface>,
}

#[derive(Clone, Copy)]
struct Interface {
    link: Result<Link, i32>,
    /// Units of time a second, and seconds to be added.
    clock: (u128, i64),
}

impl Capture {
    /// Begins to read.
    ///
    /// # Errors
    /// What it is instead of a capture.
    pub fn new(mut source: impl Read + Send + 'static) -> Result<Self, Damage> {
        let head = head(&mut source).map_err(|_| Damage::Unreadable(0))?;
        if head.is_empty() {
            return Err(Damage::Empty);
        }
        if head.starts_with(&GZIP) {
            return Err(Damage::Compressed);
        }
        if is_cut_head(&head) {
            return Err(Damage::CutOff(0));
        }
        let whole = Cursor::new(head).chain(source);
        let reader = create_reader(USUAL, whole).map_err(|_| Damage::Foreign)?;
        Ok(Self {
            reader,
            room: USUAL,
            section: Section::default(),
            ended: false,
        })
    }

    fn read(&mut self) -> Result<Option<Packet>, Damage> {
        loop {
            let count = self.section.count;
            let full = match self.reader.next() {
                Ok((length, block)) => {
                    let packet = self.section.take(block);
                    self.reader.consume(length);
                    match packet? {
                        Some(packet) => return Ok(Some(packet)),
                        None => continue,
                    }
                }
                Err(PcapError::Eof) => return Ok(None),
                Err(PcapError::Incomplete(_)) => false,
                Err(PcapError::BufferTooSmall) => true,
                Err(PcapError::UnexpectedEof) => return Err(Damage::CutOff(count)),
                Err(PcapError::ReadError) => return Err(Damage::Unreadable(count)),
                Err(_) => return Err(Damage::Damaged(count)),
            };
            self.fetch(full)?;
        }
    }

    /// More bytes into the buffer; where it is full, into a larger one.
    fn fetch(&mut self, full: bool) -> Result<(), Damage> {
        let count = self.section.count;
        let before = self.reader.data().len();
        if !full {
            let read = self.reader.refill();
            read.map_err(|_| Damage::Unreadable(count))?;
        }
        let stuck = self.reader.data().len() == before && !self.reader.reader_exhausted();
        if stuck {
            self.room = self.room.saturating_mul(2);
            if self.room > MOST || !self.reader.grow(self.room) {
                return Err(Damage::TooLarge(count));
            }
        }
        Ok(())
    }
}

impl Iterator for Capture {
    type Item = Result<Packet, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let read = self.read().transpose();
        self.ended = !matches!(read, Some(Ok(_)));
        read
    }
}

impl Section {
    /// A block: a packet, or what is to be known of those that follow.
    fn take(&mut self, block: PcapBlockOwned<'_>) -> Result<Option<Packet>, Damage> {
        match block {
            PcapBlockOwned::LegacyHeader(header) => {
                let nanoseconds = header.is_nanosecond_precision();
                let units = if nanoseconds {
                    1_000_000_000
                } else {
                    1_000_000
                };
                let link = header.network.0 & LINK_BITS;
                self.interfaces = vec![Interface::new(link, (units, 0))];
            }
            PcapBlockOwned::Legacy(packet) => {
                let clock = self.interfaces.first().map_or(1, |one| one.clock.0);
                let parts = u128::from(packet.ts_usec);
                let units = u128::from(packet.ts_sec).saturating_mul(clock) + parts;
                return Ok(Some(self.packet(0, Some(units), packet.data)));
            }
            PcapBlockOwned::NG(Block::SectionHeader(_)) => self.interfaces.clear(),
            PcapBlockOwned::NG(Block::InterfaceDescription(described)) => {
                self.interface(&described)?;
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                let units = u128::from(packet.ts_high) << 32 | u128::from(packet.ts_low);
                let bytes = packet.packet_data();
                return Ok(Some(self.packet(packet.if_id, Some(units), bytes)));
            }
            PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
                return Ok(Some(self.packet(0, None, packet.packet_data())));
            }
            PcapBlockOwned::NG(_) => {}
        }
        Ok(None)
    }

    fn interface(&mut self, block: &InterfaceDescriptionBlock<'_>) -> Result<(), Damage> {
        if self.interfaces.len() >= INTERFACES {
            return Err(Damage::Damaged(self.count));
        }
        let clock = (resolution(block.if_tsresol), block.if_tsoffset);
        let one = Interface::new(block.linktype.0, clock);
        self.interfaces.push(one);
        Ok(())
    }

    /// A packet of an interface that nobody described is counted and given with a link nobody knows.
    fn packet(&mut self, interface: u32, units: Option<u128>, bytes: &[u8]) -> Packet {
        self.count += 1;
        let at = usize::try_from(interface).unwrap_or(usize::MAX);
        let interface = self.interfaces.get(at);
        Packet {
            number: self.count,
            at: interface.zip(units).and_then(|(i, units)| i.time(units)),
            link: interface.map_or(Err(-1), |interface| interface.link),
            frame: bytes.to_vec(),
        }
    }
}

impl Interface {
    fn new(link: i32, clock: (u128, i64)) -> Self {
        Self {
            link: Link::of_number(link).ok_or(link),
            clock,
        }
    }

    /// Since 1970; `None` for a time that none is.
    fn time(&self, units: u128) -> Option<Duration> {
        let (a_second, offset) = self.clock;
        let seconds = u64::try_from(units.checked_div(a_second)?).ok()?;
        let rest = units.checked_rem(a_second)?;
        let nanoseconds = rest.checked_mul(1_000_000_000)?.checked_div(a_second)?;
        let seconds = seconds.checked_add_signed(offset)?;
        Some(Duration::new(seconds, u32::try_from(nanoseconds).ok()?))
    }
}

/// Units a second, as pcapng's `if_tsresol` says: a power of ten, or of two where the highest bit is
/// set; 0 where it is no sane one.
fn resolution(told: u8) -> u128 {
    let (base, power) = if told & 0x80 == 0 {
        (10, told)
    } else {
        (2_u128, told & 0x7f)
    };
    let sane = power <= if base == 10 { 19 } else { 63 };
    if sane { base.pow(u32::from(power)) } else { 0 }
}

/// The first bytes, as many as it takes to know what file it is: of pcapng, the whole first block,
/// for the reader looks at it before it reads on.
fn head(source: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    source.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    let length = head_length(&head) - HEAD;
    source.take(length as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// The bytes it takes to know what file these begin.
fn head_length(head: &[u8]) -> usize {
    block_length(head).clamp(HEAD, USUAL / 2)
}

/// Whether this begins a capture and ends before its first block does.
fn is_cut_head(head: &[u8]) -> bool {
    let Some(first) = head.first_chunk::<4>() else {
        return false;
    };
    let pcap = [u32::from_le_bytes(*first), u32::from_be_bytes(*first)];
    let known = *first == PCAPNG || pcap.iter().any(|number| PCAP.contains(number));
    known && head.len() < head_length(head)
}

/// The length of the section header that this begins; 0 where it begins none.
fn block_length(head: &[u8]) -> usize {
    let four = |at: usize| head.get(at..).and_then(|rest| rest.first_chunk::<4>());
    let (Some(&PCAPNG), Some(length), Some(order)) = (four(0), four(4), four(8)) else {
        return 0;
    };
    let length = match order {
        [0x1a, 0x2b, 0x3c, 0x4d] => u32::from_be_bytes(*length),
        _ => u32::from_le_bytes(*length),
    };
    usize::try_from(length).unwrap_or(0)
}
