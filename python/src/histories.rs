//! HISTORY as an argument: a path, a URL, or a mapping of tables that other programs hold or list.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use partnerscore::error::Error;
use partnerscore::history::{Listed, ListedFile, Part, Source};
use partnerscore::{engine, storage};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyMapping};

use crate::errors::{Worked, exception};
use crate::stream::Stream;
use crate::values::pairs;

/// A history, before its tables are read.
pub enum History {
    Folder(PathBuf),
    Tables(Vec<(String, Handed)>),
}

/// What stands for one table.
pub enum Handed {
    /// What hands over its rows as a stream.
    Rows(Py<PyAny>),
    /// Files that hold its rows.
    Files(Listed),
}

/// A table's live files, as the package lists them.
#[derive(FromPyObject)]
struct LiveFiles {
    root: PathBuf,
    /// Each with its name, bytes, milliseconds since 1970, and the values that all of its rows have.
    files: Vec<(String, u64, u64, Partitions)>,
}

/// Values by column; None for null.
type Partitions = BTreeMap<String, Option<String>>;

impl<'py> FromPyObject<'_, 'py> for History {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let Ok(tables) = given.cast::<PyMapping>() else {
            let folder: PathBuf = given.extract()?;
            return Ok(History::Folder(storage::local(&folder)));
        };
        let handed = |(name, table): (String, Bound<'py, PyAny>)| Ok((name, table.extract()?));
        Ok(History::Tables(pairs(&tables)?.into_iter().map(handed).collect::<PyResult<_>>()?))
    }
}

impl<'py> FromPyObject<'_, 'py> for Handed {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Ok(match given.extract::<LiveFiles>() {
            Ok(live) => Handed::Files(live.into()),
            Err(_) => Handed::Rows(given.to_owned().unbind()),
        })
    }
}

impl From<LiveFiles> for Listed {
    fn from(live: LiveFiles) -> Self {
        let files = live.files.into_iter().map(|(name, size, modified, partitions)| ListedFile {
            name,
            size,
            modified: SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(modified)),
            partitions,
        });
        Listed { root: live.root, files: files.collect() }
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
            let part = match table {
                Handed::Rows(table) => rows_of(&name, &table)?,
                Handed::Files(files) => Part::Listed(files),
            };
            given.push((name, part));
        }
        Ok(Source::given(given)?)
    }
}

fn rows_of(name: &str, table: &Py<PyAny>) -> Worked<Part> {
    let stream = Python::attach(|py| stream_of(name, table.bind(py)))?;
    let given = engine::stage("tables", || stream.read(name))?;
    Ok(Part::Held(given.frame()?))
}

/// The stream that a table hands over.
pub fn stream_of(name: &str, table: &Bound<'_, PyAny>) -> PyResult<Stream> {
    if !table.hasattr("__arrow_c_stream__")? {
        let what = format!("table `{name}` is a {}, which hands over no Arrow stream", table.get_type().name()?);
        let hint = "give a polars or pandas frame, a pyarrow table, a DuckDB relation, a DeltaTable, or what else has \
                    __arrow_c_stream__; collect a lazy frame first";
        return Err(exception(table.py(), &Error::usage(what).at("tables in memory").hint(hint)));
    }
    let capsule = table.call_method0("__arrow_c_stream__")?;
    Stream::of(capsule.cast::<PyCapsule>()?)
}
