//! `partners`: what reports tell of each, the later over the earlier.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::datatypes::DataType::{Date32, Utf8};

use super::findings::Change;
use super::stored::{Cell, Stored, Storing};
use crate::error::{Error, Result};
use crate::month::Month;
use crate::publish::Replacement;
use crate::publish::table_file::Column;

/// The last is read by ingest alone: the month that the distributor was named for.
const COLUMNS: [Column; 6] = [
    Column("partner_id", Utf8, false),
    Column("partner_name", Utf8, true),
    Column("global_partner_id", Utf8, true),
    Column("distributor_id", Utf8, true),
    Column("market", Utf8, true),
    Column("distributor_month", Date32, true),
];

/// The table's name.
pub(super) const NAME: &str = "partners";
/// Its file.
pub(super) const FILE: &str = "partners.parquet";

/// What is known of a partner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Partner {
    partner_name: Option<String>,
    global_partner_id: Option<String>,
    market: Option<String>,
    distributor: Option<(Month, String)>,
}

/// Every partner, by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Partners {
    rows: BTreeMap<String, Partner>,
}

/// What a row tells of a partner; what it does not tell stays.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    pub(super) partner_name: Option<String>,
    pub(super) global_partner_id: Option<String>,
    pub(super) market: Option<String>,
    pub(super) distributor: Option<(Month, String)>,
}

impl Partners {
    /// The partners of a history; none where there is no such file.
    pub(super) fn read(history: &Path) -> Result<Partners> {
        let mut file = Stored::open(&history.join(FILE), &COLUMNS)?;
        let mut partners = Partners::default();
        while file.has_row() {
            let text = |column| file.optional(column).map(str::to_owned);
            let partner = Partner {
                partner_name: text(1),
                global_partner_id: text(2),
                market: text(4),
                distributor: file.day(5).map(Month::of).zip(text(3)),
            };
            partners.rows.insert(file.text(0).to_owned(), partner);
            file.advance()?;
        }
        Ok(partners)
    }

    /// Takes what a row tells of a partner.
    pub(super) fn tell(&mut self, partner_id: &str, told: Told) {
        let Some(partner) = self.rows.get_mut(partner_id) else {
            let Told { partner_name, global_partner_id, market, distributor } = told;
            let partner = Partner { partner_name, global_partner_id, market, distributor };
            self.rows.insert(partner_id.to_owned(), partner);
            return;
        };
        let take = |known: &mut Option<String>, told: Option<String>| *known = told.or_else(|| known.take());
        take(&mut partner.partner_name, told.partner_name);
        take(&mut partner.global_partner_id, told.global_partner_id);
        take(&mut partner.market, told.market);
        let newest = |known: &(Month, String)| told.distributor.as_ref().is_some_and(|told| told.0 >= known.0);
        if partner.distributor.as_ref().is_none_or(newest) {
            partner.distributor = told.distributor.or_else(|| partner.distributor.take());
        }
    }

    /// The name of a partner, where some report tells it.
    pub(super) fn name(&self, partner_id: &str) -> Option<&str> {
        self.rows.get(partner_id).and_then(|partner| partner.partner_name.as_deref())
    }

    /// The ids of all partners, and of the accounts that they name.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        let named = self.rows.values().filter_map(|partner| partner.global_partner_id.as_deref());
        self.rows.keys().map(String::as_str).chain(named)
    }

    /// The ids of partners that have a name.
    pub(super) fn named(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().filter(|(_, partner)| partner.partner_name.is_some()).map(|(id, _)| id.as_str())
    }

    /// The global account of a partner: itself where it names no other.
    pub(super) fn account<'a>(&'a self, partner_id: &'a str) -> &'a str {
        self.rows.get(partner_id).and_then(|partner| partner.global_partner_id.as_deref()).unwrap_or(partner_id)
    }

    /// Whether every partner has the account that it has in another version of the table.
    pub(super) fn same_accounts(&self, other: &Partners) -> bool {
        let accounts = |partners: &Partners| -> Vec<(String, String)> {
            let accounts = partners.rows.keys().map(|id| (id.clone(), partners.account(id).to_owned()));
            accounts.filter(|(id, account)| id != account).collect()
        };
        accounts(self) == accounts(other)
    }

    /// Refuses accounts that name another account in turn, as a score would.
    pub(super) fn refuse_chains(&self) -> Result<()> {
        for partner_id in self.rows.keys() {
            let account = self.account(partner_id);
            let above = self.account(account);
            if account != partner_id && above != account {
                let what =
                    format!("`{partner_id}` names `{account}` as its global account, which names `{above}` in turn");
                return Err(Error::refused(what)
                    .at("the exports together with the history, column of the global account")
                    .hint(format!(
                        "add the newest Profile export of `{partner_id}`, which names its account of today"
                    )));
            }
        }
        Ok(())
    }

    /// Writes the table where it differs from what is held.
    pub(super) fn write(&self, held: &Partners, place: &mut Replacement) -> Result<Change> {
        let mut change = Change { rows: self.rows.len() as u64, ..Change::default() };
        for (id, partner) in &self.rows {
            change.count(held.rows.get(id), partner);
        }
        if !change.is_any() && place.target().join(FILE).exists() {
            return Ok(change);
        }
        let mut rows = Storing::create(&place.file(FILE)?, &COLUMNS)?;
        for (id, partner) in &self.rows {
            rows.add(&[
                Cell::text(id),
                Cell::Text(partner.partner_name.as_deref()),
                Cell::Text(partner.global_partner_id.as_deref()),
                Cell::Text(partner.distributor.as_ref().map(|(_, id)| id.as_str())),
                Cell::Text(partner.market.as_deref()),
                Cell::Day(partner.distributor.as_ref().map(|(month, _)| month.first_day())),
            ])?;
        }
        rows.close()?;
        Ok(change)
    }
}
