//! A second reading of the rules, row by row, written from the contract and not from the code: slow, plain, and easy to check.
//!
//! Nothing here shares a line, a type or a way of computing with the program. Where the two disagree, one of them is wrong.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Months, NaiveDate};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Partner {
    pub partner_id: Option<String>,
    pub partner_name: Option<String>,
    pub global_partner_id: Option<String>,
    pub distributor_id: Option<String>,
    pub market: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Association {
    pub partner_id: Option<String>,
    pub tenant_id: Option<String>,
    pub workload: Option<String>,
    pub association_type: Option<String>,
    pub start_date: Option<NaiveDate>,
    pub end_date: Option<NaiveDate>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Certification {
    pub partner_id: Option<String>,
    pub person_id: Option<String>,
    pub certification: Option<String>,
    pub earned_on: Option<NaiveDate>,
    pub expires_on: Option<NaiveDate>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Usage {
    pub tenant_id: Option<String>,
    pub workload: Option<String>,
    pub month: Option<NaiveDate>,
    pub paid_seats: Option<i64>,
    pub active_users: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    pub partners: Vec<Partner>,
    pub associations: Vec<Association>,
    pub certifications: Vec<Certification>,
    pub workload_usage: Vec<Usage>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MetricMinimum {
    AtLeastOne,
    AboveZero,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SeatBand {
    AnyWorkload,
    LargestWorkload,
}

#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(clippy::enum_variant_names)] // the contract's own names
pub enum DeploymentUnit {
    TenantPooled,
    TenantAnyWorkload,
    TenantWorkload,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum UsageBaseline {
    AssociationMonth,
    YearAgo,
    LargerOfBoth,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LostTenants {
    Subtract,
    Ignore,
}

/// One track: its seat band, and its options with the association types that each stands for.
#[derive(Debug, Clone)]
pub struct Track {
    pub name: String,
    pub seats_from: i64,
    pub seats_to: Option<i64>,
    pub options: Vec<(String, Vec<String>)>,
    /// By metric and option (`all` where there are none).
    pub targets: BTreeMap<(String, String), i64>,
}

/// A certification that counts: its names, and the last day it does.
#[derive(Debug, Clone)]
pub struct Listed {
    pub names: Vec<String>,
    pub eligible_until: Option<NaiveDate>,
}

#[derive(Debug, Clone)]
pub struct Rules {
    pub data_ready_day: u32,
    pub year_ago_months: u32,
    pub designation_points: i64,
    /// Enterprise, then smb.
    pub tracks: [Track; 2],
    pub max_points: BTreeMap<String, i64>,
    /// Eligible workloads by metric.
    pub workloads: BTreeMap<String, Vec<String>>,
    /// Listed certifications by metric.
    pub certifications: BTreeMap<String, Vec<Listed>>,
    pub deployed_at_percent: i64,
    pub metric_minimum: MetricMinimum,
    pub seat_band: SeatBand,
    pub deployment_unit: DeploymentUnit,
    pub usage_baseline: UsageBaseline,
    pub lost_tenants: LostTenants,
    pub smb_carry_over: bool,
}

/// The metrics in the order of the contract's table.
pub const METRICS: [&str; 5] =
    ["net_customer_adds", "intermediate_certifications", "advanced_certifications", "usage_growth", "deployments"];

/// A rejected row.
#[derive(Debug, Clone, PartialEq)]
pub struct Reject {
    pub table: &'static str,
    pub rule: &'static str,
}

/// A row of `scores`; points are ten-thousandths.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    pub rank: i64,
    pub partner_id: String,
    pub partner_name: Option<String>,
    pub distributor_id: Option<String>,
    pub market: Option<String>,
    pub distributor_rank: Option<i64>,
    pub track: String,
    pub qualified: bool,
    pub total_points: i64,
    pub metrics: [i64; 5],
    pub enterprise_points: i64,
    pub smb_points: i64,
    pub points_short: i64,
    pub metrics_short: String,
}

/// A row of `metric_points`; points are ten-thousandths.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricPoint {
    pub partner_id: String,
    pub track: String,
    pub metric: String,
    pub option: String,
    pub current: i64,
    pub prior: i64,
    pub target: i64,
    pub points: i64,
    pub max_points: i64,
    pub counted: bool,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scored {
    pub scores: Vec<Score>,
    pub metric_points: Vec<MetricPoint>,
}

fn first_of_month(day: NaiveDate) -> NaiveDate {
    day.with_day(1).expect("every month has a first")
}

fn last_of_month(month: NaiveDate) -> NaiveDate {
    (month + Months::new(1)).pred_opt().expect("a day before")
}

/// "On day 20 or later of a month, M is the month before; earlier than that, two months before."
pub fn usage_months(as_of: NaiveDate, rules: &Rules) -> (NaiveDate, NaiveDate) {
    let back = if as_of.day() >= rules.data_ready_day { 1 } else { 2 };
    let m = first_of_month(as_of) - Months::new(back);
    (m, m - Months::new(rules.year_ago_months))
}

/// Rejects rows as section 3 says; what is left is sound, exact repeats of usage folded.
pub fn check(history: &History) -> (History, Vec<Reject>) {
    let history = &without_blank_texts(history);
    let mut rejects = Vec::new();
    let mut sound = History::default();
    for row in &history.partners {
        match row.partner_id {
            None => rejects.push(Reject { table: "partners", rule: "null_key" }),
            Some(_) => sound.partners.push(row.clone()),
        }
    }
    let mut known: BTreeSet<String> = sound.partners.iter().filter_map(|row| row.partner_id.clone()).collect();
    known.extend(sound.partners.iter().filter_map(|row| row.global_partner_id.clone()));
    for row in &history.associations {
        match association_fault(row, &known) {
            Some(rule) => rejects.push(Reject { table: "associations", rule }),
            None => sound.associations.push(row.clone()),
        }
    }
    for row in &history.certifications {
        match certification_fault(row, &known) {
            Some(rule) => rejects.push(Reject { table: "certifications", rule }),
            None => sound.certifications.push(row.clone()),
        }
    }
    let mut by_key: BTreeMap<_, Vec<Usage>> = BTreeMap::new();
    for row in &history.workload_usage {
        match usage_fault(row) {
            Some(rule) => rejects.push(Reject { table: "workload_usage", rule }),
            None => {
                by_key.entry((row.tenant_id.clone(), row.workload.clone(), row.month)).or_default().push(row.clone())
            }
        }
    }
    for rows in by_key.into_values() {
        if rows.iter().all(|row| *row == rows[0]) {
            sound.workload_usage.push(rows[0].clone());
        } else {
            rejects.extend(rows.iter().map(|_| Reject { table: "workload_usage", rule: "conflicting_usage" }));
        }
    }
    (sound, rejects)
}

/// "Empty or blank text in a required key is a null key; in an optional column it is null."
fn without_blank_texts(history: &History) -> History {
    let mut history = history.clone();
    for row in &mut history.partners {
        for text in [&mut row.partner_id, &mut row.partner_name, &mut row.global_partner_id] {
            forget_blank(text);
        }
        forget_blank(&mut row.distributor_id);
        forget_blank(&mut row.market);
    }
    for row in &mut history.associations {
        for text in [&mut row.partner_id, &mut row.tenant_id, &mut row.workload, &mut row.association_type] {
            forget_blank(text);
        }
    }
    for row in &mut history.certifications {
        for text in [&mut row.partner_id, &mut row.person_id, &mut row.certification] {
            forget_blank(text);
        }
    }
    for row in &mut history.workload_usage {
        for text in [&mut row.tenant_id, &mut row.workload] {
            forget_blank(text);
        }
    }
    history
}

fn forget_blank(text: &mut Option<String>) {
    let shows = |character: char| {
        let zero_width = "\u{ad}\u{180e}\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}".contains(character);
        !character.is_whitespace() && !character.is_control() && !zero_width
    };
    if text.as_ref().is_some_and(|text| !text.contains(shows)) {
        *text = None;
    }
}

fn association_fault(row: &Association, known: &BTreeSet<String>) -> Option<&'static str> {
    let (Some(partner), Some(_), Some(kind), Some(start)) =
        (&row.partner_id, &row.tenant_id, &row.association_type, row.start_date)
    else {
        return Some("null_key");
    };
    if !["CPOR", "DPOR", "CSP_TIER_1", "CSP_TIER_2"].contains(&kind.as_str()) {
        return Some("unknown_association_type");
    }
    if row.end_date.is_some_and(|end| end < start) {
        return Some("end_before_start");
    }
    (!known.contains(partner)).then_some("unknown_partner")
}

fn certification_fault(row: &Certification, known: &BTreeSet<String>) -> Option<&'static str> {
    let (Some(partner), Some(_), Some(_), Some(earned)) =
        (&row.partner_id, &row.person_id, &row.certification, row.earned_on)
    else {
        return Some("null_key");
    };
    if row.expires_on.is_some_and(|end| end < earned) {
        return Some("expiry_before_earning");
    }
    (!known.contains(partner)).then_some("unknown_partner")
}

fn usage_fault(row: &Usage) -> Option<&'static str> {
    let (Some(_), Some(_), Some(month)) = (&row.tenant_id, &row.workload, row.month) else { return Some("null_key") };
    let (Some(seats), Some(users)) = (row.paid_seats, row.active_users) else { return Some("null_count") };
    if seats < 0 || users < 0 {
        return Some("negative_count");
    }
    if seats > 2_147_483_647 || users > 2_147_483_647 {
        return Some("count_too_large");
    }
    (month.day() != 1).then_some("not_first_of_month")
}

/// "The global_partner_id, or the partner itself where that is null or its own id."
fn account_of(partner_id: &str, partners: &[Partner]) -> String {
    let row = partners.iter().find(|row| row.partner_id.as_deref() == Some(partner_id));
    row.and_then(|row| row.global_partner_id.clone()).unwrap_or_else(|| partner_id.to_owned())
}

/// Usage rows of sound history by tenant and month: workload, paid seats, active users.
type Grid = BTreeMap<(String, NaiveDate), Vec<(String, i64, i64)>>;

/// What one account and option covers of one tenant: (workload or all, start, end) of each association row.
type Claims = BTreeMap<String, Vec<(Option<String>, NaiveDate, Option<NaiveDate>)>>;

struct Reader<'a> {
    rules: &'a Rules,
    grid: Grid,
    m: NaiveDate,
    p: NaiveDate,
}

impl Reader<'_> {
    fn users(&self, tenant: &str, workload: &str, month: NaiveDate) -> i64 {
        self.row(tenant, workload, month).1
    }

    /// Paid seats and active users; "a missing usage row is 0".
    fn row(&self, tenant: &str, workload: &str, month: NaiveDate) -> (i64, i64) {
        let rows = self.grid.get(&(tenant.to_owned(), month));
        let row = rows.and_then(|rows| rows.iter().find(|(name, ..)| name == workload));
        row.map_or((0, 0), |(_, seats, users)| (*seats, *users))
    }

    /// "At least one eligible workload has paid seats in the range."
    fn plainly_in_band(&self, tenant: &str, track: &Track, metric: &str, month: NaiveDate) -> bool {
        let eligible = &self.rules.workloads[metric];
        let within = |seats: i64| seats >= track.seats_from && track.seats_to.is_none_or(|to| seats <= to);
        let seats = eligible.iter().map(|workload| self.row(tenant, workload, month).0);
        match self.rules.seat_band {
            SeatBand::AnyWorkload => seats.into_iter().any(within),
            SeatBand::LargestWorkload => within(seats.max().unwrap_or(0)),
        }
    }

    /// In the band at M, carried over where the rulebook says so.
    fn in_band_at_m(&self, tenant: &str, track: &Track, metric: &str) -> bool {
        let [enterprise, smb] = &self.rules.tracks;
        let carried = self.rules.smb_carry_over
            && track.name == "smb"
            && self.plainly_in_band(tenant, smb, metric, self.p)
            && self.plainly_in_band(tenant, enterprise, metric, self.m);
        carried || self.plainly_in_band(tenant, track, metric, self.m)
    }

    fn in_band_at_p(&self, tenant: &str, track: &Track, metric: &str) -> bool {
        self.plainly_in_band(tenant, track, metric, self.p)
    }

    /// Start dates of the rows that cover a workload and hold on the last day of a month.
    fn holding(
        &self,
        rows: &[(Option<String>, NaiveDate, Option<NaiveDate>)],
        workload: &str,
        month: NaiveDate,
    ) -> Vec<NaiveDate> {
        let last = last_of_month(month);
        let covers = |name: &Option<String>| name.as_deref().is_none_or(|name| name == workload);
        let holds = |start: NaiveDate, end: Option<NaiveDate>| start <= last && end.is_none_or(|end| end >= last);
        rows.iter()
            .filter(|(name, start, end)| covers(name) && holds(*start, *end))
            .map(|(_, start, _)| *start)
            .collect()
    }

    /// The pairs of a tenant: workload, held at M, held at P, association month.
    fn pairs(
        &self,
        rows: &[(Option<String>, NaiveDate, Option<NaiveDate>)],
        metric: &str,
    ) -> Vec<(String, bool, bool, Option<NaiveDate>)> {
        let mut pairs = Vec::new();
        for workload in &self.rules.workloads[metric] {
            let (at_m, at_p) = (self.holding(rows, workload, self.m), self.holding(rows, workload, self.p));
            let month = if at_p.is_empty() { at_m.iter().min().map(|start| first_of_month(*start)) } else { None };
            if !at_m.is_empty() || !at_p.is_empty() {
                pairs.push((workload.clone(), !at_m.is_empty(), !at_p.is_empty(), month));
            }
        }
        pairs
    }

    /// "Tenants in band and held (any pair, any option of the track), at M minus at P; each tenant once."
    fn net_customer_adds(&self, options: &[&Claims], track: &Track) -> (i64, i64) {
        let metric = "net_customer_adds";
        let tenants: BTreeSet<&String> = options.iter().flat_map(|claims| claims.keys()).collect();
        let (mut now, mut then) = (0, 0);
        for tenant in tenants {
            let pairs: Vec<_> = options
                .iter()
                .filter_map(|claims| claims.get(tenant))
                .flat_map(|rows| self.pairs(rows, metric))
                .collect();
            now += i64::from(pairs.iter().any(|pair| pair.1) && self.in_band_at_m(tenant, track, metric));
            then += i64::from(pairs.iter().any(|pair| pair.2) && self.in_band_at_p(tenant, track, metric));
        }
        (now, then)
    }

    fn usage_growth(&self, claims: &Claims, track: &Track) -> (i64, i64) {
        let metric = "usage_growth";
        let (mut current, mut prior) = (0, 0);
        for (tenant, rows) in claims {
            let (band_m, band_p) = (self.in_band_at_m(tenant, track, metric), self.in_band_at_p(tenant, track, metric));
            for (workload, held_m, held_p, month) in self.pairs(rows, metric) {
                if held_m && band_m {
                    current += self.users(tenant, &workload, self.m);
                }
                let forgotten = self.rules.lost_tenants == LostTenants::Ignore && !held_m;
                if held_p && band_p && !forgotten {
                    prior += self.users(tenant, &workload, self.p);
                }
                if let (true, false, true, Some(month)) = (held_m, held_p, band_m, month) {
                    let (then, year_ago) =
                        (self.users(tenant, &workload, month), self.users(tenant, &workload, self.p));
                    prior += match self.rules.usage_baseline {
                        UsageBaseline::AssociationMonth => then,
                        UsageBaseline::YearAgo => year_ago,
                        UsageBaseline::LargerOfBoth => then.max(year_ago),
                    };
                }
            }
        }
        (current, prior)
    }

    /// Users and seats summed over workloads.
    fn pooled(&self, tenant: &str, workloads: &[&String], month: NaiveDate) -> (i64, i64) {
        let rows = workloads.iter().map(|workload| self.row(tenant, workload, month));
        rows.fold((0, 0), |(users, seats), row| (users + row.1, seats + row.0))
    }

    fn reaches(&self, (users, seats): (i64, i64)) -> bool {
        seats > 0 && users * 100 >= self.rules.deployed_at_percent * seats
    }

    fn above(&self, (users, seats): (i64, i64)) -> bool {
        seats > 0 && users * 100 > self.rules.deployed_at_percent * seats
    }

    fn deployments(&self, claims: &Claims, track: &Track) -> (i64, i64) {
        let metric = "deployments";
        let (mut now, mut then) = (0, 0);
        for (tenant, rows) in claims {
            let (band_m, band_p) = (self.in_band_at_m(tenant, track, metric), self.in_band_at_p(tenant, track, metric));
            let pairs = self.pairs(rows, metric);
            let units: Vec<Vec<_>> = match self.rules.deployment_unit {
                DeploymentUnit::TenantWorkload => pairs.into_iter().map(|pair| vec![pair]).collect(),
                _ => vec![pairs],
            };
            for unit in units {
                let at_m: Vec<&String> = unit.iter().filter(|pair| pair.1).map(|pair| &pair.0).collect();
                let at_p: Vec<&String> = unit.iter().filter(|pair| pair.2).map(|pair| &pair.0).collect();
                let earliest = unit.iter().filter(|pair| pair.1).filter_map(|pair| pair.3).min();
                let any_or_all = |workloads: &[&String], month: NaiveDate, test: &dyn Fn((i64, i64)) -> bool| match self
                    .rules
                    .deployment_unit
                {
                    DeploymentUnit::TenantAnyWorkload => {
                        workloads.iter().any(|workload| test(self.pooled(tenant, &[workload], month)))
                    }
                    _ => test(self.pooled(tenant, workloads, month)),
                };
                let deployed_at_m = band_m && any_or_all(&at_m, self.m, &|ratio| self.reaches(ratio));
                let deployed_at_p = band_p && any_or_all(&at_p, self.p, &|ratio| self.reaches(ratio));
                let left_out = at_p.is_empty()
                    && earliest.is_some_and(|month| any_or_all(&at_m, month, &|ratio| self.above(ratio)));
                now += i64::from(deployed_at_m && !left_out);
                then += i64::from(deployed_at_p);
            }
        }
        (now, then)
    }
}

