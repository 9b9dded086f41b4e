//! The file of Partner Center's figures: `partner,metric,points` and, where wanted, `track`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::figures::Figure;
use super::shown::Shown;
use crate::error::{Error, Result, nearest};
use crate::rulebook::Track;
use crate::words::counted;

/// The columns a header must have, and the one it may have.
const COLUMNS: [&str; 3] = ["partner", "metric", "points"];
const TRACK: &str = "track";

/// What the header should be.
const HEADER_HINT: &str = "the header is partner,metric,points, and track where figures tell of one";

/// More bytes than the figures of a million partners take; whatever is longer is another file.
const LONGEST: u64 = 1 << 28;

/// Letters of a value that an error shows.
const LETTERS_SHOWN: usize = 60;

/// One figure as the file has it.
#[derive(Debug, Clone)]
pub(super) struct Official {
    pub line: usize,
    /// The partner as written.
    pub partner: String,
    /// The track that the figure tells of; the partner's own where None.
    pub track: Option<Track>,
    pub figure: Figure,
    pub shown: Shown,
}

/// Where each column stands.
struct Header {
    partner: usize,
    metric: usize,
    points: usize,
    track: Option<usize>,
    columns: usize,
}

/// Reads the figures, in the file's order.
///
/// # Errors
/// Absent where there is no such file; refused where it is not of this form, with line and column.
pub(super) fn read(path: &Path) -> Result<Vec<Official>> {
    let bytes = bytes(path)?;
    let text = decoded(&bytes, path)?;
    let mut lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    let Some((header, number)) = lines.next() else {
        return Err(Error::refused("the file is empty").at(format!("{}:1", path.display())).hint(HEADER_HINT));
    };
    let header = Header::read(&fields(header), &At { path, line: number })?;
    let figures = lines.map(|(line, number)| figure(&fields(line), &header, &At { path, line: number }));
    let figures = figures.collect::<Result<Vec<_>>>()?;
    if figures.is_empty() {
        let error = Error::refused("the file has a header and no figures");
        return Err(error.at(path.display()).hint("write one figure a line below the header"));
    }
    Ok(figures)
}

fn bytes(path: &Path) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::absent("there is no file of official figures")
            .at(path.display())
            .hint("check the path of --official"),
        _ => Error::storage("read the official figures", path, &error),
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    let read = file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if read as u64 > LONGEST {
        let error = Error::refused(format!("the file is longer than {LONGEST} bytes"));
        return Err(error.at(path.display()).hint(HEADER_HINT));
    }
    Ok(bytes)
}

/// The text, without a byte-order mark.
fn decoded<'a>(bytes: &'a [u8], path: &Path) -> Result<&'a str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.iter().take(error.valid_up_to());
        let line = before.filter(|byte| **byte == b'\n').count() + 1;
        let hint = "save the file as CSV in UTF-8";
        Error::refused("the file is not UTF-8 text").at(format!("{}:{line}", path.display())).hint(hint)
    })
}

/// The fields of a line, quotes undone. A line is a figure: none goes on in the next.
fn fields(line: &str) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .terminator(csv::Terminator::Any(b'\n'))
        .buffer_capacity(line.len().max(1))
        .from_reader(line.as_bytes());
    let record = reader.records().flatten().next().unwrap_or_default();
    record.iter().map(str::to_owned).collect()
}

