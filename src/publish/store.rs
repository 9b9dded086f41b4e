//! Runs on object stores: immutable folders `as_of=DATE/run=ID/`, and beside them `current.json`, which names the one that counts.
//!
//! Nothing that was written is ever replaced but `current.json`, and that only where it is still what was read before: of two runs
//! that publish one date at the same time, one is told that it came too late. A run's name is a hash of its content.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::run_json::{Run, Selection};
use super::runs::{FILE, as_of, run_folder};
use super::staging::{Mode, Staging, content};
use super::{Lock, SCHEMA_VERSION};
use crate::engine;
use crate::error::{Code, Error, Result};
use crate::rulebook::hex;
use crate::storage::{Content, Folder, Object, Replaced};

/// The file that names the run that counts.
const POINTER: &str = "current.json";
/// How the folders of runs begin within that of their date.
const PREFIX: &str = "run=";
/// Digits of a run's name.
const DIGITS: usize = 32;
/// How the names of files with evidence begin.
const EVIDENCE: &str = "evidence/";
/// What writing to a store is called where stages are told.
const UPLOAD: &str = "upload";
/// What reading published files is called there.
const DOWNLOAD: &str = "download";

/// The content of `current.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Pointer {
    schema_version: String,
    as_of: NaiveDate,
    /// The run's name: its files are in `run=NAME/`.
    run: String,
    files: Vec<PublishedFile>,
}

/// One file of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct PublishedFile {
    name: String,
    size: u64,
}

/// Where a date is published on an object store.
#[derive(Debug)]
pub struct StoreOutput {
    /// The folder of the date.
    folder: Folder,
    as_of: NaiveDate,
    /// `current.json` as it was before anything was scored.
    before: Option<Content>,
}

/// Takes the lock of the folder of this machine where what is published at a URL is staged: one run at a time.
///
/// # Errors
/// Locked where another run of this machine publishes there; absent where there is no such container; storage where access fails.
pub(super) fn lock(out: &Path) -> Result<Lock> {
    let folder = opened(out)?;
    // A container that is not there, or not ours, is told of before anything is scored.
    folder.folders()?;
    Lock::take(&folder.workspace()?, Mode::default()).map_err(|error| match error.code {
        Code::Locked => error.at(folder.url()),
        _ => error,
    })
}

impl StoreOutput {
    /// Looks at what is published of a date now.
    ///
    /// # Errors
    /// Usage where the URL is wrong; storage where access fails.
    pub fn open(out: &Path, as_of: NaiveDate) -> Result<StoreOutput> {
        let folder = opened(&run_folder(out, as_of))?;
        let before = folder.read(POINTER)?;
        Ok(StoreOutput { folder, as_of, before })
    }

    /// Publishes what was staged: its files, and then, in one step, that it counts. Returns its URL, and whether that was news.
    ///
    /// # Errors
    /// Locked where somebody else has published the date since this was opened; storage where access fails.
    pub fn publish(&self, staging: &Staging, run: &Run) -> Result<(PathBuf, bool)> {
        let mut pointer = self.pointer(staging, run)?;
        let within = format!("{PREFIX}{}", pointer.run);
        let place = PathBuf::from(self.folder.url_of(&within));
        let before = self.before.as_ref().and_then(|before| parsed(&before.bytes).ok());
        let counts_already = before.is_some_and(|before| before.run == pointer.run);
        if counts_already && self.folder.read(&format!("{within}/{FILE}"))?.is_some() {
            return Ok((place, false));
        }
        engine::stage(UPLOAD, || self.upload(staging, &mut pointer, &within))?;
        let mut json = serde_json::to_vec_pretty(&pointer).map_err(|error| Error::internal(error.to_string()))?;
        json.push(b'\n');
        match self.folder.replace(POINTER, json, self.before.as_ref().map(|before| &before.version))? {
            Replaced::Done => {
                self.keep(staging, &pointer, &within);
                Ok((place, true))
            }
            // What an answer that was lost on its way has made of it already, or another run with the same result.
            Replaced::Lost if self.counts_now(&pointer.run)? => Ok((place, true)),
            Replaced::Lost => Err(Error::new(Code::Locked, "another run has published this date in the meantime")
                .at(self.folder.url_of(POINTER))
                .hint("what it published stays; run it again to publish on top of that")),
        }
    }

