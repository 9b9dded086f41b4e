//! `run.json`: what a run read, found and took, for people and orchestrators.

use std::fs;
use std::path::Path;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::history::{MISSING_EXPORT, MissingExport};

/// Keys that may differ between two runs of the same input: the engine revision stands for the results of a version.
const VOLATILE: [&str; 4] = ["version", "finished_at", "stages", "peak_memory_bytes"];

/// The whole of `run.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Run {
    /// Version of the program.
    pub version: String,
    /// Revision of the engine; 0 in runs of versions that did not record it.
    #[serde(default)]
    pub engine_revision: u32,
    pub schema_version: String,
    pub rulebook: RulebookName,
    pub as_of: NaiveDate,
    pub months: Months,
    /// What the run was narrowed to.
    pub selection: Selection,
    pub inputs: Vec<Input>,
    pub rows: RowCounts,
    /// None in runs of versions that did not tell.
    #[serde(default)]
    pub scores: Option<ScoreSummary>,
    pub rejects: Vec<RejectCount>,
    pub warnings: Vec<WarningCount>,
    pub freshness: Freshness,
    pub stages: Vec<Stage>,
    /// None where the system does not tell.
    pub peak_memory_bytes: Option<u64>,
    /// UTC.
    pub finished_at: String,
}

/// Which rules.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RulebookName {
    pub id: String,
    /// SHA-256 of its file.
    pub hash: String,
    /// Points that its designation asks for.
    #[serde(default)]
    pub designation_points: i64,
    /// Points that every metric of a qualifying track needs.
    #[serde(default)]
    pub minimum_points: f64,
}

/// The two months a score compares, as first days.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Months {
    pub m: NaiveDate,
    pub p: NaiveDate,
}

/// Partners and distributors named on the command line; empty for the whole portfolio.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    pub partners: Vec<String>,
    pub distributors: Vec<String>,
    pub evidence: bool,
    /// Whether rejects, warnings and row counts are those of the partners named alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own_findings: bool,
}

impl Selection {
    /// Whether another run was asked for the same partners.
    pub fn of_same_partners(&self, other: &Selection) -> bool {
        self.partners == other.partners && self.distributors == other.distributors
    }
}

/// What the scores come to; how many there are stands in the row counts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScoreSummary {
    /// Mean of the total points; 0 where there is no partner.
    pub mean_points: f64,
    /// Partners with the designation, by track.
    pub qualified: std::collections::BTreeMap<String, u64>,
}

/// One file that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    pub name: String,
    pub size: u64,
    /// Last modification, UTC, in nanoseconds.
    pub modified: Option<String>,
    /// Last change of content or attributes, UTC, in nanoseconds; None where the system records none, and on object stores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<String>,
    /// What the object store calls this version of it; None where it lies in a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// None where the footer cannot be read, which refuses a run that needs the file.
    pub footer_hash: Option<String>,
    pub rows: Option<u64>,
}

impl Input {
    /// Whether both are the same version of a file. On an object store the etag decides: a file that was written again with the same
    /// bytes may keep it.
    pub fn is_version_of(&self, other: &Input) -> bool {
        match (&self.etag, &other.etag) {
            (Some(etag), Some(theirs)) => {
                let same_content = self.size == other.size && self.footer_hash == other.footer_hash;
                self.name == other.name && etag == theirs && same_content
            }
            _ => self == other,
        }
    }
}

/// Rows in and out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RowCounts {
    /// Rows checked, by table.
    pub checked: std::collections::BTreeMap<String, u64>,
    pub scores: u64,
    pub metric_points: u64,
    /// None without `--evidence`.
    pub evidence: Option<u64>,
    pub rejects: u64,
    /// Tenants held at M, and those of them found in usage at M.
    pub tenants_held: u64,
    pub tenants_found: u64,
}

/// Rejected rows of a table under a rule.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RejectCount {
    pub table: String,
    pub rule: String,
    pub rows: u64,
}

/// How often a warning was seen.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WarningCount {
    pub rule: String,
    /// The workload, certification or option it is about.
    pub subject: String,
    pub count: u64,
}

/// How recent the newest data is, and whether that is as recent as the source promises.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Freshness {
    pub newest_usage_month: Option<NaiveDate>,
    pub usage_as_promised: bool,
    pub newest_certification: Option<NaiveDate>,
    /// The day on which the table of certifications was last written, where that is known.
    #[serde(default)]
    pub certifications_written: Option<NaiveDate>,
    /// None where it is not known: that nobody was certified lately does not make an export old.
    pub certifications_as_promised: Option<bool>,
}

/// Time spent in one stage; stages of one set of tenants follow each other.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stage {
    pub stage: String,
    pub milliseconds: u64,
    /// The most memory the process held when the stage ended; None where the system does not tell.
    pub resident_bytes: Option<u64>,
}

impl Run {
    /// The file's content.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        let mut json = serde_json::to_vec_pretty(self).map_err(|error| Error::internal(error.to_string()))?;
        json.push(b'\n');
        Ok(json)
    }

    /// The exports that accounts lack: report and months, such as `office_usage 2026-10`, and the account.
    pub fn missing_exports(&self) -> impl Iterator<Item = (&str, &str)> {
        let exports = self.warnings.iter().filter(|warning| warning.rule == MISSING_EXPORT);
        exports.filter_map(|warning| MissingExport::parse(&warning.subject))
    }

    /// What it tells of its input and findings: two runs of the same input agree in it.
    pub(super) fn stable(&self) -> Result<Value> {
        serde_json::to_value(self).map(stable).map_err(|error| Error::internal(error.to_string()))
    }

    /// Whether a published folder tells of the same input and findings.
    pub fn same_as(&self, published: &Path) -> bool {
        let before = fs::read(published.join("run.json")).ok().and_then(|json| serde_json::from_slice(&json).ok());
        before.map(stable) == self.stable().ok()
    }
}

fn stable(mut value: Value) -> Value {
    if let Some(object) = value.as_object_mut() {
        VOLATILE.iter().for_each(|key| drop(object.remove(*key)));
    }
    let inputs = value.get_mut("inputs").and_then(Value::as_array_mut).into_iter().flatten();
    for input in inputs.filter_map(Value::as_object_mut).filter(|input| input.contains_key("etag")) {
        input.remove("modified");
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(modified: &str, etag: Option<&str>) -> Input {
        Input {
            name: "partners.parquet".to_owned(),
            size: 1,
            modified: Some(modified.to_owned()),
            changed: None,
            etag: etag.map(str::to_owned),
            footer_hash: Some("hash".to_owned()),
            rows: Some(1),
        }
    }

    #[test]
    fn of_an_object_the_etag_decides_and_of_a_file_its_times_do() {
        assert!(input("then", Some("a")).is_version_of(&input("later", Some("a"))));
        assert!(!input("then", Some("a")).is_version_of(&input("then", Some("b"))));
        assert!(input("then", None).is_version_of(&input("then", None)));
        assert!(!input("then", None).is_version_of(&input("later", None)));
        assert!(!input("then", None).is_version_of(&input("then", Some("a"))));
        let longer = Input { size: 2, ..input("then", Some("a")) };
        assert!(!longer.is_version_of(&input("then", Some("a"))));
        let run = |input: Input| stable(serde_json::json!({ "version": "1", "inputs": [input] }));
        assert_eq!(run(input("then", Some("a"))), run(input("later", Some("a"))));
        assert_ne!(run(input("then", None)), run(input("later", None)));
    }
}
