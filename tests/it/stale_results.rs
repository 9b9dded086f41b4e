//! Results that are not up to date any more, whatever made them old, and results that still are.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use partnerscore::error::Code;
use partnerscore::pipeline::{self, Settings};
use partnerscore::publish::{ENGINE_REVISION, Mode, Run};
use partnerscore::rulebook;
use serde_json::Value;

use crate::baseline_history::{AS_OF, Placed, association, day, history, spoil};
use crate::changed_inputs::pages_written;
use crate::command::{Said, run, score};
use crate::fixture;

/// A published run of the baseline history.
struct Published {
    placed: Placed,
    settings: Settings,
}

impl Published {
    fn new() -> Published {
        Published::of(&history())
    }

    fn of(history: &crate::second_reading::History) -> Published {
        let placed = Placed::new(history);
        let settings = Settings::new(placed.history(), day(AS_OF), rulebook::choose(None).expect("rules"));
        let settings = Settings { max_reject_ratio: 1.0, min_coverage: 0.0, ..settings };
        publish(&settings, &placed.out());
        Published { placed, settings }
    }

    /// The file that tests change.
    fn input(&self) -> PathBuf {
        self.placed.history().join("certifications.parquet")
    }

    fn run(&self) -> Run {
        Run::read(&self.placed.run()).expect("a run")
    }

    /// Why a run of these settings would be made again.
    fn why(&self, settings: &Settings) -> Option<String> {
        self.why_of(settings, &self.run())
    }

    fn why_of(&self, settings: &Settings, published: &Run) -> Option<String> {
        let (history, _) = pipeline::open(&settings.history, &settings.rules).expect("a history");
        pipeline::what_changed(settings, &history, published)
    }

    /// What would be said if the system had not recorded that attributes changed.
    fn why_without_change_times(&self) -> Option<String> {
        let (history, _) = pipeline::open(&self.settings.history, &self.settings.rules).expect("a history");
        let now = pipeline::inputs(&history, &self.settings.rules, self.settings.as_of, false);
        let mut published = self.run();
        for input in &mut published.inputs {
            let now = now.iter().find(|now| now.name == input.name).expect("the same files");
            input.changed.clone_from(&now.changed);
        }
        self.why_of(&self.settings, &published)
    }

    fn edit_run(&self, change: impl FnOnce(&mut serde_json::Map<String, Value>)) {
        edit_run(&self.placed.run(), change);
    }
}

/// Scores and publishes, and returns whether that changed what is published.
///
/// A program that another test starts at this moment holds a copy of this process's lock until it runs; then the lock is asked for again.
fn publish(settings: &Settings, out: &Path) -> bool {
    loop {
        match pipeline::run(settings, out) {
            Err(error) if error.code == Code::Locked => std::thread::sleep(Duration::from_millis(5)),
            result => return result.unwrap_or_else(|error| panic!("{error}")).changed,
        }
    }
}

/// Changes what a published run says of itself.
fn edit_run(folder: &Path, change: impl FnOnce(&mut serde_json::Map<String, Value>)) {
    let path = folder.join("run.json");
    let mut json: Value = serde_json::from_slice(&fs::read(&path).expect("run.json")).expect("JSON");
    change(json.as_object_mut().expect("an object"));
    fs::write(&path, serde_json::to_vec_pretty(&json).expect("JSON")).expect("run.json");
}

fn modified(path: &Path) -> SystemTime {
    fs::metadata(path).and_then(|file| file.modified()).expect("a time")
}

fn set_modified(path: &Path, time: SystemTime) {
    fs::File::options().write(true).open(path).and_then(|file| file.set_modified(time)).expect("a time");
}

const OTHER_FILE: &str = "certifications.parquet of the history is not what it was";

/// What is done to a file or folder, and its name.
type Case<'a> = (&'a str, &'a dyn Fn(&Path));

#[test]
fn what_did_not_change_is_up_to_date() {
    let published = Published::new();
    assert_eq!(published.run().engine_revision, ENGINE_REVISION);
    let settings = &published.settings;
    assert_eq!(published.why(settings), None);
    let mut others = vec![
        ("shards", Settings { shards: 3, ..settings.clone() }),
        ("permissions", Settings { mode: Mode(0o640), ..settings.clone() }),
        ("a fall that is allowed", Settings { max_fall_in_partners: Some(0.5), ..settings.clone() }),
        ("limits that it keeps", Settings { max_reject_ratio: 0.0, min_coverage: 1.0, ..settings.clone() }),
    ];
    others.extend([(
        "the history by another path",
        Settings { history: (&published.placed.folder.path().join("./history")).into(), ..settings.clone() },
    )]);
    for (what, settings) in others {
        assert_eq!(published.why(&settings), None, "{what}");
    }
    published.edit_run(|run| drop(run.insert("version".to_owned(), "9.9.9".into())));
    assert_eq!(published.why(settings), None, "another version with the same engine revision");
}

