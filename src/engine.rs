//! The only place that runs a plan: the streaming engine, a boundary for panics, and a span for every stage.
//!
//! What is told of work, what it took, and how it is stopped belong to the thread that does it: several may work in one process.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use polars::prelude::*;
use polars_plan::prelude::PlanCallback;

use crate::error::{Code, Error, Result};
use crate::month::Month;

/// What a stage took, all of its turns together.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    pub stage: &'static str,
    pub time: Duration,
    /// The most memory the process held when one of its turns ended; None where the system does not tell.
    pub resident_bytes: Option<u64>,
}

/// What a stage that begins is told to: its name, and which set of how many is being worked on.
type Observer = dyn Fn(&'static str, usize, usize);

thread_local! {
    /// What each stage took, in the order in which stages first ran.
    static TAKEN: RefCell<Vec<Taken>> = const { RefCell::new(Vec::new()) };
    static OBSERVER: RefCell<Option<Rc<Observer>>> = const { RefCell::new(None) };
    static STOP: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
    /// Which set of how many.
    static SET: Cell<(usize, usize)> = const { Cell::new((0, 1)) };
    /// Which pass of how many.
    static PASS: Cell<(usize, usize)> = const { Cell::new((0, 1)) };
}

/// Has every stage of this thread announced to a progress display.
pub fn observe(observer: impl Fn(&'static str, usize, usize) + 'static) {
    OBSERVER.set(Some(Rc::new(observer)));
}

/// Has the work of this thread end with an error, at its next stage or batch of rows, once the flag is set.
pub fn stop_when(flag: Arc<AtomicBool>) {
    STOP.set(Some(flag));
}

/// Refuses to go on where the work of this thread was stopped.
///
/// # Errors
/// Interrupted.
pub fn go_on() -> Result<()> {
    let stopped = STOP.with_borrow(|stop| stop.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed)));
    if stopped { Err(Error::new(Code::Interrupted, "interrupted; nothing is half-published")) } else { Ok(()) }
}

/// Has panics, which the boundary turns into errors, told in the log alone. For the whole process.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| tracing::debug!(%panic, "panic")));
}

/// Says which set of tenants, or which month, is being worked on.
pub fn progress(done: usize, of: usize) {
    SET.set((done, of));
}

/// Says which of several passes over an input is under way; progress within a pass is a part of the whole.
pub fn pass(done: usize, of: usize) {
    PASS.set((done, of));
}

/// How much is done, and of how much.
fn place() -> (usize, usize) {
    let ((set, sets), (pass, passes)) = (SET.get(), PASS.get());
    (pass * sets + set, passes * sets)
}

/// A date in a plan. polars itself makes a chrono date a timestamp, which statistics of date columns are not compared with.
pub fn day(day: NaiveDate) -> Expr {
    lit(Scalar::new_date(day.to_epoch_days()))
}

/// Values as the one list that an `is_in` looks in. Of a series, a scan would make that list anew for every row group.
pub fn list(values: &Series) -> Result<Expr> {
    let list = values.implode().map_err(|error| Error::internal(error.to_string()))?;
    Ok(lit(list.into_series()))
}

/// The first and the last day that dates are computed with; files can hold days beyond, which have no year that prints.
const DAYS: [(i32, u32, u32); 2] = [(1, 1, 1), (9999, 12, 31)];

/// True for dates that can be computed with and shown; null for null.
pub fn is_calendar_day(date: Expr) -> Expr {
    let [first, last] =
        DAYS.map(|(year, month, of_month)| NaiveDate::from_ymd_opt(year, month, of_month).unwrap_or_default());
    date.clone().gt_eq(day(first)).and(date.lt_eq(day(last)))
}

/// The date, or null where it cannot be computed with.
pub fn calendar_day(date: Expr) -> Expr {
    when(is_calendar_day(date.clone())).then(date).otherwise(lit(NULL))
}

/// Runs a plan and returns its rows; their order is not defined unless the plan sorts.
///
/// # Errors
/// Storage where a file cannot be read, refused where its content cannot be decoded, internal otherwise.
pub fn collect(stage: &'static str, lf: LazyFrame) -> Result<DataFrame> {
    // A single plan gives a single frame; anything else is caught by the panic boundary.
    run(stage, || Ok(lf.collect_with_engine(Engine::Streaming)?.unwrap_single()))
}

