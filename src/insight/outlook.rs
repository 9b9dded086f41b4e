//! Outlook: what is already certain about the next months if nobody changes what they do. Arithmetic, not a forecast.
//!
//! Usage stays what it is at M, for as long as it takes. Certificates expire, associations begin and end on their dates, and
//! the month a year before moves on into months that have been: the same code scores each date.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use polars::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{Answer, column, frame};
use super::published::{EvidenceRow, Published};
use crate::error::{Error, Result};
use crate::metrics::{Period, reason};
use crate::month::Month;
use crate::pipeline::{self, Settings};
use crate::publish::Lock;
use crate::rulebook::{Metric, Rulebook};
use crate::score::{Score, whole};
use crate::words::counted;

/// What every outlook says of itself.
const NOTE: &str = "Arithmetic, not a forecast: usage of the newest month stands for those to come; only what is dated already changes.";

/// What is certain about the next months.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Outlook {
    pub note: String,
    pub as_of: NaiveDate,
    pub rulebook: String,
    /// Those with alerts first, the earliest alert first.
    pub partners: Vec<PartnerOutlook>,
}

/// One partner, month by month.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PartnerOutlook {
    pub partner_id: String,
    pub partner_name: Option<String>,
    pub distributor_id: Option<String>,
    /// The as-of date itself first.
    pub months: Vec<OutlookMonth>,
    pub alerts: Vec<Alert>,
    /// What is behind each change; only where one partner was asked about.
    pub events: Vec<Event>,
}

/// The score if nothing changes.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct OutlookMonth {
    pub as_of: NaiveDate,
    /// First day of the usage month.
    pub month: NaiveDate,
    pub track: String,
    pub qualified: bool,
    pub total_points: f64,
    pub enterprise_points: f64,
    pub smb_points: f64,
    /// Points of the partner's track by metric.
    pub metrics: BTreeMap<String, f64>,
    pub metrics_short: Vec<String>,
}

/// Something that is going to be worse than it was a month before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Alert {
    pub as_of: NaiveDate,
    /// `loses_designation`, `falls_below_designation_points`, `falls_below_milestone` or `metric_under_minimum`.
    pub kind: String,
    /// The metric or the milestone that it is about.
    pub subject: Option<String>,
    /// In words.
    pub what: String,
}

/// A row of evidence that adds something else than a month before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Event {
    pub as_of: NaiveDate,
    /// `certificate_expires`, `certificate_begins`, `association_ends`, `association_begins`, `association_year_over`, `band_year_ago`
    /// or `year_ago_month`.
    pub kind: String,
    pub track: String,
    pub metric: String,
    pub option: String,
    pub tenant_id: Option<String>,
    pub person_id: Option<String>,
    pub workload: Option<String>,
    /// What it adds to the measure, a month before and then.
    pub net_before: i64,
    pub net_after: i64,
}

/// The outlook of the partners that settings are narrowed to, `months` ahead; with what is behind it where there is one partner.
///
/// # Errors
/// Usage where it looks ahead beyond the year-ago month; those of a score.
pub fn outlook(settings: &Settings, months: u32) -> Result<Outlook> {
    let most = settings.rules.months.year_ago_months;
    if months > most {
        let (asked, most) = (counted(months.into(), "month"), counted(most.into(), "month"));
        return Err(Error::usage(format!("an outlook of {asked} compares months that have not been yet"))
            .hint(format!("look at most {most} ahead")));
    }
    let dates: Vec<NaiveDate> = (0..=months).map(|ahead| later(settings.as_of, ahead)).collect();
    let newest = Period::of(&settings.rules, settings.as_of).month;
    let settings = Settings { carried_from: Some(newest), ..settings.clone() };
    match settings.partners.len() {
        1 => of_one(&settings, &dates),
        _ => of_all(&settings, &dates),
    }
}

/// The same day of a later month, or the last day of a shorter one.
fn later(as_of: NaiveDate, months: u32) -> NaiveDate {
    Month::of(as_of).plus(months as i32).day(as_of.day())
}

