//! What holds for the bytes of every reply, whatever the case: how it ends, and what its option 43
//! may say.

use bootjack::wire::pxe::sub_options;

/// The sub-options that are ever sent (facts B): neither MTFTP's, nor a loader's own (quirk 9).
const SENT: [u8; 6] = [6, 7, 8, 9, 10, 71];
/// Bit 3 of 43.6: boot the file that is named here.
const AT_ONCE: u8 = 8;

/// Checks a reply.
pub fn check(bytes: &[u8]) {
    let options = options(bytes);
    let of = |code| options.iter().filter(move |(c, _)| *c == code);
    if of(60).any(|(_, class)| *class == b"PXEClient") {
        assert!(of(43).count() <= 1, "firmware reads one option 43");
        of(43).for_each(|(_, value)| vendor(value));
    }
}

/// The options as they stand, up to END directly behind them and only zeros behind that (quirks 18
/// and 19).
fn options(bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut options = Vec::new();
    let mut rest = &bytes[240..];
    while rest[0] != 255 {
        assert_ne!(rest[0], 0, "a pad before END");
        let (option, behind) = rest.split_at(2 + usize::from(rest[1]));
        options.push((option[0], &option[2..]));
        rest = behind;
    }
    assert!(rest[1..].iter().all(|b| *b == 0), "zeros behind END");
    options
}

/// What pxelinux reads, where a profile has it.
const PXELINUX: [u8; 4] = [208, 209, 210, 211];

fn vendor(value: &[u8]) {
    assert_eq!(value.last(), Some(&255), "43 has its end (quirk 20)");
    let parts: Vec<(u8, &[u8])> = sub_options(value).collect();
    let of = |tag: u8| parts.iter().find(|(t, _)| *t == tag);
    let unsent = parts
        .iter()
        .find(|(tag, _)| !SENT.contains(tag) && !PXELINUX.contains(tag));
    assert_eq!(unsent, None, "a sub-option that is never sent");
    let at_once = of(6).is_some_and(|(_, control)| control[0] & AT_ONCE != 0);
    // EDK2 fetches from the first server of 43.8, whatever siaddr says (quirk 13).
    assert!(!at_once || of(8).is_none(), "43.8 beside bit 3 of 43.6");
    assert!(of(9).is_none() || of(10).is_some(), "a menu has its prompt");
}
