//! `partnerscore ingest`: Partner Center exports to history.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Instant;

use comfy_table::Table;

use super::arguments::IngestArguments;
use super::console::Console;
use super::printer::{self, printable};
use super::summary::counted;
use super::text::{left, right, table};
use crate::engine;
use crate::error::Result;
use crate::ingest::{self, Coverage, FileFindings, Ingestion, MissingExport, PersonKey, Settings};

/// Reasons and names that the table shows; every other format has them all.
const SHOWN: usize = 40;

/// Ingests exports and prints what was found and done.
pub fn ingest(arguments: &IngestArguments, console: &Console) -> Result<()> {
    let start = Instant::now();
    let settings = Settings {
        exports: arguments.exports.clone(),
        history: arguments.history.clone(),
        person_key: arguments.person_key.as_deref().map(PersonKey::new).transpose()?,
        replace_person_key: arguments.replace_person_key,
        date_order: arguments.date_order.map(Into::into),
        max_reject_ratio: arguments.max_reject_ratio,
        dry_run: arguments.dry_run,
    };
    let ingestion = ingest::ingest(&settings, &|done, of| console.bytes("read exports", done, of))?;
    console.finish();
    printer::answer(&ingestion, arguments.format, Some(text(&ingestion)))?;
    let took = start.elapsed();
    console.say(&summary(&ingestion, took.as_secs_f64()), || {
        let (files, rows) = (ingestion.files.len(), ingestion.files.iter().map(|file| file.rows).sum::<u64>());
        let milliseconds = took.as_millis() as u64;
        tracing::info!(files, rows, changed = ingestion.changed, dry_run = ingestion.dry_run, milliseconds, "ingested");
    });
    Ok(())
}

fn summary(ingestion: &Ingestion, seconds: f64) -> String {
    let rows: u64 = ingestion.files.iter().map(|file| file.rows).sum();
    let rejects: u64 = ingestion.files.iter().map(|file| file.rejects()).sum();
    let done = match (ingestion.changed, ingestion.dry_run) {
        (true, true) => "would change",
        (true, false) => "written",
        (false, _) => "nothing to do",
    };
    let memory =
        engine::peak_memory().map_or_else(String::new, |bytes| format!(", {} MB at the peak", bytes / 1_000_000));
    format!(
        "{}, {}, {rejects} rejected\n{done}: {} in {seconds:.1} s{memory}",
        counted(ingestion.files.len() as u64, "file"),
        counted(rows, "row"),
        ingestion.history
    )
}

/// The findings as a person reads them.
fn text(ingestion: &Ingestion) -> String {
    let parts = [reports(ingestion), skipped(ingestion), reasons(ingestion), unknown(ingestion), changes(ingestion)];
    let mut text = String::new();
    for part in parts.into_iter().flatten() {
        let _ = writeln!(text, "{part}\n");
    }
    for similar in ingestion.similar_ids.iter().take(SHOWN) {
        let kind = similar.kind.replace('_', " ");
        let _ = writeln!(
            text,
            "{kind}s that differ only in case, braces or leading zeros, and may be one: {}",
            printable(&similar.ids.join(", "))
        );
    }
    for difference in &ingestion.differences {
        let what = counted(difference.rows, "row");
        let _ = writeln!(
            text,
            "{}: {what} state otherwise what another of these exports states; the later counts",
            difference.table
        );
        for sample in &difference.samples {
            let _ = writeln!(text, "  {}", printable(sample));
        }
    }
    coverage(&mut text, &ingestion.coverage);
    text
}

/// Files of a kind of report, and their rows by what became of them.
fn reports(ingestion: &Ingestion) -> Option<String> {
    let mut reports: BTreeMap<Option<&str>, Vec<&FileFindings>> = BTreeMap::new();
    for file in ingestion.files.iter().filter(|file| file.skip_reason.is_none()) {
        reports.entry(file.report.as_deref()).or_default().push(file);
    }
    let mut rows = table(&["report", "files", "rows", "kept", "folded", "repeated", "passed over", "rejected"]);
    for (report, files) in &reports {
        let sum = |value: fn(&FileFindings) -> u64| right(files.iter().map(|file| value(file)).sum::<u64>());
        rows.add_row([
            left(report.unwrap_or("none")),
            right(files.len()),
            sum(|file| file.rows),
            sum(|file| file.kept),
            sum(|file| file.folded),
            sum(|file| file.repeated),
            sum(FileFindings::passed_over),
            sum(FileFindings::rejects),
        ]);
    }
    with_more(rows, reports.len())
}

/// Files of which nothing was read, and why.
fn skipped(ingestion: &Ingestion) -> Option<String> {
    let skipped = ingestion.files.iter().filter_map(|file| Some((&file.file, file.skip_reason.as_ref()?)));
    let mut rows = table(&["skipped", "why"]);
    for (file, reason) in skipped.clone().take(SHOWN) {
        rows.add_row([left(file), left(reason)]);
    }
    with_more(rows, skipped.count())
}

/// Rows and files that something is said of, and the first of it.
#[derive(Default)]
struct Said<'a> {
    rows: u64,
    files: u64,
    first: &'a str,
    detail: String,
}

