//! The programme's numbers, lists and named readings as types.
//!
//! Code holds no number of the programme: everything below is read from a dated TOML file, `data/rulebooks/`, in which each
//! entry cites its source.

mod builtin;
mod check;
mod choose;
mod diff;
mod edit;
mod load;
mod readings;

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate};
use serde::{Deserialize, Deserializer, Serialize};

pub use builtin::{DEFAULT, builtin, builtin_ids, builtins};
pub use choose::{BY_DATE, When, choose, choose_as_of};
pub use diff::{Change, diff};
pub use edit::{Edit, edit, text};
pub use load::{hex, parse, read};
pub use readings::Reading;

use crate::month::Month;

/// The association types a history may hold.
pub const ASSOCIATION_TYPES: [&str; 4] = ["CPOR", "DPOR", "CSP_TIER_1", "CSP_TIER_2"];

/// One dated version of all the numbers and lists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rulebook {
    /// Its name, such as `modern-work-2024`.
    pub id: String,
    /// One line for people.
    pub title: String,
    /// The first day it describes.
    #[serde(deserialize_with = "date")]
    pub effective_from: NaiveDate,
    /// Whether that day is not exactly known.
    #[serde(default)]
    pub effective_from_estimated: bool,
    /// What the `source` keys below refer to.
    pub sources: BTreeMap<String, String>,
    pub months: Months,
    pub freshness: Freshness,
    pub designation: Designation,
    /// Totals that other programmes look at, by name.
    #[serde(default)]
    pub milestones: BTreeMap<String, Milestone>,
    /// Association types by the option they are measured through.
    pub options: BTreeMap<String, AssociationOption>,
    pub tracks: Tracks,
    pub workload_lists: BTreeMap<String, WorkloadList>,
    pub metrics: Metrics,
    pub choices: Choices,
    /// SHA-256 of the file it was read from.
    #[serde(skip)]
    pub hash: String,
}

/// Which usage months an as-of date sees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Months {
    /// From this day of a month on, the month before is complete.
    pub data_ready_day: u32,
    /// How many months before M the comparison month P lies.
    pub year_ago_months: u32,
    pub source: String,
}

/// How recent the source promises its data to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freshness {
    /// Usage of the month before is there by this day.
    pub usage_by_day: u32,
    /// A certification is there this many days after it was earned.
    pub certifications_within_days: u32,
    pub source: String,
}

/// What the designation asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Designation {
    /// Total points a track needs.
    pub points: i64,
    /// Calendar months, the current one included, in any of which meeting the bar is enough.
    pub window_months: u32,
    /// Days that a partner has from the day it met the bar, where the source counts days and not calendar months.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_days: Option<u32>,
    /// Where the window comes from.
    pub window_source: String,
    pub source: String,
}

/// A total that another programme looks at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Milestone {
    pub points: i64,
    pub source: String,
}

/// Association types that are one option.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssociationOption {
    pub association_types: Vec<String>,
    /// Whether a pair of tenant and workload has one partner at most.
    #[serde(default)]
    pub exclusive: bool,
    pub source: String,
}

/// The two tracks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tracks {
    pub enterprise: TrackRules,
    pub smb: TrackRules,
}

/// One track's seat band and options.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrackRules {
    /// Fewest paid seats of a workload that put a tenant in the band.
    pub paid_seats_from: i64,
    /// Most paid seats, inclusive; open where absent.
    pub paid_seats_to: Option<i64>,
    /// In order of preference on a tie.
    pub options: Vec<String>,
    pub source: String,
}

/// A named list of workloads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadList {
    pub workloads: Vec<String>,
    pub source: String,
}

/// The five metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    pub net_customer_adds: NetCustomerAdds,
    pub intermediate_certifications: Certifications,
    pub advanced_certifications: Certifications,
    pub usage_growth: UsageGrowth,
    pub deployments: Deployments,
}

