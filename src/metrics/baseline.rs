//! What pairs used in the month their association began: the months between P and M, of the tenants that need them alone.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use polars::prelude::*;

use super::pairs::{self, ALL_WORKLOADS, Held};
use super::{Coverage, Question};
use crate::engine;
use crate::error::{Error, Result};
use crate::history::{Findings, TenantRange};
use crate::month::Month;

/// Usage in association months before M: per tenant and month in total, and row by row.
pub(super) struct Baselines {
    /// `tenant, month, total_users, total_seats`.
    totals: DataFrame,
    /// `tenant, month, workload, active_users, paid_seats`.
    rows: DataFrame,
}

/// A pair's own users and seats where it names a workload, its tenant's totals where it stands for all; zero without a row.
pub(super) fn measured(at: &str) -> [Expr; 2] {
    [("total_users", "active_users", "users"), ("total_seats", "paid_seats", "seats")].map(|(total, own, name)| {
        let whole = col("workload").eq(lit(ALL_WORKLOADS));
        let value = when(whole).then(col(format!("{total}_at_{at}"))).otherwise(col(own));
        value.fill_null(lit(0i64)).alias(format!("{name}_at_{at}"))
    })
}

/// The columns that [`measured`] has no more use for.
pub(super) fn spent(at: &str) -> Selector {
    let totals = [format!("total_users_at_{at}"), format!("total_seats_at_{at}")];
    by_name(["active_users".to_owned(), "paid_seats".to_owned()].into_iter().chain(totals), true, false)
}

/// Usage in the months between P and M, of the tenants whose association began then, whichever list asks for it.
pub(super) struct Between {
    /// `tenant_id, workload, paid_seats, active_users` of each month.
    months: BTreeMap<Month, DataFrame>,
}

impl Between {
    /// Reads each month once, for the tenants that need it.
    pub(super) fn read(
        question: &Question,
        range: &TenantRange,
        held: &[Held],
        findings: &mut Findings,
        coverage: &mut Coverage,
    ) -> Result<Between> {
        let mut months = BTreeMap::new();
        for (month, ids) in needed(held, question.period.month)? {
            if !question.history.holds_usage_of(month)? {
                coverage.missing_months.insert(month);
                continue;
            }
            let usage = question.history.usage(month, range, Some(&ids))?;
            months.insert(month, engine::collect("association months", usage.rows())?);
            findings.add(usage.findings);
        }
        Ok(Between { months })
    }

    /// What one workload list counts of it.
    pub(super) fn of(&self, held: &Held) -> Result<Baselines> {
        let mut by_month = vec![no_rows()];
        for (month, rows) in &self.months {
            let rows = pairs::numbered_rows(rows.clone().lazy(), held.workloads, &held.tenants);
            let eligible = rows.filter(col("workload").neq(lit(ALL_WORKLOADS)));
            by_month.push(eligible.with_columns([engine::day(month.first_day()).alias("month")]));
        }
        let rows = concat(by_month, UnionArgs::default());
        let rows = engine::collect(
            "association months",
            rows.map_err(|error| engine::plan_error("association months", &error))?,
        )?;
        let sums = [col("active_users").sum().alias("total_users"), col("paid_seats").sum().alias("total_seats")];
        let totals = rows.clone().lazy().group_by([col("tenant"), col("month")]).agg(sums);
        Ok(Baselines { totals: engine::collect("association months", totals)?, rows })
    }
}