/// Runs a plan and hands its rows to `step` batch by batch, in the plan's order, until that says that it has seen enough.
///
/// Returns the state that `step` has made.
pub fn fold<S>(
    stage: &'static str,
    lf: LazyFrame,
    state: S,
    step: fn(&mut S, DataFrame) -> PolarsResult<Flow>,
) -> Result<S>
where
    S: Default + Send + 'static,
{
    let state = Arc::new(Mutex::new(state));
    let shared = state.clone();
    let stop = STOP.with_borrow(Clone::clone);
    let take = move |df| {
        if stop.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            return Ok(true);
        }
        let mut state = shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        step(&mut state, df).map(|flow| flow.is_break())
    };
    run(stage, || {
        let plan = lf.sink_batches(PlanCallback::new(take), true, None)?;
        plan.collect_with_engine(Engine::Streaming).map(|_| ())
    })?;
    go_on()?;
    let mut state = state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    Ok(std::mem::take(&mut state))
}

/// Whether a fold goes on.
pub type Flow = std::ops::ControlFlow<()>;

/// Runs a plan into a Parquet file; on an error what was written of it is not a result.
///
/// # Errors
/// Those of [`collect`]; storage where the file cannot be written, whatever the writer makes of the cause.
pub fn sink(stage: &'static str, lf: LazyFrame, path: &Path, metadata: Vec<(String, String)>) -> Result<()> {
    let options =
        ParquetWriteOptions { key_value_metadata: Some(KeyValueMetadata::from_static(metadata)), ..Default::default() };
    let target = SinkDestination::File { target: SinkTarget::Path(PlRefPath::new(path.to_string_lossy())) };
    let written = run(stage, || {
        let plan = lf.sink(target, FileWriteFormat::Parquet(Arc::new(options)), UnifiedSinkArgs::default())?;
        plan.collect_with_engine(Engine::Streaming).map(|_| ())
    });
    written.map_err(|error| cause_of_write(error, path))
}

/// Bytes that tell whether a file can grow: more than a block of a file system.
static PROBE: [u8; 1 << 16] = [0; 1 << 16];

/// An error of a writer that does not state its cause: where the file can still not grow, that is the cause.
fn cause_of_write(error: Error, path: &Path) -> Error {
    if !matches!(error.code, Code::Refused | Code::Internal) {
        return error;
    }
    let file = std::fs::OpenOptions::new().append(true).open(path);
    match file.and_then(|mut file| file.write_all(&PROBE).and_then(|()| file.sync_all())) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Error::storage("write the file", path, &cause),
        _ => error,
    }
}

/// Whether the engine has a type for every column of a Parquet file, read or not. It opens no file otherwise.
pub fn has_types_of(file: &Path) -> bool {
    let types = || -> PolarsResult<Schema> {
        let schema = ParquetReader::new(std::fs::File::open(file)?).schema()?;
        Ok(Schema::from_arrow_schema(&schema))
    };
    matches!(catch_unwind(AssertUnwindSafe(types)), Ok(Ok(_)))
}

/// The number of rows of a plan.
pub fn count(stage: &'static str, lf: LazyFrame) -> Result<u64> {
    let rows = collect(stage, lf.select([len().cast(DataType::Int64).alias("rows")]))?;
    let rows = column(&rows, "rows")?.i64().ok().and_then(|rows| rows.get(0)).unwrap_or(0);
    Ok(u64::try_from(rows).unwrap_or(0))
}

/// A column of a collected frame.
pub fn column(df: &DataFrame, name: &str) -> Result<Series> {
    let column = df.column(name).map_err(|error| Error::internal(error.to_string()))?;
    Ok(column.as_materialized_series().clone())
}

/// A frame with one more column, of as many rows.
pub fn with_column(mut df: DataFrame, column: Series) -> Result<DataFrame> {
    df.with_column(column.into()).map_err(|error| Error::internal(error.to_string()))?;
    Ok(df)
}

/// A frame with the columns of another beside its own: of the row that `number`, a UInt32 column, names.
///
/// Where numbers are places, this is what a join would find, for a fraction of its time.
pub fn beside(df: DataFrame, others: &DataFrame, number: &str) -> Result<DataFrame> {
    let beside = || -> PolarsResult<DataFrame> { df.hstack(others.take(df.column(number)?.u32()?)?.columns()) };
    beside().map_err(|error| Error::internal(error.to_string()))
}