/// Customers won less customers lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetCustomerAdds {
    pub max_points: i64,
    pub workload_list: String,
    pub targets: TrackTargets,
    pub source: String,
}

/// People who hold a certification of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certifications {
    pub max_points: i64,
    pub certifications: Vec<ListedCertification>,
    pub targets: TrackTargets,
    /// Where the list comes from, where not from the source of the points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certifications_source: Option<String>,
    pub source: String,
}

/// A certification that counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListedCertification {
    pub name: String,
    /// Earlier names of the same certification.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The last day it counts, where it was retired.
    #[serde(default, deserialize_with = "optional_date")]
    pub eligible_until: Option<NaiveDate>,
    /// Whether that day is not exactly known.
    #[serde(default)]
    pub eligible_until_estimated: bool,
    /// Where the date comes from.
    pub source: Option<String>,
}

/// Active users won.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageGrowth {
    pub max_points: i64,
    pub workload_list: String,
    pub targets: OptionTargets,
    pub source: String,
}

/// Tenants that came to use what they pay for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployments {
    pub max_points: i64,
    pub workload_list: String,
    /// Active users as a share of paid seats from which a tenant is deployed.
    pub deployed_at_percent: i64,
    pub targets: OptionTargets,
    pub source: String,
}

/// The value that earns all points, for each track.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrackTargets {
    pub enterprise: i64,
    pub smb: i64,
}

/// The value that earns all points, for each track and option.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptionTargets {
    pub enterprise: BTreeMap<String, i64>,
    pub smb: BTreeMap<String, i64>,
}

/// The readings taken where the programme's text leaves a choice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choices {
    pub metric_minimum: Choice<MetricMinimum>,
    pub seat_band: Choice<SeatBand>,
    pub deployment_unit: Choice<DeploymentUnit>,
    pub usage_baseline: Choice<UsageBaseline>,
    pub lost_tenants: Choice<LostTenants>,
    pub smb_carry_over: Choice<bool>,
}

/// One choice: the reading taken, and those there are, the default first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice<T> {
    pub reading: T,
    pub readings: Vec<T>,
    pub source: String,
}

/// What every metric of a qualifying track needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricMinimum {
    /// At least one point.
    AtLeastOne,
    /// More than zero points.
    AboveZero,
}

/// Which workloads put a tenant in a seat band.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeatBand {
    /// Any eligible workload whose paid seats are in the range.
    AnyWorkload,
    /// The eligible workload with the most paid seats alone, so one track at most.
    LargestWorkload,
}

/// What is counted as one deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentUnit {
    /// A tenant, its active users and paid seats summed over its pairs.
    TenantPooled,
    /// A tenant of which any single pair reaches the share.
    TenantAnyWorkload,
    /// Each pair of tenant and workload.
    TenantWorkload,
}

/// What the growth of a young association is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageBaseline {
    /// Active users in the month the association began.
    AssociationMonth,
    /// Active users in the year-ago month.
    YearAgo,
    /// The larger of the two, pair by pair.
    LargerOfBoth,
}

/// Whether tenants lost since the year-ago month lower usage growth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LostTenants {
    Subtract,
    Ignore,
}

/// A track of the designation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Track {
    Enterprise,
    Smb,
}

impl Track {
    /// Both, in order of preference on a tie.
    pub const ALL: [Track; 2] = [Track::Enterprise, Track::Smb];

    /// The track of a name.
    pub fn named(name: &str) -> Option<Track> {
        Track::ALL.into_iter().find(|track| track.name() == name)
    }

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Track::Enterprise => "enterprise",
            Track::Smb => "smb",
        }
    }
}

/// A metric of the designation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    NetCustomerAdds,
    IntermediateCertifications,
    AdvancedCertifications,
    UsageGrowth,
    Deployments,
}

