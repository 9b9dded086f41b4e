//! Workbooks: a sheet becomes delimited text, so that it is read like any other export.

use std::io::{self, Cursor, Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use calamine::{Data, ExcelDateTime, Ods, Reader, SheetType, Sheets, Xls, Xlsb, Xlsx};
use zip::ZipArchive;

use super::compound_file;
use super::opening::{Limits, Visit};
use super::text::printable;
use crate::error::{Error, Result};

/// Larger workbooks are not read: their shared texts are held in memory.
pub(super) const LARGEST: u64 = 512 << 20;
/// The parts of a workbook other than its sheets are held in memory, expanded.
const LARGEST_PARTS: u64 = 512 << 20;
/// Rows and columns that a sheet can have.
const MOST_ROWS: u32 = 1 << 20;
const MOST_COLUMNS: u32 = 1 << 14;
/// How much text is made at once.
const PIECE: usize = 64 << 10;
/// A spreadsheet keeps fifteen digits of a number.
const EXACT_NUMBERS: f64 = 1e15;

/// A workbook's bytes.
pub(super) type Bytes = Arc<[u8]>;

/// A format that a zip archive can be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Xlsx,
    Xlsb,
    Ods,
    Xls,
}

/// Whether the bytes begin a compound file, as workbooks of older programs and encrypted workbooks are.
pub(super) fn is_compound_file(beginning: &[u8]) -> bool {
    beginning.starts_with(b"\xd0\xcf\x11\xe0")
}

/// The format of a workbook that is a zip archive, by the names of its members; or the name of another document.
pub(super) fn zipped_format<R: Read + Seek>(
    archive: &ZipArchive<R>,
) -> Option<std::result::Result<Format, &'static str>> {
    let (mut is_office, mut is_open_document) = (false, false);
    let mut format = None;
    for name in archive.file_names().flatten() {
        match &*name {
            "[Content_Types].xml" => is_office = true,
            "mimetype" => is_open_document = true,
            "xl/workbook.xml" => format = Some(Ok(Format::Xlsx)),
            "xl/workbook.bin" => format = Some(Ok(Format::Xlsb)),
            "word/document.xml" => format = Some(Err("a Word document")),
            "ppt/presentation.xml" => format = Some(Err("a PowerPoint presentation")),
            "Report/Layout" | "DataModel" => format = Some(Err("a Power BI report")),
            "content.xml" if format.is_none() => format = Some(Ok(Format::Ods)),
            _ => {}
        }
    }
    let is_kept =
        |format: &_| *format != Ok(Format::Ods) && is_office || *format == Ok(Format::Ods) && is_open_document;
    format.filter(is_kept)
}

/// A workbook that is open.
pub(super) struct Workbook {
    sheets: Sheets<Cursor<Bytes>>,
}

impl Workbook {
    /// Opens a workbook.
    ///
    /// # Errors
    /// Refused where it is encrypted, broken, or would expand beyond the limits.
    pub(super) fn open(bytes: &Bytes, format: Format, limits: Limits) -> Result<Workbook> {
        if format != Format::Xls {
            refuse_expansion(bytes, limits)?;
        }
        if format == Format::Xls && !compound_file::is_bounded(bytes) {
            return Err(unreadable("it is broken, or has more cells than can be held"));
        }
        let cursor = Cursor::new(bytes.clone());
        let opened = catch_unwind(AssertUnwindSafe(|| match format {
            Format::Xlsx => Xlsx::new(cursor).map(Sheets::Xlsx).map_err(|error| error.to_string()),
            Format::Xlsb => Xlsb::new(cursor).map(Sheets::Xlsb).map_err(|error| error.to_string()),
            Format::Ods => Ods::new(cursor).map(Sheets::Ods).map_err(|error| error.to_string()),
            Format::Xls => open_compound_file(cursor),
        }));
        match opened {
            Ok(Ok(sheets)) => Ok(Workbook { sheets }),
            Ok(Err(message)) => Err(unreadable(&message)),
            Err(_) => Err(unreadable("it is broken")),
        }
    }

    /// The names of the sheets, and whether each has cells; charts have none.
    pub(super) fn sheets(&self) -> Vec<(String, bool)> {
        let sheets = self.sheets.sheets_metadata().iter();
        sheets.map(|sheet| (sheet.name.clone(), sheet.typ == SheetType::WorkSheet)).collect()
    }

