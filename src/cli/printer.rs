//! Tables on standard output: for people, or as JSON, CSV or Parquet.

use std::io::{IsTerminal, Write};

use comfy_table::{Cell, CellAlignment, Table, presets};
use polars::prelude::*;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::arguments::Format;
use crate::error::{Code, Error, Result};
use crate::insight::Answer;

/// Prints a table.
pub fn print(df: &DataFrame, format: Format) -> Result<()> {
    let bytes = match format {
        Format::Table => text(df).into_bytes(),
        Format::Json => json(df)?,
        Format::Csv => csv(df)?,
        Format::Parquet => parquet(df)?,
    };
    write(&bytes)
}

/// Prints an answer: whole as JSON, its rows otherwise; as a table for people, the text that reads better where there is one.
pub fn answer(answer: &impl Answer, format: Format, text: Option<String>) -> Result<()> {
    match (format, text) {
        (Format::Json, _) => {
            let mut json = serde_json::to_vec_pretty(answer).map_err(|error| Error::internal(error.to_string()))?;
            json.push(b'\n');
            write(&json)
        }
        (Format::Table, Some(text)) => write(text.as_bytes()),
        (format, _) => print(&answer.rows()?, format),
    }
}

/// Writes to standard output; a reader that has seen enough is no error.
pub fn write(bytes: &[u8]) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::new(Code::Storage, format!("could not write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// A table for people.
pub fn text(df: &DataFrame) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(df.get_column_names().iter().map(|name| name.as_str().replace('_', " ")));
    for row in 0..df.height() {
        table.add_row(df.columns().iter().map(|column| cell(column, row)));
    }
    format!("{table}\n")
}

fn cell(column: &Column, row: usize) -> Cell {
    let value = printable(&shown(column, row));
    let alignment = if column.dtype().is_numeric() { CellAlignment::Right } else { CellAlignment::Left };
    Cell::new(value).set_alignment(alignment)
}

/// Text that cannot steer a terminal.
pub fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { char::REPLACEMENT_CHARACTER } else { letter }).collect()
}

/// A value as a person reads it: points with as many decimals as they need, nothing for null.
fn shown(column: &Column, row: usize) -> String {
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
    if std::io::stdout().is_terminal() {
        return Err(Error::usage("Parquet is not for a terminal").hint("redirect standard output to a file"));
    }
    let mut bytes = Vec::new();
    let written = ParquetWriter::new(&mut bytes).finish(&mut df.clone());
    written.map_err(|error| Error::internal(error.to_string()))?;
    Ok(bytes)
}
