//! `partnerscore score`: the main job.

use std::time::Instant;

use chrono::NaiveDate;

use super::arguments::ScoreArguments;
use super::console::Console;
use super::{printer, summary};
use crate::error::Result;
use crate::month::Month;
use crate::pipeline::{self, Settings};
use crate::publish;
use crate::rulebook::{self, When};

/// Scores, publishes, and says what came of it.
pub fn score(arguments: &ScoreArguments, console: &Console) -> Result<()> {
    let start = Instant::now();
    let when = when(arguments.as_of, arguments.month);
    let rules = rulebook::choose_as_of(arguments.rulebook.rulebook.as_deref(), when)?;
    let settings = Settings {
        partners: arguments.partner.clone(),
        distributors: arguments.distributor.clone(),
        shards: arguments.shards.into(),
        evidence: arguments.evidence,
        max_reject_ratio: arguments.limits.max_reject_ratio,
        min_coverage: arguments.min_coverage,
        mode: arguments.mode,
        ..Settings::new(&arguments.history, rules.as_of(when), rules)
    };
    let outcome = pipeline::run(&settings, &arguments.out)?;
    if let Some(format) = arguments.format {
        printer::print(&publish::scores(&outcome.scored.scores)?, format)?;
    }
    summary::say(console, &settings, &outcome, start.elapsed());
    if arguments.limits.strict {
        pipeline::refuse_findings(&outcome.run, &outcome.folder)?;
    }
    Ok(())
}

/// The day named, the month named, or today.
pub fn when(day: Option<NaiveDate>, month: Option<Month>) -> When {
    When::asked(day, month)
}
