//! The steps of a pipeline, in their order: what each is made of, and what it writes.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::file::{Compare, Declared, DeclaredAlerts, DeclaredComparison, DeclaredReport};
use crate::error::{Error, Result};
use crate::insight::Published;
use crate::rulebook::hex;

/// What is done with a run once it is published.
#[derive(Debug, Clone, Copy)]
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

    /// A hash of all that it depends on: this version, what is declared, and the runs it reads.
    pub(super) fn made_of(&self, published: &Published, before: Option<&Published>) -> Result<String> {
        let mut hash = Sha256::new();
        hash.update(env!("CARGO_PKG_VERSION"));
        hash.update(format!("{self:?}"));
        for run in [Some(published), before].into_iter().flatten() {
            let path = run.folder.join("run.json");
            let json = std::fs::read(&path).map_err(|error| Error::storage("read the run", &path, &error))?;
            hash.update(Sha256::digest(json));
        }
        Ok(hex(&hash.finalize()))
    }
}
