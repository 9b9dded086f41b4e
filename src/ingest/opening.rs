//! Opens what exports come in: plain files, gzip, zip and workbooks, hashed on the way, and bounded in what they may expand to.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use zip::ZipArchive;
use zip::result::ZipError;

use super::natural_order::compare_paths;
use super::text::printable;
use super::workbook::{self, Bytes, Format, Workbook};
use crate::error::{Error, Result};
use crate::rulebook::hex;

/// Members of an archive; one of exports has some dozens.
const MOST_MEMBERS: usize = 100_000;
/// The names of reports end so, and may end in `.gz` after it.
pub(super) const TEXT_ENDINGS: [&str; 3] = [".csv", ".tsv", ".txt"];
/// And those of workbooks so.
pub(super) const WORKBOOK_ENDINGS: [&str; 5] = [".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"];

/// How far a compressed file may expand.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of one file, or of all of an archive.
    pub expanded: u64,
    /// Times its compressed size, once it is beyond `ratio_from` bytes.
    pub ratio: u64,
    pub ratio_from: u64,
}

impl Default for Limits {
    /// Exports compress to a twentieth, and at the very most to a hundredth.
    fn default() -> Limits {
        Limits { expanded: 64 << 30, ratio: 250, ratio_from: 64 << 20 }
    }
}

/// Why reading a file stops.
#[derive(Debug)]
pub(super) enum Stop {
    /// The file cannot be taken.
    Refused(Error),
    /// The file has no header of a report.
    Unrecognised(Error),
    /// Nothing can go on.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Failed(error)
    }
}

/// Looks at the text of a file.
pub(super) type Visit<'a> = dyn FnMut(&mut dyn Read) + 'a;
/// Gives the text of a file once more, from its beginning.
pub(super) type Reread<'a> = dyn Fn(&mut Visit) -> io::Result<()> + 'a;

/// A text to read.
pub(super) struct Opened<'a> {
    /// The file as given; a member of an archive is `archive.zip!member.csv`, a sheet `book.xlsx!Sheet1`.
    pub(super) path: String,
    pub(super) text: &'a mut dyn Read,
    pub(super) reread: &'a Reread<'a>,
}

/// Reads a text.
type Each<'a, T> = dyn FnMut(Opened) -> std::result::Result<T, Stop> + 'a;

/// A hash and how much was hashed.
#[derive(Debug, Clone)]
pub(super) struct Hashed {
    pub(super) sha256: String,
    pub(super) bytes: u64,
}

/// What a file turned out to be.
pub(super) enum Piece<T> {
    /// What the reader of it made, with the hash of the file, member or sheet.
    Read(T, Hashed),
    /// A member of an archive or a sheet of a workbook that is no report.
    Skipped {
        path: String,
        hashed: Hashed,
        reason: String,
    },
    Refused {
        path: String,
        error: Error,
    },
}

/// Hands every text that a file holds to `each`: the file's own, expanded where it is compressed, or every member's and sheet's.
///
/// # Errors
/// Absent or storage where the file cannot be read; whatever `each` fails with.
pub(super) fn texts<T>(
    path: &Path,
    limits: Limits,
    progress: &dyn Fn(u64),
    each: &mut Each<T>,
) -> Result<Vec<Piece<T>>> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => {
            Error::absent("there is no such file").at(path.display()).hint("check the path of the exports")
        }
        _ => Error::storage("read an export", path, &error),
    };
    let mut file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let beginning = beginning(&mut file).map_err(failed)?;
    let told = Cell::new(0);
    let tell = |bytes: u64| {
        let bytes = bytes.min(size.saturating_sub(told.get()));
        told.set(told.get() + bytes);
        progress(bytes);
    };
    let opened = OpenFile { path, shown: path.display().to_string(), size, limits };
    let pieces = opened.pieces(file, &beginning, &tell, each)?;
    // Of a file that is not read to its end, and of workbooks, the rest is done too.
    progress(size.saturating_sub(told.get()));
    Ok(pieces)
}

/// A file that is open.
struct OpenFile<'a> {
    path: &'a Path,
    shown: String,
    /// In bytes.
    size: u64,
    limits: Limits,
}

