//! Plans: their moves, really made, reach the designation; nothing of the same kind that costs less does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use partnerscore::insight::{self, Effort, Plan, PlannedMove, PlannedUsage, Plans, TrackPlan};
use partnerscore::pipeline::{self, Settings};
use partnerscore::rulebook::{self, Metric, MetricMinimum, Rulebook, Track};
use partnerscore::score::{Points, Score, whole};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;

use crate::baseline_history::{AS_OF, Placed, association, certification, day, partner, usage};
use crate::cases::{add, prefixed};
use crate::command::{Said, run};
use crate::rulebooks::{changed, with_reading};
use crate::samples;
use crate::second_reading::{Association, History, Usage};

const AT_M: &str = "2026-10-01";
const AT_P: &str = "2025-10-01";
const READINGS: [&str; 3] =
    ["deployment_unit tenant_workload", "seat_band largest_workload", "metric_minimum above_zero"];

fn committed_sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample")
}

/// A sample that is planned for in a moment, made once.
fn smaller_sample() -> PathBuf {
    static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("history").display().to_string();
        let size = ["--partners", "30", "--tenants", "600", "--months", "13", "--seed", "21"];
        run(&[&["sample", "--out", &out], &size[..]].concat()).succeeds();
        folder
    });
    FOLDER.path().join("history")
}

fn rules_with(reading: &str) -> Rulebook {
    rulebook::parse(&with_reading(reading), reading).unwrap_or_else(|error| panic!("{error}"))
}

fn settings(root: &Path, rules: &Rulebook) -> Settings {
    Settings::new(root, day(AS_OF), rules.clone())
}

fn default_effort() -> Effort {
    Effort::read(None).unwrap_or_else(|error| panic!("{error}"))
}

fn plans(root: &Path, rules: &Rulebook, effort: &Effort) -> Plans {
    insight::plan_all(&settings(root, rules), effort).unwrap_or_else(|error| panic!("{error}"))
}

/// The plans of the committed sample under the default rulebook.
static DEFAULT: LazyLock<Plans> = LazyLock::new(|| plans(&committed_sample(), &rules_with(""), &default_effort()));

static SAMPLE: LazyLock<Portfolio> = LazyLock::new(|| Portfolio::of(samples::rows(&committed_sample())));

/// A history by account and by tenant, from which partners are copied with moves made.
struct Portfolio {
    history: History,
    account_of: BTreeMap<String, String>,
    usage: BTreeMap<String, Vec<Usage>>,
}

impl Portfolio {
    fn of(history: History) -> Portfolio {
        let ids = history.partners.iter().filter_map(|row| {
            let partner_id = row.partner_id.clone()?;
            Some((partner_id.clone(), row.global_partner_id.clone().unwrap_or(partner_id)))
        });
        let mut usage: BTreeMap<String, Vec<Usage>> = BTreeMap::new();
        for row in history.workload_usage.iter().filter(|row| row.month >= Some(day(AT_P))) {
            usage.entry(row.tenant_id.clone().expect("a tenant")).or_default().push(row.clone());
        }
        Portfolio { account_of: ids.collect(), usage, history }
    }

    fn is_of(&self, account: &str, partner_id: &Option<String>) -> bool {
        let partner_id = partner_id.as_deref().expect("a partner");
        self.account_of.get(partner_id).map_or(partner_id, String::as_str) == account
    }

    /// Adds a partner who has what an account has, and tenants of its own, changed by moves.
    fn copy(&self, into: &mut History, account: &str, id: &str, moves: &[PlannedMove], rules: &Rulebook) {
        let own = |name: &str| Some(format!("{id}/{name}"));
        into.partners.push(partner(id));
        let mut tenants: BTreeSet<&str> = moves.iter().filter_map(|planned| planned.tenant_id.as_deref()).collect();
        for row in self.history.associations.iter().filter(|row| self.is_of(account, &row.partner_id)) {
            let tenant = row.tenant_id.as_deref().expect("a tenant");
            tenants.insert(tenant);
            into.associations.push(Association {
                partner_id: Some(id.to_owned()),
                tenant_id: own(tenant),
                ..row.clone()
            });
        }
        for row in self.history.certifications.iter().filter(|row| self.is_of(account, &row.partner_id)) {
            into.certifications
                .push(crate::second_reading::Certification { partner_id: Some(id.to_owned()), ..row.clone() });
        }
        let from = into.workload_usage.len();
        for tenant in tenants {
            let rows = self.usage.get(tenant).into_iter().flatten();
            into.workload_usage.extend(rows.map(|row| Usage { tenant_id: own(tenant), ..row.clone() }));
        }
        for planned in moves {
            make(into, from, id, planned, rules);
        }
    }
}