impl Header {
    fn read(names: &[String], at: &At) -> Result<Header> {
        let names: Vec<&str> = names.iter().map(|name| name.trim()).collect();
        if let [only] = names[..]
            && only.contains([';', '\t'])
        {
            return Err(at.line_error("the columns are not separated by commas", HEADER_HINT));
        }
        for (place, name) in names.iter().enumerate() {
            at.known("column", name, &[&COLUMNS[..], &[TRACK]].concat(), name)?;
            if names[..place].contains(name) {
                return Err(at.line_error(&format!("column `{name}` stands twice"), HEADER_HINT));
            }
        }
        let place = |wanted: &str| names.iter().position(|name| *name == wanted);
        let required = |wanted: &str| {
            place(wanted).ok_or_else(|| at.line_error(&format!("column `{wanted}` is missing"), HEADER_HINT))
        };
        let [partner, metric, points] = COLUMNS;
        Ok(Header {
            partner: required(partner)?,
            metric: required(metric)?,
            points: required(points)?,
            track: place(TRACK),
            columns: names.len(),
        })
    }
}

fn figure(fields: &[String], header: &Header, at: &At) -> Result<Official> {
    if fields.len() != header.columns {
        let what =
            format!("this line has {}, and the header {}", counted(fields.len() as u64, "field"), header.columns);
        return Err(at.line_error(&what, "separate fields by commas, and quote a field that has one"));
    }
    let [_, metric_column, points_column] = COLUMNS;
    let field = |place: usize| fields.get(place).map(String::as_str).unwrap_or_default();
    let partner = field(header.partner);
    if partner.is_empty() {
        return Err(at.error("this line names no partner", COLUMNS[0], "write its partner_id"));
    }
    let metric = field(header.metric).trim();
    let names: Vec<&str> = Figure::all().map(Figure::name).collect();
    at.known("metric", metric, &names, metric_column)?;
    let points = field(header.points).trim();
    let shown = Shown::parse(points).ok_or_else(|| {
        at.error(&format!("`{}` is not a number of points", printable(points)), points_column, points_hint(points))
    })?;
    Ok(Official {
        line: at.line,
        partner: partner.to_owned(),
        track: track(header.track.map_or("", field).trim(), at)?,
        figure: Figure::all().find(|figure| figure.name() == metric).unwrap_or(Figure::Total),
        shown,
    })
}

/// The track named; none where the field is empty.
fn track(name: &str, at: &At) -> Result<Option<Track>> {
    if name.is_empty() {
        return Ok(None);
    }
    at.known("track", name, &Track::ALL.map(Track::name), TRACK)?;
    Ok(Track::named(name))
}

fn points_hint(points: &str) -> &'static str {
    match points {
        "" => "leave out the line of a figure that Partner Center does not show",
        _ if points.contains(',') => "write a decimal point, and no comma",
        _ if points.contains('/') => "write the points alone, without their maximum",
        _ if points.starts_with('-') => "points are never under 0",
        _ => "write it as Partner Center shows it, such as 22.5",
    }
}

/// Where an error is.
pub(super) struct At<'a> {
    pub path: &'a Path,
    pub line: usize,
}

impl At<'_> {
    /// An error about a line.
    pub fn line_error(&self, what: &str, hint: &str) -> Error {
        Error::refused(what).at(format!("{}:{}", self.path.display(), self.line)).hint(hint)
    }

    /// An error about a line's column.
    pub fn error(&self, what: &str, column: &str, hint: &str) -> Error {
        let place = format!("{}:{}, column {}", self.path.display(), self.line, printable(column));
        Error::refused(what).at(place).hint(hint)
    }

    /// Refuses a name that is not among those known.
    fn known(&self, what: &str, name: &str, known: &[&str], column: &str) -> Result<()> {
        if known.contains(&name) {
            return Ok(());
        }
        let hint = match nearest(&shortened(name), known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known: {}", known.join(", ")),
        };
        Err(self.error(&format!("there is no {what} `{}`", printable(name)), column, &hint))
    }
}

/// A value of the file as an error may show it: without what steers a terminal, and not longer than a line.
pub(super) fn printable(text: &str) -> String {
    let shown = shortened(text);
    let more = if shown.len() < text.len() { "…" } else { "" };
    format!("{}{more}", shown.escape_debug())
}

/// The beginning of a value: a mistyped name is not longer.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(LETTERS_SHOWN).collect()
}
