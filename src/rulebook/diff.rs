//! What changes from one rulebook to another, in words: one sentence for each difference.
//!
//! Every type of a rulebook is taken apart field by field, without `..`: a field that is new to it does not compile until it is
//! told of here.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    AssociationOption, Certifications, Choice, Choices, Deployments, Designation, Freshness, ListedCertification,
    Metric, Metrics, Milestone, Months, NetCustomerAdds, OptionTargets, Rulebook, Track, TrackRules, TrackTargets,
    Tracks, UsageGrowth, WorkloadList,
};

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
pub struct Change {
    /// What it concerns: a metric, a track, or another part of the rulebook.
    pub subject: String,
    /// The difference as a sentence, without a full stop.
    pub change: String,
    /// What is no longer so; none where something is added.
    pub before: Option<String>,
    /// What is so now; none where something is taken away.
    pub after: Option<String>,
}

/// Every difference between two rulebooks, those of one subject together; none where the same rules are written differently.
pub fn diff(before: &Rulebook, after: &Rulebook) -> Vec<Change> {
    let Rulebook {
        id,
        title,
        effective_from: _, // both are what it says of its beginning
        effective_from_estimated: _,
        sources,
        months,
        freshness,
        designation,
        milestones,
        options,
        tracks,
        workload_lists: _, // told of with the metrics that count them
        metrics: _,
        choices,
        hash: _, // of the text, comments included
    } = before;
    let mut told = Told::default();
    told.about("rulebook");
    told.value("the id", id, &after.id);
    told.value("the title", title, &after.title);
    told.value("the first day described", &before.begins(), &after.begins());
    told.months(months, &after.months);
    told.freshness(freshness, &after.freshness);
    told.designation(designation, &after.designation);
    told.milestones(milestones, &after.milestones);
    told.options(options, &after.options);
    told.tracks(tracks, &after.tracks);
    told.metrics(before, after);
    told.workload_lists(before, after);
    told.choices(choices, &after.choices);
    told.sources(sources, &after.sources);
    told.all()
}

/// The differences found so far.
#[derive(Default)]
struct Told {
    subject: String,
    changes: Vec<Change>,
    /// What is only cited from elsewhere, which comes last.
    citations: Vec<Change>,
}

/// The parts of a rulebook.
impl Told {
    fn months(&mut self, before: &Months, after: &Months) {
        let Months { data_ready_day, year_ago_months, source } = before;
        self.about("months");
        self.value("the day from which the month before is complete", data_ready_day, &after.data_ready_day);
        self.value("the months from the comparison month P to M", year_ago_months, &after.year_ago_months);
        self.cited("months", source, &after.source);
    }

    fn freshness(&mut self, before: &Freshness, after: &Freshness) {
        let Freshness { usage_by_day, certifications_within_days, source } = before;
        self.about("freshness");
        self.value("the day by which usage of the month before is promised", usage_by_day, &after.usage_by_day);
        let noun = "the days within which a certification is promised";
        self.value(noun, certifications_within_days, &after.certifications_within_days);
        self.cited("freshness", source, &after.source);
    }

    fn designation(&mut self, before: &Designation, after: &Designation) {
        let Designation { points, window_months, window_days, window_source, source } = before;
        self.about("designation");
        self.value("the points a track needs", points, &after.points);
        self.value("the months in any of which meeting the bar is enough", window_months, &after.window_months);
        self.value("the days after meeting the bar in which it is enough", window_days, &after.window_days);
        self.cited("the window", window_source, &after.window_source);
        self.cited("designation", source, &after.source);
    }

    fn milestones(&mut self, before: &BTreeMap<String, Milestone>, after: &BTreeMap<String, Milestone>) {
        self.about("milestones");
        for (name, pair) in pairs(before, after) {
            let subject = format!("milestone {name}");
            match pair {
                (None, Some(Milestone { points, source: _ })) => self.is_new(&subject, &points.to_string()),
                (Some(Milestone { points, source: _ }), None) => self.is_gone(&subject, &points.to_string()),
                (Some(Milestone { points, source }), Some(after)) => {
                    self.value(&format!("the points of {subject}"), points, &after.points);
                    self.cited(&subject, source, &after.source);
                }
                (None, None) => {}
            }
        }
    }

