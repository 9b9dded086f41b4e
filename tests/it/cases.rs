//! The cases of `tests/cases/`, run three ways: each alone, all of a file in one history, and by the second reading.

use std::path::{Path, PathBuf};

use partnerscore::pipeline::{self, Settings};
use partnerscore::rulebook::{self, Rulebook};

use crate::case_file::{self, Case, PointsRow, ScoreRow};
use crate::fixture::{self, Layout};
use crate::properties::{assert_agree, scored_by_both};
use crate::rulebooks::changed_of;
use crate::second_reading::{self, History, Usage};

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("cases").map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(files.len() >= 10, "{files:?}");
    files
}

/// The rulebook of a case.
pub fn rules_of(case: &Case) -> Rulebook {
    rulebook::parse(&changed_of(&case.rulebook, &case.rules), &case.name)
        .unwrap_or_else(|error| panic!("{}: {error}", case.name))
}

/// A tenant that nobody serves has usage at M and at P, so that both months are there.
pub fn with_both_months(mut history: History, case: &Case, rules: &Rulebook) -> History {
    let m = rules.usage_month(case.as_of);
    for month in rules.year_ago(m).through(m) {
        history.workload_usage.push(Usage {
            tenant_id: Some("nobody's".to_owned()),
            workload: Some("teams".to_owned()),
            month: Some(month.first_day()),
            paid_seats: Some(50),
            active_users: Some(5),
        });
    }
    history
}

#[test]
fn each_case_alone_and_by_the_second_reading() {
    let cases: Vec<Case> = files().iter().flat_map(|file| case_file::read(file)).collect();
    // Every case that fails is told of, not the first alone.
    let failed = cases.iter().filter(|case| std::panic::catch_unwind(|| alone(case)).is_err());
    let failed: Vec<&str> = failed.map(|case| case.name.as_str()).collect();
    assert!(failed.is_empty(), "{} of {} cases failed: {failed:?}", failed.len(), cases.len());
}

fn alone(case: &Case) {
    let rules = rules_of(case);
    let history = with_both_months(case.history.clone(), case, &rules);
    let (ours, theirs) = scored_by_both(&history, &rules, case.as_of);
    assert_agree(&ours, &theirs, &case.name);
    assert_expected(case, &theirs, &|id| id.to_owned());
}

/// A vectorised rule can be right for one row and wrong for two: the cases of a file side by side.
#[test]
fn all_cases_of_a_file_in_one_history() {
    for file in files() {
        let cases = case_file::read(&file);
        let mut groups: Vec<Vec<(usize, &Case)>> = Vec::new();
        for (index, case) in cases.iter().enumerate() {
            match groups.iter_mut().find(|group| same_rules(group[0].1, case)) {
                Some(group) => group.push((index, case)),
                None => groups.push(vec![(index, case)]),
            }
        }
        for group in groups {
            let rules = rules_of(group[0].1);
            let mut history = with_both_months(History::default(), group[0].1, &rules);
            group.iter().for_each(|(index, case)| add(&mut history, &case.history, *index));
            let folder = tempfile::tempdir().expect("a folder");
            fixture::write(&history, folder.path(), &Layout::default());
            let settings = Settings {
                min_coverage: 0.0,
                max_reject_ratio: 1.0,
                max_unknown_ratio: 1.0,
                ..Settings::new(folder.path(), group[0].1.as_of, rules)
            };
            let scored = pipeline::score(&settings).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let ours = crate::properties::as_second(&scored.scores, &settings.rules);
            for (index, case) in group {
                assert_expected(case, &ours, &|id| prefixed(id, index));
            }
        }
    }
}

fn same_rules(one: &Case, other: &Case) -> bool {
    (&one.rulebook, &one.rules) == (&other.rulebook, &other.rules)
}

/// An id of a history that stands beside others.
pub fn prefixed(id: &str, index: usize) -> String {
    format!("case{index}-{id}")
}

/// Adds a case's rows under ids of its own.
pub fn add(history: &mut History, case: &History, index: usize) {
    let own = |id: &Option<String>| id.as_ref().map(|id| prefixed(id, index));
    history.partners.extend(case.partners.iter().cloned().map(|mut row| {
        (row.partner_id, row.global_partner_id) = (own(&row.partner_id), own(&row.global_partner_id));
        row
    }));
    history.associations.extend(case.associations.iter().cloned().map(|mut row| {
        (row.partner_id, row.tenant_id) = (own(&row.partner_id), own(&row.tenant_id));
        row
    }));
    history.certifications.extend(case.certifications.iter().cloned().map(|mut row| {
        (row.partner_id, row.person_id) = (own(&row.partner_id), own(&row.person_id));
        row
    }));
    history.workload_usage.extend(case.workload_usage.iter().cloned().map(|mut row| {
        row.tenant_id = own(&row.tenant_id);
        row
    }));
}

fn assert_expected(case: &Case, scored: &second_reading::Scored, id: &dyn Fn(&str) -> String) {
    let name = &case.name;
    for expected in &case.points {
        let key = (id(&expected.partner_id), &expected.track, &expected.metric, &expected.option);
        let found = scored.metric_points.iter().find(|row| {
            (row.partner_id.clone(), &row.track.to_string(), &row.metric.to_string(), &row.option.to_string()) == key
        });
        let found = found.unwrap_or_else(|| panic!("{name}: no row {key:?}"));
        let row = PointsRow { current: found.current, prior: found.prior, points: found.points, ..expected.clone() };
        assert_eq!(row, *expected, "{name}: found, then expected");
    }
    for expected in &case.scores {
        let found = scored.scores.iter().find(|row| row.partner_id == id(&expected.partner_id));
        let found = found.unwrap_or_else(|| panic!("{name}: no score of {}", expected.partner_id));
        let row = ScoreRow {
            partner_id: expected.partner_id.clone(),
            track: found.track.to_string(),
            qualified: found.qualified,
            total_points: found.total_points,
            points_short: found.points_short,
            metrics_short: found.metrics_short.clone(),
        };
        assert_eq!(row, *expected, "{name}: found, then expected");
    }
    assert!(!case.points.is_empty() || !case.scores.is_empty(), "{name} expects nothing");
}