/// Makes a move of a partner whose usage begins at a row.
fn make(into: &mut History, from: usize, id: &str, planned: &PlannedMove, rules: &Rulebook) {
    if let (Some(metric), Some(people)) = (&planned.metric, planned.people) {
        let metric = Metric::named(metric).expect("a metric");
        let name = &rules.certifications(metric)[0].name;
        let person = |number: i64| certification(id, &format!("{id} {} {number}", metric.name()), name, AS_OF);
        into.certifications.extend((0..people).map(person));
    }
    let Some(tenant) = &planned.tenant_id else { return };
    let tenant = format!("{id}/{tenant}");
    for change in &planned.usage {
        let is_own = |row: &&mut Usage| {
            row.tenant_id.as_ref() == Some(&tenant)
                && row.workload.as_ref() == Some(&change.workload)
                && row.month == Some(day(AT_M))
        };
        let row =
            into.workload_usage[from..].iter_mut().find(is_own).unwrap_or_else(|| panic!("{id}: no row {change:?}"));
        assert_eq!(
            (row.paid_seats, row.active_users),
            (Some(change.paid_seats_before), Some(change.active_users_before))
        );
        assert!(change.active_users <= change.paid_seats, "{id}: {change:?}");
        (row.paid_seats, row.active_users) = (Some(change.paid_seats), Some(change.active_users));
    }
    if let (true, Some(option)) = (planned.kind.starts_with("associate"), &planned.option) {
        let association_type = &rules.options[option].association_types[0];
        into.associations.push(association(id, &tenant, association_type, AT_M));
    }
}

/// Scores a history of copies, by partner.
fn scored(history: &History, rules: &Rulebook) -> BTreeMap<String, Score> {
    let placed = Placed::new(history);
    let scored =
        pipeline::score(&settings(&placed.history(), rules).of_a_few()).unwrap_or_else(|error| panic!("{error}"));
    scored.scores.into_iter().map(|score| (score.account.partner_id.clone(), score)).collect()
}

/// The points that a metric of a track takes.
fn taken(score: &Score, rules: &Rulebook, track: Track, metric: Metric) -> Points {
    let measures = rules.measures().into_iter().zip(&score.measures);
    let of_metric = measures.filter(|(measure, _)| measure.track == track && measure.metric == metric);
    of_metric.map(|(_, points)| points.points).max().expect("a measure")
}

fn minimum(rules: &Rulebook) -> Points {
    match rules.choices.metric_minimum.reading {
        MetricMinimum::AtLeastOne => whole(1),
        MetricMinimum::AboveZero => Points(1),
    }
}

fn is_enough(points: &[Points], rules: &Rulebook) -> bool {
    points.iter().sum::<Points>() >= whole(rules.designation.points)
        && points.iter().all(|metric| *metric >= minimum(rules))
}

fn reaches(score: &Score, rules: &Rulebook, track: Track) -> bool {
    is_enough(&Metric::ALL.map(|metric| taken(score, rules, track, metric)), rules)
}

fn of_track(score: &Score, track: &str) -> Points {
    if track == Track::Enterprise.name() { score.enterprise_points } else { score.smb_points }
}

fn effort_of(moves: &[PlannedMove]) -> i64 {
    moves.iter().map(|planned| planned.effort).sum()
}

/// What plans promise, each to be scored: the copy's id, the track, and whose it is.
fn copies<'a>(plans: impl Iterator<Item = &'a Plan>) -> Vec<(String, Track, &'a Plan, Vec<PlannedMove>)> {
    let mut copies = Vec::new();
    for plan in plans {
        for of_track in &plan.tracks {
            let track = Track::named(&of_track.track).expect("a track");
            assert_eq!(of_track.effort, effort_of(&of_track.moves), "{}: {of_track:?}", plan.partner_id);
            if of_track.reached {
                copies.push((format!("{} {track:?}", plan.partner_id), track, plan, of_track.moves.clone()));
            }
            if let Some(one_move) = &of_track.one_move {
                assert!(of_track.reached && of_track.effort <= one_move.effort, "{}: {one_move:?}", plan.partner_id);
                copies.push((format!("{} {track:?} by one", plan.partner_id), track, plan, vec![one_move.clone()]));
            }
        }
    }
    copies
}

/// Makes the moves of plans in files of their own, and asserts that they reach what they promise.
fn assert_reached<'a>(portfolio: &Portfolio, rules: &Rulebook, plans: impl Iterator<Item = &'a Plan>) -> usize {
    let copies = copies(plans);
    let mut history = History::default();
    for (id, _, plan, moves) in &copies {
        portfolio.copy(&mut history, &plan.partner_id, id, moves, rules);
    }
    let scores = scored(&history, rules);
    for (id, track, plan, moves) in &copies {
        let points = Metric::ALL.map(|metric| taken(&scores[id], rules, *track, metric));
        assert!(reaches(&scores[id], rules, *track), "{id}: {points:?} after {moves:?} of {:?}", plan.now);
        let after =
            plan.tracks.iter().find(|of_track| &of_track.moves == moves).and_then(|of_track| of_track.points_after);
        if let Some(after) = after {
            assert_eq!(Points::of_f64(after), of_track(&scores[id], track.name()), "{id}");
        }
    }
    copies.len()
}

