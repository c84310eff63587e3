//! What a machine has printed on its serial port, as text without terminal control sequences.

/// Drops escape sequences, control characters and the blanks that terminals pad with.
pub fn plain(bytes: &[u8]) -> String {
    let mut text = String::new();
    let raw = String::from_utf8_lossy(bytes);
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => text.push_str(skip_sequence(&mut chars)),
            '\r' => {}
            '\n' | '\t' => text.push(c),
            c if c.is_control() => {}
            c => text.push(c),
        }
    }
    text
}

/// Skips one escape sequence; a cursor movement stands for a line break, so that words drawn at
/// different places do not run into each other.
fn skip_sequence(chars: &mut std::iter::Peekable<impl Iterator<Item = char>>) -> &'static str {
    match chars.next() {
        Some('[') => match chars.by_ref().find(|c| ('@'..='~').contains(c)) {
            Some('H' | 'f' | 'd' | 'A' | 'B' | 'E' | 'F') => "\n",
            Some('C' | 'G') => " ",
            _ => "",
        },
        Some('(' | ')' | '#') => {
            chars.next();
            ""
        }
        _ => "",
    }
}

/// The last non-empty lines.
pub fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
