//! Where results may go: folders and regular files, each written by one part of a command and none of them an input.

use std::fs::{self, FileType};
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};
use crate::storage;

/// How many links a path may lead through.
const MOST_LINKS: usize = 40;
/// Folders whose entries stand for something other than a file on a disk.
const SYSTEM_FOLDERS: [&str; 3] = ["/dev", "/proc", "/sys"];
/// A folder among them that is one of files.
const SHARED_MEMORY: &str = "/dev/shm";

/// What a command writes to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputKind {
    /// A file that is replaced whole.
    File,
    /// A file that lines are added to.
    Log,
    /// A folder of runs, in which other outputs may have their own files.
    Runs,
    /// A folder that belongs to one output alone.
    Folder,
}

/// A path that a command writes to.
#[derive(Debug, Clone)]
pub struct Output<'a> {
    /// How the user names it, such as `--html`.
    pub name: String,
    pub path: &'a Path,
    pub kind: OutputKind,
}

impl<'a> Output<'a> {
    /// An output under the name that the user gives it.
    pub fn new(name: impl Into<String>, path: &'a Path, kind: OutputKind) -> Self {
        Output { name: name.into(), path, kind }
    }
}

/// Refuses outputs that would overwrite each other or an input, and those that are neither a folder nor a regular file. Inputs are named as the
/// outputs are; a folder of runs counts as an input only with its own tables.
///
/// # Errors
/// Usage, with the output and what it is or meets.
pub fn refuse_outputs(outputs: &[Output], inputs: &[(&str, &Path)]) -> Result<()> {
    for output in outputs {
        output.refuse_special()?;
    }
    for (number, output) in outputs.iter().enumerate() {
        for (name, input) in inputs {
            output.refuse_input(name, input)?;
        }
        for other in &outputs[number + 1..] {
            output.refuse_overlap(other)?;
        }
    }
    Ok(())
}

impl Output<'_> {
    fn refuse_special(&self) -> Result<()> {
        if storage::is_url(self.path) {
            return match self.kind {
                OutputKind::Runs => Ok(()),
                _ => Err(self.wrong(format!("{} is a URL", self.name)).hint("name a file or folder of this machine")),
            };
        }
        match self.kind {
            OutputKind::File | OutputKind::Log => resolved_file(self.path).map(drop),
            OutputKind::Runs | OutputKind::Folder => require_folder(self.path, "the output"),
        }
        .map_err(|error| Error { what: format!("{}: {}", self.name, error.what), ..error })
    }

    fn refuse_input(&self, name: &str, input: &Path) -> Result<()> {
        let (own, theirs) = (place(self.path), place(input));
        if own == theirs {
            return Err(self.wrong(format!("{} is the same as {name}", self.name)).hint("write to another path"));
        }
        if own.starts_with(&theirs) {
            return Err(self
                .wrong(format!("{} is inside {name}, `{}`", self.name, input.display()))
                .hint("write to a path outside of what is read"));
        }
        if self.kind == OutputKind::Folder && theirs.starts_with(&own) {
            return Err(self
                .wrong(format!("{name}, `{}`, is inside {}", input.display(), self.name))
                .hint("write to a folder of its own"));
        }
        Ok(())
    }

    fn refuse_overlap(&self, other: &Output) -> Result<()> {
        let (own, theirs) = (place(self.path), place(other.path));
        if own == theirs {
            return Err(self
                .wrong(format!("{} and {} are the same path", self.name, other.name))
                .hint("give each a path of its own"));
        }
        for (inner, outer, (within, folder)) in [(self, other, (&own, &theirs)), (other, self, (&theirs, &own))] {
            let Ok(rest) = within.strip_prefix(folder) else { continue };
            if outer.kind != OutputKind::Runs || is_of_runs(rest) {
                return Err(inner
                    .wrong(format!("{} is inside {}, `{}`", inner.name, outer.name, outer.path.display()))
                    .hint("give each a path of its own"));
            }
        }
        Ok(())
    }

    fn wrong(&self, what: String) -> Error {
        Error::usage(what).at(self.path.display())
    }
}

