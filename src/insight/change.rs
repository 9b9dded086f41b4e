//! Changes to what a partner has, as a person asks for them: to facts, to a tenant's usage, to associations.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Deserializer};

use crate::error::{Error, Result, nearest};
use crate::metrics::{Fact, Facts};
use crate::rulebook::{ALL_OPTIONS, Metric, Rulebook, Track};
use crate::toml_file;
use crate::words::{changed, counted};

/// What helps with a scenario that is wrong.
const HINT: &str = "docs/simulate.md shows a whole one";

/// The largest count that a history may hold, and the largest change of one: sums of such stay exact.
pub const MOST_OF_A_COUNT: i64 = i32::MAX as i64;

/// What is changed; all changes apply at M, all else equal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    #[serde(default)]
    pub certify: Vec<Certify>,
    /// Tenants won, less those lost.
    #[serde(default, deserialize_with = "difference")]
    pub net_customer_adds: i64,
    #[serde(default)]
    pub usage: Vec<Usage>,
    #[serde(default)]
    pub deployments: Vec<Deployed>,
    #[serde(default)]
    pub tenant: Vec<TenantChange>,
    #[serde(default)]
    pub associate: Vec<Associate>,
}

/// People who come to hold a certification of a metric's list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certify {
    /// `intermediate` or `advanced`, or the metric's whole name.
    pub metric: String,
    #[serde(deserialize_with = "difference")]
    pub people: i64,
}

/// Active users won through an option.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    pub option: String,
    /// Every track that has the option where absent.
    pub track: Option<String>,
    #[serde(deserialize_with = "difference")]
    pub active_users: i64,
}

/// Tenants deployed through an option.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployed {
    pub option: String,
    /// Every track that has the option where absent.
    pub track: Option<String>,
    #[serde(deserialize_with = "difference")]
    pub tenants: i64,
}

/// A tenant's usage at M.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantChange {
    pub tenant_id: String,
    /// The tenant's listed workload with the most paid seats at M where absent.
    pub workload: Option<String>,
    #[serde(default, deserialize_with = "count")]
    pub paid_seats: Option<i64>,
    #[serde(default, deserialize_with = "count")]
    pub active_users: Option<i64>,
}

/// An association that begins at M.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Associate {
    pub tenant_id: String,
    /// Every eligible workload where absent.
    pub workload: Option<String>,
    pub option: String,
}

/// A change of a count, from a file.
fn difference<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<i64, D::Error> {
    within(i64::deserialize(deserializer)?, -MOST_OF_A_COUNT)
}

/// A count, from a file.
fn count<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<i64>, D::Error> {
    within(i64::deserialize(deserializer)?, 0).map(Some)
}

fn within<E: serde::de::Error>(number: i64, from: i64) -> std::result::Result<i64, E> {
    let is_within = (from..=MOST_OF_A_COUNT).contains(&number);
    if is_within { Ok(number) } else { Err(E::custom(format!("{number} is not from {from} to {MOST_OF_A_COUNT}"))) }
}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// Usage where the file is missing or wrong, with its line.
    pub fn read(path: &Path) -> Result<Scenario> {
        let text = toml_file::read(path, "scenario", HINT)?;
        Scenario::parse(&text, &path.display().to_string())
    }

    /// Parses a scenario; `place` names its text in errors.
    ///
    /// # Errors
    /// Usage, with the line.
    pub fn parse(text: &str, place: &str) -> Result<Scenario> {
        toml_file::parse(text, place, HINT)
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Scenario::default()
    }

    /// Adds another's changes.
    pub fn extend(&mut self, other: Scenario) {
        self.certify.extend(other.certify);
        self.net_customer_adds += other.net_customer_adds;
        self.usage.extend(other.usage);
        self.deployments.extend(other.deployments);
        self.tenant.extend(other.tenant);
        self.associate.extend(other.associate);
    }

    /// Each change in words.
    pub fn words(&self) -> Vec<String> {
        let certify = self.certify.iter();
        let certify = certify.map(|change| format!("{} with {}", changed(change.people, "person"), change.metric));
        let net_adds = (self.net_customer_adds != 0).then(|| format!("{:+} net customer adds", self.net_customer_adds));
        let through = |number: i64, noun: &str, option: &str| format!("{} through {option}", changed(number, noun));
        let usage = self.usage.iter().map(|change| through(change.active_users, "active user", &change.option));
        let deployed = self.deployments.iter().map(|change| through(change.tenants, "deployment", &change.option));
        let tenant = self.tenant.iter().map(TenantChange::words);
        let associate = self.associate.iter().map(Associate::words);
        certify.chain(net_adds).chain(usage).chain(deployed).chain(tenant).chain(associate).collect()
    }

    /// Adds to one account's facts what is changed in them directly, no count below zero. Says which changes were cut for that.
    ///
    /// # Errors
    /// Usage where a metric, option or track is unknown, with the nearest.
    pub fn apply_to_facts(&self, facts: &mut Facts, account: usize, rules: &Rulebook) -> Result<Vec<String>> {
        let before: Vec<i64> = facts.of(account).iter().map(|fact| fact.current).collect();
        for change in &self.certify {
            let metric = certification_metric(&change.metric)?;
            add(facts, account, rules, (None, metric, ALL_OPTIONS), change.people);
        }
        add(facts, account, rules, (None, Metric::NetCustomerAdds, ALL_OPTIONS), self.net_customer_adds);
        for change in &self.usage {
            let track = option_of(rules, &change.option, change.track.as_deref())?;
            add(facts, account, rules, (track, Metric::UsageGrowth, &change.option), change.active_users);
        }
        for change in &self.deployments {
            let track = option_of(rules, &change.option, change.track.as_deref())?;
            add(facts, account, rules, (track, Metric::Deployments, &change.option), change.tenants);
        }
        Ok(cut_at_zero(facts, account, rules, &before))
    }
}