#[test]
fn moves_really_made_reach_the_designation() {
    let proven = assert_reached(&SAMPLE, &rules_with(""), DEFAULT.plans.iter());
    assert!(proven >= 50, "{proven} plans");
}

#[test]
fn moves_really_made_reach_the_designation_under_other_readings() {
    let portfolio = Portfolio::of(samples::rows(&smaller_sample()));
    for reading in READINGS {
        let rules = rules_with(reading);
        let plans = plans(&smaller_sample(), &rules, &default_effort());
        let proven = assert_reached(&portfolio, &rules, plans.plans.iter());
        assert!(proven >= 20, "{proven} plans under {reading}");
    }
}

/// What is copied scores as the partner it is copied from: the proof above proves something.
#[test]
fn a_copy_without_moves_scores_as_its_partner() {
    let rules = rules_with("");
    let mut history = History::default();
    for plan in &DEFAULT.plans {
        SAMPLE.copy(&mut history, &plan.partner_id, &plan.partner_id, &[], &rules);
    }
    let scores = scored(&history, &rules);
    for plan in &DEFAULT.plans {
        let (score, now) = (&scores[&plan.partner_id], &plan.now);
        assert_eq!(Points::of_f64(now.enterprise_points), score.enterprise_points, "{}", plan.partner_id);
        assert_eq!(Points::of_f64(now.smb_points), score.smb_points, "{}", plan.partner_id);
        for planned in &plan.tracks {
            assert_eq!(Points::of_f64(planned.points), of_track(score, &planned.track));
            let short = whole(rules.designation.points) - Points::of_f64(planned.points);
            assert_eq!(Points::of_f64(planned.points_short), short.max(Points(0)));
            for metric in Metric::ALL {
                let track = Track::named(&planned.track).expect("a track");
                let lacks = minimum(&rules) - taken(score, &rules, track, metric);
                let told = planned.lacking.get(metric.name()).copied().map(Points::of_f64);
                assert_eq!(told, (lacks > Points(0)).then_some(lacks), "{} {}", plan.partner_id, metric.name());
            }
        }
    }
}

#[test]
fn every_partner_without_the_designation_is_planned_for_once_the_easiest_first() {
    let scored = pipeline::score(&settings(&committed_sample(), &rules_with(""))).expect("scored");
    let without = scored.scores.iter().filter(|score| !score.qualified).map(|score| score.account.partner_id.clone());
    let planned: Vec<String> = DEFAULT.plans.iter().map(|plan| plan.partner_id.clone()).collect();
    assert_eq!(planned.iter().cloned().collect::<BTreeSet<_>>(), without.collect());
    assert_eq!(planned.iter().collect::<BTreeSet<_>>().len(), planned.len(), "nobody twice");
    let order = DEFAULT.plans.iter().map(|plan| {
        let efforts = plan.tracks.iter().filter(|of_track| of_track.reached).map(|of_track| of_track.effort);
        let least = efforts.min();
        assert_eq!(plan.easiest().map(|of_track| of_track.effort), least, "{}", plan.partner_id);
        (least.is_none(), least, &plan.partner_id)
    });
    assert!(order.is_sorted());
}

fn planned(root: &Path, rules: &Rulebook, partner_id: &str) -> Plan {
    let settings = Settings { partners: vec![partner_id.to_owned()], ..settings(root, rules) };
    insight::plan(&settings.of_a_few(), &default_effort()).unwrap_or_else(|error| panic!("{partner_id}: {error}"))
}

/// By itself a partner is planned for with more candidates, and told the points it would have.
#[test]
fn a_plan_for_one_partner_is_as_true_and_no_dearer() {
    let (rules, root) = (rules_with(""), smaller_sample());
    let plans = plans(&root, &rules, &default_effort());
    let reached: Vec<&Plan> = plans.plans.iter().filter(|plan| plan.easiest.is_some()).collect();
    let few: Vec<Plan> =
        reached.iter().step_by(reached.len() / 2 + 1).map(|plan| planned(&root, &rules, &plan.partner_id)).collect();
    for plan in &few {
        let of_all = reached.iter().find(|other| other.partner_id == plan.partner_id).expect("the plan of all");
        for (alone, together) in plan.tracks.iter().zip(&of_all.tracks) {
            assert!(!together.reached || alone.reached && alone.effort <= together.effort, "{}", plan.partner_id);
            assert_eq!(alone.points_after.is_some(), alone.reached);
        }
        let easiest = plan.easiest().expect("a plan");
        let settings = Settings { partners: vec![plan.partner_id.clone()], ..settings(&root, &rules) };
        let simulation = insight::simulate(&settings.of_a_few(), &easiest.scenario()).expect("simulated");
        assert!(simulation.after.qualified, "{}: {:?}", plan.partner_id, simulation.after);
    }
    assert_reached(&Portfolio::of(samples::rows(&root)), &rules, few.iter());
}

