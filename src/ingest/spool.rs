//! Rows of exports on their way into months: kept in files, one for each table and month, so that memory is that of a month.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::month::Month;

/// Bytes of a month that wait in memory.
const WAITING: usize = 256 * 1024;

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
        let path = self.path(month);
        match self.months.get_mut(&month) {
            Some(waiting) if waiting.len() >= WAITING => {
                let file = OpenOptions::new().create(true).append(true).open(&path);
                let written = file.and_then(|mut file| file.write_all(waiting));
                waiting.clear();
                written.map_err(|error| Error::storage("keep rows for their month", &path, &error))
            }
            _ => Ok(()),
        }
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
        let mut records = fs::read(&path).map_err(failed)?;
        fs::remove_file(&path).map_err(failed)?;
        records.extend_from_slice(&waiting);
        Ok(records)
    }

    fn path(&self, month: Month) -> PathBuf {
        self.folder.join(format!("{}-{month}", self.table))
    }
}

/// Writes a text of a record.
pub(super) fn put_text(record: &mut Vec<u8>, text: &str) {
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

/// Places of a month's records, sorted by what `key` reads of each; records of one key stay in the order in which they came.
pub(super) fn sorted<'a, K: Ord>(
    records: &'a [u8],
    mut read: impl FnMut(&mut Record<'a>),
    key: impl Fn(Record<'a>) -> K,
) -> Vec<usize> {
    let mut places = Vec::new();
    let mut record = Record::at(records, 0);
    while record.left() > 0 {
        places.push(records.len() - record.left());
        read(&mut record);
    }
    places.sort_by(|a, b| key(Record::at(records, *a)).cmp(&key(Record::at(records, *b))));
    places
}
