//! Pipelines that are left alone: what overrides them, what they do not do again, what stops them, and what others hear of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::baseline_history::{AS_OF, Placed, history, partner};
use crate::command::{Said, partnerscore, run, said};
use crate::fixture;
use crate::second_reading::History;

/// A small history, a pipeline file beside it, and where it publishes.
struct Night {
    placed: Placed,
}

const PLAIN: &str = "history = 'history'\noutput = 'out'\nas_of = '2026-11-23'\n";

impl Night {
    fn new(pipeline: &str) -> Night {
        Night::of(&history(), pipeline)
    }

    fn of(history: &History, pipeline: &str) -> Night {
        let night = Night { placed: Placed::new(history) };
        night.declare(pipeline);
        night
    }

    fn declare(&self, pipeline: &str) {
        fs::write(self.path("night.toml"), pipeline).expect("a file");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.placed.folder.path().join(name)
    }

    fn run(&self, more: &[&str]) -> Said {
        let file = self.path("night.toml").display().to_string();
        run(&[&["run", &file], more].concat())
    }

    fn plan(&self, more: &[&str], variables: &[(&str, &str)]) -> Value {
        let mut command = partnerscore();
        command.arg("run").arg(self.path("night.toml")).args(["--plan", "--format", "json"]).args(more);
        command.envs(variables.iter().copied());
        serde_json::from_str(&said(command.output().expect("starts")).succeeds().stdout).expect("JSON")
    }

    fn status(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path("out/night.status.json")).expect("a status")).expect("JSON")
    }

    /// Each step with how it ended.
    fn steps(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let status = self.status();
        let steps = status["steps"].as_array().expect("steps").iter();
        steps.map(|step| (text(&step["step"]), text(&step["state"]))).collect()
    }

    fn runs(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("out")).expect("a folder").flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut runs: Vec<String> = names.filter(|name| name.starts_with("as_of=")).collect();
        runs.sort();
        runs
    }
}

fn pairs(steps: &[(&str, &str)]) -> Vec<(String, String)> {
    steps.iter().map(|(step, state)| ((*step).to_owned(), (*state).to_owned())).collect()
}

/// Asserts that two folders hold the same files with the same bytes; what runs say of their time stands in `run.json` alone.
fn differences(ours: &BTreeMap<PathBuf, Vec<u8>>, theirs: &BTreeMap<PathBuf, Vec<u8>>) {
    let names: std::collections::BTreeSet<&PathBuf> = ours.keys().chain(theirs.keys()).collect();
    let other: Vec<&PathBuf> = names.into_iter().filter(|name| ours.get(*name) != theirs.get(*name)).collect();
    assert!(other.is_empty(), "{other:?}");
}

#[test]
fn a_flag_is_over_a_variable_and_a_variable_over_the_file() {
    let night = Night::new(&format!("{PLAIN}shards = 2\nevidence = true\nmin_coverage = 0.4\n"));
    let plan = night.plan(
        &["--shards", "4", "--max-fall-in-mean-points", "3", "--evidence=false"],
        &[
            ("PARTNERSCORE_SHARDS", "3"),
            ("PARTNERSCORE_STRICT", "yes"),
            ("PARTNERSCORE_AS_OF", "newest_month"),
            ("PARTNERSCORE_MAX_UNKNOWN_RATIO", "0.2"),
        ],
    );
    let settings: BTreeMap<&str, (&Value, &str)> = plan["settings"]
        .as_array()
        .expect("settings")
        .iter()
        .map(|setting| {
            let text = |key: &str| setting[key].as_str().expect("text");
            (text("key"), (&setting["value"], text("source")))
        })
        .collect();
    let line = |line: u32| format!("{}:{line}", night.path("night.toml").display());
    for (key, value, source) in [
        ("shards", "4", "the flag --shards"),
        ("evidence", "false", "the flag --evidence"),
        ("max_fall_in_mean_points", "3", "the flag --max-fall-in-mean-points"),
        ("strict", "true", "the variable PARTNERSCORE_STRICT"),
        ("as_of", "newest_month", "the variable PARTNERSCORE_AS_OF"),
        ("min_coverage", "0.4", line(6).as_str()),
        ("max_unknown_ratio", "0.2", "the variable PARTNERSCORE_MAX_UNKNOWN_RATIO"),
        ("max_reject_ratio", "0.01", "default"),
        ("rulebook", "modern-work-2024", "default"),
    ] {
        assert_eq!(settings[key], (&Value::from(value), source), "{key}");
    }
    assert_eq!(settings["max_fall_in_partners"], (&Value::Null, "default"));
    assert_eq!(plan["steps"][0]["would_run"], true);
    assert!(!night.path("out").exists(), "a plan does nothing");
}

