//! Interrupts: nothing half-published, the staging folder removed, and the exit code that tells which signal it was.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use signal_hook::low_level;

use crate::error::{Error, Result};
use crate::publish;

/// What shells add to a signal's number.
const EXIT_BASE: i32 = 128;

/// Signals that end the process.
const ENDING: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// The signal that has arrived, as its handler noted at once; 0 for none.
static ARRIVED: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

type Say = Box<dyn Fn() + Send>;

/// Says that the process was interrupted, once there is a console.
static SAY: Mutex<Option<Say>> = Mutex::new(None);

/// Ends the process on the first interrupt. Called before anything else: until then an interrupt has the system's own effect.
///
/// # Errors
/// Storage where the system grants no handler or thread.
pub fn watch() -> Result<()> {
    let failed = |error: std::io::Error| Error::system("watch for interrupts", &error);
    let arrived = ARRIVED.get_or_init(Arc::default);
    for signal in ENDING {
        flag::register_usize(signal, arrived.clone(), signal as usize).map_err(failed)?;
    }
    writes_beyond_a_limit_are_errors().map_err(failed)?;
    let mut signals = Signals::new(ENDING).map_err(failed)?;
    let end = move || signals.forever().next().into_iter().for_each(end);
    std::thread::Builder::new().name("signals".to_owned()).spawn(end).map_err(failed)?;
    Ok(())
}

/// Has an interrupt announced before the process ends.
pub fn announce(say: impl Fn() + Send + 'static) {
    *SAY.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(Box::new(say));
}

/// Waits for the end of the process where it was interrupted: what fails after that has no exit code of its own.
pub fn end_if_interrupted() {
    let arrived = || ARRIVED.get().is_some_and(|arrived| arrived.load(Ordering::SeqCst) != 0);
    while arrived() {
        std::thread::park();
    }
}

fn end(signal: i32) {
    if let Some(say) = SAY.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).as_ref() {
        say();
    }
    publish::abandon();
    // At once: other threads work until the last moment, and must not find what an orderly end takes from them.
    low_level::exit(EXIT_BASE + signal);
}

/// A file that grows beyond `ulimit -f` raises a signal that kills; with a handler the write returns an error instead.
#[cfg(unix)]
fn writes_beyond_a_limit_are_errors() -> std::io::Result<()> {
    flag::register(signal_hook::consts::SIGXFSZ, Arc::default()).map(|_| ())
}

#[cfg(not(unix))]
fn writes_beyond_a_limit_are_errors() -> std::io::Result<()> {
    Ok(())
}