#[test]
fn a_partner_with_the_designation_needs_no_moves() {
    let accounts: BTreeSet<&String> = SAMPLE.account_of.values().collect();
    let without: BTreeSet<&String> = DEFAULT.plans.iter().map(|plan| &plan.partner_id).collect();
    let mut plans = accounts.difference(&without).map(|id| planned(&committed_sample(), &rules_with(""), id));
    let is_on_one_track = |plan: &Plan| plan.tracks.iter().filter(|of_track| of_track.reached).count() == 1;
    let plan = plans.find(is_on_one_track).expect("a partner with the designation on one track");
    assert!(plan.now.qualified && plan.easiest.is_none() && plan.one_move().is_none());
    for of_track in &plan.tracks {
        assert!(of_track.moves.is_empty() && of_track.effort == 0, "{of_track:?}");
        assert_eq!(of_track.reached, of_track.track == plan.now.track);
    }
    let source = committed_sample().display().to_string();
    let said = run(&["plan", &source, "--as-of", AS_OF, "--partner", &plan.partner_id]);
    assert!(said.succeeds().stdout.contains(": the other track has the designation"), "{}", said.stdout);
    assert!(said.stdout.contains(": the designation is there"), "{}", said.stdout);
}

// ------------------------------------------------------------------ small partners, every set of moves really scored

/// Targets so low that a few tenants are enough.
fn low_targets() -> Rulebook {
    let table = |text: &str| toml::Value::Table(text.parse().expect("TOML"));
    let targets = [
        ("net_customer_adds", "enterprise = 1\nsmb = 2"),
        ("usage_growth", "enterprise = { cpor = 10, dpor = 14 }\nsmb = { cpor = 12, csp = 9 }"),
        ("deployments", "enterprise = { cpor = 1, dpor = 2 }\nsmb = { cpor = 2, csp = 2 }"),
    ];
    let targets = targets.map(|(metric, text)| (format!("metrics.{metric}.targets"), table(text)));
    rulebook::parse(&changed(&BTreeMap::from(targets)), "low targets").unwrap_or_else(|error| panic!("{error}"))
}

/// A partner `acme` with so many tenants, and `rival`, who may hold one of them.
fn small(seed: u64, tenants: usize) -> History {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut history = History { partners: vec![partner("acme"), partner("rival")], ..History::default() };
    for tenant in ["t0", "t1", "t2"].into_iter().take(tenants) {
        let kind = *["CPOR", "CSP_TIER_1", "DPOR", "CPOR"].choose(&mut random).expect("a type");
        let start = *["2024-01-01", "2026-03-10", "2026-03-10"].choose(&mut random).expect("a day");
        let workload = *[None, None, Some("teams"), Some("planner")].choose(&mut random).expect("a workload");
        let row = association("acme", tenant, kind, start);
        history.associations.push(Association { workload: workload.map(str::to_owned), ..row });
        if random.random_bool(0.2) {
            history.associations.push(association("rival", tenant, "CPOR", "2024-01-01"));
        }
        for workload in ["teams", "exchange"] {
            let seats = *[6, 9, 14, 20, 30, 299, 303].choose(&mut random).expect("seats");
            let users = seats * random.random_range(20..60) / 100;
            for (month, users) in [(AT_P, users / 3), ("2026-03-01", users / 2), (AT_M, users)] {
                history.workload_usage.push(usage(tenant, workload, month, seats, users));
            }
        }
    }
    for (person, name) in [("ann", "enterprise_administrator_expert"), ("ben", "endpoint_administrator_associate")] {
        if random.random_bool(0.5) {
            history.certifications.push(certification("acme", person, name, "2025-01-01"));
        }
    }
    history
}

/// What can be done at one tenant, as a plan might propose it.
#[derive(Debug, Clone, Default)]
struct Deed {
    usage: Vec<PlannedUsage>,
    files: Option<String>,
    /// Whether it wins users without bringing the tenant over the share of a deployment: that is not charged by tenant.
    only_users: bool,
}

impl Deed {
    fn seats(&self) -> i64 {
        self.usage.iter().map(|row| row.paid_seats - row.paid_seats_before).sum()
    }

    fn users(&self) -> i64 {
        self.usage.iter().map(|row| row.active_users - row.active_users_before).sum()
    }

