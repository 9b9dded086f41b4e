//! Backfill: every month of a span published, reading shared between months, one bad month stopping no other.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;
use polars::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::{Answer, column, frame};
use super::trend;
use crate::error::{Code, Error, Result};
use crate::history::History;
use crate::month::Month;
use crate::pipeline::{self, Outcome, Settings};
use crate::publish::{self, Lock, Mode, Staging};
use crate::rulebook::Rulebook;
use crate::words::part_of;

/// The file of an output folder that tells how each month of its backfills ended.
pub const RECORD: &str = "backfill.json";

/// Months of one backfill at most: a span of centuries is a mistyped year.
const MOST_MONTHS: usize = 1200;

/// How each month ended, by month.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Backfill {
    pub months: BTreeMap<String, MonthResult>,
}

/// How one month ended.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct MonthResult {
    pub as_of: NaiveDate,
    pub status: Status,
    /// Why it failed: the exit code that a score of the month ends with, what is wrong, where, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// What became of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Published,
    /// What is published was made of the same files, by the same rules.
    UpToDate,
    Failed,
}

/// An error, as it is recorded.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    pub code: u8,
    pub what: String,
    pub place: Option<String>,
    pub hint: Option<String>,
}

/// Publishes every month from `from` to `to` in `out`, each with the rules that `rules_of` gives for its as-of date, and then the trend.
///
/// Months that are up to date are left alone. With `only_failed`, only months that the record tells to have failed are tried. `told` hears
/// of each month as it ends.
///
/// # Errors
/// Usage where the span is empty; locked where another run holds `out`; those that concern every month. A month's own error is its result.
pub fn backfill(
    settings: &Settings,
    span: (Month, Month),
    out: &Path,
    only_failed: bool,
    rules_of: &dyn Fn(Month) -> Result<Rulebook>,
    told: &mut dyn FnMut(Month, &MonthResult, Option<&Outcome>),
) -> Result<Backfill> {
    possible(span)?;
    pipeline::refuse_output(settings, out)?;
    let lock = Lock::take(out, settings.mode)?;
    backfill_locked(settings, span, &lock, out, only_failed, rules_of, told)
}

/// A span has months, and not too many.
fn possible((from, to): (Month, Month)) -> Result<()> {
    if from > to {
        return Err(
            Error::usage(format!("the span begins in {from} and ends before, in {to}")).hint("swap --from and --to")
        );
    }
    if from.through(to).take(MOST_MONTHS + 1).count() > MOST_MONTHS {
        return Err(Error::usage(format!("from {from} to {to} is more than {MOST_MONTHS} months"))
            .hint("check the years of --from and --to"));
    }
    Ok(())
}

/// The same in an output folder whose lock is held.
///
/// # Errors
/// Those of [`backfill`].
pub fn backfill_locked(
    settings: &Settings,
    (from, to): (Month, Month),
    lock: &Lock,
    out: &Path,
    only_failed: bool,
    rules_of: &dyn Fn(Month) -> Result<Rulebook>,
    told: &mut dyn FnMut(Month, &MonthResult, Option<&Outcome>),
) -> Result<Backfill> {
    possible((from, to))?;
    // Where every month is up to date, nothing else would remove what a killed run left.
    Staging::clean(&publish::workspace(out)?)?;
    let record = Backfill::read(out)?;
    let failed_before =
        |month: &Month| record.months.get(&month.to_string()).is_some_and(|result| result.status == Status::Failed);
    let months: Vec<Month> = from.through(to).filter(|month| !only_failed || failed_before(month)).collect();
    let mut by_rules: Vec<(Rulebook, Vec<Month>)> = Vec::new();
    for month in months {
        let rules = rules_of(month)?;
        match by_rules.iter_mut().find(|(known, _)| known.hash == rules.hash) {
            Some((_, months)) => months.push(month),
            None => by_rules.push((rules, vec![month])),
        }
    }
    let mut done = Backfill::default();
    for (rules, months) in by_rules {
        let settings = Settings { rules, ..settings.clone() };
        let mut ended = |month: Month, result: MonthResult, outcome: Option<&Outcome>| {
            told(month, &result, outcome);
            done.months.insert(month.to_string(), result.clone());
            Backfill::record(out, settings.mode, month, &result)
        };
        months_of(&settings, &months, lock, out, &mut ended)?;
    }
    trend::trend(out, &settings.rules, settings.mode)?;
    Ok(done)
}

/// Hears of a month as it ends, and records it.
type Ended<'a> = dyn FnMut(Month, MonthResult, Option<&Outcome>) -> Result<()> + 'a;

