//! Pairs: tenants and workloads that an association covers at M or at P, with what is known of their usage.
//!
//! Associations become claims (one row for each account, option, tenant and claimed workload), claims become pairs, and pairs are
//! joined to usage at M, at P and in the month their association began. Tenants, options and workloads are numbers on the way:
//! 36-character ids are compared once where they enter, and named again only for evidence.

use polars::prelude::*;

use super::baseline::Between;
use super::{Coverage, Question, bands, baseline};
use crate::engine;
use crate::error::Result;
use crate::history::{Findings, TenantRange, UsageMonth};
use crate::month::Month;
use crate::rulebook::{DeploymentUnit, Rulebook, UsageBaseline};

/// What names one pair of an account and option.
const PAIR: [&str; 4] = ["account", "option", "tenant", "workload"];
/// What names the pairs of one tenant.
const TENANT: [&str; 3] = ["account", "option", "tenant"];
/// When a pair is held.
const HELD: [&str; 3] = ["held_at_m", "held_at_p", "held_since"];

/// The number that stands for all workloads; a listed workload has its position plus one.
pub(super) const ALL_WORKLOADS: u8 = 0;

/// Usage at M and at P of a set of tenants.
pub(super) struct Usage {
    at_m: UsageMonth,
    at_p: UsageMonth,
}

impl Usage {
    pub(super) fn read(question: &Question, tenants: &TenantRange) -> Result<Usage> {
        let period = question.period;
        let at_m = question.history.usage(period.month, tenants, None)?;
        let at_p = question.history.usage(period.year_ago, tenants, None)?;
        Ok(Usage { at_m, at_p })
    }

    pub(super) fn findings(self) -> Findings {
        let mut findings = self.at_m.findings;
        findings.add(self.at_p.findings);
        findings
    }
}

/// What a set of tenants holds at M or at P of one workload list.
pub(super) struct Held<'a> {
    pub workloads: &'a [String],
    /// One row for each account, option, tenant and claimed workload.
    claims: DataFrame,
    /// `account` and `tenant` UInt32, `option` and `workload` UInt8; `held_at_m`, `held_at_p`; `association_month` (null where held
    /// at P or not at M) and `first_month` (the earliest of the tenant's, null where any of its pairs was held at P).
    ///
    /// Workload [`ALL_WORKLOADS`] stands for all of a tenant's pairs at once: they are held alike, and only their sum is asked for.
    pub pairs: DataFrame,
    /// `tenant` UInt32 and `tenant_id`, of every tenant with a pair.
    pub tenants: DataFrame,
}

/// Reads associations into the pairs of one workload list.
pub(super) fn held<'a>(question: &Question, range: &TenantRange, workloads: &'a [String]) -> Result<Held<'a>> {
    let associations = question.history.associations(range, question.accounts)?;
    let claims = engine::collect("associations", claims(associations, question, workloads))?;
    let tenants = engine::collect("tenants held", numbered(&claims))?;
    let claims = engine::collect("claims", united_claims(claims.lazy(), &tenants))?;
    let pairs = engine::collect("pairs", covered(claims.clone().lazy(), workloads, by_workload(question)))?;
    Ok(Held { workloads, claims, pairs, tenants })
}

/// Adds what is known of the pairs' usage: for `m`, `p`, `association` and `first`, `users_at_*` and `seats_at_*`, zero without a
/// row; the seat bands; `in_usage`.
pub(super) fn with_usage(
    question: &Question,
    held: &Held,
    usage: &Usage,
    between: &Between,
    coverage: &mut Coverage,
) -> Result<LazyFrame> {
    let at_m = AtMonth::read(&usage.at_m, question.rules, held)?;
    let at_p = AtMonth::read(&usage.at_p, question.rules, held)?;
    coverage.tenants_held = held_tenants(&held.pairs, None)?;
    coverage.tenants_found = held_tenants(&held.pairs, Some(&at_m.all_rows))?;
    (coverage.rows_at_m, coverage.rows_at_p) = (usage.at_m.height, usage.at_p.height);
    let lf = at_p.joined(at_m.joined(held.pairs.clone().lazy(), "m"), "p");
    let lf = baseline::joined(lf, &between.of(held)?, question.period.month);
    let in_usage = col("any_eligible_at_m").or(col("any_eligible_at_p")).alias("in_usage");
    Ok(engine::collect("pairs with usage", lf.with_columns([in_usage]))?.lazy())
}