    /// Gives the text of a sheet to `visit`.
    ///
    /// # Errors
    /// Refused where the sheet cannot be read.
    pub(super) fn read_sheet(&mut self, name: &str, visit: &mut Visit) -> Result<()> {
        match &mut self.sheets {
            Sheets::Xlsx(workbook) => {
                let mut cells =
                    workbook.worksheet_cells_reader(name).map_err(|error| unreadable(&error.to_string()))?;
                let next = || {
                    let cell = cells.next_cell().map_err(|error| error.to_string())?;
                    Ok(cell.map(|cell| placed(cell.get_position(), cell.get_value().clone().into())))
                };
                visit(&mut SheetText::new(next));
            }
            Sheets::Xlsb(workbook) => {
                let mut cells =
                    workbook.worksheet_cells_reader(name).map_err(|error| unreadable(&error.to_string()))?;
                let next = || {
                    let cell = cells.next_cell().map_err(|error| error.to_string())?;
                    Ok(cell.map(|cell| placed(cell.get_position(), cell.get_value().clone().into())))
                };
                visit(&mut SheetText::new(next));
            }
            workbook => {
                let opened = catch_unwind(AssertUnwindSafe(|| workbook.worksheet_range(name)));
                let range = match opened {
                    Ok(Ok(range)) => range,
                    Ok(Err(error)) => return Err(unreadable(&error.to_string())),
                    Err(_) => return Err(unreadable("it is broken")),
                };
                let (first_row, first_column) = range.start().unwrap_or_default();
                let mut cells = range.used_cells();
                let next = || {
                    let cell = cells.next().map(|(row, column, value)| {
                        let position = (row as u32 + first_row, column as u32 + first_column);
                        placed(position, value.clone())
                    });
                    Ok(cell)
                };
                visit(&mut SheetText::new(next));
            }
        }
        Ok(())
    }
}

/// Opens a workbook of older programs, or says that it is a newer one that is encrypted.
fn open_compound_file(cursor: Cursor<Bytes>) -> std::result::Result<Sheets<Cursor<Bytes>>, String> {
    match Xls::new(cursor.clone()) {
        Ok(workbook) => Ok(Sheets::Xls(workbook)),
        Err(error) => match Xlsx::new(cursor) {
            Err(encrypted @ calamine::XlsxError::Password) => Err(encrypted.to_string()),
            _ => Err(error.to_string()),
        },
    }
}

/// Refuses a workbook whose parts expand beyond the limits.
fn refuse_expansion(bytes: &Bytes, limits: Limits) -> Result<()> {
    let mut archive = ZipArchive::new(Cursor::new(bytes.clone())).map_err(|error| unreadable(&error.to_string()))?;
    let (mut expanded, mut parts) = (0, 0);
    for place in 0..archive.len() {
        let mut member = archive.by_index(place).map_err(|error| unreadable(&error.to_string()))?;
        let is_sheet = member.name().is_ok_and(|name| name.contains("worksheets/"));
        let most = limits.expanded.saturating_sub(expanded).saturating_add(1);
        let size = io::copy(&mut member.by_ref().take(most), &mut io::sink());
        let size = size.map_err(|error| unreadable(&error.to_string()))?;
        expanded += size;
        parts += if is_sheet { 0 } else { size };
        let is_steep = expanded > limits.ratio_from && expanded > limits.ratio.saturating_mul(bytes.len() as u64);
        if expanded > limits.expanded || is_steep || parts > LARGEST_PARTS {
            let error = Error::refused("the workbook expands beyond what is read");
            return Err(error.hint("no export compresses so far; save its sheets as CSV if you trust it"));
        }
    }
    Ok(())
}

/// The error of a workbook that cannot be read.
pub(super) fn unreadable(message: &str) -> Error {
    let message = printable(message);
    if message.contains("password") {
        let error = Error::refused("the workbook is protected by a password");
        return error
            .hint("open it with the password and save it without one, or give the CSV that Partner Center exports");
    }
    let error = Error::refused(format!("the workbook cannot be read: {message}"));
    error.hint("open it and save it anew as .xlsx or as CSV in UTF-8, or give the CSV that Partner Center exports")
}

/// A fault of a workbook, found while its cells were read.
#[derive(Debug)]
pub(super) struct Fault(pub(super) String);

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

/// A cell's row and column, from zero, and its text.
type PlacedCell = (u32, u32, String);

fn placed((row, column): (u32, u32), value: Data) -> PlacedCell {
    (row, column, cell_text(value))
}

/// The text of a cell, as a CSV that Partner Center exports would have it. A formula counts by its value.
fn cell_text(value: Data) -> String {
    match value {
        Data::Empty => String::new(),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text,
        Data::Int(number) => number.to_string(),
        Data::Float(number) => number_text(number),
        Data::Bool(true) => "TRUE".to_owned(),
        Data::Bool(false) => "FALSE".to_owned(),
        Data::DateTime(date) if date.is_datetime() => date_text(date),
        Data::DateTime(duration) => number_text(duration.as_f64()),
        Data::Error(error) => error.to_string(),
    }
}