fn of_all(settings: &Settings, dates: &[NaiveDate]) -> Result<Outlook> {
    let mut scored = BTreeMap::new();
    let mut failed = None;
    pipeline::score_each(settings, dates, |as_of, result| match result {
        Ok(result) => drop(scored.insert(as_of, result.scores)),
        Err(error) => failed = failed.take().or(Some(error)),
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    Ok(put_together(settings, &scored, &[]))
}

/// One partner's, published where nobody sees it, so that its evidence can be compared from month to month.
fn of_one(settings: &Settings, dates: &[NaiveDate]) -> Result<Outlook> {
    let unseen = tempfile::tempdir().map_err(|error| Error::storage("make a folder", &std::env::temp_dir(), &error))?;
    let settings = Settings { evidence: true, ..settings.clone() };
    let lock = Lock::take(unseen.path(), settings.mode)?;
    let (mut scored, mut evidence, mut failed) = (BTreeMap::new(), BTreeMap::new(), None);
    pipeline::publish_each(&settings, &lock, unseen.path(), dates, &mut |as_of, outcome| {
        let read = outcome.and_then(|outcome| {
            let partner = outcome.scored.scores.first().map(|score| score.account.partner_id.clone());
            let rows = Published::open(&outcome.folder)?.evidence_of(&partner.unwrap_or_default())?;
            Ok((outcome.scored.scores, rows.unwrap_or_default()))
        });
        match read {
            Ok((scores, rows)) => {
                scored.insert(as_of, scores);
                evidence.insert(as_of, rows);
            }
            Err(error) => failed = failed.take().or(Some(error)),
        }
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    let events: Vec<Event> = evidence
        .iter()
        .zip(evidence.iter().skip(1))
        .flat_map(|((_, before), (as_of, after))| events(*as_of, before, after))
        .collect();
    Ok(put_together(&settings, &scored, &events))
}

fn put_together(settings: &Settings, scored: &BTreeMap<NaiveDate, Vec<Score>>, events: &[Event]) -> Outlook {
    let mut by_partner: BTreeMap<&str, Vec<(NaiveDate, &Score)>> = BTreeMap::new();
    for (as_of, scores) in scored {
        for score in scores {
            by_partner.entry(&score.account.partner_id).or_default().push((*as_of, score));
        }
    }
    let mut partners: Vec<PartnerOutlook> =
        by_partner.values().filter_map(|dated| partner(dated, &settings.rules, events)).collect();
    partners.sort_by_key(|partner| {
        let first = partner.alerts.first().map(|alert| alert.as_of);
        (first.is_none(), first, partner.partner_id.clone())
    });
    Outlook { note: NOTE.to_owned(), as_of: settings.as_of, rulebook: settings.rules.id.clone(), partners }
}

fn partner(dated: &[(NaiveDate, &Score)], rules: &Rulebook, events: &[Event]) -> Option<PartnerOutlook> {
    let (_, now) = dated.first()?;
    let steps = dated.iter().zip(dated.iter().skip(1));
    Some(PartnerOutlook {
        partner_id: now.account.partner_id.clone(),
        partner_name: now.account.partner_name.clone(),
        distributor_id: now.account.distributor_id.clone(),
        months: dated.iter().map(|(as_of, score)| month(*as_of, score, rules)).collect(),
        alerts: steps.flat_map(|((_, before), (as_of, after))| alerts(*as_of, before, after, rules)).collect(),
        events: events.to_vec(),
    })
}

fn month(as_of: NaiveDate, score: &Score, rules: &Rulebook) -> OutlookMonth {
    let metrics = Metric::ALL.iter().zip(score.metrics);
    OutlookMonth {
        as_of,
        month: rules.usage_month(as_of).first_day(),
        track: score.track.name().to_owned(),
        qualified: score.qualified,
        total_points: score.total_points().to_f64(),
        enterprise_points: score.enterprise_points.to_f64(),
        smb_points: score.smb_points.to_f64(),
        metrics: metrics.map(|(metric, points)| (metric.name().to_owned(), points.to_f64())).collect(),
        metrics_short: score.metrics_short.iter().map(|metric| metric.name().to_owned()).collect(),
    }
}

/// What is worse than a month before.
fn alerts(as_of: NaiveDate, before: &Score, after: &Score, rules: &Rulebook) -> Vec<Alert> {
    let alert = |kind: &str, subject: Option<&str>, what: String| Alert {
        as_of,
        kind: kind.to_owned(),
        subject: subject.map(str::to_owned),
        what,
    };
    let mut found = Vec::new();
    if before.qualified && !after.qualified {
        found.push(alert("loses_designation", None, "loses the designation".to_owned()));
    }
    let (was, is) = (before.total_points(), after.total_points());
    let falls_below = |points: i64| was >= whole(points) && is < whole(points);
    let designation = rules.designation.points;
    if falls_below(designation) {
        let what = format!("falls below the {designation} points of the designation");
        found.push(alert("falls_below_designation_points", None, what));
    }
    for (name, milestone) in rules.milestones.iter().filter(|(_, milestone)| falls_below(milestone.points)) {
        let what = format!("falls below the {} points of {name}", milestone.points);
        found.push(alert("falls_below_milestone", Some(name), what));
    }
    for metric in after.metrics_short.iter().filter(|metric| !before.metrics_short.contains(metric)) {
        let what = format!("{} falls under its minimum", metric.name());
        found.push(alert("metric_under_minimum", Some(metric.name()), what));
    }
    found
}

/// What names a row of evidence.
type Key = (usize, usize, String, Option<String>, Option<String>, Option<String>);

fn keyed(rows: &[EvidenceRow]) -> BTreeMap<Key, &EvidenceRow> {
    let key = |row: &EvidenceRow| {
        let (tenant, person) = (row.tenant_id.clone(), row.person_id.clone());
        (row.track as usize, row.metric as usize, row.option.clone(), tenant, person, row.workload.clone())
    };
    rows.iter().map(|row| (key(row), row)).collect()
}

/// Rows that add something else than a month before, each with its cause.
fn events(as_of: NaiveDate, before: &[EvidenceRow], after: &[EvidenceRow]) -> Vec<Event> {
    let (before, after) = (keyed(before), keyed(after));
    let keys: std::collections::BTreeSet<&Key> = before.keys().chain(after.keys()).collect();
    let event = |key: &Key| {
        let (was, is) = (before.get(key).copied(), after.get(key).copied());
        let (net_before, net_after) = (net(was), net(is));
        let row = is.or(was).filter(|_| net_before != net_after)?;
        Some(Event {
            as_of,
            kind: cause(was, is).to_owned(),
            track: row.track.name().to_owned(),
            metric: row.metric.name().to_owned(),
            option: row.option.clone(),
            tenant_id: row.tenant_id.clone(),
            person_id: row.person_id.clone(),
            workload: row.workload.clone(),
            net_before,
            net_after,
        })
    };
    keys.into_iter().filter_map(event).collect()
}

fn net(row: Option<&EvidenceRow>) -> i64 {
    row.filter(|row| row.counted).map_or(0, |row| row.current - row.prior)
}

/// What changed a row while usage at M stays what it is.
fn cause(before: Option<&EvidenceRow>, after: Option<&EvidenceRow>) -> &'static str {
    let of_person = before.or(after).is_some_and(|row| row.person_id.is_some());
    let [was, is] = [before, after].map(|row| row.map(|row| row.reason.as_str()).unwrap_or_default());
    let young = [reason::ASSOCIATION_MONTH_BASELINE, reason::NEWLY_HELD, reason::DEPLOYED_BEFORE_ASSOCIATION];
    match (before, after) {
        _ if of_person && net(after) < net(before) => "certificate_expires",
        _ if of_person => "certificate_begins",
        (None, _) => "association_begins",
        (_, None) => "association_ends",
        _ if is == reason::NOT_HELD_AT_M && was != reason::NOT_HELD_AT_M => "association_ends",
        _ if young.contains(&was) && !young.contains(&is) => "association_year_over",
        _ if was == reason::ENTERED_BAND || is == reason::ENTERED_BAND => "band_year_ago",
        _ => "year_ago_month",
    }
}

impl Answer for Outlook {
    /// One row for each partner and month.
    fn rows(&self) -> Result<DataFrame> {
        let rows: Vec<(&PartnerOutlook, &OutlookMonth)> =
            self.partners.iter().flat_map(|partner| partner.months.iter().map(move |month| (partner, month))).collect();
        let text = |name: &str, value: &dyn Fn(&PartnerOutlook, &OutlookMonth) -> Option<String>| {
            column(name, rows.iter().map(|(partner, month)| value(partner, month)).collect::<Vec<_>>())
        };
        let points = |name: &str, value: &dyn Fn(&OutlookMonth) -> f64| {
            column(name, rows.iter().map(|(_, month)| value(month)).collect::<Vec<_>>())
        };
        let mut columns = vec![
            text("partner_id", &|partner, _| Some(partner.partner_id.clone())),
            text("partner_name", &|partner, _| partner.partner_name.clone()),
            text("distributor_id", &|partner, _| partner.distributor_id.clone()),
            text("as_of", &|_, month| Some(month.as_of.to_string())),
            text("track", &|_, month| Some(month.track.clone())),
            column("qualified", rows.iter().map(|(_, month)| month.qualified).collect::<Vec<_>>()),
            points("total_points", &|month| month.total_points),
        ];
        for metric in Metric::ALL.map(Metric::name) {
            let of_metric = |month: &OutlookMonth| month.metrics.get(metric).copied().unwrap_or_default();
            columns.push(points(&format!("{metric}_points"), &of_metric));
        }
        let alerts = |partner: &PartnerOutlook, month: &OutlookMonth| {
            let then = partner.alerts.iter().filter(|alert| alert.as_of == month.as_of);
            Some(then.map(|alert| alert.what.as_str()).collect::<Vec<_>>().join("; "))
        };
        columns.push(text("alerts", &alerts));
        frame(columns)
    }
}
