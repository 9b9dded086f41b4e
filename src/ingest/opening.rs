//! Opens what exports come in: plain files, gzip and zip, hashed on the way, and bounded in what they may expand to.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use zip::ZipArchive;
use zip::result::ZipError;

use super::text::printable;
use crate::error::{Error, Result};
use crate::rulebook::hex;

/// Members of an archive; one of exports has some dozens.
const MOST_MEMBERS: usize = 100_000;
/// The names of reports end so, and may end in `.gz` after it.
const ENDINGS: [&str; 3] = [".csv", ".tsv", ".txt"];

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
    /// Nothing can go on.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Failed(error)
    }
}

/// What a file or member is read by.
pub(super) struct Opened<'a> {
    /// The file as given; a member of an archive is `archive.zip!member.csv`.
    pub(super) path: String,
    pub(super) text: &'a mut dyn Read,
}

/// A hash and how much was hashed.
#[derive(Debug, Clone)]
pub(super) struct Hashed {
    pub(super) sha256: String,
    pub(super) bytes: u64,
}

/// What a file turned out to be.
pub(super) enum Piece<T> {
    /// What the reader of it made, with the hash of the file or member.
    Read(T, Hashed),
    /// A member of an archive that is no report by its name.
    Skipped {
        path: String,
        hashed: Hashed,
    },
    Refused {
        path: String,
        error: Error,
    },
}

/// Hands every text that a file holds to `each`: the file's own, expanded where it is compressed, or every member's.
///
/// # Errors
/// Absent or storage where the file cannot be read; whatever `each` fails with.
pub(super) fn texts<T>(
    path: &Path,
    limits: Limits,
    progress: &dyn Fn(u64),
    each: &mut dyn FnMut(Opened) -> std::result::Result<T, Stop>,
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
    if beginning.starts_with(b"PK\x03\x04") || beginning.starts_with(b"PK\x05\x06") {
        return archive(path, file, size, limits, progress, each);
    }
    let shown = path.display().to_string();
    let name = shown.to_lowercase();
    let is_gzip = beginning.starts_with(b"\x1f\x8b");
    let made = match (name.ends_with(".gz"), name.ends_with(".zip")) {
        _ if beginning.is_empty() => return Ok(vec![Piece::Refused { path: shown, error: empty() }]),
        (true, _) if !is_gzip => return Ok(vec![Piece::Refused { path: shown, error: not_as_named("gzip") }]),
        (_, true) => return Ok(vec![Piece::Refused { path: shown, error: not_as_named("a zip archive") }]),
        _ => tapped(Told { input: file, progress }, is_gzip, limits, &shown, each)?,
    };
    Ok(vec![made])
}

/// Reads a text, compressed or not, and hashes what it is stored as.
fn tapped<T>(
    input: impl Read,
    is_gzip: bool,
    limits: Limits,
    path: &str,
    each: &mut dyn FnMut(Opened) -> std::result::Result<T, Stop>,
) -> Result<Piece<T>> {
    let seen = Rc::new(RefCell::new(Seen::default()));
    let mut tap = Tap { input, seen: seen.clone() };
    let path = path.to_owned();
    let made = if is_gzip {
        let stored = seen.clone();
        let bound = Bound::new(limits, move || stored.borrow().bytes);
        each(Opened { path: path.clone(), text: &mut bound.over(MultiGzDecoder::new(BufReader::new(tap))) })
    } else {
        each(Opened { path: path.clone(), text: &mut tap })
    };
    match made {
        Ok(made) => Ok(Piece::Read(made, seen.borrow().hashed())),
        Err(Stop::Refused(error)) => Ok(Piece::Refused { path, error }),
        Err(Stop::Failed(error)) => Err(error),
    }
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
    let error = match error.kind() {
        io::ErrorKind::UnexpectedEof => Error::refused("the compressed file is cut short"),
        _ => Error::refused(format!("the compressed file is broken: {}", printable(&error.to_string()))),
    };
    Stop::Refused(error.hint("download it anew"))
}

