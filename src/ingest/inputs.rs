//! Which files are read: those named, and those in folders named, in an order that does not depend on the file system.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Code, Error, Result};

/// How names of exports end, before and after `.gz`.
const ENDINGS: [&str; 4] = [".csv", ".tsv", ".txt", ".zip"];

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Input {
    pub(super) path: PathBuf,
    /// Its path below the folder that was named, or its name: what `history.json` records, wherever the exports lie.
    pub(super) name: String,
    /// In bytes.
    pub(super) size: u64,
}

/// The files to read, as they were named, and folders by path. A file that is reached twice is read once, where it is reached first.
///
/// # Errors
/// Absent where one is not there, or a folder has none; storage where one cannot be looked at.
pub(super) fn find(exports: &[PathBuf]) -> Result<Vec<Input>> {
    let mut inputs: Vec<Input> = Vec::new();
    for given in exports {
        let metadata = fs::metadata(given).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::new(Code::Absent, "there is no such file or folder of exports")
                .at(given.display())
                .hint("give Partner Center exports, or a folder that holds them"),
            _ => Error::storage("look at the exports", given, &error),
        })?;
        if metadata.is_dir() {
            let before = inputs.len();
            walk(given, given, &mut inputs)?;
            if inputs.len() == before {
                return Err(Error::absent("the folder holds no exports").at(given.display()).hint(
                    "exports are .csv, .tsv and .txt files, the same with .gz behind it, and .zip archives of them",
                ));
            }
        } else {
            let name = given.file_name().unwrap_or_default().to_string_lossy().into_owned();
            inputs.push(Input { path: given.clone(), name, size: metadata.len() });
        }
    }
    let mut reached = BTreeSet::new();
    inputs.retain(|input| reached.insert(fs::canonicalize(&input.path).unwrap_or_else(|_| input.path.clone())));
    Ok(inputs)
}

fn walk(given: &Path, folder: &Path, inputs: &mut Vec<Input>) -> Result<()> {
    let failed = |error: std::io::Error| Error::storage("list the exports", folder, &error);
    let entries = fs::read_dir(folder).map_err(failed)?.collect::<std::io::Result<Vec<_>>>().map_err(failed)?;
    let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        if name.starts_with('.') {
            continue;
        }
        let metadata = fs::metadata(&path).map_err(|error| Error::storage("look at the exports", &path, &error))?;
        if metadata.is_dir() {
            walk(given, &path, inputs)?;
        } else if ENDINGS.iter().any(|ending| name.trim_end_matches(".gz").ends_with(ending)) {
            let name = path.strip_prefix(given).unwrap_or(&path).to_string_lossy().into_owned();
            inputs.push(Input { path, name, size: metadata.len() });
        }
    }
    Ok(())
}
