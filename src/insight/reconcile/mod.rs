//! Reconcile: Partner Center's own figures beside ours, and which reading of the rules would remove each difference.

mod attributed;
mod compared;
mod figures;
mod official;
mod shown;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use chrono::NaiveDate;
use polars::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use attributed::{Attributed, Source};
pub use attributed::{Readings, Tried};
use compared::Compared;

use super::answer::{Answer, column, frame};
use super::published::Published;
use crate::error::{Code, Error, Result};
use crate::month::Month;
use crate::pipeline;
use crate::publish::Run;
use crate::rulebook::{self, Reading, Rulebook, When};
use crate::words::{counted, part_of};

/// Partner Center's figures beside ours.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Reconciliation {
    pub as_of: NaiveDate,
    /// First day of the usage month that ours are of.
    pub month: NaiveDate,
    /// The rulebook's id.
    pub rulebook: String,
    /// Figures in the file; one that stands twice counts once.
    pub figures: usize,
    pub matching: usize,
    /// In the file's order.
    pub rows: Vec<Reconciled>,
    /// What may have caused the differences, each once.
    pub hints: Vec<HintText>,
    /// What other readings of the rules do; only with a history, and where a figure differs.
    pub readings: Option<Readings>,
}

/// One figure of the file beside ours. Points are ours less Partner Center's.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Reconciled {
    /// The line of the file.
    pub line: usize,
    /// The global account.
    pub partner_id: String,
    /// The partner as the file has it, where that is a location of the account.
    pub location: Option<String>,
    /// The track compared: that of the file, or else the partner's.
    pub track: String,
    /// A metric, or `total`.
    pub metric: String,
    pub status: ReconcileStatus,
    pub ours: f64,
    pub official: f64,
    /// The decimals that the official figure was written with.
    pub decimals: u32,
    pub difference: f64,
    /// What may have caused the difference.
    pub hints: Vec<Hint>,
    /// Readings, single or in pairs, under which the figures match.
    pub removed_by: Vec<Vec<Reading>>,
}

/// Whether two figures are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReconcileStatus {
    Matches,
    Differs,
}

/// What may have caused a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hint {
    /// The figure of the other track matches.
    OtherTrack,
    /// The figure matches without the zeros at its end.
    TrailingZeros,
    /// The figure matches when scored again from the history, by the same rules.
    MatchesNow,
    /// The history gives the partner other figures now than the run has.
    HistoryChanged,
    /// Ours is lower, and usage has a part in it: an export may lack workloads that are scored.
    Coverage,
    /// The two may be of different months, or days.
    Freshness,
    /// Rows of the history were rejected.
    Rejects,
}

/// A hint in words, and how many differences it is about.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct HintText {
    pub hint: Hint,
    pub figures: usize,
    pub text: String,
}

/// Compares a run with the figures of a file; with a history, scores the partners that differ again under every other reading.
///
/// # Errors
/// Absent or refused where the run or the file is not there or not of its form; usage where the run's rulebook is not the one named, or
/// is not built in; those of a score of the history.
pub fn reconcile(
    run: &Path,
    official: &Path,
    history: Option<&Path>,
    rulebook: Option<&str>,
) -> Result<Reconciliation> {
    let published = Published::open(run)?;
    let officials = official::read(official)?;
    let source = history.map(|history| source(&published, history, rulebook)).transpose()?;
    let ours = figures::published(&published)?;
    let rows = compared::compared(officials, official, &ours, source.as_ref().map(|source| &*source.history))?;
    let attributed = source.map(|source| attributed::attributed(&source, &rows, &ours)).transpose()?;
    Ok(answer(&published.run, rows, attributed))
}

/// What partners are scored again from, by the rules of the run.
fn source(published: &Published, history: &Path, rulebook: Option<&str>) -> Result<Source> {
    let rules = rules_of(published, rulebook)?;
    let (history, _) = pipeline::open(history, &rules)?;
    Ok(Source { history: Arc::new(history), as_of: published.run.as_of, rules })
}

