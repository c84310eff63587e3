//! Profiles and files to measure with.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

/// Bytes that tell their place in a file.
const WORD: u64 = 8;

/// The MAC of machine `number`.
pub const fn mac(number: u32) -> [u8; 6] {
    let [_, a, b, c] = number.to_be_bytes();
    [0x52, 0x54, 0x01, a, b, c]
}

fn written(number: u32) -> String {
    let octets = mac(number).map(|octet| format!("{octet:02x}"));
    octets.join(":")
}

/// A profile of two entries for the machines from `first` on.
pub fn profile(name: &str, first: u32, machines: u32) -> String {
    let mut text = format!("name: {name}\nmatch:\n  mac:\n");
    for number in first..first + machines {
        writeln!(text, "    - \"{}\"", written(number)).expect("text");
    }
    text + "menu:\n  title: Lab\n  timeout: 5s\n  default: debian\n  entries:\n    \
            - id: debian\n      title: Install Debian 12\n      linux:\n        \
            kernel: debian-12/linux\n        initrd: [debian-12/initrd.gz]\n        \
            args: \"auto=true url={{ http }}/preseed/{{ mac }}.cfg\"\n    \
            - id: disk\n      title: Local disk\n      local: true\n"
}

/// This many profiles with this many machines each: name of the file, text.
pub fn profiles(count: u32, machines: u32) -> impl Iterator<Item = (String, String)> {
    (0..count).map(move |n| {
        let text = profile(&format!("machines {n}"), n * machines, machines);
        (format!("{n:05}.yaml"), text)
    })
}

/// A file of this many bytes, written now and so in the page cache. Each eight bytes tell the
/// number of the file and their own place in it.
pub fn file(path: &Path, number: u16, size: u64) {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).expect("a file to serve"));
    let words = (0..size.div_ceil(WORD)).map(|at| word(number, at));
    let whole = size / WORD;
    for (at, word) in (0..).zip(words) {
        let len = if at < whole { WORD } else { size % WORD };
        out.write_all(&word[..len as usize])
            .expect("room for a file to serve");
    }
    out.flush().expect("room for a file to serve");
}

/// Whether these are the bytes of that file from `offset` on.
pub fn holds(number: u16, offset: u64, bytes: &[u8]) -> bool {
    let skew = offset % WORD;
    let first = bytes.len().min(((WORD - skew) % WORD) as usize);
    let (first, rest) = bytes.split_at(first);
    let begun = &word(number, offset / WORD)[skew as usize..];
    let places = offset.div_ceil(WORD)..;
    let whole = |(bytes, at): (&[u8], u64)| *bytes == word(number, at)[..bytes.len()];
    begun.starts_with(first) && rest.chunks(WORD as usize).zip(places).all(whole)
}

const fn word(number: u16, at: u64) -> [u8; WORD as usize] {
    ((number as u64) << 48 | at).to_be_bytes()
}
