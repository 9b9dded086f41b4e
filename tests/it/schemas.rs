//! The JSON Schemas of answers: committed as the command prints them, and true of what is printed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::baseline_history::{AS_OF, Placed, history};
use crate::command::{run, said};

/// Every answer that has a schema, and a command that prints one of the small history. HISTORY, OUT and OFFICIAL stand for paths.
const ANSWERS: [(&str, &[&str]); 11] = [
    ("backfill", &["backfill", "HISTORY", "--from", "2026-09", "--to", "2026-10", "--out", "OUT"]),
    ("diff", &["diff", "OUT/as_of=2026-11-20", "OUT/as_of=2026-11-23"]),
    ("explain", &["explain", "HISTORY", "--as-of", AS_OF, "--partner", "acme"]),
    (
        "ingest",
        &[
            "ingest",
            "tests/fuzz/corpus",
            "--history",
            "OUT-ingested",
            "--person-key",
            "only for this test",
            "--max-reject-ratio",
            "1",
        ],
    ),
    ("outlook", &["outlook", "HISTORY", "--as-of", AS_OF]),
    ("plan", &["plan", "HISTORY", "--as-of", AS_OF, "--partner", "acme"]),
    ("plan --all", &["plan", "HISTORY", "--as-of", AS_OF, "--all"]),
    ("reconcile", &["reconcile", "OUT", "--official", "OFFICIAL"]),
    ("rules diff", &["rules", "diff", "modern-work-2024", "modern-work-2026"]),
    ("simulate", &["simulate", "HISTORY", "--as-of", AS_OF, "--partner", "acme", "--net-adds", "3"]),
    ("simulate --against", &["simulate", "HISTORY", "--as-of", AS_OF, "--against", "modern-work-2026"]),
];

/// `plan --all` as `plan-all.json`.
fn file_name(name: &str) -> String {
    format!("{}.json", name.replace(" --", "-").replace(' ', "-"))
}

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas")
}

#[test]
fn the_committed_schemas_are_those_that_the_command_prints() {
    let said = run(&["schema", "nothing of that name"]);
    said.fails(2, &["known: "]);
    let known: Vec<&str> =
        said.stderr.lines().filter_map(|line| line.split_once("known: ")).map(|(_, names)| names).collect();
    let names: Vec<&str> = known.iter().flat_map(|names| names.split(", ")).collect();
    assert_eq!(names, ANSWERS.map(|(name, _)| name), "an answer without an example here");
    let mut files: Vec<String> = Vec::new();
    for name in names {
        let file = file_name(name);
        let printed = run(&["schema", name]).succeeds().stdout.clone();
        let committed = fs::read_to_string(committed().join(&file)).unwrap_or_default();
        assert!(
            printed == committed,
            "`partnerscore schema \"{name}\" > docs/schemas/{file}` writes it anew; `just schemas` all"
        );
        files.push(file);
    }
    let mut there: Vec<String> = fs::read_dir(committed())
        .expect("schemas")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    there.sort();
    files.sort();
    assert_eq!(there, files);
}

/// What `--format json` prints, by the schema, checked by another program.
#[test]
fn answers_are_what_their_schemas_say() {
    let Some(python) = std::env::var_os("PARTNERSCORE_TEST_PYTHON") else {
        return crate::not_run(
            "answers against their schemas",
            "PARTNERSCORE_TEST_PYTHON names no Python with tests/requirements.txt; ./test.sh makes one",
        );
    };
    let placed = Placed::new(&history());
    let answers = placed.folder.path().join("answers");
    fs::create_dir_all(&answers).expect("a folder");
    let official = placed.folder.path().join("official.csv");
    fs::write(&official, "partner,metric,points\nacme,total,1\nbirch,deployments,0\n").expect("a file");
    placed.score(&["--evidence"]).succeeds();
    let [source, out, official] = [placed.history(), placed.out(), official].map(|path| path.display().to_string());
    for (name, arguments) in ANSWERS {
        let path =
            |argument: &&str| argument.replace("HISTORY", &source).replace("OUT", &out).replace("OFFICIAL", &official);
        let arguments: Vec<String> = arguments.iter().map(path).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(["--format", "json"]).collect();
        // The first month of the backfill has no year before it: failures are part of the answer.
        let said = run(&arguments);
        assert_eq!(said.code, if name == "backfill" { 8 } else { 0 }, "{name}: {}", said.stderr);
        fs::write(answers.join(file_name(name)), said.stdout).expect("a file");
    }
    let mut check = Command::new(python);
    check.arg("tests/schemas.py").arg(committed()).arg(&answers).current_dir(env!("CARGO_MANIFEST_DIR"));
    let checked = said(check.output().expect("python"));
    assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);
}
