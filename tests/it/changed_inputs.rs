//! Input files that change while a run reads them: nothing is published, and what is published names what was read.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use partnerscore::engine;
use partnerscore::error::{Code, Error};
use partnerscore::history::History;
use partnerscore::month::Month;
use partnerscore::pipeline::{self, Settings};
use partnerscore::publish::Lock;
use partnerscore::rulebook;
use serde_json::Value;

use crate::baseline_history::{AS_OF, Placed, certification, day, history, spoil};
use crate::fixture::{self, Layout};

const CHANGED: &str = "an input file changed while it was read";
/// A month between P and M in which an association begins, so that it is read.
const BETWEEN: &str = "workload_usage/month=2026-03-01/part-0.parquet";
/// A month between that no association needs: an input that is listed, and not opened.
const UNREAD: &str = "workload_usage/month=2026-01-01/part-0.parquet";
/// A month before P.
const EARLIER: &str = "workload_usage/month=2025-09-01/part-0.parquet";

type Change = fn(&Path);

/// Ways for a file to change, each by name.
const CHANGES: [(&str, Change); 9] = [
    ("replaced by a rename", replaced_by_rename),
    ("replaced by a copy with its time", replaced_by_copy),
    ("written in place", written_in_place),
    ("bytes of a page written in place, with the time restored", pages_written),
    ("one byte longer", one_byte_longer),
    ("truncated", truncated),
    ("touched", touched),
    ("removed", removed),
    ("swapped for another file and back", swapped_and_back),
];

fn beside(path: &Path) -> PathBuf {
    path.with_file_name("_beside")
}

fn modified(path: &Path) -> std::time::SystemTime {
    fs::metadata(path).and_then(|file| file.modified()).expect("a time")
}

fn restore_time(path: &Path, time: std::time::SystemTime) {
    fs::File::options().write(true).open(path).and_then(|file| file.set_modified(time)).expect("a time");
}

fn replaced_by_rename(path: &Path) {
    fs::copy(path, beside(path)).expect("a copy");
    fs::rename(beside(path), path).expect("renamed");
}

fn replaced_by_copy(path: &Path) {
    let time = modified(path);
    fs::copy(path, beside(path)).expect("a copy");
    restore_time(&beside(path), time);
    fs::rename(beside(path), path).expect("renamed");
}

fn written_in_place(path: &Path) {
    spoil(path, |bytes| bytes);
}

/// The footer stays the same, and so do size and time.
pub fn pages_written(path: &Path) {
    let time = modified(path);
    spoil(path, |mut bytes| {
        bytes[40] ^= 1;
        bytes
    });
    restore_time(path, time);
}

fn one_byte_longer(path: &Path) {
    spoil(path, |mut bytes| {
        bytes.insert(4, 0);
        bytes
    });
}

fn truncated(path: &Path) {
    let length = fs::metadata(path).expect("a file").len();
    fs::File::options().write(true).open(path).and_then(|file| file.set_len(length / 2)).expect("truncated");
}

fn touched(path: &Path) {
    restore_time(path, modified(path) + Duration::from_nanos(1000));
}

fn removed(path: &Path) {
    fs::remove_file(path).expect("removed");
}

fn swapped_and_back(path: &Path) {
    let aside = path.with_file_name("_aside");
    fs::rename(path, &aside).expect("renamed");
    fs::copy(&aside, path).expect("a copy");
    fs::rename(&aside, path).expect("renamed");
}

fn months() -> (Month, Month) {
    ("2025-10".parse().expect("a month"), "2026-10".parse().expect("a month"))
}

/// The baseline history, with a month before P that no run of the tests reads.
fn placed() -> Placed {
    let mut rows = history();
    let earlier = rows.workload_usage.iter().filter(|row| row.month == Some(day("2025-10-01"))).cloned();
    let earlier: Vec<_> = earlier.collect();
    let september = Some(day("2025-09-01"));
    rows.workload_usage.extend(earlier.into_iter().map(|row| crate::second_reading::Usage { month: september, ..row }));
    Placed::new(&rows)
}

fn open(placed: &Placed) -> History {
    let rules = rulebook::choose(None).expect("rules");
    pipeline::open(placed.history(), &rules).expect("a history").0
}

/// Waits until the clock that stamps files has moved on: two changes within one tick look alike.
fn tick() {
    std::thread::sleep(Duration::from_millis(20));
}

fn refuses(result: Result<(), Error>, path: &Path, what: &str) {
    let error = result.err().unwrap_or_else(|| panic!("{what}: nothing was noticed"));
    assert_eq!(error.code, Code::Refused, "{what}: {error}");
    assert!(error.what.starts_with(CHANGED), "{what}: {error}");
    assert_eq!(error.place.as_deref(), path.to_str(), "{what}");
    assert!(error.hint.is_some_and(|hint| hint.contains("run it again")), "{what}");
}

