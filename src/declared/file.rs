//! Pipeline files, as types.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use super::settings::Overrides;
use super::status::PipelineStatus;
use crate::error::{Error, Result};
use crate::insight;
use crate::month::Month;
use crate::publish::{self, Encoding, Mode, Output, OutputKind};
use crate::rulebook;
use crate::storage;
use crate::toml_file;

/// A declared run: a pipeline file. Relative paths start at the file's folder.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// Folder of the history, or its URL on an object store.
    pub history: PathBuf,
    /// Folder to publish in, or its URL on an object store.
    pub output: PathBuf,
    /// Which day is scored: today, newest_month or a date. This, or backfill.
    #[schemars(extend("pattern" = "^(today|newest_month|[0-9]{4}-[0-9]{2}-[0-9]{2})$"))]
    pub as_of: Option<AsOf>,
    /// Every month of a span instead of one day.
    pub backfill: Option<Span>,
    /// An id of `partnerscore rules list`, the path of a TOML file, or by-date; the default where absent.
    pub rulebook: Option<String>,
    /// Publish what every tenant, pair and person adds.
    #[serde(default)]
    pub evidence: bool,
    /// Sets of whole tenants, read one after another.
    #[serde(default = "one_shard")]
    #[schemars(range(min = 1))]
    pub shards: u16,
    /// Largest share of a table's checked rows that may be rejected.
    #[serde(default = "max_reject_ratio")]
    #[schemars(range(min = 0, max = 1))]
    pub max_reject_ratio: f64,
    /// Smallest share of the tenants held that usage must know.
    #[serde(default = "min_coverage")]
    #[schemars(range(min = 0, max = 1))]
    pub min_coverage: f64,
    /// Largest share of rows whose names or tenant ids match known ones only without case, padding and punctuation.
    #[serde(default = "max_unknown_ratio")]
    #[schemars(range(min = 0, max = 1))]
    pub max_unknown_ratio: f64,
    /// Largest share of the last run's partners that may be missing.
    #[schemars(range(min = 0, max = 1))]
    pub max_fall_in_partners: Option<f64>,
    /// Most points that the mean score may lie below that of the last run.
    #[schemars(range(min = 0))]
    pub max_fall_in_mean_points: Option<f64>,
    /// End with 4 where there are warnings or rejects.
    #[serde(default)]
    pub strict: bool,
    /// Permissions of what is published, octal, such as "640".
    #[serde(default, deserialize_with = "mode")]
    #[schemars(with = "Option<String>", extend("pattern" = "^[0-7]{3}$"))]
    pub mode: Mode,
    /// What is written of the newest run once it is published.
    #[serde(default)]
    pub reports: Vec<DeclaredReport>,
    /// What changed since another run, as `partnerscore diff` tells it.
    #[serde(default)]
    pub comparisons: Vec<DeclaredComparison>,
    /// What happened to partners since the last run that somebody should hear of.
    pub alerts: Option<DeclaredAlerts>,
    /// How many runs are kept; not where output is a URL.
    pub retention: Option<Retention>,
    /// Where a monitor and a lineage store hear of the run.
    #[serde(default)]
    pub telemetry: Telemetry,
}

/// The months of a backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The first usage month.
    #[serde(deserialize_with = "month")]
    #[schemars(with = "String", extend("pattern" = "^[0-9]{4}-[0-9]{2}$"))]
    pub from: Month,
    /// The last usage month: newest_month or a month.
    #[schemars(extend("pattern" = "^(newest_month|[0-9]{4}-[0-9]{2})$"))]
    pub to: LastMonth,
}

/// The last month of a backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub enum LastMonth {
    /// The newest month of the history.
    Newest,
    /// Always the same month.
    Month(Month),
}

/// One report: the files to write, whose partners they hold, and the run that they compare with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclaredReport {
    /// The page.
    #[serde(serialize_with = "some_path")]
    pub html: Option<PathBuf>,
    /// The workbook.
    #[serde(serialize_with = "some_path")]
    pub xlsx: Option<PathBuf>,
    /// Folder for a page of each partner.
    #[serde(serialize_with = "some_path")]
    pub each: Option<PathBuf>,
    /// Only this distributor's partners.
    pub distributor: Option<String>,
    /// last_run, or the path of a published run.
    pub compare: Option<Compare>,
}

