//! The command line as a user has it.

use std::path::Path;
use std::process::{Command, Output};

/// The program, with an environment that does not depend on who runs the tests.
pub fn partnerscore() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_partnerscore"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("RUST_LOG").env("COLUMNS", "100");
    command
}

/// What a command said and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs the program with arguments.
pub fn run(arguments: &[&str]) -> Said {
    said(partnerscore().args(arguments).output().expect("the program starts"))
}

/// Scores a history as of a date, with more arguments.
pub fn score(history: &Path, out: &Path, as_of: &str, more: &[&str]) -> Said {
    let mut command = partnerscore();
    command.arg("score").arg(history).arg("--out").arg(out).args(["--as-of", as_of]).args(more);
    said(command.output().expect("the program starts"))
}

/// An ended process as text.
pub fn said(output: Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Said {
    /// Asserts the exit code and that standard error has each of the texts.
    pub fn fails(&self, code: i32, texts: &[&str]) {
        assert_eq!(self.code, code, "{}", self.stderr);
        for text in texts {
            assert!(self.stderr.contains(text), "no `{text}` in:\n{}", self.stderr);
        }
        assert_eq!(self.stdout, "", "standard output carries data only");
    }

    /// Asserts success.
    pub fn succeeds(&self) -> &Said {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self
    }
}

#[test]
fn standard_output_carries_data_only() {
    let out = tempfile::tempdir().expect("a folder");
    let quiet = score(Path::new("data/sample"), out.path(), "2026-11-23", &[]);
    assert_eq!((quiet.code, quiet.stdout.as_str()), (0, ""), "{}", quiet.stderr);
    assert!(quiet.stderr.contains("partners scored"), "{}", quiet.stderr);
    let csv = score(Path::new("data/sample"), out.path(), "2026-11-23", &["--format", "csv", "--quiet"]);
    assert!(
        csv.stdout.starts_with("rank,partner_id,partner_name,distributor_id,market,distributor_rank,track,"),
        "{}",
        csv.stdout
    );
    assert_eq!(csv.stderr, "");
}

#[test]
fn every_format_holds_the_same_ranking() {
    let out = tempfile::tempdir().expect("a folder");
    let print = |format: &str| {
        score(Path::new("data/sample"), out.path(), "2026-11-23", &["--format", format, "--quiet"]).stdout
    };
    let rows: serde_json::Value = serde_json::from_str(&print("json")).expect("JSON");
    let mut csv = csv::Reader::from_reader(print("csv").into_bytes().leak() as &[u8]);
    let ids: Vec<String> = csv.records().map(|record| record.expect("a record")[1].to_owned()).collect();
    let json: Vec<String> = rows
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| row["partner_id"].as_str().expect("an id").to_owned())
        .collect();
    assert_eq!(ids, json);
    assert!(ids.len() >= 50);
    let table = print("table");
    assert!(table.lines().count() >= ids.len() && table.contains(&ids[0]), "{table}");
}

#[test]
fn json_logs_are_json_to_the_last_line() {
    let out = tempfile::tempdir().expect("a folder");
    let fine = score(Path::new("data/sample"), out.path(), "2026-11-23", &["--log-format", "json"]);
    let failed = score(Path::new("data/nowhere"), out.path(), "2026-11-23", &["--log-format", "json"]);
    for line in fine.stderr.lines().chain(failed.stderr.lines()) {
        let event: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(event["level"].is_string(), "{line}");
    }
    assert!(fine.stderr.contains("\"message\":\"scored\""), "{}", fine.stderr);
    let error: serde_json::Value = serde_json::from_str(failed.stderr.lines().last().expect("a line")).expect("JSON");
    assert_eq!((&error["code"], &error["retryable"]), (&5.into(), &true.into()), "{error}");
}

#[test]
fn a_month_stands_for_the_day_it_is_complete() {
    let out = tempfile::tempdir().expect("a folder");
    let mut command = partnerscore();
    command.args(["score", "data/sample", "--month", "2026-10", "--quiet", "--out"]).arg(out.path());
    said(command.output().expect("starts")).succeeds();
    assert!(out.path().join("as_of=2026-11-20/scores.parquet").exists());
}

#[test]
fn completions_and_the_manual_page_are_made() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(run(&["completions", shell]).succeeds().stdout.contains("partnerscore"), "{shell}");
    }
    assert!(run(&["man"]).succeeds().stdout.starts_with(".ie"), "a manual page");
}

#[test]
fn a_run_narrowed_to_a_distributor_ranks_within_it() {
    let out = tempfile::tempdir().expect("a folder");
    let whole = records(&score(
        Path::new("data/sample"),
        &out.path().join("whole"),
        "2026-11-23",
        &["--format", "json", "--quiet"],
    ));
    let distributor = whole.iter().find_map(|row| row["distributor_id"].as_str()).expect("a distributor").to_owned();
    let arguments = ["--distributor", &distributor, "--format", "json", "--quiet"];
    let narrowed = records(&score(Path::new("data/sample"), &out.path().join("part"), "2026-11-23", &arguments));
    let theirs: Vec<_> = whole.iter().filter(|row| row["distributor_id"] == distributor.as_str()).collect();
    assert!(theirs.len() > 1 && theirs.len() < whole.len());
    assert_eq!(theirs.len(), narrowed.len());
    for (before, after) in theirs.iter().zip(&narrowed) {
        assert_eq!(before["partner_id"], after["partner_id"]);
        assert_eq!(before["total_points"], after["total_points"]);
        assert_eq!(before["distributor_rank"], after["rank"], "within the run, the distributor is everyone");
    }
    let partner = theirs[1]["partner_id"].as_str().expect("an id");
    let alone = records(&score(
        Path::new("data/sample"),
        &out.path().join("one"),
        "2026-11-23",
        &["--partner", partner, "--format", "json", "--quiet"],
    ));
    assert_eq!((alone.len(), &alone[0]["rank"], &alone[0]["total_points"]), (1, &1.into(), &theirs[1]["total_points"]));
}

fn records(said: &Said) -> Vec<serde_json::Value> {
    serde_json::from_str::<Vec<serde_json::Value>>(&said.succeeds().stdout).expect("JSON records")
}
