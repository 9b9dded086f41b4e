//! What each partner earned, one metric a file: history and rulebook in, contributions out.
//!
//! A contribution is what one tenant, pair or person adds to a metric, now and then. Facts are the sums of the contributions that
//! count; nothing else crosses from tenants to partners, so the facts of sets of whole tenants add up.

mod absent;
mod bands;
mod baseline;
mod certifications;
mod claims;
mod deployments;
mod facts;
mod key;
mod months;
mod net_customer_adds;
mod pairs;
pub mod reason;
mod tenant_forms;
mod usage_growth;
mod workloads;

use chrono::NaiveDate;
use polars::prelude::*;

use baseline::Between;
use certifications::Lists;
pub use certifications::unlisted as unlisted_certifications;
pub use claims::claimed_rows;
use claims::{Associations, Claims};
pub use facts::{Fact, Facts};
use months::Months;
use pairs::{At, Pairs};
pub use tenant_forms::tenant_forms;
use workloads::{List, Workloads};

use crate::engine;
use crate::error::Result;
use crate::history::{Accounts, Findings, History, IdForms, TenantRange, Tenants, ToFind, UsageMonth};
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
#[derive(Clone, Copy)]
pub struct Question<'a> {
    pub history: &'a History,
    pub rules: &'a Rulebook,
    /// The accounts that are scored.
    pub accounts: &'a Accounts,
    pub period: Period,
    /// Whether every pair is wanted, or only what sums to the same.
    pub evidence: bool,
    /// Where given, usage of later months is taken to be that of this one: what is certain if nothing changes.
    pub carried_from: Option<Month>,
}

impl Question<'_> {
    /// The month whose usage stands for a month.
    pub fn seen(&self, month: Month) -> Month {
        self.carried_from.map_or(month, |last| month.min(last))
    }
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
    /// How tenant ids of associations and of usage at M are written.
    pub id_forms: IdForms,
}

impl Coverage {
    /// What the claims and the two months of a set of tenants say.
    fn of(claims: &Claims, at_m: &UsageMonth, at_p: &UsageMonth) -> Result<Coverage> {
        let held = claims.held_at_m()?;
        Ok(Coverage {
            tenants_held: held.iter().filter(|held| **held).count() as u64,
            tenants_found: held.iter().zip(&at_m.found).filter(|(held, found)| **held && **found).count() as u64,
            rows_at_m: at_m.height,
            rows_at_p: at_p.height,
            id_forms: at_m.id_forms.clone(),
            ..Coverage::default()
        })
    }

    /// Adds another set's.
    pub fn add(&mut self, other: Coverage) {
        self.tenants_held += other.tenants_held;
        self.tenants_found += other.tenants_found;
        self.rows_at_m += other.rows_at_m;
        self.rows_at_p += other.rows_at_p;
        self.missing_months.extend(other.missing_months);
        self.id_forms.add_all(&other.id_forms);
    }
}

/// A set of whole tenants, read once for all the periods that it is asked about.
pub struct TenantSet<'a> {
    question: Question<'a>,
    workloads: Workloads,
    associations: Associations,
    months: Months<'a>,
}