#[test]
fn what_overrides_is_what_runs() {
    let night = Night::new(PLAIN);
    let elsewhere = night.path("elsewhere").display().to_string();
    let mut command = partnerscore();
    command.arg("run").arg(night.path("night.toml")).args(["--out", &elsewhere]);
    command.env("PARTNERSCORE_EVIDENCE", "true").env("PARTNERSCORE_AS_OF", "2026-11-20");
    command.env("PARTNERSCORE_SHARD", "3");
    let said = said(command.output().expect("starts"));
    let warning = "PARTNERSCORE_SHARD overrides no setting; did you mean PARTNERSCORE_SHARDS?";
    assert!(said.succeeds().stderr.contains(warning), "{}", said.stderr);
    assert!(!night.path("out").exists());
    let beside = night.path("beside").display().to_string();
    let history = night.path("history").display().to_string();
    run(&["score", &history, "--out", &beside, "--as-of", "2026-11-20", "--evidence"]).succeeds();
    let [ours, theirs] = [elsewhere, beside].map(|out| fixture::published(&Path::new(&out).join("as_of=2026-11-20")));
    assert!(ours == theirs);
}

#[test]
fn overrides_that_do_not_fit_are_refused_by_name() {
    let backfill = "history = 'history'\noutput = 'out'\n[backfill]\nfrom = '2026-10'\nto = '2026-10'\n";
    let cases: &[(&str, &[&str], &str)] = &[
        (backfill, &["--as-of", "today"], "the flag --as-of"),
        (backfill, &["--strict"], "the flag --strict"),
        (backfill, &["--retention-runs", "3"], "retention is for one day"),
        (PLAIN, &["--from", "2026-10"], "the flag --from"),
        (PLAIN, &["--as-of", "tomorrow"], "not `tomorrow`"),
        (PLAIN, &["--max-reject-ratio", "2"], "from 0 to 1"),
        (PLAIN, &["--max-fall-in-mean-points=-1"], "the flag --max-fall-in-mean-points"),
        (PLAIN, &["--format", "json"], "--plan"),
        ("history = 'history'\noutput = 'out'\nas_of = 'today'\n[alerts]\nfile = 'alerts.txt'\n", &[], "night.toml:4"),
        ("history = 'history'\noutput = 'out'\nas_of = 'today'\n[retention]\nruns = 0\n", &[], "night.toml:5"),
        ("history = 'history'\noutput = 'out'\nas_of = 'today'\n[retention]\nrun = 9\n", &[], "did you mean `runs`?"),
        ("history = 'history'\noutput = 'out'\nas_of = 'today'\nmode = '9'\n", &[], "octal digits"),
    ];
    for (file, flags, what) in cases {
        let night = Night::new(file);
        night.run(flags).fails(2, &[what]);
        assert!(!night.path("out").exists(), "nothing is made");
    }
}

const REPORTS: &str = "[[reports]]\nhtml = 'one.html'\n[[reports]]\nhtml = 'later/two.html'\nxlsx = 'two.xlsx'\n[alerts]\nfile = 'alerts.json'\n";

