//! What files hold that nobody would write on purpose, and what a person on call then reads.

use std::fs::{self, File};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Date32Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema};
use parquet::arrow::ArrowWriter;
use rustix::process::{Pid, Signal, kill_process};

use crate::baseline_history::{AS_OF, Placed, association, certification, history, spoil};
use crate::command::{partnerscore, run};
use crate::fixture::Layout;
use crate::outputs::{read, texts};
use crate::second_reading;

/// Adds a file to a table that is a folder.
fn add(placed: &Placed, table: &str, columns: Vec<(&str, ArrayRef)>) {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("columns of one length");
    let file = File::create(placed.history().join(table).join("extra.parquet")).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("rows");
    writer.close().expect("a footer");
}

fn text(value: &str) -> ArrayRef {
    Arc::new(StringArray::from(vec![value]))
}

fn days(value: Option<i32>) -> ArrayRef {
    Arc::new(Date32Array::from(vec![value]))
}

fn in_folders() -> Placed {
    Placed::laid_out(&history(), &Layout { files: 2, hive: false, ..Layout::default() })
}

/// DuckDB writes minus infinity as the day -2147483647.
#[test]
fn an_association_may_have_begun_at_minus_infinity() {
    let placed = in_folders();
    let since_ever = vec![
        ("partner_id", text("birch")),
        ("tenant_id", text("t1")),
        ("workload", Arc::new(StringArray::from(vec![None::<&str>])) as ArrayRef),
        ("association_type", text("DPOR")),
        ("start_date", days(Some(-i32::MAX))),
        ("end_date", days(Some(i32::MAX))),
    ];
    add(&placed, "associations", since_ever);
    placed.score(&["--evidence", "--strict"]).succeeds();
}

#[test]
fn days_beyond_the_calendar_are_rejected_like_any_other() {
    let placed = in_folders();
    let ends = vec![
        ("partner_id", text("acme")),
        ("tenant_id", text("t1")),
        ("workload", text("teams")),
        ("association_type", text("CPOR")),
        ("start_date", days(Some(20000))),
        ("end_date", days(Some(i32::MIN))),
    ];
    add(&placed, "associations", ends);
    let earned = vec![
        ("partner_id", text("acme")),
        ("person_id", text("zoe")),
        ("certification", text("enterprise_administrator_expert")),
        ("earned_on", days(Some(i32::MAX))),
        ("expires_on", days(Some(0))),
    ];
    add(&placed, "certifications", earned);
    let used = vec![
        ("tenant_id", text("t1")),
        ("workload", text("teams")),
        ("month", days(Some(i32::MAX))),
        ("paid_seats", Arc::new(arrow::array::Int32Array::from(vec![5])) as ArrayRef),
        ("active_users", Arc::new(arrow::array::Int32Array::from(vec![5])) as ArrayRef),
    ];
    add(&placed, "workload_usage", used);
    placed.score(&["--max-reject-ratio", "1"]).succeeds();
    let rejects = read(&placed.run().join("rejects.parquet"));
    let rules: Vec<_> = texts(&rejects, "rule").into_iter().flatten().collect();
    assert_eq!(rules, ["end_before_start", "expiry_before_earning"]);
    let reasons = texts(&rejects, "reason").into_iter().flatten().collect::<Vec<_>>().join("\n");
    assert!(reasons.contains("end_date day -2147483648 is before"), "{reasons}");
    let check = run(&["check", &placed.history().display().to_string(), "--max-reject-ratio", "1", "--format", "csv"]);
    assert!(check.succeeds().stdout.contains("reject,workload_usage,not_first_of_month,,1"), "{}", check.stdout);
}

/// A row dated within a newer month is rejected: it must not make the nightly run wait for that month.
#[test]
fn a_misdated_row_is_not_the_newest_month() {
    let mut history = history();
    history.workload_usage.push(second_reading::Usage {
        month: Some("2026-11-02".parse().expect("a date")),
        ..crate::baseline_history::usage("t1", "teams", "2026-10-01", 5, 5)
    });
    let placed = Placed::new(&history);
    let pipeline = placed.folder.path().join("nightly.toml");
    fs::write(&pipeline, "history = \"history\"\noutput = \"out\"\nas_of = \"newest_month\"\n").expect("a file");
    run(&["run", &pipeline.display().to_string()]).succeeds();
    assert!(placed.out().join("as_of=2026-11-20/scores.parquet").exists());
}

/// A certificate dated after the as-of date says nothing about how recent the data is; a table written since then may be recent.
#[test]
fn a_certification_to_come_does_not_make_data_fresh() {
    let mut history = history();
    history.certifications.push(certification("acme", "eve", "enterprise_administrator_expert", "2027-05-01"));
    let placed = Placed::new(&history);
    placed.score(&[]).succeeds();
    let run = fs::read_to_string(placed.run().join("run.json")).expect("run.json");
    let run: serde_json::Value = serde_json::from_str(&run).expect("JSON");
    assert_eq!(run["freshness"]["newest_certification"], "2025-01-01");
    assert_eq!(run["freshness"]["certifications_as_promised"], serde_json::Value::Null);
}

