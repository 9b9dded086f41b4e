//! What a comparison answers, as types that print.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::cause::Cause;
use super::notes::Note;
use crate::insight::published::ScoreRow;
use crate::rulebook::{Metric, Track};
use crate::score::Points;

/// What changed between two runs, and why.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Diff {
    pub before: RunName,
    pub after: RunName,
    /// What to know when reading it.
    pub notes: Vec<Note>,
    /// The partner it is narrowed to.
    pub partner: Option<String>,
    /// The metric it is narrowed to.
    #[serde(serialize_with = "maybe_metric")]
    #[schemars(with = "Option<String>")]
    pub metric: Option<Metric>,
    pub counts: Counts,
    /// Every metric that moved, over all partners.
    pub metrics: Vec<MetricMovement>,
    /// Partners whose track, designation or points changed, the largest change first.
    pub changed: Vec<PartnerChange>,
    /// Partners of the second run alone.
    pub came: Vec<PartnerStanding>,
    /// Partners of the first run alone.
    pub went: Vec<PartnerStanding>,
}

/// One of the runs.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RunName {
    pub folder: String,
    pub as_of: NaiveDate,
    /// The usage month M.
    pub month: NaiveDate,
    /// The year-ago month P.
    pub year_ago: NaiveDate,
    pub rulebook: String,
    pub rulebook_hash: String,
    /// Whether it was published with evidence.
    pub evidence: bool,
}

/// How many partners.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Counts {
    /// In both runs.
    pub compared: u64,
    pub unchanged: u64,
    pub newly_qualified: u64,
    pub lost: u64,
    pub qualified_before: u64,
    pub qualified_after: u64,
    pub more_points: u64,
    pub fewer_points: u64,
    /// In the second run alone.
    pub came: u64,
    /// In the first run alone.
    pub went: u64,
    /// In one run alone, where the runs were narrowed differently.
    pub not_compared: u64,
}

/// A metric over all partners that are in both runs.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MetricMovement {
    #[serde(serialize_with = "metric")]
    #[schemars(with = "String")]
    pub metric: Metric,
    /// Partners with more points.
    pub more: u64,
    /// Partners with fewer.
    pub fewer: u64,
    #[serde(serialize_with = "points")]
    #[schemars(with = "f64")]
    pub change: Points,
    /// They sum to the change.
    pub shares: Vec<CausePoints>,
}

/// A cause and its share of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CausePoints {
    pub cause: Cause,
    #[serde(serialize_with = "points")]
    #[schemars(with = "f64")]
    pub points: Points,
}

/// What became of the designation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    NewlyQualified,
    Lost,
    StillQualified,
    NotQualified,
}

/// A partner in one run.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PartnerStanding {
    pub partner_id: String,
    pub partner_name: Option<String>,
    #[serde(serialize_with = "track")]
    #[schemars(with = "String")]
    pub track: Track,
    pub qualified: bool,
    #[serde(serialize_with = "points")]
    #[schemars(with = "f64")]
    pub total: Points,
}

/// A partner that changed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PartnerChange {
    pub partner_id: String,
    pub partner_name: Option<String>,
    pub status: Status,
    pub before: PartnerStanding,
    pub after: PartnerStanding,
    #[serde(serialize_with = "points")]
    #[schemars(with = "f64")]
    pub change: Points,
    /// They sum to the change.
    pub shares: Vec<CausePoints>,
    pub metrics: Vec<MetricChange>,
}

/// A metric of a partner that changed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MetricChange {
    #[serde(serialize_with = "metric")]
    #[schemars(with = "String")]
    pub metric: Metric,
    #[serde(serialize_with = "points")]
    #[schemars(with = "f64")]
    pub before: Points,
    #[serde(serialize_with = "points")]
    #[schemars(with = "f64")]
    pub after: Points,
    #[serde(serialize_with = "points")]
    #[schemars(with = "f64")]
    pub change: Points,
    /// The option it took; `all` where it has none.
    pub option_before: Option<String>,
    pub option_after: Option<String>,
    /// They sum to the change.
    pub shares: Vec<Share>,
}

/// A cause's share of a metric's change, and the rows of evidence behind it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Share {
    pub cause: Cause,
    #[serde(serialize_with = "points")]
    #[schemars(with = "f64")]
    pub points: Points,
    /// How many rows changed; zero without evidence.
    pub rows_changed: u64,
    /// Those that changed most.
    pub rows: Vec<RowChange>,
}

/// A row of evidence that changed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RowChange {
    pub track: String,
    pub option: String,
    pub tenant_id: Option<String>,
    pub person_id: Option<String>,
    pub workload: Option<String>,
    /// What it added before, now less then; zero where it did not count or was not there.
    pub net_before: i64,
    pub net_after: i64,
    /// None where it was not there.
    pub reason_before: Option<String>,
    pub reason_after: Option<String>,
    /// Its part of the metric's change in points, rounded by itself.
    #[serde(serialize_with = "points")]
    #[schemars(with = "f64")]
    pub share: Points,
}