impl OpenFile<'_> {
    fn pieces<T>(&self, file: File, beginning: &[u8], tell: &dyn Fn(u64), each: &mut Each<T>) -> Result<Vec<Piece<T>>> {
        let name = self.shown.to_lowercase();
        let is_workbook = WORKBOOK_ENDINGS.iter().any(|ending| name.ends_with(ending));
        if beginning.is_empty() {
            return Ok(vec![self.refused(empty())]);
        }
        if workbook::is_compound_file(beginning) {
            return self.workbook(file, Format::Xls, each);
        }
        if beginning.starts_with(b"PK\x03\x04") || beginning.starts_with(b"PK\x05\x06") {
            return self.zipped(file, is_workbook, tell, each);
        }
        let is_gzip = beginning.starts_with(b"\x1f\x8b");
        if name.ends_with(".gz") && !is_gzip {
            return Ok(vec![self.refused(not_as_named("gzip"))]);
        }
        if name.ends_with(".zip") {
            return Ok(vec![self.refused(not_as_named("a zip archive"))]);
        }
        let reread = |visit: &mut Visit| {
            let mut file = File::open(self.path)?;
            expanded(&mut file, is_gzip, self.limits, visit);
            Ok(())
        };
        let piece = tapped(Told { input: file, tell }, is_gzip, self.limits, &self.shown, &reread, each)?;
        Ok(vec![piece])
    }

    fn refused<T>(&self, error: Error) -> Piece<T> {
        Piece::Refused { path: self.shown.clone(), error }
    }

    /// Reads a workbook, or the members of an archive.
    fn zipped<T>(
        &self,
        file: File,
        is_workbook: bool,
        tell: &dyn Fn(u64),
        each: &mut Each<T>,
    ) -> Result<Vec<Piece<T>>> {
        let archive = match ZipArchive::new(BufReader::new(file)) {
            Ok(archive) if archive.len() <= MOST_MEMBERS => archive,
            Ok(_) => {
                let error = Error::refused("the archive has too many members");
                return Ok(vec![self.refused(error.hint("unpack it and give the reports"))]);
            }
            Err(ZipError::Io(error)) if error.raw_os_error().is_some() => {
                return Err(Error::storage("read an export", self.path, &error));
            }
            Err(_) if is_workbook => return Ok(vec![self.refused(workbook::unreadable("it is cut short or broken"))]),
            Err(_) => {
                let error = Error::refused("the archive is cut short or broken");
                return Ok(vec![self.refused(error.hint("download it anew"))]);
            }
        };
        match workbook::zipped_format(&archive) {
            Some(Ok(format)) => self.workbook(archive.into_inner().into_inner(), format, each),
            Some(Err(document)) => {
                let error = Error::refused(format!("the file is {document} and no report"));
                Ok(vec![self.refused(error.hint("give the CSV that Partner Center exports"))])
            }
            None if is_workbook => Ok(vec![self.refused(workbook::unreadable("it has no sheets"))]),
            None => self.archive(archive, tell, each),
        }
    }

    /// Reads the sheets of a workbook.
    fn workbook<T>(&self, mut file: File, format: Format, each: &mut Each<T>) -> Result<Vec<Piece<T>>> {
        if self.size > workbook::LARGEST {
            return Ok(vec![self.refused(too_large_workbook())]);
        }
        let failed = |error: io::Error| Error::storage("read an export", self.path, &error);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        file.take(workbook::LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
        sheets(&bytes.into(), format, self.limits, &self.shown, each)
    }

    /// Reads the members of an archive, in the natural order of their names.
    fn archive<T>(
        &self,
        mut archive: ZipArchive<BufReader<File>>,
        tell: &dyn Fn(u64),
        each: &mut Each<T>,
    ) -> Result<Vec<Piece<T>>> {
        // One whose name is no text is opened by its number, which tells what is wrong with it.
        let name = |place| match archive.name_for_index(place) {
            Some(Ok(name)) => name.into_owned(),
            _ => format!("member {}", place + 1),
        };
        let mut members: Vec<(String, usize)> = (0..archive.len()).map(|place| (name(place), place)).collect();
        members.sort_by(|(one, _), (other, _)| compare_paths(one, other).then_with(|| one.cmp(other)));
        let mut pieces = Vec::new();
        let bound = Bound::new(self.limits, || self.size);
        for (name, place) in members {
            let path = format!("{}!{}", self.shown, printable(&name));
            match archive.by_index(place) {
                Ok(member) if member.is_dir() => {}
                Ok(read) => {
                    let compressed = read.compressed_size();
                    let member = Member { name: &name, path, place, archive: self.path, limits: self.limits };
                    pieces.extend(member.pieces(bound.over(read), each)?);
                    tell(compressed);
                }
                Err(ZipError::Io(error)) if error.raw_os_error().is_some() => {
                    return Err(Error::storage("read an export", self.path, &error));
                }
                Err(error) => {
                    let error = Error::refused(format!("the member cannot be read: {}", printable(&error.to_string())));
                    pieces.push(Piece::Refused { path, error: error.hint("unpack the archive and give the reports") });
                }
            }
        }
        if pieces.iter().all(|piece| matches!(piece, Piece::Skipped { .. })) {
            let error = Error::refused("the archive holds no report");
            let hint = "its members end in .csv, .tsv or .txt, or in .gz after it, or are workbooks";
            pieces.push(self.refused(error.hint(hint)));
        }
        Ok(pieces)
    }
}

