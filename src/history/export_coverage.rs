//! Which months the exports of an account cover, by kind of report: what is not seen in a covered month was not there.

use std::collections::{BTreeMap, BTreeSet};

use super::partners::Partners;
use crate::month::Month;

/// By partner and kind of report, the months in which that report has the partner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Covered {
    partners: BTreeMap<String, BTreeMap<String, BTreeSet<Month>>>,
}

impl Covered {
    /// A report has a partner in a month.
    pub(super) fn add(&mut self, partner_id: &str, report: &str, month: Month) {
        // Known for nearly every row: nothing is copied then.
        if let Some(months) = self.partners.get_mut(partner_id).and_then(|reports| reports.get_mut(report)) {
            months.insert(month);
            return;
        }
        let reports = self.partners.entry(partner_id.to_owned()).or_default();
        reports.entry(report.to_owned()).or_default().insert(month);
    }

    /// Months by partner and report, as spans: `2025-10..2026-10`, or a month alone.
    pub(super) fn spans(&self) -> BTreeMap<String, BTreeMap<String, Vec<String>>> {
        let of_partner = |reports: &BTreeMap<String, BTreeSet<Month>>| {
            reports.iter().map(|(report, months)| (report.clone(), spans(months))).collect()
        };
        self.partners.iter().map(|(partner, reports)| (partner.clone(), of_partner(reports))).collect()
    }

    /// What spans say; none where one is no span.
    pub(super) fn of_spans(spans: &BTreeMap<String, BTreeMap<String, Vec<String>>>) -> Option<Covered> {
        let mut covered = Covered::default();
        for (partner, reports) in spans {
            for (report, spans) in reports {
                for span in spans {
                    let (first, last) = span.split_once("..").unwrap_or((span, span));
                    let (first, last): (Month, Month) = (first.parse().ok()?, last.parse().ok()?);
                    first.through(last).for_each(|month| covered.add(partner, report, month));
                }
            }
        }
        Some(covered)
    }

    /// The months by global account and report: an export covers all locations of an account.
    pub(super) fn by_account(&self, partners: &Partners) -> BTreeMap<String, BTreeMap<String, BTreeSet<Month>>> {
        let mut accounts: BTreeMap<String, BTreeMap<String, BTreeSet<Month>>> = BTreeMap::new();
        for (partner, reports) in &self.partners {
            let account = accounts.entry(partners.account(partner).to_owned()).or_default();
            for (report, months) in reports {
                account.entry(report.clone()).or_default().extend(months);
            }
        }
        accounts
    }
}

/// Runs of months without a gap.
fn spans(months: &BTreeSet<Month>) -> Vec<String> {
    let mut runs: Vec<(Month, Month)> = Vec::new();
    for month in months {
        match runs.last_mut().filter(|(_, last)| last.plus(1) == *month) {
            Some((_, last)) => *last = *month,
            None => runs.push((*month, *month)),
        }
    }
    runs.into_iter()
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}..{last}") })
        .collect()
}
