//! Candidates: moves that might help, guessed from seats, users and associations at M. What each is worth the rules say, by scoring it.
//!
//! A candidate is scored as a partner of its own who has this one tenant, changed; what it adds is that partner's facts less those of
//! the same tenant unchanged. Facts are sums over tenants, so what candidates add adds up.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::*;

use super::effort::Effort;
use crate::engine;
use crate::error::{Error, Result};
use crate::history::{History, Tables};
use crate::insight::slice::{Slice, others};
use crate::metrics::{Fact, Period};
use crate::month::Month;
use crate::pipeline::{self, Settings};
use crate::rulebook::{DeploymentUnit, Metric, Rulebook, Track};

/// What a move does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Paid seats raised into a track's band.
    Seats(Track),
    /// Active users raised until the tenant is deployed.
    Users,
    /// Both.
    SeatsAndUsers(Track),
    /// An association filed.
    Associate,
    /// An association filed, and paid seats raised into a track's band.
    AssociateAndSeats(Track),
    /// Nothing: what others are compared with.
    Unchanged,
    /// Active users raised as far as paid seats let them, through one option; with more, without reaching deployment.
    Fill,
    AlmostDeployed,
}

/// A row of usage at M as a move leaves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    pub workload: String,
    pub paid_seats: i64,
    pub active_users: i64,
    /// What it was.
    pub paid_seats_before: i64,
    pub active_users_before: i64,
}

/// A move at one tenant of one account, and what it adds.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub account: usize,
    /// By number in the slice.
    pub tenant: usize,
    pub kind: Kind,
    pub counts: Vec<Count>,
    /// The option of an association filed, or the one that users are won through.
    pub option: Option<String>,
    pub effort: i64,
    /// By measure, net of what it would be without the move.
    pub gain: Vec<i64>,
}

impl Candidate {
    /// Users won.
    pub fn users(&self) -> i64 {
        self.counts.iter().map(|count| count.active_users - count.active_users_before).sum()
    }
}

/// A row of usage.
#[derive(Debug, Clone)]
struct Row {
    month: i32,
    workload: String,
    paid_seats: i64,
    active_users: i64,
}

/// A row of associations.
#[derive(Debug, Clone)]
struct Claim {
    workload: Option<String>,
    association_type: String,
    start: i32,
    end: Option<i32>,
}

/// A slice row by row.
struct Held {
    /// By tenant.
    usage: Vec<Vec<Row>>,
    /// By account and tenant.
    claims: BTreeMap<(usize, usize), Vec<Claim>>,
}

/// The candidates of a slice's accounts with what they add, at most `most` of each kind for each account.
pub fn candidates(slice: &Slice, settings: &Settings, effort: &Effort, most: usize) -> Result<Vec<Candidate>> {
    let held = Held::of(slice)?;
    let period = Period::of(&settings.rules, settings.as_of);
    let guesses = Guesses { slice, rules: &settings.rules, effort, at_m: period.month };
    let mut all: Vec<Candidate> = held
        .claims
        .iter()
        .flat_map(|((account, tenant), claims)| guesses.of(*account, *tenant, claims, &held.usage[*tenant]))
        .collect();
    limit(&mut all, most);
    let compared: BTreeSet<(usize, usize)> =
        all.iter().map(|candidate| (candidate.account, candidate.tenant)).collect();
    let bases: Vec<Candidate> = compared.into_iter().map(|(account, tenant)| unchanged(account, tenant)).collect();
    let bases_from = all.len();
    all.extend(bases);
    let facts = scored(slice, &held, settings, period, &all)?;
    let base_of: BTreeMap<(usize, usize), usize> =
        all.iter().enumerate().skip(bases_from).map(|(place, base)| ((base.account, base.tenant), place)).collect();
    for (place, candidate) in all.iter_mut().enumerate().take(bases_from) {
        let Some(base) = base_of.get(&(candidate.account, candidate.tenant)) else { continue };
        let net = |fact: &Fact| fact.current - fact.prior;
        candidate.gain =
            facts[place].iter().zip(&facts[*base]).map(|(with, without)| net(with) - net(without)).collect();
    }
    all.truncate(bases_from);
    all.retain(|candidate| candidate.gain.iter().any(|gain| *gain > 0));
    Ok(all)
}

