//! What becomes of a file's rows, counted.

use std::collections::{BTreeMap, HashMap};

use super::row::{PassedOver, Rejected, Unknown, UnknownKind};
use super::rule::Rule;
use super::text::printable;

/// Names that are told apart for each kind and file; the others are counted together.
const NAMES_TOLD: usize = 1_000;
/// What they are counted under.
const OTHERS: &str = "(others)";

/// Counts of one file.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) rows: u64,
    pub(super) kept: u64,
    pub(super) folded: u64,
    passed_over: BTreeMap<&'static str, u64>,
    rejected: BTreeMap<Rule, Rejected>,
    unknown: HashMap<(UnknownKind, String), u64>,
    pub(super) warnings: Vec<String>,
}

impl Tally {
    /// A sound row that states nothing.
    pub(super) fn pass_over(&mut self, reason: &'static str) {
        *self.passed_over.entry(reason).or_default() += 1;
    }

    /// A row that breaks a rule. The sample is asked for once a rule.
    pub(super) fn reject(&mut self, rule: Rule, line: u64, sample: impl FnOnce() -> Option<String>) {
        let first = || Rejected { rule: rule.name().to_owned(), rows: 0, line, sample: sample() };
        self.rejected.entry(rule).or_insert_with(first).rows += 1;
    }

    /// A row with a name that nobody knows.
    pub(super) fn know_not(&mut self, kind: UnknownKind, name: &str) {
        let name = printable(name);
        if let Some(rows) = self.unknown.get_mut(&(kind, name.clone())) {
            *rows += 1;
            return;
        }
        let name = if self.unknown.len() < NAMES_TOLD { name } else { OTHERS.to_owned() };
        *self.unknown.entry((kind, name)).or_default() += 1;
    }

    /// How many rows were rejected.
    pub(super) fn rejected_rows(&self) -> u64 {
        self.rejected.values().map(|rejected| rejected.rows).sum()
    }

    /// The rule that most rows broke.
    pub(super) fn worst(&self) -> Option<&Rejected> {
        self.rejected.values().max_by_key(|rejected| rejected.rows)
    }

    pub(super) fn passed_over(&self) -> Vec<PassedOver> {
        let rows = self.passed_over.iter();
        rows.map(|(reason, rows)| PassedOver { reason: (*reason).to_owned(), rows: *rows }).collect()
    }

    pub(super) fn rejected(&self) -> Vec<Rejected> {
        self.rejected.values().cloned().collect()
    }

    /// The unknown names, by kind and name, each with the nearest known one.
    pub(super) fn unknown(&self, nearest: impl Fn(UnknownKind, &str) -> Option<String>) -> Vec<Unknown> {
        let told = self.unknown.iter().map(|((kind, name), rows)| Unknown {
            kind: *kind,
            name: name.clone(),
            rows: *rows,
            nearest: nearest(*kind, name),
        });
        let mut unknown: Vec<Unknown> = told.collect();
        unknown.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        unknown
    }
}
