//! Wires the rooms for a run: history to contributions, facts, scores, and what is published of them.

mod check;
mod describing;
mod partial;
mod partial_rows;
mod publishing;
mod refusing;
mod scoring;
mod up_to_date;

use std::sync::Arc;

use chrono::NaiveDate;
use polars::prelude::*;

pub use check::check;
pub use describing::inputs;
pub use partial::{months_looked_at, scored_of, tenant_facts};
pub use partial_rows::PARTIAL_COLUMNS;
pub use publishing::{Outcome, publish_each, publish_scored, refuse_output, run, run_locked};
pub use refusing::{refuse_findings, require_months};
pub use scoring::{score_each, score_opened};
pub use up_to_date::{what_changed, would_repeat};

use crate::engine;
use crate::error::{Error, Result};
use crate::history::{Accounts, Findings, History, KnownNames, Source};
use crate::metrics::{self, Coverage, Facts, Period};
use crate::month::Month;
use crate::publish::Mode;
use crate::rulebook::{self, Metric, Rulebook};
use crate::score::Score;

/// What a run is asked for.
#[derive(Debug, Clone)]
pub struct Settings {
    pub history: Source,
    pub as_of: NaiveDate,
    pub rules: Rulebook,
    /// Only these partners; all where neither partners nor distributors are named.
    pub partners: Vec<String>,
    /// Only the partners of these distributors.
    pub distributors: Vec<String>,
    /// Sets of whole tenants that are read one after another.
    pub shards: usize,
    pub evidence: bool,
    /// Largest share of a table's checked rows that may be rejected.
    pub max_reject_ratio: f64,
    /// Smallest share of the tenants held at M that usage at M must know.
    pub min_coverage: f64,
    /// Largest share of rows that may name what differs from a known name in case, padding or punctuation alone.
    pub max_unknown_ratio: f64,
    /// Largest share of the partners of the last run that may be missing in this one.
    pub max_fall_in_partners: Option<f64>,
    /// Most points that the mean score may lie below that of the last run.
    pub max_fall_in_mean_points: Option<f64>,
    /// Where given, usage of later months is taken to be that of this one: for outlooks.
    pub carried_from: Option<Month>,
    /// Permissions of what is published.
    pub mode: Mode,
}

impl Settings {
    /// The defaults for a history, a date and a rulebook.
    pub fn new(history: impl Into<Source>, as_of: NaiveDate, rules: Rulebook) -> Self {
        Settings {
            history: history.into(),
            as_of,
            rules,
            partners: Vec::new(),
            distributors: Vec::new(),
            shards: 1,
            evidence: false,
            max_reject_ratio: 0.01,
            min_coverage: 0.5,
            max_unknown_ratio: 0.05,
            max_fall_in_partners: None,
            max_fall_in_mean_points: None,
            carried_from: None,
            mode: Mode::default(),
        }
    }
}

impl Settings {
    /// Whether some partners or distributors were asked for: what is published for them holds nothing of others.
    pub fn is_selection(&self) -> bool {
        !self.partners.is_empty() || !self.distributors.is_empty()
    }

    /// For questions about a few partners: whether the data can be trusted was judged when the portfolio was scored.
    pub fn of_a_few(self) -> Self {
        Settings { max_reject_ratio: 1.0, min_coverage: 0.0, max_unknown_ratio: 1.0, ..self }
    }
}

/// A portfolio scored, before anything is published.
#[derive(Debug)]
pub struct Scored {
    pub period: Period,
    pub accounts: Accounts,
    pub scores: Vec<Score>,
    pub findings: Findings,
    pub coverage: Coverage,
    /// What the scores were made of.
    pub facts: Facts,
    history: Arc<History>,
}

impl Scored {
    /// What people of the scored partners validly hold on the date and no list of the rulebook has: `person_id` and `certification`,
    /// sorted, each pair once.
    ///
    /// # Errors
    /// Those of reading the table.
    pub fn unlisted_certifications(&self, rules: &Rulebook) -> Result<DataFrame> {
        let rows = self.history.certifications(&self.accounts)?;
        let unlisted = metrics::unlisted_certifications(rows, rules, self.period.as_of);
        let sorted = unlisted.sort(["person_id", "certification"], SortMultipleOptions::default());
        engine::collect("certifications", sorted)
    }

    /// The known partner whose id is nearest to one that is not known.
    pub fn nearest_partner(&self, partner_id: &str) -> Option<&str> {
        self.history.nearest_partner(partner_id)
    }
}

/// Scores a history, without publishing anything.
///
/// # Errors
/// Those of section "refusals" in `docs/errors.md`: absent months, too many rejects, too little coverage, wrong content.
pub fn score(settings: &Settings) -> Result<Scored> {
    let mut scored = None;
    score_each(settings, &[settings.as_of], |_, result| scored = Some(result))?;
    scored.unwrap_or_else(|| Err(Error::internal("the date was not scored")))
}

/// Opens a history, with the names that the rulebook in use or any built-in one knows.
pub fn open(history: impl Into<Source>, rules: &Rulebook) -> Result<(History, Findings)> {
    let mut known = KnownNames::default();
    for rulebook in rulebook::builtins()?.iter().chain([rules]) {
        known.workloads.extend(rulebook.workload_lists.values().flat_map(|list| list.workloads.clone()));
        let certifications = Metric::ALL.into_iter().flat_map(|metric| rulebook.certifications(metric));
        known
            .certifications
            .extend(certifications.flat_map(|entry| entry.aliases.iter().chain([&entry.name]).cloned()));
    }
    History::of(history.into(), known)
}

/// The newest month of usage that a history holds, which no rulebook is needed to see.
pub fn newest_month(history: impl Into<Source>) -> Result<Option<Month>> {
    let (history, _) = History::of(history.into(), KnownNames::default())?;
    Ok(history.usage_months()?.last().copied())
}
