//! Rulebooks: what is refused with which line and hint, and that every choice is switched by the file alone.

use std::collections::BTreeMap;
use std::fs;

use partnerscore::rulebook::{self, DEFAULT, Metric, Rulebook, Track};

use crate::command::run;
use crate::second_reading;

fn text() -> &'static str {
    rulebook::builtin(DEFAULT).expect("the default")
}

/// The default rulebook with values replaced, by dotted key.
pub fn changed(changes: &BTreeMap<String, toml::Value>) -> String {
    changed_of(DEFAULT, changes)
}

/// A built-in rulebook with values replaced, by dotted key.
pub fn changed_of(id: &str, changes: &BTreeMap<String, toml::Value>) -> String {
    let text = rulebook::builtin(id).unwrap_or_else(|| panic!("no rulebook {id}"));
    let mut book: toml::Table = text.parse().expect("TOML");
    for (key, value) in changes {
        let mut parts: Vec<&str> = key.split('.').collect();
        let last = parts.pop().expect("a key");
        let mut table = &mut book;
        for part in parts {
            table = table.entry(part).or_insert_with(|| toml::Table::new().into()).as_table_mut().expect("a table");
        }
        table.insert(last.to_owned(), value.clone());
    }
    toml::to_string(&book).expect("TOML")
}

/// The default rulebook with one reading taken, given as `choice reading`; unchanged where empty.
pub fn with_reading(reading: &str) -> String {
    let Some((choice, value)) = reading.split_once(' ') else { return text().to_owned() };
    let value = value.parse::<bool>().map_or_else(|_| toml::Value::from(value), toml::Value::from);
    changed(&BTreeMap::from([(format!("choices.{choice}.reading"), value)]))
}

/// A rulebook file with one text replaced by another must be refused at a line with a hint.
fn refused(from: &str, to: &str, at: &str, texts: &[&str]) {
    assert!(text().contains(from), "{from}");
    let changed = text().replacen(from, to, 1);
    let line = changed.lines().position(|line| line.contains(at)).unwrap_or_else(|| panic!("no line {at}")) + 1;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rules.toml");
    fs::write(&file, changed).expect("a file");
    let said = run(&["rules", "check", &file.to_string_lossy()]);
    said.fails(2, &[&[format!("rules.toml:{line}").as_str(), "hint:"], texts].concat());
}

#[test]
fn a_mistyped_key_is_refused_with_the_nearest() {
    refused(
        "data_ready_day = 20",
        "data_redy_day = 20",
        "data_redy_day",
        &["unknown field", "did you mean `data_ready_day`?"],
    );
    refused(
        "targets.smb = { cpor = 500",
        "target.smb = { cpor = 500",
        "target.smb",
        &["unknown field `target`", "did you mean `targets`?"],
    );
}

#[test]
fn a_wrong_type_is_refused() {
    refused("data_ready_day = 20", "data_ready_day = \"20\"", "data_ready_day", &["invalid type"]);
    refused("targets.smb = 10", "targets.smb = 10.5", "targets.smb = 10.5", &["invalid type"]);
    refused("effective_from = 2023-10-01", "effective_from = \"soon\"", "effective_from", &["invalid type"]);
}

#[test]
fn an_unknown_reading_is_refused_with_the_nearest() {
    refused(
        "reading = \"tenant_pooled\"",
        "reading = \"tenant_poled\"",
        "tenant_poled",
        &["did you mean `tenant_pooled`?"],
    );
    refused(
        "readings = [\"subtract\", \"ignore\"]",
        "readings = [\"ignore\"]",
        "reading = \"subtract\"",
        &["not among its readings"],
    );
}

#[test]
fn overlapping_bands_are_refused_and_neighbours_are_not() {
    refused("paid_seats_to = 300", "paid_seats_to = 301", "paid_seats_to = 301", &["overlap"]);
    refused("paid_seats_to = 300\n", "", "[tracks.smb]", &["overlap"]);
    refused("paid_seats_from = 11", "paid_seats_from = 399", "paid_seats_from = 399", &["seat band of `smb`"]);
    refused("paid_seats_from = 11", "paid_seats_from = 0", "paid_seats_from = 0", &["seat band of `smb`"]);
}

