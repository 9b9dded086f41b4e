//! Sets of whole tenants, each scored by a process of its own: how a history is told apart, what a set adds, and scores of the sum.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use partnerscore::error::{Code, Error, Result};
use partnerscore::history::{File, Findings, History, TenantRange};
use partnerscore::metrics::Period;
use partnerscore::month::Month;
use partnerscore::pipeline::{self, Settings};
use partnerscore::storage;
use pyo3::prelude::*;

use crate::arguments::Asked;
use crate::errors::{Worked, checked};
use crate::histories::stream_of;
use crate::rulebooks::NativeRulebook;
use crate::runs::{self, NativeRun};
use crate::tables::NativeTable;
use crate::work::wait_for;

/// A set of tenants: the least id, and the id that all are below; none where there is no such bound.
type Bounds = (Option<String>, Option<String>);

/// A history told apart: the months of usage that count and are there, the sets, and its files as they are now.
type Plan = (Vec<String>, Vec<Bounds>, Vec<String>);

/// The day and the rules of a question, as every process must take them: a name may mean something else there, or later. Tables in
/// memory are looked at, and refused where they are none of a history.
#[pyfunction]
pub fn settled(py: Python<'_>, asked: Asked) -> PyResult<(String, NativeRulebook)> {
    let settled = checked(py, asked.settled())?;
    if asked.folder().is_none() {
        wait_for(py, None, asked.cache(), move || Opened::of(asked, None).map(drop))?;
    }
    Ok(settled)
}

/// Tells the tenants of a history apart, into sets of about as many rows each.
///
/// `months` are those of a history that tables in memory are no more than a part of.
#[pyfunction]
pub fn tenant_sets(
    py: Python<'_>,
    asked: Asked,
    months: Option<Vec<String>>,
    count: usize,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<Plan> {
    wait_for(py, progress.as_ref(), asked.cache(), move || {
        let opened = Opened::of(asked, months)?;
        Ok(opened.plan(count).map_err(|error| opened.history.place(error))?)
    })
}

/// What a set of tenants adds, as rows that add up. `files` are those that the history must have.
#[pyfunction]
pub fn tenant_facts(
    py: Python<'_>,
    asked: Asked,
    months: Vec<String>,
    bounds: Bounds,
    files: Option<Vec<String>>,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<NativeTable> {
    wait_for(py, progress.as_ref(), asked.cache(), move || {
        let opened = Opened::of(asked, Some(months))?;
        opened.require(files)?;
        let range = TenantRange { from: bounds.0, below: bounds.1 };
        Ok(NativeTable::held(pipeline::tenant_facts(&opened.settings, &opened.history, &range)?))
    })
}

/// Scores of the sum of what all sets add, published in `out` or where nobody sees them.
#[pyfunction]
pub fn finish(
    py: Python<'_>,
    asked: Asked,
    months: Option<Vec<String>>,
    sums: Py<PyAny>,
    files: Option<Vec<String>>,
    out: Option<PathBuf>,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<NativeRun> {
    let (cache, out) = (asked.cache(), out.map(|out| storage::local(&out)));
    let read = wait_for(py, progress.as_ref(), cache.clone(), move || {
        let sums = Python::attach(|py| stream_of("sums", sums.bind(py)))?.frame("sums")?;
        let Opened { settings, history, findings } = Opened::of(asked, months)?.with(files)?;
        let scored = pipeline::scored_of(&settings, &history, findings, &sums)?;
        Ok(runs::published(out, |folder| pipeline::publish_scored(&settings, scored, folder))?)
    })?;
    read.into_run(py, cache)
}

/// A history that is open, and what it is asked.
struct Opened {
    settings: Settings,
    history: Arc<History>,
    findings: Findings,
}

impl Opened {
    /// Opens it; where months are given, it is a part of a history that has those.
    fn of(asked: Asked, months: Option<Vec<String>>) -> Worked<Opened> {
        let settings = asked.settings()?;
        let (mut history, findings) = pipeline::open(&settings.history, &settings.rules)?;
        if let Some(months) = months {
            let months = months.iter().map(|month| month.parse().map_err(Error::usage));
            history = history.in_part(months.collect::<Result<Vec<Month>>>()?);
        }
        Ok(Opened { settings, history: Arc::new(history), findings })
    }

    /// Refused where a score would be, before its tenants are read.
    fn plan(&self, count: usize) -> Result<Plan> {
        let (settings, history) = (&self.settings, &self.history);
        history.accounts().narrowed(&settings.partners, &settings.distributors)?;
        let period = Period::of(&settings.rules, settings.as_of);
        pipeline::require_months(history, period)?;
        let mut months = Vec::new();
        for month in pipeline::months_looked_at(settings) {
            if history.holds_usage_of(month)? {
                months.push(month.to_string());
            }
        }
        let sets = history.tenant_ranges(period.month, count)?;
        let bounds = sets.into_iter().map(|range| (range.from, range.below));
        Ok((months, bounds.collect(), self.files()))
    }

    fn with(self, files: Option<Vec<String>>) -> Result<Opened> {
        self.require(files)?;
        Ok(self)
    }

    /// Fails where the files are others than they were: sets of two histories add up to no score.
    fn require(&self, files: Option<Vec<String>>) -> Result<()> {
        let Some(were) = files else { return Ok(()) };
        let are = self.files();
        let differs = are.iter().find(|file| !were.contains(file)).or(were.iter().find(|file| !are.contains(file)));
        let Some(file) = differs.and_then(|file| file.split('\t').next()) else { return Ok(()) };
        Err(Error::new(Code::Storage, format!("{file} is not what it was when the tenants were told apart"))
            .at(self.history.root.display())
            .hint("score again once nobody writes to the history, at a path where every worker finds the same files"))
    }

    /// The files of the history, one text for each: its name, and what tells another version of it.
    fn files(&self) -> Vec<String> {
        self.history.tables().into_iter().flat_map(|table| &table.files).map(identity).collect()
    }
}

fn identity(file: &File) -> String {
    let modified = file.modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    format!("{}\t{}\t{}\t{}", file.name, file.size, modified.as_nanos(), file.etag.as_deref().unwrap_or_default())
}
