//! Shares: every partner that moved, its metrics' changes shared out among causes.

use std::collections::{BTreeMap, HashMap};

use super::Both;
use super::answer::{CausePoints, MetricChange, PartnerChange, RowChange, Share};
use super::cause::{Cause, Judge};
use super::evidence::{self, CauseRows, Changes, Key};
use super::pieces::{Piece, Split, Standing, allocated, proportion, split};
use super::side::Side;
use crate::error::Result;
use crate::rulebook::Metric;
use crate::score::Points;

/// One leg of the way between the runs: all of it, or that from the first to the bridge, or from there to the second.
pub(super) struct Leg<'a> {
    pub from: &'a Side,
    pub to: &'a Side,
    pub judge: Judge,
}

/// A leg, told apart.
struct Told {
    judge: Judge,
    splits: HashMap<String, Split>,
    changes: Changes,
    /// The options that each partner's metrics took at either end.
    options: HashMap<String, [Options; 2]>,
}

/// By metric, the option it took.
type Options = [Option<String>; 5];

/// The changes of partners over all legs, with at most so many rows of evidence for each cause.
pub(super) fn shared(moved: &[&Both], legs: &[Leg], limit: Option<usize>) -> Result<Vec<PartnerChange>> {
    let ids: Vec<&str> = moved.iter().map(|both| both.before.partner_id.as_str()).collect();
    let told = legs.iter().map(|leg| leg.told(&ids, limit)).collect::<Result<Vec<_>>>()?;
    Ok(moved.iter().map(|both| partner_change(both, &told, limit)).collect())
}

impl Leg<'_> {
    fn told(&self, ids: &[&str], limit: Option<usize>) -> Result<Told> {
        let mut told =
            Told { judge: self.judge, splits: HashMap::new(), changes: Changes::new(), options: HashMap::new() };
        let scores = [self.from.scores_by_id()?, self.to.scores_by_id()?];
        let measures = [self.from.measures(ids)?, self.to.measures(ids)?];
        for id in ids {
            let standing = |place: usize| {
                let measures = measures[place].get(*id).map_or(&[][..], Vec::as_slice);
                scores[place].get(*id).map(|score| Standing { score, measures })
            };
            // A partner of which the history has no account any more is not on the bridge.
            let (Some(from), Some(to)) = (standing(0), standing(1)) else { continue };
            told.options.insert((*id).to_owned(), [options(&from), options(&to)]);
            told.splits.insert((*id).to_owned(), split(&from, &to));
        }
        if self.judge.evidence {
            told.changes = evidence::changes(self.from, self.to, told.wanted(), &self.judge, limit)?;
        }
        Ok(told)
    }
}

impl Told {
    /// The measures whose rows are asked for.
    fn wanted(&self) -> Vec<Key> {
        let of_partner = |(id, split): (&String, &Split)| split.moved().map(|piece| key(id, piece)).collect::<Vec<_>>();
        self.splits.iter().flat_map(of_partner).collect()
    }
}

fn options(standing: &Standing) -> Options {
    Metric::ALL.map(|metric| standing.option(standing.score.track, metric).map(str::to_owned))
}

fn key(partner_id: &str, piece: &Piece) -> Key {
    Key { partner_id: partner_id.to_owned(), track: piece.track, metric: piece.metric, option: piece.option.clone() }
}

fn partner_change(both: &Both, legs: &[Told], limit: Option<usize>) -> PartnerChange {
    let places = Metric::ALL.into_iter().enumerate();
    let metrics = places.filter_map(|(place, metric)| metric_change(both, place, metric, legs, limit)).collect();
    let mut change = PartnerChange::of(&both.before, &both.after, metrics);
    // The bar may have moved, and no point with it.
    if let Some(cause) = legs.first().and_then(|leg| leg.judge.fixed()).filter(|_| change.shares.is_empty()) {
        change.shares.push(CausePoints { cause, points: Points::default() });
    }
    change
}

/// A metric's change and its causes; None where nothing moved.
fn metric_change(
    both: &Both,
    place: usize,
    metric: Metric,
    legs: &[Told],
    limit: Option<usize>,
) -> Option<MetricChange> {
    let id = &both.before.partner_id;
    let (before, after) = (both.before.metrics[place], both.after.metrics[place]);
    let mut shares = Shares::default();
    legs.iter().for_each(|leg| shares.add_leg(leg, id, place, metric));
    if let Some(first) = legs.first() {
        let left = after - before - shares.sum();
        shares.add(if legs.len() > 1 { Cause::RulesOrData } else { first.judge.of_metric(metric) }, left);
    }
    let option = |leg: Option<&Told>, end: usize| leg?.options.get(id)?[end][place].clone();
    let shares = shares.told(limit);
    (!shares.is_empty()).then(|| MetricChange {
        metric,
        before,
        after,
        change: after - before,
        option_before: option(legs.first(), 0),
        option_after: option(legs.last(), 1),
        shares,
    })
}

/// The shares of a metric's change, as they are added up.
#[derive(Default)]
struct Shares(BTreeMap<Cause, Share>);

impl Shares {
    /// Adds what a leg tells of a partner's metric.
    fn add_leg(&mut self, leg: &Told, partner_id: &str, place: usize, metric: Metric) {
        let Some(split) = leg.splits.get(partner_id) else { return };
        for piece in split.moved().filter(|piece| piece.metric == metric) {
            let told = leg.changes.get(&key(partner_id, piece));
            if !told.is_some_and(|told| self.add_rows(piece.points, told)) {
                self.add(leg.judge.of_metric(metric), piece.points);
            }
        }
        self.add(Cause::Track, split.track[place]);
    }

    /// Shares points out among the causes of rows. False where their changes come to nothing, and no share can be told.
    fn add_rows(&mut self, points: Points, told: &BTreeMap<Cause, CauseRows>) -> bool {
        let weights: Vec<i64> = told.values().map(|told| told.net).collect();
        let Some(shares) = allocated(points, &weights) else { return false };
        let whole = weights.iter().sum();
        for ((cause, told), share) in told.iter().zip(shares) {
            let share = self.add(*cause, share);
            share.rows_changed += told.count;
            share.rows.extend(with_shares(&told.rows, points, whole));
        }
        true
    }

    fn add(&mut self, cause: Cause, points: Points) -> &mut Share {
        let share = self.0.entry(cause).or_insert_with(|| Share::none(cause));
        share.points.0 += points.0;
        share
    }

    fn sum(&self) -> Points {
        self.0.values().map(|share| share.points).sum()
    }

    /// Those that tell something, with their largest rows.
    fn told(self, limit: Option<usize>) -> Vec<Share> {
        let mut shares: Vec<Share> = self.0.into_values().filter(Share::tells).collect();
        shares.iter_mut().for_each(|share| share.keep_largest(limit));
        shares
    }
}

/// Rows with the points that each stands for.
fn with_shares(rows: &[RowChange], points: Points, whole: i64) -> Vec<RowChange> {
    let share = |row: &RowChange| Points(proportion(points.0, row.net_after - row.net_before, whole));
    rows.iter().map(|row| RowChange { share: share(row), ..row.clone() }).collect()
}