    /// None where the option may not be filed.
    fn effort(&self, effort: &Effort) -> Option<i64> {
        let filing = self.files.as_ref().map_or(Some(0), |option| effort.associate.get(option).copied())?;
        let tenant = if self.usage.is_empty() || self.only_users { 0 } else { effort.tenant };
        Some(filing + tenant + self.seats() * effort.paid_seat + self.users() * effort.active_user)
    }

    fn as_move(&self, tenant_id: &str) -> PlannedMove {
        PlannedMove {
            kind: (if self.files.is_some() { "associate" } else { "raise" }).to_owned(),
            effort: 0,
            what: String::new(),
            metric: None,
            people: None,
            tenant_id: Some(tenant_id.to_owned()),
            option: self.files.clone(),
            usage: self.usage.clone(),
        }
    }
}

/// A tenant of a small partner at M.
struct Tenant {
    now: Vec<PlannedUsage>,
    /// By option through which it is held, the listed workloads covered.
    covered: BTreeMap<String, BTreeSet<String>>,
    /// Options that may be filed.
    open: Vec<String>,
}

impl Tenant {
    fn of(history: &History, tenant_id: &str, rules: &Rulebook) -> Tenant {
        let is_own = |id: &Option<String>| id.as_deref() == Some(tenant_id);
        let at_m = history.workload_usage.iter().filter(|row| is_own(&row.tenant_id) && row.month == Some(day(AT_M)));
        let rows = || history.associations.iter().filter(|row| is_own(&row.tenant_id));
        let covers = |row: &Association, whose: &str, option: &str, workload: &String| {
            row.partner_id.as_deref() == Some(whose)
                && row
                    .association_type
                    .as_ref()
                    .is_some_and(|kind| rules.options[option].association_types.contains(kind))
                && row.workload.as_ref().is_none_or(|only| only == workload)
        };
        let held = |whose: &str, option: &str| -> BTreeSet<String> {
            let listed = rules.workloads("modern_work").iter();
            listed.filter(|workload| rows().any(|row| covers(row, whose, option, workload))).cloned().collect()
        };
        let covered: BTreeMap<String, BTreeSet<String>> =
            rules.options.keys().map(|option| (option.clone(), held("acme", option))).collect();
        let is_open = |option: &&String| {
            covered[*option].is_empty() && (!rules.options[*option].exclusive || held("rival", option).is_empty())
        };
        let open = rules.options.keys().filter(is_open).cloned().collect();
        let covered = covered.into_iter().filter(|(_, workloads)| !workloads.is_empty()).collect();
        Tenant { now: at_m.map(unchanged).collect(), covered, open }
    }

    /// Everything that can be done here, with so many users won at most where nothing else is done.
    fn deeds(&self, rules: &Rulebook, most_users: i64) -> Vec<Deed> {
        let raised: Vec<_> = Track::ALL.into_iter().filter_map(|track| in_band(&self.now, rules, track)).collect();
        let mut deeds = vec![Deed::default()];
        deeds.extend(raised.iter().map(|usage| Deed { usage: changes(usage), ..Deed::default() }));
        for covered in self.covered.values() {
            for from in std::iter::once(&self.now).chain(&raised) {
                let short = short_of_deployed(from, covered, rules);
                let usage = with_users(from, covered, short);
                if short > 0 && short_of_deployed(&usage, covered, rules) == 0 {
                    deeds.push(Deed { usage: changes(&usage), ..Deed::default() });
                }
            }
            for users in 1..=most_users {
                let usage = with_users(&self.now, covered, users);
                let deed = Deed { usage: changes(&usage), files: None, only_users: true };
                if deed.users() == users && !self.becomes_deployed(&usage, rules) {
                    deeds.push(deed);
                }
            }
        }
        for option in &self.open {
            let files = Some(option.clone());
            deeds.push(Deed { files: files.clone(), ..Deed::default() });
            deeds.extend(raised.iter().map(|usage| Deed {
                usage: changes(usage),
                files: files.clone(),
                only_users: false,
            }));
        }
        deeds
    }

    fn becomes_deployed(&self, usage: &[PlannedUsage], rules: &Rulebook) -> bool {
        let short = |usage: &[PlannedUsage], covered| short_of_deployed(usage, covered, rules) > 0;
        self.covered.values().any(|covered| short(&self.now, covered) && !short(usage, covered))
    }
}

fn unchanged(row: &Usage) -> PlannedUsage {
    let [paid_seats, active_users] = [row.paid_seats, row.active_users].map(|count| count.expect("a count"));
    PlannedUsage {
        workload: row.workload.clone().expect("a workload"),
        paid_seats,
        active_users,
        paid_seats_before: paid_seats,
        active_users_before: active_users,
    }
}

