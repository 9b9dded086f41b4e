//! Diff: what changed between two runs, and why.
//!
//! A metric's change in points is told apart in three steps. Where the rules differ, the first run's date scored by the second's rules
//! stands between the two: the leg to that `bridge` is the rules' share, the other one that of the data. Each leg is told apart by track
//! and option (`pieces`), and each of these by the rows of `evidence` that changed, each with one `cause`.

mod answer;
mod bridge;
mod cause;
mod evidence;
mod notes;
mod pieces;
mod rows;
mod sharing;
mod side;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use answer::{
    CausePoints, Counts, Diff, MetricChange, MetricMovement, PartnerChange, PartnerStanding, RowChange, RunName, Share,
    Status,
};
pub use cause::Cause;
pub use notes::{Note, NoteCode};

use super::explain::metric_named;
use super::published::ScoreRow;
use crate::error::{Error, Result, nearest};
use bridge::Bridge;
use cause::{Data, Judge};
use notes::Noted;
use sharing::Leg;
use side::Side;

/// Rows of evidence that are named for each cause where nobody says how many, unless one partner is asked about.
pub const ROWS: usize = 3;

/// What is asked of two runs.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    /// RUN_A: a published folder, or the folder of several for its newest.
    pub before: PathBuf,
    /// RUN_B.
    pub after: PathBuf,
    /// Only this partner.
    pub partner: Option<String>,
    /// Only changes in this metric.
    pub metric: Option<String>,
    /// How many rows of evidence are named for each cause; None for all.
    pub rows: Option<usize>,
    /// The history that tells the rules' share from the rest, where the rulebooks differ.
    pub history: Option<PathBuf>,
    /// The second run's rulebook: an id or a file; None for the built-in one of its id.
    pub rulebook: Option<String>,
}

/// Compares two runs.
///
/// # Errors
/// Absent where there is no run; usage for an unknown partner, metric or rulebook; those of a score, where a history is given.
pub fn diff(asked: &Comparison) -> Result<Diff> {
    let metric = asked.metric.as_deref().map(metric_named).transpose()?;
    let [before, after] = [Side::open(&asked.before)?, Side::open(&asked.after)?];
    let data = Data::between(&before, &after);
    let matched = Matched::of(before.scores()?, after.scores()?, asked.partner.as_deref(), data.same_selection)?;
    let moved: Vec<&Both> = matched.both.iter().filter(|both| both.moved()).collect();
    let bridge = Bridge::between(asked, &before, &after, &data, &moved)?;
    let mut changed = sharing::shared(&moved, &legs(&before, &after, &data, bridge.as_ref()), asked.rows)?;
    let metrics = answer::movements(&changed);
    if let Some(metric) = metric {
        answer::narrow(&mut changed, metric);
    }
    answer::order(&mut changed, metric);
    let (bridge, has_history) = (bridge.as_ref(), asked.history.is_some());
    let moved = moved.iter().map(|both| both.after.partner_id.as_str()).collect();
    let noted = Noted { before: &before, after: &after, data: &data, bridge, has_history, moved };
    Ok(Diff {
        notes: noted.notes(),
        before: before.name(),
        after: after.name(),
        partner: asked.partner.clone(),
        metric,
        counts: matched.counts(),
        metrics: metrics.into_iter().filter(|movement| metric.is_none_or(|metric| movement.metric == metric)).collect(),
        changed,
        came: matched.came.iter().map(PartnerStanding::of).collect(),
        went: matched.went.iter().map(PartnerStanding::of).collect(),
    })
}

/// The way from run to run, over the bridge where there is one.
fn legs<'a>(before: &'a Side, after: &'a Side, data: &Data, bridge: Option<&'a Bridge>) -> Vec<Leg<'a>> {
    let leg = |from: &'a Side, to: &'a Side, judge: &dyn Fn(bool) -> Judge| {
        let evidence = from.has_evidence() && to.has_evidence();
        Leg { from, to, judge: judge(evidence) }
    };
    let Some(bridge) = bridge.map(|bridge| &bridge.side) else {
        return vec![leg(before, after, &|evidence| Judge::of_all(data, evidence))];
    };
    let rest = Data::between(bridge, after);
    vec![
        leg(before, bridge, &|evidence| Judge::of_rules(data, evidence)),
        leg(bridge, after, &|evidence| Judge::of_data(&rest, evidence)),
    ]
}

/// One partner in both runs.
struct Both {
    before: ScoreRow,
    after: ScoreRow,
}

impl Both {
    /// Whether its track, its designation or any of its points changed.
    fn moved(&self) -> bool {
        let of = |score: &ScoreRow| (score.track, score.qualified, score.total, score.metrics);
        of(&self.before) != of(&self.after)
    }
}

/// The partners of both runs, by id.
struct Matched {
    both: Vec<Both>,
    /// In the second run alone.
    came: Vec<ScoreRow>,
    /// In the first run alone.
    went: Vec<ScoreRow>,
    /// In one run alone, where that is because they were narrowed differently.
    not_compared: u64,
}

impl Matched {
    fn of(before: Vec<ScoreRow>, after: Vec<ScoreRow>, partner: Option<&str>, same_selection: bool) -> Result<Matched> {
        if let Some(partner) = partner {
            known(partner, &before, &after)?;
        }
        let wanted = |score: &ScoreRow| partner.is_none_or(|partner| partner == score.partner_id);
        let by_id = |score: ScoreRow| (score.partner_id.clone(), score);
        let mut earlier: BTreeMap<String, ScoreRow> = before.into_iter().filter(wanted).map(by_id).collect();
        let later: BTreeMap<String, ScoreRow> = after.into_iter().filter(wanted).map(by_id).collect();
        let mut matched = Matched { both: Vec::new(), came: Vec::new(), went: Vec::new(), not_compared: 0 };
        for (id, after) in later {
            match earlier.remove(&id) {
                Some(before) => matched.both.push(Both { before, after }),
                None => matched.came.push(after),
            }
        }
        matched.went = earlier.into_values().collect();
        if !same_selection {
            matched.not_compared = (matched.came.len() + matched.went.len()) as u64;
            matched.came.clear();
            matched.went.clear();
        }
        Ok(matched)
    }

    fn counts(&self) -> Counts {
        let count = |wanted: &dyn Fn(&Both) -> bool| self.both.iter().filter(|both| wanted(both)).count() as u64;
        Counts {
            compared: self.both.len() as u64,
            unchanged: count(&|both| !both.moved()),
            newly_qualified: count(&|both| both.after.qualified && !both.before.qualified),
            lost: count(&|both| both.before.qualified && !both.after.qualified),
            qualified_before: count(&|both| both.before.qualified),
            qualified_after: count(&|both| both.after.qualified),
            more_points: count(&|both| both.after.total > both.before.total),
            fewer_points: count(&|both| both.after.total < both.before.total),
            came: self.came.len() as u64,
            went: self.went.len() as u64,
            not_compared: self.not_compared,
        }
    }
}

/// A partner must be in one of the runs.
fn known(partner: &str, before: &[ScoreRow], after: &[ScoreRow]) -> Result<()> {
    let ids = || before.iter().chain(after).map(|score| score.partner_id.as_str());
    if ids().any(|id| id == partner) {
        return Ok(());
    }
    let hint = match nearest(partner, ids()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "runs have global accounts: give the account of a location; scores.parquet has them all".to_owned(),
    };
    Err(Error::usage(format!("there is no partner `{partner}` in either run")).hint(hint))
}
