//! What `run.json` says of a run.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::{Scored, Settings};
use crate::engine;
use crate::error::Result;
use crate::history::{File, History};
use crate::metrics::Period;
use crate::month::Month;
use crate::publish::{
    self, ENGINE_REVISION, Freshness, Input, Months, RejectCount, RowCounts, RulebookName, Run, ScoreSummary,
    Selection, Stage, WarningCount,
};
use crate::rulebook::{Rulebook, Track};
use crate::score::{self, Points, Score};

/// The content of `run.json`.
pub(super) fn described(settings: &Settings, scored: &Scored, rows: RowCounts) -> Result<Run> {
    let rejects = scored.findings.rejects_by_rule().into_iter();
    let warnings = scored.findings.warnings.iter();
    let stages = engine::taken().into_iter();
    Ok(Run {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        engine_revision: ENGINE_REVISION,
        schema_version: publish::SCHEMA_VERSION.to_owned(),
        rulebook: rulebook_name(settings),
        as_of: settings.as_of,
        months: Months { m: scored.period.month.first_day(), p: scored.period.year_ago.first_day() },
        selection: selection(settings),
        inputs: inputs(&scored.history, &settings.rules, settings.as_of, settings.is_selection()),
        rows,
        scores: Some(score_summary(&scored.scores)),
        rejects: rejects.map(|((table, rule), rows)| RejectCount { table, rule, rows }).collect(),
        warnings: warnings
            .map(|((rule, subject), count)| WarningCount {
                rule: (*rule).to_owned(),
                subject: subject.clone(),
                count: *count,
            })
            .collect(),
        freshness: freshness(settings, scored)?,
        peak_memory_bytes: engine::peak_memory(),
        finished_at: timestamp(Utc::now()),
        stages: stages
            .map(|taken| Stage {
                stage: taken.stage.to_owned(),
                milliseconds: taken.time.as_millis() as u64,
                resident_bytes: taken.resident_bytes,
            })
            .collect(),
    })
}

fn rulebook_name(settings: &Settings) -> RulebookName {
    let rules = &settings.rules;
    let designation_points = rules.designation.points;
    let minimum_points = score::minimum(rules).to_f64();
    RulebookName { id: rules.id.clone(), hash: rules.hash.clone(), designation_points, minimum_points }
}

pub(super) fn selection(settings: &Settings) -> Selection {
    Selection {
        partners: settings.partners.clone(),
        distributors: settings.distributors.clone(),
        evidence: settings.evidence,
        own_findings: settings.is_selection(),
    }
}

/// Mean of the total points; 0 where there is no partner.
pub(super) fn mean_points(scores: &[Score]) -> f64 {
    let sum: Points = scores.iter().map(Score::total_points).sum();
    if scores.is_empty() { 0.0 } else { sum.to_f64() / scores.len() as f64 }
}

fn score_summary(scores: &[Score]) -> ScoreSummary {
    let of = |track: Track| scores.iter().filter(|score| score.qualified && score.track == track).count() as u64;
    ScoreSummary {
        mean_points: mean_points(scores),
        qualified: Track::ALL.map(|track| (track.name().to_owned(), of(track))).into(),
    }
}

/// The files that a score of a date by these rules depends on. One in between that no association needs may be unreadable. With `masks`, names
/// hold no partition values but months, as in runs for some partners.
pub fn inputs(history: &History, rules: &Rulebook, as_of: NaiveDate, masks: bool) -> Vec<Input> {
    let period = Period::of(rules, as_of);
    let files = history.inputs(period.year_ago, period.month).into_iter();
    let mut masked = BTreeMap::new();
    let described = files.map(|(file, footer)| Input {
        name: if masks { masked_name(&file.name, &mut masked) } else { file.name.clone() },
        size: file.size,
        modified: file.modified.and_then(date_time).map(exact_timestamp),
        changed: changed(file),
        etag: file.etag.clone(),
        rows: footer.as_ref().map(|footer| footer.rows),
        footer_hash: footer.map(|footer| footer.hash),
    });
    described.collect()
}

/// A file's name with a number in the place of every partition value but a month: those of other partners, tenants and people are nobody
/// else's to see.
fn masked_name(name: &str, numbers: &mut BTreeMap<String, usize>) -> String {
    let masked = name.split('/').map(|part| match part.split_once('=') {
        Some((key, _)) if key != "month" => {
            let next = numbers.len() + 1;
            format!("{key}=*{}", numbers.entry(part.to_owned()).or_insert(next))
        }
        _ => part.to_owned(),
    });
    masked.collect::<Vec<_>>().join("/")
}

/// Is the newest data as recent as the source promises on the as-of date?
fn freshness(settings: &Settings, scored: &Scored) -> Result<Freshness> {
    let (rules, as_of) = (&settings.rules.freshness, settings.as_of);
    let newest_month = scored.history.usage_months()?.last().copied();
    let newest_certification = scored.history.newest_certification(as_of)?;
    let month_before = Month::of(as_of).plus(-1);
    let promised = if as_of >= Month::of(as_of).day(rules.usage_by_day) { month_before } else { month_before.plus(-1) };
    let is_recent = |day: NaiveDate| (as_of - day).num_days() <= i64::from(rules.certifications_within_days);
    let certifications_written = scored.history.certifications_written();
    Ok(Freshness {
        newest_usage_month: newest_month.map(Month::first_day),
        usage_as_promised: newest_month.is_some_and(|newest| newest >= promised),
        newest_certification,
        certifications_written,
        // A recent certification proves recent data. Without one, only a table from before the promised days is known to be old.
        certifications_as_promised: match newest_certification {
            Some(newest) if is_recent(newest) => Some(true),
            _ => certifications_written.filter(|written| !is_recent(*written)).map(|_| false),
        },
    })
}

/// The last change of a local file; the version of an object is that of its etag.
fn changed(file: &File) -> Option<String> {
    file.identity.and_then(|identity| identity.changed).map(exact_timestamp)
}

/// A file's time; None where the calendar does not reach that far.
fn date_time(time: SystemTime) -> Option<DateTime<Utc>> {
    let since_1970 = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => TimeDelta::from_std(after).ok()?,
        Err(before) => -TimeDelta::from_std(before.duration()).ok()?,
    };
    DateTime::UNIX_EPOCH.checked_add_signed(since_1970)
}

/// With nanoseconds: two versions of a file may be written within a second.
fn exact_timestamp(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.9fZ").to_string()
}

fn timestamp(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
