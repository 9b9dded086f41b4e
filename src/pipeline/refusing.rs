//! What is refused: absent months before anything is scored, and what cannot be trusted once everything was read.

use super::Settings;
use crate::error::{Error, Result};
use crate::history::{Findings, History};
use crate::metrics::{Coverage, Period};
use crate::month::Month;

/// Both months a score compares must be there.
pub fn require_months(history: &History, period: Period) -> Result<()> {
    for month in [period.month, period.year_ago] {
        if !history.holds_usage_of(month)? {
            return Err(absent(history, month, period));
        }
    }
    Ok(())
}

fn absent(history: &History, month: Month, period: Period) -> Error {
    let (m, p) = (period.month, period.year_ago);
    let months = history.usage_months().unwrap_or_default();
    let newest = months.into_iter().rev().find(|month| history.holds_usage_of(*month).unwrap_or(false));
    let hint = match newest {
        Some(newest) if newest < m => format!("the newest month is {newest}: wait for {m}, or score --month {newest}"),
        Some(newest) => format!("the newest month is {newest}; a score of {m} compares it with {p}"),
        None => "the table holds no month at all".to_owned(),
    };
    Error::absent(format!("workload_usage has no rows of {month}")).at(history.root.display()).hint(hint)
}

/// Refuses what cannot be trusted, once everything was read.
pub(super) fn refuse(
    settings: &Settings,
    history: &History,
    findings: &Findings,
    coverage: &Coverage,
    period: Period,
) -> Result<()> {
    if let Some(month) = coverage.missing_months.first() {
        let months: Vec<String> = coverage.missing_months.iter().map(Month::to_string).collect();
        let what =
            format!("associations that count begin in {}, of which workload_usage has no rows", months.join(", "));
        return Err(Error::absent(what)
            .at(history.root.display())
            .hint(format!("growth is counted from the association month; add {month}")));
    }
    history.refuse_rejects(findings, settings.max_reject_ratio)?;
    for (month, rows) in [(period.month, coverage.rows_at_m), (period.year_ago, coverage.rows_at_p)] {
        if rows == 0 {
            return Err(Error::refused(format!("every row of workload_usage in {month} was rejected"))
                .at(history.root.display())
                .hint("`partnerscore check` shows each with its reason"));
        }
    }
    if (coverage.tenants_found as f64) < settings.min_coverage * coverage.tenants_held as f64 {
        let what = format!(
            "only {} of {} tenants with an association that holds are found in usage of {}",
            coverage.tenants_found, coverage.tenants_held, period.month
        );
        return Err(Error::refused(what).at(history.root.display()).hint(
            "tenant ids may differ in form or case between associations and workload_usage; or lower --min-coverage",
        ));
    }
    Ok(())
}