/// People with at least one valid listed certification, each once.
fn certified(history: &History, rules: &Rules, metric: &str, account: &str, as_of: NaiveDate) -> i64 {
    let mut people = BTreeSet::new();
    for row in &history.certifications {
        let listed = rules.certifications[metric]
            .iter()
            .find(|listed| listed.names.contains(row.certification.as_ref().expect("sound")));
        let Some(listed) = listed else { continue };
        let ours = account_of(row.partner_id.as_ref().expect("sound"), &history.partners) == account;
        let earned = row.earned_on.expect("sound") <= as_of;
        let alive =
            row.expires_on.is_none_or(|end| end >= as_of) && listed.eligible_until.is_none_or(|until| as_of <= until);
        if ours && earned && alive {
            people.insert(row.person_id.clone());
        }
    }
    people.len() as i64
}

/// "value x maximum / target, never under 0 nor over the maximum", in ten-thousandths, half up.
fn points(value: i64, maximum: i64, target: i64) -> i64 {
    let capped = i128::from(value.max(0).min(target));
    let exact = capped * i128::from(maximum) * 10_000;
    ((2 * exact + i128::from(target)) / (2 * i128::from(target))) as i64
}

/// Scores every account.
pub fn score(history: &History, rules: &Rules, as_of: NaiveDate) -> Scored {
    let (history, _) = check(history);
    let (m, p) = usage_months(as_of, rules);
    let mut grid = Grid::new();
    for row in &history.workload_usage {
        let key = (row.tenant_id.clone().expect("sound"), row.month.expect("sound"));
        grid.entry(key).or_default().push((
            row.workload.clone().expect("sound"),
            row.paid_seats.expect("sound"),
            row.active_users.expect("sound"),
        ));
    }
    let reader = Reader { rules, grid, m, p };
    let mut claims: BTreeMap<(String, String), Claims> = BTreeMap::new();
    for row in &history.associations {
        let account = account_of(row.partner_id.as_ref().expect("sound"), &history.partners);
        let kind = row.association_type.clone().expect("sound");
        let tenants = claims.entry((account, kind)).or_default();
        tenants.entry(row.tenant_id.clone().expect("sound")).or_default().push((
            row.workload.clone(),
            row.start_date.expect("sound"),
            row.end_date,
        ));
    }
    let accounts: BTreeSet<String> = history
        .partners
        .iter()
        .map(|row| account_of(row.partner_id.as_ref().expect("sound"), &history.partners))
        .collect();
    let mut scored = Scored::default();
    for account in &accounts {
        let rows = account_points(&reader, &history, &claims, account, as_of);
        scored.scores.push(account_score(&rows, &history, rules, account));
        scored.metric_points.extend(rows);
    }
    rank(&mut scored.scores);
    scored
}

