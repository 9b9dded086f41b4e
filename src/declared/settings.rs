//! What overrides a pipeline file, and where each setting comes from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use super::file::{AsOf, Compare, Declared, LastMonth, Pipeline, Retention};
use crate::error::{Error, Result};
use crate::month::Month;
use crate::publish::Mode;
use crate::{rulebook, storage};

/// What overrides a pipeline file. Relative paths start at the working directory.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    pub history: Option<PathBuf>,
    pub output: Option<PathBuf>,
    pub as_of: Option<AsOf>,
    pub from: Option<Month>,
    pub to: Option<LastMonth>,
    pub rulebook: Option<String>,
    pub evidence: Option<bool>,
    pub shards: Option<u16>,
    pub max_reject_ratio: Option<f64>,
    pub min_coverage: Option<f64>,
    pub max_unknown_ratio: Option<f64>,
    pub max_fall_in_partners: Option<f64>,
    pub max_fall_in_mean_points: Option<f64>,
    pub strict: Option<bool>,
    pub mode: Option<Mode>,
    pub retention_runs: Option<u32>,
    pub prometheus: Option<PathBuf>,
    pub openlineage: Option<PathBuf>,
    pub namespace: Option<String>,
    /// Write every CSV file without formulas.
    pub csv_safe: bool,
    /// Where each of them was given, by the setting's key, such as `the variable PARTNERSCORE_SHARDS`.
    pub sources: BTreeMap<String, String>,
}

impl Overrides {
    /// Puts them in the place of what a file declares, and their sources in the place of its lines.
    ///
    /// # Errors
    /// Usage where a setting of one day meets a backfill, or one of a backfill meets a day.
    pub(super) fn apply(self, declared: &mut Declared, sources: &mut BTreeMap<String, String>) -> Result<()> {
        self.fit(declared)?;
        put(&mut declared.history, self.history);
        put(&mut declared.output, self.output);
        put(&mut declared.evidence, self.evidence);
        put(&mut declared.shards, self.shards);
        put(&mut declared.max_reject_ratio, self.max_reject_ratio);
        put(&mut declared.min_coverage, self.min_coverage);
        put(&mut declared.max_unknown_ratio, self.max_unknown_ratio);
        put(&mut declared.strict, self.strict);
        put(&mut declared.mode, self.mode);
        declared.as_of = self.as_of.or(declared.as_of);
        declared.rulebook = self.rulebook.or(declared.rulebook.take());
        declared.max_fall_in_partners = self.max_fall_in_partners.or(declared.max_fall_in_partners);
        declared.max_fall_in_mean_points = self.max_fall_in_mean_points.or(declared.max_fall_in_mean_points);
        declared.retention = self.retention_runs.map(|runs| Retention { runs }).or(declared.retention);
        if let Some(span) = &mut declared.backfill {
            put(&mut span.from, self.from);
            put(&mut span.to, self.to);
        }
        let telemetry = &mut declared.telemetry;
        telemetry.prometheus = self.prometheus.or(telemetry.prometheus.take());
        telemetry.openlineage = self.openlineage.or(telemetry.openlineage.take());
        telemetry.namespace = self.namespace.or(telemetry.namespace.take());
        if self.csv_safe {
            declared.comparisons.iter_mut().for_each(|comparison| comparison.csv_safe = true);
            declared.alerts.iter_mut().for_each(|alerts| alerts.csv_safe = true);
        }
        sources.extend(self.sources);
        Ok(())
    }

    fn fit(&self, declared: &Declared) -> Result<()> {
        let (is_backfill, span) = (declared.backfill.is_some(), self.from.is_some() || self.to.is_some());
        let refuse = |key: &str, what: &str, hint: &str| {
            let place = self.sources.get(key).cloned().unwrap_or_default();
            Err(Error::usage(what).at(place).hint(hint))
        };
        if is_backfill && self.as_of.is_some() {
            let what = "as_of is for one day, and this pipeline publishes every month of a span";
            return refuse("as_of", what, "leave it out, or give the months of the span");
        }
        if !is_backfill && span {
            let key = if self.from.is_some() { "backfill.from" } else { "backfill.to" };
            let what = "months of a span are for a backfill, and this pipeline scores one day";
            return refuse(key, what, "leave them out, or give the day");
        }
        Ok(())
    }
}