/// Whether a path within a folder of runs is one that runs write.
fn is_of_runs(rest: &Path) -> bool {
    let first = rest.components().next().map(|first| first.as_os_str().to_string_lossy().into_owned());
    first.is_some_and(|first| first.starts_with("as_of=") || first.starts_with('.'))
}

/// The regular file that a path names, or would name, through links: a link stays, and what it leads to is replaced.
///
/// # Errors
/// Usage where it is something else.
pub(super) fn resolved_file(path: &Path) -> Result<PathBuf> {
    let mut at = path.to_owned();
    for _ in 0..MOST_LINKS {
        if is_of_system(&at) {
            return Err(not_regular(path, "a part of the system"));
        }
        match fs::symlink_metadata(&at) {
            Ok(found) if found.is_symlink() => {
                let target = fs::read_link(&at).map_err(|error| Error::storage("follow the link", &at, &error))?;
                at = at.parent().unwrap_or(Path::new("")).join(target);
            }
            Ok(found) if found.is_file() => return Ok(at),
            Ok(found) => return Err(not_regular(path, kind_of(found.file_type()))),
            // What is wrong with a path that cannot be looked at shows when it is written.
            Err(_) => return Ok(at),
        }
    }
    Err(not_regular(path, "a link that leads in circles"))
}

/// Refuses what is there and no folder; `subject` says what should be one.
///
/// # Errors
/// Usage, with what it is.
pub(super) fn require_folder(path: &Path, subject: &str) -> Result<()> {
    let wrong = |what: &str| {
        Err(Error::usage(format!("{subject} is a folder, and this is {what}"))
            .at(path.display())
            .hint("name a folder, new or there already"))
    };
    match fs::metadata(path) {
        Ok(found) if found.is_dir() && !is_of_system(path) => Ok(()),
        Ok(found) if found.is_dir() => wrong("a part of the system"),
        Ok(found) => wrong(kind_of(found.file_type())),
        Err(_) if fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) => {
            wrong("a link that leads nowhere")
        }
        Err(_) => Ok(()),
    }
}

fn not_regular(path: &Path, what: &str) -> Error {
    let hint = "name a regular file; `/dev/stdout` and pipes cannot be replaced in one step";
    Error::usage(format!("the output is a file, and this is {what}")).at(path.display()).hint(hint)
}

/// Whether a path lies in a folder of the system.
fn is_of_system(path: &Path) -> bool {
    let whole = place(path);
    let plain = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let is_in = |folder: &&str| whole.starts_with(folder) || plain.starts_with(folder);
    cfg!(unix) && SYSTEM_FOLDERS.iter().any(is_in) && !plain.starts_with(SHARED_MEMORY)
}

#[cfg(unix)]
fn kind_of(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match kind {
        kind if kind.is_dir() => "a folder",
        kind if kind.is_file() => "a file",
        kind if kind.is_fifo() => "a FIFO",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_block_device() || kind.is_char_device() => "a device",
        _ => "no regular file",
    }
}

#[cfg(not(unix))]
fn kind_of(kind: FileType) -> &'static str {
    match kind {
        kind if kind.is_dir() => "a folder",
        kind if kind.is_file() => "a file",
        _ => "no regular file",
    }
}

/// Where a path leads: the links of what is there followed, the rest without `.` and `..`. A URL stays as it is, but for a slash at its end.
fn place(path: &Path) -> PathBuf {
    if storage::is_url(path) {
        return PathBuf::from(path.to_string_lossy().trim_end_matches('/'));
    }
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = whole.ancestors().find_map(|above| Some((above, fs::canonicalize(above).ok()?)));
    let Some((above, mut place)) = there else { return whole };
    for part in whole.strip_prefix(above).into_iter().flat_map(Path::components) {
        match part {
            Component::ParentDir => drop(place.pop()),
            Component::CurDir => {}
            other => place.push(other),
        }
    }
    place
}
