//! How far a partner is from the designation's line, measure by measure: what one measure alone would have to gain, or can lose.

use crate::insight::PointsRow;
use crate::score::{Points, earned, whole};

/// What the designation asks for.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// Points in total.
    pub goal: Points,
    /// Points in every metric.
    pub minimum: Points,
}

/// The fewest more of a measure that alone bring its track to the designation; None where nothing is missing, or more of it does not do.
pub fn enough(row: &PointsRow, track: &[&PointsRow], line: Line) -> Option<i64> {
    let reaches = |more: i64| qualifies(row, track, line, taken_with(row, track, more));
    let most = row.target - net(row);
    if most < 1 || reaches(0) || !reaches(most) {
        return None;
    }
    Some(first(most, reaches))
}

/// The fewest less of a measure that alone lose its track the designation; None where it has none, or stands without the measure.
pub fn spare(row: &PointsRow, track: &[&PointsRow], line: Line) -> Option<i64> {
    let loses = |less: i64| !qualifies(row, track, line, taken_with(row, track, -less));
    let most = net(row).max(1);
    if !row.counted || loses(0) || !loses(most) {
        return None;
    }
    Some(first(most, loses))
}

/// The smallest number from 1 to the last for which something holds that, once it holds, goes on to.
fn first(last: i64, holds: impl Fn(i64) -> bool) -> i64 {
    let (mut without, mut with) = (0, last);
    while without + 1 < with {
        let middle = without + (with - without) / 2;
        if holds(middle) { with = middle } else { without = middle }
    }
    with
}

/// Whether a track has the designation where one measure's metric has other points.
fn qualifies(row: &PointsRow, track: &[&PointsRow], line: Line, points: Points) -> bool {
    let others = || track.iter().filter(|other| other.counted && other.metric != row.metric).map(|other| other.points);
    let total = Points(others().sum::<Points>().0 + points.0);
    total >= line.goal && points >= line.minimum && others().all(|other| other >= line.minimum)
}

/// The points that a metric takes with so many more of one of its measures: its own, or those of another option where that gives more.
pub fn taken_with(row: &PointsRow, track: &[&PointsRow], more: i64) -> Points {
    let own = earned(net(row) + more, row.max_points.0 / whole(1).0, row.target);
    let other = track.iter().filter(|other| other.metric == row.metric && other.option != row.option);
    other.map(|other| other.points).fold(own, Points::max)
}

/// What counts now less what counted a year ago.
pub fn net(row: &PointsRow) -> i64 {
    row.current - row.prior
}
