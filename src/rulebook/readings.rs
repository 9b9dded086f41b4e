//! The readings that a rulebook offers beside those it takes, and the same rulebook with others taken.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Choices, Rulebook};
use crate::error::{Error, Result};

/// One reading of a choice that the programme's text leaves.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Reading {
    /// The choice's name in the rulebook.
    pub choice: String,
    pub reading: String,
}

/// A choice as every choice is written, whatever the type of its readings.
#[derive(Deserialize)]
struct Offered {
    reading: Value,
    readings: Vec<Value>,
}

impl Rulebook {
    /// Every reading that is offered and not taken, by choice, in the rulebook's order within each.
    pub fn other_readings(&self) -> Result<Vec<Reading>> {
        let choices: BTreeMap<String, Offered> =
            serde_json::from_value(written(&self.choices)?).map_err(|error| Error::internal(error.to_string()))?;
        let others = choices.into_iter().flat_map(|(choice, Offered { reading, readings })| {
            let others = readings.into_iter().filter(move |other| *other != reading);
            others.map(move |other| Reading { choice: choice.clone(), reading: text(&other) })
        });
        Ok(others.collect())
    }

    /// The same rules with other readings taken. They are no file's, so they have no hash.
    ///
    /// # Errors
    /// Usage where the rulebook offers no such reading.
    pub fn with_readings(&self, readings: &[Reading]) -> Result<Rulebook> {
        let mut choices = written(&self.choices)?;
        for reading in readings {
            take(&mut choices, reading)
                .ok_or_else(|| Error::usage(format!("rulebook `{}` offers no reading {reading}", self.id)))?;
        }
        let choices: Choices = serde_json::from_value(choices).map_err(|error| Error::internal(error.to_string()))?;
        Ok(Rulebook { choices, hash: String::new(), ..self.clone() })
    }
}

fn written(choices: &Choices) -> Result<Value> {
    serde_json::to_value(choices).map_err(|error| Error::internal(error.to_string()))
}

fn take(choices: &mut Value, reading: &Reading) -> Option<()> {
    let choice = choices.get_mut(&reading.choice)?;
    let value = choice.get("readings")?.as_array()?.iter().find(|value| text(value) == reading.reading)?.clone();
    *choice.get_mut("reading")? = value;
    Some(())
}

/// A reading's name; yes and no are written as in TOML.
fn text(reading: &Value) -> String {
    reading.as_str().map_or_else(|| reading.to_string(), str::to_owned)
}

impl fmt::Display for Reading {
    /// As a rulebook file has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.choice, self.reading)
    }
}