/// One certificate expired and another still to come: nothing was retired.
#[test]
fn the_reason_is_that_of_the_certificate_that_comes_next() {
    let mut history = history();
    let mut expired = certification("birch", "eve", "enterprise_administrator_expert", "2024-01-01");
    expired.expires_on = Some("2025-01-01".parse().expect("a date"));
    let to_come = certification("birch", "eve", "enterprise_administrator_expert", "2026-12-01");
    history.certifications.extend([expired, to_come]);
    let placed = Placed::new(&history);
    placed.score(&["--evidence"]).succeeds();
    let evidence = read(&placed.run().join("evidence/part-00000.parquet"));
    let people = texts(&evidence, "person_id").into_iter().zip(texts(&evidence, "reason"));
    let reasons: Vec<_> =
        people.filter(|(person, _)| person.as_deref() == Some("eve")).map(|(_, reason)| reason).collect();
    assert_eq!(
        reasons,
        [Some("certification_not_yet_earned".to_owned()), Some("certification_not_yet_earned".to_owned())]
    );
}

/// The footer is whole and a page is not: of thousands of files, which?
#[test]
fn a_file_that_cannot_be_decoded_is_named() {
    let placed = Placed::new(&history());
    let file = placed.history().join("workload_usage/month=2026-10-01/part-0.parquet");
    spoil(&file, |mut bytes| {
        bytes[4..80].fill(0xAA);
        bytes
    });
    placed.score(&[]).fails(3, &["the file is damaged", "month=2026-10-01/part-0.parquet", "row group 0"]);
}

#[test]
fn a_column_that_is_there_twice_is_named_with_its_file() {
    let placed = in_folders();
    fs::remove_file(placed.history().join("partners/part-1.parquet")).expect("removed");
    add(&placed, "partners", vec![("partner_id", text("acme")), ("partner_id", text("birch"))]);
    placed.score(&[]).fails(3, &["`partner_id` 2 times", "extra.parquet"]);
}

/// Following the hint must not turn names into ids.
#[test]
fn a_column_that_has_its_own_use_is_not_offered_for_a_missing_one() {
    let placed = in_folders();
    add(&placed, "partners", vec![("partner_name", text("Acme"))]);
    let said = placed.score(&[]);
    said.fails(3, &["lacks column `partner_id`"]);
    assert!(!said.stderr.contains("rename"), "{}", said.stderr);
}

#[cfg(unix)]
#[test]
fn an_unchanged_run_still_gets_the_mode_asked_for() {
    use std::os::unix::fs::PermissionsExt;
    let placed = Placed::new(&history());
    let mode = |placed: &Placed| {
        fs::metadata(placed.run().join("scores.parquet")).expect("a file").permissions().mode() & 0o777
    };
    for (asked, seen) in [("644", 0o644), ("600", 0o600)] {
        placed.score(&["--mode", asked]).succeeds();
        assert_eq!(mode(&placed), seen);
    }
}

#[test]
fn an_output_that_cannot_be_a_folder_is_refused_before_any_work() {
    let placed = Placed::new(&history());
    let history = placed.history();
    fs::write(placed.folder.path().join("file"), "").expect("a file");
    for (out, what) in [("gs://bucket/out", "there is no store `gs://`"), ("file", "is a file")] {
        let mut command = partnerscore();
        command.current_dir(placed.folder.path()).arg("score").arg(&history).args(["--out", out, "--as-of", AS_OF]);
        crate::command::said(command.output().expect("it starts")).fails(2, &[what]);
    }
    assert!(!placed.folder.path().join("gs:").exists());
}

/// A sample appears whole or not at all, and a retry needs no help.
#[test]
fn an_interrupted_sample_leaves_nothing_behind_that_is_in_the_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("more");
    let mut command = partnerscore();
    command.args(["sample", "--tenants", "1000000", "--out"]).arg(&out).stderr(Stdio::null());
    let mut child = command.spawn().expect("it starts");
    while !folder.path().join(".partial-more/partners.parquet").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    kill_process(Pid::from_raw(child.id() as i32).expect("a process"), Signal::INT).expect("a signal");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert!(!out.exists());
    run(&["sample", "--tenants", "300", "--months", "13", "--out", &out.display().to_string()]).succeeds();
    let left: Vec<_> =
        fs::read_dir(folder.path()).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["more"]);
}

#[test]
fn a_command_line_that_is_wrong_is_json_where_json_is_asked_for() {
    let said = run(&["score", "data/sample", "--log-format", "json"]);
    let error: serde_json::Value = serde_json::from_str(said.stderr.trim()).expect("one JSON line");
    assert_eq!((&error["code"], &error["retryable"]), (&2.into(), &false.into()), "{error}");
    said.fails(2, &["--out"]);
}

#[test]
fn every_command_has_a_manual_page() {
    let page = run(&["man", "score"]);
    assert!(page.succeeds().stdout.contains("shards"), "{}", page.stdout);
    run(&["man", "scor"]).fails(2, &["did you mean `score`?"]);
}

/// `check` reads everything: what only a score warned of it finds as well.
#[test]
fn contested_pairs_are_found_by_check() {
    let mut history = history();
    history.associations.push(association("birch", "t1", "CPOR", "2024-05-05"));
    let placed = Placed::new(&history);
    let check = run(&["check", &placed.history().display().to_string(), "--format", "csv"]);
    assert!(check.succeeds().stdout.contains("warning,,contested_pair,cpor,14"), "{}", check.stdout);
}

/// Names come from elsewhere, and a table on a terminal must not let them steer it.
#[test]
fn names_cannot_steer_a_terminal() {
    let mut history = history();
    history.partners[0].partner_name = Some("Ac\u{1b}[31mme".to_owned());
    let placed = Placed::new(&history);
    let said = placed.score(&["--format", "table"]);
    assert!(!said.succeeds().stdout.contains('\u{1b}') && !said.stderr.contains("\u{1b}[31m"), "{}", said.stdout);
}
