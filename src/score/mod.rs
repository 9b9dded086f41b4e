//! From facts to points, tracks, the designation and ranks. Everything here is whole numbers of ten-thousandths of a point.

mod points;
mod rank;

pub use points::{DECIMALS, Points, divided, earned, whole};

use crate::history::{Account, Accounts};
use crate::metrics::Facts;
use crate::rulebook::{Measure, Metric, MetricMinimum, Rulebook, Track};

/// What one account has and earns by one measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricPoints {
    pub current: i64,
    pub prior: i64,
    pub target: i64,
    pub points: Points,
    pub max_points: Points,
    /// Whether the metric takes this option within its track.
    pub counted: bool,
}

/// One partner's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Score {
    pub account: Account,
    pub rank: i64,
    /// Rank within the distributor, where there is one.
    pub distributor_rank: Option<i64>,
    pub track: Track,
    pub qualified: bool,
    /// Points of the partner's track, metric by metric in rulebook order.
    pub metrics: [Points; 5],
    pub enterprise_points: Points,
    pub smb_points: Points,
    /// What the total lacks to the designation.
    pub points_short: Points,
    /// Metrics of the track under the minimum.
    pub metrics_short: Vec<Metric>,
    /// By measure, in rulebook order.
    pub measures: Vec<MetricPoints>,
}

impl Score {
    /// The total of the partner's track.
    pub fn total_points(&self) -> Points {
        self.metrics.iter().sum()
    }
}

/// One track of one partner.
struct TrackResult {
    track: Track,
    metrics: [Points; 5],
    short: Vec<Metric>,
    qualified: bool,
}

impl TrackResult {
    fn total(&self) -> Points {
        self.metrics.iter().sum()
    }
}

/// Scores every account, by rank and then by partner id.
pub fn score(accounts: &Accounts, facts: &Facts, rules: &Rulebook) -> Vec<Score> {
    let measures = rules.measures();
    let judged =
        accounts.rows.iter().enumerate().map(|(number, account)| judge(account, facts, number, &measures, rules));
    rank::ranked(judged.collect())
}

fn judge(account: &Account, facts: &Facts, number: usize, measures: &[Measure], rules: &Rulebook) -> Score {
    let points = metric_points(facts, number, measures);
    let [enterprise, smb] = Track::ALL.map(|track| track_result(track, &points, measures, rules));
    let (enterprise_points, smb_points) = (enterprise.total(), smb.total());
    let best = better(enterprise, smb);
    let points_short = (points::whole(rules.designation.points) - best.total()).max(Points(0));
    Score {
        account: account.clone(),
        rank: 0,
        distributor_rank: None,
        track: best.track,
        qualified: best.qualified,
        metrics: best.metrics,
        enterprise_points,
        smb_points,
        points_short,
        metrics_short: best.short,
        measures: points,
    }
}

/// Points by measure; each metric takes the option with the most, the first on a tie.
fn metric_points(facts: &Facts, number: usize, measures: &[Measure]) -> Vec<MetricPoints> {
    let earned = facts.of(number).iter().zip(measures).map(|(fact, measure)| MetricPoints {
        current: fact.current,
        prior: fact.prior,
        target: measure.target,
        points: points::earned(fact.current - fact.prior, measure.max_points, measure.target),
        max_points: points::whole(measure.max_points),
        counted: false,
    });
    let mut earned: Vec<MetricPoints> = earned.collect();
    for track in Track::ALL {
        for metric in Metric::ALL {
            let of_metric = |index: &usize| measures[*index].track == track && measures[*index].metric == metric;
            let options = (0..measures.len()).filter(of_metric);
            if let Some(taken) = options.rev().max_by_key(|index| earned[*index].points) {
                earned[taken].counted = true;
            }
        }
    }
    earned
}

fn track_result(track: Track, points: &[MetricPoints], measures: &[Measure], rules: &Rulebook) -> TrackResult {
    let taken = |metric: Metric| {
        let of_metric =
            measures.iter().zip(points).filter(|(measure, _)| measure.track == track && measure.metric == metric);
        of_metric.filter(|(_, points)| points.counted).map(|(_, points)| points.points).sum::<Points>()
    };
    let metrics = Metric::ALL.map(taken);
    let minimum = minimum(rules);
    let short: Vec<Metric> = Metric::ALL
        .into_iter()
        .zip(metrics)
        .filter(|(_, points)| *points < minimum)
        .map(|(metric, _)| metric)
        .collect();
    let total = metrics.iter().sum::<Points>();
    let qualified = short.is_empty() && total >= points::whole(rules.designation.points);
    TrackResult { track, metrics, short, qualified }
}

/// The points that every metric of a qualifying track needs.
pub fn minimum(rules: &Rulebook) -> Points {
    match rules.choices.metric_minimum.reading {
        MetricMinimum::AtLeastOne => points::whole(1),
        MetricMinimum::AboveZero => Points(1),
    }
}

/// The qualifying track; with two or none, the one with more points; on a tie, the first.
fn better(first: TrackResult, second: TrackResult) -> TrackResult {
    let key = |result: &TrackResult| (result.qualified, result.total());
    if key(&second) > key(&first) { second } else { first }
}
