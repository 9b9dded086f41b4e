//! Claims: what associations cover at M or at P, one row for each account, option, tenant and claimed workload.

use std::collections::BTreeSet;

use polars::prelude::*;

use super::key::{PAIR, PairKey};
use super::pairs;
use super::workloads::{ALL_WORKLOADS, Workloads};
use super::{Period, Question};
use crate::engine;
use crate::error::Result;
use crate::history::{
    CONTESTED_PAIR, ContestedPair, Findings, IdForms, TenantRange, Tenants, null_tenant_ids, null_tenants,
};
use crate::month::Month;
use crate::rulebook::{ASSOCIATION_TYPES, Rulebook};

/// Associations of a set of tenants, read once for several periods.
pub(super) struct Associations {
    /// Rows that hold at M or at P of some period: `pair` UInt64, `start_date` and `end_date` Date?.
    rows: DataFrame,
    /// Every tenant with a row.
    pub tenants: Tenants,
    /// By tenant, whether some row names a workload.
    pub names_workloads: Vec<bool>,
    /// How the ids of the tenants are written.
    pub id_forms: IdForms,
    /// Rows whose tenant id spells null, where there are any.
    null_tenants: Option<DataFrame>,
    key: PairKey,
    /// Rows that name a workload which no metric lists, where evidence is wanted: `account`, `option`, `tenant_id`, `workload` (its
    /// name), `start_date`, `end_date`.
    unlisted: Option<DataFrame>,
}

impl Associations {
    /// Reads a set of tenants' associations.
    pub(super) fn read(
        question: &Question,
        periods: &[Period],
        range: &TenantRange,
        workloads: &Workloads,
    ) -> Result<Associations> {
        let associations = question.history.associations(range, question.accounts)?;
        let rows = claimed(associations, question.rules, periods, workloads);
        let rows = engine::collect("associations", rows)?;
        let (tenants, numbers) = engine::stage("tenants", || Tenants::number(&engine::column(&rows, "tenant_id")?))?;
        let null_tenants = null_tenants(&rows, &tenants)?;
        let rows = engine::with_column(rows.drop_many(["tenant_id"]), numbers)?;
        let named = rows.clone().lazy().filter(col("workload").neq(lit(ALL_WORKLOADS))).select([col("tenant")]);
        let named = engine::column(&engine::collect("claims", named)?, "tenant")?;
        let key = PairKey::new(question.accounts.rows.len(), question.rules.options.len(), workloads);
        let rows = rows.lazy().with_columns([key.unit()]).with_columns([key.pair()]);
        let rows = engine::collect("claims", rows.select([PAIR, "start_date", "end_date"].map(col)))?;
        let unlisted = question.evidence.then(|| unlisted(question, periods, range, workloads)).transpose()?;
        let (names_workloads, id_forms) = (tenants.marked(&named)?, IdForms::of(&tenants));
        Ok(Associations { rows, names_workloads, id_forms, null_tenants, tenants, key, unlisted })
    }

    /// What is held at M or at P of workloads that no metric lists: `account`, `option`, `tenant_id`, `workload`, each once.
    pub(super) fn unlisted(&self, period: Period) -> Option<LazyFrame> {
        let held = holds(period.month).or(holds(period.year_ago));
        let rows = self.unlisted.clone()?.lazy().filter(held);
        let columns = ["account", "option", "tenant_id", "workload"].map(col);
        Some(rows.select(columns).unique(None, UniqueKeepStrategy::Any))
    }

    /// Warnings of tenant ids that spell null, in rows that hold at M or at P.
    pub(super) fn null_tenant_ids(&self, period: Period) -> Result<Findings> {
        let Some(rows) = self.null_tenants.clone() else { return Ok(Findings::default()) };
        let held = holds(period.month).or(holds(period.year_ago));
        Ok(null_tenant_ids(&engine::collect("associations", rows.lazy().filter(held))?))
    }

