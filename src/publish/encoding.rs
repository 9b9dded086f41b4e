//! A table as bytes: JSON, CSV or Parquet.

use std::borrow::Cow;
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
    /// CSV in which no text is a formula for a spreadsheet.
    SafeCsv,
    Parquet,
}

/// What makes a spreadsheet take a text for a formula, at its beginning.
const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

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
        Encoding::Csv => csv(df, |field| field),
        Encoding::SafeCsv => csv(df, without_formula),
        Encoding::Parquet => parquet(df),
    }
}

/// Text that can steer neither a terminal nor a page: control characters, line ends among them, and marks that turn the order of letters around
/// are replaced.
pub fn printable(text: &str) -> Cow<'_, str> {
    replaced(text, steers)
}

/// The same, with line ends and tabs as they are.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    replaced(text, |letter| steers(letter) && !['\n', '\t'].contains(&letter))
}

fn replaced(text: &str, is_replaced: impl Fn(char) -> bool + Copy) -> Cow<'_, str> {
    match text.contains(is_replaced) {
        true => text.replace(is_replaced, char::REPLACEMENT_CHARACTER.encode_utf8(&mut [0; 4])).into(),
        false => text.into(),
    }
}

/// Whether a letter is a control character, overrides the direction of text, or is no character at all.
fn steers(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
        || matches!(letter, '\u{FFFE}' | '\u{FFFF}')
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

/// A text field that a spreadsheet does not take for a formula: an apostrophe before it says that it is text.
fn without_formula(field: String) -> String {
    if field.starts_with(FORMULA_STARTS) { format!("'{field}") } else { field }
}

fn csv(df: &DataFrame, of_text: fn(String) -> String) -> Result<Vec<u8>> {
    let failed = |error: csv::Error| Error::internal(error.to_string());
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(df.get_column_names().iter().map(|name| name.as_str())).map_err(failed)?;
    for row in 0..df.height() {
        let fields = df.columns().iter().map(|column| match column.get(row) {
            Ok(AnyValue::Boolean(value)) => value.to_string(),
            Ok(AnyValue::String(_) | AnyValue::StringOwned(_)) => of_text(shown(column, row)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn safe_csv_marks_texts_that_begin_like_formulas_and_no_number() -> Result<()> {
        let texts = ["=1+1", "+1", "-2", "@SUM(A1)", "\t=1", "\r=1", "a=1", "'=1", "", " =1", "\u{2212}1"];
        let numbers: Vec<i64> = (0..texts.len() as i64).map(|number| -number).collect();
        let columns = vec![Column::new("text".into(), &texts[..]), Column::new("number".into(), numbers)];
        let df = DataFrame::new(texts.len(), columns).map_err(|error| Error::internal(error.to_string()))?;
        let read = |encoding| -> Result<Vec<[String; 2]>> {
            let bytes = encode(&df, encoding)?;
            let mut reader = csv::Reader::from_reader(&bytes[..]);
            Ok(reader.records().flatten().map(|record| [record[0].to_owned(), record[1].to_owned()]).collect())
        };
        let (plain, safe) = (read(Encoding::Csv)?, read(Encoding::SafeCsv)?);
        for (row, text) in texts.iter().enumerate() {
            let marked = if row < FORMULA_STARTS.len() { format!("'{text}") } else { (*text).to_owned() };
            assert_eq!(plain[row], [(*text).to_owned(), (-(row as i64)).to_string()]);
            assert_eq!(safe[row], [marked, (-(row as i64)).to_string()]);
        }
        Ok(())
    }

    #[test]
    fn what_steers_a_terminal_or_a_page_is_replaced() {
        for steering in ["\u{0}", "\u{1b}", "\u{7f}", "\u{9b}", "\r", "\u{202e}", "\u{2066}", "\u{2028}", "\u{ffff}"] {
            for shown in [printable(steering), printable_lines(steering)] {
                assert_eq!(shown, "\u{fffd}", "{steering:?}");
            }
        }
        assert_eq!(printable("a\nb\tc"), "a\u{fffd}b\u{fffd}c");
        assert_eq!(printable_lines("a\nb\tc"), "a\nb\tc");
        for plain in ["", "Müller & Söhne", "\u{5d0}\u{200f}\u{5d1}", "\u{1f600}"] {
            assert!(matches!(printable(plain), Cow::Borrowed(same) if same == plain), "{plain:?}");
        }
    }
}
