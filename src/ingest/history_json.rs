//! `history.json`: what made a history, and what the next ingest must know of it. It tells no time: the same exports give the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::history::{ExportCoverage, HISTORY_JSON, Spans};
use crate::month::Month;

/// The file's name.
pub(super) const FILE: &str = HISTORY_JSON;
/// The version of the file, and of what lies below `_observations/`.
const SCHEMA_VERSION: u32 = 1;

/// The whole of `history.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HistoryJson {
    pub(super) schema_version: u32,
    /// Tells the key that people's ids were hashed with from another; none where no report with people was read.
    #[serde(default)]
    pub(super) person_key: Option<String>,
    /// Rows of each table.
    #[serde(default)]
    pub(super) rows: BTreeMap<String, u64>,
    /// By month, such as `2026-10`.
    #[serde(default)]
    pub(super) months: BTreeMap<String, MonthRecord>,
    /// The files that were read, by name.
    #[serde(default)]
    pub(super) files: Vec<FileRecord>,
    /// By partner and kind of report, the months that it has the partner in.
    #[serde(default)]
    pub(super) covered: Spans,
}

/// What a month holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MonthRecord {
    pub(super) usage_rows: u64,
    /// Workloads with a row of usage.
    pub(super) workloads: BTreeSet<String>,
    pub(super) observations: u64,
}

/// A file that was read. The same content under another name is the same file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct FileRecord {
    pub(super) name: String,
    pub(super) report: Option<String>,
    pub(super) sha256: String,
    pub(super) bytes: u64,
    pub(super) rows: u64,
    pub(super) kept: u64,
}

impl Default for HistoryJson {
    fn default() -> Self {
        HistoryJson {
            schema_version: SCHEMA_VERSION,
            person_key: None,
            rows: BTreeMap::new(),
            months: BTreeMap::new(),
            files: Vec::new(),
            covered: BTreeMap::new(),
        }
    }
}

impl HistoryJson {
    /// What is told of the history in a folder; that of none where the folder is empty or not there.
    ///
    /// # Errors
    /// Usage where the folder holds other things, or a history of a newer version; refused where the file is damaged.
    pub(super) fn read(history: &Path) -> Result<HistoryJson> {
        let path = history.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return empty(history),
            Err(error) => return Err(Error::storage("read the file", &path, &error)),
        };
        let damaged = |why: String| {
            Error::refused(format!("history.json cannot be read: {why}"))
                .at(path.display())
                .hint("put back a copy of the history; ingesting all exports into a new folder makes it anew")
        };
        let value: serde_json::Value = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        let version = value.get("schema_version").and_then(serde_json::Value::as_u64).unwrap_or_default();
        if version > u64::from(SCHEMA_VERSION) {
            return Err(Error::usage(format!(
                "the history is of version {version}, and this program knows {SCHEMA_VERSION}"
            ))
            .at(path.display())
            .hint("ingest with the program that made it, or with a newer one"));
        }
        serde_json::from_value(value).map_err(|error| damaged(error.to_string()))
    }

    /// The file's content.
    pub(super) fn to_json(&self) -> Result<Vec<u8>> {
        let mut json = serde_json::to_vec_pretty(self).map_err(|error| Error::internal(error.to_string()))?;
        json.push(b'\n');
        Ok(json)
    }

    /// The months that exports cover.
    pub(super) fn covered(&self, history: &Path) -> Result<ExportCoverage> {
        ExportCoverage::from_spans(&self.covered).ok_or_else(|| {
            Error::refused("history.json has a span of months that is none")
                .at(history.join(FILE).display())
                .hint("put back a copy of the history; ingesting all exports into a new folder makes it anew")
        })
    }

    /// Records files, each content once.
    pub(super) fn record(&mut self, files: Vec<FileRecord>) {
        let known = std::mem::take(&mut self.files).into_iter().map(|file| (file.sha256.clone(), file));
        let mut known: BTreeMap<String, FileRecord> = known.collect();
        for file in files {
            let name = known.get(&file.sha256).map_or_else(|| file.name.clone(), |before| before.name.clone());
            known.insert(file.sha256.clone(), FileRecord { name, ..file });
        }
        self.files = known.into_values().collect();
        self.files.sort();
    }

    /// The months that have what is asked for.
    pub(super) fn months_with(&self, has: impl Fn(&MonthRecord) -> bool) -> Vec<Month> {
        let months = self.months.iter().filter(|(_, record)| has(record));
        months.filter_map(|(month, _)| month.parse().ok()).collect()
    }

    /// What is told of a month.
    pub(super) fn month(&mut self, month: Month) -> &mut MonthRecord {
        self.months.entry(month.to_string()).or_default()
    }
}

/// A history that is yet to be made needs a place of its own.
fn empty(history: &Path) -> Result<HistoryJson> {
    let mut entries = fs::read_dir(history).into_iter().flatten().flatten();
    let Some(entry) = entries.find(|entry| !entry.file_name().to_string_lossy().starts_with('.')) else {
        return Ok(HistoryJson::default());
    };
    let name = entry.file_name().to_string_lossy().into_owned();
    Err(Error::usage(format!("the folder holds `{name}` and no history.json: ingest did not make it"))
        .at(history.display())
        .hint("name a new or empty folder; ingest adds to histories of its own alone"))
}
