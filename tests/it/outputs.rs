//! What is published: columns and types in order, metadata, permissions, `run.json`, and evidence that sums to points.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::baseline_history::{AS_OF, Placed, history};
use crate::command;
use crate::samples;

/// A Parquet file as one batch, read by the second implementation.
pub fn read(path: &Path) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).expect("a file")).expect("Parquet");
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().expect("a reader").map(|batch| batch.expect("a batch")).collect();
    arrow::compute::concat_batches(&schema, &batches).expect("one batch")
}

/// A text column.
pub fn texts(batch: &RecordBatch, name: &str) -> Vec<Option<String>> {
    let column = batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
    let column = arrow::compute::cast(column, &arrow::datatypes::DataType::Utf8).expect("text");
    column.as_string::<i32>().iter().map(|value| value.map(str::to_owned)).collect()
}

/// A column of whole numbers.
pub fn counts(batch: &RecordBatch, name: &str) -> Vec<Option<i64>> {
    let column = batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
    column.as_primitive::<Int64Type>().iter().collect()
}

fn columns(batch: &RecordBatch) -> Vec<(String, String)> {
    let typed = |field: &std::sync::Arc<arrow::datatypes::Field>| match field.data_type().to_string().as_str() {
        "LargeUtf8" | "Utf8View" | "Utf8" => "String".to_owned(),
        other => other.to_owned(),
    };
    batch.schema().fields().iter().map(|field| (field.name().clone(), typed(field))).collect()
}

fn expected(columns: &[(&str, &str)]) -> Vec<(String, String)> {
    columns
        .iter()
        .flat_map(|(names, dtype)| names.split_whitespace().map(|name| (name.to_owned(), (*dtype).to_owned())))
        .collect()
}

fn sample_with_evidence() -> (tempfile::TempDir, std::path::PathBuf) {
    let out = tempfile::tempdir().expect("a folder");
    command::score(&samples::dirty(), out.path(), AS_OF, &["--evidence"]).succeeds();
    let run = out.path().join(format!("as_of={AS_OF}"));
    (out, run)
}

#[test]
fn tables_have_their_columns_in_order() {
    let (_out, run) = sample_with_evidence();
    assert_eq!(
        columns(&read(&run.join("scores.parquet"))),
        expected(&[
            ("rank", "Int64"),
            ("partner_id partner_name distributor_id market", "String"),
            ("distributor_rank", "Int64"),
            ("track", "String"),
            ("qualified", "Boolean"),
            ("total_points net_customer_adds_points intermediate_certifications_points", "Float64"),
            ("advanced_certifications_points usage_growth_points deployments_points", "Float64"),
            ("enterprise_points smb_points points_short", "Float64"),
            ("metrics_short", "String"),
        ])
    );
    assert_eq!(
        columns(&read(&run.join("metric_points.parquet"))),
        expected(&[
            ("partner_id track metric option", "String"),
            ("current prior net target", "Int64"),
            ("points max_points", "Float64"),
            ("counted", "Boolean"),
        ])
    );
    assert_eq!(columns(&read(&run.join("rejects.parquet"))), expected(&[("table rule key reason", "String")]));
    assert_eq!(
        columns(&read(&run.join("evidence/part-00000.parquet"))),
        expected(&[
            ("partner_id track metric option tenant_id person_id workload", "String"),
            ("current prior", "Int64"),
            ("counted", "Boolean"),
            ("reason", "String"),
        ])
    );
}

#[test]
fn every_file_says_where_it_comes_from() {
    let (_out, run) = sample_with_evidence();
    for name in ["scores.parquet", "metric_points.parquet", "rejects.parquet", "evidence/part-00000.parquet"] {
        let builder =
            ParquetRecordBatchReaderBuilder::try_new(File::open(run.join(name)).expect("a file")).expect("Parquet");
        let metadata = builder.metadata().file_metadata().key_value_metadata().expect("metadata");
        let said: BTreeMap<_, _> =
            metadata.iter().map(|entry| (entry.key.as_str(), entry.value.as_deref().unwrap_or(""))).collect();
        assert_eq!(said["partnerscore.schema_version"], "1", "{name}");
        assert_eq!(said["partnerscore.rulebook_id"], "modern-work-2024", "{name}");
        assert_eq!(said["partnerscore.rulebook_hash"].len(), 64, "{name}");
        assert_eq!(said["partnerscore.as_of"], AS_OF, "{name}");
    }
}

