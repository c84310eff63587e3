//! A file's bytes → its text. UTF-8's byte order mark is passed over; what is not UTF-8 is shown at its
//! place. UTF-16, which Windows calls "Unicode", is told by its mark, or by the zero beside the first
//! letter.

use super::node::At;
use super::report::{line_of, place_of};
use super::syntax::Problem;

const MARK: &[u8] = b"\xef\xbb\xbf";

/// The text, or the first byte that is none, with its line as far as it can be shown.
///
/// # Errors
/// The bytes are not UTF-8.
pub fn decode(bytes: &[u8]) -> Result<&str, (Problem, String)> {
    if let Some(name) = utf_16(bytes) {
        return Err((as_utf_16(name), String::new()));
    }
    let text = bytes.strip_prefix(MARK).unwrap_or(bytes);
    let before = bytes.len() - text.len();
    str::from_utf8(text).map_err(|error| not_text(text, error.valid_up_to(), before))
}

/// What iconv calls the form of UTF-16 that these bytes are in, where they are.
fn utf_16(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("utf-16"),
        [1..=0x7f, 0, ..] => Some("utf-16le"),
        [0, 1..=0x7f, ..] => Some("utf-16be"),
        _ => None,
    }
}

fn as_utf_16(name: &str) -> Problem {
    Problem {
        at: At::default(),
        message: "this is UTF-16 text, which Windows calls Unicode".to_owned(),
        hint: Some(format!("save the file as UTF-8: iconv -f {name} -t utf8")),
    }
}

/// `first`: of these bytes; in the file there are so many before them.
fn not_text(bytes: &[u8], first: usize, before: usize) -> (Problem, String) {
    // What stands before it is text, and has the same places in both.
    let shown = String::from_utf8_lossy(bytes);
    let at: At = place_of(&shown, first);
    let byte = bytes.get(first).copied().unwrap_or_default();
    let problem = Problem {
        at,
        message: format!(
            "this is not UTF-8 text: byte {} is 0x{byte:02x}",
            before + first
        ),
        hint: Some("save the file as UTF-8 (from Latin-1: iconv -f latin1 -t utf8)".to_owned()),
    };
    (problem, line_of(&shown, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf_16_is_told_by_its_mark_or_by_its_zeros() {
        for (bytes, name) in [
            (&b"\xff\xfen\0a\0"[..], "utf-16"),
            (b"\xfe\xff\0n\0a", "utf-16"),
            (b"n\0a\0", "utf-16le"),
            (b"\0n\0a", "utf-16be"),
        ] {
            let (problem, line) = decode(bytes).unwrap_err();
            assert_eq!((problem.at, line), (At::default(), String::new()));
            assert!(problem.message.starts_with("this is UTF-16"), "{name}");
            let hint = format!("save the file as UTF-8: iconv -f {name} -t utf8");
            assert_eq!(problem.hint, Some(hint));
        }
        assert_eq!(decode(b"").unwrap(), "");
    }

    #[test]
    fn what_is_no_text_is_shown_where_it_stands() {
        assert_eq!(decode(b"\xef\xbb\xbfa: 1\n").unwrap(), "a: 1\n");
        let (problem, line) = decode(b"a: 1\nb: caf\xe9 x\n").unwrap_err();
        assert_eq!((problem.at.line, problem.at.column), (2, 7));
        assert_eq!(problem.message, "this is not UTF-8 text: byte 11 is 0xe9");
        assert_eq!(line, "b: caf\u{fffd} x");
        let (problem, _) = decode(b"\xef\xbb\xbfcaf\xe9").unwrap_err();
        assert_eq!((problem.at.line, problem.at.column), (1, 4));
        assert_eq!(problem.message, "this is not UTF-8 text: byte 6 is 0xe9");
    }
}
