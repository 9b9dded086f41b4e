//! `partnerscore rules`: which rulebooks there are, what they say, what changes between two, and whether a file is one.

use std::path::Path;

use polars::prelude::*;

use super::arguments::{Format, RulesArguments, RulesCommand};
use super::printer;
use crate::error::{Error, Result};
use crate::rulebook::{self, Change, Rulebook};

/// Lists, shows, compares or checks.
pub fn rules(arguments: &RulesArguments) -> Result<()> {
    match &arguments.command {
        RulesCommand::List { format } => printer::print(&list(&rulebook::builtins()?)?, *format),
        RulesCommand::Show { rulebook, json: false } => printer::write(rulebook::text(rulebook)?.as_bytes()),
        RulesCommand::Show { rulebook, json: true } => printer::write(&json(rulebook)?),
        RulesCommand::Diff { before, after, format } => diff(before, after, *format),
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

fn json(name: &str) -> Result<Vec<u8>> {
    let rules = rulebook::choose(Some(name))?;
    let mut json = serde_json::to_vec_pretty(&rules).map_err(|error| Error::internal(error.to_string()))?;
    json.push(b'\n');
    Ok(json)
}

/// What changes from one rulebook to another: in sentences, or as a table.
fn diff(before: &str, after: &str, format: Option<Format>) -> Result<()> {
    let (before, after) = (rulebook::choose(Some(before))?, rulebook::choose(Some(after))?);
    let changes = rulebook::diff(&before, &after);
    match format {
        Some(format) => printer::print(&table(&changes)?, format),
        None => printer::write(sentences(&before, &after, &changes).as_bytes()),
    }
}

/// One sentence a line, below the subject they concern.
fn sentences(before: &Rulebook, after: &Rulebook, changes: &[Change]) -> String {
    let (before, after) = (printer::printable(&before.id), printer::printable(&after.id));
    if changes.is_empty() {
        return format!("Nothing changes from {before} to {after}.\n");
    }
    let mut text = format!("From {before} to {after}:\n");
    for group in changes.chunk_by(|one, next| one.subject == next.subject) {
        text += &format!("\n{}\n", group[0].subject);
        group.iter().for_each(|change| text += &format!("  {}\n", printer::printable(&change.change)));
    }
    text
}

fn table(changes: &[Change]) -> Result<DataFrame> {
    let text = |name: &str, value: &dyn Fn(&Change) -> Option<String>| {
        Column::new(name.into(), changes.iter().map(value).collect::<Vec<_>>())
    };
    let columns = vec![
        text("subject", &|change| Some(change.subject.clone())),
        text("change", &|change| Some(change.change.clone())),
        text("before", &|change| change.before.clone()),
        text("after", &|change| change.after.clone()),
    ];
    DataFrame::new(changes.len(), columns).map_err(|error| Error::internal(error.to_string()))
}

fn check(file: &Path) -> Result<()> {
    let rules = rulebook::read(file)?;
    printer::write(format!("{}: a rulebook, {} ({})\n", file.display(), rules.id, rules.hash).as_bytes())
}
