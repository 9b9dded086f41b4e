//! What the types of a rulebook cannot say: that its parts fit together.

use std::collections::BTreeSet;

use super::{ASSOCIATION_TYPES, Choice, ListedCertification, Metric, OptionTargets, Rulebook, Track, TrackTargets};
use crate::error::nearest;

/// Options and listed workloads are counted in a byte on their way through the plans.
const MOST_NAMES: usize = 200;

/// What is wrong with a rulebook, and the dotted key it stands under.
#[derive(Debug)]
pub(super) struct Fault {
    pub key: String,
    pub what: String,
    pub hint: String,
}

fn fault<T>(key: impl Into<String>, what: impl Into<String>, hint: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { key: key.into(), what: what.into(), hint: hint.into() })
}

/// Refuses the first thing that does not fit.
pub(super) fn check(rules: &Rulebook) -> Result<(), Fault> {
    months(rules)?;
    designation(rules)?;
    track_options(rules)?;
    association_types(rules)?;
    bands(rules)?;
    workload_lists(rules)?;
    certifications(rules)?;
    targets(rules)?;
    choices(rules)?;
    sources(rules)
}

fn months(rules: &Rulebook) -> Result<(), Fault> {
    if !(1..=28).contains(&rules.months.data_ready_day) {
        let hint = "use a day that every month has, 1 to 28";
        return fault("months.data_ready_day", "data_ready_day is not a day of every month", hint);
    }
    if !(1..=120).contains(&rules.months.year_ago_months) {
        return fault("months.year_ago_months", "year_ago_months is out of range", "use 1 to 120 months");
    }
    Ok(())
}

fn designation(rules: &Rulebook) -> Result<(), Fault> {
    let total: i64 = Metric::ALL.into_iter().map(|metric| rules.max_points(metric).clamp(0, 1_000_000)).sum();
    if !(1..=total).contains(&rules.designation.points) {
        let hint = format!("the metrics give {total} points together; ask for 1 to {total}");
        return fault("designation.points", "the designation asks for points that cannot be reached", hint);
    }
    if !(1..=120).contains(&rules.designation.window_months) {
        return fault("designation.window_months", "window_months is out of range", "use 1 to 120 months");
    }
    if rules.designation.window_days.is_some_and(|days| !(1..=3_660).contains(&days)) {
        return fault("designation.window_days", "window_days is out of range", "use 1 to 3,660 days");
    }
    for (name, milestone) in &rules.milestones {
        if !(1..=total).contains(&milestone.points) {
            let hint = format!("the metrics give {total} points together; use 1 to {total}");
            return fault(format!("milestones.{name}.points"), "a milestone lies where no total can be", hint);
        }
    }
    Ok(())
}

fn association_types(rules: &Rulebook) -> Result<(), Fault> {
    if rules.options.len() > MOST_NAMES {
        return fault("options", format!("there are more than {MOST_NAMES} options"), "leave some out");
    }
    let mut seen = BTreeSet::new();
    for (association_type, option) in rules.association_types() {
        if !ASSOCIATION_TYPES.contains(&association_type) {
            let hint = match nearest(association_type, ASSOCIATION_TYPES) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("known association types: {}", ASSOCIATION_TYPES.join(", ")),
            };
            let what = format!("option `{option}` names association type `{association_type}`, which no history holds");
            return fault(format!("options.{option}.association_types"), what, hint);
        }
        if !seen.insert(association_type) {
            let what = format!("association type `{association_type}` stands under two options");
            return fault(format!("options.{option}.association_types"), what, "leave it under one option");
        }
    }
    for (option, association) in &rules.options {
        if association.association_types.is_empty() {
            let hint = "list at least one association type, or leave the option out";
            return fault(format!("options.{option}"), format!("option `{option}` has no association type"), hint);
        }
        if !Track::ALL.into_iter().any(|track| rules.track(track).options.contains(option)) {
            let hint = "add it to the options of a track, or leave it out";
            return fault(format!("options.{option}"), format!("no track counts option `{option}`"), hint);
        }
    }
    Ok(())
}

fn bands(rules: &Rulebook) -> Result<(), Fault> {
    for track in Track::ALL {
        let band = rules.track(track);
        let key = format!("tracks.{}.paid_seats_from", track.name());
        if band.paid_seats_from < 1 || band.paid_seats_to.is_some_and(|to| to < band.paid_seats_from) {
            let what = format!("the seat band of `{}` is empty or holds workloads without paid seats", track.name());
            return fault(key, what, "use 1 or more, and paid_seats_to not under paid_seats_from");
        }
    }
    let (enterprise, smb) = (&rules.tracks.enterprise, &rules.tracks.smb);
    let below = |to: Option<i64>, from: i64| to.is_some_and(|to| to < from);
    let apart =
        below(smb.paid_seats_to, enterprise.paid_seats_from) || below(enterprise.paid_seats_to, smb.paid_seats_from);
    if !apart {
        let hint = "let one band end below where the other begins; both ends are inclusive";
        return fault("tracks.smb.paid_seats_to", "the seat bands of the tracks overlap", hint);
    }
    Ok(())
}

