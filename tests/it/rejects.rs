//! Every reject rule and every warning, made to happen, and what each does to the score: nothing.

use crate::baseline_history::{AS_OF, Placed, association, certification, day, history, partner, usage};
use crate::command::{run, score};
use crate::fixture::Layout;
use crate::outputs::{read, texts};
use crate::samples;
use crate::second_reading::{self, History};

type Spoil = Box<dyn Fn(&mut History)>;

/// One broken row, the rule it breaks, and part of its key.
pub fn broken() -> Vec<(&'static str, &'static str, &'static str, Spoil)> {
    let association_with = |change: fn(&mut second_reading::Association)| -> Spoil {
        Box::new(move |history| {
            let mut row = association("acme", "t1", "CPOR", "2024-02-02");
            change(&mut row);
            history.associations.push(row);
        })
    };
    let certification_with = |change: fn(&mut second_reading::Certification)| -> Spoil {
        Box::new(move |history| {
            let mut row = certification("acme", "eve", "enterprise_administrator_expert", "2024-02-02");
            change(&mut row);
            history.certifications.push(row);
        })
    };
    let usage_with = |change: fn(&mut second_reading::Usage)| -> Spoil {
        Box::new(move |history| {
            let mut row = usage("t1", "sharepoint", "2026-10-01", 70, 60);
            change(&mut row);
            history.workload_usage.push(row);
        })
    };
    vec![
        ("partners", "null_key", "partner_id=null", Box::new(|history| history.partners.push(Default::default()))),
        ("associations", "null_key", "partner_id=null", association_with(|row| row.partner_id = None)),
        ("associations", "null_key", "tenant_id=null", association_with(|row| row.tenant_id = None)),
        ("associations", "null_key", "association_type=null", association_with(|row| row.association_type = None)),
        ("associations", "null_key", "start_date=null", association_with(|row| row.start_date = None)),
        (
            "associations",
            "unknown_association_type",
            "association_type=cpor",
            association_with(|row| row.association_type = Some("cpor".to_owned())),
        ),
        (
            "associations",
            "end_before_start",
            "start_date=2024-02-02",
            association_with(|row| row.end_date = Some(day("2024-02-01"))),
        ),
        (
            "associations",
            "unknown_partner",
            "partner_id=zzz",
            association_with(|row| row.partner_id = Some("zzz".to_owned())),
        ),
        ("certifications", "null_key", "partner_id=null", certification_with(|row| row.partner_id = None)),
        ("certifications", "null_key", "person_id=null", certification_with(|row| row.person_id = None)),
        ("certifications", "null_key", "certification=null", certification_with(|row| row.certification = None)),
        ("certifications", "null_key", "earned_on=null", certification_with(|row| row.earned_on = None)),
        (
            "certifications",
            "expiry_before_earning",
            "earned_on=2024-02-02",
            certification_with(|row| row.expires_on = Some(day("2024-02-01"))),
        ),
        (
            "certifications",
            "unknown_partner",
            "partner_id=zzz",
            certification_with(|row| row.partner_id = Some("zzz".to_owned())),
        ),
        ("workload_usage", "null_key", "tenant_id=null", usage_with(|row| row.tenant_id = None)),
        ("workload_usage", "null_key", "workload=null", usage_with(|row| row.workload = None)),
        ("workload_usage", "null_count", "workload=sharepoint", usage_with(|row| row.paid_seats = None)),
        ("workload_usage", "null_count", "workload=sharepoint", usage_with(|row| row.active_users = None)),
        ("workload_usage", "negative_count", "workload=sharepoint", usage_with(|row| row.paid_seats = Some(-1))),
        ("workload_usage", "negative_count", "workload=sharepoint", usage_with(|row| row.active_users = Some(-1))),
        ("workload_usage", "count_too_large", "workload=sharepoint", usage_with(|row| row.paid_seats = Some(1 << 31))),
        (
            "workload_usage",
            "count_too_large",
            "workload=sharepoint",
            usage_with(|row| row.active_users = Some(i64::MAX)),
        ),
        (
            "workload_usage",
            "not_first_of_month",
            "month=2026-10-02",
            usage_with(|row| row.month = Some(day("2026-10-02"))),
        ),
    ]
}

#[test]
fn each_broken_row_is_rejected_under_its_rule_and_changes_no_score() {
    let sound = Placed::new(&history());
    sound.score(&[]).succeeds();
    let expected = std::fs::read(sound.run().join("scores.parquet")).expect("scores");
    for hive in [true, false] {
        for (table, rule, key, spoil) in broken() {
            let mut history = history();
            spoil(&mut history);
            let placed = Placed::laid_out(&history, &Layout { hive, ..Layout::default() });
            placed.score(&["--max-reject-ratio", "1"]).succeeds();
            let rejects = read(&placed.run().join("rejects.parquet"));
            assert_eq!(texts(&rejects, "table"), [Some(table.to_owned())], "{rule}");
            assert_eq!(texts(&rejects, "rule"), [Some(rule.to_owned())], "{table}");
            assert!(
                texts(&rejects, "key")[0].as_ref().is_some_and(|text| text.contains(key)),
                "{:?} has {key}",
                texts(&rejects, "key")
            );
            assert!(texts(&rejects, "reason")[0].as_ref().is_some_and(|text| !text.is_empty()));
            assert_eq!(std::fs::read(placed.run().join("scores.parquet")).expect("scores"), expected, "{table} {rule}");
        }
    }
}

