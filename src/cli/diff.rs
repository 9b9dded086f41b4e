//! `partnerscore diff`: what changed between two runs, and why.

use std::collections::BTreeSet;
use std::fmt::Write;

use comfy_table::{Cell, Table, presets};

use super::arguments::{DiffArguments, Format};
use super::console::Console;
use super::printer::{self, printable};
use super::summary::counted;
use super::text::{change, left, month, partner as partner_named, points, right, table};
use crate::error::Result;
use crate::insight::diff::{
    CausePoints, Comparison, Diff, MetricChange, MetricMovement, PartnerChange, PartnerStanding, ROWS, RowChange,
    Share, Status, diff as compare,
};
use crate::score::Points;

/// Partners that a list shows, unless told otherwise.
const PARTNERS: usize = 10;
/// Letters of a name that are shown.
const LONGEST_NAME: usize = 40;

/// Compares two runs and prints the answer.
pub fn diff(arguments: &DiffArguments, console: &Console) -> Result<()> {
    let limit = arguments.limit.and_then(|limit| usize::try_from(limit).ok());
    let asked = Comparison {
        before: arguments.before.clone(),
        after: arguments.after.clone(),
        partner: arguments.partner.clone(),
        metric: arguments.metric.clone(),
        rows: limit.or_else(|| arguments.partner.is_none().then_some(ROWS)),
        history: arguments.history.clone(),
        rulebook: arguments.rulebook.clone(),
    };
    let answer = compare(&asked)?;
    console.finish();
    // Whoever reads rows does not see the notes.
    if matches!(arguments.format, Format::Csv | Format::Parquet) {
        answer.notes.iter().for_each(|note| console.say(&note.text, || tracing::warn!("{}", note.text)));
    }
    printer::answer(&answer, arguments.format, Some(text(&answer, limit.unwrap_or(PARTNERS))))
}

/// What a person reads.
fn text(answer: &Diff, limit: usize) -> String {
    let mut text = headline(answer);
    if answer.is_empty() {
        line(&mut text, format_args!("\nnothing changed"));
        return text;
    }
    if answer.partner.is_none() && !answer.metrics.is_empty() {
        line(
            &mut text,
            format_args!("\nBy metric, over all partners:\n{}", without_padding(&movements(&answer.metrics))),
        );
    }
    for (title, status) in [("Newly qualified", Status::NewlyQualified), ("Lost", Status::Lost)] {
        let turned = answer.changed.iter().filter(|partner| partner.status == status);
        list(&mut text, title, &turned.collect::<Vec<_>>(), limit, turns);
    }
    for (title, standings) in [("Came", &answer.came), ("Went", &answer.went)] {
        list(&mut text, title, &standings.iter().collect::<Vec<_>>(), limit, named);
    }
    let movers: Vec<&PartnerChange> = answer.changed.iter().filter(|partner| !partner.metrics.is_empty()).collect();
    let title = if answer.partner.is_some() { "Changed" } else { "Biggest movers" };
    list(&mut text, title, &movers, limit, |partners| partners.iter().map(|partner| mover(partner)).collect());
    text
}

fn headline(answer: &Diff) -> String {
    let mut text = String::new();
    let (before, after, counts) = (&answer.before, &answer.after, &answer.counts);
    for (word, run) in [("from", before), ("to  ", after)] {
        let (m, p) = (month(run.month), month(run.year_ago));
        let (as_of, rules) = (run.as_of, printable(&run.rulebook));
        line(&mut text, format_args!("{word} {as_of}: usage of {m} against {p}, {rules}"));
    }
    let partners = counted(counts.compared, "partner");
    let (more, fewer, unchanged) = (counts.more_points, counts.fewer_points, counts.unchanged);
    line(
        &mut text,
        format_args!(
            "{partners} in both: {} newly qualified, {} lost ({} qualified before, {} after)",
            counts.newly_qualified, counts.lost, counts.qualified_before, counts.qualified_after
        ),
    );
    let level = counts.compared - more - fewer - unchanged;
    let level = if level > 0 { format!(", {level} with as many through other metrics") } else { String::new() };
    line(&mut text, format_args!("{more} with more points, {fewer} with fewer{level}, {unchanged} unchanged"));
    if counts.came + counts.went > 0 {
        line(&mut text, format_args!("{} in the second run alone, {} in the first alone", counts.came, counts.went));
    }
    if counts.not_compared > 0 {
        line(&mut text, format_args!("{} in one run alone, not compared", counts.not_compared));
    }
    for note in &answer.notes {
        line(&mut text, format_args!("note: {}", note.text));
    }
    text
}

/// A titled list, cut where it is longer than the limit.
fn list<T>(text: &mut String, title: &str, all: &[T], limit: usize, shown: impl Fn(&[T]) -> String) {
    if all.is_empty() {
        return;
    }
    let cut = if all.len() > limit { format!("{limit} of {}", all.len()) } else { all.len().to_string() };
    line(text, format_args!("\n{title}, {cut}:\n{}", without_padding(&shown(&all[..all.len().min(limit)]))));
}

