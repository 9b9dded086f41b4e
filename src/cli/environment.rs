//! What libraries read from the environment before the first line of this program runs.

use std::process::Command;

use super::{Start, signals};
use crate::error::{Error, Result};

/// How many threads the engine starts, once in a process.
const THREADS: &str = "POLARS_MAX_THREADS";
/// Whether the allocator asks for huge pages. A run touches much of its memory once: clearing two megabytes where a few kilobytes are
/// wanted costs time on virtual machines, as docs/performance.md shows.
const HUGE_PAGES: (&str, &str) = ("MIMALLOC_ALLOW_THP", "0");

/// Settings of the engine that are whole numbers, each with the smallest that it takes; of others it panics.
const NUMBERS: [(&str, u64); 29] = [
    ("POLARS_ASYNC_THREAD_COUNT", 1),
    ("POLARS_CLOUD_WRITER_COALESCE_RUN_LENGTH", 2),
    ("POLARS_CLOUD_WRITER_COPY_BUFFER_SIZE", 1),
    ("POLARS_CONCURRENCY_BUDGET", 1),
    ("POLARS_DEFAULT_DISTRIBUTOR_BUFFER_SIZE", 1),
    ("POLARS_DEFAULT_LINEARIZER_BUFFER_SIZE", 1),
    ("POLARS_DEFAULT_ZIP_HEAD_BUFFER_SIZE", 1),
    ("POLARS_DOWNLOAD_CHUNK_SIZE", 1),
    ("POLARS_DOWNLOAD_CHUNK_SIZE_RANDOM_ACCESS", 1),
    ("POLARS_DOWNLOAD_CHUNK_SIZE_STREAMING", 1),
    ("POLARS_HOT_TABLE_SIZE", 1),
    ("POLARS_IDEAL_MORSEL_SIZE", 1),
    ("POLARS_IDEAL_SINK_MORSEL_SIZE_BYTES", 1),
    ("POLARS_IDEAL_SINK_MORSEL_SIZE_ROWS", 1),
    ("POLARS_INFLIGHT_SINK_MORSEL_LIMIT", 1),
    ("POLARS_MAX_BLOCKING_THREAD_COUNT", 1),
    ("POLARS_MAX_CONCURRENT_SCANS", 1),
    ("POLARS_MAX_EXPR_DEPTH", 1),
    ("POLARS_MAX_OPEN_SINKS", 1),
    (THREADS, 1),
    ("POLARS_NUM_READERS_PRE_INIT", 1),
    ("POLARS_PARQUET_DECODE_TARGET_VALUES_PER_THREAD", 1),
    ("POLARS_PARTITIONED_UPLOAD_CHUNK_SIZE", 1),
    ("POLARS_PARTITIONED_UPLOAD_CONCURRENCY", 1),
    ("POLARS_ROW_GROUP_PREFETCH_KBYTES_BUDGET", 1),
    ("POLARS_ROW_GROUP_PREFETCH_SIZE", 1),
    ("POLARS_STREAMING_CHUNK_SIZE", 1),
    ("POLARS_UPLOAD_CHUNK_SIZE", 1),
    ("POLARS_UPLOAD_CONCURRENCY", 1),
];

/// The most threads that can be asked for, here and with `--threads`.
const MOST_THREADS: u64 = u16::MAX as u64;

/// Refuses settings of the engine that it could not take. `--threads` stands above the variable of the same meaning.
fn check_settings(threads: Option<u16>) -> Result<()> {
    for (name, least) in NUMBERS.into_iter().filter(|(name, _)| threads.is_none() || *name != THREADS) {
        let Some(value) = std::env::var_os(name) else { continue };
        let most = if name == THREADS { MOST_THREADS } else { u64::MAX };
        let number = value.to_str().and_then(|value| value.parse::<u64>().ok());
        if !number.is_some_and(|number| (least..=most).contains(&number)) {
            let range = if name == THREADS { format!("from {least} to {most}") } else { format!("of {least} or more") };
            let what = format!("the environment variable {name} is `{}`", value.to_string_lossy());
            return Err(Error::usage(what).hint(format!("set it to a whole number {range}, or unset it")));
        }
    }
    Ok(())
}

/// Starts this program anew with the environment that it wants, unless it has it already. What the user has set stays.
///
/// More threads than cores are not started. Setting a variable of the running process would need unsafe code; a new start costs a
/// few milliseconds, which those that compute are worth.
pub fn settle(start: &Start, threads: Option<u16>, computes: bool) -> Result<()> {
    if computes {
        check_settings(threads)?;
    }
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
    signals::end_if_interrupted();
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