impl<'a> TenantSet<'a> {
    /// Reads the associations of a range of tenants, as far as they matter in some period.
    pub fn read(question: &Question<'a>, periods: &[Period], range: &'a TenantRange) -> Result<TenantSet<'a>> {
        let workloads = Workloads::of(question.rules);
        let associations = Associations::read(question, periods, range, &workloads)?;
        let to_find = ToFind {
            tenants: associations.tenants.clone(),
            workloads: workloads.names.clone(),
            lists: workloads.lists.iter().map(|list| list.numbers.clone()).collect(),
            seat_ranges: bands::seat_ranges(question.rules),
            one_by_one: pairs::one_by_one(question, &associations),
        };
        let months = Months::new(question, range, to_find, periods);
        Ok(TenantSet { question: *question, workloads, associations, months })
    }

    /// The contributions of these tenants to net customer adds, usage growth and deployments in one of the periods.
    ///
    /// Each frame: `account` UInt32, `measure` UInt32 (position in [`Rulebook::measures`]), `tenant_id`, `person_id`, `workload`
    /// String?, `current` and `prior` Int64, `counted` Boolean, `reason` String. Months before the period's are let go of: later
    /// questions about earlier periods read them again.
    pub fn answer(&mut self, period: Period) -> Result<TenantAnswer> {
        let question = Question { period, ..self.question };
        let (workloads, mut answer) = (&self.workloads, TenantAnswer::default());
        let claims = self.associations.claims(period)?;
        claims.warn_contested(question.rules, workloads, &mut answer.findings)?;
        self.months.forget_before(period.year_ago);
        let (at_m, at_p) = (self.months.whole(period.month)?, self.months.whole(period.year_ago)?);
        answer.coverage = Coverage::of(&claims, &at_m, &at_p)?;
        answer.coverage.id_forms.add_all(&self.associations.id_forms);
        answer.findings.add(self.associations.null_tenant_ids(period)?);
        let only_earlier = absent::only_earlier(&question, &claims, &at_m, &at_p)?;
        let pairs = |list: &List| {
            let months = [At { usage: &at_m, name: "m" }, At { usage: &at_p, name: "p" }];
            Pairs::of_list(&question, workloads, list, &claims, months, &only_earlier)
        };
        let pairs = workloads.lists.iter().map(pairs).collect::<Result<Vec<_>>>()?;
        answer.coverage.missing_months = baseline::missing_months(&question, workloads, &claims)?;
        let between = Between::read(&mut self.months, period.month, workloads, &pairs, &mut answer.findings)?;
        for (list, pairs) in workloads.lists.iter().zip(&pairs) {
            let pairs = between.joined(pairs, list, workloads, period.month)?.lazy();
            answer.contributions.extend(contributions(&question, list, &pairs, &claims.tenants, workloads));
        }
        if let Some(rows) = self.associations.unlisted(period) {
            answer.contributions.extend(not_eligible(&question, &rows));
        }
        for (month, usage) in [(period.month, &at_m), (period.year_ago, &at_p)] {
            answer.findings.add(self.findings_of(month, usage, &claims)?);
        }
        Ok(answer)
    }

    /// What was found in a month's usage: all of it, or what belongs to the tenants of the partners that were asked for.
    fn findings_of(&self, month: Month, usage: &UsageMonth, claims: &Claims) -> Result<Findings> {
        if !self.question.accounts.are_selected() {
            return Ok(usage.findings.clone());
        }
        let theirs = claims.rows.clone().lazy().select([col("tenant")]).unique(None, UniqueKeepStrategy::Any);
        let theirs = engine::collect("findings", theirs.sort(["tenant"], SortMultipleOptions::default()))?;
        let numbers = engine::column(&theirs, "tenant")?;
        let rows = self.months.rows_of(month);
        self.question.history.usage_findings_of(usage, &rows, &claims.tenants, &numbers)
    }
}

/// The contributions of the pairs of one list.
fn contributions(
    question: &Question,
    list: &List,
    pairs: &LazyFrame,
    tenants: &Tenants,
    workloads: &Workloads,
) -> Vec<LazyFrame> {
    let (rules, measures) = (question.rules, question.rules.measures());
    let of_metric = |track, metric| {
        let pairs =
            if question.evidence { pairs.clone() } else { pairs.clone().filter(bands::at_either(rules, track)) };
        let lf = match metric {
            Metric::NetCustomerAdds => net_customer_adds::net_customer_adds(&pairs, rules, track),
            Metric::UsageGrowth => usage_growth::usage_growth(&pairs, rules, track),
            _ => deployments::deployments(&pairs, rules, track),
        };
        measured(named(lf, tenants, workloads, question.evidence), rules, &measures, track, metric)
    };
    Track::ALL
        .into_iter()
        .flat_map(|track| list.metrics.iter().map(move |metric| (track, *metric)))
        .map(|(track, metric)| of_metric(track, metric))
        .collect()
}

/// Rows that show claims on workloads which no metric lists, under the metric that is measured pair by pair.
fn not_eligible(question: &Question, rows: &LazyFrame) -> Vec<LazyFrame> {
    let (rules, measures, none) = (question.rules, question.rules.measures(), || lit(0i64).cast(DataType::Int64));
    let of_track = |track| {
        let rows = rows.clone().filter(through(rules, track)).with_columns([
            reason::no_text("person_id"),
            none().alias("current"),
            none().alias("prior"),
            lit(false).alias("counted"),
            lit(reason::WORKLOAD_NOT_ELIGIBLE).alias("reason"),
        ]);
        measured(rows, rules, &measures, track, Metric::UsageGrowth)
    };
    Track::ALL.map(of_track).into()
}