#[test]
fn a_run_after_a_failure_does_only_what_is_not_there() {
    let night = Night::new(&format!("{PLAIN}{REPORTS}"));
    night.run(&[]).fails(6, &["later"]);
    assert_eq!(night.steps(), pairs(&[("score", "done"), ("report 1", "done"), ("report 2", "failed")]));
    let status = night.status();
    assert_eq!(
        (&status["state"], &status["exit_code"], &status["retryable"]),
        (&"failed".into(), &6.into(), &true.into())
    );
    let written = |name: &str| fs::metadata(night.path(name)).expect("a file").modified().expect("a time");
    let before = [written("one.html"), written("out/as_of=2026-11-23/run.json")];
    fs::create_dir(night.path("later")).expect("a folder");
    let steps = night.plan(&[], &[])["steps"].clone();
    let would = |step: usize| (steps[step]["step"].clone(), steps[step]["would_run"].clone());
    assert_eq!([would(0), would(1)], [("score".into(), false.into()), ("report 1".into(), false.into())]);
    assert_eq!([would(2), would(3)], [("report 2".into(), true.into()), ("alerts".into(), true.into())]);
    night.run(&[]).succeeds();
    let whole = [("score", "up_to_date"), ("report 1", "up_to_date"), ("report 2", "done"), ("alerts", "done")];
    assert_eq!(night.steps(), pairs(&whole));
    assert_eq!([written("one.html"), written("out/as_of=2026-11-23/run.json")], before);
    night.run(&[]).succeeds();
    assert!(night.steps().iter().all(|(_, state)| state == "up_to_date"), "{:?}", night.steps());
    assert_eq!((&night.status()["state"], &night.status()["exit_code"]), (&"succeeded".into(), &0.into()));
}

#[test]
fn what_is_not_as_it_was_left_is_done_again() {
    let night = Night::new(&format!("{PLAIN}{REPORTS}"));
    fs::create_dir(night.path("later")).expect("a folder");
    night.run(&[]).succeeds();
    let whole = fixture::published(&night.path("out"));
    fs::write(night.path("one.html"), "spoiled").expect("a file");
    fs::remove_file(night.path("two.xlsx")).expect("a file");
    night.run(&[]).succeeds();
    let again = [("score", "up_to_date"), ("report 1", "done"), ("report 2", "done"), ("alerts", "up_to_date")];
    assert_eq!(night.steps(), pairs(&again));
    night.run(&["--redo"]).succeeds();
    assert!(night.steps().iter().all(|(_, state)| state == "done"));
    // A new row of the history, and all that follows from it.
    let mut later = history();
    later.partners.push(partner("cedar"));
    fixture::write(&later, &night.path("history"), &fixture::Layout::default());
    let plan = night.plan(&[], &[]);
    assert!(
        plan["steps"][0]["why"].as_str().is_some_and(|why| why.contains("of the history is not what it was")),
        "{plan}"
    );
    night.run(&[]).succeeds();
    assert!(night.steps().iter().all(|(_, state)| state == "done"));
    fixture::write(&history(), &night.path("history"), &fixture::Layout::default());
    night.run(&[]).succeeds();
    let without_status = |mut files: BTreeMap<PathBuf, Vec<u8>>| {
        files.remove(Path::new("night.status.json"));
        files
    };
    differences(&without_status(fixture::published(&night.path("out"))), &without_status(whole));
}

/// One of two partners gone is a fall of one half, and no more.
#[test]
fn a_fall_since_the_last_run_refuses_the_run_and_keeps_what_stands() {
    let mut fewer = history();
    fewer.partners.pop();
    fewer.associations.retain(|row| row.partner_id.as_deref() != Some("birch"));
    let night = Night::new(PLAIN);
    night.run(&["--as-of", "2026-11-20"]).succeeds();
    for (as_of, stands) in [("2026-11-20", "the run it would replace"), (AS_OF, "the run before")] {
        fixture::write(&history(), &night.path("history"), &fixture::Layout::default());
        night.run(&["--as-of", "2026-11-20"]).succeeds();
        let before = fixture::published(&night.path("out/as_of=2026-11-20"));
        fixture::write(&fewer, &night.path("history"), &fixture::Layout::default());
        let refused = night.run(&["--as-of", as_of, "--max-fall-in-partners", "0.4999"]);
        refused.fails(3, &["there is 1 partner, and 2 in the last run", "as_of=2026-11-20", "max_fall_in_partners"]);
        assert!(fixture::published(&night.path("out/as_of=2026-11-20")) == before, "{stands}");
        assert_eq!((night.runs().len(), &night.status()["retryable"]), (1, &false.into()));
        // Half is not more than half.
        night.run(&["--as-of", as_of, "--max-fall-in-partners", "0.5"]).succeeds();
    }
}

