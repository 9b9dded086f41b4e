//! One run at a time in an output folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use super::staging::{Mode, create_folder};
use super::{output, store};
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
    /// Takes the lock of an output folder, which is created where it is missing; of a URL, that of where it is staged on this machine.
    ///
    /// # Errors
    /// Locked where another run holds it; usage where it cannot be a folder; storage where it cannot be written; absent where there is no
    /// such container.
    pub fn take(out: &Path, mode: Mode) -> Result<Lock> {
        if storage::is_url(out) {
            return store::lock(out);
        }
        output::require_folder(out, "the output")?;
        create_folder(out, mode)?;
        Lock::hold(&out.join(NAME), mode)?.ok_or_else(|| held("another run is writing to this folder", out))
    }

    /// Takes the lock of a folder that is replaced whole: a file beside it, since the folder itself is another one afterwards.
    ///
    /// # Errors
    /// Locked where another run holds it; storage where it cannot be written.
    pub fn beside(folder: &Path) -> Result<Lock> {
        let path = Lock::path_beside(folder);
        Lock::hold(&path, Mode::default())?.ok_or_else(|| held("another ingest is changing this history", folder))
    }

    /// Takes the same lock for a look that leaves no trace: none where nobody has ever locked the folder.
    ///
    /// # Errors
    /// Locked where another run holds it; storage where it cannot be opened.
    pub fn beside_if_there(folder: &Path) -> Result<Option<Lock>> {
        if Lock::path_beside(folder).exists() { Lock::beside(folder).map(Some) } else { Ok(None) }
    }

    fn path_beside(folder: &Path) -> PathBuf {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        folder.with_file_name(format!(".{name}.lock"))
    }

    /// Locks a file, which is created where it is missing; none where another process holds it.
    fn hold(path: &Path, mode: Mode) -> Result<Option<Lock>> {
        let failed = |error: std::io::Error| Error::storage("lock the folder", path, &error);
        // Opening a FIFO would wait for whoever reads it.
        output::resolved_file(path)?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(failed)?;
        mode.apply_to_file(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

fn held(what: &str, folder: &Path) -> Error {
    Error::new(Code::Locked, what)
        .at(folder.display())
        .hint("wait for it to end; nothing has to be cleaned up if it was killed")
}
