//! Backfills: every month as a score gives it, whatever happens to the others, and the trend over them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Date32Type, Float64Type};
use chrono::{Datelike, Days, NaiveDate};
use partnerscore::pipeline::{self, Settings};
use partnerscore::publish::{Lock, Mode};
use partnerscore::rulebook;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::baseline_history::{Placed, association, certification, day, partner, spoil, usage};
use crate::command::{Said, partnerscore, run, said};
use crate::fixture::{self, Layout};
use crate::outputs::{counts, read, texts};
use crate::second_reading::History;

/// The months of the backfills below, and their as-of dates.
const MONTHS: [(&str, &str); 4] =
    [("2026-07", "2026-08-20"), ("2026-08", "2026-09-20"), ("2026-09", "2026-10-20"), ("2026-10", "2026-11-20")];
const SPAN: [&str; 4] = ["--from", "2026-07", "--to", "2026-10"];

/// A sample with as many months as those need, made once.
static SAMPLE: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("history").display().to_string();
    let size = ["--partners", "14", "--tenants", "150", "--months", "16", "--seed", "8"];
    run(&[&["sample", "--out", &out], &size[..]].concat()).succeeds();
    folder
});

/// What a score of each month publishes, by as-of date.
static ALONE: LazyLock<TempDir> = LazyLock::new(|| {
    let out = tempfile::tempdir().expect("a folder");
    let rules = rulebook::choose(None).expect("rules");
    for (_, as_of) in MONTHS {
        let settings = Settings::new(SAMPLE.path().join("history"), day(as_of), rules.clone());
        pipeline::run(&settings, out.path()).unwrap_or_else(|error| panic!("{error}"));
    }
    out
});

/// A history that may be spoiled, and where its backfills go.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Place {
        let place = Place { folder: tempfile::tempdir().expect("a folder") };
        copy(&SAMPLE.path().join("history"), &place.history());
        place
    }

    fn history(&self) -> PathBuf {
        self.folder.path().join("history")
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn run(&self, as_of: &str) -> PathBuf {
        self.out().join(format!("as_of={as_of}"))
    }

    fn usage(&self, month: &str) -> PathBuf {
        self.history().join(format!("workload_usage/month={month}-01"))
    }

    fn backfill(&self, more: &[&str]) -> Said {
        backfill(&self.history(), &self.out(), &[&SPAN, more].concat())
    }

    /// How each month ended, as the record tells.
    fn statuses(&self) -> Vec<(String, String)> {
        let months = self.record()["months"].as_object().expect("months").clone();
        let status = |result: &Value| result["status"].as_str().expect("a status").to_owned();
        months.iter().map(|(month, result)| (month.clone(), status(result))).collect()
    }

    fn record(&self) -> Value {
        let json = fs::read_to_string(self.out().join("backfill.json")).expect("backfill.json");
        serde_json::from_str(&json).expect("JSON")
    }

    /// Asserts that a month is published as a score publishes it.
    fn is_whole(&self, as_of: &str) {
        let alone = ALONE.path().join(format!("as_of={as_of}"));
        assert!(fixture::published(&self.run(as_of)) == fixture::published(&alone), "{as_of} differs from its score");
    }
}

fn backfill(history: &Path, out: &Path, more: &[&str]) -> Said {
    let mut command = partnerscore();
    command.arg("backfill").arg(history).arg("--out").arg(out).args(more);
    said(command.output().expect("the program starts"))
}

/// A copy with the times of its files, which tell whether they changed.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target);
            continue;
        }
        fs::copy(&path, &target).expect("a copy");
        let modified = fs::metadata(&path).and_then(|metadata| metadata.modified()).expect("a time");
        fs::File::options().write(true).open(&target).and_then(|file| file.set_modified(modified)).expect("a time");
    }
}

fn all(status: &str) -> Vec<(String, String)> {
    MONTHS.map(|(month, _)| (month.to_owned(), status.to_owned())).into()
}

