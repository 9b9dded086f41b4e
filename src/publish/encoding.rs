//! A table as bytes: JSON, CSV or Parquet.

use std::path::Path;

use polars::prelude::*;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::error::{Error, Result};

/// How a table becomes bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// A list of objects.
    Json,
    Csv,
    Parquet,
}

impl Encoding {
    /// What the ending of a file's name tells; None where it tells nothing.
    pub fn of(path: &Path) -> Option<Encoding> {
        match path.extension()?.to_str()? {
            "json" => Some(Encoding::Json),
            "csv" => Some(Encoding::Csv),
            "parquet" => Some(Encoding::Parquet),
            _ => None,
        }
    }
}

/// The bytes of a table.
pub fn encode(df: &DataFrame, encoding: Encoding) -> Result<Vec<u8>> {
    match encoding {
        Encoding::Json => json(df),
        Encoding::Csv => csv(df),
        Encoding::Parquet => parquet(df),
    }
}

/// A value as a person reads it: points with as many decimals as they need, nothing for null.
pub fn shown(column: &Column, row: usize) -> String {
    match column.get(row) {
        Ok(AnyValue::Null) | Err(_) => String::new(),
        Ok(AnyValue::String(text)) => text.to_owned(),
        Ok(AnyValue::StringOwned(text)) => text.to_string(),
        Ok(AnyValue::Boolean(value)) => (if value { "yes" } else { "no" }).to_owned(),
        Ok(value) => value.to_string(),
    }
}

fn json(df: &DataFrame) -> Result<Vec<u8>> {
    let rows: Vec<Record> = (0..df.height()).map(|row| Record { df, row }).collect();
    let mut bytes = serde_json::to_vec_pretty(&rows).map_err(|error| Error::internal(error.to_string()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// A row as a JSON object, its keys in the order of the columns.
struct Record<'a> {
    df: &'a DataFrame,
    row: usize,
}

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(self.df.columns().iter().map(|column| (column.name().as_str(), value(column, self.row))))
    }
}

fn value(column: &Column, row: usize) -> Value {
    match column.get(row) {
        Ok(AnyValue::Null) | Err(_) => Value::Null,
        Ok(AnyValue::Boolean(value)) => value.into(),
        Ok(AnyValue::Float64(value)) => value.into(),
        Ok(value) if value.dtype().is_integer() => value.extract::<i64>().into(),
        Ok(_) => shown(column, row).into(),
    }
}

fn csv(df: &DataFrame) -> Result<Vec<u8>> {
    let failed = |error: csv::Error| Error::internal(error.to_string());
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(df.get_column_names().iter().map(|name| name.as_str())).map_err(failed)?;
    for row in 0..df.height() {
        let fields = df.columns().iter().map(|column| match column.get(row) {
            Ok(AnyValue::Boolean(value)) => value.to_string(),
            _ => shown(column, row),
        });
        writer.write_record(fields).map_err(failed)?;
    }
    writer.into_inner().map_err(|error| Error::internal(error.to_string()))
}

fn parquet(df: &DataFrame) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let written = ParquetWriter::new(&mut bytes).finish(&mut df.clone());
    written.map_err(|error| Error::internal(error.to_string()))?;
    Ok(bytes)
}
