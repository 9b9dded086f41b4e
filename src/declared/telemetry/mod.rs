//! What monitors and lineage stores hear of a run.

mod openlineage;
mod prometheus;

pub(super) use openlineage::Lineage;

use super::file::Pipeline;
use super::status::PipelineStatus;
use crate::error::Result;
use crate::insight::Published;
use crate::publish;

/// Writes the file for the textfile collector, where one is declared. Where this run has published nothing, it tells of what stands.
pub(super) fn write(pipeline: &Pipeline, status: &PipelineStatus, published: Option<&Published>) -> Result<()> {
    let Some(path) = &pipeline.declared.telemetry.prometheus else { return Ok(()) };
    let standing = published.cloned().or_else(|| Published::open(&pipeline.declared.output).ok());
    let text = prometheus::text(status, standing.as_ref().map(|published| &published.run));
    publish::replace_file(path, text.as_bytes(), pipeline.declared.mode)
}