    fn options(&mut self, before: &BTreeMap<String, AssociationOption>, after: &BTreeMap<String, AssociationOption>) {
        self.about("options");
        for (name, pair) in pairs(before, after) {
            let subject = format!("option {name}");
            match pair {
                (None, Some(after)) => {
                    self.is_new(&subject, &shown(&after.association_types));
                    self.exclusive(&subject, false, after.exclusive);
                }
                (Some(before), None) => self.is_gone(&subject, &shown(&before.association_types)),
                (Some(before), Some(after)) => self.option(&subject, before, after),
                (None, None) => {}
            }
        }
    }

    fn option(&mut self, subject: &str, before: &AssociationOption, after: &AssociationOption) {
        let AssociationOption { association_types, exclusive, source } = before;
        self.list(&format!("{subject} takes"), "association type", association_types, &after.association_types);
        self.exclusive(subject, *exclusive, after.exclusive);
        self.cited(subject, source, &after.source);
    }

    fn exclusive(&mut self, subject: &str, before: bool, after: bool) {
        self.value(&format!("whether a pair has one partner at most through {subject}"), &before, &after);
    }

    fn tracks(&mut self, before: &Tracks, after: &Tracks) {
        let Tracks { enterprise, smb } = before;
        self.track(Track::Enterprise, enterprise, &after.enterprise);
        self.track(Track::Smb, smb, &after.smb);
    }

    fn track(&mut self, track: Track, before: &TrackRules, after: &TrackRules) {
        let TrackRules { paid_seats_from, paid_seats_to, options, source } = before;
        let name = track.name();
        self.about(name);
        self.value(&format!("the fewest paid seats of the {name} band"), paid_seats_from, &after.paid_seats_from);
        self.value(&format!("the most paid seats of the {name} band"), paid_seats_to, &after.paid_seats_to);
        self.list(&format!("track {name} counts"), "option", options, &after.options);
        self.cited(&format!("track {name}"), source, &after.source);
    }

    fn metrics(&mut self, before: &Rulebook, after: &Rulebook) {
        let Metrics {
            net_customer_adds,
            intermediate_certifications,
            advanced_certifications,
            usage_growth,
            deployments,
        } = &before.metrics;
        self.net_customer_adds(net_customer_adds, &after.metrics.net_customer_adds);
        self.workloads(Metric::NetCustomerAdds, before, after);
        let (intermediate, advanced) = (Metric::IntermediateCertifications, Metric::AdvancedCertifications);
        self.certifications(intermediate, intermediate_certifications, &after.metrics.intermediate_certifications);
        self.certifications(advanced, advanced_certifications, &after.metrics.advanced_certifications);
        self.usage_growth(usage_growth, &after.metrics.usage_growth);
        self.workloads(Metric::UsageGrowth, before, after);
        self.deployments(deployments, &after.metrics.deployments);
        self.workloads(Metric::Deployments, before, after);
    }

    fn net_customer_adds(&mut self, before: &NetCustomerAdds, after: &NetCustomerAdds) {
        let NetCustomerAdds { max_points, workload_list, targets, source } = before;
        let name = self.metric(Metric::NetCustomerAdds);
        self.value(&format!("the most points of {name}"), max_points, &after.max_points);
        self.track_targets(name, targets, &after.targets);
        self.value(&format!("the workload list of {name}"), workload_list, &after.workload_list);
        self.cited(name, source, &after.source);
    }

