//! What pairs used in the month their association began: the months between P and M, of the tenants that need them alone.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use polars::prelude::*;

use super::claims::Claims;
use super::months::Months;
use super::pairs::{Pairs, association_months, measured_names, stacked};
use super::workloads::{ALL_WORKLOADS, List, Workloads};
use super::{Question, bands, key};
use crate::engine;
use crate::error::{Error, Result};
use crate::history::Findings;
use crate::month::Month;

/// The columns that the month of an association and the first of a unit's add to pairs.
const MONTHS: [(&str, &str); 2] = [("association_month", "association"), ("first_month", "first")];

/// Usage in association months before M, of the tenants that need it.
pub(super) struct Between {
    /// By list: `tenant`, `active_users`, `paid_seats`, `month`.
    totals: Vec<DataFrame>,
    /// `tenant`, `workload`, `active_users`, `paid_seats`, `month`.
    rows: DataFrame,
}

impl Between {
    /// Reads each month for the tenants whose association began then and that are in a band at M: others' growth does not count.
    pub(super) fn read(
        months: &mut Months,
        m: Month,
        workloads: &Workloads,
        pairs: &[Pairs],
        findings: &mut Findings,
    ) -> Result<Between> {
        let mut totals: Vec<_> = workloads.lists.iter().map(|_| vec![none_of(&TOTALS)]).collect();
        let mut rows = vec![none_of(&ROWS)];
        for (month, numbers) in needed(pairs, m)? {
            let part = months.of_tenants(month, &numbers, workloads)?;
            let dated = |df: DataFrame| df.lazy().with_columns([engine::day(month.first_day()).alias("month")]);
            rows.push(dated(part.rows));
            totals.iter_mut().zip(part.totals).for_each(|(all, of_month)| all.push(dated(of_month)));
            findings.add(part.findings);
        }
        Ok(Between {
            totals: totals.into_iter().map(one_below_other).collect::<Result<_>>()?,
            rows: one_below_other(rows)?,
        })
    }

    /// Adds to the pairs of a list `users_at_*` and `seats_at_*` of the association month (`association`) and of the unit's first
    /// (`first`); zero where there is none. A month that is M is known already.
    pub(super) fn joined(&self, pairs: &Pairs, list: &List, workloads: &Workloads, m: Month) -> Result<DataFrame> {
        let whole = lit(ALL_WORKLOADS).cast(DataType::UInt8).alias("workload");
        let totals = self.totals[list.place].clone().lazy().with_columns([whole]);
        let totals = totals.with_columns([key::row_of("month").alias("row")]);
        let rows = self.rows.clone().lazy().filter(list.has(workloads));
        let rows = rows.with_columns([key::row_of("month").alias("row")]);
        let whole = with_young(&pairs.whole, m, |young| {
            let own = looked_up(young, &totals, "association_month", "association");
            let same = measured_names("association").into_iter().zip(measured_names("first"));
            own.with_columns(same.map(|(own, first)| col(own).alias(first)).collect::<Vec<_>>())
        });
        let named = with_young(&pairs.named, m, |young| {
            MONTHS.into_iter().fold(young, |young, (month, at)| looked_up(young, &rows, month, at))
        });
        engine::collect("association months", stacked([whole, named]))
    }
}

/// The months of a set of tenants in which an association that counts begins, and of which there is no usage.
pub(super) fn missing_months(question: &Question, workloads: &Workloads, claims: &Claims) -> Result<BTreeSet<Month>> {
    let mut missing = BTreeSet::new();
    for month in claims.months_begun()? {
        if !question.history.holds_usage_of(question.seen(month))? {
            missing.insert(month);
        }
    }
    if missing.is_empty() {
        return Ok(missing);
    }
    // A claim may begin what another has covered since before P: only now is it worth to look at every pair.
    let mut begun = BTreeSet::new();
    for list in &workloads.lists {
        begun.extend(association_months(question, workloads, list, claims)?);
    }
    Ok(missing.intersection(&begun).copied().collect())
}

/// Whether a month that may be null is before M.
fn before(month: &str, m: Month) -> Expr {
    col(month).lt(engine::day(m.first_day())).fill_null(lit(false))
}

