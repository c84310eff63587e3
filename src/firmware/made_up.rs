//! The identity of a machine that there is not: the one that `bootjack probe` plays, and those that
//! `bootjack doctor` asks as.
//!
//! Its UUID has a beginning of its own, by which our server answers it as any other machine and
//! learns nothing from it: what they do is no evidence of what the machine with that MAC does.
//! The UUID is that of an ordinary machine to servers of others.

use crate::client::Client;
use crate::wire::dhcp::{Message, code};
use crate::wire::{Mac, Uuid, hex_digits};

/// "bjprob" in ASCII, and the version and variant of a random UUID (RFC 9562 4).
const BEGINNING: [u8; 10] = *b"bjprob\x45\x00\x80\x00";

/// The UUID of a machine that is played. Real firmware always has one; the same MAC has the same.
pub fn uuid_of(mac: Mac) -> Option<Uuid> {
    let (beginning, end) = (hex_digits(&BEGINNING), hex_digits(mac.as_bytes()));
    format!("{beginning}{end}").parse().ok()
}

/// Whether this is a machine that is played, by its UUID.
pub fn is_probe(client: &Client) -> bool {
    client.uuid.is_some_and(is_made_up)
}

/// Whether it is such a machine's message, by the UUID in it.
pub fn is_played(message: &Message) -> bool {
    let uuid = message.options.get(code::CLIENT_UUID);
    uuid.and_then(Uuid::from_option_97).is_some_and(is_made_up)
}

/// On the wire its first fields are the other way round.
fn is_made_up(uuid: Uuid) -> bool {
    uuid.swapped().as_bytes().starts_with(&BEGINNING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_played_machine_has_its_uuid_and_is_known_by_it() {
        let uuid = uuid_of(Mac::ethernet([2, 0, 0, 0, 0, 1])).unwrap();
        assert_eq!(uuid.to_string(), "626a7072-6f62-4500-8000-020000000001");
        assert!(is_made_up(uuid));
        let sent = [&[0][..], uuid.as_bytes()].concat();
        assert!(Uuid::from_option_97(&sent).is_some_and(is_made_up));
        let real = "b8945908-d6a6-41a9-611d-020000000001";
        assert!(!is_made_up(real.parse().unwrap()));
    }
}