    fn usage_growth(&mut self, before: &UsageGrowth, after: &UsageGrowth) {
        let UsageGrowth { max_points, workload_list, targets, source } = before;
        let name = self.metric(Metric::UsageGrowth);
        self.value(&format!("the most points of {name}"), max_points, &after.max_points);
        self.option_targets(name, targets, &after.targets);
        self.value(&format!("the workload list of {name}"), workload_list, &after.workload_list);
        self.cited(name, source, &after.source);
    }

    fn deployments(&mut self, before: &Deployments, after: &Deployments) {
        let Deployments { max_points, workload_list, deployed_at_percent, targets, source } = before;
        let name = self.metric(Metric::Deployments);
        self.value(&format!("the most points of {name}"), max_points, &after.max_points);
        let noun = "the percentage of paid seats in use at which a tenant is deployed";
        self.value(noun, deployed_at_percent, &after.deployed_at_percent);
        self.option_targets(name, targets, &after.targets);
        self.value(&format!("the workload list of {name}"), workload_list, &after.workload_list);
        self.cited(name, source, &after.source);
    }

    fn track_targets(&mut self, metric: &str, before: &TrackTargets, after: &TrackTargets) {
        let TrackTargets { enterprise, smb } = before;
        self.value(&format!("the enterprise target of {metric}"), enterprise, &after.enterprise);
        self.value(&format!("the smb target of {metric}"), smb, &after.smb);
    }

    fn option_targets(&mut self, metric: &str, before: &OptionTargets, after: &OptionTargets) {
        let OptionTargets { enterprise, smb } = before;
        for (track, before, after) in [("enterprise", enterprise, &after.enterprise), ("smb", smb, &after.smb)] {
            for (option, (before, after)) in pairs(before, after) {
                self.value(&format!("the {track} target of {metric} through {option}"), &before, &after);
            }
        }
    }

    /// What a metric counts, whatever the name of its list.
    fn workloads(&mut self, metric: Metric, before: &Rulebook, after: &Rulebook) {
        let of =
            |rules: &Rulebook| rules.workload_list(metric).map_or(Vec::new(), |list| rules.workloads(list).to_vec());
        self.list(&format!("{} counts", metric.name()), "workload", &of(before), &of(after));
    }

    /// The lists themselves. What they hold is told of at the metrics, and here where no metric tells.
    fn workload_lists(&mut self, before: &Rulebook, after: &Rulebook) {
        self.about("workload_lists");
        for (name, pair) in pairs(&before.workload_lists, &after.workload_lists) {
            let subject = format!("workload list {name}");
            match pair {
                (None, Some(after)) => self.is_new(&subject, &shown(&after.workloads)),
                (Some(before), None) => self.is_gone(&subject, &shown(&before.workloads)),
                (Some(WorkloadList { workloads, source }), Some(list)) => {
                    let takes = |rules: &Rulebook, metric| rules.workload_list(metric) == Some(name);
                    if !Metric::ALL.into_iter().any(|metric| takes(before, metric) && takes(after, metric)) {
                        self.list(&format!("{subject} holds"), "workload", workloads, &list.workloads);
                    }
                    self.cited(&subject, source, &list.source);
                }
                (None, None) => {}
            }
        }
    }

    fn certifications(&mut self, metric: Metric, before: &Certifications, after: &Certifications) {
        let Certifications { max_points, certifications, targets, certifications_source, source } = before;
        let name = self.metric(metric);
        self.value(&format!("the most points of {name}"), max_points, &after.max_points);
        self.track_targets(name, targets, &after.targets);
        self.listed_certifications(name, certifications, &after.certifications);
        self.cited(&format!("the list of {name}"), certifications_source, &after.certifications_source);
        self.cited(name, source, &after.source);
    }

