//! `partnerscore run`: what a pipeline file declares.

use std::time::Instant;

use chrono::Utc;

use super::arguments::RunArguments;
use super::console::Console;
use super::{score, summary};
use crate::declared::{AsOf, Declared};
use crate::error::{Error, Result};
use crate::pipeline::{self, Settings};
use crate::rulebook;

/// Runs a pipeline file.
pub fn run(arguments: &RunArguments, console: &Console) -> Result<()> {
    let start = Instant::now();
    let declared = Declared::read(&arguments.pipeline)?;
    let rules = rulebook::choose(declared.rulebook.as_deref())?;
    let as_of = match declared.as_of {
        AsOf::Day(day) => day,
        AsOf::Today => Utc::now().date_naive(),
        AsOf::NewestMonth => {
            let (history, _) = pipeline::open(&declared.history, &rules)?;
            let newest = history.usage_months()?.last().copied();
            let absent = || {
                Error::absent("workload_usage holds no month to score")
                    .at(declared.history.display())
                    .hint("add a month of usage, or set as_of to a date")
            };
            rules.as_of_month(newest.ok_or_else(absent)?)
        }
    };
    let settings = Settings {
        evidence: declared.evidence,
        shards: declared.shards.into(),
        max_reject_ratio: declared.max_reject_ratio,
        min_coverage: declared.min_coverage,
        ..Settings::new(&declared.history, as_of, rules)
    };
    let outcome = pipeline::run(&settings, &declared.output)?;
    summary::say(console, &settings, &outcome, start.elapsed());
    score::strict(declared.strict, &outcome)
}
