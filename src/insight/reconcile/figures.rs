//! Our figures: every metric and the total, of each partner on both tracks.

use std::collections::BTreeMap;

use polars::prelude::*;

use crate::engine;
use crate::error::Result;
use crate::insight::Published;
use crate::rulebook::{Metric, Rulebook, Track};
use crate::score::{Points, Score};

/// How the total is called beside the metrics.
const TOTAL: &str = "total";

/// What a figure is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Figure {
    Metric(Metric),
    Total,
}

impl Figure {
    /// The metrics in rulebook order, and the total.
    pub fn all() -> impl Iterator<Item = Figure> {
        Metric::ALL.into_iter().map(Figure::Metric).chain([Figure::Total])
    }

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Figure::Metric(metric) => metric.name(),
            Figure::Total => TOTAL,
        }
    }

    /// Whether usage has a part in it.
    pub fn comes_from_tenants(self) -> bool {
        let of_people = [Metric::IntermediateCertifications, Metric::AdvancedCertifications].map(Figure::Metric);
        !of_people.contains(&self)
    }

    fn place(self) -> usize {
        match self {
            Figure::Metric(metric) => metric as usize,
            Figure::Total => Metric::ALL.len(),
        }
    }
}

/// One partner's figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ours {
    /// The partner's track.
    pub track: Track,
    /// By track, then by figure.
    points: [[Points; Metric::ALL.len() + 1]; Track::ALL.len()],
}

/// Figures by partner_id.
pub(super) type Figures = BTreeMap<String, Ours>;

impl Ours {
    fn new(track: Track, totals: [Points; 2]) -> Ours {
        let mut ours = Ours { track, points: Default::default() };
        for (track, total) in Track::ALL.into_iter().zip(totals) {
            ours.put(track, Figure::Total, total);
        }
        ours
    }

    fn put(&mut self, track: Track, figure: Figure, points: Points) {
        self.points[track as usize][figure.place()] = points;
    }

    /// A figure on a track.
    pub fn of(&self, track: Track, figure: Figure) -> Points {
        self.points[track as usize][figure.place()]
    }
}

/// The figures of scores that were not published.
pub(super) fn scored(scores: &[Score], rules: &Rulebook) -> Figures {
    let measures = rules.measures();
    let of_score = |score: &Score| {
        let mut ours = Ours::new(score.track, [score.enterprise_points, score.smb_points]);
        for (measure, points) in measures.iter().zip(&score.measures).filter(|(_, points)| points.counted) {
            ours.put(measure.track, Figure::Metric(measure.metric), points.points);
        }
        (score.account.partner_id.clone(), ours)
    };
    scores.iter().map(of_score).collect()
}

/// The figures of a run.
pub(super) fn published(run: &Published) -> Result<Figures> {
    let rows = run.scores()?.into_iter();
    let mut figures: Figures =
        rows.map(|row| (row.partner_id, Ours::new(row.track, [row.enterprise, row.smb]))).collect();
    let df = engine::collect("published points", run.table("metric_points")?)?;
    add_metrics(&mut figures, &df).map_err(|error| run.unreadable(&error))?;
    Ok(figures)
}

/// Adds the rows of `metric_points` that count.
fn add_metrics(figures: &mut Figures, df: &DataFrame) -> PolarsResult<()> {
    let (partners, tracks) = (df.column("partner_id")?.str()?, df.column("track")?.str()?);
    let (metrics, points) = (df.column("metric")?.str()?, df.column("points")?.f64()?);
    let counted = df.column("counted")?.bool()?;
    let mut add = |row: usize| {
        let track = Track::named(tracks.get(row)?)?;
        let metric = Metric::named(metrics.get(row)?)?;
        let ours = figures.get_mut(partners.get(row)?)?;
        ours.put(track, Figure::Metric(metric), Points::of_f64(points.get(row)?));
        Some(())
    };
    for row in (0..df.height()).filter(|row| counted.get(*row) == Some(true)) {
        // A row of a partner, track or metric that scores do not know is not asked about.
        let _ = add(row);
    }
    Ok(())
}