fn unchanged(account: usize, tenant: usize) -> Candidate {
    Candidate { account, tenant, kind: Kind::Unchanged, counts: Vec::new(), option: None, effort: 0, gain: Vec::new() }
}

/// Keeps the cheapest of each kind; of those that raise users as far as they go, those that go farthest.
fn limit(all: &mut Vec<Candidate>, most: usize) {
    all.sort_by_key(|candidate| {
        let fills = matches!(candidate.kind, Kind::Fill | Kind::AlmostDeployed);
        let order = if fills { -candidate.users() } else { candidate.effort };
        (candidate.account, candidate.kind, candidate.option.clone(), order, candidate.tenant)
    });
    let mut kept = 0;
    let mut last = None;
    all.retain(|candidate| {
        let of = Some((candidate.account, candidate.kind, candidate.option.clone()));
        kept = if of == last { kept + 1 } else { 0 };
        last = of;
        kept < most
    });
}

/// What might help.
struct Guesses<'a> {
    slice: &'a Slice,
    rules: &'a Rulebook,
    effort: &'a Effort,
    at_m: Month,
}

impl Guesses<'_> {
    /// Moves at one tenant of one account.
    fn of(&self, account: usize, tenant: usize, claims: &[Claim], usage: &[Row]) -> Vec<Candidate> {
        let at_m = self.at_m.first_day().to_epoch_days();
        let rows: Vec<&Row> = usage.iter().filter(|row| row.month == at_m).collect();
        let now: Vec<Count> = rows.iter().map(|row| Count::of(row)).collect();
        if now.is_empty() {
            return Vec::new();
        }
        let covered = self.covered(claims);
        let candidate = |kind, counts: Vec<Count>, option: Option<&str>, effort| Candidate {
            option: option.map(str::to_owned),
            ..Candidate { kind, counts, effort, ..unchanged(account, tenant) }
        };
        let mut found = Vec::new();
        let mut targets: Vec<BTreeSet<String>> = covered.values().cloned().collect();
        if self.rules.choices.deployment_unit.reading != DeploymentUnit::TenantPooled {
            let alone = covered.values().flatten().map(|workload| BTreeSet::from([workload.clone()]));
            targets.extend(alone.collect::<BTreeSet<_>>());
        }
        targets.dedup();
        for workloads in &targets {
            found.extend(self.deployed(&now, workloads).map(|counts| {
                let effort = self.cost(&counts);
                candidate(Kind::Users, counts, None, effort)
            }));
        }
        for track in Track::ALL {
            let Some(seats) = self.in_band(&now, track) else { continue };
            found.push(candidate(Kind::Seats(track), seats.clone(), None, self.cost(&seats)));
            let raised = merged(&now, &seats);
            for both in targets.iter().filter_map(|workloads| self.deployed(&raised, workloads)) {
                let both = joined(&seats, both);
                found.push(candidate(Kind::SeatsAndUsers(track), both.clone(), None, self.cost(&both)));
            }
        }
        let open = |option: &str| !covered.contains_key(option) && !self.slice.is_taken(account, tenant, option);
        for (option, filing) in self.effort.associate.iter().filter(|(option, _)| open(option)) {
            if !self.rules.options.contains_key(option) {
                continue;
            }
            found.push(candidate(Kind::Associate, Vec::new(), Some(option), *filing));
            for track in Track::ALL {
                if let Some(seats) = self.in_band(&now, track) {
                    let effort = self.cost(&seats) + filing;
                    found.push(candidate(Kind::AssociateAndSeats(track), seats, Some(option), effort));
                }
            }
        }
        for (option, workloads) in &covered {
            let full = filled(&now, workloads, i64::MAX);
            found.extend(full.map(|counts| candidate(Kind::Fill, counts, Some(option), 0)));
            let short = self.short_of_deployed(&now, workloads) - 1;
            let almost = (short > 0).then(|| filled(&now, workloads, short)).flatten();
            found.extend(almost.map(|counts| candidate(Kind::AlmostDeployed, counts, Some(option), 0)));
        }
        found
    }

    /// By option, the listed workloads that claims cover at M.
    fn covered(&self, claims: &[Claim]) -> BTreeMap<String, BTreeSet<String>> {
        let day = self.at_m.last_day().to_epoch_days();
        let holds = |claim: &&Claim| claim.start <= day && claim.end.is_none_or(|end| end >= day);
        let listed = listed(self.rules);
        let mut covered: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for claim in claims.iter().filter(holds) {
            let option = self.rules.association_types().find(|(name, _)| *name == claim.association_type);
            let Some((_, option)) = option else { continue };
            // A claim on a workload that no metric lists covers nothing, and stands in the way of no other.
            let covers = |workload: &&String| claim.workload.as_ref().is_none_or(|only| only == *workload);
            let workloads: BTreeSet<String> = listed.iter().filter(covers).cloned().collect();
            if !workloads.is_empty() {
                covered.entry(option.to_owned()).or_default().extend(workloads);
            }
        }
        covered
    }

    /// The largest workload raised to the fewest seats of a band that all of them lie below.
    fn in_band(&self, now: &[Count], track: Track) -> Option<Vec<Count>> {
        let from = self.rules.track(track).paid_seats_from;
        let largest = now.iter().max_by_key(|count| (count.paid_seats, std::cmp::Reverse(&count.workload)))?;
        (largest.paid_seats < from).then(|| vec![Count { paid_seats: from, ..largest.clone() }])
    }

    /// Users missing until the covered workloads together are deployed; 0 where nothing is, or they have no seats.
    fn short_of_deployed(&self, now: &[Count], workloads: &BTreeSet<String>) -> i64 {
        let covered = || now.iter().filter(|count| workloads.contains(&count.workload));
        let (seats, users): (i64, i64) =
            (covered().map(|count| count.paid_seats).sum(), covered().map(|count| count.active_users).sum());
        // Rounded up: one user less is under the share.
        let wanted = (seats * self.rules.metrics.deployments.deployed_at_percent + 99) / 100;
        if seats > 0 { (wanted - users).max(0) } else { 0 }
    }

    /// Users raised until the covered workloads together are deployed.
    fn deployed(&self, now: &[Count], workloads: &BTreeSet<String>) -> Option<Vec<Count>> {
        let short = self.short_of_deployed(now, workloads);
        let counts = (short > 0).then(|| filled(now, workloads, short)).flatten()?;
        let won: i64 = counts.iter().map(|count| count.active_users - count.active_users_before).sum();
        (won == short).then_some(counts)
    }

    fn cost(&self, counts: &[Count]) -> i64 {
        let seats = |count: &Count| (count.paid_seats - count.paid_seats_before) * self.effort.paid_seat;
        let users = |count: &Count| (count.active_users - count.active_users_before) * self.effort.active_user;
        self.effort.tenant + counts.iter().map(|count| seats(count) + users(count)).sum::<i64>()
    }
}

