//! Simulate: one partner before and after a change, through the same code as a score; and another rulebook over a portfolio.

use chrono::NaiveDate;
use polars::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{Answer, column, frame};
use super::change::{Associate, Scenario, TenantChange, option_of};
use super::slice::Slice;
use crate::engine;
use crate::error::{Error, Result, nearest};
use crate::history::Accounts;
use crate::metrics::{Facts, Period};
use crate::pipeline::{self, Scored, Settings};
use crate::rulebook::{Metric, Rulebook};
use crate::score::{self, Score};

/// One partner before and after.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Simulation {
    pub partner_id: String,
    pub partner_name: Option<String>,
    pub as_of: NaiveDate,
    pub rulebook: String,
    /// What was changed, in words.
    pub changes: Vec<String>,
    /// Changes that were cut because a count would have fallen below zero.
    pub notes: Vec<String>,
    pub before: Total,
    pub after: Total,
    /// In rulebook order.
    pub measures: Vec<ChangedMeasure>,
}

/// A result in short.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Total {
    pub track: String,
    pub qualified: bool,
    pub total_points: f64,
    pub enterprise_points: f64,
    pub smb_points: f64,
    pub points_short: f64,
    pub metrics_short: Vec<String>,
}

/// A metric through one option, before and after.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ChangedMeasure {
    pub track: String,
    pub metric: String,
    pub option: String,
    pub current_before: i64,
    pub prior_before: i64,
    pub points_before: f64,
    pub current_after: i64,
    pub prior_after: i64,
    pub points_after: f64,
    /// Whether the metric takes the option, before and after.
    pub counted_before: bool,
    pub counted_after: bool,
}

/// Simulates a scenario for the one partner that settings are narrowed to.
///
/// # Errors
/// Usage where no partner is named, nothing is changed, or the scenario names what is not there, with the nearest; those of a score.
pub fn simulate(settings: &Settings, scenario: &Scenario) -> Result<Simulation> {
    if settings.partners.is_empty() {
        return Err(Error::usage("whose change is simulated?").hint("name a partner with --partner"));
    }
    if scenario.is_empty() {
        let hint = "such as --certify advanced=1, --usage csp=+300, --associate TENANT:cpor, or --scenario FILE";
        return Err(Error::usage("there is no change to simulate").hint(hint));
    }
    // A mistyped name is told before anything is read.
    scenario.apply_to_facts(&mut Facts::none(1, settings.rules.measures().len()), 0, &settings.rules)?;
    let (history, _) = pipeline::open(&settings.history, &settings.rules)?;
    let accounts = history.accounts().narrowed(&settings.partners, &settings.distributors)?;
    let period = Period::of(&settings.rules, settings.as_of);
    pipeline::require_months(&history, period)?;
    let more: Vec<String> = scenario.associate.iter().map(|change| change.tenant_id.clone()).collect();
    let slice = Slice::of(&history, &accounts, &settings.rules, period, &more).map_err(|error| history.place(error))?;
    let (after, notes) = scored_with_notes(&slice, scenario, settings)?;
    let before = slice.score(settings)?;
    let simulation = simulation(settings, scenario, &before, &after)?;
    Ok(Simulation { notes, ..simulation })
}

/// The scores of a slice after a scenario.
///
/// # Errors
/// Usage where the scenario names something unknown; those of a score.
pub fn scored_after(slice: &Slice, scenario: &Scenario, settings: &Settings) -> Result<Vec<Score>> {
    scored_with_notes(slice, scenario, settings).map(|(scores, _)| scores)
}

/// The same, with what of the scenario was cut.
fn scored_with_notes(slice: &Slice, scenario: &Scenario, settings: &Settings) -> Result<(Vec<Score>, Vec<String>)> {
    let period = Period::of(&settings.rules, settings.as_of);
    let after = changed(slice, scenario, &settings.rules, period)?.score(settings)?;
    let (mut facts, mut notes) = (after.facts, Vec::new());
    for account in 0..after.accounts.rows.len() {
        notes.extend(scenario.apply_to_facts(&mut facts, account, &settings.rules)?);
    }
    Ok((score::score(&after.accounts, &facts, &settings.rules), notes))
}

/// What is said where a rulebook and something else are to change at once.
pub fn simulated_by_itself() -> Error {
    Error::usage("a change of rulebook is simulated by itself").hint("leave the other changes out")
}

