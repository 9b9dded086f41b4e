//! Who downloads: an account sees its own data and that of its locations.

use std::collections::{BTreeMap, BTreeSet};

use crate::sample::portfolio::{self, Portfolio, Profile};

/// A global account and the partners whose data it exports.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) id: String,
    pub(super) name: Option<String>,
    /// Itself, where it has a row, and its locations.
    pub(super) partners: Vec<usize>,
}

/// The accounts that are exported, and the distributors whose resellers they are.
pub(super) struct Accounts {
    /// By id.
    pub(super) all: Vec<Account>,
    pub(super) distributors: Vec<String>,
    /// The account of a partner, by its position in `all`.
    of: Vec<Option<usize>>,
}

impl Accounts {
    /// All accounts, or those that a distributor has.
    pub(super) fn new(portfolio: &Portfolio, profiles: &[Profile], distributor: Option<&str>) -> Self {
        let mut accounts: BTreeMap<String, Account> = BTreeMap::new();
        for (partner, profile) in profiles.iter().enumerate() {
            let id = profile.global_id.clone().unwrap_or_else(|| portfolio.partners[partner].id.clone());
            let account = Account { id: id.clone(), name: None, partners: Vec::new() };
            accounts.entry(id).or_insert(account).partners.push(partner);
        }
        let mut all: Vec<Account> = accounts.into_values().collect();
        for account in &mut all {
            let own = account.partners.iter().find(|partner| portfolio.partners[**partner].id == account.id);
            account.name = own.and_then(|own| profiles[*own].name.clone());
        }
        let theirs =
            |account: &Account| head(portfolio, account).and_then(|head| profiles[head].distributor.as_deref());
        all.retain(|account| distributor.is_none() || theirs(account) == distributor);
        Accounts { of: owners(&all, profiles.len()), distributors: distributors(&all, profiles, distributor), all }
    }

    /// The position of a partner's account, if that is exported.
    pub(super) fn of(&self, partner: usize) -> Option<usize> {
        self.of.get(partner).copied().flatten()
    }

    /// The folders of the exports: accounts, then distributors.
    pub(super) fn folders(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|account| account.id.as_str()).chain(self.distributors.iter().map(String::as_str))
    }

    /// The position among the folders of the distributor that a partner has, if that is exported.
    pub(super) fn distributor(&self, profile: &Profile) -> Option<usize> {
        let position = self.distributors.binary_search(profile.distributor.as_ref()?).ok()?;
        Some(self.all.len() + position)
    }
}

/// The account's own row, where it has one.
fn head(portfolio: &Portfolio, account: &Account) -> Option<usize> {
    account.partners.iter().copied().find(|partner| {
        let standing = portfolio.partners[*partner].account;
        matches!(standing, portfolio::Account::Itself | portfolio::Account::NamesItself)
    })
}

fn owners(accounts: &[Account], partners: usize) -> Vec<Option<usize>> {
    let mut of = vec![None; partners];
    for (position, account) in accounts.iter().enumerate() {
        account.partners.iter().for_each(|partner| of[*partner] = Some(position));
    }
    of
}

/// The distributor asked for, or every one that an exported partner has; sorted.
fn distributors(accounts: &[Account], profiles: &[Profile], only: Option<&str>) -> Vec<String> {
    let partners = accounts.iter().flat_map(|account| &account.partners);
    let theirs = partners.filter_map(|partner| profiles[*partner].distributor.clone());
    let distributors: BTreeSet<String> = theirs.filter(|id| only.is_none_or(|only| only == id)).collect();
    distributors.into_iter().collect()
}
