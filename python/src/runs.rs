//! Runs: scores as they are published, in a folder of the caller's or in one that nobody else sees.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use partnerscore::engine;
use partnerscore::error::{Error, Result};
use partnerscore::insight::Published;
use partnerscore::pipeline::{self, Outcome};
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
    pub fn into_run(self, py: Python<'_>) -> PyResult<NativeRun> {
        let [scores, metric_points, rejects] = self.tables;
        Ok(NativeRun {
            published: self.published,
            unseen: self.unseen,
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
        checked(py, py.detach(|| self.read_evidence()))
    }

    /// What `run.json` says.
    #[getter]
    fn run(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let json = serde_json::to_string(&self.published.run).map_err(|error| Error::internal(error.to_string()));
        parsed(py, &checked(py, json)?)
    }
}

impl NativeRun {
    fn read_evidence(&self) -> Result<NativeTable> {
        let parts = self.published.evidence_parts()?.ok_or_else(|| self.published.without_evidence())?;
        let now = Published::open(&self.published.folder)?;
        if serde_json::to_value(&now.run).ok() != serde_json::to_value(&self.published.run).ok() {
            return Err(Error::absent("another run was published in the place of this one")
                .at(self.published.folder.display())
                .hint("open it anew"));
        }
        let rows = usize::try_from(self.published.run.rows.evidence.unwrap_or(0)).unwrap_or(usize::MAX);
        NativeTable::stored(parts, rows, self.unseen.clone())
    }
}

/// Scores a history, and publishes it in `out` or where nobody sees it.
#[pyfunction]
pub fn score(
    py: Python<'_>,
    asked: Asked,
    out: Option<PathBuf>,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<NativeRun> {
    let read = wait_for(py, progress.as_ref(), move || {
        let settings = asked.settings()?;
        Ok(published(out, |folder| pipeline::run(&settings, folder))?)
    })?;
    read.into_run(py)
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
pub fn open_run(py: Python<'_>, path: PathBuf) -> PyResult<NativeRun> {
    let read = py.detach(|| Read::of(Published::open(&path)?, None));
    checked(py, read)?.into_run(py)
}
