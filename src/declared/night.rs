//! A pipeline's run from beginning to end: what is there already is not done again, and whoever asks can see how it stands.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{NaiveDate, Utc};

use super::file::{AsOf, Compare, Dates, LastMonth, Pipeline, Span};
use super::status::{PipelineStatus, StepState, StepStatus, digest};
use super::steps::{self, Step};
use super::telemetry::Lineage;
use super::{retention, telemetry};
use crate::error::{Error, Result};
use crate::insight::diff::{Comparison, ROWS, diff};
use crate::insight::{self, Alerts, Answer, Backfill, MonthResult, Published};
use crate::month::Month;
use crate::pipeline::{self, Outcome, Settings};
use crate::publish::{self, Encoding, Lock, Mode};
use crate::report::{self, Asked, Written};
use crate::rulebook::{self, Rulebook, When};

/// What is told while a pipeline runs.
#[derive(Debug)]
pub enum Told<'a> {
    /// A date was scored and published, in so much time.
    Scored(&'a Settings, &'a Outcome, Duration),
    /// A month of a backfill ended.
    Month(Month, &'a MonthResult, Option<&'a Outcome>),
    /// A backfill ended, in this folder.
    Backfilled(&'a Backfill, &'a Path),
    /// A report was written.
    Report(&'a Written),
    /// A comparison was written.
    Compared(&'a Path),
    /// Alerts were written.
    Alerts(&'a Alerts, &'a Path),
    /// What a step would make is there already.
    UpToDate(&'a str),
    /// An old run was removed.
    Removed(&'a Path),
}

/// Runs a pipeline. With `redo`, everything is done again whether or not it is there.
///
/// # Errors
/// Those of a score, a backfill and the reports; strict, once everything is written, where the pipeline wants no findings.
pub fn run(pipeline: &Pipeline, redo: bool, told: &mut dyn FnMut(Told)) -> Result<()> {
    let before = PipelineStatus::read(&pipeline.declared.output, &pipeline.name);
    let status = PipelineStatus::begin(&pipeline.name, before.as_ref());
    let mut night = Night { pipeline, redo, before, status, published: None, locked: false, told };
    let lineage = Lineage::begin(pipeline, night.status.started_at)?;
    let result = night.whole();
    night.status.end(&result);
    let recorded = night.record();
    let told = telemetry::write(pipeline, &night.status, night.published.as_ref());
    let ended = lineage.end(pipeline, &night.status, night.published.as_ref());
    // What went wrong first is what a person wants to read.
    result.and(recorded).and(told).and(ended)
}

/// A run under way.
struct Night<'a> {
    pipeline: &'a Pipeline,
    redo: bool,
    /// How the run before stood.
    before: Option<PipelineStatus>,
    status: PipelineStatus,
    /// What reports are written of.
    published: Option<Published>,
    /// Whether the output folder is this run's to write to.
    locked: bool,
    told: &'a mut dyn FnMut(Told),
}

impl Night<'_> {
    fn whole(&mut self) -> Result<()> {
        let declared = &self.pipeline.declared;
        if declared.rulebook.as_deref() != Some(rulebook::BY_DATE) {
            // A wrong name is told of before a history that is not there yet: no retry helps it.
            self.pipeline.rules(When::Day(Utc::now().date_naive()))?;
        }
        self.pipeline.require_comparisons()?;
        let lock = Lock::take(&declared.output, declared.mode)?;
        self.locked = true;
        self.record()?;
        let published = match declared.dates()? {
            Dates::One(as_of) => self.score(&lock, as_of)?,
            Dates::Months(span) => self.backfill(&lock, span)?,
        };
        self.status.as_of = Some(published.run.as_of);
        self.published = Some(published.clone());
        for step in steps::after_scoring(declared) {
            self.step(step, &published)?;
        }
        self.retire(&lock)?;
        if declared.strict { pipeline::refuse_findings(&published.run, &published.place) } else { Ok(()) }
    }

    /// Scores one date, unless what is published would be repeated.
    fn score(&mut self, lock: &Lock, as_of: AsOf) -> Result<Published> {
        let (start, out) = (Instant::now(), &self.pipeline.declared.output);
        let settings = self.pipeline.settings_of(as_of)?;
        if !self.redo && self.pipeline.why_score(&settings)?.is_none() {
            (self.told)(Told::UpToDate(steps::SCORE));
            self.add(steps::SCORE, StepState::UpToDate, start)?;
            return Published::open(&publish::run_folder(out, settings.as_of));
        }
        let outcome = pipeline::run_locked(&settings, lock, out);
        let state = if outcome.is_ok() { StepState::Done } else { StepState::Failed };
        self.add(steps::SCORE, state, start)?;
        let outcome = outcome?;
        (self.told)(Told::Scored(&settings, &outcome, start.elapsed()));
        Published::open(&outcome.folder)
    }

    /// Publishes every month of a span that is not up to date.
    fn backfill(&mut self, lock: &Lock, span: Span) -> Result<Published> {
        let (start, pipeline) = (Instant::now(), self.pipeline);
        let out = &pipeline.declared.output;
        let months = pipeline.months(span)?;
        let settings = pipeline.settings_for(When::Month(months.1))?;
        let told = &mut self.told;
        let mut ended = |month: Month, result: &MonthResult, outcome: Option<&Outcome>| {
            told(Told::Month(month, result, outcome));
        };
        let rules_of = |month: Month| pipeline.rules(When::Month(month));
        let done = insight::backfill_locked(&settings, months, lock, out, false, &rules_of, &mut ended);
        let result = done.and_then(|done| {
            told(Told::Backfilled(&done, out));
            done.failure().map_or(Ok(()), |error| Err(error.at(out.display())))
        });
        self.add(steps::BACKFILL, if result.is_ok() { StepState::Done } else { StepState::Failed }, start)?;
        result?;
        Published::open(out)
    }

    /// Does what follows a published run, unless it was done and is as it was left.
    fn step(&mut self, step: Step, published: &Published) -> Result<()> {
        let (start, name) = (Instant::now(), step.name());
        let before = step.before(published)?;
        let made_of = step.made_of(self.pipeline, published, before.as_ref())?;
        let done = self.before.as_ref().and_then(|status| status.done_before(&name, &made_of)).cloned();
        if let Some(done) = done.filter(|_| !self.redo) {
            (self.told)(Told::UpToDate(&name));
            self.status.steps.push(StepStatus { state: StepState::UpToDate, milliseconds: 0, ..done });
            return self.record();
        }
        let result = self.perform(step, published, before.as_ref());
        self.add(&name, if result.is_ok() { StepState::Done } else { StepState::Failed }, start)?;
        result?;
        let mut files = BTreeMap::new();
        for path in step.files().into_iter().filter(|path| path.exists()) {
            let hash = digest(path).map_err(|error| Error::storage("read what was written", path, &error))?;
            files.insert(path.to_owned(), hash);
        }
        if let Some(last) = self.status.steps.last_mut() {
            (last.made_of, last.files) = (Some(made_of), files);
        }
        self.record()
    }

    fn perform(&mut self, step: Step, published: &Published, before: Option<&Published>) -> Result<()> {
        match step {
            Step::Report(_, declared) => {
                let [html, xlsx, each] = [&declared.html, &declared.xlsx, &declared.each].map(Option::as_deref);
                let asked = Asked { distributor: declared.distributor.clone(), partner: None };
                let files = report::Files { html, xlsx, each, mode: self.mode() };
                let written = report::write(published, before, asked, &files)?;
                written.iter().for_each(|written| (self.told)(Told::Report(written)));
            }
            Step::Comparison(_, declared) => {
                let Some(before) = before else { return remove_older(&declared.file) };
                let pipeline = &self.pipeline.declared;
                let asked = Comparison {
                    before: before.place.clone(),
                    after: published.place.clone(),
                    rows: Some(ROWS),
                    history: Some(pipeline.history.clone()),
                    rulebook: pipeline.rulebook.clone().filter(|name| name != rulebook::BY_DATE),
                    ..Comparison::default()
                };
                write(&diff(&asked)?, &declared.file, declared.csv_safe, self.mode())?;
                (self.told)(Told::Compared(&declared.file));
            }
            Step::Alerts(declared) => {
                let rules = self.pipeline.rules(When::Day(published.run.as_of))?;
                let alerts = insight::alerts(before, published, &rules)?;
                write(&alerts, &declared.file, declared.csv_safe, self.mode())?;
                (self.told)(Told::Alerts(&alerts, &declared.file));
            }
        }
        Ok(())
    }

    /// Removes runs that are older than what is kept.
    fn retire(&mut self, lock: &Lock) -> Result<()> {
        let declared = &self.pipeline.declared;
        let Some(retention) = declared.retention else { return Ok(()) };
        let start = Instant::now();
        let expired = retention::expired(&declared.output, retention)?;
        for folder in &expired {
            publish::remove_run(lock, folder)?;
            (self.told)(Told::Removed(folder));
        }
        let state = if expired.is_empty() { StepState::UpToDate } else { StepState::Done };
        self.add(steps::RETENTION, state, start)
    }

    fn mode(&self) -> Mode {
        self.pipeline.declared.mode
    }

    /// Adds a step that every run decides anew.
    fn add(&mut self, step: &str, state: StepState, start: Instant) -> Result<()> {
        let milliseconds = start.elapsed().as_millis() as u64;
        let (step, files) = (step.to_owned(), BTreeMap::new());
        self.status.steps.push(StepStatus { step, state, milliseconds, made_of: None, files });
        self.record()
    }

    fn record(&self) -> Result<()> {
        if self.locked { self.status.write(&self.pipeline.declared.output, self.mode()) } else { Ok(()) }
    }
}

/// Writes an answer in one step, in the format that the file's ending names.
fn write(answer: &impl Answer, file: &Path, csv_safe: bool, mode: Mode) -> Result<()> {
    let encoding = Encoding::of(file).ok_or_else(|| Error::internal("a file without a format was not refused"))?;
    let encoding = if csv_safe && encoding == Encoding::Csv { Encoding::SafeCsv } else { encoding };
    publish::replace_file(file, &answer.encoded(encoding)?, mode)
}

/// The first run has none before it: what an older one compared is not true of it, and is removed.
fn remove_older(file: &Path) -> Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::storage("remove an older comparison", file, &error))
        }
        _ => Ok(()),
    }
}

