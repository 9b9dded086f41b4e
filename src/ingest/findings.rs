//! What an ingest found and did: the answer that is printed.

use std::collections::BTreeMap;

use polars::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::row::UnknownKind;
use crate::error::{Error, Result};
use crate::insight::Answer;
use crate::month::Month;

/// Differences of a table that are shown with both values; all are counted.
const SHOWN: usize = 3;

/// What an ingest found and did.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Ingestion {
    /// The history's folder, as given.
    pub history: String,
    /// Whether nothing was to be written.
    pub dry_run: bool,
    /// Whether the history is another one now, or would be.
    pub changed: bool,
    /// Every file, in the order in which later ones win; behind them the files of folders that are no exports.
    pub files: Vec<FileFindings>,
    /// Names that nobody knows here, over all files.
    pub unknown: Vec<UnknownName>,
    /// Ids that differ only in case, braces or leading zeros, so that they may be of one partner or tenant.
    pub similar_ids: Vec<SimilarIds>,
    /// Rows of these exports that state one thing differently; the later one was taken.
    pub differences: Vec<Difference>,
    /// What became of each table, and of each month of usage and observations.
    pub changes: Vec<TableChange>,
    /// What the history lacks.
    pub coverage: Coverage,
}

/// What became of a file.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct FileFindings {
    /// As given; a member of an archive is `archive.zip!member.csv`.
    pub file: String,
    /// The kind of report; none for a file that is none.
    pub report: Option<String>,
    /// Why nothing of the file was read; none where it was.
    pub skip_reason: Option<String>,
    /// Rows below the header: the sum of those kept, folded, passed over and rejected.
    pub rows: u64,
    /// Rows that state something.
    pub kept: u64,
    /// Headers that stand again between rows.
    pub folded: u64,
    /// Usage rows for which another row of these exports stands.
    pub repeated: u64,
    /// Sound rows that state nothing for a history.
    pub passed_over: Vec<RowsPassedOver>,
    /// Rows that could not be taken.
    pub rejected: Vec<RowsRejected>,
    /// Whatever else there is to know, a sentence each.
    pub warnings: Vec<String>,
}

/// Sound rows that state nothing.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RowsPassedOver {
    pub reason: String,
    pub rows: u64,
}

/// Rows that break a rule.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RowsRejected {
    pub rule: String,
    pub rows: u64,
    /// The line of the first.
    pub line: u64,
    /// Column and value of the first; without the value where the report has personal columns.
    pub sample: Option<String>,
}

/// A name that nobody knows here.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct UnknownName {
    /// `workload`, `certification`, `partner`, `association_type`, `product` or `state`.
    pub kind: String,
    pub name: String,
    pub rows: u64,
    /// The known name that may be meant.
    pub nearest: Option<String>,
    /// What follows from it, such as `usage accepted, nobody associated`.
    pub consequence: String,
}

impl UnknownName {
    /// The finding about a name, with what follows from its kind.
    pub(super) fn new(kind: UnknownKind, name: &str, rows: u64, nearest: Option<String>) -> UnknownName {
        let (kind, consequence) = (kind.name().to_owned(), kind.consequence().to_owned());
        UnknownName { kind, name: name.to_owned(), rows, nearest, consequence }
    }

    /// The consequence, and the known name that may be meant.
    fn told(&self) -> String {
        match &self.nearest {
            Some(nearest) => format!("{}; nearest known: {nearest}", self.consequence),
            None => self.consequence.clone(),
        }
    }
}

/// Ids that differ only in case, braces or leading zeros.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SimilarIds {
    /// `partner_id`, `tenant_id`, or `person_id`, whose ids are pseudonyms.
    pub kind: String,
    pub ids: Vec<String>,
}

/// Rows of one table that state one thing differently.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Difference {
    pub table: String,
    pub rows: u64,
    /// The first of them: both values, and where each stands.
    pub samples: Vec<String>,
}

/// What became of a table, or of a month of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TableChange {
    pub table: String,
    /// Such as `2026-10`; none for a table without months.
    pub month: Option<String>,
    /// Keys that are new.
    pub added: u64,
    /// Keys that have other values now.
    pub restated: u64,
    /// Keys that are gone: dates that were inferred otherwise, and people under another key.
    pub removed: u64,
    /// Rows there are now.
    pub rows: u64,
}

