//! Row checks as expressions, and what they find: rejected rows and warnings.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::*;

use super::texts;
use crate::email::{has_email, redacted};
use crate::engine;
use crate::error::{Error, Result};

/// The largest count a row may carry.
pub const LARGEST_COUNT: i64 = i32::MAX as i64;

/// The column of rejected rows that tells whose they are. It is never published.
pub(super) const OWNER: &str = "partner_id";

/// The columns of rejected rows, all text.
pub const REJECT_COLUMNS: [&str; 4] = ["table", "rule", "key", "reason"];

/// A part of a key that is null or blank.
pub(super) const NULL_KEY: &str = "null_key";
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
/// A workload that differs from a known one in case, padding or punctuation alone.
pub(super) const WORKLOAD_DIFFERS_IN_FORM: &str = "workload_differs_in_form";
/// The same of a certification.
pub(super) const CERTIFICATION_DIFFERS_IN_FORM: &str = "certification_differs_in_form";
/// A global account that differs from a partner in the same way.
pub(super) const PARTNER_ID_DIFFERS_IN_FORM: &str = "partner_id_differs_in_form";
/// A tenant id that associations and usage write differently.
pub const TENANT_ID_DIFFERS_IN_FORM: &str = "tenant_id_differs_in_form";
/// An id that spells null.
pub const NULL_AS_TEXT: &str = "null_as_text";
/// Ids that differ only in case, braces or leading zeros.
pub(super) const SIMILAR_IDS: &str = "similar_ids";
/// The rules of every warning.
pub const WARNINGS: &[&str] = &[
    UNKNOWN_WORKLOAD,
    UNKNOWN_CERTIFICATION,
    ACTIVE_USERS_ABOVE_PAID_SEATS,
    CONTESTED_PAIR,
    MISSING_EXPORT,
    FILE_NOT_READ,
    COPIED_FILE,
    EMPTY_TABLE,
    MONTH_DIFFERS_FROM_FOLDER,
    WORKLOAD_DIFFERS_IN_FORM,
    CERTIFICATION_DIFFERS_IN_FORM,
    PARTNER_ID_DIFFERS_IN_FORM,
    TENANT_ID_DIFFERS_IN_FORM,
    NULL_AS_TEXT,
    SIMILAR_IDS,
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

/// The text columns that hold a blank text in some row; the others need no look.
pub(super) type Blank = BTreeSet<&'static str>;

/// The check that a row has every part of its key: none may be null, and none of `blank` blank.
pub(super) fn key_is_there(columns: &[&str], blank: &Blank) -> Check {
    let blank: Vec<&str> = columns.iter().copied().filter(|name| blank.contains(name)).collect();
    let is_blank = blank.iter().map(|name| texts::blank(name));
    let broken = is_blank.fold(any_null(columns), Expr::or);
    let nulls = named(columns, &|name| col(name).is_null(), "is null");
    let reason = match blank.as_slice() {
        [] => nulls,
        blank => concat_str([nulls, named(blank, &texts::blank, "is blank")], "; ", true),
    };
    Check::new(NULL_KEY, broken, reason)
}

/// True where any of the columns is null.
pub(super) fn any_null(columns: &[&str]) -> Expr {
    columns.iter().map(|name| col(*name).is_null()).reduce(Expr::or).unwrap_or_else(|| lit(false))
}

/// Names the columns that are null, for the reason of a null check.
pub(super) fn null_columns(columns: &[&str]) -> Expr {
    named(columns, &|name| col(name).is_null(), "is null")
}

/// Names the columns of which something is true, and says so; null where it is true of none.
fn named(columns: &[&str], of: &dyn Fn(&str) -> Expr, says: &str) -> Expr {
    let none = || lit(NULL).cast(DataType::String);
    let names: Vec<Expr> = columns.iter().map(|name| when(of(name)).then(lit(*name)).otherwise(none())).collect();
    let any = columns.iter().map(|name| of(name)).reduce(Expr::or).unwrap_or_else(|| lit(false));
    when(any).then(concat_str([concat_str(names, ", ", true), lit(says)], " ", false)).otherwise(none())
}

/// Adds to the reason of rejects the name that may be meant, given their rule and the text in `column`, and drops that column.
pub(super) fn with_nearest(
    rejects: DataFrame,
    column: &str,
    nearest: impl Fn(&str, &str) -> Option<String>,
) -> Result<DataFrame> {
    let added = || -> PolarsResult<DataFrame> {
        let text = |name: &str| rejects.column(name)?.str().cloned();
        let (rules, reasons, given) = (text("rule")?, text("reason")?, text(column)?);
        let rows = rules.iter().zip(given.iter()).zip(reasons.iter());
        let reasons = rows.map(|((rule, given), reason)| {
            let near = rule.zip(given).and_then(|(rule, given)| nearest(rule, given));
            let more = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            reason.map(|reason| format!("{reason}{more}"))
        });
        let reasons: StringChunked = reasons.collect();
        let mut rejects = rejects.clone();
        rejects.with_column(reasons.with_name("reason".into()).into_series().into())?;
        let owner = (column != OWNER && rejects.column(OWNER).is_ok()).then_some(OWNER);
        rejects.select(REJECT_COLUMNS.into_iter().chain(owner))
    };
    added().map_err(|error| Error::internal(error.to_string()))
}

/// A name in the form that was found, with the one that is meant.
pub(super) fn did_you_mean(name: &str, near: &str) -> String {
    format!("`{name}` (did you mean `{near}`?)")
}

/// Rejected rows with `***` in place of e-mail addresses.
fn without_emails(mut rejects: DataFrame) -> DataFrame {
    for name in ["key", "reason"] {
        let texts = rejects.column(name).ok().and_then(|column| column.str().ok().cloned());
        let Some(texts) = texts.filter(|texts| texts.iter().flatten().any(has_email)) else { continue };
        let shown: Vec<Option<String>> =
            texts.iter().map(|text| text.map(|text| redacted(text).into_owned())).collect();
        // A column of as many rows always fits.
        let _ = rejects.with_column(Column::new(name.into(), shown));
    }
    rejects
}

/// A pair that several accounts hold through an option that has one partner at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContestedPair {
    pub option: String,
    pub tenant_id: String,
    pub workload: String,
    /// The global accounts, by id.
    pub partners: Vec<String>,
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
    /// By table, how many of the rows that name something name what differs from a known name in form alone.
    pub forms: BTreeMap<&'static str, Share>,
    /// The contested pairs of the newest month, which only a check of everything names.
    pub contested: Vec<ContestedPair>,
}

