//! What results are called and said to be: freshness, unknown partners, counts below zero, certifications of other lists, sources.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use partnerscore::insight::{self, Wanted};
use partnerscore::metrics::reason;
use partnerscore::pipeline::Settings;
use partnerscore::rulebook::{self, DEFAULT};
use serde_json::Value;

use crate::baseline_history::{AS_OF, Placed, association, certification, day, history, partner, usage};
use crate::command::{self, run};
use crate::rulebooks::changed_of;

/// Noon of a day.
fn noon(date: &str) -> SystemTime {
    let days = day(date).signed_duration_since(day("1970-01-01")).num_days();
    SystemTime::UNIX_EPOCH + Duration::from_secs(days as u64 * 24 * 60 * 60 + 12 * 60 * 60)
}

fn written_on(path: &Path, date: &str) {
    File::options().write(true).open(path).and_then(|file| file.set_modified(noon(date))).expect("a time");
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}

/// What a run says of how recent certifications are: when the newest was earned, the table was written, and the record of ingest.
fn freshness(earned: &str, written: &str, record: Option<&str>) -> (Value, String) {
    let mut history = history();
    history.certifications[0].earned_on = Some(day(earned));
    let placed = Placed::new(&history);
    if let Some(date) = record {
        fs::write(placed.history().join("history.json"), "{}").expect("a file");
        written_on(&placed.history().join("history.json"), date);
    }
    written_on(&placed.history().join("certifications.parquet"), written);
    let said = placed.score(&[]);
    let run = json(&placed.run().join("run.json"));
    (run["freshness"]["certifications_as_promised"].clone(), said.succeeds().stderr.clone())
}

/// Promised within 10 days: the as-of date is 2026-11-23.
#[test]
fn certifications_are_old_only_where_their_table_is() {
    let old = "certifications are older";
    for (name, (earned, written, record), expected) in [
        ("a recent certification proves recent data", ("2026-11-13", "2026-01-01", None), Some(true)),
        (
            "nobody was certified lately, the table is of the last day promised",
            ("2025-01-01", "2026-11-13", None),
            None,
        ),
        ("the table is a day older", ("2025-01-01", "2026-11-12", None), Some(false)),
        ("the newest certification is a day older, and the table too", ("2026-11-12", "2026-11-12", None), Some(false)),
        ("ingest has read exports since, with nothing new", ("2025-01-01", "2026-11-12", Some("2026-11-20")), None),
        ("ingest has read nothing since", ("2025-01-01", "2026-11-12", Some("2026-11-12")), Some(false)),
        ("the table was written after the as-of date", ("2025-01-01", "2026-12-31", None), None),
    ] {
        let (flag, said) = freshness(earned, written, record);
        assert_eq!(flag, Value::from(expected), "{name}");
        assert_eq!(said.contains(old), expected == Some(false), "{name}: {said}");
        assert_eq!(said.contains("last written on"), expected == Some(false), "{name}: {said}");
    }
}

/// A history whose associations and certifications name partners that the table of partners does not have.
fn with_unknown_partners(number: usize) -> Placed {
    let mut history = history();
    history.partners.push(partner("4390900"));
    for place in 0..number {
        let id = format!("439090{}", place + 1);
        history.associations.push(association(&id, "t1", "DPOR", "2024-01-01"));
        history.associations.push(association(&id, "t2", "DPOR", "2024-01-01"));
    }
    history.certifications.push(certification("zzzzzzzzzzzz", "eve", "enterprise_administrator_expert", "2024-01-01"));
    Placed::new(&history)
}