/// Reads the members of an archive, by name.
fn archive<T>(
    path: &Path,
    file: File,
    size: u64,
    limits: Limits,
    progress: &dyn Fn(u64),
    each: &mut dyn FnMut(Opened) -> std::result::Result<T, Stop>,
) -> Result<Vec<Piece<T>>> {
    let shown = path.display().to_string();
    let refused =
        |what: &str, hint: &str| Piece::Refused { path: shown.clone(), error: Error::refused(what).hint(hint) };
    if [".xlsx", ".xlsm", ".ods", ".xlsb"].iter().any(|ending| shown.to_lowercase().ends_with(ending)) {
        return Ok(vec![refused(
            "this is a workbook",
            "give the CSV that Partner Center exports, or save the sheet as one",
        )]);
    }
    let mut archive = match ZipArchive::new(BufReader::new(file)) {
        Ok(archive) if archive.len() <= MOST_MEMBERS => archive,
        Ok(_) => return Ok(vec![refused("the archive has too many members", "unpack it and give the reports")]),
        Err(ZipError::Io(error)) if error.raw_os_error().is_some() => {
            return Err(Error::storage("read an export", path, &error));
        }
        Err(_) => return Ok(vec![refused("the archive is cut short or broken", "download it anew")]),
    };
    // One whose name is no text is opened by its number, which tells what is wrong with it.
    let name = |place| match archive.name_for_index(place) {
        Some(Ok(name)) => name.into_owned(),
        _ => format!("member {}", place + 1),
    };
    let mut members: Vec<(String, usize)> = (0..archive.len()).map(|place| (name(place), place)).collect();
    members.retain(|(name, _)| !is_hidden(name));
    members.sort();
    let mut pieces = Vec::new();
    let bound = Bound::new(limits, move || size);
    let mut told = 0;
    for (name, place) in members {
        let shown = format!("{shown}!{}", printable(&name));
        let mut compressed = 0;
        pieces.push(match archive.by_index(place) {
            Ok(member) if member.is_dir() => continue,
            Ok(read) => {
                compressed = read.compressed_size();
                member(bound.over(read), &name, shown, limits, each)?
            }
            Err(ZipError::Io(error)) if error.raw_os_error().is_some() => {
                return Err(Error::storage("read an export", path, &error));
            }
            Err(error) => {
                let error = Error::refused(format!("the member cannot be read: {}", printable(&error.to_string())));
                Piece::Refused { path: shown, error: error.hint("unpack the archive and give the reports") }
            }
        });
        let more = compressed.min(size - told);
        told += more;
        progress(more);
    }
    progress(size - told);
    if pieces.iter().all(|piece| matches!(piece, Piece::Skipped { .. })) {
        pieces
            .push(refused("the archive holds no report", "its members end in .csv, .tsv or .txt, or in .gz after it"));
    }
    Ok(pieces)
}

/// Whether a part of a member's name begins with a point, or the archive's program put it there for itself.
fn is_hidden(name: &str) -> bool {
    let is_step = |part: &str| part.chars().all(|c| c == '.');
    name.split(['/', '\\']).any(|part| (part.starts_with('.') && !is_step(part)) || part == "__MACOSX")
}

/// Reads one member.
fn member<T>(
    mut input: impl Read,
    name: &str,
    path: String,
    limits: Limits,
    each: &mut dyn FnMut(Opened) -> std::result::Result<T, Stop>,
) -> Result<Piece<T>> {
    let lower = name.to_lowercase();
    let bare = lower.strip_suffix(".gz").unwrap_or(&lower);
    if lower.ends_with(".zip") {
        let error = Error::refused("this is an archive within an archive");
        return Ok(Piece::Refused { path, error: error.hint("unpack the outer one and give what it holds") });
    }
    if ENDINGS.iter().any(|ending| bare.ends_with(ending)) {
        return tapped(input, bare != lower, limits, &path, each);
    }
    // It is read all the same, for its hash, and for what a broken archive gives away.
    let seen = Rc::new(RefCell::new(Seen::default()));
    let copied = io::copy(&mut Tap { input: &mut input, seen: seen.clone() }, &mut io::sink());
    match copied.map_err(|error| stop(error, &path)) {
        Ok(_) => Ok(Piece::Skipped { path, hashed: seen.borrow().hashed() }),
        Err(Stop::Refused(error)) => Ok(Piece::Refused { path, error }),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// Tells how much is read.
struct Told<'a, R> {
    input: R,
    progress: &'a dyn Fn(u64),
}

impl<R: Read> Read for Told<'_, R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(room)?;
        (self.progress)(read as u64);
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