impl Pipeline {
    /// The rulebook of a date.
    pub(super) fn rules(&self, when: When) -> Result<Rulebook> {
        let in_file = |error: Error| if error.place.is_none() { error.at(self.path.display()) } else { error };
        rulebook::choose_as_of(self.declared.rulebook.as_deref(), when).map_err(in_file)
    }

    /// Runs that steps name have to be there before anything is scored.
    pub(super) fn require_comparisons(&self) -> Result<()> {
        let reports = self.declared.reports.iter().filter_map(|report| report.compare.as_ref());
        for compare in reports.chain(self.declared.comparisons.iter().map(|comparison| &comparison.compare)) {
            if let Compare::Run(run) = compare {
                Published::open(run)?;
            }
        }
        Ok(())
    }

    /// What a score of the declared date is asked for.
    pub(super) fn settings_of(&self, as_of: AsOf) -> Result<Settings> {
        self.settings_for(match as_of {
            AsOf::Day(day) => When::Day(day),
            AsOf::Today => When::Day(Utc::now().date_naive()),
            AsOf::NewestMonth => When::Month(self.newest_month()?),
        })
    }

    pub(super) fn settings_for(&self, when: When) -> Result<Settings> {
        let (declared, rules) = (&self.declared, self.rules(when)?);
        Ok(Settings {
            evidence: declared.evidence,
            shards: declared.shards.into(),
            max_reject_ratio: declared.max_reject_ratio,
            min_coverage: declared.min_coverage,
            max_unknown_ratio: declared.max_unknown_ratio,
            max_fall_in_partners: declared.max_fall_in_partners,
            max_fall_in_mean_points: declared.max_fall_in_mean_points,
            mode: declared.mode,
            ..Settings::new(&declared.history, rules.as_of(when), rules)
        })
    }