#[test]
fn a_run_of_another_engine_revision_is_out_of_date() {
    let published = Published::new();
    for revision in [ENGINE_REVISION - 1, ENGINE_REVISION + 1] {
        published.edit_run(|run| drop(run.insert("engine_revision".to_owned(), revision.into())));
        let why = published.why(&published.settings).expect("out of date");
        assert_eq!(why, format!("engine revision {revision} made it, and this is revision {ENGINE_REVISION}"));
    }
    published.edit_run(|run| drop(run.remove("engine_revision")));
    let why = published.why(&published.settings).expect("out of date");
    assert!(why.starts_with("engine revision 0 made it"), "{why}");
    // A score says that it published anew, though the tables are the same.
    let again = || publish(&published.settings, &published.placed.out());
    assert!(again());
    assert!(!again());
    published.edit_run(|run| drop(run.insert("version".to_owned(), "0.0.1".into())));
    assert!(!again(), "the version alone changes nothing");
}

#[test]
fn files_that_changed_are_noticed() {
    let nanosecond = Duration::from_nanos(1);
    // A time at the beginning of a second, so that a nanosecond more is in the same second.
    let whole = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let cases: [Case; 5] = [
        ("touched within the second", &|path| set_modified(path, whole + nanosecond)),
        ("touched to the second before", &|path| set_modified(path, whole - nanosecond)),
        ("of another footer, with the same size and time", &|path| {
            let size = fs::metadata(path).expect("a file").len();
            spoil(path, |bytes| {
                let at = bytes.windows(7).rposition(|window| window == b"parquet").expect("the writer's name");
                [&bytes[..at], b"PARQUET", &bytes[at + 7..]].concat()
            });
            set_modified(path, whole);
            assert_eq!(fs::metadata(path).expect("a file").len(), size);
        }),
        ("shorter, with the same time", &|path| {
            spoil(path, |mut bytes| {
                bytes.truncate(bytes.len() - 1);
                bytes
            });
            set_modified(path, whole);
        }),
        ("longer, with the same time", &|path| {
            spoil(path, |mut bytes| {
                bytes.push(0);
                bytes
            });
            set_modified(path, whole);
        }),
    ];
    for (what, change) in cases {
        let placed = Placed::new(&history());
        set_modified(&placed.history().join("certifications.parquet"), whole);
        placed.score(&[]).succeeds();
        let settings = Settings::new(placed.history(), day(AS_OF), rulebook::choose(None).expect("rules"));
        let published = Published { placed, settings };
        assert_eq!(published.why(&published.settings), None, "{what}");
        change(&published.input());
        assert_eq!(published.why(&published.settings).as_deref(), Some(OTHER_FILE), "{what}");
        assert_eq!(published.why_without_change_times().as_deref(), Some(OTHER_FILE), "{what}");
    }
}

/// Size, time and footer are as they were; the time of the last change is not, which no program can set back.
#[cfg(unix)]
#[test]
fn what_only_the_time_of_the_last_change_shows_is_noticed() {
    let cases: [Case; 3] = [
        ("bytes of a page, with the time restored", &pages_written),
        ("a copy with its time in the place of the file", &|path| {
            let (copy, time) = (path.with_file_name("_copy"), modified(path));
            fs::copy(path, &copy).expect("a copy");
            set_modified(&copy, time);
            fs::rename(&copy, path).expect("renamed");
        }),
        ("permissions", &|path| {
            let mut permissions = fs::metadata(path).expect("a file").permissions();
            std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
            fs::set_permissions(path, permissions).expect("permissions");
        }),
    ];
    for (what, change) in cases {
        let published = Published::new();
        std::thread::sleep(Duration::from_millis(20));
        change(&published.input());
        assert_eq!(published.why_without_change_times(), None, "{what}: size, time and footer are the same");
        assert_eq!(published.why(&published.settings).as_deref(), Some(OTHER_FILE), "{what}");
    }
}

/// Runs of earlier versions have whole seconds.
#[test]
fn a_time_in_whole_seconds_is_another_time() {
    let published = Published::new();
    let inputs = published.run().inputs;
    let times = inputs.iter().flat_map(|input| [input.modified.clone(), input.changed.clone()]).flatten();
    assert!(times.into_iter().all(|time| time.len() == "2026-11-23T00:00:00.000000000Z".len()));
    published.edit_run(|run| {
        let input = run["inputs"].as_array_mut().and_then(|inputs| inputs.first_mut()).expect("an input");
        let seconds = input["modified"].as_str().map(|time| format!("{}Z", &time[..19])).expect("a time");
        input["modified"] = seconds.into();
    });
    assert_eq!(
        published.why(&published.settings).as_deref(),
        Some("partners.parquet of the history is not what it was")
    );
}