fn simulation(settings: &Settings, scenario: &Scenario, before: &Scored, after: &[Score]) -> Result<Simulation> {
    let (Some(one), Some(other)) = (before.scores.first(), after.first()) else {
        return Err(Error::usage("there is no partner to simulate").hint("name one with --partner"));
    };
    Ok(Simulation {
        partner_id: one.account.partner_id.clone(),
        partner_name: one.account.partner_name.clone(),
        as_of: settings.as_of,
        rulebook: settings.rules.id.clone(),
        changes: scenario.words(),
        notes: Vec::new(),
        before: Total::of(one),
        after: Total::of(other),
        measures: measures(one, other, &settings.rules),
    })
}

fn measures(before: &Score, after: &Score, rules: &Rulebook) -> Vec<ChangedMeasure> {
    let sides = rules.measures().into_iter().zip(before.measures.iter().zip(&after.measures));
    let measure =
        |(measure, (one, other)): (crate::rulebook::Measure, (&score::MetricPoints, &score::MetricPoints))| {
            ChangedMeasure {
                track: measure.track.name().to_owned(),
                metric: measure.metric.name().to_owned(),
                option: measure.option,
                current_before: one.current,
                prior_before: one.prior,
                points_before: one.points.to_f64(),
                current_after: other.current,
                prior_after: other.prior,
                points_after: other.points.to_f64(),
                counted_before: one.counted,
                counted_after: other.counted,
            }
        };
    sides.map(measure).collect()
}

impl Total {
    pub(super) fn of(score: &Score) -> Total {
        Total {
            track: score.track.name().to_owned(),
            qualified: score.qualified,
            total_points: score.total_points().to_f64(),
            enterprise_points: score.enterprise_points.to_f64(),
            smb_points: score.smb_points.to_f64(),
            points_short: score.points_short.to_f64(),
            metrics_short: score.metrics_short.iter().map(|metric| metric.name().to_owned()).collect(),
        }
    }
}

/// The slice with the scenario's tenants and associations changed.
fn changed(slice: &Slice, scenario: &Scenario, rules: &Rulebook, period: Period) -> Result<Slice> {
    let mut changed = slice.clone();
    for change in &scenario.tenant {
        changed.tables.workload_usage = with_usage(&changed, change, rules, period)?;
    }
    let mut added = Vec::new();
    for change in &scenario.associate {
        require_usage(&changed, &change.tenant_id, period)?;
        added.extend(associated(&changed.accounts, change, rules, period)?);
    }
    if !added.is_empty() {
        let columns = ["partner_id", "tenant_id", "workload", "association_type", "start_date", "end_date"].map(col);
        let held = changed.tables.associations.clone().lazy();
        let rows = std::iter::once(held).chain(added).map(|rows| rows.select(columns.clone())).collect::<Vec<_>>();
        let rows = concat(rows, UnionArgs::default()).map_err(|error| engine::plan_error("scenario", &error))?;
        changed.tables.associations = engine::collect("scenario", rows)?;
    }
    Ok(changed)
}

/// Usage with a tenant's row of one workload at M changed, or added.
fn with_usage(slice: &Slice, change: &TenantChange, rules: &Rulebook, period: Period) -> Result<DataFrame> {
    let at_m = engine::day(period.month.first_day());
    let usage = || slice.tables.workload_usage.clone().lazy();
    let theirs = usage().filter(col("tenant_id").eq(lit(change.tenant_id.as_str())).and(col("month").eq(at_m.clone())));
    let theirs = engine::collect("scenario", theirs.sort(["paid_seats", "workload"], SortMultipleOptions::default()))?;
    let workload = workload_of(slice, change, &theirs, rules)?;
    let own = engine::collect("scenario", theirs.lazy().filter(col("workload").eq(lit(workload.as_str()))))?;
    let held = |name: &str| own.column(name).ok().and_then(|column| column.i64().ok()?.get(0)).unwrap_or(0);
    let row = df![
        "tenant_id" => [change.tenant_id.as_str()],
        "workload" => [workload.as_str()],
        "paid_seats" => [change.paid_seats.unwrap_or_else(|| held("paid_seats"))],
        "active_users" => [change.active_users.unwrap_or_else(|| held("active_users"))],
    ];
    let row =
        row.map_err(|error| Error::internal(error.to_string()))?.lazy().with_columns([at_m.clone().alias("month")]);
    let columns = ["tenant_id", "workload", "month", "paid_seats", "active_users"].map(col);
    let is_own = col("tenant_id")
        .eq(lit(change.tenant_id.as_str()))
        .and(col("workload").eq(lit(workload.as_str())))
        .and(col("month").eq(at_m));
    let rows = concat([usage().filter(is_own.not()), row.select(columns)], UnionArgs::default());
    engine::collect("scenario", rows.map_err(|error| engine::plan_error("scenario", &error))?)
}

