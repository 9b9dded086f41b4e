//! The months that Partner Center exports cover, by partner and kind of report, as `history.json` records them.
//!
//! `ingest` writes the record and every reader of the history sees it. A month that no export covers is unknown: its rows are
//! missing from the history, and nothing was lost.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::checks::{Findings, MISSING_EXPORT};
use super::files::Root;
use super::partners::Accounts;
use crate::error::{Error, Result};
use crate::month::Month;

/// The file in which `ingest` records what a history was made of.
pub const HISTORY_JSON: &str = "history.json";

/// Spans of months by partner and report, as the file holds them.
pub type Spans = BTreeMap<String, BTreeMap<String, Vec<String>>>;
/// Months by report.
type Reports = BTreeMap<String, BTreeSet<Month>>;

/// By partner and kind of report, the months in which that report has the partner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExportCoverage {
    partners: BTreeMap<String, Reports>,
}

/// Months for which an account has no row in a report that has it in other months.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingExport {
    /// The global account.
    pub account: String,
    /// The kind of report, such as `office_usage`.
    pub report: String,
    pub months: BTreeSet<Month>,
}

/// The part of `history.json` that readers need.
#[derive(Deserialize)]
struct Record {
    #[serde(default)]
    covered: Spans,
}

impl ExportCoverage {
    /// Reads the record of a history; empty where there is none, as in a history that `ingest` did not make.
    pub(super) fn read(root: &Root) -> Result<ExportCoverage> {
        let Some(json) = root.read(HISTORY_JSON)? else { return Ok(ExportCoverage::default()) };
        let place = root.place().join(HISTORY_JSON);
        let record: Record = serde_json::from_slice(&json).map_err(|error| damaged(&place, &error.to_string()))?;
        ExportCoverage::from_spans(&record.covered).ok_or_else(|| damaged(&place, "a span of months is none"))
    }

    /// Records that a report has a partner in a month.
    pub fn add(&mut self, partner_id: &str, report: &str, month: Month) {
        // Known for nearly every row: nothing is copied then.
        if let Some(months) = self.partners.get_mut(partner_id).and_then(|reports| reports.get_mut(report)) {
            months.insert(month);
            return;
        }
        let reports = self.partners.entry(partner_id.to_owned()).or_default();
        reports.entry(report.to_owned()).or_default().insert(month);
    }

    /// Months by partner and report, as spans: `2025-10..2026-10`, or a month alone.
    pub fn to_spans(&self) -> Spans {
        let of_partner =
            |reports: &Reports| reports.iter().map(|(report, months)| (report.clone(), spans(months))).collect();
        self.partners.iter().map(|(partner, reports)| (partner.clone(), of_partner(reports))).collect()
    }

    /// The coverage that spans state; None where one is no span of months.
    pub fn from_spans(spans: &Spans) -> Option<ExportCoverage> {
        let mut covered = ExportCoverage::default();
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

    /// The months by global account and report: an export covers all locations of an account. Partners without an account are left
    /// out.
    pub fn by_account<'a>(&'a self, account_of: impl Fn(&'a str) -> Option<&'a str>) -> BTreeMap<String, Reports> {
        let mut accounts: BTreeMap<String, Reports> = BTreeMap::new();
        for (partner, reports) in &self.partners {
            let Some(account) = account_of(partner) else { continue };
            let account = accounts.entry(account.to_owned()).or_default();
            for (report, months) in reports {
                account.entry(report.clone()).or_default().extend(months);
            }
        }
        accounts
    }

    /// Exports that are missing between two months: a report that has an account in some of these months, and not in others.
    ///
    /// A month that no report of the account covers is missing from each of its reports. Where another report covers the month, the
    /// account may simply have had nothing to report: the month is missing from a report that has the account in most months, once it
    /// has begun. A report that never has the account is not missing: not every partner has every kind.
    pub fn missing<'a>(
        &'a self,
        account_of: impl Fn(&'a str) -> Option<&'a str>,
        (first, last): (Month, Month),
    ) -> Vec<MissingExport> {
        let mut missing = Vec::new();
        for (account, reports) in self.by_account(account_of) {
            let by_any: BTreeSet<Month> = reports.values().flatten().copied().collect();
            for (report, covered) in reports {
                let is_missing = |month: &Month| {
                    !covered.contains(month) && (!by_any.contains(month) || is_regular(&covered, *month, (first, last)))
                };
                let is_known = first.through(last).any(|month| covered.contains(&month));
                let months: BTreeSet<Month> = first.through(last).filter(is_missing).collect();
                if is_known && !months.is_empty() {
                    missing.push(MissingExport { account: account.clone(), report, months });
                }
            }
        }
        missing
    }

    /// Warns of the exports that the given accounts lack between two months.
    ///
    /// With `decisive`, only of those that lack one of these months: a score compares M with P.
    pub(super) fn check(&self, accounts: &Accounts, span: (Month, Month), decisive: Option<&[Month]>) -> Findings {
        let mut findings = Findings::default();
        let ids: BTreeMap<&str, &str> = self
            .partners
            .keys()
            .filter_map(|partner| {
                let number = accounts.of(partner)? as usize;
                Some((partner.as_str(), accounts.rows.get(number)?.partner_id.as_str()))
            })
            .collect();
        for export in self.missing(|partner| ids.get(partner).copied(), span) {
            let counts = decisive.is_none_or(|months| months.iter().any(|month| export.months.contains(month)));
            if counts {
                findings.warn(MISSING_EXPORT, export.subject(), export.months.len() as u64);
            }
        }
        findings
    }
}

impl MissingExport {
    /// The subject of the warning: report, months and account, such as `office_usage 2026-10 of 5600002`.
    ///
    /// The account is last, so that a reader can tell it apart whatever characters it holds.
    pub fn subject(&self) -> String {
        format!("{} {} of {}", self.report, spans(&self.months).join(","), self.account)
    }

    /// The report with its months, and the account, that a warning's subject is about.
    pub fn parse(subject: &str) -> Option<(&str, &str)> {
        subject.split_once(" of ")
    }
}

/// Whether a report that covers some months is expected in a month: it covers at least half of the months of a span, and one before.
fn is_regular(covered: &BTreeSet<Month>, month: Month, (first, last): (Month, Month)) -> bool {
    let all = first.through(last).count();
    let seen = first.through(last).filter(|month| covered.contains(month)).count();
    2 * seen >= all && covered.first().is_some_and(|begun| *begun < month)
}

fn damaged(place: &Path, why: &str) -> Error {
    Error::refused(format!("{HISTORY_JSON} cannot be read: {why}"))
        .at(place.display())
        .hint("restore the file from a backup, or ingest all exports into a new folder")
}

/// Runs of months without a gap, each as `2025-10..2026-10`, or a month alone.
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
