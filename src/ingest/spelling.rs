//! Names as exports spell them: what makes two spellings one name, and how alike two names are.
//!
//! Case, punctuation, dashes and trade marks make no difference, `&` and `+` read as `and`, and what stands in brackets or behind words such
//! as `previously known as` is a note.

use strsim::{damerau_levenshtein, normalized_damerau_levenshtein};

/// Least likeness of a name that is meant, from 0 to 1.
const LIKENESS: f64 = 0.7;
/// Letters that may differ where names are split into words differently.
const FEW_LETTERS: usize = 2;
/// Shorter names are abbreviations, each of which is near every other.
const SHORTEST_ALIKE: usize = 5;
/// Trade marks as letters.
const MARKS: [&str; 4] = ["(tm)", "(r)", "(c)", "(sm)"];
/// Characters that show nothing.
const INVISIBLE: [char; 6] = ['\u{ad}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}'];
/// Words that begin a note about a name.
const NOTES: [&[&str]; 9] = [
    &["previously", "known", "as"],
    &["formerly"],
    &["previously"],
    &["also", "known", "as"],
    &["aka"],
    &["renamed", "from"],
    &["legacy"],
    &["retired"],
    &["deprecated"],
];

/// The words of a name, in small letters.
pub(super) type Words = Vec<String>;