/// Why rows were rejected or passed over, and what else there is to say of files.
fn reasons(ingestion: &Ingestion) -> Option<String> {
    let mut said: BTreeMap<(&str, &str), Said> = BTreeMap::new();
    for file in &ingestion.files {
        let mut say = |what, why, rows, detail: String| {
            let entry =
                said.entry((what, why)).or_insert_with(|| Said { first: &file.file, detail, ..Said::default() });
            entry.rows += rows;
            entry.files += 1;
        };
        for rejected in &file.rejected {
            let sample = rejected.sample.as_ref().map_or_else(String::new, |sample| format!(", {sample}"));
            say("rejected", &rejected.rule, rejected.rows, format!("line {}{sample}", rejected.line));
        }
        file.passed_over.iter().for_each(|passed| say("passed over", &passed.reason, passed.rows, String::new()));
        file.warnings.iter().for_each(|warning| say("warning", warning, 0, String::new()));
    }
    let mut rows = table(&["", "why", "rows", "files", "first in"]);
    for ((what, why), said) in said.iter().take(SHOWN) {
        let first =
            if said.detail.is_empty() { said.first.to_owned() } else { format!("{}, {}", said.first, said.detail) };
        let number = if said.rows == 0 { right("") } else { right(said.rows) };
        rows.add_row([left(what), left(why), number, right(said.files), left(&first)]);
    }
    with_more(rows, said.len())
}

fn unknown(ingestion: &Ingestion) -> Option<String> {
    let mut rows = table(&["unknown", "name", "rows", "nearest known", "consequence"]);
    for name in ingestion.unknown.iter().take(SHOWN) {
        rows.add_row([
            left(&name.kind.replace('_', " ")),
            left(&name.name),
            right(name.rows),
            left(name.nearest.as_deref().unwrap_or_default()),
            left(&name.consequence),
        ]);
    }
    with_more(rows, ingestion.unknown.len())
}

/// What became of each table, its months together.
fn changes(ingestion: &Ingestion) -> Option<String> {
    let mut tables: BTreeMap<&str, Vec<&ingest::TableChange>> = BTreeMap::new();
    for change in &ingestion.changes {
        tables.entry(&change.table).or_default().push(change);
    }
    let mut rows = table(&["table", "months read", "added", "restated", "removed", "rows there"]);
    for (name, changes) in &tables {
        let months: Vec<&str> = changes.iter().filter_map(|change| change.month.as_deref()).collect();
        let span = match (months.first(), months.last()) {
            (Some(first), Some(last)) if first != last => format!("{} from {first} to {last}", months.len()),
            (Some(first), _) => (*first).to_owned(),
            _ => String::new(),
        };
        let sum =
            |value: fn(&ingest::TableChange) -> u64| right(changes.iter().map(|change| value(change)).sum::<u64>());
        rows.add_row([
            left(name),
            left(&span),
            sum(|change| change.added),
            sum(|change| change.restated),
            sum(|change| change.removed),
            sum(|change| change.rows),
        ]);
    }
    with_more(rows, tables.len())
}

/// A table of the first rows, with a word about the others; none where there is no row.
fn with_more(rows: Table, all: usize) -> Option<String> {
    match all {
        0 => None,
        all if all > SHOWN => Some(format!("{rows}\n and {} more; --format csv has them all", all - SHOWN)),
        _ => Some(rows.to_string()),
    }
}

fn coverage(text: &mut String, coverage: &Coverage) {
    let Some(newest) = &coverage.newest_month else {
        let _ = writeln!(text, "There is no usage yet: a score needs thirteen months of it.");
        return;
    };
    if coverage.missing_months.is_empty() && coverage.missing_exports.is_empty() {
        let _ = writeln!(text, "Every month that a score of {newest} needs is there, for every account and report.");
    }
    if !coverage.missing_months.is_empty() {
        let months = coverage.missing_months.join(", ");
        let _ = writeln!(text, "A score of {newest} needs months without usage here: {months}.");
    }
    missing_exports(text, newest, &coverage.missing_exports);
    if !coverage.absent_workloads.is_empty() {
        let names = coverage.absent_workloads.join(", ");
        let _ = writeln!(
            text,
            "No export carries these workloads, so a score can be lower than Partner Center's: {names}."
        );
    }
    if coverage.lost_tenants > 0 {
        let (tenants, sample) = (counted(coverage.lost_tenants, "tenant"), coverage.lost_tenants_sample.join(", "));
        let _ = writeln!(
            text,
            "{tenants} with users in the month before have none in {newest}, such as {}.",
            printable(&sample)
        );
    }
}

/// Accounts whose exports lack a month, in a table of their own.
fn missing_exports(text: &mut String, newest: &str, exports: &[MissingExport]) {
    if exports.is_empty() {
        return;
    }
    let mut rows = table(&["account", "name", "report", "no row in"]);
    for export in exports.iter().take(SHOWN) {
        rows.add_row([
            left(&export.partner_id),
            left(export.partner_name.as_deref().unwrap_or_default()),
            left(&export.report),
            left(&export.months.join(", ")),
        ]);
    }
    let rows = with_more(rows, exports.len()).unwrap_or_default();
    let _ = writeln!(
        text,
        "Exports are missing, so a score of {newest} can be wrong for these accounts. Download them and ingest again:\n\n{rows}\n"
    );
}
