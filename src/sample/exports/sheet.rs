//! A report's file in the making.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use csv::{Terminator, Writer, WriterBuilder};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::Exported;
use super::dirt::Dirt;
use super::layout::Report;
use super::row::{Row, Style};

/// Sheets are many and often small.
const BUFFER: usize = 4096;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Rows of one report, in memory until they are whole.
pub(super) struct Sheet<'a> {
    report: &'a Report,
    style: Style<'a>,
    dirt: Option<Dirt>,
    writer: Writer<Vec<u8>>,
    rows: u64,
    cell: String,
}

impl<'a> Sheet<'a> {
    /// Begins with the header.
    pub(super) fn new(report: &'a Report, style: Style<'a>, dirt: Option<Dirt>) -> io::Result<Self> {
        let windows = dirt.as_ref().is_some_and(|dirt| dirt.windows_lines);
        let writer = WriterBuilder::new()
            .delimiter(if report.file.contains(".tsv") { b'\t' } else { b',' })
            .terminator(if windows { Terminator::CRLF } else { Terminator::Any(b'\n') })
            .buffer_capacity(BUFFER)
            .from_writer(Vec::new());
        let mut sheet = Sheet { report, style, dirt, writer, rows: 0, cell: String::new() };
        sheet.header()?;
        Ok(sheet)
    }

    fn header(&mut self) -> io::Result<()> {
        let small = self.dirt.as_ref().is_some_and(|dirt| dirt.small_header);
        let name = |name: &str| if small { name.to_lowercase() } else { name.to_owned() };
        Ok(self.writer.write_record(self.report.columns.iter().map(|column| name(&column.name)))?)
    }

    /// Adds a row, and whatever dirt comes with it.
    pub(super) fn push(&mut self, row: &Row) -> io::Result<()> {
        self.write(row)?;
        let Some(mut dirt) = self.dirt.take() else { return Ok(()) };
        for more in dirt.after(row, self.report) {
            self.write(&more)?;
        }
        let again = dirt.repeats_header(self.rows);
        self.dirt = Some(dirt);
        if again { self.header() } else { Ok(()) }
    }

    fn write(&mut self, row: &Row) -> io::Result<()> {
        for column in &self.report.columns {
            self.cell.clear();
            row.cell(column, &self.style, &mut self.cell);
            self.writer.write_field(&self.cell)?;
        }
        self.rows += 1;
        Ok(self.writer.write_record(None::<&[u8]>)?)
    }

    /// Writes the file into a folder.
    pub(super) fn finish(self, folder: &Path) -> io::Result<Exported> {
        let path = folder.join(&self.report.file);
        let text = self.writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
        let mark = self.dirt.as_ref().is_some_and(|dirt| dirt.byte_order_mark);
        let parts = [if mark { BYTE_ORDER_MARK } else { b"" }, &text];
        if self.report.file.ends_with(".gz") {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            parts.iter().try_for_each(|part| encoder.write_all(part))?;
            fs::write(&path, encoder.finish()?)?;
        } else {
            fs::write(&path, parts.concat())?;
        }
        Ok(Exported { files: 1, rows: self.rows, bytes: path.metadata()?.len() })
    }
}
