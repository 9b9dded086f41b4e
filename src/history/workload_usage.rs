//! `workload_usage`: paid seats and active users of a tenant's workload in a month.

use chrono::NaiveDate;
use polars::prelude::*;

use super::checks::{Check, Findings, LARGEST_COUNT, any_null, key, null_columns, rejected, says, sound};
use super::files::File;
use super::table::{Column, Kind, Table};
use super::tenants::TenantRange;
use crate::engine;
use crate::error::Result;
use crate::month::Month;

pub(super) const NAME: &str = "workload_usage";
pub(super) const COLUMNS: &[Column] = &[
    Column::new("tenant_id", Kind::Text),
    Column::new("workload", Kind::Text),
    Column::new(MONTH, Kind::Date),
    Column::new("paid_seats", Kind::Count),
    Column::new("active_users", Kind::Count),
];
const MONTH: &str = "month";
const KEY: [&str; 3] = ["tenant_id", "workload", MONTH];
const COUNTS: [&str; 2] = ["paid_seats", "active_users"];

/// Workloads get a bit each, as many as fit in sums that cannot overflow; more share bits, which costs a second look.
const BITS: usize = 31;

fn checks() -> Vec<Check> {
    let any = |broken: &dyn Fn(Expr) -> Expr| {
        COUNTS.iter().map(|name| broken(col(*name))).reduce(Expr::or).unwrap_or_else(|| lit(false))
    };
    let whichever = |broken: &dyn Fn(Expr) -> Expr, verb: &str| {
        when(broken(col(COUNTS[0]))).then(says(COUNTS[0], verb)).otherwise(says(COUNTS[1], verb))
    };
    let negative = |count: Expr| count.lt(lit(0));
    let too_large = |count: Expr| count.gt(lit(LARGEST_COUNT));
    vec![
        Check::new("null_key", any_null(&KEY), null_columns(&KEY)),
        Check::new("null_count", any_null(&COUNTS), null_columns(&COUNTS)),
        Check::new("negative_count", any(&negative), whichever(&negative, "is negative:")),
        Check::new("count_too_large", any(&too_large), whichever(&too_large, "is too large:")),
        Check::new("not_first_of_month", col(MONTH).dt().day().neq(lit(1)), says(MONTH, "is not a first of month:")),
    ]
}

/// One month's rows of a set of tenants, sound and unique by key, with what was found beside them.
pub struct UsageMonth {
    pub month: Month,
    /// `tenant_id, workload, paid_seats, active_users`.
    rows: LazyFrame,
    pub findings: Findings,
    /// Workloads seen in sound rows.
    workloads: Vec<String>,
    /// Sound rows before exact repeats fold.
    pub height: u64,
}

/// Files that may hold rows of a month, with what to keep of each.
fn files_of(table: &Table, month: Month) -> Vec<&File> {
    let in_month = |day: NaiveDate| Month::of(day) == month;
    let may_hold = |file: &&File| match file.hive.get(MONTH) {
        Some(Some(value)) => value.parse::<NaiveDate>().map_or(true, in_month),
        Some(None) => false,
        None => true,
    };
    table.files.iter().filter(may_hold).collect()
}

/// Rows of a month as the files store it, those dated within it included. Files that carry the month inside are filtered.
fn stored(table: &Table, month: Month, keep: Option<Expr>) -> Result<LazyFrame> {
    let (by_folder, by_column): (Vec<&File>, Vec<&File>) =
        files_of(table, month).into_iter().partition(|file| file.hive.contains_key(MONTH));
    let in_month = col(MONTH).gt_eq(engine::day(month.first_day())).and(col(MONTH).lt_eq(engine::day(month.last_day())));
    let keep_in_month = keep.clone().into_iter().chain([in_month]).reduce(Expr::and);
    let scans = [(by_folder, keep), (by_column, keep_in_month)].into_iter().filter(|(files, _)| !files.is_empty());
    let scans = scans.map(|(files, keep)| table.scan(&files, keep.as_ref())).collect::<Result<Vec<_>>>()?;
    match scans.len() {
        0 => table.scan(&[], None),
        1 => Ok(scans.into_iter().next().unwrap_or_default()),
        _ => concat(scans, UnionArgs::default()).map_err(|error| engine::plan_error("usage", &error)),
    }
}

/// The tenant of every stored row of a month.
pub(super) fn tenant_ids(table: &Table, month: Month) -> Result<LazyFrame> {
    Ok(stored(table, month, None)?.select([col("tenant_id")]))
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
    let first = table.scan(&by_column, Some(&in_month))?.select([col(MONTH)]).limit(1);
    Ok(!by_column.is_empty() && engine::collect("usage months", first)?.height() > 0)
}

/// Every month in which the table has rows, from folders and, where files carry the month inside, from their rows.
pub(super) fn months(table: &Table) -> Result<Vec<Month>> {
    let folders = table.files.iter().filter_map(|file| file.hive.get(MONTH)?.as_ref()?.parse::<NaiveDate>().ok());
    let mut months: Vec<Month> = folders.map(Month::of).collect();
    let by_column: Vec<&File> = table.files.iter().filter(|file| !file.hive.contains_key(MONTH)).collect();
    if !by_column.is_empty() {
        let distinct = table.scan(&by_column, None)?.select([col(MONTH)]).unique(None, UniqueKeepStrategy::Any);
        let distinct = engine::collect("usage months", distinct)?;
        let days = distinct.column(MONTH).and_then(|column| column.date().cloned());
        months.extend(days.iter().flat_map(|days| days.as_date_iter().flatten().map(Month::of).collect::<Vec<_>>()));
    }
    months.sort();
    months.dedup();
    Ok(months)
}

