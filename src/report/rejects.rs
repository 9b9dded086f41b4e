//! Rejected rows of a report: all of the run, or those that provably belong to the partners that the report is made for.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Result;
use crate::insight::{Published, RejectRow};

/// The rule of rows whose partner nobody knows.
const UNKNOWN_PARTNER: &str = "unknown_partner";
/// How a key shows that there is no value.
const NULL: &str = "null";

/// The rejected rows of a run, each with the partners that it belongs to.
pub(super) struct OwnedRejects {
    rows: Vec<RejectRow>,
    owners: Vec<BTreeSet<String>>,
}

/// What the key of a rejected row names.
#[derive(Debug, PartialEq, Eq)]
enum Named<'a> {
    Partner(&'a str),
    Tenant(&'a str),
}

impl OwnedRejects {
    /// Reads the rejected rows of a run, and whose they are.
    ///
    /// A published row tells its owner by its key alone. A row of usage belongs to the partners that have its tenant in their evidence. A key that
    /// can be read in several ways belongs to nobody.
    ///
    /// # Errors
    /// Those of reading the run's tables.
    pub(super) fn read(published: &Published) -> Result<OwnedRejects> {
        let rows = published.rejects()?;
        let tenants: BTreeSet<&str> = rows
            .iter()
            .filter_map(|row| match named(row) {
                Some(Named::Tenant(tenant)) => Some(tenant),
                _ => None,
            })
            .collect();
        let holders = published.partners_of_tenants(&tenants)?;
        let owners = rows.iter().map(|row| match named(row) {
            Some(Named::Partner(partner)) => BTreeSet::from([partner.to_owned()]),
            Some(Named::Tenant(tenant)) => holders.get(tenant).cloned().unwrap_or_default(),
            None => BTreeSet::new(),
        });
        let owners = owners.collect();
        Ok(OwnedRejects { rows, owners })
    }

    /// The rows of some partners, in the order of the table.
    pub(super) fn of(self, partners: &BTreeSet<&str>) -> Vec<RejectRow> {
        let theirs = |owners: &BTreeSet<String>| owners.iter().any(|owner| partners.contains(owner.as_str()));
        self.rows.into_iter().zip(self.owners).filter(|(_, owners)| theirs(owners)).map(|(row, _)| row).collect()
    }

    /// The rows of each partner.
    pub(super) fn by_partner(self) -> BTreeMap<String, Vec<RejectRow>> {
        let mut by_partner: BTreeMap<String, Vec<RejectRow>> = BTreeMap::new();
        for (row, owners) in self.rows.into_iter().zip(self.owners) {
            for owner in owners {
                by_partner.entry(owner).or_default().push(row.clone());
            }
        }
        by_partner
    }
}

/// Whose row it is by its key, where the key can be read in one way only.
fn named(row: &RejectRow) -> Option<Named<'_>> {
    let (first, next) = match row.table.as_str() {
        "associations" => ("partner_id=", ", tenant_id="),
        "certifications" => ("partner_id=", ", person_id="),
        "workload_usage" => ("tenant_id=", ", workload="),
        _ => return None,
    };
    let (id, rest) = row.key.strip_prefix(first)?.split_once(next)?;
    // An id may contain what separates the parts of a key.
    if rest.contains(next) || id == NULL || row.rule == UNKNOWN_PARTNER {
        return None;
    }
    Some(if first == "tenant_id=" { Named::Tenant(id) } else { Named::Partner(id) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(table: &str, rule: &str, key: &str) -> RejectRow {
        RejectRow { table: table.to_owned(), rule: rule.to_owned(), key: key.to_owned(), reason: String::new() }
    }

    #[test]
    fn a_key_that_can_be_read_in_one_way_names_whose_row_it_is() {
        let cases = [
            ("associations", "partner_id=p1, tenant_id=t1, workload=null", Some(Named::Partner("p1"))),
            ("associations", "partner_id=a, b=c, tenant_id=t1, workload=null", Some(Named::Partner("a, b=c"))),
            ("certifications", "partner_id=p1, person_id=null, certification=x", Some(Named::Partner("p1"))),
            ("workload_usage", "tenant_id=t1, workload=teams, month=2026-10-01", Some(Named::Tenant("t1"))),
            ("associations", "partner_id=null, tenant_id=t1, workload=null", None),
            ("workload_usage", "tenant_id=null, workload=teams, month=2026-10-01", None),
            ("partners", "partner_id=p1", None),
            ("tenants", "tenant_id=t1, workload=x", None),
            // Partner `p1` with the tenant `x, tenant_id=t1`, or partner `p1, tenant_id=x` with the tenant `t1`.
            ("associations", "partner_id=p1, tenant_id=x, tenant_id=t1, workload=null", None),
            ("workload_usage", "tenant_id=t1, workload=x, workload=teams, month=2026-10-01", None),
            ("associations", "", None),
        ];
        for (table, key, expected) in cases {
            assert_eq!(named(&row(table, "null_key", key)), expected, "{table} {key}");
        }
    }

    #[test]
    fn a_row_of_an_unknown_partner_belongs_to_nobody() {
        assert_eq!(named(&row("associations", UNKNOWN_PARTNER, "partner_id=p1, tenant_id=t1")), None);
    }
}