/// Counted rows of evidence sum to `metric_points`, row by row, under every reading of every choice.
#[test]
fn evidence_sums_to_metric_points_under_every_reading() {
    let readings = [
        "",
        "seat_band largest_workload",
        "deployment_unit tenant_any_workload",
        "deployment_unit tenant_workload",
        "usage_baseline year_ago",
        "usage_baseline larger_of_both",
        "lost_tenants ignore",
        "smb_carry_over true",
    ];
    for reading in readings {
        let folder = tempfile::tempdir().expect("a folder");
        let rulebook = folder.path().join("rules.toml");
        fs::write(&rulebook, crate::rulebooks::with_reading(reading)).expect("a file");
        let rulebook = rulebook.to_string_lossy();
        let (with, without) = (folder.path().join("with"), folder.path().join("without"));
        command::score(&samples::dirty(), &with, AS_OF, &["--evidence", "--rulebook", &rulebook]).succeeds();
        command::score(&samples::dirty(), &without, AS_OF, &["--rulebook", &rulebook]).succeeds();
        let run = with.join(format!("as_of={AS_OF}"));
        assert_sums(&run, reading);
        for table in ["scores.parquet", "metric_points.parquet"] {
            let bytes = |out: &Path| fs::read(out.join(format!("as_of={AS_OF}")).join(table)).expect("a table");
            assert_eq!(bytes(&with), bytes(&without), "{table} under {reading}");
        }
    }
}

