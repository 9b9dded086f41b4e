//! A column `month` inside a file whose folder names the month as well. The folder decides; rows that disagree are counted.
//!
//! The column may have any type that dates are written in, so it is read without the types of the other columns.

use std::fs;

use arrow::datatypes::{DataType, TimeUnit};
use chrono::NaiveDate;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType as Physical, Int96};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::files::File;
use super::footer::{Footer, unreadable};
use super::workload_usage::MONTH;
use crate::error::{Error, Result};
use crate::month::Month;

/// Rows that are decoded at a time.
const BATCH: usize = 8192;
const SECONDS_OF_A_DAY: i64 = 24 * 60 * 60;

/// How a column stores dates.
#[derive(Clone, Copy)]
enum Stored {
    /// A number, so many of which are a day.
    Number(i64),
    Text,
}

impl Stored {
    /// None for a type that dates are not written in.
    fn new(stored: &DataType) -> Option<Stored> {
        match stored {
            DataType::Date32 => Some(Stored::Number(1)),
            DataType::Timestamp(TimeUnit::Second, _) => Some(Stored::Number(SECONDS_OF_A_DAY)),
            DataType::Date64 | DataType::Timestamp(TimeUnit::Millisecond, _) => {
                Some(Stored::Number(SECONDS_OF_A_DAY * 1_000))
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => Some(Stored::Number(SECONDS_OF_A_DAY * 1_000_000)),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => Some(Stored::Number(SECONDS_OF_A_DAY * 1_000_000_000)),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(Stored::Text),
            DataType::Dictionary(_, values) => Stored::new(values),
            _ => None,
        }
    }
}

/// The rows of a file whose column `month` is another than the folder's. Nulls and values that are no date agree with every folder.
///
/// Nothing is read where statistics say that all rows have one value.
///
/// # Errors
/// Refused where the column cannot be decoded; storage where the file cannot be read.
pub(super) fn rows_of_other_months(file: &File, footer: &Footer, month: Month) -> Result<u64> {
    let Ok(field) = footer.schema.field_with_name(MONTH) else { return Ok(0) };
    let Some(stored) = Stored::new(field.data_type()) else { return Ok(0) };
    if let Some(differs) = by_statistics(footer, stored, month) {
        return Ok(if differs { footer.rows } else { 0 });
    }
    let handle = fs::File::open(&file.path).map_err(|error| Error::storage("read the file", &file.path, &error))?;
    count(handle, stored, month).map_err(|error| unreadable(file, &error.to_string()))
}

/// Whether all rows differ, or none does; None where statistics do not tell.
fn by_statistics(footer: &Footer, stored: Stored, month: Month) -> Option<bool> {
    match stored {
        Stored::Number(of_a_day) => {
            let (least, most) = footer.range(MONTH)?;
            let (least, most) = (least.div_euclid(of_a_day), most.div_euclid(of_a_day));
            (least == most).then(|| differs_from(least, month))
        }
        Stored::Text => {
            let spans = footer.spans(MONTH)?;
            let agree = |text: &str| !text_differs(text.as_bytes(), month);
            spans.iter().all(|span| span.least == span.most && agree(&span.least)).then_some(false)
        }
    }
}

fn differs_from(day: i64, month: Month) -> bool {
    day != i64::from(month.first_day().to_epoch_days())
}

/// Whether a text begins with another date than the first day of the month, or is another month.
fn text_differs(text: &[u8], month: Month) -> bool {
    let text = str::from_utf8(text).unwrap_or_default().trim();
    let day = text.get(.."2026-10-01".len()).and_then(|day| day.parse::<NaiveDate>().ok());
    let other_month = text.parse::<Month>().is_ok_and(|found| found != month);
    day.map_or(other_month, |day| day != month.first_day())
}

fn count(handle: fs::File, stored: Stored, month: Month) -> std::result::Result<u64, ParquetError> {
    let reader = SerializedFileReader::new(handle)?;
    let is_month = |column: &parquet::schema::types::ColumnDescPtr| column.path().string() == MONTH;
    let Some(place) = reader.metadata().file_metadata().schema_descr().columns().iter().position(is_month) else {
        return Ok(0);
    };
    let differs = |value: i64, of_a_day: i64| differs_from(value.div_euclid(of_a_day), month);
    let mut rows = 0;
    for number in 0..reader.num_row_groups() {
        let column = reader.get_row_group(number)?.get_column_reader(place)?;
        rows += match (column, stored) {
            (ColumnReader::Int32ColumnReader(column), Stored::Number(of_a_day)) => {
                count_in(column, &|value: &i32| differs(i64::from(*value), of_a_day))?
            }
            (ColumnReader::Int64ColumnReader(column), Stored::Number(of_a_day)) => {
                count_in(column, &|value: &i64| differs(*value, of_a_day))?
            }
            (ColumnReader::Int96ColumnReader(column), Stored::Number(_)) => {
                count_in(column, &|value: &Int96| differs(value.to_seconds(), SECONDS_OF_A_DAY))?
            }
            (ColumnReader::ByteArrayColumnReader(column), Stored::Text) => {
                count_in(column, &|value: &ByteArray| text_differs(value.data(), month))?
            }
            _ => 0,
        };
    }
    Ok(rows)
}

/// How many values of a column chunk are such.
fn count_in<T: Physical>(
    mut column: ColumnReaderImpl<T>,
    is_such: &dyn Fn(&T::T) -> bool,
) -> std::result::Result<u64, ParquetError> {
    let (mut found, mut values, mut levels) = (0, Vec::new(), Vec::new());
    loop {
        values.clear();
        levels.clear();
        let (records, _, _) = column.read_records(BATCH, Some(&mut levels), None, &mut values)?;
        if records == 0 {
            return Ok(found);
        }
        found += values.iter().filter(|value| is_such(value)).count() as u64;
    }
}