#[test]
fn a_metric_without_a_target_is_refused() {
    refused(
        "targets.smb = { cpor = 500, csp = 2000 }\n",
        "",
        "targets.enterprise = { cpor = 1000",
        &["missing field `smb`"],
    );
    refused(
        "targets.smb = { cpor = 500, csp = 2000 }",
        "targets.smb = { cpor = 500 }",
        "targets.smb = { cpor = 500 }",
        &["no target for option `csp`"],
    );
    refused("targets.smb = 10\n", "", "targets.enterprise = 5", &["missing field `smb`"]);
    refused("targets.smb = 10", "targets.smb = 0", "targets.smb = 0", &["out of range"]);
    refused("[metrics.deployments]", "[metrics.deployment]", "[metrics.deployment]", &["did you mean `deployments`?"]);
}

#[test]
fn an_option_that_no_track_counts_is_refused() {
    refused(
        "options = [\"cpor\", \"dpor\"]",
        "options = [\"cpor\"]",
        "[options.dpor]",
        &["no track counts option `dpor`"],
    );
    refused(
        "targets.smb = { cpor = 500, csp = 2000 }",
        "targets.smb = { cpor = 500, csp = 2000, dpor = 9 }",
        "dpor = 9",
        &["which track `smb` does not count"],
    );
    refused(
        "options = [\"cpor\", \"csp\"]",
        "options = [\"cpor\", \"csp\", \"cps\"]",
        "\"cps\"",
        &["`cps`, which is not under [options]"],
    );
    refused(
        "association_types = [\"DPOR\"]",
        "association_types = [ \"CPOR\" ]",
        "[ \"CPOR\" ]",
        &["stands under two options"],
    );
    refused("association_types = [\"DPOR\"]", "association_types = [\"DPRO\"]", "DPRO", &["did you mean `DPOR`?"]);
}

#[test]
fn lists_and_sources_must_exist() {
    refused(
        "workload_list = \"modern_work\"",
        "workload_list = \"modern_wrk\"",
        "modern_wrk",
        &["does not exist", "modern_work"],
    );
    refused("\"exchange\",", "\"intune\",", "workloads = [", &["names a workload twice"]);
    refused(
        "source = \"designation\"",
        "source = \"hearsay\"",
        "hearsay",
        &["`hearsay` is not explained under [sources]"],
    );
    refused(
        "aliases = [\"modern_desktop_administrator_associate\"]",
        "aliases = [\"endpoint_administrator_associate\"]",
        "certifications = [",
        &["one name twice"],
    );
}

#[test]
fn a_last_day_cannot_be_estimated_and_absent() {
    refused(
        "certifications = [\n    { name = \"enterprise_administrator_expert\" }",
        "certifications = [ # advanced\n    { name = \"enterprise_administrator_expert\", eligible_until_estimated = true }",
        "# advanced",
        &["the last day of certification `enterprise_administrator_expert` is estimated, but not given"],
    );
}

#[test]
fn broken_toml_is_refused_with_its_line() {
    refused("[tracks.smb]", "[tracks.smb", "[tracks.smb", &[]);
}

#[test]
fn every_value_cites_a_source() {
    for id in rulebook::builtin_ids() {
        every_value_of_a_rulebook_cites_a_source(id);
    }
}