/// Every workload that some metric lists.
fn listed(rules: &Rulebook) -> BTreeSet<String> {
    let lists = Metric::ALL.into_iter().filter_map(|metric| rules.workload_list(metric));
    lists.flat_map(|list| rules.workloads(list).iter().cloned()).collect()
}

/// Users raised on the covered workloads as far as their seats go, the workload with most room first; None where there is no room.
fn filled(now: &[Count], workloads: &BTreeSet<String>, mut users: i64) -> Option<Vec<Count>> {
    let room = |count: &Count| count.paid_seats - count.active_users;
    let mut open: Vec<&Count> =
        now.iter().filter(|count| workloads.contains(&count.workload) && room(count) > 0).collect();
    open.sort_by_key(|count| (std::cmp::Reverse(room(count)), count.workload.clone()));
    let mut filled = Vec::new();
    for count in open {
        let more = room(count).min(users);
        users -= more;
        if more > 0 {
            filled.push(Count { active_users: count.active_users + more, ..count.clone() });
        }
    }
    (!filled.is_empty()).then_some(filled)
}

/// All counts, with those changed in the place of what they were.
fn merged(now: &[Count], changed: &[Count]) -> Vec<Count> {
    let change_of = |count: &Count| changed.iter().find(|change| change.workload == count.workload);
    now.iter().map(|count| change_of(count).unwrap_or(count).clone()).collect()
}

