//! What moves cost: weights that users change.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::insight::change::option_of;
use crate::rulebook::Rulebook;
use crate::toml_file;

/// The weights of a plan that names no file.
const DEFAULT: &str = include_str!("../../../data/effort.toml");
/// What helps with a file that is wrong.
const HINT: &str = "data/effort.toml is a complete one";
/// Beyond this a sum of efforts could leave 64 bits.
const LARGEST: i64 = 1_000_000;

/// Effort of each kind of move, in whole units of the user's choosing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effort {
    /// For each person.
    pub certify_intermediate: i64,
    pub certify_advanced: i64,
    /// For each association filed, by option; options that are absent are not proposed.
    pub associate: BTreeMap<String, i64>,
    /// Once for each tenant whose seats or users are raised.
    pub tenant: i64,
    pub paid_seat: i64,
    pub active_user: i64,
}

impl Effort {
    /// Reads a file of weights; the default where none is named.
    ///
    /// # Errors
    /// Usage where the file is missing or wrong, with its line.
    pub fn read(path: Option<&Path>) -> Result<Effort> {
        let Some(path) = path else { return Effort::parse(DEFAULT, "data/effort.toml") };
        let text = toml_file::read(path, "efforts", HINT)?;
        Effort::parse(&text, &path.display().to_string())
    }

    /// Refuses weights of options that a rulebook does not have, which would never be proposed.
    ///
    /// # Errors
    /// Usage, with the nearest option.
    pub fn require_options(&self, rules: &Rulebook, path: &Path) -> Result<()> {
        self.require_options_of(rules, &std::fs::read_to_string(path).unwrap_or_default(), &path.display().to_string())
    }

    /// The same of weights that were parsed; `place` names their text in errors.
    pub fn require_options_of(&self, rules: &Rulebook, text: &str, place: &str) -> Result<()> {
        let line = |option: &str| toml_file::line_of_key(text, &format!("associate.{option}"));
        self.associate.keys().try_for_each(|option| {
            let known = option_of(rules, option, None).map(|_| ());
            known.map_err(|error| error.at(format!("{place}:{}", line(option))))
        })
    }

    /// Parses weights; `place` names their text in errors.
    ///
    /// # Errors
    /// Usage, with the line.
    pub fn parse(text: &str, place: &str) -> Result<Effort> {
        let effort: Effort = toml_file::parse(text, place, HINT)?;
        let weights = [
            ("certify_intermediate", effort.certify_intermediate),
            ("certify_advanced", effort.certify_advanced),
            ("tenant", effort.tenant),
            ("paid_seat", effort.paid_seat),
            ("active_user", effort.active_user),
        ];
        let weights = weights.into_iter().map(|(name, weight)| (name.to_owned(), weight));
        let options = effort.associate.iter().map(|(option, weight)| (format!("associate.{option}"), *weight));
        if let Some((name, _)) = weights.chain(options).find(|(_, weight)| !(0..=LARGEST).contains(weight)) {
            let place = format!("{place}:{}", toml_file::line_of_key(text, &name));
            return Err(Error::usage(format!("{name} is out of range")).at(place).hint(format!("use 0 to {LARGEST}")));
        }
        Ok(effort)
    }
}
