//! Standard error: logs, progress, the summary and errors, as text or as JSON lines.

use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::arguments::{ConsoleArguments, LogFormat};
use super::memory;
use crate::engine;
use crate::error::{Code, Error};
use crate::publish::printable_lines;
use crate::storage::{self, HTTP_CRATES};

/// How often a run says where it is, where standard error is no terminal.
const EVERY: Duration = Duration::from_secs(10);

/// How a task without a size shows that it goes on.
const SPINNER: &str = "{spinner} {elapsed} {msg}";
const MEGABYTE: u64 = 1_000_000;

/// What a command says on standard error.
pub struct Console {
    quiet: bool,
    json: bool,
    bar: ProgressBar,
    /// When a task of known size last said where it is.
    told: Mutex<Instant>,
    start: Instant,
}

impl Console {
    /// Sets up logs, and has stages shown as they begin.
    pub fn open(arguments: &ConsoleArguments) -> Console {
        let json = arguments.log_format == LogFormat::Json;
        log_to_stderr(arguments.verbose, arguments.quiet, json);
        engine::log_panics();
        if json {
            memory::speak_json();
        }
        let shows_bar = std::io::stderr().is_terminal() && !arguments.quiet && !json && arguments.verbose == 0;
        let bar = if shows_bar { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template(SPINNER) {
            bar.set_style(style);
        }
        let console =
            Console { quiet: arguments.quiet, json, bar, told: Mutex::new(Instant::now()), start: Instant::now() };
        console.announce_stages(shows_bar);
        console
    }

    fn announce_stages(&self, shows_bar: bool) {
        let (bar, quiet, json) = (self.bar.clone(), self.quiet, self.json);
        let start = Instant::now();
        let last = Mutex::new(start);
        engine::observe(move |stage, set, of| {
            let place = if of > 1 { format!("{stage} ({} of {of})", set + 1) } else { stage.to_owned() };
            if shows_bar {
                bar.enable_steady_tick(Duration::from_millis(100));
                bar.set_message(place);
                return;
            }
            let mut last = last.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if quiet || last.elapsed() < EVERY {
                return;
            }
            *last = Instant::now();
            match json {
                true => tracing::info!(stage, set = set + 1, of, "progress"),
                false => eprintln!("{:>5} s  {place}", start.elapsed().as_secs()),
            }
        });
    }

    /// Shows how far a task without stages is.
    pub fn progress(&self, what: &str, done: u64, of: u64) {
        self.bar.enable_steady_tick(Duration::from_millis(100));
        self.bar.set_message(format!("{what} {done} of {of}"));
    }

    /// Shows how many bytes of a task are done: a bar on a terminal, a line now and then elsewhere.
    pub fn bytes(&self, what: &str, done: u64, of: u64) {
        if self.bar.length() != Some(of) {
            let style = ProgressStyle::with_template(
                "{spinner} {elapsed} {msg} {wide_bar} {bytes} of {total_bytes}, {eta} left",
            );
            style.into_iter().for_each(|style| self.bar.set_style(style));
            self.bar.set_length(of);
            self.bar.set_message(what.to_owned());
        }
        self.bar.set_position(done);
        if done >= of {
            let style = ProgressStyle::with_template(SPINNER);
            style.into_iter().for_each(|style| self.bar.set_style(style));
        }
        let mut told = self.told.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if !self.bar.is_hidden() || self.quiet || told.elapsed() < EVERY {
            return;
        }
        *told = Instant::now();
        let (done, of) = (done / MEGABYTE, of / MEGABYTE);
        match self.json {
            true => tracing::info!(what, megabytes = done, of, "progress"),
            false => eprintln!("{:>5} s  {what}, {done} of {of} MB", self.start.elapsed().as_secs()),
        }
    }

    /// Removes the progress display.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Says something to a person; where logs are JSON, `event` says it instead.
    pub fn say(&self, text: &str, event: impl FnOnce()) {
        self.finish();
        match (self.quiet, self.json) {
            (true, _) => {}
            (false, true) => event(),
            (false, false) => {
                // A closed standard error is no reason to fail.
                let _ = writeln!(anstream::stderr(), "{}", printable_lines(&storage::redacted(text)));
            }
        }
    }

    /// What is said when the process is interrupted.
    pub fn interrupted(&self) -> impl Fn() + Send + 'static {
        let (bar, quiet, json) = (self.bar.clone(), self.quiet, self.json);
        move || {
            bar.finish_and_clear();
            let what = "interrupted; nothing is half-published";
            match (quiet, json) {
                (true, _) => {}
                (false, true) => tracing::warn!("{what}"),
                (false, false) => {
                    let _ = writeln!(anstream::stderr(), "{what}");
                }
            }
        }
    }

    /// Says what went wrong.
    pub fn error(&self, error: &Error) {
        self.finish();
        let error = &storage::redacted_error(error);
        if self.json {
            let (code, retryable) = (error.code.exit(), error.code.retry_helps());
            let (place, hint) = (error.place.as_deref().unwrap_or_default(), error.hint.as_deref().unwrap_or_default());
            tracing::error!(code, retryable, place, hint, "{}", error.what);
            return;
        }
        let word = if error.code == Code::Strict { "strict" } else { "error" };
        let _ = writeln!(anstream::stderr(), "\x1b[1;31m{word}:\x1b[0m {}", printable_lines(&error.to_string()));
    }
}

/// Whether standard error is a terminal whose owner wants colours.
fn shows_colours() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Standard error without credentials. A log's event comes in one piece.
struct RedactedStderr;

impl Write for RedactedStderr {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = storage::redacted(&String::from_utf8_lossy(event));
        io::stderr().write_all(text.as_bytes()).map(|()| event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Warnings and errors, unless `RUST_LOG` or the flags say otherwise. JSON carries what text prints without the log.
fn log_to_stderr(verbose: u8, quiet: bool, json: bool) {
    let level = match (quiet, verbose, json) {
        (true, ..) => "error",
        (false, 0, false) => "partnerscore=warn",
        (false, 0, true) | (false, 1, _) => "partnerscore=info",
        (false, ..) => "partnerscore=debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    // Whatever RUST_LOG asks for: requests carry tokens in their headers and queries.
    let shows_requests = |target: &str| HTTP_CRATES.contains(&target.split("::").next().unwrap_or_default());
    let quiet = FilterFn::new(move |event| !shows_requests(event.target()));
    let logs = tracing_subscriber::fmt()
        .with_writer(|| RedactedStderr)
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NONE);
    // A second subscriber, in a test of this library, is no reason to fail.
    let _ = match json {
        true => {
            let logs = logs.json().flatten_event(true).with_current_span(false).with_span_list(false);
            logs.finish().with(quiet).try_init()
        }
        false => logs.with_target(false).with_ansi(shows_colours()).finish().with(quiet).try_init(),
    };
}
