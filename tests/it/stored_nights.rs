//! Backfills and pipelines that publish on an object store: what they do in a folder, there.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::azurite::{Azurite, Gate, Let, access, files};
use crate::command::{Said, partnerscore, run, said};
use crate::moto::Moto;
use crate::storage::Placed;

const SPAN: [&str; 4] = ["--from", "2026-08", "--to", "2026-10"];
const DATES: [&str; 3] = ["2026-09-20", "2026-10-20", "2026-11-20"];

fn arguments(placed: &Placed, span: &[&str], more: &[&str]) -> Vec<String> {
    let (history, out) = (placed.container.url("history"), placed.container.url("runs"));
    let whole = [&["backfill", &history, "--out", &out], span, more].concat();
    whole.into_iter().map(str::to_owned).collect()
}

fn backfill(placed: &Placed, span: &[&str], more: &[&str]) -> Said {
    said(placed.program().args(arguments(placed, span, more)).output().expect("the program starts"))
}

fn json(placed: &Placed, name: &str) -> Value {
    serde_json::from_slice(&placed.container.get(name)).expect("JSON")
}

/// How each month ended, as the store's record tells it.
fn recorded(placed: &Placed) -> BTreeMap<String, String> {
    let record = json(placed, "runs/backfill.json");
    let months = record["months"].as_object().expect("months").iter();
    months.map(|(month, result)| (month.clone(), result["status"].as_str().expect("a status").to_owned())).collect()
}

fn run_of(placed: &Placed, date: &str) -> String {
    let name = json(placed, &format!("runs/as_of={date}/current.json"));
    format!("runs/as_of={date}/run={}", name["run"].as_str().expect("a run"))
}

#[test]
fn every_month_of_a_span_is_published_on_a_store() {
    let Some(azurite) = Azurite::running("backfills to a store") else { return };
    publishes_a_span(Placed::new(azurite));
}

#[test]
fn every_month_of_a_span_is_published_on_s3() {
    let Some(moto) = Moto::running("backfills to S3") else { return };
    publishes_a_span(Placed::within(moto.bucket()));
}

fn publishes_a_span(placed: Placed) {
    let gate = Gate::before(placed.port, |_| Let::Pass);
    let placed = placed.through(&gate);
    let here = tempfile::tempdir().expect("a folder");
    let out = here.path().display().to_string();
    run(&[&["backfill", "data/sample", "--out", &out, "--evidence"], &SPAN[..]].concat()).succeeds();
    let told = backfill(&placed, &SPAN, &["--evidence", "--format", "json"]);
    let told: Value = serde_json::from_str(&told.succeeds().stdout).expect("JSON");
    let local: Value =
        serde_json::from_slice(&std::fs::read(here.path().join("backfill.json")).expect("a file")).expect("JSON");
    assert_eq!((&told, &json(&placed, "runs/backfill.json")), (&local, &local));
    for date in DATES {
        let run = run_of(&placed, date);
        let theirs = files(&here.path().join(format!("as_of={date}")));
        assert!(theirs.len() > 4, "{:?}", theirs.keys());
        for (name, bytes) in theirs.iter().filter(|(name, _)| *name != "run.json") {
            assert!(placed.container.get(&format!("{run}/{name}")) == *bytes, "{date} {name}");
        }
    }
    let trend = std::fs::read(here.path().join("trend.parquet")).expect("a file");
    assert!(placed.container.get("runs/trend.parquet") == trend, "the trend");
    assert_eq!(gate.count(&["GET", "evidence"]), 0, "the trend reads no evidence");
    // The second time there is nothing to do, on another machine as well.
    let before = placed.container.names();
    let placed = placed.with_other_cache();
    assert!(backfill(&placed, &SPAN, &["--evidence"]).succeeds().stderr.contains("3 up to date"));
    assert!(recorded(&placed).values().all(|status| status == "up_to_date"), "{:?}", recorded(&placed));
    let of_runs = |names: BTreeMap<String, String>| -> BTreeMap<String, String> {
        names.into_iter().filter(|(name, _)| name.contains("as_of=") || name.ends_with("trend.parquet")).collect()
    };
    let (before, now) = (of_runs(before), of_runs(placed.container.names()));
    let runs = |names: &BTreeMap<String, String>| names.iter().filter(|(name, _)| name.contains("as_of=")).count();
    assert_eq!((runs(&before), before.keys().collect::<Vec<_>>()), (runs(&now), now.keys().collect()));
    assert!(before.iter().filter(|(name, _)| name.contains("as_of=")).all(|(name, etag)| now.get(name) == Some(etag)));
}

