//! Facts: what each account has now and had then, by measure. They add up.

use polars::prelude::*;

use crate::engine;
use crate::error::{Error, Result};

/// A whole number now and then.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fact {
    pub current: i64,
    pub prior: i64,
}

/// For every account and measure, the sums of the contributions that count; zero where there are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    measures: usize,
    values: Vec<Fact>,
}

impl Facts {
    /// Nothing for so many accounts and measures.
    pub fn none(accounts: usize, measures: usize) -> Self {
        Facts { measures, values: vec![Fact::default(); accounts * measures] }
    }

    /// From rows of `place` UInt64 (account times measures, plus measure), `current` and `prior` Int64, each place once.
    pub fn from_sums(sums: &DataFrame, accounts: usize, measures: usize) -> Result<Self> {
        let mut facts = Facts::none(accounts, measures);
        let number = |name: &str| engine::column(sums, name);
        let (place, current, prior) = (number("place")?, number("current")?, number("prior")?);
        let typed = || -> PolarsResult<_> { Ok((place.u64()?, current.i64()?, prior.i64()?)) };
        let (place, current, prior) = typed().map_err(|error| Error::internal(error.to_string()))?;
        for ((place, current), prior) in place.iter().zip(current.iter()).zip(prior.iter()) {
            if let Some(fact) = place.and_then(|place| facts.values.get_mut(place as usize)) {
                *fact = Fact { current: current.unwrap_or(0), prior: prior.unwrap_or(0) };
            }
        }
        Ok(facts)
    }

    /// Adds the facts of another set of tenants, or of people.
    pub fn add(&mut self, other: &Facts) {
        for (mine, theirs) in self.values.iter_mut().zip(&other.values) {
            mine.current += theirs.current;
            mine.prior += theirs.prior;
        }
    }

    /// Adds to what an account has by one measure.
    pub fn add_to(&mut self, account: usize, measure: usize, fact: Fact) {
        if let Some(mine) = self.values.get_mut(account * self.measures + measure) {
            mine.current += fact.current;
            mine.prior += fact.prior;
        }
    }

    /// The facts of an account, in rulebook order.
    pub fn of(&self, account: usize) -> &[Fact] {
        &self.values[account * self.measures..(account + 1) * self.measures]
    }
}
