//! `workload_usage`: paid seats and active users of a tenant's workload in a month.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use chrono::NaiveDate;
use polars::prelude::*;

use super::checks::{
    ACTIVE_USERS_ABOVE_PAID_SEATS, Blank, Check, Findings, LARGEST_COUNT, MONTH_DIFFERS_FROM_FOLDER, REJECT_COLUMNS,
    any_null, key, key_is_there, null_columns, rejected, says, sound, unsound,
};
use super::files::File;
use super::footer::{Footer, Span};
use super::id_forms::IdForms;
use super::month_column;
use super::table::{Column, Kind, Table};
use super::tenants::{TenantRange, Tenants};
use super::texts;
use super::usage_pass::{self, Seen, ToFind, Totals};
use crate::engine;
use crate::error::{Error, Result};
use crate::month::Month;

pub(super) const NAME: &str = "workload_usage";
pub(super) const COLUMNS: &[Column] = &[
    Column::new("tenant_id", Kind::Text),
    Column::new("workload", Kind::Text),
    Column::new(MONTH, Kind::Date),
    Column::new("paid_seats", Kind::Count),
    Column::new("active_users", Kind::Count),
];
pub(super) const MONTH: &str = "month";
const KEY: [&str; 3] = ["tenant_id", "workload", MONTH];
const TEXTS: [&str; 2] = ["tenant_id", "workload"];
const COUNTS: [&str; 2] = ["paid_seats", "active_users"];

/// What a row must not be, blank texts aside, which the pass over its rows finds. The month of rows whose folder names a first of month
/// is beyond doubt.
fn checks(month: bool) -> Vec<Check> {
    checks_of(month, &Blank::new())
}

/// Every check; the texts of `blank` may be blank.
fn checks_of(month: bool, blank: &Blank) -> Vec<Check> {
    let keys = if month { &KEY[..] } else { &KEY[..2] };
    let any = |broken: &dyn Fn(Expr) -> Expr| {
        COUNTS.iter().map(|name| broken(col(*name))).reduce(Expr::or).unwrap_or_else(|| lit(false))
    };
    let whichever = |broken: &dyn Fn(Expr) -> Expr, verb: &str| {
        when(broken(col(COUNTS[0]))).then(says(COUNTS[0], verb)).otherwise(says(COUNTS[1], verb))
    };
    let negative = |count: Expr| count.lt(lit(0));
    let too_large = |count: Expr| count.gt(lit(LARGEST_COUNT));
    let mut checks = vec![
        key_is_there(keys, blank),
        Check::new("null_count", any_null(&COUNTS), null_columns(&COUNTS)),
        Check::new("negative_count", any(&negative), whichever(&negative, "is negative:")),
        Check::new("count_too_large", any(&too_large), whichever(&too_large, "is too large:")),
    ];
    if month {
        let day = engine::calendar_day(col(MONTH)).dt().day();
        let broken = day.neq(lit(1)).fill_null(lit(true));
        checks.push(Check::new("not_first_of_month", broken, says(MONTH, "is not a first of month:")));
    }
    checks
}

/// Which rows of a month are wanted.
#[derive(Clone, Copy)]
enum Wanted {
    All,
    Sound,
    Unsound,
}

impl Wanted {
    /// What a scan keeps, so that the engine skips what its statistics rule out.
    fn keep(self, checks: &[Check]) -> Option<Expr> {
        match self {
            Wanted::All => None,
            Wanted::Sound => Some(sound(checks)),
            Wanted::Unsound => Some(unsound(checks)),
        }
    }
}

/// Which rows of a month are looked at.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    pub month: Month,
    pub range: &'a TenantRange,
    /// Whether only rows of the tenants asked for are looked at; all are otherwise.
    pub only: bool,
}

/// What a month's sound rows, unique by key, say of the tenants asked for, with what was found beside them.
pub struct UsageMonth {
    /// Rows wanted one by one: `tenant` UInt32, `workload` UInt8 ([`UNLISTED`](super::UNLISTED) where it has no number of its own),
    /// `paid_seats` and `active_users` Int64.
    pub rows: DataFrame,
    /// By list.
    pub totals: Vec<Totals>,
    /// By tenant, whether it has any row.
    pub found: Vec<bool>,
    /// Sound rows of all tenants looked at, each key once.
    pub height: u64,
    /// Of all tenants looked at: warnings, rejected rows and how many were checked.
    pub findings: Findings,
    /// How the ids of tenants are written that were not asked for.
    pub id_forms: IdForms,
    /// Rejected rows with their `tenant_id`: those that break a check, and those whose key stands for several values.
    rejects: [DataFrame; 2],
    /// By tenant, how many rows that break no check it has, repeats included.
    checked: Vec<u32>,
}