#[test]
fn a_usage_row_without_a_month_is_rejected_by_check() {
    for hive in [true, false] {
        let mut history = history();
        history.workload_usage.push(second_reading::Usage { month: None, ..usage("t1", "teams", "2026-10-01", 1, 1) });
        let placed = Placed::laid_out(&history, &Layout { hive, ..Layout::default() });
        let said = run(&[
            "check",
            &placed.history().to_string_lossy(),
            "--rejects",
            "--format",
            "csv",
            "--max-reject-ratio",
            "1",
        ]);
        assert!(
            said.succeeds().stdout.contains("workload_usage,null_key,\"tenant_id=t1, workload=teams, month=null\""),
            "{}",
            said.stdout
        );
    }
}

#[test]
fn boundary_values_are_sound() {
    let mut history = history();
    history.workload_usage.push(usage("t3", "sharepoint", "2026-10-01", i64::from(i32::MAX), 0));
    history.associations[0].end_date = history.associations[0].start_date;
    history.certifications[0].expires_on = history.certifications[0].earned_on;
    let placed = Placed::new(&history);
    placed.score(&[]).succeeds();
    assert_eq!(read(&placed.run().join("rejects.parquet")).num_rows(), 0);
}

/// Repeats of a usage key: the same values fold, different values reject every row, at M, at P and in an association month.
#[test]
fn repeated_usage_keys_fold_or_are_rejected() {
    let plain = Placed::new(&history());
    plain.score(&["--evidence"]).succeeds();
    for (tenant, month) in [("t1", "2026-10-01"), ("t1", "2025-10-01"), ("t2", "2026-03-01")] {
        let mut history = history();
        let original = history
            .workload_usage
            .iter()
            .find(|row| row.tenant_id.as_deref() == Some(tenant) && row.month == Some(day(month)));
        let original = original.expect("a row").clone();
        history.workload_usage.extend([original.clone(), original.clone()]);
        let folded = Placed::new(&history);
        folded.score(&["--evidence"]).succeeds();
        assert_eq!(
            crate::fixture::published(&folded.run()),
            crate::fixture::published(&plain.run()),
            "{tenant} {month}"
        );
        history.workload_usage.push(second_reading::Usage { active_users: Some(1), ..original.clone() });
        let conflicting = Placed::new(&history);
        conflicting.score(&["--max-reject-ratio", "1"]).succeeds();
        let rejects = read(&conflicting.run().join("rejects.parquet"));
        assert_eq!(texts(&rejects, "rule"), vec![Some("conflicting_usage".to_owned()); 4], "{tenant} {month}");
        // The key is gone altogether: the same as if it had never been there.
        history.workload_usage.retain(|row| {
            (&row.tenant_id, &row.workload, row.month) != (&original.tenant_id, &original.workload, original.month)
        });
        let without = Placed::new(&history);
        without.score(&[]).succeeds();
        let bytes = |placed: &Placed| std::fs::read(placed.run().join("metric_points.parquet")).expect("points");
        assert_eq!(bytes(&conflicting), bytes(&without), "{tenant} {month}");
    }
}

#[test]
fn repeats_are_found_among_more_workloads_than_there_are_bits() {
    let mut history = history();
    for index in 0..70 {
        history.workload_usage.push(usage("t1", &format!("other_{index:02}"), "2026-10-01", 5, 1));
    }
    history.workload_usage.push(usage("t1", "other_69", "2026-10-01", 5, 2));
    let placed = Placed::new(&history);
    placed.score(&["--max-reject-ratio", "1"]).succeeds();
    assert_eq!(read(&placed.run().join("rejects.parquet")).num_rows(), 2);
}

#[test]
fn a_global_account_without_a_row_is_a_known_partner() {
    let mut history = history();
    history.partners[0].global_partner_id = Some("corp".to_owned());
    history.associations.push(association("corp", "t1", "DPOR", "2024-01-01"));
    history.certifications.push(certification("corp", "cleo", "enterprise_administrator_expert", "2025-01-01"));
    let placed = Placed::new(&history);
    placed.score(&["--strict"]).succeeds();
    let scores = read(&placed.run().join("scores.parquet"));
    let mut ids: Vec<_> = texts(&scores, "partner_id").into_iter().flatten().collect();
    ids.sort();
    assert_eq!(ids, ["birch", "corp"]);
    assert!(texts(&scores, "partner_name").iter().all(Option::is_none));
}

