//! Plan: what a partner lacks to the designation on each track, and the moves that close it with the least effort.
//!
//! Moves apply at M, all else equal. Candidates are guessed, the rules say what each is worth, and the search takes the cheapest set.

mod candidates;
mod effort;
mod search;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use polars::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use candidates::{Candidate, Count, Kind};
pub use effort::Effort;
use search::{Gain, Gauge, Move, Problem, Solution};

use super::answer::{Answer, column, frame};
use super::change::{Associate, Certify, Scenario, TenantChange};
use super::simulate::{Total, scored_after};
use super::slice::Slice;
use crate::engine;
use crate::error::{Error, Result};
use crate::history::{Accounts, History};
use crate::metrics::Period;
use crate::pipeline::{self, Scored, Settings};
use crate::rulebook::{Measure, Metric, Rulebook, Track};
use crate::score::{MetricPoints, Points, Score, minimum, whole};
use crate::words::counted;

/// Candidates of each kind that are weighed for a partner: alone, and where the whole portfolio is planned.
const MOST_ALONE: usize = 60;
const MOST_OF_ALL: usize = 10;
/// Partners that are planned together.
const TOGETHER: usize = 400;

/// What one partner lacks, and what would close it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Plan {
    pub partner_id: String,
    pub partner_name: Option<String>,
    pub distributor_id: Option<String>,
    pub as_of: NaiveDate,
    pub rulebook: String,
    pub now: Total,
    /// By track, in rulebook order.
    pub tracks: Vec<TrackPlan>,
    /// The track whose plan takes the least effort; none where the partner has the designation, or no plan reaches it.
    pub easiest: Option<String>,
}

/// One track of one partner.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TrackPlan {
    pub track: String,
    pub points: f64,
    /// What the track's total lacks to the designation.
    pub points_short: f64,
    /// By metric under its minimum, the points it lacks.
    pub lacking: BTreeMap<String, f64>,
    /// Whether the moves reach the designation; without moves, whether it is there already. A partner that has it on the other track
    /// needs no moves.
    pub reached: bool,
    /// Sum of the moves' efforts.
    pub effort: i64,
    pub moves: Vec<PlannedMove>,
    /// The cheapest single move that is enough by itself, where there is one.
    pub one_move: Option<PlannedMove>,
    /// The track's total once the moves are made, by scoring them; none where only the portfolio was planned.
    pub points_after: Option<f64>,
}

/// One move.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PlannedMove {
    /// `certify`, `raise_seats`, `raise_users`, `raise_seats_and_users`, `associate`, `associate_and_raise_seats` or `win_users`.
    pub kind: String,
    pub effort: i64,
    /// In words.
    pub what: String,
    /// The metric whose certifications are earned, and by how many people.
    pub metric: Option<String>,
    pub people: Option<i64>,
    pub tenant_id: Option<String>,
    /// The option of an association filed, or through which users are won.
    pub option: Option<String>,
    /// What the tenant's usage becomes.
    pub usage: Vec<PlannedUsage>,
}

/// A workload's counts at M once a move is made, and before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlannedUsage {
    pub workload: String,
    pub paid_seats: i64,
    pub active_users: i64,
    pub paid_seats_before: i64,
    pub active_users_before: i64,
}

/// Plans of several partners.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Plans {
    pub as_of: NaiveDate,
    pub rulebook: String,
    /// Partners without the designation, the least effort first; those that no plan brings there last.
    pub plans: Vec<Plan>,
}

/// Plans for the one partner that settings are narrowed to; its moves are scored.
///
/// # Errors
/// Usage where no partner is named; those of a score.
pub fn plan(settings: &Settings, effort: &Effort) -> Result<Plan> {
    if settings.partners.is_empty() {
        return Err(Error::usage("whose plan is it?").hint("name a partner with --partner, or plan for --all"));
    }
    let (history, _) = pipeline::open(&settings.history, &settings.rules)?;
    let accounts = history.accounts().narrowed(&settings.partners, &settings.distributors)?;
    let slice = sliced(&history, &accounts, settings)?;
    let scored = slice.score(settings)?;
    let mut plans = planned(&slice, &scored, settings, effort, MOST_ALONE)?;
    let mut plan =
        plans.pop().ok_or_else(|| Error::usage("there is no partner to plan for").hint("name one with --partner"))?;
    for of_track in &mut plan.tracks {
        if of_track.reached {
            of_track.points_after = Some(points_after(&slice, settings, of_track)?);
        }
    }
    Ok(plan)
}