fn with_times(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        if entry.path().is_dir() {
            files.extend(with_times(&entry.path()));
        } else if !entry.file_name().to_string_lossy().starts_with('.') {
            let modified = entry.metadata().and_then(|metadata| metadata.modified()).expect("a time");
            files.insert(entry.path(), (fs::read(entry.path()).expect("bytes"), modified));
        }
    }
    files
}

#[test]
fn every_month_is_published_as_its_score_and_a_repeat_changes_nothing() {
    let place = Place::new();
    let first = place.backfill(&["--format", "json"]);
    first.succeeds();
    assert_eq!(serde_json::from_str::<Value>(&first.stdout).expect("JSON"), place.record());
    assert_eq!(place.statuses(), all("published"));
    for (month, as_of) in MONTHS {
        place.is_whole(as_of);
        assert_eq!(place.record()["months"][month]["as_of"], as_of);
        let [ours, alone] = [place.out(), ALONE.path().to_owned()].map(|out| {
            let json = fs::read_to_string(out.join(format!("as_of={as_of}/run.json"))).expect("run.json");
            let mut run: Value = serde_json::from_str(&json).expect("JSON");
            let object = run.as_object_mut().expect("an object");
            ["finished_at", "stages", "peak_memory_bytes"].iter().for_each(|key| drop(object.remove(*key)));
            // The time of the last change cannot be copied.
            let inputs = object["inputs"].as_array_mut().expect("inputs").iter_mut().filter_map(Value::as_object_mut);
            inputs.for_each(|input| drop(input.remove("changed")));
            run
        });
        assert_eq!(ours, alone, "run.json of {as_of}");
    }
    let published = with_times(&place.out());
    let again = place.backfill(&[]);
    assert!(again.succeeds().stderr.contains("0 published, 4 up to date, 0 failed"), "{}", again.stderr);
    assert_eq!(place.statuses(), all("up_to_date"));
    let repeated = with_times(&place.out());
    for (path, (bytes, modified)) in &published {
        let is_run = path.parent() != Some(&place.out());
        let (bytes_now, modified_now) = &repeated[path];
        assert!(path.ends_with("backfill.json") || bytes == bytes_now, "{} changed", path.display());
        assert!(!is_run || modified == modified_now, "{} was written again", path.display());
    }
    assert_eq!(published.len(), repeated.len());
    // Without its record a backfill still knows what is up to date.
    fs::remove_file(place.out().join("backfill.json")).expect("removed");
    place.backfill(&[]).succeeds();
    assert_eq!(place.statuses(), all("up_to_date"));
}

