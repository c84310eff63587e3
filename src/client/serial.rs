//! The serial number of a Raspberry Pi, by which it names the folder of its files: where it stands in
//! what the machine sends.
//!
//! From the Pi 3B+ on the boot ROM puts it into option 97, least significant byte first: four times
//! over, or, on Pi 4 and later, behind a word, the board's revision and the last four bytes of its
//! hardware address (raspberrypi/documentation, `DHCP_OPTION97`; dnsmasq's log of both in
//! raspberrypi/firmware#1362 and of a Pi 4). A Pi 3B sends 0x44 there and is silent about it.
//!
//! Absent on purpose: serial numbers of anything else.

use std::fmt;

use super::Client;

/// The lower 32 bits, which are all that a boot ROM shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Serial(u32);

/// What a Pi 3B has in the place of an identity.
const NONE: u32 = 0x4444_4444;

impl Serial {
    /// As a folder's name: eight hexadecimal digits.
    pub fn of_folder(name: &str) -> Option<Self> {
        let digits = name.len() == 8 && name.bytes().all(|b| b.is_ascii_hexdigit());
        digits.then(|| u32::from_str_radix(name, 16).ok().map(Self))?
    }

    /// As a machine shows it in option 97.
    pub fn of(client: &Client) -> Option<Self> {
        let words = client.uuid?.words();
        let [first, _revision, address, last] = words;
        let repeated = words.iter().all(|word| *word == first) && first != NONE;
        let behind_address = client.mac.as_bytes().last_chunk() == Some(&address.to_le_bytes());
        (repeated || behind_address).then_some(Self(last))
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Mac, Uuid};

    fn shown(mac: &str, option_97: &[u8]) -> Option<String> {
        let mac: Mac = mac.parse().unwrap();
        let mut client = Client::unknown(mac, [10, 0, 0, 2].into());
        client.uuid = Uuid::from_option_97(&[&[0], option_97].concat());
        Serial::of(&client).map(|serial| serial.to_string())
    }

    #[test]
    fn a_pi_shows_its_serial_number_in_option_97() {
        let pi_3b_plus = [0x44, 0x56, 0xef, 0xa2].repeat(4);
        let pi_4 = [
            0x52, 0x50, 0x69, 0x34, 0x11, 0x31, 0xa0, 0, 0x32, 0x2e, 0xf8, 0xed, 0x10, 0x45, 0x15,
            0x5b,
        ];
        let mac = "dc:a6:32:2e:f8:ed";
        assert_eq!(shown("b8:27:eb:56:ef:a2", &pi_3b_plus).unwrap(), "a2ef5644");
        assert_eq!(shown(mac, &pi_4).unwrap(), "5b154510");
        assert_eq!(shown("dc:a6:32:00:00:01", &pi_4), None);
        assert_eq!(shown(mac, &[0x44; 16]), None);
        assert_eq!(shown(mac, &[]), None);
    }

    #[test]
    fn folders_of_eight_digits_are_serial_numbers() {
        for (name, serial) in [
            ("5b154510", Some("5b154510")),
            ("00ABCDEF", Some("00abcdef")),
            ("5b15451", None),
            ("+b154510", None),
            ("overlays", None),
        ] {
            let read = Serial::of_folder(name).map(|s| s.to_string());
            assert_eq!(read.as_deref(), serial, "{name}");
        }
    }
}
