//! Row checks as expressions, and what they find: rejected rows and warnings.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::*;

use crate::engine;
use crate::error::Result;

/// The largest count a row may carry.
pub const LARGEST_COUNT: i64 = i32::MAX as i64;

/// The column of rejected rows that tells whose they are. It is never published.
pub(super) const OWNER: &str = "partner_id";

/// The columns of rejected rows, all text.
pub const REJECT_COLUMNS: [&str; 4] = ["table", "rule", "key", "reason"];

/// A workload that is in no rulebook.
pub(super) const UNKNOWN_WORKLOAD: &str = "unknown_workload";
/// A certification that is in no rulebook.
pub(super) const UNKNOWN_CERTIFICATION: &str = "unknown_certification";
/// More active users than paid seats.
pub(super) const ACTIVE_USERS_ABOVE_PAID_SEATS: &str = "active_users_above_paid_seats";
/// A row of a partner that the table of partners does not have.
pub const UNKNOWN_PARTNER: &str = "unknown_partner";
/// What its reason says before and after the partner's id.
const UNKNOWN_PARTNER_REASON: [&str; 2] = ["partner_id is ", ", which the table partners does not have"];
/// A pair that several partners hold through an option that has one partner at most.
pub const CONTESTED_PAIR: &str = "contested_pair";
/// An account of which the exports that made the history lack a month.
pub const MISSING_EXPORT: &str = "missing_export";
/// A file in a table's folder that is not read.
pub(super) const FILE_NOT_READ: &str = "file_not_read";
/// A file that a program has copied, and that has the rows of the original.
pub(super) const COPIED_FILE: &str = "copied_file";
/// A table without a row.
pub(super) const EMPTY_TABLE: &str = "empty_table";
/// Rows whose column `month` differs from the folder's name, which decides.
pub(super) const MONTH_DIFFERS_FROM_FOLDER: &str = "month_differs_from_folder";
/// The rules of every warning.
pub const WARNINGS: [&str; 9] = [
    UNKNOWN_WORKLOAD,
    UNKNOWN_CERTIFICATION,
    ACTIVE_USERS_ABOVE_PAID_SEATS,
    CONTESTED_PAIR,
    MISSING_EXPORT,
    FILE_NOT_READ,
    COPIED_FILE,
    EMPTY_TABLE,
    MONTH_DIFFERS_FROM_FOLDER,
];

/// The columns that hold dates, some of which lie beyond what prints.
const DATES: [&str; 5] = ["start_date", "end_date", "earned_on", "expires_on", "month"];

/// One reason to reject a row.
pub(super) struct Check {
    /// Its name in `rejects.parquet`.
    pub rule: &'static str,
    /// True where the row breaks it; null only where an earlier check is true.
    pub broken: Expr,
    /// A sentence for the person who mends the row.
    pub reason: Expr,
}

impl Check {
    pub(super) fn new(rule: &'static str, broken: Expr, reason: Expr) -> Self {
        Check { rule, broken, reason }
    }
}

/// True for rows that break no check: what a scan keeps.
pub(super) fn sound(checks: &[Check]) -> Expr {
    checks.iter().map(|check| check.broken.clone().not()).reduce(Expr::and).unwrap_or_else(|| lit(true))
}

/// True for rows that break any check: what a scan for rejects keeps.
pub(super) fn unsound(checks: &[Check]) -> Expr {
    checks.iter().map(|check| check.broken.clone()).reduce(Expr::or).unwrap_or_else(|| lit(false))
}

/// The rejected rows of a table, each under the first check it breaks, as `table, rule, key, reason` and the columns to keep.
pub(super) fn rejected(
    lf: LazyFrame,
    table: &'static str,
    keys: &[&str],
    checks: &[Check],
    keep: &[&str],
) -> LazyFrame {
    let first = |value: &dyn Fn(&Check) -> Expr| {
        checks.iter().rev().fold(lit(NULL).cast(DataType::String), |otherwise, check| {
            when(check.broken.clone()).then(value(check)).otherwise(otherwise)
        })
    };
    let found = [
        lit(table).alias("table"),
        first(&|check| lit(check.rule)).alias("rule"),
        key(keys).alias("key"),
        first(&|check| check.reason.clone()).alias("reason"),
    ];
    lf.filter(unsound(checks)).select(found.into_iter().chain(keep.iter().map(|name| col(*name))).collect::<Vec<_>>())
}

/// Whether any of the plans has a row.
pub(super) fn any_row(stage: &'static str, plans: Vec<LazyFrame>) -> Result<bool> {
    let counts = plans.into_iter().map(|lf| lf.select([len().cast(DataType::Int64).alias("rows")]));
    let counts = concat(counts.collect::<Vec<_>>(), UnionArgs::default());
    let counts = counts.map_err(|error| engine::plan_error(stage, &error))?;
    Ok(engine::collect(stage, counts.filter(col("rows").gt(lit(0))))?.height() > 0)
}

