//! What pairs used in the month their association began: the months between P and M, of the tenants that need them alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use polars::prelude::*;

use super::pairs::{Pairs, measured_names, stacked, total_names};
use super::workloads::{ALL_WORKLOADS, List, Workloads};
use super::{Coverage, Question, bands};
use crate::engine;
use crate::error::{Error, Result};
use crate::history::{Findings, Rows, TenantRange, Tenants, ToFind};
use crate::month::Month;

/// The columns that the month of an association and the first of a unit's add to pairs.
const MONTHS: [(&str, &str); 2] = [("association_month", "association"), ("first_month", "first")];

/// Usage in association months before M, of the tenants that need it: `tenant`, `workload`, `active_users`, `paid_seats`, `month`.
pub(super) struct Between {
    rows: DataFrame,
}

impl Between {
    /// Reads each month once, for the tenants whose association began then and that are in a band at M: others' growth does not count.
    pub(super) fn read(
        question: &Question,
        range: &TenantRange,
        tenants: &Tenants,
        workloads: &Workloads,
        pairs: &[Pairs],
        (findings, coverage): (&mut Findings, &mut Coverage),
    ) -> Result<Between> {
        let to_find = ToFind { tenants: tenants.clone(), workloads: workloads.names.clone(), ..ToFind::default() };
        let to_find = Arc::new(to_find);
        let mut months = vec![no_rows()];
        let began: BTreeSet<Month> = pairs.iter().flat_map(|pairs| pairs.months.clone()).collect();
        for month in began {
            if !question.history.holds_usage_of(month)? {
                coverage.missing_months.insert(month);
            }
        }
        for (month, numbers) in needed(pairs, question.period.month)? {
            let usage = question.history.usage(&Rows { month, range, only: Some(&numbers) }, &to_find)?;
            months.push(usage.rows.lazy().with_columns([engine::day(month.first_day()).alias("month")]));
            findings.add(usage.findings);
        }
        let rows = concat(months, UnionArgs::default());
        let rows = rows.map_err(|error| engine::plan_error("association months", &error))?;
        Ok(Between { rows: engine::collect("association months", rows)? })
    }

    /// Adds to the pairs of a list `users_at_*` and `seats_at_*` of the association month (`association`) and of the unit's first
    /// (`first`); zero where there is none. A month that is M is known already.
    pub(super) fn joined(&self, pairs: &Pairs, list: &List, workloads: &Workloads, m: Month) -> Result<DataFrame> {
        let rows = self.rows.clone().lazy().filter(list.has(workloads));
        let rows = engine::collect("association months", rows)?;
        let sums = [col("active_users").sum().alias("total_users"), col("paid_seats").sum().alias("total_seats")];
        let totals = rows.clone().lazy().group_by([col("tenant"), col("month")]).agg(sums);
        let totals = engine::collect("association months", totals)?;
        let young =
            MONTHS.map(|(month, _)| before(month, m)).into_iter().reduce(Expr::or).unwrap_or_else(|| lit(false));
        let looked_up =
            MONTHS.into_iter().fold(pairs.rows.clone().lazy().filter(young.clone()), |pairs, (month, at)| {
                looked_up(pairs, &rows, &totals, month, at)
            });
        let others = pairs.rows.clone().lazy().filter(young.not()).with_columns(began_at(m, |_| lit(0i64)));
        engine::collect("association months", stacked([looked_up.with_columns(began_at(m, |own| col(own))), others]))
    }
}

/// Whether a month that may be null is before M.
fn before(month: &str, m: Month) -> Expr {
    col(month).lt(engine::day(m.first_day())).fill_null(lit(false))
}

/// The tenants that need each month before M, by number. A unit's first month is the association month of some pair of it.
fn needed(pairs: &[Pairs], m: Month) -> Result<BTreeMap<Month, Series>> {
    let of_list = |pairs: &Pairs| {
        let young = before("association_month", m).and(bands::any_at_m());
        pairs.rows.clone().lazy().filter(young).select([col("tenant"), col("association_month")])
    };
    let all = concat(pairs.iter().map(of_list).collect::<Vec<_>>(), UnionArgs::default());
    let all = all.map_err(|error| engine::plan_error("association months", &error))?;
    let needs = all.unique(None, UniqueKeepStrategy::Any).group_by([col("association_month")]).agg([col("tenant")]);
    let needs = engine::collect("association months", needs)?;
    let (months, tenants) = (engine::column(&needs, "association_month")?, engine::column(&needs, "tenant")?);
    let typed = || -> PolarsResult<BTreeMap<Month, Series>> {
        let days: Vec<Option<NaiveDate>> = months.date()?.as_date_iter().collect();
        let tenants = tenants.list()?.series_iter();
        Ok(days.into_iter().zip(tenants).filter_map(|(day, tenants)| Some((Month::of(day?), tenants?))).collect())
    };
    typed().map_err(|error| Error::internal(error.to_string()))
}

/// Adds a month's users and seats: a pair's own where it names a workload, its tenant's totals where it stands for all.
fn looked_up(pairs: LazyFrame, rows: &DataFrame, totals: &DataFrame, month: &str, at: &str) -> LazyFrame {
    let left = || JoinArgs::new(JoinType::Left);
    let [total_users, total_seats] = total_names(at);
    let totals = totals.clone().lazy().rename(["total_users", "total_seats"], [&total_users, &total_seats], true);
    let (tenant, pair) = (["tenant", "month"].map(col), ["tenant", "workload", "month"].map(col));
    let pairs = pairs.join(totals, [col("tenant"), col(month)], tenant, left());
    let pairs = pairs.join(rows.clone().lazy(), [col("tenant"), col("workload"), col(month)], pair, left());
    let measured = total_names(at).into_iter().zip(["active_users", "paid_seats"]).zip(measured_names(at));
    let measured = measured.map(|((total, own), name)| {
        let value = when(col("workload").eq(lit(ALL_WORKLOADS))).then(col(total)).otherwise(col(own));
        value.fill_null(lit(0i64)).alias(name)
    });
    let spent = total_names(at).into_iter().chain(["active_users", "paid_seats"].map(str::to_owned));
    pairs.with_columns(measured.collect::<Vec<_>>()).drop(by_name(spent, true, false))
}

/// Pairs whose month is M take what they have at M; the others what `otherwise` makes of the column.
fn began_at(m: Month, otherwise: impl Fn(&str) -> Expr) -> Vec<Expr> {
    let value = |month: &str, own: &str, at_m: &str| {
        let began = col(month).eq(engine::day(m.first_day())).fill_null(lit(false));
        when(began).then(col(at_m)).otherwise(otherwise(own)).cast(DataType::Int64).alias(own)
    };
    let of_month = |(month, at): (&str, &str)| {
        let names = measured_names(at).into_iter().zip(measured_names("m"));
        names.map(|(own, at_m)| value(month, &own, &at_m)).collect::<Vec<_>>()
    };
    MONTHS.map(of_month).concat()
}

fn no_rows() -> LazyFrame {
    let columns = [
        ("tenant", DataType::UInt32),
        ("workload", DataType::UInt8),
        ("paid_seats", DataType::Int64),
        ("active_users", DataType::Int64),
        ("month", DataType::Date),
    ];
    let schema: Schema = columns.into_iter().map(|(name, dtype)| Field::new(name.into(), dtype)).collect();
    DataFrame::empty_with_schema(&schema).lazy()
}