/// The workload that a change means, checked.
fn workload_of(slice: &Slice, change: &TenantChange, theirs: &DataFrame, rules: &Rulebook) -> Result<String> {
    if change.paid_seats.is_none() && change.active_users.is_none() {
        return Err(Error::usage(format!("nothing of tenant `{}` changes", change.tenant_id))
            .hint("give its paid seats, its active users, or both"));
    }
    let ids: Vec<&str> = (0..slice.tenants.len()).filter_map(|number| slice.tenants.id(number)).collect();
    if !ids.contains(&change.tenant_id.as_str()) {
        let error = Error::usage(format!("the partner has no association with tenant `{}`", change.tenant_id));
        return Err(match nearest(&change.tenant_id, ids) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint("`partnerscore explain` shows its tenants; associate it as well to see it count"),
        });
    }
    if let Some(workload) = &change.workload {
        return listed(workload, rules).map(|()| workload.clone());
    }
    let names = engine::column(theirs, "workload")?;
    let largest = names.str().ok().and_then(|names| names.iter().flatten().last().map(str::to_owned));
    largest.ok_or_else(|| {
        Error::usage(format!("tenant `{}` has no usage at M, so it has no largest workload", change.tenant_id))
            .hint("name a workload")
    })
}

/// Checks that some metric lists a workload.
fn listed(workload: &str, rules: &Rulebook) -> Result<()> {
    let lists = Metric::ALL.into_iter().filter_map(|metric| rules.workload_list(metric));
    let known: Vec<&String> = lists.flat_map(|list| rules.workloads(list)).collect();
    if known.iter().any(|name| *name == workload) {
        return Ok(());
    }
    let hint = match nearest(workload, known.iter().map(|name| name.as_str())) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("`partnerscore rules show {}` has the lists", rules.id),
    };
    Err(Error::usage(format!("no metric lists the workload `{workload}`")).hint(hint))
}

/// A tenant that usage does not know is mistyped, unless the scenario gives it usage.
fn require_usage(slice: &Slice, tenant_id: &str, period: Period) -> Result<()> {
    let rows = slice.tables.workload_usage.clone().lazy().filter(col("tenant_id").eq(lit(tenant_id)));
    if engine::count("scenario", rows)? > 0 {
        return Ok(());
    }
    let (m, p) = (period.month, period.year_ago);
    let what = format!("usage has no row of tenant `{tenant_id}` on a listed workload from {p} to {m}");
    Err(Error::usage(what).hint("check its id, or say what it uses then: --tenant TENANT:WORKLOAD --seats N --users N"))
}

/// A new association of every account, held from the first day of M.
fn associated(accounts: &Accounts, change: &Associate, rules: &Rulebook, period: Period) -> Result<Vec<LazyFrame>> {
    option_of(rules, &change.option, None)?;
    if let Some(workload) = &change.workload {
        listed(workload, rules)?;
    }
    let types = rules.options.get(&change.option).map(|option| option.association_types.clone()).unwrap_or_default();
    let row = |partner_id: &str| {
        let row = df![
            "partner_id" => [partner_id],
            "tenant_id" => [change.tenant_id.as_str()],
            "workload" => [change.workload.as_deref()],
            "association_type" => [types.first().map(String::as_str).unwrap_or_default()],
        ];
        let row = row.map_err(|error| Error::internal(error.to_string()))?;
        let no_end = lit(NULL).cast(DataType::Date).alias("end_date");
        Ok(row.lazy().with_columns([engine::day(period.month.first_day()).alias("start_date"), no_end]))
    };
    accounts.rows.iter().map(|account| row(&account.partner_id)).collect()
}

/// A portfolio under another rulebook.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RulebookComparison {
    pub as_of: NaiveDate,
    /// The rulebook before, and the one it is compared with.
    pub against: String,
    pub rulebook: String,
    pub qualified_before: usize,
    pub qualified_after: usize,
    /// By change of the total, the largest loss first.
    pub partners: Vec<ComparedPartner>,
}