#[test]
fn the_number_of_unknown_partners_is_told_with_the_nearest_known_ones() {
    let placed = with_unknown_partners(1);
    let history = placed.history().to_string_lossy().into_owned();
    let near = "2 unknown partners: `4390901` (2 rows; did you mean `4390900`?), `zzzzzzzzzzzz` (1 row)";
    let checked = run(&["check", &history, "--max-reject-ratio", "1"]);
    assert!(checked.succeeds().stderr.contains(near), "{}", checked.stderr);
    let scored = placed.score(&["--max-reject-ratio", "1"]);
    assert!(scored.succeeds().stderr.contains(near), "{}", scored.stderr);
    let rows = run(&["check", &history, "--max-reject-ratio", "1", "--format", "json"]).succeeds().stdout.clone();
    let rows: Vec<Value> = serde_json::from_str(&rows).expect("JSON");
    let subjects: Vec<&str> = rows
        .iter()
        .filter(|row| row["rule"] == "unknown_partner")
        .map(|row| row["subject"].as_str().expect("a subject"))
        .collect();
    assert_eq!(subjects, ["1 partner", "1 partner"]);
    // No more than the first few are named.
    let many = with_unknown_partners(5);
    let checked = run(&["check", &many.history().to_string_lossy(), "--max-reject-ratio", "1"]);
    let text = &checked.succeeds().stderr;
    assert!(text.contains("6 unknown partners: `4390901`") && text.contains(" and 3 more"), "{text}");
    let known = Placed::new(&crate::baseline_history::history());
    let checked = run(&["check", &known.history().to_string_lossy()]);
    assert!(!checked.succeeds().stderr.contains("unknown partner"), "{}", checked.stderr);
}

/// A changed measure: current before and after.
fn simulated(placed: &Placed, arguments: &[&str]) -> (Value, String) {
    let history = placed.history().to_string_lossy().into_owned();
    let base = ["simulate", history.as_str(), "--as-of", AS_OF, "--partner", "acme"];
    let text = run(&[&base, arguments].concat()).succeeds().stdout.clone();
    let json = run(&[&base, arguments, &["--format", "json"]].concat()).succeeds().stdout.clone();
    (serde_json::from_str(&json).expect("JSON"), text)
}

