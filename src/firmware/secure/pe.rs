//! The layout of a PE/COFF file: what a signature covers, and where the signatures are.
//!
//! Read from the head of the file alone, so that a kernel of a hundred megabytes is never in memory.
//! What is hashed, and in which order, is "Windows Authenticode Portable Executable Signature Format",
//! "Calculating the PE Image Hash", as shim's and EDK2's code has it: everything but the checksum, the
//! entry of the certificate table, and that table; sections by their place in the file.
//!
//! Invariant: every range ends inside the file, and their number is bounded by the sections.

use std::iter::once;
use std::ops::Range;

use crate::firmware::image::Image;

/// Bytes of a file that are needed for its layout: headers and the table of sections.
pub const HEAD: usize = 64 * 1024;

/// More sections than this no program has.
const MAX_SECTIONS: usize = 96;

/// Where everything is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// What a signature covers, in the order in which it is hashed.
    pub hashed: Vec<Range<u64>>,
    /// The certificate table; empty where there is none.
    pub table: Range<u64>,
    sections: Vec<Section>,
    /// Where the names of sections are that are longer than eight bytes.
    names_at: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Section {
    name: [u8; 8],
    place: Range<u64>,
}

/// Why a file has no layout: firmware and shim find no program in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoProgram {
    /// A kernel that was compressed as a file is.
    #[error("it is compressed (gzip), and so no EFI program")]
    Gzip,
    /// Something else.
    #[error("it is {}, no EFI program", .0.words())]
    Other(Image),
    /// Its headers speak of more than there is.
    #[error("it is cut off: its headers speak of {said} bytes, and there are {there}")]
    CutOff {
        /// So many bytes.
        said: u64,
        /// There are.
        there: u64,
    },
    /// Headers that make no sense.
    #[error("its headers are cut off or make no sense")]
    Broken,
}

impl Layout {
    /// Reads the first [`HEAD`] bytes of a file of this size, or all of it where it has fewer.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read(head: &[u8], size: u64) -> Result<Self, NoProgram> {
        match Image::read(head) {
            Image::Efi(_) => {}
            _ if head.starts_with(&[0x1f, 0x8b]) => return Err(NoProgram::Gzip),
            image => return Err(NoProgram::Other(image)),
        }
        let headers = Headers::read(head).ok_or(NoProgram::Broken)?;
        headers.layout(size)
    }

    /// Bytes that a signature covers.
    pub fn covered(&self) -> u64 {
        let sizes = self
            .hashed
            .iter()
            .map(|range| range.end.saturating_sub(range.start));
        sizes.fold(0, u64::saturating_add)
    }

    /// Whether it has a section of this name, of eight bytes at most.
    pub fn has(&self, name: &str) -> bool {
        self.sections
            .iter()
            .any(|s| short(&s.name) == name.as_bytes())
    }

    /// The contents of a section, from the whole file.
    pub fn section<'f>(&self, file: &'f [u8], name: &str) -> Option<&'f [u8]> {
        let named = |s: &&Section| self.name(file, s) == Some(name.as_bytes());
        part(file, &self.sections.iter().find(named)?.place)
    }

    /// `/14`: the name is 14 bytes into the table of names.
    fn name<'a>(&self, file: &'a [u8], section: &'a Section) -> Option<&'a [u8]> {
        let short = short(&section.name);
        let Some(digits) = short.strip_prefix(b"/") else {
            return Some(short);
        };
        let offset: u64 = str::from_utf8(digits).ok()?.parse().ok()?;
        let at = usize::try_from(self.names_at.checked_add(offset)?).ok()?;
        file.get(at..)?.split(|byte| *byte == 0).next()
    }
}

/// A name up to its first zero.
fn short(name: &[u8; 8]) -> &[u8] {
    name.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A range of a file in memory.
pub(super) fn part<'f>(file: &'f [u8], range: &Range<u64>) -> Option<&'f [u8]> {
    file.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
}