fn changes(usage: &[PlannedUsage]) -> Vec<PlannedUsage> {
    let is_changed =
        |row: &&PlannedUsage| (row.paid_seats, row.active_users) != (row.paid_seats_before, row.active_users_before);
    usage.iter().filter(is_changed).cloned().collect()
}

/// The largest workload in a band that all lie below.
fn in_band(now: &[PlannedUsage], rules: &Rulebook, track: Track) -> Option<Vec<PlannedUsage>> {
    let from = rules.track(track).paid_seats_from;
    let largest = (0..now.len()).max_by_key(|row| now[*row].paid_seats)?;
    let mut raised = now.to_vec();
    raised[largest].paid_seats = from;
    (now[largest].paid_seats < from).then_some(raised)
}

fn short_of_deployed(usage: &[PlannedUsage], covered: &BTreeSet<String>, rules: &Rulebook) -> i64 {
    let rows = || usage.iter().filter(|row| covered.contains(&row.workload));
    let (seats, users): (i64, i64) = (rows().map(|row| row.paid_seats).sum(), rows().map(|row| row.active_users).sum());
    let percent = rules.metrics.deployments.deployed_at_percent;
    (0..).find(|more| (users + more) * 100 >= seats * percent).expect("a number of users")
}

/// So many more users on the covered workloads, as far as seats go.
fn with_users(usage: &[PlannedUsage], covered: &BTreeSet<String>, mut users: i64) -> Vec<PlannedUsage> {
    let mut with = usage.to_vec();
    for row in with.iter_mut().filter(|row| covered.contains(&row.workload)) {
        let won = users.min((row.paid_seats - row.active_users).max(0));
        row.active_users += won;
        users -= won;
    }
    with
}

/// One thing done at each tenant of a small partner, and what it earns on each track, people aside.
struct Combination {
    deeds: Vec<Deed>,
    id: String,
}

/// Every combination of deeds of a small partner.
fn combinations(history: &History, index: usize, rules: &Rulebook) -> Vec<Combination> {
    let ids: BTreeSet<&str> = history.workload_usage.iter().filter_map(|row| row.tenant_id.as_deref()).collect();
    let most_users = if ids.len() > 2 { 3 } else { 14 };
    let mut chosen: Vec<Vec<Deed>> = vec![Vec::new()];
    for tenant_id in ids {
        let deeds = Tenant::of(history, tenant_id, rules).deeds(rules, most_users);
        chosen = chosen
            .iter()
            .flat_map(|done| deeds.iter().map(|deed| [done.as_slice(), std::slice::from_ref(deed)].concat()))
            .collect();
    }
    let numbered = chosen.into_iter().enumerate();
    numbered.map(|(number, deeds)| Combination { deeds, id: format!("{index}#{number}") }).collect()
}

/// Small partners, and every combination of what they could do, really scored.
struct Exhausted {
    rules: Rulebook,
    /// All of them beside each other, for plans.
    together: History,
    by_partner: Vec<(String, Vec<Combination>)>,
    scores: BTreeMap<String, Score>,
}

static EXHAUSTED: LazyLock<Exhausted> = LazyLock::new(|| {
    let rules = low_targets();
    let (mut together, mut all, mut by_partner) = (History::default(), History::default(), Vec::new());
    for (index, (seed, tenants)) in [(1, 2), (2, 2), (3, 2), (4, 2), (5, 2), (6, 2), (7, 3)].into_iter().enumerate() {
        let history = small(seed, tenants);
        add(&mut together, &history, index);
        let combinations = combinations(&history, index, &rules);
        let portfolio = Portfolio::of(history);
        let ids: BTreeSet<String> = portfolio.usage.keys().cloned().collect();
        for combination in &combinations {
            let moves: Vec<PlannedMove> =
                ids.iter().zip(&combination.deeds).map(|(id, deed)| deed.as_move(id)).collect();
            portfolio.copy(&mut all, "acme", &combination.id, &moves, &rules);
        }
        by_partner.push((prefixed("acme", index), combinations));
    }
    let scores = scored(&all, &rules);
    Exhausted { rules, together, by_partner, scores }
});

impl Exhausted {
    /// The least effort of all combinations, with any number of people certified besides, that reach the designation.
    fn least(&self, combinations: &[Combination], track: Track, effort: &Effort, advanced_too: bool) -> Option<i64> {
        let mut least: Option<i64> = None;
        for combination in combinations {
            let Some(done) = combination.deeds.iter().map(|deed| deed.effort(effort)).sum::<Option<i64>>() else {
                continue;
            };
            let score = &self.scores[&combination.id];
            for people in (0..=4).flat_map(|intermediate| (0..=2).map(move |advanced| [intermediate, advanced])) {
                let total = done + people[0] * effort.certify_intermediate + people[1] * effort.certify_advanced;
                let is_cheaper = least.is_none_or(|least| total < least) && (advanced_too || people[1] == 0);
                if is_cheaper && self.is_enough(score, track, people) {
                    least = Some(total);
                }
            }
        }
        least
    }

