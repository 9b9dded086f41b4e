//! Putting a finished folder in the place of an older one.
//!
//! On Linux the two are exchanged by one rename, so that one or the other is there at any moment. Elsewhere the old folder steps
//! aside under a hidden name first; should a run be killed between the two renames, the next one finds it and puts it back.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// What a replaced folder is called while it is being replaced, where folders cannot be exchanged.
const ASIDE: &str = ".replaced-";

/// Moves `staged` to `target`; what was there before is gone afterwards.
pub(super) fn exchange(staged: &Path, target: &Path) -> Result<()> {
    let failed = |error: std::io::Error| Error::storage("put the new folder in its place", target, &error);
    if !target.exists() {
        return fs::rename(staged, target).map_err(failed);
    }
    replace(staged, target).map_err(failed)
}

#[cfg(target_os = "linux")]
fn replace(staged: &Path, target: &Path) -> std::io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, staged, CWD, target, RenameFlags::EXCHANGE) {
        Ok(()) => fs::remove_dir_all(staged),
        // Some file systems of Linux cannot exchange.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => step_aside(staged, target),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn replace(staged: &Path, target: &Path) -> std::io::Result<()> {
    step_aside(staged, target)
}

fn step_aside(staged: &Path, target: &Path) -> std::io::Result<()> {
    let aside = aside(target);
    fs::rename(target, &aside)?;
    fs::rename(staged, target)?;
    fs::remove_dir_all(aside)
}

fn aside(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!("{ASIDE}{name}"))
}

/// Puts back a folder that stepped aside for one that never came, or removes one whose successor did.
pub(super) fn recover(out: &Path, name: &str) -> Result<()> {
    let target = out.join(name);
    let aside = aside(&target);
    let failed = |error: std::io::Error| Error::storage("recover the folder before", &aside, &error);
    match (aside.exists(), target.exists()) {
        (true, false) => fs::rename(&aside, &target).map_err(failed),
        (true, true) => fs::remove_dir_all(&aside).map_err(failed),
        (false, _) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a kill between the two renames of `step_aside` leaves.
    #[test]
    fn a_folder_that_stepped_aside_comes_back() -> std::io::Result<()> {
        let out = tempfile::tempdir()?;
        let target = out.path().join("as_of=2026-11-23");
        fs::create_dir(aside(&target))?;
        fs::write(aside(&target).join("scores.parquet"), "old")?;
        recover(out.path(), "as_of=2026-11-23").map_err(std::io::Error::other)?;
        assert_eq!(fs::read_to_string(target.join("scores.parquet"))?, "old");
        Ok(())
    }

    #[test]
    fn stepping_aside_replaces() -> std::io::Result<()> {
        let out = tempfile::tempdir()?;
        let (staged, target) = (out.path().join(".staging"), out.path().join("as_of=2026-11-23"));
        for (folder, content) in [(&staged, "new"), (&target, "old")] {
            fs::create_dir(folder)?;
            fs::write(folder.join("scores.parquet"), content)?;
        }
        step_aside(&staged, &target)?;
        assert_eq!(fs::read_to_string(target.join("scores.parquet"))?, "new");
        assert_eq!(fs::read_dir(out.path())?.count(), 1);
        Ok(())
    }
}
