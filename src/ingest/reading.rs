//! Reads files of exports: finds out what each is, and goes through its rows.

use std::collections::HashSet;
use std::path::Path;

use encoding_rs::WINDOWS_1252;

use super::content::refuse_other_content;
use super::date_order::{DateField, Decision, FileDateOrder, date_fields, record_dates};
use super::dates::DateOrder;
use super::encoding::Utf8Reader;
use super::header::{self, ColumnNames, Header, Judged};
use super::names::Names;
use super::opening::{self, Hashed, Limits, Opened, Piece, Reread, Stop};
use super::passed_over::{EMPTY_ROW, SUMMARY_ROW};
use super::person::PersonKey;
use super::records::{Next, Records};
use super::report_kinds::{Column, ReportKind, comparable, is_named, report_kinds};
use super::row::{FileRead, Refused, Row, Source, UnknownKind};
use super::rule::Rule;
use super::scan::{FileScan, scan};
use super::stating::{Fault, Said, Stating, no_person_key};
use super::tally::Tally;
use super::text::{printable, printable_bytes, tells_of_no_person};
use super::unused_reports::{UnusedReport, UnusedReports};
use super::values::is_absent;
use crate::error::{Error, Result};
use crate::words::counted;

/// What separates fields; the first of those with which a header fits equally well is taken.
const DELIMITERS: [u8; 3] = [b',', b'\t', b';'];
/// A spreadsheet program names the delimiter to itself on a line above the header.
const DELIMITER_LINE: &[u8] = b"sep=";
/// And PowerShell names the type of what it wrote.
const DIRECTIVES: [&[u8]; 2] = [DELIMITER_LINE, b"#TYPE"];
/// Lines above the header that may name the report or its filters.
const MOST_LINES_ABOVE: usize = 10;
/// The first word of a row that sums up others, or tells how they were chosen.
const SUMMARY_WORDS: [&str; 8] =
    ["total", "totals", "grand total", "subtotal", "sub-total", "sum", "overall", "applied filters"];
/// A row that states anything has an id in one of these.
const ID_COLUMNS: [Column; 3] = [Column::TenantId, Column::PartnerId, Column::PersonId];

/// Where statements go. What it answers with an error ends the reading.
pub type Sink<'a> = dyn FnMut(&Source, Row) -> Result<()> + 'a;

/// What reading needs to know: kinds of reports, names, and the key of people's ids.
#[derive(Debug)]
pub struct Reading {
    pub(super) kinds: Vec<ReportKind>,
    unused: UnusedReports,
    pub(super) names: Names,
    pub(super) person_key: Option<PersonKey>,
    /// The order of dates in every file; none where each file shows its own.
    date_order: Option<DateOrder>,
    limits: Limits,
    /// What a header's first column may be, by what names are compared by.
    first_columns: HashSet<String>,
}

/// What became of a file.
#[derive(Debug)]
pub enum Outcome {
    Read(FileRead),
    Refused(Refused),
}

impl Reading {
    /// The kinds of reports and the names that the binary carries. Without a key, a file with people is refused.
    ///
    /// # Errors
    /// Usage where one of its files is wrong, which a test excludes.
    pub fn new(person_key: Option<PersonKey>) -> Result<Reading> {
        let kinds = report_kinds()?;
        let first_columns = kinds.iter().flat_map(ReportKind::known).map(|name| name.comparable().to_owned()).collect();
        Ok(Reading {
            kinds,
            unused: UnusedReports::builtin()?,
            names: Names::builtin()?,
            person_key,
            date_order: None,
            limits: Limits::default(),
            first_columns,
        })
    }

    /// The same with dates in a given order, whatever a file shows.
    pub fn with_date_order(self, date_order: Option<DateOrder>) -> Reading {
        Reading { date_order, ..self }
    }

    /// The same with other limits of how far compressed files may expand.
    pub fn with_limits(self, limits: Limits) -> Reading {
        Reading { limits, ..self }
    }

