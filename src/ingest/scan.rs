//! Looks through a whole file where one row does not show how to read it: for the order of day and month, and for the encoding.

use std::io::{self, Read};

use super::date_order::{DateField, Proofs, record_dates};
use super::encoding::Utf8Reader;
use super::records::{Next, Records};

/// Bytes that Windows-1252 gives no letter.
const NO_LETTERS: [u8; 5] = [0x81, 0x8d, 0x8f, 0x90, 0x9d];
/// In a language that Windows-1252 is for, letters beyond ASCII are alone or few together.
const LONGEST_RUN: u64 = 3;

/// The evidence of a whole file.
#[derive(Debug, Default)]
pub(super) struct FileScan {
    /// Dates that can be read in one order alone.
    pub(super) proofs: Proofs,
    has_utf8_letters: bool,
    has_no_letters: bool,
    /// Bytes beyond ASCII that are no UTF-8: how many, in how many runs, and how many the longest has.
    bytes: u64,
    runs: u64,
    longest_run: u64,
}

impl FileScan {
    /// Whether the file can be Windows-1252 and nothing else that is known here.
    pub(super) fn is_windows_1252(&self) -> bool {
        let is_sparse = self.longest_run <= LONGEST_RUN && self.bytes <= 2 * self.runs;
        self.bytes > 0 && is_sparse && !self.has_utf8_letters && !self.has_no_letters
    }

    fn add_bytes(&mut self, raw: &[u8]) {
        if raw.is_ascii() {
            return;
        }
        if std::str::from_utf8(raw).is_ok() {
            self.has_utf8_letters = true;
            return;
        }
        self.has_no_letters |= raw.iter().any(|byte| NO_LETTERS.contains(byte));
        for run in raw.split(u8::is_ascii).filter(|run| !run.is_empty()) {
            let length = run.len() as u64;
            self.bytes += length;
            self.runs += 1;
            self.longest_run = self.longest_run.max(length);
        }
    }
}

/// Looks through a file whose records are split by `delimiter`, and have as many fields as `columns`.
///
/// # Errors
/// Those of the input.
pub(super) fn scan(text: &mut dyn Read, delimiter: u8, columns: usize, dates: &[DateField]) -> io::Result<FileScan> {
    let reader = Utf8Reader::new(text)?;
    let mut found = FileScan { has_utf8_letters: reader.is_marked_utf8, ..FileScan::default() };
    let mut records = Records::new(reader);
    records.set_delimiter(delimiter);
    loop {
        match records.next()? {
            Next::Record => {}
            Next::End | Next::Lost => return Ok(found),
            Next::Broken | Next::TooLong => continue,
        }
        found.add_bytes(records.raw());
        if records.fields() != columns {
            if records.lines() > 1 {
                records.resume_on_next_line();
            }
            continue;
        }
        found.proofs.add(record_dates(&records, dates));
    }
}
