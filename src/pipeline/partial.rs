//! Scores from sets of tenants that are read apart, each by whoever has it: what a set adds is a table, and scores come of the sum of all.

use std::collections::BTreeSet;
use std::sync::Arc;

use polars::prelude::*;

use super::{Scored, Settings, partial_rows, scoring};
use crate::error::{Error, Result};
use crate::history::{Accounts, Findings, History, TenantRange};
use crate::metrics::Period;
use crate::month::Month;

/// What a set of whole tenants adds to the date of the settings, with what was found in their rows: columns
/// [`PARTIAL_COLUMNS`](super::PARTIAL_COLUMNS), in no order.
///
/// Rows of sets that share no tenant add up: those with the same kind and keys are one, whose numbers are their sums. Nothing is refused here
/// for a share of bad rows or of tenants not found, which only the sum can tell. Where the history holds a part of the tenants alone, see
/// [`History::in_part`].
///
/// # Errors
/// Those of [`score`](super::score) that concern rows of tenants: wrong content of a table, or files that cannot be read. Usage where a
/// selected partner is unknown, or evidence is asked for.
pub fn tenant_facts(settings: &Settings, history: &Arc<History>, range: &TenantRange) -> Result<DataFrame> {
    refuse_evidence(settings)?;
    let accounts = accounts(settings, history)?;
    let sum = scoring::of_tenants(settings, history, range).map_err(|error| history.place(error))?;
    let period = Period::of(&settings.rules, settings.as_of);
    history.require_unchanged(period.year_ago, period.month)?;
    partial_rows::of_sum(sum, &accounts, &settings.rules)
}

/// Scores of what all sets of tenants add: rows of [`tenant_facts`], of the same settings, one below the other or summed. `findings` are those of
/// opening the history, of which `partners` and `certifications` are read.
///
/// # Errors
/// Those of [`score`](super::score); internal where a row is none of [`tenant_facts`].
pub fn scored_of(
    settings: &Settings,
    history: &Arc<History>,
    findings: Findings,
    partials: &DataFrame,
) -> Result<Scored> {
    refuse_evidence(settings)?;
    let sum = partial_rows::sum_of(partials, &accounts(settings, history)?, &settings.rules)?;
    scoring::with_tenants(settings, history, findings, sum).map_err(|error| history.place(error))
}

/// The months of usage that a score by these settings may look at, oldest first: M is the last. A part of a history that has all rows of
/// its tenants dated within them, on whatever day, adds what the whole would.
pub fn months_looked_at(settings: &Settings) -> Vec<Month> {
    let period = Period::of(&settings.rules, settings.as_of);
    let seen = |month: Month| settings.carried_from.map_or(month, |last| month.min(last));
    period.year_ago.through(period.month).map(seen).collect::<BTreeSet<_>>().into_iter().collect()
}

fn accounts(settings: &Settings, history: &History) -> Result<Accounts> {
    history.accounts().narrowed(&settings.partners, &settings.distributors)
}

/// Evidence is of single tenants, and does not come with sums.
pub(super) fn refuse_evidence(settings: &Settings) -> Result<()> {
    match settings.evidence {
        true => Err(Error::usage("sums of sets of tenants have no evidence")
            .hint("leave it out, or score the partners that matter by themselves")),
        false => Ok(()),
    }
}
