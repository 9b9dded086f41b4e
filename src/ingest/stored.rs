//! Rows of a history's files, written and read back one after another, so that no file has to be in memory.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder, Date32Array, Date32Builder, Int64Array, Int64Builder,
    RecordBatch, StringArray, StringBuilder,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Int64Type};
use chrono::{Datelike, NaiveDate};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::error::{Error, Result};
use crate::publish::table_file::{Column, ROWS_PER_BATCH, Table};

/// Rows that are read at a time; few, as the files of all months are open at once where associations are derived.
const ROWS_READ: usize = 1024;

/// One value of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell<'a> {
    Text(Option<&'a str>),
    Day(Option<NaiveDate>),
    Count(i64),
    Flag(bool),
}

impl<'a> Cell<'a> {
    /// A text that is there.
    pub(super) fn text(text: &'a str) -> Cell<'a> {
        Cell::Text(Some(text))
    }
}

/// A file that rows are added to.
pub(super) struct Storing {
    table: Table,
    path: PathBuf,
    columns: Vec<Builder>,
    waiting: usize,
    /// Rows added so far.
    pub(super) rows: u64,
}

enum Builder {
    Text(StringBuilder),
    Day(Date32Builder),
    Count(Int64Builder),
    Flag(BooleanBuilder),
}

impl Storing {
    /// Creates the file.
    pub(super) fn create(path: &Path, columns: &[Column]) -> Result<Storing> {
        let table = Table::create(path.to_owned(), columns, false).map_err(|error| cannot_write(path, &error))?;
        let columns = columns.iter().map(|column| Builder::of(&column.1)).collect();
        Ok(Storing { table, path: path.to_owned(), columns, waiting: 0, rows: 0 })
    }

    /// Adds a row, a cell for each column, of the column's type.
    pub(super) fn add(&mut self, cells: &[Cell]) -> Result<()> {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.add(*cell);
        }
        self.rows += 1;
        self.waiting += 1;
        if self.waiting == ROWS_PER_BATCH { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<()> {
        self.waiting = 0;
        let columns = self.columns.iter_mut().map(Builder::finish).collect();
        self.table.write(columns).map_err(|error| cannot_write(&self.path, &error))
    }

    /// Completes the file.
    pub(super) fn close(mut self) -> Result<()> {
        if self.waiting > 0 {
            self.write()?;
        }
        let path = self.path;
        self.table.close().map(|_| ()).map_err(|error| cannot_write(&path, &error))
    }
}

/// Parquet's writer wraps what the system answers.
fn cannot_write(path: &Path, error: &std::io::Error) -> Error {
    Error::storage("write the file", path, error)
}

impl Builder {
    fn of(kind: &DataType) -> Builder {
        match kind {
            DataType::Date32 => Builder::Day(Date32Builder::new()),
            DataType::Int64 => Builder::Count(Int64Builder::new()),
            DataType::Boolean => Builder::Flag(BooleanBuilder::new()),
            _ => Builder::Text(StringBuilder::new()),
        }
    }

    fn add(&mut self, cell: Cell) {
        match (self, cell) {
            (Builder::Text(column), Cell::Text(text)) => column.append_option(text),
            (Builder::Day(column), Cell::Day(day)) => column.append_option(day.map(days)),
            (Builder::Count(column), Cell::Count(count)) => column.append_value(count),
            (Builder::Flag(column), Cell::Flag(flag)) => column.append_value(flag),
            // A cell of another type is a fault in this program; the row's columns stay of one length, and the file refuses the null.
            (Builder::Text(column), _) => column.append_null(),
            (Builder::Day(column), _) => column.append_null(),
            (Builder::Count(column), _) => column.append_null(),
            (Builder::Flag(column), _) => column.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Builder::Text(column) => Arc::new(column.finish()),
            Builder::Day(column) => Arc::new(column.finish()),
            Builder::Count(column) => Arc::new(column.finish()),
            Builder::Flag(column) => Arc::new(column.finish()),
        }
    }
}

/// Days since 1970, as Parquet has dates.
pub(super) fn days(day: NaiveDate) -> i32 {
    day.num_days_from_ce() - NaiveDate::default().num_days_from_ce()
}

/// The date so many days after 1970; none beyond what can be computed with.
pub(super) fn day(days: i32) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(days.checked_add(NaiveDate::default().num_days_from_ce())?)
}

/// A file's rows, one at a time, in the file's order; a file that is not there has none.
pub(super) struct Stored {
    path: PathBuf,
    names: Vec<(&'static str, DataType)>,
    batches: Option<ParquetRecordBatchReader>,
    columns: Vec<Values>,
    rows: usize,
    row: usize,
}

enum Values {
    Text(StringArray),
    Day(Date32Array),
    Count(Int64Array),
    Flag(BooleanArray),
}

impl Stored {
    /// Opens a file and stands on its first row.
    ///
    /// # Errors
    /// Refused where it is not the Parquet file that it should be; storage where it cannot be opened.
    pub(super) fn open(path: &Path, columns: &[Column]) -> Result<Stored> {
        let names = columns.iter().map(|column| (column.0, column.1.clone())).collect();
        let mut stored = Stored { path: path.to_owned(), names, batches: None, columns: Vec::new(), rows: 0, row: 0 };
        if path.exists() {
            let file = File::open(path).map_err(|error| Error::storage("open the file", path, &error))?;
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| stored.damaged(&error))?;
            let reader = reader.with_batch_size(ROWS_READ).build().map_err(|error| stored.damaged(&error))?;
            stored.batches = Some(reader);
            stored.next_batch()?;
        }
        Ok(stored)
    }