#[test]
fn a_bad_month_stops_no_other_and_is_tried_again_alone() {
    let place = Place::new();
    let (missing, aside) = (place.usage("2025-07"), place.folder.path().join("aside"));
    fs::rename(&missing, &aside).expect("moved");
    let damaged = place.usage("2026-10").join("part-0.parquet");
    let whole = fs::read(&damaged).expect("a file");
    spoil(&damaged, |mut bytes| {
        bytes.truncate(bytes.len() / 2);
        bytes
    });
    let said = place.backfill(&["--format", "csv", "--evidence"]);
    assert_eq!(said.code, 8, "{}", said.stderr);
    assert!(said.stdout.starts_with("month,as_of,status,error\n2026-07,2026-08-20,failed,"), "{}", said.stdout);
    for text in ["2 of 4 months failed, the others are published", "2026-07", "backfill.json", "--only failed"] {
        assert!(said.stderr.contains(text), "no `{text}` in {}", said.stderr);
    }
    let record = place.record();
    let [missed, unread] = ["2026-07", "2026-10"].map(|month| &record["months"][month]);
    assert_eq!((&missed["status"], &missed["error"]["code"]), (&"failed".into(), &5.into()), "{missed}");
    assert_eq!((&unread["status"], &unread["error"]["code"]), (&"failed".into(), &3.into()), "{unread}");
    assert!(missed["error"]["what"].as_str().is_some_and(|what| what.contains("2025-07")), "{missed}");
    assert!(
        unread["error"]["place"].as_str().is_some_and(|at| at.contains("month=2026-10-01/part-0.parquet")),
        "{unread}"
    );
    assert!([missed, unread].iter().all(|month| month["error"]["hint"].is_string()), "{record}");
    assert!(record["months"]["2026-08"].get("error").is_none(), "{record}");
    for (_, as_of) in MONTHS {
        assert_eq!(place.run(as_of).exists(), ["2026-09-20", "2026-10-20"].contains(&as_of), "{as_of}");
    }
    assert_eq!(days_of(&place.out()), ["2026-09-20", "2026-10-20"]);

    fs::rename(&aside, &missing).expect("put back");
    let said = place.backfill(&["--only", "failed", "--evidence"]);
    assert!(said.code == 8 && said.stderr.contains("2 months: 1 published, 0 up to date, 1 failed"), "{}", said.stderr);
    assert!(!said.stderr.contains("2026-08  as of"), "{}", said.stderr);
    fs::write(&damaged, whole).expect("mended");
    let said = place.backfill(&["--only", "failed", "--evidence"]);
    assert!(said.succeeds().stderr.contains("1 month: 1 published"), "{}", said.stderr);
    assert_eq!(place.statuses(), all("published"));
    assert_eq!(days_of(&place.out()), MONTHS.map(|(_, as_of)| as_of));
    let said = place.backfill(&["--only", "failed", "--evidence"]);
    assert!(said.succeeds().stderr.contains("0 months"), "{}", said.stderr);
    // What was published without evidence is not what is asked for now.
    place.backfill(&[]).succeeds();
    assert_eq!(place.statuses(), all("published"));
    MONTHS.iter().for_each(|(_, as_of)| place.is_whole(as_of));
}

/// The as-of dates in the trend.
fn days_of(out: &Path) -> Vec<String> {
    let batch = read(&out.join("trend.parquet"));
    let mut days: Vec<String> = dates(&batch, "as_of").into_iter().flatten().collect();
    days.sort();
    days.dedup();
    days
}

fn dates(batch: &arrow::array::RecordBatch, name: &str) -> Vec<Option<String>> {
    let column = batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
    let day = |days: i32| (NaiveDate::default() + Days::new(u64::try_from(days).expect("after 1970"))).to_string();
    column.as_primitive::<Date32Type>().iter().map(|days| days.map(day)).collect()
}

#[test]
fn every_month_failed_is_said_as_well() {
    let place = Place::new();
    for (month, _) in MONTHS {
        fs::remove_dir_all(place.usage(month)).expect("removed");
    }
    place.backfill(&[]).fails(8, &["4 of 4 months failed, none was published"]);
    assert!(!place.out().join("trend.parquet").exists());
}

#[test]
fn what_months_are_made_of_makes_them_stale() {
    let place = Place::new();
    place.backfill(&[]).succeeds();
    // A month of usage that only the last two see.
    let file = place.usage("2026-09").join("part-0.parquet");
    let bytes = fs::read(&file).expect("a file");
    let touched = SystemTime::now() + Duration::from_secs(5);
    fs::write(&file, &bytes).expect("a file");
    fs::File::options().write(true).open(&file).and_then(|file| file.set_modified(touched)).expect("a time");
    place.backfill(&[]).succeeds();
    let ended: Vec<String> = place.statuses().into_iter().map(|(_, status)| status).collect();
    assert_eq!(ended, ["up_to_date", "up_to_date", "published", "published"]);
    // Associations count in every month.
    let mut history = crate::samples::rows(&place.history());
    let kept = history.associations.len() - 3;
    history.associations.truncate(kept);
    let file = place.history().join("associations.parquet");
    fixture::write_file(&file, fixture::associations(&history.associations), &Layout::default());
    place.backfill(&[]).succeeds();
    assert_eq!(place.statuses(), all("published"));
    let rulebook = place.folder.path().join("rules.toml");
    fs::write(&rulebook, crate::rulebooks::with_reading("metric_minimum above_zero")).expect("a file");
    place.backfill(&["--rulebook", &rulebook.to_string_lossy()]).succeeds();
    assert_eq!(place.statuses(), all("published"), "other rules");
    place.backfill(&["--rulebook", &rulebook.to_string_lossy()]).succeeds();
    assert_eq!(place.statuses(), all("up_to_date"));
}