/// Plans for every partner without the designation, or those that settings are narrowed to.
pub fn plan_all(settings: &Settings, effort: &Effort) -> Result<Plans> {
    let (history, _) = pipeline::open(&settings.history, &settings.rules)?;
    let scored = pipeline::score(settings)?;
    let without: Vec<String> =
        scored.scores.iter().filter(|score| !score.qualified).map(|score| score.account.partner_id.clone()).collect();
    let mut plans = Vec::new();
    let batches = without.chunks(TOGETHER);
    let of = batches.len();
    for (number, partners) in batches.enumerate() {
        engine::progress(number, of);
        let accounts = history.accounts().narrowed(partners, &[])?;
        let slice = sliced(&history, &accounts, settings)?;
        let scored = slice.score(settings)?;
        plans.extend(planned(&slice, &scored, settings, effort, MOST_OF_ALL)?);
    }
    plans.sort_by_key(|plan| {
        let easiest = plan.easiest().map(|of_track| of_track.effort);
        (easiest.is_none(), easiest, plan.partner_id.clone())
    });
    Ok(Plans { as_of: settings.as_of, rulebook: settings.rules.id.clone(), plans })
}

fn sliced(history: &History, accounts: &Accounts, settings: &Settings) -> Result<Slice> {
    let period = Period::of(&settings.rules, settings.as_of);
    pipeline::require_months(history, period)?;
    Slice::of(history, accounts, &settings.rules, period, &[]).map_err(|error| history.place(error))
}

/// The plans of a slice's partners.
fn planned(slice: &Slice, scored: &Scored, settings: &Settings, effort: &Effort, most: usize) -> Result<Vec<Plan>> {
    let candidates = candidates::candidates(slice, settings, effort, most)?;
    let mut by_account: BTreeMap<usize, Vec<&Candidate>> = BTreeMap::new();
    for candidate in &candidates {
        by_account.entry(candidate.account).or_default().push(candidate);
    }
    let planner = Planner { slice, rules: &settings.rules, effort, measures: settings.rules.measures() };
    let plan_of = |score: &Score| {
        engine::go_on()?;
        let account = slice.accounts.of(&score.account.partner_id).unwrap_or_default() as usize;
        Ok(planner.plan(score, by_account.get(&account).map_or(&[], Vec::as_slice), settings.as_of))
    };
    scored.scores.iter().map(plan_of).collect()
}

/// What does not change from partner to partner.
struct Planner<'a> {
    slice: &'a Slice,
    rules: &'a Rulebook,
    effort: &'a Effort,
    measures: Vec<Measure>,
}

/// The moves of one way, with what they are worth.
struct Weighed<'a> {
    problem: Problem,
    /// The candidates behind the problem's moves, by tenant.
    tenants: Vec<Vec<&'a Candidate>>,
    /// By tenant, how far its users can be raised besides.
    fills: BTreeMap<usize, &'a Candidate>,
}

/// One way through a track: the option taken for usage growth, and the one for deployments.
struct Way {
    track: Track,
    usage: usize,
    deployments: usize,
}