/// The rulebook of a run: the one named, or the built-in one of its id; either must be what the run was scored by.
fn rules_of(published: &Published, named: Option<&str>) -> Result<Rulebook> {
    let wanted = &published.run.rulebook;
    let known = match named {
        Some(name) => Some(rulebook::choose_as_of(Some(name), When::Day(published.run.as_of))?),
        None => rulebook::builtins()?.into_iter().find(|rules| rules.id == wanted.id),
    };
    let (what, hint) = match known {
        Some(rules) if rules.hash == wanted.hash => return Ok(rules),
        Some(rules) => (
            format!(
                "the run was scored by rulebook `{}` ({}), and this is `{}` ({})",
                wanted.id,
                short(&wanted.hash),
                rules.id,
                short(&rules.hash)
            ),
            "name the rulebook file of the run with --rulebook, or score again by this one",
        ),
        None => (
            format!("the run was scored by rulebook `{}`, which is not a built-in one", wanted.id),
            "name its file with --rulebook",
        ),
    };
    Err(Error::usage(what).at(published.place.display()).hint(hint))
}

/// The beginning of a hash, as people compare them.
fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

fn answer(run: &Run, rows: Vec<Compared>, attributed: Option<Attributed>) -> Reconciliation {
    let found = attributed.unwrap_or_default();
    let reconciled = |(place, row): (usize, &Compared)| {
        let removed_by = found.removed_by.get(&place).cloned().unwrap_or_default();
        let hints = if row.matches { Vec::new() } else { hints(run, place, row, &found) };
        Reconciled::new(row, hints, removed_by)
    };
    let rows: Vec<Reconciled> = rows.iter().enumerate().map(reconciled).collect();
    let matching = rows.iter().filter(|row| row.status == ReconcileStatus::Matches).count();
    Reconciliation {
        as_of: run.as_of,
        month: run.months.m,
        rulebook: run.rulebook.id.clone(),
        figures: rows.len(),
        matching,
        hints: hint_texts(run, &rows),
        rows,
        readings: Some(found.readings).filter(|readings| !readings.tried.is_empty()),
    }
}

/// What may have caused a difference: what is known of it, and what is usual only where nothing is known.
fn hints(run: &Run, place: usize, row: &Compared, found: &Attributed) -> Vec<Hint> {
    let known = holding(&[
        (Hint::OtherTrack, row.other_track_matches),
        (Hint::TrailingZeros, row.matches_without_zeros()),
        (Hint::MatchesNow, found.matches_again.contains(&place)),
        (Hint::HistoryChanged, found.changed.contains(&row.partner_id)),
    ]);
    if !known.is_empty() || found.removed_by.contains_key(&place) {
        return known;
    }
    let of_tenants = row.official.figure.comes_from_tenants();
    holding(&[
        (Hint::Coverage, of_tenants && row.ours < row.official.shown.points),
        (Hint::Freshness, true),
        (Hint::Rejects, run.rows.rejects > 0),
    ])
}

fn holding(hints: &[(Hint, bool)]) -> Vec<Hint> {
    hints.iter().filter(|(_, holds)| *holds).map(|(hint, _)| *hint).collect()
}

/// Each hint once, with how many differences it is about.
fn hint_texts(run: &Run, rows: &[Reconciled]) -> Vec<HintText> {
    let mut counts: BTreeMap<Hint, usize> = BTreeMap::new();
    for hint in rows.iter().flat_map(|row| &row.hints) {
        *counts.entry(*hint).or_default() += 1;
    }
    counts.into_iter().map(|(hint, figures)| HintText { hint, figures, text: hint.text(run) }).collect()
}

impl Hint {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Hint::OtherTrack => "other_track",
            Hint::TrailingZeros => "trailing_zeros",
            Hint::MatchesNow => "matches_now",
            Hint::HistoryChanged => "history_changed",
            Hint::Coverage => "coverage",
            Hint::Freshness => "freshness",
            Hint::Rejects => "rejects",
        }
    }

    fn text(self, run: &Run) -> String {
        match self {
            Hint::OtherTrack => "the figure of the partner's other track matches".to_owned(),
            Hint::TrailingZeros => {
                "without the zeros at its end the figure matches; a spreadsheet may have added them".to_owned()
            }
            Hint::MatchesNow => "scored again from this history, the figure matches; score again".to_owned(),
            Hint::HistoryChanged => {
                "the history has changed since the run and gives the partner other figures; score again".to_owned()
            }
            Hint::Coverage => {
                "ours is lower: exports leave out workloads that Partner Center scores, so a history made of \
                 them can give less"
                    .to_owned()
            }
            Hint::Freshness => freshness(run),
            Hint::Rejects => {
                format!("the run rejected {}; rejects.parquet has them", counted(run.rows.rejects, "row"))
            }
        }
    }
}

