//! `partners`: who is in the programme, and which location belongs to which global account.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::*;

use super::checks::{Findings, PARTNER_ID_DIFFERS_IN_FORM, Share, did_you_mean, key_is_there, rejected, sound};
use super::table::{Column, Kind, Table};
use super::texts;
use crate::engine;
use crate::error::{Error, Result, nearest};

pub(super) const NAME: &str = "partners";
pub(super) const COLUMNS: &[Column] = &[
    Column::new("partner_id", Kind::Text),
    Column::optional("partner_name", Kind::Text),
    Column::optional("global_partner_id", Kind::Text),
    Column::optional("distributor_id", Kind::Text),
    Column::optional("market", Kind::Text),
];

/// A global account: what is scored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub partner_id: String,
    pub partner_name: Option<String>,
    pub distributor_id: Option<String>,
    pub market: Option<String>,
}

/// Every global account, sorted by id, and the account of every known partner.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    /// Accounts by the number that stands for them in plans.
    pub rows: Vec<Account>,
    by_partner: BTreeMap<String, u32>,
    /// Whether these are the accounts of named partners or distributors, and not of the whole history.
    selected: bool,
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Partner {
    account: Account,
    global_partner_id: Option<String>,
}

/// The columns that name partners and distributors.
const IDS: [&str; 3] = ["partner_id", "global_partner_id", "distributor_id"];

/// Reads the table and rolls locations up to their global accounts.
///
/// # Errors
/// Refused where a partner_id stands twice with different values, or a global account names another in turn.
pub(super) fn read(table: &Table) -> Result<(Accounts, Findings)> {
    let files: Vec<_> = table.files.iter().collect();
    let rows = engine::collect("partners", table.scan(&files, None)?)?;
    let mut findings = Findings::default();
    findings.count_checked(NAME, rows.height() as u64);
    let checks = [key_is_there(&["partner_id"], &table.blank_columns(&["partner_id"], None)?)];
    findings.reject(engine::collect(
        "partners rejects",
        rejected(rows.clone().lazy(), NAME, &["partner_id"], &checks, &[]),
    )?);
    for column in IDS {
        findings.warn_null_as_text(NAME, column, texts::null_spellings(&rows, column));
    }
    let sound = engine::collect("partners", rows.lazy().filter(sound(&checks)))?;
    let partners = distinct(&sound)?;
    count_global_forms(&partners, &mut findings);
    Ok((roll_up(partners)?, findings))
}

/// Warns of global accounts without a row of their own that are written like a partner that has one.
fn count_global_forms(partners: &BTreeMap<String, Partner>, findings: &mut Findings) {
    let globals = partners.values().filter_map(|partner| partner.global_partner_id.as_ref());
    let unknown: Vec<&String> = globals.filter(|global| !partners.contains_key(*global)).collect();
    let mut share = Share { part: 0, rows: partners.len() as u64 };
    if !unknown.is_empty() {
        let by_form: BTreeMap<String, &String> = partners.keys().map(|id| (texts::form(id), id)).collect();
        for global in unknown {
            let form = texts::form(global);
            let Some(near) = by_form.get(&form).filter(|_| !form.is_empty()) else { continue };
            findings.warn(PARTNER_ID_DIFFERS_IN_FORM, did_you_mean(global, near), 1);
            share.part += 1;
        }
    }
    findings.count_form(NAME, share);
}

/// Rows by partner_id; exact repeats fold.
fn distinct(rows: &DataFrame) -> Result<BTreeMap<String, Partner>> {
    let mut partners = BTreeMap::new();
    for index in 0..rows.height() {
        let text = |name: &str| -> Option<String> {
            let text = rows.column(name).ok()?.str().ok()?.get(index)?;
            (!texts::is_blank(text)).then(|| text.to_owned())
        };
        let partner_id = text("partner_id").unwrap_or_default();
        let partner = Partner {
            account: Account {
                partner_id: partner_id.clone(),
                partner_name: text("partner_name"),
                distributor_id: text("distributor_id"),
                market: text("market"),
            },
            global_partner_id: text("global_partner_id").filter(|global| *global != partner_id),
        };
        if let Some(before) = partners.insert(partner_id.clone(), partner.clone())
            && before != partner
        {
            return Err(Error::refused(format!("partner_id `{partner_id}` stands twice with different values"))
                .at("table partners")
                .hint("keep one row for each partner_id"));
        }
    }
    Ok(partners)
}

