//! Tables on standard output: for people, or as JSON, CSV or Parquet.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use comfy_table::{Cell, CellAlignment, Table, presets};
use polars::prelude::*;

use super::arguments::Format;
use crate::error::{Code, Error, Result};
use crate::insight::Answer;
use crate::publish::{self, Encoding, shown};

/// Whether CSV is written without formulas, as the command line asks for once.
static SAFE_CSV: AtomicBool = AtomicBool::new(false);

/// Has CSV written without formulas.
pub fn choose_safe_csv() {
    SAFE_CSV.store(true, Ordering::Relaxed);
}

/// Prints a table.
pub fn print(df: &DataFrame, format: Format) -> Result<()> {
    let bytes = match format {
        Format::Table => text(df).into_bytes(),
        Format::Json => publish::encode(df, Encoding::Json)?,
        Format::Csv if SAFE_CSV.load(Ordering::Relaxed) => publish::encode(df, Encoding::SafeCsv)?,
        Format::Csv => publish::encode(df, Encoding::Csv)?,
        Format::Parquet => {
            not_for_a_terminal()?;
            publish::encode(df, Encoding::Parquet)?
        }
    };
    write(&bytes)
}

/// Prints an answer: whole as JSON, its rows otherwise; as a table for people, the text that reads better where there is one.
pub fn answer(answer: &impl Answer, format: Format, text: Option<String>) -> Result<()> {
    match (format, text) {
        (Format::Json, _) => write(&answer.encoded(Encoding::Json)?),
        (Format::Table, Some(text)) => write(publish::printable_lines(&text).as_bytes()),
        (format, _) => print(&answer.rows()?, format),
    }
}

fn not_for_a_terminal() -> Result<()> {
    if std::io::stdout().is_terminal() {
        return Err(Error::usage("Parquet is not for a terminal").hint("redirect standard output to a file"));
    }
    Ok(())
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
    publish::printable(text).into_owned()
}
