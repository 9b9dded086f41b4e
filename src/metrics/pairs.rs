//! Pairs: tenants and workloads that a claim covers at M or at P, with what is known of their usage then.
//!
//! A claim on all workloads stays one row while nothing tells its pairs apart: they are held alike, and only their sum is asked for.

use std::collections::BTreeSet;

use polars::prelude::*;

use super::claims::{Associations, Claims, united};
use super::key::{self, PAIR, PairKey, UNIT};
use super::workloads::{ALL_WORKLOADS, List, Workloads};
use super::{Question, bands};
use crate::engine;
use crate::error::{Error, Result};
use crate::history::UsageMonth;
use crate::month::Month;
use crate::rulebook::{DeploymentUnit, Rulebook, UsageBaseline};

/// What names a pair, and when it is held.
const PAIR_COLUMNS: [&str; 8] =
    ["account", "option", "tenant", UNIT, "workload", "held_at_m", "held_at_p", "held_since"];

/// The pairs of one list that are held at M or at P, with usage at M and at P.
///
/// `account` and `tenant` UInt32, `option` and `workload` UInt8, `unit` UInt64; `held_at_m`, `held_at_p`; `association_month` (null
/// where held at P or not at M) and `first_month` (the earliest of the unit's, null where any of its pairs was held at P);
/// `users_at_*` and `seats_at_*` (zero without a row), `enterprise_at_*`, `smb_at_*` for `m` and `p`; `reaches_*_at_m`; `in_usage` (a
/// row on a workload of the list at M or at P); `only_earlier` (no row at M on any workload, and one in an earlier month).
pub(super) struct Pairs {
    /// One row for all pairs of a tenant: its workload is [`ALL_WORKLOADS`], and its two months are the same.
    pub whole: DataFrame,
    /// One row for each pair.
    pub named: DataFrame,
}

/// Usage of a month, and what it is called in columns.
pub(super) struct At<'a> {
    pub usage: &'a UsageMonth,
    pub name: &'static str,
}

impl Pairs {
    /// The pairs of a list. Unless evidence is wanted, only those of tenants in some band at M or at P: no others count.
    pub(super) fn of_list(
        question: &Question,
        workloads: &Workloads,
        list: &List,
        claims: &Claims,
        months: [At; 2],
        only_earlier: &[bool],
    ) -> Result<Pairs> {
        let tenants = tenants(question.rules, list, &months, only_earlier)?;
        let banded = if question.evidence { None } else { Some(&tenants) };
        let claimed = engine::collect("pairs", of_list(claims, list, workloads, banded)?)?;
        let [whole, named] = covered(claimed.lazy(), list, &claims.key, by_workload(question))?;
        let named = months.iter().fold(named, |named, month| with_rows(named, month, list.has(workloads)));
        let [whole, named] = [whole, named].map(|pairs| engine::collect("pairs", pairs));
        let whole = engine::beside(whole?, &tenants, "tenant")?.lazy().with_columns(totals());
        let named = engine::beside(named?, &tenants, "tenant")?.lazy();
        let [whole, named] = [whole, named].map(|pairs| engine::collect("pairs", pairs.select(columns())));
        Ok(Pairs { whole: whole?, named: named? })
    }
}

/// The months in which the association of some pair of a list began, whether or not its tenant is in a band.
pub(super) fn association_months(
    question: &Question,
    workloads: &Workloads,
    list: &List,
    claims: &Claims,
) -> Result<BTreeSet<Month>> {
    let pairs = covered(of_list(claims, list, workloads, None)?, list, &claims.key, by_workload(question))?;
    let months = stacked(pairs.map(|pairs| pairs.select([col("association_month")])));
    let months = engine::collect("pairs", months.unique(None, UniqueKeepStrategy::Any))?;
    engine::months(&months, "association_month")
}