/// Values of the hive key `month` that an error names.
const SHOWN: usize = 5;

/// Refuses folders whose name has another value than the first day of a month: no score would see their rows.
///
/// # Errors
/// Refused, with the values.
pub(super) fn require_month_folders(table: &Table, root: &Path) -> Result<()> {
    let values = table.files.iter().filter_map(|file| file.hive.get(MONTH)?.as_deref());
    let is_first = |value: &&str| value.parse::<NaiveDate>().is_ok_and(|day| day == Month::of(day).first_day());
    let wrong: BTreeSet<&str> = values.filter(|value| !is_first(value)).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    let shown: Vec<String> = wrong.iter().take(SHOWN).map(|value| format!("`{MONTH}={value}`")).collect();
    let more = if wrong.len() > SHOWN { format!(" and {} more", wrong.len() - SHOWN) } else { String::new() };
    let what = format!("folders of table `{NAME}` do not name the first day of a month: {}{more}", shown.join(", "));
    Err(Error::refused(what)
        .at(root.join(NAME).display())
        .hint(format!("name each folder like {MONTH}=2026-10-01; a year and a month in two folders are not read")))
}

/// Warns of rows of a month whose column `month` differs from the folder's name.
pub(super) fn check_month_folder(table: &Table, month: Month) -> Result<Findings> {
    let mut findings = Findings::default();
    for file in files_of(table, month).into_iter().filter(|file| file.hive.contains_key(MONTH)) {
        // A damaged file is an error where its rows are needed.
        let Ok(footer) = table.footer(file) else { continue };
        let rows = month_column::rows_of_other_months(file, &footer, month)?;
        findings.warn(MONTH_DIFFERS_FROM_FOLDER, &file.name, rows);
    }
    Ok(findings)
}

/// Files that may hold rows of a month, with what to keep of each.
pub(super) fn files_of(table: &Table, month: Month) -> Vec<&File> {
    let in_month = |day: NaiveDate| Month::of(day) == month;
    let may_hold = |file: &&File| match file.hive.get(MONTH) {
        Some(Some(value)) => value.parse::<NaiveDate>().map_or(true, in_month),
        Some(None) => false,
        None => true,
    };
    table.files.iter().filter(may_hold).collect()
}

/// Rows of a month as the files store it, those dated within it included. Files that carry the month inside are filtered.
fn stored(table: &Table, month: Month, keep: Option<Expr>, wanted: Wanted) -> Result<LazyFrame> {
    let named = |file: &&File| file.hive.contains_key(MONTH);
    let first = |file: &&File| file.hive.get(MONTH).is_some_and(|day| *day == Some(month.first_day().to_string()));
    let files = files_of(table, month);
    let (by_column, by_folder): (Vec<&File>, Vec<&File>) = files.into_iter().partition(|file| !named(file));
    let (mut beyond_doubt, doubtful): (Vec<&File>, Vec<&File>) = by_folder.into_iter().partition(|file| first(file));
    if matches!(wanted, Wanted::Unsound) {
        let mut unproven = Vec::new();
        for file in beyond_doubt {
            if !proven_sound(&table.footer(file)?) {
                unproven.push(file);
            }
        }
        beyond_doubt = unproven;
    }
    let (from, to) = (engine::day(month.first_day()), engine::day(month.last_day()));
    let in_month = col(MONTH).gt_eq(from).and(col(MONTH).lt_eq(to));
    let mut scans = Vec::new();
    for (files, in_month, checks) in
        [(beyond_doubt, None, checks(false)), (doubtful, None, checks(true)), (by_column, Some(in_month), checks(true))]
    {
        let held = in_month.is_some() && table.is_held();
        let keep = [keep.clone(), in_month, wanted.keep(&checks)].into_iter().flatten().reduce(Expr::and);
        if held {
            scans.push(table.scan_held(|of| of == Some(month), keep.as_ref())?);
        } else if !files.is_empty() {
            scans.push(table.scan(&files, keep.as_ref())?);
        }
    }
    match scans.len() {
        0 => table.scan(&[], None),
        1 => Ok(scans.remove(0)),
        _ => concat(scans, UnionArgs::default()).map_err(|error| engine::plan_error("usage", &error)),
    }
}