/// Brings counts below zero back to zero, and says so of each: nobody has less than no people, tenants or users.
fn cut_at_zero(facts: &mut Facts, account: usize, rules: &Rulebook, before: &[i64]) -> Vec<String> {
    let mut notes = Vec::new();
    for (place, (measure, before)) in rules.measures().iter().zip(before).enumerate() {
        let after = facts.of(account)[place].current;
        if after >= 0 {
            continue;
        }
        facts.add_to(account, place, Fact { current: -after, prior: 0 });
        let option = if measure.option == ALL_OPTIONS { String::new() } else { format!(" {}", measure.option) };
        let (track, metric, asked) = (measure.track.name(), measure.metric.name(), after - before);
        notes.push(format!("{track} {metric}{option} has {before} at M, so the change is {} and not {asked}", -before));
    }
    notes
}

impl TenantChange {
    fn words(&self) -> String {
        let seats = self.paid_seats.map(|seats| counted(seats.unsigned_abs(), "paid seat"));
        let users = self.active_users.map(|users| counted(users.unsigned_abs(), "active user"));
        let counts: Vec<String> = seats.into_iter().chain(users).collect();
        let workload = self.workload.as_deref().unwrap_or("its largest workload");
        format!("tenant {} with {} on {workload}", self.tenant_id, counts.join(" and "))
    }
}

impl Associate {
    fn words(&self) -> String {
        let workload = self.workload.as_deref().unwrap_or("every eligible workload");
        format!("{} associated with tenant {} on {workload}", self.option, self.tenant_id)
    }
}

/// Adds to `current` of the measures of a metric and option; of every track where none is named.
fn add(facts: &mut Facts, account: usize, rules: &Rulebook, of: (Option<Track>, Metric, &str), value: i64) {
    let (track, metric, option) = of;
    for (place, measure) in rules.measures().iter().enumerate() {
        if measure.metric == metric && measure.option == option && track.is_none_or(|track| track == measure.track) {
            facts.add_to(account, place, Fact { current: value, prior: 0 });
        }
    }
}

/// `intermediate`, `advanced`, or a whole name.
fn certification_metric(name: &str) -> Result<Metric> {
    let metrics = [Metric::IntermediateCertifications, Metric::AdvancedCertifications];
    let short = |metric: Metric| metric.name().split('_').next().unwrap_or_default();
    let found = metrics.into_iter().find(|metric| metric.name() == name || short(*metric) == name);
    found.ok_or_else(|| {
        let hint = match nearest(name, metrics.map(short)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("people are certified as {}", metrics.map(short).join(" or ")),
        };
        Error::usage(format!("`{name}` is no metric of certifications")).hint(hint)
    })
}

/// Checks an option and the track named with it.
pub(super) fn option_of(rules: &Rulebook, option: &str, track: Option<&str>) -> Result<Option<Track>> {
    let track = track
        .map(|name| {
            let known = Track::ALL.map(Track::name).join(" and ");
            Track::named(name)
                .ok_or_else(|| Error::usage(format!("there is no track `{name}`")).hint(format!("tracks are {known}")))
        })
        .transpose()?;
    let of_track = |track: Track| rules.track(track).options.clone();
    let known: BTreeSet<String> =
        Track::ALL.into_iter().filter(|one| track.is_none_or(|only| only == *one)).flat_map(of_track).collect();
    if known.contains(option) {
        return Ok(track);
    }
    let hint = match nearest(option, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("options are {}", known.iter().cloned().collect::<Vec<_>>().join(", ")),
    };
    Err(Error::usage(format!("there is no option `{option}`")).hint(hint))
}
