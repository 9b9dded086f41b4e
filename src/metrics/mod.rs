//! What each partner earned, one metric a file: history and rulebook in, contributions out.
//!
//! A contribution is what one tenant, pair or person adds to a metric, now and then. Facts are the sums of the contributions that
//! count; nothing else crosses from tenants to partners, so the facts of sets of whole tenants add up.

mod bands;
mod baseline;
mod certifications;
mod deployments;
mod facts;
mod net_customer_adds;
pub mod pairs;
pub mod reason;
mod usage_growth;

use chrono::NaiveDate;
use polars::prelude::*;

use baseline::Between;
pub use facts::Facts;

use crate::engine;
use crate::error::Result;
use crate::history::{Accounts, Findings, History, TenantRange};
use crate::month::Month;
use crate::rulebook::{ALL_OPTIONS, Measure, Metric, Rulebook, Track};

/// The moments a score compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The day the score is for; certifications are judged on it.
    pub as_of: NaiveDate,
    /// The usage month M.
    pub month: Month,
    /// The year-ago month P.
    pub year_ago: Month,
}

impl Period {
    /// What an as-of date sees under a rulebook.
    pub fn of(rules: &Rulebook, as_of: NaiveDate) -> Self {
        let month = rules.usage_month(as_of);
        Period { as_of, month, year_ago: rules.year_ago(month) }
    }
}

/// What is asked of the metrics.
pub struct Question<'a> {
    pub history: &'a History,
    pub rules: &'a Rulebook,
    /// The accounts that are scored.
    pub accounts: &'a Accounts,
    pub period: Period,
    /// Whether every pair is wanted, or only what sums to the same.
    pub evidence: bool,
}

/// What a set of whole tenants gives: contributions to the metrics that come from tenants, and what was found on the way.
#[derive(Default)]
pub struct TenantAnswer {
    /// See [`reason`] for the columns.
    pub contributions: Vec<LazyFrame>,
    pub findings: Findings,
    pub coverage: Coverage,
}

/// How well associations and usage fit together. Coverages of sets of tenants add up.
#[derive(Debug, Default, Clone)]
pub struct Coverage {
    /// Tenants held at M.
    pub tenants_held: u64,
    /// Those of them that usage at M knows.
    pub tenants_found: u64,
    /// Usage rows at M and at P.
    pub rows_at_m: u64,
    pub rows_at_p: u64,
    /// Months in which an association that counts begins, and of which there is no usage.
    pub missing_months: std::collections::BTreeSet<Month>,
}

impl Coverage {
    /// Adds another set's.
    pub fn add(&mut self, other: Coverage) {
        self.tenants_held += other.tenants_held;
        self.tenants_found += other.tenants_found;
        self.rows_at_m += other.rows_at_m;
        self.rows_at_p += other.rows_at_p;
        self.missing_months.extend(other.missing_months);
    }
}

/// The contributions of a set of whole tenants to net customer adds, usage growth and deployments.
///
/// Each frame: `account` UInt32, `measure` UInt32 (position in [`Rulebook::measures`]), `tenant_id`, `person_id`, `workload`
/// String?, `current` and `prior` Int64, `counted` Boolean, `reason` String.
pub fn of_tenants(question: &Question, tenants: &TenantRange) -> Result<TenantAnswer> {
    let measures = question.rules.measures();
    let mut answer = TenantAnswer { findings: question.history.check_associations(tenants)?, ..Default::default() };
    let usage = pairs::Usage::read(question, tenants)?;
    let lists = metrics_by_list(question.rules);
    let held = lists.iter().map(|(list, _)| pairs::held(question, tenants, list)).collect::<Result<Vec<_>>>()?;
    match held.as_slice() {
        [only] => pairs::warn_contested(only, question.rules, &mut answer.findings)?,
        _ => {
            let all = all_workloads(&lists);
            pairs::warn_contested(&pairs::held(question, tenants, &all)?, question.rules, &mut answer.findings)?;
        }
    }
    let between = Between::read(question, tenants, &held, &mut answer.findings, &mut answer.coverage)?;
    // Coverage is that of the first metric's list, which is as a rule the only one.
    for ((list, metrics), held) in lists.iter().zip(&held).rev() {
        let pairs = pairs::with_usage(question, held, &usage, &between, &mut answer.coverage)?;
        for track in Track::ALL {
            for metric in metrics {
                let lf = match metric {
                    Metric::NetCustomerAdds => net_customer_adds::net_customer_adds(&pairs, question.rules, track),
                    Metric::UsageGrowth => usage_growth::usage_growth(&pairs, question.rules, track),
                    _ => deployments::deployments(&pairs, question.rules, track),
                };
                let lf = named(lf, &held.tenants, list, question.evidence);
                answer.contributions.push(measured(lf, question.rules, &measures, track, *metric));
            }
        }
    }
    answer.findings.add(usage.findings());
    Ok(answer)
}

