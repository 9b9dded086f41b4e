//! Folders of runs that nobody asked to publish: gone when nobody has their tables any more, and when the interpreter ends. What a
//! killed interpreter leaves, the next one removes.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};

use partnerscore::error::{Error, Result};
use pyo3::prelude::*;
use tempfile::TempDir;

/// How their names begin.
const PREFIX: &str = "partnerscore-";
/// A file within that is locked for as long as its maker lives.
const HELD: &str = ".held";

/// Those that are there, and the process that made each: one that was forked off has no right to them.
static FOLDERS: Mutex<BTreeSet<(u32, PathBuf)>> = Mutex::new(BTreeSet::new());
static SWEPT: Once = Once::new();

/// A folder that is removed when it is dropped.
pub struct Unseen {
    folder: TempDir,
    maker: u32,
    _held: File,
}

impl Unseen {
    /// Makes one.
    pub fn new() -> Result<Unseen> {
        SWEPT.call_once(|| sweep(&std::env::temp_dir()));
        let failed = |error: std::io::Error| Error::storage("make a folder", &std::env::temp_dir(), &error);
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir().map_err(failed)?;
        let held = hold(folder.path()).map_err(failed)?;
        let maker = std::process::id();
        folders(|folders| folders.insert((maker, folder.path().to_owned())));
        Ok(Unseen { folder, maker, _held: held })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        self.folder.disable_cleanup(self.maker != std::process::id());
        folders(|folders| folders.remove(&(self.maker, self.folder.path().to_owned())));
    }
}

/// Locks the file within a folder; nobody sees it before it is locked.
fn hold(folder: &Path) -> std::io::Result<File> {
    let beside = folder.join(format!("{HELD}-new"));
    let held = File::create(&beside)?;
    held.lock()?;
    std::fs::rename(beside, folder.join(HELD))?;
    Ok(held)
}

/// Removes the folders whose makers are gone. What is somebody else's, or in use, stays.
fn sweep(above: &Path) {
    for entry in std::fs::read_dir(above).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let held = File::options().write(true).open(entry.path().join(HELD));
        if held.is_ok_and(|held| held.try_lock().is_ok()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn folders<T>(change: impl FnOnce(&mut BTreeSet<(u32, PathBuf)>) -> T) -> T {
    change(&mut FOLDERS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Removes those that are there still: objects that live until the interpreter's end may never be dropped.
#[pyfunction]
pub fn remove_unseen() {
    for (_, folder) in folders(std::mem::take).into_iter().filter(|(maker, _)| *maker == std::process::id()) {
        // At the end there is nobody to tell; the next interpreter sweeps what is left.
        let _ = std::fs::remove_dir_all(folder);
    }
}