/// A row's key as text, such as `tenant_id=a, workload=teams`.
pub(super) fn key(columns: &[&str]) -> Expr {
    let parts: Vec<Expr> =
        columns.iter().map(|name| concat_str([lit(format!("{name}=")), shown(name)], "", false)).collect();
    concat_str(parts, ", ", false)
}

/// A value as text, `null` where there is none.
pub(super) fn shown(column: &str) -> Expr {
    if !DATES.contains(&column) {
        return col(column).cast(DataType::String).fill_null(lit("null"));
    }
    let beyond = concat_str([lit("day "), col(column).cast(DataType::Int32).cast(DataType::String)], "", false);
    let text = engine::calendar_day(col(column)).cast(DataType::String);
    text.fill_null(when(col(column).is_null()).then(lit("null")).otherwise(beyond))
}

/// A sentence about a value, such as `paid_seats is -3`.
pub(super) fn says(column: &str, verb: &str) -> Expr {
    concat_str([lit(format!("{column} {verb} ")), shown(column)], "", false)
}

/// The reason of a row whose partner is not known.
pub(super) fn unknown_partner(partner_id: Expr) -> Expr {
    let [before, after] = UNKNOWN_PARTNER_REASON.map(lit);
    concat_str([before, partner_id, after], "", false)
}

/// True where any of the columns is null.
pub(super) fn any_null(columns: &[&str]) -> Expr {
    columns.iter().map(|name| col(*name).is_null()).reduce(Expr::or).unwrap_or_else(|| lit(false))
}

/// Names the columns that are null, for the reason of a null check.
pub(super) fn null_columns(columns: &[&str]) -> Expr {
    let names: Vec<Expr> = columns
        .iter()
        .map(|name| when(col(*name).is_null()).then(lit(*name)).otherwise(lit(NULL).cast(DataType::String)))
        .collect();
    concat_str([concat_str(names, ", ", true), lit("is null")], " ", false)
}

/// What reading found besides sound rows. Findings of sets of whole tenants add up.
#[derive(Debug, Default, Clone)]
pub struct Findings {
    /// Rejected rows as `table, rule, key, reason`, and `partner_id` where the row tells whose it is.
    rejects: Vec<DataFrame>,
    /// Rows checked, by table.
    pub checked: BTreeMap<&'static str, u64>,
    /// How often each warning was seen, by rule and subject.
    pub warnings: BTreeMap<(&'static str, String), u64>,
    /// Rows that were checked but are not reported, because they belong to partners that are not selected.
    left_out: BTreeMap<&'static str, LeftOut>,
}

/// Rows of a table that are left out of a report and still count where the quality of the history is judged.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct LeftOut {
    pub checked: u64,
    pub rejected: u64,
}

impl Findings {
    /// Adds another set of findings.
    pub fn add(&mut self, other: Findings) {
        self.rejects.extend(other.rejects);
        for (table, rows) in other.checked {
            *self.checked.entry(table).or_default() += rows;
        }
        for (warning, count) in other.warnings {
            *self.warnings.entry(warning).or_default() += count;
        }
        other.left_out.into_iter().for_each(|(table, rows)| self.leave_out(table, rows));
    }

    /// Counts rows that are not reported.
    pub fn leave_out(&mut self, table: &'static str, rows: LeftOut) {
        let total = self.left_out.entry(table).or_default();
        total.checked += rows.checked;
        total.rejected += rows.rejected;
    }

