//! The same rows give the same bytes, however they lie on disk and however they are read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::datatypes::DataType;

use crate::baseline_history::{AS_OF, Placed, history};
use crate::command;
use crate::fixture::{self, Layout};
use crate::samples;
use crate::second_reading::History;

/// What a run of a history with more arguments publishes.
fn bytes(history: &Path, more: &[&str]) -> BTreeMap<PathBuf, Vec<u8>> {
    let out = tempfile::tempdir().expect("a folder");
    command::score(history, out.path(), AS_OF, more).succeeds();
    fixture::published(&out.path().join(format!("as_of={AS_OF}")))
}

/// The dirty sample, read back into rows: every awkward case and every rejected row.
fn dirty_rows() -> History {
    samples::rows(&samples::dirty())
}

#[test]
fn threads_and_shards_do_not_change_a_byte() {
    let sample = samples::dirty();
    let whole = bytes(&sample, &["--evidence"]);
    assert!(whole.len() >= 4, "{:?}", whole.keys());
    for more in [["--shards", "7"], ["--threads", "1"]] {
        assert_eq!(bytes(&sample, &[more.as_slice(), &["--evidence"]].concat()), whole, "{more:?}");
    }
    let without = bytes(&sample, &["--shards", "3"]);
    for (name, content) in &without {
        assert_eq!(Some(content), whole.get(name), "{} is the same without evidence", name.display());
    }
}

#[test]
fn order_files_types_and_columns_do_not_change_a_byte() {
    let rows = dirty_rows();
    let whole = bytes(&Placed::new(&rows).history(), &["--evidence"]);
    let default = Layout::default;
    for layout in [
        Layout { shuffled: Some(7), ..default() },
        Layout { files: 8, shuffled: Some(8), ..default() },
        Layout { hive: false, ..default() },
        Layout { hive: false, files: 200, shuffled: Some(9), ..default() },
        Layout { counts: DataType::UInt64, text: DataType::LargeUtf8, extras: true, ..default() },
        Layout { counts: DataType::Int64, text: DataType::Utf8View, files: 2, extras: true, ..default() },
        Layout { text: DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)), ..default() },
    ] {
        let placed = Placed::laid_out(&rows, &layout);
        assert_eq!(bytes(&placed.history(), &["--evidence"]), whole, "{layout:?}");
    }
}

#[test]
fn small_counts_and_missing_optional_columns_are_read() {
    let rows = history();
    let whole = bytes(&Placed::new(&rows).history(), &[]);
    for counts in [DataType::Int16, DataType::UInt16, DataType::UInt32, DataType::Int64, DataType::UInt64] {
        let layout = Layout { counts, drop_optional: true, ..Layout::default() };
        assert_eq!(bytes(&Placed::laid_out(&rows, &layout).history(), &[]), whole, "{layout:?}");
    }
}

#[test]
fn files_of_different_types_and_columns_stand_side_by_side() {
    let rows = history();
    let placed = Placed::laid_out(&rows, &Layout { files: 2, ..Layout::default() });
    let whole = bytes(&placed.history(), &[]);
    let dealt: Vec<_> = rows.associations.iter().skip(1).step_by(2).cloned().collect();
    let other = Layout { extras: true, drop_optional: true, ..Layout::default() };
    fixture::write_file(&placed.history().join("associations/part-1.parquet"), fixture::associations(&dealt), &other);
    let month = crate::baseline_history::day("2026-10-01");
    let october: Vec<_> = rows.workload_usage.iter().filter(|row| row.month == Some(month)).cloned().collect();
    let dealt: Vec<_> = october.iter().skip(1).step_by(2).cloned().collect();
    let wide = Layout { counts: DataType::UInt64, extras: true, ..Layout::default() };
    let file = placed.history().join("workload_usage/month=2026-10-01/part-1.parquet");
    fixture::write_file(&file, fixture::usage(&dealt, false), &wide);
    assert_eq!(bytes(&placed.history(), &[]), whole);
}

#[test]
fn hidden_files_and_other_files_are_skipped() {
    let placed = Placed::laid_out(&history(), &Layout { files: 2, ..Layout::default() });
    let whole = bytes(&placed.history(), &[]);
    let month = placed.history().join("workload_usage/month=2026-10-01");
    for name in ["_SUCCESS", ".part-0.parquet.crc", "_part-9.parquet", "notes.txt"] {
        std::fs::write(month.join(name), "not Parquet").expect("a file");
    }
    std::fs::create_dir(month.join("_temporary")).expect("a folder");
    std::fs::write(month.join("_temporary/part-0.parquet"), "not Parquet").expect("a file");
    assert_eq!(bytes(&placed.history(), &[]), whole);
}

#[test]
fn any_table_may_lie_in_hive_partitions() {
    let rows = history();
    let whole = bytes(&Placed::new(&rows).history(), &[]);
    let placed = Placed::new(&rows);
    std::fs::remove_file(placed.history().join("associations.parquet")).expect("removed");
    for association_type in ["CPOR", "DPOR", "CSP_TIER_1"] {
        let folder = placed.history().join(format!("associations/association_type={association_type}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        let theirs = rows.associations.iter().filter(|row| row.association_type.as_deref() == Some(association_type));
        let mut columns = fixture::associations(&theirs.cloned().collect::<Vec<_>>());
        columns.retain(|(name, _)| *name != "association_type");
        fixture::write_file(&folder.join("part-0.parquet"), columns, &Layout::default());
    }
    assert_eq!(bytes(&placed.history(), &[]), whole);
}

#[test]
fn a_repeat_changes_nothing() {
    let placed = Placed::new(&history());
    placed.score(&["--evidence"]).succeeds();
    let stamps = |placed: &Placed| {
        let files = std::fs::read_dir(placed.run()).expect("a folder").flatten();
        let mut stamps: Vec<_> = files
            .map(|entry| (entry.file_name(), entry.metadata().expect("metadata").modified().expect("a time")))
            .collect();
        stamps.sort();
        stamps
    };
    let before = stamps(&placed);
    let said = placed.score(&["--evidence"]);
    assert!(said.succeeds().stderr.contains("unchanged"), "{}", said.stderr);
    assert_eq!(stamps(&placed), before);
}