/// Nobody has less than no people, tenants or users: a change stops at zero, and a note says so.
#[test]
fn a_change_never_takes_a_count_below_zero() {
    let placed = Placed::new(&history());
    for (arguments, metric, is_cut) in [
        (["--certify", "advanced=-9"], "advanced_certifications", true),
        (["--certify", "intermediate=-2"], "intermediate_certifications", true),
        (["--certify", "advanced=-1"], "advanced_certifications", false),
        (["--certify", "advanced=1"], "advanced_certifications", false),
        (["--net-adds", "-100"], "net_customer_adds", true),
        (["--usage", "csp=-1000"], "usage_growth", true),
        (["--usage", "csp=-1"], "usage_growth", false),
        (["--deployments", "smb.cpor=-50"], "deployments", true),
    ] {
        let (told, text) = simulated(&placed, &arguments);
        let measures = told["measures"].as_array().expect("measures");
        assert!(measures.iter().all(|row| row["current_after"].as_i64() >= Some(0)), "{arguments:?}: {told:#}");
        let notes: Vec<&str> =
            told["notes"].as_array().expect("notes").iter().map(|note| note.as_str().expect("a note")).collect();
        assert_eq!(!notes.is_empty(), is_cut, "{arguments:?}: {notes:?}");
        assert_eq!(text.contains("\nnote: "), is_cut, "{arguments:?}: {text}");
        assert!(notes.iter().all(|note| note.contains(metric) && text.contains(*note)), "{arguments:?}: {notes:?}");
    }
    let (told, text) = simulated(&placed, &["--certify", "advanced=-9"]);
    assert_eq!(told["notes"][1], "smb advanced_certifications has 1 at M, so the change is -1 and not -9");
    assert!(text.contains("  -9 people with advanced\n"), "{text}");
    let (_, text) = simulated(&placed, &["--certify", "advanced=1", "--net-adds", "1", "--usage", "csp=+1"]);
    for line in ["  +1 person with advanced\n", "  +1 net customer adds\n", "  +1 active user through csp\n"] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

/// People whose certifications this rulebook does not list are shown with what they hold and the rulebooks that list it.
#[test]
fn certified_people_who_do_not_count_are_explained_with_the_rulebooks_that_list_theirs() {
    let mut history = history();
    for (person, name) in [
        ("cleo", "microsoft_365_fundamentals"),
        ("dan", "microsoft_365_fundamentals"),
        ("eve", "azure_fundamentals"),
        ("fay", "teams_application_developer_associate"),
    ] {
        history.certifications.push(certification("acme", person, name, "2025-01-01"));
    }
    let placed = Placed::new(&history);
    let explain = |rulebook: &str, metric: &str| {
        let history = placed.history().to_string_lossy().into_owned();
        let base = ["explain", history.as_str(), "--as-of", AS_OF, "--partner", "acme", "--rulebook", rulebook];
        let narrowed = ["--track", "smb", "--metric", metric];
        let text = run(&[&base[..], &narrowed].concat()).succeeds().stdout.clone();
        let json = run(&[&base[..], &narrowed, &["--format", "json"]].concat()).succeeds().stdout.clone();
        let told: Value = serde_json::from_str(&json).expect("JSON");
        (told, text)
    };
    let unlisted = |told: &Value| -> BTreeSet<String> {
        let rows = told["rows"].as_array().expect("rows").iter();
        let rows = rows.filter(|row| row["reason"] == reason::CERTIFICATION_NOT_LISTED);
        rows.map(|row| {
            assert_eq!((&row["current"], &row["prior"], &row["counted"]), (&0.into(), &0.into(), &false.into()));
            row["person_id"].as_str().expect("a person").to_owned()
        })
        .collect()
    };
    let (told, text) = explain(DEFAULT, "intermediate_certifications");
    assert_eq!(unlisted(&told), ["cleo", "dan", "eve"].map(str::to_owned).into());
    let held: Vec<Value> = told["not_listed"].as_array().expect("certifications").clone();
    assert_eq!(
        held,
        [
            serde_json::json!({"person_id": "cleo", "certification": "microsoft_365_fundamentals",
                "rulebooks": ["modern-work-2023", "modern-work-2026"]}),
            serde_json::json!({"person_id": "dan", "certification": "microsoft_365_fundamentals",
                "rulebooks": ["modern-work-2023", "modern-work-2026"]}),
            serde_json::json!({"person_id": "eve", "certification": "azure_fundamentals", "rulebooks": []}),
        ]
    );
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("microsoft_365_fundamentals 2 modern-work-2023, modern-work-2026"), "{text}");
    assert!(words.contains("azure_fundamentals 1 no built-in rulebook"), "{text}");
    let (told, _) = explain(DEFAULT, "advanced_certifications");
    assert_eq!(unlisted(&told), ["eve"].map(str::to_owned).into());
    let (told, _) = explain("modern-work-2026", "intermediate_certifications");
    // Of the default's, the list of 2026 lacks one, which `ben` and `fay` hold.
    assert_eq!(unlisted(&told), ["ben", "eve", "fay"].map(str::to_owned).into());
    // A run has the reason, and no names.
    placed.score(&["--evidence"]).succeeds();
    let of_run = insight::explain_run(&placed.run(), "acme", &Wanted::default()).expect("explained");
    assert!(of_run.not_listed.is_empty());
    assert!(of_run.rows.iter().any(|row| row.reason == reason::CERTIFICATION_NOT_LISTED));
}

/// The usage that stands for the months to come lacks a held tenant: no event calls that an association that ends.
#[test]
fn an_outlook_does_not_call_missing_usage_a_loss() {
    let mut history = history();
    for month in 0..12 {
        let first = day("2025-11-01") + chrono::Months::new(month);
        history.workload_usage.push(usage("gone", "teams", &first.to_string(), 50, 30));
    }
    history
        .workload_usage
        .retain(|row| row.tenant_id.as_deref() != Some("gone") || row.month != Some(day("2026-10-01")));
    history.associations.push(association("acme", "gone", "CPOR", "2024-01-01"));
    let placed = Placed::new(&history);
    let rules = rulebook::choose(None).expect("rules");
    let settings = Settings { partners: vec!["acme".to_owned()], ..Settings::new(placed.history(), day(AS_OF), rules) };
    let outlook = insight::outlook(&settings.of_a_few(), 3).expect("an outlook");
    let events = &outlook.partners[0].events;
    let theirs: Vec<&str> = events
        .iter()
        .filter(|event| event.tenant_id.as_deref() == Some("gone"))
        .map(|event| event.kind.as_str())
        .collect();
    assert!(!theirs.is_empty() && theirs.iter().all(|kind| *kind == "year_ago_month"), "{theirs:?}");
}