/// The months of one rulebook, in one pass.
fn months_of(settings: &Settings, months: &[Month], lock: &Lock, out: &Path, ended: &mut Ended) -> Result<()> {
    let dated: BTreeMap<NaiveDate, Month> =
        months.iter().map(|month| (settings.rules.as_of_month(*month), *month)).collect();
    let mut pending = Vec::new();
    let (history, _) = pipeline::open(&settings.history, &settings.rules)?;
    for (as_of, month) in &dated {
        match up_to_date(settings, &history, *as_of, out) {
            true => ended(*month, MonthResult { as_of: *as_of, status: Status::UpToDate, error: None }, None)?,
            false => pending.push(*as_of),
        }
    }
    if pending.is_empty() {
        return Ok(());
    }
    let mut recorded = Ok(());
    pipeline::publish_each(settings, lock, out, &pending, &mut |as_of, outcome| {
        let Some(month) = dated.get(&as_of) else { return };
        let (status, error, outcome) = match outcome {
            Ok(outcome) => (Status::Published, None, Some(outcome)),
            Err(error) => (Status::Failed, Some(Failure::of(&error)), None),
        };
        if recorded.is_ok() {
            recorded = ended(*month, MonthResult { as_of, status, error }, outcome.as_ref());
        }
    })?;
    recorded
}

/// Whether what is published of a date was made of the same files, by the same rules and engine revision.
fn up_to_date(settings: &Settings, history: &History, as_of: NaiveDate, out: &Path) -> bool {
    let settings = Settings { as_of, ..settings.clone() };
    let published = publish::run_of(out, as_of).ok().flatten();
    published.is_some_and(|run| pipeline::would_repeat(&settings, history, &run))
}

impl Backfill {
    /// The record of an output folder; empty where there is none.
    pub fn read(out: &Path) -> Result<Backfill> {
        Backfill::parse(publish::read_beside(out, RECORD)?.as_deref(), out)
    }

    fn parse(json: Option<&[u8]>, out: &Path) -> Result<Backfill> {
        let Some(json) = json else { return Ok(Backfill::default()) };
        serde_json::from_slice(json).map_err(|error| {
            Error::refused(format!("the record of backfills cannot be read: {error}"))
                .at(out.join(RECORD).display())
                .hint("remove it; months that are up to date are recognised without it")
        })
    }

    /// Records how a month ended, beside what is recorded of others.
    fn record(out: &Path, mode: Mode, month: Month, result: &MonthResult) -> Result<()> {
        publish::change_beside(out, RECORD, mode, &mut |before| {
            let mut record = Backfill::parse(before, out)?;
            record.months.insert(month.to_string(), result.clone());
            serde_json::to_vec_pretty(&record).map(Some).map_err(|error| Error::internal(error.to_string()))
        })
    }

    /// How many months ended so.
    pub fn count(&self, status: Status) -> usize {
        self.months.values().filter(|result| result.status == status).count()
    }

    /// The error that a backfill with failed months ends with.
    pub fn failure(&self) -> Option<Error> {
        let failed: Vec<(&String, &MonthResult)> =
            self.months.iter().filter(|(_, result)| result.status == Status::Failed).collect();
        let (first, result) = failed.first()?;
        let why = result.error.as_ref().map(|error| error.what.clone()).unwrap_or_default();
        let all = failed.len() == self.months.len();
        let others = if all { "none was published" } else { "the others are published" };
        let part = part_of(failed.len() as u64, self.months.len() as u64, "month");
        let what = format!("{part} failed, {others}; {first}: {why}");
        Some(
            Error::new(Code::Partial, what)
                .hint(format!("mend what {RECORD} tells, then backfill again with --only failed")),
        )
    }
}

impl Status {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Status::Published => "published",
            Status::UpToDate => "up_to_date",
            Status::Failed => "failed",
        }
    }
}

impl Answer for Backfill {
    /// One row for each month.
    fn rows(&self) -> Result<DataFrame> {
        let results = || self.months.values();
        frame(vec![
            column("month", self.months.keys().cloned().collect::<Vec<_>>()),
            column("as_of", results().map(|result| result.as_of.to_string()).collect::<Vec<_>>()),
            column("status", results().map(|result| result.status.name()).collect::<Vec<_>>()),
            column(
                "error",
                results().map(|result| result.error.as_ref().map(|error| error.what.clone())).collect::<Vec<_>>(),
            ),
        ])
    }
}

impl Failure {
    fn of(error: &Error) -> Failure {
        Failure {
            code: error.code.exit(),
            what: error.what.clone(),
            place: error.place.clone(),
            hint: error.hint.clone(),
        }
    }
}
