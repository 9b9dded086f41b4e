//! Which files are read: those named, and those in folders named, in an order that does not depend on the file system.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::natural_order::compare_names;
use super::opening::{TEXT_ENDINGS, WORKBOOK_ENDINGS};
use crate::error::{Code, Error, Result};

/// Endings that browsers give a file until it is complete.
const UNFINISHED: [&str; 6] = [".crdownload", ".part", ".partial", ".download", ".opdownload", ".tmp"];
/// Names that are shown where a folder holds no export.
const SHOWN: usize = 10;

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Input {
    pub(super) path: PathBuf,
    /// Its path below the folder that was named, or its name: what `history.json` records, wherever the exports lie.
    pub(super) name: String,
    /// In bytes.
    pub(super) size: u64,
}

/// A file of a folder that is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SkippedFile {
    pub(super) path: PathBuf,
    pub(super) reason: String,
}

/// The files that were found.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    pub(super) files: Vec<Input>,
    pub(super) skipped: Vec<SkippedFile>,
}

/// The files to read, as they were named, and folders in the natural order of names, then by the time of change. A file that is reached
/// twice is read once, where it is reached first.
///
/// # Errors
/// Absent where one is not there, or a folder has none; storage where one cannot be looked at.
pub(super) fn find(exports: &[PathBuf]) -> Result<Inputs> {
    let mut inputs = Inputs::default();
    for given in exports {
        let metadata = fs::metadata(given).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::new(Code::Absent, "there is no such file or folder of exports")
                .at(given.display())
                .hint("give Partner Center exports, or a folder that holds them"),
            _ => Error::storage("look at the exports", given, &error),
        })?;
        if metadata.is_dir() {
            inputs.add_folder(given)?;
        } else {
            let name = given.file_name().unwrap_or_default().to_string_lossy().into_owned();
            inputs.files.push(Input { path: given.clone(), name, size: metadata.len() });
        }
    }
    let mut reached = BTreeSet::new();
    inputs.files.retain(|input| reached.insert(fs::canonicalize(&input.path).unwrap_or_else(|_| input.path.clone())));
    let is_read = |path: &Path| fs::canonicalize(path).is_ok_and(|path| reached.contains(&path));
    inputs.skipped.retain(|skipped| !is_read(&skipped.path));
    Ok(inputs)
}

impl Inputs {
    /// Adds the exports of a folder that was named.
    fn add_folder(&mut self, given: &Path) -> Result<()> {
        let (files, skipped) = (self.files.len(), self.skipped.len());
        self.walk(given, given)?;
        if self.files.len() > files {
            return Ok(());
        }
        let mut what = "the folder holds no exports".to_owned();
        for file in self.skipped.iter().skip(skipped).take(SHOWN) {
            what.push_str(&format!("\n  {}: {}", file.path.display(), file.reason));
        }
        let hint =
            "exports are .csv, .tsv and .txt files, the same with .gz behind it, workbooks, and .zip archives of them";
        Err(Error::absent(what).at(given.display()).hint(hint))
    }

    fn walk(&mut self, given: &Path, folder: &Path) -> Result<()> {
        for Entry { path, name, metadata, .. } in entries(folder)? {
            let skip = |reason: String| SkippedFile { path: path.clone(), reason: format!("not read: {reason}") };
            let Some(metadata) = metadata else {
                self.skipped.push(skip("it is a link to a file that is not there".to_owned()));
                continue;
            };
            if let Some(reason) = not_an_export(&name, &metadata) {
                self.skipped.push(skip(reason));
            } else if metadata.is_dir() {
                self.walk(given, &path)?;
            } else {
                let name = path.strip_prefix(given).unwrap_or(&path).to_string_lossy().into_owned();
                self.files.push(Input { path, name, size: metadata.len() });
            }
        }
        Ok(())
    }
}

/// A file or folder in a folder.
struct Entry {
    path: PathBuf,
    name: String,
    /// None where it is a link to nothing.
    metadata: Option<Metadata>,
    /// When it was changed.
    changed: Option<SystemTime>,
}

/// The files and folders of a folder, in order.
fn entries(folder: &Path) -> Result<Vec<Entry>> {
    let failed = |error: io::Error| Error::storage("list the exports", folder, &error);
    let listed = fs::read_dir(folder).map_err(failed)?.collect::<io::Result<Vec<_>>>().map_err(failed)?;
    let mut entries = Vec::with_capacity(listed.len());
    for entry in listed {
        let path = entry.path();
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Error::storage("look at the exports", &path, &error)),
        };
        let changed = metadata.as_ref().and_then(|metadata| metadata.modified().ok());
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        entries.push(Entry { path, name, metadata, changed });
    }
    entries.sort_by(Entry::order);
    Ok(entries)
}

impl Entry {
    /// The natural order of names, then the time of change; and where both are equal, the name's bytes.
    fn order(&self, other: &Entry) -> Ordering {
        compare_names(&self.name, &other.name)
            .then_with(|| self.changed.cmp(&other.changed))
            .then_with(|| self.path.cmp(&other.path))
    }
}

/// Why a file or folder holds no export, by its name.
fn not_an_export(name: &str, metadata: &Metadata) -> Option<String> {
    let lower = name.to_lowercase();
    let bare = lower.strip_suffix(".gz").unwrap_or(&lower);
    let is_export = TEXT_ENDINGS.iter().chain(&[".zip"]).any(|ending| bare.ends_with(ending))
        || WORKBOOK_ENDINGS.iter().any(|ending| lower.ends_with(ending));
    if name.starts_with('.') {
        return Some("its name begins with a dot".to_owned());
    }
    if metadata.is_dir() {
        return None;
    }
    if !metadata.is_file() {
        return Some("it is no regular file".to_owned());
    }
    if name.starts_with("~$") {
        return Some("a spreadsheet program keeps it while the workbook is open".to_owned());
    }
    if UNFINISHED.iter().any(|ending| lower.ends_with(ending)) {
        return Some("the download is not complete".to_owned());
    }
    if is_export {
        return None;
    }
    let ending = lower.rfind('.').and_then(|place| lower.get(place..));
    Some(match ending {
        Some(ending) => format!("`{}` is no ending of an export", super::text::printable(ending)),
        None => "its name has no ending; rename it to .csv, or name the file itself".to_owned(),
    })
}
