//! How long each option may be for EDK2 (`DhcpOptionFormats` in Dhcp4Option.c).
//!
//! OVMF 2022.11, which is the one played, throws an answer with any other length away as a whole;
//! later versions skip that option. Options without a single byte are not counted there, but those
//! of PXE's own are (facts A).

use crate::wire::dhcp::{Options, code};

/// What a value may be.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// So many bytes
    Exactly(usize),
    /// One or more of so many bytes
    Of(usize),
    /// So many bytes or more
    AtLeast(usize),
    /// One byte, 0 or 1
    Switch,
}

impl Form {
    fn takes(self, value: &[u8]) -> bool {
        match self {
            Self::Exactly(length) => value.len() == length,
            Self::Of(length) => value.len().is_multiple_of(length),
            Self::AtLeast(length) => value.len() >= length,
            Self::Switch => matches!(value, [0 | 1]),
        }
    }
}

/// Options of one form. What may have any length from 1 is not here.
const TABLE: [(Form, &[u8]); 9] = [
    (Form::Exactly(1), &[23, 37, 46, 52, 53]),
    (Form::Exactly(2), &[13, 22, 26, 57]),
    (
        Form::Exactly(4),
        &[1, 2, 16, 24, 28, 32, 35, 38, 50, 51, 54, 58, 59],
    ),
    (Form::Of(2), &[25]),
    (
        Form::Of(4),
        &[
            3, 4, 5, 6, 7, 8, 9, 10, 11, 41, 42, 44, 45, 48, 49, 65, 68, 69, 70, 71, 72, 73, 74,
            75, 76,
        ],
    ),
    (Form::Of(8), &[21, 33]),
    (Form::Switch, &[19, 20, 27, 29, 30, 31, 34, 36, 39]),
    (Form::AtLeast(2), &[code::CLIENT_ID]),
    (Form::AtLeast(5), &[code::STATIC_ROUTES]),
];
/// Those that may not be without a byte.
const NEVER_EMPTY: [u8; 4] = [
    code::VENDOR_SPECIFIC,
    code::VENDOR_CLASS,
    code::TFTP_SERVER,
    code::BOOT_FILE,
];

/// The first option, in the order of the table, whose length cannot be.
pub fn bad_length(options: &Options) -> Option<u8> {
    let all = TABLE.iter().flat_map(|(_, codes)| codes.iter().copied());
    let wrong = |code: &u8| options.get(*code).is_some_and(|value| !fits(*code, value));
    all.chain(NEVER_EMPTY).find(wrong)
}

/// Whether an option may have this value, as far as its length goes.
pub fn fits(code: u8, value: &[u8]) -> bool {
    if value.is_empty() {
        return !NEVER_EMPTY.contains(&code);
    }
    let mut forms = TABLE.iter().filter(|(_, codes)| codes.contains(&code));
    forms.all(|(form, _)| form.takes(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_that_can_be_and_cannot() {
        for (code, value, good) in [
            (1, &[255, 255, 255, 0][..], true),
            (1, &[255, 255, 255], false),
            (6, &[10, 0, 0, 1, 10, 0, 0, 2], true),
            (6, &[10, 0, 0, 1, 10], false),
            (6, &[], true),
            (12, b"pc", true),
            (19, &[1], true),
            (19, &[2], false),
            (26, &[5, 220], true),
            (26, &[5], false),
            (33, &[0; 8], true),
            (33, &[0; 4], false),
            (43, &[], false),
            (61, &[1], false),
            (121, &[0, 10, 0, 0, 1], true),
            (121, &[0, 10, 0, 0], false),
            (200, &[1, 2, 3], true),
        ] {
            let mut options = Options::default();
            options.push(code, value);
            let wanted = (!good).then_some(code);
            assert_eq!(bad_length(&options), wanted, "{code} {value:?}");
        }
    }
}