/// Seats raised and then users: one count for each workload.
fn joined(seats: &[Count], users: Vec<Count>) -> Vec<Count> {
    let untouched = |count: &&Count| users.iter().all(|other| other.workload != count.workload);
    seats.iter().filter(untouched).cloned().chain(users.iter().cloned()).collect()
}

impl Count {
    fn of(row: &Row) -> Count {
        Count {
            workload: row.workload.clone(),
            paid_seats: row.paid_seats,
            active_users: row.active_users,
            paid_seats_before: row.paid_seats,
            active_users_before: row.active_users,
        }
    }
}

impl Held {
    fn of(slice: &Slice) -> Result<Held> {
        Held::read(slice).map_err(|error| Error::internal(error.to_string()))
    }

    fn read(slice: &Slice) -> PolarsResult<Held> {
        let ids = (0..slice.tenants.len()).filter_map(|number| Some((slice.tenants.id(number)?, number)));
        let numbers: PlHashMap<&str, usize> = ids.collect();
        let mut usage = vec![Vec::new(); slice.tenants.len()];
        let df = &slice.tables.workload_usage;
        let (tenants, workloads) = (df.column("tenant_id")?.str()?, df.column("workload")?.str()?);
        let (months, seats) = (df.column("month")?.date()?, df.column("paid_seats")?.i64()?);
        let users = df.column("active_users")?.i64()?;
        let rows =
            tenants.iter().zip(workloads.iter()).zip(months.physical().iter()).zip(seats.iter().zip(users.iter()));
        for (((tenant, workload), month), (paid_seats, active_users)) in rows {
            let (Some(tenant), Some(workload), Some(month)) = (tenant, workload, month) else { continue };
            let Some(number) = numbers.get(tenant) else { continue };
            let (paid_seats, active_users) = (paid_seats.unwrap_or(0), active_users.unwrap_or(0));
            usage[*number].push(Row { month, workload: workload.to_owned(), paid_seats, active_users });
        }
        let mut claims: BTreeMap<(usize, usize), Vec<Claim>> = BTreeMap::new();
        let df = &slice.tables.associations;
        let text = |name: &str| -> PolarsResult<&StringChunked> { df.column(name)?.str() };
        let (partners, tenants) = (text("partner_id")?, text("tenant_id")?);
        let (workloads, types) = (text("workload")?, text("association_type")?);
        let (starts, ends) = (df.column("start_date")?.date()?, df.column("end_date")?.date()?);
        for row in 0..df.height() {
            let account = partners.get(row).and_then(|partner| slice.accounts.of(partner));
            let tenant = tenants.get(row).and_then(|tenant| numbers.get(tenant));
            let (Some(account), Some(tenant)) = (account, tenant) else { continue };
            claims.entry((account as usize, *tenant)).or_default().push(Claim {
                workload: workloads.get(row).map(str::to_owned),
                association_type: types.get(row).unwrap_or_default().to_owned(),
                start: starts.physical().get(row).unwrap_or_default(),
                end: ends.physical().get(row),
            });
        }
        Ok(Held { usage, claims })
    }
}

/// The facts of each candidate's tenant after its move, as if it were all that a partner has.
fn scored(
    slice: &Slice,
    held: &Held,
    settings: &Settings,
    period: Period,
    all: &[Candidate],
) -> Result<Vec<Vec<Fact>>> {
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let mut made = Made::default();
    for (place, candidate) in all.iter().enumerate() {
        made.add(&format!("{place:09}"), held, candidate, &settings.rules, period);
    }
    let mut tables = made.tables().map_err(|error| Error::internal(error.to_string()))?;
    let usage = [tables.workload_usage.lazy(), others(&slice.months)?];
    let usage = concat(usage, UnionArgs::default()).map_err(|error| engine::plan_error("candidates", &error))?;
    tables.workload_usage = engine::collect("candidates", usage)?;
    let (history, findings) = History::of_tables(tables, slice.known().clone())?;
    let settings = Settings { partners: Vec::new(), distributors: Vec::new(), ..settings.clone().of_a_few() };
    let scored = pipeline::score_opened(&settings, &std::sync::Arc::new(history), findings)?;
    Ok((0..all.len()).map(|account| scored.facts.of(account).to_vec()).collect())
}