impl Planner<'_> {
    fn plan(&self, score: &Score, candidates: &[&Candidate], as_of: NaiveDate) -> Plan {
        let tracks: Vec<TrackPlan> = Track::ALL.into_iter().map(|track| self.track(score, track, candidates)).collect();
        let reached = tracks.iter().filter(|of_track| of_track.reached && !score.qualified);
        let easiest = reached.min_by_key(|of_track| of_track.effort).map(|of_track| of_track.track.clone());
        Plan {
            partner_id: score.account.partner_id.clone(),
            partner_name: score.account.partner_name.clone(),
            distributor_id: score.account.distributor_id.clone(),
            as_of,
            rulebook: self.rules.id.clone(),
            now: Total::of(score),
            tracks,
            easiest,
        }
    }

    fn track(&self, score: &Score, track: Track, candidates: &[&Candidate]) -> TrackPlan {
        let total = if track == Track::Enterprise { score.enterprise_points } else { score.smb_points };
        let goal = whole(self.rules.designation.points);
        let lacking = self.lacking(score, track);
        let mut plan = TrackPlan {
            track: track.name().to_owned(),
            points: total.to_f64(),
            points_short: (goal - total).max(Points(0)).to_f64(),
            reached: lacking.is_empty() && total >= goal,
            lacking,
            effort: 0,
            moves: Vec::new(),
            one_move: None,
            points_after: None,
        };
        if !plan.reached && !score.qualified {
            let mut least = i64::MAX;
            for way in self.ways(track) {
                let Some(weighed) = self.weighed(score, &way, candidates) else { continue };
                if let Some((effort, moves)) = self.cheapest(&weighed, least) {
                    least = effort;
                    plan = TrackPlan { reached: true, effort, moves, ..plan };
                }
                let one_move = self.one_move(&weighed);
                plan.one_move = [plan.one_move, one_move].into_iter().flatten().min_by_key(|planned| planned.effort);
            }
        }
        plan
    }

    /// The points that metrics of a track lack to the minimum.
    fn lacking(&self, score: &Score, track: Track) -> BTreeMap<String, f64> {
        let of_metric = |metric: Metric| {
            let options = self.measures.iter().zip(&score.measures);
            let options = options.filter(|(measure, _)| measure.track == track && measure.metric == metric);
            options.map(|(_, points)| points.points).max().unwrap_or_default()
        };
        let short = |metric: Metric| (metric, minimum(self.rules) - of_metric(metric));
        let lacking = Metric::ALL.into_iter().map(short).filter(|(_, short)| *short > Points(0));
        lacking.map(|(metric, short)| (metric.name().to_owned(), short.to_f64())).collect()
    }

    fn places(&self, track: Track, metric: Metric) -> Vec<usize> {
        let of_metric = |place: &usize| self.measures[*place].track == track && self.measures[*place].metric == metric;
        (0..self.measures.len()).filter(of_metric).collect()
    }

    fn ways(&self, track: Track) -> Vec<Way> {
        let deployments = self.places(track, Metric::Deployments);
        let usage = self.places(track, Metric::UsageGrowth);
        let way =
            |usage: usize| deployments.iter().map(move |deployments| Way { track, usage, deployments: *deployments });
        usage.into_iter().flat_map(way).collect()
    }

    /// What the moves of one way are worth; none where the rulebook has no such way.
    fn weighed<'c>(&self, score: &Score, way: &Way, candidates: &[&'c Candidate]) -> Option<Weighed<'c>> {
        let gauge = |place: usize| gauge(&self.measures[place], &score.measures[place]);
        let of_metric = |metric| self.places(way.track, metric).first().copied().map(gauge);
        let net_customer_adds = self.places(way.track, Metric::NetCustomerAdds).first().copied()?;
        let gain = |candidate: &Candidate| Gain {
            net_customer_adds: candidate.gain[net_customer_adds],
            active_users: candidate.gain[way.usage],
            deployments: candidate.gain[way.deployments],
        };
        let fills = self.fills(way, candidates, &gain);
        let headroom_of = |tenant: usize| fills.get(&tenant).map_or(0, |fill| fill.users());
        let mut tenants: BTreeMap<usize, Vec<(&Candidate, Move)>> = BTreeMap::new();
        for candidate in candidates.iter().filter(|candidate| is_move(candidate.kind)) {
            let gain = gain(candidate);
            let parts = [gain.net_customer_adds, gain.active_users, gain.deployments];
            if parts.iter().all(|part| *part >= 0) && parts.iter().any(|part| *part > 0) {
                let made = Move { effort: candidate.effort, gain, headroom: headroom_of(candidate.tenant) };
                tenants.entry(candidate.tenant).or_default().push((*candidate, made));
            }
        }
        let tenants: Vec<Vec<(&Candidate, Move)>> = tenants.into_values().collect();
        let problem = Problem {
            net_customer_adds: gauge(net_customer_adds),
            intermediate: of_metric(Metric::IntermediateCertifications)?,
            advanced: of_metric(Metric::AdvancedCertifications)?,
            usage_growth: gauge(way.usage),
            deployments: gauge(way.deployments),
            goal: whole(self.rules.designation.points),
            minimum: minimum(self.rules),
            certify: [self.effort.certify_intermediate, self.effort.certify_advanced],
            user: self.effort.active_user,
            headroom: fills.values().map(|fill| fill.users()).sum(),
            tenants: tenants.iter().map(|moves| moves.iter().map(|(_, made)| made.clone()).collect()).collect(),
        };
        let tenants = tenants.into_iter().map(|moves| moves.into_iter().map(|(candidate, _)| candidate).collect());
        Some(Weighed { problem, tenants: tenants.collect(), fills })
    }

    /// The cheapest moves, where they cost less than `least`.
    fn cheapest(&self, weighed: &Weighed, least: i64) -> Option<(i64, Vec<PlannedMove>)> {
        let solution = search::cheapest(&weighed.problem, least)?;
        Some((solution.effort, self.moves(&solution, weighed)))
    }

    /// The cheapest single move that is enough.
    fn one_move(&self, weighed: &Weighed) -> Option<PlannedMove> {
        let most = weighed.fills.values().map(|fill| fill.users()).max().unwrap_or(0);
        let solution = search::single(&weighed.problem, most)?;
        self.moves(&solution, weighed).pop()
    }

    /// By tenant, how far its users can be raised through the way's option with nothing else changed by it.
    fn fills<'a>(
        &self,
        way: &Way,
        candidates: &[&'a Candidate],
        gain: &dyn Fn(&Candidate) -> Gain,
    ) -> BTreeMap<usize, &'a Candidate> {
        let option = &self.measures[way.usage].option;
        let mut fills: BTreeMap<usize, &Candidate> = BTreeMap::new();
        let through =
            candidates.iter().filter(|candidate| !is_move(candidate.kind) && candidate.option.as_ref() == Some(option));
        for candidate in through {
            let users = candidate.users();
            if gain(candidate) != (Gain { active_users: users, ..Gain::default() }) {
                continue;
            }
            let fill = fills.entry(candidate.tenant).or_insert(candidate);
            if fill.users() < users {
                *fill = candidate;
            }
        }
        fills
    }

    fn moves(&self, solution: &Solution, weighed: &Weighed) -> Vec<PlannedMove> {
        let chosen: Vec<&Candidate> =
            solution.moves.iter().map(|(tenant, place)| weighed.tenants[*tenant][*place]).collect();
        let fills = &weighed.fills;
        let efforts = [
            (Metric::IntermediateCertifications, self.effort.certify_intermediate),
            (Metric::AdvancedCertifications, self.effort.certify_advanced),
        ];
        let people = solution.people.iter().zip(efforts).filter(|(people, _)| **people > 0);
        let people = people.map(|(people, (metric, effort))| certify(metric, *people, effort * people));
        let mut moves: Vec<PlannedMove> =
            people.chain(chosen.iter().map(|candidate| self.at_tenant(candidate))).collect();
        let mut users = solution.users;
        let free = fills.iter().filter(|(tenant, _)| chosen.iter().all(|candidate| candidate.tenant != **tenant));
        let mut free: Vec<&Candidate> = free.map(|(_, fill)| *fill).collect();
        free.sort_by_key(|fill| (std::cmp::Reverse(fill.users()), fill.tenant));
        for fill in free {
            let won = users.min(fill.users());
            if won > 0 {
                moves.push(self.win_users(fill, won));
                users -= won;
            }
        }
        moves
    }

    fn tenant_id(&self, tenant: usize) -> String {
        self.slice.tenants.id(tenant).unwrap_or_default().to_owned()
    }

    fn at_tenant(&self, candidate: &Candidate) -> PlannedMove {
        let (tenant_id, option) = (self.tenant_id(candidate.tenant), candidate.option.clone());
        let file = option.as_ref().map(|option| format!("file a {option} association with tenant {tenant_id}"));
        let (seats, users) = (raised(&candidate.counts, "seat"), raised(&candidate.counts, "user"));
        let (kind, what) = match candidate.kind {
            Kind::Associate => ("associate", file.unwrap_or_default()),
            Kind::AssociateAndSeats(_) => {
                ("associate_and_raise_seats", format!("{} and sell {seats}", file.unwrap_or_default()))
            }
            Kind::Users => ("raise_users", format!("win {users} at tenant {tenant_id}")),
            Kind::SeatsAndUsers(_) => {
                ("raise_seats_and_users", format!("sell {seats} to tenant {tenant_id} and win {users}"))
            }
            _ => ("raise_seats", format!("sell {seats} to tenant {tenant_id}")),
        };
        PlannedMove {
            kind: kind.to_owned(),
            effort: candidate.effort,
            what,
            metric: None,
            people: None,
            tenant_id: Some(tenant_id),
            option,
            usage: candidate.counts.iter().map(PlannedUsage::of).collect(),
        }
    }

    /// Some of the users of a fill, workload by workload.
    fn win_users(&self, fill: &Candidate, mut users: i64) -> PlannedMove {
        let tenant_id = self.tenant_id(fill.tenant);
        let mut usage = Vec::new();
        let effort = users * self.effort.active_user;
        let what = format!("win {} at tenant {tenant_id}", counted(users.unsigned_abs(), "more user"));
        for count in &fill.counts {
            let won = users.min(count.active_users - count.active_users_before);
            users -= won;
            if won > 0 {
                usage.push(PlannedUsage::of(&Count { active_users: count.active_users_before + won, ..count.clone() }));
            }
        }
        PlannedMove {
            kind: "win_users".to_owned(),
            effort,
            what,
            metric: None,
            people: None,
            tenant_id: Some(tenant_id),
            option: fill.option.clone(),
            usage,
        }
    }
}