#[test]
fn a_month_that_fails_stops_no_other_and_is_recorded_there() {
    let Some(azurite) = Azurite::running("failed months on a store") else { return };
    let placed = Placed::new(azurite);
    // The sample begins in October 2024.
    let told = backfill(&placed, &["--from", "2025-09", "--to", "2025-10"], &[]);
    told.fails(8, &["1 of 2 months failed", &placed.container.url("runs")]);
    let statuses = [("2025-09", "failed"), ("2025-10", "published")].map(|(month, how)| (month.into(), how.into()));
    assert_eq!(recorded(&placed), BTreeMap::from(statuses));
    assert_eq!(json(&placed, "runs/backfill.json")["months"]["2025-09"]["error"]["code"], 5);
    backfill(&placed, &["--from", "2025-09", "--to", "2025-10"], &["--only", "failed"]).fails(8, &["1 of 1 month"]);
    placed.container.put("runs/backfill.json", b"no record".to_vec());
    backfill(&placed, &SPAN, &[]).fails(3, &["the record of backfills cannot be read", "runs/backfill.json"]);
}

#[test]
fn a_backfill_that_is_killed_goes_on_from_there() {
    let Some(azurite) = Azurite::running("killed backfills to a store") else { return };
    let placed = Placed::new(azurite);
    let at = format!("as_of={}", DATES[1]);
    let held = at.clone();
    let gate = Gate::before(azurite.port, move |line| {
        let is_pointer = line.starts_with("PUT") && line.contains(&held) && line.contains("current.json");
        if is_pointer { Let::Hold } else { Let::Pass }
    });
    let placed = placed.through(&gate);
    let mut command = placed.program();
    command.args(arguments(&placed, &SPAN, &[])).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("it starts");
    let start = Instant::now();
    while gate.count(&["PUT", &at, "current.json"]) == 0 {
        assert!(start.elapsed() < Duration::from_secs(120), "it never came so far");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().expect("a kill");
    child.wait().expect("it ends");
    let placed = Placed { port: azurite.port, ..placed };
    let pointers = || placed.container.names().into_keys().filter(|name| name.ends_with("current.json")).count();
    assert_eq!(pointers(), 1, "one month is published, and none half");
    assert_eq!(recorded(&placed), BTreeMap::from([("2026-08".to_owned(), "published".to_owned())]));
    assert!(backfill(&placed, &SPAN, &[]).succeeds().stderr.contains("2 published, 1 up to date"));
    assert_eq!(pointers(), 3);
}

/// Another machine records its months while this one does.
#[test]
fn the_record_keeps_what_others_write_in_it() {
    let Some(azurite) = Azurite::running("two backfills to a store") else { return };
    let placed = Placed::new(azurite);
    let (other_cache, once, port) = (tempfile::tempdir().expect("a folder"), AtomicUsize::new(0), azurite.port);
    let (cache, other) =
        (other_cache.path().to_owned(), arguments(&placed, &["--from", "2026-06", "--to", "2026-06"], &[]));
    let gate = Gate::before(port, move |line| {
        if line.starts_with("PUT") && line.contains("backfill.json") && once.fetch_add(1, Ordering::SeqCst) == 0 {
            let mut program = partnerscore();
            program.envs(access("az", port)).env("PARTNERSCORE_CACHE", &cache).args(&other);
            said(program.output().expect("it starts")).succeeds();
        }
        Let::Pass
    });
    let placed = placed.through(&gate);
    backfill(&placed, &SPAN, &[]).succeeds();
    let months: Vec<String> = recorded(&placed).into_keys().collect();
    assert_eq!(months, ["2026-06", "2026-08", "2026-09", "2026-10"]);
}

/// A pipeline file in a folder of its own.
fn pipeline(folder: &Path, text: &str) -> String {
    let file = folder.join("night.toml");
    std::fs::write(&file, text).expect("a file");
    file.display().to_string()
}

#[test]
fn pipelines_read_a_store_and_publish_here() {
    let Some(azurite) = Azurite::running("pipelines with a history on a store") else { return };
    let placed = Placed::new(azurite);
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!("history = \"{}\"\noutput = \"out\"\nas_of = \"2026-11-20\"\n", placed.container.url("history"));
    let file = pipeline(folder.path(), &text);
    placed.run(&["run", &file]).succeeds();
    assert!(folder.path().join("out/as_of=2026-11-20/scores.parquet").exists());
    assert!(placed.run(&["run", &file]).succeeds().stderr.contains("up to date"));
}

#[test]
fn pipelines_publish_on_a_store() {
    let Some(azurite) = Azurite::running("pipelines that publish on a store") else { return };
    runs_a_night(Placed::new(azurite));
}

#[test]
fn pipelines_publish_on_s3() {
    let Some(moto) = Moto::running("pipelines that publish on S3") else { return };
    runs_a_night(Placed::within(moto.bucket()));
}

fn runs_a_night(placed: Placed) {
    let gate = Gate::before(placed.port, |_| Let::Pass);
    let placed = placed.through(&gate);
    let folder = tempfile::tempdir().expect("a folder");
    let (history, out) = (placed.container.url("history"), placed.container.url("runs"));
    let steps = "evidence = true\n[[reports]]\nhtml = \"page.html\"\ncompare = \"last_run\"\n[[comparisons]]\n\
                 compare = \"last_run\"\nfile = \"changes.json\"\n[alerts]\nfile = \"alerts.json\"\n[telemetry]\n\
                 openlineage = \"lineage.jsonl\"\nprometheus = \"night.prom\"\n";
    let text = |as_of: &str| format!("history = \"{history}\"\noutput = \"{out}\"\nas_of = \"{as_of}\"\n{steps}");
    let file = pipeline(folder.path(), &text("2026-08-20"));
    placed.run(&["run", &file]).succeeds();
    let file = pipeline(folder.path(), &text("newest_month"));
    let planned = placed.run(&["run", &file, "--plan"]);
    assert!(
        planned.succeeds().stdout.contains(&format!("{out}/as_of=2026-11-20 holds no run yet")),
        "{}",
        planned.stdout
    );
    placed.run(&["run", &file]).succeeds();
    let status = json(&placed, "runs/night.status.json");
    assert_eq!((&status["state"], &status["as_of"]), (&"succeeded".into(), &"2026-11-20".into()), "{status}");
    for name in ["page.html", "alerts.json", "night.prom"] {
        assert!(folder.path().join(name).exists(), "{name}");
    }
    let changes = std::fs::read(folder.path().join("changes.json")).expect("a file");
    let changes: Value = serde_json::from_slice(&changes).expect("JSON");
    let named = ["before", "after"].map(|side| changes[side]["folder"].as_str().expect("a folder").to_owned());
    let runs = ["2026-08-20", "2026-11-20"].map(|date| placed.container.url(&run_of(&placed, date)));
    assert_eq!(named, runs);
    assert!(gate.count(&["PUT", "evidence"]) > 0);
    assert_eq!(gate.count(&["GET", "evidence"]), 0, "what was sent does not come back");
    // Lineage names tables by their container and the path within.
    let lineage = std::fs::read_to_string(folder.path().join("lineage.jsonl")).expect("a file");
    let last: Value = serde_json::from_str(lineage.lines().last().expect("a line")).expect("JSON");
    let namespace = placed.container.url("").trim_end_matches('/').to_owned();
    for (side, begins) in [("inputs", "history/"), ("outputs", "runs/as_of=2026-11-20/run=")] {
        let tables = last[side].as_array().expect("tables");
        assert!(tables.iter().all(|table| table["namespace"] == *namespace), "{last}");
        assert!(
            tables.iter().all(|table| table["name"].as_str().is_some_and(|name| name.starts_with(begins))),
            "{last}"
        );
        assert!(tables.len() == 4, "{last}");
    }
    // Nothing is done again, from another machine as well.
    let before = placed.container.names();
    let placed = placed.with_other_cache();
    let again = placed.run(&["run", &file]);
    assert_eq!(again.succeeds().stderr.matches("up to date").count(), 4, "{}", again.stderr);
    let of_runs =
        |names: BTreeMap<String, String>| names.into_iter().filter(|(name, _)| name.contains("as_of=")).collect();
    let [before, now]: [Vec<(String, String)>; 2] = [before, placed.container.names()].map(of_runs);
    assert_eq!(before, now);
    // A backfill, declared.
    let span =
        format!("history = \"{history}\"\noutput = \"{out}\"\n[backfill]\nfrom = \"2026-09\"\nto = \"newest_month\"\n");
    let file = pipeline(folder.path(), &span);
    let told = placed.run(&["run", &file, "--evidence"]);
    assert!(told.succeeds().stderr.contains("1 published, 1 up to date"), "{}", told.stderr);
    assert_eq!(recorded(&placed).len(), 2);
    // What needs a folder says so.
    let file = pipeline(folder.path(), &format!("{}[retention]\nruns = 3\n", text("newest_month")));
    placed.run(&["run", &file]).fails(2, &["retention is for runs in a folder", "night.toml:"]);
}
