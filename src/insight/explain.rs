//! Explain: every point of one partner, down to each tenant, workload and person, with the reason.

use std::collections::BTreeSet;
use std::path::Path;

use chrono::NaiveDate;
use polars::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{Answer, column, frame};
use super::published::{EvidenceRow, PointsRow, Published};
use crate::engine;
use crate::error::{Error, Result, nearest};
use crate::metrics::reason;
use crate::pipeline::{self, Settings};
use crate::rulebook::{self, Metric, Track};
use crate::score::Points;

/// Every point of one partner.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Explanation {
    pub partner_id: String,
    pub partner_name: Option<String>,
    /// The day the score is for.
    pub as_of: NaiveDate,
    /// First day of the usage month, and of the month a year before.
    pub month: NaiveDate,
    pub year_ago: NaiveDate,
    pub rulebook: String,
    /// The partner's track, and whether it has the designation.
    pub track: String,
    pub qualified: bool,
    pub total_points: f64,
    pub enterprise_points: f64,
    pub smb_points: f64,
    /// What the total lacks to the designation.
    pub points_short: f64,
    /// Metrics of the track under the minimum.
    pub metrics_short: Vec<String>,
    /// Exports of the partner that lack the usage month or the baseline month, each as report and months: its score can be wrong.
    pub missing_exports: Vec<String>,
    /// In rulebook order.
    pub measures: Vec<ExplainedMeasure>,
    /// What stands behind them: rows with `counted` sum to `current` and `prior` of their measure.
    pub rows: Vec<ExplainedRow>,
    /// What the people with reason `certification_not_listed` hold. Empty where a run is explained: it has no names of certifications.
    pub not_listed: Vec<NotListed>,
}

/// A valid certification that the rulebook does not list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct NotListed {
    pub person_id: String,
    pub certification: String,
    /// The built-in rulebooks that list it, the oldest first.
    pub rulebooks: Vec<String>,
}

/// A metric through one option.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ExplainedMeasure {
    pub track: String,
    pub metric: String,
    /// `all` where the metric has no options.
    pub option: String,
    pub current: i64,
    pub prior: i64,
    pub net: i64,
    pub target: i64,
    pub points: f64,
    pub max_points: f64,
    /// Whether the metric takes this option within its track.
    pub counted: bool,
    /// The metric's formula with its numbers filled in.
    pub formula: String,
}

/// A tenant, a pair of tenant and workload, or a person.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ExplainedRow {
    pub track: String,
    pub metric: String,
    pub option: String,
    pub tenant_id: Option<String>,
    pub person_id: Option<String>,
    pub workload: Option<String>,
    pub current: i64,
    pub prior: i64,
    /// What it adds to the measure: current less prior where it counts, else 0.
    pub net: i64,
    pub counted: bool,
    /// A code of the closed list of reasons.
    pub reason: String,
    /// The reason as a sentence.
    pub meaning: String,
    /// What the partner can do about it, where there is anything.
    pub action: Option<String>,
}

/// What of an explanation is wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub track: Option<Track>,
    pub metric: Option<Metric>,
}

/// Explains a partner of a published run.
///
/// # Errors
/// Usage where the run does not have the partner; absent where it was published without evidence.
pub fn explain_run(run: &Path, partner_id: &str, wanted: &Wanted) -> Result<Explanation> {
    explained(&Published::open(run)?, partner_id, wanted)
}

/// What is said where a published run is to be explained by another date or by other rules.
pub fn already_scored(run: &Path) -> Error {
    Error::usage("a published run has its date and rulebook already")
        .at(run.display())
        .hint("leave --as-of, --month and --rulebook out, or explain the history")
}

/// Explains the one partner that settings are narrowed to, from its history. A location is explained by its global account.
pub fn explain_history(settings: &Settings, wanted: &Wanted) -> Result<Explanation> {
    let unseen = tempfile::tempdir().map_err(|error| Error::storage("make a folder", &std::env::temp_dir(), &error))?;
    let settings = Settings { evidence: true, ..settings.clone() };
    let outcome = pipeline::run(&settings, unseen.path())?;
    let partner_id = outcome.scored.scores.first().map(|score| score.account.partner_id.clone()).unwrap_or_default();
    let explanation = explained(&Published::open(&outcome.folder)?, &partner_id, wanted)?;
    let held = outcome.scored.unlisted_certifications(&settings.rules)?;
    Ok(Explanation { not_listed: not_listed(&held, &explanation.rows)?, ..explanation })
}

/// What people hold, of those whose rows say that it is not listed.
fn not_listed(held: &DataFrame, rows: &[ExplainedRow]) -> Result<Vec<NotListed>> {
    let unlisted = rows.iter().filter(|row| row.reason == reason::CERTIFICATION_NOT_LISTED);
    let people: BTreeSet<&str> = unlisted.filter_map(|row| row.person_id.as_deref()).collect();
    let (ids, names) = (engine::column(held, "person_id")?, engine::column(held, "certification")?);
    let texts = |column: &Series| -> Result<Vec<String>> {
        let texts = column.str().map_err(|error| Error::internal(error.to_string()))?;
        Ok(texts.iter().map(|text| text.unwrap_or_default().to_owned()).collect())
    };
    let builtins = rulebook::builtins()?;
    let held = texts(&ids)?.into_iter().zip(texts(&names)?).filter(|(person, _)| people.contains(person.as_str()));
    let entry = |(person_id, certification): (String, String)| {
        let listing = builtins.iter().filter(|rules| rules.lists(&certification));
        NotListed { rulebooks: listing.map(|rules| rules.id.clone()).collect(), person_id, certification }
    };
    Ok(held.map(entry).collect())
}