/// One partner under two rulebooks.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ComparedPartner {
    pub partner_id: String,
    pub partner_name: Option<String>,
    pub distributor_id: Option<String>,
    pub before: Total,
    pub after: Total,
    pub change: f64,
}

/// Scores a portfolio under `settings.rules` and under `against`, which came before.
pub fn compare_rulebooks(settings: &Settings, against: &Rulebook) -> Result<RulebookComparison> {
    let after = pipeline::score(settings)?;
    let before = pipeline::score(&Settings { rules: against.clone(), ..settings.clone() })?;
    let mut rows: Vec<(i64, ComparedPartner)> =
        after.scores.iter().filter_map(|after| compared(&before, after)).collect();
    rows.sort_by(|(one, a), (other, b)| (one, &a.partner_id).cmp(&(other, &b.partner_id)));
    let qualified = |scored: &Scored| scored.scores.iter().filter(|score| score.qualified).count();
    Ok(RulebookComparison {
        as_of: settings.as_of,
        against: against.id.clone(),
        rulebook: settings.rules.id.clone(),
        qualified_before: qualified(&before),
        qualified_after: qualified(&after),
        partners: rows.into_iter().map(|(_, row)| row).collect(),
    })
}

fn compared(before: &Scored, after: &Score) -> Option<(i64, ComparedPartner)> {
    let before = before.scores.iter().find(|before| before.account.partner_id == after.account.partner_id)?;
    let change = after.total_points() - before.total_points();
    let row = ComparedPartner {
        partner_id: after.account.partner_id.clone(),
        partner_name: after.account.partner_name.clone(),
        distributor_id: after.account.distributor_id.clone(),
        before: Total::of(before),
        after: Total::of(after),
        change: change.to_f64(),
    };
    Some((change.0, row))
}

impl Answer for Simulation {
    /// One row for each measure.
    fn rows(&self) -> Result<DataFrame> {
        let rows = || self.measures.iter();
        let text =
            |name: &str, value: &dyn Fn(&ChangedMeasure) -> String| column(name, rows().map(value).collect::<Vec<_>>());
        let whole =
            |name: &str, value: &dyn Fn(&ChangedMeasure) -> i64| column(name, rows().map(value).collect::<Vec<_>>());
        let points =
            |name: &str, value: &dyn Fn(&ChangedMeasure) -> f64| column(name, rows().map(value).collect::<Vec<_>>());
        frame(vec![
            text("partner_id", &|_| self.partner_id.clone()),
            text("track", &|row| row.track.clone()),
            text("metric", &|row| row.metric.clone()),
            text("option", &|row| row.option.clone()),
            whole("current_before", &|row| row.current_before),
            whole("prior_before", &|row| row.prior_before),
            points("points_before", &|row| row.points_before),
            whole("current_after", &|row| row.current_after),
            whole("prior_after", &|row| row.prior_after),
            points("points_after", &|row| row.points_after),
            column("counted_before", rows().map(|row| row.counted_before).collect::<Vec<_>>()),
            column("counted_after", rows().map(|row| row.counted_after).collect::<Vec<_>>()),
        ])
    }
}

impl Answer for RulebookComparison {
    /// One row for each partner.
    fn rows(&self) -> Result<DataFrame> {
        let rows = || self.partners.iter();
        let text = |name: &str, value: &dyn Fn(&ComparedPartner) -> Option<String>| {
            column(name, rows().map(value).collect::<Vec<_>>())
        };
        let points =
            |name: &str, value: &dyn Fn(&ComparedPartner) -> f64| column(name, rows().map(value).collect::<Vec<_>>());
        frame(vec![
            text("partner_id", &|row| Some(row.partner_id.clone())),
            text("partner_name", &|row| row.partner_name.clone()),
            text("distributor_id", &|row| row.distributor_id.clone()),
            text("track_before", &|row| Some(row.before.track.clone())),
            text("track_after", &|row| Some(row.after.track.clone())),
            column("qualified_before", rows().map(|row| row.before.qualified).collect::<Vec<_>>()),
            column("qualified_after", rows().map(|row| row.after.qualified).collect::<Vec<_>>()),
            points("total_before", &|row| row.before.total_points),
            points("total_after", &|row| row.after.total_points),
            points("change", &|row| row.change),
        ])
    }
}
