//! Questions: each answer as the JSON that the command prints, and as the rows of one table.

use std::path::PathBuf;

use partnerscore::error::{Error, Result};
use partnerscore::insight::diff::{Comparison, ROWS, diff as compare};
use partnerscore::insight::{self, Answer, Effort, Published, Scenario, Wanted};
use partnerscore::pipeline::Settings;
use partnerscore::rulebook::{Rulebook, Track};
use partnerscore::storage;
use pyo3::prelude::*;
use pyo3::types::PyMapping;

use crate::arguments::Asked;
use crate::errors::Worked;
use crate::rulebooks::Rules;
use crate::tables::NativeTable;
use crate::values::{parsed, text};
use crate::work::wait_for;

/// JSON, and its rows.
type Answered = (String, NativeTable);

fn answered(answer: &impl Answer) -> Worked<Answered> {
    let json = serde_json::to_string(answer).map_err(|error| Error::internal(error.to_string()))?;
    Ok((json, NativeTable::held(answer.rows()?)))
}

/// Waits for an answer; its JSON comes as Python's own values.
fn ask(
    py: Python<'_>,
    progress: Option<Bound<'_, PyAny>>,
    cache: Option<PathBuf>,
    question: impl FnOnce() -> Worked<Answered> + Send + 'static,
) -> PyResult<(Py<PyAny>, NativeTable)> {
    let (json, table) = wait_for(py, progress.as_ref(), cache, question)?;
    Ok((parsed(py, &json)?, table))
}

/// A file, or the mapping that one would hold.
pub enum Written {
    File(PathBuf),
    Text(String),
}

impl<'py> FromPyObject<'_, 'py> for Written {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match given.cast::<PyMapping>() {
            Ok(mapping) => text(&mapping).map(Written::Text),
            Err(_) => given.extract().map(Written::File),
        }
    }
}

/// What a mapping is called in errors, in the place of a file.
const GIVEN: &str = "as given";

impl Written {
    fn scenario(&self) -> Result<Scenario> {
        match self {
            Written::File(path) => Scenario::read(path),
            Written::Text(text) => Scenario::parse(text, GIVEN),
        }
    }

    fn effort(&self, rules: &Rulebook) -> Result<Effort> {
        match self {
            Written::File(path) => {
                let effort = Effort::read(Some(path))?;
                effort.require_options(rules, path)?;
                Ok(effort)
            }
            Written::Text(text) => {
                let effort = Effort::parse(text, GIVEN)?;
                effort.require_options_of(rules, text, GIVEN)?;
                Ok(effort)
            }
        }
    }
}

/// Every point of a partner, of a run or of a history.
#[pyfunction]
pub fn explain(
    py: Python<'_>,
    asked: Asked,
    partner: String,
    track: Option<String>,
    metric: Option<String>,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<(Py<PyAny>, NativeTable)> {
    ask(py, progress, asked.cache(), move || {
        let metric = metric.as_deref().map(insight::metric_named).transpose()?;
        let wanted = Wanted { track: track.as_deref().map(track_named).transpose()?, metric };
        let run = asked.folder().filter(|folder| Published::is_at(folder)).map(ToOwned::to_owned);
        match run {
            Some(run) if asked.names_day_or_rules() => Err(insight::already_scored(&run).into()),
            Some(run) => answered(&insight::explain_run(&run, &partner, &wanted)?),
            None => {
                let settings = Settings { partners: vec![partner], ..asked.settings()? };
                answered(&insight::explain_history(&settings.of_a_few(), &wanted)?)
            }
        }
    })
}

fn track_named(name: &str) -> Result<Track> {
    let known = Track::ALL.map(Track::name).join(" and ");
    Track::named(name)
        .ok_or_else(|| Error::usage(format!("there is no track `{name}`")).hint(format!("tracks are {known}")))
}

/// The moves that bring a partner to the designation, or every partner without it.
#[pyfunction]
pub fn plan(
    py: Python<'_>,
    asked: Asked,
    effort: Option<Written>,
    all: bool,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<(Py<PyAny>, NativeTable)> {
    ask(py, progress, asked.cache(), move || {
        let settings = asked.settings()?;
        let effort = effort.map_or_else(|| Effort::read(None), |effort| effort.effort(&settings.rules))?;
        match all {
            true => answered(&insight::plan_all(&settings, &effort)?),
            false => answered(&insight::plan(&settings.of_a_few(), &effort)?),
        }
    })
}

/// A partner before and after a change, or the portfolio under another rulebook.
#[pyfunction]
pub fn simulate(
    py: Python<'_>,
    asked: Asked,
    scenario: Option<Written>,
    against: Rules,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<(Py<PyAny>, NativeTable)> {
    ask(py, progress, asked.cache(), move || {
        let when = asked.when()?;
        let scenario = scenario.map(|scenario| scenario.scenario()).transpose()?.unwrap_or_default();
        let settings = asked.settings()?;
        if !against.are_named() {
            return answered(&insight::simulate(&settings.of_a_few(), &scenario)?);
        }
        if !scenario.is_empty() {
            return Err(insight::simulated_by_itself().into());
        }
        answered(&insight::compare_rulebooks(&settings, &against.choose(when)?)?)
    })
}

/// What is already certain about the next months.
#[pyfunction]
pub fn outlook(
    py: Python<'_>,
    asked: Asked,
    months: u32,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<(Py<PyAny>, NativeTable)> {
    ask(py, progress, asked.cache(), move || {
        let settings = asked.settings()?;
        let settings = if settings.partners.is_empty() { settings } else { settings.of_a_few() };
        answered(&insight::outlook(&settings, months)?)
    })
}

/// What changed between two runs, and why.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "the package has a name for each")]
pub fn diff(
    py: Python<'_>,
    before: PathBuf,
    after: PathBuf,
    partner: Option<String>,
    metric: Option<String>,
    rows: Option<usize>,
    history: Option<PathBuf>,
    rulebook: Option<PathBuf>,
    cache: Option<PathBuf>,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<(Py<PyAny>, NativeTable)> {
    let rulebook = rulebook.map(|name| name.to_string_lossy().into_owned());
    let rows = rows.or_else(|| partner.is_none().then_some(ROWS));
    let [before, after] = [before, after].map(|run| storage::local(&run));
    let history = history.map(|history| storage::local(&history));
    let asked = Comparison { before, after, partner, metric, rows, history, rulebook };
    ask(py, progress, cache, move || answered(&compare(&asked)?))
}