fn every_value_of_a_rulebook_cites_a_source(id: &str) {
    let book: toml::Table = rulebook::builtin(id).expect("built in").parse().expect("TOML");
    let sources = book["sources"].as_table().expect("sources");
    let mut cited = 0;
    for (name, table) in book.iter().filter(|(name, _)| *name != "sources") {
        let Some(table) = table.as_table() else { continue };
        let nested: Vec<(String, &toml::Table)> = match table.contains_key("source") {
            true => vec![(name.clone(), table)],
            false => {
                table.iter().map(|(key, value)| (format!("{name}.{key}"), value.as_table().expect("a table"))).collect()
            }
        };
        for (key, table) in nested {
            let source = table["source"].as_str().unwrap_or_else(|| panic!("{key} cites nothing"));
            assert!(sources.contains_key(source), "{key} cites {source}");
            cited += 1;
        }
    }
    assert!(cited >= 20, "{id}: {cited}");
    assert!(sources.values().all(|source| source.as_str().is_some_and(|text| text.len() > 20)));
}

#[test]
fn rules_list_show_and_check() {
    let listed: Vec<serde_json::Value> =
        serde_json::from_str(&run(&["rules", "list", "--format", "json"]).succeeds().stdout).expect("JSON");
    let default = listed.iter().find(|row| row["rulebook"] == DEFAULT).expect("the default");
    assert_eq!((&default["default"], &default["estimated"]), (&true.into(), &true.into()));
    assert_eq!(listed.len(), rulebook::builtin_ids().count());
    assert_eq!(run(&["rules", "show", DEFAULT]).succeeds().stdout, text());
    let json: serde_json::Value =
        serde_json::from_str(&run(&["rules", "show", DEFAULT, "--json"]).succeeds().stdout).expect("JSON");
    assert_eq!(json["metrics"]["deployments"]["deployed_at_percent"], 40);
    assert!(
        run(&["rules", "check", "data/rulebooks/modern-work-2024.toml"])
            .succeeds()
            .stdout
            .contains("a rulebook, modern-work-2024")
    );
    run(&["rules", "show", "modern-wrok-2024"]).fails(2, &["did you mean `modern-work-2024`?"]);
    run(&["rules", "check", "nowhere.toml"]).fails(2, &["could not read the rulebook"]);
}

/// The numbers of the contract's table, as the default rulebook has them.
#[test]
fn the_default_rulebook_has_the_numbers_of_the_programme() {
    let rules = rulebook::choose(None).expect("the default");
    let measures: Vec<String> = rules
        .measures()
        .iter()
        .map(|measure| {
            format!(
                "{} {} {} {}/{}",
                measure.track.name(),
                measure.metric.name(),
                measure.option,
                measure.max_points,
                measure.target
            )
        })
        .collect();
    let expected = [
        "enterprise net_customer_adds all 20/5",
        "enterprise intermediate_certifications all 10/4",
        "enterprise advanced_certifications all 15/2",
        "enterprise usage_growth cpor 30/1000",
        "enterprise usage_growth dpor 30/4000",
        "enterprise deployments cpor 25/5",
        "enterprise deployments dpor 25/10",
        "smb net_customer_adds all 20/10",
        "smb intermediate_certifications all 10/2",
        "smb advanced_certifications all 15/1",
        "smb usage_growth cpor 30/500",
        "smb usage_growth csp 30/2000",
        "smb deployments cpor 25/5",
        "smb deployments csp 25/10",
    ];
    assert_eq!(measures, expected);
    let total: i64 = Metric::ALL.into_iter().map(|metric| rules.max_points(metric)).sum();
    assert_eq!((total, rules.designation.points), (100, 70));
}

/// Day 20 of a month sees the month before; the day before sees two months back.
#[test]
fn months_follow_the_day_that_data_is_ready() {
    let rules = rulebook::choose(None).expect("the default");
    for (as_of, m, p) in [
        ("2026-11-20", "2026-10", "2025-10"),
        ("2026-11-30", "2026-10", "2025-10"),
        ("2026-11-19", "2026-09", "2025-09"),
        ("2026-11-01", "2026-09", "2025-09"),
        ("2026-02-19", "2025-12", "2024-12"),
        ("2026-01-19", "2025-11", "2024-11"),
        ("2026-01-20", "2025-12", "2024-12"),
        ("2024-02-29", "2024-01", "2023-01"),
    ] {
        let as_of = as_of.parse().expect("a date");
        let month = rules.usage_month(as_of);
        assert_eq!((month.to_string(), rules.year_ago(month).to_string()), (m.to_owned(), p.to_owned()), "{as_of}");
        let (first, year_ago) = second_reading::usage_months(as_of, &second_rules(&rules));
        assert_eq!((first, year_ago), (month.first_day(), rules.year_ago(month).first_day()), "{as_of}");
        assert_eq!(rules.usage_month(rules.as_of_month(month)), month);
    }
}

