//! What changes from one rulebook to another: in words, as tables, and nothing is missed.

use std::collections::BTreeSet;
use std::fs;
use std::sync::LazyLock;

use partnerscore::rulebook::{self, DEFAULT, Rulebook};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use toml::{Table, Value};

use crate::command::run;

fn table(id: &str) -> Table {
    rulebook::builtin(id).expect("built in").parse().expect("TOML")
}

/// A changed rulebook, where checking lets it be one.
fn parsed(table: &Table) -> Option<Rulebook> {
    rulebook::parse(&toml::to_string(table).expect("TOML"), "changed").ok()
}

/// Whether two rulebooks have the same rules, however they are written.
fn same(one: &Rulebook, other: &Rulebook) -> bool {
    Rulebook { hash: String::new(), ..one.clone() } == Rulebook { hash: String::new(), ..other.clone() }
}

fn sentences(before: &Rulebook, after: &Rulebook) -> Vec<String> {
    rulebook::diff(before, after).into_iter().map(|change| format!("{}: {}", change.subject, change.change)).collect()
}

/// What a value of a rulebook could be instead.
fn others(value: &Value, names: &[String]) -> Vec<Value> {
    match value {
        Value::Integer(number) => vec![(number + 1).into(), (number - 1).into()],
        Value::Boolean(truth) => vec![(!truth).into()],
        Value::Datetime(_) => vec![Value::Datetime("2031-02-03".parse().expect("a date"))],
        Value::String(text) => names.iter().filter(|name| *name != text).map(|name| name.clone().into()).collect(),
        Value::Array(values) => lists(values, names),
        Value::Table(values) => tables(values, names),
        Value::Float(_) => Vec::new(),
    }
}

/// Every element taken away, changed, or swapped with the next; and one more.
fn lists(values: &[Value], names: &[String]) -> Vec<Value> {
    let mut found: Vec<Vec<Value>> = Vec::new();
    for index in 0..values.len() {
        let mut fewer = values.to_vec();
        fewer.remove(index);
        found.push(fewer);
        let mut swapped = values.to_vec();
        swapped.swap(index, (index + 1) % values.len());
        found.push(swapped);
        // One name of a list is like the next; a table among them is not.
        let others = if index == 0 || values[index].is_table() { others(&values[index], names) } else { Vec::new() };
        found.extend(others.into_iter().map(|other| {
            let mut changed = values.to_vec();
            changed[index] = other;
            changed
        }));
    }
    found.extend(names.iter().map(|name| [values, &[name.clone().into()]].concat()));
    found.push([values, &[Table::from_iter([("name".to_owned(), "brand_new".into())]).into()]].concat());
    found.into_iter().map(Value::Array).collect()
}

/// Every key taken away, its value changed, or called otherwise; and keys that may be there and are not.
fn tables(values: &Table, names: &[String]) -> Vec<Value> {
    let with = |key: &str, value: Value| {
        let mut changed = values.clone();
        changed.insert(key.to_owned(), value);
        changed
    };
    let mut found: Vec<Table> = Vec::new();
    for (key, value) in values {
        let mut fewer = values.clone();
        fewer.remove(key);
        let mut renamed = fewer.clone();
        renamed.insert("brand_new".to_owned(), value.clone());
        found.extend([fewer, renamed, with("brand_new", value.clone())]);
        let names: Vec<String> = if key == "sources" { vec!["another text".to_owned()] } else { names.to_vec() };
        found.extend(others(value, &names).into_iter().map(|other| with(key, other)));
    }
    let day = Value::Datetime("2031-02-03".parse().expect("a date"));
    let optional: [(&str, Value); 8] = [
        ("paid_seats_to", 5_000.into()),
        ("exclusive", true.into()),
        ("aliases", vec!["brand_new"].into()),
        ("eligible_until", day.clone()),
        ("eligible_until_estimated", true.into()),
        ("effective_from_estimated", true.into()),
        ("source", "points".into()),
        ("brand_new", "brand_new".into()),
    ];
    found.extend(
        optional.into_iter().filter(|(key, _)| !values.contains_key(*key)).map(|(key, value)| with(key, value)),
    );
    let mut ending = with("eligible_until", day);
    ending.insert("eligible_until_estimated".to_owned(), true.into());
    found.push(ending);
    found.into_iter().map(Value::Table).collect()
}

/// A rulebook and everything that one change makes of it, as far as it is a rulebook still.
struct Changed {
    rules: Rulebook,
    others: Vec<Rulebook>,
}

/// Every built-in rulebook, changed.
static CHANGED: LazyLock<Vec<Changed>> = LazyLock::new(|| rulebook::builtin_ids().map(changed).collect());

fn changed(id: &str) -> Changed {
    // A workload list that no metric takes, so that one can.
    let mut book = table(id);
    let spare = "workloads = ['planner']\nsource = 'points'".parse::<Table>().expect("TOML");
    book["workload_lists"].as_table_mut().expect("lists").insert("spare".to_owned(), spare.into());
    let names = "brand_new points designation spare csp CSP_TIER_2 teams above_zero at_least_one largest_workload \
                 tenant_workload year_ago ignore";
    let names: Vec<String> = names.split_whitespace().map(str::to_owned).collect();
    let others = tables(&book, &names).into_iter();
    Changed {
        rules: parsed(&book).expect("a rulebook"),
        others: others.filter_map(|other| parsed(other.as_table().expect("a table"))).collect(),
    }
}

