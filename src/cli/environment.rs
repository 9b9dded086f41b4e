//! What libraries read from the environment before the first line of this program runs.

use std::process::Command;

use crate::error::{Error, Result};

/// How many threads the engine starts, once in a process.
const THREADS: &str = "POLARS_MAX_THREADS";
/// Whether the allocator asks for huge pages. A run touches much of its memory once: clearing two megabytes where a few kilobytes are
/// wanted costs up to a quarter of its time on virtual machines.
const HUGE_PAGES: (&str, &str) = ("MIMALLOC_ALLOW_THP", "0");

/// Starts this program anew with the environment that it wants, unless it has it already. What the user has set stays.
///
/// More threads than cores are not started. Setting a variable of the running process would need unsafe code; a new start costs a
/// few milliseconds, which those that compute are worth.
pub fn settle(threads: Option<u16>, computes: bool) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(usize::MAX, |cores| cores.get());
    let threads = threads.map(|threads| (THREADS, usize::from(threads).min(cores).to_string()));
    let pages = (computes && std::env::var_os(HUGE_PAGES.0).is_none()).then(|| (HUGE_PAGES.0, HUGE_PAGES.1.to_owned()));
    let wanted = threads.into_iter().chain(pages);
    let wanted: Vec<_> = wanted.filter(|(name, value)| std::env::var(name).ok().as_ref() != Some(value)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let failed = |error: std::io::Error| Error::internal(format!("could not start with {wanted:?}: {error}"));
    let mut again = Command::new(std::env::current_exe().map_err(failed)?);
    again.args(std::env::args_os().skip(1)).envs(wanted.iter().map(|(name, value)| (name, value)));
    start(again).map_err(failed)
}

#[cfg(unix)]
fn start(mut again: Command) -> std::io::Result<()> {
    use std::os::unix::process::CommandExt;
    Err(again.exec())
}

#[cfg(not(unix))]
fn start(mut again: Command) -> std::io::Result<()> {
    std::process::exit(again.status()?.code().unwrap_or(1))
}
