//! Values of Python as those of a file that people write, so that a mapping is read and refused in the same words as a file.

use partnerscore::error::Error;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyMapping, PySequence, PyString};
use toml::{Table, Value};

use crate::errors::exception;

/// A mapping as the text of a file.
pub fn text(mapping: &Bound<'_, PyMapping>) -> PyResult<String> {
    let table = table(mapping)?;
    let failed = |error: toml::ser::Error| exception(mapping.py(), &Error::usage(error.to_string()));
    toml::to_string(&table).map_err(failed)
}

fn table(mapping: &Bound<'_, PyMapping>) -> PyResult<Table> {
    let mut table = Table::new();
    for (key, value) in pairs(mapping)? {
        // What is None may be absent.
        if let Some(value) = maybe(&value)? {
            table.insert(key, value);
        }
    }
    Ok(table)
}

/// The items of a mapping whose keys are texts.
pub fn pairs<'py>(mapping: &Bound<'py, PyMapping>) -> PyResult<Vec<(String, Bound<'py, PyAny>)>> {
    mapping.items()?.iter().map(|item| item.extract()).collect()
}

/// A value; none for None.
pub fn maybe(value: &Bound<'_, PyAny>) -> PyResult<Option<Value>> {
    if value.is_none() {
        return Ok(None);
    }
    if value.is_instance_of::<PyBool>() {
        return Ok(Some(Value::Boolean(value.extract()?)));
    }
    if value.is_instance_of::<PyInt>() {
        return Ok(Some(Value::Integer(value.extract()?)));
    }
    if value.is_instance_of::<PyFloat>() {
        return Ok(Some(Value::Float(value.extract()?)));
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(Some(Value::String(text.to_string())));
    }
    if let Ok(mapping) = value.cast::<PyMapping>() {
        return Ok(Some(Value::Table(table(mapping)?)));
    }
    if let Ok(sequence) = value.cast::<PySequence>() {
        let items = sequence.try_iter()?.map(|item| maybe(&item?)).collect::<PyResult<Vec<_>>>()?;
        return Ok(Some(Value::Array(items.into_iter().flatten().collect())));
    }
    if let Some(date) =
        value.call_method0("isoformat").ok().and_then(|text| text.extract::<String>().ok()?.parse().ok())
    {
        return Ok(Some(Value::Datetime(date)));
    }
    // Integers of other libraries, such as numpy's.
    if let Ok(whole) = value.call_method0("__index__") {
        return Ok(Some(Value::Integer(whole.extract()?)));
    }
    Err(PyTypeError::new_err(format!("{} has no place here", value.get_type().name()?)))
}

/// JSON as Python's own values.
pub fn parsed(py: Python<'_>, json: &str) -> PyResult<Py<PyAny>> {
    Ok(py.import("json")?.getattr("loads")?.call1((json,))?.unbind())
}