/// The dotted keys in which two values differ, positions in lists aside.
fn differing(before: &serde_json::Value, after: &serde_json::Value, key: &str, found: &mut BTreeSet<String>) {
    use serde_json::Value::{Array, Null, Object};
    match (before, after) {
        (Object(before), Object(after)) => {
            for name in before.keys().chain(after.keys()) {
                let value = |of: &serde_json::Map<String, serde_json::Value>| of.get(name).cloned().unwrap_or(Null);
                differing(&value(before), &value(after), &format!("{key}.{name}"), found);
            }
        }
        (Array(before), Array(after)) if before.len() == after.len() => {
            before.iter().zip(after).for_each(|(before, after)| differing(before, after, key, found));
        }
        (before, after) if before != after => drop(found.insert(key.to_owned())),
        _ => {}
    }
}

/// Every key of a value, positions in lists aside.
fn keys(value: &serde_json::Value, key: &str, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(values) => {
            values.iter().for_each(|(name, value)| keys(value, &format!("{key}.{name}"), found));
        }
        serde_json::Value::Array(values) if values.iter().any(serde_json::Value::is_object) => {
            values.iter().for_each(|value| keys(value, key, found));
        }
        _ => drop(found.insert(key.to_owned())),
    }
}

/// Each field of a rulebook, changed alone in every way that leaves a rulebook, is told of.
#[test]
fn no_change_of_any_field_is_missed() {
    let json = |rules: &Rulebook| serde_json::to_value(rules).expect("JSON");
    for Changed { rules, others } in CHANGED.iter() {
        let mut touched = BTreeSet::new();
        for other in others.iter().filter(|other| !same(rules, other)) {
            let mut keys = BTreeSet::new();
            differing(&json(rules), &json(other), "", &mut keys);
            let told = [sentences(rules, other), sentences(other, rules)];
            assert!(told.iter().all(|told| !told.is_empty()), "{}: nothing is told of {keys:?}", rules.id);
            touched.append(&mut keys);
        }
        let mut known = BTreeSet::new();
        keys(&json(rules), "", &mut known);
        // One type for each of these options: taken away, none is left; another stands elsewhere already.
        let fixed = [".options.cpor.association_types", ".options.dpor.association_types"];
        known.retain(|key| !fixed.contains(&key.as_str()));
        let untouched: Vec<&String> = known.difference(&touched).collect();
        assert!(untouched.is_empty(), "{}: no change of {untouched:?} was tried", rules.id);
        assert!(others.len() > 300, "{}: {} changes", rules.id, others.len());
    }
}