/// The rows of a month by its files' footers; None where files may hold other months too.
fn rows_in_folder(table: &Table, month: Month) -> Result<Option<u64>> {
    let first = Some(month.first_day().to_string());
    let mut rows = 0;
    for file in files_of(table, month) {
        if file.hive.get(MONTH) != Some(&first) {
            return Ok(None);
        }
        rows += table.footer(file)?.rows;
    }
    Ok((!table.is_held()).then_some(rows))
}

/// Whether a file's statistics prove that none of its rows is broken, its month aside.
fn proven_sound(footer: &Footer) -> bool {
    let keys = KEY[..2].iter().all(|name| footer.has_no_null(name));
    keys && COUNTS.iter().all(|name| footer.lies_within(name, 0, LARGEST_COUNT))
}

fn rows_of(stored: LazyFrame) -> LazyFrame {
    stored.select(["tenant_id", "workload", "paid_seats", "active_users"].map(col))
}

/// A month's rows as they are read where nothing is broken: `tenant_id, workload, paid_seats, active_users`.
pub(super) fn plan(table: &Table, month: Month, range: &TenantRange) -> Result<LazyFrame> {
    Ok(rows_of(stored(table, month, range.keep(), Wanted::All)?))
}

/// The tenant of every stored row of a month.
pub(super) fn tenant_ids(table: &Table, month: Month) -> Result<LazyFrame> {
    Ok(stored(table, month, None, Wanted::All)?.select([col("tenant_id")]))
}

/// Those of some ids that have a stored row of a month, sound or not.
pub(super) fn tenants_in(table: &Table, month: Month, ids: &Series) -> Result<Series> {
    let theirs = col("tenant_id").is_in(engine::list(ids)?, false);
    let rows = stored(table, month, Some(theirs), Wanted::All)?.select([col("tenant_id")]);
    engine::column(&engine::collect("usage tenants", rows.unique(None, UniqueKeepStrategy::Any))?, "tenant_id")
}

/// Where the tenants of a month lie, by row group; None where some file does not tell, or may hold other months too.
pub(super) fn tenant_spans(table: &Table, month: Month) -> Result<Option<Vec<Span>>> {
    let mut spans = Vec::new();
    for file in files_of(table, month) {
        let of_file = table.footer(file)?.spans("tenant_id").filter(|_| file.hive.contains_key(MONTH));
        let Some(of_file) = of_file else { return Ok(None) };
        spans.extend(of_file);
    }
    Ok((!table.is_held()).then_some(spans))
}

/// Whether the table holds any row of a month.
pub(super) fn holds(table: &Table, month: Month) -> Result<bool> {
    let mut by_column = Vec::new();
    for file in files_of(table, month) {
        if !file.hive.contains_key(MONTH) {
            by_column.push(file);
        } else if table.footer(file)?.rows > 0 {
            return Ok(true);
        }
    }
    let in_month = col(MONTH).eq(engine::day(month.first_day()));
    let rows = match table.is_held() {
        true => table.scan_held(|of| of == Some(month), Some(&in_month))?,
        false => table.scan(&by_column, Some(&in_month))?,
    };
    let first = rows.select([col(MONTH)]).limit(1);
    Ok((!by_column.is_empty() || table.is_held()) && engine::collect("usage months", first)?.height() > 0)
}

/// Which months are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Months {
    /// Those that a score can see: of rows dated the first of a month.
    Scored,
    /// Those of rows dated any day within, which `check` looks at as well.
    Dated,
}

/// Every month in which the table has rows, from folders and, where files carry the month inside, from their rows.
pub(super) fn months(table: &Table, which: Months) -> Result<Vec<Month>> {
    let folders = table.files.iter().filter_map(|file| file.hive.get(MONTH)?.as_ref()?.parse::<NaiveDate>().ok());
    let mut days: Vec<NaiveDate> = folders.collect();
    let by_column: Vec<&File> = table.files.iter().filter(|file| !file.hive.contains_key(MONTH)).collect();
    if !by_column.is_empty() || table.is_held() {
        let rows = table.scan(&by_column, Some(&engine::is_calendar_day(col(MONTH))))?;
        let distinct = rows.select([col(MONTH)]).unique(None, UniqueKeepStrategy::Any);
        let distinct = engine::collect("usage months", distinct)?;
        let found = distinct.column(MONTH).and_then(|column| column.date().cloned());
        days.extend(found.iter().flat_map(|found| found.as_date_iter().flatten().collect::<Vec<_>>()));
    }
    days.retain(|day| which == Months::Dated || *day == Month::of(*day).first_day());
    Ok(days.into_iter().map(Month::of).collect::<BTreeSet<_>>().into_iter().collect())
}

