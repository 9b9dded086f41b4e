//! Errors of the crate as exceptions of the package, with the same code, words, place and hint.

use partnerscore::error::Error;
use partnerscore::storage::redacted_error;
use pyo3::prelude::*;

/// The exception that stands for an error.
pub fn exception(py: Python<'_>, error: &Error) -> PyErr {
    let error = &redacted_error(error);
    let made = py.import("partnerscore._errors").and_then(|errors| {
        let place = error.place.as_deref();
        let parts = (error.code.exit(), &error.what, place, error.hint.as_deref(), error.code.retry_helps());
        errors.getattr("of")?.call1(parts)
    });
    made.map_or_else(|failed| failed, PyErr::from_value)
}

/// A result of the crate for Python.
pub fn checked<T>(py: Python<'_>, result: Result<T, Error>) -> PyResult<T> {
    result.map_err(|error| exception(py, &error))
}

/// Why work ended: an error of the crate, or what objects of the caller have raised.
pub enum Failed {
    Error(Error),
    Raised(PyErr),
}

impl Failed {
    /// As an exception.
    pub fn raised(self, py: Python<'_>) -> PyErr {
        match self {
            Failed::Error(error) => exception(py, &error),
            Failed::Raised(raised) => raised,
        }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Failed::Error(error)
    }
}

impl From<PyErr> for Failed {
    fn from(raised: PyErr) -> Self {
        Failed::Raised(raised)
    }
}

/// The result of work that may use objects of the caller.
pub type Worked<T> = Result<T, Failed>;