/// Tables of partners made up, one for each candidate.
#[derive(Default)]
struct Made {
    partner: Vec<String>,
    claim_of: Vec<String>,
    claims: Vec<Claim>,
    usage_of: Vec<String>,
    usage: Vec<Row>,
}

impl Made {
    fn add(&mut self, id: &str, held: &Held, candidate: &Candidate, rules: &Rulebook, period: Period) {
        self.partner.push(id.to_owned());
        let mut claims = held.claims.get(&(candidate.account, candidate.tenant)).cloned().unwrap_or_default();
        let files = matches!(candidate.kind, Kind::Associate | Kind::AssociateAndSeats(_));
        let option = candidate.option.as_ref().filter(|_| files).and_then(|option| rules.options.get(option));
        claims.extend(option.and_then(|option| option.association_types.first()).map(|association_type| Claim {
            workload: None,
            association_type: association_type.clone(),
            start: period.month.first_day().to_epoch_days(),
            end: None,
        }));
        let months = months_seen(&claims, period);
        let at_m = period.month.first_day().to_epoch_days();
        for row in held.usage[candidate.tenant].iter().filter(|row| months.contains(&row.month)) {
            let change = candidate.counts.iter().find(|count| row.month == at_m && count.workload == row.workload);
            let (paid_seats, active_users) =
                change.map_or((row.paid_seats, row.active_users), |count| (count.paid_seats, count.active_users));
            self.usage_of.push(id.to_owned());
            self.usage.push(Row { paid_seats, active_users, ..row.clone() });
        }
        self.claim_of.extend(claims.iter().map(|_| id.to_owned()));
        self.claims.extend(claims);
    }

    fn tables(&self) -> PolarsResult<Tables> {
        let dates = |name: &str, days: Vec<Option<i32>>| -> Column {
            Int32Chunked::from_iter_options(name.into(), days.into_iter()).into_date().into_series().into()
        };
        let claims = || self.claims.iter();
        let associations = vec![
            Column::new("partner_id".into(), &self.claim_of),
            Column::new("tenant_id".into(), &self.claim_of),
            Column::new("workload".into(), claims().map(|claim| claim.workload.as_deref()).collect::<Vec<_>>()),
            Column::new(
                "association_type".into(),
                claims().map(|claim| claim.association_type.as_str()).collect::<Vec<_>>(),
            ),
            dates("start_date", claims().map(|claim| Some(claim.start)).collect()),
            dates("end_date", claims().map(|claim| claim.end).collect()),
        ];
        let rows = || self.usage.iter();
        let usage = vec![
            Column::new("tenant_id".into(), &self.usage_of),
            Column::new("workload".into(), rows().map(|row| row.workload.as_str()).collect::<Vec<_>>()),
            dates("month", rows().map(|row| Some(row.month)).collect()),
            Column::new("paid_seats".into(), rows().map(|row| row.paid_seats).collect::<Vec<_>>()),
            Column::new("active_users".into(), rows().map(|row| row.active_users).collect::<Vec<_>>()),
        ];
        let partners = vec![Column::new("partner_id".into(), &self.partner)];
        let no_text = |name: &str| Column::new(name.into(), Vec::<String>::new());
        let people =
            vec![no_text("partner_id"), no_text("person_id"), no_text("certification"), dates("earned_on", Vec::new())];
        Ok(Tables {
            partners: DataFrame::new(self.partner.len(), partners)?,
            associations: DataFrame::new(self.claims.len(), associations)?,
            certifications: DataFrame::new(0, people)?,
            workload_usage: DataFrame::new(self.usage.len(), usage)?,
        })
    }
}

/// The months of usage that a score of some claims can see.
fn months_seen(claims: &[Claim], period: Period) -> BTreeSet<i32> {
    let (from, to) = (period.year_ago.first_day().to_epoch_days(), period.month.first_day().to_epoch_days());
    let begun = claims.iter().filter_map(|claim| chrono::NaiveDate::from_epoch_days(claim.start));
    let begun = begun.map(|day| Month::of(day).first_day().to_epoch_days());
    begun.filter(|month| (from..=to).contains(month)).chain([from, to]).collect()
}