/// Rows that no month can claim: those whose month is null, or no day of the calendar.
pub(super) fn check_monthless(table: &Table) -> Result<Findings> {
    let files: Vec<&File> = table.files.iter().filter(|file| !matches!(file.hive.get(MONTH), Some(Some(_)))).collect();
    let mut findings = Findings::default();
    let monthless = engine::is_calendar_day(col(MONTH)).fill_null(lit(false)).not();
    let scan = table.scan(&files, Some(&monthless))?;
    let rejects = as_rejects(engine::collect("usage rejects", scan)?)?.drop_many(["tenant_id"]);
    findings.count_checked(NAME, rejects.height() as u64);
    findings.reject(rejects);
    Ok(findings)
}

/// The warnings of a month's rows of some tenants, as [`counted`] tells them of all.
pub(super) fn warnings_of(table: &Table, rows: &Rows, ids: Expr) -> Result<Findings> {
    let theirs = rows.range.keep().into_iter().chain([col("tenant_id").is_in(ids, false)]).reduce(Expr::and);
    let above = col("active_users").gt(col("paid_seats")).cast(DataType::Int64).sum();
    let by_workload = rows_of(stored(table, rows.month, theirs, Wanted::Sound)?)
        .group_by([col("workload")])
        .agg([len().cast(DataType::Int64).alias("rows"), above.alias("above")]);
    let by_workload = engine::collect("usage warnings", by_workload)?;
    let mut findings = Findings::default();
    for (workload, rows) in engine::text_counts(&by_workload, "workload", "rows")? {
        findings.warn("workload", workload, rows);
    }
    for (workload, rows) in engine::text_counts(&by_workload, "workload", "above")? {
        findings.warn(ACTIVE_USERS_ABOVE_PAID_SEATS, workload, rows);
    }
    Ok(findings)
}

impl UsageMonth {
    /// Reads a month.
    pub(super) fn open(table: &Table, wanted: &Rows, to_find: &Arc<ToFind>) -> Result<UsageMonth> {
        let whole = if wanted.only || *wanted.range != TenantRange::all() {
            None
        } else {
            rows_in_folder(table, wanted.month)?
        };
        let haystack = wanted.only.then(|| to_find.tenants.haystack()).transpose()?;
        let theirs = haystack.map(|ids| col("tenant_id").is_in(ids, false));
        let keep = wanted.range.keep().into_iter().chain(theirs).reduce(Expr::and);
        let broken = stored(table, wanted.month, keep.clone(), Wanted::Unsound)?;
        let mut broken = engine::collect("usage rejects", broken)?;
        // Where nothing is broken there is nothing to leave out, and the scan is quicker without a filter.
        let sound = if broken.height() == 0 { Wanted::All } else { Wanted::Sound };
        let mut sound = stored(table, wanted.month, keep, sound)?;
        let mut seen = usage_pass::seen(&rows_of(sound.clone()), to_find)?;
        if seen.any_blank {
            let blank = engine::collect("usage rejects", sound.clone().filter(any_blank()))?;
            broken.vstack_mut(&blank).map_err(|error| Error::internal(error.to_string()))?;
            sound = sound.filter(any_blank().not());
            seen = usage_pass::seen(&rows_of(sound.clone()), to_find)?;
        }
        let (rows, broken) = (rows_of(sound), as_rejects(broken)?);
        let (mut findings, mut height) = counted(&seen);
        if let Some(rows) = whole.filter(|rows| *rows != height + broken.height() as u64) {
            let read = height + broken.height() as u64;
            let what = format!(
                "{read} of {rows} rows of {} were read: some statistics rule out rows that are there",
                wanted.month
            );
            return Err(Error::refused(what).hint("write the files of the month again"));
        }
        let (checked, mut conflicting) = (seen.rows_of_tenants.clone(), DataFrame::default());
        if !seen.repeating.is_empty() {
            let folded;
            (folded, conflicting) = resolved(rows, &seen.repeating, wanted.month)?;
            seen = usage_pass::seen(&folded, to_find)?;
            height = counted(&seen).1;
        }
        findings.count_checked(NAME, broken.height() as u64);
        findings.reject(broken.drop("tenant_id").unwrap_or_default());
        findings.reject(conflicting.drop("tenant_id").unwrap_or_default());
        let found = seen.rows_of_tenants.iter().map(|rows| *rows > 0).collect();
        let rejects = [broken, conflicting];
        Ok(UsageMonth {
            rows: seen.take_rows(),
            totals: seen.totals,
            found,
            height,
            findings,
            id_forms: seen.id_forms,
            rejects,
            checked,
        })
    }