/// Rows of a table that are left out of a report and still count where the quality of the history is judged.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct LeftOut {
    pub checked: u64,
    pub rejected: u64,
}

/// A part of some rows.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    pub part: u64,
    pub rows: u64,
}

impl Share {
    /// Whether the part is larger than a ratio of the rows.
    pub fn exceeds(self, ratio: f64) -> bool {
        self.part as f64 > ratio * self.rows as f64
    }
}

/// What a table names, how it is warned of, and the names that are known.
pub(super) struct Known<'a> {
    pub table: &'static str,
    /// The warning of a name that is not known.
    pub unknown: &'static str,
    /// The warning of a name that differs from a known one in form alone.
    pub differs: &'static str,
    pub names: &'a [String],
}

impl Findings {
    /// Adds another set of findings.
    pub fn add(&mut self, other: Findings) {
        self.rejects.extend(other.rejects);
        self.contested.extend(other.contested);
        for (table, rows) in other.checked {
            *self.checked.entry(table).or_default() += rows;
        }
        for (warning, count) in other.warnings {
            *self.warnings.entry(warning).or_default() += count;
        }
        for (table, share) in other.forms {
            self.count_form(table, share);
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
        // The quality of the history is judged by all of its rows.
        self.forms.clone_from(&all.forms);
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
            self.rejects.push(without_emails(rejects));
        }
    }