fn points<S: Serializer>(points: &Points, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_f64(points.to_f64())
}

fn track<S: Serializer>(track: &Track, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(track.name())
}

fn metric<S: Serializer>(metric: &Metric, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(metric.name())
}

fn maybe_metric<S: Serializer>(metric: &Option<Metric>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    metric.map(Metric::name).serialize(serializer)
}

impl Diff {
    /// Whether no partner changed, came or went.
    pub fn is_empty(&self) -> bool {
        let counts = &self.counts;
        counts.unchanged == counts.compared && counts.came + counts.went == 0
    }
}

impl PartnerStanding {
    pub(super) fn of(score: &ScoreRow) -> PartnerStanding {
        PartnerStanding {
            partner_id: score.partner_id.clone(),
            partner_name: score.partner_name.clone(),
            track: score.track,
            qualified: score.qualified,
            total: score.total,
        }
    }
}

impl PartnerChange {
    pub(super) fn of(before: &ScoreRow, after: &ScoreRow, metrics: Vec<MetricChange>) -> PartnerChange {
        let shares = metrics.iter().flat_map(|metric| &metric.shares).map(|share| (share.cause, share.points));
        PartnerChange {
            partner_id: after.partner_id.clone(),
            partner_name: after.partner_name.clone().or_else(|| before.partner_name.clone()),
            status: match (before.qualified, after.qualified) {
                (false, true) => Status::NewlyQualified,
                (true, false) => Status::Lost,
                (true, true) => Status::StillQualified,
                (false, false) => Status::NotQualified,
            },
            before: PartnerStanding::of(before),
            after: PartnerStanding::of(after),
            change: after.total - before.total,
            shares: by_cause(shares),
            metrics,
        }
    }

    /// Whether the designation was won or lost.
    pub fn turned(&self) -> bool {
        matches!(self.status, Status::NewlyQualified | Status::Lost)
    }
}

impl Share {
    /// A cause that has no share yet.
    pub(super) fn none(cause: Cause) -> Share {
        Share { cause, points: Points::default(), rows_changed: 0, rows: Vec::new() }
    }

    /// Brings the rows that stand for most points first, and leaves so many.
    pub(super) fn keep_largest(&mut self, limit: Option<usize>) {
        // Rows of one measure are in order already; a stable sort keeps it among equals.
        self.rows.sort_by_key(|row| std::cmp::Reverse(row.share.0.abs()));
        self.rows.truncate(limit.unwrap_or(usize::MAX));
    }

    /// Whether there is anything to tell of it.
    pub(super) fn tells(&self) -> bool {
        self.points != Points::default() || self.rows_changed > 0
    }
}

/// Sums by cause; causes that come to nothing are left out.
fn by_cause(shares: impl Iterator<Item = (Cause, Points)>) -> Vec<CausePoints> {
    let mut sums: BTreeMap<Cause, Points> = BTreeMap::new();
    shares.for_each(|(cause, points)| sums.entry(cause).or_default().0 += points.0);
    let sums = sums.into_iter().filter(|(_, points)| *points != Points::default());
    sums.map(|(cause, points)| CausePoints { cause, points }).collect()
}

/// Every metric that moved, over all partners.
pub(super) fn movements(changed: &[PartnerChange]) -> Vec<MetricMovement> {
    let movement = |metric: Metric| {
        let changes = || changed.iter().flat_map(|partner| &partner.metrics).filter(move |of| of.metric == metric);
        let count = |wanted: &dyn Fn(Points) -> bool| changes().filter(|of| wanted(of.change)).count() as u64;
        let shares = changes().flat_map(|of| &of.shares).map(|share| (share.cause, share.points));
        (changes().count() > 0).then(|| MetricMovement {
            metric,
            more: count(&|change| change > Points::default()),
            fewer: count(&|change| change < Points::default()),
            change: changes().map(|of| of.change).sum(),
            shares: by_cause(shares),
        })
    };
    Metric::ALL.into_iter().filter_map(movement).collect()
}

/// Leaves the changes of one metric, of partners that it moved or whose designation turned.
pub(super) fn narrow(changed: &mut Vec<PartnerChange>, metric: Metric) {
    changed.iter_mut().for_each(|partner| partner.metrics.retain(|of| of.metric == metric));
    changed.retain(|partner| partner.turned() || !partner.metrics.is_empty());
}

/// The largest change first: of the total, or of one metric.
pub(super) fn order(changed: &mut [PartnerChange], metric: Option<Metric>) {
    let size = |partner: &PartnerChange| match metric {
        Some(_) => partner.metrics.first().map_or(0, |of| of.change.0.abs()),
        None => partner.change.0.abs(),
    };
    changed.sort_by(|a, b| size(b).cmp(&size(a)).then_with(|| a.partner_id.cmp(&b.partner_id)));
}
