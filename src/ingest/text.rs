//! Values of files as people may see them.

use crate::email::redacted;

/// Letters of a value that a finding shows.
const LETTERS_SHOWN: usize = 60;
/// Bytes of a value that are looked at for that.
const BYTES_LOOKED_AT: usize = 1024;

/// The beginning of a value, without what steers a terminal and without e-mail addresses.
pub(super) fn printable(text: &str) -> String {
    let text = redacted(text);
    let shown: String = text.chars().take(LETTERS_SHOWN).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    format!("{}{more}", shown.escape_debug())
}

/// The beginning of bytes that may be no text.
pub(super) fn printable_bytes(bytes: &[u8]) -> String {
    // Four bytes a letter at most, and as many again: an address is known by its end.
    let beginning = bytes.get(..BYTES_LOOKED_AT).unwrap_or(bytes);
    printable(&String::from_utf8_lossy(beginning))
}

/// Words of dates; a value of these and of digits tells of no person.
const WORDS_OF_DATES: [&str; 16] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "am", "pm", "t", "z"];

/// Whether a value can be shown although its report is about people: a date or a number that is wrong, and no name or address.
pub(super) fn tells_of_no_person(text: &str) -> bool {
    let is_word = |word: &str| WORDS_OF_DATES.iter().any(|known| known.eq_ignore_ascii_case(word));
    let is_sign = |c: char| c.is_ascii_digit() || c.is_whitespace() || "-/.,:+#()".contains(c);
    text.len() <= LETTERS_SHOWN && text.split(is_sign).filter(|word| !word.is_empty()).all(is_word)
}
