//! Checks of everything a history holds.

use super::open;
use crate::engine;
use crate::error::Result;
use crate::history::{Findings, History, Source, TenantRange};
use crate::metrics::{self, Period, Question};
use crate::month::Month;
use crate::rulebook::Rulebook;

/// Reads and checks everything a history holds.
pub fn check(history: impl Into<Source>, rules: &Rulebook) -> Result<(History, Findings, Vec<Month>)> {
    let (history, mut findings) = open(history, rules)?;
    let months = check_all(&history, rules, &mut findings).map_err(|error| history.place(error))?;
    Ok((history, findings, months))
}

fn check_all(history: &History, rules: &Rulebook, findings: &mut Findings) -> Result<Vec<Month>> {
    history.bring_everything()?;
    findings.add(history.check_certifications()?);
    findings.add(history.check_associations(&TenantRange::all())?);
    findings.add(history.check_empty_tables()?);
    findings.add(history.check_monthless_usage()?);
    let dated = history.dated_months()?;
    findings.add(history.check_month_folders(&dated)?);
    for (number, month) in dated.iter().enumerate() {
        engine::progress(number, dated.len());
        findings.add(history.check_usage(*month)?);
    }
    let months = history.usage_months()?;
    if let Some(newest) = months.last() {
        findings.add(contested(history, rules, *newest)?);
        findings.add(history.check_exports(history.accounts(), (rules.year_ago(*newest), *newest)));
    }
    Ok(months)
}

/// Pairs that two partners hold at the newest month through an option that has one partner at most.
fn contested(history: &History, rules: &Rulebook, month: Month) -> Result<Findings> {
    let period = Period::of(rules, rules.as_of_month(month));
    let question =
        Question { history, rules, accounts: history.accounts(), period, evidence: false, carried_from: None };
    metrics::contested(&question)
}