#[test]
fn a_time_that_no_calendar_has_is_no_panic() {
    let published = Published::new();
    let far = SystemTime::UNIX_EPOCH + Duration::from_secs(9_000_000_000_000);
    let file = fs::File::options().write(true).open(published.input()).expect("a file");
    if file.set_modified(far).is_err() {
        return crate::not_run("a file of the year 287,000", "this file system has no such time");
    }
    publish(&published.settings, &published.placed.out());
}

#[test]
fn files_that_came_or_went_are_noticed() {
    let published = Published::new();
    let month = published.placed.history().join("workload_usage/month=2026-10-01");
    fs::copy(month.join("part-0.parquet"), month.join("part-1.parquet")).expect("a copy");
    let why = published.why(&published.settings).expect("a new file");
    assert!(why.starts_with("workload_usage/month=2026-10-01/part-1.parquet"), "{why}");
    fs::remove_file(month.join("part-1.parquet")).expect("removed");
    assert_eq!(published.why(&published.settings), None);
    fs::remove_dir_all(published.placed.history().join("workload_usage/month=2026-02-01")).expect("removed");
    let why = published.why(&published.settings).expect("a file that is gone");
    assert!(why.starts_with("workload_usage/month=2026-02-01/part-0.parquet"), "{why}");
}

/// `history.json` is no table: its content counts, and not its time.
#[test]
fn exports_that_came_or_went_are_noticed() {
    let published = Published::new();
    let record = published.placed.history().join("history.json");
    let covered = r#"{"covered": {"acme": {"office_usage": ["2025-10..2026-09"]}}}"#;
    fs::write(&record, covered).expect("a file");
    let why = "exports that the scores need have come or gone";
    assert_eq!(published.why(&published.settings).as_deref(), Some(why));
    publish(&published.settings, &published.placed.out());
    assert_eq!(published.why(&published.settings), None);
    fs::write(&record, format!("{covered}\n")).expect("a file");
    assert_eq!(published.why(&published.settings), None);
    fs::write(&record, covered.replace("2026-09", "2026-10")).expect("a file");
    assert_eq!(published.why(&published.settings).as_deref(), Some(why));
}

#[test]
fn settings_that_change_a_result_are_noticed() {
    let mut rows = history();
    rows.associations.push(association("stranger", "t1", "CPOR", "2024-01-01"));
    rows.associations.push(association("birch", "unseen", "CPOR", "2024-01-01"));
    let published = Published::of(&rows);
    let settings = &published.settings;
    assert_eq!(published.why(settings), None);
    let other = rulebook::choose(Some("modern-work-2026")).expect("rules");
    let cases = [
        ("evidence", Settings { evidence: true, ..settings.clone() }),
        ("partners", Settings { partners: vec!["acme".to_owned()], ..settings.clone() }),
        ("distributors", Settings { distributors: vec!["D1".to_owned()], ..settings.clone() }),
        ("rules", Settings { rules: other, ..settings.clone() }),
        ("the date", Settings { as_of: day("2026-11-24"), ..settings.clone() }),
        // One of five rows is rejected, and one of four tenants is not found.
        ("max_reject_ratio", Settings { max_reject_ratio: 0.19, ..settings.clone() }),
        ("min_coverage", Settings { min_coverage: 0.76, ..settings.clone() }),
    ];
    for (what, settings) in cases {
        assert!(published.why(&settings).is_some(), "{what}");
    }
    let kept = Settings { max_reject_ratio: 0.2, min_coverage: 0.75, ..settings.clone() };
    assert_eq!(published.why(&kept), None, "limits that are just kept");
}

/// A pipeline with every kind of step, and how its last run ended.
struct Night {
    placed: Placed,
}

const PIPELINE: &str = "history = 'history'\noutput = 'out'\nas_of = '2026-11-23'\n\
    [[reports]]\nhtml = 'one.html'\n[[reports]]\nhtml = 'two.html'\n\
    [[comparisons]]\ncompare = 'last_run'\nfile = 'changes.json'\n[alerts]\nfile = 'alerts.json'\n";

impl Night {
    fn new() -> Night {
        let night = Night { placed: Placed::new(&history()) };
        score(&night.placed.history(), &night.placed.out(), "2026-11-20", &[]).succeeds();
        night.run(PIPELINE).succeeds();
        night.run(PIPELINE).succeeds();
        assert_eq!(night.done(), Vec::<String>::new(), "nothing is done twice");
        night
    }

    fn run(&self, pipeline: &str) -> Said {
        let file = self.placed.folder.path().join("night.toml");
        fs::write(&file, pipeline).expect("a file");
        run(&["run", &file.to_string_lossy()])
    }

