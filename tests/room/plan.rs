//! What is to be played.

use std::time::Duration;

use bootjack::firmware::Kind;

use super::link::Terms;

/// A room, its cable, and what its machines do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How many machines.
    pub machines: u16,
    /// Which ones, in turn.
    pub kinds: Vec<Kind>,
    /// The cable between the room and the servers, the same both ways.
    pub cable: Terms,
    /// The first machine is switched on at once, the last one so much later.
    pub spread: Duration,
    /// Bytes of initrd and kernel.
    pub files: [usize; 2],
    /// What happens by chance.
    pub seed: u64,
    /// Whether only answers to DISCOVERs are waited for.
    pub only_offers: bool,
    /// So long machines boot again and again; `None`: each boots once.
    pub lasts: Option<Duration>,
}

impl Default for Plan {
    /// 500 machines of three kinds on a line of 200 Mbit/s with a switch's queue, 1 % loss.
    fn default() -> Self {
        let kinds = vec![Kind::EfiX64, Kind::Bios, Kind::EfiX64, Kind::Ipxe];
        Self {
            machines: 500,
            kinds,
            cable: Terms {
                rate: 200_000_000,
                delay: Duration::from_micros(100),
                loss: 0.01,
                twice: 0.001,
                overtaken: 0.001,
                late: Duration::from_millis(2),
                queue: 2 << 20,
            },
            spread: Duration::from_secs(2),
            files: [512 << 10, 256 << 10],
            seed: 1,
            only_offers: false,
            lasts: None,
        }
    }
}

impl Plan {
    /// The kind of each machine.
    pub fn kind(&self, number: u16) -> Kind {
        self.kinds[usize::from(number) % self.kinds.len()]
    }

    /// When each is switched on.
    pub fn starts(&self, number: u16) -> Duration {
        self.spread * u32::from(number) / u32::from(self.machines)
    }
}
