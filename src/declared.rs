//! Pipeline files: a run declared in TOML.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::rulebook;
use crate::toml_file;

/// A declared run. Relative paths start at the pipeline file's folder.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// Folder of the history.
    pub history: PathBuf,
    /// Folder to publish in.
    pub output: PathBuf,
    /// Which day is scored.
    pub as_of: AsOf,
    /// An id, the path of a TOML file, or `by-date`; the default where absent.
    pub rulebook: Option<String>,
    #[serde(default)]
    pub evidence: bool,
    #[serde(default = "one_shard")]
    pub shards: u16,
    #[serde(default = "max_reject_ratio")]
    pub max_reject_ratio: f64,
    #[serde(default = "min_coverage")]
    pub min_coverage: f64,
    #[serde(default)]
    pub strict: bool,
}

/// The as-of policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum AsOf {
    /// The day of the run, UTC.
    Today,
    /// The first day on which the newest month of the history is complete.
    NewestMonth,
    /// Always the same day.
    Day(NaiveDate),
}

impl TryFrom<String> for AsOf {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        match text.as_str() {
            "today" => Ok(AsOf::Today),
            "newest_month" => Ok(AsOf::NewestMonth),
            day => day
                .parse()
                .map(AsOf::Day)
                .map_err(|_| format!("as_of is \"today\", \"newest_month\" or a date, not `{day}`")),
        }
    }
}

fn one_shard() -> u16 {
    1
}

fn max_reject_ratio() -> f64 {
    0.01
}

fn min_coverage() -> f64 {
    0.5
}

impl Declared {
    /// Reads a pipeline file.
    ///
    /// # Errors
    /// Usage where the file is missing or wrong, with its line.
    pub fn read(path: &Path) -> Result<Declared> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::usage(format!("could not read the pipeline file: {error}")).at(path.display()))?;
        let place = path.display().to_string();
        let mut declared: Declared = toml_file::parse(&text, &place, "see pipelines/nightly.toml for a complete one")?;
        let shares = [("max_reject_ratio", declared.max_reject_ratio), ("min_coverage", declared.min_coverage)];
        if let Some((key, _)) = shares.into_iter().find(|(_, share)| !(0.0..=1.0).contains(share)) {
            let place = format!("{place}:{}", toml_file::line_of_key(&text, key));
            return Err(Error::usage(format!("{key} is not a share")).at(place).hint("use a number from 0 to 1"));
        }
        if declared.shards == 0 {
            let place = format!("{place}:{}", toml_file::line_of_key(&text, "shards"));
            return Err(Error::usage("shards is zero").at(place).hint("use 1 or more"));
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        declared.history = folder.join(&declared.history);
        declared.output = folder.join(&declared.output);
        let named = declared.rulebook.as_ref().filter(|name| *name != rulebook::BY_DATE);
        let file = named.map(|name| folder.join(name)).filter(|file| file.is_file());
        declared.rulebook = file.map(|file| file.display().to_string()).or(declared.rulebook);
        Ok(declared)
    }
}
