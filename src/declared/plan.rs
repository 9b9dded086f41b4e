//! What a run of a pipeline would do, and why, without doing it.

use std::path::Path;

use polars::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::file::{Dates, Pipeline, Span};
use super::night::why_publish;
use super::retention;
use super::settings::Setting;
use super::status::PipelineStatus;
use super::steps::{self, Step};
use crate::error::Result;
use crate::insight::{Answer, Published, column, frame};
use crate::pipeline;
use crate::publish;
use crate::rulebook::When;
use crate::storage;

/// What a pipeline would do.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RunPlan {
    /// The pipeline file's name without its ending.
    pub pipeline: String,
    pub settings: Vec<Setting>,
    /// In the order of the run.
    pub steps: Vec<PlannedStep>,
}

/// A step of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlannedStep {
    pub step: String,
    /// What it makes, or removes.
    pub target: String,
    /// False where what it would make is there already.
    pub would_run: bool,
    pub why: String,
}

/// Tells what a run would do now. Reads, and writes nothing.
///
/// # Errors
/// Those that the run would end with before anything is scored.
pub fn plan(pipeline: &Pipeline, redo: bool) -> Result<RunPlan> {
    if pipeline.declared.rulebook.as_deref() != Some(crate::rulebook::BY_DATE) {
        pipeline.rules(When::Day(chrono::Utc::now().date_naive()))?;
    }
    pipeline.require_comparisons()?;
    let mut steps = match pipeline.declared.dates()? {
        Dates::One(as_of) => vec![score(pipeline, pipeline.settings_of(as_of)?, redo)?],
        Dates::Months(span) => months(pipeline, span, redo)?,
    };
    let follows = steps.iter().any(|step| step.would_run);
    let published = if follows { None } else { newest(pipeline, &steps) };
    let before = PipelineStatus::read(&pipeline.declared.output, &pipeline.name);
    for step in steps::after_scoring(&pipeline.declared) {
        steps.push(after(pipeline, step, published.as_ref(), before.as_ref(), redo)?);
    }
    steps.extend(retire(pipeline)?);
    Ok(RunPlan { pipeline: pipeline.name.clone(), settings: pipeline.settings(), steps })
}

const REDO: &str = "everything is done again";
const REPEATED: &str = "what is published was made of the same files, by the same rules and engine revision";

fn planned(step: &str, target: &Path, why: Option<String>, otherwise: &str) -> PlannedStep {
    PlannedStep {
        step: step.to_owned(),
        target: storage::redacted(&target.display().to_string()),
        would_run: why.is_some(),
        why: why.unwrap_or_else(|| otherwise.to_owned()),
    }
}

fn score(pipeline: &Pipeline, settings: pipeline::Settings, redo: bool) -> Result<PlannedStep> {
    let why = if redo { Some(REDO.to_owned()) } else { pipeline.why_score(&settings)? };
    let target = publish::run_folder(&pipeline.declared.output, settings.as_of);
    Ok(planned(steps::SCORE, &target, why, REPEATED))
}

fn months(pipeline: &Pipeline, span: Span, redo: bool) -> Result<Vec<PlannedStep>> {
    let (from, to) = pipeline.months(span)?;
    let out = &pipeline.declared.output;
    let mut planned_months = Vec::new();
    for month in from.through(to) {
        let settings = pipeline.settings_for(When::Month(month))?;
        let (history, _) = pipeline::open(&settings.history, &settings.rules)?;
        let why = why_publish(&settings, &history, out, settings.as_of)?;
        let why = if redo { Some(REDO.to_owned()) } else { why };
        let target = publish::run_folder(out, settings.as_of);
        planned_months.push(planned(&format!("{} {month}", steps::BACKFILL), &target, why, REPEATED));
    }
    Ok(planned_months)
}

/// What the steps after scoring would read, where it is there already.
fn newest(pipeline: &Pipeline, steps: &[PlannedStep]) -> Option<Published> {
    let target = steps.last().filter(|_| steps.len() == 1).map(|step| Path::new(&step.target));
    Published::open(target.unwrap_or(&pipeline.declared.output)).ok()
}

fn after(
    pipeline: &Pipeline,
    step: Step,
    published: Option<&Published>,
    before: Option<&PipelineStatus>,
    redo: bool,
) -> Result<PlannedStep> {
    let targets: Vec<String> = step.files().iter().map(|path| path.display().to_string()).collect();
    let why = match (redo, published) {
        (true, _) => Some(REDO.to_owned()),
        (_, None) => Some("it follows what is scored".to_owned()),
        (_, Some(published)) => why_again(pipeline, step, published, before)?,
    };
    let (would_run, otherwise) = (why.is_some(), "it was done, and what it wrote is as it was left");
    let why = why.unwrap_or_else(|| otherwise.to_owned());
    Ok(PlannedStep { step: step.name(), target: targets.join(", "), would_run, why })
}

fn why_again(
    pipeline: &Pipeline,
    step: Step,
    published: &Published,
    before: Option<&PipelineStatus>,
) -> Result<Option<String>> {
    let made_of = step.made_of(pipeline, published, step.before(published)?.as_ref())?;
    let done = before.is_some_and(|status| status.done_before(&step.name(), &made_of).is_some());
    let why = "no record tells that it was done with these runs and settings, or what it wrote has changed";
    Ok((!done).then(|| why.to_owned()))
}

fn retire(pipeline: &Pipeline) -> Result<Option<PlannedStep>> {
    let declared = &pipeline.declared;
    let Some(kept) = declared.retention else { return Ok(None) };
    let expired = retention::expired(&declared.output, kept)?;
    let why = (!expired.is_empty())
        .then(|| format!("{} more than the {} that are kept, as the folder stands now", expired.len(), kept.runs));
    Ok(Some(planned(steps::RETENTION, &declared.output, why, "there are no more runs than are kept")))
}

impl Answer for RunPlan {
    /// One row for each step.
    fn rows(&self) -> Result<DataFrame> {
        let text = |name: &str, value: &dyn Fn(&PlannedStep) -> String| {
            column(name, self.steps.iter().map(value).collect::<Vec<_>>())
        };
        frame(vec![
            text("step", &|step| step.step.clone()),
            column("would_run", self.steps.iter().map(|step| step.would_run).collect::<Vec<_>>()),
            text("target", &|step| step.target.clone()),
            text("why", &|step| step.why.clone()),
        ])
    }
}
