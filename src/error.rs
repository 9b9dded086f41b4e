//! What went wrong, where, and what to do about it: one error type, with the exit code an orchestrator acts on.

use std::fmt;
use std::path::Path;

use crate::email::redacted;

/// Why a command ended, as its exit code tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// A fault of this program.
    Internal = 1,
    /// The command line, a rulebook or a pipeline file is wrong.
    Usage = 2,
    /// The data was refused; nothing was published.
    Refused = 3,
    /// Published, but with warnings or rejects, under `--strict`.
    Strict = 4,
    /// An input is missing, or not there yet.
    Absent = 5,
    /// Storage or access failed.
    Storage = 6,
    /// Another run holds the output folder.
    Locked = 7,
    /// Some months of a backfill failed.
    Partial = 8,
    /// Whoever asked for it does not want it any more.
    Interrupted = 130,
}

impl Code {
    /// The process exit code.
    pub fn exit(self) -> u8 {
        self as u8
    }

    /// Whether the same command may succeed later without any change.
    pub fn retry_helps(self) -> bool {
        matches!(self, Code::Absent | Code::Storage | Code::Locked | Code::Partial | Code::Interrupted)
    }
}

/// An error a person can act on: what is wrong, where, and what to do.
#[derive(Debug, Clone)]
pub struct Error {
    /// Decides the exit code.
    pub code: Code,
    /// What is wrong, in one sentence without a full stop.
    pub what: String,
    /// The file, column, row or line.
    pub place: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// The result of anything that can fail in a way a person can act on.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of the given code.
    pub fn new(code: Code, what: impl Into<String>) -> Self {
        Error { code, what: redacted(&what.into()).into_owned(), place: None, hint: None }
    }

    /// The command line, a rulebook or a pipeline file is wrong.
    pub fn usage(what: impl Into<String>) -> Self {
        Error::new(Code::Usage, what)
    }

    /// The data cannot be scored as it is.
    pub fn refused(what: impl Into<String>) -> Self {
        Error::new(Code::Refused, what)
    }

    /// An input is missing or not there yet.
    pub fn absent(what: impl Into<String>) -> Self {
        Error::new(Code::Absent, what)
    }

    /// A fault of this program.
    pub fn internal(what: impl Into<String>) -> Self {
        Error::new(Code::Internal, what)
    }

    /// A file operation that failed: what was being done, to which path, and what the system answered.
    pub fn storage(doing: &str, path: &Path, error: &std::io::Error) -> Self {
        Error::new(Code::Storage, format!("could not {doing}: {error}"))
            .at(path.display())
            .hint("check that the path exists, that there is space, and that this user may use it")
    }

    /// A thread, a handler or memory that the system does not grant.
    pub fn system(doing: &str, error: &std::io::Error) -> Self {
        Error::new(Code::Storage, format!("could not {doing}: {error}"))
            .hint("use more --shards, fewer --threads, or raise the limit of memory or processes")
    }

    /// Adds where it is.
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.place = Some(place.to_string());
        self
    }

    /// Adds what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(redacted(&hint.into()).into_owned());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        if let Some(place) = &self.place {
            write!(f, "\n  at: {place}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// The known name nearest to a mistyped one, where one is near enough to be meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().max(name.len()) / 4)
        .min()
        .map(|(_, candidate)| candidate)
}
