//! A run as events of OpenLineage, spec 2-0-2, one a line of a file: a START, and a COMPLETE or a FAIL.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::declared::file::Pipeline;
use crate::declared::status::{PipelineStatus, State};
use crate::error::{Error, Result};
use crate::insight::Published;
use crate::publish::{self, Input};
use crate::storage;

const SPEC: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";
const FACETS: &str = "https://openlineage.io/spec/facets";
/// Who says it, as the format wants it: a URI.
const PRODUCER: &str = concat!("https://crates.io/crates/partnerscore/", env!("CARGO_PKG_VERSION"));
/// The namespace of the job where none is declared.
const NAMESPACE: &str = "partnerscore";

/// A run that has begun.
pub(in crate::declared) struct Lineage {
    run_id: String,
    started_at: DateTime<Utc>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    event_type: &'static str,
    event_time: String,
    producer: &'static str,
    #[serde(rename = "schemaURL")]
    schema_url: &'static str,
    run: Value,
    job: Value,
    inputs: Vec<Value>,
    outputs: Vec<Value>,
}

impl Lineage {
    /// Tells that a run begins, where a file for it is declared.
    pub(in crate::declared) fn begin(pipeline: &Pipeline, started_at: DateTime<Utc>) -> Result<Lineage> {
        let lineage = Lineage { run_id: Uuid::now_v7().to_string(), started_at };
        let run = json!({"runId": lineage.run_id, "facets": {"nominalTime": lineage.nominal_time()}});
        append(pipeline, &event(pipeline, "START", started_at, run, Vec::new(), Vec::new()))?;
        Ok(lineage)
    }

    /// Tells how it ended, and what it read and made.
    pub(in crate::declared) fn end(
        self,
        pipeline: &Pipeline,
        status: &PipelineStatus,
        published: Option<&Published>,
    ) -> Result<()> {
        let mut facets = Map::new();
        facets.insert("nominalTime".to_owned(), self.nominal_time());
        if let Some(error) = &status.error {
            let message = json!({"message": error.what, "programmingLanguage": "Rust"});
            facets.insert("errorMessage".to_owned(), facet("1-0-1/ErrorMessageRunFacet.json", message));
        }
        let run = json!({"runId": self.run_id, "facets": facets});
        let kind = if status.state == State::Succeeded { "COMPLETE" } else { "FAIL" };
        let history = &pipeline.declared.history;
        let inputs = published.map(|published| inputs(history, &published.run.inputs)).unwrap_or_default();
        let outputs = published.map(outputs).unwrap_or_default();
        append(pipeline, &event(pipeline, kind, status.finished_at.unwrap_or_else(Utc::now), run, inputs, outputs))
    }

    fn nominal_time(&self) -> Value {
        facet("1-0-1/NominalTimeRunFacet.json", json!({"nominalStartTime": time(self.started_at)}))
    }
}

fn event(
    pipeline: &Pipeline,
    event_type: &'static str,
    at: DateTime<Utc>,
    run: Value,
    inputs: Vec<Value>,
    outputs: Vec<Value>,
) -> Event {
    let namespace = pipeline.declared.telemetry.namespace.as_deref().unwrap_or(NAMESPACE);
    let kind = json!({"processingType": "BATCH", "integration": "PARTNERSCORE", "jobType": "JOB"});
    let facets = json!({"jobType": facet("2-0-4/JobTypeJobFacet.json", kind)});
    let job = json!({"namespace": namespace, "name": pipeline.name, "facets": facets});
    let (event_time, producer, schema_url) = (time(at), PRODUCER, SPEC);
    Event { event_type, event_time, producer, schema_url, run, job, inputs, outputs }
}

/// The tables that were read, each with its rows, bytes and files.
fn inputs(history: &Path, files: &[Input]) -> Vec<Value> {
    let mut tables: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
    for file in files {
        let table = file.name.split('/').next().unwrap_or_default().trim_end_matches(".parquet");
        let (rows, size, count) = tables.entry(table).or_default();
        (*rows, *size, *count) = (*rows + file.rows.unwrap_or_default(), *size + file.size, *count + 1);
    }
    let tables = tables.into_iter().map(|(table, (rows, size, files))| {
        let statistics = json!({"rowCount": rows, "size": size, "fileCount": files});
        let facets = json!({"inputStatistics": facet("1-0-0/InputStatisticsInputDatasetFacet.json", statistics)});
        dataset(&history.join(table), "inputFacets", facets)
    });
    tables.collect()
}

/// The tables that stand published.
fn outputs(published: &Published) -> Vec<Value> {
    let rows = &published.run.rows;
    let tables = [
        ("scores.parquet", Some(rows.scores)),
        ("metric_points.parquet", Some(rows.metric_points)),
        ("evidence", rows.evidence),
        ("rejects.parquet", Some(rows.rejects)),
    ];
    let tables = tables.into_iter().filter_map(|(table, rows)| {
        let statistics = json!({"rowCount": rows?});
        let facets = json!({"outputStatistics": facet("1-0-2/OutputStatisticsOutputDatasetFacet.json", statistics)});
        Some(dataset(&published.place.join(table), "outputFacets", facets))
    });
    tables.collect()
}

fn dataset(path: &Path, facets_key: &str, facets: Value) -> Value {
    let (namespace, name) = named(path);
    json!({"namespace": namespace, "name": name, facets_key: facets})
}

/// How lineage names a path: of a URL, the container and the path within.
fn named(path: &Path) -> (String, String) {
    let text = path.display().to_string();
    let within = text.find("://").and_then(|mark| text.get(mark + 3..)?.find('/').map(|slash| mark + 3 + slash));
    match within.filter(|_| storage::is_url(path)).and_then(|slash| text.split_at_checked(slash)) {
        Some((namespace, name)) => (namespace.to_owned(), name.trim_start_matches('/').to_owned()),
        None => {
            let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            ("file".to_owned(), whole.display().to_string())
        }
    }
}

fn facet(schema: &str, mut content: Value) -> Value {
    if let Some(object) = content.as_object_mut() {
        object.insert("_producer".to_owned(), PRODUCER.into());
        object.insert("_schemaURL".to_owned(), format!("{FACETS}/{schema}").into());
    }
    content
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Adds a line to the file, in one write.
fn append(pipeline: &Pipeline, event: &Event) -> Result<()> {
    let Some(path) = &pipeline.declared.telemetry.openlineage else { return Ok(()) };
    let mut line = serde_json::to_vec(event).map_err(|error| Error::internal(error.to_string()))?;
    line.push(b'\n');
    super::make_room(path, pipeline.declared.mode)?;
    publish::append_line(path, &line, pipeline.declared.mode)
}
