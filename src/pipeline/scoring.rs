//! From a history to scores, for one as-of date or for several that share what they read.

use std::sync::Arc;

use chrono::NaiveDate;
use polars::prelude::*;

use super::{Scored, Settings, open, refusing};
use crate::engine;
use crate::error::{Error, Result};
use crate::history::{Accounts, Findings, History};
use crate::metrics::{self, Coverage, Facts, Period, Question, TenantSet};
use crate::publish::EvidenceParts;
use crate::rulebook::Rulebook;
use crate::score;

/// A date to score, and where the evidence of it goes, where it is wanted.
pub(super) struct Job {
    pub as_of: NaiveDate,
    pub parts: Option<EvidenceParts>,
}

/// Scores a history as of several dates; a month that several of them see is read and grouped once.
///
/// Each date's result is what [`score`](super::score) gives for it, handed to `done` as soon as it stands; a date that is refused
/// does not stop the others. Memory grows with the months that a date sees, which `shards` bounds.
///
/// # Errors
/// Those that concern every date: a history that cannot be opened, an unknown partner, associations that cannot be read.
pub fn score_each(
    settings: &Settings,
    as_of_dates: &[NaiveDate],
    mut done: impl FnMut(NaiveDate, Result<Scored>),
) -> Result<()> {
    let jobs = as_of_dates.iter().map(|as_of| Job { as_of: *as_of, parts: None }).collect();
    each(settings, jobs, &mut |job, result| done(job.as_of, result))
}

/// Scores a history that is open already, such as one in memory.
pub fn score_opened(settings: &Settings, history: &Arc<History>, findings: Findings) -> Result<Scored> {
    let job = Job { as_of: settings.as_of, parts: None };
    let mut scored = None;
    walk(settings, history, findings, vec![job], &mut |_, result| scored = Some(result))?;
    scored.unwrap_or_else(|| Err(Error::internal("the date was not scored")))
}

/// The same for jobs, which come back with what they have gathered.
pub(super) fn each(settings: &Settings, jobs: Vec<Job>, done: &mut dyn FnMut(Job, Result<Scored>)) -> Result<()> {
    let (history, findings) = open(&settings.history, &settings.rules)?;
    let history = Arc::new(history);
    walk(settings, &history, findings, jobs, done).map_err(|error| history.place(error))
}

fn walk(
    settings: &Settings,
    history: &Arc<History>,
    mut findings: Findings,
    mut jobs: Vec<Job>,
    done: &mut dyn FnMut(Job, Result<Scored>),
) -> Result<()> {
    let (rules, evidence) = (&settings.rules, settings.evidence);
    let accounts = history.accounts().narrowed(&settings.partners, &settings.distributors)?;
    let carried_from = settings.carried_from;
    let question = |period| Question { history, rules, accounts: &accounts, period, evidence, carried_from };
    jobs.sort_by_key(|job| (Period::of(rules, job.as_of).month, job.as_of));
    let mut checked = false;
    let mut standing = Vec::new();
    for mut job in jobs {
        let period = Period::of(rules, job.as_of);
        let seen = Period { month: question(period).seen(period.month), ..period };
        if let Err(error) = refusing::require_months(history, seen) {
            done(job, Err(history.place(error)));
            continue;
        }
        if !std::mem::replace(&mut checked, true) {
            findings.add(history.check_certifications()?);
            findings.add(history.check_associations()?);
        }
        let people = metrics::of_people(&question(period))?;
        let facts = summed("certifications", people, &mut job, &accounts, rules);
        let findings = findings.clone();
        standing.push(Standing {
            job,
            period,
            sum: facts.map(|facts| Sum { facts, findings, coverage: Coverage::default() }),
        });
    }
    let Some(newest) = standing.last().map(|standing| standing.period) else { return Ok(()) };
    let periods: Vec<Period> = standing.iter().map(|standing| standing.period).collect();
    let sets = history.tenant_ranges(question(newest).seen(newest.month), settings.shards)?;
    let turns = sets.len() * standing.len();
    for (number, range) in sets.iter().enumerate() {
        tracing::info!(set = number + 1, of = sets.len(), "tenants");
        let mut set = TenantSet::read(&question(newest), &periods, range)?;
        let dates = standing.len();
        for (place, mut date) in std::mem::take(&mut standing).into_iter().enumerate() {
            engine::progress(number * dates + place, turns);
            date.add(&mut set, &accounts, rules);
            match number + 1 < sets.len() {
                true => standing.push(date),
                false => date.finish(settings, history, &accounts, done),
            }
        }
    }
    Ok(())
}

/// A date while sets of tenants are read.
struct Standing {
    job: Job,
    period: Period,
    /// What is known so far; the first error ends it.
    sum: Result<Sum>,
}

/// What the sets of tenants read so far add up to.
struct Sum {
    facts: Facts,
    findings: Findings,
    coverage: Coverage,
}

impl Standing {
    /// Adds a set of tenants.
    fn add(&mut self, set: &mut TenantSet, accounts: &Accounts, rules: &Rulebook) {
        let Ok(sum) = &mut self.sum else { return };
        let added = set.answer(self.period).and_then(|answer| {
            sum.facts.add(&summed("facts", answer.contributions, &mut self.job, accounts, rules)?);
            sum.findings.add(answer.findings);
            sum.coverage.add(answer.coverage);
            Ok(())
        });
        if let Err(error) = added {
            self.sum = Err(error);
        }
    }

    /// Judges what has been added up.
    fn finish(
        self,
        settings: &Settings,
        history: &Arc<History>,
        accounts: &Accounts,
        done: &mut dyn FnMut(Job, Result<Scored>),
    ) {
        let period = self.period;
        let scored = self.sum.and_then(|Sum { facts, findings, coverage }| {
            refusing::refuse(settings, history, &findings, &coverage, period)?;
            let scores = score::score(accounts, &facts, &settings.rules);
            let (accounts, history) = (accounts.clone(), history.clone());
            Ok(Scored { period, accounts, scores, findings, coverage, facts, history })
        });
        done(self.job, scored.map_err(|error| history.place(error)));
    }
}

/// The facts of contributions; where evidence is wanted, they are kept and read back.
fn summed(
    stage: &'static str,
    contributions: Vec<LazyFrame>,
    job: &mut Job,
    accounts: &Accounts,
    rules: &Rulebook,
) -> Result<Facts> {
    let contributions = match &mut job.parts {
        Some(parts) => vec![parts.add(contributions)?],
        None => contributions,
    };
    metrics::facts(stage, contributions, accounts.rows.len(), rules.measures().len())
}
