//! What monitors and lineage stores hear of a run.

mod openlineage;
mod prometheus;

pub(super) use openlineage::Lineage;

use std::path::Path;

use super::file::Pipeline;
use super::status::PipelineStatus;
use crate::error::Result;
use crate::insight::Published;
use crate::publish::{self, Mode};

/// Writes the file for the textfile collector, where one is declared. Where this run has published nothing, it tells of what stands.
pub(super) fn write(pipeline: &Pipeline, status: &PipelineStatus, published: Option<&Published>) -> Result<()> {
    let Some(path) = &pipeline.declared.telemetry.prometheus else { return Ok(()) };
    let standing = published.cloned().or_else(|| Published::open(&pipeline.declared.output).ok());
    let text = prometheus::text(status, standing.as_ref().map(|published| &published.run));
    make_room(path, pipeline.declared.mode)?;
    publish::replace_file(path, text.as_bytes(), pipeline.declared.mode)
}

/// Creates the folder of a file: who listens must not have to wait for the first run that publishes.
fn make_room(path: &Path, mode: Mode) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.map_or(Ok(()), |folder| publish::create_folder(folder, mode))
}