/// What the history lacks.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Coverage {
    /// The newest month of usage, which a score sees as M.
    pub newest_month: Option<String>,
    /// Of the thirteen months that a score of it needs, P to M, those without a row.
    pub missing_months: Vec<String>,
    /// Exports that an account lacks among the thirteen months: a report has it in other months.
    pub missing_exports: Vec<MissingExport>,
    /// Workloads that count by the default rulebook and of which no month has a row: a computed score can be lower than Partner Center's.
    pub absent_workloads: Vec<String>,
    /// Tenants with active users in the month before the newest that have none in the newest.
    pub lost_tenants: u64,
    /// The first of them.
    pub lost_tenants_sample: Vec<String>,
}

/// Months for which an account has no row in a report that has it in other months.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MissingExport {
    /// The global account.
    pub partner_id: String,
    pub partner_name: Option<String>,
    /// The kind of report.
    pub report: String,
    /// Such as `2026-10`.
    pub months: Vec<String>,
}

/// How many keys were added and restated, and how many rows there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) added: u64,
    pub(super) restated: u64,
    pub(super) removed: u64,
    pub(super) rows: u64,
}

impl Change {
    /// Counts what a key's values are, given what they were.
    pub(super) fn count<T: PartialEq>(&mut self, before: Option<&T>, now: &T) {
        match before {
            None => self.added += 1,
            Some(before) if before != now => self.restated += 1,
            Some(_) => {}
        }
    }

    /// Whether anything is otherwise than before.
    pub(super) fn is_any(&self) -> bool {
        self.added + self.restated + self.removed > 0
    }

    /// As it is told.
    pub(super) fn of(self, table: &str, month: Option<Month>) -> TableChange {
        TableChange {
            table: table.to_owned(),
            month: month.map(|month| month.to_string()),
            added: self.added,
            restated: self.restated,
            removed: self.removed,
            rows: self.rows,
        }
    }
}

/// Rows of these exports that state one thing differently.
#[derive(Debug, Default)]
pub(super) struct Differences {
    tables: BTreeMap<&'static str, (u64, Vec<Noted>)>,
}

/// What a difference is about, and both values with the number of the file that states each.
#[derive(Debug)]
struct Noted {
    what: String,
    values: [(String, usize); 2],
}

impl Differences {
    /// Notes a difference: what it is about, and the earlier and the later value.
    pub(super) fn note(&mut self, table: &'static str, what: impl FnOnce() -> String, values: [(String, usize); 2]) {
        let (rows, noted) = self.tables.entry(table).or_default();
        *rows += 1;
        if noted.len() < SHOWN {
            noted.push(Noted { what: what(), values });
        }
    }

    /// As they are told, given the names of the files.
    pub(super) fn told(&self, files: &[String]) -> Vec<Difference> {
        let name = |file: usize| files.get(file).map_or("", String::as_str);
        let sample = |noted: &Noted| {
            let [(earlier, first), (later, second)] = &noted.values;
            format!("{}: {earlier} in {}, then {later} in {}", noted.what, name(*first), name(*second))
        };
        let told = |(table, (rows, noted)): (&&str, &(u64, Vec<Noted>))| Difference {
            table: (*table).to_owned(),
            rows: *rows,
            samples: noted.iter().map(sample).collect(),
        };
        self.tables.iter().map(told).collect()
    }
}

/// A row of the answer as a table.
struct Line {
    finding: &'static str,
    subject: String,
    what: Option<String>,
    rows: Option<u64>,
    detail: Option<String>,
}

