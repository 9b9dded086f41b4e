//! Rulebooks: built in, from files, and edited.

use std::path::Path;

use partnerscore::error::{Error, Result};
use partnerscore::rulebook::{self, Edit, Rulebook, When};
use pyo3::prelude::*;
use pyo3::types::PyMapping;

use crate::errors::checked;
use crate::values::{maybe, pairs, parsed};

/// A rulebook and its text.
#[pyclass(frozen, skip_from_py_object, name = "Rulebook", module = "partnerscore._partnerscore")]
#[derive(Clone)]
pub struct NativeRulebook {
    pub text: String,
    pub rules: Rulebook,
}

#[pymethods]
impl NativeRulebook {
    #[getter]
    fn id(&self) -> &str {
        &self.rules.id
    }

    #[getter]
    fn title(&self) -> &str {
        &self.rules.title
    }

    #[getter]
    fn hash(&self) -> &str {
        &self.rules.hash
    }

    /// The first day it describes, such as `2024-10-01`.
    #[getter]
    fn effective_from(&self) -> String {
        self.rules.effective_from.to_string()
    }

    /// Whether that day is not exactly known.
    #[getter]
    fn effective_from_estimated(&self) -> bool {
        self.rules.effective_from_estimated
    }

    #[getter]
    fn text(&self) -> &str {
        &self.text
    }

    /// Every entry.
    fn entries(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let json = serde_json::to_string(&self.rules).map_err(|error| Error::internal(error.to_string()));
        parsed(py, &checked(py, json)?)
    }

    /// With some entries changed.
    fn edit(&self, py: Python<'_>, changes: &Bound<'_, PyMapping>) -> PyResult<NativeRulebook> {
        let mut edits = Vec::new();
        leaves(changes, "", &mut edits)?;
        let (text, rules) = checked(py, rulebook::edit(&self.text, &edits))?;
        Ok(NativeRulebook { text, rules })
    }

    /// What changes from this one to another: subject, change, before and after.
    fn changes_to(&self, other: &NativeRulebook) -> Vec<(String, String, Option<String>, Option<String>)> {
        let changes = rulebook::diff(&self.rules, &other.rules).into_iter();
        changes.map(|change| (change.subject, change.change, change.before, change.after)).collect()
    }
}

/// The entries of a mapping with what is in the mappings within it, by dotted keys.
fn leaves(mapping: &Bound<'_, PyMapping>, above: &str, edits: &mut Vec<Edit>) -> PyResult<()> {
    for (key, value) in pairs(mapping)? {
        let key = format!("{above}{key}");
        match value.cast::<PyMapping>() {
            Ok(within) => leaves(within, &format!("{key}."), edits)?,
            Err(_) => edits.push((key, maybe(&value)?)),
        }
    }
    Ok(())
}

/// The built-in rulebooks, the oldest first.
#[pyfunction]
pub fn builtin_rulebooks(py: Python<'_>) -> PyResult<Vec<NativeRulebook>> {
    rulebook::builtin_ids().map(|id| load_rulebook(py, id)).collect()
}

/// A built-in rulebook by its id, or that of a file.
#[pyfunction]
pub fn load_rulebook(py: Python<'_>, name: &str) -> PyResult<NativeRulebook> {
    let load = || Ok(NativeRulebook { text: rulebook::text(name)?, rules: rulebook::choose(Some(name))? });
    checked(py, load())
}

/// The rulebook that a text is.
#[pyfunction]
pub fn read_rulebook(py: Python<'_>, text: String) -> PyResult<NativeRulebook> {
    let rules = checked(py, rulebook::parse(&text, "as given"))?;
    Ok(NativeRulebook { text, rules })
}

/// Which rules are asked for: the default, those of a name, or those given.
#[derive(Clone)]
pub struct Rules {
    named: Option<String>,
    given: Option<NativeRulebook>,
}

impl Rules {
    /// The rulebook for a day.
    pub fn choose(&self, when: When) -> Result<Rulebook> {
        match &self.given {
            Some(given) => Ok(given.rules.clone()),
            None => rulebook::choose_as_of(self.named.as_deref(), when),
        }
    }

    /// The same with its text.
    pub fn chosen(&self, when: When) -> Result<NativeRulebook> {
        if let Some(given) = &self.given {
            return Ok(given.clone());
        }
        let rules = self.choose(when)?;
        let file = self.named.as_deref().filter(|name| Path::new(name).is_file());
        let text = rulebook::text(file.unwrap_or(&rules.id))?;
        Ok(NativeRulebook { text, rules })
    }

    /// Whether any were named.
    pub fn are_named(&self) -> bool {
        self.named.is_some() || self.given.is_some()
    }
}

impl<'py> FromPyObject<'_, 'py> for Rules {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if given.is_none() {
            return Ok(Rules { named: None, given: None });
        }
        if let Ok(rulebook) = given.cast::<NativeRulebook>() {
            return Ok(Rules { named: None, given: Some(rulebook.get().clone()) });
        }
        let path: std::path::PathBuf = given.extract()?;
        Ok(Rules { named: Some(path.to_string_lossy().into_owned()), given: None })
    }
}