/// Lines that end where their text does.
fn without_padding(text: &str) -> String {
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn movements(metrics: &[MetricMovement]) -> String {
    let mut table = table(&["metric", "more", "fewer", "points", "why"]);
    for of in metrics {
        let cells = [of.more.to_string(), of.fewer.to_string(), signed(of.change)];
        let cells = cells.map(right);
        let why = Cell::new(causes(of.shares.iter().copied()));
        table.add_row([vec![Cell::new(spaced(of.metric.name()))], cells.into(), vec![why]].concat());
    }
    table.to_string()
}

fn turns(partners: &[&PartnerChange]) -> String {
    let mut table = table(&["partner", "name", "track", "before", "now", "why"]);
    for partner in partners {
        table.add_row([
            left(&partner.partner_id),
            Cell::new(name(partner.partner_name.as_deref())),
            Cell::new(tracks(partner)),
            right(plain(partner.before.total)),
            right(plain(partner.after.total)),
            Cell::new(causes(partner.shares.iter().copied())),
        ]);
    }
    table.to_string()
}

fn named(standings: &[&PartnerStanding]) -> String {
    let mut table = table(&["partner", "name", "track", "points", "designation"]);
    for standing in standings {
        table.add_row([
            left(&standing.partner_id),
            Cell::new(name(standing.partner_name.as_deref())),
            Cell::new(standing.track.name()),
            right(plain(standing.total)),
            Cell::new(if standing.qualified { "yes" } else { "" }),
        ]);
    }
    table.to_string()
}

/// A partner, its metrics that changed, each with its causes, and the rows behind them.
fn mover(partner: &PartnerChange) -> String {
    let mut text = String::new();
    let (before, after) = (plain(partner.before.total), plain(partner.after.total));
    let designation = match partner.status {
        Status::NewlyQualified => ", newly qualified",
        Status::Lost => ", designation lost",
        Status::StillQualified | Status::NotQualified => "",
    };
    let who = partner_named(&partner.partner_id, partner.partner_name.as_deref());
    let (tracks, change) = (tracks(partner), signed(partner.change));
    line(&mut text, format_args!("{who}, {tracks}: {before} -> {after} ({change}){designation}"));
    for metric in &partner.metrics {
        let shares = metric.shares.iter().map(|share| CausePoints { cause: share.cause, points: share.points });
        let (before, after, change) = (plain(metric.before), plain(metric.after), signed(metric.change));
        let (title, why) = (titled(metric), causes(shares));
        line(&mut text, format_args!("  {title}: {before} -> {after} ({change}): {why}"));
        rows(&mut text, metric);
    }
    text
}

/// A metric, and the options where it took another.
fn titled(metric: &MetricChange) -> String {
    let title = spaced(metric.metric.name());
    match (&metric.option_before, &metric.option_after) {
        (Some(before), Some(after)) if before != after => format!("{title}, {before} -> {after}"),
        _ => title,
    }
}

/// The rows behind a metric's change, cause by cause.
fn rows(text: &mut String, metric: &MetricChange) {
    let told: Vec<&Share> = metric.shares.iter().filter(|share| !share.rows.is_empty()).collect();
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let measures = told.iter().flat_map(|share| &share.rows).map(|row| (&row.track, &row.option));
    let several = measures.collect::<BTreeSet<_>>().len() > 1;
    told.iter().flat_map(|share| &share.rows).for_each(|row| {
        table.add_row(cells(row, several));
    });
    let table = table.to_string();
    let mut lines = table.lines();
    for share in &told {
        if told.len() > 1 {
            line(text, format_args!("    {}:", spaced(share.cause.name())));
        }
        lines.by_ref().take(share.rows.len()).for_each(|row| line(text, format_args!("    {}", row.trim_end())));
        let left = share.rows_changed.saturating_sub(share.rows.len() as u64);
        if left > 0 {
            line(text, format_args!("     and {left} more"));
        }
    }
}

/// A row of evidence; with its track and option where several are told of.
fn cells(row: &RowChange, several: bool) -> Vec<Cell> {
    let measure = several.then(|| Cell::new(format!("{} {}", row.track, row.option)));
    let net = right(format!("{} -> {}", row.net_before, row.net_after));
    let rest = [net, right(signed(row.share)), Cell::new(reasons(row))];
    [Cell::new(who(row))].into_iter().chain(measure).chain(rest).collect()
}

/// The tenant, with its workload, or the person.
fn who(row: &RowChange) -> String {
    let parts = [&row.tenant_id, &row.person_id, &row.workload].into_iter().flatten();
    parts.map(|part| printable(part)).collect::<Vec<_>>().join(" ")
}

/// The reason, or both where it became another.
fn reasons(row: &RowChange) -> String {
    match (&row.reason_before, &row.reason_after) {
        (Some(before), Some(after)) if before == after => after.clone(),
        (before, after) => {
            let named = |reason: &Option<String>| reason.clone().unwrap_or_else(|| "not there".to_owned());
            format!("{} -> {}", named(before), named(after))
        }
    }
}

/// Causes with their shares.
fn causes(shares: impl Iterator<Item = CausePoints>) -> String {
    let shares: Vec<CausePoints> = shares.collect();
    // What cancels out is only told where there is nothing else to tell.
    let tells = |share: &&CausePoints| shares.len() == 1 || share.points != Points::default();
    let named = shares.iter().filter(tells);
    let named = named.map(|share| format!("{} {}", spaced(share.cause.name()), signed(share.points)));
    named.collect::<Vec<_>>().join(", ")
}

/// The track, or both where another one is taken now.
fn tracks(partner: &PartnerChange) -> String {
    let (before, after) = (partner.before.track, partner.after.track);
    if before == after { after.name().to_owned() } else { format!("{} -> {}", before.name(), after.name()) }
}

/// A name of tables as people say it.
fn spaced(name: &str) -> String {
    name.replace('_', " ")
}

/// A name, cut where it would push the rest off the screen.
fn name(name: Option<&str>) -> String {
    let name = printable(name.unwrap_or_default());
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name,
    }
}

fn plain(of: Points) -> String {
    points(of.to_f64())
}

fn signed(of: Points) -> String {
    change(of.to_f64())
}

/// Writing to a String cannot fail.
fn line(text: &mut String, line: std::fmt::Arguments) {
    let _ = writeln!(text, "{line}");
}