/// Whether each pair is wanted by itself: for evidence, and where the rulebook's readings look at single pairs.
fn by_workload(question: &Question) -> bool {
    let choices = &question.rules.choices;
    question.evidence
        || choices.deployment_unit.reading != DeploymentUnit::TenantPooled
        || choices.usage_baseline.reading == UsageBaseline::LargerOfBoth
}

/// True for rows of the listed workloads.
fn is_in(workloads: &[String]) -> Expr {
    col("workload").is_in(lit(Series::new("workloads".into(), workloads)).implode(false), false)
}

/// The number of a row's workload, null for one that is not listed.
pub(super) fn workload_number(workloads: &[String]) -> Expr {
    let numbers: Vec<u8> = (1u8..).take(workloads.len()).collect();
    let (names, numbers) = (Series::new("names".into(), workloads), Series::new("numbers".into(), numbers));
    let (names, numbers) = (lit(names).implode(false), lit(numbers).implode(false));
    col("workload").replace_strict(names, numbers, Some(lit(NULL)), Some(DataType::UInt8)).alias("workload")
}

/// Whether an association holds on the last day of a month.
fn holds(month: Month) -> Expr {
    let day = engine::day(month.last_day());
    let begun = col("start_date").lt_eq(day.clone());
    begun.and(col("end_date").is_null().or(col("end_date").gt_eq(day)))
}

/// The association rows that count and hold at M or at P, with what they claim.
pub fn claims(associations: LazyFrame, question: &Question, workloads: &[String]) -> LazyFrame {
    let (at_m, at_p) = (|| holds(question.period.month), || holds(question.period.year_ago));
    let covers = col("workload").is_null().or(is_in(workloads));
    associations.filter(at_m().or(at_p()).and(covers).and(counted_types(question.rules))).select([
        col("account"),
        option_of_type(question.rules).alias("option"),
        col("tenant_id"),
        workload_number(workloads).fill_null(lit(ALL_WORKLOADS)),
        at_m().alias("held_at_m"),
        at_p().alias("held_at_p"),
        when(at_m()).then(col("start_date")).otherwise(lit(NULL)).alias("held_since"),
    ])
}

/// Every tenant with a claim, numbered.
fn numbered(claims: &DataFrame) -> LazyFrame {
    let ids = claims.clone().lazy().select([col("tenant_id")]).unique(None, UniqueKeepStrategy::Any);
    ids.sort(["tenant_id"], SortMultipleOptions::default()).with_row_index("tenant", None)
}

/// One row for each account, option, tenant and claimed workload.
fn united_claims(claims: LazyFrame, tenants: &DataFrame) -> LazyFrame {
    let inner = JoinArgs::new(JoinType::Inner);
    let claims = claims.join(tenants.clone().lazy(), [col("tenant_id")], [col("tenant_id")], inner);
    claims.group_by(PAIR.map(col)).agg(united())
}

/// A pair is held if any row that covers it holds, since the earliest of those that hold at M.
fn united() -> [Expr; 3] {
    [col("held_at_m").max(), col("held_at_p").max(), col("held_since").min()]
}

/// True for association types that some option counts.
fn counted_types(rules: &Rulebook) -> Expr {
    let types =
        rules.association_types().map(|(association_type, _)| col("association_type").eq(lit(association_type)));
    types.reduce(Expr::or).unwrap_or_else(|| lit(false))
}

/// The number of an option.
pub(super) fn option_number(rules: &Rulebook, option: &str) -> Expr {
    let position = rules.options.keys().position(|name| name == option).unwrap_or(rules.options.len());
    lit(position as u32).cast(DataType::UInt8)
}

fn option_of_type(rules: &Rulebook) -> Expr {
    let none = lit(NULL).cast(DataType::UInt8);
    rules.association_types().fold(none, |otherwise, (association_type, option)| {
        when(col("association_type").eq(lit(association_type))).then(option_number(rules, option)).otherwise(otherwise)
    })
}

