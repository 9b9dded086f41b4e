//! The steps of a pipeline, in their order: what each is made of, and what it writes.

use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::file::{Compare, Declared, DeclaredAlerts, DeclaredComparison, DeclaredReport, Pipeline};
use crate::error::{Error, Result};
use crate::insight::Published;
use crate::pipeline;
use crate::publish::{ENGINE_REVISION, Input};
use crate::rulebook::{When, hex};

/// What is done with a run once it is published.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step<'a> {
    Report(usize, &'a DeclaredReport),
    Comparison(usize, &'a DeclaredComparison),
    Alerts(&'a DeclaredAlerts),
}

/// The name of the step that scores.
pub(super) const SCORE: &str = "score";
/// The name of the step that publishes every month of a span.
pub(super) const BACKFILL: &str = "backfill";
/// The name of the step that removes old runs.
pub(super) const RETENTION: &str = "retention";

/// Everything that what a step writes depends on.
#[derive(Serialize)]
struct Basis<'a> {
    /// The program writes the files; the engine revision stands for the tables that it reads.
    version: &'static str,
    engine_revision: u32,
    step: Step<'a>,
    mode: String,
    /// Hashes of `run.json`, of the run and of the one that it is compared with.
    runs: Vec<String>,
    /// Where a comparison scores the earlier date again: the history, the rulebook, and the files that this reads.
    scored_again: Option<(String, Option<&'a str>, Vec<Input>)>,
}

/// The steps that follow a published run.
pub(super) fn after_scoring(declared: &Declared) -> Vec<Step<'_>> {
    let reports = declared.reports.iter().enumerate().map(|(number, report)| Step::Report(number + 1, report));
    let comparisons = declared.comparisons.iter().enumerate();
    let comparisons = comparisons.map(|(number, comparison)| Step::Comparison(number + 1, comparison));
    reports.chain(comparisons).chain(declared.alerts.iter().map(Step::Alerts)).collect()
}

impl Step<'_> {
    pub(super) fn name(self) -> String {
        match self {
            Step::Report(number, _) => format!("report {number}"),
            Step::Comparison(number, _) => format!("comparison {number}"),
            Step::Alerts(_) => "alerts".to_owned(),
        }
    }

    /// The files and folders that it writes.
    pub(super) fn files(&self) -> Vec<&Path> {
        let files: Vec<&PathBuf> = match self {
            Step::Report(_, report) => [&report.html, &report.xlsx, &report.each].into_iter().flatten().collect(),
            Step::Comparison(_, comparison) => vec![&comparison.file],
            Step::Alerts(alerts) => vec![&alerts.file],
        };
        files.into_iter().map(PathBuf::as_path).collect()
    }

    /// The run that it compares with, where it compares and there is one.
    pub(super) fn before(&self, published: &Published) -> Result<Option<Published>> {
        let compare = match self {
            Step::Report(_, report) => report.compare.as_ref(),
            Step::Comparison(_, comparison) => Some(&comparison.compare),
            Step::Alerts(_) => Some(&Compare::LastRun),
        };
        match compare {
            Some(Compare::Run(run)) => Published::open(run).map(Some),
            Some(Compare::LastRun) => published.last(),
            None => Ok(None),
        }
    }

    /// A hash of all that it depends on: the program, what is declared, and the runs and files it reads.
    ///
    /// # Errors
    /// Storage where a run cannot be read; those of opening the history, where a comparison reads it.
    pub(super) fn made_of(
        &self,
        pipeline: &Pipeline,
        published: &Published,
        before: Option<&Published>,
    ) -> Result<String> {
        let runs = [Some(published), before].into_iter().flatten().map(hash_of_run).collect::<Result<_>>()?;
        let basis = Basis {
            version: env!("CARGO_PKG_VERSION"),
            engine_revision: ENGINE_REVISION,
            step: *self,
            mode: format!("{:o}", pipeline.declared.mode.0),
            runs,
            scored_again: self.scored_again(pipeline, published, before)?,
        };
        let json = serde_json::to_vec(&basis).map_err(|error| Error::internal(error.to_string()))?;
        Ok(hex(&Sha256::digest(json)))
    }

    /// Where two runs have other rules, a comparison scores the earlier date again, of files that the later run may not read.
    fn scored_again<'p>(
        &self,
        pipeline: &'p Pipeline,
        published: &Published,
        before: Option<&Published>,
    ) -> Result<Option<ScoredAgain<'p>>> {
        let (Step::Comparison(..), Some(before)) = (self, before) else { return Ok(None) };
        if before.run.rulebook.hash == published.run.rulebook.hash {
            return Ok(None);
        }
        let declared = &pipeline.declared;
        let rules = pipeline.rules(When::Day(published.run.as_of))?;
        let (history, _) = pipeline::open(&declared.history, &rules)?;
        let inputs = pipeline::inputs(&history, &rules, before.run.as_of, before.run.selection.own_findings);
        Ok(Some((declared.history.to_string_lossy().into_owned(), declared.rulebook.as_deref(), inputs)))
    }
}

/// The history that is scored again, by which rulebook, and its files.
type ScoredAgain<'p> = (String, Option<&'p str>, Vec<Input>);

fn hash_of_run(run: &Published) -> Result<String> {
    let path = run.folder.join("run.json");
    let json = std::fs::read(&path).map_err(|error| Error::storage("read the run", &path, &error))?;
    Ok(hex(&Sha256::digest(json)))
}
