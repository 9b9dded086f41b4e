//! Slice: the part of a history that some partners' scores depend on, as tables in memory, to be changed and scored.

use std::collections::{BTreeMap, BTreeSet};
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
    /// Months from P to M that the history holds, whether or not these tenants have rows in them.
    pub months: Vec<Month>,
    known: KnownNames,
    /// Accounts by tenant and option that hold it at M where one partner at most can.
    taken: BTreeMap<(String, String), BTreeSet<String>>,
}

/// Stands for the tenants that are left out: a month that the history holds is held, whoever has rows in it. Nobody is associated with it.
const OTHERS: &str = "\u{0}";

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
        let mut months = Vec::new();
        for month in period.year_ago.through(period.month) {
            if history.holds_usage_of(month)? {
                months.push(month);
            }
        }
        let workload_usage = usage(history, rules, &months, &tenants)?;
        let partners = partners(accounts)?;
        let tables = Tables { partners, associations, certifications, workload_usage };
        let taken = taken(history, rules, period, &tenants)?;
        Ok(Slice { accounts: accounts.clone(), tenants, tables, months, known: history.known().clone(), taken })
    }

    /// Whether another account holds a tenant, by number, through an option that has one partner at most.
    pub fn is_taken(&self, account: usize, tenant: usize, option: &str) -> bool {
        let own = self.accounts.rows.get(account).map(|row| row.partner_id.as_str());
        let Some(tenant) = self.tenants.id(tenant) else { return false };
        let holders = self.taken.get(&(tenant.to_owned(), option.to_owned()));
        holders.is_some_and(|holders| holders.iter().any(|holder| Some(holder.as_str()) != own))
    }

    /// The names that some rulebook knows.
    pub(super) fn known(&self) -> &KnownNames {
        &self.known
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

/// Who holds the tenants at M through options that have one partner at most, of all accounts.
fn taken(
    history: &History,
    rules: &Rulebook,
    period: Period,
    tenants: &Tenants,
) -> Result<BTreeMap<(String, String), BTreeSet<String>>> {
    let day = engine::day(period.month.last_day());
    let holds = col("start_date").lt_eq(day.clone()).and(col("end_date").is_null().or(col("end_date").gt_eq(day)));
    let mut taken: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for (option, of_option) in rules.options.iter().filter(|(_, of_option)| of_option.exclusive) {
        let types = Series::new("types".into(), &of_option.association_types);
        let through = col("association_type").is_in(lit(types).implode(false), false);
        let theirs = col("tenant_id").is_in(tenants.haystack()?, false);
        let rows = history.associations(&TenantRange::all(), history.accounts())?;
        let rows = renamed(rows.filter(holds.clone().and(through).and(theirs)), history.accounts());
        let rows = rows.select([col("tenant_id"), col("partner_id")]).unique(None, UniqueKeepStrategy::Any);
        let rows = engine::collect("slice", rows)?;
        let (held, holders) = (engine::column(&rows, "tenant_id")?, engine::column(&rows, "partner_id")?);
        let typed = || -> PolarsResult<_> { Ok((held.str()?.clone(), holders.str()?.clone())) };
        let (held, holders) = typed().map_err(|error| Error::internal(error.to_string()))?;
        for (tenant, holder) in held.iter().zip(holders.iter()) {
            let (Some(tenant), Some(holder)) = (tenant, holder) else { continue };
            taken.entry((tenant.to_owned(), option.clone())).or_default().insert(holder.to_owned());
        }
    }
    Ok(taken)
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
fn usage(history: &History, rules: &Rulebook, held: &[Month], tenants: &Tenants) -> Result<DataFrame> {
    let mut workloads: Vec<String> = Vec::new();
    for list in Metric::ALL.into_iter().filter_map(|metric| rules.workload_list(metric)) {
        workloads
            .extend(rules.workloads(list).iter().filter(|name| !workloads.contains(name)).cloned().collect::<Vec<_>>());
    }
    let to_find = ToFind { tenants: tenants.clone(), workloads: workloads.clone(), ..ToFind::default() };
    let to_find = Arc::new(to_find);
    let mut months = vec![others(held)?];
    for month in held {
        months.push(month_of(history, *month, &to_find, &workloads)?);
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

/// A row without users in each month, of nobody's tenant.
pub(super) fn others(months: &[Month]) -> Result<LazyFrame> {
    let days = months.iter().map(|month| Some(month.first_day().to_epoch_days()));
    let days = Int32Chunked::from_iter_options("month".into(), days).into_date().into_series();
    let months = DataFrame::new(months.len(), vec![days.into()]).map_err(|error| Error::internal(error.to_string()))?;
    let none = || lit(0i64).cast(DataType::Int64);
    let columns = [
        lit(OTHERS).alias("tenant_id"),
        lit(OTHERS).alias("workload"),
        col("month"),
        none().alias("paid_seats"),
        none().alias("active_users"),
    ];
    Ok(months.lazy().select(columns))
}