/// From claims to pairs. A claim on all workloads stays one row while nothing tells its pairs apart.
fn covered(claims: LazyFrame, workloads: &[String], by_workload: bool) -> LazyFrame {
    let is_whole = || col("workload").eq(lit(ALL_WORKLOADS));
    let named = claims.clone().filter(is_whole().not());
    let whole = claims.filter(is_whole());
    let tenants = named.clone().select(TENANT.map(col)).unique(None, UniqueKeepStrategy::Any);
    let beside =
        |how: JoinType| whole.clone().join(tenants.clone(), TENANT.map(col), TENANT.map(col), JoinArgs::new(how));
    let (alone, mixed) = match by_workload {
        true => (whole.clone().filter(lit(false)), whole),
        false => (beside(JoinType::Anti), beside(JoinType::Semi)),
    };
    let each: Vec<u8> = (1u8..).take(workloads.len()).collect();
    let each = Series::new("workload".into(), each).into_frame().lazy();
    let columns = PAIR.into_iter().chain(HELD).map(col).collect::<Vec<_>>();
    let expanded = mixed.drop(by_name(["workload"], true, false)).cross_join(each, None).select(columns.clone());
    let apart = stacked([named.select(columns.clone()), expanded]).group_by(PAIR.map(col)).agg(united());
    with_first_month(apart, alone, &columns)
}

/// Adds the association month of each pair, and the first of them among the tenant's pairs where none was held at P.
fn with_first_month(apart: LazyFrame, alone: LazyFrame, columns: &[Expr]) -> LazyFrame {
    let newly_held = col("held_at_m").and(col("held_at_p").not());
    let began = col("held_since").dt().month_start();
    let month = when(newly_held).then(began).otherwise(lit(NULL)).alias("association_month");
    let apart = apart.select(columns).with_columns([month.clone()]);
    let any_held_at_p = col("held_at_p").max().alias("any_held_at_p");
    let first = col("association_month").min().alias("first_month");
    let first = apart.clone().group_by(TENANT.map(col)).agg([any_held_at_p, first]);
    let first = first.filter(col("any_held_at_p").not()).drop(by_name(["any_held_at_p"], true, false));
    let apart = apart.join(first, TENANT.map(col), TENANT.map(col), JoinArgs::new(JoinType::Left));
    let alone = alone.select(columns).with_columns([month]);
    let alone = alone.with_columns([col("association_month").alias("first_month")]);
    stacked([apart, alone]).drop(by_name(["held_since"], true, false))
}

/// The workload of what is judged as a whole.
pub(super) fn no_workload() -> Expr {
    lit(NULL).cast(DataType::UInt8).alias("workload")
}

/// Frames of the same columns, one below the other. Building the union of frames that this module made cannot fail.
pub(super) fn stacked<const N: usize>(frames: [LazyFrame; N]) -> LazyFrame {
    concat(frames, UnionArgs::default()).unwrap_or_default()
}

/// Usage rows with numbers in the place of names: `tenant, workload, active_users, paid_seats`.
///
/// Rows of tenants without a number are left out; workloads that are not listed have the number zero.
pub(super) fn numbered_rows(rows: LazyFrame, workloads: &[String], tenants: &DataFrame) -> LazyFrame {
    let id = || [col("tenant_id")];
    let tenants = engine::ascending(tenants.clone().lazy(), "tenant_id");
    let rows = rows.join(tenants, id(), id(), JoinArgs::new(JoinType::Inner));
    let workload = workload_number(workloads).fill_null(lit(ALL_WORKLOADS));
    rows.select([col("tenant"), workload, col("active_users"), col("paid_seats")])
}

/// Usage of a month, of the tenants with a pair.
struct AtMonth {
    /// `tenant`, totals over the eligible workloads, seat bands.
    tenants: DataFrame,
    /// `tenant, workload, paid_seats, active_users`, where pairs are wanted by workload.
    rows: DataFrame,
    /// The same of every row, eligible or not.
    all_rows: DataFrame,
}