/// Claims on the workloads of a list, or on all; where `tenants` are given, only on those of them in some band at M or at P.
fn of_list(claims: &Claims, list: &List, workloads: &Workloads, tenants: Option<&DataFrame>) -> Result<LazyFrame> {
    let of_list = list.has(workloads).or(col("workload").eq(lit(ALL_WORKLOADS)));
    let Some(tenants) = tenants else { return Ok(claims.rows.clone().lazy().filter(of_list)) };
    let banded = tenants.clone().lazy().select([bands::any().alias("banded")]);
    let banded = engine::collect("usage by tenant", banded)?;
    let claims = engine::beside(claims.rows.clone(), &banded, "tenant")?.lazy();
    Ok(claims.filter(col("banded").and(of_list)).drop(by_name(["banded"], true, false)))
}

/// By tenant, whether its usage rows are wanted one by one: where some claim names workloads, or every pair is wanted by itself.
pub(super) fn one_by_one(question: &Question, associations: &Associations) -> Option<Vec<bool>> {
    (!by_workload(question)).then(|| associations.names_workloads.clone())
}

/// Whether each pair is wanted by itself: for evidence, and where the rulebook's readings look at single pairs.
fn by_workload(question: &Question) -> bool {
    let choices = &question.rules.choices;
    question.evidence
        || choices.deployment_unit.reading != DeploymentUnit::TenantPooled
        || choices.usage_baseline.reading == UsageBaseline::LargerOfBoth
}

/// From claims to pairs, with their association months: those that stay together, and those that stand apart.
fn covered(claims: LazyFrame, list: &List, key: &PairKey, by_workload: bool) -> Result<[LazyFrame; 2]> {
    let claims = claims.select(PAIR_COLUMNS.map(col));
    let is_whole = || col("workload").eq(lit(ALL_WORKLOADS));
    let (whole, named) = (claims.clone().filter(is_whole()), claims.filter(is_whole().not()));
    // Looked at three times below.
    let named = engine::collect("pairs", named)?.lazy();
    let units = named.clone().select([col(UNIT)]).unique(None, UniqueKeepStrategy::Any);
    let units = engine::collect("pairs", units)?.lazy();
    let beside = |how| whole.clone().join(units.clone(), [col(UNIT)], [col(UNIT)], JoinArgs::new(how));
    let (alone, mixed) = match by_workload {
        true => (whole.clone().filter(lit(false)), whole),
        false => (beside(JoinType::Anti), beside(JoinType::Semi)),
    };
    let apart = each(stacked([named, mixed]), &list.numbers).with_columns([key.pair()]);
    let apart = key.apart(apart.group_by([col(PAIR)]).agg(united())).select(PAIR_COLUMNS.map(col));
    let alone = alone.with_columns([association_month()]);
    let alone = alone.with_columns([col("association_month").alias("first_month")]);
    let apart = engine::collect("pairs", apart.with_columns([association_month()]))?;
    Ok([alone, with_first_month(apart.lazy())])
}

/// One row for each workload of what claims on all of them cover; claims that name a workload stay as they are.
pub(super) fn each(claims: LazyFrame, numbers: &[u8]) -> LazyFrame {
    let is_whole = || col("workload").eq(lit(ALL_WORKLOADS));
    let workloads = Series::new("workload".into(), numbers).into_frame().lazy();
    let expanded =
        claims.clone().filter(is_whole()).drop(by_name(["workload"], true, false)).cross_join(workloads, None);
    stacked([claims.filter(is_whole().not()).select(PAIR_COLUMNS.map(col)), expanded.select(PAIR_COLUMNS.map(col))])
}

/// The month a pair's association began, where it is held at M and was not at P.
fn association_month() -> Expr {
    let newly_held = col("held_at_m").and(col("held_at_p").not());
    // The start of a pair that is not newly held may be any day at all, such as minus infinity.
    let began = when(newly_held).then(col("held_since")).otherwise(lit(NULL));
    began.dt().month_start().alias("association_month")
}

/// Adds the first association month among a unit's pairs, where none of them was held at P.
fn with_first_month(pairs: LazyFrame) -> LazyFrame {
    let any_held_at_p = col("held_at_p").max().alias("any_held_at_p");
    let first = col("association_month").min().alias("first_month");
    let first = pairs.clone().group_by([col(UNIT)]).agg([any_held_at_p, first]);
    let first = first.filter(col("any_held_at_p").not()).select([col(UNIT), col("first_month")]);
    pairs.join(first, [col(UNIT)], [col(UNIT)], JoinArgs::new(JoinType::Left))
}

