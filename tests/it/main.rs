//! All tests of the command and the library, in one binary.

mod azurite;
mod backfills;
mod baseline_history;
mod case_file;
mod cases;
mod command;
mod diff;
mod documents;
mod edges;
mod examples;
mod explains;
mod faults;
mod fixture;
mod house;
mod ingest_fuzz;
mod ingest_history;
mod ingest_reading;
mod ingest_round_trip;
mod integrity;
mod kills;
mod layouts;
mod limits;
mod missing_exports;
mod moto;
mod nights;
mod outlooks;
mod outputs;
mod partials;
mod pipelines;
mod plans;
mod plans_of_moves;
mod properties;
mod python_module;
mod reconcile;
mod rejects;
mod reports;
mod rulebooks;
mod rules_diff;
mod sample_exports;
mod samples;
mod schemas;
mod second_reading;
mod several;
mod simulates;
mod snapshots;
mod spark;
mod storage;
mod stored_nights;
mod vintages;

/// Says that something could not be tried here. On a build server, where everything must be, it is a failure.
fn not_run(what: &str, why: &str) {
    assert!(std::env::var("CI").is_err(), "not run: {what}: {why}");
    eprintln!("not run: {what}: {why}");
}