    fn pointer(&self, staging: &Staging, run: &Run) -> Result<Pointer> {
        let mut hash = Sha256::new();
        let mut files = Vec::new();
        for name in content(staging.path()) {
            let path = staging.path().join(&name);
            let bytes = std::fs::read(&path).map_err(|error| Error::storage("read what was staged", &path, &error))?;
            let name = name.to_string_lossy().replace('\\', "/");
            hash.update(format!("{name} {}\n", hex(&Sha256::digest(&bytes))));
            files.push(PublishedFile { name, size: bytes.len() as u64 });
        }
        hash.update(serde_json::to_vec(&run.stable()?).map_err(|error| Error::internal(error.to_string()))?);
        let path = staging.path().join(FILE);
        let size =
            std::fs::metadata(&path).map_err(|error| Error::storage("read what was staged", &path, &error))?.len();
        files.push(PublishedFile { name: FILE.to_owned(), size });
        let mut run = hex(&hash.finalize());
        run.truncate(DIGITS);
        Ok(Pointer { schema_version: SCHEMA_VERSION.to_owned(), as_of: self.as_of, run, files })
    }

    /// Writes the files, `run.json` the last of them.
    fn upload(&self, staging: &Staging, pointer: &mut Pointer, within: &str) -> Result<()> {
        let there = |file: &PublishedFile| (format!("{within}/{}", file.name), staging.path().join(&file.name));
        let all = pointer.files.len();
        let Some((told_last, tables)) = pointer.files.split_last_mut() else { return Ok(()) };
        let tables: Vec<(String, PathBuf)> = tables.iter().map(there).collect();
        self.folder.put_new(&tables, &mut |done| engine::announce(UPLOAD, done, all))?;
        // Two runs of the same content differ in the times that run.json tells; the first is kept.
        let (name, path) = there(told_last);
        told_last.size = self.folder.put_or_keep(&name, &path)?;
        Ok(())
    }

    /// Moves the tables of a run that was published to where its readers on this machine look for them, so that nothing comes back that was
    /// just sent.
    fn keep(&self, staging: &Staging, pointer: &Pointer, within: &str) {
        let Ok(folder) = self.folder.cached_folder(within) else { return };
        for name in pointer.files.iter().map(|file| &file.name).filter(|name| *name != FILE) {
            let place = folder.join(name);
            // What cannot be kept is brought once somebody reads it.
            let _ = place.parent().map_or(Ok(()), std::fs::create_dir_all);
            let _ = std::fs::rename(staging.path().join(name), place);
        }
    }

    fn counts_now(&self, run: &str) -> Result<bool> {
        let now = self.folder.read(POINTER)?;
        Ok(now.and_then(|now| parsed(&now.bytes).ok()).is_some_and(|now| now.run == run))
    }
}

/// The folder of a URL.
pub(super) fn opened(url: &Path) -> Result<Folder> {
    Folder::open(url, engine::go_on)
}

fn parsed(bytes: &[u8]) -> Result<Pointer> {
    let unreadable = |why: String| Error::refused(format!("this names no run that this version can read: {why}"));
    let pointer: Pointer = serde_json::from_slice(bytes).map_err(|error| unreadable(error.to_string()))?;
    let is_plain = |name: &str| !name.is_empty() && name != "." && name != ".." && !name.contains(['\\', ':']);
    let is_inside = |file: &PublishedFile| file.name.split('/').all(is_plain);
    match pointer.run.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && pointer.files.iter().all(is_inside) {
        true => Ok(pointer),
        false => Err(unreadable("its names lead out of the folder".to_owned())),
    }
}

/// The run that counts in the folder of a date; None where the folder names none.
fn current(folder: &Folder) -> Result<Option<Pointer>> {
    let Some(content) = folder.read(POINTER)? else { return Ok(None) };
    parsed(&content.bytes)
        .map(Some)
        .map_err(|error| error.at(folder.url_of(POINTER)).hint("score again with this version"))
}

/// The dates that have a folder, the newest first, each with its folder.
fn dates(out: &Path) -> Result<Vec<(NaiveDate, PathBuf)>> {
    let names = opened(out)?.folders()?;
    let mut dates: Vec<NaiveDate> = names.iter().filter_map(|name| as_of(name)).collect();
    dates.sort();
    Ok(dates.into_iter().rev().map(|date| (date, run_folder(out, date))).collect())
}

/// What a URL names as a RUN: the folder of its date, and the run.
fn found(url: &Path) -> Result<Option<(Folder, Pointer)>> {
    let name = url.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if let (Some(run), Some(above)) = (name.strip_prefix(PREFIX), url.parent()) {
        return one_of(opened(above)?, run, &opened(url)?);
    }
    let folder = opened(url)?;
    if let Some(pointer) = current(&folder)? {
        return Ok(Some((folder, pointer)));
    }
    for (_, url) in dates(url)? {
        let folder = opened(&url)?;
        if let Some(pointer) = current(&folder)? {
            return Ok(Some((folder, pointer)));
        }
    }
    Ok(None)
}