/// A comparison with another run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclaredComparison {
    /// last_run, or the path of a published run.
    pub compare: Compare,
    /// A .json, .csv or .parquet file.
    #[serde(serialize_with = "path")]
    pub file: PathBuf,
    /// In a .csv file, put an apostrophe before text that a spreadsheet would take for a formula.
    #[serde(default)]
    pub csv_safe: bool,
}

/// Alerts of the last run and this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclaredAlerts {
    /// A .json, .csv or .parquet file.
    #[serde(serialize_with = "path")]
    pub file: PathBuf,
    /// In a .csv file, put an apostrophe before text that a spreadsheet would take for a formula.
    #[serde(default)]
    pub csv_safe: bool,
}

/// What is kept of the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// The newest so many runs of the output folder.
    #[schemars(range(min = 1))]
    pub runs: u32,
}

/// Where others hear of the run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// A file for the textfile collector of Prometheus' node exporter, written anew by every run.
    pub prometheus: Option<PathBuf>,
    /// A file that events of OpenLineage are added to, one a line.
    pub openlineage: Option<PathBuf>,
    /// The namespace of the job in OpenLineage.
    pub namespace: Option<String>,
}

/// The run that a report compares with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(with = "String")]
pub enum Compare {
    /// The one published before; none where there is none yet.
    LastRun,
    /// This one.
    Run(PathBuf),
}

/// The as-of policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub enum AsOf {
    /// The day of the run, UTC.
    Today,
    /// The first day on which the newest month of the history is complete.
    NewestMonth,
    /// Always the same day.
    Day(NaiveDate),
}

/// What stands for the day of the run.
const TODAY: &str = "today";
/// What stands for the newest month of the history.
const NEWEST_MONTH: &str = "newest_month";
/// What stands for the run published before.
const LAST_RUN: &str = "last_run";

impl TryFrom<String> for LastMonth {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        text.parse()
    }
}

impl FromStr for LastMonth {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
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

fn mode<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Mode, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

impl From<String> for Compare {
    fn from(text: String) -> Self {
        if text == LAST_RUN { Compare::LastRun } else { Compare::Run(text.into()) }
    }
}

impl From<Compare> for String {
    fn from(compare: Compare) -> Self {
        compare.to_string()
    }
}

/// A path as text: not every path is UTF-8, and JSON is.
fn path<S: Serializer>(path: &Path, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

fn some_path<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    path.as_ref().map(|path| path.to_string_lossy()).serialize(serializer)
}

impl TryFrom<String> for AsOf {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        text.parse()
    }
}

impl FromStr for AsOf {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            TODAY => Ok(AsOf::Today),
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

fn max_unknown_ratio() -> f64 {
    0.05
}

/// A pipeline file that was read and checked, under what overrides it.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// The file's name without its ending.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// What it declares, overridden, with whole paths.
    pub declared: Declared,
    /// Where each overridden or declared setting stands, by key; defaults are not in it.
    pub sources: BTreeMap<String, String>,
}

/// What is scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dates {
    One(AsOf),
    Months(Span),
}

impl Pipeline {
    /// Reads a pipeline file.
    ///
    /// # Errors
    /// Usage where the file is missing or wrong, with its line; or where what overrides it does not fit it.
    pub fn read(path: &Path, overrides: Overrides) -> Result<Pipeline> {
        let text = toml_file::read(path, "pipeline file", "see pipelines/nightly.toml for a complete one")?;
        let place = path.display().to_string();
        let mut declared: Declared = toml_file::parse(&text, &place, "see pipelines/nightly.toml for a complete one")?;
        declared.start_at(path.parent().unwrap_or(Path::new("")));
        let mut sources = toml_file::places(&text, &place);
        overrides.apply(&mut declared, &mut sources)?;
        declared.check(&sources, &place)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let pipeline = Pipeline { name, path: path.to_owned(), declared, sources };
        pipeline.refuse_outputs()?;
        Ok(pipeline)
    }