/// Splits a name into its words.
pub(super) fn words(name: &str) -> Words {
    let (mut words, mut word) = (Words::new(), String::new());
    for c in without_marks(name).chars() {
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        } else if !INVISIBLE.contains(&c) && !matches!(c, '\'' | '\u{2019}') {
            words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
            words.extend(matches!(c, '&' | '+').then(|| "and".to_owned()));
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

/// Returns what a name is compared by: its words without spaces, since exports put these in different places.
pub(super) fn comparable(name: &str) -> String {
    words(name).concat()
}

/// Returns a name without trade marks.
fn without_marks(name: &str) -> String {
    let mut rest = name;
    let mut text = String::with_capacity(name.len());
    while let Some(c) = rest.chars().next() {
        let mark = MARKS.iter().find(|mark| rest.get(..mark.len()).is_some_and(|part| part.eq_ignore_ascii_case(mark)));
        let length = mark.map_or(c.len_utf8(), |mark| mark.len());
        if mark.is_none() && !matches!(c, '\u{2122}' | '\u{ae}' | '\u{a9}' | '\u{2120}') {
            text.push(c);
        }
        rest = &rest[length..];
    }
    text
}

/// Returns a name without what stands in brackets, and what stands in them.
pub(super) fn apart_from_brackets(name: &str) -> (String, Vec<String>) {
    let (mut outside, mut inside, mut depth) = (String::new(), Vec::new(), 0_usize);
    for c in without_marks(name).chars() {
        match c {
            '(' | '[' | '{' | '\u{ff08}' => {
                depth += 1;
                inside.push(String::new());
                outside.push(' ');
            }
            ')' | ']' | '}' | '\u{ff09}' => depth = depth.saturating_sub(1),
            c if depth == 0 => outside.push(c),
            c => inside.last_mut().into_iter().for_each(|text| text.push(c)),
        }
    }
    (outside, inside)
}

/// Returns words up to a note about them.
fn without_note(words: &[String]) -> &[String] {
    let is_note = |rest: &[String]| NOTES.iter().any(|note| starts_with(rest, note));
    let note = (1..words.len()).find(|place| is_note(&words[*place..]));
    &words[..note.unwrap_or(words.len())]
}

/// Returns whether words begin with others.
pub(super) fn starts_with(words: &[String], others: &[impl AsRef<str>]) -> bool {
    words.len() >= others.len() && words.iter().zip(others).all(|(word, other)| word == other.as_ref())
}

/// Returns the words that a name may be known by: all, and those without notes, then those without brackets.
pub(super) fn readings(name: &str) -> Vec<Words> {
    let whole = words(name);
    let (outside, _) = apart_from_brackets(name);
    let outside = words(&outside);
    let shorter = [without_note(&whole).to_vec(), outside.clone(), without_note(&outside).to_vec()];
    let mut readings = vec![whole];
    for reading in shorter.into_iter().filter(|reading| !reading.is_empty()) {
        if !readings.contains(&reading) {
            readings.push(reading);
        }
    }
    readings
}

/// Returns the words behind `Microsoft`, where that is a maker and no part of the name as in `Microsoft 365`.
pub(super) fn without_maker(words: &[String]) -> Option<&[String]> {
    let (first, rest) = words.split_first()?;
    let next = rest.first()?;
    (matches!(first.as_str(), "microsoft" | "ms") && !next.starts_with(|c: char| c.is_ascii_digit())).then_some(rest)
}

/// Returns how alike two names are, from 0 to 1; none where no one could mean the one by the other.
///
/// Names that differ in a number or in a whole word are different things, however many letters they share.
pub(super) fn likeness(name: &[String], known: &[String]) -> Option<f64> {
    let (joined, other) = (name.concat(), known.concat());
    let likeness = normalized_damerau_levenshtein(&joined, &other);
    if likeness < LIKENESS || joined.chars().count() < SHORTEST_ALIKE || digits(&joined) != digits(&other) {
        return None;
    }
    let differ_little = damerau_levenshtein(&joined, &other) <= FEW_LETTERS;
    (differ_little || (have_alike(name, known) && have_alike(known, name))).then_some(likeness)
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Returns whether each word is like one of the others.
fn have_alike(words: &[String], others: &[String]) -> bool {
    let is_alike = |word: &String| others.iter().any(|other| normalized_damerau_levenshtein(word, other) >= LIKENESS);
    words.iter().all(is_alike)
}

#[cfg(test)]
mod tests {
    use super::{comparable, likeness, readings, words};

    #[test]
    fn spellings_of_one_name_are_compared_by_the_same() {
        for spelling in [
            "Teams Meetings and Meeting Rooms",
            "Teams Meetings & Meeting Rooms",
            "TEAMS\u{ae} meetings\u{2122} and meeting-rooms",
            "Teams(R) Meetings + Meeting\u{a0}Rooms",
            "Teams \u{2013} Meetings \u{2014} and _Meeting_ Rooms(TM)",
            "\u{feff}Te\u{ad}ams Meetings and Meet\u{200b}ing Rooms",
        ] {
            assert_eq!(comparable(spelling), "teamsmeetingsandmeetingrooms", "{spelling}");
        }
        assert_eq!(words("Partner's R&D"), ["partners", "r", "and", "d"]);
    }

    #[test]
    fn brackets_and_notes_are_left_out() {
        let has = |name: &str, reading: &str| readings(name).iter().any(|words| words.join(" ") == reading);
        assert!(has("Claiming Partner of Record (CPOR)", "claiming partner of record"));
        assert!(has("A Associate (previously known as B: C Associate)", "a associate"));
        assert!(has("A Associate - previously known as B", "a associate"));
        assert!(has("Teams [legacy] Phone", "teams phone"));
        assert!(has("Viva Engage, formerly Yammer", "viva engage"));
        assert!(has("Exchange Online (Plan 1", "exchange online"));
        assert!(has("a ) b", "a b"));
        assert!(!has("(legacy)", ""));
    }

    #[test]
    fn only_names_with_a_real_likeness_are_near() {
        let near = |name: &str, known: &str| likeness(&words(name), &words(known)).is_some();
        for (name, known) in [
            ("Exchnage Online", "Exchange Online"),
            ("Teems", "Teams"),
            ("ExchangeOnlin", "Exchange Online"),
            ("Share Point Onlin", "SharePoint Online"),
            ("Teams Administratr Asociate", "Teams Administrator Associate"),
        ] {
            assert!(near(name, known), "{name}");
        }
        for (name, known) in [
            ("Azure Administrator Associate", "Teams Administrator Associate"),
            ("CSP Tier 3", "CSP Tier 1"),
            ("LPOR", "CPOR"),
            ("Microsoft 265", "Microsoft 365"),
            ("Fabric", "Teams"),
            ("Viva Amplify", "Viva Insights"),
            ("", "Teams"),
        ] {
            assert!(!near(name, known), "{name}");
        }
    }
}
