//! Copies of files that the engine cannot open, with the columns that are read alone.
//!
//! The engine gives a type to every column of a file, read or not, and stops at types that it does not have. Encoded columns are
//! copied as they are, so a copy costs no decoding, and no more memory than a buffer.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaDataReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};
use tempfile::TempDir;

use super::files::File;
use super::footer::unreadable;
use crate::error::{Error, Result};

/// Where each file is read: itself, or a copy. Copies are in a folder that is removed with this.
#[derive(Debug, Default)]
pub(super) struct Narrowed {
    folder: Option<TempDir>,
    places: BTreeMap<String, PathBuf>,
}

impl Narrowed {
    /// The place of a file that was asked for before.
    pub(super) fn known(&self, file: &File) -> Option<PathBuf> {
        self.places.get(&file.name).cloned()
    }

    /// Remembers that a file is read where it is.
    pub(super) fn as_it_is(&mut self, file: &File) -> PathBuf {
        self.places.insert(file.name.clone(), file.path.clone());
        file.path.clone()
    }

    /// Copies the columns of a file that are read.
    ///
    /// # Errors
    /// Refused where the file is damaged; storage where it cannot be read, or the copy cannot be written.
    pub(super) fn copy(&mut self, file: &File, columns: &[&str]) -> Result<PathBuf> {
        let folder = match &self.folder {
            Some(folder) => folder.path(),
            None => {
                let made = tempfile::Builder::new().prefix("partnerscore-columns-").tempdir();
                let failed = |error| Error::storage("make a folder for copies", &std::env::temp_dir(), &error);
                self.folder.insert(made.map_err(failed)?).path()
            }
        };
        let place = folder.join(format!("{}.parquet", self.places.len()));
        tracing::debug!(file = file.name, "copy the columns that are read");
        write(file, columns, &place)?;
        self.places.insert(file.name.clone(), place.clone());
        Ok(place)
    }
}

fn write(file: &File, columns: &[&str], target: &Path) -> Result<()> {
    let input = fs::File::open(&file.path).map_err(|error| Error::storage("open the file", &file.path, &error))?;
    let output = fs::File::create(target).map_err(|error| Error::storage("write a copy", target, &error))?;
    copied(&input, output, columns).map_err(|error| match io_error(&error) {
        Some(error) => Error::storage("copy the columns that are read", target, error)
            .hint("copies go to the folder for temporary files; TMPDIR names another"),
        None => unreadable(file, &error.to_string()),
    })
}

fn io_error(error: &ParquetError) -> Option<&std::io::Error> {
    match error {
        ParquetError::External(error) => error.downcast_ref(),
        _ => None,
    }
}

fn copied(input: &fs::File, output: fs::File, columns: &[&str]) -> std::result::Result<(), ParquetError> {
    let metadata = ParquetMetaDataReader::new().parse_and_finish(input)?;
    let stored = metadata.file_metadata().schema_descr().root_schema();
    let read = stored.get_fields().iter().filter(|field| columns.contains(&field.name()));
    let read: Vec<TypePtr> = read.cloned().collect();
    let schema = Type::group_type_builder(stored.name()).with_fields(read).build()?;
    let mut writer = SerializedFileWriter::new(output, Arc::new(schema), Arc::default())?;
    for group in metadata.row_groups() {
        let mut copy = writer.next_row_group()?;
        let rows = u64::try_from(group.num_rows()).unwrap_or(0);
        for chunk in group.columns().iter().filter(|chunk| is_of(chunk, columns)) {
            copy.append_column(input, unchanged(chunk, rows))?;
        }
        copy.close()?;
    }
    writer.close()?;
    Ok(())
}

fn is_of(chunk: &ColumnChunkMetaData, columns: &[&str]) -> bool {
    matches!(chunk.column_path().parts(), [name] if columns.contains(&name.as_str()))
}

fn unchanged(chunk: &ColumnChunkMetaData, rows: u64) -> ColumnCloseResult {
    ColumnCloseResult {
        bytes_written: u64::try_from(chunk.compressed_size()).unwrap_or(0),
        rows_written: rows,
        metadata: chunk.clone(),
        bloom_filter: None,
        column_index: None,
        offset_index: None,
    }
}