    /// Refuses files and folders that would overwrite each other or what is read, and what is neither a folder nor a regular file.
    fn refuse_outputs(&self) -> Result<()> {
        let declared = &self.declared;
        let beside: Vec<PathBuf> = match storage::is_url(&declared.output) {
            true => Vec::new(),
            false => self.beside_output().iter().map(|name| declared.output.join(name)).collect(),
        };
        let mut outputs = vec![Output::new("output", &declared.output, OutputKind::Runs)];
        outputs.extend(beside.iter().map(|file| Output::new("a file that every run writes", file, OutputKind::File)));
        for (number, report) in declared.reports.iter().enumerate() {
            let files = [
                ("html", &report.html, OutputKind::File),
                ("xlsx", &report.xlsx, OutputKind::File),
                ("each", &report.each, OutputKind::Folder),
            ];
            let named = |name: &str| format!("reports.{}.{name}", number + 1);
            outputs.extend(
                files.into_iter().filter_map(|(name, path, kind)| Some(Output::new(named(name), path.as_ref()?, kind))),
            );
        }
        let telemetry = [
            ("telemetry.prometheus", &declared.telemetry.prometheus, OutputKind::File),
            ("telemetry.openlineage", &declared.telemetry.openlineage, OutputKind::Log),
        ];
        outputs.extend(
            telemetry.into_iter().filter_map(|(name, path, kind)| Some(Output::new(name, path.as_ref()?, kind))),
        );
        for (number, comparison) in declared.comparisons.iter().enumerate() {
            outputs.push(Output::new(format!("comparisons.{}.file", number + 1), &comparison.file, OutputKind::File));
        }
        outputs.extend(declared.alerts.iter().map(|alerts| Output::new("alerts.file", &alerts.file, OutputKind::File)));
        let rulebook = declared.rulebook.as_deref().map(Path::new).filter(|file| file.is_file());
        let inputs: Vec<(&str, &Path)> = [("history", declared.history.as_path()), ("the pipeline file", &self.path)]
            .into_iter()
            .chain(rulebook.map(|file| ("rulebook", file)))
            .collect();
        publish::refuse_outputs(&outputs, &inputs).map_err(|error| self.at_setting(error))
    }

    /// Names of the files that runs write beside what they publish.
    fn beside_output(&self) -> Vec<String> {
        let status = PipelineStatus::file(&self.name);
        let of_backfill = [insight::TREND, insight::RECORD].map(str::to_owned);
        let is_backfill = self.declared.backfill.is_some();
        std::iter::once(status).chain(of_backfill.into_iter().filter(|_| is_backfill)).collect()
    }

    /// An error about an output, at the setting that its words begin with.
    fn at_setting(&self, error: Error) -> Error {
        let key = error.what.split([' ', ':']).next().unwrap_or_default();
        let path = error.place.as_deref().unwrap_or_default();
        let what = format!("{}: `{path}`", error.what);
        let place = self.source(key);
        Error { what, ..error }.at(place)
    }
}

impl Declared {
    /// What is scored: the one of both that [`check`](Self::check) has seen.
    pub fn dates(&self) -> Result<Dates> {
        match (self.as_of, self.backfill) {
            (Some(as_of), None) => Ok(Dates::One(as_of)),
            (None, Some(span)) => Ok(Dates::Months(span)),
            _ => Err(Error::internal("a pipeline file that scores nothing was not refused")),
        }
    }

    /// Has relative paths start at a folder.
    fn start_at(&mut self, folder: &Path) {
        let named = self.rulebook.as_ref().filter(|name| *name != rulebook::BY_DATE);
        let file = named.map(|name| folder.join(name)).filter(|file| file.is_file());
        self.rulebook = file.map(|file| file.display().to_string()).or(self.rulebook.take());
        let mut paths = vec![&mut self.history, &mut self.output];
        paths.extend(self.alerts.as_mut().map(|alerts| &mut alerts.file));
        paths.extend([&mut self.telemetry.prometheus, &mut self.telemetry.openlineage].into_iter().flatten());
        for report in &mut self.reports {
            paths.extend([&mut report.html, &mut report.xlsx, &mut report.each].into_iter().flatten());
            paths.extend(report.compare.as_mut().and_then(Compare::path));
        }
        for comparison in &mut self.comparisons {
            paths.push(&mut comparison.file);
            paths.extend(comparison.compare.path());
        }
        // A URL starts nowhere else; one of this machine's files is a path.
        paths
            .into_iter()
            .filter(|path| !storage::is_url(path))
            .for_each(|path| *path = folder.join(storage::local(path)));
    }