impl Metric {
    /// All five, in rulebook order.
    pub const ALL: [Metric; 5] = [
        Metric::NetCustomerAdds,
        Metric::IntermediateCertifications,
        Metric::AdvancedCertifications,
        Metric::UsageGrowth,
        Metric::Deployments,
    ];

    /// The metric of a name.
    pub fn named(name: &str) -> Option<Metric> {
        Metric::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Metric::NetCustomerAdds => "net_customer_adds",
            Metric::IntermediateCertifications => "intermediate_certifications",
            Metric::AdvancedCertifications => "advanced_certifications",
            Metric::UsageGrowth => "usage_growth",
            Metric::Deployments => "deployments",
        }
    }
}

/// The option name of a metric that has none.
pub const ALL_OPTIONS: &str = "all";

/// One row of `metric_points` for each partner: a track's metric through one option, with its target.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    pub track: Track,
    pub metric: Metric,
    /// `all` where the metric has no options.
    pub option: String,
    pub target: i64,
    pub max_points: i64,
}

/// A TOML date.
fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
    let written = toml::value::Datetime::deserialize(deserializer)?.to_string();
    written.parse().map_err(|_| serde::de::Error::custom(format!("`{written}` is not a date such as 2026-11-30")))
}

/// A TOML date that may be absent.
fn optional_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveDate>, D::Error> {
    date(deserializer).map(Some)
}

/// A date for people, who are told where it is estimated.
fn dated(day: NaiveDate, estimated: bool) -> String {
    format!("{day}{}", if estimated { " (estimated)" } else { "" })
}

impl Rulebook {
    /// The usage month M that an as-of date sees.
    pub fn usage_month(&self, as_of: NaiveDate) -> Month {
        let months_back = if as_of.day() >= self.months.data_ready_day { 1 } else { 2 };
        Month::of(as_of).plus(-months_back)
    }

    /// The year-ago month P of a usage month M.
    pub fn year_ago(&self, month: Month) -> Month {
        month.plus(-(self.months.year_ago_months as i32))
    }

    /// The as-of date that stands for a usage month: the first day on which it is complete.
    pub fn as_of_month(&self, month: Month) -> NaiveDate {
        month.plus(1).day(self.months.data_ready_day)
    }

    /// The as-of date of what was asked for.
    pub fn as_of(&self, when: When) -> NaiveDate {
        match when {
            When::Day(day) => day,
            When::Month(month) => self.as_of_month(month),
        }
    }

    /// The last day on which a partner that met the bar on a day may still enrol for it.
    pub fn window_closes(&self, day: NaiveDate) -> NaiveDate {
        let designation = &self.designation;
        match designation.window_days {
            Some(days) => day.checked_add_days(Days::new(u64::from(days))).unwrap_or(NaiveDate::MAX),
            None => Month::of(day).plus(designation.window_months as i32 - 1).last_day(),
        }
    }

    /// The first day it describes, for people.
    pub fn begins(&self) -> String {
        dated(self.effective_from, self.effective_from_estimated)
    }

    /// The rules of a track.
    pub fn track(&self, track: Track) -> &TrackRules {
        match track {
            Track::Enterprise => &self.tracks.enterprise,
            Track::Smb => &self.tracks.smb,
        }
    }

    /// The workloads of a named list; empty for a name that checking would have refused.
    pub fn workloads(&self, list: &str) -> &[String] {
        self.workload_lists.get(list).map_or(&[], |list| &list.workloads)
    }

    /// Every known association type with the option it counts as.
    pub fn association_types(&self) -> impl Iterator<Item = (&str, &str)> {
        self.options.iter().flat_map(|(option, rules)| {
            rules.association_types.iter().map(move |association_type| (association_type.as_str(), option.as_str()))
        })
    }

