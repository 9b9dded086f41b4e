//! Figures of the charts: counts in bins, and where a bar stands.

use super::portfolio::Card;
use crate::rulebook::{Metric, Track};
use crate::score::{Points, whole};

/// Points that one bar of the distribution spans.
const BIN: i64 = 5;
/// Bars of a metric's small chart.
const PARTS: usize = 10;

/// Height of the charts' plots, in their own units.
const HEIGHT: f64 = 160.0;

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// What it stands for, for those who cannot see it.
    pub label: String,
    pub count: usize,
    pub x: f64,
    pub width: f64,
    pub y: f64,
    pub height: f64,
    /// Whether it lies at or above the designation's points.
    pub above: bool,
}

/// A chart of bars, with its marks.
#[derive(Debug, Clone)]
pub struct Bars {
    pub bars: Vec<Bar>,
    /// Marks on the count axis: the count, and where it stands.
    pub marks: Vec<(usize, f64)>,
}

/// How many partners have totals in each span of points.
pub fn distribution(cards: &[&Card], goal: Points, most: i64, width: f64) -> Bars {
    let bins = (most / BIN).max(1) as usize;
    let mut counts = vec![0usize; bins];
    for card in cards {
        let bin = (card.score.total.0 / whole(BIN).0).clamp(0, bins as i64 - 1);
        counts[bin as usize] += 1;
    }
    let label = |bin: usize| {
        let from = bin as i64 * BIN;
        if bin + 1 == bins {
            format!("{from} to {most} points")
        } else {
            format!("{from} to under {} points", from + BIN)
        }
    };
    bars(&counts, width, label, |bin| whole(bin as i64 * BIN) >= goal)
}

/// How many partners of a track have so large a share of a metric's points.
pub fn of_metric(cards: &[&Card], metric: Metric, track: Track, width: f64) -> Bars {
    let mut counts = vec![0usize; PARTS + 1];
    for card in cards {
        let of_metric = card.measures.iter().filter(|row| row.track == track && row.metric == metric && row.counted);
        for row in of_metric {
            let share = row.points.0 * PARTS as i64 / row.max_points.0.max(1);
            counts[share.clamp(0, PARTS as i64) as usize] += 1;
        }
    }
    let label = |part: usize| match part {
        PARTS => "all points".to_owned(),
        part => format!("{} to under {} % of the points", part * 100 / PARTS, (part + 1) * 100 / PARTS),
    };
    bars(&counts, width, label, |part| part > 0)
}

fn bars(counts: &[usize], width: f64, label: impl Fn(usize) -> String, above: impl Fn(usize) -> bool) -> Bars {
    let highest = counts.iter().copied().max().unwrap_or(0);
    let step = width / counts.len().max(1) as f64;
    let of_count = |count: usize| HEIGHT * count as f64 / highest.max(1) as f64;
    let bar = |(place, count): (usize, &usize)| Bar {
        label: label(place),
        count: *count,
        x: place as f64 * step + 1.0,
        width: (step - 2.0).max(1.0),
        y: HEIGHT - of_count(*count),
        height: of_count(*count),
        above: above(place),
    };
    let marks = marks(highest).into_iter().map(|count| (count, HEIGHT - of_count(count))).collect();
    Bars { bars: counts.iter().enumerate().map(bar).collect(), marks }
}

/// Round counts from 0 to the highest, five at most.
fn marks(highest: usize) -> Vec<usize> {
    let steps = (0..).map(|power| 10usize.pow(power)).flat_map(|ten| [ten, 2 * ten, 5 * ten]);
    let step = steps.take(24).find(|step| highest / step <= 4).unwrap_or(1);
    (0..=highest / step).map(|mark| mark * step).collect()
}
