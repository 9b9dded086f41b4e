//! Reads files of exports: finds out what each is, and goes through its rows.

use std::collections::HashSet;
use std::path::Path;

use super::header::{self, ColumnNames, Header, Judged};
use super::names::Names;
use super::opening::{self, Hashed, Limits, Opened, Piece, Stop};
use super::passed_over::EMPTY_ROW;
use super::person::PersonKey;
use super::records::{Next, Records};
use super::report_kinds::{ReportKind, comparable, is_named, report_kinds};
use super::row::{FileRead, Refused, Row, Source, UnknownKind};
use super::rule::Rule;
use super::stating::{Fault, Said, Stating, no_person_key};
use super::tally::Tally;
use super::text::{printable, printable_bytes};
use crate::error::{Error, Result};
use crate::words::{counted, has};

/// What separates fields; the first of those with which a header fits equally well is taken.
const DELIMITERS: [u8; 3] = [b',', b'\t', b';'];
/// What a text in UTF-8 may begin with, and one in another encoding does.
const UTF_8_MARK: &[u8] = b"\xef\xbb\xbf";
const UTF_16_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];
/// By what a workbook's program tells itself the delimiter, on a line before the header.
const DELIMITER_LINE: &[u8] = b"sep=";

/// Where statements go. What it answers with an error ends the reading.
pub type Sink<'a> = dyn FnMut(&Source, Row) -> Result<()> + 'a;

/// What reading needs to know: kinds of reports, names, and the key of people's ids.
#[derive(Debug)]
pub struct Reading {
    pub(super) kinds: Vec<ReportKind>,
    pub(super) names: Names,
    pub(super) person_key: Option<PersonKey>,
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
        Ok(Reading { kinds, names: Names::builtin()?, person_key, limits: Limits::default(), first_columns })
    }

    /// The same with other limits of how far compressed files may expand.
    pub fn with_limits(self, limits: Limits) -> Reading {
        Reading { limits, ..self }
    }

    /// The known name nearest to one that is not known.
    fn nearest(&self, kind: UnknownKind, name: &str) -> Option<String> {
        match kind {
            UnknownKind::Workload => self.names.workloads.nearest(name),
            UnknownKind::Certification => self.names.certifications.nearest(self.names.bare_title(name)),
            UnknownKind::AssociationType => self.names.attributions.nearest(name),
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
        Piece::Skipped { path, hashed: Hashed { sha256, bytes } } => {
            let warnings = vec!["not read: its name does not end in .csv, .tsv or .txt, or in .gz after it".to_owned()];
            Outcome::Read(FileRead { path, sha256, bytes, warnings, ..FileRead::default() })
        }
        Piece::Refused { path, error } => {
            let error = if error.place.is_some() { error } else { error.at(&path) };
            Outcome::Refused(Refused { path, error })
        }
    }
}

/// Reads one text.
fn text(opened: Opened, reading: &Reading, sink: &mut Sink) -> std::result::Result<FileRead, Stop> {
    let Opened { path, text } = opened;
    let mut records = Records::new(text);
    let failed = |error| opening::stop(error, &path);
    encoding(records.beginning().map_err(failed)?).map_err(Stop::Refused)?;
    if records.beginning().map_err(failed)?.starts_with(UTF_8_MARK) {
        records.skip(UTF_8_MARK.len());
    }
    let header = find_header(&mut records, reading, &path)?;
    if header.kind.is_personal() && reading.person_key.is_none() {
        return Err(Stop::Failed(no_person_key().at(&path)));
    }
    let mut rows = Rows { stating: Stating::new(&header, path.clone(), reading, records.delimiter), undecodable: 0 };
    loop {
        let next = records.next().map_err(failed)?;
        if next == Next::End {
            break;
        }
        rows.take(next, &mut records, sink)?;
    }
    rows.finish(&path, records.is_cut()).map_err(Stop::Refused)
}

/// Refuses what begins as no text does that can be read here.
fn encoding(beginning: &[u8]) -> std::result::Result<(), Error> {
    if beginning.is_empty() {
        return Err(opening::empty());
    }
    if UTF_16_MARKS.iter().any(|mark| beginning.starts_with(mark)) {
        let error = Error::refused("the file is in UTF-16, and not in UTF-8");
        return Err(error.hint("save it as CSV in UTF-8, or export it anew"));
    }
    // A zero among the first letters: UTF-16 without a mark, or no text at all.
    let line = beginning.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if line.contains(&0) {
        let error = Error::refused("the file is no text in UTF-8: its first line has bytes that are zero");
        return Err(error.hint("save it as CSV in UTF-8, or export it anew"));
    }
    Ok(())
}