impl AtMonth {
    fn read(usage: &UsageMonth, rules: &Rulebook, held: &Held) -> Result<AtMonth> {
        let rows = numbered_rows(usage.rows(), held.workloads, &held.tenants);
        let rows = engine::collect("usage rows", rows)?;
        let eligible = || rows.clone().lazy().filter(col("workload").neq(lit(ALL_WORKLOADS)));
        let totals = [col("active_users").sum().alias("total_users"), col("paid_seats").sum().alias("total_seats")];
        let aggregations = [totals.to_vec(), bands::aggregations(rules)].concat();
        let tenants = engine::collect("usage by tenant", eligible().group_by([col("tenant")]).agg(aggregations))?;
        let named = held.pairs.clone().lazy().filter(col("workload").neq(lit(ALL_WORKLOADS))).select([col("tenant")]);
        let semi = JoinArgs::new(JoinType::Semi);
        let named = eligible().join(named, [col("tenant")], [col("tenant")], semi);
        let named = engine::collect("usage by workload", named)?;
        Ok(AtMonth { tenants, rows: named, all_rows: rows })
    }

    /// Joins the month: bands from the tenant, users and seats from its totals or from the row of the pair's workload.
    fn joined(&self, pairs: LazyFrame, at: &str) -> LazyFrame {
        let left = || JoinArgs::new(JoinType::Left);
        let renamed = ["total_users", "total_seats", "enterprise", "smb", "largest_workload_seats"];
        let columns = renamed.map(|name| col(name).alias(format!("{name}_at_{at}")));
        let in_usage = lit(true).alias(format!("any_eligible_at_{at}"));
        let tenants = self.tenants.clone().lazy();
        let tenants = tenants.select([vec![col("tenant")], columns.to_vec()].concat()).with_columns([in_usage]);
        let on = ["tenant", "workload"].map(col);
        let lf = pairs.join(tenants, [col("tenant")], [col("tenant")], left());
        let lf = if self.rows.height() > 0 {
            lf.join(self.rows.clone().lazy(), on.clone(), on, left())
        } else {
            lf.with_columns(["active_users", "paid_seats"].map(|name| lit(0i64).cast(DataType::Int64).alias(name)))
        };
        let or_false =
            ["enterprise", "smb", "any_eligible"].map(|name| col(format!("{name}_at_{at}")).fill_null(lit(false)));
        let largest = col(format!("largest_workload_seats_at_{at}")).fill_null(lit(0i64));
        lf.with_columns(baseline::measured(at)).with_columns(or_false).with_columns([largest]).drop(baseline::spent(at))
    }
}

/// Distinct tenants held at M; where `among` is given, only those it has.
fn held_tenants(pairs: &DataFrame, among: Option<&DataFrame>) -> Result<u64> {
    let held = pairs.clone().lazy().filter(col("held_at_m")).select([col("tenant")]);
    let held = held.unique(None, UniqueKeepStrategy::Any);
    let tenant = || [col("tenant")];
    let held = match among {
        Some(tenants) => held.join(tenants.clone().lazy(), tenant(), tenant(), JoinArgs::new(JoinType::Semi)),
        None => held,
    };
    engine::count("coverage", held)
}

/// Warns of pairs that two accounts hold at M through an exclusive option.
pub(super) fn warn_contested(held: &Held, rules: &Rulebook, findings: &mut Findings) -> Result<()> {
    for (option, _) in rules.options.iter().filter(|(_, association)| association.exclusive) {
        let exclusive = col("option").eq(option_number(rules, option));
        let claims = held.claims.clone().lazy().filter(col("held_at_m").and(exclusive));
        let several = |lf: LazyFrame, key: &[&str]| {
            let accounts = [col("account").min().alias("lowest"), col("account").max().alias("highest")];
            let grouped = lf.group_by(key.iter().map(|name| col(*name)).collect::<Vec<_>>()).agg(accounts);
            grouped.filter(col("lowest").neq(col("highest")))
        };
        let tenants = engine::collect("contested pairs", several(claims.clone(), &["tenant"]).select([col("tenant")]))?;
        if tenants.height() == 0 {
            continue;
        }
        let theirs = claims.join(tenants.lazy(), [col("tenant")], [col("tenant")], JoinArgs::new(JoinType::Semi));
        let contested = several(covered(theirs, held.workloads, true), &["tenant", "workload"]);
        findings.warn("contested_pair", option.as_str(), engine::count("contested pairs", contested)?);
    }
    Ok(())
}