#[test]
fn a_file_that_changes_after_its_footer_was_read_is_noticed() {
    for name in ["partners.parquet", "certifications.parquet", BETWEEN] {
        for (what, change) in CHANGES {
            let placed = placed();
            let (history, path, (from, to)) = (open(&placed), placed.history().join(name), months());
            history.inputs(from, to);
            history.require_unchanged(from, to).unwrap_or_else(|error| panic!("{error}"));
            tick();
            change(&path);
            refuses(history.require_unchanged(from, to), &path, &format!("{name} {what}"));
        }
    }
}

#[test]
fn a_file_that_changes_between_listing_and_footer_is_noticed() {
    for (what, change) in CHANGES {
        let placed = placed();
        let (history, path, (from, to)) = (open(&placed), placed.history().join(BETWEEN), months());
        tick();
        change(&path);
        refuses(history.require_unchanged(from, to), &path, &format!("listed, then {what}"));
        let [.., usage] = history.tables();
        let file = usage.files.iter().find(|file| file.path == path).expect("a file");
        refuses(usage.footer(file).map(drop), &path, &format!("footer of a file {what}"));
    }
}

#[cfg(unix)]
#[test]
fn a_link_or_a_folder_that_leads_elsewhere_is_noticed() {
    let placed = placed();
    let (partners, other) = (placed.history().join("partners.parquet"), placed.folder.path().join("other.parquet"));
    fs::rename(&partners, &other).expect("renamed");
    std::os::unix::fs::symlink(&other, &partners).expect("a link");
    let (from, to) = months();
    let history = open(&placed);
    history.inputs(from, to);
    history.require_unchanged(from, to).unwrap_or_else(|error| panic!("{error}"));
    let copy = placed.folder.path().join("copy.parquet");
    fs::copy(&other, &copy).expect("a copy");
    fs::remove_file(&partners).expect("removed");
    std::os::unix::fs::symlink(&copy, &partners).expect("a link");
    refuses(history.require_unchanged(from, to), &partners, "another target");
    let history = open(&placed);
    history.inputs(from, to);
    let month = placed.history().join("workload_usage/month=2026-10-01");
    let aside = placed.folder.path().join("month");
    fs::rename(&month, &aside).expect("renamed");
    refuses(history.require_unchanged(from, to), &month.join("part-0.parquet"), "a folder that is gone");
    fs::create_dir(&month).expect("a folder");
    fs::copy(aside.join("part-0.parquet"), month.join("part-0.parquet")).expect("a copy");
    refuses(history.require_unchanged(from, to), &month.join("part-0.parquet"), "another folder");
}

#[test]
fn files_that_a_run_does_not_depend_on_may_change() {
    let placed = placed();
    let (history, (from, to)) = (open(&placed), months());
    history.inputs(from, to);
    tick();
    replaced_by_rename(&placed.history().join(EARLIER));
    fs::write(placed.history().join("notes.txt"), "notes").expect("a file");
    // A new file of a month that is read is no part of what was listed.
    let month = placed.history().join(BETWEEN);
    fs::copy(&month, month.with_file_name("part-1.parquet")).expect("a copy");
    history.require_unchanged(from, to).unwrap_or_else(|error| panic!("{error}"));
}

/// Scores the baseline history, with a change made when a stage begins. Returns the result and the stages that began.
fn score_with(placed: &Placed, change_at: Option<usize>, change: impl Fn() + 'static) -> (Result<bool, Error>, usize) {
    let stages = Rc::new(RefCell::new(0));
    let begun = stages.clone();
    engine::observe(move |_, _, _| {
        let stage = *begun.borrow();
        *begun.borrow_mut() += 1;
        if Some(stage) == change_at {
            change();
        }
    });
    let rules = rulebook::choose(None).expect("rules");
    let settings = Settings { evidence: true, ..Settings::new(placed.history(), day(AS_OF), rules) };
    let result = pipeline::run(&settings, &placed.out()).map(|outcome| outcome.changed);
    engine::observe(|_, _, _| {});
    let stages = *stages.borrow();
    (result, stages)
}

/// The stages after the last look at the inputs: what is published was read from the files that `run.json` names.
const AFTER_THE_LAST_LOOK: usize = 1;

#[test]
fn a_change_at_any_stage_publishes_nothing() {
    let stages = score_with(&placed(), None, || {}).1;
    assert!(stages > 10, "{stages} stages");
    for name in ["partners.parquet", "associations.parquet", UNREAD] {
        // Of the stages, some from the beginning to the end: each takes a run of its own.
        for stage in (0..stages - AFTER_THE_LAST_LOOK).rev().step_by(11) {
            let placed = placed();
            let path = placed.history().join(name);
            let swapped = path.clone();
            let (result, _) = score_with(&placed, Some(stage), move || replaced_by_rename(&swapped));
            refuses(result.map(drop), &path, &format!("{name} at stage {stage} of {stages}"));
            placed.nothing_published();
        }
    }
    let placed = placed();
    let path = placed.history().join("partners.parquet");
    let (result, _) = score_with(&placed, Some(stages - AFTER_THE_LAST_LOOK), move || replaced_by_rename(&path));
    assert!(result.is_ok_and(|changed| changed), "what was read before the last look is published");
}