#[test]
fn a_killed_backfill_leaves_whole_months_and_goes_on_where_it_was() {
    let place = Place::new();
    let mut command = partnerscore();
    command.arg("backfill").arg(place.history()).arg("--out").arg(place.out()).args(SPAN);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
    let start = Instant::now();
    while !place.run(MONTHS[0].1).exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "the first month never came");
        std::thread::sleep(Duration::from_millis(1));
    }
    kill_process(Pid::from_raw(child.id() as i32).expect("a process"), Signal::KILL).expect("a signal");
    child.wait().expect("it ends");
    let there: Vec<&str> =
        MONTHS.map(|(_, as_of)| as_of).into_iter().filter(|as_of| place.run(as_of).exists()).collect();
    assert!(there.len() < MONTHS.len(), "no kill came in time");
    there.iter().for_each(|as_of| place.is_whole(as_of));
    assert!(hidden(&place.out()).iter().any(|name| name.starts_with(".staging-")), "killed while it was staging");
    let said = place.backfill(&[]);
    let told = format!("{} published, {} up to date, 0 failed", MONTHS.len() - there.len(), there.len());
    assert!(said.succeeds().stderr.contains(&told), "no `{told}` in {}", said.stderr);
    MONTHS.iter().for_each(|(_, as_of)| place.is_whole(as_of));
    assert_eq!(hidden(&place.out()), [".partnerscore.lock"]);
}

fn hidden(out: &Path) -> Vec<String> {
    let names =
        fs::read_dir(out).expect("a folder").flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with('.')).collect()
}

/// A backfill killed after its last month has nothing left to do, and cleans up all the same.
#[test]
fn what_a_killed_backfill_staged_is_cleaned_up_even_where_nothing_is_left_to_do() {
    let place = Place::new();
    place.backfill(&[]).succeeds();
    fs::create_dir_all(place.out().join(".staging-as_of=2026-08-20/parts")).expect("a folder");
    fs::write(place.out().join(".staging-trend.parquet"), "half").expect("a file");
    place.backfill(&[]).succeeds();
    assert_eq!(place.statuses(), all("up_to_date"));
    assert_eq!(hidden(&place.out()), [".partnerscore.lock"]);
}

#[test]
fn two_at_once_are_one_too_many() {
    let place = Place::new();
    let lock = Lock::take(&place.out(), Mode::default()).expect("the lock");
    place.backfill(&[]).fails(7, &["another run is writing to this folder"]);
    drop(lock);
    assert!(!place.out().join("backfill.json").exists());
}

#[test]
fn spans_that_make_no_sense_are_refused() {
    let place = Place::new();
    let history = place.history();
    for (span, texts) in [
        (["2026-10", "2026-07"], &["begins in 2026-10 and ends before, in 2026-07", "swap --from and --to"][..]),
        (["2026-07", "9999-12"], &["more than 1200 months", "check the years"]),
        (["2026-07", "+262142-12-01"], &["more than 1200 months"]),
        (["2026-07", "2026-13"], &["`2026-13` is not a month"]),
        (["july", "2026-10"], &["`july` is not a month"]),
    ] {
        backfill(&history, &place.out(), &["--from", span[0], "--to", span[1]]).fails(2, texts);
    }
    place.backfill(&["--partner", "nobody"]).fails(2, &["there is no partner `nobody`"]);
    backfill(&place.folder.path().join("nowhere"), &place.out(), &SPAN).fails(5, &["hint:"]);
    let said = place.backfill(&["--only", "failed"]);
    assert!(said.succeeds().stderr.contains("0 months"), "nothing has failed before: {}", said.stderr);
}

// ------------------------------------------------------------------ the trend