    /// What they claim in a period.
    pub(super) fn claims(&self, period: Period) -> Result<Claims> {
        let (at_m, at_p) = (|| holds(period.month), || holds(period.year_ago));
        let rows = self.rows.clone().lazy().filter(at_m().or(at_p())).select([
            col(PAIR),
            at_m().alias("held_at_m"),
            at_p().alias("held_at_p"),
            when(at_m()).then(col("start_date")).otherwise(lit(NULL)).alias("held_since"),
        ]);
        let rows = engine::collect("claims", self.key.apart(rows.group_by([col(PAIR)]).agg(united())))?;
        Ok(Claims { rows, tenants: self.tenants.clone(), key: self.key, period })
    }
}

/// Claims of a set of tenants in a period.
pub(super) struct Claims {
    /// `account` and `tenant` UInt32, `option` UInt8, `unit` UInt64 (these three as one number), `workload` UInt8 (or
    /// [`ALL_WORKLOADS`]), `held_at_m` and `held_at_p` Boolean, `held_since` Date, the earliest start of what is held at M.
    pub rows: DataFrame,
    /// The numbered tenants, every one with a claim among them.
    pub tenants: Tenants,
    pub key: PairKey,
    period: Period,
}

impl Claims {
    /// By tenant, whether some pair of it is held at M.
    pub(super) fn held_at_m(&self) -> Result<Vec<bool>> {
        let held = self.rows.clone().lazy().filter(col("held_at_m")).select([col("tenant")]);
        self.tenants.marked(&engine::column(&engine::collect("coverage", held)?, "tenant")?)
    }

    /// The months before M and after P in which something began that is held at M: at least those that some pair is counted from.
    pub(super) fn months_begun(&self) -> Result<BTreeSet<Month>> {
        let after_p = col("held_since").gt(engine::day(self.period.year_ago.last_day()));
        let before_m = col("held_since").lt(engine::day(self.period.month.first_day()));
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
        for option in exclusive_options(rules) {
            let Some(theirs) = self.of_shared_tenants(rules, workloads, option)? else { continue };
            let contested = several_accounts(theirs, &PAIR_KEY);
            findings.warn(CONTESTED_PAIR, option, engine::count("contested pairs", contested)?);
        }
        Ok(())
    }

    /// Names the pairs that two accounts hold at M through an option that has one partner at most, with their accounts.
    pub(super) fn contested_pairs(&self, question: &Question, workloads: &Workloads) -> Result<Vec<ContestedPair>> {
        let mut contested = Vec::new();
        for option in exclusive_options(question.rules) {
            let Some(theirs) = self.of_shared_tenants(question.rules, workloads, option)? else { continue };
            let keys = PAIR_KEY.map(col);
            let rows = theirs.clone().join(
                several_accounts(theirs, &PAIR_KEY),
                keys.clone(),
                keys,
                JoinArgs::new(JoinType::Semi),
            );
            contested.extend(self.named_pairs(question, workloads, option, rows)?);
        }
        Ok(contested)
    }

    /// The claims at M through an option on tenants that several accounts claim, one row for each workload; none where there is none.
    fn of_shared_tenants(&self, rules: &Rulebook, workloads: &Workloads, option: &str) -> Result<Option<LazyFrame>> {
        let exclusive = col("option").eq(option_number(rules, option));
        let claims = self.rows.clone().lazy().filter(col("held_at_m").and(exclusive));
        let tenants = several_accounts(claims.clone(), &["tenant"]).select([col("tenant")]);
        let tenants = engine::collect("contested pairs", tenants)?;
        if tenants.height() == 0 {
            return Ok(None);
        }
        let theirs = claims.join(tenants.lazy(), [col("tenant")], [col("tenant")], JoinArgs::new(JoinType::Semi));
        let numbers: Vec<u8> = (1u8..).take(workloads.names.len()).collect();
        Ok(Some(pairs::each(theirs, &numbers)))
    }

