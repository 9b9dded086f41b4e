//! Pieces: a metric's change told apart by track and option.
//!
//! A metric takes the better of its options, and a partner the better of its tracks. Where another one is taken now, the old one counts
//! until both give the same, and the new one from there on, as if both had moved evenly from run to run.

use crate::insight::published::{PointsRow, ScoreRow};
use crate::rulebook::{Metric, Track};
use crate::score::Points;

/// What a partner is and has in one run.
pub(super) struct Standing<'a> {
    pub score: &'a ScoreRow,
    pub measures: &'a [PointsRow],
}

/// How much of a metric's change comes through one measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub metric: Metric,
    pub track: Track,
    pub option: String,
    pub points: Points,
}

/// A partner's change: its pieces, and by metric what comes of another track being taken.
pub(super) struct Split {
    pub pieces: Vec<Piece>,
    pub track: [Points; 5],
}

impl Standing<'_> {
    fn points(&self, track: Track, metric: Metric, option: &str) -> i64 {
        let found = self.of(track, metric).find(|measured| measured.option == option);
        found.map_or(0, |measured| measured.points.0)
    }

    /// The option that a metric takes on a track.
    pub(super) fn option(&self, track: Track, metric: Metric) -> Option<&str> {
        self.of(track, metric).find(|measured| measured.counted).map(|measured| measured.option.as_str())
    }

    fn of(&self, track: Track, metric: Metric) -> impl Iterator<Item = &PointsRow> {
        self.measures.iter().filter(move |measured| measured.track == track && measured.metric == metric)
    }

    fn total(&self, track: Track) -> i64 {
        match track {
            Track::Enterprise => self.score.enterprise.0,
            Track::Smb => self.score.smb.0,
        }
    }
}

/// Tells a partner's change apart. Pieces and what comes of the track sum to each metric's change.
pub(super) fn split(before: &Standing, after: &Standing) -> Split {
    let (old, new) = (before.score.track, after.score.track);
    let of_track = |track| Metric::ALL.into_iter().flat_map(move |metric| of_metric(track, metric, before, after));
    if old == new {
        return Split { pieces: of_track(new).collect(), track: Default::default() };
    }
    let turn = Turn::of(before.total(old) - before.total(new), after.total(new) - after.total(old));
    let old = of_track(old).map(|piece| Piece { points: Points(turn.until(piece.points.0)), ..piece });
    let new = of_track(new).map(|piece| Piece { points: Points(turn.from(piece.points.0)), ..piece });
    let mut split = Split { pieces: old.chain(new).collect(), track: Default::default() };
    split.settle(before.score, after.score, turn.is_even());
    split
}

impl Split {
    /// The pieces that moved.
    pub(super) fn moved(&self) -> impl Iterator<Item = &Piece> {
        self.pieces.iter().filter(|piece| piece.points != Points::default())
    }

    /// Gives the track what the pieces leave of each metric's change. Where the tracks were level when they changed places, that is
    /// nothing over all metrics, and what rounding has left goes to the largest piece.
    fn settle(&mut self, before: &ScoreRow, after: &ScoreRow, even: bool) {
        for (place, metric) in Metric::ALL.into_iter().enumerate() {
            let pieces = self.pieces.iter().filter(|piece| piece.metric == metric);
            let left = after.metrics[place] - before.metrics[place] - pieces.map(|piece| piece.points).sum();
            self.track[place] = left;
        }
        let rest: Points = self.track.iter().sum();
        let largest = self.pieces.iter_mut().max_by_key(|piece| piece.points.0.abs());
        if let Some(largest) = largest.filter(|_| even) {
            let place = Metric::ALL.iter().position(|metric| *metric == largest.metric).unwrap_or_default();
            largest.points.0 += rest.0;
            self.track[place].0 -= rest.0;
        }
    }
}

/// A metric's change on one track, through the options that it took.
fn of_metric(track: Track, metric: Metric, before: &Standing, after: &Standing) -> Vec<Piece> {
    let piece = |option: &str, points| Piece { metric, track, option: option.to_owned(), points: Points(points) };
    let change = |option: &str| after.points(track, metric, option) - before.points(track, metric, option);
    let (old, new) = match (before.option(track, metric), after.option(track, metric)) {
        (Some(old), Some(new)) if old != new => (old, new),
        (Some(one), _) | (None, Some(one)) => return vec![piece(one, change(one))],
        (None, None) => return Vec::new(),
    };
    let lead = |standing: &Standing, first: &str, second: &str| {
        standing.points(track, metric, first) - standing.points(track, metric, second)
    };
    let turn = Turn::of(lead(before, old, new), lead(after, new, old));
    let until = turn.until(change(old));
    let whole = after.points(track, metric, new) - before.points(track, metric, old);
    vec![piece(old, until), piece(new, whole - until)]
}

/// When two that move evenly change places.
#[derive(Clone, Copy)]
struct Turn {
    /// The lead that the old one loses.
    lost: i64,
    /// The lead that the new one wins.
    won: i64,
    /// Whether both were level at that moment: not where something else than points decides.
    even: bool,
}

impl Turn {
    fn of(lost: i64, won: i64) -> Turn {
        Turn { lost: lost.max(0), won: won.max(0), even: lost >= 0 && won >= 0 }
    }

    fn is_even(self) -> bool {
        self.even
    }

    /// The part of a change until then.
    fn until(self, points: i64) -> i64 {
        proportion(points, self.lost, self.lost + self.won)
    }

    /// The part of a change from then on.
    fn from(self, points: i64) -> i64 {
        points - self.until(points)
    }
}

/// Points in the proportion of a part to a whole, rounded half away from zero; nothing where the whole is nothing.
pub(super) fn proportion(points: i64, part: i64, whole: i64) -> i64 {
    if whole == 0 {
        return 0;
    }
    let (dividend, divisor) = (i128::from(points) * i128::from(part), i128::from(whole));
    let (dividend, divisor) = (dividend * divisor.signum(), divisor.abs());
    let half = dividend.signum() * (divisor / 2);
    i64::try_from((dividend + half) / divisor).unwrap_or_default()
}

/// Points shared out in proportion to weights; what rounding leaves goes to the largest. None where the weights sum to nothing.
pub(super) fn allocated(points: Points, weights: &[i64]) -> Option<Vec<Points>> {
    let whole: i64 = weights.iter().sum();
    if whole == 0 {
        return None;
    }
    let mut shares: Vec<i64> = weights.iter().map(|weight| proportion(points.0, *weight, whole)).collect();
    let largest = (0..weights.len()).rev().max_by_key(|place| weights[*place].abs())?;
    shares[largest] += points.0 - shares.iter().sum::<i64>();
    Some(shares.into_iter().map(Points).collect())
}