/// Any two rulebooks at all: nothing is told exactly where they are the same, in both directions.
#[test]
fn nothing_is_told_where_nothing_differs_alone() {
    let books: Vec<&Rulebook> =
        CHANGED.iter().flat_map(|changed| changed.others.iter().chain([&changed.rules])).collect();
    let any = 0..books.len();
    let mut runner = TestRunner::new(Config { cases: 2_000, failure_persistence: None, ..Config::default() });
    runner
        .run(&(any.clone(), any), |(one, other)| {
            let (one, other) = (books[one], books[other]);
            prop_assert_eq!(sentences(one, other).is_empty(), same(one, other));
            prop_assert_eq!(sentences(other, one).is_empty(), same(one, other));
            prop_assert!(sentences(one, one).is_empty());
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn no_sentence_comes_twice_and_subjects_stay_together() {
    for id in rulebook::builtin_ids() {
        let rules = rulebook::choose(Some(id)).expect("built in");
        for other in rulebook::builtins().expect("rulebooks") {
            let changes = rulebook::diff(&rules, &other);
            let distinct: BTreeSet<&str> = changes.iter().map(|change| change.change.as_str()).collect();
            assert_eq!(distinct.len(), changes.len(), "{id} and {}", other.id);
            let subjects: BTreeSet<&str> = changes.iter().map(|change| change.subject.as_str()).collect();
            let groups = changes.chunk_by(|one, next| one.subject == next.subject).count();
            assert_eq!(groups, subjects.len(), "{id} and {}", other.id);
            assert!(changes.iter().all(|change| change.before != change.after));
        }
    }
}

#[test]
fn the_words_say_what_changes() {
    let said = run(&["rules", "diff", "modern-work-2024", "modern-work-2026"]).succeeds().stdout.clone();
    for sentence in [
        "From modern-work-2024 to modern-work-2026:",
        "net_customer_adds counts 7 more workloads: viva_goals, microsoft_365_copilot,",
        "usage_growth counts 8 more workloads: viva_goals,",
        "windows_365, teams_premium",
        "certification enterprise_administrator_expert counts until 2027-11-30",
        "intermediate_certifications counts 1 fewer certification: teams_application_developer_associate",
        "metric_minimum: at_least_one becomes above_zero",
        "smb_carry_over: false becomes true",
        "the first day described: 2023-10-01 (estimated) becomes 2026-07-01 (estimated)",
    ] {
        assert!(said.contains(sentence), "no `{sentence}` in:\n{said}");
    }
    let same = run(&["rules", "diff", DEFAULT, DEFAULT]).succeeds().stdout.clone();
    assert_eq!(same, "Nothing changes from modern-work-2024 to modern-work-2024.\n");
}

/// The sentences for changes that no vintage made yet.
#[test]
fn other_changes_have_their_words_as_well() {
    for (from, to, sentence) in [
        (
            "data_ready_day = 20",
            "data_ready_day = 15",
            "months: the day from which the month before is complete: 20 becomes 15",
        ),
        ("cpor = 500", "cpor = 400", "usage_growth: the smb target of usage_growth through cpor: 500 becomes 400"),
        (
            "paid_seats_from = 301",
            "paid_seats_from = 301\npaid_seats_to = 999",
            "enterprise: the most paid seats of the enterprise band: none becomes 999",
        ),
        ("[\"cpor\", \"csp\"]", "[\"csp\", \"cpor\"]", "smb: track smb counts its options in another order: csp, cpor"),
        (
            "exclusive = true",
            "exclusive = false",
            "options: whether a pair has one partner at most through option cpor: true becomes false",
        ),
        (
            "    \"intune\",\n    \"exchange\",",
            "    \"exchange\",\n    \"intune\",",
            "deployments: deployments counts its workloads in another order: exchange, intune,",
        ),
        (
            "\"endpoint_administrator_associate\", aliases = [",
            "\"device_administrator\", aliases = [\"endpoint_administrator_associate\", ",
            "intermediate_certifications: certification endpoint_administrator_associate is now called device_administrator",
        ),
        (
            "{ name = \"enterprise_administrator_expert\" }",
            "{ name = \"enterprise_administrator_expert\", eligible_until = 2027-11-30, eligible_until_estimated = true }",
            "advanced_certifications: certification enterprise_administrator_expert counts until 2027-11-30 (estimated)",
        ),
        (
            "year_ago_months = 12\nsource = \"designation\"",
            "year_ago_months = 12\nsource = \"points\"",
            "sources: months cites source points, not designation",
        ),
        (
            "[workload_lists.modern_work]",
            "[workload_lists.spare]\nworkloads = [\"planner\"]\nsource = \"points\"\n[workload_lists.modern_work]",
            "workload_lists: workload list spare is new: planner",
        ),
    ] {
        let text = rulebook::builtin(DEFAULT).expect("the default");
        assert!(text.contains(from), "{from}");
        let (before, after) = (rulebook::parse(text, "before"), rulebook::parse(&text.replacen(from, to, 1), "after"));
        let (before, after) = (before.expect("the default"), after.unwrap_or_else(|error| panic!("{to}: {error}")));
        let told = sentences(&before, &after);
        assert!(told.iter().any(|told| told.starts_with(sentence)), "no `{sentence}` in {told:#?}");
    }
}

/// Comments and layout are no rules.
#[test]
fn the_same_rules_written_differently_are_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("mine.toml");
    fs::write(&file, toml::to_string(&table(DEFAULT)).expect("TOML")).expect("a file");
    let file = file.to_string_lossy();
    assert!(run(&["rules", "diff", DEFAULT, &file]).succeeds().stdout.starts_with("Nothing changes"));
    assert_eq!(run(&["rules", "diff", DEFAULT, &file, "--format", "json"]).succeeds().stdout.trim(), "[]");
    assert_eq!(
        run(&["rules", "diff", DEFAULT, &file, "--format", "csv"]).succeeds().stdout,
        "subject,change,before,after\n"
    );
    run(&["rules", "diff", DEFAULT, "modern-work-2062"]).fails(2, &["did you mean `modern-work-2026`?"]);
}

#[test]
fn every_format_has_every_change() {
    let print = |format: &str| {
        run(&["rules", "diff", "modern-work-2023", "modern-work-2026", "--format", format]).succeeds().stdout.clone()
    };
    let rows: Vec<serde_json::Value> = serde_json::from_str(&print("json")).expect("JSON");
    let rulebooks = ["modern-work-2023", "modern-work-2026"].map(|id| rulebook::choose(Some(id)).expect("built in"));
    let changes = rulebook::diff(&rulebooks[0], &rulebooks[1]);
    assert_eq!(rows.len(), changes.len());
    let (text, csv) = (print("table"), print("csv"));
    for (row, change) in rows.iter().zip(&changes) {
        assert_eq!((&row["subject"], &row["change"]), (&change.subject.clone().into(), &change.change.clone().into()));
        assert_eq!(
            (row["before"].as_str(), row["after"].as_str()),
            (change.before.as_deref(), change.after.as_deref())
        );
        assert!(text.contains(&change.change) && csv.contains(&change.change), "{}", change.change);
    }
    assert_eq!(csv::Reader::from_reader(csv.as_bytes()).records().count(), changes.len());
}
