//! "did you mean …": the known word that is nearest to a mistyped one.

/// A hint naming the nearest of `known`, or all of them where none is near.
pub fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(word, &known) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("known here: {}", shown(&known)),
    }
}

/// At most this many words are listed.
const SHOWN: usize = 24;

fn shown(known: &[&str]) -> String {
    let more = if known.len() > SHOWN { ", …" } else { "" };
    let first: Vec<&str> = known.iter().take(SHOWN).copied().collect();
    first.join(", ") + more
}

/// The nearest word: the same but for case, or at most a third of its letters away, swapped
/// neighbours counting once.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase();
    if word.len() > 64 {
        return None;
    }
    let distance = |k: &&str| strsim::osa_distance(&word, &k.to_lowercase());
    let near = known.iter().min_by_key(|k| distance(k))?;
    let letters = near.chars().count().max(word.chars().count());
    (distance(near) <= letters.div_ceil(3).min(3)).then_some(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let known = ["title", "timeout", "default", "entries"];
        for (word, near) in [
            ("timeuot", Some("timeout")),
            ("Title", Some("title")),
            ("entrys", Some("entries")),
            ("kernel", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, &known), near, "{word}");
        }
        assert_eq!(nearest(&"x".repeat(1_000_000), &known), None);
        assert_eq!(
            hint("kernel", known),
            "known here: title, timeout, default, entries"
        );
    }
}
