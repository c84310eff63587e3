//! What the peer of a connected socket says, a packet a call.
//!
//! Whether more is there only another call says, which in lock-step is one in three, and in vain: so who has
//! just answered, and expects nothing but what answers him, may [`Inbox::expect`] the kernel to tell of it.
//! Nothing is allocated.

use std::io;
use std::net::UdpSocket;

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

/// Room for what clients say: acknowledgements, and errors in words.
const PACKET: usize = 256;

/// The packet that came last.
#[derive(Debug)]
pub struct Inbox {
    packet: [u8; PACKET],
    len: usize,
    more: bool,
    at_once: bool,
}

impl Inbox {
    /// Nothing came.
    pub const fn new() -> Self {
        Self {
            packet: [0; PACKET],
            len: 0,
            more: false,
            at_once: false,
        }
    }

    /// The packet; what did not fit of it is cut off.
    pub fn packet(&self) -> &[u8] {
        self.packet.get(..self.len).unwrap_or_default()
    }

    /// Whether more may be there.
    pub const fn has_more(&self) -> bool {
        self.more
    }

    /// Whether it was there before it was waited for: a peer that is as fast as we are.
    pub const fn was_at_once(&self) -> bool {
        self.at_once
    }

    /// Takes it that nothing is there but what will be told of. What is there all the same waits until then.
    pub const fn expect(&mut self) {
        self.more = false;
    }

    /// Takes the next packet, over the one before it. Never waits.
    ///
    /// # Errors
    /// `WouldBlock` when there is none; `ConnectionRefused` when the peer's port is closed.
    pub fn fill(&mut self, socket: &UdpSocket) -> io::Result<()> {
        (self.len, self.at_once, self.more) = (0, self.more, true);
        match recv(socket, &mut self.packet[..], RecvFlags::DONTWAIT) {
            Ok((len, _)) => self.len = len,
            Err(Errno::AGAIN) => {
                self.more = false;
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Err(errno) => return Err(errno.into()),
        }
        Ok(())
    }
}

impl Default for Inbox {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (UdpSocket, UdpSocket) {
        let [a, b] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        a.connect(b.local_addr().unwrap()).unwrap();
        b.connect(a.local_addr().unwrap()).unwrap();
        (a, b)
    }

    #[test]
    fn packets_come_in_order_and_the_end_is_known_by_another_look() {
        let (ours, peer) = pair();
        for said in [&b"one"[..], b"", &[7; 300]] {
            peer.send(said).unwrap();
        }
        let mut inbox = Inbox::new();
        for expected in [&b"one"[..], b"", &[7; PACKET]] {
            inbox.fill(&ours).unwrap();
            assert_eq!(inbox.packet(), expected);
            assert!(inbox.has_more());
        }
        let error = inbox.fill(&ours).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert!(!inbox.has_more() && inbox.packet().is_empty());
    }

    #[test]
    fn a_closed_port_is_heard_of() {
        let (ours, peer) = pair();
        drop(peer);
        ours.send(b"?").unwrap();
        let error = Inbox::new().fill(&ours).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
}
