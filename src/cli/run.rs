//! `partnerscore run`: what a pipeline file declares.

use std::path::Path;
use std::time::Instant;

use chrono::Utc;

use super::arguments::RunArguments;
use super::console::Console;
use super::{backfill, report, score, summary};
use crate::declared::{AsOf, Compare, Declared, DeclaredReport, LastMonth, Span};
use crate::error::{Error, Result};
use crate::insight::Published;
use crate::month::Month;
use crate::pipeline::{self, Outcome, Settings};
use crate::report::Asked;
use crate::rulebook::{self, Rulebook, When};

/// Runs a pipeline file: scores, and then writes the reports of what is published.
pub fn run(arguments: &RunArguments, console: &Console) -> Result<()> {
    let declared = Declared::read(&arguments.pipeline)?;
    let choose = |when: When| {
        let in_file = |error: Error| if error.place.is_none() { error.at(arguments.pipeline.display()) } else { error };
        rulebook::choose_as_of(declared.rulebook.as_deref(), when).map_err(in_file)
    };
    if declared.rulebook.as_deref() != Some(rulebook::BY_DATE) {
        // A wrong name is told of before a history that is not there yet: no retry helps it.
        choose(When::Day(Utc::now().date_naive()))?;
    }
    require_comparisons(&declared)?;
    match (declared.as_of, declared.backfill) {
        (Some(as_of), _) => {
            let outcome = score_day(&declared, as_of, &choose, console)?;
            reports(&declared, &outcome.folder, console)?;
            score::strict(declared.strict, &outcome)
        }
        (None, Some(span)) => {
            publish_months(&declared, span, &choose, console)?;
            reports(&declared, &declared.output, console)
        }
        (None, None) => Err(Error::internal("a pipeline file that scores nothing was not refused")),
    }
}

/// Scores one day.
fn score_day(
    declared: &Declared,
    as_of: AsOf,
    choose: &dyn Fn(When) -> Result<Rulebook>,
    console: &Console,
) -> Result<Outcome> {
    let start = Instant::now();
    let when = match as_of {
        AsOf::Day(day) => When::Day(day),
        AsOf::Today => When::Day(Utc::now().date_naive()),
        AsOf::NewestMonth => When::Month(newest_month(&declared.history)?),
    };
    let settings = settings(declared, choose(when)?, when);
    let outcome = pipeline::run(&settings, &declared.output)?;
    summary::say(console, &settings, &outcome, start.elapsed());
    Ok(outcome)
}

/// Publishes every month of a span.
fn publish_months(
    declared: &Declared,
    span: Span,
    choose: &dyn Fn(When) -> Result<Rulebook>,
    console: &Console,
) -> Result<()> {
    let last = match span.to {
        LastMonth::Month(month) => month,
        LastMonth::Newest => newest_month(&declared.history)?,
    };
    let settings = settings(declared, choose(When::Month(last))?, When::Month(last));
    let of_month = |month: Month| choose(When::Month(month));
    let done = backfill::publish(console, &settings, (span.from, last), &declared.output, false, &of_month)?;
    backfill::say(console, &done, &declared.output)
}

fn settings(declared: &Declared, rules: Rulebook, when: When) -> Settings {
    Settings {
        evidence: declared.evidence,
        shards: declared.shards.into(),
        max_reject_ratio: declared.max_reject_ratio,
        min_coverage: declared.min_coverage,
        ..Settings::new(&declared.history, rules.as_of(when), rules)
    }
}

fn newest_month(history: &Path) -> Result<Month> {
    pipeline::newest_month(history)?.ok_or_else(|| {
        Error::absent("workload_usage holds no month to score")
            .at(history.display())
            .hint("add a month of usage, or name a date or a month in the pipeline file")
    })
}

/// Runs that reports name have to be there before anything is scored.
fn require_comparisons(declared: &Declared) -> Result<()> {
    for declared in &declared.reports {
        if let Some(Compare::Run(run)) = &declared.compare {
            Published::open(run)?;
        }
    }
    Ok(())
}

/// Writes the reports of a run, or of the newest in a folder of runs.
fn reports(declared: &Declared, run: &Path, console: &Console) -> Result<()> {
    for declared in &declared.reports {
        let published = Published::open(run)?;
        let before = before(declared, &published)?;
        let [html, xlsx, each] = [&declared.html, &declared.xlsx, &declared.each].map(Option::as_deref);
        let asked = Asked { distributor: declared.distributor.clone(), partner: None };
        let files = report::Files { html, xlsx, each };
        report::write(console, &published, before.as_ref(), asked, &files)?;
    }
    Ok(())
}

/// The run that a report compares with.
fn before(declared: &DeclaredReport, published: &Published) -> Result<Option<Published>> {
    match &declared.compare {
        Some(Compare::Run(run)) => Published::open(run).map(Some),
        Some(Compare::LastRun) => published.last(),
        None => Ok(None),
    }
}