    /// Rows that are not reported, by table.
    pub fn left_out(&self) -> &BTreeMap<&'static str, LeftOut> {
        &self.left_out
    }

    /// These findings, which are a part of `all`, with what they leave out of it.
    pub fn as_part_of(mut self, all: &Findings) -> Findings {
        let tables: BTreeSet<&'static str> = all.checked.keys().chain(all.left_out.keys()).copied().collect();
        for table in tables {
            let (whole, part) = (all.judged(table), self.judged(table));
            let checked = whole.checked.saturating_sub(part.checked);
            let rejected = whole.rejected.saturating_sub(part.rejected);
            self.leave_out(table, LeftOut { checked, rejected });
        }
        self
    }

    /// The rejected rows that name one of some partners. A row that names none of them, or nobody, belongs to others.
    pub(super) fn rejects_of(&self, partners: &Expr) -> Result<Findings> {
        let mut findings = Findings::default();
        for rows in self.rejects.iter().filter(|rows| rows.column(OWNER).is_ok()) {
            let theirs = rows.clone().lazy().filter(col(OWNER).is_in(partners.clone(), false));
            findings.reject(engine::collect("rejects", theirs)?);
        }
        Ok(findings)
    }

    /// Rows of a table that were checked and rejected, whether or not they are reported.
    pub(super) fn judged(&self, table: &str) -> LeftOut {
        let left_out = self.left_out.get(table).copied().unwrap_or_default();
        LeftOut {
            checked: left_out.checked + self.checked.get(table).copied().unwrap_or_default(),
            rejected: left_out.rejected + self.rejected_of(table),
        }
    }

    /// Counts rows that were checked.
    pub fn count_checked(&mut self, table: &'static str, rows: u64) {
        *self.checked.entry(table).or_default() += rows;
    }

    /// Adds rejected rows: `table, rule, key, reason`, and `partner_id` where the row tells whose it is.
    pub fn reject(&mut self, rejects: DataFrame) {
        if rejects.height() > 0 {
            self.rejects.push(rejects);
        }
    }

    /// Counts a warning.
    pub fn warn(&mut self, rule: &'static str, subject: impl Into<String>, count: u64) {
        if count > 0 {
            *self.warnings.entry((rule, subject.into())).or_default() += count;
        }
    }

    /// The rejected rows as they were found, frame by frame, each with `table, rule, key, reason`.
    pub fn rejected(&self) -> &[DataFrame] {
        &self.rejects
    }

    /// Keeps of the counts under rule `seen` those whose subject is not known, as warnings under `rule`.
    pub(super) fn keep_unknown(&mut self, seen: &'static str, rule: &'static str, known: &[String]) {
        let counts = std::mem::take(&mut self.warnings);
        for ((name, subject), count) in counts {
            if name != seen {
                self.warn(name, subject, count);
            } else if !known.contains(&subject) {
                self.warn(rule, subject, count);
            }
        }
    }

    /// Every rejected row, `table, rule, key, reason`, in one order whatever the order of reading.
    pub fn rejects(&self) -> Result<DataFrame> {
        let empty = DataFrame::empty_with_schema(
            &REJECT_COLUMNS.iter().map(|name| Field::new((*name).into(), DataType::String)).collect::<Schema>(),
        );
        let columns = |rows: DataFrame| rows.lazy().select(REJECT_COLUMNS.map(col));
        let frames = std::iter::once(empty).chain(self.rejects.iter().cloned()).map(columns).collect::<Vec<_>>();
        let all = concat(frames, UnionArgs::default()).map_err(|error| engine::plan_error("rejects", &error))?;
        engine::collect("rejects", all.sort(REJECT_COLUMNS, SortMultipleOptions::default()))
    }

    /// Rejected rows counted by table and rule.
    pub fn rejects_by_rule(&self) -> BTreeMap<(String, String), u64> {
        let mut counts = BTreeMap::new();
        for frame in &self.rejects {
            let texts = |name: &str| frame.column(name).ok().and_then(|column| column.str().ok().cloned());
            let (Some(tables), Some(rules)) = (texts("table"), texts("rule")) else { continue };
            for (table, rule) in tables.iter().zip(rules.iter()) {
                let key = (table.unwrap_or_default().to_owned(), rule.unwrap_or_default().to_owned());
                *counts.entry(key).or_default() += 1;
            }
        }
        counts
    }

    /// Partners that rows name and the table of partners does not have, each with its number of rejected rows.
    pub fn unknown_partners(&self) -> BTreeMap<String, u64> {
        self.unknown_partners_where(|_| true)
    }

    /// Those that rows of one table name.
    pub fn unknown_partners_of(&self, table: &str) -> BTreeMap<String, u64> {
        self.unknown_partners_where(|name| name == table)
    }

    fn unknown_partners_where(&self, is_wanted: impl Fn(&str) -> bool) -> BTreeMap<String, u64> {
        let [before, after] = UNKNOWN_PARTNER_REASON;
        let mut partners = BTreeMap::new();
        for frame in &self.rejects {
            let texts = |name: &str| frame.column(name).ok().and_then(|column| column.str().ok().cloned());
            let (Some(tables), Some(rules), Some(reasons)) = (texts("table"), texts("rule"), texts("reason")) else {
                continue;
            };
            let rows = tables.iter().zip(rules.iter()).zip(reasons.iter());
            let unknown =
                rows.filter(|((table, rule), _)| *rule == Some(UNKNOWN_PARTNER) && table.is_some_and(&is_wanted));
            let ids = unknown.filter_map(|(_, reason)| reason?.strip_prefix(before)?.strip_suffix(after));
            ids.for_each(|id| *partners.entry(id.to_owned()).or_default() += 1);
        }
        partners
    }

    /// Rejected rows of a table that are reported.
    fn rejected_of(&self, table: &str) -> u64 {
        self.rejects_by_rule().iter().filter(|((name, _), _)| name == table).map(|(_, count)| count).sum()
    }
}