    /// The known name nearest to one that is not known.
    fn nearest(&self, kind: UnknownKind, name: &str) -> Option<String> {
        match kind {
            UnknownKind::Workload => self.names.workloads.nearest(name),
            UnknownKind::Certification => self.names.nearest_title(name),
            UnknownKind::AssociationType => self.names.attributions.nearest(name),
            UnknownKind::Product => self.names.products.nearest(name),
            UnknownKind::State => self.names.states.nearest(name),
            UnknownKind::Partner => None,
        }
    }
}

/// Reads a file, or every report in a zip archive, and hands what it states to `sink`, in the file's order. `progress` is told of
/// bytes as they are read from disk; over a file they add up to its size.
///
/// A file that cannot be taken at all is an outcome too; what was handed over of it is void.
///
/// # Errors
/// Storage or absent where the file cannot be read, usage where it has people and no key is given; and whatever `sink` answers.
pub fn read(path: &Path, reading: &Reading, sink: &mut Sink, progress: &dyn Fn(u64)) -> Result<Vec<Outcome>> {
    let mut each = |opened: Opened| text(opened, reading, sink);
    let pieces = opening::texts(path, reading.limits, progress, &mut each)?;
    Ok(pieces.into_iter().map(outcome).collect())
}

fn outcome(piece: Piece<FileRead>) -> Outcome {
    match piece {
        Piece::Read(read, Hashed { sha256, bytes }) => Outcome::Read(FileRead { sha256, bytes, ..read }),
        Piece::Skipped { path, hashed: Hashed { sha256, bytes }, reason } => {
            Outcome::Read(FileRead { path, sha256, bytes, skip_reason: Some(reason), ..FileRead::default() })
        }
        Piece::Refused { path, error } => {
            let error = if error.place.is_some() { error } else { error.at(&path) };
            Outcome::Refused(Refused { path, error })
        }
    }
}

/// Reads one text.
fn text(opened: Opened, reading: &Reading, sink: &mut Sink) -> std::result::Result<FileRead, Stop> {
    let Opened { path, text, reread } = opened;
    let failed = |error| opening::stop(error, &path);
    let reader = Utf8Reader::new(text).map_err(failed)?;
    let encoding = Encoding { is_proven: reader.is_marked_utf8, is_unmarked_utf16: reader.is_unmarked_utf16 };
    let mut records = Records::new(reader);
    refuse_other_content(records.beginning().map_err(failed)?).map_err(Stop::Unrecognised)?;
    refuse_no_text(records.beginning().map_err(failed)?).map_err(Stop::Unrecognised)?;
    let header = match find_header(&mut records, reading, &path)? {
        Found::Header(header) => *header,
        Found::Unused(report) => return Ok(unused(path, report)),
    };
    if header.kind.is_personal() && reading.person_key.is_none() {
        return Err(Stop::Failed(no_person_key().at(&path)));
    }
    let stating = Stating::new(&header, path.clone(), reading, records.delimiter());
    let mut rows = Rows {
        stating,
        undecodable: 0,
        is_last_rejected: false,
        encoding,
        date_fields: date_fields(&header),
        date_order: FileDateOrder::new(reading.date_order),
        reread,
    };
    loop {
        let next = records.next().map_err(failed)?;
        if next == Next::End {
            break;
        }
        rows.take(next, &mut records, sink)?;
    }
    rows.finish(&path, records.is_cut()).map_err(Stop::Refused)
}

/// A file of a report that is not used.
fn unused(path: String, report: &UnusedReport) -> FileRead {
    let reason = format!("{} is not used by this designation", report.title);
    FileRead { path, report: Some(report.id.clone()), skip_reason: Some(reason), ..FileRead::default() }
}

/// How the encoding of a text is known.
struct Encoding {
    /// A byte-order mark says that it is UTF-8, or the file as a whole was looked at.
    is_proven: bool,
    is_unmarked_utf16: bool,
}

/// Refuses what begins as no text does.
fn refuse_no_text(beginning: &[u8]) -> std::result::Result<(), Error> {
    if beginning.is_empty() {
        return Err(opening::empty());
    }
    // A zero among the first letters: UTF-32, or no text at all.
    let line = beginning.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    if line.contains(&0) {
        let error = Error::refused("the file is no text in UTF-8 or UTF-16: its first line has bytes that are zero");
        return Err(error.hint("save it as CSV in UTF-8, or export it anew"));
    }
    Ok(())
}