/// The ids of the tenants that need each month before M.
fn needed(held: &[Held], month: Month) -> Result<BTreeMap<Month, Series>> {
    // Every first month is the association month of some pair, but not always of the pair that asks for it.
    let of_list = held.iter().flat_map(|held| {
        let needs = held.pairs.clone().lazy().filter(col("association_month").lt(engine::day(month.first_day())));
        let inner = JoinArgs::new(JoinType::Inner);
        let needs = needs.join(held.tenants.clone().lazy(), [col("tenant")], [col("tenant")], inner);
        ["association_month", "first_month"]
            .map(|name| needs.clone().select([col("tenant_id"), col(name).alias("month")]))
    });
    let all = concat(of_list.collect::<Vec<_>>(), UnionArgs::default());
    let all = all.map_err(|error| engine::plan_error("association months", &error))?;
    let needs = all.filter(col("month").is_not_null()).unique(None, UniqueKeepStrategy::Any);
    let needs = engine::collect("association months", needs.group_by([col("month")]).agg([col("tenant_id")]))?;
    let (months, ids) = (engine::column(&needs, "month")?, engine::column(&needs, "tenant_id")?);
    let typed = || -> PolarsResult<BTreeMap<Month, Series>> {
        let days: Vec<Option<NaiveDate>> = months.date()?.as_date_iter().collect();
        let ids = ids.list()?.series_iter();
        Ok(days.into_iter().zip(ids).filter_map(|(day, ids)| Some((Month::of(day?), ids?))).collect())
    };
    typed().map_err(|error| Error::internal(error.to_string()))
}

/// Adds `users_at_*` and `seats_at_*` of the association month and of the tenant's first month; zero where there is none.
///
/// Only young pairs are looked up: those whose association, or whose tenant's first, began before M and after P.
pub(super) fn joined(pairs: LazyFrame, baselines: &Baselines, m: Month) -> LazyFrame {
    let before_m = |month: &str| col(month).lt(engine::day(m.first_day())).fill_null(lit(false));
    let young = before_m("association_month").or(before_m("first_month"));
    let own = looked_up(pairs.clone().filter(young.clone()), baselines, "association_month", "association");
    let both = looked_up(own, baselines, "first_month", "first");
    let others = pairs.filter(young.not()).with_columns(began_at_m(m, |_| lit(0i64)));
    pairs::stacked([both.with_columns(began_at_m(m, |own| col(own))), others])
}

fn looked_up(lf: LazyFrame, baselines: &Baselines, month: &str, at: &str) -> LazyFrame {
    let left = JoinArgs::new(JoinType::Left);
    let totals = baselines.totals.clone().lazy().select([
        col("tenant"),
        col("month"),
        col("total_users").alias(format!("total_users_at_{at}")),
        col("total_seats").alias(format!("total_seats_at_{at}")),
    ]);
    let (tenant, pair) = (["tenant", "month"].map(col), ["tenant", "workload", "month"].map(col));
    let lf = lf.join(totals, [col("tenant"), col(month)], tenant, left.clone());
    let lf = lf.join(baselines.rows.clone().lazy(), [col("tenant"), col("workload"), col(month)], pair, left);
    lf.with_columns(measured(at)).drop(spent(at))
}

/// Pairs whose month is M take what they have at M; the others what `otherwise` makes of the column.
fn began_at_m(m: Month, otherwise: impl Fn(&str) -> Expr) -> Vec<Expr> {
    let mut columns = Vec::new();
    for (month, at) in [("association_month", "association"), ("first_month", "first")] {
        for name in ["users", "seats"] {
            let own = format!("{name}_at_{at}");
            let began = col(month).eq(engine::day(m.first_day())).fill_null(lit(false));
            let value = when(began).then(col(format!("{name}_at_m"))).otherwise(otherwise(&own));
            columns.push(value.cast(DataType::Int64).alias(own.as_str()));
        }
    }
    columns
}

fn no_rows() -> LazyFrame {
    let columns = [
        ("tenant", DataType::UInt32),
        ("workload", DataType::UInt8),
        ("active_users", DataType::Int64),
        ("paid_seats", DataType::Int64),
        ("month", DataType::Date),
    ];
    let schema: Schema = columns.into_iter().map(|(name, dtype)| Field::new(name.into(), dtype)).collect();
    DataFrame::empty_with_schema(&schema).lazy()
}
