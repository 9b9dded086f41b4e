//! What the system refuses: space, the size of files, memory, threads; and settings that the engine cannot take. Each has its exit
//! code, a hint, and leaves nothing half-published.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::baseline_history::{AS_OF, Placed, history};
use crate::command::{Said, partnerscore, said};
use crate::ingest_reading::KEY;

const PROGRAM: &str = env!("CARGO_BIN_EXE_partnerscore");
const EXPORTS: &str = "data/sample/exports";

/// Runs a script of bash from the project's folder.
fn script(text: &str) -> Said {
    let mut command = Command::new("bash");
    command.args(["-c", text]).current_dir(env!("CARGO_MANIFEST_DIR")).env("PARTNERSCORE_PERSON_KEY", KEY);
    said(command.output().expect("bash"))
}

/// Runs a script that finds a small file system in `$disk`; None where none can be mounted here.
fn on_small_disk(options: &str, text: &str) -> Option<Said> {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = folder.path().display();
    let text = format!("disk='{disk}'; mount -t tmpfs -o {options} tmpfs \"$disk\" || exit 99; {text}");
    let mut command = Command::new("unshare");
    command
        .args(["-rm", "bash", "-c", &text])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("PARTNERSCORE_PERSON_KEY", KEY);
    match command.output().map(said) {
        Ok(said) if said.code == 99 || said.stderr.contains("unshare:") => {
            crate::not_run("a full disk", "no user namespaces here");
            None
        }
        Ok(said) => Some(said),
        Err(_) => {
            crate::not_run("a full disk", "the command unshare (util-linux) is missing");
            None
        }
    }
}

/// A published run of the committed sample.
fn published() -> tempfile::TempDir {
    let out = tempfile::tempdir().expect("a folder");
    crate::command::score(Path::new("data/sample"), out.path(), AS_OF, &["--evidence"]).succeeds();
    out
}

#[test]
fn every_writer_of_a_full_disk_ends_with_a_storage_error() {
    let run = published();
    let run = run.path().display();
    for (name, size, command) in [
        ("score", "64k", format!("score data/sample --as-of {AS_OF} --evidence --out $disk/out")),
        ("a first byte", "4k", format!("score data/sample --as-of {AS_OF} --out $disk/out")),
        ("report to HTML", "16k", format!("report {run} --html $disk/page.html")),
        ("report to a workbook", "16k", format!("report {run} --xlsx $disk/book.xlsx")),
        ("a page each", "24k", format!("report {run} --each $disk/pages")),
        ("ingest", "64k", format!("ingest {EXPORTS} --history $disk/history")),
        ("sample", "64k", "sample --partners 50 --tenants 2000 --out $disk/history".to_owned()),
    ] {
        let Some(said) =
            on_small_disk(&format!("size={size}"), &format!("'{PROGRAM}' {command} >$disk/../null; exit $?"))
        else {
            return;
        };
        assert_eq!(said.code, 6, "{name}: {}", said.stderr);
        assert!(said.stderr.contains("hint:"), "{name}: {}", said.stderr);
    }
}

#[test]
fn a_backfill_on_a_full_disk_names_the_cause_of_each_month() {
    let command = "backfill data/sample --from 2026-08 --to 2026-10 --evidence --out $disk/out";
    let Some(said) = on_small_disk("size=64k", &format!("'{PROGRAM}' {command}; exit $?")) else { return };
    assert!([6, 8].contains(&said.code), "{}: {}", said.code, said.stderr);
    assert!(said.stderr.contains("os error"), "{}", said.stderr);
}

#[test]
fn a_file_system_for_reading_only_is_a_storage_error() {
    for command in [
        format!("score data/sample --as-of {AS_OF} --out $disk/out"),
        format!("ingest {EXPORTS} --history $disk/history"),
        "sample --partners 5 --tenants 20 --out $disk/history".to_owned(),
    ] {
        let Some(said) = on_small_disk("size=64k,ro", &format!("'{PROGRAM}' {command}; exit $?")) else { return };
        assert_eq!(said.code, 6, "{command}: {}", said.stderr);
        assert!(said.stderr.contains("hint:"), "{command}: {}", said.stderr);
    }
}

