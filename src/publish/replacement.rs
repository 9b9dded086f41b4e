//! A folder that is replaced whole: the new one is made beside it, of new files and of links to those that stay.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::output;
use super::staging::{self, Mode, create_folder, sync_folder};
use super::{Lock, exchange};
use crate::error::{Error, Result};

/// Where the new folder is made, within the folder for work.
const NEW: &str = "new";

/// A new folder in the making, and who else may not touch the old one meanwhile.
///
/// What is made is removed when dropped, unless it was published. What a killed process left is removed by the next.
#[derive(Debug)]
pub struct Replacement {
    target: PathBuf,
    work: PathBuf,
    mode: Mode,
    /// Files and folders of the old folder that do not stay, relative to it.
    removed: BTreeSet<PathBuf>,
    written: Vec<PathBuf>,
    /// Where nothing is to be published: work is done elsewhere.
    rehearsal: Option<TempDir>,
    _lock: Option<Lock>,
}

impl Replacement {
    /// Begins the successor of a folder, or a first one, and takes the lock beside it. Files get the permissions of `like`, a file of the
    /// old folder, where that is there.
    ///
    /// # Errors
    /// Usage where the place cannot be a folder; locked where another process replaces it; storage where that is not possible.
    pub fn begin(folder: &Path, like: &str) -> Result<Replacement> {
        let target = place(folder, true)?;
        let lock = Lock::beside(&target)?;
        let name = name_of(&target)?;
        exchange::recover(target.parent().unwrap_or(Path::new(".")), &name)?;
        let work = target.with_file_name(format!(".{name}.ingest"));
        if work.exists() {
            let failed = |error: std::io::Error| Error::storage("clean up after a run that was killed", &work, &error);
            fs::remove_dir_all(&work).map_err(failed)?;
        }
        staging::enter(&work, Mode::default())?;
        Ok(Replacement::of(target, work, like, None, Some(lock)))
    }

    /// The same, never to be published: nothing is written beside the folder.
    ///
    /// # Errors
    /// As [`Replacement::begin`].
    pub fn rehearse(folder: &Path, like: &str) -> Result<Replacement> {
        let target = place(folder, false)?;
        let lock = Lock::beside_if_there(&target)?;
        let failed =
            |error: std::io::Error| Error::storage("make a folder for the rehearsal", &std::env::temp_dir(), &error);
        let rehearsal = tempfile::Builder::new().prefix(".partnerscore-").tempdir().map_err(failed)?;
        let work = rehearsal.path().join("work");
        staging::enter(&work, Mode::default())?;
        Ok(Replacement::of(target, work, like, Some(rehearsal), lock))
    }

    fn of(target: PathBuf, work: PathBuf, like: &str, rehearsal: Option<TempDir>, lock: Option<Lock>) -> Replacement {
        let mode = Mode::of_file(&target.join(like));
        Replacement { target, work, mode, removed: BTreeSet::new(), written: Vec::new(), rehearsal, _lock: lock }
    }

    /// The folder that is replaced; it need not be there.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// A folder for what is only needed meanwhile, created.
    ///
    /// # Errors
    /// Storage where it cannot be.
    pub fn scratch(&self) -> Result<PathBuf> {
        self.create_within(Path::new("scratch"), Mode::default())?;
        Ok(self.work.join("scratch"))
    }

    /// Where to write a file of the new folder, by its relative name; the folders above it are created.
    ///
    /// # Errors
    /// Storage where they cannot be.
    pub fn file(&mut self, name: &str) -> Result<PathBuf> {
        let path = self.new_folder().join(name);
        let within = Path::new(NEW).join(name);
        self.create_within(within.parent().unwrap_or(Path::new(NEW)), self.mode)?;
        self.written.push(path.clone());
        Ok(path)
    }

    /// Where a file of the new folder is read from, by its relative name: the written one, or else the old one.
    pub fn current(&self, name: &str) -> PathBuf {
        let new = self.new_folder().join(name);
        if new.exists() { new } else { self.target.join(name) }
    }

    /// Takes a file back that was written but is not wanted: the old one stays, if there is one.
    ///
    /// # Errors
    /// Storage where it cannot be removed.
    pub fn take_back(&mut self, name: &str) -> Result<()> {
        let path = self.new_folder().join(name);
        self.written.retain(|written| *written != path);
        fs::remove_file(&path).map_err(|error| Error::storage("remove the file", &path, &error))
    }