#[test]
fn every_warning_is_given() {
    let mut history = history();
    history.partners.push(partner("cedar"));
    history.workload_usage.push(usage("t1", "minesweeper", "2026-10-01", 5, 5));
    history.workload_usage.push(usage("t1", "sharepoint", "2026-10-01", 5, 6));
    history.certifications.push(certification("acme", "dora", "cat_herding_expert", "2025-01-01"));
    let mut claim = association("cedar", "t1", "CPOR", "2025-01-01");
    claim.workload = Some("teams".to_owned());
    history.associations.push(claim);
    let mut unlisted = association("cedar", "t2", "CPOR", "2025-01-01");
    unlisted.workload = Some("solitaire".to_owned());
    history.associations.push(unlisted);
    let placed = Placed::new(&history);
    let said = placed.score(&[]);
    for warning in [
        "unknown_workload minesweeper, solitaire",
        "active_users_above_paid_seats sharepoint",
        "unknown_certification cat_herding_expert",
        "contested_pair cpor",
    ] {
        assert!(said.succeeds().stderr.contains(warning), "no {warning} in\n{}", said.stderr);
    }
    let json = std::fs::read(placed.run().join("run.json")).expect("run.json");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    let contested =
        json["warnings"].as_array().expect("warnings").iter().find(|warning| warning["rule"] == "contested_pair");
    assert_eq!(contested.expect("contested")["count"], 1);
}

/// What `check` counts in the dirty sample, every rule of it, is what the second reading finds row by row.
#[test]
fn check_finds_what_the_second_reading_finds() {
    let sample = samples::dirty();
    let said = run(&["check", &sample.to_string_lossy(), "--format", "json"]);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&said.succeeds().stdout).expect("JSON");
    let mut counted: Vec<(String, String, u64)> = rows
        .iter()
        .filter(|row| row["finding"] == "reject")
        .map(|row| {
            (
                row["table"].as_str().expect("a table").to_owned(),
                row["rule"].as_str().expect("a rule").to_owned(),
                row["rows"].as_u64().expect("rows"),
            )
        })
        .collect();
    counted.sort();
    let (_, rejects) = second_reading::check(&samples::rows(&sample));
    let mut expected: Vec<(String, String, u64)> = Vec::new();
    for reject in rejects {
        match expected.iter_mut().find(|(table, rule, _)| *table == reject.table && *rule == reject.rule) {
            Some((_, _, count)) => *count += 1,
            None => expected.push((reject.table.to_owned(), reject.rule.to_owned(), 1)),
        }
    }
    expected.sort();
    assert_eq!(counted, expected);
    let rules: std::collections::BTreeSet<&str> = counted.iter().map(|(_, rule, _)| rule.as_str()).collect();
    assert_eq!(rules.len(), 10, "the dirty sample has every rule: {rules:?}");
}

#[test]
fn check_exits_as_a_score_would() {
    let mut history = history();
    history.associations.push(association("nobody", "t1", "CPOR", "2024-01-01"));
    let placed = Placed::new(&history);
    let path = placed.history().to_string_lossy().into_owned();
    assert_eq!(run(&["check", &path]).code, 3);
    assert_eq!(run(&["check", &path, "--max-reject-ratio", "0.3"]).code, 0);
    assert_eq!(run(&["check", &path, "--max-reject-ratio", "0.3", "--strict"]).code, 4);
    assert_eq!(run(&["check", "nowhere"]).code, 5);
    assert_eq!(score(&placed.history(), &placed.out(), AS_OF, &[]).code, 3);
}

/// Several metrics may ask for the same rows, each with a list of its own: what is found in them is told once.
#[test]
fn several_workload_lists_tell_of_a_row_once() {
    let mut history = history();
    history.partners.push(partner("cedar"));
    let mut claim = association("cedar", "t1", "CPOR", "2025-01-01");
    claim.workload = Some("teams".to_owned());
    history.associations.push(claim);
    history.workload_usage.push(usage("t2", "sharepoint", "2026-03-01", -1, 0));
    let placed = Placed::new(&history);
    let short = "workloads = [\"teams\", \"exchange\"]\nsource = \"designation\"".parse::<toml::Table>().expect("TOML");
    let changes = [
        ("metrics.net_customer_adds.workload_list".to_owned(), toml::Value::from("short")),
        ("workload_lists.short".to_owned(), toml::Value::from(short)),
    ];
    let rulebook = placed.folder.path().join("rules.toml");
    std::fs::write(&rulebook, crate::rulebooks::changed(&changes.into())).expect("a file");
    for more in [vec![], vec!["--rulebook", rulebook.to_str().expect("a path")]] {
        placed.score(&[&more[..], &["--max-reject-ratio", "1"]].concat()).succeeds();
        let json = std::fs::read(placed.run().join("run.json")).expect("run.json");
        let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        assert_eq!(json["rows"]["rejects"], 1, "{more:?}");
        let contested =
            json["warnings"].as_array().expect("warnings").iter().find(|warning| warning["rule"] == "contested_pair");
        assert_eq!(contested.expect("contested")["count"], 1, "{more:?}");
    }
}
