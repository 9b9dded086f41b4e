//! Reports of Partner Center that this designation does not use, as data: they are named and skipped.

use serde::Deserialize;

use super::report_kinds::{Name, comparable};
use crate::error::{Error, Result};
use crate::toml_file;

const FILE: &str = "not_used.toml";
const TEXT: &str = include_str!("../../data/reports/not_used.toml");

/// All of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnusedReports {
    /// Where their columns come from.
    pub source: String,
    pub reports: Vec<UnusedReport>,
}

/// A report that is not used.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnusedReport {
    /// Its name in findings, such as `azure_usage`.
    pub id: String,
    /// Its name in Partner Center.
    pub title: String,
    /// Names that a file of it may have. Small and capital letters, spaces, hyphens and underscores make no difference.
    pub names: Vec<Name>,
    /// Groups of columns: its header has one of each. None where its columns are not known.
    #[serde(default)]
    pub signature: Vec<Vec<Name>>,
}

impl UnusedReports {
    /// Those that the binary carries.
    ///
    /// # Errors
    /// Usage where the file is wrong, which a test excludes.
    pub fn builtin() -> Result<UnusedReports> {
        let reports: UnusedReports = toml_file::parse(TEXT, FILE, "see data/reports/not_used.toml")?;
        match reports.reports.iter().find(|report| report.names.is_empty()) {
            Some(report) => Err(Error::usage(format!("`{}` has no name", report.id)).at(FILE)),
            None => Ok(reports),
        }
    }

    /// The report whose signature a header has.
    pub(super) fn by_header(&self, has_column: impl Fn(&Name) -> bool) -> Option<&UnusedReport> {
        let has_all = |report: &&UnusedReport| {
            !report.signature.is_empty() && report.signature.iter().all(|group| group.iter().any(&has_column))
        };
        self.reports.iter().find(has_all)
    }

    /// The report that a file is named for.
    pub(super) fn by_file_name(&self, path: &str) -> Option<&UnusedReport> {
        let file = comparable(path.rsplit(['/', '\\']).next().unwrap_or(path));
        self.reports.iter().find(|report| report.names.iter().any(|name| file.contains(name.comparable())))
    }
}