/// A member of an archive.
struct Member<'a> {
    name: &'a str,
    /// The archive and the member.
    path: String,
    /// Its number in the archive.
    place: usize,
    archive: &'a Path,
    limits: Limits,
}

impl Member<'_> {
    fn pieces<T>(self, mut input: impl Read, each: &mut Each<T>) -> Result<Vec<Piece<T>>> {
        let lower = self.name.to_lowercase();
        let bare = lower.strip_suffix(".gz").unwrap_or(&lower);
        if is_hidden(self.name) {
            return self
                .skipped(input, "not read: its name begins with a dot, or it is of another program")
                .map(|piece| vec![piece]);
        }
        if lower.ends_with(".zip") {
            let error = Error::refused("this is an archive within an archive");
            let error = error.hint("unpack the outer one and give what it holds");
            return Ok(vec![Piece::Refused { path: self.path, error }]);
        }
        if WORKBOOK_ENDINGS.iter().any(|ending| lower.ends_with(ending)) {
            return self.workbook(input, each);
        }
        if !TEXT_ENDINGS.iter().any(|ending| bare.ends_with(ending)) {
            let reason = "not read: its name does not end in .csv, .tsv or .txt, or in .gz after it";
            return self.skipped(input, reason).map(|piece| vec![piece]);
        }
        let is_gzip = bare != lower;
        let reread = |visit: &mut Visit| {
            let mut archive = ZipArchive::new(BufReader::new(File::open(self.archive)?))?;
            let bound = Bound::new(self.limits, || u64::MAX);
            let mut member = bound.over(archive.by_index(self.place)?);
            expanded(&mut member, is_gzip, self.limits, visit);
            Ok(())
        };
        Ok(vec![tapped(&mut input, is_gzip, self.limits, &self.path, &reread, each)?])
    }

    /// Reads a member that is no report all the same, for its hash, and for what a broken archive gives away.
    fn skipped<T>(self, mut input: impl Read, reason: &str) -> Result<Piece<T>> {
        let seen = Rc::new(RefCell::new(Seen::default()));
        let copied = io::copy(&mut Tap { input: &mut input, seen: seen.clone() }, &mut io::sink());
        match copied.map_err(|error| stop(error, &self.path)) {
            Ok(_) => {
                let hashed = seen.borrow().hashed();
                Ok(Piece::Skipped { path: self.path, hashed, reason: reason.to_owned() })
            }
            Err(Stop::Refused(error) | Stop::Unrecognised(error)) => Ok(Piece::Refused { path: self.path, error }),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    fn workbook<T>(self, input: impl Read, each: &mut Each<T>) -> Result<Vec<Piece<T>>> {
        let mut bytes = Vec::new();
        let read = input.take(workbook::LARGEST + 1).read_to_end(&mut bytes);
        let error = match read.map_err(|error| stop(error, &self.path)) {
            Ok(_) if bytes.len() as u64 > workbook::LARGEST => too_large_workbook(),
            Ok(_) => return self.opened_workbook(bytes, each),
            Err(Stop::Refused(error) | Stop::Unrecognised(error)) => error,
            Err(Stop::Failed(error)) => return Err(error),
        };
        Ok(vec![Piece::Refused { path: self.path, error }])
    }

    fn opened_workbook<T>(self, bytes: Vec<u8>, each: &mut Each<T>) -> Result<Vec<Piece<T>>> {
        let bytes: Bytes = bytes.into();
        if workbook::is_compound_file(&bytes) {
            return sheets(&bytes, Format::Xls, self.limits, &self.path, each);
        }
        let archive = ZipArchive::new(io::Cursor::new(bytes.clone())).ok();
        match archive.as_ref().and_then(workbook::zipped_format) {
            Some(Ok(format)) => sheets(&bytes, format, self.limits, &self.path, each),
            Some(Err(document)) => {
                let error = Error::refused(format!("the file is {document} and no report"));
                let error = error.hint("give the CSV that Partner Center exports");
                Ok(vec![Piece::Refused { path: self.path, error }])
            }
            // Text with the ending of a workbook, as some programs write.
            None => {
                let reread = |visit: &mut Visit| {
                    visit(&mut &bytes[..]);
                    Ok(())
                };
                Ok(vec![tapped(&bytes[..], false, self.limits, &self.path, &reread, each)?])
            }
        }
    }
}

/// Reads every sheet of a workbook. Sheets that are no report are skipped, unless all of them are.
fn sheets<T>(bytes: &Bytes, format: Format, limits: Limits, path: &str, each: &mut Each<T>) -> Result<Vec<Piece<T>>> {
    let mut workbook = match Workbook::open(bytes, format, limits) {
        Ok(workbook) => workbook,
        Err(error) => return Ok(vec![Piece::Refused { path: path.to_owned(), error }]),
    };
    let mut pieces = Vec::new();
    let mut unrecognised = None;
    for (name, has_cells) in workbook.sheets() {
        let sheet = format!("{path}!{}", printable(&name));
        if !has_cells {
            let reason = "not read: the sheet is a chart or a program".to_owned();
            pieces.push(Piece::Skipped { path: sheet, hashed: Seen::default().hashed(), reason });
            continue;
        }
        let reread = |visit: &mut Visit| {
            let opened = Workbook::open(bytes, format, limits).and_then(|mut again| again.read_sheet(&name, visit));
            opened.map_err(|error| io::Error::other(workbook::Fault(error.what)))
        };
        let seen = Rc::new(RefCell::new(Seen::default()));
        let mut made = None;
        let opened = workbook.read_sheet(&name, &mut |text| {
            let mut text = Tap { input: text, seen: seen.clone() };
            made = Some(each(Opened { path: sheet.clone(), text: &mut text, reread: &reread }));
        });
        let hashed = seen.borrow().hashed();
        pieces.push(match (opened, made) {
            (Ok(()), Some(Ok(made))) => Piece::Read(made, hashed),
            (Ok(()), Some(Err(Stop::Unrecognised(error)))) => {
                let what = if hashed.bytes == 0 { "the sheet is empty" } else { &error.what };
                let reason = format!("not read: {what}");
                unrecognised.get_or_insert(error);
                Piece::Skipped { path: sheet, hashed, reason }
            }
            (Ok(()), Some(Err(Stop::Failed(error)))) => return Err(error),
            (Ok(()), Some(Err(Stop::Refused(error)))) | (Err(error), _) => Piece::Refused { path: sheet, error },
            (Ok(()), None) => Piece::Refused { path: sheet, error: workbook::unreadable("the sheet has no text") },
        });
    }
    if pieces.iter().all(|piece| matches!(piece, Piece::Skipped { .. })) {
        let error = unrecognised.unwrap_or_else(|| workbook::unreadable("it has no sheets"));
        return Ok(vec![Piece::Refused { path: path.to_owned(), error }]);
    }
    Ok(pieces)
}

fn too_large_workbook() -> Error {
    let error = Error::refused(format!("the workbook has more than {} bytes", workbook::LARGEST));
    error.hint("save its sheets as CSV in UTF-8, or give the CSV that Partner Center exports")
}

/// Reads a text, compressed or not, and hashes what it is stored as.
fn tapped<T>(
    input: impl Read,
    is_gzip: bool,
    limits: Limits,
    path: &str,
    reread: &Reread,
    each: &mut Each<T>,
) -> Result<Piece<T>> {
    let seen = Rc::new(RefCell::new(Seen::default()));
    let mut tap = Tap { input, seen: seen.clone() };
    let path = path.to_owned();
    let mut made = None;
    expanded(&mut tap, is_gzip, limits, &mut |text| {
        made = Some(each(Opened { path: path.clone(), text, reread }));
    });
    match made {
        Some(Ok(made)) => Ok(Piece::Read(made, seen.borrow().hashed())),
        Some(Err(Stop::Refused(error) | Stop::Unrecognised(error))) => Ok(Piece::Refused { path, error }),
        Some(Err(Stop::Failed(error))) => Err(error),
        None => Err(Error::internal("a text was not read")),
    }
}

/// Gives a text, expanded where it is compressed, and bounded.
fn expanded(stored: &mut dyn Read, is_gzip: bool, limits: Limits, visit: &mut Visit) {
    if !is_gzip {
        return visit(stored);
    }
    let compressed = Cell::new(0);
    let count = |bytes: u64| compressed.set(compressed.get() + bytes);
    let counted = Told { input: stored, tell: &count };
    let bound = Bound::new(limits, || compressed.get());
    visit(&mut bound.over(MultiGzDecoder::new(BufReader::new(counted))));
}

/// An empty file.
pub(super) fn empty() -> Error {
    Error::refused("the file is empty").hint("export the report anew, or leave the file out")
}

fn not_as_named(what: &str) -> Error {
    let error = Error::refused(format!("by its name the file is {what}, and by its content it is not"));
    error.hint("download it anew, or give it its right name")
}

/// The first four bytes, or as many as there are.
fn beginning(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.by_ref().take(4).read_to_end(&mut bytes)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(bytes)
}

/// What an error of a reader means: that the system failed, or that the file is not sound.
pub(super) fn stop(error: io::Error, path: &str) -> Stop {
    if error.raw_os_error().is_some() {
        return Stop::Failed(Error::storage("read an export", Path::new(path), &error));
    }
    if let Some(Bomb { limit }) = error.get_ref().and_then(|error| error.downcast_ref()) {
        let error = Error::refused(format!("the compressed file expands beyond {limit}"));
        return Stop::Refused(error.hint("no export compresses so far; expand it yourself if you trust it"));
    }
    if let Some(workbook::Fault(message)) = error.get_ref().and_then(|error| error.downcast_ref()) {
        return Stop::Refused(workbook::unreadable(message));
    }
    let error = match error.kind() {
        io::ErrorKind::UnexpectedEof => Error::refused("the compressed file is cut short"),
        _ => Error::refused(format!("the compressed file is broken: {}", printable(&error.to_string()))),
    };
    Stop::Refused(error.hint("download it anew"))
}

/// Whether a part of a member's name begins with a point, or the archive's program put it there for itself.
fn is_hidden(name: &str) -> bool {
    let is_step = |part: &str| part.chars().all(|c| c == '.');
    name.split(['/', '\\']).any(|part| (part.starts_with('.') && !is_step(part)) || part == "__MACOSX")
}

/// Tells how much is read.
struct Told<'a, R> {
    input: R,
    tell: &'a dyn Fn(u64),
}