    /// The workload list of a metric; certification metrics have none.
    pub fn workload_list(&self, metric: Metric) -> Option<&str> {
        match metric {
            Metric::NetCustomerAdds => Some(&self.metrics.net_customer_adds.workload_list),
            Metric::UsageGrowth => Some(&self.metrics.usage_growth.workload_list),
            Metric::Deployments => Some(&self.metrics.deployments.workload_list),
            Metric::IntermediateCertifications | Metric::AdvancedCertifications => None,
        }
    }

    /// Whether some metric lists a certification, by its name or an alias.
    pub fn lists(&self, certification: &str) -> bool {
        let mut listed = Metric::ALL.into_iter().flat_map(|metric| self.certifications(metric));
        listed.any(|entry| entry.name == certification || entry.aliases.iter().any(|alias| alias == certification))
    }

    /// The certifications of a metric; empty for the metrics that come from tenants.
    pub fn certifications(&self, metric: Metric) -> &[ListedCertification] {
        match metric {
            Metric::IntermediateCertifications => &self.metrics.intermediate_certifications.certifications,
            Metric::AdvancedCertifications => &self.metrics.advanced_certifications.certifications,
            Metric::NetCustomerAdds | Metric::UsageGrowth | Metric::Deployments => &[],
        }
    }

    /// The most points a metric gives.
    pub fn max_points(&self, metric: Metric) -> i64 {
        match metric {
            Metric::NetCustomerAdds => self.metrics.net_customer_adds.max_points,
            Metric::IntermediateCertifications => self.metrics.intermediate_certifications.max_points,
            Metric::AdvancedCertifications => self.metrics.advanced_certifications.max_points,
            Metric::UsageGrowth => self.metrics.usage_growth.max_points,
            Metric::Deployments => self.metrics.deployments.max_points,
        }
    }

    /// The options a metric has on a track, each with its target, in order of preference on a tie.
    pub fn targets(&self, track: Track, metric: Metric) -> Vec<(&str, i64)> {
        let all = |targets: &TrackTargets| vec![(ALL_OPTIONS, targets.of(track))];
        let by_option = |targets: &OptionTargets| {
            let targets = targets.of(track);
            let options = self.track(track).options.iter();
            options.filter_map(|option| Some((option.as_str(), *targets.get(option)?))).collect::<Vec<_>>()
        };
        match metric {
            Metric::NetCustomerAdds => all(&self.metrics.net_customer_adds.targets),
            Metric::IntermediateCertifications => all(&self.metrics.intermediate_certifications.targets),
            Metric::AdvancedCertifications => all(&self.metrics.advanced_certifications.targets),
            Metric::UsageGrowth => by_option(&self.metrics.usage_growth.targets),
            Metric::Deployments => by_option(&self.metrics.deployments.targets),
        }
    }

    /// Every measure a partner is judged by, in rulebook order: tracks, then metrics, then options.
    pub fn measures(&self) -> Vec<Measure> {
        let pairs = Track::ALL.into_iter().flat_map(|track| Metric::ALL.into_iter().map(move |metric| (track, metric)));
        pairs
            .flat_map(|(track, metric)| {
                let max_points = self.max_points(metric);
                self.targets(track, metric).into_iter().map(move |(option, target)| Measure {
                    track,
                    metric,
                    option: option.to_owned(),
                    target,
                    max_points,
                })
            })
            .collect()
    }
}

impl ListedCertification {
    /// The last day it counts, for people; none where it counts without end.
    pub fn ends(&self) -> Option<String> {
        self.eligible_until.map(|day| dated(day, self.eligible_until_estimated))
    }
}

impl TrackTargets {
    /// The target on a track.
    pub fn of(&self, track: Track) -> i64 {
        match track {
            Track::Enterprise => self.enterprise,
            Track::Smb => self.smb,
        }
    }
}

impl OptionTargets {
    /// The targets on a track, by option.
    pub fn of(&self, track: Track) -> &BTreeMap<String, i64> {
        match track {
            Track::Enterprise => &self.enterprise,
            Track::Smb => &self.smb,
        }
    }
}