/// A run that is named itself, whether or not it counts.
fn one_of(date: Folder, run: &str, folder: &Folder) -> Result<Option<(Folder, Pointer)>> {
    let objects = folder.list()?;
    if !objects.iter().any(|object| object.name == FILE) {
        return Ok(None);
    }
    let name = date.url();
    let as_of = name.rsplit('/').next().and_then(as_of).unwrap_or_default();
    let files = objects.into_iter().map(|object| PublishedFile { name: object.name, size: object.size }).collect();
    let pointer = Pointer { schema_version: SCHEMA_VERSION.to_owned(), as_of, run: run.to_owned(), files };
    Ok(Some((date, pointer)))
}

/// A RUN of an object store, brought here: its folder on this machine, and its URL.
///
/// # Errors
/// Absent where the URL names no run; storage where access fails; refused where `current.json` cannot be read.
pub fn brought(url: &Path) -> Result<(PathBuf, PathBuf)> {
    bring(url, &|_| true)
}

/// The same without its evidence, which stays there.
///
/// # Errors
/// Those of [`brought`].
pub fn brought_without_evidence(url: &Path) -> Result<(PathBuf, PathBuf)> {
    bring(url, &|name| !name.starts_with(EVIDENCE))
}

/// Brings the files of a RUN that are wanted.
fn bring(url: &Path, is_wanted: &dyn Fn(&str) -> bool) -> Result<(PathBuf, PathBuf)> {
    let Some((date, pointer)) = found(url)? else {
        return Err(Error::absent("there is no published run in this folder")
            .at(url.display())
            .hint("`partnerscore score` publishes one; name its folder as_of=DATE, or the folder above it"));
    };
    let within = format!("{PREFIX}{}", pointer.run);
    let folder = date.cached_folder(&within)?;
    let objects: Vec<(Object, PathBuf)> = pointer
        .files
        .iter()
        .filter(|file| is_wanted(&file.name))
        .map(|file| {
            let name = format!("{within}/{}", file.name);
            let object = Object { name, size: file.size, etag: None, modified: SystemTime::UNIX_EPOCH };
            (object, folder.join(&file.name))
        })
        .collect();
    let missing = date.missing(objects.iter().map(|(object, place)| (object, place.clone())));
    if !missing.is_empty() {
        let of = missing.len();
        engine::stage(DOWNLOAD, || date.fetch(&missing, &mut |done| engine::announce(DOWNLOAD, done, of)))?;
    }
    Ok((folder, PathBuf::from(date.url_of(&within))))
}

/// Whether a URL names a RUN; not where nobody can tell.
pub fn names_run(url: &Path) -> bool {
    found(url).is_ok_and(|found| found.is_some())
}

/// The newest run below a URL, of `until` at the latest, for which the same partners were asked, with its URL; None where there is none.
pub(super) fn last_run(out: &Path, until: NaiveDate, asked: &Selection) -> Result<Option<(PathBuf, Run)>> {
    for (as_of, _) in dates(out)?.into_iter().filter(|(as_of, _)| *as_of <= until) {
        let found = run_of(out, as_of)?.filter(|(_, run)| run.selection.of_same_partners(asked));
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// What the run that counts of a date says of itself, with its URL; None where there is none.
pub(super) fn run_of(out: &Path, as_of: NaiveDate) -> Result<Option<(PathBuf, Run)>> {
    let folder = opened(&run_folder(out, as_of))?;
    let Some(pointer) = current(&folder)? else { return Ok(None) };
    let within = format!("{PREFIX}{}", pointer.run);
    let name = format!("{within}/{FILE}");
    let Some(json) = folder.read(&name)? else { return Ok(None) };
    let run = Run::parse(&json.bytes, &folder.url_of(&name))?;
    Ok(Some((PathBuf::from(folder.url_of(&within)), run)))
}

/// The dates that have a run that counts, the oldest first, each with its folder's URL.
pub(super) fn run_folders(out: &Path) -> Result<Vec<(NaiveDate, PathBuf)>> {
    let mut runs = Vec::new();
    for (as_of, url) in dates(out)?.into_iter().rev() {
        if current(&opened(&url)?)?.is_some() {
            runs.push((as_of, url));
        }
    }
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointer(run: &str, file: &str) -> Vec<u8> {
        let text = r#"{"schema_version":"1","as_of":"2026-11-20","run":"RUN","files":[{"name":"FILE","size":1}]}"#;
        text.replace("RUN", run).replace("FILE", file).into_bytes()
    }

    #[test]
    fn names_stay_within_the_folder() {
        assert!(parsed(&pointer("0a1b", "evidence/part-00000.parquet")).is_ok());
        for (run, file) in [("..", "a"), ("0a", "../a"), ("0a", "/etc/a"), ("0a", "a//b"), ("0a", "C:a"), ("a/b", "a")]
        {
            assert_eq!(
                parsed(&pointer(run, file)).map_err(|error| error.code).err(),
                Some(Code::Refused),
                "{run} {file}"
            );
        }
    }
}
