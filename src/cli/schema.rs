//! `partnerscore schema`: the JSON Schemas of what commands print with `--format json`.

use schemars::{JsonSchema, Schema, schema_for};

use super::printer;
use crate::declared::{Declared, PipelineStatus, RunPlan};
use crate::error::{Error, Result, nearest};
use crate::ingest::Ingestion;
use crate::insight::diff::Diff;
use crate::insight::{
    Alerts, Backfill, Explanation, Outlook, Plan, Plans, Reconciliation, RulebookComparison, Simulation,
};
use crate::rulebook::Change;

/// A command, and the schema of its answer.
type Entry = (&'static str, fn() -> Schema);

/// Every command that has one.
pub const SCHEMAS: &[Entry] = &[
    ("alerts", of::<Alerts>),
    ("backfill", of::<Backfill>),
    ("diff", of::<Diff>),
    ("explain", of::<Explanation>),
    ("ingest", of::<Ingestion>),
    ("outlook", of::<Outlook>),
    ("pipeline", of::<Declared>),
    ("pipeline status", of::<PipelineStatus>),
    ("plan", of::<Plan>),
    ("plan --all", of::<Plans>),
    ("reconcile", of::<Reconciliation>),
    ("rules diff", of::<Vec<Change>>),
    ("run --plan", of::<RunPlan>),
    ("simulate", of::<Simulation>),
    ("simulate --against", of::<RulebookComparison>),
];

fn of<T: JsonSchema>() -> Schema {
    schema_for!(T)
}

/// Prints the schema of a command's answer.
pub fn schema(command: &str) -> Result<()> {
    let Some((_, schema)) = SCHEMAS.iter().find(|(name, _)| *name == command) else {
        let known: Vec<&str> = SCHEMAS.iter().map(|(name, _)| *name).collect();
        let hint = nearest(command, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        return Err(Error::usage(format!("`{command}` prints no answer that has a schema"))
            .hint(hint.unwrap_or_else(|| format!("known: {}", known.join(", ")))));
    };
    let mut json = serde_json::to_vec_pretty(&schema()).map_err(|error| Error::internal(error.to_string()))?;
    json.push(b'\n');
    printer::write(&json)
}
