//! The vintages of the rulebook: what each lists, and which one a date picks.

use std::fs;

use partnerscore::month::Month;
use partnerscore::rulebook::{self, BY_DATE, DEFAULT, Metric, Rulebook, When};

use crate::baseline_history::{Placed, history};
use crate::command::run;

fn builtin(id: &str) -> Rulebook {
    rulebook::choose(Some(id)).unwrap_or_else(|error| panic!("{error}"))
}

fn by_date(when: When) -> String {
    rulebook::choose_as_of(Some(BY_DATE), when).unwrap_or_else(|error| panic!("{error}")).id
}

fn month(text: &str) -> Month {
    text.parse().expect("a month")
}

#[test]
fn built_in_rulebooks_go_by_their_ids_the_oldest_first() {
    let books = rulebook::builtins().expect("rulebooks");
    assert!(books.iter().map(|rules| rules.id.as_str()).eq(rulebook::builtin_ids()));
    assert!(books.is_sorted_by(|one, next| one.effective_from < next.effective_from), "two begin on one day");
}

/// Points and targets have not changed since 2022: what changes is lists and readings.
#[test]
fn every_vintage_has_the_same_points_and_targets() {
    let default = builtin(DEFAULT);
    for rules in rulebook::builtins().expect("rulebooks") {
        assert_eq!(rules.measures(), default.measures(), "{}", rules.id);
        assert_eq!(rules.designation.points, default.designation.points, "{}", rules.id);
        assert_eq!((&rules.months, &rules.options), (&default.months, &default.options), "{}", rules.id);
    }
}

#[test]
fn every_vintage_lists_what_the_programme_listed() {
    let counts = |id: &str| {
        let rules = builtin(id);
        Metric::ALL.map(|metric| match rules.workload_list(metric) {
            Some(list) => rules.workloads(list).len(),
            None => rules.certifications(metric).len(),
        })
    };
    assert_eq!(counts("modern-work-2023"), [17, 7, 2, 17, 17], "14 workloads, three of them under two names");
    assert_eq!(counts("modern-work-2024"), [14, 4, 1, 14, 14]);
    assert_eq!(counts("modern-work-2026"), [21, 6, 2, 22, 22]);
}

/// A history has one name for a workload, so that which one must not matter where a vintage had another.
#[test]
fn the_earliest_vintage_knows_todays_names_of_its_workloads() {
    let (earlier, today) = (builtin("modern-work-2023"), builtin(DEFAULT));
    let workloads = |rules: &Rulebook| rules.workloads("modern_work").to_vec();
    let only_earlier: Vec<String> =
        workloads(&earlier).into_iter().filter(|name| !workloads(&today).contains(name)).collect();
    assert_eq!(only_earlier, ["proplus", "teams_platform", "yammer"]);
    assert!(workloads(&today).iter().all(|name| workloads(&earlier).contains(name)));
}

#[test]
fn every_vintage_takes_its_first_reading_and_cites_its_last_days() {
    for rules in rulebook::builtins().expect("rulebooks") {
        let json = serde_json::to_value(&rules).expect("JSON");
        for (name, choice) in json["choices"].as_object().expect("choices") {
            assert_eq!(choice["reading"], choice["readings"][0], "{}: {name}", rules.id);
        }
        for entry in Metric::ALL.into_iter().flat_map(|metric| rules.certifications(metric)) {
            assert_eq!(entry.eligible_until.is_some(), entry.source.is_some(), "{}: {}", rules.id, entry.name);
        }
    }
}

#[test]
fn a_date_picks_the_newest_rulebook_in_effect() {
    for (day, id) in [
        ("2023-06-12", "modern-work-2023"),
        ("2023-09-30", "modern-work-2023"),
        ("2023-10-01", "modern-work-2024"),
        ("2026-06-30", "modern-work-2024"),
        ("2026-07-01", "modern-work-2026"),
        ("2042-01-01", "modern-work-2026"),
    ] {
        assert_eq!(by_date(When::Day(day.parse().expect("a date"))), id, "{day}");
    }
}