/// The same rules as the second reading has them.
pub fn second_rules(rules: &Rulebook) -> second_reading::Rules {
    let by_metric = || Metric::ALL.into_iter().map(|metric| (metric, metric.name().to_owned()));
    let choices = &rules.choices;
    second_reading::Rules {
        data_ready_day: rules.months.data_ready_day,
        year_ago_months: rules.months.year_ago_months,
        designation_points: rules.designation.points,
        tracks: Track::ALL.map(|track| second_track(rules, track)),
        max_points: by_metric().map(|(metric, name)| (name, rules.max_points(metric))).collect(),
        workloads: by_metric()
            .filter_map(|(metric, name)| Some((name, rules.workloads(rules.workload_list(metric)?).to_vec())))
            .collect(),
        certifications: by_metric()
            .map(|(metric, name)| (name, rules.certifications(metric).iter().map(listed).collect()))
            .collect(),
        deployed_at_percent: rules.metrics.deployments.deployed_at_percent,
        metric_minimum: match choices.metric_minimum.reading {
            rulebook::MetricMinimum::AtLeastOne => second_reading::MetricMinimum::AtLeastOne,
            rulebook::MetricMinimum::AboveZero => second_reading::MetricMinimum::AboveZero,
        },
        seat_band: match choices.seat_band.reading {
            rulebook::SeatBand::AnyWorkload => second_reading::SeatBand::AnyWorkload,
            rulebook::SeatBand::LargestWorkload => second_reading::SeatBand::LargestWorkload,
        },
        deployment_unit: match choices.deployment_unit.reading {
            rulebook::DeploymentUnit::TenantPooled => second_reading::DeploymentUnit::TenantPooled,
            rulebook::DeploymentUnit::TenantAnyWorkload => second_reading::DeploymentUnit::TenantAnyWorkload,
            rulebook::DeploymentUnit::TenantWorkload => second_reading::DeploymentUnit::TenantWorkload,
        },
        usage_baseline: match choices.usage_baseline.reading {
            rulebook::UsageBaseline::AssociationMonth => second_reading::UsageBaseline::AssociationMonth,
            rulebook::UsageBaseline::YearAgo => second_reading::UsageBaseline::YearAgo,
            rulebook::UsageBaseline::LargerOfBoth => second_reading::UsageBaseline::LargerOfBoth,
        },
        lost_tenants: match choices.lost_tenants.reading {
            rulebook::LostTenants::Subtract => second_reading::LostTenants::Subtract,
            rulebook::LostTenants::Ignore => second_reading::LostTenants::Ignore,
        },
        smb_carry_over: choices.smb_carry_over.reading,
    }
}

fn listed(entry: &rulebook::ListedCertification) -> second_reading::Listed {
    let names = entry.aliases.iter().chain([&entry.name]).cloned().collect();
    second_reading::Listed { names, eligible_until: entry.eligible_until }
}

fn second_track(rules: &Rulebook, track: Track) -> second_reading::Track {
    let band = rules.track(track);
    let targets = Metric::ALL.into_iter().flat_map(|metric| {
        let targets = rules.targets(track, metric).into_iter();
        targets.map(move |(option, target)| ((metric.name().to_owned(), option.to_owned()), target))
    });
    second_reading::Track {
        name: track.name().to_owned(),
        seats_from: band.paid_seats_from,
        seats_to: band.paid_seats_to,
        options: band
            .options
            .iter()
            .map(|option| (option.clone(), rules.options[option].association_types.clone()))
            .collect(),
        targets: targets.collect(),
    }
}
