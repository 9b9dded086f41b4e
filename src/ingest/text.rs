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

/// Words of dates; a value of these and of digits tells of no person.
const WORDS_OF_DATES: [&str; 16] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "am", "pm", "t", "z"];

/// Whether a value can be shown although its report is about people: a date or a number that is wrong, and no name or address.
pub(super) fn tells_of_no_person(text: &str) -> bool {
    let is_word = |word: &str| WORDS_OF_DATES.iter().any(|known| known.eq_ignore_ascii_case(word));
    let is_sign = |c: char| c.is_ascii_digit() || c.is_whitespace() || "-/.,:+#()".contains(c);
    text.len() <= LETTERS_SHOWN && text.split(is_sign).filter(|word| !word.is_empty()).all(is_word)
}
