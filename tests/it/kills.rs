//! Runs that are interrupted or killed: the old results or the new are there, whole, and the next run needs no help.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::baseline_history::{AS_OF, Placed, history};
use crate::command::partnerscore;
use crate::fixture;

fn start(placed: &Placed, more: &[&str]) -> Child {
    let mut command = partnerscore();
    command.arg("score").arg(placed.history()).arg("--out").arg(placed.out()).args(["--as-of", AS_OF]).args(more);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
}

fn signal(child: &Child, signal: Signal) {
    let process = Pid::from_raw(child.id() as i32).expect("a process");
    kill_process(process, signal).expect("a signal");
}

fn wait_for(path: &Path) {
    let start = Instant::now();
    while !path.exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "{} never came", path.display());
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn staging(placed: &Placed) -> std::path::PathBuf {
    placed.out().join(format!(".staging-as_of={AS_OF}"))
}

#[test]
fn interrupted_runs_leave_nothing_and_say_which_signal_it_was() {
    for (interrupt, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let placed = Placed::new(&history());
        let mut child = start(&placed, &["--shards", "3"]);
        wait_for(&staging(&placed));
        signal(&child, interrupt);
        assert_eq!(child.wait().expect("it ends").code(), Some(code));
        placed.nothing_published();
    }
}

#[test]
fn a_killed_run_publishes_nothing_and_the_next_one_cleans_up() {
    let placed = Placed::new(&history());
    let mut child = start(&placed, &[]);
    wait_for(&staging(&placed));
    signal(&child, Signal::KILL);
    child.wait().expect("it ends");
    assert!(!placed.run().exists());
    assert!(staging(&placed).exists(), "killed while it was staging");
    placed.score(&[]).succeeds();
    assert!(!staging(&placed).exists());
    assert!(placed.run().join("scores.parquet").exists());
}

/// Replaces two results by each other, again and again, killed at every moment of the way.
#[test]
fn a_replacement_killed_at_any_moment_leaves_the_old_or_the_new() {
    let placed = Placed::new(&history());
    let took = Instant::now();
    placed.score(&["--evidence"]).succeeds();
    let took = took.elapsed();
    let with = fixture::published(&placed.run());
    placed.score(&[]).succeeds();
    let without = fixture::published(&placed.run());
    assert_ne!(with, without);
    let (mut old, mut new) = (0, 0);
    for moment in 0..14u32 {
        let before = fixture::published(&placed.run());
        let replaced_by_evidence = before == without;
        let mut child = start(&placed, if replaced_by_evidence { &["--evidence"] } else { &[] });
        // From the first moment of staging to the end, where results are written and exchanged, however busy the machine is.
        wait_for(&staging(&placed));
        std::thread::sleep(took * moment / 13);
        let _ = kill_process(Pid::from_raw(child.id() as i32).expect("a process"), Signal::KILL);
        child.wait().expect("it ends");
        let after = fixture::published(&placed.run());
        assert!(after == with || after == without, "half a result at moment {moment}");
        assert!(fs::read_to_string(placed.run().join("run.json")).is_ok_and(|json| json.ends_with("}\n")));
        if after == before { old += 1 } else { new += 1 }
    }
    assert!(old > 0, "no kill came in time ({new} came too late)");
    placed.score(&[]).succeeds();
    assert_eq!(fixture::published(&placed.run()), without);
}