    fn is_enough(&self, score: &Score, track: Track, people: [i64; 2]) -> bool {
        let skills = [Metric::IntermediateCertifications, Metric::AdvancedCertifications];
        let with_people = |metric: Metric| match skills.iter().position(|skill| *skill == metric) {
            None => taken(score, &self.rules, track, metric),
            Some(place) => {
                let measures = self.rules.measures().into_iter().zip(&score.measures);
                let mut of_metric = measures.filter(|(measure, _)| measure.track == track && measure.metric == metric);
                let (measure, points) = of_metric.next().expect("a measure");
                let value = (points.current + people[place]).min(measure.target);
                Points((2 * value * measure.max_points * 10_000 / measure.target + 1) / 2)
            }
        };
        is_enough(&Metric::ALL.map(with_people), &self.rules)
    }
}

fn efforts() -> [(&'static str, Effort); 4] {
    let default = default_effort();
    let free = BTreeMap::from([("cpor".to_owned(), 0), ("dpor".to_owned(), 0)]);
    [
        ("advanced people cost the most there is", Effort { certify_advanced: 1_000_000, ..default.clone() }),
        ("associations and tenants cost nothing", Effort { associate: free, tenant: 0, ..default.clone() }),
        ("users are dear and seats are free", Effort { active_user: 50, paid_seat: 0, ..default.clone() }),
        ("default", default),
    ]
}

/// Whatever moves cost: no set of deeds that really reaches the designation costs less than the plan.
#[test]
fn no_set_of_moves_that_reaches_the_designation_costs_less() {
    let exhausted = &*EXHAUSTED;
    let placed = Placed::new(&exhausted.together);
    let portfolio = Portfolio::of(exhausted.together.clone());
    let mut reached = 0;
    for (what, effort) in efforts() {
        let plans = insight::plan_all(&settings(&placed.history(), &exhausted.rules).of_a_few(), &effort);
        let plans = plans.unwrap_or_else(|error| panic!("{error}")).plans;
        for (partner_id, combinations) in &exhausted.by_partner {
            let Some(plan) = plans.iter().find(|plan| &plan.partner_id == partner_id) else { continue };
            for (track, planned) in Track::ALL.into_iter().zip(&plan.tracks) {
                let least = exhausted.least(combinations, track, &effort, true);
                assert_cheapest(planned, least, &format!("{what}: {partner_id} {track:?}"));
                reached += usize::from(least.is_some());
                let without = exhausted.least(combinations, track, &effort, false);
                let certifies =
                    planned.moves.iter().any(|planned| planned.metric.as_deref() == Some("advanced_certifications"));
                let dear = effort.certify_advanced > 100_000 && without.is_some();
                assert!(!(dear && certifies), "{partner_id} {track:?} certifies though it need not: {planned:?}");
            }
        }
        assert_reached(&portfolio, &exhausted.rules, plans.iter());
    }
    assert!(reached >= 24, "only {reached} plans to compare");
}

fn assert_cheapest(planned: &TrackPlan, least: Option<i64>, what: &str) {
    let Some(least) = least else { return };
    assert!(planned.reached, "{what}: {least} would be enough, and no plan was found");
    assert!(
        planned.effort <= least,
        "{what}: {least} would be enough, and the plan costs {} {planned:?}",
        planned.effort
    );
}

/// A partner who lacks nothing but tenants won and deployed, and claims two on a workload that no metric lists.
fn claims_elsewhere() -> History {
    let mut history = History { partners: vec![partner("acme"), partner("rival")], ..History::default() };
    for tenant in ["t0", "t1"] {
        let row = association("acme", tenant, "CPOR", "2024-01-01");
        history.associations.push(Association { workload: Some("planner".to_owned()), ..row });
    }
    history.associations.push(association("acme", "grows", "CPOR", "2024-01-01"));
    for (tenant, then, now) in [("t0", 5, 8), ("t1", 5, 8), ("grows", 2, 12)] {
        let seats = if tenant == "grows" { 200 } else { 20 };
        history.workload_usage.push(usage(tenant, "teams", AT_P, seats, then));
        history.workload_usage.push(usage(tenant, "teams", AT_M, seats, now));
    }
    for (person, name) in [
        ("ann", "enterprise_administrator_expert"),
        ("ben", "endpoint_administrator_associate"),
        ("cleo", "endpoint_administrator_associate"),
    ] {
        history.certifications.push(certification("acme", person, name, "2025-01-01"));
    }
    history
}

/// An association is proposed where none counts, and not where another partner has the only one.
#[test]
fn an_association_is_filed_where_it_can_be() {
    let smb = |history: &History| {
        let placed = Placed::new(history);
        planned(&placed.history(), &low_targets(), "acme").tracks.remove(1)
    };
    let mut history = claims_elsewhere();
    let open = smb(&history);
    let filed = open.one_move.as_ref().expect("one association is enough");
    assert_eq!(
        (filed.kind.as_str(), filed.option.as_deref(), filed.effort),
        ("associate", Some("cpor"), 4),
        "{filed:?}"
    );
    assert_eq!((open.effort, &open.moves), (4, &vec![filed.clone()]));
    for tenant in ["t0", "t1"] {
        history.associations.push(association("rival", tenant, "CPOR", "2025-12-01"));
    }
    let taken = smb(&history);
    assert!(!taken.reached && taken.one_move.is_none(), "{taken:?}");
}

// ------------------------------------------------------------------ the command

fn plan(history: &Path, more: &[&str]) -> Said {
    run(&[&["plan", &history.to_string_lossy(), "--as-of", AS_OF], more].concat())
}

/// What is wrong in a file of efforts: a text of the default file, what stands there instead, and what is said.
const WRONG_EFFORTS: [(&str, &str, &[&str]); 10] = [
    ("paid_seat = 3", "paid_seats = 3", &["unknown field `paid_seats`", "did you mean `paid_seat`?"]),
    ("tenant = 8", "tenant = -8", &["tenant is out of range", "use 0 to 1000000"]),
    ("tenant = 8", "tenant = 1000001", &["tenant is out of range"]),
    ("tenant = 8", "tenant = 'eight'", &["invalid type"]),
    ("tenant = 8", "tenant = 8.5", &["invalid type"]),
    ("cpor = 4", "cpor = -1", &["associate.cpor is out of range"]),
    ("cpor = 4", "cpro = 4", &["there is no option `cpro`", "did you mean `cpor`?"]),
    ("dpor = 8", "dpor = 9223372036854775807", &["associate.dpor is out of range"]),
    ("[associate]", "[asociate]", &["did you mean `associate`?"]),
    ("tenant = 8", "tenant = ", &[]),
];

#[test]
fn what_is_wrong_in_a_file_of_efforts_is_said_with_its_line() {
    let placed = Placed::new(&small(1, 2));
    let default =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("data/effort.toml")).expect("efforts");
    let file = placed.folder.path().join("effort.toml");
    let said = |text: String| {
        std::fs::write(&file, text).expect("a file");
        plan(&placed.history(), &["--partner", "acme", "--effort", &file.to_string_lossy()])
    };
    for (from, to, texts) in WRONG_EFFORTS {
        assert!(default.contains(from), "{from}");
        let text = default.replacen(from, to, 1);
        let line = text.lines().position(|line| line.starts_with(to)).expect("the line") + 1;
        said(text).fails(2, &[&[format!("effort.toml:{line}\n").as_str()], texts].concat());
    }
    said(default.replace("active_user = 1\n", "")).fails(2, &["missing field `active_user`"]);
    let absent = plan(&placed.history(), &["--partner", "acme", "--effort", "nowhere.toml"]);
    absent.fails(2, &["could not read the efforts", "nowhere.toml"]);
}