    /// Refuses what its types cannot.
    fn check(&self, sources: &BTreeMap<String, String>, file: &str) -> Result<()> {
        let wrong = |key: &str, what: String, hint: &str| {
            let place = sources.get(key).cloned().unwrap_or_else(|| format!("{file}:1"));
            Err(Error::usage(what).at(place).hint(hint))
        };
        let shares = [
            ("max_reject_ratio", Some(self.max_reject_ratio)),
            ("min_coverage", Some(self.min_coverage)),
            ("max_unknown_ratio", Some(self.max_unknown_ratio)),
            ("max_fall_in_partners", self.max_fall_in_partners),
        ];
        for (key, share) in shares {
            if share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
                return wrong(key, format!("{key} is not a share"), "use a number from 0 to 1");
            }
        }
        if self.max_fall_in_mean_points.is_some_and(|points| !(0.0..=f64::from(i32::MAX)).contains(&points)) {
            let what = "max_fall_in_mean_points is no number of points".to_owned();
            return wrong("max_fall_in_mean_points", what, "use 0 or more");
        }
        if storage::is_url(&self.output) && self.retention.is_some() {
            let what = "retention is for runs in a folder, and output is a URL".to_owned();
            return wrong("retention", what, "leave it out; a lifecycle rule of the store removes old runs");
        }
        if self.shards == 0 {
            return wrong("shards", "shards is zero".to_owned(), "use 1 or more");
        }
        if self.as_of.is_some() == self.backfill.is_some() {
            let what = "a pipeline scores one day or every month of a span".to_owned();
            return wrong("backfill", what, "give either as_of or [backfill]");
        }
        if self.backfill.is_some() {
            let of_one_day = [
                ("strict", self.strict),
                ("max_fall_in_partners", self.max_fall_in_partners.is_some()),
                ("max_fall_in_mean_points", self.max_fall_in_mean_points.is_some()),
                ("retention", self.retention.is_some()),
            ];
            if let Some((key, _)) = of_one_day.iter().find(|(_, is_set)| *is_set) {
                let what = format!("{key} is for one day, and this pipeline publishes every month of a span");
                return wrong(key, what, &format!("leave {key} out"));
            }
        }
        if self.retention.is_some_and(|retention| retention.runs == 0) {
            return wrong("retention.runs", "no run would be kept".to_owned(), "use 1 or more");
        }
        if self.reports.iter().any(DeclaredReport::writes_nothing) {
            return wrong("reports", "a report names no file".to_owned(), "add html, xlsx or each");
        }
        let compared = self.comparisons.iter().map(|comparison| ("comparisons", &comparison.file));
        for (key, file) in compared.chain(self.alerts.iter().map(|alerts| ("alerts", &alerts.file))) {
            if Encoding::of(file).is_none() {
                let what = format!("`{}` does not tell its format", file.display());
                return wrong(key, what, "name a file that ends with .json, .csv or .parquet");
            }
        }
        Ok(())
    }
}

impl Compare {
    fn path(&mut self) -> Option<&mut PathBuf> {
        match self {
            Compare::Run(run) => Some(run),
            Compare::LastRun => None,
        }
    }
}

impl DeclaredReport {
    fn writes_nothing(&self) -> bool {
        self.html.is_none() && self.xlsx.is_none() && self.each.is_none()
    }
}

impl fmt::Display for AsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AsOf::Today => f.write_str(TODAY),
            AsOf::NewestMonth => f.write_str(NEWEST_MONTH),
            AsOf::Day(day) => day.fmt(f),
        }
    }
}

impl fmt::Display for LastMonth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LastMonth::Newest => f.write_str(NEWEST_MONTH),
            LastMonth::Month(month) => month.fmt(f),
        }
    }
}

impl fmt::Display for Compare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Compare::LastRun => f.write_str(LAST_RUN),
            Compare::Run(run) => run.display().fmt(f),
        }
    }
}
