//! What the peer of a connected socket says, two packets by one call.
//!
//! In lock-step one packet is there at a time, so asking for two saves the call that would only say
//! that there is no more: a batch that is not full has emptied the queue (facts "What gave the win" 3).
//! Nothing is allocated.

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

use nix::libc;

/// Room for what clients say: acknowledgements, and errors in words.
const PACKET: usize = 256;
/// Packets a call.
const BATCH: usize = 2;

/// Packets that came and were not looked at yet.
#[derive(Debug)]
pub struct Inbox {
    packets: [[u8; PACKET]; BATCH],
    lengths: [usize; BATCH],
    next: usize,
    count: usize,
}

impl Inbox {
    /// Nothing came.
    pub const fn new() -> Self {
        Self {
            packets: [[0; PACKET]; BATCH],
            lengths: [0; BATCH],
            next: 0,
            count: 0,
        }
    }

    /// Whether there is none to look at.
    pub const fn is_empty(&self) -> bool {
        self.next >= self.count
    }

    /// The next packet; what did not fit of it is cut off.
    pub fn take(&mut self) -> Option<&[u8]> {
        if self.is_empty() {
            return None;
        }
        let at = self.next;
        self.next += 1;
        let len = *self.lengths.get(at)?;
        self.packets.get(at)?.get(..len)
    }

    /// Takes what is there, over what was there before. Whether more may be there.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is; `ConnectionRefused` when the peer's port is closed.
    pub(super) fn fill(&mut self, socket: &UdpSocket) -> io::Result<bool> {
        (self.next, self.count) = (0, 0);
        self.count = receive(socket, &mut self.packets, &mut self.lengths)?;
        Ok(self.count == BATCH)
    }
}

impl Default for Inbox {
    fn default() -> Self {
        Self::new()
    }
}

/// How many packets came.
#[allow(unsafe_code)]
fn receive(
    socket: &UdpSocket,
    packets: &mut [[u8; PACKET]; BATCH],
    lengths: &mut [usize; BATCH],
) -> io::Result<usize> {
    let mut parts = packets.each_mut().map(|packet| libc::iovec {
        iov_base: packet.as_mut_ptr().cast(),
        iov_len: PACKET,
    });
    let mut headers = parts.each_mut().map(|part| {
        // SAFETY: a message header is integers and pointers, for which zero is a value: no name, no
        // control data.
        let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
        header.msg_hdr.msg_iov = part;
        header.msg_hdr.msg_iovlen = 1;
        header
    });
    // SAFETY: the descriptor is open for as long as `socket` is borrowed; each of the `BATCH` headers
    // names one part, and each part PACKET writable bytes of `packets`; all of them outlive the call.
    let got = unsafe {
        libc::recvmmsg(
            socket.as_raw_fd(),
            headers.as_mut_ptr(),
            BATCH as libc::c_uint,
            libc::MSG_DONTWAIT as _, // its type differs between C libraries
            std::ptr::null_mut(),
        )
    };
    let got = usize::try_from(got).map_err(|_| io::Error::last_os_error())?;
    for (length, header) in lengths.iter_mut().zip(&headers) {
        *length = (header.msg_len as usize).min(PACKET);
    }
    Ok(got.min(BATCH))
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
    fn packets_come_in_order_and_a_short_batch_is_the_last() {
        let (ours, peer) = pair();
        for said in [&b"one"[..], b"", &[7; 300]] {
            peer.send(said).unwrap();
        }
        let mut inbox = Inbox::new();
        assert!(inbox.is_empty() && inbox.take().is_none());
        assert!(inbox.fill(&ours).unwrap(), "a full batch");
        assert_eq!(inbox.take(), Some(&b"one"[..]));
        assert_eq!(inbox.take(), Some(&b""[..]));
        assert_eq!(inbox.take(), None);
        assert!(!inbox.fill(&ours).unwrap(), "there is no more");
        assert_eq!(inbox.take(), Some(&[7; PACKET][..]), "cut off");
        let error = inbox.fill(&ours).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert!(inbox.is_empty());
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
