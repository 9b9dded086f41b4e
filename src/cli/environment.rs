//! What libraries read from the environment before the first line of this program runs.

use std::process::Command;

use super::Start;
use crate::error::{Error, Result};

/// How many threads the engine starts, once in a process.
const THREADS: &str = "POLARS_MAX_THREADS";
/// Whether the allocator asks for huge pages. A run touches much of its memory once: clearing two megabytes where a few kilobytes are
/// wanted costs time on virtual machines, as docs/performance.md shows.
const HUGE_PAGES: (&str, &str) = ("MIMALLOC_ALLOW_THP", "0");

/// Starts this program anew with the environment that it wants, unless it has it already. What the user has set stays.
///
/// More threads than cores are not started. Setting a variable of the running process would need unsafe code; a new start costs a
/// few milliseconds, which those that compute are worth.
pub fn settle(start: &Start, threads: Option<u16>, computes: bool) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(usize::MAX, |cores| cores.get());
    let threads = threads.map(|threads| (THREADS, usize::from(threads).min(cores).to_string()));
    let pages = (start.own_allocator && computes && std::env::var_os(HUGE_PAGES.0).is_none())
        .then(|| (HUGE_PAGES.0, HUGE_PAGES.1.to_owned()));
    let wanted = threads.into_iter().chain(pages);
    let wanted: Vec<_> = wanted.filter(|(name, value)| std::env::var(name).ok().as_ref() != Some(value)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let failed = |error: std::io::Error| Error::internal(format!("could not start with {wanted:?}: {error}"));
    let Some((program, before)) = start.program.split_first() else { return Ok(()) };
    let mut again = Command::new(program);
    again.args(before).args(&start.arguments).envs(wanted.iter().map(|(name, value)| (name, value)));
    begin(again).map_err(failed)
}

#[cfg(unix)]
fn begin(mut again: Command) -> std::io::Result<()> {
    use std::os::unix::process::CommandExt;
    Err(again.exec())
}

#[cfg(not(unix))]
fn begin(mut again: Command) -> std::io::Result<()> {
    std::process::exit(again.status()?.code().unwrap_or(1))
}
