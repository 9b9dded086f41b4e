//! `partnerscore score`: the main job.

use std::time::Instant;

use chrono::NaiveDate;

use super::arguments::ScoreArguments;
use super::console::Console;
use super::summary::counted;
use super::{printer, summary};
use crate::error::{Code, Error, Result};
use crate::month::Month;
use crate::pipeline::{self, Outcome, Settings};
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
    strict(arguments.limits.strict, &outcome)
}

/// The day named, the month named, or today.
pub fn when(day: Option<NaiveDate>, month: Option<Month>) -> When {
    When::asked(day, month)
}

/// Under `--strict`, a run with warnings or rejects is published and fails all the same.
pub fn strict(strict: bool, outcome: &Outcome) -> Result<()> {
    let (rejects, warnings) = (outcome.run.rows.rejects, outcome.run.warnings.len());
    if strict && (rejects > 0 || warnings > 0) {
        let (rejects, warnings) = (counted(rejects, "rejected row"), counted(warnings as u64, "kind"));
        let what = format!("published, with {rejects} and {warnings} of warnings");
        return Err(Error::new(Code::Strict, what)
            .at(outcome.folder.display())
            .hint("rejects.parquet and run.json tell which"));
    }
    Ok(())
}
