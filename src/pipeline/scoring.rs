//! From a history to scores, for one as-of date or for several that share what they read.

use std::sync::Arc;

use chrono::NaiveDate;
use polars::prelude::*;

use super::{Scored, Settings, open, refusing};
use crate::engine;
use crate::error::{Error, Result};
use crate::history::{Accounts, Findings, History, TenantRange};
use crate::metrics::{self, Coverage, Facts, Period, Question, TenantSet};
use crate::publish::EvidenceParts;
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
    let walk = Walk::of(settings, history)?;
    jobs.sort_by_key(|job| (walk.period(job).month, job.as_of));
    let mut open = Vec::new();
    for job in jobs {
        match walk.require_months(&job) {
            Ok(()) => open.push(job),
            Err(error) => done(job, Err(history.place(error))),
        }
    }
    if open.is_empty() {
        return Ok(());
    }
    for job in &open {
        let period = walk.period(job);
        history.bring(period.year_ago, period.month)?;
    }
    findings.add(history.check_certifications()?);
    findings.add(history.check_associations(&TenantRange::all())?);
    let mut findings = walk.reported(findings, &TenantRange::all())?;
    findings.add(history.check_empty_tables()?);
    let standing = open.into_iter().map(|job| walk.begin(job, &findings)).collect::<Result<Vec<_>>>()?;
    walk.through_sets(standing, done)
}

/// What a set of tenants, read and checked by itself, adds to the date of the settings.
pub(super) fn of_tenants(settings: &Settings, history: &Arc<History>, tenants: &TenantRange) -> Result<Sum> {
    let walk = Walk::of(settings, history)?;
    let mut job = Job { as_of: settings.as_of, parts: None };
    let period = walk.period(&job);
    history.bring(period.year_ago, period.month)?;
    let mut findings = walk.reported(history.check_associations(tenants)?, tenants)?;
    let answer = TenantSet::read(&walk.question(period), &[period], tenants)?.answer(period)?;
    let facts = walk.summed("facts", answer.contributions, &mut job)?;
    findings.add(answer.findings);
    Ok(Sum { facts, findings, coverage: answer.coverage })
}

/// Scores the date of the settings by what all of its tenants add. People are read here, and what was found in `partners` is given.
pub(super) fn with_tenants(
    settings: &Settings,
    history: &Arc<History>,
    mut findings: Findings,
    tenants: Sum,
) -> Result<Scored> {
    let walk = Walk::of(settings, history)?;
    let job = Job { as_of: settings.as_of, parts: None };
    walk.require_months(&job)?;
    findings.add(history.check_certifications()?);
    let mut findings = walk.reported(findings, &TenantRange::all())?;
    findings.add(history.check_empty_tables()?);
    let mut date = walk.begin(job, &findings)?;
    if let Ok(sum) = &mut date.sum {
        sum.add(tenants);
    }
    walk.finish(date).1
}

/// A history on the way to its scores.
struct Walk<'a> {
    settings: &'a Settings,
    history: &'a Arc<History>,
    accounts: Accounts,
}

impl<'a> Walk<'a> {
    fn of(settings: &'a Settings, history: &'a Arc<History>) -> Result<Walk<'a>> {
        let accounts = history.accounts().narrowed(&settings.partners, &settings.distributors)?;
        Ok(Walk { settings, history, accounts })
    }
}