/// Rows that no month can claim: those whose month is null.
pub(super) fn check_monthless(table: &Table) -> Result<Findings> {
    let files: Vec<&File> = table.files.iter().filter(|file| !matches!(file.hive.get(MONTH), Some(Some(_)))).collect();
    let mut findings = Findings::default();
    let scan = table.scan(&files, Some(&col(MONTH).is_null()))?;
    let rejects = engine::collect("usage rejects", rejected(scan, NAME, &KEY, &checks()))?;
    findings.count_checked(NAME, rejects.height() as u64);
    findings.reject(rejects);
    Ok(findings)
}

impl UsageMonth {
    /// Reads what a month holds of a set of tenants; where `only` is given, of these tenants alone.
    pub(super) fn open(
        table: &Table,
        month: Month,
        tenants: &TenantRange,
        only: Option<&Series>,
    ) -> Result<UsageMonth> {
        let theirs = only.map(|ids| col("tenant_id").is_in(lit(ids.clone()).implode(false), false));
        let keep = tenants.keep().into_iter().chain(theirs).reduce(Expr::and);
        let stored = match only {
            // A few tenants' rows fit in memory, and are looked at more than once.
            Some(_) => engine::collect("association months", stored(table, month, keep)?)?.lazy(),
            None => stored(table, month, keep)?,
        };
        let mut findings = Findings::default();
        let rejects = engine::collect("usage rejects", rejected(stored.clone(), NAME, &KEY, &checks()))?;
        findings.count_checked(NAME, rejects.height() as u64);
        findings.reject(rejects);
        let columns = ["tenant_id", "workload", "paid_seats", "active_users"].map(col);
        let rows = stored.filter(sound(&checks())).select(columns);
        let mut usage = UsageMonth { month, rows, findings, workloads: Vec::new(), height: 0 };
        usage.look_through()?;
        Ok(usage)
    }

    /// Sound rows, unique by tenant and workload: `tenant_id, workload, paid_seats, active_users`.
    pub fn rows(&self) -> LazyFrame {
        self.rows.clone()
    }

    /// Counts rows and warnings by workload.
    fn look_through(&mut self) -> Result<()> {
        let over = col("active_users").gt(col("paid_seats")).cast(DataType::UInt32).sum();
        let seen = self
            .rows()
            .group_by([col("workload")])
            .agg([len().cast(DataType::Int64).alias("rows"), over.cast(DataType::Int64).alias("over")]);
        let seen = engine::collect("usage workloads", seen.sort(["workload"], SortMultipleOptions::default()))?;
        for (workload, rows) in engine::text_counts(&seen, "workload", "rows")? {
            self.height += rows;
            self.findings.warn("workload", workload.clone(), rows);
            self.workloads.push(workload);
        }
        for (workload, over) in engine::text_counts(&seen, "workload", "over")? {
            self.findings.warn("active_users_above_paid_seats", workload, over);
        }
        self.findings.count_checked(NAME, self.height);
        Ok(())
    }

    /// The month's rows grouped by tenant: `tenant_id` and the given aggregations, once for each tenant.
    ///
    /// Repeated keys are found on the way: a tenant's workloads as bits sum to their union exactly when none repeats. Where one
    /// does, exact repeats fold, contradicting rows are rejected, and the grouping is done anew.
    pub fn by_tenant(&mut self, stage: &'static str, aggregations: &[Expr]) -> Result<DataFrame> {
        let grouped = |rows: LazyFrame| rows.group_by([col("tenant_id")]);
        let bits = [col("bit").sum().alias("bit_sum"), col("bit").bitwise_or().alias("bit_union")];
        let aggregated = grouped(self.rows().with_columns([self.bit()])).agg([aggregations, &bits].concat());
        let df = engine::collect(stage, aggregated)?;
        let repeating = df.clone().lazy().filter(col("bit_sum").neq(col("bit_union"))).select([col("tenant_id")]);
        let repeating = engine::collect(stage, repeating)?;
        if repeating.height() == 0 {
            return Ok(df.drop_many(["bit_sum", "bit_union"]));
        }
        self.resolve_repeats(&repeating)?;
        engine::collect(stage, grouped(self.rows()).agg(aggregations))
    }

    fn bit(&self) -> Expr {
        let bits = self.workloads.iter().enumerate();
        bits.fold(lit(0i64), |otherwise, (index, workload)| {
            when(col("workload").eq(lit(workload.as_str()))).then(lit(1i64 << (index % BITS))).otherwise(otherwise)
        })
        .cast(DataType::Int64)
        .alias("bit")
    }

    /// Folds exact repeats of the given tenants, and rejects their rows that share a key but not its values.
    fn resolve_repeats(&mut self, tenants: &DataFrame) -> Result<()> {
        let ids = engine::column(tenants, "tenant_id")?;
        let theirs = || col("tenant_id").is_in(lit(ids.clone()).implode(false), false);
        let rows = engine::collect("usage repeats", self.rows().filter(theirs()))?;
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
        let rejects =
            on(rows.lazy(), JoinType::Semi).with_columns([engine::day(self.month.first_day()).alias(MONTH)]).select([
                lit(NAME).alias("table"),
                lit("conflicting_usage").alias("rule"),
                key(&KEY).alias("key"),
                reason.alias("reason"),
            ]);
        self.findings.reject(engine::collect("usage repeats", rejects)?);
        let folded = engine::collect("usage repeats", on(values, JoinType::Anti))?;
        let parts = [self.rows().filter(theirs().not()), folded.lazy()];
        self.rows = concat(parts, UnionArgs::default()).map_err(|error| engine::plan_error("usage repeats", &error))?;
        Ok(())
    }
}