    fn listed_certifications(&mut self, metric: &str, before: &[ListedCertification], after: &[ListedCertification]) {
        let earlier = |entry: &ListedCertification| same_certification(entry, before, after);
        // A certification that is only called otherwise is neither new nor gone.
        let name = |entry: &ListedCertification| earlier(entry).unwrap_or(entry).name.clone();
        let names = before.iter().map(|entry| entry.name.clone()).collect::<Vec<_>>();
        self.list(&format!("{metric} counts"), "certification", &names, &after.iter().map(name).collect::<Vec<_>>());
        for entry in after {
            match earlier(entry) {
                Some(before) => self.certification(before, entry),
                None => self.new_certification(entry),
            }
        }
    }

    fn certification(&mut self, before: &ListedCertification, after: &ListedCertification) {
        let ListedCertification { name, aliases, eligible_until: _, eligible_until_estimated: _, source } = before;
        let subject = format!("certification {}", after.name);
        if *name != after.name {
            let change = format!("certification {name} is now called {}", after.name);
            self.tell(change, Some(name.clone()), Some(after.name.clone()));
        }
        self.list(&format!("{subject} counts under"), "earlier name", aliases, &after.aliases);
        self.last_day(&subject, before.ends(), after.ends());
        self.cited(&subject, source, &after.source);
    }

    fn new_certification(&mut self, after: &ListedCertification) {
        let subject = format!("certification {}", after.name);
        self.list(&format!("{subject} counts under"), "earlier name", &[], &after.aliases);
        self.last_day(&subject, None, after.ends());
    }

    fn last_day(&mut self, subject: &str, before: Option<String>, after: Option<String>) {
        let change = match (&before, &after) {
            (Some(before), Some(after)) => format!("{subject} counts until {after}, not until {before}"),
            (None, Some(after)) => format!("{subject} counts until {after}"),
            (_, None) => format!("{subject} counts without an end"),
        };
        if before != after {
            self.tell(change, before, after);
        }
    }

    fn choices(&mut self, before: &Choices, after: &Choices) {
        let Choices { metric_minimum, seat_band, deployment_unit, usage_baseline, lost_tenants, smb_carry_over } =
            before;
        self.about("choices");
        self.choice("metric_minimum", metric_minimum, &after.metric_minimum);
        self.choice("seat_band", seat_band, &after.seat_band);
        self.choice("deployment_unit", deployment_unit, &after.deployment_unit);
        self.choice("usage_baseline", usage_baseline, &after.usage_baseline);
        self.choice("lost_tenants", lost_tenants, &after.lost_tenants);
        self.choice("smb_carry_over", smb_carry_over, &after.smb_carry_over);
    }

    fn choice<T: PartialEq + Serialize>(&mut self, name: &str, before: &Choice<T>, after: &Choice<T>) {
        let Choice { reading, readings, source } = before;
        let texts = |readings: &[T]| readings.iter().map(shown).collect::<Vec<_>>();
        self.value(name, reading, &after.reading);
        self.list(&format!("{name} offers"), "reading", &texts(readings), &texts(&after.readings));
        self.cited(&format!("choice {name}"), source, &after.source);
    }

    fn sources(&mut self, before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) {
        self.about("sources");
        for (name, pair) in pairs(before, after) {
            let subject = format!("source {name}");
            match pair {
                (None, Some(after)) => self.is_new(&subject, after),
                (Some(before), None) => self.is_gone(&subject, before),
                (Some(before), Some(after)) if before != after => {
                    let change = format!("{subject} now reads: {after}");
                    self.tell(change, Some(before.clone()), Some(after.clone()));
                }
                _ => {}
            }
        }
    }
}

/// How they are told.
impl Told {
    /// What comes next concerns another subject.
    fn about(&mut self, subject: &str) {
        subject.clone_into(&mut self.subject);
    }

