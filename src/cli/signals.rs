//! Interrupts: nothing half-published, the staging folder removed, and the exit code that tells which signal it was.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::error::{Error, Result};
use crate::publish;

/// What shells add to a signal's number.
const EXIT_BASE: i32 = 128;

/// Ends the process on the first interrupt, after a word about it.
pub fn watch(say: impl Fn() + Send + 'static) -> Result<()> {
    let signals = Signals::new([SIGINT, SIGTERM, SIGHUP]);
    let mut signals = signals.map_err(|error| Error::internal(format!("could not watch for interrupts: {error}")))?;
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            say();
            publish::abandon();
            std::process::exit(EXIT_BASE + signal);
        }
    });
    Ok(())
}