fn is_move(kind: Kind) -> bool {
    !matches!(kind, Kind::Fill | Kind::AlmostDeployed | Kind::Unchanged)
}

fn gauge(measure: &Measure, points: &MetricPoints) -> Gauge {
    Gauge { net: points.current - points.prior, target: measure.target, max_points: measure.max_points }
}

fn certify(metric: Metric, people: i64, effort: i64) -> PlannedMove {
    let noun = if people == 1 { "person" } else { "people" };
    let level = metric.name().split('_').next().unwrap_or_default();
    PlannedMove {
        kind: "certify".to_owned(),
        effort,
        what: format!("certify {people} more {noun} ({level})"),
        metric: Some(metric.name().to_owned()),
        people: Some(people),
        tenant_id: None,
        option: None,
        usage: Vec::new(),
    }
}

/// Such as `4 seats of teams`.
fn raised(counts: &[Count], noun: &str) -> String {
    let more = |count: &Count| match noun {
        "seat" => count.paid_seats - count.paid_seats_before,
        _ => count.active_users - count.active_users_before,
    };
    let raised: Vec<String> = counts
        .iter()
        .filter(|count| more(count) > 0)
        .map(|count| format!("{} {noun}{} of {}", more(count), if more(count) == 1 { "" } else { "s" }, count.workload))
        .collect();
    raised.join(", ")
}

