//! Which other reading of the rules would remove a difference: the differing partners, scored again under each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Serialize;

use super::compared::Compared;
use super::figures::{self, Figures};
use crate::engine;
use crate::error::Result;
use crate::history::{Findings, History};
use crate::pipeline::{self, Settings};
use crate::rulebook::{Reading, Rulebook};

/// How many pairs of readings are tried at most: each costs a scoring of the partners that are left.
const MOST_PAIRS: usize = 40;

/// What other readings of the rules do to the differences.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Readings {
    /// The single reading that removes the most differences; of several, the one that breaks the fewest matches.
    pub best: Option<Reading>,
    /// Every single reading that the rulebook offers and the run did not take.
    pub tried: Vec<Tried>,
    /// Pairs of readings, tried on the partners with a difference that no single reading removes and the file itself does not explain.
    pub pairs: Vec<Tried>,
    /// Pairs that were not tried, because there are too many.
    pub pairs_left_out: usize,
}

/// One reading, or a pair, and what came of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Tried {
    pub readings: Vec<Reading>,
    /// Differences that it removes.
    pub removes: usize,
    /// Figures of the partners scored again that match, and would not under it.
    pub breaks: usize,
}

impl Tried {
    /// The readings as a rulebook file has them.
    pub fn text(&self) -> String {
        together(&self.readings)
    }
}

/// Readings that are taken together, as a rulebook file has them.
pub(super) fn together(readings: &[Reading]) -> String {
    readings.iter().map(Reading::to_string).collect::<Vec<_>>().join(" and ")
}

/// Where the differing partners are scored again.
pub(super) struct Source {
    pub history: Arc<History>,
    pub as_of: NaiveDate,
    /// Those of the run.
    pub rules: Rulebook,
}

/// What would remove a difference, by its place among the rows.
type RemovedBy = BTreeMap<usize, Vec<Vec<Reading>>>;

/// What is known of the differences once their partners were scored again.
#[derive(Debug, Default)]
pub(super) struct Attributed {
    pub readings: Readings,
    pub removed_by: RemovedBy,
    /// Partners whose figures the history no longer gives as the run has them.
    pub changed: BTreeSet<String>,
    /// Places of rows that match when scored again by the same rules.
    pub matches_again: BTreeSet<usize>,
}

/// Scores the partners with a difference again, under the run's readings and under each other one.
///
/// # Errors
/// Those of a score.
pub(super) fn attributed(source: &Source, rows: &[Compared], published: &Figures) -> Result<Attributed> {
    let differing: BTreeSet<usize> = places(rows, |row| !row.matches);
    if differing.is_empty() {
        return Ok(Attributed::default());
    }
    let others = source.rules.other_readings()?;
    let partners = partners(rows, &differing);
    engine::pass(0, others.len() + 1);
    let own = source.scored(&partners, &source.rules)?;
    let changed = partners.into_iter().filter(|id| own.get(id) != published.get(id)).collect();
    let (matches_again, open) = differing.into_iter().partition(|place| rows[*place].would_match(&own));
    let mut trial = Trial { source, rows, own: &own, removed_by: BTreeMap::new() };
    let readings = trial.readings(&others, &open)?;
    engine::pass(0, 1);
    Ok(Attributed { readings, removed_by: trial.removed_by, changed, matches_again })
}

/// The places of rows for which something holds.
fn places(rows: &[Compared], holds: impl Fn(&Compared) -> bool) -> BTreeSet<usize> {
    rows.iter().enumerate().filter(|(_, row)| holds(row)).map(|(place, _)| place).collect()
}

fn partners(rows: &[Compared], places: &BTreeSet<usize>) -> BTreeSet<String> {
    places.iter().map(|place| rows[*place].partner_id.clone()).collect()
}

fn best(tried: &[Tried]) -> Option<Reading> {
    // The first of equals, as the last maximum of the reverse.
    let best = tried.iter().rev().max_by_key(|tried| (tried.removes, std::cmp::Reverse(tried.breaks)))?;
    best.readings.first().filter(|_| best.removes > 0).cloned()
}

impl Source {
    /// The figures of some partners under some rules.
    fn scored(&self, partners: &BTreeSet<String>, rules: &Rulebook) -> Result<Figures> {
        let settings = Settings {
            partners: partners.iter().cloned().collect(),
            ..Settings::new(&self.history.root, self.as_of, rules.clone())
        };
        let scored = pipeline::score_opened(&settings.of_a_few(), &self.history, Findings::default());
        Ok(figures::scored(&scored.map_err(|error| self.history.place(error))?.scores, rules))
    }
}

/// Readings being tried on the rows of the file.
struct Trial<'a> {
    source: &'a Source,
    rows: &'a [Compared],
    /// Figures under the run's own readings.
    own: &'a Figures,
    removed_by: RemovedBy,
}

impl Trial<'_> {
    /// Tries every single reading, and pairs where these leave a difference that nothing explains.
    fn readings(&mut self, others: &[Reading], open: &BTreeSet<usize>) -> Result<Readings> {
        if open.is_empty() {
            return Ok(Readings::default());
        }
        let tried = others.iter().enumerate().map(|(number, reading)| {
            engine::pass(number + 1, others.len() + 1);
            self.score(vec![reading.clone()], open)
        });
        let tried = tried.collect::<Result<Vec<_>>>()?;
        let is_left = |place: &&usize| !self.removed_by.contains_key(place) && !self.rows[**place].explains_itself();
        let left = open.iter().filter(is_left).copied().collect();
        let (pairs, pairs_left_out) = self.pairs(others, &left)?;
        Ok(Readings { best: best(&tried), tried, pairs, pairs_left_out })
    }

    /// Tries readings on the partners of some rows that differ.
    fn score(&mut self, readings: Vec<Reading>, open: &BTreeSet<usize>) -> Result<Tried> {
        let partners = partners(self.rows, open);
        let mut tried = Tried { readings, removes: 0, breaks: 0 };
        tracing::info!(readings = tried.text(), "scoring again");
        let figures = self.source.scored(&partners, &self.source.rules.with_readings(&tried.readings)?)?;
        for place in open.iter().filter(|place| self.rows[**place].would_match(&figures)) {
            tried.removes += 1;
            self.removed_by.entry(*place).or_default().push(tried.readings.clone());
        }
        let of_partners = self.rows.iter().filter(|row| partners.contains(&row.partner_id));
        tried.breaks = of_partners.filter(|row| row.would_match(self.own) && !row.would_match(&figures)).count();
        Ok(tried)
    }

    /// Tries pairs of readings of two choices, as many as are affordable; the second number tells how many were left out.
    fn pairs(&mut self, others: &[Reading], open: &BTreeSet<usize>) -> Result<(Vec<Tried>, usize)> {
        let mut pairs = pairs(others);
        if open.is_empty() {
            return Ok((Vec::new(), 0));
        }
        let left_out = pairs.len().saturating_sub(MOST_PAIRS);
        pairs.truncate(MOST_PAIRS);
        let passes = pairs.len();
        let tried = pairs.into_iter().enumerate().map(|(number, pair)| {
            engine::pass(number, passes);
            self.score(pair, open)
        });
        Ok((tried.collect::<Result<_>>()?, left_out))
    }
}

/// Every two readings of different choices.
fn pairs(readings: &[Reading]) -> Vec<Vec<Reading>> {
    let with = |(place, first): (usize, &Reading)| {
        let seconds = readings[place + 1..].iter().filter(|second| second.choice != first.choice);
        seconds.map(|second| vec![first.clone(), second.clone()]).collect::<Vec<_>>()
    };
    readings.iter().enumerate().flat_map(with).collect()
}
