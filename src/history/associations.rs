//! `associations`: which partner serves which tenant, through what, from when to when.

use polars::prelude::*;

use super::checks::{
    Blank, Check, Findings, Known, NULL_KEY, OWNER, Share, UNKNOWN_WORKLOAD, WORKLOAD_DIFFERS_IN_FORM, any_row,
    key_is_there, rejected, says, shown, sound, with_nearest,
};
use super::partners::Accounts;
use super::table::{Column, Kind, Table};
use super::tenants::{TenantRange, Tenants};
use super::texts;
use crate::engine;
use crate::error::{Error, Result, nearest};
use crate::rulebook::ASSOCIATION_TYPES;

pub(super) const NAME: &str = "associations";
const UNKNOWN_TYPE: &str = "unknown_association_type";
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
const TEXTS: [&str; 4] = ["partner_id", "tenant_id", "workload", "association_type"];

/// What is known of some rows before they are read.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownRows {
    /// Whether none breaks a check, the partner aside.
    pub sound: bool,
    /// The columns in which some row may hold a blank text.
    pub blank: Blank,
}

fn checks(blank: &Blank) -> Vec<Check> {
    let known = lit(Series::new("known".into(), ASSOCIATION_TYPES)).implode(false);
    let ends_early = col("end_date").is_not_null().and(col("end_date").lt(col("start_date")));
    let dates = concat_str(
        [lit("end_date "), shown("end_date"), lit(" is before start_date "), shown("start_date")],
        "",
        false,
    );
    vec![
        key_is_there(&NOT_NULL, blank),
        Check::new(
            UNKNOWN_TYPE,
            col("association_type").is_in(known, false).not(),
            says("association_type", "is not one of CPOR, DPOR, CSP_TIER_1, CSP_TIER_2 but"),
        ),
        Check::new("end_before_start", ends_early, dates),
    ]
}

/// The sound rows of a set of tenants whose partner is known, in the order of the files: the table's columns and `account`.
pub(super) fn rows(table: &Table, tenants: &TenantRange, accounts: &Accounts, known: &KnownRows) -> Result<LazyFrame> {
    let scan = scanned(table, tenants, known)?;
    // Where the check has found nothing there is nothing to leave out.
    let lf = if known.sound { scan } else { scan.filter(sound(&checks(&known.blank))) };
    let mut inner = JoinArgs::new(JoinType::Inner);
    inner.maintain_order = MaintainOrderJoin::Left;
    Ok(lf.join(accounts.lookup(), [col("partner_id")], [col("partner_id")], inner))
}

/// The stored rows of a set of tenants, with null in the place of blank workloads.
fn scanned(table: &Table, tenants: &TenantRange, known: &KnownRows) -> Result<LazyFrame> {
    let files: Vec<_> = table.files.iter().collect();
    let scan = table.scan(&files, tenants.keep().as_ref())?;
    Ok(match known.blank.contains("workload") {
        true => scan.with_columns([texts::null_for_blank("workload")]),
        false => scan,
    })
}

/// Looks at all rows of a set of tenants, so that reading them needs no filter where none is broken. A few tenants are not worth that:
/// of them, only blank texts are looked for, and only where statistics do not rule them out.
pub(super) fn known_rows(table: &Table, tenants: &TenantRange) -> Result<KnownRows> {
    let blank = table.blank_columns(&TEXTS, tenants.keep().as_ref())?;
    let no_key_is_blank = NOT_NULL.iter().all(|name| !blank.contains(name));
    let sound = no_key_is_blank && *tenants == TenantRange::all() && !any_broken(table)?;
    Ok(KnownRows { sound, blank })
}

/// Whether any row breaks a check, blank texts and the partner aside.
///
/// Each check is looked for by itself, which reads its own columns alone, and nothing where footers prove that no value is null.
fn any_broken(table: &Table) -> Result<bool> {
    let files: Vec<_> = table.files.iter().collect();
    let footers = files.iter().map(|file| table.footer(file)).collect::<Result<Vec<_>>>()?;
    let no_null = !table.is_held() && footers.iter().all(|footer| NOT_NULL.iter().all(|name| footer.has_no_null(name)));
    let looked_for = checks(&Blank::new()).into_iter().filter(|check| !(no_null && check.rule == NULL_KEY));
    let scans = looked_for.map(|check| Ok(table.scan(&files, None)?.filter(check.broken)));
    any_row(STAGE, scans.collect::<Result<Vec<_>>>()?)
}