/// Without a handler the signal of the limit would kill the process.
#[test]
fn a_file_that_grows_beyond_a_limit_is_a_storage_error() {
    let run = published();
    let (run, out) = (run.path().display(), tempfile::tempdir().expect("a folder"));
    let out = out.path().display();
    for (limit, command) in [
        (8, format!("score data/sample --as-of {AS_OF} --evidence --out '{out}/runs'")),
        (1, format!("score data/sample --as-of {AS_OF} --out '{out}/runs'")),
        (2, format!("ingest {EXPORTS} --history '{out}/history'")),
        (2, format!("report {run} --html '{out}/page.html'")),
        (2, format!("report {run} --xlsx '{out}/book.xlsx'")),
        (2, format!("sample --partners 50 --tenants 2000 --out '{out}/sample'")),
    ] {
        let said = script(&format!("ulimit -f {limit}; exec '{PROGRAM}' {command}"));
        assert_eq!(said.code, 6, "{command}: {}", said.stderr);
        assert!(said.stderr.contains("hint:"), "{command}: {}", said.stderr);
    }
}

#[test]
fn standard_output_that_is_full_is_a_storage_error_and_one_that_is_closed_is_none() {
    let out = tempfile::tempdir().expect("a folder");
    let out = out.path().display();
    let score = format!("score data/sample --as-of {AS_OF} --format csv --quiet --out '{out}'");
    let full = script(&format!("'{PROGRAM}' {score} >/dev/full"));
    assert_eq!(full.code, 6, "{}", full.stderr);
    let closed = script(&format!("'{PROGRAM}' {score} | true; exit ${{PIPESTATUS[0]}}"));
    assert_eq!(closed.code, 0, "{}", closed.stderr);
}

/// From too little to start a thread to nearly enough.
#[test]
fn too_little_memory_ends_with_a_documented_code_and_says_what_to_lower() {
    let out = tempfile::tempdir().expect("a folder");
    let out = out.path().display();
    let mut failed = 0;
    for megabytes in [60, 150, 200, 300, 450, 600, 750, 900, 1200] {
        let command = format!("score data/sample --as-of {AS_OF} --evidence --threads 2 --out '{out}/{megabytes}'");
        let said = script(&format!("ulimit -c 0; ulimit -v {}; exec '{PROGRAM}' {command}", megabytes * 1024));
        // Below what the system itself needs to load it the program never begins.
        let begins = script(&format!("ulimit -c 0; ulimit -v {}; exec '{PROGRAM}' --version", megabytes * 1024));
        if said.code == 0 || ![0, 6].contains(&begins.code) {
            continue;
        }
        failed += 1;
        assert_eq!(said.code, 6, "{megabytes} MB: {}", said.stderr);
        assert!(said.stderr.contains("--shards"), "{megabytes} MB: {}", said.stderr);
    }
    assert!(failed > 0, "no limit was too low");
}

