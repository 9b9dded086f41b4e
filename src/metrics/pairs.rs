//! Pairs: tenants and workloads that an association covers at M or at P, with what is known of their usage.
//!
//! Associations become claims (one row for each account, option, tenant and claimed workload), claims become pairs, and pairs are
//! joined to usage at M, at P and in the month their association began.

use polars::prelude::*;

use super::{Question, TenantAnswer, bands, baseline};
use crate::engine;
use crate::error::Result;
use crate::history::{Findings, TenantRange, UsageMonth};
use crate::month::Month;
use crate::rulebook::{DeploymentUnit, Rulebook, UsageBaseline};

/// What names one pair of an account and option.
const PAIR: [&str; 4] = ["account", "option", "tenant_id", "workload"];
/// What names the pairs of one tenant.
const TENANT: [&str; 3] = ["account", "option", "tenant_id"];

/// Usage at M and at P of a set of tenants.
pub(super) struct Usage {
    at_m: UsageMonth,
    at_p: UsageMonth,
    /// What was found in the months between.
    between: Findings,
}

impl Usage {
    pub(super) fn read(question: &Question, tenants: &TenantRange) -> Result<Usage> {
        let period = question.period;
        let at_m = question.history.usage(period.month, tenants, None)?;
        let at_p = question.history.usage(period.year_ago, tenants, None)?;
        Ok(Usage { at_m, at_p, between: Findings::default() })
    }

    pub(super) fn findings(self) -> Findings {
        let mut findings = self.at_m.findings;
        findings.add(self.at_p.findings);
        findings.add(self.between);
        findings
    }
}