/// A month stands for the day it is complete: that of 2026-06 is 2026-07-20, when the rules of 2026 hold already.
#[test]
fn a_month_picks_by_the_day_it_is_complete() {
    for (text, id) in [
        ("2023-05", "modern-work-2023"),
        ("2023-08", "modern-work-2023"),
        ("2023-09", "modern-work-2024"),
        ("2026-05", "modern-work-2024"),
        ("2026-06", "modern-work-2026"),
    ] {
        assert_eq!(by_date(When::Month(month(text))), id, "{text}");
    }
}

#[test]
fn a_date_before_every_rulebook_is_refused_with_the_oldest() {
    let placed = Placed::new(&history());
    let (history, out) = (placed.history(), placed.folder.path().join("out"));
    let (history, out) = (history.to_string_lossy(), out.to_string_lossy());
    let oldest = "the oldest, `modern-work-2023`, begins on 2023-06-12 (estimated)";
    let score = |date: &[&str]| run(&[&["score", &history, "--out", &out, "--rulebook", BY_DATE], date].concat());
    score(&["--as-of", "2023-06-11"]).fails(2, &["no built-in rulebook is in effect on 2023-06-11", oldest]);
    score(&["--month", "2023-04"]).fails(2, &["no built-in rulebook is in effect on 2023-05-20", oldest]);
    placed.nothing_published();
    let pipeline = placed.folder.path().join("early.toml");
    let text = "history = 'history'\noutput = 'out'\nas_of = '2022-10-03'\nrulebook = 'by-date'\n";
    fs::write(&pipeline, text).expect("a file");
    run(&["run", &pipeline.to_string_lossy()]).fails(2, &["is in effect on 2022-10-03", oldest, "early.toml"]);
    placed.nothing_published();
}

#[test]
fn a_score_by_date_is_the_score_by_that_rulebook() {
    let out = tempfile::tempdir().expect("a folder");
    let score = |name: &str, rulebook: &str| {
        let out = out.path().join(name);
        run(&["score", "data/sample", "--month", "2026-10", "--out", &out.to_string_lossy(), "--rulebook", rulebook])
            .succeeds();
        crate::fixture::published(&out)
    };
    assert!(score("by-date", BY_DATE) == score("named", "modern-work-2026"), "the same bytes");
}

#[test]
fn a_pipeline_and_a_check_go_by_the_newest_month() {
    let placed = Placed::new(&history());
    let pipeline = placed.folder.path().join("nightly.toml");
    let text = "history = 'history'\noutput = 'out'\nas_of = 'newest_month'\nrulebook = 'by-date'\n";
    fs::write(&pipeline, text).expect("a file");
    // A file of that name beside the pipeline file is not meant.
    fs::write(placed.folder.path().join(BY_DATE), "not a rulebook").expect("a file");
    let said = run(&["run", &pipeline.to_string_lossy()]);
    assert!(said.succeeds().stderr.contains("modern-work-2026 as of 2026-11-20"), "{}", said.stderr);
    run(&["check", &placed.history().to_string_lossy(), "--rulebook", BY_DATE]).succeeds();
    run(&["check", "nowhere", "--rulebook", BY_DATE]).fails(5, &["nowhere"]);
}

#[test]
fn a_wrong_rulebook_is_told_of_before_a_history_that_is_not_there_yet() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipeline = folder.path().join("nightly.toml");
    let text = "history = 'history'\noutput = 'out'\nas_of = 'newest_month'\nrulebook = 'modern-work-2062'\n";
    fs::write(&pipeline, text).expect("a file");
    run(&["run", &pipeline.to_string_lossy()]).fails(2, &["nightly.toml", "did you mean `modern-work-2026`?"]);
}

#[test]
fn where_there_is_no_date_by_date_is_refused() {
    for arguments in [["rules", "show", BY_DATE].as_slice(), &["rules", "diff", DEFAULT, BY_DATE]] {
        run(arguments).fails(2, &["`by-date` names no rulebook where there is no as-of date", DEFAULT]);
    }
    run(&["rules", "show", "by-dat"]).fails(2, &["did you mean `by-date`?"]);
}
