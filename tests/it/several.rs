//! Several as-of dates in one pass give what each gives alone.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;
use partnerscore::pipeline::{self, Settings};
use partnerscore::publish::Lock;
use partnerscore::rulebook::{self, Rulebook};

use crate::baseline_history::{AS_OF, day};
use crate::fixture;
use crate::rulebooks::with_reading;
use crate::samples;

/// Keys of `run.json` that tell of the process, and not of the input.
const OF_THE_PROCESS: [&str; 3] = ["finished_at", "stages", "peak_memory_bytes"];

fn settings(rules: &Rulebook, shards: usize) -> Settings {
    let anything = Settings { evidence: true, shards, ..base(rules).of_a_few() };
    Settings { partners: Vec::new(), ..anything }
}

fn base(rules: &Rulebook) -> Settings {
    Settings::new(samples::dirty(), day(AS_OF), rules.clone())
}

/// What `run.json` says of the input.
pub fn run_json(folder: &Path) -> serde_json::Value {
    let text = std::fs::read_to_string(folder.join("run.json")).expect("run.json");
    let mut run: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let object = run.as_object_mut().expect("an object");
    OF_THE_PROCESS.iter().for_each(|key| drop(object.remove(*key)));
    run
}

#[test]
fn several_dates_in_one_pass_publish_the_bytes_of_each_alone() {
    let days: Vec<NaiveDate> = ["2026-04-20", "2026-09-20", "2026-10-20", AS_OF].map(day).into();
    for (reading, shards) in [("", 3), ("deployment_unit tenant_workload", 1)] {
        let rules = rulebook::parse(&with_reading(reading), reading).expect("rules");
        let settings = settings(&rules, shards);
        let (together, alone) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let lock = Lock::take(together.path(), settings.mode).expect("the lock");
        let mut done = Vec::new();
        pipeline::publish_each(&settings, &lock, together.path(), &days, &mut |as_of, outcome| {
            outcome.unwrap_or_else(|error| panic!("{as_of}: {error}"));
            done.push(as_of);
        })
        .expect("a history");
        done.sort();
        assert_eq!(done, days);
        for as_of in &days {
            let settings = Settings { as_of: *as_of, shards: 1, ..settings.clone() };
            pipeline::run(&settings, alone.path()).unwrap_or_else(|error| panic!("{as_of}: {error}"));
            let [ours, theirs] = [&together, &alone].map(|out| out.path().join(format!("as_of={as_of}")));
            let [ours_files, theirs_files] = [&ours, &theirs].map(|folder| without_run_json(folder));
            assert_eq!(ours_files.keys().collect::<Vec<_>>(), theirs_files.keys().collect::<Vec<_>>());
            assert!(ours_files == theirs_files, "{reading} {as_of} with {shards} sets differs");
            assert_eq!(run_json(&ours), run_json(&theirs), "{reading} {as_of} with {shards} sets");
        }
    }
}

fn without_run_json(folder: &Path) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut files = fixture::published(folder);
    files.retain(|name, _| !name.ends_with("run.json"));
    files
}

#[test]
fn a_date_that_is_refused_stops_no_other() {
    let rules = rulebook::choose(None).expect("rules");
    let days: Vec<NaiveDate> = ["2025-03-20", "2026-10-20", "2027-03-20", AS_OF].map(day).into();
    let mut results = BTreeMap::new();
    pipeline::score_each(&settings(&rules, 2), &days, |as_of, result| {
        results.insert(as_of, result.map(|scored| scored.scores.len()).map_err(|error| error.to_string()));
    })
    .expect("a history");
    let partners = results[&day(AS_OF)].clone().expect("scored");
    assert_eq!(results[&day("2026-10-20")], Ok(partners));
    assert!(
        results[&day("2025-03-20")].as_ref().is_err_and(|error| error.contains("no rows of 2024-02")),
        "{results:?}"
    );
    assert!(
        results[&day("2027-03-20")].as_ref().is_err_and(|error| error.contains("no rows of 2027-02")),
        "{results:?}"
    );
}
