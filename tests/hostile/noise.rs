//! Bytes that are wrong in many ways, the same in every run.

use crate::support::clients::{BootClient, Speaker};
use crate::support::packet::{Packet, capture};

/// Every capture of real firmware.
pub const CAPTURES: [&str; 10] = [
    "dhclient-discover",
    "edk2-http-discover",
    "edk2-pxe-boot-server",
    "edk2-pxe-discover",
    "edk2-pxe-request",
    "edk2-pxe-request-4011",
    "ipxe-rom-discover",
    "ipxe-rom-boot-server",
    "snponly-request-4011",
    "udhcpc-discover",
];

/// A generator of numbers (xorshift64).
pub struct Noise(u64);

impl Noise {
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    /// Up to `most` random bytes.
    pub fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most + 1);
        (0..length).map(|_| self.next() as u8).collect()
    }

    /// `bytes` with a few of them changed.
    pub fn mutated(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(8) {
            let at = self.below(bytes.len());
            bytes[at] = self.next() as u8;
        }
        bytes
    }
}

/// The captures, cut at every 7th length and with bytes changed.
pub fn broken_captures() -> Vec<Vec<u8>> {
    let mut noise = Noise::new(7);
    let mut all = Vec::new();
    for name in CAPTURES {
        let whole = capture(name);
        all.extend((0..whole.len()).step_by(7).map(|end| whole[..end].to_vec()));
        all.extend((0..100).map(|_| noise.mutated(&whole)));
    }
    all
}

/// Messages whose options are malicious: each is one idea.
pub fn option_bombs() -> Vec<Vec<u8>> {
    let client = BootClient::new(Speaker::Edk2, 9);
    let discover = client.discover();
    let with = |code: u8, data: &[u8]| discover.clone().with(code, data).bytes();
    let mut all = vec![
        // thousands of options, of one code and of all
        tail(&discover, &[97, 0].repeat(600)),
        tail(
            &discover,
            &(1..=254).flat_map(|code| [code, 0]).collect::<Vec<u8>>(),
        ),
        tail(
            &discover,
            &[[60, 255].as_slice(), &[b'A'; 255]].concat().repeat(5),
        ),
        // a length that runs past the end, no END at all, only padding
        tail(&discover, &[43, 255, 1]),
        discover.bytes().strip_suffix(&[255]).unwrap().to_vec(),
        tail(&discover, &[0; 1200]),
        // option 43 with sub-options that run out, repeat, or are all END and padding
        with(43, &[71]),
        with(43, &[71, 255, 0, 0]),
        with(43, &[9, 255].repeat(100)),
        with(43, &[0; 255]),
        with(43, &[255; 255]),
        // client UUIDs, architectures and sizes of all lengths
        with(97, &[0; 255]),
        with(93, &[0xff; 254]),
        with(93, &[7]),
        with(57, &[0, 0]),
        with(57, &[0xff, 0xff, 0xff]),
        with(60, &[b'P'; 255]),
        with(77, &[0xff; 255]),
        with(175, &[0x13, 255, 1]),
    ];
    all.extend((1..=254).map(|code| discover.clone().without(code).with(code, &[]).bytes()));
    all.extend(overloads(&discover));
    all
}

/// `packet` with raw bytes between its options and END.
fn tail(packet: &Packet, raw: &[u8]) -> Vec<u8> {
    let mut bytes = packet.bytes();
    bytes.pop();
    bytes.extend(raw);
    bytes.push(255);
    bytes
}

/// Option 52 in the options, in `file` and in `sname`, each naming the other.
fn overloads(discover: &Packet) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for overload in [0, 1, 2, 3, 4, 255] {
        let mut bytes = discover.clone().with(52, &[overload]).bytes();
        bytes[44..48].copy_from_slice(&[52, 1, 3, 255]);
        bytes[108..112].copy_from_slice(&[52, 1, 3, 255]);
        all.push(bytes.clone());
        bytes[44..108].fill(52);
        bytes[108..236].fill(60);
        all.push(bytes);
    }
    all
}

/// Headers that lie.
pub fn wrong_headers() -> Vec<Vec<u8>> {
    let whole = BootClient::new(Speaker::Edk2, 9).discover().bytes();
    let changed = |at: usize, bytes: &[u8]| {
        let mut packet = whole.clone();
        packet[at..at + bytes.len()].copy_from_slice(bytes);
        packet
    };
    vec![
        changed(236, &[1, 2, 3, 4]),     // cookie
        changed(236, &[0; 4]),           // cookie
        changed(0, &[0]),                // op
        changed(0, &[255]),              // op
        changed(1, &[255]),              // htype
        changed(2, &[255]),              // hlen
        changed(2, &[17]),               // hlen
        changed(2, &[16]),               // hlen
        changed(3, &[255]),              // hops
        changed(28, &[0; 16]),           // chaddr
        changed(28, &[255; 16]),         // chaddr
        changed(12, &[255; 12]),         // ciaddr, yiaddr, siaddr
        whole[..236].to_vec(),           // no cookie
        whole[..240].to_vec(),           // no option
        [whole, vec![7; 1200]].concat(), // bytes behind END
    ]
}
