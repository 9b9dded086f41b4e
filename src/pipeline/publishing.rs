//! From scores to a published folder: staged beside, written, and exchanged in one step.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use super::scoring::{self, Job};
use super::{Scored, Settings, describing, partial, refusing};
use crate::engine;
use crate::error::{Error, Result};
use crate::history::Source;
use crate::publish::{self, EvidenceParts, Lock, Output, OutputKind, RowCounts, Run, Staging, Stamp, StoreOutput};
use crate::storage;

/// What a run did.
#[derive(Debug)]
pub struct Outcome {
    pub scored: Scored,
    pub run: Run,
    /// Its URL, where it lies on an object store.
    pub folder: PathBuf,
    /// False where the same was published already.
    pub changed: bool,
}

/// Scores a history and publishes the result in `out`.
///
/// # Errors
/// Those of [`score`](super::score); locked where another run holds `out`; storage where it cannot be written.
pub fn run(settings: &Settings, out: &Path) -> Result<Outcome> {
    refuse_output(settings, out)?;
    run_locked(settings, &Lock::take(out, settings.mode)?, out)
}

/// Refuses an output folder that is the history, lies within it, or is no folder.
///
/// # Errors
/// Usage, with what is wrong.
pub fn refuse_output(settings: &Settings, out: &Path) -> Result<()> {
    let outputs = [Output::new("--out", out, OutputKind::Runs)];
    match &settings.history {
        Source::Folder(history) => publish::refuse_outputs(&outputs, &[("the history", history)]),
        Source::Parts(_) => publish::refuse_outputs(&outputs, &[]),
    }
}

/// The same in an output folder whose lock is held.
///
/// # Errors
/// Those of [`run`].
pub fn run_locked(settings: &Settings, lock: &Lock, out: &Path) -> Result<Outcome> {
    let mut outcome = None;
    publish_each(settings, lock, out, &[settings.as_of], &mut |_, result| outcome = Some(result))?;
    outcome.unwrap_or_else(|| Err(Error::internal("the date was not scored")))
}

/// Scores a history as of several dates, as [`score_each`](super::score_each) does, and publishes each in `out`, whose lock is held, as soon as it
/// stands.
pub fn publish_each(
    settings: &Settings,
    _lock: &Lock,
    out: &Path,
    as_of_dates: &[NaiveDate],
    done: &mut dyn FnMut(NaiveDate, Result<Outcome>),
) -> Result<()> {
    let stores = stores(out, as_of_dates)?;
    stage_each(settings, &publish::workspace(out)?, as_of_dates, &mut |as_of, staged| {
        done(as_of, staged.and_then(|staged| published(staged, stores.get(&as_of), out)));
    })
}

/// Where each date is published, where `out` is a URL: staged on this machine, and written there once it stands.
fn stores(out: &Path, as_of_dates: &[NaiveDate]) -> Result<BTreeMap<NaiveDate, StoreOutput>> {
    let dates = as_of_dates.iter().filter(|_| storage::is_url(out));
    dates.map(|as_of| Ok((*as_of, StoreOutput::open(out, *as_of)?))).collect()
}

/// A date that was scored, what it was asked for, and where the results of it go.
type Staged = (Settings, Scored, Staging, Option<EvidenceParts>);

/// Scores a history as of several dates, each with a staging folder in `folder`.
fn stage_each(
    settings: &Settings,
    folder: &Path,
    as_of_dates: &[NaiveDate],
    done: &mut dyn FnMut(NaiveDate, Result<Staged>),
) -> Result<()> {
    Staging::clean(folder)?;
    let (mut jobs, mut stagings) = (Vec::new(), BTreeMap::new());
    for as_of in as_of_dates {
        let staging = Staging::begin(folder, *as_of, settings.mode)?;
        let parts = if settings.evidence { Some(EvidenceParts::begin(&staging)?) } else { None };
        jobs.push(Job { as_of: *as_of, parts });
        stagings.insert(*as_of, staging);
    }
    scoring::each(settings, jobs, &mut |job, scored| {
        let Some(staging) = stagings.remove(&job.as_of) else { return };
        let dated = Settings { as_of: job.as_of, ..settings.clone() };
        done(job.as_of, scored.map(|scored| (dated, scored, staging, job.parts)));
    })
}

/// Publishes in `out`, a folder or a URL, what was scored before, and without evidence.
///
/// # Errors
/// Those of [`run`] that concern `out`; usage where the settings ask for evidence.
pub fn publish_scored(settings: &Settings, scored: Scored, out: &Path) -> Result<Outcome> {
    partial::refuse_evidence(settings)?;
    refuse_output(settings, out)?;
    // What was read is told by footers, of files that others may have read.
    scored.history.bring(scored.period.year_ago, scored.period.month)?;
    let _lock = Lock::take(out, settings.mode)?;
    let folder = publish::workspace(out)?;
    Staging::clean(&folder)?;
    let staging = Staging::begin(&folder, settings.as_of, settings.mode)?;
    let stores = stores(out, &[settings.as_of])?;
    published((settings.clone(), scored, staging, None), stores.get(&settings.as_of), out)
}

fn published(staged: Staged, store: Option<&StoreOutput>, out: &Path) -> Result<Outcome> {
    let (settings, scored, staging, parts) = staged;
    refusing::refuse_fall(&settings, &scored.scores, out)?;
    let run = write(&settings, &scored, &staging, parts).map_err(|error| scored.history.place(error))?;
    // The last look: whatever was read of an input was read before.
    scored.history.require_unchanged(scored.period.year_ago, scored.period.month)?;
    let (folder, changed) = match store {
        Some(store) => store.publish(&staging, &run)?,
        None => exchanged(staging, &run)?,
    };
    Ok(Outcome { scored, run, folder, changed })
}

/// Puts a staged run in the place of what is published of its date, unless that is the same.
fn exchanged(staging: Staging, run: &Run) -> Result<(PathBuf, bool)> {
    if staging.is_published() && run.same_as(staging.target()) {
        staging.settle_published()?;
        return Ok((staging.target().to_owned(), false));
    }
    Ok((engine::stage("publish", || staging.publish())?, true))
}

/// Writes everything but the publication itself.
fn write(settings: &Settings, scored: &Scored, staging: &Staging, parts: Option<EvidenceParts>) -> Result<Run> {
    let rules = &settings.rules;
    let stamp = Stamp { rulebook_id: rules.id.clone(), rulebook_hash: rules.hash.clone(), as_of: settings.as_of };
    let scores = publish::scores(&scored.scores)?;
    let points = publish::metric_points(&scored.scores, rules)?;
    let rejects = scored.findings.rejects()?;
    let mut rows = RowCounts {
        checked: scored.findings.checked.iter().map(|(table, rows)| ((*table).to_owned(), *rows)).collect(),
        scores: scores.height() as u64,
        metric_points: points.height() as u64,
        evidence: None,
        rejects: rejects.height() as u64,
        tenants_held: scored.coverage.tenants_held,
        tenants_found: scored.coverage.tenants_found,
    };
    for (name, table) in [("scores", scores), ("metric_points", points), ("rejects", rejects)] {
        publish::write_table("write", table, &staging.path().join(format!("{name}.parquet")), &stamp)?;
    }
    if let Some(parts) = parts {
        rows.evidence = Some(publish::write_evidence(parts, staging, &scored.accounts, rules, &stamp)?);
    }
    let run = describing::described(settings, scored, rows)?;
    staging.write("run.json", &run.to_json()?)?;
    Ok(run)
}