    /// Leaves a file of the old folder out of the new one.
    pub fn remove(&mut self, name: &str) {
        self.removed.insert(PathBuf::from(name));
    }

    /// Whether the new folder differs from the old one.
    pub fn changes(&self) -> bool {
        !self.written.is_empty() || self.removed.iter().any(|name| self.target.join(name).exists())
    }

    /// Creates folders within the one for work, but never that one: an interrupt may have removed it, and it must not come back.
    fn create_within(&self, folder: &Path, mode: Mode) -> Result<()> {
        let mut path = self.work.clone();
        for name in folder {
            path.push(name);
            match fs::create_dir(&path) {
                Ok(()) => staging::set_permissions(&path, mode.folder())?,
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::storage("create the folder", &path, &error)),
            }
        }
        Ok(())
    }

    fn new_folder(&self) -> PathBuf {
        self.work.join(NEW)
    }

    /// Puts the new folder in the place of the old one, in one step: one or the other is there at any moment.
    ///
    /// # Errors
    /// Storage where that is not possible; internal for a rehearsal.
    pub fn publish(mut self) -> Result<()> {
        if self.rehearsal.is_some() {
            return Err(Error::internal("a rehearsal is not published"));
        }
        let new = self.new_folder();
        self.create_within(Path::new(NEW), self.mode)?;
        for path in std::mem::take(&mut self.written) {
            self.mode.apply_to_file(&path)?;
            let synced = fs::File::open(&path).and_then(|file| file.sync_all());
            synced.map_err(|error| Error::storage("finish the file", &path, &error))?;
        }
        if self.target.exists() {
            self.link_the_rest(Path::new(""))?;
        }
        sync_folders(&new)?;
        staging::publish_from(&self.work, || exchange::exchange(&new, &self.target))?;
        sync_folder(self.target.parent().unwrap_or(Path::new(".")))?;
        staging::remove(&self.work);
        Ok(())
    }

    /// Links what stays of a folder into the new one: the same files, not copies.
    fn link_the_rest(&self, within: &Path) -> Result<()> {
        let folder = self.target.join(within);
        let failed = |error: std::io::Error| Error::storage("link what stays of the folder", &folder, &error);
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = within.join(entry.file_name());
            let (old, new) = (self.target.join(&name), self.new_folder().join(&name));
            if self.removed.contains(&name) {
                continue;
            }
            if entry.file_type().map_err(failed)?.is_dir() {
                if !new.exists() {
                    fs::create_dir(&new).map_err(failed)?;
                }
                fs::set_permissions(&new, fs::metadata(&old).map_err(failed)?.permissions()).map_err(failed)?;
                self.link_the_rest(&name)?;
            } else if !new.exists() && fs::hard_link(&old, &new).is_err() {
                // Some file systems have no links.
                fs::copy(&old, &new).map_err(failed)?;
            }
        }
        let (old, new) = (&folder, self.new_folder().join(within));
        fs::set_permissions(&new, fs::metadata(old).map_err(failed)?.permissions()).map_err(failed)
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        staging::leave(&self.work);
        // An exchange that failed has left it.
        if self.work.exists() {
            staging::remove(&self.work);
        }
    }
}

/// Where a folder really is, through links: the exchange must replace the folder and not a link to it.
fn place(folder: &Path, create_above: bool) -> Result<PathBuf> {
    if folder.to_string_lossy().contains("://") {
        return Err(Error::usage("this version writes histories in local folders only")
            .at(folder.display())
            .hint("ingest into a local folder and copy it, or mount the container"));
    }
    output::require_folder(folder, "a history")?;
    let failed = |error: std::io::Error| Error::storage("find the folder", folder, &error);
    if folder.exists() {
        return fs::canonicalize(folder).map_err(failed);
    }
    name_of(folder)?;
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if create_above {
        create_folder(above, Mode::default())?;
    }
    if !above.exists() {
        return Ok(folder.to_owned());
    }
    Ok(fs::canonicalize(above).map_err(failed)?.join(folder.file_name().unwrap_or_default()))
}

fn name_of(folder: &Path) -> Result<String> {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    name.ok_or_else(|| Error::usage("the history has no name of its own").at(folder.display()).hint("name a folder"))
}

/// Waits until the entries of a folder and of those within are on disk.
fn sync_folders(folder: &Path) -> Result<()> {
    let failed = |error: std::io::Error| Error::storage("finish the folder", folder, &error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_type().map_err(failed)?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    sync_folder(folder)
}