/// The rows of a frame whose `number`, a UInt32 column, is marked.
pub fn kept(df: &DataFrame, number: &str, marked: &[bool]) -> Result<DataFrame> {
    let kept = || -> PolarsResult<DataFrame> {
        let numbers = df.column(number)?.u32()?.iter();
        let is_marked = |number: Option<u32>| number.and_then(|number| marked.get(number as usize).copied());
        let mask: BooleanChunked = numbers.map(is_marked).collect();
        df.filter(&mask)
    };
    kept().map_err(|error| Error::internal(error.to_string()))
}

/// The months of a column of dates; nulls have none.
pub fn months(df: &DataFrame, name: &str) -> Result<BTreeSet<Month>> {
    let days = column(df, name)?;
    let days = days.date().map_err(|error| Error::internal(error.to_string()))?;
    Ok(days.as_date_iter().flatten().map(Month::of).collect())
}

/// The rows of a frame of one text and one Int64 column.
pub fn text_counts(df: &DataFrame, text: &str, number: &str) -> Result<Vec<(String, u64)>> {
    let (texts, numbers) = (column(df, text)?, column(df, number)?);
    let typed = || -> PolarsResult<_> { Ok((texts.str()?, numbers.i64()?)) };
    let (texts, numbers) = typed().map_err(|error| Error::internal(error.to_string()))?;
    let counted = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
    Ok(texts
        .iter()
        .zip(numbers.iter())
        .map(|(text, count)| (text.unwrap_or_default().to_owned(), counted(count)))
        .collect())
}

/// Tells a progress display how far a stage is that counts for itself, such as files that are brought here.
pub fn announce(stage: &'static str, done: usize, of: usize) {
    if let Some(observer) = OBSERVER.with_borrow(Clone::clone) {
        observer(stage, done, of);
    }
}

/// Times a stage that is not a plan.
pub fn stage<T>(stage: &'static str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    go_on()?;
    let span = tracing::debug_span!("stage", stage).entered();
    let (done, of) = place();
    announce(stage, done, of);
    let start = Instant::now();
    let result = work();
    record(stage, start.elapsed());
    span.exit();
    result
}

/// What each stage of this thread took since this was last asked.
pub fn taken() -> Vec<Taken> {
    TAKEN.take()
}

/// Threads that work at a time: those of the engine.
pub fn threads() -> usize {
    let set = std::env::var("POLARS_MAX_THREADS").ok().and_then(|threads| threads.trim().parse().ok());
    set.or(std::thread::available_parallelism().ok().map(|cores| cores.get())).unwrap_or(1)
}

/// The most memory this process has held, where the system tells.
pub fn peak_memory() -> Option<u64> {
    memory("VmHWM:")
}

/// A line of what Linux tells of this process's memory, in bytes.
fn memory(line: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|found| found.strip_prefix(line))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// An error in building a plan, which is a fault of this program.
pub fn plan_error(stage: &str, error: &PolarsError) -> Error {
    Error::internal(format!("stage `{stage}` could not be planned: {error}"))
        .hint("please report this with the command line")
}

fn run<T>(stage_name: &'static str, work: impl FnOnce() -> PolarsResult<T>) -> Result<T> {
    stage(stage_name, || match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(error)) => Err(translated(stage_name, &error)),
        Err(panic) => Err(of_panic(&format!("stage `{stage_name}`"), &message(panic.as_ref()))),
    })
}

/// A panic outside of any stage as an error.
pub fn broke_off(panic: &(dyn Any + Send)) -> Error {
    of_panic("the work", &message(panic))
}

/// A panic as an error: a setting of the user's that it cannot take, something that the system has refused, or a fault.
fn of_panic(work: &str, text: &str) -> Error {
    let what = format!("{work} broke off: {text}");
    let is_setting = |word: &&str| word.starts_with("POLARS_") && std::env::var_os(word).is_some();
    let mut words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    if let Some(setting) = words.find(is_setting) {
        return Error::usage(what).hint(format!("correct the environment variable {setting}, or unset it"));
    }
    match refused_by_system(text) {
        Some(hint) => Error::new(Code::Storage, what).hint(hint),
        None => Error::internal(what)
            .hint("run `partnerscore check` on the history; if that finds nothing, please report this"),
    }
}

