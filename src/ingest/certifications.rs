//! `certifications`: every one that was ever stated, with the latest expiry.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow::datatypes::DataType::{Date32, Utf8};
use chrono::NaiveDate;

use super::findings::{Change, Differences};
use super::stored::{Cell, Stored, Storing};
use crate::error::Result;
use crate::publish::Replacement;
use crate::publish::table_file::Column;

const COLUMNS: [Column; 5] = [
    Column("partner_id", Utf8, false),
    Column("person_id", Utf8, false),
    Column("certification", Utf8, false),
    Column("earned_on", Date32, false),
    Column("expires_on", Date32, true),
];

/// The table's name.
pub(super) const NAME: &str = "certifications";
/// Its file.
pub(super) const FILE: &str = "certifications.parquet";

/// Partner, person, certification, and the day it was earned.
type Key = (String, String, String, NaiveDate);

/// When it expires, and the number of the file that says so; none where it is held already.
type Expiry = (Option<NaiveDate>, Option<usize>);

/// Every certification.
#[derive(Debug, Clone, Default)]
pub(super) struct Certifications {
    rows: BTreeMap<Key, Expiry>,
}

impl Certifications {
    /// The certifications of a history; none where there is no such file.
    pub(super) fn read(history: &Path) -> Result<Certifications> {
        let mut file = Stored::open(&history.join(FILE), &COLUMNS)?;
        let mut certifications = Certifications::default();
        while file.has_row() {
            let text = |column| file.text(column).to_owned();
            if let Some(earned_on) = file.day(3) {
                certifications.rows.insert((text(0), text(1), text(2), earned_on), (file.day(4), None));
            }
            file.advance()?;
        }
        Ok(certifications)
    }

    /// Everybody with a certification.
    pub(super) fn people(&self) -> BTreeSet<&str> {
        self.rows.keys().map(|(_, person_id, ..)| person_id.as_str()).collect()
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes a row: a stated expiry wins over none, and a later one over an earlier.
    pub(super) fn take(&mut self, key: Key, expires_on: Option<NaiveDate>, file: usize, differences: &mut Differences) {
        let Some(before) = self.rows.get(&key).copied() else {
            self.rows.insert(key, (expires_on, Some(file)));
            return;
        };
        if let (Some(earlier), Some(later), Some(earlier_file)) = (before.0, expires_on, before.1)
            && earlier != later
        {
            let what = || format!("{} {} of {}", key.0, key.2, key.3);
            let shown = |day: NaiveDate| format!("expires on {day}");
            differences.note(NAME, what, [(shown(earlier), earlier_file), (shown(later), file)]);
        }
        if expires_on >= before.0 {
            self.rows.insert(key, (expires_on, Some(file)));
        }
    }

    /// Writes the table where it differs from what is held.
    pub(super) fn write(&self, held: &Certifications, place: &mut Replacement) -> Result<Change> {
        let mut change = Change { rows: self.rows.len() as u64, ..Change::default() };
        for (key, (expires_on, _)) in &self.rows {
            change.count(held.rows.get(key).map(|(expires_on, _)| expires_on), expires_on);
        }
        change.removed = held.rows.keys().filter(|key| !self.rows.contains_key(*key)).count() as u64;
        if !change.is_any() && place.target().join(FILE).exists() {
            return Ok(change);
        }
        let mut rows = Storing::create(&place.file(FILE)?, &COLUMNS)?;
        for ((partner_id, person_id, certification, earned_on), (expires_on, _)) in &self.rows {
            rows.add(&[
                Cell::text(partner_id),
                Cell::text(person_id),
                Cell::text(certification),
                Cell::Day(Some(*earned_on)),
                Cell::Day(*expires_on),
            ])?;
        }
        rows.close()?;
        Ok(change)
    }
}