fn track_options(rules: &Rulebook) -> Result<(), Fault> {
    for track in Track::ALL {
        let key = format!("tracks.{}.options", track.name());
        let options = &rules.track(track).options;
        if options.is_empty() {
            return fault(key, format!("track `{}` has no option", track.name()), "name at least one of [options]");
        }
        for (index, option) in options.iter().enumerate() {
            if !rules.options.contains_key(option) {
                let what = format!("track `{}` names option `{option}`, which is not under [options]", track.name());
                return fault(key, what, known("options", rules.options.keys()));
            }
            if options[..index].contains(option) {
                return fault(key, format!("track `{}` names option `{option}` twice", track.name()), "name it once");
            }
        }
    }
    Ok(())
}

fn workload_lists(rules: &Rulebook) -> Result<(), Fault> {
    for metric in Metric::ALL {
        let Some(list) = rules.workload_list(metric) else { continue };
        if !rules.workload_lists.contains_key(list) {
            let what = format!("metric `{}` names workload list `{list}`, which does not exist", metric.name());
            let key = format!("metrics.{}.workload_list", metric.name());
            return fault(key, what, known("workload lists", rules.workload_lists.keys()));
        }
    }
    let mut listed = BTreeSet::new();
    for (name, list) in &rules.workload_lists {
        listed.extend(&list.workloads);
        if listed.len() > MOST_NAMES {
            let what = format!("with workload list `{name}` there are more than {MOST_NAMES} workloads");
            return fault(format!("workload_lists.{name}.workloads"), what, "shorten the list");
        }
        let distinct: BTreeSet<&String> = list.workloads.iter().collect();
        if list.workloads.is_empty() || distinct.len() < list.workloads.len() {
            let what = format!("workload list `{name}` is empty or names a workload twice");
            return fault(format!("workload_lists.{name}.workloads"), what, "name each workload once");
        }
    }
    Ok(())
}

fn certifications(rules: &Rulebook) -> Result<(), Fault> {
    for metric in Metric::ALL {
        if rules.workload_list(metric).is_some() {
            continue;
        }
        let listed = rules.certifications(metric);
        let names: Vec<&String> = listed.iter().flat_map(|entry| entry.aliases.iter().chain([&entry.name])).collect();
        let distinct: BTreeSet<&&String> = names.iter().collect();
        if names.is_empty() || distinct.len() < names.len() {
            let what = format!("metric `{}` lists no certification, or one name twice", metric.name());
            return fault(format!("metrics.{}.certifications", metric.name()), what, "list each name and alias once");
        }
        last_days(metric, listed)?;
    }
    Ok(())
}

fn last_days(metric: Metric, listed: &[ListedCertification]) -> Result<(), Fault> {
    match listed.iter().find(|entry| entry.eligible_until_estimated && entry.eligible_until.is_none()) {
        None => Ok(()),
        Some(entry) => {
            let what = format!("the last day of certification `{}` is estimated, but not given", entry.name);
            let hint = "give `eligible_until` as well, or drop `eligible_until_estimated`";
            fault(format!("metrics.{}.certifications", metric.name()), what, hint)
        }
    }
}

fn targets(rules: &Rulebook) -> Result<(), Fault> {
    for metric in Metric::ALL {
        let key = format!("metrics.{}", metric.name());
        if !(1..=1_000).contains(&rules.max_points(metric)) {
            let what = format!("max_points of `{}` is out of range", metric.name());
            return fault(format!("{key}.max_points"), what, "use 1 to 1,000 points");
        }
    }
    let metrics = &rules.metrics;
    track_targets("net_customer_adds", &metrics.net_customer_adds.targets)?;
    track_targets("intermediate_certifications", &metrics.intermediate_certifications.targets)?;
    track_targets("advanced_certifications", &metrics.advanced_certifications.targets)?;
    option_targets(rules, "usage_growth", &metrics.usage_growth.targets)?;
    option_targets(rules, "deployments", &metrics.deployments.targets)?;
    if !(1..=100).contains(&metrics.deployments.deployed_at_percent) {
        let hint = "use a share of 1 to 100 percent";
        return fault("metrics.deployments.deployed_at_percent", "deployed_at_percent is not a percentage", hint);
    }
    Ok(())
}

fn track_targets(metric: &str, targets: &TrackTargets) -> Result<(), Fault> {
    Track::ALL.into_iter().try_for_each(|track| target(metric, track.name(), targets.of(track)))
}

