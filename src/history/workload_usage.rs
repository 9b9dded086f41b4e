//! `workload_usage`: paid seats and active users of a tenant's workload in a month.

use chrono::NaiveDate;
use polars::prelude::*;

use super::checks::{Check, Findings, LARGEST_COUNT, any_null, key, null_columns, rejected, says, sound, unsound};
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

/// What a row must not be; the month of rows whose folder names a first of month is beyond doubt.
fn checks(month: bool) -> Vec<Check> {
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
        Check::new("null_key", any_null(keys), null_columns(keys)),
        Check::new("null_count", any_null(&COUNTS), null_columns(&COUNTS)),
        Check::new("negative_count", any(&negative), whichever(&negative, "is negative:")),
        Check::new("count_too_large", any(&too_large), whichever(&too_large, "is too large:")),
    ];
    if month {
        let broken = col(MONTH).dt().day().neq(lit(1));
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
fn stored(table: &Table, month: Month, keep: Option<Expr>, wanted: Wanted) -> Result<LazyFrame> {
    let named = |file: &&File| file.hive.contains_key(MONTH);
    let first = |file: &&File| file.hive.get(MONTH).is_some_and(|day| *day == Some(month.first_day().to_string()));
    let files = files_of(table, month);
    let (by_column, by_folder): (Vec<&File>, Vec<&File>) = files.into_iter().partition(|file| !named(file));
    let (beyond_doubt, doubtful): (Vec<&File>, Vec<&File>) = by_folder.into_iter().partition(|file| first(file));
    let (from, to) = (engine::day(month.first_day()), engine::day(month.last_day()));
    let in_month = col(MONTH).gt_eq(from).and(col(MONTH).lt_eq(to));
    let mut scans = Vec::new();
    for (files, in_month, checks) in
        [(beyond_doubt, None, checks(false)), (doubtful, None, checks(true)), (by_column, Some(in_month), checks(true))]
    {
        if !files.is_empty() {
            let keep = [keep.clone(), in_month, wanted.keep(&checks)].into_iter().flatten().reduce(Expr::and);
            scans.push(table.scan(&files, keep.as_ref())?);
        }
    }
    match scans.len() {
        0 => table.scan(&[], None),
        1 => Ok(scans.remove(0)),
        _ => concat(scans, UnionArgs::default()).map_err(|error| engine::plan_error("usage", &error)),
    }
}

/// The tenant of every stored row of a month.
pub(super) fn tenant_ids(table: &Table, month: Month) -> Result<LazyFrame> {
    Ok(stored(table, month, None, Wanted::All)?.select([col("tenant_id")]))
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
    let rejects = engine::collect("usage rejects", rejected(scan, NAME, &KEY, &checks(true)))?;
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
        let (stored_rows, broken) = match only {
            // A few tenants' rows fit in memory, and are looked at more than once.
            Some(_) => {
                let stored = stored(table, month, keep.clone(), Wanted::All)?;
                let stored = engine::collect("association months", stored)?.lazy();
                (Some(stored.clone()), stored)
            }
            None => (None, stored(table, month, keep.clone(), Wanted::Unsound)?),
        };
        let mut findings = Findings::default();
        let rejects = engine::collect("usage rejects", rejected(broken, NAME, &KEY, &checks(true)))?;
        let rows = match (stored_rows, rejects.height()) {
            (Some(stored), _) => stored.filter(sound(&checks(true))),
            // Where nothing is broken there is nothing to leave out, and the scan is quicker without a filter.
            (None, 0) => stored(table, month, keep, Wanted::All)?,
            (None, _) => stored(table, month, keep, Wanted::Sound)?,
        };
        let rows = rows.select(["tenant_id", "workload", "paid_seats", "active_users"].map(col));
        findings.count_checked(NAME, rejects.height() as u64);
        findings.reject(rejects);
        let mut usage = UsageMonth { month, rows, findings, workloads: Vec::new(), height: 0 };
        usage.look_through()?;
        match usage.keys_ascend()? {
            true => usage.rows = engine::ascending(usage.rows, "tenant_id"),
            false => usage.resolve_repeats()?,
        }
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

    /// Whether every key is above the one before it, as in sorted files: then none repeats.
    fn keys_ascend(&self) -> Result<bool> {
        let before = |name: &str| col(name).shift(lit(1));
        let same_tenant = col("tenant_id").eq(before("tenant_id"));
        let ascends =
            col("tenant_id").gt(before("tenant_id")).or(same_tenant.and(col("workload").gt(before("workload"))));
        // The first row has none before it.
        let falls = ascends.fill_null(lit(true)).not().cast(DataType::Int64).sum().alias("falls");
        let falls = engine::collect("usage keys", self.rows().select([falls]))?;
        Ok(engine::column(&falls, "falls")?.i64().ok().and_then(|falls| falls.get(0)) == Some(0))
    }

    /// Folds exact repeats of a key, and rejects rows that share a key but not its values.
    ///
    /// A tenant's workloads as bits sum to their union exactly when none repeats.
    fn resolve_repeats(&mut self) -> Result<()> {
        let bits = [col("bit").sum().alias("bit_sum"), col("bit").bitwise_or().alias("bit_union")];
        let tenants = self.rows().with_columns([self.bit()]).group_by([col("tenant_id")]).agg(bits);
        let repeating = tenants.filter(col("bit_sum").neq(col("bit_union"))).select([col("tenant_id")]);
        let repeating = engine::collect("usage keys", repeating)?;
        if repeating.height() == 0 {
            return Ok(());
        }
        self.resolve_repeats_of(&repeating)
    }

    /// The bit of a row's workload.
    fn bit(&self) -> Expr {
        let bits: Vec<i64> = (0..self.workloads.len()).map(|index| 1 << (index % BITS)).collect();
        let workloads = Series::new("workload".into(), &self.workloads);
        if workloads.is_empty() {
            return lit(0i64).cast(DataType::Int64).alias("bit");
        }
        let (from, to) = (lit(workloads).implode(false), lit(Series::new("bit".into(), bits)).implode(false));
        col("workload").replace_strict(from, to, None::<Expr>, Some(DataType::Int64)).alias("bit")
    }

    /// The same for some tenants.
    fn resolve_repeats_of(&mut self, tenants: &DataFrame) -> Result<()> {
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
