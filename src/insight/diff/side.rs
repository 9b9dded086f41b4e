//! One of the runs that are compared: its scores, its measures, what it was made of.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::answer::RunName;
use crate::error::{Error, Result};
use crate::insight::published::{PointsRow, Published, ScoreRow};
use crate::publish::Input;

/// The columns that name a measure of a partner.
pub(super) const MEASURE: [&str; 4] = ["partner_id", "track", "metric", "option"];

/// A run, opened for a comparison.
pub(super) struct Side {
    pub published: Published,
}

impl Side {
    /// Opens a RUN.
    pub(super) fn open(path: &Path) -> Result<Side> {
        if path.is_file() {
            let error = Error::usage("a RUN is a folder, and this is a file").at(path.display());
            return Err(error.hint("name a published folder as_of=DATE, or the folder above it"));
        }
        let is_history = path.join("partners.parquet").exists() || path.join("partners").is_dir();
        match Published::open(path) {
            Err(error) if is_history => {
                Err(error.hint("this is a history: score it twice, and compare the two folders that are published"))
            }
            opened => opened.map(|published| Side { published }),
        }
    }

    /// How the answer names it.
    pub(super) fn name(&self) -> RunName {
        let run = &self.published.run;
        RunName {
            folder: self.published.place.display().to_string(),
            as_of: run.as_of,
            month: run.months.m,
            year_ago: run.months.p,
            rulebook: run.rulebook.id.clone(),
            rulebook_hash: run.rulebook.hash.clone(),
            evidence: self.has_evidence(),
        }
    }

    /// Whether it was published with evidence.
    pub(super) fn has_evidence(&self) -> bool {
        self.published.folder.join("evidence").is_dir()
    }

    /// Its scores.
    pub(super) fn scores(&self) -> Result<Vec<ScoreRow>> {
        self.published.scores().map_err(|error| self.placed(error))
    }

    /// The scores of some partners, by id.
    pub(super) fn scores_by_id(&self) -> Result<HashMap<String, ScoreRow>> {
        Ok(self.scores()?.into_iter().map(|score| (score.partner_id.clone(), score)).collect())
    }

    /// What some partners earn by each measure.
    pub(super) fn measures(&self, partner_ids: &[&str]) -> Result<HashMap<String, Vec<PointsRow>>> {
        let mut by_partner: HashMap<String, Vec<PointsRow>> = HashMap::new();
        for row in self.published.metric_points_of(partner_ids).map_err(|error| self.placed(error))? {
            by_partner.entry(row.partner_id.clone()).or_default().push(row);
        }
        Ok(by_partner)
    }

    /// The files of a table that it was made of, by name; what changes without the data is left out.
    pub(super) fn files(&self, table: &str) -> BTreeMap<&str, (Option<&str>, Option<u64>)> {
        let inputs = self.published.run.inputs.iter();
        let of_table = |input: &&Input| input.name.split(['/', '.']).next() == Some(table);
        inputs.filter(of_table).map(|input| (input.name.as_str(), (input.footer_hash.as_deref(), input.rows))).collect()
    }

    /// How many files of a table both have read that tell something else in the other.
    pub(super) fn restated(&self, other: &Side, table: &str) -> usize {
        let theirs = other.files(table);
        self.files(table).iter().filter(|(name, file)| theirs.get(*name).is_some_and(|now| now != *file)).count()
    }

    fn placed(&self, error: Error) -> Error {
        error.at(self.published.place.display()).hint("score again with this version")
    }
}
