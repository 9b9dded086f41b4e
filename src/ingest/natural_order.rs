//! The order of file names as people count: `X.csv` before `X (1).csv`, `usage_9.csv` before `usage_10.csv`.

use std::cmp::Ordering;

/// The ending of a compressed file, after that of the report.
const COMPRESSED: &str = ".gz";

/// Compares two file names: without their endings first. Names that people would count as one are equal.
pub(super) fn compare_names(one: &str, other: &str) -> Ordering {
    let ((stem, ending), (other_stem, other_ending)) = (split_ending(one), split_ending(other));
    compare_texts(stem, other_stem).then_with(|| compare_texts(ending, other_ending))
}

/// Compares two paths in an archive, part by part.
pub(super) fn compare_paths(one: &str, other: &str) -> Ordering {
    let (mut parts, mut other_parts) = (one.split('/'), other.split('/'));
    loop {
        let order = match (parts.next(), other_parts.next()) {
            (Some(part), Some(other)) => compare_names(part, other),
            (part, other) => return part.cmp(&other),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// A name and its ending, such as `.csv.gz`.
fn split_ending(name: &str) -> (&str, &str) {
    let lower = name.to_ascii_lowercase();
    let bare = lower.strip_suffix(COMPRESSED).unwrap_or(&lower);
    let place = bare.rfind('.').filter(|place| *place > 0).unwrap_or(name.len());
    name.split_at_checked(place).unwrap_or((name, ""))
}

/// Compares texts: numbers by their value, all else by letter, small and capital ones alike.
fn compare_texts(one: &str, other: &str) -> Ordering {
    let (mut rest, mut other_rest) = (one, other);
    loop {
        let (digits, other_digits) = (leading_digits(rest), leading_digits(other_rest));
        if !digits.is_empty() && !other_digits.is_empty() {
            let order = compare_numbers(digits, other_digits);
            if order != Ordering::Equal {
                return order;
            }
            rest = rest.get(digits.len()..).unwrap_or_default();
            other_rest = other_rest.get(other_digits.len()..).unwrap_or_default();
            continue;
        }
        let (mut letters, mut other_letters) = (rest.chars(), other_rest.chars());
        let order = match (letters.next(), other_letters.next()) {
            (Some(letter), Some(other)) => letter.to_lowercase().cmp(other.to_lowercase()),
            (letter, other) => return letter.cmp(&other),
        };
        if order != Ordering::Equal {
            return order;
        }
        (rest, other_rest) = (letters.as_str(), other_letters.as_str());
    }
}

fn leading_digits(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// Compares numbers of any length.
fn compare_numbers(one: &str, other: &str) -> Ordering {
    let (one, other) = (one.trim_start_matches('0'), other.trim_start_matches('0'));
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests {
    use super::{compare_names, compare_paths};

    #[test]
    fn names_are_in_the_order_in_which_people_count() {
        let cases: [&[&str]; 7] = [
            &["Usage.csv", "Usage (1).csv", "Usage (2).csv", "Usage (10).csv"],
            &["usage_9.csv", "usage_10.csv", "usage_100.csv"],
            &["2026-9.csv", "2026-10.csv", "2027-1.csv"],
            &["X.csv.gz", "X (1).csv.gz", "X (2).csv"],
            &["a1b2.csv", "a1b10.csv", "a2b1.csv"],
            &["99999999999999999998.csv", "99999999999999999999.csv", "100000000000000000000.csv"],
            &["export.csv", "export - Copy.csv", "export - Copy (2).csv"],
        ];
        for names in cases {
            let mut sorted = names.to_vec();
            sorted.reverse();
            sorted.sort_by(|one, other| compare_names(one, other));
            assert_eq!(sorted, names);
        }
        assert!(compare_names("USAGE.csv", "usage.CSV").is_eq());
        assert!(compare_names("usage_01.csv", "usage_1.csv").is_eq());
        assert!(compare_paths("2026-9/b.csv", "2026-10/a.csv").is_lt());
        assert!(compare_paths("a/X (1).csv", "a/X.csv").is_gt());
        assert!(compare_paths("a", "a/b.csv").is_lt());
    }
}