/// Which data ours tell of, where Partner Center's may tell of other.
fn freshness(run: &Run) -> String {
    let (as_of, month, fresh) = (run.as_of, Month::of(run.months.m), &run.freshness);
    let late = match (!fresh.usage_as_promised, fresh.certifications_as_promised == Some(false)) {
        (false, false) => "",
        (true, false) => " (usage is older than promised)",
        (false, true) => " (certifications are older than promised)",
        (true, true) => " (both are older than promised)",
    };
    format!(
        "ours are of usage of {month} and certifications as of {as_of}{late}; Partner Center may show another month"
    )
}

impl Reconciled {
    fn new(row: &Compared, hints: Vec<Hint>, removed_by: Vec<Vec<Reading>>) -> Reconciled {
        let (official, shown) = (&row.official, row.official.shown);
        Reconciled {
            line: official.line,
            partner_id: row.partner_id.clone(),
            location: Some(official.partner.clone()).filter(|partner| *partner != row.partner_id),
            track: row.track.name().to_owned(),
            metric: official.figure.name().to_owned(),
            status: if row.matches { ReconcileStatus::Matches } else { ReconcileStatus::Differs },
            ours: row.ours.to_f64(),
            official: shown.points.to_f64(),
            decimals: shown.decimals,
            difference: (row.ours - shown.points).to_f64(),
            hints,
            removed_by,
        }
    }

    /// The official figure as it was written.
    pub fn shown(&self) -> String {
        format!("{:.*}", self.decimals as usize, self.official)
    }
}

impl ReconcileStatus {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            ReconcileStatus::Matches => "matches",
            ReconcileStatus::Differs => "differs",
        }
    }
}

impl Reconciliation {
    /// The figures that differ.
    pub fn differing(&self) -> impl Iterator<Item = &Reconciled> {
        self.rows.iter().filter(|row| row.status == ReconcileStatus::Differs)
    }

    /// What `--strict` ends with.
    pub fn failure(&self) -> Option<Error> {
        let differing = self.figures - self.matching;
        let differ = if self.figures == 1 { "differs" } else { "differ" };
        let part = part_of(differing as u64, self.figures as u64, "figure");
        let what = format!("{part} {differ} from Partner Center's");
        let error = (differing > 0).then(|| Error::new(Code::Strict, what))?;
        Some(match &self.readings {
            Some(_) => error,
            None => error.hint("with --history, reconcile tells which reading of the rules would remove a difference"),
        })
    }
}

impl Answer for Reconciliation {
    /// One row for each figure of the file.
    fn rows(&self) -> Result<DataFrame> {
        let text = |name: &str, value: &dyn Fn(&Reconciled) -> Option<String>| {
            column(name, self.rows.iter().map(value).collect::<Vec<_>>())
        };
        let points = |name: &str, value: &dyn Fn(&Reconciled) -> f64| {
            column(name, self.rows.iter().map(value).collect::<Vec<_>>())
        };
        frame(vec![
            column("line", self.rows.iter().map(|row| row.line as i64).collect::<Vec<_>>()),
            text("partner_id", &|row| Some(row.partner_id.clone())),
            text("location", &|row| row.location.clone()),
            text("track", &|row| Some(row.track.clone())),
            text("metric", &|row| Some(row.metric.clone())),
            text("status", &|row| Some(row.status.name().to_owned())),
            points("ours", &|row| row.ours),
            points("official", &|row| row.official),
            column("decimals", self.rows.iter().map(|row| i64::from(row.decimals)).collect::<Vec<_>>()),
            points("difference", &|row| row.difference),
            text("hints", &|row| Some(joined(row.hints.iter().map(|hint| hint.name().to_owned()), ","))),
            text("removed_by", &|row| {
                Some(joined(row.removed_by.iter().map(|readings| attributed::together(readings)), "; "))
            }),
        ])
    }
}

fn joined(texts: impl Iterator<Item = String>, between: &str) -> String {
    texts.collect::<Vec<_>>().join(between)
}
