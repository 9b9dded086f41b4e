//! A partner, opened: both tracks, every option, and what is missing.

use super::distance::{enough, net, spare};
use super::numbers::{counted, grouped, points};
use super::portfolio::{Card, Portfolio, Status, TRACKS, words};
use crate::insight::{PointsRow, shown};
use crate::rulebook::{ALL_OPTIONS, Metric, Track};

/// A partner, opened.
pub struct Details<'a> {
    pub card: &'a Card,
    pub status: Status,
    pub total: String,
    /// What it lacks or may lose, in words.
    pub lacks: String,
    pub tracks: Vec<TrackDetails<'a>>,
}

/// A track of a partner, opened.
pub struct TrackDetails<'a> {
    pub name: &'static str,
    pub own: bool,
    pub total: String,
    pub rows: Vec<MeasureDetails<'a>>,
    /// Its metrics from the left to the right of a bar of all points.
    pub strip: Vec<Piece>,
}

/// A measure of a partner.
pub struct MeasureDetails<'a> {
    pub row: &'a PointsRow,
    /// Metric and option in words.
    pub name: String,
    pub current: String,
    /// Nothing for what is not compared with a year ago.
    pub prior: String,
    pub net: String,
    pub target: String,
    pub points: String,
    pub max_points: String,
    /// What is missing to all points, in units.
    pub missing: String,
    /// What alone is enough for the designation, or loses it.
    pub decides: String,
}

/// A metric's part of the bar that adds up to a track's total, in percent of the points that there are.
pub struct Piece {
    pub label: String,
    pub points: String,
    pub from: f64,
    pub width: f64,
}

/// Opens a partner.
pub fn details<'a>(portfolio: &Portfolio, card: &'a Card) -> Details<'a> {
    Details {
        status: portfolio.status(card),
        total: shown(card.score.total),
        lacks: lacks(portfolio, card),
        tracks: TRACKS.map(|track| track_details(portfolio, card, track)).into(),
        card,
    }
}

fn track_details<'a>(portfolio: &Portfolio, card: &'a Card, track: Track) -> TrackDetails<'a> {
    let rows: Vec<&PointsRow> = card.measures.iter().filter(|row| row.track == track).collect();
    TrackDetails {
        name: track.name(),
        own: track == card.score.track,
        total: shown(if track == Track::Enterprise { card.score.enterprise } else { card.score.smb }),
        strip: strip(&rows),
        rows: rows.iter().map(|row| measure(portfolio, row, &rows)).collect(),
    }
}

/// What a partner lacks, or what it has to spare.
fn lacks(portfolio: &Portfolio, card: &Card) -> String {
    let at_minimum = card.at_minimum.iter().map(|metric| format!("{} at the minimum", words(metric.name())));
    let first = match card.score.qualified {
        true => format!("{} to spare", points(card.score.total - portfolio.goal())),
        false => card.lacks(),
    };
    std::iter::once(first).chain(at_minimum).collect::<Vec<_>>().join(", ")
}

fn measure<'a>(portfolio: &Portfolio, row: &'a PointsRow, track: &[&PointsRow]) -> MeasureDetails<'a> {
    let line = portfolio.line();
    let missing = (row.target - net(row)).max(0);
    let more = enough(row, track, line).map(|more| format!("{} more", grouped(more)));
    let fewer = spare(row, track, line).map(|less| format!("{} fewer lose it", grouped(less)));
    MeasureDetails {
        name: measured(row.metric, &row.option),
        current: grouped(row.current),
        prior: if is_skill(row.metric) { String::new() } else { grouped(row.prior) },
        net: grouped(net(row)),
        target: grouped(row.target),
        points: shown(row.points),
        max_points: shown(row.max_points),
        missing: if missing > 0 { unit(row.metric, missing) } else { String::new() },
        decides: more.or(fewer).unwrap_or_default(),
        row,
    }
}

fn is_skill(metric: Metric) -> bool {
    matches!(metric, Metric::IntermediateCertifications | Metric::AdvancedCertifications)
}

/// Metric and option in words.
pub fn measured(metric: Metric, option: &str) -> String {
    match option {
        ALL_OPTIONS => words(metric.name()),
        option => format!("{}, {}", words(metric.name()), option.to_uppercase()),
    }
}

/// So many of what a metric counts.
fn unit(metric: Metric, number: i64) -> String {
    match (metric, number) {
        (Metric::IntermediateCertifications | Metric::AdvancedCertifications, 1) => "1 person".to_owned(),
        (Metric::IntermediateCertifications | Metric::AdvancedCertifications, many) => {
            format!("{} people", grouped(many))
        }
        (Metric::UsageGrowth, _) => counted(number.unsigned_abs() as usize, "user"),
        (Metric::NetCustomerAdds | Metric::Deployments, _) => counted(number.unsigned_abs() as usize, "tenant"),
    }
}

/// The metrics of a track as pieces of one bar.
fn strip(rows: &[&PointsRow]) -> Vec<Piece> {
    let taken: Vec<&&PointsRow> = rows.iter().filter(|row| row.counted).collect();
    let most = taken.iter().map(|row| row.max_points.0).sum::<i64>().max(1) as f64;
    let mut from = 0.0;
    let mut pieces = Vec::new();
    for row in taken {
        let width = 100.0 * row.points.0 as f64 / most;
        pieces.push(Piece { label: words(row.metric.name()), points: shown(row.points), from, width });
        from += width;
    }
    pieces.retain(|piece| piece.width > 0.0);
    pieces
}
