//! `partnerscore backfill`: every month of a span.

use std::path::Path;

use super::arguments::BackfillArguments;
use super::console::Console;
use super::printer;
use super::summary::counted;
use crate::error::Result;
use crate::insight::{self, Backfill, MonthResult, Status};
use crate::month::Month;
use crate::pipeline::Outcome;
use crate::rulebook::When;

/// Publishes the months, says how each ended, and fails with 8 where one has failed.
pub fn backfill(arguments: &BackfillArguments, console: &Console) -> Result<()> {
    let choose = |month: Month| arguments.rulebook.as_of(When::Month(month));
    let rules = choose(arguments.to)?;
    let settings = arguments.scoring.settings(&arguments.history, rules.as_of_month(arguments.to), rules);
    let span = (arguments.from, arguments.to);
    let mut told =
        |month: Month, result: &MonthResult, outcome: Option<&Outcome>| tell(console, month, result, outcome);
    let only_failed = arguments.only.is_some();
    let done = insight::backfill(&settings, span, &arguments.out, only_failed, &choose, &mut told)?;
    if let Some(format) = arguments.format {
        printer::answer(&done, format, None)?;
    }
    say(console, &done, &arguments.out);
    done.failure().map_or(Ok(()), |error| Err(error.at(arguments.out.display())))
}

/// Says how many months ended how.
pub fn say(console: &Console, done: &Backfill, out: &Path) {
    let [published, up_to_date, failed] =
        [Status::Published, Status::UpToDate, Status::Failed].map(|status| done.count(status));
    let text = format!(
        "{}: {published} published, {up_to_date} up to date, {failed} failed; trend in {}",
        counted(done.months.len() as u64, "month"),
        out.join(insight::TREND).display()
    );
    console.say(&text, || tracing::info!(published, up_to_date, failed, "backfilled"));
}

/// Says how a month ended.
pub fn tell(console: &Console, month: Month, result: &MonthResult, outcome: Option<&Outcome>) {
    let what = match (&result.error, outcome) {
        (Some(error), _) => format!("failed: {}", error.what),
        (None, Some(outcome)) => {
            let qualified = outcome.scored.scores.iter().filter(|score| score.qualified).count();
            format!("{qualified} of {} qualified", counted(outcome.scored.scores.len() as u64, "partner"))
        }
        (None, None) => "up to date".to_owned(),
    };
    let (as_of, month) = (result.as_of, month.to_string());
    console.say(&format!("{month}  as of {as_of}  {what}"), || tracing::info!(month, %as_of, what, "month"));
}