/// Warnings of pairs that two accounts hold at M through an option that has one partner at most, and their names.
pub fn contested(question: &Question) -> Result<Findings> {
    let (workloads, mut findings) = (Workloads::of(question.rules), Findings::default());
    let associations = Associations::read(question, &[question.period], &TenantRange::all(), &workloads)?;
    let claims = associations.claims(question.period)?;
    claims.warn_contested(question.rules, &workloads, &mut findings)?;
    findings.contested = claims.contested_pairs(question, &workloads)?;
    Ok(findings)
}

/// The contributions of people to the certification metrics, in the same columns.
pub fn of_people(question: &Question) -> Result<Vec<LazyFrame>> {
    let measures = question.rules.measures();
    let mut contributions = Vec::new();
    for metric in Metric::ALL.into_iter().filter(|metric| question.rules.workload_list(*metric).is_none()) {
        let rows = || question.history.certifications(question.accounts);
        let listed = question.rules.certifications(metric);
        let mut people = vec![certifications::certifications(rows()?, listed, question.period.as_of)];
        if question.evidence {
            let lists = Lists::of(question.rules, metric)?;
            people.push(certifications::not_listed(rows()?, &lists, question.period.as_of));
        }
        let lf = concat(people, UnionArgs::default());
        let lf = lf.map_err(|error| engine::plan_error("certifications", &error))?;
        contributions.extend(Track::ALL.map(|track| measured(lf.clone(), question.rules, &measures, track, metric)));
    }
    Ok(contributions)
}

/// Names in the place of tenants' and workloads' numbers where evidence is wanted, else nothing: facts have no use for them.
fn named(lf: LazyFrame, tenants: &Tenants, workloads: &Workloads, evidence: bool) -> LazyFrame {
    let tenant_and_workload = || by_name(["tenant", "workload"], true, false);
    if !evidence {
        return lf.drop(tenant_and_workload()).with_columns(["tenant_id", "workload"].map(reason::no_text));
    }
    let left = JoinArgs::new(JoinType::Left);
    let lf = lf.join(tenants.names(), [col("tenant")], [col("tenant")], left);
    let name = workloads.name_of(col("workload")).alias("name");
    lf.with_columns([name]).drop(tenant_and_workload()).rename(["name"], ["workload"], true)
}

/// Adds the measure that each row belongs to, and brings the columns into their order.
fn measured(lf: LazyFrame, rules: &Rulebook, measures: &[Measure], track: Track, metric: Metric) -> LazyFrame {
    let of_metric =
        measures.iter().zip(0u32..).filter(|(measure, _)| measure.track == track && measure.metric == metric);
    let measure = of_metric.fold(lit(NULL).cast(DataType::UInt32), |otherwise, (measure, number)| {
        if measure.option == ALL_OPTIONS {
            return lit(number);
        }
        let through = col("option").eq(claims::option_number(rules, &measure.option));
        when(through).then(lit(number)).otherwise(otherwise)
    });
    lf.with_columns([measure.cast(DataType::UInt32).alias("measure")]).select(reason::COLUMNS.map(col))
}

/// The options of a track, as a filter.
fn through(rules: &Rulebook, track: Track) -> Expr {
    let options = rules.track(track).options.iter();
    options
        .map(|option| col("option").eq(claims::option_number(rules, option)))
        .reduce(Expr::or)
        .unwrap_or_else(|| lit(false))
}

/// Sums contributions that count, in one plan.
pub fn facts(stage: &'static str, contributions: Vec<LazyFrame>, accounts: usize, measures: usize) -> Result<Facts> {
    let all = concat(contributions, UnionArgs::default()).map_err(|error| engine::plan_error(stage, &error))?;
    let wide = |name: &str| col(name).cast(DataType::UInt64);
    let place = wide("account") * lit(measures as u64) + wide("measure");
    let sums = all
        .filter(col("counted"))
        .with_columns([place.alias("place")])
        .group_by([col("place")])
        .agg([col("current").sum(), col("prior").sum()]);
    Facts::from_sums(&engine::collect(stage, sums)?, accounts, measures)
}