/// The report that a header is of.
enum Found<'a> {
    Header(Box<Header<'a>>),
    Unused(&'a UnusedReport),
}

/// Finds the header among the first lines, by the delimiter with which it fits a kind of report best.
fn find_header<'a, R: std::io::Read>(
    records: &mut Records<R>,
    reading: &'a Reading,
    path: &str,
) -> std::result::Result<Found<'a>, Stop> {
    let failed = |error| opening::stop(error, path);
    let unrecognised = |error: Error, line: u64| Stop::Unrecognised(error.at(format!("{path}:{line}")));
    let mut delimiters = DELIMITERS.to_vec();
    let mut first_error: Option<Stop> = None;
    let mut lines = Vec::new();
    while lines.len() < MOST_LINES_ABOVE {
        let next = records.next().map_err(failed)?;
        if next == Next::Record && is_blank(records) {
            continue;
        }
        if next == Next::Record && is_directive(records.raw()) {
            delimiters.extend(named_delimiter(records.raw()).filter(|named| !DELIMITERS.contains(named)));
            continue;
        }
        if next != Next::Record {
            let error = match next {
                Next::End => opening::empty(),
                _ => Error::refused("the file does not begin with a line of columns")
                    .hint("give a CSV or TSV file with a header, in UTF-8"),
            };
            first_error.get_or_insert(unrecognised(error, records.line()));
            break;
        }
        let line = records.line();
        let judged = judge(records, reading, &delimiters).map_err(failed)?;
        match judged {
            Candidate::Unused(report) => return Ok(Found::Unused(report)),
            Candidate::Header(names, judged) if judged.is_report() => {
                let header = header::header(names, judged).map_err(|error| unrecognised(error, line))?;
                return Ok(Found::Header(Box::new(with_lines_above(header, &lines))));
            }
            Candidate::Header(names, judged) if first_error.is_none() => {
                first_error = header::header(names, judged).err().map(|error| unrecognised(error, line));
            }
            Candidate::Header(..) => {}
        }
        lines.push(line);
    }
    if let Some(report) = reading.unused.by_file_name(path) {
        return Ok(Found::Unused(report));
    }
    Err(first_error.unwrap_or_else(|| unrecognised(opening::empty(), records.line())))
}

/// Says which lines above the header are not read.
fn with_lines_above<'a>(header: Header<'a>, lines: &[u64]) -> Header<'a> {
    let mut header = header;
    if let (Some(first), Some(last)) = (lines.first(), lines.last()) {
        let span = if first == last { format!("line {first}") } else { format!("lines {first} to {last}") };
        header.warnings.push(format!("{span} above the header: not read"));
    }
    header
}

/// A record that may be a header.
enum Candidate<'a> {
    Header(ColumnNames, Judged<'a>),
    Unused(&'a UnusedReport),
}

/// Splits a record by the delimiter with which it fits a kind of report best, and leaves it so.
fn judge<'a, R: std::io::Read>(
    records: &mut Records<R>,
    reading: &'a Reading,
    delimiters: &[u8],
) -> std::io::Result<Candidate<'a>> {
    let first = delimiters.first().copied().unwrap_or(b',');
    let mut best = (names(records), header::judge(&names(records), &reading.kinds), first);
    for delimiter in delimiters {
        if !is_split(records, *delimiter)? {
            continue;
        }
        let names = names(records);
        if let Some(report) = reading.unused.by_header(|name| names.place(name).is_some()) {
            return Ok(Candidate::Unused(report));
        }
        let judged = header::judge(&names, &reading.kinds);
        if judged.known() > best.1.known() {
            best = (names, judged, *delimiter);
        }
    }
    let (names, judged, delimiter) = best;
    is_split(records, delimiter)?;
    Ok(Candidate::Header(names, judged))
}

/// Splits the record anew, by a delimiter; whether it is a record by that.
fn is_split<R: std::io::Read>(records: &mut Records<R>, delimiter: u8) -> std::io::Result<bool> {
    records.set_delimiter(delimiter);
    records.again();
    Ok(records.next()? == Next::Record)
}