#[test]
fn the_command_plans_for_one_or_for_all() {
    let placed = Placed::new(&EXHAUSTED.together);
    let source = placed.history();
    let table = plan(&source, &["--all"]);
    assert!(table.succeeds().stdout.contains("without the designation"), "{}", table.stdout);
    let csv = plan(&source, &["--all", "--format", "csv"]).succeeds().stdout.clone();
    let header = "partner_id,partner_name,distributor_id,total_points,track,effort,moves,one_move,what";
    assert_eq!(csv.lines().next(), Some(header));
    let json: serde_json::Value =
        serde_json::from_str(&plan(&source, &["--all", "--format", "json"]).succeeds().stdout).expect("JSON");
    assert_eq!(json["plans"].as_array().map(Vec::len), Some(csv.lines().count() - 1));
    let one = plan(&source, &["--partner", "case0-acme"]);
    assert!(one.succeeds().stdout.starts_with("case0-acme\n"), "{}", one.stdout);
    plan(&source, &[]).fails(2, &["name a partner with --partner, or plan for --all"]);
    plan(&source, &["--partner", "case0-acme", "--all"]).fails(2, &["--all"]);
    plan(&source, &["--partner", "case0-acme", "--distributor", "north"]).fails(2, &["--distributor"]);
    plan(&source, &["--partner", "case0-acm"]).fails(2, &["did you mean `case0-acme`?"]);
    plan(&source, &["--all", "--distributor", "north"]).fails(2, &["no distributor `north`"]);
}
