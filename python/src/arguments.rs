//! What scores and questions are asked for, as the package hands it over.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use partnerscore::error::{Error, Result};
use partnerscore::month::Month;
use partnerscore::pipeline::Settings;
use partnerscore::rulebook::{Rulebook, When};
use pyo3::prelude::*;

use crate::errors::Worked;
use crate::histories::History;
use crate::rulebooks::{NativeRulebook, Rules};

/// A history, and the day and the rules that it is asked about. The package fills in every key.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Asked {
    history: History,
    as_of: Option<String>,
    month: Option<String>,
    rulebook: Rules,
    partners: Vec<String>,
    distributors: Vec<String>,
    shards: u16,
    evidence: bool,
    max_reject_ratio: Option<f64>,
    min_coverage: Option<f64>,
    max_unknown_ratio: Option<f64>,
    cache: Option<PathBuf>,
}

impl Asked {
    /// The day that is asked about.
    ///
    /// # Errors
    /// Usage where it is none, or where a month is named besides.
    pub fn when(&self) -> Result<When> {
        when(self.as_of.as_deref(), self.month.as_deref())
    }

    /// The day, such as `2026-11-23`, and the rules with their text.
    ///
    /// # Errors
    /// Usage where either is none that there is.
    pub fn settled(&self) -> Result<(String, NativeRulebook)> {
        let when = self.when()?;
        let rulebook = self.rulebook.chosen(when)?;
        Ok((rulebook.rules.as_of(when).to_string(), rulebook))
    }

    /// The settings; tables in memory are read.
    pub fn settings(self) -> Worked<Settings> {
        let rules = self.rulebook.choose(self.when()?)?;
        self.settings_by(rules)
    }

    /// The folder for what is brought from object stores, where one is named.
    pub fn cache(&self) -> Option<PathBuf> {
        self.cache.clone()
    }

    /// Whether a day or rules were named.
    pub fn names_day_or_rules(&self) -> bool {
        self.as_of.is_some() || self.month.is_some() || self.rulebook.are_named()
    }

    /// The folder, where the history is one.
    pub fn folder(&self) -> Option<&Path> {
        match &self.history {
            History::Folder(folder) => Some(folder),
            History::Tables(_) => None,
        }
    }

    fn settings_by(self, rules: Rulebook) -> Worked<Settings> {
        let as_of = rules.as_of(self.when()?);
        let ratios = [
            ("max_reject_ratio", self.max_reject_ratio),
            ("min_coverage", self.min_coverage),
            ("max_unknown_ratio", self.max_unknown_ratio),
        ];
        for (name, ratio) in ratios {
            if let Some(ratio) = ratio.filter(|ratio| !(0.0..=1.0).contains(ratio)) {
                return Err(Error::usage(format!("{name} is {ratio}")).hint("a share is a number from 0 to 1").into());
            }
        }
        if self.shards == 0 {
            return Err(Error::usage("there is no set of tenants to read").hint("shards is 1 or more").into());
        }
        let (max_reject_ratio, min_coverage) = (self.max_reject_ratio, self.min_coverage);
        let unless_given = Settings::new(self.history.source()?, as_of, rules);
        Ok(Settings {
            partners: self.partners,
            distributors: self.distributors,
            shards: self.shards.into(),
            evidence: self.evidence,
            max_reject_ratio: max_reject_ratio.unwrap_or(unless_given.max_reject_ratio),
            min_coverage: min_coverage.unwrap_or(unless_given.min_coverage),
            max_unknown_ratio: self.max_unknown_ratio.unwrap_or(unless_given.max_unknown_ratio),
            ..unless_given
        })
    }
}

fn when(as_of: Option<&str>, month: Option<&str>) -> Result<When> {
    let day = |text: &str| {
        let wrong = || Error::usage(format!("`{text}` is not a day")).hint("write it like 2026-11-23");
        text.parse::<NaiveDate>().map_err(|_| wrong())
    };
    match (as_of, month) {
        (Some(_), Some(_)) => {
            Err(Error::usage("as_of and month are both given").hint("a month stands for a day; give one"))
        }
        (day_of, month) => {
            let month = month.map(|text| text.parse::<Month>().map_err(Error::usage)).transpose()?;
            Ok(When::asked(day_of.map(day).transpose()?, month))
        }
    }
}
