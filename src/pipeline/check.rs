//! Checks of everything a history holds.

use super::open;
use crate::engine;
use crate::error::Result;
use crate::history::{Findings, History, Source, TenantRange};
use crate::metrics::{self, Period, Question};
use crate::month::Month;
use crate::rulebook::Rulebook;

/// Where rows of the months are counted that a score of the newest month compares: among those of all months they may be few.
const COMPARED_MONTHS: &str = "months compared of workload_usage";

/// Reads and checks everything a history holds.
pub fn check(history: impl Into<Source>, rules: &Rulebook) -> Result<(History, Findings, Vec<Month>)> {
    let (history, mut findings) = open(history, rules)?;
    let months = check_all(&history, rules, &mut findings).map_err(|error| history.place(error))?;
    Ok((history, findings, months))
}

fn check_all(history: &History, rules: &Rulebook, findings: &mut Findings) -> Result<Vec<Month>> {
    history.bring_everything()?;
    history.check_values()?;
    findings.add(history.check_certifications()?);
    findings.add(history.check_associations(&TenantRange::all())?);
    findings.add(history.check_empty_tables()?);
    findings.add(history.check_monthless_usage()?);
    let (dated, months) = (history.dated_months()?, history.usage_months()?);
    let compared = months.last().map_or_else(Vec::new, |newest| vec![rules.year_ago(*newest), *newest]);
    findings.add(history.check_month_folders(&dated)?);
    for (number, month) in dated.iter().enumerate() {
        engine::progress(number, dated.len());
        let of_month = history.check_usage(*month)?;
        for share in of_month.forms.values().filter(|_| compared.contains(month)) {
            findings.count_form(COMPARED_MONTHS, *share);
        }
        findings.add(of_month);
    }
    findings.add(history.check_null_tenant_ids()?);
    if let Some(newest) = months.last() {
        let question = question(history, rules, *newest);
        findings.add(metrics::contested(&question)?);
        findings.add(metrics::tenant_forms(&question)?);
        findings.add(history.check_similar_ids(*newest)?);
        findings.add(history.check_exports(history.accounts(), (rules.year_ago(*newest), *newest)));
    }
    Ok(months)
}

/// What a score of a month asks.
fn question<'a>(history: &'a History, rules: &'a Rulebook, month: Month) -> Question<'a> {
    let period = Period::of(rules, rules.as_of_month(month));
    Question { history, rules, accounts: history.accounts(), period, evidence: false, carried_from: None }
}
