//! Runs: scores as they are published, in a folder of the caller's or in one that nobody else sees.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use partnerscore::error::{Error, Result};
use partnerscore::insight::Published;
use partnerscore::pipeline::{self, Outcome};
use partnerscore::{engine, storage};
use pyo3::prelude::*;

use crate::arguments::Asked;
use crate::errors::checked;
use crate::tables::NativeTable;
use crate::unseen::Unseen;
use crate::values::parsed;
use crate::work::wait_for;

/// A published folder.
#[pyclass(frozen, name = "Run", module = "partnerscore._partnerscore")]
pub struct NativeRun {
    published: Published,
    unseen: Option<Arc<Unseen>>,
    /// Where it was brought, where it lies on an object store and its caller has named a folder.
    cache: Option<PathBuf>,
    scores: Py<NativeTable>,
    metric_points: Py<NativeTable>,
    rejects: Py<NativeTable>,
}

/// A run with its small tables read.
pub struct Read {
    published: Published,
    unseen: Option<Arc<Unseen>>,
    tables: [NativeTable; 3],
}

impl Read {
    fn of(published: Published, unseen: Option<Arc<Unseen>>) -> Result<Read> {
        let read = |name: &str| Ok(NativeTable::held(engine::collect("table", published.table(name)?)?));
        let tables = [read("scores")?, read("metric_points")?, read("rejects")?];
        Ok(Read { published, unseen, tables })
    }

    /// For Python.
    pub fn into_run(self, py: Python<'_>, cache: Option<PathBuf>) -> PyResult<NativeRun> {
        let [scores, metric_points, rejects] = self.tables;
        Ok(NativeRun {
            published: self.published,
            unseen: self.unseen,
            cache,
            scores: Py::new(py, scores)?,
            metric_points: Py::new(py, metric_points)?,
            rejects: Py::new(py, rejects)?,
        })
    }
}

#[pymethods]
impl NativeRun {
    #[getter]
    fn folder(&self) -> PathBuf {
        self.published.folder.clone()
    }

    /// Where it was published, where that is an object store.
    #[getter]
    fn url(&self) -> Option<String> {
        Some(&self.published.place).filter(|place| storage::is_url(place)).map(|place| place.display().to_string())
    }

    #[getter]
    fn scores(&self, py: Python<'_>) -> Py<NativeTable> {
        self.scores.clone_ref(py)
    }

    #[getter]
    fn metric_points(&self, py: Python<'_>) -> Py<NativeTable> {
        self.metric_points.clone_ref(py)
    }

    #[getter]
    fn rejects(&self, py: Python<'_>) -> Py<NativeTable> {
        self.rejects.clone_ref(py)
    }

    /// The evidence, which is read from its files when somebody wants it.
    fn evidence(&self, py: Python<'_>) -> PyResult<NativeTable> {
        let (published, unseen) = (self.published.clone(), self.unseen.clone());
        wait_for(py, None, self.cache.clone(), move || Ok(evidence_of(&published, unseen)?))
    }

    /// What `run.json` says.
    #[getter]
    fn run(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let json = serde_json::to_string(&self.published.run).map_err(|error| Error::internal(error.to_string()));
        parsed(py, &checked(py, json)?)
    }
}

/// The evidence of a run, which has to be there still; what lies on an object store is brought again where it was removed here.
fn evidence_of(published: &Published, unseen: Option<Arc<Unseen>>) -> Result<NativeTable> {
    let now = Published::open(&published.place)?;
    if serde_json::to_value(&now.run).ok() != serde_json::to_value(&published.run).ok() {
        return Err(Error::absent("another run was published in the place of this one")
            .at(published.place.display())
            .hint("open it anew"));
    }
    let parts = now.evidence_parts()?.ok_or_else(|| published.without_evidence())?;
    let rows = usize::try_from(published.run.rows.evidence.unwrap_or(0)).unwrap_or(usize::MAX);
    NativeTable::stored(parts, rows, unseen)
}

/// Scores a history, and publishes it in `out` or where nobody sees it.
#[pyfunction]
pub fn score(
    py: Python<'_>,
    asked: Asked,
    out: Option<PathBuf>,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<NativeRun> {
    let (cache, out) = (asked.cache(), out.map(|out| storage::local(&out)));
    let read = wait_for(py, progress.as_ref(), cache.clone(), move || {
        let settings = asked.settings()?;
        Ok(published(out, |folder| pipeline::run(&settings, folder))?)
    })?;
    read.into_run(py, cache)
}

/// Publishes in `out`, or in a folder that nobody else sees, and opens what was published.
pub fn published(out: Option<PathBuf>, publish: impl FnOnce(&Path) -> Result<Outcome>) -> Result<Read> {
    let unseen = if out.is_none() { Some(Arc::new(Unseen::new()?)) } else { None };
    let folder = unseen.as_ref().map(|unseen| unseen.path().to_owned()).or(out).unwrap_or_default();
    let outcome = publish(&folder)?;
    Read::of(Published::open(&outcome.folder)?, unseen)
}

/// Opens a published run.
#[pyfunction]
pub fn open_run(
    py: Python<'_>,
    path: PathBuf,
    cache: Option<PathBuf>,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<NativeRun> {
    let read = wait_for(py, progress.as_ref(), cache.clone(), move || {
        Ok(Read::of(Published::open(&storage::local(&path))?, None)?)
    })?;
    read.into_run(py, cache)
}