/// Three partners who each won ten tenants in December 2025. `late` has an advanced certificate in March alone, `steady` lacks the
/// intermediate ones, and `early` has one of two.
fn portfolio() -> History {
    let mut history = History { partners: ["early", "late", "steady"].map(partner).into(), ..History::default() };
    let mut month = day("2024-12-01");
    let mut months = Vec::new();
    while month <= day("2026-08-01") {
        months.push(month);
        month = month + chrono::Months::new(1);
    }
    for who in ["early", "late", "steady"] {
        for number in 0..10 {
            let tenant = format!("{who}-{number}");
            history.associations.push(association(who, &tenant, "CPOR", "2025-12-05"));
            for month in &months {
                let users = if *month > day("2025-12-01") { 100 } else { 40 };
                history.workload_usage.push(usage(&tenant, "teams", &month.to_string(), 200, users));
            }
        }
    }
    for (who, person, name, from, to) in [
        ("late", "ann", "enterprise_administrator_expert", "2026-03-01", "2026-03-31"),
        ("late", "ben", "endpoint_administrator_associate", "2025-01-01", "2030-01-01"),
        ("late", "cleo", "endpoint_administrator_associate", "2025-01-01", "2030-01-01"),
        ("steady", "dora", "enterprise_administrator_expert", "2025-01-01", "2030-01-01"),
        ("early", "eve", "endpoint_administrator_associate", "2025-01-01", "2030-01-01"),
    ] {
        let row = certification(who, person, name, from);
        history.certifications.push(crate::second_reading::Certification { expires_on: Some(day(to)), ..row });
    }
    history
}

/// partner, as of, rulebook, rank, points, movement, rank before, qualified, in the window, last qualified, window closes.
const TREND: &str = "
early   2026-02-20  modern-work-2024  3   80.0  .      .  no   no   .           .
early   2026-03-20  modern-work-2024  3   80.0  0.0    3  no   no   .           .
early   2026-04-20  modern-work-2024  3   80.0  0.0    3  no   no   .           .
early   2026-05-20  modern-work-2024  3   80.0  0.0    3  no   no   .           .
early   2026-06-20  modern-work-2024  3   80.0  0.0    3  no   no   .           .
early   2026-07-20  modern-work-2026  3   80.0  0.0    3  no   no   .           .
early   2026-08-20  modern-work-2026  3   80.0  0.0    3  no   no   .           .
early   2026-09-20  modern-work-2026  3   80.0  0.0    3  no   no   .           .
late    2026-02-20  modern-work-2024  2   85.0  .      .  no   no   .           .
late    2026-03-20  modern-work-2024  1  100.0  15.0   2  yes  yes  2026-03-20  2026-08-31
late    2026-04-20  modern-work-2024  2   85.0  -15.0  1  no   yes  2026-03-20  2026-08-31
late    2026-05-20  modern-work-2024  2   85.0  0.0    2  no   yes  2026-03-20  2026-08-31
late    2026-06-20  modern-work-2024  2   85.0  0.0    2  no   yes  2026-03-20  2026-08-31
late    2026-07-20  modern-work-2026  2   85.0  0.0    2  no   yes  2026-03-20  2026-08-31
late    2026-08-20  modern-work-2026  2   85.0  0.0    2  no   yes  2026-03-20  2026-08-31
late    2026-09-20  modern-work-2026  2   85.0  0.0    2  no   no   2026-03-20  2026-08-31
steady  2026-02-20  modern-work-2024  1   90.0  .      .  no   no   .           .
steady  2026-03-20  modern-work-2024  2   90.0  0.0    1  no   no   .           .
steady  2026-04-20  modern-work-2024  1   90.0  0.0    2  no   no   .           .
steady  2026-05-20  modern-work-2024  1   90.0  0.0    1  no   no   .           .
steady  2026-06-20  modern-work-2024  1   90.0  0.0    1  no   no   .           .
steady  2026-07-20  modern-work-2026  1   90.0  0.0    1  no   no   .           .
steady  2026-08-20  modern-work-2026  1   90.0  0.0    1  no   no   .           .
steady  2026-09-20  modern-work-2026  1   90.0  0.0    1  no   no   .           .
";