#[test]
fn settings_of_the_engine_that_it_cannot_take_are_usage_errors() {
    let placed = Placed::new(&history());
    let score = |name: &str, value: &str, more: &[&str]| {
        let mut command = partnerscore();
        command.arg("score").arg(placed.history()).arg("--out").arg(placed.out()).args(["--as-of", AS_OF]).args(more);
        said(command.env(name, value).output().expect("starts"))
    };
    for (name, value) in [
        ("POLARS_MAX_THREADS", "0"),
        ("POLARS_MAX_THREADS", "-1"),
        ("POLARS_MAX_THREADS", "many"),
        ("POLARS_MAX_THREADS", "1.5"),
        ("POLARS_MAX_THREADS", "65536"),
        ("POLARS_ROW_GROUP_PREFETCH_SIZE", "many"),
        ("POLARS_ASYNC_THREAD_COUNT", "0"),
        ("POLARS_MAX_BLOCKING_THREAD_COUNT", "none"),
        ("POLARS_DEFAULT_LINEARIZER_BUFFER_SIZE", ""),
        ("POLARS_MAX_CONCURRENT_SCANS", "0"),
    ] {
        score(name, value, &[]).fails(2, &[name, "hint: set it to a whole number", "unset it"]);
        placed.nothing_published();
    }
    // One that is in no list is recognised by what the engine says of it.
    score("POLARS_PQ_PREFILTERED_MASK", "sometimes", &[]).fails(2, &["correct the environment variable POLARS_PQ_"]);
    score("POLARS_MAX_THREADS", "1", &[]).succeeds();
    score("POLARS_MAX_THREADS", "0", &["--threads", "2"]).succeeds();
    assert_eq!(
        said(partnerscore().args(["rules", "list"]).env("POLARS_MAX_THREADS", "0").output().expect("starts")).code,
        0
    );
}

fn interrupted_at(child: &mut Child, signal: Signal, after: Duration) -> (Option<i32>, Option<i32>) {
    use std::os::unix::process::ExitStatusExt;
    std::thread::sleep(after);
    let _ = kill_process(Pid::from_raw(child.id() as i32).expect("a process"), signal);
    let status = child.wait().expect("it ends");
    (status.code(), status.signal())
}

/// Interrupts at every moment of a command: its only exit codes are that of the signal and success.
fn sweep(name: &str, moments: u32, start: impl Fn(&Path) -> Command) {
    let folder = tempfile::tempdir().expect("a folder");
    let begin = |place: &Path| {
        let mut command = start(place);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        (command.spawn().expect("the program starts"), Instant::now())
    };
    let (mut whole, began) = begin(&folder.path().join("whole"));
    assert_eq!(whole.wait().expect("it ends").code(), Some(0), "{name}");
    let took = began.elapsed();
    for moment in 0..moments {
        let (signal, number) = [(Signal::INT, 2), (Signal::TERM, 15), (Signal::HUP, 1)][moment as usize % 3];
        let place = folder.path().join(moment.to_string());
        let (mut child, _) = begin(&place);
        let ended = interrupted_at(&mut child, signal, took * moment / moments);
        // Before the program's first line the signal has the system's own effect, which shells show as the same code.
        let is_right = [(Some(0), None), (Some(128 + number), None), (None, Some(number))].contains(&ended);
        assert!(is_right, "{name}, moment {moment} of {moments}: {ended:?}");
        let left = fs::read_dir(folder.path()).expect("a folder").flatten();
        let work = left.filter(|entry| entry.file_name().to_string_lossy().contains(&format!(".{moment}.")));
        let work: Vec<_> =
            work.map(|entry| entry.file_name()).filter(|name| !name.to_string_lossy().ends_with(".lock")).collect();
        assert!(work.is_empty(), "{name}, moment {moment}: {work:?}");
    }
}

#[test]
fn a_first_ingest_interrupted_at_any_moment_ends_with_the_signals_code() {
    sweep("ingest", 60, |place| {
        let mut command = partnerscore();
        command.args(["ingest", EXPORTS, "--history"]).arg(place).env("PARTNERSCORE_PERSON_KEY", KEY);
        command
    });
}

#[test]
fn a_score_or_backfill_interrupted_at_any_moment_ends_with_the_signals_code() {
    sweep("score", 24, |place| {
        let mut command = partnerscore();
        command.args(["score", "data/sample", "--as-of", AS_OF, "--evidence", "--shards", "2", "--out"]).arg(place);
        command
    });
    sweep("backfill", 24, |place| {
        let mut command = partnerscore();
        command.args(["backfill", "data/sample", "--from", "2026-09", "--to", "2026-10", "--out"]).arg(place);
        command
    });
}