fn put<T>(setting: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *setting = value;
    }
}

/// A setting in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Setting {
    /// Its key, dotted where it stands in a table.
    pub key: String,
    /// Its value; None where it is not set.
    pub value: Option<String>,
    /// A line of the file, a flag, a variable, or `default`.
    pub source: String,
}

impl Pipeline {
    /// Every setting in force, with where it comes from.
    pub fn settings(&self) -> Vec<Setting> {
        let declared = &self.declared;
        let path = |path: &PathBuf| storage::redacted(&path.display().to_string());
        let mut values: Vec<(String, Option<String>)> = vec![
            ("history".to_owned(), Some(path(&declared.history))),
            ("output".to_owned(), Some(path(&declared.output))),
            ("as_of".to_owned(), declared.as_of.map(|as_of| as_of.to_string())),
            ("backfill.from".to_owned(), declared.backfill.map(|span| span.from.to_string())),
            ("backfill.to".to_owned(), declared.backfill.map(|span| span.to.to_string())),
            ("rulebook".to_owned(), Some(declared.rulebook.clone().unwrap_or_else(|| rulebook::DEFAULT.to_owned()))),
            ("evidence".to_owned(), Some(declared.evidence.to_string())),
            ("shards".to_owned(), Some(declared.shards.to_string())),
            ("max_reject_ratio".to_owned(), Some(declared.max_reject_ratio.to_string())),
            ("min_coverage".to_owned(), Some(declared.min_coverage.to_string())),
            ("max_unknown_ratio".to_owned(), Some(declared.max_unknown_ratio.to_string())),
            ("max_fall_in_partners".to_owned(), declared.max_fall_in_partners.map(|share| share.to_string())),
            ("max_fall_in_mean_points".to_owned(), declared.max_fall_in_mean_points.map(|points| points.to_string())),
            ("strict".to_owned(), Some(declared.strict.to_string())),
            ("mode".to_owned(), Some(format!("{:o}", declared.mode.0))),
            ("retention.runs".to_owned(), declared.retention.map(|retention| retention.runs.to_string())),
            ("alerts.file".to_owned(), declared.alerts.as_ref().map(|alerts| path(&alerts.file))),
            ("alerts.csv_safe".to_owned(), declared.alerts.as_ref().map(|alerts| alerts.csv_safe.to_string())),
            ("telemetry.prometheus".to_owned(), declared.telemetry.prometheus.as_ref().map(path)),
            ("telemetry.openlineage".to_owned(), declared.telemetry.openlineage.as_ref().map(path)),
            ("telemetry.namespace".to_owned(), declared.telemetry.namespace.clone()),
        ];
        for (number, report) in declared.reports.iter().enumerate() {
            let key = |name: &str| format!("reports.{}.{name}", number + 1);
            values.push((key("html"), report.html.as_ref().map(path)));
            values.push((key("xlsx"), report.xlsx.as_ref().map(path)));
            values.push((key("each"), report.each.as_ref().map(path)));
            values.push((key("distributor"), report.distributor.clone()));
            values.push((key("compare"), report.compare.as_ref().map(Compare::to_string)));
        }
        for (number, comparison) in declared.comparisons.iter().enumerate() {
            let key = |name: &str| format!("comparisons.{}.{name}", number + 1);
            values.push((key("compare"), Some(comparison.compare.to_string())));
            values.push((key("file"), Some(path(&comparison.file))));
            values.push((key("csv_safe"), comparison.csv_safe.then(|| true.to_string())));
        }
        values.into_iter().map(|(key, value)| Setting { source: self.source(&key), key, value }).collect()
    }

    /// Where a setting comes from; of a list of tables, where the list begins.
    pub(super) fn source(&self, key: &str) -> String {
        let list = key.split('.').next().unwrap_or_default();
        let of_list = || self.sources.get(list).filter(|_| ["reports", "comparisons"].contains(&list));
        self.sources.get(key).or_else(of_list).cloned().unwrap_or_else(|| "default".to_owned())
    }
}
