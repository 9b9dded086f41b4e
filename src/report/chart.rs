//! Figures of the charts: counts in spans, and where their bars stand.

use super::numbers::{counted, grouped, percent};
use super::portfolio::{Card, words};
use crate::rulebook::{Metric, Track};
use crate::score::{Points, whole};

/// Points that one bar of the distribution spans.
const SPAN: i64 = 5;
/// Points between two marks below it.
const MARK: i64 = 10;
/// Spans of a metric's points between none and all.
const QUARTERS: i64 = 4;

/// Width and height of the distribution's plot, in its own units.
pub const WIDE: (f64, f64) = (520.0, 190.0);
/// Width and height of a small chart's plot.
pub const SMALL: (f64, f64) = (180.0, 96.0);

/// How a partner of the distribution stands, and the colour of its part of a bar.
const STANDINGS: [(&str, &str); 3] = [
    ("good", "with the designation"),
    ("held", "enough points, and a metric under the minimum"),
    ("under", "too few points"),
];

/// A part of a bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    pub class: &'static str,
    pub y: f64,
    pub height: f64,
}

/// One bar, of one part or of several on top of each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// What it stands for.
    pub label: String,
    pub count: usize,
    /// How many partners in all and by part, as they are written.
    pub figures: Vec<String>,
    /// What is written over it.
    pub over: String,
    pub x: f64,
    pub width: f64,
    /// Where it ends.
    pub top: f64,
    pub parts: Vec<Part>,
}

/// A mark on an axis: what it says, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    pub text: String,
    pub at: f64,
}

/// A chart of bars, with its axes.
#[derive(Debug, Clone)]
pub struct Chart {
    pub width: f64,
    pub height: f64,
    pub bars: Vec<Bar>,
    /// Along the foot.
    pub across: Vec<Mark>,
    /// Up the side.
    pub up: Vec<Mark>,
    /// What it shows, for those who cannot see it.
    pub told: String,
}

/// How many partners have totals in each span of points, with the designation's line.
#[derive(Debug, Clone)]
pub struct Distribution {
    pub chart: Chart,
    /// Where the line stands, and the points it stands for.
    pub line: Mark,
    /// Colours that occur, and their meaning.
    pub legend: Vec<(&'static str, &'static str)>,
}

/// The distribution of totals, up to the most points that there are.
pub fn distribution(cards: &[&Card], goal: Points, most: i64) -> Distribution {
    let spans = (most / SPAN).max(1) as usize;
    let mut counts = vec![vec![0usize; STANDINGS.len()]; spans];
    for card in cards {
        let span = (card.score.total.0 / whole(SPAN).0).clamp(0, spans as i64 - 1);
        counts[span as usize][standing(card, goal)] += 1;
    }
    let label = |span: usize| {
        let from = span as i64 * SPAN;
        match span + 1 == spans {
            true => format!("{from} to {most}"),
            false => format!("{from} to under {}", from + SPAN),
        }
    };
    let highest = counts.iter().map(|parts| parts.iter().sum::<usize>()).max().unwrap_or_default();
    let labels: Vec<String> = (0..spans).map(label).collect();
    let mut chart = chart(WIDE, labels, &counts, highest.max(1) as f64, |count| grouped(count as i64));
    let at = |points: f64| rounded(WIDE.0 * points / most.max(1) as f64);
    chart.across =
        (0..=most / MARK).map(|mark| Mark { text: (mark * MARK).to_string(), at: at((mark * MARK) as f64) }).collect();
    chart.up = marks(highest)
        .into_iter()
        .map(|count| Mark { text: grouped(count as i64), at: up(WIDE.1, count as f64, highest as f64) })
        .collect();
    chart.told = told(&chart.bars, &counts);
    let occurs = |place: &usize| *place != 1 || counts.iter().any(|parts| parts[*place] > 0);
    Distribution {
        line: Mark { text: goal.to_f64().to_string(), at: at(goal.to_f64()) },
        legend: (0..STANDINGS.len()).filter(occurs).map(|place| STANDINGS[place]).collect(),
        chart,
    }
}

fn standing(card: &Card, goal: Points) -> usize {
    match (card.score.qualified, card.score.total >= goal) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => 2,
    }
}

fn told(bars: &[Bar], counts: &[Vec<usize>]) -> String {
    let most = bars.iter().max_by_key(|bar| bar.count);
    let sum = |place: usize| counts.iter().map(|parts| parts[place]).sum::<usize>();
    let most = most.map(|bar| format!("; most, {}, at {} points", grouped(bar.count as i64), bar.label));
    format!(
        "Partners by total points, in spans of {SPAN}: {} with the designation, {} with enough points and a metric under the minimum, {} with too few points{}",
        grouped(sum(0) as i64),
        grouped(sum(1) as i64),
        grouped(sum(2) as i64),
        most.unwrap_or_default()
    )
}