fn option_targets(rules: &Rulebook, metric: &str, targets: &OptionTargets) -> Result<(), Fault> {
    for track in Track::ALL {
        let key = format!("metrics.{metric}.targets.{}", track.name());
        let options = &rules.track(track).options;
        for option in options {
            if !targets.of(track).contains_key(option) {
                let what = format!("metric `{metric}` has no target for option `{option}` of track `{}`", track.name());
                return fault(key, what, format!("add `{option} = ...`, or drop the option from the track"));
            }
        }
        for (option, value) in targets.of(track) {
            if !options.contains(option) {
                let what = format!(
                    "metric `{metric}` has a target for `{option}`, which track `{}` does not count",
                    track.name()
                );
                return fault(format!("{key}.{option}"), what, known("options of the track", options));
            }
            target(metric, &format!("{}.{option}", track.name()), *value)?;
        }
    }
    Ok(())
}

fn target(metric: &str, place: &str, value: i64) -> Result<(), Fault> {
    if (1..=1_000_000_000).contains(&value) {
        return Ok(());
    }
    let key = format!("metrics.{metric}.targets.{place}");
    fault(key, format!("a target of `{metric}` is out of range"), "use 1 to 1,000,000,000")
}

fn choices(rules: &Rulebook) -> Result<(), Fault> {
    let choices = &rules.choices;
    offered("metric_minimum", &choices.metric_minimum)?;
    offered("seat_band", &choices.seat_band)?;
    offered("deployment_unit", &choices.deployment_unit)?;
    offered("usage_baseline", &choices.usage_baseline)?;
    offered("lost_tenants", &choices.lost_tenants)?;
    offered("smb_carry_over", &choices.smb_carry_over)
}

fn offered<T: PartialEq>(name: &str, choice: &Choice<T>) -> Result<(), Fault> {
    if choice.readings.contains(&choice.reading) {
        return Ok(());
    }
    let hint = "add it to readings, or take one that stands there";
    fault(format!("choices.{name}.reading"), format!("the reading taken for `{name}` is not among its readings"), hint)
}

/// Every `source` key must be explained under [sources].
fn sources(rules: &Rulebook) -> Result<(), Fault> {
    let cited = cited(rules);
    match cited.into_iter().find(|(_, source)| !rules.sources.contains_key(source)) {
        None => Ok(()),
        Some((key, source)) => {
            let what = format!("source `{source}` is not explained under [sources]");
            fault(format!("{key}.source"), what, known("sources", rules.sources.keys()))
        }
    }
}

/// Every citation of the rulebook, with the table it stands in.
fn cited(rules: &Rulebook) -> Vec<(String, String)> {
    let (metrics, choices) = (&rules.metrics, &rules.choices);
    let mut cited: Vec<(String, String)> = [
        ("months", &rules.months.source),
        ("freshness", &rules.freshness.source),
        ("designation", &rules.designation.source),
        ("designation", &rules.designation.window_source),
        ("tracks.enterprise", &rules.tracks.enterprise.source),
        ("tracks.smb", &rules.tracks.smb.source),
        ("metrics.net_customer_adds", &metrics.net_customer_adds.source),
        ("metrics.intermediate_certifications", &metrics.intermediate_certifications.source),
        ("metrics.advanced_certifications", &metrics.advanced_certifications.source),
        ("metrics.usage_growth", &metrics.usage_growth.source),
        ("metrics.deployments", &metrics.deployments.source),
        ("choices.metric_minimum", &choices.metric_minimum.source),
        ("choices.seat_band", &choices.seat_band.source),
        ("choices.deployment_unit", &choices.deployment_unit.source),
        ("choices.usage_baseline", &choices.usage_baseline.source),
        ("choices.lost_tenants", &choices.lost_tenants.source),
        ("choices.smb_carry_over", &choices.smb_carry_over.source),
    ]
    .map(|(key, source)| (key.to_owned(), source.clone()))
    .into();
    cited.extend(
        rules.milestones.iter().map(|(name, milestone)| (format!("milestones.{name}"), milestone.source.clone())),
    );
    cited.extend(rules.options.iter().map(|(name, option)| (format!("options.{name}"), option.source.clone())));
    cited.extend(
        rules.workload_lists.iter().map(|(name, list)| (format!("workload_lists.{name}"), list.source.clone())),
    );
    for (name, list) in [
        ("intermediate_certifications", &metrics.intermediate_certifications),
        ("advanced_certifications", &metrics.advanced_certifications),
    ] {
        cited.extend(list.certifications_source.clone().map(|source| (format!("metrics.{name}"), source)));
    }
    for metric in [Metric::IntermediateCertifications, Metric::AdvancedCertifications] {
        let sources = rules.certifications(metric).iter().filter_map(|entry| entry.source.clone());
        cited.extend(sources.map(|source| (format!("metrics.{}.certifications", metric.name()), source)));
    }
    cited
}

fn known<'a>(what: &str, names: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
    format!("known {what}: {}", names.join(", "))
}
