//! What pairs used in the month their association began: the months between P and M, of the tenants that need them alone.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use polars::prelude::*;

use super::{Coverage, Question, pairs};
use crate::engine;
use crate::error::{Error, Result};
use crate::history::{Findings, TenantRange};
use crate::month::Month;

/// Usage in association months before M: per tenant and month in total, and row by row.
pub(super) struct Baselines {
    totals: LazyFrame,
    rows: LazyFrame,
}

/// Users and paid seats of a row where its workload is eligible, else zero.
pub(super) fn eligible_counts(eligible: &Expr) -> [Expr; 2] {
    let counted = |name: &str| when(eligible.clone()).then(col(name)).otherwise(lit(0i64));
    [counted("active_users").alias("eligible_users"), counted("paid_seats").alias("eligible_seats")]
}

/// Users and paid seats of a tenant, summed over its eligible workloads.
pub(super) fn totals() -> [Expr; 2] {
    [col("eligible_users").sum().alias("total_users"), col("eligible_seats").sum().alias("total_seats")]
}

/// A pair's own figure where it names a workload, its tenant's total where it stands for all; zero without a row.
pub(super) fn measured(total: &str, own: &str, name: &str, at: &str) -> Expr {
    let value = when(col("workload").is_null()).then(col(format!("{total}_at_{at}"))).otherwise(col(own));
    value.fill_null(lit(0i64)).alias(format!("{name}_at_{at}"))
}

/// Reads the association months before M of the tenants whose pairs began then.
pub(super) fn read(
    question: &Question,
    tenants: &TenantRange,
    pairs: &DataFrame,
    eligible: &Expr,
    findings: &mut Findings,
    coverage: &mut Coverage,
) -> Result<Baselines> {
    let (mut totals_by_month, mut rows_by_month) = (vec![no_totals()], vec![no_rows()]);
    for (month, ids) in needed(pairs, question.period.month)? {
        if !question.history.holds_usage_of(month)? {
            coverage.missing_months.insert(month);
            continue;
        }
        let mut usage = question.history.usage(month, tenants, Some(&ids))?;
        let by_tenant = usage.by_tenant("association months", &eligible_counts(eligible), &totals())?;
        let dated = |lf: LazyFrame| lf.with_columns([engine::day(month.first_day()).alias("month")]);
        totals_by_month.push(dated(by_tenant.lazy()));
        rows_by_month.push(dated(engine::collect("association months", usage.rows())?.lazy()));
        findings.add(usage.findings);
    }
    let union = |frames: Vec<LazyFrame>| concat(frames, UnionArgs::default());
    let failed = |error: PolarsError| engine::plan_error("association months", &error);
    Ok(Baselines { totals: union(totals_by_month).map_err(failed)?, rows: union(rows_by_month).map_err(failed)? })
}

/// The tenants that need each month before M.
fn needed(pairs: &DataFrame, month: Month) -> Result<BTreeMap<Month, Series>> {
    // The first month is one of the association months, so these are all.
    let needs = pairs.clone().lazy().filter(col("association_month").lt(engine::day(month.first_day())));
    let needs = needs.select([col("tenant_id"), col("association_month"), col("first_month")]);
    let tenant_month = |name: &str| needs.clone().select([col("tenant_id"), col(name).alias("month")]);
    let both = pairs::stacked([tenant_month("association_month"), tenant_month("first_month")]);
    let needs = both
        .filter(col("month").is_not_null())
        .unique(None, UniqueKeepStrategy::Any)
        .group_by([col("month")])
        .agg([col("tenant_id")]);
    let needs = engine::collect("association months", needs)?;
    let (months, ids) = (engine::column(&needs, "month")?, engine::column(&needs, "tenant_id")?);
    let typed = || -> PolarsResult<BTreeMap<Month, Series>> {
        let days: Vec<Option<NaiveDate>> = months.date()?.as_date_iter().collect();
        let ids = ids.list()?.series_iter();
        Ok(days.into_iter().zip(ids).filter_map(|(day, ids)| Some((Month::of(day?), ids?))).collect())
    };
    typed().map_err(|error| Error::internal(error.to_string()))
}

/// Adds `users_at_*` and `seats_at_*` of the month in a column; pairs whose month is M take what they have at M.
pub(super) fn joined(lf: LazyFrame, baselines: &Baselines, month: &str, at: &str, m: Month) -> LazyFrame {
    let left = JoinArgs::new(JoinType::Left);
    let totals = baselines.totals.clone().select([
        col("tenant_id"),
        col("month"),
        col("total_users").alias(format!("total_users_at_{at}")),
        col("total_seats").alias(format!("total_seats_at_{at}")),
    ]);
    let (tenant, pair) = (["tenant_id", "month"].map(col), ["tenant_id", "workload", "month"].map(col));
    let lf = lf.join(totals, [col("tenant_id"), col(month)], tenant, left.clone());
    let lf = lf.join(baselines.rows.clone(), [col("tenant_id"), col("workload"), col(month)], pair, left);
    let at_m = |name: &str, before: Expr| {
        when(col(month).eq(engine::day(m.first_day())))
            .then(col(format!("{name}_at_m")))
            .otherwise(before)
            .alias(format!("{name}_at_{at}"))
    };
    lf.with_columns([
        at_m("users", measured("total_users", "active_users", "users", at)),
        at_m("seats", measured("total_seats", "paid_seats", "seats", at)),
    ])
    .drop(by_name(
        [
            "active_users".to_owned(),
            "paid_seats".to_owned(),
            format!("total_users_at_{at}"),
            format!("total_seats_at_{at}"),
        ],
        true,
        false,
    ))
}

fn no_totals() -> LazyFrame {
    empty(&[
        ("tenant_id", DataType::String),
        ("total_users", DataType::Int64),
        ("total_seats", DataType::Int64),
        ("month", DataType::Date),
    ])
}

fn no_rows() -> LazyFrame {
    empty(&[
        ("tenant_id", DataType::String),
        ("workload", DataType::String),
        ("paid_seats", DataType::Int64),
        ("active_users", DataType::Int64),
        ("month", DataType::Date),
    ])
}

fn empty(columns: &[(&str, DataType)]) -> LazyFrame {
    let schema: Schema = columns.iter().map(|(name, dtype)| Field::new((*name).into(), dtype.clone())).collect();
    DataFrame::empty_with_schema(&schema).lazy()
}
