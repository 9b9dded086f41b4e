//! `associations`: which partner serves which tenant, through what, from when to when.

use polars::prelude::*;

use super::checks::{Check, Findings, any_null, null_columns, rejected, says, shown, sound};
use super::partners::Accounts;
use super::table::{Column, Kind, Table};
use super::tenants::TenantRange;
use crate::engine;
use crate::error::Result;
use crate::rulebook::ASSOCIATION_TYPES;

pub(super) const NAME: &str = "associations";
pub(super) const COLUMNS: &[Column] = &[
    Column::new("partner_id", Kind::Text),
    Column::new("tenant_id", Kind::Text),
    Column::new("workload", Kind::Text),
    Column::new("association_type", Kind::Text),
    Column::new("start_date", Kind::Date),
    Column::optional("end_date", Kind::Date),
];
const KEY: [&str; 5] = ["partner_id", "tenant_id", "workload", "association_type", "start_date"];
const NOT_NULL: [&str; 4] = ["partner_id", "tenant_id", "association_type", "start_date"];

fn checks() -> Vec<Check> {
    let known = ASSOCIATION_TYPES.iter().map(|name| col("association_type").eq(lit(*name))).reduce(Expr::or);
    let ends_early = col("end_date").is_not_null().and(col("end_date").lt(col("start_date")));
    let dates = concat_str(
        [lit("end_date "), shown("end_date"), lit(" is before start_date "), shown("start_date")],
        "",
        false,
    );
    vec![
        Check::new("null_key", any_null(&NOT_NULL), null_columns(&NOT_NULL)),
        Check::new(
            "unknown_association_type",
            known.unwrap_or_else(|| lit(false)).not(),
            says("association_type", "is not one of CPOR, DPOR, CSP_TIER_1, CSP_TIER_2 but"),
        ),
        Check::new("end_before_start", ends_early, dates),
    ]
}

/// The sound rows of a set of tenants whose partner is known: the table's columns and `account`.
pub(super) fn rows(table: &Table, tenants: &TenantRange, accounts: &Accounts) -> Result<LazyFrame> {
    let files: Vec<_> = table.files.iter().collect();
    let lf = table.scan(&files, tenants.keep().as_ref())?.filter(sound(&checks()));
    Ok(lf.join(accounts.lookup(), [col("partner_id")], [col("partner_id")], JoinArgs::new(JoinType::Inner)))
}

/// Rejected rows of a set of tenants. `accounts` are all of the history's, not only those that are scored.
pub(super) fn check(
    table: &Table,
    tenants: &TenantRange,
    accounts: &Accounts,
    known_workloads: &[String],
) -> Result<Findings> {
    let files: Vec<_> = table.files.iter().collect();
    let scan = || table.scan(&files, tenants.keep().as_ref());
    let mut findings = Findings::default();
    let unknown = super::unknown_partners(scan()?.filter(sound(&checks())), NAME, &KEY, accounts);
    findings.reject(engine::collect("associations rejects", rejected(scan()?, NAME, &KEY, &checks()))?);
    findings.reject(engine::collect("associations rejects", unknown)?);
    findings.count_checked(NAME, engine::count("associations rejects", scan()?)?);
    let claimed = scan()?.filter(sound(&checks()).and(col("workload").is_not_null()));
    let claimed = claimed.group_by([col("workload")]).agg([len().cast(DataType::Int64).alias("rows")]);
    for (workload, rows) in engine::text_counts(&engine::collect("associations rejects", claimed)?, "workload", "rows")?
    {
        if !known_workloads.contains(&workload) {
            findings.warn("unknown_workload", workload, rows);
        }
    }
    Ok(findings)
}