impl Ingestion {
    fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for file in &self.files {
            file.add_to(&mut lines);
        }
        for name in &self.unknown {
            let what = Some(name.name.clone());
            lines.push(Line {
                finding: "unknown",
                subject: name.kind.clone(),
                what,
                rows: Some(name.rows),
                detail: Some(name.told()),
            });
        }
        for similar in &self.similar_ids {
            lines.push(Line {
                finding: "similar_ids",
                subject: similar.kind.clone(),
                what: None,
                rows: None,
                detail: Some(similar.ids.join(", ")),
            });
        }
        for difference in &self.differences {
            let detail = difference.samples.first().cloned();
            lines.push(Line {
                finding: "difference",
                subject: difference.table.clone(),
                what: None,
                rows: Some(difference.rows),
                detail,
            });
        }
        for change in &self.changes {
            let subject =
                change.month.as_ref().map_or_else(|| change.table.clone(), |month| format!("{} {month}", change.table));
            for (what, rows) in [
                ("added", change.added),
                ("restated", change.restated),
                ("removed", change.removed),
                ("now", change.rows),
            ] {
                lines.push(Line {
                    finding: "change",
                    subject: subject.clone(),
                    what: Some(what.to_owned()),
                    rows: Some(rows),
                    detail: None,
                });
            }
        }
        self.coverage.add_to(&mut lines);
        lines
    }
}

impl FileFindings {
    fn add_to(&self, lines: &mut Vec<Line>) {
        let mut add = |what: &str, rows: Option<u64>, detail: Option<String>| {
            lines.push(Line { finding: "file", subject: self.file.clone(), what: Some(what.to_owned()), rows, detail });
        };
        if let Some(reason) = &self.skip_reason {
            return add("skipped", None, Some(reason.clone()));
        }
        for (what, rows) in
            [("rows", self.rows), ("kept", self.kept), ("folded", self.folded), ("repeated", self.repeated)]
        {
            add(what, Some(rows), self.report.clone());
        }
        for passed in &self.passed_over {
            add("passed_over", Some(passed.rows), Some(passed.reason.clone()));
        }
        for rejected in &self.rejected {
            add("rejected", Some(rejected.rows), Some(rejected.told()));
        }
        for warning in &self.warnings {
            add("warning", None, Some(warning.clone()));
        }
    }

    /// Sound rows that state nothing, for whatever reason.
    pub fn passed_over(&self) -> u64 {
        self.passed_over.iter().map(|passed| passed.rows).sum()
    }

    /// Rows that could not be taken, by whatever rule.
    pub fn rejects(&self) -> u64 {
        self.rejected.iter().map(|rejected| rejected.rows).sum()
    }
}

impl RowsRejected {
    /// The rule, and its first row.
    pub fn told(&self) -> String {
        let sample = self.sample.as_ref().map_or_else(String::new, |sample| format!(": {sample}"));
        format!("{}, first on line {}{sample}", self.rule, self.line)
    }
}

impl Coverage {
    fn add_to(&self, lines: &mut Vec<Line>) {
        let mut add = |finding, subject: &str, rows, detail| {
            lines.push(Line { finding, subject: subject.to_owned(), what: None, rows, detail });
        };
        for month in &self.missing_months {
            add("missing_month", month, None, None);
        }
        for export in &self.missing_exports {
            let months = export.months.len() as u64;
            add("missing_export", &export.partner_id, Some(months), Some(export.detail()));
        }
        for workload in &self.absent_workloads {
            add("absent_workload", workload, None, None);
        }
        if let Some(month) = self.newest_month.as_ref().filter(|_| self.lost_tenants > 0) {
            add("lost_tenants", month, Some(self.lost_tenants), Some(self.lost_tenants_sample.join(", ")));
        }
    }
}

impl MissingExport {
    /// The report and its months in words, such as `office_usage of 2026-09, 2026-10`.
    pub fn detail(&self) -> String {
        format!("{} of {}", self.report, self.months.join(", "))
    }
}

impl Answer for Ingestion {
    fn rows(&self) -> Result<DataFrame> {
        let lines = self.lines();
        let text = |name: &str, value: &dyn Fn(&Line) -> Option<String>| {
            Column::new(name.into(), lines.iter().map(value).collect::<Vec<_>>())
        };
        let rows: Vec<Option<i64>> =
            lines.iter().map(|line| line.rows.and_then(|rows| i64::try_from(rows).ok())).collect();
        let columns = vec![
            text("finding", &|line| Some(line.finding.to_owned())),
            text("subject", &|line| Some(line.subject.clone())),
            text("what", &|line| line.what.clone()),
            Column::new("rows".into(), rows),
            text("detail", &|line| line.detail.clone()),
        ];
        DataFrame::new(lines.len(), columns).map_err(|error| Error::internal(error.to_string()))
    }
}
