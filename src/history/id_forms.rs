//! How ids are written, so that those of two tables are compared in another form only where some could be equal then.

use std::collections::BTreeMap;

use super::tenants::Tenants;

/// What an id has, a bit for each.
const SMALL_LETTER: u8 = 1;
const CAPITAL: u8 = 1 << 1;
const HYPHEN: u8 = 1 << 2;
const BRACKET: u8 = 1 << 3;
const SPACE: u8 = 1 << 4;
const DOT: u8 = 1 << 5;
const UNDERSCORE: u8 = 1 << 6;
const OTHER: u8 = 1 << 7;

/// The bits of every byte.
const BITS: [u8; 256] = bits();

const fn bits() -> [u8; 256] {
    let mut bits = [0; 256];
    let mut byte = 0;
    while byte < bits.len() {
        bits[byte] = match byte as u8 {
            b'a'..=b'z' => SMALL_LETTER,
            b'A'..=b'Z' => CAPITAL,
            b'0'..=b'9' => 0,
            b'-' => HYPHEN,
            b'{' | b'}' | b'(' | b')' | b'[' | b']' => BRACKET,
            0..=b' ' => SPACE,
            b'.' => DOT,
            b'_' => UNDERSCORE,
            _ => OTHER,
        };
        byte += 1;
    }
    bits
}

/// How many ids there are of each way to write them. Those of sets of ids add up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdForms(BTreeMap<u8, u64>);

impl IdForms {
    /// The forms of some tenants' ids.
    pub fn of(tenants: &Tenants) -> IdForms {
        let mut forms = IdForms::default();
        (0..tenants.len()).filter_map(|number| tenants.id(number)).for_each(|id| forms.count(id));
        forms
    }

    /// Counts an id.
    pub(super) fn count(&mut self, id: &str) {
        let has = id.bytes().fold(0, |has, byte| has | BITS[usize::from(byte)]);
        *self.0.entry(has).or_default() += 1;
    }

    /// Adds ids of one form, by its number.
    pub fn add(&mut self, form: u8, ids: u64) {
        *self.0.entry(form).or_default() += ids;
    }

    /// Adds the ids of another set.
    pub fn add_all(&mut self, other: &IdForms) {
        other.iter().for_each(|(form, ids)| self.add(form, ids));
    }

    /// Each form as a number, and how many ids have it.
    pub fn iter(&self) -> impl Iterator<Item = (u8, u64)> {
        self.0.iter().map(|(form, ids)| (*form, *ids))
    }

    /// Whether two of the ids may be the same but for case, padding and punctuation. Ids that are all written in one way differ in their letters and
    /// digits, or not at all.
    pub fn may_differ_in_form(&self) -> bool {
        let (some, all) = self.0.keys().fold((0, u8::MAX), |(some, all), form| (some | form, all & form));
        let letters = SMALL_LETTER | CAPITAL;
        let in_some_alone = some & !all & !letters;
        some & letters == letters || some & SPACE != 0 || in_some_alone != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may_differ(ids: &[&str]) -> bool {
        let mut forms = IdForms::default();
        ids.iter().for_each(|id| forms.count(id));
        forms.may_differ_in_form()
    }

    #[test]
    fn ids_that_are_written_in_one_way_cannot_differ_in_form() {
        for ids in [
            &[][..],
            &["0a1b-22", "12-34", "ff-ff"],
            &["0A1B-22", "12-34", "FF-FF"],
            &["t1", "t2", "33"],
            &["{a-1}", "{b-2}"],
            &["a.example", "b.example"],
        ] {
            assert!(!may_differ(ids), "{ids:?}");
        }
        for ids in [
            &["0a-1", "0A-1"][..],
            &["aB-1"],
            &["0a-1", "0a1"],
            &["0a-1", "{0a-1}"],
            &["0a-1", "0a-1 "],
            &["a ", "a  "],
            &["a\t", "a"],
            &["a.b", "ab"],
            &["a_b", "a-b"],
            &["a", "\u{e4}"],
        ] {
            assert!(may_differ(ids), "{ids:?}");
        }
    }
}
