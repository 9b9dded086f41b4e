//! Rows of exports on their way into months: kept in files, one for each table and month, so that memory is that of a month.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::month::Month;

/// Bytes of a month that wait in memory; all months of a pile have so many.
const WAITING: usize = 64 * 1024;
/// Stands between the texts of a key. No text has it, so that keys are in the order that their texts are in.
const BETWEEN: char = '\0';

/// The files of one table.
#[derive(Debug)]
pub(super) struct Spool {
    folder: PathBuf,
    table: &'static str,
    months: BTreeMap<Month, Vec<u8>>,
}

impl Spool {
    /// Keeps the rows of a table in a folder.
    pub(super) fn new(folder: PathBuf, table: &'static str) -> Spool {
        Spool { folder, table, months: BTreeMap::new() }
    }

    /// Where the next record of a month is written to.
    pub(super) fn month(&mut self, month: Month) -> &mut Vec<u8> {
        self.months.entry(month).or_default()
    }

    /// Puts a month's records on disk where they are many.
    pub(super) fn settle(&mut self, month: Month) -> Result<()> {
        if self.months.get(&month).is_none_or(|waiting| waiting.len() < WAITING) {
            return Ok(());
        }
        let path = self.path(month);
        let waiting = self.months.entry(month).or_default();
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(waiting));
        waiting.clear();
        written.map_err(|error| Error::storage("keep rows for their month", &path, &error))
    }

    /// The months that have records.
    pub(super) fn months(&self) -> Vec<Month> {
        self.months.keys().copied().collect()
    }

    /// All records of a month, in the order in which they came. They are gone afterwards.
    pub(super) fn take(&mut self, month: Month) -> Result<Vec<u8>> {
        let path = self.path(month);
        let waiting = self.months.remove(&month).unwrap_or_default();
        if !path.exists() {
            return Ok(waiting);
        }
        let failed = |error: std::io::Error| Error::storage("read the rows of a month", &path, &error);
        let mut file = File::open(&path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        // Room for all of it at once: what grows is in memory twice.
        let mut records = Vec::with_capacity(usize::try_from(size).unwrap_or_default() + waiting.len());
        file.read_to_end(&mut records).map_err(failed)?;
        fs::remove_file(&path).map_err(failed)?;
        records.extend_from_slice(&waiting);
        Ok(records)
    }

    fn path(&self, month: Month) -> PathBuf {
        self.folder.join(format!("{}-{month}", self.table))
    }
}

/// Writes the key that a month's records are sorted by; it comes first in each.
pub(super) fn put_key(record: &mut Vec<u8>, texts: &[&str]) {
    let length: usize = texts.iter().map(|text| text.len() + BETWEEN.len_utf8()).sum();
    record.extend_from_slice(&(length as u32).to_le_bytes());
    for text in texts {
        record.extend_from_slice(text.as_bytes());
        record.push(BETWEEN as u8);
    }
}

/// The texts of a key, of which there are so many.
pub(super) fn texts<const N: usize>(key: &str) -> [&str; N] {
    let mut texts = key.split(BETWEEN);
    std::array::from_fn(|_| texts.next().unwrap_or_default())
}

/// Writes a text of a record.
fn put_text(record: &mut Vec<u8>, text: &str) {
    record.extend_from_slice(&(text.len() as u32).to_le_bytes());
    record.extend_from_slice(text.as_bytes());
}

/// Writes a text that may be none. No text of a record is as long as what stands for none.
pub(super) fn put_optional(record: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => put_text(record, text),
        None => record.extend_from_slice(&u32::MAX.to_le_bytes()),
    }
}

/// Writes a number of a record.
pub(super) fn put_number(record: &mut Vec<u8>, number: i64) {
    record.extend_from_slice(&number.to_le_bytes());
}

/// Reads a record from where it begins.
pub(super) struct Record<'a> {
    rest: &'a [u8],
}

impl<'a> Record<'a> {
    /// The record at a place of a month's records.
    pub(super) fn at(records: &'a [u8], place: usize) -> Record<'a> {
        Record { rest: records.get(place..).unwrap_or_default() }
    }

    /// What is left behind it.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    fn bytes(&mut self, length: usize) -> &'a [u8] {
        let (bytes, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, &[]));
        self.rest = rest;
        bytes
    }

    /// A text that may be none.
    pub(super) fn optional(&mut self) -> Option<&'a str> {
        let length = self.bytes(4).try_into().map_or(u32::MAX, u32::from_le_bytes);
        if length == u32::MAX {
            return None;
        }
        std::str::from_utf8(self.bytes(length as usize)).ok()
    }

    /// A text.
    pub(super) fn text(&mut self) -> &'a str {
        self.optional().unwrap_or_default()
    }

    /// A number.
    pub(super) fn number(&mut self) -> i64 {
        self.bytes(8).try_into().map_or(0, i64::from_le_bytes)
    }
}

/// A month's records by their keys: each key, and the place behind it. Records of one key stay in the order in which they came.
///
/// `skip` reads what is behind a key.
pub(super) fn sorted<'a>(records: &'a [u8], mut skip: impl FnMut(&mut Record<'a>)) -> Vec<(&'a str, usize)> {
    let mut keyed = Vec::new();
    let mut record = Record::at(records, 0);
    while record.left() > 0 {
        let key = record.text();
        keyed.push((key, records.len() - record.left()));
        skip(&mut record);
    }
    keyed.sort_unstable();
    keyed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whatever a pile has of a month, little of it is in memory; all of it comes back, in order.
    #[test]
    fn records_wait_on_disk() {
        let folder = tempfile::tempdir().expect("a folder");
        let month: Month = "2026-10".parse().expect("a month");
        let mut spool = Spool::new(folder.path().to_owned(), "usage");
        for number in 0..20_000 {
            put_key(spool.month(month), &["tenant", "workload"]);
            put_number(spool.month(month), number);
            spool.settle(month).expect("kept");
            assert!(spool.month(month).len() < WAITING, "after {number}");
        }
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
        let records = spool.take(month).expect("records");
        let keyed = sorted(&records, |record| {
            record.number();
        });
        let numbers: Vec<i64> = keyed.iter().map(|(_, place)| Record::at(&records, *place).number()).collect();
        assert_eq!(numbers, (0..20_000).collect::<Vec<_>>());
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing is left");
    }

    proptest! {
        /// Keys are in the order of their texts, of which one may be empty, and give them back.
        #[test]
        fn keys_are_in_the_order_of_their_texts(texts_of in prop::collection::vec(["[ab\u{1}é]{0,3}", "[ab-]{0,3}", "[a_]{0,2}"], 0..20)) {
            let mut records = Vec::new();
            texts_of.iter().for_each(|[a, b, c]| put_key(&mut records, &[a, b, c]));
            let keyed = sorted(&records, |_| {});
            let found: Vec<[&str; 3]> = keyed.iter().map(|(key, _)| texts(key)).collect();
            let mut expected: Vec<[&str; 3]> = texts_of.iter().map(|[a, b, c]| [a.as_str(), b, c]).collect();
            expected.sort();
            prop_assert_eq!(found, expected);
        }
    }
}
