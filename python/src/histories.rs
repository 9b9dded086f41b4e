//! HISTORY as an argument: a path, or a mapping of tables that other programs hold.

use std::path::PathBuf;

use partnerscore::engine;
use partnerscore::error::Error;
use partnerscore::history::{Source, Tables};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyMapping};

use crate::errors::{Worked, exception};
use crate::stream::Stream;
use crate::values::pairs;

/// A history, before its tables are read.
pub enum History {
    Folder(PathBuf),
    Tables(Vec<(String, Py<PyAny>)>),
}

impl<'py> FromPyObject<'_, 'py> for History {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let Ok(tables) = given.cast::<PyMapping>() else { return given.extract().map(History::Folder) };
        let tables = pairs(&tables)?.into_iter().map(|(name, table)| (name, table.unbind()));
        Ok(History::Tables(tables.collect()))
    }
}

impl History {
    /// Where it is, its tables read where they are not files: whoever holds them may compute them only now.
    pub fn source(self) -> Worked<Source> {
        let tables = match self {
            History::Folder(folder) => return Ok(Source::Folder(folder)),
            History::Tables(tables) => tables,
        };
        let mut given = Vec::new();
        for (name, table) in tables {
            // One after another: a connection may have one stream at a time.
            let stream = Python::attach(|py| stream_of(&name, table.bind(py)))?;
            given.push(engine::stage("tables", || stream.read(&name))?);
        }
        Ok(Source::Tables(Tables::given(given)?))
    }
}

/// The stream that a table hands over.
pub fn stream_of(name: &str, table: &Bound<'_, PyAny>) -> PyResult<Stream> {
    if !table.hasattr("__arrow_c_stream__")? {
        let what = format!("table `{name}` is a {}, which hands over no Arrow stream", table.get_type().name()?);
        let hint = "give a polars or pandas frame, a pyarrow table, a DuckDB relation, or what else has __arrow_c_stream__; \
                    collect a lazy frame first";
        return Err(exception(table.py(), &Error::usage(what).at("tables in memory").hint(hint)));
    }
    let capsule = table.call_method0("__arrow_c_stream__")?;
    Stream::of(capsule.cast::<PyCapsule>()?)
}