#[test]
fn a_fall_of_the_mean_score_refuses_the_run() {
    let night = Night::new(PLAIN);
    night.run(&["--as-of", "2026-11-20"]).succeeds();
    let mean = |as_of: &str| {
        let json = fs::read(night.path(&format!("out/as_of={as_of}/run.json"))).expect("a run");
        serde_json::from_slice::<Value>(&json).expect("JSON")["scores"]["mean_points"].as_f64().expect("a mean")
    };
    let mut worse = history();
    worse.certifications.clear();
    fixture::write(&worse, &night.path("history"), &fixture::Layout::default());
    let elsewhere = night.path("elsewhere").display().to_string();
    night.run(&["--out", &elsewhere]).succeeds();
    let json = fs::read(night.path("elsewhere/as_of=2026-11-23/run.json")).expect("a run");
    let after =
        serde_json::from_slice::<Value>(&json).expect("JSON")["scores"]["mean_points"].as_f64().expect("a mean");
    let fall = mean("2026-11-20") - after;
    assert!(fall > 1.0, "{fall}");
    let limit = |fall: f64| format!("{:.4}", fall);
    let refused = night.run(&["--max-fall-in-mean-points", &limit(fall - 0.0001)]);
    refused.fails(3, &["the mean score is", "a fall of more than"]);
    assert_eq!(night.runs(), ["as_of=2026-11-20"]);
    night.run(&["--max-fall-in-mean-points", &limit(fall)]).succeeds();
}

#[test]
fn comparisons_are_those_of_the_diff_command_and_the_first_run_has_none() {
    let compared = "[[comparisons]]\ncompare = 'last_run'\nfile = 'changes.json'\n[[comparisons]]\ncompare = 'last_run'\nfile = 'changes.csv'\n";
    let night = Night::new(&format!("{PLAIN}evidence = true\n{compared}"));
    fs::write(night.path("changes.json"), "older").expect("a file");
    night.run(&["--as-of", "2026-10-20"]).fails(5, &["2025-09"]);
    night.run(&["--as-of", "2026-11-20"]).succeeds();
    assert!(!night.path("changes.json").exists(), "there is nothing to compare with");
    let mut better = history();
    better.certifications.push(crate::baseline_history::certification(
        "birch",
        "eve",
        "enterprise_administrator_expert",
        "2025-01-01",
    ));
    fixture::write(&better, &night.path("history"), &fixture::Layout::default());
    night.run(&[]).succeeds();
    let [before, after, source] =
        ["out/as_of=2026-11-20", "out/as_of=2026-11-23", "history"].map(|name| night.path(name).display().to_string());
    let command = |format: &str| {
        run(&["diff", &before, &after, "--history", &source, "--format", format]).succeeds().stdout.clone()
    };
    let said: Value = serde_json::from_str(&command("json")).expect("JSON");
    let written: Value = serde_json::from_slice(&fs::read(night.path("changes.json")).expect("a file")).expect("JSON");
    assert_eq!(written["counts"], said["counts"]);
    assert_eq!(written["changed"][0]["partner_id"], "birch");
    assert_eq!(fs::read_to_string(night.path("changes.csv")).expect("a file"), command("csv"));
}