    /// The steps that the last run did.
    fn done(&self) -> Vec<String> {
        let status = fs::read(self.placed.out().join("night.status.json")).expect("a status");
        let status: Value = serde_json::from_slice(&status).expect("JSON");
        let steps = status["steps"].as_array().expect("steps").iter();
        steps
            .filter(|step| step["state"] == "done")
            .map(|step| step["step"].as_str().expect("a name").to_owned())
            .collect()
    }
}

#[test]
fn a_pipeline_does_again_what_an_earlier_engine_did() {
    let night = Night::new();
    edit_run(&night.placed.run(), |run| drop(run.insert("engine_revision".to_owned(), 0.into())));
    night.run(PIPELINE).succeeds();
    assert_eq!(night.done(), ["score", "report 1", "report 2", "comparison 1", "alerts"]);
    night.run(PIPELINE).succeeds();
    assert_eq!(night.done(), Vec::<String>::new());
}

#[test]
fn a_pipeline_does_again_what_is_declared_otherwise() {
    let night = Night::new();
    let cases: [(&str, String, &[&str]); 5] = [
        ("a comment", format!("# a comment\n{PIPELINE}"), &[]),
        ("shards", format!("shards = 2\n{PIPELINE}"), &[]),
        ("another page", PIPELINE.replace("two.html", "three.html"), &["report 2"]),
        (
            "a report that compares",
            PIPELINE.replace("two.html'\n", "three.html'\ncompare = 'last_run'\n"),
            &["report 2"],
        ),
        (
            "permissions",
            format!("mode = '640'\n{}", PIPELINE.replace("two.html'\n", "three.html'\ncompare = 'last_run'\n")),
            &["report 1", "report 2", "comparison 1", "alerts"],
        ),
    ];
    for (what, pipeline, done) in cases {
        night.run(&pipeline).succeeds();
        assert_eq!(night.done(), done, "{what}");
    }
}

#[test]
fn a_limit_that_a_published_run_breaks_refuses_the_next_run() {
    let mut rows = history();
    rows.associations.push(association("birch", "unseen", "CPOR", "2024-01-01"));
    let night = Night { placed: Placed::new(&rows) };
    let pipeline = "history = 'history'\noutput = 'out'\nas_of = '2026-11-23'\n";
    night.run(pipeline).succeeds();
    let before = fixture::published(&night.placed.run());
    night.run(&format!("min_coverage = 0.8\n{pipeline}")).fails(3, &["only 3 of 4 tenants"]);
    assert!(fixture::published(&night.placed.run()) == before, "the run stays");
    night.run(&format!("min_coverage = 0.7\n{pipeline}")).succeeds();
    assert_eq!(night.done(), Vec::<String>::new());
}

#[test]
fn a_backfill_publishes_again_the_months_of_an_earlier_engine() {
    let mut rows = history();
    let more = rows.workload_usage.iter().filter(|row| row.month == Some(day("2025-10-01"))).cloned();
    let more: Vec<_> = more.map(|row| crate::second_reading::Usage { month: Some(day("2025-09-01")), ..row }).collect();
    rows.workload_usage.extend(more);
    let placed = Placed::new(&rows);
    let (history, out) = (placed.history().display().to_string(), placed.out().display().to_string());
    let statuses = || {
        let span = ["--from", "2026-09", "--to", "2026-10", "--format", "csv"];
        let said = run(&[&["backfill", &history, "--out", &out], &span[..]].concat());
        let lines: Vec<String> = said.succeeds().stdout.lines().skip(1).map(str::to_owned).collect();
        lines.iter().map(|line| line.split(',').nth(2).expect("a status").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(statuses(), ["published", "published"]);
    assert_eq!(statuses(), ["up_to_date", "up_to_date"]);
    edit_run(&placed.out().join("as_of=2026-10-20"), |run| drop(run.remove("engine_revision")));
    assert_eq!(statuses(), ["published", "up_to_date"]);
    set_modified(&placed.history().join("workload_usage/month=2026-10-01/part-0.parquet"), SystemTime::now());
    assert_eq!(statuses(), ["up_to_date", "published"]);
    assert_eq!(statuses(), ["up_to_date", "up_to_date"]);
}

/// Rows in memory have no time and no footer.
#[test]
fn tables_in_memory_are_never_up_to_date() {
    let published = Published::new();
    let mut run = published.run();
    run.inputs.clear();
    let source = crate::partials::in_memory(&history());
    let (history, _) = pipeline::open(source, &published.settings.rules).expect("a history");
    let why = pipeline::what_changed(&published.settings, &history, &run);
    assert!(why.is_some_and(|why| why.contains("in memory")));
}