impl<R: Read> Read for Told<'_, R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(room)?;
        (self.tell)(read as u64);
        Ok(read)
    }
}

/// Hashes and counts what is read.
struct Tap<R> {
    input: R,
    seen: Rc<RefCell<Seen>>,
}

#[derive(Default)]
struct Seen {
    sha256: Sha256,
    bytes: u64,
}

impl Seen {
    fn hashed(&self) -> Hashed {
        Hashed { sha256: hex(&self.sha256.clone().finalize()), bytes: self.bytes }
    }
}

impl<R: Read> Read for Tap<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(room)?;
        let mut seen = self.seen.borrow_mut();
        seen.sha256.update(room.get(..read).unwrap_or_default());
        seen.bytes += read as u64;
        Ok(read)
    }
}

/// What compressed data may expand to, all together.
struct Bound<F> {
    limits: Limits,
    /// How much compressed data there was so far, or is at all.
    compressed: F,
    expanded: Cell<u64>,
}

/// A limit that compressed data went beyond.
#[derive(Debug)]
struct Bomb {
    limit: String,
}

impl std::fmt::Display for Bomb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "compressed data expands beyond {}", self.limit)
    }
}

impl std::error::Error for Bomb {}

impl<F: Fn() -> u64> Bound<F> {
    fn new(limits: Limits, compressed: F) -> Bound<F> {
        Bound { limits, compressed, expanded: Cell::new(0) }
    }

    /// A reader that this bounds, together with all others.
    fn over<R: Read>(&self, input: R) -> Bounded<'_, R, F> {
        Bounded { input, bound: self }
    }

    /// Counts more data in.
    fn add(&self, bytes: u64) -> io::Result<()> {
        let expanded = self.expanded.get() + bytes;
        self.expanded.set(expanded);
        let Limits { expanded: most, ratio, ratio_from } = self.limits;
        let limit = if expanded > most {
            format!("{most} bytes")
        } else if expanded > ratio_from && expanded > ratio.saturating_mul((self.compressed)()) {
            format!("{ratio} times its size")
        } else {
            return Ok(());
        };
        Err(io::Error::other(Bomb { limit }))
    }
}

struct Bounded<'a, R, F> {
    input: R,
    bound: &'a Bound<F>,
}

impl<R: Read, F: Fn() -> u64> Read for Bounded<'_, R, F> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(room)?;
        self.bound.add(read as u64)?;
        Ok(read)
    }
}
