//! Folders of runs that nobody asked to publish: gone when nobody has their tables any more, and when the interpreter ends.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use partnerscore::error::{Error, Result};
use pyo3::prelude::*;
use tempfile::TempDir;

/// Those that are there.
static FOLDERS: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A folder that is removed when it is dropped.
pub struct Unseen(TempDir);

impl Unseen {
    /// Makes one, for this user alone.
    pub fn new() -> Result<Unseen> {
        let folder = tempfile::Builder::new().prefix("partnerscore-").tempdir();
        let folder = folder.map_err(|error| Error::storage("make a folder", &std::env::temp_dir(), &error))?;
        folders(|folders| folders.insert(folder.path().to_owned()));
        Ok(Unseen(folder))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        folders(|folders| folders.remove(self.0.path()));
    }
}

fn folders<T>(change: impl FnOnce(&mut BTreeSet<PathBuf>) -> T) -> T {
    change(&mut FOLDERS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Removes those that are there still: objects that live until the interpreter's end may never be dropped.
#[pyfunction]
pub fn remove_unseen() {
    for folder in folders(std::mem::take) {
        // At the end there is nobody to tell; the system clears what is left.
        let _ = std::fs::remove_dir_all(folder);
    }
}
