//! What the YAML library says of a text that does not parse → what an operator can act on.

use serde_saphyr::Error;

use super::node::At;

/// Why a file is no YAML we read, where, and what to do.
#[derive(Debug)]
pub struct Problem {
    /// Where.
    pub at: At,
    /// What is wrong, and what was expected.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

/// What the library's words mean for the one who wrote the file: part of the message → hint.
/// `{what}` is what the file holds.
const HINTS: &[(&str, &str)] = &[
    (
        "mapping values are not allowed",
        "the indentation does not fit the lines above, or a value holds \": \" and needs quotes",
    ),
    (
        "illegal placement of ':'",
        "a \"[\" or \"{\" above is not closed, or a value holds \": \" and needs quotes",
    ),
    ("tab", "indent with spaces; YAML takes no tabs there"),
    ("unclosed quote", "close the quote that opens here"),
    ("unclosed bracket", "close the bracket that opens here"),
    (
        "trailing content",
        "inside single quotes, write a quote twice: 'it''s'",
    ),
    ("unexpected character", "put the value into quotes"),
    (
        "anchor or alias",
        "a value that begins with * or & needs quotes: \"*:34:56\"",
    ),
    (
        "unknown anchor",
        "a value that begins with * needs quotes: \"*:34:56\"",
    ),
    (
        "did not find expected key",
        "align the key with the keys above it",
    ),
    (
        "multiline quoted scalar",
        "a quote in the line above is not closed",
    ),
    (
        "recursion limit",
        "the file is nested more deeply than any {what} is",
    ),
    ("indentation", "align the line with the lines above it"),
];

/// Translates `error`, which came of parsing `text`; `what` a file holds.
pub fn problem(error: &Error, text: &str, what: &str) -> Problem {
    let error = error.without_snippet();
    let (message, hint) = match error {
        Error::DuplicateMappingKey { key, .. } => (
            format!(
                "the key \"{}\" is given twice",
                key.as_deref().unwrap_or("?")
            ),
            Some("keep one of the two".to_owned()),
        ),
        Error::MultipleDocuments { .. } => (
            format!("a second document begins here; a file holds one {what}"),
            Some("put it into a file of its own".to_owned()),
        ),
        Error::NullIntoString { .. } => (
            "there is no key before this colon".to_owned(),
            Some("write key: value".to_owned()),
        ),
        Error::Unexpected { .. } => (
            "a key must be a single word".to_owned(),
            Some("write key: value".to_owned()),
        ),
        Error::Budget { .. } => (
            "the file is nested too deeply or holds too many values".to_owned(),
            Some("split it into several files".to_owned()),
        ),
        other => plain(other, what),
    };
    let at = error.location().map_or(At::default(), At::of);
    Problem {
        at: inside(at, text),
        message,
        hint,
    }
}

fn plain(error: &Error, what: &str) -> (String, Option<String>) {
    let mut message = error.to_string();
    if let Some(place) = message.rfind(" at line ") {
        message.truncate(place);
    }
    let row = HINTS.iter().find(|(part, _)| message.contains(part));
    let hint = row.map(|(_, hint)| hint.replace("{what}", what));
    (format!("this is not YAML: {message}"), hint)
}

/// An error at the end of the text is shown on its last line, not below it.
fn inside(at: At, text: &str) -> At {
    let lines = text.lines().count() as u32;
    if at.line <= lines {
        return at;
    }
    let last = text.lines().last().unwrap_or_default();
    At {
        line: lines,
        column: last.chars().count() as u32 + 1,
    }
}