fn account_points(
    reader: &Reader,
    history: &History,
    claims: &BTreeMap<(String, String), Claims>,
    account: &str,
    as_of: NaiveDate,
) -> Vec<MetricPoint> {
    let mut points = Vec::new();
    for track in &reader.rules.tracks {
        let by_option: Vec<(String, Claims)> =
            track.options.iter().map(|(option, kinds)| (option.clone(), united(claims, account, kinds))).collect();
        for metric in METRICS {
            let mut rows = Vec::new();
            let all: Vec<&Claims> = by_option.iter().map(|(_, claims)| claims).collect();
            match metric {
                "net_customer_adds" => rows.push(("all".to_owned(), reader.net_customer_adds(&all, track))),
                "usage_growth" => rows.extend(
                    by_option.iter().map(|(option, claims)| (option.clone(), reader.usage_growth(claims, track))),
                ),
                "deployments" => rows.extend(
                    by_option.iter().map(|(option, claims)| (option.clone(), reader.deployments(claims, track))),
                ),
                _ => rows.push(("all".to_owned(), (certified(history, reader.rules, metric, account, as_of), 0))),
            }
            points.extend(metric_rows(reader.rules, track, metric, account, rows));
        }
    }
    points
}

/// The rows of both CSP tiers, or of one type, of an account by tenant.
fn united(claims: &BTreeMap<(String, String), Claims>, account: &str, kinds: &[String]) -> Claims {
    let mut union = Claims::new();
    for kind in kinds {
        for (tenant, rows) in claims.get(&(account.to_owned(), kind.clone())).into_iter().flatten() {
            union.entry(tenant.clone()).or_default().extend(rows.clone());
        }
    }
    union
}