    /// What was rejected and checked of some of the tenants, by number; what is warned of is whole months.
    pub fn findings_of(&self, tenants: &Tenants, numbers: &Series) -> Result<Findings> {
        let mut findings = Findings::default();
        let theirs = numbers.u32().map_err(|error| Error::internal(error.to_string()))?;
        let checked = theirs.iter().flatten().filter_map(|number| self.checked.get(number as usize));
        findings.count_checked(NAME, checked.map(|rows| u64::from(*rows)).sum());
        let ids = engine::list(&tenants.ids_of(numbers)?)?;
        for (rejects, breaks_check) in
            self.rejects.iter().zip([true, false]).filter(|(rejects, _)| rejects.height() > 0)
        {
            let theirs = col("tenant_id").is_in(ids.clone(), false);
            let columns = REJECT_COLUMNS.map(col);
            let rejects = engine::collect("usage rejects", rejects.clone().lazy().filter(theirs).select(columns))?;
            findings.count_checked(NAME, if breaks_check { rejects.height() as u64 } else { 0 });
            findings.reject(rejects);
        }
        Ok(findings)
    }
}

/// True for rows whose tenant or workload is blank.
fn any_blank() -> Expr {
    TEXTS.iter().map(|name| texts::blank(name)).reduce(Expr::or).unwrap_or_else(|| lit(false))
}

/// Broken rows as rejects, with `tenant_id`.
fn as_rejects(broken: DataFrame) -> Result<DataFrame> {
    if broken.height() == 0 {
        return Ok(DataFrame::default());
    }
    let checks = checks_of(true, &Blank::from(TEXTS));
    engine::collect("usage rejects", rejected(broken.lazy(), NAME, &KEY, &checks, &["tenant_id"]))
}

/// The warnings that a pass has counted, and its rows.
fn counted(seen: &Seen) -> (Findings, u64) {
    let mut findings = Findings::default();
    for workload in &seen.workloads {
        findings.warn("workload", workload.name.clone(), workload.rows);
        findings.warn(ACTIVE_USERS_ABOVE_PAID_SEATS, workload.name.clone(), workload.over);
    }
    findings.warn_null_as_text(NAME, "tenant_id", seen.null_tenants.clone());
    let height = seen.workloads.iter().map(|workload| workload.rows).sum();
    findings.count_checked(NAME, height);
    (findings, height)
}

/// The rows with exact repeats of a key folded into one; and those that share a key but not its values, as rejects.
fn resolved(all: LazyFrame, repeating: &[String], month: Month) -> Result<(LazyFrame, DataFrame)> {
    let ids = Series::new("tenant_id".into(), repeating).unique_stable();
    let ids = ids.map_err(|error| engine::plan_error("usage repeats", &error))?;
    let ids = engine::list(&ids)?;
    let theirs = || col("tenant_id").is_in(ids.clone(), false);
    let rows = engine::collect("usage repeats", all.clone().filter(theirs()))?;
    let values = rows.clone().lazy().unique(None, UniqueKeepStrategy::Any);
    let pair = [col("tenant_id"), col("workload")];
    let conflicts = values
        .clone()
        .group_by(pair.clone())
        .agg([len().alias("values")])
        .filter(col("values").gt(lit(1)))
        .select(pair.clone());
    let conflicts = engine::collect("usage repeats", conflicts)?;
    let on = |lf: LazyFrame, how: JoinType| {
        lf.join(conflicts.clone().lazy(), pair.clone(), pair.clone(), JoinArgs::new(how))
    };
    let rejects = conflicting(on(rows.lazy(), JoinType::Semi), month);
    let rejects = engine::collect("usage repeats", rejects)?;
    let folded = engine::collect("usage repeats", on(values, JoinType::Anti))?;
    let parts = [all.filter(theirs().not()), folded.lazy()];
    let rows = concat(parts, UnionArgs::default()).map_err(|error| engine::plan_error("usage repeats", &error))?;
    Ok((rows, rejects))
}

/// Rows whose key stands for several values, as rejects.
fn conflicting(rows: LazyFrame, month: Month) -> LazyFrame {
    let reason = concat_str(
        [
            lit("the key stands for several values, here paid_seats "),
            col("paid_seats").cast(DataType::String),
            lit(" and active_users "),
            col("active_users").cast(DataType::String),
        ],
        "",
        false,
    );
    rows.with_columns([engine::day(month.first_day()).alias(MONTH)]).select([
        lit(NAME).alias("table"),
        lit("conflicting_usage").alias("rule"),
        key(&KEY).alias("key"),
        reason.alias("reason"),
        col("tenant_id"),
    ])
}