/// The months between are looked at for evidence alone, and none of them stops a run that needs none.
#[test]
fn a_damaged_month_in_between_does_not_stop_the_search_for_a_tenant() {
    let mut history = history();
    history.associations.push(association("acme", "never", "CPOR", "2024-01-01"));
    let placed = Placed::new(&history);
    placed.score(&["--evidence"]).succeeds();
    fs::write(placed.history().join("workload_usage/month=2026-05-01/part-0.parquet"), "no Parquet").expect("a file");
    placed.score(&["--evidence"]).succeeds();
    let rows = insight::explain_run(&placed.run(), "acme", &Wanted::default()).expect("explained").rows;
    let never: Vec<&str> =
        rows.iter().filter(|row| row.tenant_id.as_deref() == Some("never")).map(|row| row.reason.as_str()).collect();
    assert!(!never.is_empty() && never.iter().all(|reason| *reason == reason::NO_USAGE), "{never:?}");
}

/// Keys of sources that any table of a rulebook cites.
fn cited(value: &toml::Value, found: &mut BTreeSet<String>) {
    match value {
        toml::Value::Table(table) => {
            let is_source = |key: &str| key == "source" || key.ends_with("_source");
            let (sources, others): (Vec<_>, Vec<_>) = table.iter().partition(|(key, _)| is_source(key));
            found.extend(sources.into_iter().filter_map(|(_, source)| source.as_str().map(str::to_owned)));
            others.into_iter().for_each(|(_, value)| cited(value, found));
        }
        toml::Value::Array(values) => values.iter().for_each(|value| cited(value, found)),
        _ => {}
    }
}

#[test]
fn every_source_of_a_built_in_rulebook_is_cited_and_each_certification_list_cites_its_page() {
    for id in rulebook::builtin_ids() {
        let mut book: toml::Table = rulebook::builtin(id).expect("built in").parse().expect("TOML");
        let sources = book.remove("sources").expect("sources");
        let sources: BTreeSet<String> = sources.as_table().expect("a table").keys().cloned().collect();
        let mut found = BTreeSet::new();
        cited(&toml::Value::Table(book), &mut found);
        assert_eq!(found, sources, "{id}: cited, then explained");
        let rules = rulebook::choose(Some(id)).expect("rules");
        for list in [&rules.metrics.intermediate_certifications, &rules.metrics.advanced_certifications] {
            assert!(list.certifications_source.as_ref().is_some_and(|source| *source != list.source), "{id}");
        }
    }
}

#[test]
fn a_list_that_cites_no_known_source_and_an_empty_window_are_refused() {
    for (key, value) in [
        ("metrics.advanced_certifications.certifications_source", toml::Value::from("hearsay")),
        ("designation.window_days", toml::Value::from(0)),
    ] {
        let changes = [(key.to_owned(), value)].into();
        assert!(rulebook::parse(&changed_of(DEFAULT, &changes), "changed").is_err(), "{key}");
    }
}

#[test]
fn a_window_closes_after_days_or_with_a_month_as_its_rulebook_counts() {
    for (id, met, closes) in [
        ("modern-work-2023", "2023-07-20", "2023-08-19"),
        ("modern-work-2023", "2023-08-31", "2023-09-30"),
        ("modern-work-2024", "2026-03-20", "2026-08-31"),
        ("modern-work-2026", "2026-03-31", "2026-08-31"),
    ] {
        let rules = rulebook::choose(Some(id)).expect("rules");
        assert_eq!(rules.window_closes(day(met)), day(closes), "{id}, met on {met}");
    }
}

/// A single row, file or partner is told of in the singular.
#[test]
fn one_is_not_told_of_in_the_plural() {
    let mut history = history();
    history.partners.retain(|row| row.partner_id.as_deref() == Some("acme"));
    history.associations.retain(|row| row.partner_id.as_deref() == Some("acme"));
    history.associations[0].association_type = Some("XPOR".to_owned());
    let placed = Placed::new(&history);
    let said = placed.score(&["--max-reject-ratio", "1"]);
    let text = &said.succeeds().stderr;
    assert!(text.contains("1 partner scored,") && text.contains("1 row rejected,"), "{text}");
    let refused = command::score(&placed.history(), &placed.out(), AS_OF, &["--max-reject-ratio", "0.1"]);
    refused.fails(3, &["1 of 2 checked rows of `associations` was rejected"]);
}