/// Adds to pairs `users_at_*` and `seats_at_*` of the row of their own workload; zero where there is none.
fn with_rows(pairs: LazyFrame, month: &At, has: Expr) -> LazyFrame {
    let [users, seats] = measured_names(month.name);
    let columns = [col("active_users").alias(users.as_str()), col("paid_seats").alias(seats.as_str())];
    let rows = month.usage.rows.clone().lazy().filter(has);
    let rows = rows.select([vec![key::row().alias("row")], columns.to_vec()].concat());
    let pairs = pairs.with_columns([key::row().alias("row")]);
    let pairs = pairs.join(rows, [col("row")], [col("row")], JoinArgs::new(JoinType::Left));
    let pairs = pairs.with_columns([users, seats].map(|name| col(name).fill_null(lit(0i64))));
    pairs.drop(by_name(["row"], true, false))
}

/// What usage tells of every tenant at M and at P, a row for each by number: `total_users_at_*`, `total_seats_at_*`, its bands,
/// `in_usage`, and `only_earlier` as given.
fn tenants(rules: &Rulebook, list: &List, months: &[At; 2], only_earlier: &[bool]) -> Result<DataFrame> {
    let rows = months.iter().map(|month| month.usage.totals[list.place].rows.len()).max().unwrap_or(0);
    let of_month = |month: &At| {
        let (totals, at) = (&month.usage.totals[list.place], month.name);
        let [users, seats] = total_names(at);
        let counts = [Column::new(users.into(), &totals.active_users), Column::new(seats.into(), &totals.paid_seats)];
        let any = Column::new(format!("rows_at_{at}").into(), &totals.rows);
        counts.into_iter().chain([any]).chain(bands::counts(totals, at)).collect::<Vec<_>>()
    };
    let only_earlier = BooleanChunked::from_slice("only_earlier".into(), only_earlier).into_series();
    let columns = months.iter().flat_map(of_month).chain([only_earlier.into()]).collect();
    let counts = DataFrame::new(rows, columns).map_err(|error| Error::internal(error.to_string()))?;
    let totals = ["m", "p"].map(total_names).concat().into_iter().map(col);
    let in_usage = (col("rows_at_m") + col("rows_at_p")).gt(lit(0)).alias("in_usage");
    engine::collect(
        "usage by tenant",
        counts
            .lazy()
            .select(totals.chain([in_usage, col("only_earlier")]).chain(bands::of_counts(rules)).collect::<Vec<_>>()),
    )
}

/// `users_at_*` and `seats_at_*` of pairs that stand for all of their tenant's.
fn totals() -> Vec<Expr> {
    let of_month = |at| {
        let names = total_names(at).into_iter().zip(measured_names(at));
        names.map(|(total, name)| col(total).alias(name)).collect::<Vec<_>>()
    };
    ["m", "p"].map(of_month).concat()
}

/// The columns of [`Pairs`], in order.
fn columns() -> Vec<Expr> {
    let mut names: Vec<String> =
        ["account", "option", "tenant", UNIT, "workload", "held_at_m", "held_at_p", "association_month", "first_month"]
            .map(str::to_owned)
            .to_vec();
    names.extend(["m", "p"].map(measured_names).concat());
    names.extend(bands::names());
    names.into_iter().chain(["in_usage", "only_earlier"].map(str::to_owned)).map(col).collect()
}

/// Users and seats of a tenant's eligible workloads together.
pub(super) fn total_names(at: &str) -> [String; 2] {
    ["users", "seats"].map(|name| format!("total_{name}_at_{at}"))
}

/// Users and seats of a pair.
pub(super) fn measured_names(at: &str) -> [String; 2] {
    ["users", "seats"].map(|name| format!("{name}_at_{at}"))
}

/// The workload of what is judged as a whole.
pub(super) fn no_workload() -> Expr {
    lit(NULL).cast(DataType::UInt8).alias("workload")
}

/// Frames of the same columns, one below the other. Building the union of frames that this module made cannot fail.
pub(super) fn stacked<const N: usize>(frames: [LazyFrame; N]) -> LazyFrame {
    concat(frames, UnionArgs::default()).unwrap_or_default()
}