/// The fields of a record as names of columns. In a text that is no UTF-8, letters beyond ASCII are taken as Windows-1252.
fn names<R: std::io::Read>(records: &Records<R>) -> ColumnNames {
    let name = |place| match std::str::from_utf8(records.field(place)) {
        Ok(name) => name.to_owned(),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(records.field(place)).0.into_owned(),
    };
    ColumnNames::new((0..records.fields()).map(name).collect())
}

/// Whether a record is a line with nothing on it.
fn is_blank<R: std::io::Read>(records: &Records<R>) -> bool {
    records.fields() == 1 && records.field(0).trim_ascii().is_empty()
}

/// Whether a line is for the program that wrote or opens the file, and not of the report.
fn is_directive(line: &[u8]) -> bool {
    let line = line.strip_prefix(b"\"").unwrap_or(line);
    DIRECTIVES
        .iter()
        .any(|directive| line.get(..directive.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(directive)))
}

/// The delimiter that such a line names.
fn named_delimiter(line: &[u8]) -> Option<u8> {
    let line = line.strip_prefix(b"\"").unwrap_or(line);
    let (directive, rest) = line.split_at_checked(DELIMITER_LINE.len())?;
    let named = *rest.first()?;
    (directive.eq_ignore_ascii_case(DELIMITER_LINE) && named.is_ascii_punctuation() && named != b'"').then_some(named)
}

/// Whether a row sums up others, or tells how they were chosen: its first value says so, and it has no ids.
fn is_summary<R: std::io::Read>(records: &Records<R>, header: &Header) -> bool {
    let value = |place| records.field(place).trim_ascii();
    let Some(first) = (0..records.fields()).map(value).find(|value| !value.is_empty()) else { return false };
    let first_word = std::str::from_utf8(first).unwrap_or_default();
    let is_begun = |word: &str| {
        let (beginning, rest) = first_word.split_at_checked(word.len()).unwrap_or_default();
        beginning.eq_ignore_ascii_case(word) && !rest.starts_with(char::is_alphanumeric)
    };
    let has_no_id = |column| header.place(column).is_none_or(|place| value(place).is_empty() || value(place) == first);
    SUMMARY_WORDS.iter().any(|word| is_begun(word)) && ID_COLUMNS.into_iter().all(has_no_id)
}

/// Goes through the rows of a text.
struct Rows<'a> {
    stating: Stating<'a>,
    /// Rows with bytes that are no UTF-8.
    undecodable: u64,
    /// Whether the last record was rejected.
    is_last_rejected: bool,
    encoding: Encoding,
    date_fields: Vec<DateField>,
    date_order: FileDateOrder,
    reread: &'a Reread<'a>,
}

