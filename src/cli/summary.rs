//! What a person reads after a run.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use comfy_table::{Cell, Table, presets};

use super::console::Console;
use super::printer::printable;
use super::text;
use crate::email::redacted;
use crate::history::Findings;
use crate::pipeline::{Outcome, Settings};
use crate::report::NEAR;
use crate::rulebook::Track;
use crate::score::{Score, whole};
pub use crate::words::counted;

/// How many partners the ranking and the near misses show.
const SHOWN: usize = 10;
/// How many workloads or certifications a warning names; `run.json` has them all.
const SUBJECTS: usize = 3;
/// Letters of a name that are shown.
const LONGEST_NAME: usize = 40;

/// Says what a run came to.
pub fn say(console: &Console, settings: &Settings, outcome: &Outcome, took: Duration) {
    console.say(&text(settings, outcome, took), || {
        let (rows, run) = (&outcome.run.rows, &outcome.run);
        tracing::info!(
            partners = rows.scores,
            qualified = outcome.scored.scores.iter().filter(|score| score.qualified).count(),
            rejects = rows.rejects,
            warnings = run.warnings.len(),
            milliseconds = took.as_millis() as u64,
            peak_memory_bytes = run.peak_memory_bytes.unwrap_or(0),
            folder = %outcome.folder.display(),
            changed = outcome.changed,
            "scored"
        );
    });
}

fn text(settings: &Settings, outcome: &Outcome, took: Duration) -> String {
    let scores = &outcome.scored.scores;
    let period = outcome.scored.period;
    let mut text = String::new();
    let qualified = |track: Track| scores.iter().filter(|score| score.qualified && score.track == track).count();
    let (enterprise, smb) = (qualified(Track::Enterprise), qualified(Track::Smb));
    line(
        &mut text,
        format_args!(
            "{} as of {}: usage of {} against {}",
            settings.rules.id, period.as_of, period.month, period.year_ago
        ),
    );
    line(
        &mut text,
        format_args!(
            "{} scored, {} with the designation: {enterprise} enterprise, {smb} smb",
            counted(scores.len() as u64, "partner"),
            enterprise + smb
        ),
    );
    line(&mut text, format_args!("\n{}", ranking(&scores[..scores.len().min(SHOWN)])));
    let near = near_misses(scores);
    if !near.is_empty() {
        line(
            &mut text,
            format_args!(
                "\nNear misses, {} within {NEAR} points:\n{}",
                near.len(),
                lacking(&near[..near.len().min(SHOWN)])
            ),
        );
    }
    findings(&mut text, outcome);
    let memory = outcome
        .run
        .peak_memory_bytes
        .map_or_else(String::new, |bytes| format!(", {} MB at the peak", bytes / 1_000_000));
    let done = if outcome.changed { "published" } else { "unchanged" };
    line(&mut text, format_args!("\n{done}: {} in {:.1} s{memory}", outcome.folder.display(), took.as_secs_f64()));
    text.trim_end().to_owned()
}

/// Writing to a String cannot fail.
fn line(text: &mut String, line: std::fmt::Arguments) {
    let _ = writeln!(text, "{line}");
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table
}

/// Exactly: rounded, a partner a hair short of the designation would seem to have its points.
fn points(score: &Score) -> Cell {
    text::right(text::points(score.total_points().to_f64()))
}

/// A partner's name, cut where it would push the rest off the screen.
fn name(score: &Score) -> String {
    let name = printable(score.account.partner_name.as_deref().unwrap_or_default());
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name,
    }
}

fn ranking(scores: &[Score]) -> Table {
    let mut table = table(&["rank", "partner", "name", "track", "points", "designation"]);
    for score in scores {
        let qualified = if score.qualified { "yes" } else { "" };
        table.add_row([
            text::right(score.rank),
            text::left(&score.account.partner_id),
            Cell::new(name(score)),
            Cell::new(score.track.name()),
            points(score),
            Cell::new(qualified),
        ]);
    }
    table
}

/// Partners without the designation that are close to its points, the closest first.
fn near_misses(scores: &[Score]) -> Vec<&Score> {
    let mut near: Vec<&Score> =
        scores.iter().filter(|score| !score.qualified && score.points_short <= whole(NEAR)).collect();
    near.sort_by_key(|score| {
        (score.points_short, score.metrics_short.len(), score.rank, score.account.partner_id.clone())
    });
    near
}

fn lacking(scores: &[&Score]) -> Table {
    let mut table = table(&["partner", "name", "track", "points", "lacks"]);
    for score in scores {
        let short = score.points_short.to_f64();
        let short = (short > 0.0).then(|| format!("{} points", text::points(short)));
        let metrics = score.metrics_short.iter().map(|metric| format!("{} under its minimum", metric.name()));
        let lacks: Vec<String> = short.into_iter().chain(metrics).collect();
        table.add_row([
            text::left(&score.account.partner_id),
            Cell::new(name(score)),
            Cell::new(score.track.name()),
            points(score),
            Cell::new(lacks.join(", ")),
        ]);
    }
    table
}

fn findings(text: &mut String, outcome: &Outcome) {
    let run = &outcome.run;
    if !run.rejects.is_empty() {
        line(text, format_args!("\n{} rejected, each in rejects.parquet:", counted(run.rows.rejects, "row")));
    }
    for reject in &run.rejects {
        line(text, format_args!("  {:>9}  {} {}", reject.rows, reject.table, reject.rule));
    }
    if let Some(unknown) = unknown_partners(&outcome.scored.findings, |id| outcome.scored.nearest_partner(id)) {
        line(text, format_args!("  {unknown}"));
    }
    if !run.warnings.is_empty() {
        line(text, format_args!("\nWarnings:"));
    }
    let mut by_rule: BTreeMap<&str, (u64, Vec<&str>)> = BTreeMap::new();
    for warning in &run.warnings {
        let (count, subjects) = by_rule.entry(&warning.rule).or_default();
        *count += warning.count;
        subjects.push(&warning.subject);
    }
    for (rule, (count, subjects)) in by_rule {
        let more = subjects.len().saturating_sub(SUBJECTS);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        line(text, format_args!("  {count:>9}  {rule} {}{more}", subjects[..subjects.len().min(SUBJECTS)].join(", ")));
    }
    if !run.freshness.usage_as_promised {
        line(
            text,
            format_args!(
                "  usage is older than the source promises: its newest month is {}",
                shown(run.freshness.newest_usage_month)
            ),
        );
    }
    if run.freshness.certifications_as_promised == Some(false) {
        line(
            text,
            format_args!(
                "  certifications are older than the source promises: the table was last written on {}",
                shown(run.freshness.certifications_written)
            ),
        );
    }
}

/// How many partners rows name that are not known, and the first of them with the nearest known ones; None where all are known.
pub fn unknown_partners<'a>(findings: &Findings, nearest: impl Fn(&str) -> Option<&'a str>) -> Option<String> {
    let unknown = findings.unknown_partners();
    let named = unknown.iter().take(SUBJECTS).map(|(id, rows)| {
        let near = nearest(id).map(|near| format!("; did you mean `{}`?", printable(near))).unwrap_or_default();
        format!("`{}` ({}{near})", printable(&redacted(id)), counted(*rows, "row"))
    });
    let named = named.collect::<Vec<_>>().join(", ");
    let more = unknown.len().saturating_sub(SUBJECTS);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let number = counted(unknown.len() as u64, "unknown partner");
    (!unknown.is_empty()).then(|| format!("{number}: {named}{more}"))
}

fn shown(day: Option<chrono::NaiveDate>) -> String {
    day.map_or_else(|| "unknown".to_owned(), |day| day.to_string())
}