/// The window is the month and the five before: March still counts on the last day of August. The rulebook is that of the day.
#[test]
fn the_trend_tells_movement_and_the_window_on_both_sides_of_its_end() {
    let placed = Placed::new(&portfolio());
    let span = ["--from", "2026-01", "--to", "2026-08", "--rulebook", "by-date"];
    backfill(&placed.history(), &placed.out(), &span).succeeds();
    let batch = read(&placed.out().join("trend.parquet"));
    let names = batch.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>().join(" ");
    assert_eq!(
        names,
        "partner_id as_of month rulebook partner_name distributor_id market track qualified rank total_points \
         net_customer_adds_points intermediate_certifications_points advanced_certifications_points \
         usage_growth_points deployments_points movement rank_before qualified_in_window last_qualified window_closes"
    );
    let found = trend(&batch);
    let expected: Vec<String> = TREND.lines().filter(|line| !line.is_empty()).map(one_space).collect();
    assert_eq!(found, expected);
    for (as_of, month) in dates(&batch, "as_of").into_iter().zip(dates(&batch, "month")) {
        let (as_of, month) = (day(&as_of.expect("a day")), day(&month.expect("a month")));
        assert_eq!((month.day(), month + chrono::Months::new(1)), (1, as_of - Days::new(19)));
    }
    // A day outside of the backfill is a row of the trend as well, once it is published.
    crate::command::score(&placed.history(), &placed.out(), "2026-08-31", &["--rulebook", "by-date"]).succeeds();
    crate::command::score(&placed.history(), &placed.out(), "2026-09-01", &["--rulebook", "by-date"]).succeeds();
    let again = backfill(&placed.history(), &placed.out(), &span);
    assert!(again.succeeds().stderr.contains("0 published, 8 up to date"), "{}", again.stderr);
    let found = trend(&read(&placed.out().join("trend.parquet")));
    for (as_of, within) in [("2026-08-31", "yes"), ("2026-09-01", "no")] {
        let row = found.iter().find(|row| row.starts_with(&format!("late {as_of}"))).expect("a row");
        assert!(row.ends_with(&format!("no {within} 2026-03-20 2026-08-31")), "{row}");
    }
}

fn one_space(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The rows of a trend as [`TREND`] has them.
fn trend(batch: &arrow::array::RecordBatch) -> Vec<String> {
    let flag = |name: &str, row: usize| {
        let value = batch.column_by_name(name).expect("a flag").as_boolean().value(row);
        (if value { "yes" } else { "no" }).to_owned()
    };
    let points = |name: &str, row: usize| {
        let column =
            arrow::compute::cast(batch.column_by_name(name).expect("points"), &DataType::Float64).expect("points");
        column.as_primitive::<Float64Type>().iter().nth(row).flatten().map(|points| format!("{points:.1}"))
    };
    let [ids, rulebooks] = ["partner_id", "rulebook"].map(|name| texts(batch, name));
    let [rank, before] = ["rank", "rank_before"].map(|name| counts(batch, name));
    let [as_of, last, closes] = ["as_of", "last_qualified", "window_closes"].map(|name| dates(batch, name));
    let row = |row: usize| {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| ".".to_owned());
        let number = |value: Option<i64>| text(&value.map(|value| value.to_string()));
        let (total, movement) = (text(&points("total_points", row)), text(&points("movement", row)));
        let (qualified, within) = (flag("qualified", row), flag("qualified_in_window", row));
        let place = [text(&ids[row]), text(&as_of[row]), text(&rulebooks[row]), number(rank[row]), total, movement];
        let window = [number(before[row]), qualified, within, text(&last[row]), text(&closes[row])];
        place.into_iter().chain(window).collect::<Vec<_>>().join(" ")
    };
    (0..batch.num_rows()).map(row).collect()
}
