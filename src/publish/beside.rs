//! Small files beside the runs of an output folder, on this machine or on an object store: read, and changed in one step.

use std::path::{Path, PathBuf};

use super::store::opened;
use super::{Mode, staging};
use crate::error::{Code, Error, Result};
use crate::storage::{self, Folder, Replaced};

/// How often a change is made anew because somebody else was quicker.
const TRIES: usize = 10;

/// What becomes of such a file: its bytes, or None where it is to stay as it is.
pub type Change<'a> = dyn FnMut(Option<&[u8]>) -> Result<Option<Vec<u8>>> + 'a;

/// The folder of this machine where what is published in an output folder is staged: itself, or one of the cache for a URL.
///
/// # Errors
/// Usage where a URL is wrong; storage where the cache cannot be written.
pub fn workspace(out: &Path) -> Result<PathBuf> {
    if storage::is_url(out) { opened(out)?.workspace() } else { Ok(out.to_owned()) }
}

/// The bytes of a file; None where it is not there.
///
/// # Errors
/// Storage where it cannot be read.
pub fn read_beside(out: &Path, name: &str) -> Result<Option<Vec<u8>>> {
    if storage::is_url(out) {
        return Ok(opened(out)?.read(name)?.map(|content| content.bytes));
    }
    let path = out.join(name);
    match std::fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::storage("read the file", &path, &error)),
    }
}

/// Changes a file in one step; `change` is told what it holds. On an object store it is told again where somebody else has written it in the
/// meantime, so that nothing of theirs is lost.
///
/// # Errors
/// Those of `change`; storage where it cannot be written; locked where others write it again and again.
pub fn change_beside(out: &Path, name: &str, mode: Mode, change: &mut Change) -> Result<()> {
    if storage::is_url(out) {
        return change_stored(&opened(out)?, name, change);
    }
    match change(read_beside(out, name)?.as_deref())? {
        Some(bytes) => staging::replace_file(&out.join(name), &bytes, mode),
        None => Ok(()),
    }
}

fn change_stored(folder: &Folder, name: &str, change: &mut Change) -> Result<()> {
    for _ in 0..TRIES {
        let before = folder.read(name)?;
        let Some(bytes) = change(before.as_ref().map(|before| before.bytes.as_slice()))? else { return Ok(()) };
        if folder.replace(name, bytes, before.as_ref().map(|before| &before.version))? == Replaced::Done {
            return Ok(());
        }
    }
    Err(Error::new(Code::Locked, "others write this file again and again")
        .at(folder.url_of(name))
        .hint("run it again once they have ended"))
}
