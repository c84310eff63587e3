//! Bounds on what strangers can make us hold, with the defaults that README states.

use std::time::Duration;

use crate::transfer::Bounds;

/// Bounds on what strangers can make us hold.
#[derive(Debug, Clone)]
pub struct Limits {
    /// TFTP transfers under way, in all.
    pub tftp_transfers: usize,
    /// TFTP transfers under way for one address.
    pub tftp_per_client: usize,
    /// The largest window that TFTP grants, in blocks.
    pub tftp_windowsize: u16,
    /// The largest block that TFTP grants, in bytes; a path's MTU may make it smaller.
    pub tftp_blksize: u16,
    /// Whether the kernel is to cut TFTP's datagrams, and offers that leave together, out of one buffer (GSO),
    /// where it can.
    pub tftp_segmentation: bool,
    /// HTTP connections open, in all.
    pub http_connections: usize,
    /// HTTPS connections open, in all; with 64 KiB each that TLS holds at most, 64 MiB by default.
    pub https_connections: usize,
    /// HTTP connections open from one address, and as many of HTTPS.
    pub http_per_client: usize,
    /// HTTPS transfers that read files in chunks of 256 KiB; those beyond read in chunks of 16 KiB.
    /// With two chunks each, the files of `https_connections` transfers take no more memory than
    /// `http_wide` × 512 KiB + the rest × 32 KiB: 152 MiB by default. Nobody waits for room. Those of HTTP
    /// take none: the kernel sends them from its page cache.
    pub http_wide: usize,
    /// How long without progress until a connection is closed.
    pub idle: Duration,
    /// Machines remembered, each with its timeline.
    pub clients: usize,
    /// Events kept a machine.
    pub events_per_client: usize,
    /// Events kept in all.
    pub events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tftp_transfers: 4096,
            tftp_per_client: 32,
            tftp_windowsize: Bounds::DEFAULT_WINDOWSIZE,
            tftp_blksize: u16::MAX,
            tftp_segmentation: true,
            http_connections: 4096,
            https_connections: 1024,
            http_per_client: 64,
            http_wide: 256,
            idle: Duration::from_secs(30),
            clients: 4096,
            events_per_client: 128,
            events: 65_536,
        }
    }
}
