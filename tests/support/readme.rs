//! What README tells a user to write: tests use exactly that.

/// The code block that follows a label (`**Kea**`).
pub fn block_after(label: &str) -> String {
    let text = include_str!("../../README.md");
    let after = text.split_once(label).map(|(_, after)| after);
    let block = after.and_then(|after| after.split("```").nth(1));
    let (_, lines) = block
        .and_then(|block| block.split_once('\n'))
        .unwrap_or_else(|| panic!("README has no code block after {label}"));
    lines.to_owned()
}
