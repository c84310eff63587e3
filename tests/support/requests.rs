//! Which of RFC 2131's four kinds of REQUEST a client sends, heard on its cable.

use std::io::Read as _;

use dhcproto::v4::{Message, MessageType, OptionCode};
use dhcproto::{Decodable as _, Decoder};
use socket2::{Domain, Protocol, Socket, Type};

use super::lan::Host;

/// A client's REQUESTs on the wire.
#[derive(Debug)]
pub struct Ear(Socket);

/// The states of RFC 2131 table 4, as a REQUEST tells them.
#[derive(Debug, PartialEq, Eq)]
pub enum State {
    /// Takes an offer.
    Selecting,
    /// Was off, and asks whether it may keep its address.
    InitReboot,
    /// Extends its lease, from its server.
    Renewing,
    /// Extends its lease, from whoever hears it.
    Rebinding,
    /// None of the table.
    Wrong(String),
}

impl Ear {
    /// Hears the host's cables from now on.
    pub fn new(host: &Host) -> Self {
        let socket = host.enter(|| {
            let every = Some(Protocol::from(0x0300)); // ETH_P_ALL
            Socket::new(Domain::PACKET, Type::RAW, every).unwrap()
        });
        socket.set_nonblocking(true).unwrap();
        Self(socket)
    }

    /// A REQUEST of this state was sent since the last look, and none that the RFC does not have.
    /// On a busy machine there may be others beside it: something was said twice.
    #[track_caller]
    pub fn heard(&self, state: &State) {
        let states = self.states();
        let wrong = |state: &State| matches!(state, State::Wrong(_));
        assert!(
            states.contains(state) && !states.iter().any(wrong),
            "{states:?}"
        );
    }

    /// Every REQUEST since the last look.
    pub fn states(&self) -> Vec<State> {
        let mut buffer = [0; 2048];
        let mut states = Vec::new();
        while let Ok(length) = (&self.0).read(&mut buffer) {
            states.extend(state(&buffer[..length]));
        }
        states
    }
}

fn state(frame: &[u8]) -> Option<State> {
    let to_67 = frame.len() > 282 && frame[12..14] == [8, 0] && frame[36..38] == [0, 67];
    let message = Message::decode(&mut Decoder::new(frame.get(42..)?));
    let message = message.ok().filter(|_| to_67)?;
    let options = message.opts();
    (options.msg_type() == Some(MessageType::Request)).then_some(())?;
    let everyone = frame[30..34] == [255; 4];
    let has = |code| options.get(code).is_some();
    let (wanted, server) = (
        has(OptionCode::RequestedIpAddress),
        has(OptionCode::ServerIdentifier),
    );
    let holds = !message.ciaddr().is_unspecified();
    Some(match (everyone, wanted, server, holds) {
        (true, true, true, false) => State::Selecting,
        (true, true, false, false) => State::InitReboot,
        (false, false, false, true) => State::Renewing,
        (true, false, false, true) => State::Rebinding,
        _ => State::Wrong(format!("{message:?} to {:?}", &frame[30..34])),
    })
}
