//! How many threads compute.

use std::process::Command;

use crate::error::{Error, Result};

/// What the engine reads when it starts its threads, once in a process.
const VARIABLE: &str = "POLARS_MAX_THREADS";

/// Starts this program anew with the engine's variable set, unless it is set so already. More threads than cores are not started.
///
/// Setting a variable of the running process would need unsafe code; a new start costs a few milliseconds.
pub fn limit(threads: Option<u16>) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(usize::MAX, |cores| cores.get());
    let Some(threads) = threads.map(|threads| usize::from(threads).min(cores).to_string()) else { return Ok(()) };
    if std::env::var(VARIABLE).is_ok_and(|set| set == threads) {
        return Ok(());
    }
    let failed = |error: std::io::Error| Error::internal(format!("could not start with {threads} threads: {error}"));
    let mut again = Command::new(std::env::current_exe().map_err(failed)?);
    again.args(std::env::args_os().skip(1)).env(VARIABLE, &threads);
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
