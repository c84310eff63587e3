//! Profiles and files to measure with.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

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

/// A file of this many bytes, written now and so in the page cache.
pub fn file(path: &Path, size: u64) {
    let mut out = BufWriter::new(File::create(path).expect("a file to serve"));
    let piece: Vec<u8> = (0..=u8::MAX).cycle().take(1 << 20).collect();
    let mut left = size;
    while left > 0 {
        let now = left.min(piece.len() as u64);
        out.write_all(&piece[..now as usize])
            .expect("room for a file to serve");
        left -= now;
    }
    out.flush().expect("room for a file to serve");
}
