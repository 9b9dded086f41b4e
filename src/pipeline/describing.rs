//! What `run.json` says of a run.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};

use super::{Scored, Settings};
use crate::engine;
use crate::error::Result;
use crate::history::History;
use crate::metrics::Period;
use crate::month::Month;
use crate::publish::{
    self, Freshness, Input, Months, RejectCount, RowCounts, RulebookName, Run, ScoreSummary, Selection, Stage,
    WarningCount,
};
use crate::rulebook::Track;
use crate::score::{self, Points, Score};

/// The content of `run.json`.
pub(super) fn described(settings: &Settings, scored: &Scored, rows: RowCounts) -> Result<Run> {
    let rejects = scored.findings.rejects_by_rule().into_iter();
    let warnings = scored.findings.warnings.iter();
    let stages = engine::taken().into_iter();
    Ok(Run {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        schema_version: publish::SCHEMA_VERSION.to_owned(),
        rulebook: rulebook_name(settings),
        as_of: settings.as_of,
        months: Months { m: scored.period.month.first_day(), p: scored.period.year_ago.first_day() },
        selection: selection(settings),
        inputs: inputs(settings, &scored.history, scored.period),
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

/// Whether a run of these settings would read what a published run has read, and do the same with it.
pub fn would_repeat(settings: &Settings, history: &History, published: &Run) -> bool {
    what_changed(settings, history, published).is_none()
}

/// Why a run of these settings would not repeat a published one, in words; None where it would.
pub fn what_changed(settings: &Settings, history: &History, published: &Run) -> Option<String> {
    let version = env!("CARGO_PKG_VERSION");
    if published.version != version || published.schema_version != publish::SCHEMA_VERSION {
        return Some(format!("it was made by version {}, and this is {version}", published.version));
    }
    if published.rulebook.hash != settings.rules.hash {
        return Some(format!("it was made by other rules, {}", published.rulebook.id));
    }
    if published.as_of != settings.as_of || published.selection != selection(settings) {
        return Some("it was asked for other partners, another date, or evidence otherwise".to_owned());
    }
    let inputs = inputs(settings, history, Period::of(&settings.rules, settings.as_of));
    let changed = inputs.iter().find(|input| !published.inputs.contains(input)).map(|input| &input.name);
    let gone = published.inputs.iter().find(|input| !inputs.contains(input)).map(|input| &input.name);
    changed.or(gone).map(|name| format!("{name} of the history is not what it was"))
}

/// The files that a score of a period depends on. One in between that no association needs may be unreadable.
fn inputs(settings: &Settings, history: &History, period: Period) -> Vec<Input> {
    let files = history.inputs(period.year_ago, period.month).into_iter();
    let mut masked = BTreeMap::new();
    let described = files.map(|(file, footer)| Input {
        name: if settings.is_selection() { masked_name(&file.name, &mut masked) } else { file.name.clone() },
        size: file.size,
        modified: file.modified.map(|time| timestamp(time.into())),
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
    let days = |newest: NaiveDate| (as_of - newest).num_days();
    Ok(Freshness {
        newest_usage_month: newest_month.map(Month::first_day),
        usage_as_promised: newest_month.is_some_and(|newest| newest >= promised),
        newest_certification,
        certifications_as_promised: newest_certification
            .is_some_and(|newest| days(newest) <= i64::from(rules.certifications_within_days)),
    })
}

fn timestamp(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
