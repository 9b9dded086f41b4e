//! The runs that an output folder holds.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use super::run_json::{Run, Selection};
use super::store;
use crate::error::{Error, Result};
use crate::storage;

/// How the folders of runs begin.
const PREFIX: &str = "as_of=";
/// What makes a folder a run.
pub(super) const FILE: &str = "run.json";

/// The folders of runs in an output folder, each with its as-of date, the oldest first; on an object store, their URLs.
///
/// # Errors
/// Absent where there is no such folder; storage where it cannot be read.
pub fn run_folders(out: &Path) -> Result<Vec<(NaiveDate, PathBuf)>> {
    if storage::is_url(out) {
        return store::run_folders(out);
    }
    let entries = std::fs::read_dir(out).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::absent("there is no such folder")
            .at(out.display())
            .hint("name a published run, or the folder above it"),
        _ => Error::storage("read the folder", out, &error),
    })?;
    let mut runs: Vec<(NaiveDate, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let day = as_of(&name)?;
            is_run(&entry.path()).then(|| (day, entry.path()))
        })
        .collect();
    runs.sort();
    Ok(runs)
}

/// The date that the folder of a run is named for.
pub(super) fn as_of(name: &str) -> Option<NaiveDate> {
    name.strip_prefix(PREFIX)?.parse().ok()
}

/// Where a run of an as-of date is published in an output folder.
pub fn run_folder(out: &Path, as_of: NaiveDate) -> PathBuf {
    out.join(format!("{PREFIX}{as_of}"))
}

/// Whether a folder is a published run.
pub fn is_run(folder: &Path) -> bool {
    folder.join(FILE).is_file()
}

/// What the run of an as-of date says of itself; None where an output folder has none.
///
/// # Errors
/// Storage or refused where it cannot be read.
pub fn run_of(out: &Path, as_of: NaiveDate) -> Result<Option<Run>> {
    if storage::is_url(out) {
        return Ok(store::run_of(out, as_of)?.map(|(_, run)| run));
    }
    let folder = run_folder(out, as_of);
    if is_run(&folder) { Run::read(&folder).map(Some) } else { Ok(None) }
}

/// The newest run of an output folder, of `until` at the latest, for which the same partners were asked; None where there is none.
///
/// # Errors
/// Storage or refused where a newer one, or this one, cannot be read.
pub fn last_run(out: &Path, until: NaiveDate, asked: &Selection) -> Result<Option<(PathBuf, Run)>> {
    if storage::is_url(out) {
        return store::last_run(out, until, asked);
    }
    if !out.is_dir() {
        return Ok(None);
    }
    for (_, folder) in run_folders(out)?.into_iter().rev().filter(|(as_of, _)| *as_of <= until) {
        let run = Run::read(&folder)?;
        if run.selection.of_same_partners(asked) {
            return Ok(Some((folder, run)));
        }
    }
    Ok(None)
}

impl Run {
    /// Reads what a published folder says of itself.
    ///
    /// # Errors
    /// Storage where `run.json` cannot be read; refused where it is not one.
    pub fn read(folder: &Path) -> Result<Run> {
        let path = folder.join(FILE);
        let json = std::fs::read(&path).map_err(|error| Error::storage("read the run", &path, &error))?;
        Run::parse(&json, &path.display())
    }

    /// The content of a `run.json`, which lies at `place`.
    pub(super) fn parse(json: &[u8], place: &impl std::fmt::Display) -> Result<Run> {
        serde_json::from_slice(json).map_err(|error| {
            Error::refused(format!("this is not a run that this version can read: {error}"))
                .at(place)
                .hint("score again with this version")
        })
    }
}