fn number_text(number: f64) -> String {
    if number.abs() >= EXACT_NUMBERS {
        // Its last digits are lost: it must not look like an id.
        return format!("{number:.5E}");
    }
    number.to_string()
}

fn date_text(date: ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, _) = date.to_ymd_hms_milli();
    if (hour, minute, second) == (0, 0, 0) {
        return format!("{year:04}-{month:02}-{day:02}");
    }
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// The cells of a sheet as delimited text: a line for each row, so that the number of a line is that of its row.
struct SheetText<F> {
    next: F,
    pending: Option<PlacedCell>,
    has_no_more_cells: bool,
    /// The row that is written next.
    row: u32,
    /// Columns of the header; rows with fewer cells are filled up.
    width: u32,
    text: Vec<u8>,
    given: usize,
    is_at_end: bool,
}

impl<F: FnMut() -> std::result::Result<Option<PlacedCell>, String>> SheetText<F> {
    fn new(next: F) -> SheetText<F> {
        SheetText {
            next,
            pending: None,
            has_no_more_cells: false,
            row: 0,
            width: 0,
            text: Vec::new(),
            given: 0,
            is_at_end: false,
        }
    }

    /// The next cell that has a text.
    fn next_cell(&mut self) -> io::Result<Option<PlacedCell>> {
        if let Some(pending) = self.pending.take() {
            return Ok(Some(pending));
        }
        while !self.has_no_more_cells {
            let cell = match catch_unwind(AssertUnwindSafe(&mut self.next)) {
                Ok(cell) => cell.map_err(fault)?,
                Err(_) => return Err(fault("a sheet is broken".to_owned())),
            };
            match cell {
                Some((row, column, _)) if row >= MOST_ROWS || column >= MOST_COLUMNS => {
                    return Err(fault("a cell is beyond the rows and columns of a sheet".to_owned()));
                }
                Some((_, _, text)) if text.is_empty() => {}
                Some(cell) => return Ok(Some(cell)),
                None => self.has_no_more_cells = true,
            }
        }
        Ok(None)
    }

    /// Writes the next row that has a cell, and an empty line for each before it.
    fn write_row(&mut self) -> io::Result<()> {
        let Some((row, column, text)) = self.next_cell()? else {
            self.is_at_end = true;
            return Ok(());
        };
        if row < self.row {
            return Err(fault("the rows of a sheet are not in order".to_owned()));
        }
        self.text.extend(std::iter::repeat_n(b'\n', (row - self.row) as usize));
        self.row = row + 1;
        let mut cells = vec![(column, text)];
        while let Some(cell) = self.next_cell()? {
            if cell.0 != row {
                self.pending = Some(cell);
                break;
            }
            cells.push((cell.1, cell.2));
        }
        self.write_cells(&cells)
    }

    fn write_cells(&mut self, cells: &[(u32, String)]) -> io::Result<()> {
        if let (0, [(0, line)]) = (self.width, cells) {
            // A sheet with whole lines of a CSV in its first column: they are split like the file they come from.
            self.text.extend_from_slice(one_line(line).as_bytes());
            self.text.push(b'\n');
            return Ok(());
        }
        let mut columns = 0;
        for (column, text) in cells {
            if *column < columns {
                return Err(fault("the cells of a row are not in order".to_owned()));
            }
            self.write_delimiters(columns.max(1), column + 1);
            columns = column + 1;
            write_field(&mut self.text, text);
        }
        self.width = self.width.max(if self.width == 0 { columns } else { 0 });
        self.write_delimiters(columns.max(1), self.width);
        self.text.push(b'\n');
        Ok(())
    }

    /// Delimiters from a number of fields to another.
    fn write_delimiters(&mut self, from: u32, to: u32) {
        self.text.extend(std::iter::repeat_n(b',', to.saturating_sub(from) as usize));
    }
}

impl<F: FnMut() -> std::result::Result<Option<PlacedCell>, String>> Read for SheetText<F> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.given == self.text.len() {
            self.text.clear();
            self.given = 0;
            while !self.is_at_end && self.text.len() < PIECE {
                self.write_row()?;
            }
        }
        let given = self.text.get(self.given..).unwrap_or_default().read(room)?;
        self.given += given;
        Ok(given)
    }
}

fn fault(message: String) -> io::Error {
    io::Error::other(Fault(message))
}

/// A text without line ends: a line is a row.
fn one_line(text: &str) -> String {
    text.replace("\r\n", " ").replace(['\r', '\n'], " ")
}

fn write_field(line: &mut Vec<u8>, text: &str) {
    let text = one_line(text);
    if text.contains([',', '"']) {
        line.push(b'"');
        line.extend_from_slice(text.replace('"', "\"\"").as_bytes());
        line.push(b'"');
    } else {
        line.extend_from_slice(text.as_bytes());
    }
}