fn assert_sums(run: &Path, reading: &str) {
    let key = |batch: &RecordBatch| {
        let parts = ["partner_id", "track", "metric", "option"].map(|name| texts(batch, name));
        (0..batch.num_rows())
            .map(|row| parts.iter().map(|part| part[row].clone().expect("a key")).collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>()
    };
    let mut sums: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    let mut rows = 0;
    for file in fs::read_dir(run.join("evidence")).expect("evidence") {
        let batch = read(&file.expect("a file").path());
        let counted = batch.column_by_name("counted").expect("counted").as_boolean().clone();
        let (current, prior) = (counts(&batch, "current"), counts(&batch, "prior"));
        for (row, key) in key(&batch).into_iter().enumerate().filter(|(row, _)| counted.value(*row)) {
            let sum = sums.entry(key).or_default();
            sum.0 += current[row].expect("a number");
            sum.1 += prior[row].expect("a number");
            rows += 1;
        }
    }
    assert!(rows > 1000, "{rows} rows of evidence under {reading}");
    let points = read(&run.join("metric_points.parquet"));
    let (current, prior) = (counts(&points, "current"), counts(&points, "prior"));
    for (row, key) in key(&points).into_iter().enumerate() {
        let sum = sums.remove(&key).unwrap_or_default();
        assert_eq!((current[row], prior[row]), (Some(sum.0), Some(sum.1)), "{key} under {reading}");
    }
    assert!(sums.is_empty(), "evidence of nothing: {sums:?}");
}

#[test]
fn evidence_is_sorted_by_its_key() {
    let (_out, run) = sample_with_evidence();
    let batch = read(&run.join("evidence/part-00000.parquet"));
    let keys = ["partner_id", "tenant_id", "person_id", "workload"].map(|name| texts(&batch, name));
    let order =
        |values: &[Option<String>], row: usize| values[row].clone().map_or((1, String::new()), |value| (0, value));
    let partner_ids: Vec<_> = keys[0].iter().flatten().collect();
    assert!(partner_ids.is_sorted());
    let measure = ["track", "metric", "option"].map(|name| texts(&batch, name));
    for row in 1..batch.num_rows() {
        let same = |columns: &[Vec<Option<String>>]| columns.iter().all(|column| column[row] == column[row - 1]);
        if keys[0][row] == keys[0][row - 1] && same(&measure) {
            let key = |row| keys[1..].iter().map(|values| order(values, row)).collect::<Vec<_>>();
            assert!(key(row - 1) < key(row), "{:?} before {:?}", key(row - 1), key(row));
        }
    }
}

#[cfg(unix)]
#[test]
fn results_are_for_their_owner_unless_told_otherwise() {
    use std::os::unix::fs::PermissionsExt;
    for (more, file, folder) in
        [(&[][..], 0o600, 0o700), (&["--mode", "640"][..], 0o640, 0o750), (&["--mode", "644"][..], 0o644, 0o755)]
    {
        let placed = Placed::new(&history());
        placed.score(&[more, &["--evidence"]].concat()).succeeds();
        let bits = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
        assert_eq!(bits(&placed.out()), folder);
        assert_eq!(bits(&placed.run()), folder);
        assert_eq!(bits(&placed.run().join("evidence")), folder);
        for name in
            ["scores.parquet", "metric_points.parquet", "rejects.parquet", "run.json", "evidence/part-00000.parquet"]
        {
            assert_eq!(bits(&placed.run().join(name)), file, "{name}");
        }
    }
}

#[test]
fn run_json_tells_of_the_run() {
    let (_out, run) = sample_with_evidence();
    let json: serde_json::Value =
        serde_json::from_slice(&fs::read(run.join("run.json")).expect("run.json")).expect("JSON");
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(json["rulebook"]["id"], "modern-work-2024");
    assert_eq!(
        (&json["as_of"], &json["months"]["m"], &json["months"]["p"]),
        (&AS_OF.into(), &"2026-10-01".into(), &"2025-10-01".into())
    );
    let inputs: Vec<&str> = json["inputs"]
        .as_array()
        .expect("inputs")
        .iter()
        .map(|input| input["name"].as_str().expect("a name"))
        .collect();
    assert!(inputs.contains(&"workload_usage/month=2026-10-01/part-0.parquet"), "{inputs:?}");
    assert!(
        !inputs.iter().any(|name| name.contains("month=2025-09")),
        "only the months a score needs are read: {inputs:?}"
    );
    for input in json["inputs"].as_array().expect("inputs") {
        assert!(
            input["size"].as_u64() > Some(0)
                && input["modified"].is_string()
                && input["footer_hash"].as_str().map(str::len) == Some(64)
        );
    }
    let rejected: u64 =
        json["rejects"].as_array().expect("rejects").iter().map(|reject| reject["rows"].as_u64().expect("rows")).sum();
    assert_eq!(json["rows"]["rejects"].as_u64(), Some(rejected));
    assert_eq!(read(&run.join("rejects.parquet")).num_rows() as u64, rejected);
    assert_eq!(json["rows"]["scores"].as_u64(), Some(read(&run.join("scores.parquet")).num_rows() as u64));
    assert!(json["stages"].as_array().expect("stages").len() > 5);
    assert!(json["peak_memory_bytes"].as_u64() > Some(1_000_000) || !cfg!(target_os = "linux"));
    assert!(json["freshness"]["usage_as_promised"].as_bool() == Some(true), "{}", json["freshness"]);
}

#[test]
fn freshness_is_judged_on_both_sides_of_the_promise() {
    let promised = |as_of: &str| {
        let placed = Placed::new(&history());
        command::score(&placed.history(), &placed.out(), as_of, &[]).succeeds();
        let json = fs::read(placed.out().join(format!("as_of={as_of}/run.json"))).expect("run.json");
        let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        json["freshness"]["usage_as_promised"].as_bool().expect("a flag")
    };
    assert!(promised("2026-11-20"));
    assert!(promised("2026-12-19"));
    let mut late = history();
    late.certifications[0].earned_on = Some(crate::baseline_history::day("2026-11-13"));
    let fresh = |as_of: &str| {
        let placed = Placed::new(&late);
        command::score(&placed.history(), &placed.out(), as_of, &[]).succeeds();
        let json = fs::read(placed.out().join(format!("as_of={as_of}/run.json"))).expect("run.json");
        let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        json["freshness"]["certifications_as_promised"].as_bool()
    };
    assert_eq!(fresh("2026-11-23"), Some(true));
    // Nobody was certified in the days before, which does not make an export old.
    assert_eq!(fresh("2026-11-24"), None);
}

#[test]
fn points_are_the_nearest_float() {
    let (_out, run) = sample_with_evidence();
    let points = read(&run.join("metric_points.parquet"));
    let values = points.column_by_name("points").expect("points").as_primitive::<Float64Type>().clone();
    for value in values.iter().flatten() {
        assert_eq!(value, (value * 10_000.0).round() / 10_000.0);
    }
    assert!(values.null_count() == 0);
}
