//! `associations`: which partner serves which tenant, through what, from when to when.

use polars::prelude::*;

use super::checks::{
    Check, Findings, OWNER, UNKNOWN_WORKLOAD, any_null, any_row, null_columns, rejected, says, shown, sound,
};
use super::partners::Accounts;
use super::table::{Column, Kind, Table};
use super::tenants::TenantRange;
use crate::engine;
use crate::error::Result;
use crate::rulebook::ASSOCIATION_TYPES;

pub(super) const NAME: &str = "associations";
const NULL_KEY: &str = "null_key";
const STAGE: &str = "associations rejects";
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
    let known = lit(Series::new("known".into(), ASSOCIATION_TYPES)).implode(false);
    let ends_early = col("end_date").is_not_null().and(col("end_date").lt(col("start_date")));
    let dates = concat_str(
        [lit("end_date "), shown("end_date"), lit(" is before start_date "), shown("start_date")],
        "",
        false,
    );
    vec![
        Check::new(NULL_KEY, any_null(&NOT_NULL), null_columns(&NOT_NULL)),
        Check::new(
            "unknown_association_type",
            col("association_type").is_in(known, false).not(),
            says("association_type", "is not one of CPOR, DPOR, CSP_TIER_1, CSP_TIER_2 but"),
        ),
        Check::new("end_before_start", ends_early, dates),
    ]
}

/// The sound rows of a set of tenants whose partner is known, in the order of the files: the table's columns and `account`.
pub(super) fn rows(table: &Table, tenants: &TenantRange, accounts: &Accounts, all_sound: bool) -> Result<LazyFrame> {
    let files: Vec<_> = table.files.iter().collect();
    let scan = table.scan(&files, tenants.keep().as_ref())?;
    // Where the check has found nothing there is nothing to leave out.
    let lf = if all_sound { scan } else { scan.filter(sound(&checks())) };
    let mut inner = JoinArgs::new(JoinType::Inner);
    inner.maintain_order = MaintainOrderJoin::Left;
    Ok(lf.join(accounts.lookup(), [col("partner_id")], [col("partner_id")], inner))
}

/// Whether any row breaks a check, the partner aside.
///
/// Each check is looked for by itself, which reads its own columns alone, and nothing where footers prove that no value is null.
pub(super) fn any_broken(table: &Table) -> Result<bool> {
    let files: Vec<_> = table.files.iter().collect();
    let footers = files.iter().map(|file| table.footer(file)).collect::<Result<Vec<_>>>()?;
    let no_null = !table.is_held() && footers.iter().all(|footer| NOT_NULL.iter().all(|name| footer.has_no_null(name)));
    let looked_for = checks().into_iter().filter(|check| !(no_null && check.rule == NULL_KEY));
    let scans = looked_for.map(|check| Ok(table.scan(&files, None)?.filter(check.broken)));
    any_row(STAGE, scans.collect::<Result<Vec<_>>>()?)
}

/// Counts the rows of a set of tenants that belong to some accounts, and warns of their workloads that no rulebook knows.
pub(super) fn count_of(
    table: &Table,
    tenants: &TenantRange,
    accounts: &Accounts,
    known_workloads: &[String],
    findings: &mut Findings,
) -> Result<()> {
    let files: Vec<_> = table.files.iter().collect();
    let theirs = table.scan(&files, tenants.keep().as_ref())?.filter(col("partner_id").is_in(accounts.known()?, false));
    let theirs = engine::collect(STAGE, theirs)?;
    findings.count_checked(NAME, theirs.height() as u64);
    let workloads = theirs.lazy().filter(sound(&checks()).and(col("workload").is_not_null()));
    let workloads = workloads.group_by([col("workload")]).agg([len().cast(DataType::Int64).alias("rows")]);
    for (workload, rows) in engine::text_counts(&engine::collect(STAGE, workloads)?, "workload", "rows")? {
        if !known_workloads.contains(&workload) {
            findings.warn(UNKNOWN_WORKLOAD, workload, rows);
        }
    }
    Ok(())
}

/// Rejected rows of a set of tenants. `accounts` are all of the history's, not only those that are scored.
pub(super) fn check(
    table: &Table,
    tenants: &TenantRange,
    accounts: &Accounts,
    known_workloads: &[String],
    all_sound: bool,
) -> Result<Findings> {
    let files: Vec<_> = table.files.iter().collect();
    let scan = || table.scan(&files, tenants.keep().as_ref());
    let mut findings = Findings::default();
    findings.count_checked(NAME, engine::count(STAGE, scan()?)?);
    let is_sound = sound(&checks());
    if !all_sound {
        findings.reject(engine::collect(STAGE, rejected(scan()?, NAME, &KEY, &checks(), &[OWNER]))?);
    }
    let strangers = scan()?.filter(col("partner_id").is_in(accounts.known()?, false).not());
    if any_row(STAGE, vec![strangers])? {
        let unknown = super::unknown_partners(scan()?.filter(is_sound.clone()), NAME, &KEY, accounts);
        findings.reject(engine::collect(STAGE, unknown)?);
    }
    let known = lit(Series::new("known".into(), known_workloads)).implode(false);
    let claimed = engine::collect(STAGE, scan()?.select([col("workload")]).unique(None, UniqueKeepStrategy::Any))?;
    let is_unknown = col("workload").is_in(known, false).not();
    if !any_row(STAGE, vec![claimed.lazy().filter(is_unknown.clone())])? {
        return Ok(findings);
    }
    let unknown = scan()?.filter(if all_sound { is_unknown } else { is_unknown.and(is_sound) });
    let unknown = unknown.group_by([col("workload")]).agg([len().cast(DataType::Int64).alias("rows")]);
    let unknown = engine::collect(STAGE, unknown)?;
    for (workload, rows) in engine::text_counts(&unknown, "workload", "rows")? {
        findings.warn(UNKNOWN_WORKLOAD, workload, rows);
    }
    Ok(findings)
}
