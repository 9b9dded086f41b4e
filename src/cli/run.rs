//! `partnerscore run`: what a pipeline file declares.

use std::time::Instant;

use chrono::Utc;

use super::arguments::RunArguments;
use super::console::Console;
use super::{score, summary};
use crate::declared::{AsOf, Declared};
use crate::error::{Error, Result};
use crate::pipeline::{self, Settings};
use crate::rulebook::{self, When};

/// Runs a pipeline file.
pub fn run(arguments: &RunArguments, console: &Console) -> Result<()> {
    let start = Instant::now();
    let declared = Declared::read(&arguments.pipeline)?;
    let in_file = |error: Error| if error.place.is_none() { error.at(arguments.pipeline.display()) } else { error };
    let name = declared.rulebook.as_deref();
    if name != Some(rulebook::BY_DATE) {
        // A wrong name is told of before a history that is not there yet: no retry helps it.
        rulebook::choose(name).map_err(in_file)?;
    }
    let when = when(&declared)?;
    let rules = rulebook::choose_as_of(name, when).map_err(in_file)?;
    let settings = Settings {
        evidence: declared.evidence,
        shards: declared.shards.into(),
        max_reject_ratio: declared.max_reject_ratio,
        min_coverage: declared.min_coverage,
        ..Settings::new(&declared.history, rules.as_of(when), rules)
    };
    let outcome = pipeline::run(&settings, &declared.output)?;
    summary::say(console, &settings, &outcome, start.elapsed());
    score::strict(declared.strict, &outcome)
}

/// The day that a pipeline file asks for.
fn when(declared: &Declared) -> Result<When> {
    match declared.as_of {
        AsOf::Day(day) => Ok(When::Day(day)),
        AsOf::Today => Ok(When::Day(Utc::now().date_naive())),
        AsOf::NewestMonth => match pipeline::newest_month(&declared.history)? {
            Some(month) => Ok(When::Month(month)),
            None => Err(Error::absent("workload_usage holds no month to score")
                .at(declared.history.display())
                .hint("add a month of usage, or set as_of to a date")),
        },
    }
}
