//! Shell completions and the manual page, made from the arguments themselves.

use clap::CommandFactory;
use clap_complete::Shell;

use super::arguments::Arguments;
use super::printer;
use crate::error::{Error, Result, nearest};

/// Prints the completions of a shell.
pub fn completions(shell: Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "partnerscore", &mut script);
    printer::write(&script)
}

/// Prints the manual page of the program, or of one of its commands.
///
/// # Errors
/// Usage where there is no such command, with the nearest one.
pub fn man(name: Option<&str>) -> Result<()> {
    let mut program = Arguments::command().name("partnerscore");
    program.build();
    let command = match name {
        None => program,
        Some(name) => program.find_subcommand(name).cloned().ok_or_else(|| unknown(name, &program))?,
    };
    let title = command.get_display_name().unwrap_or("partnerscore").to_owned();
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(command).title(title).render(&mut page);
    rendered.map_err(|error| Error::internal(error.to_string()))?;
    printer::write(&page)
}

fn unknown(name: &str, program: &clap::Command) -> Error {
    let known: Vec<&str> = program.get_subcommands().map(|command| command.get_name()).collect();
    let error = Error::usage(format!("there is no command `{name}`"));
    match nearest(name, known.iter().copied()) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(format!("commands: {}", known.join(", "))),
    }
}
