//! `partnerscore score`: the main job.

use std::time::Instant;

use chrono::{NaiveDate, Utc};

use super::arguments::ScoreArguments;
use super::console::Console;
use super::summary::counted;
use super::{printer, summary};
use crate::error::{Code, Error, Result};
use crate::month::Month;
use crate::pipeline::{self, Outcome, Settings};
use crate::publish;
use crate::rulebook::{self, Rulebook};

/// Scores, publishes, and says what came of it.
pub fn score(arguments: &ScoreArguments, console: &Console) -> Result<()> {
    let start = Instant::now();
    let rules = rulebook::choose(arguments.rulebook.rulebook.as_deref())?;
    let settings = Settings {
        partners: arguments.partner.clone(),
        distributors: arguments.distributor.clone(),
        shards: arguments.shards.into(),
        evidence: arguments.evidence,
        max_reject_ratio: arguments.limits.max_reject_ratio,
        min_coverage: arguments.min_coverage,
        mode: arguments.mode,
        ..Settings::new(&arguments.history, as_of(arguments.as_of, arguments.month, &rules), rules)
    };
    let outcome = pipeline::run(&settings, &arguments.out)?;
    if let Some(format) = arguments.format {
        printer::print(&publish::scores(&outcome.scored.scores)?, format)?;
    }
    summary::say(console, &settings, &outcome, start.elapsed());
    strict(arguments.limits.strict, &outcome)
}

/// The day named, the first day a month is complete on, or today.
pub fn as_of(day: Option<NaiveDate>, month: Option<Month>, rules: &Rulebook) -> NaiveDate {
    day.or_else(|| month.map(|month| rules.as_of_month(month))).unwrap_or_else(|| Utc::now().date_naive())
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
