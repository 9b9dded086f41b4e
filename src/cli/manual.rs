//! Shell completions and the manual page, made from the arguments themselves.

use clap::CommandFactory;
use clap_complete::Shell;

use super::arguments::Arguments;
use super::printer;
use crate::error::{Error, Result};

/// Prints the completions of a shell.
pub fn completions(shell: Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "partnerscore", &mut script);
    printer::write(&script)
}

/// Prints the manual page.
pub fn man() -> Result<()> {
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(Arguments::command()).render(&mut page);
    rendered.map_err(|error| Error::internal(error.to_string()))?;
    printer::write(&page)
}
