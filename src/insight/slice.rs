//! Slice: the part of a history that some partners' scores depend on, as tables in memory, to be changed and scored.

use std::sync::Arc;

use polars::prelude::*;

use crate::engine;
use crate::error::{Error, Result};
use crate::history::{Accounts, Findings, History, KnownNames, Rows, Tables, TenantRange, Tenants, ToFind, UNLISTED};
use crate::metrics::Period;
use crate::month::Month;
use crate::pipeline::{self, Scored, Settings};
use crate::rulebook::{Metric, Rulebook};

/// Some partners' part of a history, of sound rows alone. Locations are rolled up to their accounts.
#[derive(Debug, Clone)]
pub struct Slice {
    pub accounts: Accounts,
    /// The tenants of their associations, and those asked for besides.
    pub tenants: Tenants,
    pub tables: Tables,
    known: KnownNames,
}

impl Slice {
    /// Reads what a score of these accounts in a period sees, and of `more` tenants.
    pub fn of(
        history: &History,
        accounts: &Accounts,
        rules: &Rulebook,
        period: Period,
        more: &[String],
    ) -> Result<Slice> {
        let associations = renamed(history.associations(&TenantRange::all(), accounts)?, accounts);
        let associations = engine::collect("slice", associations)?;
        let certifications = engine::collect("slice", renamed(history.certifications(accounts)?, accounts))?;
        let ids = associations.clone().lazy().select([col("tenant_id")]);
        let more = Series::new("tenant_id".into(), more).into_frame().lazy();
        let ids = concat([ids, more], UnionArgs::default()).map_err(|error| engine::plan_error("slice", &error))?;
        let ids = engine::collect("slice", ids.unique(None, UniqueKeepStrategy::Any))?;
        let (tenants, _) = Tenants::number(&engine::column(&ids, "tenant_id")?)?;
        let workload_usage = usage(history, rules, period, &tenants)?;
        let partners = partners(accounts)?;
        let tables = Tables { partners, associations, certifications, workload_usage };
        Ok(Slice { accounts: accounts.clone(), tenants, tables, known: history.known().clone() })
    }

    /// Scores the slice as it stands.
    pub fn score(&self, settings: &Settings) -> Result<Scored> {
        let (history, findings) = self.opened()?;
        let whole = Settings { partners: Vec::new(), distributors: Vec::new(), ..settings.clone().of_a_few() };
        pipeline::score_opened(&whole, &Arc::new(history), findings)
    }

    /// The slice as a history.
    pub fn opened(&self) -> Result<(History, Findings)> {
        History::of_tables(self.tables.clone(), self.known.clone())
    }
}

/// Rows with their account's id in the place of a location's.
fn renamed(rows: LazyFrame, accounts: &Accounts) -> LazyFrame {
    let names = accounts.names().rename(["partner_id"], ["account_id"], true);
    let rows = rows.join(names, [col("account")], [col("account")], JoinArgs::new(JoinType::Left));
    rows.with_columns([col("account_id").alias("partner_id")]).drop(by_name(["account", "account_id"], true, false))
}

fn partners(accounts: &Accounts) -> Result<DataFrame> {
    let rows = || accounts.rows.iter();
    let columns = vec![
        Column::new("partner_id".into(), rows().map(|row| row.partner_id.clone()).collect::<Vec<_>>()),
        Column::new("partner_name".into(), rows().map(|row| row.partner_name.clone()).collect::<Vec<_>>()),
        Column::new("distributor_id".into(), rows().map(|row| row.distributor_id.clone()).collect::<Vec<_>>()),
        Column::new("market".into(), rows().map(|row| row.market.clone()).collect::<Vec<_>>()),
    ];
    DataFrame::new(accounts.rows.len(), columns).map_err(|error| Error::internal(error.to_string()))
}

/// Usage rows of the tenants from P to M, of the workloads that some metric lists.
fn usage(history: &History, rules: &Rulebook, period: Period, tenants: &Tenants) -> Result<DataFrame> {
    let mut workloads: Vec<String> = Vec::new();
    for list in Metric::ALL.into_iter().filter_map(|metric| rules.workload_list(metric)) {
        workloads
            .extend(rules.workloads(list).iter().filter(|name| !workloads.contains(name)).cloned().collect::<Vec<_>>());
    }
    let to_find = ToFind { tenants: tenants.clone(), workloads: workloads.clone(), ..ToFind::default() };
    let to_find = Arc::new(to_find);
    let mut months = vec![no_usage()];
    for month in period.year_ago.through(period.month) {
        if history.holds_usage_of(month)? {
            months.push(month_of(history, month, &to_find, &workloads)?);
        }
    }
    let all = concat(months, UnionArgs::default()).map_err(|error| engine::plan_error("slice", &error))?;
    engine::collect("slice", all)
}

/// A month's rows with names in the place of numbers.
fn month_of(history: &History, month: Month, to_find: &Arc<ToFind>, workloads: &[String]) -> Result<LazyFrame> {
    let usage = history.usage(&Rows { month, range: &TenantRange::all(), only: true }, to_find)?;
    let numbers: Vec<u8> = (UNLISTED + 1..).take(workloads.len()).collect();
    let [names, numbers] = [Series::new("names".into(), workloads), Series::new("numbers".into(), numbers)]
        .map(|series| lit(series).implode(false));
    let name = col("workload").replace_strict(numbers, names, Some(lit(NULL)), Some(DataType::String));
    let rows = usage.rows.lazy().filter(col("workload").neq(lit(UNLISTED)));
    let rows = rows.join(to_find.tenants.names(), [col("tenant")], [col("tenant")], JoinArgs::new(JoinType::Left));
    Ok(rows.select([
        col("tenant_id"),
        name.alias("workload"),
        engine::day(month.first_day()).alias("month"),
        col("paid_seats"),
        col("active_users"),
    ]))
}

fn no_usage() -> LazyFrame {
    let columns = [
        ("tenant_id", DataType::String),
        ("workload", DataType::String),
        ("month", DataType::Date),
        ("paid_seats", DataType::Int64),
        ("active_users", DataType::Int64),
    ];
    let schema: Schema = columns.into_iter().map(|(name, dtype)| Field::new(name.into(), dtype)).collect();
    DataFrame::empty_with_schema(&schema).lazy()
}
