//! Which runs are older than what is kept.

use std::path::{Path, PathBuf};

use super::file::Retention;
use crate::error::Result;
use crate::publish;

/// The runs of an output folder beyond the newest that are kept, the oldest first.
pub(super) fn expired(output: &Path, retention: Retention) -> Result<Vec<PathBuf>> {
    if !output.is_dir() {
        return Ok(Vec::new());
    }
    let mut runs: Vec<PathBuf> = publish::run_folders(output)?.into_iter().map(|(_, folder)| folder).collect();
    runs.truncate(runs.len().saturating_sub(retention.runs as usize));
    Ok(runs)
}
