//! What the YAML library says of a text that does not parse → what an operator can act on.

use serde_saphyr::Error;
use serde_saphyr::budget::BudgetBreach;

use super::node::{At, FileKind, MAX_ALIASES, MAX_DEPTH, MAX_NODES, MAX_REPLAYED};

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
    ("indentation", "align the line with the lines above it"),
];

/// Translates `error`, which came of parsing `text`.
pub fn problem(error: &Error, text: &str, kind: &FileKind) -> Problem {
    let error = innermost(error);
    let (message, hint) = words(error, kind);
    let at = error.location().map_or(At::default(), At::of);
    Problem {
        at: inside(at, text),
        message,
        hint,
    }
}

/// The error itself: one about an alias is told where the alias stands for it.
fn innermost(error: &Error) -> &Error {
    match error.without_snippet() {
        Error::AliasError { error, .. } => innermost(error),
        error => error,
    }
}

type Words = (String, Option<String>);

/// What is wrong, and what to do.
fn words(error: &Error, kind: &FileKind) -> Words {
    match error {
        Error::MultipleDocuments { .. } => second(kind),
        Error::Budget { breach, .. } => breached(breach, kind),
        Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => (
            format!("what is repeated by * comes to more than {MAX_REPLAYED} values"),
            Some("write out what is meant; a * that repeats others multiplies them".to_owned()),
        ),
        Error::UnsupportedTag { tag, .. } => (
            format!("the tag \"{}\" means nothing here", tag.escape_debug()),
            Some("leave it out; a value that begins with ! needs quotes".to_owned()),
        ),
        Error::ExternalMessage { .. } => syntax(error, kind),
        other => {
            let (message, hint) = misused(other);
            (message.to_owned(), Some(hint.to_owned()))
        }
    }
}

/// What is YAML, but says nothing here: message and hint.
const fn misused(error: &Error) -> (&'static str, &'static str) {
    match error {
        Error::NullIntoString { .. } => ("there is no key before this colon", "write key: value"),
        Error::Unexpected { .. } => ("a key must be a single word", "write key: value"),
        Error::RecursiveReferencesRequireWeakTypes { .. } => (
            "this * stands for what it is a part of: it would hold itself",
            "write out what is meant in place of the *",
        ),
        Error::UnknownAnchor { .. } => (
            "this * stands for nothing: no & above has its name",
            "a value that begins with * needs quotes: \"*:34:56\"",
        ),
        Error::MergeValueNotMapOrSeqOfMaps { .. } | Error::MergeKeyNotAllowed { .. } => (
            "<< takes over the keys of a mapping, and this is none",
            "write the keys out",
        ),
        Error::InvalidBinaryBase64 { .. } | Error::BinaryNotUtf8 { .. } => (
            "what !!binary marks here is no text",
            "write it as text, without !!binary",
        ),
        Error::Eof { .. } => (
            "the file ends too early",
            "look for a quote or bracket that is not closed",
        ),
        _ => (
            "this is no value that bootjack reads",
            "write plain text, a list or keys",
        ),
    }
}

fn second(kind: &FileKind) -> Words {
    let message = format!(
        "a second document begins here; a file holds one {}",
        kind.what
    );
    (message, Some(kind.second.to_owned()))
}

fn too_deep(kind: &FileKind) -> Words {
    let message = format!(
        "this is nested more than {MAX_DEPTH} deep, as no {} is",
        kind.what
    );
    let hint = "look at the brackets, and at the indentation".to_owned();
    (message, Some(hint))
}

/// What of a file is bounded, and is too much.
fn breached(breach: &BudgetBreach, kind: &FileKind) -> Words {
    let (message, hint) = match breach {
        BudgetBreach::Documents { .. } => return second(kind),
        BudgetBreach::Depth { .. } => return too_deep(kind),
        BudgetBreach::Aliases { .. }
        | BudgetBreach::Anchors { .. }
        | BudgetBreach::AliasAnchorRatio { .. }
        | BudgetBreach::RecordedAnchorEvents { .. }
        | BudgetBreach::RecordedAnchorBytes { .. }
        | BudgetBreach::MergeKeys { .. } => (
            format!(
                "& and * stand here too often, or for too much: more than {MAX_ALIASES} of them, or {MAX_NODES} values"
            ),
            "write out what is meant",
        ),
        _ => (
            format!("the file holds more than {MAX_NODES} keys and values"),
            kind.too_much,
        ),
    };
    (message, Some(hint.to_owned()))
}

/// The parser's own words, which are those of YAML.
fn syntax(error: &Error, kind: &FileKind) -> Words {
    let mut message = error.to_string();
    if let Some(place) = message.rfind(" at line ") {
        message.truncate(place);
    }
    if message.contains("recursion limit") {
        return too_deep(kind);
    }
    let row = HINTS.iter().find(|(part, _)| message.contains(part));
    let hint = row.map(|(_, hint)| (*hint).to_owned());
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