/// How many partners of a track have no points of a metric, each quarter of them, and all.
#[derive(Debug, Clone)]
pub struct Shares {
    pub metric: Metric,
    pub track: Track,
    /// Partners of each span.
    pub counts: Vec<usize>,
}

/// What the spans of a metric's points are called.
pub const SPANS: [&str; 6] = ["none", "under a quarter", "a quarter", "a half", "three quarters", "all"];

/// Counts the partners of a track by their share of a metric's points.
pub fn shares(cards: &[&Card], metric: Metric, track: Track) -> Shares {
    let mut counts = vec![0usize; SPANS.len()];
    let of_metric = |card: &&Card| {
        let row = card.measures.iter().find(|row| row.track == track && row.metric == metric && row.counted);
        row.map(|row| match row.points.0 {
            ..=0 => 0,
            points if points >= row.max_points.0 => SPANS.len() - 1,
            points => 1 + (points * QUARTERS / row.max_points.0) as usize,
        })
    };
    for span in cards.iter().filter_map(of_metric) {
        counts[span] += 1;
    }
    Shares { metric, track, counts }
}

impl Shares {
    fn partners(&self) -> usize {
        self.counts.iter().sum()
    }

    /// The largest share of the track's partners in one span, in percent.
    pub fn highest(&self) -> f64 {
        self.counts.iter().map(|count| percent(*count, self.partners())).fold(0.0, f64::max)
    }

    /// The chart, as high as the one with the largest share of all.
    pub fn chart(&self, highest: f64) -> Chart {
        let labels = SPANS.map(str::to_owned).into();
        let counts: Vec<Vec<usize>> = self.counts.iter().map(|count| vec![*count]).collect();
        let all = self.partners();
        let top = highest / 100.0 * all as f64;
        let over = |count: usize| match percent(count, all) {
            _ if count == 0 => String::new(),
            share if share < 1.0 => "<1%".to_owned(),
            share => format!("{share:.0}%"),
        };
        let mut chart = chart(SMALL, labels, &counts, top.max(1.0), over);
        for (place, bar) in chart.bars.iter_mut().enumerate() {
            bar.parts.iter_mut().for_each(|part| part.class = if place == 0 { "under" } else { "bar" });
        }
        let step = SMALL.0 / SPANS.len() as f64;
        let mark = |(text, place): (&str, f64)| Mark { text: text.to_owned(), at: rounded(place * step) };
        chart.across = [("none", 0.5), ("¼", 2.0), ("½", 3.0), ("¾", 4.0), ("all", 5.5)].map(mark).into();
        let spans = SPANS.iter().zip(&self.counts).map(|(span, count)| format!("{span} {}", grouped(*count as i64)));
        chart.told = format!(
            "{}, {}: {} by their share of its points: {}",
            words(self.metric.name()),
            self.track.name(),
            counted(all, "partner"),
            spans.collect::<Vec<_>>().join(", ")
        );
        chart
    }
}

/// Bars side by side, each of its parts from the foot up.
fn chart(
    (width, height): (f64, f64),
    labels: Vec<String>,
    counts: &[Vec<usize>],
    highest: f64,
    over: impl Fn(usize) -> String,
) -> Chart {
    let step = width / counts.len().max(1) as f64;
    let bar = |(place, (label, parts)): (usize, (String, &Vec<usize>))| {
        let count = parts.iter().sum();
        let mut below = 0;
        let mut stacked = Vec::new();
        for (part, (class, _)) in parts.iter().zip(STANDINGS).filter(|(part, _)| **part > 0) {
            let (from, to) = (up(height, below as f64, highest), up(height, (below + part) as f64, highest));
            stacked.push(Part { class, y: to, height: rounded(from - to) });
            below += part;
        }
        Bar {
            label,
            count,
            figures: std::iter::once(&count).chain(parts).map(|part| grouped(*part as i64)).collect(),
            over: over(count),
            x: rounded(place as f64 * step + 1.0),
            width: rounded((step - 2.0).max(1.0)),
            top: up(height, count as f64, highest),
            parts: stacked,
        }
    };
    let bars = labels.into_iter().zip(counts).enumerate().map(bar).collect();
    Chart { width, height, bars, across: Vec::new(), up: Vec::new(), told: String::new() }
}

/// Where a count stands between the foot and the top.
fn up(height: f64, count: f64, highest: f64) -> f64 {
    rounded(height - height * count / highest.max(1.0))
}

fn rounded(place: f64) -> f64 {
    (place * 10.0).round() / 10.0
}

/// Round counts from 0 to the highest, five at most.
fn marks(highest: usize) -> Vec<usize> {
    let steps = (0..).map(|power| 10usize.pow(power)).flat_map(|ten| [ten, 2 * ten, 5 * ten]);
    let step = steps.take(24).find(|step| highest / step <= 4).unwrap_or(1);
    (0..=highest / step).map(|mark| mark * step).collect()
}
