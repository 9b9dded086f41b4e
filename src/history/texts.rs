//! Texts that say nothing: blank ones, and those that spell null. And the form of names, which leaves out what people type differently.

use std::collections::BTreeMap;

use polars::prelude::*;

/// Characters that show nothing and are neither white space nor control characters: zero-width spaces and joiners, the byte-order mark.
const INVISIBLE: [char; 7] = ['\u{ad}', '\u{180e}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}'];

/// No blank text is at least the first and less than the second, byte by byte. Of the characters that show nothing, those of ASCII
/// are below `!` or are U+007F, and all others are above it.
const SHOWN: [&str; 2] = ["!", "\u{7f}"];

/// Spellings of null, in small letters.
const NULLS: [&str; 10] = ["null", "nan", "none", "nat", "nil", "n/a", "#n/a", "<na>", "(null)", "\\n"];
/// No spelling of null is longer, in bytes.
pub(super) const LONGEST_NULL: usize = 6;

fn shows_nothing(character: char) -> bool {
    character.is_whitespace() || character.is_control() || INVISIBLE.contains(&character)
}

/// Whether a text is empty, or holds nothing but white space (of Unicode, no-break spaces included), control characters and characters
/// of no width.
pub(super) fn is_blank(text: &str) -> bool {
    // Almost every text begins with a character that shows, so its first byte decides.
    !begins_shown(text.as_bytes()) && text.chars().all(shows_nothing)
}

/// Whether a text begins with a printable character of ASCII, which no blank text does.
pub(super) fn begins_shown(text: &[u8]) -> bool {
    text.first().is_some_and(u8::is_ascii_graphic)
}

/// True for blank texts and for some others, null for null. Cheap, and true for few rows of any table.
pub(super) fn may_be_blank(column: &str) -> Expr {
    let [least, above] = SHOWN;
    col(column).lt(lit(least)).or(col(column).gt_eq(lit(above)))
}

/// True for blank texts, never null.
pub(super) fn blank(column: &str) -> Expr {
    // No character that shows nothing is above U+FFFF.
    let nothing: String = ('\0'..='\u{ffff}').filter(|character| shows_nothing(*character)).collect();
    col(column).str().strip_chars(lit(nothing)).eq(lit("")).fill_null(lit(false))
}

/// The column with null in the place of blank texts.
pub(super) fn null_for_blank(column: &str) -> Expr {
    when(blank(column)).then(lit(NULL)).otherwise(col(column)).alias(column)
}

/// Whether a column of a frame holds a blank text.
pub(super) fn any_blank(rows: &DataFrame, column: &str) -> bool {
    let texts = rows.column(column).ok().and_then(|column| column.str().ok());
    texts.is_some_and(|texts| texts.iter().flatten().any(is_blank))
}

/// Whether a text spells null, such as `NULL`, `nan` or `None`.
pub(super) fn spells_null(text: &str) -> bool {
    text.len() <= LONGEST_NULL && NULLS.contains(&text.to_ascii_lowercase().as_str())
}

/// How often a column of a frame spells null, by spelling.
pub(super) fn null_spellings(rows: &DataFrame, column: &str) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    let texts = rows.column(column).ok().and_then(|column| column.str().ok());
    for text in texts.into_iter().flat_map(|texts| texts.iter().flatten()).filter(|text| spells_null(text)) {
        *found.entry(text.to_owned()).or_default() += 1;
    }
    found
}

/// A name without what people type differently: its letters and digits, in small letters.
pub fn form(name: &str) -> String {
    name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The known name that another differs from in case, padding or punctuation alone.
pub(super) fn same_form<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = form(name);
    known.into_iter().find(|known| !wanted.is_empty() && *known != name && form(known) == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLANK: &[&str] = &[
        "",
        " ",
        "    ",
        "\t",
        "\r\n",
        "\0",
        "\0\0\0\0",
        "\u{7f}",
        "\u{85}",
        "\u{a0}",
        " \u{a0}\t",
        "\u{2007}\u{202f}",
        "\u{3000}",
        "\u{feff}",
        "\u{200b} ",
        "\u{2028}\u{2060}",
    ];
    const SHOWING: &[&str] = &["a", " a", "a ", "\u{a0}a", "-", "!", "~", "0", "\u{e9}", "\u{feff}a", "\u{ffe0}"];

    fn column() -> DataFrame {
        let texts: Vec<&str> = BLANK.iter().chain(SHOWING).copied().collect();
        DataFrame::new(texts.len(), vec![Column::new("text".into(), texts)]).expect("a frame")
    }

    fn of(expr: Expr) -> Vec<bool> {
        let rows = crate::engine::collect("test", column().lazy().select([expr.alias("is")])).expect("rows");
        rows.column("is").expect("a column").bool().expect("booleans").iter().map(Option::unwrap_or_default).collect()
    }

    #[test]
    fn blank_is_what_shows_nothing_in_rust_and_in_plans() {
        let expected = [vec![true; BLANK.len()], vec![false; SHOWING.len()]].concat();
        assert_eq!(BLANK.iter().chain(SHOWING).map(|text| is_blank(text)).collect::<Vec<_>>(), expected);
        assert_eq!(of(blank("text")), expected);
        assert!(of(may_be_blank("text")).iter().zip(&expected).all(|(may, is)| *may || !*is));
    }

    /// The bounds that statistics are compared with: every character that shows nothing lies outside of them.
    #[test]
    fn no_blank_text_begins_between_the_bounds() {
        let [least, above] = SHOWN;
        for character in ('\0'..=char::MAX).filter(|character| shows_nothing(*character)) {
            let text = character.to_string();
            assert!(text.as_str() < least || text.as_str() >= above, "{character:?}");
            assert!(!begins_shown(text.as_bytes()) && character <= '\u{ffff}', "{character:?}");
        }
        assert!(!begins_shown(b""));
        assert!(('!'..'\u{7f}').all(|character| begins_shown(character.to_string().as_bytes())));
    }

    #[test]
    fn spellings_of_null_are_whole_texts() {
        for text in ["NULL", "null", "Null", "nan", "NaN", "None", "N/A", "NaT", "<NA>", "(null)", "\\N", "#N/A"] {
            assert!(spells_null(text), "{text}");
        }
        for text in ["", "na", "nullable", "null1", "0", "-", "NULL "] {
            assert!(!spells_null(text), "{text}");
        }
        assert!(NULLS.iter().all(|text| text.len() <= LONGEST_NULL));
    }

    #[test]
    fn forms_leave_out_case_padding_and_punctuation() {
        let known = ["viva", "viva_engage", "microsoft_365_apps"];
        for (name, expected) in [
            ("Viva", Some("viva")),
            ("viva ", Some("viva")),
            ("\u{a0}VIVA", Some("viva")),
            ("Viva Engage", Some("viva_engage")),
            ("viva-engage", Some("viva_engage")),
            ("Microsoft 365 Apps", Some("microsoft_365_apps")),
            ("viva", None),
            ("viv", None),
            ("--", None),
            ("", None),
        ] {
            assert_eq!(same_form(name, known), expected, "{name}");
        }
    }
}
