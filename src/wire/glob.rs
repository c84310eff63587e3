//! Text with `*` in it, where `*` stands for any run of characters.

/// Whether the pattern matches the whole text. Greedy, with one place to come back to: it costs at
/// most the product of the two lengths, and is linear for what patterns are written.
pub fn matches(mut pattern: &[u8], mut text: &[u8]) -> bool {
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern, text) {
            ([], []) => return true,
            ([b'*', rest @ ..], _) => {
                pattern = rest;
                retry = Some((rest, text));
            }
            ([p, rest @ ..], [t, others @ ..]) if p == t => (pattern, text) = (rest, others),
            _ => match retry {
                Some((after, [_, others @ ..])) => {
                    (pattern, text) = (after, others);
                    retry = Some((after, others));
                }
                _ => return false,
            },
        }
    }
}