    /// Groups the rows of pairs by tenant and workload, under the names of these and of the accounts.
    fn named_pairs(
        &self,
        question: &Question,
        workloads: &Workloads,
        option: &str,
        rows: LazyFrame,
    ) -> Result<Vec<ContestedPair>> {
        let (left, by) = (JoinArgs::new(JoinType::Left), ["tenant_id", "workload", "partner_id"]);
        let rows = rows
            .select([col("account"), col("tenant"), workloads.name_of(col("workload")).alias("workload")])
            .join(self.tenants.names(), [col("tenant")], [col("tenant")], left.clone())
            .join(question.accounts.names(), [col("account")], [col("account")], left)
            .select(by.map(col))
            .unique(None, UniqueKeepStrategy::Any)
            .sort(by, SortMultipleOptions::default());
        let rows = engine::collect("contested pairs", rows)?;
        let text = |name: &str, row: usize| -> String {
            let texts = rows.column(name).ok().and_then(|column| column.str().ok());
            texts.and_then(|texts| texts.get(row)).unwrap_or_default().to_owned()
        };
        let mut pairs: Vec<ContestedPair> = Vec::new();
        for row in 0..rows.height() {
            let (tenant_id, workload, partner_id) = (text(by[0], row), text(by[1], row), text(by[2], row));
            match pairs.last_mut().filter(|pair| pair.tenant_id == tenant_id && pair.workload == workload) {
                Some(pair) => pair.partners.push(partner_id),
                None => {
                    let partners = vec![partner_id];
                    pairs.push(ContestedPair { option: option.to_owned(), tenant_id, workload, partners });
                }
            }
        }
        Ok(pairs)
    }
}

/// What names a pair of one option.
const PAIR_KEY: [&str; 2] = ["tenant", "workload"];

/// The options of which one account at most holds a pair.
fn exclusive_options(rules: &Rulebook) -> impl Iterator<Item = &str> {
    rules.options.iter().filter(|(_, association)| association.exclusive).map(|(option, _)| option.as_str())
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

/// The rows of some period that name a workload which no metric lists.
fn unlisted(question: &Question, periods: &[Period], range: &TenantRange, workloads: &Workloads) -> Result<DataFrame> {
    let names_another = col("workload").is_not_null().and(workloads.is_listed().not());
    let rows = question.history.associations(range, question.accounts)?;
    let rows = rows.filter(counting(question.rules, periods, names_another)).select([
        col("account"),
        option_of_type(question.rules).alias("option"),
        col("tenant_id"),
        col("workload"),
        col("start_date"),
        col("end_date"),
    ]);
    engine::collect("associations", rows)
}

/// True for rows that hold at M or at P of some period through a type that counts, and cover what is asked.
fn counting(rules: &Rulebook, periods: &[Period], covers: Expr) -> Expr {
    let moments: BTreeSet<Month> = periods.iter().flat_map(|period| [period.month, period.year_ago]).collect();
    let hold = moments.into_iter().map(holds).reduce(Expr::or);
    let counts = hold.into_iter().chain([covers]).chain(counted_types(rules)).reduce(Expr::and);
    counts.unwrap_or_else(|| lit(true))
}

/// The association rows that count and hold at M or at P of some period, with what they claim.
fn claimed(associations: LazyFrame, rules: &Rulebook, periods: &[Period], workloads: &Workloads) -> LazyFrame {
    let covers = col("workload").is_null().or(workloads.is_listed());
    associations.filter(counting(rules, periods, covers)).select([
        col("account"),
        option_of_type(rules).alias("option"),
        col("tenant_id"),
        workloads.number_of(col("workload")).fill_null(lit(ALL_WORKLOADS)).alias("workload"),
        col("start_date"),
        col("end_date"),
    ])
}

/// The plan of the association rows that count, for those who want to see what reaches the scan.
pub fn claimed_rows(question: &Question, range: &TenantRange) -> Result<LazyFrame> {
    let associations = question.history.associations(range, question.accounts)?;
    Ok(claimed(associations, question.rules, &[question.period], &Workloads::of(question.rules)))
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
