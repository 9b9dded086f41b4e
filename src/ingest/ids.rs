//! Ids: the one form of a GUID, and ids that differ only in how they are written.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of a GUID with its dashes, and of its digits alone.
const GUID: usize = 36;
const GUID_DIGITS: usize = 32;
/// The lengths of the parts between dashes.
const PARTS: [usize; 5] = [8, 4, 4, 4, 12];
/// Ids in other forms than a GUID that are compared; more are of a file with another column in its place.
const MOST_COMPARED: usize = 100_000;

/// Returns an id as histories write it: a GUID in small letters, without what stands around it; anything else as it is.
pub(super) fn normalised(id: &str) -> Cow<'_, str> {
    if is_guid(id) {
        let is_small = !id.bytes().any(|byte| byte.is_ascii_uppercase());
        return if is_small { Cow::Borrowed(id) } else { Cow::Owned(id.to_ascii_lowercase()) };
    }
    let bare = without_cover(id);
    if is_guid(bare) {
        return Cow::Owned(bare.to_ascii_lowercase());
    }
    let is_digits = bare.len() == GUID_DIGITS && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
    // Digits alone may be a number.
    if is_digits && bare.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return Cow::Owned(with_dashes(&bare.to_ascii_lowercase()));
    }
    Cow::Borrowed(id)
}

/// Returns whether a text is the form of a GUID in which histories have them, capitals aside.
pub(super) fn is_guid(text: &str) -> bool {
    let is_digit = |(place, byte): (usize, u8)| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == GUID && text.bytes().enumerate().all(is_digit)
}

fn without_cover(id: &str) -> &str {
    let id = id.trim();
    let id = id.get(..9).filter(|begin| begin.eq_ignore_ascii_case("urn:uuid:")).map_or(id, |begin| &id[begin.len()..]);
    let covered = |open, close| id.strip_prefix(open).and_then(|id: &str| id.strip_suffix(close));
    covered('{', '}').or_else(|| covered('(', ')')).or_else(|| covered('"', '"')).map_or(id, str::trim)
}

fn with_dashes(digits: &str) -> String {
    let (mut parts, mut rest) = (Vec::new(), digits);
    for length in PARTS {
        let (part, others) = rest.split_at_checked(length).unwrap_or((rest, ""));
        parts.push(part);
        rest = others;
    }
    parts.join("-")
}

/// Ids by what they have in common: each group is of ids that differ only in case, braces or leading zeros.
#[derive(Debug, Default)]
pub(super) struct SimilarIds {
    groups: BTreeMap<String, BTreeSet<String>>,
    ids: usize,
}

impl SimilarIds {
    /// Adds an id.
    pub(super) fn add(&mut self, id: &str) {
        let key = key(id);
        if self.groups.get(&key).is_some_and(|ids| ids.contains(id)) || self.ids >= MOST_COMPARED {
            return;
        }
        self.ids += 1;
        self.groups.entry(key).or_default().insert(id.to_owned());
    }

    /// Returns the groups of more than one id.
    pub(super) fn groups(&self) -> impl Iterator<Item = Vec<String>> {
        self.groups.values().filter(|ids| ids.len() > 1).map(|ids| ids.iter().cloned().collect())
    }
}

/// What an id has in common with those that are written otherwise.
fn key(id: &str) -> String {
    let normalised = normalised(id);
    let bare = without_cover(&normalised).to_lowercase();
    let without_zeros = bare.trim_start_matches('0');
    if without_zeros.is_empty() { bare } else { without_zeros.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{SimilarIds, normalised};

    #[test]
    fn a_guid_has_one_form() {
        let guid = "6a58ad2c-1388-4fdb-b2fc-6e55d2b21b88";
        for form in [
            guid.to_owned(),
            guid.to_uppercase(),
            format!("{{{guid}}}"),
            format!("{{{}}}", guid.to_uppercase()),
            format!("({guid})"),
            format!("\"{guid}\""),
            format!("urn:uuid:{guid}"),
            format!("URN:UUID:{}", guid.to_uppercase()),
            guid.replace('-', ""),
            format!("{{{}}}", guid.replace('-', "").to_uppercase()),
        ] {
            assert_eq!(normalised(&form), guid, "{form}");
        }
        for id in [
            "",
            "4390934",
            "0012",
            "{not a guid}",
            "6a58ad2c-1388-4fdb-b2fc-6e55d2b21b8",
            "12345678901234567890123456789012",
        ] {
            assert_eq!(normalised(id), id);
        }
    }

    #[test]
    fn ids_that_differ_in_writing_alone_are_similar() {
        let mut ids = SimilarIds::default();
        for id in ["123", "0123", "00123", "124", "abc", "ABC", "{abc}", "0", "00", "1230", "x0123"] {
            ids.add(id);
            ids.add(id);
        }
        let groups: Vec<Vec<String>> = ids.groups().collect();
        assert_eq!(groups, [vec!["00123", "0123", "123"], vec!["ABC", "abc", "{abc}"]]);
    }
}