/// By the published tables, independently of what the alerts are made of.
#[test]
fn alerts_tell_of_every_crossing_between_two_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample");
    let text = format!(
        "history = '{}'\noutput = 'out'\nas_of = '2026-11-20'\n[alerts]\nfile = 'alerts.csv'\n",
        sample.display()
    );
    fs::write(folder.path().join("night.toml"), text).expect("a file");
    let file = folder.path().join("night.toml").display().to_string();
    run(&["run", &file, "--as-of", "2026-05-20"]).succeeds();
    let alerts = || fs::read_to_string(folder.path().join("alerts.csv")).expect("alerts");
    assert_eq!(alerts().lines().count(), 1, "the first run has nothing to tell");
    run(&["run", &file]).succeeds();
    let read = |as_of: &str| {
        let out = folder.path().join(format!("print-{as_of}")).display().to_string();
        let arguments =
            ["score", &sample.display().to_string(), "--out", &out, "--as-of", as_of, "--format", "json", "--quiet"];
        let rows: Vec<Value> = serde_json::from_str(&run(&arguments).stdout).expect("JSON");
        rows.into_iter()
            .map(|row| (row["partner_id"].as_str().expect("an id").to_owned(), row))
            .collect::<BTreeMap<_, _>>()
    };
    let (before, after) = (read("2026-05-20"), read("2026-11-20"));
    let mut expected = Vec::new();
    for (id, was) in &before {
        let Some(is) = after.get(id) else {
            expected.push(("gone".to_owned(), id.clone(), String::new()));
            continue;
        };
        let points = |row: &Value| row["total_points"].as_f64().expect("points");
        let mut tell = |kind: &str, subject: &str| expected.push((kind.to_owned(), id.clone(), subject.to_owned()));
        match (was["qualified"] == true, is["qualified"] == true) {
            (true, false) => tell("lost_designation", ""),
            (false, true) => tell("won_designation", ""),
            _ => {}
        }
        let crosses = |bar: f64| (points(was) >= bar, points(is) >= bar);
        if crosses(70.0) == (true, false) {
            tell("fell_below_designation_points", "");
        }
        match crosses(25.0) {
            (true, false) => tell("fell_below_milestone", "indirect_reseller_incentive"),
            (false, true) => tell("reached_milestone", "indirect_reseller_incentive"),
            _ => {}
        }
        let short = |row: &Value| row["metrics_short"].as_str().unwrap_or_default().to_owned();
        for metric in short(is).split(',').filter(|metric| !metric.is_empty()) {
            if !short(was).split(',').any(|before| before == metric) {
                tell("metric_under_minimum", metric);
            }
        }
    }
    let mut told: Vec<(String, String, String)> = csv::Reader::from_reader(alerts().as_bytes())
        .records()
        .map(|record| record.expect("a record"))
        .map(|record| (record[0].to_owned(), record[1].to_owned(), record[4].to_owned()))
        .collect();
    let kinds: std::collections::BTreeSet<&str> = told.iter().map(|(kind, ..)| kind.as_str()).collect();
    assert!(kinds.len() >= 4, "the sample shows several kinds: {kinds:?}");
    expected.sort();
    told.sort();
    assert_eq!(told, expected);
}

#[test]
fn only_the_newest_runs_are_kept() {
    let night = Night::new(&format!("{PLAIN}[retention]\nruns = 2\n"));
    for day in ["2026-11-20", "2026-11-21", "2026-11-22"] {
        night.run(&["--as-of", day, "--retention-runs", "9"]).succeeds();
    }
    fs::create_dir(night.path("out/as_of=2026-01-01")).expect("a folder that is no run");
    let steps = night.plan(&[], &[])["steps"].clone();
    assert_eq!((&steps[1]["step"], &steps[1]["would_run"]), (&"retention".into(), &true.into()));
    let told = night.run(&[]);
    assert_eq!(told.succeeds().stderr.matches("removed: ").count(), 2);
    let kept = ["as_of=2026-01-01", "as_of=2026-11-22", "as_of=2026-11-23"];
    assert_eq!(night.runs(), kept, "the newest two, and what is no run");
    night.run(&["--retention-runs", "1"]).succeeds();
    assert_eq!(night.runs(), ["as_of=2026-01-01", "as_of=2026-11-23"]);
}

