//! Tenants without any usage row at M: whether another month has them, so that a missing export is not taken for lost seats.

use std::collections::BTreeSet;

use polars::prelude::*;

use super::Question;
use super::claims::Claims;
use crate::error::{Code, Error, Result};
use crate::history::UsageMonth;
use crate::month::Month;

/// By tenant, whether usage has no row of it at M, and a row in an earlier month from P on.
///
/// The months between are read for evidence alone, of tenants that are held at M and that neither M nor P has: reasons are all that
/// this decides.
pub(super) fn only_earlier(
    question: &Question,
    claims: &Claims,
    at_m: &UsageMonth,
    at_p: &UsageMonth,
) -> Result<Vec<bool>> {
    let found = |month: &UsageMonth, number: usize| month.found.get(number).copied().unwrap_or(false);
    let numbers = 0..claims.tenants.len();
    let mut earlier: Vec<bool> = numbers.clone().map(|number| found(at_p, number) && !found(at_m, number)).collect();
    if !question.evidence {
        return Ok(earlier);
    }
    let held = claims.held_at_m()?;
    let missing = |number: &usize| held[*number] && !found(at_m, *number) && !found(at_p, *number);
    let mut missing: Vec<u32> = numbers.filter(missing).map(|number| number as u32).collect();
    for month in between(question).into_iter().rev() {
        if missing.is_empty() {
            break;
        }
        let numbers = UInt32Chunked::from_slice("tenant".into(), &missing).into_series();
        let ids = claims.tenants.ids_of(&numbers)?;
        let seen = match question.history.tenants_in(month, &ids) {
            Ok(seen) => seen,
            Err(error) if error.code == Code::Interrupted => return Err(error),
            // No score needs this month: it may be damaged, and then it does not tell.
            Err(_) => continue,
        };
        let seen: BTreeSet<&str> = texts(&seen)?.iter().flatten().collect();
        missing.retain(|number| {
            let is_seen = claims.tenants.id(*number as usize).is_some_and(|id| seen.contains(id));
            earlier[*number as usize] |= is_seen;
            !is_seen
        });
    }
    Ok(earlier)
}

fn texts(ids: &Series) -> Result<&StringChunked> {
    ids.str().map_err(|error| Error::internal(error.to_string()))
}

/// The months after P and before M whose usage is looked at.
fn between(question: &Question) -> BTreeSet<Month> {
    let period = question.period;
    let [m, p] = [period.month, period.year_ago].map(|month| question.seen(month));
    let months = period.year_ago.plus(1).through(period.month.plus(-1)).map(|month| question.seen(month));
    months.filter(|month| *month != m && *month != p).collect()
}

/// True for what is held at M of a tenant that usage at M does not have, and that of an earlier month has.
pub(super) fn no_usage_at_m() -> Expr {
    col("held_at_m").and(col("only_earlier"))
}
