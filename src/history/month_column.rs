//! A column `month` inside a file whose folder names the month as well.

use std::fs;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::files::File;
use super::footer::{Footer, unreadable};
use super::workload_usage::MONTH;
use crate::error::{Error, Result};
use crate::month::Month;

/// The rows of a file whose column `month` is another than the folder's. Nulls and values that are no date agree with every folder.
///
/// Where statistics prove that all rows agree, nothing is read.
///
/// # Errors
/// Refused where the column cannot be decoded; storage where the file cannot be read.
pub(super) fn rows_of_other_months(file: &File, footer: &Footer, month: Month) -> Result<u64> {
    let first_day = i64::from(month.first_day().to_epoch_days());
    let Ok(field) = footer.schema.field_with_name(MONTH) else { return Ok(0) };
    let is_date = match field.data_type() {
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => true,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        _ => false,
    };
    if !is_date || (*field.data_type() == DataType::Date32 && footer.lies_within(MONTH, first_day, first_day)) {
        return Ok(0);
    }
    let handle = fs::File::open(&file.path).map_err(|error| Error::storage("read the file", &file.path, &error))?;
    let damaged = |error: String| unreadable(file, &error);
    let builder = ParquetRecordBatchReaderBuilder::try_new(handle).map_err(|error| damaged(error.to_string()))?;
    let only = ProjectionMask::columns(builder.parquet_schema(), [MONTH]);
    let batches = builder.with_projection(only).build().map_err(|error| damaged(error.to_string()))?;
    let mut rows = 0;
    for batch in batches {
        let batch = batch.map_err(|error| damaged(error.to_string()))?;
        let days = cast(batch.column(0), &DataType::Date32).map_err(|error| damaged(error.to_string()))?;
        let days = days.as_primitive::<Date32Type>();
        let differs = |day: &i32| i64::from(*day) != first_day;
        rows += days.iter().flatten().filter(differs).count() as u64;
    }
    Ok(rows)
}