    fn damaged(&self, why: &dyn std::fmt::Display) -> Error {
        Error::refused(format!("a file of the history cannot be read: {why}"))
            .at(self.path.display())
            .hint("put back a copy of the history; ingesting all exports into a new folder makes it anew")
    }

    fn next_batch(&mut self) -> Result<()> {
        (self.rows, self.row) = (0, 0);
        while self.rows == 0 {
            let Some(batch) = self.batches.as_mut().and_then(Iterator::next) else {
                self.batches = None;
                return Ok(());
            };
            let batch = batch.map_err(|error| self.damaged(&error))?;
            let columns = self.names.iter().map(|(name, kind)| values(&batch, name, kind));
            self.columns = columns.collect::<std::result::Result<_, _>>().map_err(|error| self.damaged(&error))?;
            self.rows = batch.num_rows();
        }
        Ok(())
    }

    /// Whether there is a row to look at.
    pub(super) fn has_row(&self) -> bool {
        self.row < self.rows
    }

    /// Goes on to the next row.
    pub(super) fn advance(&mut self) -> Result<()> {
        self.row += 1;
        if self.row < self.rows { Ok(()) } else { self.next_batch() }
    }

    /// The text of a column, by its place; empty where it is null.
    pub(super) fn text(&self, column: usize) -> &str {
        self.optional(column).unwrap_or_default()
    }

    /// The text of a column that may be null.
    pub(super) fn optional(&self, column: usize) -> Option<&str> {
        match self.columns.get(column) {
            Some(Values::Text(values)) if values.is_valid(self.row) => Some(values.value(self.row)),
            _ => None,
        }
    }

    /// The date of a column.
    pub(super) fn day(&self, column: usize) -> Option<NaiveDate> {
        match self.columns.get(column) {
            Some(Values::Day(values)) if values.is_valid(self.row) => day(values.value(self.row)),
            _ => None,
        }
    }

    /// The number of a column.
    pub(super) fn count(&self, column: usize) -> i64 {
        match self.columns.get(column) {
            Some(Values::Count(values)) if values.is_valid(self.row) => values.value(self.row),
            _ => 0,
        }
    }

    /// The flag of a column.
    pub(super) fn flag(&self, column: usize) -> bool {
        match self.columns.get(column) {
            Some(Values::Flag(values)) => values.is_valid(self.row) && values.value(self.row),
            _ => false,
        }
    }
}

fn values(batch: &RecordBatch, name: &str, kind: &DataType) -> std::result::Result<Values, arrow::error::ArrowError> {
    let column = match batch.column_by_name(name) {
        Some(column) => cast(column, kind)?,
        // A column that an older version did not write.
        None => arrow::array::new_null_array(kind, batch.num_rows()),
    };
    Ok(match kind {
        DataType::Date32 => Values::Day(column.as_primitive::<Date32Type>().clone()),
        DataType::Int64 => Values::Count(column.as_primitive::<Int64Type>().clone()),
        DataType::Boolean => Values::Flag(column.as_boolean().clone()),
        _ => Values::Text(column.as_string::<i32>().clone()),
    })
}