    /// Counts a warning. An e-mail address in its subject is not shown.
    pub fn warn(&mut self, rule: &'static str, subject: impl Into<String>, count: u64) {
        if count > 0 {
            let subject = redacted(&subject.into()).into_owned();
            *self.warnings.entry((rule, subject)).or_default() += count;
        }
    }

    /// The rejected rows as they were found, frame by frame, each with `table, rule, key, reason`.
    pub fn rejected(&self) -> &[DataFrame] {
        &self.rejects
    }

    /// Keeps of the counts under rule `seen` those whose subject is not known, as warnings.
    pub(super) fn keep_unknown(&mut self, seen: &'static str, known: &Known) {
        let counts = std::mem::take(&mut self.warnings);
        for ((name, subject), count) in counts {
            match name == seen {
                true => self.count_name(known, &subject, count),
                false => self.warn(name, subject, count),
            }
        }
    }

    /// Counts rows with a name, and warns where it is not known.
    pub(super) fn count_name(&mut self, known: &Known, name: &str, rows: u64) {
        let is_known = known.names.iter().any(|known| known == name);
        let near = texts::same_form(name, known.names.iter().map(String::as_str)).filter(|_| !is_known);
        self.count_form(known.table, Share { part: if near.is_some() { rows } else { 0 }, rows });
        match near {
            Some(near) => self.warn(known.differs, did_you_mean(name, near), rows),
            None if !is_known => self.warn(known.unknown, name, rows),
            None => {}
        }
    }

    /// Counts rows that name something, and those of them that differ in form.
    pub fn count_form(&mut self, table: &'static str, share: Share) {
        let counted = self.forms.entry(table).or_default();
        counted.part += share.part;
        counted.rows += share.rows;
    }

    /// Warns of spellings of null in a column of ids.
    pub(super) fn warn_null_as_text(&mut self, table: &str, column: &str, found: BTreeMap<String, u64>) {
        for (spelling, rows) in found {
            self.warn(NULL_AS_TEXT, format!("{table}.{column} `{spelling}`"), rows);
        }
    }

    /// The subjects of a warning, those with most rows first.
    pub fn subjects(&self, rule: &str) -> Vec<&str> {
        let mut found: Vec<(u64, &str)> = Vec::new();
        found.extend(
            self.warnings
                .iter()
                .filter(|((name, _), _)| *name == rule)
                .map(|((_, subject), rows)| (*rows, subject.as_str())),
        );
        found.sort_by(|a, b| (b.0, a.1).cmp(&(a.0, b.1)));
        found.into_iter().map(|(_, subject)| subject).collect()
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

    /// The rule that rejected most rows of a table, and the reason of one of them.
    pub fn most_rejected_by(&self, table: &str) -> Option<(String, String)> {
        let by_rule = self.rejects_by_rule().into_iter().filter(|((name, _), _)| name == table);
        let ((_, rule), _) = by_rule.max_by_key(|(_, count)| *count)?;
        let first = |frame: &DataFrame| {
            let text = |name: &str| frame.column(name).ok().and_then(|column| column.str().ok().cloned());
            let (tables, rules, reasons) = (text("table")?, text("rule")?, text("reason")?);
            let mut rows = tables.iter().zip(rules.iter()).zip(reasons.iter());
            let found = rows.find(|((of, by), _)| *of == Some(table) && *by == Some(rule.as_str()));
            found.and_then(|(_, reason)| reason).map(str::to_owned)
        };
        let reason = self.rejects.iter().find_map(first)?;
        Some((rule, reason))
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
            let ids = unknown.filter_map(|(_, reason)| reason?.strip_prefix(before)?.rsplit_once(after));
            ids.for_each(|(id, _)| *partners.entry(id.to_owned()).or_default() += 1);
        }
        partners
    }

    /// Rejected rows of a table that are reported.
    fn rejected_of(&self, table: &str) -> u64 {
        self.rejects_by_rule().iter().filter(|((name, _), _)| name == table).map(|(_, count)| count).sum()
    }
}
