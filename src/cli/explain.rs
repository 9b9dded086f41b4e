//! `partnerscore explain`: every point of a partner.

use std::collections::BTreeMap;
use std::fmt::Write;

use comfy_table::Cell;

use super::arguments::ExplainArguments;
use super::printer;
use super::summary::counted;
use super::text::{left, month, partner, points, right, table};
use crate::error::Result;
use crate::insight::{self, ExplainedMeasure, ExplainedRow, Explanation, Published, Wanted};
use crate::pipeline::Settings;
use crate::rulebook::Track;

/// Explains a partner of a run or of a history.
pub fn explain(arguments: &ExplainArguments) -> Result<()> {
    let metric = arguments.metric.as_deref().map(insight::metric_named).transpose()?;
    let wanted = Wanted { track: arguments.track, metric };
    let (date, source) = (&arguments.date, &arguments.source);
    let explanation = if Published::is_at(source) {
        if date.as_of.is_some() || date.month.is_some() || arguments.rulebook.rulebook.is_some() {
            return Err(insight::already_scored(source));
        }
        insight::explain_run(source, &arguments.partner, &wanted)?
    } else {
        let when = date.when();
        let rules = arguments.rulebook.as_of(when)?;
        let as_of = rules.as_of(when);
        let settings = Settings { partners: vec![arguments.partner.clone()], ..Settings::new(source, as_of, rules) };
        insight::explain_history(&settings.of_a_few(), &wanted)?
    };
    let text = text(&explanation, arguments.track, arguments.rows);
    printer::answer(&explanation, arguments.format, Some(text))
}

fn text(explanation: &Explanation, only: Option<Track>, rows: usize) -> String {
    let mut text = headline(explanation);
    for track in Track::ALL.map(Track::name) {
        let measures: Vec<&ExplainedMeasure> =
            explanation.measures.iter().filter(|measure| measure.track == track).collect();
        if measures.is_empty() {
            continue;
        }
        let total =
            if track == Track::Enterprise.name() { explanation.enterprise_points } else { explanation.smb_points };
        let _ = writeln!(text, "\n{track}: {} points\n{}", points(total), formulas(&measures));
    }
    // The other track's rows are a flag away.
    let only = only.map_or_else(|| explanation.track.clone(), |track| track.name().to_owned());
    for measure in explanation.measures.iter().filter(|measure| measure.track == only) {
        behind(&mut text, explanation, measure, rows);
    }
    reasons(&mut text, explanation.rows.iter().filter(|row| row.track == only));
    not_listed(&mut text, explanation);
    text
}

/// Certifications that people hold and this rulebook does not list, with the rulebooks that do.
fn not_listed(text: &mut String, explanation: &Explanation) {
    let mut people: BTreeMap<&str, (u64, &[String])> = BTreeMap::new();
    for held in &explanation.not_listed {
        people.entry(&held.certification).or_insert((0, &held.rulebooks)).0 += 1;
    }
    if people.is_empty() {
        return;
    }
    let mut rows = table(&["certification", "people", "listed by"]);
    for (certification, (count, rulebooks)) in people {
        let listed = if rulebooks.is_empty() { "no built-in rulebook".to_owned() } else { rulebooks.join(", ") };
        rows.add_row([left(certification), right(count), left(&listed)]);
    }
    let _ = writeln!(text, "\nvalid certifications that {} does not list\n{rows}", explanation.rulebook);
}

fn headline(explanation: &Explanation) -> String {
    let who = partner(&explanation.partner_id, explanation.partner_name.as_deref());
    let (m, p) = (month(explanation.month), month(explanation.year_ago));
    let designation = if explanation.qualified { "designation: yes" } else { "designation: no" };
    let short = explanation.points_short;
    let short = if short > 0.0 { format!(", {} points short", points(short)) } else { String::new() };
    let under = explanation.metrics_short.join(", ");
    let exports = explanation.missing_exports.iter();
    let exports: String = exports.map(|export| format!("missing export: {export}; the score can be wrong\n")).collect();
    let under = if under.is_empty() { under } else { format!(", under its minimum: {under}") };
    format!(
        "{who}\n{} as of {}: usage of {m} against {p}\ntrack {}, {} points, {designation}{short}{under}\n{exports}",
        explanation.rulebook,
        explanation.as_of,
        explanation.track,
        points(explanation.total_points)
    )
}

fn formulas(measures: &[&ExplainedMeasure]) -> String {
    let mut formulas = table(&["metric", "option", "points", "of", "", "how"]);
    for measure in measures {
        let taken = if measure.counted { "taken" } else { "not taken" };
        formulas.add_row([
            left(&measure.metric),
            left(&measure.option),
            right(points(measure.points)),
            right(measure.max_points),
            Cell::new(taken),
            left(&measure.formula),
        ]);
    }
    formulas.to_string()
}

/// The rows behind a measure, those that add the most first.
fn behind(text: &mut String, explanation: &Explanation, measure: &ExplainedMeasure, shown: usize) {
    let of_measure = |row: &&ExplainedRow| {
        row.track == measure.track && row.metric == measure.metric && row.option == measure.option
    };
    let mut rows: Vec<&ExplainedRow> = explanation.rows.iter().filter(of_measure).collect();
    if rows.is_empty() {
        return;
    }
    rows.sort_by_key(|row| {
        (!row.counted, std::cmp::Reverse(row.net.abs()), row.tenant_id.clone(), row.workload.clone())
    });
    let counting = rows.iter().filter(|row| row.counted).count();
    let name = format!("{}, {}, {}", measure.track, measure.metric, measure.option);
    let all = counted(rows.len() as u64, "row");
    let _ = writeln!(text, "\n{name}: {} net; {counting} of {all} count", measure.net);
    let kept = if shown == 0 { rows.len() } else { shown.min(rows.len()) };
    let mut behind = table(&["tenant or person", "workload", "now", "then", "net", "reason"]);
    for row in &rows[..kept] {
        let who = row.tenant_id.as_deref().or(row.person_id.as_deref()).unwrap_or_default();
        let net = if row.counted { right(row.net) } else { right("-") };
        let workload = left(row.workload.as_deref().unwrap_or_default());
        behind.add_row([left(who), workload, right(row.current), right(row.prior), net, left(&row.reason)]);
    }
    let _ = writeln!(text, "{behind}");
    if kept < rows.len() {
        let _ = writeln!(text, " and {} more; --rows 0 shows all", rows.len() - kept);
    }
}

/// What each reason means, and what can be done.
fn reasons<'a>(text: &mut String, rows: impl Iterator<Item = &'a ExplainedRow>) {
    let mut by_reason: BTreeMap<&str, (u64, &ExplainedRow)> = BTreeMap::new();
    for row in rows {
        by_reason.entry(&row.reason).or_insert((0, row)).0 += 1;
    }
    if by_reason.is_empty() {
        return;
    }
    let _ = writeln!(text, "\nreasons");
    for (reason, (count, row)) in by_reason {
        let action = row.action.as_deref().map(|action| format!("; to do: {action}")).unwrap_or_default();
        let _ = writeln!(text, " {reason} ({}): {}{action}", counted(count, "row"), row.meaning);
    }
}
