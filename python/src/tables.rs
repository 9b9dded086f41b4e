//! Tables of results: rows in memory, or in files that are read when somebody wants them.

use std::sync::Arc;

use partnerscore::engine;
use partnerscore::error::Result;
use polars::prelude::*;
use pyo3::prelude::*;

use crate::errors::checked;
use crate::stream;
use crate::unseen::Unseen;

/// A table of results.
#[pyclass(frozen, name = "Table", module = "partnerscore._partnerscore")]
pub struct NativeTable {
    schema: SchemaRef,
    height: usize,
    parts: Vec<Part>,
    /// The folder that the parts are read from, where nobody else keeps it.
    folder: Option<Arc<Unseen>>,
}

#[derive(Clone)]
enum Part {
    Held(DataFrame),
    /// In a file.
    Stored(Box<LazyFrame>),
}

impl Part {
    fn frame(self) -> PolarsResult<DataFrame> {
        match self {
            Part::Held(frame) => Ok(frame),
            Part::Stored(plan) => engine::collect("table", *plan).map_err(|error| polars_err!(ComputeError: "{error}")),
        }
    }
}

impl NativeTable {
    /// Rows in memory.
    pub fn held(frame: DataFrame) -> NativeTable {
        let (schema, height) = (frame.schema().clone(), frame.height());
        NativeTable { schema, height, parts: vec![Part::Held(frame)], folder: None }
    }

    fn stream(&self, py: Python<'_>, level: CompatLevel) -> PyResult<Py<PyAny>> {
        let folder = self.folder.clone();
        let frames = self.parts.clone().into_iter().map(move |part| {
            // The files are there for as long as the stream is.
            let _ = &folder;
            part.frame()
        });
        stream::exported(py, &self.schema, level, frames)
    }

    /// Rows in files, so many.
    pub fn stored(plans: Vec<LazyFrame>, height: usize, folder: Option<Arc<Unseen>>) -> Result<NativeTable> {
        let empty = plans.first().map(|plan| engine::collect("table", plan.clone().limit(0))).transpose()?;
        let schema = empty.unwrap_or_default().schema().clone();
        Ok(NativeTable {
            schema,
            height,
            parts: plans.into_iter().map(|plan| Part::Stored(Box::new(plan))).collect(),
            folder,
        })
    }
}

#[pymethods]
impl NativeTable {
    /// The rows as Arrow's C stream. Other types than the table's own cannot be asked for.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__(&self, py: Python<'_>, requested_schema: Option<Bound<'_, PyAny>>) -> PyResult<Py<PyAny>> {
        drop(requested_schema);
        self.stream(py, CompatLevel::newest())
    }

    /// The same in types that every reader has, older ones too: strings are large strings.
    fn stream_without_views(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.stream(py, CompatLevel::oldest())
    }

    fn __len__(&self) -> usize {
        self.height
    }

    /// Each column's name, and whether it holds numbers.
    #[getter]
    fn columns(&self) -> Vec<(String, bool)> {
        self.schema.iter().map(|(name, dtype)| (name.to_string(), dtype.is_primitive_numeric())).collect()
    }

    /// The first rows as a person reads them; None for null.
    fn head(&self, py: Python<'_>, rows: usize) -> PyResult<Vec<Vec<Option<String>>>> {
        let Some(part) = self.parts.first().cloned() else { return Ok(Vec::new()) };
        let part = match part {
            Part::Held(frame) => Part::Held(frame.head(Some(rows))),
            Part::Stored(plan) => Part::Stored(Box::new(plan.limit(rows as IdxSize))),
        };
        let frame = py.detach(|| part.frame());
        let frame = frame.map_err(|error| partnerscore::error::Error::internal(error.to_string()));
        let frame = checked(py, frame)?;
        let row = |row: usize| frame.columns().iter().map(|column| shown(column, row)).collect();
        Ok((0..frame.height()).map(row).collect())
    }
}

fn shown(column: &Column, row: usize) -> Option<String> {
    match column.get(row) {
        Ok(AnyValue::Null) | Err(_) => None,
        Ok(AnyValue::String(text)) => Some(text.to_owned()),
        Ok(AnyValue::Boolean(value)) => Some((if value { "yes" } else { "no" }).to_owned()),
        Ok(value) => Some(value.to_string()),
    }
}