/// Finds the header, by the delimiter with which it fits a kind of report best.
fn find_header<'a, R: std::io::Read>(
    records: &mut Records<R>,
    reading: &'a Reading,
    path: &str,
) -> std::result::Result<Header<'a>, Stop> {
    let failed = |error| opening::stop(error, path);
    let refused = |error: Error, line: u64| Stop::Refused(error.at(format!("{path}:{line}")));
    let line = loop {
        match records.next().map_err(failed)? {
            Next::Record if is_blank(records) || records.raw().starts_with(DELIMITER_LINE) => {}
            Next::Record => break records.line(),
            Next::End => return Err(refused(opening::empty(), records.line())),
            Next::Broken | Next::TooLong | Next::Lost => {
                let error = Error::refused("the file does not begin with a line of columns");
                return Err(refused(error.hint("give a CSV or TSV file with a header, in UTF-8"), records.line()));
            }
        }
    };
    let mut best: Option<(ColumnNames, Judged, u8)> = None;
    for delimiter in DELIMITERS {
        if !is_split(records, delimiter).map_err(failed)? {
            continue;
        }
        let Some(names) = names(records) else { continue };
        let judged = header::judge(&names, &reading.kinds);
        if best.as_ref().is_none_or(|(_, best, _)| judged.known() > best.known()) {
            best = Some((names, judged, delimiter));
        }
    }
    let Some((names, judged, delimiter)) = best else {
        let error = Error::refused("the header is not UTF-8 text");
        return Err(refused(error.hint("save the file as CSV in UTF-8, or export it anew"), line));
    };
    is_split(records, delimiter).map_err(failed)?;
    header::header(names, judged).map_err(|error| refused(error, line))
}

/// Splits the record anew, by a delimiter; whether it is a record by that.
fn is_split<R: std::io::Read>(records: &mut Records<R>, delimiter: u8) -> std::io::Result<bool> {
    records.delimiter = delimiter;
    records.again();
    Ok(records.next()? == Next::Record)
}

/// The fields of a record as names of columns; none where one is not UTF-8.
fn names<R: std::io::Read>(records: &Records<R>) -> Option<ColumnNames> {
    let name = |place| String::from_utf8(records.field(place).into_owned()).ok();
    (0..records.fields()).map(name).collect::<Option<Vec<_>>>().map(ColumnNames::new)
}

/// Whether a record is a line with nothing on it.
fn is_blank<R: std::io::Read>(records: &Records<R>) -> bool {
    records.fields() == 1 && records.field(0).trim_ascii().is_empty()
}

/// Goes through the rows of a text.
struct Rows<'a> {
    stating: Stating<'a>,
    /// Rows with bytes that are no UTF-8.
    undecodable: u64,
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
        if std::str::from_utf8(records.raw()).is_err() {
            self.undecodable += 1;
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
            self.stating.row(records, sink)
        };
        match said {
            Said::Kept => self.tally().kept += 1,
            Said::PassedOver(reason) => self.tally().pass_over(reason),
            Said::Faulty(fault) => self.faulty(fault, records)?,
            Said::Failed(error) => return Err(Stop::Failed(error)),
        }
        Ok(())
    }

    /// Whether a record is the header again.
    fn is_header<R: std::io::Read>(&self, records: &Records<R>) -> bool {
        self.stating.header.names.comparable().iter().enumerate().all(|(place, name)| {
            let field = records.field(place);
            // A file that was joined to another may bring its mark along.
            let field = field.strip_prefix(UTF_8_MARK).filter(|_| place == 0).unwrap_or(&field);
            std::str::from_utf8(field).is_ok_and(|text| is_named(text, name))
        })
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
        let sample = || match (fault.place, fault.rule) {
            (Some(place), _) => {
                let column = printable(header.names.written(place)?);
                let value = (!header.kind.is_personal()).then(|| printable_bytes(&records.field(place)));
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
        let first = std::str::from_utf8(&first).unwrap_or_default().trim_start_matches('\u{feff}');
        if !self.stating.reading.first_columns.contains(&comparable(first)) {
            return false;
        }
        names(records).is_some_and(|names| header::judge(&names, &self.stating.reading.kinds).known().0)
    }

    /// What became of the text.
    fn finish(mut self, path: &str, is_cut: bool) -> std::result::Result<FileRead, Error> {
        self.warn(is_cut);
        let Stating { tally, header, reading, .. } = self.stating;
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
            ..FileRead::default()
        })
    }

    /// What a person should know beside the counts.
    fn warn(&mut self, is_cut: bool) {
        let mut warnings = self.stating.header.warnings.clone();
        let rejected = self.stating.tally.rejected();
        let day_first = rejected.iter().find(|one| one.rule == Rule::DayFirstDate.name());
        if self.stating.tally.rows == 0 {
            warnings.push("the file has a header and no rows".to_owned());
        }
        if is_cut {
            warnings.push("the last line has no end: the file may be cut short".to_owned());
        }
        if let Some(day_first) = day_first {
            let (rows, have) = (counted(day_first.rows, "row"), has(day_first.rows));
            warnings.push(format!("{rows} {have} the day first; dates that can be read month first were read so"));
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
        self.stating.tally.warnings.extend(warnings);
    }
}
