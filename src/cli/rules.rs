//! `partnerscore rules`: which rulebooks there are, what they say, and whether a file is one.

use std::path::Path;

use polars::prelude::*;

use super::arguments::{RulesArguments, RulesCommand};
use super::printer;
use crate::error::{Error, Result};
use crate::rulebook::{self, Rulebook};

/// Lists, shows or checks.
pub fn rules(arguments: &RulesArguments) -> Result<()> {
    match &arguments.command {
        RulesCommand::List { format } => printer::print(&list(&rulebook::builtins()?)?, *format),
        RulesCommand::Show { rulebook, json: false } => printer::write(text(rulebook)?.as_bytes()),
        RulesCommand::Show { rulebook, json: true } => printer::write(&json(rulebook)?),
        RulesCommand::Check { file } => check(file),
    }
}

fn list(rulebooks: &[Rulebook]) -> Result<DataFrame> {
    let text = |name: &str, value: &dyn Fn(&Rulebook) -> String| {
        Column::new(name.into(), rulebooks.iter().map(value).collect::<Vec<_>>())
    };
    let estimated = rulebooks.iter().map(|rules| rules.effective_from_estimated).collect::<Vec<_>>();
    let default = rulebooks.iter().map(|rules| rules.id == rulebook::DEFAULT).collect::<Vec<_>>();
    let columns = vec![
        text("rulebook", &|rules| rules.id.clone()),
        text("effective_from", &|rules| rules.effective_from.to_string()),
        Column::new("estimated".into(), estimated),
        Column::new("default".into(), default),
        text("title", &|rules| rules.title.clone()),
        text("hash", &|rules| rules.hash.clone()),
    ];
    DataFrame::new(rulebooks.len(), columns).map_err(|error| Error::internal(error.to_string()))
}

/// The file as it is written, once it is known to be a rulebook.
fn text(name: &str) -> Result<String> {
    rulebook::choose(Some(name))?;
    match rulebook::builtin(name) {
        Some(text) => Ok(text.to_owned()),
        None => {
            std::fs::read_to_string(name).map_err(|error| Error::storage("read the rulebook", Path::new(name), &error))
        }
    }
}

fn json(name: &str) -> Result<Vec<u8>> {
    let rules = rulebook::choose(Some(name))?;
    let mut json = serde_json::to_vec_pretty(&rules).map_err(|error| Error::internal(error.to_string()))?;
    json.push(b'\n');
    Ok(json)
}

fn check(file: &Path) -> Result<()> {
    let rules = rulebook::read(file)?;
    printer::write(format!("{}: a rulebook, {} ({})\n", file.display(), rules.id, rules.hash).as_bytes())
}