impl Rows<'_> {
    fn tally(&mut self) -> &mut Tally {
        &mut self.stating.tally
    }

    /// Takes what came next of a text.
    fn take<R: std::io::Read>(
        &mut self,
        next: Next,
        records: &mut Records<R>,
        sink: &mut Sink,
    ) -> std::result::Result<(), Stop> {
        let line = records.line();
        let rejected = self.tally().rejected_rows();
        let taken = self.take_record(next, records, sink, line);
        self.is_last_rejected = self.tally().rejected_rows() > rejected;
        taken
    }

    fn take_record<R: std::io::Read>(
        &mut self,
        next: Next,
        records: &mut Records<R>,
        sink: &mut Sink,
        line: u64,
    ) -> std::result::Result<(), Stop> {
        match next {
            Next::Record => return self.record(records, sink),
            Next::Broken => {
                self.tally().rows += 1;
                self.tally().reject(Rule::BrokenQuote, line, || None);
            }
            Next::TooLong => {
                self.tally().rows += 1;
                self.tally().reject(Rule::TooLong, line, || None);
            }
            Next::Lost => {
                let error = Error::refused(
                    "a quote is opened that is not closed within a mebibyte: what follows cannot be read",
                );
                let error = error.at(format!("{}:{line}", self.stating.source.path));
                return Err(Stop::Refused(error.hint("export the report anew, or correct the line")));
            }
            Next::End => {}
        }
        Ok(())
    }

    fn record<R: std::io::Read>(&mut self, records: &mut Records<R>, sink: &mut Sink) -> std::result::Result<(), Stop> {
        if is_blank(records) {
            return Ok(());
        }
        self.tally().rows += 1;
        if !records.is_windows_1252() && std::str::from_utf8(records.raw()).is_err() {
            self.find_encoding(records)?;
        }
        let fault = |rule| Said::Faulty(Fault { rule, place: None });
        let said = if records.raw().contains(&0) {
            fault(Rule::NulByte)
        } else if records.fields() != self.stating.header.names.len() {
            fault(Rule::FieldCount)
        } else if (0..records.fields()).all(|place| records.field(place).trim_ascii().is_empty()) {
            Said::PassedOver(EMPTY_ROW)
        } else if self.is_header(records) {
            self.tally().folded += 1;
            return Ok(());
        } else {
            self.find_date_order(records)?;
            self.stating.row(records, sink)
        };
        match said {
            Said::Kept => self.tally().kept += 1,
            Said::PassedOver(reason) => self.tally().pass_over(reason),
            Said::Faulty(_) if is_summary(records, self.stating.header) => self.tally().pass_over(SUMMARY_ROW),
            Said::Faulty(fault) => self.faulty(fault, records)?,
            Said::Failed(error) => return Err(Stop::Failed(error)),
        }
        Ok(())
    }

    /// Takes a text that is no UTF-8 as Windows-1252, where the whole file shows that it is.
    fn find_encoding<R: std::io::Read>(&mut self, records: &mut Records<R>) -> std::result::Result<(), Stop> {
        if !self.encoding.is_proven {
            self.encoding.is_proven = true;
            if self.scan(records.delimiter())?.is_windows_1252() {
                records.read_as_windows_1252();
                let line = records.line();
                self.tally().warnings.push(format!("read as Windows-1252: line {line} is not UTF-8"));
                return Ok(());
            }
        }
        self.undecodable += 1;
        Ok(())
    }

    /// Finds the order of day and month where the dates of a record do not show it.
    fn find_date_order<R: std::io::Read>(&mut self, records: &Records<R>) -> std::result::Result<(), Stop> {
        let line = records.line();
        if self.date_order.take(record_dates(records, &self.date_fields), line) == Decision::Unknown {
            let proofs = self.scan(records.delimiter())?.proofs;
            let refused = |error: Error| Stop::Refused(error.at(format!("{}:{line}", self.stating.source.path)));
            self.date_order.decide(&proofs).map_err(refused)?;
            self.date_order.take(record_dates(records, &self.date_fields), line);
        }
        self.stating.date_order = self.date_order.order();
        Ok(())
    }

    /// Looks through the whole file.
    fn scan(&self, delimiter: u8) -> std::result::Result<FileScan, Stop> {
        let path = &self.stating.source.path;
        let mut scanned = Ok(FileScan::default());
        let columns = self.stating.header.names.len();
        let mut look = |text: &mut dyn std::io::Read| scanned = scan(text, delimiter, columns, &self.date_fields);
        let reread = (self.reread)(&mut look);
        reread.and(scanned).map_err(|error| opening::stop(error, path))
    }

    /// Whether a record is the header again.
    fn is_header<R: std::io::Read>(&self, records: &Records<R>) -> bool {
        self.stating
            .header
            .names
            .comparable()
            .iter()
            .enumerate()
            .all(|(place, name)| std::str::from_utf8(records.field(place)).is_ok_and(|text| is_named(text, name)))
    }

    /// Rejects a record, unless it shows that the file is several.
    fn faulty<R: std::io::Read>(&mut self, fault: Fault, records: &mut Records<R>) -> std::result::Result<(), Stop> {
        let line = records.line();
        if self.is_other_header(records) {
            let error = Error::refused("another report begins in the file: its header has other columns");
            let error = error.at(format!("{}:{line}", self.stating.source.path));
            return Err(Stop::Refused(error.hint("give the reports as files of their own")));
        }
        let header = self.stating.header;
        let is_date = self.date_fields.iter().any(|field| Some(field.place) == fault.place);
        let sample = || match (fault.place, fault.rule) {
            (Some(place), _) => {
                let column = printable(header.names.written(place)?);
                let value = printable_bytes(records.field(place));
                let is_shown =
                    !header.kind.is_personal() || (is_date && (is_absent(&value) || tells_of_no_person(&value)));
                let value = Some(value).filter(|_| is_shown);
                Some(value.map_or(format!("`{column}`"), |value| format!("`{column}`: `{value}`")))
            }
            (None, Rule::FieldCount) => {
                let lines = records.lines();
                let over = if lines > 1 { format!(" over {lines} lines") } else { String::new() };
                let fields = counted(records.fields() as u64, "field");
                Some(format!("{fields}{over} where the header has {}", header.names.len()))
            }
            _ => None,
        };
        self.stating.tally.reject(fault.rule, line, sample);
        if fault.rule == Rule::FieldCount && records.lines() > 1 {
            // A stray quote has joined lines that are rows of their own.
            records.resume_on_next_line();
        }
        Ok(())
    }

    /// Whether a record is the header of a report, but not of this one.
    fn is_other_header<R: std::io::Read>(&self, records: &Records<R>) -> bool {
        let first = records.field(0);
        let first = std::str::from_utf8(first).unwrap_or_default().trim_start_matches('\u{feff}');
        if !self.stating.reading.first_columns.contains(&comparable(first)) {
            return false;
        }
        header::judge(&names(records), &self.stating.reading.kinds).is_report()
    }

    /// What became of the text.
    fn finish(mut self, path: &str, is_cut: bool) -> std::result::Result<FileRead, Error> {
        self.warn(is_cut);
        let Stating { tally, header, reading, zero_led, .. } = self.stating;
        let rejected = tally.rejected_rows();
        if let Some(worst) = tally.worst().filter(|_| rejected > 0 && rejected + tally.folded == tally.rows) {
            let meaning = Rule::ALL.into_iter().find(|rule| rule.name() == worst.rule).map_or("", Rule::meaning);
            let what = match rejected {
                1 => format!("its only row cannot be taken: {meaning}"),
                _ => format!("none of its {rejected} rows can be taken; in most, {meaning}"),
            };
            let error = Error::refused(what);
            let hint = match &worst.sample {
                Some(sample) => format!("the first of them, in line {}: {sample}", worst.line),
                None => format!("the first of them is in line {}", worst.line),
            };
            return Err(error.hint(hint));
        }
        Ok(FileRead {
            path: path.to_owned(),
            report: Some(header.kind.id.clone()),
            rows: tally.rows,
            kept: tally.kept,
            folded: tally.folded,
            passed_over: tally.passed_over(),
            rejected: tally.rejected(),
            unknown: tally.unknown(|kind, name| reading.nearest(kind, name)),
            warnings: tally.warnings,
            zero_led_people: zero_led.into_iter().collect(),
            ..FileRead::default()
        })
    }

    /// What a person should know beside the counts.
    fn warn(&mut self, is_cut: bool) {
        let mut warnings = self.stating.header.warnings.clone();
        if self.stating.tally.rows == 0 {
            warnings.push("the file has a header and no rows".to_owned());
        }
        if is_cut && self.is_last_rejected {
            warnings
                .push("the last line ends inside a row: the download was cut short, and rows are missing".to_owned());
        } else if is_cut {
            warnings.push("the last line has no end: the file may be cut short".to_owned());
        }
        warnings.extend(self.date_order.warning());
        if self.encoding.is_unmarked_utf16 {
            warnings.push("read as UTF-16, although no byte-order mark says so".to_owned());
        }
        if self.undecodable > 0 {
            let rows = counted(self.undecodable, "row");
            let are = if self.undecodable == 1 { "is" } else { "are" };
            warnings.push(format!("{rows} {are} not UTF-8 text; what can be read of such rows was taken"));
        }
        if self.stating.unattributed > 0 {
            let rows = counted(self.stating.unattributed, "row");
            let name = if self.stating.unattributed == 1 { "names" } else { "name" };
            warnings
                .push(format!("{rows} {name} no attribution: usage was taken, and nobody was seen with the tenant"));
        }
        if self.stating.productless > 0 {
            let rows = self.stating.productless;
            warnings.push(format!(
                "{rows} rows are of a report without columns of products: partners were associated with whole tenants; export it with the column `Product`"
            ));
        }
        self.stating.tally.warnings.extend(warnings);
    }
}