/// The track's total once its moves are made, by scoring them.
fn points_after(slice: &Slice, settings: &Settings, plan: &TrackPlan) -> Result<f64> {
    let after = scored_after(slice, &plan.scenario(), settings)?;
    let of_track = |score: &Score| match plan.track == Track::Enterprise.name() {
        true => score.enterprise_points.to_f64(),
        false => score.smb_points.to_f64(),
    };
    Ok(after.first().map(of_track).unwrap_or_default())
}

impl TrackPlan {
    /// The moves as a scenario that can be simulated.
    pub fn scenario(&self) -> Scenario {
        let mut scenario = Scenario::default();
        for planned in &self.moves {
            if let (Some(metric), Some(people)) = (&planned.metric, planned.people) {
                scenario.certify.push(Certify { metric: metric.clone(), people });
            }
            let Some(tenant_id) = &planned.tenant_id else { continue };
            scenario.tenant.extend(planned.usage.iter().map(|usage| TenantChange {
                tenant_id: tenant_id.clone(),
                workload: Some(usage.workload.clone()),
                paid_seats: Some(usage.paid_seats),
                active_users: Some(usage.active_users),
            }));
            if let (true, Some(option)) = (planned.kind.starts_with("associate"), &planned.option) {
                scenario.associate.push(Associate {
                    tenant_id: tenant_id.clone(),
                    workload: None,
                    option: option.clone(),
                });
            }
        }
        scenario
    }