#[test]
fn monitors_and_lineage_hear_how_a_run_ended() {
    let Some(python) = std::env::var_os("PARTNERSCORE_TEST_PYTHON") else {
        return crate::not_run("metrics and lineage", "PARTNERSCORE_TEST_PYTHON is not set; ./test.sh sets it");
    };
    let telemetry =
        "[telemetry]\nprometheus = 'heard/metrics.prom'\nopenlineage = 'heard/lineage.jsonl'\nnamespace = 'channel'\n";
    let night = Night::new(&format!("{PLAIN}evidence = true\n{telemetry}"));
    let heard = || -> Value {
        let mut read = Command::new(&python);
        read.arg("tests/telemetry.py").arg(night.path("heard/metrics.prom")).arg(night.path("heard/lineage.jsonl"));
        let read = said(read.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("python"));
        serde_json::from_str(&read.succeeds().stdout).expect("JSON")
    };
    night.run(&[]).succeeds();
    let fine = heard();
    let gauge = |heard: &Value, name: &str| heard["gauges"][format!("partnerscore_{name}")].as_f64();
    assert_eq!(gauge(&fine, "exit_code{}"), Some(0.0));
    assert_eq!(gauge(&fine, "partners{}"), Some(2.0));
    assert_eq!(gauge(&fine, "checked_rows{table=certifications}"), Some(2.0));
    let run_json: Value =
        serde_json::from_slice(&fs::read(night.path("out/as_of=2026-11-23/run.json")).expect("a run")).expect("JSON");
    assert_eq!(gauge(&fine, "mean_points{}"), run_json["scores"]["mean_points"].as_f64());
    let success = gauge(&fine, "last_success_timestamp_seconds{}");
    assert!(success.is_some());
    fs::remove_dir_all(night.path("history")).expect("a folder");
    night.run(&[]).fails(5, &["history"]);
    let failed = heard();
    assert_eq!((gauge(&failed, "exit_code{}"), gauge(&failed, "retryable{}")), (Some(5.0), Some(1.0)));
    assert_eq!(gauge(&failed, "last_success_timestamp_seconds{}"), success, "the last one that ended well");
    assert_eq!(gauge(&failed, "partners{}"), Some(2.0), "what stands published");
    let events: Vec<&Value> = failed["events"].as_array().expect("events").iter().collect();
    let kinds: Vec<&str> = events.iter().map(|event| event["eventType"].as_str().expect("a type")).collect();
    assert_eq!(kinds, ["START", "COMPLETE", "START", "FAIL"]);
    assert_eq!(events[0]["run"]["runId"], events[1]["run"]["runId"]);
    assert_ne!(events[0]["run"]["runId"], events[2]["run"]["runId"]);
    assert_eq!(events[1]["job"]["namespace"], "channel");
    let inputs = events[1]["inputs"].as_array().expect("inputs").iter();
    let read: Vec<(String, u64)> = inputs
        .map(|input| {
            let name = Path::new(input["name"].as_str().expect("a name")).file_name().expect("a name");
            (
                name.to_string_lossy().into_owned(),
                input["inputFacets"]["inputStatistics"]["rowCount"].as_u64().expect("rows"),
            )
        })
        .collect();
    assert!(read.contains(&("certifications".to_owned(), 2)) && read.len() == 4, "{read:?}");
    assert_eq!(events[1]["outputs"].as_array().map(Vec::len), Some(4));
    assert!(events[3]["run"]["facets"]["errorMessage"]["message"].as_str().is_some_and(|what| !what.is_empty()));
}

#[test]
fn who_finds_the_folder_locked_leaves_the_status_alone() {
    let night = Night::new(PLAIN);
    night.run(&[]).succeeds();
    let before = fs::read(night.path("out/night.status.json")).expect("a status");
    let lock = fs::File::open(night.path("out/.partnerscore.lock")).expect("a lock");
    lock.lock().expect("the lock");
    night.run(&["--redo"]).fails(7, &["another run is writing"]);
    assert!(fs::read(night.path("out/night.status.json")).expect("a status") == before);
}

/// Killed at moments from begin to end, then run again: what is there in the end is what an undisturbed run leaves.
#[test]
fn a_killed_night_is_finished_by_the_next() {
    let declared = format!(
        "{PLAIN}evidence = true\n[[reports]]\nhtml = 'one.html'\nxlsx = 'one.xlsx'\n[alerts]\nfile = 'alerts.json'\n"
    );
    let undisturbed = Night::new(&declared);
    let start = std::time::Instant::now();
    undisturbed.run(&[]).succeeds();
    let took = start.elapsed();
    let night = Night::new(&declared);
    for moment in 1..6u32 {
        let mut command = partnerscore();
        command.arg("run").arg(night.path("night.toml")).arg("--redo").stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("starts");
        std::thread::sleep(took.max(Duration::from_millis(100)) * moment / 6);
        let _ = kill_process(Pid::from_raw(child.id() as i32).expect("a process"), Signal::KILL);
        child.wait().expect("it ends");
    }
    night.run(&[]).succeeds();
    let files = |night: &Night| {
        let mut files = fixture::published(&night.path("out"));
        files.remove(Path::new("night.status.json"));
        files.insert("alerts.json".into(), fs::read(night.path("alerts.json")).expect("a file"));
        // Reports tell when their run ended.
        assert!(night.path("one.html").exists() && night.path("one.xlsx").exists());
        files
    };
    differences(&files(&night), &files(&undisturbed));
    assert_eq!(night.status()["state"], "succeeded");
}