impl Walk<'_> {
    fn period(&self, job: &Job) -> Period {
        Period::of(&self.settings.rules, job.as_of)
    }

    fn question(&self, period: Period) -> Question<'_> {
        let Settings { rules, evidence, carried_from, .. } = self.settings;
        let (evidence, carried_from) = (*evidence, *carried_from);
        Question { history: self.history, rules, accounts: &self.accounts, period, evidence, carried_from }
    }

    fn require_months(&self, job: &Job) -> Result<()> {
        let period = self.period(job);
        let month = self.question(period).seen(period.month);
        refusing::require_months(self.history, Period { month, ..period })
    }

    /// What of the findings in tables that are read whole is reported: a run for some partners holds nothing of others.
    fn reported(&self, findings: Findings, tenants: &TenantRange) -> Result<Findings> {
        match self.accounts.are_selected() {
            true => self.history.findings_of(&findings, tenants, &self.accounts),
            false => Ok(findings),
        }
    }

    /// A date with what people add to it, and what was found in the tables that all dates share.
    fn begin(&self, mut job: Job, findings: &Findings) -> Result<Standing> {
        let period = self.period(&job);
        let people = metrics::of_people(&self.question(period))?;
        let facts = self.summed("certifications", people, &mut job);
        let mut findings = findings.clone();
        // Months that are not there yet are carried from one that is.
        let months = period.year_ago.through(self.question(period).seen(period.month));
        findings.add(self.history.check_month_folders(&months.collect::<Vec<_>>())?);
        let sum = facts.map(|facts| Sum { facts, findings, coverage: Coverage::default() });
        Ok(Standing { job, period, sum })
    }

    /// Reads the sets of tenants one after another, each for all dates; a date is judged once its last set is added.
    fn through_sets(&self, mut standing: Vec<Standing>, done: &mut dyn FnMut(Job, Result<Scored>)) -> Result<()> {
        let periods: Vec<Period> = standing.iter().map(|date| date.period).collect();
        let Some(newest) = periods.last().map(|period| self.question(*period)) else { return Ok(()) };
        let sets = self.history.tenant_ranges(newest.seen(newest.period.month), self.settings.shards)?;
        for (number, range) in sets.iter().enumerate() {
            tracing::info!(set = number + 1, of = sets.len(), "tenants");
            let mut set = TenantSet::read(&newest, &periods, range)?;
            for (place, mut date) in std::mem::take(&mut standing).into_iter().enumerate() {
                engine::progress(number * periods.len() + place, sets.len() * periods.len());
                self.add(&mut date, &mut set);
                match number + 1 < sets.len() {
                    true => standing.push(date),
                    false => {
                        let (job, scored) = self.finish(date);
                        done(job, scored);
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds a set of tenants to a date.
    fn add(&self, date: &mut Standing, set: &mut TenantSet) {
        let Ok(sum) = &mut date.sum else { return };
        let added = set.answer(date.period).and_then(|answer| {
            let facts = self.summed("facts", answer.contributions, &mut date.job)?;
            sum.add(Sum { facts, findings: answer.findings, coverage: answer.coverage });
            Ok(())
        });
        if let Err(error) = added {
            date.sum = Err(error);
        }
    }

    /// Judges what has been added up.
    fn finish(&self, date: Standing) -> (Job, Result<Scored>) {
        let (period, accounts, history) = (date.period, self.accounts.clone(), self.history.clone());
        let scored = date.sum.and_then(|Sum { facts, mut findings, coverage }| {
            // An outlook carries the newest month forward: there can be no export of the months after it.
            if self.settings.carried_from.is_none() {
                findings.add(history.check_compared_exports(&accounts, (period.year_ago, period.month)));
            }
            findings.add(self.tenant_forms(period, &coverage)?);
            refusing::refuse(self.settings, &history, &findings, &coverage, period)?;
            let scores = score::score(&accounts, &facts, &self.settings.rules);
            Ok(Scored { period, accounts, scores, findings, coverage, facts, history })
        });
        (date.job, scored.map_err(|error| self.history.place(error)))
    }

    /// Tenants that associations and usage write differently. A part of a history has not all ids to compare.
    fn tenant_forms(&self, period: Period, coverage: &Coverage) -> Result<Findings> {
        match coverage.id_forms.may_differ_in_form() && !self.history.is_part() {
            true => metrics::tenant_forms(&self.question(period)),
            false => Ok(Findings::default()),
        }
    }

    /// The facts of contributions; where evidence is wanted, they are kept and read back.
    fn summed(&self, stage: &'static str, contributions: Vec<LazyFrame>, job: &mut Job) -> Result<Facts> {
        let contributions = match &mut job.parts {
            Some(parts) => vec![parts.add(contributions)?],
            None => contributions,
        };
        metrics::facts(stage, contributions, self.accounts.rows.len(), self.settings.rules.measures().len())
    }
}

/// A date while sets of tenants are read.
struct Standing {
    job: Job,
    period: Period,
    /// What is known so far; the first error ends it.
    sum: Result<Sum>,
}

/// What sets of tenants add up to.
pub(super) struct Sum {
    pub facts: Facts,
    pub findings: Findings,
    pub coverage: Coverage,
}

impl Sum {
    fn add(&mut self, other: Sum) {
        self.facts.add(&other.facts);
        self.findings.add(other.findings);
        self.coverage.add(other.coverage);
    }
}