    /// The months of a span.
    pub(super) fn months(&self, span: Span) -> Result<(Month, Month)> {
        Ok(match span.to {
            LastMonth::Month(month) => (span.from, month),
            LastMonth::Newest => (span.from, self.newest_month()?),
        })
    }

    fn newest_month(&self) -> Result<Month> {
        pipeline::newest_month(&self.declared.history)?.ok_or_else(|| {
            Error::absent("workload_usage holds no month to score")
                .at(self.declared.history.display())
                .hint("add a month of usage, or name a date or a month in the pipeline file")
        })
    }

    /// Why a date has to be scored, in words; None where what is published would be repeated.
    pub(super) fn why_score(&self, settings: &Settings) -> Result<Option<String>> {
        let (history, _) = pipeline::open(&settings.history, &settings.rules)?;
        why_publish(settings, &history, &self.declared.output, settings.as_of)
    }
}

/// Why a date has to be published, in words; None where what is published would be repeated.
pub(super) fn why_publish(
    settings: &Settings,
    history: &crate::history::History,
    out: &Path,
    as_of: NaiveDate,
) -> Result<Option<String>> {
    let settings = Settings { as_of, ..settings.clone() };
    match publish::run_of(out, as_of) {
        Ok(Some(run)) => Ok(pipeline::what_changed(&settings, history, &run)),
        Ok(None) => Ok(Some(format!("{} holds no run yet", publish::run_folder(out, as_of).display()))),
        Err(error) => Ok(Some(error.what)),
    }
}