/// Counts the rows of a set of tenants that belong to some accounts, and warns of their workloads that no rulebook knows.
pub(super) fn count_of(
    table: &Table,
    tenants: &TenantRange,
    accounts: &Accounts,
    known_workloads: &[String],
    known_rows: &KnownRows,
    findings: &mut Findings,
) -> Result<()> {
    let theirs = scanned(table, tenants, known_rows)?.filter(col("partner_id").is_in(accounts.known()?, false));
    let theirs = engine::collect(STAGE, theirs)?;
    findings.count_checked(NAME, theirs.height() as u64);
    let checks = checks(&known_rows.blank);
    let workloads = theirs.lazy().filter(sound(&checks).and(col("workload").is_not_null()));
    let workloads = workloads.group_by([col("workload")]).agg([len().cast(DataType::Int64).alias("rows")]);
    let names =
        Known { table: NAME, unknown: UNKNOWN_WORKLOAD, differs: WORKLOAD_DIFFERS_IN_FORM, names: known_workloads };
    for (workload, rows) in engine::text_counts(&engine::collect(STAGE, workloads)?, "workload", "rows")? {
        findings.count_name(&names, &workload, rows);
    }
    Ok(())
}

/// Rejected rows of a set of tenants. `accounts` are all of the history's, not only those that are scored.
pub(super) fn check(
    table: &Table,
    tenants: &TenantRange,
    accounts: &Accounts,
    known_workloads: &[String],
    known_rows: &KnownRows,
) -> Result<Findings> {
    let scan = || scanned(table, tenants, known_rows);
    let mut findings = Findings::default();
    let rows = engine::count(STAGE, scan()?)?;
    findings.count_checked(NAME, rows);
    let checks = checks(&known_rows.blank);
    let is_sound = sound(&checks);
    if !known_rows.sound {
        let rejects = engine::collect(STAGE, rejected(scan()?, NAME, &KEY, &checks, &["association_type", OWNER]))?;
        let nearest = |rule: &str, given: &str| nearest_type(given).filter(|_| rule == UNKNOWN_TYPE).map(str::to_owned);
        findings.reject(with_nearest(rejects, "association_type", nearest)?);
    }
    let strangers = scan()?.filter(col("partner_id").is_in(accounts.known()?, false).not());
    if any_row(STAGE, vec![strangers])? {
        findings.reject(super::unknown_partners(scan()?.filter(is_sound.clone()), NAME, &KEY, accounts)?);
    }
    let known = lit(Series::new("known".into(), known_workloads)).implode(false);
    let claimed = engine::collect(STAGE, scan()?.select([col("workload")]).unique(None, UniqueKeepStrategy::Any))?;
    let is_unknown = col("workload").is_in(known, false).not();
    if !any_row(STAGE, vec![claimed.lazy().filter(is_unknown.clone())])? {
        findings.count_form(NAME, Share { part: 0, rows });
        return Ok(findings);
    }
    let unknown = scan()?.filter(if known_rows.sound { is_unknown } else { is_unknown.and(is_sound) });
    let unknown = unknown.group_by([col("workload")]).agg([len().cast(DataType::Int64).alias("rows")]);
    let unknown = engine::collect(STAGE, unknown)?;
    let names =
        Known { table: NAME, unknown: UNKNOWN_WORKLOAD, differs: WORKLOAD_DIFFERS_IN_FORM, names: known_workloads };
    let mut others = rows;
    for (workload, rows) in engine::text_counts(&unknown, "workload", "rows")? {
        findings.count_name(&names, &workload, rows);
        others = others.saturating_sub(rows);
    }
    findings.count_form(NAME, Share { part: 0, rows: others });
    Ok(findings)
}

fn nearest_type(given: &str) -> Option<&'static str> {
    let capitals = given.to_uppercase();
    texts::same_form(given, ASSOCIATION_TYPES).or_else(|| nearest(&capitals, ASSOCIATION_TYPES))
}

/// How often a tenant id spells null, in all rows.
pub(super) fn check_null_tenant_ids(table: &Table) -> Result<Findings> {
    let files: Vec<_> = table.files.iter().collect();
    let short = col("tenant_id").str().len_bytes().lt_eq(lit(texts::LONGEST_NULL as u32));
    let rows = engine::collect(STAGE, table.scan(&files, None)?.filter(short).select([col("tenant_id")]))?;
    Ok(null_tenant_ids(&rows))
}

/// Of some rows whose tenants were numbered, those whose tenant id spells null; None where there is none.
pub fn null_tenants(rows: &DataFrame, tenants: &Tenants) -> Result<Option<DataFrame>> {
    let spells_null = |number| tenants.id(number).is_some_and(texts::spells_null);
    if !(0..tenants.len()).any(spells_null) {
        return Ok(None);
    }
    let theirs = || -> PolarsResult<DataFrame> {
        let ids = rows.column("tenant_id")?.str()?;
        let mask: BooleanChunked = ids.iter().map(|id| id.is_some_and(texts::spells_null)).collect();
        rows.filter(&mask)
    };
    theirs().map(Some).map_err(|error| Error::internal(error.to_string()))
}

/// How often a tenant id spells null.
pub fn null_tenant_ids(rows: &DataFrame) -> Findings {
    let mut findings = Findings::default();
    findings.warn_null_as_text(NAME, "tenant_id", texts::null_spellings(rows, "tenant_id"));
    findings
}