    /// How many moves that is: people count one by one.
    pub fn count(&self) -> i64 {
        self.moves.iter().map(|planned| planned.people.unwrap_or(1)).sum()
    }
}

impl PlannedUsage {
    fn of(count: &Count) -> PlannedUsage {
        PlannedUsage {
            workload: count.workload.clone(),
            paid_seats: count.paid_seats,
            active_users: count.active_users,
            paid_seats_before: count.paid_seats_before,
            active_users_before: count.active_users_before,
        }
    }
}

impl Plan {
    /// The plan of the easiest track.
    pub fn easiest(&self) -> Option<&TrackPlan> {
        self.tracks.iter().find(|of_track| Some(&of_track.track) == self.easiest.as_ref())
    }
}

impl Plan {
    /// The cheapest single move that is enough on some track.
    pub fn one_move(&self) -> Option<&PlannedMove> {
        self.tracks.iter().filter_map(|of_track| of_track.one_move.as_ref()).min_by_key(|planned| planned.effort)
    }
}

impl Answer for Plan {
    /// One row for each move.
    fn rows(&self) -> Result<DataFrame> {
        rows_of(std::slice::from_ref(self))
    }
}

impl Answer for Plans {
    /// One row for each partner, with its easiest track.
    fn rows(&self) -> Result<DataFrame> {
        let plans = || self.plans.iter();
        let text =
            |name: &str, value: &dyn Fn(&Plan) -> Option<String>| column(name, plans().map(value).collect::<Vec<_>>());
        let easiest =
            |value: &dyn Fn(&TrackPlan) -> i64| plans().map(|plan| plan.easiest().map(value)).collect::<Vec<_>>();
        let what = |of_track: &TrackPlan| {
            of_track.moves.iter().map(|planned| planned.what.as_str()).collect::<Vec<_>>().join("; ")
        };
        frame(vec![
            text("partner_id", &|plan| Some(plan.partner_id.clone())),
            text("partner_name", &|plan| plan.partner_name.clone()),
            text("distributor_id", &|plan| plan.distributor_id.clone()),
            column("total_points", plans().map(|plan| plan.now.total_points).collect::<Vec<_>>()),
            text("track", &|plan| plan.easiest.clone()),
            column("effort", easiest(&|of_track| of_track.effort)),
            column("moves", easiest(&TrackPlan::count)),
            text("one_move", &|plan| plan.one_move().map(|planned| planned.what.clone())),
            text("what", &|plan| plan.easiest().map(what)),
        ])
    }
}

fn rows_of(plans: &[Plan]) -> Result<DataFrame> {
    let rows: Vec<(&Plan, &TrackPlan, &PlannedMove)> = plans
        .iter()
        .flat_map(|plan| plan.tracks.iter().map(move |of_track| (plan, of_track)))
        .flat_map(|(plan, of_track)| of_track.moves.iter().map(move |planned| (plan, of_track, planned)))
        .collect();
    let text = |name: &str, value: &dyn Fn(&PlannedMove) -> Option<String>| {
        column(name, rows.iter().map(|(_, _, planned)| value(planned)).collect::<Vec<_>>())
    };
    frame(vec![
        column("partner_id", rows.iter().map(|(plan, ..)| plan.partner_id.clone()).collect::<Vec<_>>()),
        column("track", rows.iter().map(|(_, of_track, _)| of_track.track.clone()).collect::<Vec<_>>()),
        text("kind", &|planned| Some(planned.kind.clone())),
        column("effort", rows.iter().map(|(_, _, planned)| planned.effort).collect::<Vec<_>>()),
        text("metric", &|planned| planned.metric.clone()),
        column("people", rows.iter().map(|(_, _, planned)| planned.people).collect::<Vec<_>>()),
        text("tenant_id", &|planned| planned.tenant_id.clone()),
        text("option", &|planned| planned.option.clone()),
        text("what", &|planned| Some(planned.what.clone())),
    ])
}
