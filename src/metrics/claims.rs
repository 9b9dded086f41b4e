//! Claims: what associations cover at M or at P, one row for each account, option, tenant and claimed workload.

use std::collections::BTreeSet;

use polars::prelude::*;

use super::Question;
use super::key::{self, PairKey};
use super::pairs;
use super::workloads::{ALL_WORKLOADS, Workloads};
use crate::engine;
use crate::error::Result;
use crate::history::{Findings, TenantRange, Tenants};
use crate::month::Month;
use crate::rulebook::{ASSOCIATION_TYPES, Rulebook};

/// Claims of a set of tenants.
pub(super) struct Claims {
    /// `account` and `tenant` UInt32, `option` UInt8, `unit` UInt64 (these three as one number), `workload` UInt8 (or
    /// [`ALL_WORKLOADS`]), `held_at_m` and `held_at_p` Boolean, `held_since` Date, the earliest start of what is held at M.
    pub rows: DataFrame,
    /// Every tenant with a claim.
    pub tenants: Tenants,
    pub key: PairKey,
}

impl Claims {
    /// Reads a set of tenants' associations.
    pub(super) fn read(question: &Question, range: &TenantRange, workloads: &Workloads) -> Result<Claims> {
        let associations = question.history.associations(range, question.accounts)?;
        let rows = engine::collect("associations", claimed(associations, question, workloads))?;
        let (tenants, numbers) = engine::stage("tenants", || Tenants::number(&engine::column(&rows, "tenant_id")?))?;
        let rows = engine::with_column(rows.drop_many(["tenant_id"]), numbers)?;
        let key = PairKey::new(question.accounts.rows.len(), question.rules.options.len(), workloads);
        let rows =
            rows.lazy().with_columns([key.unit()]).with_columns([key.pair()]).group_by([col(key::PAIR)]).agg(united());
        let rows = engine::collect("claims", key.apart(rows))?;
        Ok(Claims { rows, tenants, key })
    }

    /// The months before M and after P in which something began that is held at M: at least those that some pair is counted from.
    pub(super) fn months_begun(&self, question: &Question) -> Result<BTreeSet<Month>> {
        let after_p = col("held_since").gt(engine::day(question.period.year_ago.last_day()));
        let before_m = col("held_since").lt(engine::day(question.period.month.first_day()));
        let begun =
            self.rows.clone().lazy().filter(after_p.and(before_m)).select([col("held_since").dt().month_start()]);
        let begun = engine::collect("claims", begun.unique(None, UniqueKeepStrategy::Any))?;
        engine::months(&begun, "held_since")
    }

    /// Warns of pairs that two accounts hold at M through an option that has one partner at most.
    pub(super) fn warn_contested(
        &self,
        rules: &Rulebook,
        workloads: &Workloads,
        findings: &mut Findings,
    ) -> Result<()> {
        for (option, _) in rules.options.iter().filter(|(_, association)| association.exclusive) {
            let exclusive = col("option").eq(option_number(rules, option));
            let claims = self.rows.clone().lazy().filter(col("held_at_m").and(exclusive));
            let tenants = several_accounts(claims.clone(), &["tenant"]).select([col("tenant")]);
            let tenants = engine::collect("contested pairs", tenants)?;
            if tenants.height() == 0 {
                continue;
            }
            let theirs = claims.join(tenants.lazy(), [col("tenant")], [col("tenant")], JoinArgs::new(JoinType::Semi));
            let numbers: Vec<u8> = (1u8..).take(workloads.names.len()).collect();
            let contested = several_accounts(pairs::each(theirs, &numbers), &["tenant", "workload"]);
            findings.warn("contested_pair", option.as_str(), engine::count("contested pairs", contested)?);
        }
        Ok(())
    }
}

/// Keys that more than one account has.
fn several_accounts(lf: LazyFrame, key: &[&str]) -> LazyFrame {
    let accounts = [col("account").min().alias("lowest"), col("account").max().alias("highest")];
    let grouped = lf.group_by(key.iter().map(|name| col(*name)).collect::<Vec<_>>()).agg(accounts);
    grouped.filter(col("lowest").neq(col("highest")))
}

/// A pair is held if any row that covers it holds, since the earliest of those that hold at M.
pub(super) fn united() -> [Expr; 3] {
    [col("held_at_m").max(), col("held_at_p").max(), col("held_since").min()]
}

/// Whether an association holds on the last day of a month.
fn holds(month: Month) -> Expr {
    let day = engine::day(month.last_day());
    let begun = col("start_date").lt_eq(day.clone());
    begun.and(col("end_date").is_null().or(col("end_date").gt_eq(day)))
}

/// The association rows that count and hold at M or at P, with what they claim.
fn claimed(associations: LazyFrame, question: &Question, workloads: &Workloads) -> LazyFrame {
    let (at_m, at_p) = (|| holds(question.period.month), || holds(question.period.year_ago));
    let covers = col("workload").is_null().or(workloads.is_listed());
    let counts = [at_m().or(at_p()), covers].into_iter().chain(counted_types(question.rules)).reduce(Expr::and);
    associations.filter(counts.unwrap_or_else(|| lit(true))).select([
        col("account"),
        option_of_type(question.rules).alias("option"),
        col("tenant_id"),
        workloads.number_of(col("workload")).fill_null(lit(ALL_WORKLOADS)).alias("workload"),
        at_m().alias("held_at_m"),
        at_p().alias("held_at_p"),
        when(at_m()).then(col("start_date")).otherwise(lit(NULL)).alias("held_since"),
    ])
}

/// The plan of the association rows that count, for those who want to see what reaches the scan.
pub fn claimed_rows(question: &Question, range: &TenantRange) -> Result<LazyFrame> {
    let associations = question.history.associations(range, question.accounts)?;
    Ok(claimed(associations, question, &Workloads::of(question.rules)))
}

/// True for association types that some option counts; none where every type that a history may hold is counted.
fn counted_types(rules: &Rulebook) -> Option<Expr> {
    let types: Vec<&str> = rules.association_types().map(|(association_type, _)| association_type).collect();
    let some_do_not = ASSOCIATION_TYPES.iter().any(|known| !types.contains(known));
    some_do_not.then(|| col("association_type").is_in(lit(Series::new("types".into(), types)).implode(false), false))
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
