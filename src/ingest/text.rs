//! Values of files as people may see them.

/// Letters of a value that a finding shows.
const LETTERS_SHOWN: usize = 60;

/// The beginning of a value, without what steers a terminal.
pub(super) fn printable(text: &str) -> String {
    let shown: String = text.chars().take(LETTERS_SHOWN).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    format!("{}{more}", shown.escape_debug())
}

/// The beginning of bytes that may be no text.
pub(super) fn printable_bytes(bytes: &[u8]) -> String {
    // Four bytes a letter at most, and one more tells that there are more.
    let beginning = bytes.get(..4 * LETTERS_SHOWN + 4).unwrap_or(bytes);
    printable(&String::from_utf8_lossy(beginning))
}