#[test]
fn a_file_that_is_removed_or_damaged_at_any_stage_is_named_as_changed() {
    let stages = score_with(&placed(), None, || {}).1;
    for (what, change) in [("removed", removed as Change), ("truncated", truncated), ("pages", pages_written)] {
        for stage in (0..stages - AFTER_THE_LAST_LOOK).step_by(13) {
            let placed = placed();
            let path = placed.history().join("associations.parquet");
            let spoiled = path.clone();
            let (result, _) = score_with(&placed, Some(stage), move || change(&spoiled));
            refuses(result.map(drop), &path, &format!("{what} at stage {stage} of {stages}"));
            placed.nothing_published();
        }
    }
}

/// Each month of a backfill is judged by the files that it depends on.
#[test]
fn a_change_during_a_backfill_fails_the_months_that_depend_on_the_file() {
    let placed = placed();
    let rules = rulebook::choose(None).expect("rules");
    let settings = Settings::new(placed.history(), day("2026-11-20"), rules);
    let lock = Lock::take(&placed.out(), settings.mode).expect("the lock");
    let newest = placed.history().join("workload_usage/month=2026-10-01/part-0.parquet");
    let swapped = newest.clone();
    let once = Rc::new(RefCell::new(false));
    engine::observe(move |stage, _, _| {
        if stage == "facts" && !once.replace(true) {
            replaced_by_rename(&swapped);
        }
    });
    let mut results = BTreeMap::new();
    let dates = [day("2026-10-20"), day("2026-11-20")];
    pipeline::publish_each(&settings, &lock, &placed.out(), &dates, &mut |as_of, outcome| {
        results.insert(as_of, outcome.map(drop));
    })
    .expect("a history");
    engine::observe(|_, _, _| {});
    assert!(results.remove(&dates[0]).is_some_and(|result| result.is_ok()), "the month before does not read the file");
    refuses(results.remove(&dates[1]).expect("a result"), &newest, "the month of the file");
    assert!(!placed.run().exists());
}

/// The footer hash of each input of a run.
fn hashes(run: &Path) -> BTreeMap<String, String> {
    let json: Value = serde_json::from_slice(&fs::read(run.join("run.json")).expect("run.json")).expect("JSON");
    let inputs = json["inputs"].as_array().expect("inputs").iter();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    inputs.map(|input| (text(&input["name"]), text(&input["footer_hash"]))).collect()
}

/// Two versions of a table take turns while scores are made of it. Each score is of one of them and says which, or is refused.
#[test]
fn scores_beside_a_writer_name_the_version_that_they_read() {
    let mut rows = history();
    let versions = tempfile::tempdir().expect("a folder");
    let mut known = Vec::new();
    for (name, people) in [("one", 1), ("three", 3)] {
        rows.certifications.clear();
        for person in 0..people {
            let title = "enterprise_administrator_expert";
            rows.certifications.push(certification("acme", &format!("person{person}"), title, "2025-01-01"));
        }
        let placed = Placed::new(&rows);
        placed.score(&[]).succeeds();
        let version = versions.path().join(name);
        fs::copy(placed.history().join("certifications.parquet"), &version).expect("a copy");
        let hash = hashes(&placed.run())["certifications.parquet"].clone();
        known.push((version, hash, fixture::published(&placed.run())));
    }
    assert!(known[0].1 != known[1].1 && known[0].2 != known[1].2);
    let placed = Placed::laid_out(&rows, &Layout::default());
    let (path, stop) = (placed.history().join("certifications.parquet"), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let turns = known.iter().map(|(version, ..)| version).cycle();
        scope.spawn(|| {
            for version in turns {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                fs::copy(version, beside(&path)).expect("a copy");
                fs::rename(beside(&path), &path).expect("renamed");
                std::thread::sleep(Duration::from_millis(120));
            }
        });
        for _ in 0..8 {
            let said = placed.score(&[]);
            if said.code != 0 {
                said.fails(3, &[CHANGED, "certifications.parquet", "hint: run it again"]);
                continue;
            }
            let (hash, tables) =
                (hashes(&placed.run())["certifications.parquet"].clone(), fixture::published(&placed.run()));
            let read = known.iter().find(|(_, known, _)| *known == hash).expect("a version");
            assert!(read.2 == tables, "run.json names another version than the tables are made of");
        }
        stop.store(true, Ordering::Relaxed);
    });
    placed.score(&[]).succeeds();
}