/// The global accounts, with null attributes for one that has no row of its own.
fn roll_up(partners: BTreeMap<String, Partner>) -> Result<Accounts> {
    for (partner_id, partner) in &partners {
        let Some(global) = &partner.global_partner_id else { continue };
        if let Some(above) = partners.get(global).and_then(|account| account.global_partner_id.as_ref()) {
            let what = format!("`{partner_id}` names `{global}` as its global account, which names `{above}` in turn");
            return Err(Error::refused(what).at("table partners, column global_partner_id").hint(
                match [global, above].into_iter().find(|id| texts::spells_null(id)) {
                    Some(id) => format!("`{id}` is a text here; write null for a partner without a global account"),
                    None => "name the top account directly".to_owned(),
                },
            ));
        }
    }
    let global_of = |partner_id: &String, partner: &Partner| {
        partner.global_partner_id.clone().unwrap_or_else(|| partner_id.clone())
    };
    let globals: BTreeSet<String> =
        partners.iter().map(|(partner_id, partner)| global_of(partner_id, partner)).collect();
    let numbers: BTreeMap<&String, u32> = globals.iter().zip(0..).collect();
    let mut by_partner: BTreeMap<String, u32> =
        numbers.iter().map(|(global, number)| ((*global).clone(), *number)).collect();
    by_partner.extend(
        partners.iter().map(|(partner_id, partner)| (partner_id.clone(), numbers[&global_of(partner_id, partner)])),
    );
    let unknown = |partner_id: &String| Account {
        partner_id: partner_id.clone(),
        partner_name: None,
        distributor_id: None,
        market: None,
    };
    let rows = globals
        .iter()
        .map(|global| partners.get(global).map_or_else(|| unknown(global), |partner| partner.account.clone()));
    Ok(Accounts { rows: rows.collect(), by_partner, selected: false })
}

impl Accounts {
    /// Whether these are the accounts of named partners or distributors: what is made for them holds nothing of others.
    pub fn are_selected(&self) -> bool {
        self.selected
    }

    /// How many partners have these accounts, locations included.
    pub(super) fn known_partners(&self) -> usize {
        self.by_partner.len()
    }

    /// A partner of each form, to find out what others may mean; none where nothing is to be found out.
    pub(super) fn by_form(&self, to_find: usize) -> BTreeMap<String, &str> {
        let partners = self.by_partner.keys().filter(|_| to_find > 0);
        partners.map(|id| (texts::form(id), id.as_str())).filter(|(form, _)| !form.is_empty()).collect()
    }

    /// The number of a partner's global account.
    pub fn of(&self, partner_id: &str) -> Option<u32> {
        self.by_partner.get(partner_id).copied()
    }

    /// The ids of every known partner, accounts and locations.
    pub fn partner_ids(&self) -> impl Iterator<Item = &str> {
        self.by_partner.keys().map(String::as_str)
    }

    /// Every known partner with the number of its global account: `partner_id` String, `account` UInt32.
    pub fn lookup(&self) -> LazyFrame {
        let partners = StringChunked::from_iter_values("partner_id".into(), self.by_partner.keys().map(String::as_str));
        let accounts = UInt32Chunked::from_vec("account".into(), self.by_partner.values().copied().collect());
        let height = self.by_partner.len();
        DataFrame::new(height, vec![partners.into_series().into(), accounts.into_series().into()])
            .unwrap_or_default()
            .lazy()
    }

    /// Every known partner's id, as the haystack of an `is_in`.
    pub fn known(&self) -> Result<Expr> {
        let partners = StringChunked::from_iter_values("known".into(), self.by_partner.keys().map(String::as_str));
        engine::list(&partners.into_series())
    }

    /// The id behind each number: `account` UInt32, `partner_id` String.
    pub fn names(&self) -> LazyFrame {
        let accounts = UInt32Chunked::from_vec("account".into(), (0..self.rows.len() as u32).collect());
        let ids = self.rows.iter().map(|account| account.partner_id.as_str());
        let ids = StringChunked::from_iter_values("partner_id".into(), ids);
        DataFrame::new(self.rows.len(), vec![accounts.into_series().into(), ids.into_series().into()])
            .unwrap_or_default()
            .lazy()
    }

    /// Only the accounts of the named partners and distributors; all where none is named.
    ///
    /// # Errors
    /// Usage where a name is unknown, with the nearest known one.
    pub fn narrowed(&self, partners: &[String], distributors: &[String]) -> Result<Accounts> {
        if partners.is_empty() && distributors.is_empty() {
            return Ok(self.clone());
        }
        let mut kept = BTreeSet::new();
        for partner in partners {
            kept.insert(
                self.of(partner)
                    .ok_or_else(|| unknown("partner", partner, self.by_partner.keys().map(String::as_str)))?,
            );
        }
        for distributor in distributors {
            let of_distributor = |account: &Account| account.distributor_id.as_ref() == Some(distributor);
            let before = kept.len();
            kept.extend(
                self.rows.iter().zip(0..).filter(|(account, _)| of_distributor(account)).map(|(_, number)| number),
            );
            if !self.rows.iter().any(of_distributor) && kept.len() == before {
                let known = self.rows.iter().filter_map(|account| account.distributor_id.as_deref());
                return Err(unknown("distributor", distributor, known));
            }
        }
        Ok(self.only(&kept))
    }

    fn only(&self, kept: &BTreeSet<u32>) -> Accounts {
        let numbers: BTreeMap<u32, u32> = kept.iter().copied().zip(0..).collect();
        let by_partner =
            self.by_partner.iter().filter_map(|(partner, old)| Some((partner.clone(), *numbers.get(old)?)));
        Accounts {
            rows: kept.iter().map(|number| self.rows[*number as usize].clone()).collect(),
            by_partner: by_partner.collect(),
            selected: true,
        }
    }
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let error = Error::usage(format!("there is no {what} `{name}` in the history"));
    match nearest(name, known) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(format!("{what}s stand in the table partners")),
    }
}
