//! Pipeline files: a run declared in TOML.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::month::Month;
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
    /// Which day is scored; absent for a backfill.
    pub as_of: Option<AsOf>,
    /// Every month of a span instead of one day.
    pub backfill: Option<Span>,
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
    /// What is written of the newest run once it is published.
    #[serde(default)]
    pub reports: Vec<DeclaredReport>,
}

/// The months of a backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    #[serde(deserialize_with = "month")]
    pub from: Month,
    pub to: LastMonth,
}

/// The last month of a backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum LastMonth {
    /// The newest month of the history.
    Newest,
    /// Always the same month.
    Month(Month),
}

/// One report: the files to write, whose partners they hold, and the run that they compare with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredReport {
    pub html: Option<PathBuf>,
    pub xlsx: Option<PathBuf>,
    /// Folder for a page of each partner.
    pub each: Option<PathBuf>,
    pub distributor: Option<String>,
    pub compare: Option<Compare>,
}

/// The run that a report compares with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum Compare {
    /// The one published before; none where there is none yet.
    LastRun,
    /// This one.
    Run(PathBuf),
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

/// What stands for the newest month of the history.
const NEWEST_MONTH: &str = "newest_month";
/// What stands for the run published before.
const LAST_RUN: &str = "last_run";

impl TryFrom<String> for LastMonth {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        match text.as_str() {
            NEWEST_MONTH => Ok(LastMonth::Newest),
            month => month
                .parse()
                .map(LastMonth::Month)
                .map_err(|_| format!("to is \"{NEWEST_MONTH}\" or a month such as \"2026-10\", not `{month}`")),
        }
    }
}

fn month<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Month, D::Error> {
    let text = String::deserialize(deserializer)?;
    let wrong = |_| serde::de::Error::custom(format!("from is a month such as \"2026-05\", not `{text}`"));
    text.parse().map_err(wrong)
}

impl From<String> for Compare {
    fn from(text: String) -> Self {
        if text == LAST_RUN { Compare::LastRun } else { Compare::Run(text.into()) }
    }
}

impl TryFrom<String> for AsOf {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        match text.as_str() {
            "today" => Ok(AsOf::Today),
            NEWEST_MONTH => Ok(AsOf::NewestMonth),
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
        declared.check(&text, &place)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        declared.history = folder.join(&declared.history);
        declared.output = folder.join(&declared.output);
        let named = declared.rulebook.as_ref().filter(|name| *name != rulebook::BY_DATE);
        let file = named.map(|name| folder.join(name)).filter(|file| file.is_file());
        declared.rulebook = file.map(|file| file.display().to_string()).or(declared.rulebook);
        declared.reports.iter_mut().for_each(|report| report.start_at(folder));
        Ok(declared)
    }

    /// Refuses what its types cannot.
    fn check(&self, text: &str, place: &str) -> Result<()> {
        let wrong = |key: &str, what: String, hint: &str| {
            let place = format!("{place}:{}", toml_file::line_of_key(text, key));
            Err(Error::usage(what).at(place).hint(hint))
        };
        for (key, share) in [("max_reject_ratio", self.max_reject_ratio), ("min_coverage", self.min_coverage)] {
            if !(0.0..=1.0).contains(&share) {
                return wrong(key, format!("{key} is not a share"), "use a number from 0 to 1");
            }
        }
        if self.shards == 0 {
            return wrong("shards", "shards is zero".to_owned(), "use 1 or more");
        }
        if self.as_of.is_some() == self.backfill.is_some() {
            let what = "a pipeline scores one day or every month of a span".to_owned();
            return wrong("backfill", what, "give either as_of or [backfill]");
        }
        if self.strict && self.backfill.is_some() {
            let what = "strict is for one day: a backfill tells of each month".to_owned();
            return wrong("strict", what, "leave strict out");
        }
        if self.reports.iter().any(DeclaredReport::writes_nothing) {
            return wrong("reports", "a report names no file".to_owned(), "add html, xlsx or each");
        }
        Ok(())
    }
}

impl DeclaredReport {
    fn writes_nothing(&self) -> bool {
        self.html.is_none() && self.xlsx.is_none() && self.each.is_none()
    }

    /// Has relative paths start at a folder.
    fn start_at(&mut self, folder: &Path) {
        let files = [&mut self.html, &mut self.xlsx, &mut self.each].into_iter().flatten();
        let compared = match &mut self.compare {
            Some(Compare::Run(run)) => Some(run),
            Some(Compare::LastRun) | None => None,
        };
        files.chain(compared).for_each(|path| *path = folder.join(&*path));
    }
}
