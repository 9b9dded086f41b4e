//! What the documents say: every command of the README runs, every link leads somewhere, every reason and rule is explained.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use partnerscore::history::WARNINGS;
use partnerscore::ingest;
use partnerscore::metrics::reason::{self, Reason};

use crate::command::said;

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The shell commands of a document: lines of its `sh` blocks, comments aside.
fn commands(document: &str) -> Vec<String> {
    let blocks = document.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let lines = blocks.flat_map(str::lines).map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

/// Every command of the README but the two that set up a machine, which the build server runs, in a copy of what it needs.
#[test]
fn every_command_of_the_readme_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["data", "pipelines"] {
        copy(&root().join(name), &folder.path().join(name));
    }
    let binaries = Path::new(env!("CARGO_BIN_EXE_partnerscore")).parent().expect("a folder").to_owned();
    let path = format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap_or_default());
    let mut ran = 0;
    for command in commands(&text("README.md")) {
        if command.starts_with("cargo run") {
            // The same program, built already.
            let arguments = command.split_once(" -- ").expect("arguments").1;
            shell(&format!("partnerscore {arguments}"), folder.path(), &path);
        } else if command.starts_with("partnerscore ") || command.starts_with("PARTNERSCORE_") {
            shell(&command, folder.path(), &path);
        } else {
            assert!(
                ["./test.sh", "just bench", "cargo install --path ."].contains(&command.as_str())
                    // The package that is tested is the wheel's content, installed without packing it.
                    || command.starts_with("pip install target/wheels/partnerscore-"),
                "what runs `{command}`?"
            );
            continue;
        }
        ran += 1;
    }
    assert!(ran >= 8, "{ran} commands");
}

fn shell(command: &str, folder: &Path, path: &str) {
    let output = Command::new("sh").args(["-c", command]).current_dir(folder).env("PATH", path).output().expect("sh");
    let said = said(output);
    assert_eq!(said.code, 0, "{command}\n{}", said.stderr);
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).expect("a copy")),
        }
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut documents = vec!["README.md".to_owned(), "ARCHITECTURE.md".to_owned(), "CONTRIBUTING.md".to_owned()];
    documents.extend(
        fs::read_dir(root().join("docs"))
            .expect("docs")
            .flatten()
            .map(|entry| format!("docs/{}", entry.file_name().to_string_lossy())),
    );
    let mut followed = 0;
    for document in documents.iter().filter(|name| name.ends_with(".md")) {
        for link in
            text(document).split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next().map(str::to_owned))
        {
            if link.is_empty() || link.contains("://") {
                continue;
            }
            let target = root().join(document).parent().expect("a folder").join(&link);
            assert!(target.exists(), "{document} links to {link}, which is not there");
            followed += 1;
        }
    }
    assert!(followed > 5);
}

/// The closed list of reasons: what the code can say is what the page explains, in the same words.
#[test]
fn every_reason_is_explained() {
    let page = text("docs/reasons.md");
    let explained: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    let row =
        |reason: &Reason| format!("| `{}` | {} | {} |", reason.code, reason.meaning, reason.action.unwrap_or_default());
    assert_eq!(explained, reason::ALL.iter().map(row).collect::<Vec<_>>());
}

/// Every reject rule and warning the code can give is explained.
#[test]
fn every_finding_is_explained() {
    let page = text("docs/history.md");
    for rule in [
        "null_key",
        "null_count",
        "negative_count",
        "count_too_large",
        "unknown_association_type",
        "end_before_start",
        "expiry_before_earning",
        "unknown_partner",
        "not_first_of_month",
        "conflicting_usage",
    ]
    .into_iter()
    .chain(WARNINGS.iter().copied())
    {
        assert!(page.contains(&format!("`{rule}`")), "docs/history.md does not explain {rule}");
    }
}

/// Recipes of other programs: what can be read of them here is.
#[test]
fn recipes_of_operations_can_be_read() {
    let page = text("docs/operations.md");
    let blocks = |language: &str| -> Vec<String> {
        let begin = format!("```{language}\n");
        page.split(&begin).skip(1).filter_map(|rest| rest.split("\n```").next().map(str::to_owned)).collect()
    };
    for block in blocks("json") {
        serde_json::from_str::<serde_json::Value>(&block).unwrap_or_else(|error| panic!("{error}: {block}"));
    }
    let python = blocks("python");
    assert!(blocks("json").len() >= 2 && python.len() >= 2);
    for block in python {
        let mut compiled = Command::new("python3");
        compiled.args(["-c", "import sys; compile(sys.argv[1], 'recipe', 'exec')"]).arg(&block);
        let compiled = said(compiled.output().expect("python3"));
        assert_eq!(compiled.code, 0, "{}", compiled.stderr);
    }
    // Every gauge that a run tells is explained.
    let folder = tempfile::tempdir().expect("a folder");
    let (out, gauges) = (folder.path().join("out"), folder.path().join("gauges.prom"));
    let paths = [out, gauges.clone()].map(|path| path.display().to_string());
    crate::command::run(&["run", "pipelines/nightly.toml", "--output", &paths[0], "--prometheus", &paths[1]])
        .succeeds();
    let told = fs::read_to_string(gauges).expect("gauges");
    let names = told.lines().filter_map(|line| line.strip_prefix("# TYPE partnerscore_")?.split(' ').next());
    for name in names {
        assert!(page.contains(&format!("`{name}`")), "docs/operations.md does not explain {name}");
    }
}

