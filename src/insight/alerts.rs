//! Alerts: what happened to partners between two runs that somebody should hear of today.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use polars::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{Answer, column, frame};
use super::published::{Published, ScoreRow};
use crate::error::Result;
use crate::rulebook::Rulebook;
use crate::score::{Points, whole};

/// What there is to hear of between two runs.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Alerts {
    /// The as-of date of the run before; None where there is none, and then there are no alerts.
    pub before: Option<NaiveDate>,
    pub after: NaiveDate,
    /// By kind, the most serious first, and then by partner.
    pub alerts: Vec<PartnerAlert>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PartnerAlert {
    pub kind: AlertKind,
    pub partner_id: String,
    pub partner_name: Option<String>,
    pub distributor_id: Option<String>,
    /// The metric or the milestone that it is about.
    pub subject: Option<String>,
    /// Total points in the run before.
    pub points_before: f64,
    /// Total points now; None where the partner is in the run before alone.
    pub points_after: Option<f64>,
    /// In words.
    pub what: String,
}

/// What happened; the most serious first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    LostDesignation,
    /// Under the points that the designation asks for, with or without the designation before.
    FellBelowDesignationPoints,
    /// Under the points of a milestone of the rulebook.
    FellBelowMilestone,
    /// A metric of the partner's track that was not under its minimum is now.
    MetricUnderMinimum,
    /// The partner is in the run before alone.
    Gone,
    WonDesignation,
    /// At the points of a milestone of the rulebook, or above.
    ReachedMilestone,
}

impl AlertKind {
    /// Its name in tables and metrics.
    pub fn name(self) -> &'static str {
        match self {
            AlertKind::LostDesignation => "lost_designation",
            AlertKind::FellBelowDesignationPoints => "fell_below_designation_points",
            AlertKind::FellBelowMilestone => "fell_below_milestone",
            AlertKind::MetricUnderMinimum => "metric_under_minimum",
            AlertKind::Gone => "gone",
            AlertKind::WonDesignation => "won_designation",
            AlertKind::ReachedMilestone => "reached_milestone",
        }
    }
}

/// What happened between two runs, by the points and milestones of a rulebook, which is that of the second run.
///
/// # Errors
/// Refused where a table of a run cannot be read.
pub fn alerts(before: Option<&Published>, after: &Published, rules: &Rulebook) -> Result<Alerts> {
    let mut alerts = Vec::new();
    if let Some(before) = before {
        let now: BTreeMap<String, ScoreRow> =
            after.scores()?.into_iter().map(|score| (score.partner_id.clone(), score)).collect();
        for was in before.scores()? {
            alerts.extend(of_partner(&was, now.get(&was.partner_id), rules));
        }
    }
    alerts.sort_by(|a, b| (a.kind, &a.partner_id, &a.subject).cmp(&(b.kind, &b.partner_id, &b.subject)));
    Ok(Alerts { before: before.map(|before| before.run.as_of), after: after.run.as_of, alerts })
}

fn of_partner(was: &ScoreRow, is: Option<&ScoreRow>, rules: &Rulebook) -> Vec<PartnerAlert> {
    let alert = |kind: AlertKind, subject: Option<&str>, what: String| PartnerAlert {
        kind,
        partner_id: was.partner_id.clone(),
        partner_name: is.unwrap_or(was).partner_name.clone(),
        distributor_id: is.unwrap_or(was).distributor_id.clone(),
        subject: subject.map(str::to_owned),
        points_before: was.total.to_f64(),
        points_after: is.map(|is| is.total.to_f64()),
        what,
    };
    let Some(is) = is else { return vec![alert(AlertKind::Gone, None, "is no longer in the portfolio".to_owned())] };
    let mut found = Vec::new();
    match (was.qualified, is.qualified) {
        (true, false) => found.push(alert(AlertKind::LostDesignation, None, "lost the designation".to_owned())),
        (false, true) => found.push(alert(AlertKind::WonDesignation, None, "won the designation".to_owned())),
        _ => {}
    }
    let crossing = Crossing { was: was.total, is: is.total };
    let designation = rules.designation.points;
    if crossing.falls_below(designation) {
        let what = format!("fell below the {designation} points of the designation");
        found.push(alert(AlertKind::FellBelowDesignationPoints, None, what));
    }
    for (name, milestone) in &rules.milestones {
        let points = milestone.points;
        if crossing.falls_below(points) {
            let what = format!("fell below the {points} points of {name}");
            found.push(alert(AlertKind::FellBelowMilestone, Some(name), what));
        } else if crossing.reaches(points) {
            let what = format!("reached the {points} points of {name}");
            found.push(alert(AlertKind::ReachedMilestone, Some(name), what));
        }
    }
    let short_before: Vec<&str> = was.metrics_short.split(',').collect();
    for metric in is.metrics_short.split(',').filter(|metric| !metric.is_empty() && !short_before.contains(metric)) {
        found.push(alert(AlertKind::MetricUnderMinimum, Some(metric), format!("{metric} fell under its minimum")));
    }
    found
}

/// A total before and now.
struct Crossing {
    was: Points,
    is: Points,
}

impl Crossing {
    fn falls_below(&self, points: i64) -> bool {
        self.was >= whole(points) && self.is < whole(points)
    }

    fn reaches(&self, points: i64) -> bool {
        self.was < whole(points) && self.is >= whole(points)
    }
}

impl Answer for Alerts {
    /// One row for each alert.
    fn rows(&self) -> Result<DataFrame> {
        let text = |name: &str, value: &dyn Fn(&PartnerAlert) -> Option<String>| {
            column(name, self.alerts.iter().map(value).collect::<Vec<_>>())
        };
        frame(vec![
            text("kind", &|alert| Some(alert.kind.name().to_owned())),
            text("partner_id", &|alert| Some(alert.partner_id.clone())),
            text("partner_name", &|alert| alert.partner_name.clone()),
            text("distributor_id", &|alert| alert.distributor_id.clone()),
            text("subject", &|alert| alert.subject.clone()),
            column("points_before", self.alerts.iter().map(|alert| alert.points_before).collect::<Vec<_>>()),
            column("points_after", self.alerts.iter().map(|alert| alert.points_after).collect::<Vec<_>>()),
            text("what", &|alert| Some(alert.what.clone())),
        ])
    }
}
