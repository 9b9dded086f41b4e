//! What people read, as it stands: summaries, help, errors. Small enough to be read.

use std::path::Path;

use crate::baseline_history::{AS_OF, Placed, history};
use crate::command::{run, score};

/// Times, sizes and folders differ from run to run.
fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.add_filter(r"in \d+\.\d s, \d+ MB at the peak", "in [time], [memory] at the peak");
    // A busy machine makes a run say where it is.
    settings.add_filter(r"(?m)^ +\d+ s  .*\n", "");
    settings.add_filter(r"/[^\s:]*/(history|out|disk)", "[folder]/$1");
    settings
}

#[test]
fn the_summary_of_the_sample() {
    let out = tempfile::tempdir().expect("a folder");
    let said = score(Path::new("data/sample"), &out.path().join("out"), AS_OF, &[]);
    settings().bind(|| insta::assert_snapshot!("summary", said.succeeds().stderr));
}

#[test]
fn the_findings_of_a_check() {
    let said = run(&["check", &crate::samples::dirty().to_string_lossy()]);
    settings().bind(|| insta::assert_snapshot!("check", format!("{}{}", said.succeeds().stdout, said.stderr)));
}

#[test]
fn the_help_of_score() {
    settings().bind(|| insta::assert_snapshot!("help_score", run(&["score", "--help"]).succeeds().stdout));
}

#[test]
fn the_rulebooks() {
    settings().bind(|| insta::assert_snapshot!("rules_list", run(&["rules", "list"]).succeeds().stdout));
}

#[test]
fn what_changes_between_rulebooks() {
    let said = run(&["rules", "diff", "modern-work-2024", "modern-work-2026"]);
    settings().bind(|| insta::assert_snapshot!("rules_diff", said.succeeds().stdout));
}

#[test]
fn an_error_says_what_where_and_what_to_do() {
    let placed = Placed::new(&history());
    std::fs::remove_dir_all(placed.history().join("workload_usage/month=2026-10-01")).expect("removed");
    settings().bind(|| insta::assert_snapshot!("error", placed.score(&[]).stderr));
}