/// The script tries again by exit code, and ends with the last.
#[cfg(unix)]
#[test]
fn the_script_of_a_night_tries_again_where_a_retry_helps() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("partnerscore");
    let text = "#!/bin/sh\ncd \"$(dirname \"$0\")\"\necho \"$@\" >> calls\nset -- $(cat codes)\ncode=$1; shift; echo \"$@\" > codes\nexit $code\n";
    fs::write(&program, text).expect("a file");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("permissions");
    for (codes, ended, calls) in [("0", 0, 1), ("5 7 0", 0, 3), ("6 3 0", 3, 2), ("2 0", 2, 1), ("8 8 8 0", 8, 3)] {
        fs::write(folder.path().join("codes"), codes).expect("a file");
        fs::write(folder.path().join("calls"), "").expect("a file");
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap_or_default());
        let mut night = Command::new("sh");
        night.args(["pipelines/night.sh", "night.toml", "--redo"]).env("PATH", path).env("PAUSES", "0 0");
        let code = said(night.current_dir(root()).output().expect("sh")).code;
        let called = fs::read_to_string(folder.path().join("calls")).expect("calls");
        assert_eq!((code, called.as_str()), (ended, "run night.toml --redo\n".repeat(calls).as_str()), "{codes}");
    }
}

/// What a row of an export can be rejected or passed over for is what the page explains, in the same words.
#[test]
fn every_rule_of_ingest_is_explained() {
    let page = text("docs/ingest.md");
    let row = |(name, meaning): (&str, &str)| format!("| `{name}` | {meaning} |");
    let rules = ingest::Rule::ALL.iter().map(|rule| row((rule.name(), rule.meaning())));
    let expected: Vec<String> = rules.chain(ingest::PASSED_OVER.into_iter().map(row)).collect();
    let tables =
        page.split("### Rejected rows").nth(1).and_then(|rest| rest.split("## Safe").next()).unwrap_or_default();
    let explained: Vec<&str> = tables.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(explained, expected);
}

/// The notebooks, executed with values asserted.
#[test]
fn notebooks_answer_what_they_ask() {
    let Some(python) = std::env::var_os("PARTNERSCORE_TEST_PYTHON") else {
        return crate::not_run(
            "notebooks",
            "PARTNERSCORE_TEST_PYTHON names no Python with tests/requirements.txt; ./test.sh makes one",
        );
    };
    if !crate::python_module::installed(&python) {
        return crate::not_run("notebooks", "the Python package is not installed there; ./test.sh builds it");
    }
    let out = tempfile::tempdir().expect("a folder");
    crate::command::score(Path::new("data/sample"), out.path(), crate::baseline_history::AS_OF, &[]).succeeds();
    let run = out.path().join(format!("as_of={}", crate::baseline_history::AS_OF));
    let ended =
        said(Command::new(python).arg("tests/notebooks.py").arg(run).current_dir(root()).output().expect("python"));
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
}

/// The benchmark's peer gives the same scores on the sample.
#[test]
fn the_duckdb_peer_gives_the_same_scores() {
    let Some(python) = std::env::var_os("PARTNERSCORE_TEST_PYTHON") else {
        return crate::not_run(
            "the DuckDB peer",
            "PARTNERSCORE_TEST_PYTHON names no Python with tests/requirements.txt; ./test.sh makes one",
        );
    };
    let out = tempfile::tempdir().expect("a folder");
    let as_of = crate::baseline_history::AS_OF;
    crate::command::score(Path::new("data/sample"), out.path(), as_of, &[]).succeeds();
    let (run, peer) = (out.path().join(format!("as_of={as_of}")), out.path().join("peer"));
    let script = |arguments: &[&std::ffi::OsStr]| {
        said(Command::new(&python).args(arguments).current_dir(root()).output().expect("python"))
    };
    let scored = script(&[
        "benches/duckdb_peer.py".as_ref(),
        "data/sample".as_ref(),
        "--as-of".as_ref(),
        as_of.as_ref(),
        "--out".as_ref(),
        peer.as_os_str(),
    ]);
    assert_eq!(scored.code, 0, "{}{}", scored.stdout, scored.stderr);
    let compared = script(&["benches/compare.py".as_ref(), run.as_os_str(), peer.as_os_str()]);
    assert_eq!(compared.code, 0, "{}{}", compared.stdout, compared.stderr);
}
