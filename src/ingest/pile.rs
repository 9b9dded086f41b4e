//! What a pile of exports states, sorted into tables and months as it is read.

use std::path::Path;

use super::certifications::Certifications;
use super::covered::Covered;
use super::findings::Differences;
use super::observations::Seen;
use super::partners::{Partners, Told};
use super::row::{Row, Source};
use super::spool::Spool;
use super::usage::Statement;
use crate::error::Result;
use crate::month::Month;

/// Rows on their way into a history. Tables of partners and people are small and stay in memory, what months have does not.
#[derive(Debug)]
pub(super) struct Pile {
    pub(super) usage: Spool,
    pub(super) observations: Spool,
    pub(super) partners: Partners,
    pub(super) certifications: Certifications,
    pub(super) covered: Covered,
    pub(super) differences: Differences,
    /// The files so far; rows know the number of theirs.
    pub(super) files: Vec<String>,
}

impl Pile {
    /// An empty pile on top of what a history holds.
    pub(super) fn new(scratch: &Path, partners: Partners, certifications: Certifications, covered: Covered) -> Pile {
        Pile {
            usage: Spool::new(scratch.to_owned(), "usage"),
            observations: Spool::new(scratch.to_owned(), "seen"),
            partners,
            certifications,
            covered,
            differences: Differences::default(),
            files: Vec::new(),
        }
    }

    /// The number of the file that rows come from now.
    fn file(&mut self, path: &str) -> usize {
        if self.files.last().is_none_or(|last| last != path) {
            self.files.push(path.to_owned());
        }
        self.files.len() - 1
    }

    /// Takes a row.
    pub(super) fn take(&mut self, source: &Source, row: Row) -> Result<()> {
        let file = self.file(&source.path);
        match row {
            Row::Partner { partner_id, partner_name, global_partner_id, market } => {
                self.partners.tell(&partner_id, Told { partner_name, global_partner_id, market, distributor: None });
            }
            Row::Distributor { partner_id, partner_name, market, distributor_id, month } => {
                let distributor = Some((month, distributor_id));
                self.partners.tell(&partner_id, Told { partner_name, market, distributor, global_partner_id: None });
            }
            Row::Usage { tenant_id, workload, month, paid_seats, active_users, duplicate, part } => {
                let (tenant_id, workload, part) = (tenant_id.as_str(), workload.as_str(), part.as_deref());
                let statement =
                    Statement { tenant_id, workload, counts: (paid_seats, active_users), duplicate, part, file };
                statement.put(&mut self.usage, month)?;
            }
            Row::Seen { partner_id, global_partner_id, tenant_id, workload, association_type, month } => {
                self.partners.tell(&partner_id, Told { global_partner_id, ..Told::default() });
                let seen = Seen {
                    tenant_id: &tenant_id,
                    partner_id: &partner_id,
                    association_type: &association_type,
                    workload: workload.as_deref(),
                    report: &source.report,
                    associated_on: None,
                };
                self.see(&seen, month)?;
            }
            Row::Claim { partner_id, tenant_id, workload, associated_on, month } => {
                self.partners.tell(&partner_id, Told::default());
                let seen = Seen {
                    tenant_id: &tenant_id,
                    partner_id: &partner_id,
                    association_type: CLAIMED,
                    workload: Some(&workload),
                    report: &source.report,
                    associated_on: Some(associated_on),
                };
                self.see(&seen, month)?;
            }
            Row::Certification { partner_id, person_id, certification, earned_on, expires_on } => {
                self.partners.tell(&partner_id, Told::default());
                let key = (partner_id, person_id, certification, earned_on);
                self.certifications.take(key, expires_on, file, &mut self.differences);
            }
        }
        Ok(())
    }

    fn see(&mut self, seen: &Seen, month: Month) -> Result<()> {
        self.covered.add(seen.partner_id, seen.report, month);
        seen.put(&mut self.observations, month)
    }
}

/// The association type of a claim.
const CLAIMED: &str = "CPOR";
