//! What is refused: absent months before anything is scored, and what cannot be trusted once everything was read.

use std::path::Path;

use super::{Settings, describing};
use crate::error::{Code, Error, Result};
use crate::history::{Findings, History};
use crate::metrics::{Coverage, Period};
use crate::month::Month;
use crate::publish::{self, Run};
use crate::score::{Points, Score};
use crate::words::{counted, part_of};

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
    history.refuse_forms(findings, settings.max_unknown_ratio)?;
    if (coverage.tenants_found as f64) < settings.min_coverage * coverage.tenants_held as f64 {
        let what = format!(
            "only {} with an association that holds are found in usage of {}",
            part_of(coverage.tenants_found, coverage.tenants_held, "tenant"),
            period.month
        );
        return Err(Error::refused(what).at(history.root.display()).hint(
            "tenant ids may differ in form or case between associations and workload_usage; or lower --min-coverage",
        ));
    }
    Ok(())
}

/// For those who want no findings: fails where a published run has rejects or warnings.
///
/// # Errors
/// Strict, with how many there are.
pub fn refuse_findings(run: &Run, folder: &Path) -> Result<()> {
    let (rejects, warnings) = (run.rows.rejects, run.warnings.len());
    if rejects == 0 && warnings == 0 {
        return Ok(());
    }
    let plural = |number: u64| if number == 1 { "" } else { "s" };
    let what = format!(
        "published, with {rejects} rejected row{} and {warnings} kind{} of warnings",
        plural(rejects),
        plural(warnings as u64)
    );
    Err(Error::new(Code::Strict, what).at(folder.display()).hint("rejects.parquet and run.json tell which"))
}

/// Refuses scores that have fallen too far since the last run in `out`: the one that they would replace, or else the newest before, asked
/// for the same partners. Where there is none, or it does not tell its mean, nothing has fallen.
pub(super) fn refuse_fall(settings: &Settings, scores: &[Score], out: &Path) -> Result<()> {
    let (most_partners, most_points) = (settings.max_fall_in_partners, settings.max_fall_in_mean_points);
    if most_partners.is_none() && most_points.is_none() {
        return Ok(());
    }
    let asked = describing::selection(settings);
    let Some((folder, last)) = publish::last_run(out, settings.as_of, &asked)? else { return Ok(()) };
    let fallen = |what: String, key: &str| {
        let hint = format!("see what changed in the history; where the fall is real, run once with a larger {key}");
        Err(Error::refused(what).at(folder.display()).hint(hint))
    };
    let (before, now) = (last.rows.scores, scores.len() as u64);
    let gone = before.saturating_sub(now);
    if let Some(most) = most_partners.filter(|most| gone as f64 > most * before as f64) {
        let are = if now == 1 { "is" } else { "are" };
        let partners = counted(now, "partner");
        let what = format!("there {are} {partners}, and {before} in the last run: a fall of more than {most}");
        return fallen(what, "max_fall_in_partners");
    }
    let mean = last.scores.map(|summary| summary.mean_points);
    if let (Some(most), Some(mean)) = (most_points, mean)
        && falls_by_more(scores, (mean, before), most)
    {
        let now = describing::mean_points(scores);
        let what = format!("the mean score is {now:.2}, and {mean:.2} in the last run: a fall of more than {most}");
        return fallen(what, "max_fall_in_mean_points");
    }
    Ok(())
}

/// Compared as products of whole numbers: a mean is a sum of ten-thousandths divided once.
fn falls_by_more(scores: &[Score], (mean_before, count_before): (f64, u64), most: f64) -> bool {
    let sum: Points = scores.iter().map(Score::total_points).sum();
    let (now, count) = (i128::from(sum.0), scores.len().max(1) as i128);
    let count_before = i128::from(count_before.max(1));
    let before = i128::from(Points::of_f64(mean_before * count_before as f64).0);
    before * count - now * count_before > i128::from(Points::of_f64(most).0) * count * count_before
}