/// What the headers say; no place of it is checked yet.
struct Headers {
    checksum: u64,
    /// The entry of the certificate table in the data directory.
    entry: u64,
    length: u64,
    table: Range<u64>,
    sections: Vec<Section>,
    names_at: u64,
}

impl Headers {
    fn read(head: &[u8]) -> Option<Self> {
        /// What comes before the optional header: `PE\0\0` and the COFF header.
        const COFF: usize = 24;
        let pe = usize::try_from(u32_at(head, 0x3c)?).ok()?;
        let optional = pe.checked_add(COFF)?;
        // PE32 and PE32+ differ in the size of addresses.
        let directory = match u16_at(head, optional)? {
            0x10b => optional.checked_add(96)?,
            0x20b => optional.checked_add(112)?,
            _ => return None,
        };
        // Certificates are the fifth entry (number 4).
        let entry = directory.checked_add(4 * 8)?;
        let entries = u32_at(head, directory.checked_sub(4)?)?;
        let (at, size) = match entries {
            0..=4 => (0, 0),
            _ => (u32_at(head, entry)?, u32_at(head, entry.checked_add(4)?)?),
        };
        let number = usize::from(u16_at(head, pe.checked_add(6)?)?);
        let sections_at = optional.checked_add(usize::from(u16_at(head, pe.checked_add(20)?)?))?;
        let symbols = u64::from(u32_at(head, pe.checked_add(12)?)?);
        let symbols_in_all = u64::from(u32_at(head, pe.checked_add(16)?)?);
        Some(Self {
            checksum: optional.checked_add(64)? as u64,
            entry: entry as u64,
            length: u64::from(u32_at(head, optional.checked_add(60)?)?),
            table: u64::from(at)..u64::from(at).checked_add(u64::from(size))?,
            sections: sections(head.get(sections_at..)?, number)?,
            names_at: symbols.checked_add(symbols_in_all.checked_mul(18)?)?,
        })
    }

    fn layout(self, size: u64) -> Result<Layout, NoProgram> {
        let ends = self.sections.iter().map(|s| s.place.end);
        let said = ends.chain([self.length, self.table.end]).max().unwrap_or(0);
        if said > size {
            return Err(NoProgram::CutOff { said, there: size });
        }
        if self.length < self.entry.saturating_add(8) {
            return Err(NoProgram::Broken);
        }
        Ok(Layout {
            hashed: self.hashed(size),
            table: self.table,
            sections: self.sections,
            names_at: self.names_at,
        })
    }

    fn hashed(&self, size: u64) -> Vec<Range<u64>> {
        let mut places: Vec<Range<u64>> = self.sections.iter().map(|s| s.place.clone()).collect();
        places.sort_by_key(|place| place.start);
        let in_sections: u64 = places.iter().map(|place| place.end - place.start).sum();
        // As it is defined: so many bytes have been hashed, and behind them comes the rest.
        let rest = self.length.saturating_add(in_sections);
        let end = size.saturating_sub(self.table.end - self.table.start);
        let headers = [
            0..self.checksum,
            self.checksum.saturating_add(4)..self.entry,
            self.entry.saturating_add(8)..self.length,
        ];
        let all = headers.into_iter().chain(places).chain(once(rest..end));
        all.filter(|range| range.start < range.end).collect()
    }
}

fn sections(table: &[u8], number: usize) -> Option<Vec<Section>> {
    /// The size of a row.
    const ROW: usize = 40;
    if number > MAX_SECTIONS {
        return None;
    }
    let rows = table.get(..number.checked_mul(ROW)?)?.chunks_exact(ROW);
    let all: Option<Vec<Section>> = rows.map(section).collect();
    Some(all?.into_iter().filter(|s| !s.place.is_empty()).collect())
}

fn section(row: &[u8]) -> Option<Section> {
    let (size, at) = (u64::from(u32_at(row, 16)?), u64::from(u32_at(row, 20)?));
    Some(Section {
        name: *row.first_chunk()?,
        place: at..at.checked_add(size)?,
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
