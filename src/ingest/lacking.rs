//! Gaps of a history: months that a score needs, exports that an account lacks, workloads that no export carries, tenants whose usage
//! is gone.

use std::collections::BTreeSet;

use super::findings::{Coverage, MissingExport};
use super::history_json::HistoryJson;
use super::pile::Pile;
use super::stored::Stored;
use super::usage;
use crate::error::Result;
use crate::month::Month;
use crate::publish::Replacement;
use crate::rulebook::{self, Metric};

/// Tenants that are named; all are counted.
const SHOWN: usize = 5;

/// Looks at a history as it will be.
pub(super) fn look(history: &HistoryJson, pile: &Pile, place: &Replacement) -> Result<Coverage> {
    let months = history.months_with(|month| month.usage_rows > 0);
    let Some(newest) = months.last().copied() else { return Ok(Coverage::default()) };
    let rules = rulebook::choose(None)?;
    let needed = rules.year_ago(newest).through(newest);
    let carried: BTreeSet<&String> = history.months.values().flat_map(|month| &month.workloads).collect();
    let lists = Metric::ALL.iter().filter_map(|metric| rules.workload_list(*metric));
    let eligible: BTreeSet<&String> = lists.flat_map(|list| rules.workloads(list)).collect();
    let lost = lost(newest, place)?;
    let account_of = |partner| Some(pile.partners.account(partner));
    let missing_exports = pile.covered.missing(account_of, (rules.year_ago(newest), newest)).into_iter();
    Ok(Coverage {
        newest_month: Some(newest.to_string()),
        missing_months: needed.filter(|month| !months.contains(month)).map(|month| month.to_string()).collect(),
        missing_exports: missing_exports
            .map(|export| MissingExport {
                partner_name: pile.partners.name(&export.account).map(str::to_owned),
                months: export.months.iter().map(Month::to_string).collect(),
                partner_id: export.account,
                report: export.report,
            })
            .collect(),
        absent_workloads: eligible.difference(&carried).map(|workload| (*workload).clone()).collect(),
        lost_tenants: lost.tenants,
        lost_tenants_sample: lost.sample,
    })
}

#[derive(Default)]
struct Lost {
    tenants: u64,
    sample: Vec<String>,
}

/// Tenants with active users in the month before a month, and none in that.
fn lost(newest: Month, place: &Replacement) -> Result<Lost> {
    let mut before = Active::open(newest.plus(-1), place)?;
    let mut now = Active::open(newest, place)?;
    let mut lost = Lost::default();
    let mut active = now.next()?;
    while let Some(tenant) = before.next()? {
        while active.as_ref().is_some_and(|active| *active < tenant) {
            active = now.next()?;
        }
        if active.as_ref() != Some(&tenant) {
            lost.tenants += 1;
            if lost.sample.len() < SHOWN {
                lost.sample.push(tenant);
            }
        }
    }
    Ok(lost)
}

/// Tenants with active users in a month, in order.
struct Active {
    rows: Stored,
}

impl Active {
    fn open(month: Month, place: &Replacement) -> Result<Active> {
        Ok(Active { rows: usage::open(month, place)? })
    }

    fn next(&mut self) -> Result<Option<String>> {
        let mut found = None;
        while self.rows.has_row() && found.is_none() {
            let tenant = self.rows.text(0).to_owned();
            let mut active_users = 0i64;
            while self.rows.has_row() && self.rows.text(0) == tenant {
                active_users = active_users.saturating_add(usage::active_users(&self.rows));
                self.rows.advance()?;
            }
            found = (active_users > 0).then_some(tenant);
        }
        Ok(found)
    }
}