fn explained(published: &Published, partner_id: &str, wanted: &Wanted) -> Result<Explanation> {
    let score = published.score_of(partner_id)?;
    let Some(rows) = published.evidence_of(partner_id)? else {
        return Err(published.without_evidence());
    };
    let is_wanted = |track: Track, metric: Metric| {
        wanted.track.is_none_or(|only| only == track) && wanted.metric.is_none_or(|only| only == metric)
    };
    let points = published.metric_points(partner_id)?;
    let (run, period) = (&published.run, &published.run.months);
    let missing_exports = run.missing_exports().filter(|(_, account)| *account == score.partner_id);
    Ok(Explanation {
        missing_exports: missing_exports.map(|(export, _)| export.to_owned()).collect(),
        partner_id: score.partner_id,
        partner_name: score.partner_name,
        as_of: run.as_of,
        month: period.m,
        year_ago: period.p,
        rulebook: run.rulebook.id.clone(),
        track: score.track.name().to_owned(),
        qualified: score.qualified,
        total_points: score.total.to_f64(),
        enterprise_points: score.enterprise.to_f64(),
        smb_points: score.smb.to_f64(),
        points_short: score.points_short.to_f64(),
        metrics_short: score.metrics_short.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        measures: points.iter().filter(|row| is_wanted(row.track, row.metric)).map(measure).collect(),
        rows: rows.into_iter().filter(|row| is_wanted(row.track, row.metric)).map(explained_row).collect(),
        not_listed: Vec::new(),
    })
}

fn measure(row: &PointsRow) -> ExplainedMeasure {
    ExplainedMeasure {
        track: row.track.name().to_owned(),
        metric: row.metric.name().to_owned(),
        option: row.option.clone(),
        current: row.current,
        prior: row.prior,
        net: row.current - row.prior,
        target: row.target,
        points: row.points.to_f64(),
        max_points: row.max_points.to_f64(),
        counted: row.counted,
        formula: formula(row),
    }
}

/// Such as `4120 - 3000 = 1120; 1120 x 30 / 1000 = 33.6, at most 30`.
fn formula(row: &PointsRow) -> String {
    let (net, most) = (row.current - row.prior, shown(row.max_points));
    let value = if row.prior == 0 { format!("{net}") } else { format!("{} - {} = {net}", row.current, row.prior) };
    match net {
        ..0 => format!("{value}; under 0 gives 0"),
        net if net > row.target => format!("{value}, more than the target of {}: {most}", row.target),
        net => format!("{value}; {net} x {most} / {} = {}", row.target, shown(row.points)),
    }
}

/// Points with as many decimals as they need.
pub fn shown(points: Points) -> String {
    let text = format!("{:.4}", points.to_f64());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn explained_row(row: EvidenceRow) -> ExplainedRow {
    let explained = reason::explained(&row.reason);
    ExplainedRow {
        track: row.track.name().to_owned(),
        metric: row.metric.name().to_owned(),
        option: row.option,
        tenant_id: row.tenant_id,
        person_id: row.person_id,
        workload: row.workload,
        current: row.current,
        prior: row.prior,
        net: if row.counted { row.current - row.prior } else { 0 },
        counted: row.counted,
        meaning: explained.map(|reason| reason.meaning.to_owned()).unwrap_or_default(),
        action: explained.and_then(|reason| reason.action).map(str::to_owned),
        reason: row.reason,
    }
}

/// The metric that a person names.
///
/// # Errors
/// Usage where there is none of that name, with the nearest.
pub fn metric_named(name: &str) -> Result<Metric> {
    Metric::named(name).ok_or_else(|| {
        let known = Metric::ALL.map(Metric::name);
        let error = Error::usage(format!("there is no metric `{name}`"));
        match nearest(name, known) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("metrics are {}", known.join(", "))),
        }
    })
}

impl Answer for Explanation {
    /// One row for each tenant, pair or person.
    fn rows(&self) -> Result<DataFrame> {
        let text = |name: &str, value: &dyn Fn(&ExplainedRow) -> Option<String>| {
            column(name, self.rows.iter().map(value).collect::<Vec<_>>())
        };
        let whole = |name: &str, value: &dyn Fn(&ExplainedRow) -> i64| {
            column(name, self.rows.iter().map(value).collect::<Vec<_>>())
        };
        frame(vec![
            text("partner_id", &|_| Some(self.partner_id.clone())),
            text("track", &|row| Some(row.track.clone())),
            text("metric", &|row| Some(row.metric.clone())),
            text("option", &|row| Some(row.option.clone())),
            text("tenant_id", &|row| row.tenant_id.clone()),
            text("person_id", &|row| row.person_id.clone()),
            text("workload", &|row| row.workload.clone()),
            whole("current", &|row| row.current),
            whole("prior", &|row| row.prior),
            whole("net", &|row| row.net),
            column("counted", self.rows.iter().map(|row| row.counted).collect::<Vec<_>>()),
            text("reason", &|row| Some(row.reason.clone())),
            text("meaning", &|row| Some(row.meaning.clone())),
            text("action", &|row| row.action.clone()),
        ])
    }
}