    /// What comes next concerns a metric.
    fn metric(&mut self, metric: Metric) -> &'static str {
        self.about(metric.name());
        metric.name()
    }

    fn tell(&mut self, change: String, before: Option<String>, after: Option<String>) {
        self.changes.push(Change { subject: self.subject.clone(), change, before, after });
    }

    fn is_new(&mut self, what: &str, after: &str) {
        self.tell(format!("{what} is new: {after}"), None, Some(after.to_owned()));
    }

    fn is_gone(&mut self, what: &str, before: &str) {
        self.tell(format!("{what} is gone: {before}"), Some(before.to_owned()), None);
    }

    fn value<T: PartialEq + Serialize>(&mut self, noun: &str, before: &T, after: &T) {
        if before != after {
            let (before, after) = (shown(before), shown(after));
            self.tell(format!("{noun}: {before} becomes {after}"), Some(before), Some(after));
        }
    }

    /// Names that are added, taken away, or come in another order. `counts` is subject and verb, such as `usage_growth counts`.
    fn list(&mut self, counts: &str, noun: &str, before: &[String], after: &[String]) {
        let (added, removed) = (without(after, before), without(before, after));
        if !added.is_empty() {
            let names = added.join(", ");
            self.tell(format!("{counts} {}: {names}", counted(&added, "more", noun)), None, Some(names));
        }
        if !removed.is_empty() {
            let names = removed.join(", ");
            self.tell(format!("{counts} {}: {names}", counted(&removed, "fewer", noun)), Some(names), None);
        }
        let kept = (without(before, &removed).join(", "), without(after, &added).join(", "));
        if kept.0 != kept.1 {
            self.tell(format!("{counts} its {noun}s in another order: {}", kept.1), Some(kept.0), Some(kept.1));
        }
    }

    /// A citation, which is told of with the sources.
    fn cited<T: PartialEq + Serialize>(&mut self, what: &str, before: &T, after: &T) {
        if before != after {
            let (before, after) = (shown(before), shown(after));
            let change = format!("{what} cites source {after}, not {before}");
            let subject = "sources".to_owned();
            self.citations.push(Change { subject, change, before: Some(before), after: Some(after) });
        }
    }

    fn all(mut self) -> Vec<Change> {
        self.changes.append(&mut self.citations);
        self.changes
    }
}

/// The names of one list that another does not have.
fn without(names: &[String], others: &[String]) -> Vec<String> {
    names.iter().filter(|name| !others.contains(name)).cloned().collect()
}

/// Such as `2 more workloads`.
fn counted(names: &[String], more: &str, noun: &str) -> String {
    format!("{} {more} {noun}{}", names.len(), if names.len() == 1 { "" } else { "s" })
}

/// The earlier entry of a certification: by its name, or by any name that the two have in common.
fn same_certification<'a>(
    entry: &ListedCertification,
    before: &'a [ListedCertification],
    after: &[ListedCertification],
) -> Option<&'a ListedCertification> {
    let names =
        |entry: &ListedCertification| entry.aliases.iter().chain([&entry.name]).cloned().collect::<BTreeSet<_>>();
    let common = |one: &ListedCertification| {
        let kept = after.iter().any(|entry| entry.name == one.name);
        // Where one was split in two, the first of them follows it.
        let first = after.iter().find(|entry| !names(entry).is_disjoint(&names(one)));
        !kept && first.is_some_and(|first| first.name == entry.name)
    };
    before.iter().find(|one| one.name == entry.name).or_else(|| before.iter().find(|one| common(one)))
}

/// What stands under one key before and after.
type Pair<'a, T> = (Option<&'a T>, Option<&'a T>);

/// The entries of two maps by key.
fn pairs<'a, T>(before: &'a BTreeMap<String, T>, after: &'a BTreeMap<String, T>) -> Vec<(&'a str, Pair<'a, T>)> {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    keys.into_iter().map(|key| (key.as_str(), (before.get(key), after.get(key)))).collect()
}

/// A value as the rulebook writes it; lists with commas.
fn shown(value: &impl Serialize) -> String {
    match serde_json::to_value(value).unwrap_or_default() {
        serde_json::Value::Null => "none".to_owned(),
        serde_json::Value::String(text) => text,
        serde_json::Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(", "),
        value => value.to_string(),
    }
}
