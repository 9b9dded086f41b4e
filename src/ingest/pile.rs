//! What a pile of exports states, sorted into tables and months as it is read.

use std::collections::BTreeMap;
use std::path::Path;

use super::certifications::Certifications;
use super::findings::{Differences, UnknownName};
use super::observations::Seen;
use super::partners::{Partners, Told};
use super::row::{Row, Source, UnknownKind};
use super::spool::Spool;
use super::usage::Statement;
use super::{findings, ids};
use crate::error::{Result, nearest};
use crate::history::ExportCoverage;
use crate::month::Month;

/// Partners without a name that are compared with all that have one.
const COMPARED: usize = 100;

/// Rows on their way into a history. Tables of partners and people are small and stay in memory, what months have does not.
#[derive(Debug)]
pub(super) struct Pile {
    pub(super) usage: Spool,
    pub(super) observations: Spool,
    pub(super) partners: Partners,
    pub(super) certifications: Certifications,
    pub(super) covered: ExportCoverage,
    pub(super) differences: Differences,
    /// The files so far; rows know the number of theirs.
    pub(super) files: Vec<String>,
    /// Statements of partners that had no name when they came.
    nameless: BTreeMap<String, u64>,
    /// Tenants whose id is no GUID: those may be one tenant's, written differently.
    tenants: ids::SimilarIds,
}

impl Pile {
    /// An empty pile on top of what a history holds.
    pub(super) fn new(
        scratch: &Path,
        partners: Partners,
        certifications: Certifications,
        covered: ExportCoverage,
    ) -> Pile {
        Pile {
            usage: Spool::new(scratch.to_owned(), "usage"),
            observations: Spool::new(scratch.to_owned(), "seen"),
            partners,
            certifications,
            covered,
            differences: Differences::default(),
            files: Vec::new(),
            nameless: BTreeMap::new(),
            tenants: ids::SimilarIds::default(),
        }
    }

    /// Ids of these exports and of partners held that differ only in case, braces or leading zeros.
    pub(super) fn similar_ids(&self) -> Vec<findings::SimilarIds> {
        let mut partners = ids::SimilarIds::default();
        self.partners.ids().for_each(|id| partners.add(id));
        let found = |kind: &'static str| move |ids| findings::SimilarIds { kind: kind.to_owned(), ids };
        partners.groups().map(found("partner_id")).chain(self.tenants.groups().map(found("tenant_id"))).collect()
    }

    fn note_tenant(&mut self, tenant_id: &str) {
        if !ids::is_guid(tenant_id) {
            self.tenants.add(tenant_id);
        }
    }

    /// Takes what is told of a partner.
    fn tell(&mut self, partner_id: &str, told: Told) {
        self.partners.tell(partner_id, told);
        if self.partners.name(partner_id).is_none() {
            *self.nameless.entry(partner_id.to_owned()).or_default() += 1;
        }
    }

    /// Partners that these exports state something of and no report, now or before, has named: with how often, and the nearest id of one
    /// that is named.
    pub(super) fn unknown_partners(&self) -> Vec<UnknownName> {
        let nameless = self.nameless.iter().filter(|(partner_id, _)| self.partners.name(partner_id).is_none());
        let unknown = |(place, (partner_id, rows)): (usize, (&String, &u64))| {
            // Where many have no name, none is mistyped; and another number is another partner.
            let is_number = partner_id.bytes().all(|byte| byte.is_ascii_digit());
            let is_compared = place < COMPARED && !is_number;
            let near = is_compared.then(|| nearest(partner_id, self.partners.named()).map(str::to_owned)).flatten();
            UnknownName::new(UnknownKind::Partner, partner_id, *rows, near)
        };
        nameless.enumerate().map(unknown).collect()
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
                self.tell(&partner_id, Told { partner_name, global_partner_id, market, distributor: None });
            }
            Row::Distributor { partner_id, partner_name, market, distributor_id, month } => {
                let distributor = Some((month, distributor_id));
                self.tell(&partner_id, Told { partner_name, market, distributor, global_partner_id: None });
            }
            Row::Usage { tenant_id, workload, month, paid_seats, active_users, duplicate, part } => {
                self.note_tenant(&tenant_id);
                let (tenant_id, workload, part) = (tenant_id.as_str(), workload.as_str(), part.as_deref());
                let statement =
                    Statement { tenant_id, workload, counts: (paid_seats, active_users), duplicate, part, file };
                statement.put(&mut self.usage, month)?;
            }
            Row::Seen { partner_id, global_partner_id, tenant_id, workload, association_type, month } => {
                self.tell(&partner_id, Told { global_partner_id, ..Told::default() });
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
                self.tell(&partner_id, Told::default());
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
            Row::Covered { partner_id, month } => self.covered.add(&partner_id, &source.report, month),
            Row::Certification { partner_id, person_id, certification, earned_on, expires_on } => {
                self.tell(&partner_id, Told::default());
                let key = (partner_id, person_id, certification, earned_on);
                self.certifications.take(key, expires_on, file, &mut self.differences);
            }
        }
        Ok(())
    }

    fn see(&mut self, seen: &Seen, month: Month) -> Result<()> {
        self.note_tenant(seen.tenant_id);
        self.covered.add(seen.partner_id, seen.report, month);
        seen.put(&mut self.observations, month)
    }
}

/// The association type of a claim.
const CLAIMED: &str = "CPOR";
