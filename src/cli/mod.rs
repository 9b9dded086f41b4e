//! Arguments and printing, one file a command. No logic of the programme lives here.

mod arguments;
mod backfill;
mod check;
mod console;
mod diff;
mod environment;
mod explain;
mod ingest;
mod manual;
mod memory;
mod outlook;
mod plan;
mod printer;
mod reconcile;
mod report;
mod rules;
mod run;
mod sample;
mod schema;
mod score;
mod signals;
mod simulate;
mod summary;
mod text;

use std::ffi::OsString;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches};

use arguments::{Arguments, Command, ConsoleArguments};
use console::Console;
pub use memory::out_of_memory;

use crate::engine;
use crate::error::{Code, Error, Result};
use crate::storage;

/// How the program was started.
#[derive(Debug, Clone)]
pub struct Start {
    /// What starts it anew, before its arguments: itself, or such as `python -m partnerscore`.
    pub program: Vec<OsString>,
    /// What follows the program's name.
    pub arguments: Vec<OsString>,
    /// Whether this program's own allocator serves the process, whose pages are to be settled.
    pub own_allocator: bool,
}

/// Runs the command line of this process and returns its exit code.
pub fn main() -> ExitCode {
    let program =
        std::env::current_exe().map_or_else(|_| std::env::args_os().take(1).collect(), |path| vec![path.into()]);
    let arguments = std::env::args_os().skip(1).collect();
    ExitCode::from(run(&Start { program, arguments, own_allocator: true }))
}

/// Runs a command line and returns its exit code; an interrupt ends the process.
pub fn run(start: &Start) -> u8 {
    let watched = signals::watch();
    let name = OsString::from(env!("CARGO_PKG_NAME"));
    let parsed = Arguments::command().try_get_matches_from(std::iter::once(&name).chain(&start.arguments));
    let parsed = parsed.and_then(|matches| Ok((Arguments::from_arg_matches(&matches)?, matches)));
    let (arguments, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(refusal) => return refused(&refusal, &start.arguments),
    };
    let console = Console::open(&arguments.console);
    arguments.console.cache.iter().for_each(|cache| storage::choose_cache(cache.clone()));
    if arguments.console.csv_safe {
        printer::choose_safe_csv();
    }
    let computes = !matches!(
        arguments.command,
        Command::Rules(_)
            | Command::Sample(_)
            | Command::Schema { .. }
            | Command::Completions { .. }
            | Command::Man { .. }
    );
    signals::announce(console.interrupted());
    let settled = watched.and_then(|()| environment::settle(start, arguments.console.threads, computes));
    // Outside of the engine's own boundary a panic is a fault of this program, which has an exit code as well.
    let work = || settled.and_then(|()| dispatch(arguments.command, &matches, &console));
    let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(engine::broke_off(panic.as_ref())));
    match result {
        Ok(()) => 0,
        Err(error) => {
            signals::end_if_interrupted();
            console.error(&error);
            error.code.exit()
        }
    }
}

/// A command line that cannot be understood, or that asks for help: said as the command line itself would have it said.
fn refused(refusal: &clap::Error, arguments: &[OsString]) -> u8 {
    let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
    let wants_json = words.iter().any(|word| word == "--log-format=json")
        || words.windows(2).any(|pair| pair == ["--log-format", "json"]);
    if refusal.use_stderr() && wants_json {
        let text = refusal.to_string();
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let what = lines.next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let error = Error::usage(what).hint(lines.collect::<Vec<_>>().join("; "));
        Console::open(&ConsoleArguments::json()).error(&error);
    } else {
        let text = refusal.to_string();
        let clean = storage::redacted(&text);
        // A closed terminal is no reason to fail in another way.
        let _ = if clean == text { refusal.print() } else { std::io::stderr().write_all(clean.as_bytes()) };
    }
    u8::try_from(refusal.exit_code()).unwrap_or(Code::Usage.exit())
}

fn dispatch(command: Command, matches: &ArgMatches, console: &Console) -> Result<()> {
    match command {
        Command::Score(arguments) => score::score(&arguments, console),
        Command::Run(arguments) => {
            let given = matches.subcommand().map_or(matches, |(_, given)| given);
            run::run(*arguments, given, console)
        }
        Command::Backfill(arguments) => backfill::backfill(&arguments, console),
        Command::Explain(arguments) => explain::explain(&arguments),
        Command::Simulate(arguments) => simulate::simulate(&arguments),
        Command::Report(arguments) => report::report(&arguments, console),
        Command::Outlook(arguments) => outlook::outlook(&arguments),
        Command::Plan(arguments) => plan::plan(&arguments),
        Command::Reconcile(arguments) => reconcile::reconcile(&arguments, console),
        Command::Diff(arguments) => diff::diff(&arguments, console),
        Command::Ingest(arguments) => ingest::ingest(&arguments, console),
        Command::Check(arguments) => check::check(&arguments, console),
        Command::Rules(arguments) => rules::rules(&arguments),
        Command::Sample(arguments) => sample::sample(&arguments, console),
        Command::Schema { command } => schema::schema(&command),
        Command::Completions { shell } => manual::completions(shell),
        Command::Man { command } => manual::man(command.as_deref()),
    }
}
