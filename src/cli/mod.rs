//! Arguments and printing, one file a command. No logic of the programme lives here.

mod arguments;
mod backfill;
mod check;
mod console;
mod diff;
mod environment;
mod explain;
mod manual;
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

use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches};

use arguments::{Arguments, Command, ConsoleArguments};
use console::Console;

use crate::error::{Code, Error, Result};
use crate::storage;

/// Runs the command line of this process and returns its exit code.
pub fn main() -> ExitCode {
    let parsed = Arguments::command().try_get_matches();
    let parsed = parsed.and_then(|matches| Ok((Arguments::from_arg_matches(&matches)?, matches)));
    let (arguments, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(refusal) => return refused(&refusal),
    };
    let console = Console::open(&arguments.console);
    arguments.console.cache.iter().for_each(|cache| storage::choose_cache(cache.clone()));
    let computes = !matches!(
        arguments.command,
        Command::Rules(_)
            | Command::Sample(_)
            | Command::Schema { .. }
            | Command::Completions { .. }
            | Command::Man { .. }
    );
    let result = environment::settle(arguments.console.threads, computes).and_then(|()| {
        signals::watch(console.interrupted())?;
        dispatch(arguments.command, &matches, &console)
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console.error(&error);
            ExitCode::from(error.code.exit())
        }
    }
}

/// A command line that cannot be understood, or that asks for help: said as the command line itself would have it said.
fn refused(refusal: &clap::Error) -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    let wants_json = words.iter().any(|word| word == "--log-format=json")
        || words.windows(2).any(|pair| pair == ["--log-format", "json"]);
    if refusal.use_stderr() && wants_json {
        let text = refusal.to_string();
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let what = lines.next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let error = Error::usage(what).hint(lines.collect::<Vec<_>>().join("; "));
        Console::open(&ConsoleArguments::json()).error(&error);
    } else {
        // A closed terminal is no reason to fail in another way.
        let _ = refusal.print();
    }
    ExitCode::from(u8::try_from(refusal.exit_code()).unwrap_or(Code::Usage.exit()))
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
        Command::Check(arguments) => check::check(&arguments, console),
        Command::Rules(arguments) => rules::rules(&arguments),
        Command::Sample(arguments) => sample::sample(&arguments, console),
        Command::Schema { command } => schema::schema(&command),
        Command::Completions { shell } => manual::completions(shell),
        Command::Man { command } => manual::man(command.as_deref()),
    }
}
