//! Work on a thread of its own, while the caller waits without the interpreter's lock, shows progress and listens for Ctrl-C.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use partnerscore::error::Error;
use partnerscore::{engine, storage};
use pyo3::prelude::*;

use crate::errors::{Worked, checked};

/// How often the caller looks for Ctrl-C and shows progress.
const TICK: Duration = Duration::from_millis(50);
/// Plans are walked recursively; threads get less than the main one by default.
const STACK: usize = 16 << 20;

/// A stage that has begun: its name, and which set of how many.
type Stage = (&'static str, usize, usize);

/// What is shown to the caller: the last stage that began since it was looked at.
type Latest = Arc<Mutex<Option<Stage>>>;

/// Does work of the crate. `progress` is called with each stage's name and which set of how many it is, now and then; `cache` is where
/// this work keeps what it brings from object stores, unless the environment or the user's own folder is to say.
///
/// # Errors
/// The work's own, as exceptions; what Ctrl-C raises, or `progress`, once the work has stopped.
pub fn wait_for<T: Send + 'static>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    cache: Option<PathBuf>,
    work: impl FnOnce() -> Worked<T> + Send + 'static,
) -> PyResult<T> {
    let (stop, latest) = (Arc::new(AtomicBool::new(false)), Latest::default());
    let with_cache = move || {
        cache.into_iter().for_each(storage::choose_cache);
        work()
    };
    let mut ended = begin(py, &stop, &latest, with_cache)?;
    loop {
        let result;
        (ended, result) = py.detach(move || {
            let result = ended.recv_timeout(TICK);
            (ended, result)
        });
        match result {
            Ok(result) => return result.map_err(|failed| failed.raised(py)),
            Err(RecvTimeoutError::Disconnected) => return checked(py, Err(Error::internal("the work broke off"))),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if let Err(raised) = py.check_signals().and_then(|()| show(progress, &latest)) {
            stop.store(true, Ordering::Relaxed);
            py.detach(move || drop(ended.recv()));
            return Err(raised);
        }
    }
}

fn begin<T: Send + 'static>(
    py: Python<'_>,
    stop: &Arc<AtomicBool>,
    latest: &Latest,
    work: impl FnOnce() -> Worked<T> + Send + 'static,
) -> PyResult<Receiver<Worked<T>>> {
    let (send, ended) = channel();
    let (stop, latest) = (stop.clone(), latest.clone());
    let begun = thread::Builder::new().name("partnerscore".to_owned()).stack_size(STACK).spawn(move || {
        engine::stop_when(stop);
        engine::observe(move |stage, set, of| {
            *latest.lock().unwrap_or_else(PoisonError::into_inner) = Some((stage, set, of));
        });
        let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(broke_off(panic.as_ref()).into()));
        // Nobody waits any more where the caller has gone; there is nobody to tell then.
        let _ = send.send(result);
    });
    checked(py, begun.map_err(|error| Error::internal(format!("could not start a thread: {error}"))))?;
    Ok(ended)
}

fn show(progress: Option<&Bound<'_, PyAny>>, latest: &Latest) -> PyResult<()> {
    let stage = latest.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (progress, stage) {
        (Some(progress), Some(stage)) => progress.call1(stage).map(drop),
        _ => Ok(()),
    }
}

fn broke_off(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default();
    Error::internal(format!("the work broke off: {text}")).hint("please report this with the call")
}