/// "The best option's points count"; the first on a tie.
fn metric_rows(
    rules: &Rules,
    track: &Track,
    metric: &str,
    account: &str,
    values: Vec<(String, (i64, i64))>,
) -> Vec<MetricPoint> {
    let maximum = rules.max_points[metric];
    let mut rows: Vec<MetricPoint> = Vec::new();
    for (option, (current, prior)) in values {
        let target = track.targets[&(metric.to_owned(), option.clone())];
        rows.push(MetricPoint {
            partner_id: account.to_owned(),
            track: track.name.clone(),
            metric: metric.to_owned(),
            option,
            current,
            prior,
            target,
            points: points(current - prior, maximum, target),
            max_points: maximum * 10_000,
            counted: false,
        });
    }
    let best = rows.iter().map(|row| row.points).max().expect("an option");
    rows.iter_mut().find(|row| row.points == best).expect("the best").counted = true;
    rows
}

fn account_score(rows: &[MetricPoint], history: &History, rules: &Rules, account: &str) -> Score {
    let own =
        history.partners.iter().find(|row| row.partner_id.as_deref() == Some(account)).cloned().unwrap_or_default();
    let minimum = match rules.metric_minimum {
        MetricMinimum::AtLeastOne => 10_000,
        MetricMinimum::AboveZero => 1,
    };
    let results = ["enterprise", "smb"].map(|track| {
        let metrics = METRICS.map(|metric| {
            let counted = rows.iter().find(|row| row.track == track && row.metric == metric && row.counted);
            counted.expect("each metric counts an option").points
        });
        let total: i64 = metrics.iter().sum();
        let short: Vec<&str> = METRICS
            .into_iter()
            .zip(metrics)
            .filter(|(_, points)| *points < minimum)
            .map(|(metric, _)| metric)
            .collect();
        let qualified = short.is_empty() && total >= rules.designation_points * 10_000;
        (track, metrics, total, short.join(","), qualified)
    });
    let [enterprise, smb] = &results;
    let taken = match (enterprise.4, smb.4) {
        (true, false) => enterprise,
        (false, true) => smb,
        _ if smb.2 > enterprise.2 => smb,
        _ => enterprise,
    };
    Score {
        rank: 0,
        partner_id: account.to_owned(),
        partner_name: own.partner_name,
        distributor_id: own.distributor_id,
        market: own.market,
        distributor_rank: None,
        track: taken.0.to_owned(),
        qualified: taken.4,
        total_points: taken.2,
        metrics: taken.1,
        enterprise_points: enterprise.2,
        smb_points: smb.2,
        points_short: (rules.designation_points * 10_000 - taken.2).max(0),
        metrics_short: taken.3.clone(),
    }
}

/// "Competition rank (1, 1, 3) by total points", over all and within each distributor.
fn rank(scores: &mut [Score]) {
    let before = scores.to_vec();
    for score in scores.iter_mut() {
        let better = before.iter().filter(|other| other.total_points > score.total_points);
        score.rank = 1 + better.clone().count() as i64;
        score.distributor_rank = score
            .distributor_id
            .as_ref()
            .map(|own| 1 + better.filter(|other| other.distributor_id.as_ref() == Some(own)).count() as i64);
    }
    scores.sort_by(|a, b| (a.rank, &a.partner_id).cmp(&(b.rank, &b.partner_id)));
}
