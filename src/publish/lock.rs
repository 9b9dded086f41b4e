//! One run at a time in an output folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::staging::{Mode, create_folder};
use crate::error::{Code, Error, Result};
use crate::storage;

/// The file that is locked; it stays, its lock ends with the process.
const NAME: &str = ".partnerscore.lock";

/// Holds an output folder until dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of an output folder, which is created where it is missing.
    ///
    /// # Errors
    /// Locked where another run holds it; usage where it cannot be a folder; storage where it cannot be written.
    pub fn take(out: &Path, mode: Mode) -> Result<Lock> {
        if storage::is_url(out) {
            return Err(Error::usage("backfills and pipelines publish in local folders only")
                .at(out.display())
                .hint("`partnerscore score --out URL` publishes on an object store, one date at a time"));
        }
        if out.is_file() {
            return Err(Error::usage("the output is a folder, and this is a file")
                .at(out.display())
                .hint("name a folder"));
        }
        create_folder(out, mode)?;
        let path = out.join(NAME);
        let failed = |error: std::io::Error| Error::storage("lock the output folder", &path, &error);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        mode.apply_to_file(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::new(Code::Locked, "another run is writing to this folder")
                .at(out.display())
                .hint("wait for it to end; nothing has to be cleaned up if it was killed")),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}
