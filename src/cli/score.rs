//! `partnerscore score`: the main job.

use std::time::Instant;

use super::arguments::ScoreArguments;
use super::console::Console;
use super::{printer, summary};
use crate::error::Result;
use crate::pipeline;
use crate::publish;

/// Scores, publishes, and says what came of it.
pub fn score(arguments: &ScoreArguments, console: &Console) -> Result<()> {
    let start = Instant::now();
    let when = arguments.date.when();
    let rules = arguments.rulebook.as_of(when)?;
    let settings = arguments.scoring.settings(&arguments.history, rules.as_of(when), rules);
    let outcome = pipeline::run(&settings, &arguments.out)?;
    if let Some(format) = arguments.format {
        printer::print(&publish::scores(&outcome.scored.scores)?, format)?;
    }
    summary::say(console, &settings, &outcome, start.elapsed());
    if arguments.strict {
        pipeline::refuse_findings(&outcome.run, &outcome.folder)?;
    }
    Ok(())
}
