//! Arguments and printing, one file a command. No logic of the programme lives here.

mod arguments;
mod check;
mod console;
mod manual;
mod printer;
mod rules;
mod run;
mod sample;
mod score;
mod signals;
mod summary;
mod threads;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use console::Console;

use crate::error::Result;

/// Runs the command line of this process and returns its exit code.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let console = Console::open(&arguments.console);
    let result = threads::limit(arguments.console.threads).and_then(|()| {
        signals::watch()?;
        dispatch(arguments.command, &console)
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console.error(&error);
            ExitCode::from(error.code.exit())
        }
    }
}

fn dispatch(command: Command, console: &Console) -> Result<()> {
    match command {
        Command::Score(arguments) => score::score(&arguments, console),
        Command::Run(arguments) => run::run(&arguments, console),
        Command::Check(arguments) => check::check(&arguments, console),
        Command::Rules(arguments) => rules::rules(&arguments),
        Command::Sample(arguments) => sample::sample(&arguments, console),
        Command::Completions { shell } => manual::completions(shell),
        Command::Man => manual::man(),
    }
}