/// The tenants that need each month before M, by number in ascending order. A unit's first month is the association month of some pair of it.
fn needed(pairs: &[Pairs], m: Month) -> Result<BTreeMap<Month, Series>> {
    let young = |pairs: &DataFrame| {
        let young = before("association_month", m).and(bands::any_at_m());
        pairs.clone().lazy().filter(young).select([col("tenant"), col("association_month")])
    };
    let all = pairs.iter().flat_map(|pairs| [&pairs.whole, &pairs.named].map(young)).collect::<Vec<_>>();
    let all = concat(all, UnionArgs::default());
    let all = all.map_err(|error| engine::plan_error("association months", &error))?;
    let needs = all.unique(None, UniqueKeepStrategy::Any).group_by([col("association_month")]).agg([col("tenant")]);
    let needs = engine::collect("association months", needs)?;
    let (months, tenants) = (engine::column(&needs, "association_month")?, engine::column(&needs, "tenant")?);
    let typed = || -> PolarsResult<BTreeMap<Month, Series>> {
        let days: Vec<Option<NaiveDate>> = months.date()?.as_date_iter().collect();
        let tenants = tenants.list()?.series_iter();
        let by_month = days.into_iter().zip(tenants).filter_map(|(day, tenants)| Some((Month::of(day?), tenants?)));
        by_month.map(|(month, tenants)| Ok((month, tenants.sort(SortOptions::default())?))).collect()
    };
    typed().map_err(|error| Error::internal(error.to_string()))
}

/// Pairs with what `look_up` adds to the young ones, whose association or unit's first began before M; the others have nothing before.
fn with_young(pairs: &DataFrame, m: Month, look_up: impl Fn(LazyFrame) -> LazyFrame) -> LazyFrame {
    let young = MONTHS.map(|(month, _)| before(month, m)).into_iter().reduce(Expr::or).unwrap_or_else(|| lit(false));
    let pairs = pairs.clone().lazy();
    let others = pairs.clone().filter(young.clone().not()).with_columns(began_at(m, |_| lit(0i64)));
    stacked([look_up(pairs.filter(young)).with_columns(began_at(m, |own| col(own))), others])
}

/// Adds a month's users and seats, of usage with a key `row`; zero where there is none.
fn looked_up(pairs: LazyFrame, usage: &LazyFrame, month: &str, at: &str) -> LazyFrame {
    let [users, seats] = measured_names(at);
    let renamed = [col("active_users").alias(users.as_str()), col("paid_seats").alias(seats.as_str())];
    let usage = usage.clone().select([vec![col("row")], renamed.to_vec()].concat());
    let pairs = pairs.with_columns([key::row_of(month).alias("row")]);
    let pairs = pairs.join(usage, [col("row")], [col("row")], JoinArgs::new(JoinType::Left));
    let pairs = pairs.with_columns([users, seats].map(|name| col(name).fill_null(lit(0i64))));
    pairs.drop(by_name(["row"], true, false))
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

/// The columns of totals, and those of rows, before a month is put beside them.
const TOTALS: [(&str, DataType); 3] =
    [("tenant", DataType::UInt32), ("active_users", DataType::Int64), ("paid_seats", DataType::Int64)];
const ROWS: [(&str, DataType); 4] = [
    ("tenant", DataType::UInt32),
    ("workload", DataType::UInt8),
    ("paid_seats", DataType::Int64),
    ("active_users", DataType::Int64),
];

/// A frame without rows, of some columns and `month`.
fn none_of(columns: &[(&str, DataType)]) -> LazyFrame {
    let columns = columns.iter().cloned().chain([("month", DataType::Date)]);
    let schema: Schema = columns.map(|(name, dtype)| Field::new(name.into(), dtype)).collect();
    DataFrame::empty_with_schema(&schema).lazy()
}

fn one_below_other(frames: Vec<LazyFrame>) -> Result<DataFrame> {
    let frames = concat(frames, UnionArgs::default());
    let frames = frames.map_err(|error| engine::plan_error("association months", &error))?;
    engine::collect("association months", frames)
}