/// The pairs of a set of tenants for one workload list.
///
/// `account` UInt32, `option`, `tenant_id`, `workload`; `held_at_m`, `held_at_p`; `association_month` (null where held at P or not at
/// M) and `first_month` (the earliest of the tenant's, null where any of its pairs was held at P); for `m`, `p`,
/// `association` and `first`: `users_at_*` and `seats_at_*`, zero without a row; the seat bands; `in_usage`.
///
/// A null `workload` stands for all of a tenant's pairs at once: they are held alike, and only their sum is asked for.
pub(super) fn pairs(
    question: &Question,
    tenants: &TenantRange,
    workloads: &[String],
    usage: &mut Usage,
    answer: &mut TenantAnswer,
) -> Result<LazyFrame> {
    let associations = question.history.associations(tenants, question.accounts)?;
    let claims = engine::collect("associations", claims(associations, question, workloads))?;
    warn_contested(&claims, question.rules, workloads, &mut answer.findings)?;
    let pairs = engine::collect("pairs", covered(claims.lazy(), workloads, by_workload(question)))?;
    let eligible = is_in(workloads);
    let at_m = by_tenant(&mut usage.at_m, "m", question.rules, &eligible)?;
    let at_p = by_tenant(&mut usage.at_p, "p", question.rules, &eligible)?;
    answer.coverage.tenants_held = held_tenants(&pairs, None)?;
    answer.coverage.tenants_found = held_tenants(&pairs, Some(at_m.clone()))?;
    (answer.coverage.rows_at_m, answer.coverage.rows_at_p) = (usage.at_m.height, usage.at_p.height);
    let baselines = baseline::read(question, tenants, &pairs, &eligible, &mut usage.between, &mut answer.coverage)?;
    let lf = with_month(pairs.lazy(), at_m, &usage.at_m, "m");
    let lf = with_month(lf, at_p, &usage.at_p, "p");
    let lf = baseline::joined(lf, &baselines, "association_month", "association", question.period.month);
    let lf = baseline::joined(lf, &baselines, "first_month", "first", question.period.month);
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
pub(super) fn is_in(workloads: &[String]) -> Expr {
    let names = StringChunked::from_iter_values("workloads".into(), workloads.iter().map(String::as_str)).into_series();
    col("workload").is_in(lit(names).implode(false), false)
}

/// Whether an association holds on the last day of a month.
fn holds(month: Month) -> Expr {
    let day = engine::day(month.last_day());
    let begun = col("start_date").lt_eq(day.clone());
    begun.and(col("end_date").is_null().or(col("end_date").gt_eq(day)))
}

/// One row for each account, option, tenant and claimed workload (null: all) that is held at M or at P.
pub fn claims(associations: LazyFrame, question: &Question, workloads: &[String]) -> LazyFrame {
    let (at_m, at_p) = (|| holds(question.period.month), || holds(question.period.year_ago));
    associations
        .filter(at_m().or(at_p()).and(col("workload").is_null().or(is_in(workloads))).and(counted_types(question.rules)))
        .select([
            col("account"),
            option_of_type(question.rules).alias("option"),
            col("tenant_id"),
            col("workload"),
            at_m().alias("held_at_m"),
            at_p().alias("held_at_p"),
            when(at_m()).then(col("start_date")).otherwise(lit(NULL)).alias("held_since"),
        ])
        .group_by(PAIR.map(col))
        .agg(united())
}

/// A pair is held if any row that covers it holds, since the earliest of those that hold at M.
fn united() -> [Expr; 3] {
    [col("held_at_m").max(), col("held_at_p").max(), col("held_since").min()]
}

/// True for association types that some option counts.
fn counted_types(rules: &Rulebook) -> Expr {
    let types = rules.association_types().map(|(association_type, _)| col("association_type").eq(lit(association_type)));
    types.reduce(Expr::or).unwrap_or_else(|| lit(false))
}

fn option_of_type(rules: &Rulebook) -> Expr {
    rules.association_types().fold(lit(NULL).cast(DataType::String), |otherwise, (association_type, option)| {
        when(col("association_type").eq(lit(association_type))).then(lit(option)).otherwise(otherwise)
    })
}

/// From claims to pairs. A claim on all workloads stays one row while nothing tells its pairs apart.
fn covered(claims: LazyFrame, workloads: &[String], by_workload: bool) -> LazyFrame {
    let named = claims.clone().filter(col("workload").is_not_null());
    let whole = claims.filter(col("workload").is_null());
    let tenants = named.clone().select(TENANT.map(col)).unique(None, UniqueKeepStrategy::Any);
    let beside =
        |how: JoinType| whole.clone().join(tenants.clone(), TENANT.map(col), TENANT.map(col), JoinArgs::new(how));
    let (alone, mixed) = match by_workload {
        true => (whole.clone().filter(lit(false)), whole),
        false => (beside(JoinType::Anti), beside(JoinType::Semi)),
    };
    let each = StringChunked::from_iter_values("workload".into(), workloads.iter().map(String::as_str)).into_series();
    let each = each.into_frame().lazy();
    let columns = PAIR.into_iter().chain(["held_at_m", "held_at_p", "held_since"]).map(col).collect::<Vec<_>>();
    let expanded = mixed.drop(by_name(["workload"], true, false)).cross_join(each, None).select(columns.clone());
    let apart = stacked([named, expanded]).group_by(PAIR.map(col)).agg(united());
    with_first_month(apart, alone, &columns)
}

/// Adds the association month of each pair, and the first of them among the tenant's pairs where none was held at P.
fn with_first_month(apart: LazyFrame, alone: LazyFrame, columns: &[Expr]) -> LazyFrame {
    let newly_held = col("held_at_m").and(col("held_at_p").not());
    let month =
        when(newly_held).then(col("held_since").dt().month_start()).otherwise(lit(NULL)).alias("association_month");
    let apart = apart.select(columns).with_columns([month.clone()]);
    let first = apart
        .clone()
        .group_by(TENANT.map(col))
        .agg([col("held_at_p").max().alias("any_held_at_p"), col("association_month").min().alias("first_month")]);
    let first = first.filter(col("any_held_at_p").not()).drop(by_name(["any_held_at_p"], true, false));
    let apart = apart.join(first, TENANT.map(col), TENANT.map(col), JoinArgs::new(JoinType::Left));
    let alone =
        alone.select(columns).with_columns([month]).with_columns([col("association_month").alias("first_month")]);
    stacked([apart, alone]).drop(by_name(["held_since"], true, false))
}

/// Frames of the same columns, one below the other. Building the union of frames that this module made cannot fail.
pub(super) fn stacked<const N: usize>(frames: [LazyFrame; N]) -> LazyFrame {
    concat(frames, UnionArgs::default()).unwrap_or_default()
}

/// A month's usage by tenant: users and paid seats summed over the eligible workloads, and the seat bands.
fn by_tenant(usage: &mut UsageMonth, at: &str, rules: &Rulebook, eligible: &Expr) -> Result<LazyFrame> {
    let names = columns_at(at);
    let rows = [baseline::eligible_counts(eligible).to_vec(), vec![eligible.clone().alias("eligible")]].concat();
    let any = col("eligible").max().alias("any_eligible");
    let aggregations = [baseline::totals().to_vec(), bands::aggregations(rules), vec![any]].concat();
    let df = usage.by_tenant("usage by tenant", &rows, &aggregations)?;
    Ok(df.lazy().select(names.iter().map(|(from, to)| col(*from).alias(to.as_str())).collect::<Vec<_>>()))
}

/// How a month's columns are called once they stand beside another month's.
fn columns_at(at: &str) -> Vec<(&'static str, String)> {
    let renamed = ["total_users", "total_seats", "enterprise", "smb", "largest_workload_seats", "any_eligible"];
    std::iter::once(("tenant_id", "tenant_id".to_owned()))
        .chain(renamed.map(|name| (name, format!("{name}_at_{at}"))))
        .collect()
}

/// Joins a month: bands from the tenant, users and seats from the tenant's total or from the row of the pair's workload.
fn with_month(pairs: LazyFrame, tenants: LazyFrame, usage: &UsageMonth, at: &str) -> LazyFrame {
    let named = pairs.clone().filter(col("workload").is_not_null()).select([col("tenant_id"), col("workload")]);
    let on = ["tenant_id", "workload"].map(col);
    let rows = usage.rows().join(
        named.unique(None, UniqueKeepStrategy::Any),
        on.clone(),
        on.clone(),
        JoinArgs::new(JoinType::Semi),
    );
    let left = JoinArgs::new(JoinType::Left);
    let or_false =
        ["enterprise", "smb", "any_eligible"].map(|name| col(format!("{name}_at_{at}")).fill_null(lit(false)));
    let largest = col(format!("largest_workload_seats_at_{at}")).fill_null(lit(0i64));
    let lf = pairs.join(tenants, [col("tenant_id")], [col("tenant_id")], left.clone()).join(rows, on.clone(), on, left);
    let lf = lf.with_columns([
        baseline::measured("total_users", "active_users", "users", at),
        baseline::measured("total_seats", "paid_seats", "seats", at),
    ]);
    let lf = lf.with_columns(or_false).with_columns([largest]);
    let spent = [
        "active_users".to_owned(),
        "paid_seats".to_owned(),
        format!("total_users_at_{at}"),
        format!("total_seats_at_{at}"),
    ];
    lf.drop(by_name(spent, true, false))
}

/// Distinct tenants held at M; where `among` is given, only those it has.
fn held_tenants(pairs: &DataFrame, among: Option<LazyFrame>) -> Result<u64> {
    let held =
        pairs.clone().lazy().filter(col("held_at_m")).select([col("tenant_id")]).unique(None, UniqueKeepStrategy::Any);
    let held = match among {
        Some(tenants) => held.join(tenants, [col("tenant_id")], [col("tenant_id")], JoinArgs::new(JoinType::Semi)),
        None => held,
    };
    engine::count("coverage", held)
}

/// Warns of pairs that two accounts hold at M through an exclusive option.
fn warn_contested(claims: &DataFrame, rules: &Rulebook, workloads: &[String], findings: &mut Findings) -> Result<()> {
    for (option, _) in rules.options.iter().filter(|(_, association)| association.exclusive) {
        let held = claims.clone().lazy().filter(col("held_at_m").and(col("option").eq(lit(option.as_str()))));
        let several = |lf: LazyFrame, key: &[&str]| {
            let accounts = [col("account").min().alias("lowest"), col("account").max().alias("highest")];
            lf.group_by(key.iter().map(|name| col(*name)).collect::<Vec<_>>())
                .agg(accounts)
                .filter(col("lowest").neq(col("highest")))
        };
        let tenants =
            engine::collect("contested pairs", several(held.clone(), &["tenant_id"]).select([col("tenant_id")]))?;
        if tenants.height() == 0 {
            continue;
        }
        let theirs = held.join(tenants.lazy(), [col("tenant_id")], [col("tenant_id")], JoinArgs::new(JoinType::Semi));
        let contested = several(covered(theirs, workloads, true), &["tenant_id", "workload"]);
        findings.warn("contested_pair", option.as_str(), engine::count("contested pairs", contested)?);
    }
    Ok(())
}