/// The contributions of people to the certification metrics, in the same columns.
pub fn of_people(question: &Question) -> Result<Vec<LazyFrame>> {
    let measures = question.rules.measures();
    let mut contributions = Vec::new();
    for metric in Metric::ALL.into_iter().filter(|metric| question.rules.workload_list(*metric).is_none()) {
        let rows = question.history.certifications(question.accounts)?;
        let lf = certifications::certifications(rows, question.rules.certifications(metric), question.period.as_of);
        contributions.extend(Track::ALL.map(|track| measured(lf.clone(), question.rules, &measures, track, metric)));
    }
    Ok(contributions)
}

/// The metrics that come from tenants, by the workload list they share.
fn metrics_by_list(rules: &Rulebook) -> Vec<(&[String], Vec<Metric>)> {
    let mut lists: Vec<(&[String], Vec<Metric>)> = Vec::new();
    for metric in Metric::ALL {
        let Some(list) = rules.workload_list(metric) else { continue };
        let workloads = rules.workloads(list);
        match lists.iter_mut().find(|(known, _)| *known == workloads) {
            Some((_, metrics)) => metrics.push(metric),
            None => lists.push((workloads, vec![metric])),
        }
    }
    lists
}

/// Every workload that some list has, once.
fn all_workloads(lists: &[(&[String], Vec<Metric>)]) -> Vec<String> {
    let mut all: Vec<String> = lists.iter().flat_map(|(list, _)| list.iter().cloned()).collect();
    all.sort();
    all.dedup();
    all
}

/// Names in the place of tenants' and workloads' numbers where evidence is wanted, else nothing: facts have no use for them.
fn named(lf: LazyFrame, tenants: &DataFrame, workloads: &[String], evidence: bool) -> LazyFrame {
    let tenant_and_workload = || by_name(["tenant", "workload"], true, false);
    if !evidence {
        return lf.drop(tenant_and_workload()).with_columns(["tenant_id", "workload"].map(reason::no_text));
    }
    let numbers: Vec<u8> = (1u8..).take(workloads.len()).collect();
    let (numbers, names) = (Series::new("numbers".into(), numbers), Series::new("names".into(), workloads));
    let (numbers, names) = (lit(numbers).implode(false), lit(names).implode(false));
    let name = col("workload").replace_strict(numbers, names, Some(lit(NULL)), Some(DataType::String));
    let left = JoinArgs::new(JoinType::Left);
    let lf = lf.join(tenants.clone().lazy(), [col("tenant")], [col("tenant")], left);
    lf.with_columns([name.alias("name")]).drop(tenant_and_workload()).rename(["name"], ["workload"], true)
}

/// Adds the measure that each row belongs to, and brings the columns into their order.
fn measured(lf: LazyFrame, rules: &Rulebook, measures: &[Measure], track: Track, metric: Metric) -> LazyFrame {
    let of_metric =
        measures.iter().zip(0u32..).filter(|(measure, _)| measure.track == track && measure.metric == metric);
    let measure = of_metric.fold(lit(NULL).cast(DataType::UInt32), |otherwise, (measure, number)| {
        if measure.option == ALL_OPTIONS {
            return lit(number);
        }
        let through = col("option").eq(pairs::option_number(rules, &measure.option));
        when(through).then(lit(number)).otherwise(otherwise)
    });
    lf.with_columns([measure.cast(DataType::UInt32).alias("measure")]).select(reason::COLUMNS.map(col))
}

/// The options of a track, as a filter.
fn through(rules: &Rulebook, track: Track) -> Expr {
    let options = rules.track(track).options.iter();
    options
        .map(|option| col("option").eq(pairs::option_number(rules, option)))
        .reduce(Expr::or)
        .unwrap_or_else(|| lit(false))
}

/// Sums contributions that count, in one plan.
pub fn facts(stage: &'static str, contributions: Vec<LazyFrame>, accounts: usize, measures: usize) -> Result<Facts> {
    let all = concat(contributions, UnionArgs::default()).map_err(|error| engine::plan_error(stage, &error))?;
    let sums = all
        .filter(col("counted"))
        .group_by([col("account"), col("measure")])
        .agg([col("current").sum(), col("prior").sum()]);
    Facts::from_sums(&engine::collect(stage, sums)?, accounts, measures)
}