fn record(stage: &'static str, time: Duration) {
    let resident_bytes = memory("VmRSS:");
    tracing::debug!(stage, milliseconds = time.as_millis() as u64, resident_bytes, "done");
    TAKEN.with_borrow_mut(|taken| match taken.iter_mut().find(|before| before.stage == stage) {
        Some(before) => {
            before.time += time;
            before.resident_bytes = before.resident_bytes.max(resident_bytes);
        }
        None => taken.push(Taken { stage, time, resident_bytes }),
    });
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_else(|| "a panic".to_owned())
}

const STORAGE_HINT: &str = "check that the path exists, that there is space, and that this user may use it";
const MEMORY_HINT: &str = "use more --shards, fewer --threads, or raise the limit of memory or processes";

/// How errors of the system show in texts, whatever a reader or writer has wrapped around them.
const SYSTEM: [&str; 6] =
    ["(os error ", "Os { code: ", "failed to write whole buffer", "StorageFull", "QuotaExceeded", "FileTooLarge"];
/// Those of memory and threads: EAGAIN and ENOMEM.
const MEMORY: [&str; 5] = ["(os error 11)", "(os error 12)", "Os { code: 11,", "Os { code: 12,", "OutOfMemory"];

/// A hint where a text says that the system has refused something.
fn refused_by_system(text: &str) -> Option<&'static str> {
    let has = |marks: &[&str]| marks.iter().any(|mark| text.contains(mark));
    if has(&MEMORY) {
        return Some(MEMORY_HINT);
    }
    has(&SYSTEM).then_some(STORAGE_HINT)
}

/// An engine error as the kind of error a person or an orchestrator can act on.
fn translated(stage: &str, error: &PolarsError) -> Error {
    let text = error.to_string();
    let mut root = error;
    while let PolarsError::Context { error, .. } = root {
        root = error;
    }
    let (code, hint) = match root {
        _ if let Some(hint) = refused_by_system(&text) => (Code::Storage, hint),
        PolarsError::IO { error, .. } if is_content(error.kind()) => {
            (Code::Refused, "a file of the history is damaged; `partnerscore check` names it")
        }
        PolarsError::IO { .. } => (Code::Storage, STORAGE_HINT),
        PolarsError::ComputeError(_) | PolarsError::OutOfBounds(_) => {
            (Code::Refused, "a file of the history could not be decoded; write it again")
        }
        _ => (Code::Internal, "please report this with the command line"),
    };
    Error::new(code, format!("stage `{stage}` failed: {text}")).hint(hint)
}

fn is_content(kind: std::io::ErrorKind) -> bool {
    matches!(kind, std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panicking(text: &'static str) -> Error {
        run("a stage", || -> PolarsResult<()> { std::panic::panic_any(text) }).expect_err("a panic")
    }

    #[test]
    fn a_panic_is_an_internal_error() {
        let error = panicking("index out of bounds");
        assert_eq!(error.code, Code::Internal);
        assert!(error.what.contains("`a stage` broke off: index out of bounds"), "{error}");
    }

    #[test]
    fn what_the_system_refuses_is_a_storage_error_however_it_is_wrapped() {
        for text in [
            "called `Result::unwrap()` on an `Err` value: Os { code: 28, kind: StorageFull, message: \"No space left on device\" }",
            "External: No space left on device (os error 28)",
            "disk quota exceeded (os error 122)",
            "File too large (os error 27)",
            "failed to write whole buffer",
            "ThreadPoolBuildError { kind: IOError(Os { code: 11, kind: WouldBlock, message: \"...\" }) }",
        ] {
            assert_eq!(panicking(text).code, Code::Storage, "{text}");
            let wrapped = translated("a stage", &PolarsError::ComputeError(text.into()));
            assert_eq!(wrapped.code, Code::Storage, "{text}");
        }
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        assert_eq!(translated("a stage", &PolarsError::from(full)).code, Code::Storage);
        assert!(panicking("Os { code: 12, kind: OutOfMemory }").hint.is_some_and(|hint| hint.contains("--shards")));
    }

    #[test]
    fn content_is_refused() {
        let eof = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        assert_eq!(translated("a stage", &PolarsError::from(eof)).code, Code::Refused);
        assert_eq!(translated("a stage", &PolarsError::ComputeError("not a page".into())).code, Code::Refused);
    }
}
